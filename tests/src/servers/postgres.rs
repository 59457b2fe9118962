//! PostgreSQL: a database server of its own for a test, in a folder of its own, on a port of loopback.
//!
//! It is the one that the system's package manager has; every version from 14 on will do. It refuses to run as
//! root, so for root it runs as the user that the package made.

use super::{Process, TOKEN, free_port};
use anyhow::{Context, bail, ensure};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where Debian's packages have the programs, below a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user who owns the databases, and may do everything in them.
const USER: &str = "scimwright";

/// A running PostgreSQL, stopped when it is dropped. Its one user has a password, [`TOKEN`].
pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    account: Option<Account>,
    _process: Process,
}

/// Somebody else to run as, by number.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Starts one with an empty database. `program` is what [`super::installed`] has for `postgres`; its data and
    /// its log go into `folder`, which others may enter from then on.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let programs = program.parent().context("postgres is not in a folder")?.to_owned();
        let place = folder.join(format!("postgres-{port}"));
        std::fs::create_dir(&place).with_context(|| place.display().to_string())?;
        let password = place.join("password");
        std::fs::write(&password, TOKEN)?;
        let account = Account::needed()?;
        if let Some(account) = account {
            for path in [&place, &password] {
                std::os::unix::fs::chown(path, Some(account.user), Some(account.group))?;
            }
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?;
        }
        let data = place.join("data");
        let mut initdb = command(&programs, "initdb", account);
        initdb.args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]);
        initdb.arg(format!("--username={USER}")).arg("--pwfile").arg(&password).arg("-D").arg(&data);
        finished(&mut initdb, "")?;
        let mut postgres = command(&programs, "postgres", account);
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        // Nothing of it has to outlive the machine, and nobody finds it but over loopback.
        let settings = ["fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories="];
        postgres.args(settings.iter().flat_map(|setting| ["-c", setting]));
        let process = Process::start("postgres", &mut postgres, port, place.join("log"))?;
        let server = Self { programs, data, port, account, _process: process };
        server.wait()?;
        Ok(server)
    }

    /// It listens before it lets anybody in.
    fn wait(&self) -> anyhow::Result<()> {
        let mut last = None;
        for _ in 0..200 {
            match self.run("SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        bail!("postgres listens and lets nobody in: {last:?}")
    }

    /// The URL of its database, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{TOKEN}@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements in its database, and gives back what they say: a line for each row, `|` between values.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn run(&self, sql: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, "-d", "postgres"]);
        let output = finished(psql.env("PGPASSWORD", TOKEN), sql)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Ends it at once, as a crash would: nobody is told good-bye.
    ///
    /// # Errors
    /// When it does not end.
    pub fn crash(&self) -> anyhow::Result<()> {
        let mut stop = command(&self.programs, "pg_ctl", self.account);
        finished(stop.args(["stop", "-m", "immediate", "-D"]).arg(&self.data), "").map(|_| ())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A server that is killed leaves its children behind for a while; this one takes them along.
        let _ = self.crash();
    }
}

impl Account {
    /// Whom to run as: root has to be somebody else.
    fn needed() -> anyhow::Result<Option<Self>> {
        if number(&["-u"])? != 0 {
            return Ok(None);
        }
        let numbers = number(&["-u", "postgres"]).and_then(|user| Ok((user, number(&["-g", "postgres"])?)));
        let (user, group) = numbers
            .context("PostgreSQL does not run as root, and there is no user `postgres` to run it as")?;
        Ok(Some(Self { user, group }))
    }
}

fn number(arguments: &[&str]) -> anyhow::Result<u32> {
    let output = finished(Command::new("id").args(arguments), "")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("id prints a number")
}

fn command(programs: &Path, name: &str, account: Option<Account>) -> Command {
    let mut command = Command::new(programs.join(name));
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    // Where the tests run from, that user may not be able to look.
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn finished(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} cannot be started"))?;
    let mut stdin = child.stdin.take().context("standard input was asked for")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    Ok(output)
}

/// The newest server that is installed, wherever the system has it.
pub(super) fn find() -> Option<PathBuf> {
    let whole = |program: &PathBuf| {
        ["initdb", "pg_ctl", "psql"].iter().all(|other| program.with_file_name(other).is_file())
    };
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin").join("postgres")))
        })
        .filter(|(_, program)| program.is_file() && whole(program))
        .collect();
    versions.sort();
    if let Some((_, program)) = versions.pop() {
        return Some(program);
    }
    let path = std::env::var_os("PATH")?;
    // Some systems have only links there; the server finds its files from where it really is.
    let real = |folder: PathBuf| folder.join("postgres").canonicalize().ok();
    std::env::split_paths(&path).filter_map(real).find(|program| program.is_file() && whole(program))
}
