//! The provider of the benchmark: this program again, in a process of its own, as the sandbox.

use anyhow::{Context, ensure};
use scimwright_sandbox::{Sandbox, SandboxOptions};
use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use url::Url;

/// What this program is told to be the sandbox.
pub(crate) const COMMAND: &str = "sandbox";

/// The token that requests carry; as long as real ones often are.
pub(crate) const TOKEN: &str = "3f9c1d7e5b8a42c6906de1f7a8b35c42";

/// Serves until standard input ends, which it does with the process that started this one.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let options = SandboxOptions { bearer_token: Some(TOKEN.into()), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await?;
    println!("{}", sandbox.base_url());
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin().lock(), &mut io::sink())).await??;
    Ok(())
}

/// A sandbox that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct SandboxProcess {
    child: Child,
    pub(crate) base_url: Url,
}

impl SandboxProcess {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the sandbox cannot be started")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the sandbox has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the sandbox ended before it said where it listens");
        Ok(Self { child, base_url: line.trim().parse()? })
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
