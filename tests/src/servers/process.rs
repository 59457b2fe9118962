//! A server's process: started, waited for, stopped when dropped, with everything it prints in a file.

use anyhow::{Context, bail};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens. Canaille needs four seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens on at this moment.
///
/// # Errors
/// When loopback has none left.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A request as a server's own access log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The status that it was answered with.
    pub status: u16,
}

impl Logged {
    /// Reads a line such as `127.0.0.1 - - [date] "GET /v2/Users HTTP/1.1" 200 139`, which all of the servers
    /// write in one way or another. Canaille sometimes writes a first line before it has a status; that one
    /// does not count.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once('"')?;
        let (request, rest) = rest.split_once('"')?;
        let mut words = request.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let status = rest.split_whitespace().next()?.parse().ok()?;
        target.starts_with('/').then(|| Self { method: method.to_owned(), target: target.to_owned(), status })
    }
}

/// A process that listens on a port of loopback. It is killed when this is dropped.
pub struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Process {
    /// Starts a command and waits until somebody listens on the port. What it prints goes into `log`.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not listen within a minute; with what it printed.
    pub fn start(name: &'static str, command: &mut Command, port: u16, log: PathBuf) -> anyhow::Result<Self> {
        let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let mut process = Self { child, name, log };
        process.wait_for(port)?;
        Ok(process)
    }

    fn wait_for(&mut self, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // Asked first: if it has ended, whoever listens on the port is somebody else.
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}; it printed:\n{}", self.name, self.printed()?);
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "{} does not listen on port {port} after {PATIENCE:?}; it printed:\n{}",
            self.name,
            self.printed()?
        )
    }

    /// Everything it has printed so far.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn printed(&self) -> anyhow::Result<String> {
        let bytes = std::fs::read(&self.log).with_context(|| {
            format!("the log of {} cannot be read from {}", self.name, self.log.display())
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The requests it says it has answered, in the order of its log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn answered(&self) -> anyhow::Result<Vec<Logged>> {
        Ok(self.printed()?.lines().filter_map(Logged::parse).collect())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_logs_of_all_three_servers_are_understood() {
        let read = |line: &str| Logged::parse(line).map(|l| (l.method, l.target, l.status));
        let users = |method: &str, target: &str, status| Some((method.to_owned(), target.to_owned(), status));
        assert_eq!(
            read(r#"127.0.0.1 - - [22/Nov/2026 01:19:17] "POST /v2/Users HTTP/1.1" 415 137"#),
            users("POST", "/v2/Users", 415)
        );
        assert_eq!(
            read(r#""GET /scim/v2/Users?count=0 HTTP/1.1" 200"#),
            users("GET", "/scim/v2/Users?count=0", 200)
        );
        let canaille = r#"[2026-11-22 01:16:31 +0000] [3970] [INFO] 127.0.0.1:47484 - - [22/Nov/2026:01:16:31 +0000] "GET /scim/v2/Users 1.1" 200 99 "-" "curl/7.88.1""#;
        assert_eq!(read(canaille), users("GET", "/scim/v2/Users", 200));
        assert_eq!(read(&canaille.replace("200 99", "- -")), None, "not answered yet");
        assert_eq!(read(r#"WARNING: the "SERVER_NAME" parameter"#), None);
    }

    #[test]
    fn a_server_that_ends_at_once_is_reported_with_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such port; exit 3"]);
        let log = folder.path().join("log");
        let error = Process::start("a server", &mut command, free_port().unwrap(), log).err().unwrap();
        let said = error.to_string();
        assert!(said.contains("no such port") && said.contains("exit status: 3"), "{said}");
    }
}
