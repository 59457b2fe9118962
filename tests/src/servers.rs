//! Real service providers that others wrote, installed into `target/` and started on loopback.
//!
//! A server that is not installed is an error where `CI` is set, and a visible skip elsewhere: `cargo xtask
//! test` installs them.

use anyhow::{Context, bail, ensure};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The Python packages that are installed, with the versions that were tried.
const PYTHON_PACKAGES: &[&str] = &["scim2-server[cursor]==0.8.3", "scim2-cli==0.6.0"];

/// The token that test servers are started with.
pub const TOKEN: &str = "a-token-for-tests-only";

/// Where the servers are installed: below the workspace's target folder.
#[must_use]
pub fn folder(root: &Path) -> PathBuf {
    root.join("target").join("test-servers")
}

/// Installs the servers, unless they are there in these versions already. Says what it does.
///
/// # Errors
/// When Python or pip is missing, or a package cannot be had.
pub fn install(root: &Path, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
    let folder = folder(root);
    let stamp = folder.join("installed.txt");
    let wanted = PYTHON_PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say("test servers: installed already");
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let venv = folder.join("venv");
    say(&format!("test servers: making a Python environment in {}", venv.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).context(
        "a Python environment cannot be made; on Debian, `apt-get install python3-venv` brings what is missing",
    )?;
    say(&format!("test servers: installing {} with pip", PYTHON_PACKAGES.join(", ")));
    let pip = venv.join("bin").join("pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(PYTHON_PACKAGES))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// The path of an installed program, or `None` after saying that its tests are skipped.
///
/// # Panics
/// Where `CI` is set and the program is missing: there, nothing may be skipped.
#[must_use]
pub fn installed(root: &Path, program: &str) -> Option<PathBuf> {
    let path = folder(root).join("venv").join("bin").join(program);
    if path.is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{program} is not installed at {}; `cargo xtask test` installs it",
        path.display()
    );
    None
}

/// A port that nobody listens on at this moment.
///
/// # Errors
/// When loopback has none left.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A running `scim2-server`, stopped when it is dropped.
pub struct Scim2Server {
    child: Child,
    /// Where its SCIM endpoints are.
    pub base_url: String,
    access_log: PathBuf,
}

impl Scim2Server {
    /// Starts one, in memory, with an empty store. Its access log goes into `folder`.
    ///
    /// # Errors
    /// When it does not listen within half a minute.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let access_log = folder.join("access.log");
        let log = File::create(&access_log)?;
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bearer-token", TOKEN])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut server = Self { child, base_url: format!("http://127.0.0.1:{port}/v2"), access_log };
        server.wait_for(port)?;
        Ok(server)
    }

    fn wait_for(&mut self, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("scim2-server ended with {status}: {}", self.log_text()?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("scim2-server does not listen: {}", self.log_text()?)
    }

    fn log_text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        File::open(&self.access_log)?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// How many requests of a method the server has answered, by its own access log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self, method: &str) -> anyhow::Result<usize> {
        let needle = format!("\"{method} /");
        Ok(self.log_text()?.lines().filter(|line| line.contains(&needle)).count())
    }

    /// How many requests that may change something the server has answered.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn writes(&self) -> anyhow::Result<usize> {
        ["POST", "PUT", "PATCH", "DELETE"].iter().map(|method| self.requests(method)).sum()
    }

    /// Every User the server has, read page by page.
    ///
    /// # Errors
    /// When the server does not answer as RFC 7644 section 3.4.2 says.
    pub fn users(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut users = Vec::new();
        loop {
            let url = format!("{}/Users?startIndex={}&count=200", self.base_url, users.len() + 1);
            let page = get(&url, Some(TOKEN))?;
            let total = page["totalResults"].as_u64().context("a list without totalResults")?;
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            ensure!(
                !resources.is_empty() || users.len() as u64 == total,
                "the list ended at {}",
                users.len()
            );
            users.extend(resources);
            if users.len() as u64 >= total {
                return Ok(users);
            }
        }
    }
}

impl Drop for Scim2Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a JSON document over HTTP.
///
/// # Errors
/// When there is no answer, its status is not a success, or it is not JSON.
pub fn get(url: &str, token: Option<&str>) -> anyhow::Result<serde_json::Value> {
    let mut request = ureq::get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let text = request.call().with_context(|| format!("GET {url}"))?.into_body().read_to_string()?;
    serde_json::from_str(&text).with_context(|| format!("GET {url} is not JSON"))
}

/// Sends a PATCH, as somebody else would who works at the same provider.
///
/// # Errors
/// When it is not answered with a success.
pub fn patch(url: &str, token: Option<&str>, body: &serde_json::Value) -> anyhow::Result<()> {
    let mut request = ureq::patch(url).header("Content-Type", "application/scim+json");
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    request.send(body.to_string()).with_context(|| format!("PATCH {url}"))?;
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
