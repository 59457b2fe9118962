//! `sandbox`: a SCIM service provider in memory, until somebody presses Ctrl-C.

use crate::args::{Common, Output, SandboxArgs};
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_sandbox::{Sandbox, SandboxOptions};
use serde_json::json;

pub(super) async fn run(common: &Common, args: &SandboxArgs) -> anyhow::Result<Exit> {
    let options = SandboxOptions {
        address: args.address,
        bearer_token: args.token.clone().filter(|token| !token.is_empty()).map(Into::into),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await?;
    match common.output {
        Output::Human => {
            out(&format!("A SCIM service provider in memory listens on {}", sandbox.base_url()));
            out("It forgets everything when it stops. Press Ctrl-C to stop it.");
        }
        Output::Json => {
            out(&json!({ "event": "listening", "base_url": sandbox.base_url().as_str() }).to_string());
        }
    }
    interrupted().await?;
    sandbox.shutdown().await;
    Ok(Exit::Success)
}

/// Waits for Ctrl-C or, on Unix, for a polite kill.
async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => outcome,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
