//! The `scimwright` binary, run as a person would run it, and what it prints.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The binary, in the build folder that this program came from.
///
/// # Errors
/// When it has not been built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let found = this.ancestors().map(|folder| folder.join("scimwright")).find(|path| path.is_file());
    found.context("the scimwright binary is not built; run `cargo build` first")
}

/// A configuration folder to run the tool in.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder.
    pub folder: PathBuf,
    binary: PathBuf,
}

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
pub struct Printed {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Printed {
    /// The last line, which `--output json` makes a summary.
    ///
    /// # Errors
    /// When the last line is not JSON.
    pub fn summary(&self) -> anyhow::Result<Value> {
        let line =
            self.stdout.lines().last().with_context(|| format!("nothing was printed: {}", self.stderr))?;
        serde_json::from_str(line).with_context(|| format!("the last line is no summary: {line}"))
    }

    /// All lines of `--output json` that are events of this kind.
    ///
    /// # Errors
    /// When a line is not JSON.
    pub fn events(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        let events = self.stdout.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        Ok(events.into_iter().filter(|event| event["event"] == kind).collect())
    }
}

impl Workspace {
    /// Uses a folder that exists.
    ///
    /// # Errors
    /// When the binary has not been built.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { folder: folder.to_owned(), binary: binary()? })
    }

    /// The command, ready to be run in the folder, with the token in its environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.folder).args(arguments);
        // Where every command would look by itself, so that printed commands need not name the folder.
        command.env("SCIMWRIGHT_CONFIG", &self.folder);
        command.env("SCIM_TOKEN", crate::servers::TOKEN).env_remove("SCIMWRIGHT_LOG").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Printed> {
        let Output { status, stdout, stderr } = self.command(arguments).output()?;
        Ok(Printed {
            code: status.code(),
            stdout: String::from_utf8(stdout)?,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// Runs a command with `--output json` and returns its summary, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or prints no summary.
    pub fn summary(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        self.run(&[&["--output", "json"], arguments].concat())?.summary()
    }

    /// Starts a command whose output nobody reads.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        Ok(self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Puts a guest module into the folder.
    ///
    /// # Errors
    /// When the guests have not been built.
    pub fn add_module(&self, name: &str) -> anyhow::Result<()> {
        let modules = self.folder.join("modules");
        std::fs::create_dir_all(&modules)?;
        let file = format!("{name}.wasm");
        let built = root().join("target").join("guests").join("modules").join(&file);
        ensure!(built.is_file(), "{} is missing; `cargo xtask guests` builds it", built.display());
        std::fs::copy(&built, modules.join(file))?;
        Ok(())
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.folder.join(name), text).with_context(|| format!("{name} cannot be written"))
    }
}

/// A running `scimwright sandbox`, stopped when it is dropped.
pub struct SandboxProcess {
    child: Child,
    /// Where its SCIM endpoints are.
    pub base_url: String,
}

impl SandboxProcess {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        Self::start_with(workspace, &[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start_with(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start_at(workspace, 0, arguments)
    }

    /// The same on this port.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start_at(workspace: &Workspace, port: u16, arguments: &[&str]) -> anyhow::Result<Self> {
        use std::io::{BufRead, BufReader};
        let address = format!("127.0.0.1:{port}");
        let sandbox = ["--output", "json", "sandbox", "--address", &address];
        let mut child = workspace
            .command(&[&sandbox, arguments].concat())
            .env("SCIMWRIGHT_SANDBOX_TOKEN", crate::servers::TOKEN)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("the sandbox has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let listening: Value =
            serde_json::from_str(&line).with_context(|| format!("the sandbox said {line:?}"))?;
        let base_url =
            listening["base_url"].as_str().context("the sandbox did not say where it is")?.to_owned();
        Ok(Self { child, base_url })
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
