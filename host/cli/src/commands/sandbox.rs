//! `sandbox`: a SCIM service provider in memory, until somebody presses Ctrl-C.

use crate::args::{Common, Output, SandboxArgs, SandboxPaging};
use crate::config::provider::profile;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_sandbox::{Capabilities, PagingMethods, Plays, Sandbox, SandboxOptions};
use serde_json::json;
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) async fn run(common: &Common, args: &SandboxArgs) -> anyhow::Result<Exit> {
    let options = SandboxOptions {
        address: args.address,
        bearer_token: args.token.clone().filter(|token| !token.is_empty()).map(Into::into),
        paging: paging(args.paging),
        capabilities: Capabilities { bulk: !args.no_bulk, ..Capabilities::default() },
        latency: Duration::from_millis(args.latency),
        plays: args.profile.as_deref().map(|name| played(common, name)).transpose()?,
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await?;
    match common.output {
        Output::Human => {
            out(&format!("A SCIM service provider in memory listens on {}", sandbox.base_url()));
            if let Some(name) = &args.profile {
                out(&format!("It plays `{name}`, and holds clients to its ways."));
            }
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

/// The provider to be played.
fn played(common: &Common, name: &str) -> anyhow::Result<Plays> {
    Ok(Plays::of(&profile::named(name, &common.config)?))
}

fn paging(paging: SandboxPaging) -> PagingMethods {
    // Long enough for somebody who types.
    let seconds = NonZeroU32::MIN.saturating_add(599);
    match paging {
        SandboxPaging::Index => PagingMethods::Index,
        SandboxPaging::Cursor => PagingMethods::Cursor { seconds },
        SandboxPaging::Both => PagingMethods::Both { seconds },
    }
}

/// Waits for Ctrl-C or, on Unix, for a polite kill or the end of the terminal.
pub(super) async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => outcome,
            _ = terminate.recv() => Ok(()),
            _ = hang_up.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
