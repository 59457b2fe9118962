//! Runs other people's programs: for a bounded time, with what they print caught and bounded.

use crate::error::ToolchainError;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How much of what a program prints is kept. cargo tells of each crate it has built, in JSON.
const KEPT: usize = 16 << 20;
/// How long to wait for the rest of the output of a program that has ended: its children may hold the pipe.
const REST: Duration = Duration::from_secs(2);

/// What a program printed, and whether it was content.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program to run.
pub(crate) struct Program<'a> {
    /// Its name, for errors.
    pub(crate) tool: &'a str,
    /// How long it may take.
    pub(crate) limit: Duration,
    /// What is to blame, most likely, if it takes longer.
    pub(crate) hint: &'a str,
}

impl Program<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, or does not end in time. That it fails is no error here.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Printed, ToolchainError> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ToolchainError::io(command.get_program().as_ref()))?;
        let stdout = catch(child.stdout.take());
        let stderr = catch(child.stderr.take());
        let success = self.wait(&mut child)?;
        let text = |output: Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&output.recv_timeout(REST).unwrap_or_default()).into_owned()
        };
        Ok(Printed { success, stdout: text(stdout), stderr: text(stderr) })
    }

    fn wait(&self, child: &mut Child) -> Result<bool, ToolchainError> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            let ended = child.try_wait().map_err(ToolchainError::io(self.tool.as_ref()))?;
            if let Some(status) = ended {
                return Ok(status.success());
            }
            if begun.elapsed() > self.limit {
                let _ = child.kill();
                let _ = child.wait();
                return Err(ToolchainError::TookTooLong {
                    tool: self.tool.to_owned(),
                    limit: self.limit,
                    hint: self.hint.to_owned(),
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// Reads a pipe to its end on a thread of its own, and keeps the beginning.
fn catch(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut chunk = [0; 8192];
        let Some(mut pipe) = pipe else { return };
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            let room = KEPT.saturating_sub(kept.len());
            kept.extend(chunk.iter().take(length.min(room)));
        }
        // Nobody waits any more where the program was stopped.
        let _ = send.send(kept);
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Printed, ToolchainError> {
        let program = Program { tool: "sh", limit, hint: "it sleeps" };
        program.run(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn what_a_program_prints_is_caught_and_its_failure_is_told() {
        let printed = shell("echo out; echo err >&2; exit 3", Duration::from_secs(10)).unwrap();
        assert_eq!((printed.success, &*printed.stdout, &*printed.stderr), (false, "out\n", "err\n"));
    }

    #[test]
    fn a_program_that_prints_more_than_a_pipe_holds_comes_to_its_end() {
        let printed = shell("head -c 300000 /dev/zero", Duration::from_secs(10)).unwrap();
        assert_eq!(printed.stdout.len(), 300_000);
    }

    #[test]
    fn a_program_that_does_not_end_is_stopped() {
        let begun = Instant::now();
        let error = shell("exec sleep 60", Duration::from_millis(100)).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert!(error.to_string().contains("was stopped: it sleeps"), "{error}");
    }
}
