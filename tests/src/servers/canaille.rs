//! Canaille: an OAuth 2 authorization server with SCIM behind it, in a SQLite file of its own.

use super::{Http, Inspect, Paging, Process, Server, TOKEN, free_port};
use crate::scenario::Keeps;
use crate::tool::root;
use anyhow::{Context, ensure};
use base64::Engine as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running Canaille, stopped when it is dropped.
///
/// Its tokens live for ten days, so nothing expires in a test; [`Canaille::revoke_all_tokens`] ends them.
pub struct Canaille {
    process: Process,
    origin: String,
    base_url: String,
    python: PathBuf,
    database: PathBuf,
}

impl Canaille {
    /// The id of the OAuth 2 client that may use SCIM. It has the grant `client_credentials` only, and sends
    /// its secret by HTTP Basic (`client_secret_basic`); in the body the secret is refused with 401.
    pub const CLIENT_ID: &'static str = "scimwright";
    /// Its secret.
    pub const CLIENT_SECRET: &'static str = TOKEN;
    /// The scopes it may ask for.
    pub const SCOPE: &'static str = "openid scim";

    /// Starts one with an empty directory. `program` is what [`super::installed`] has for `canaille`; its
    /// configuration, database and log go into `folder`.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let database = folder.join(format!("canaille-{port}.sqlite"));
        let template = template(program)?;
        std::fs::copy(&template, &database)
            .with_context(|| format!("{} cannot be copied", template.display()))?;
        let configuration = folder.join(format!("canaille-{port}.toml"));
        configure(&configuration, &database, port)?;
        let mut command = command(program, &configuration);
        command.args(["run", "--bind", &format!("127.0.0.1:{port}"), "--accesslog", "-"]);
        // In one process: the workers it would start otherwise outlive it when it is killed.
        command.args(["--workers", "0"]);
        let log = folder.join(format!("canaille-{port}.log"));
        let process = Process::start("canaille", &mut command, port, log)?;
        let origin = format!("http://127.0.0.1:{port}");
        let python = program.with_file_name("python");
        Ok(Self { process, base_url: format!("{origin}/scim/v2"), origin, python, database })
    }

    /// Where tokens are issued (RFC 6749 section 3.2).
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.origin)
    }

    /// Makes every token that was issued so far invalid, whoever has it. Says how many there were.
    ///
    /// This goes to the database: the revocation endpoint (RFC 7009) wants to be told the token, which only the
    /// client under test knows, and Canaille's own command takes three seconds.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn revoke_all_tokens(&self) -> anyhow::Result<usize> {
        const REVOKE: &str = "import sqlite3, sys\n\
            database = sqlite3.connect(sys.argv[1], timeout=30)\n\
            with database:\n    \
                print(database.execute('UPDATE token SET revokation_date = CURRENT_TIMESTAMP \
                WHERE revokation_date IS NULL').rowcount)\n";
        let output = Command::new(&self.python).args(["-c", REVOKE]).arg(&self.database).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "tokens cannot be revoked: {said}");
        String::from_utf8_lossy(&output.stdout).trim().parse().context("the number of revoked tokens")
    }

    /// How many tokens it has issued.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn tokens_issued(&self) -> anyhow::Result<usize> {
        let issued = |one: &&super::Logged| one.target == "/oauth/token" && one.status == 200;
        Ok(self.process.answered()?.iter().filter(issued).count())
    }
}

/// The database that every start begins with, beside the environment that the program lives in. Making it takes
/// eight seconds, so [`make_template`] does it once.
fn template(program: &Path) -> anyhow::Result<PathBuf> {
    let environment = program.ancestors().nth(2).context("canaille is not in an environment")?;
    Ok(environment.join("empty-directory.sqlite"))
}

/// Makes the template: the tables, and one OAuth 2 client.
pub(super) fn make_template(program: &Path) -> anyhow::Result<()> {
    let template = template(program)?;
    let configuration = template.with_extension("toml");
    // The address in the configuration of the template is nobody's: only the database is kept.
    configure(&configuration, &template, 0)?;
    if template.exists() {
        std::fs::remove_file(&template)?;
    }
    let run = |arguments: &[&str]| {
        let output = command(program, &configuration).args(arguments).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "canaille {} ended with {}: {said}", arguments[0], output.status);
        Ok(())
    };
    run(&["install"])?;
    run(&[
        "create",
        "client",
        "--quiet",
        "--client-name",
        "scimwright",
        "--client-id",
        Canaille::CLIENT_ID,
        "--client-secret",
        Canaille::CLIENT_SECRET,
        "--token-endpoint-auth-method",
        "client_secret_basic",
        "--grant-types",
        "client_credentials",
        "--scope",
        "openid",
        "--scope",
        "scim",
    ])
}

fn configure(file: &Path, database: &Path, port: u16) -> anyhow::Result<()> {
    let pattern = root().join("tests").join("servers").join("canaille").join("canaille.toml");
    let text = std::fs::read_to_string(&pattern).with_context(|| pattern.display().to_string())?;
    let database = database.to_str().context("the folder's name is not UTF-8")?;
    let text = text.replace("@PORT@", &port.to_string()).replace("@DATABASE@", database);
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

fn command(program: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program);
    // Authlib refuses plain HTTP otherwise, even on loopback.
    command.env("CANAILLE_CONFIG", configuration).env("AUTHLIB_INSECURE_TRANSPORT", "1");
    command
}

impl Server for Canaille {
    fn name(&self) -> &'static str {
        "canaille"
    }

    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn process(&self) -> &Process {
        &self.process
    }

    /// A token of its own for every caller: those of the client under test stay uncounted by
    /// [`Canaille::tokens_issued`] only before somebody looks.
    fn authorization(&self) -> anyhow::Result<String> {
        let both = format!("{}:{}", Self::CLIENT_ID, Self::CLIENT_SECRET);
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both));
        let http = Http::new(&self.token_url(), Some(basic));
        let form = "grant_type=client_credentials&scope=openid+scim";
        let answer = http.form(form)?.expect_json().context("canaille issues no token")?;
        let token = answer["access_token"].as_str().context("an answer without access_token")?;
        Ok(format!("Bearer {token}"))
    }
}

impl Inspect for Canaille {
    /// `count` is a 500 here, and without it everything comes at once.
    fn paging(&self) -> Paging {
        Paging::None
    }

    /// Its schema has no more than this, and what its schema does not have is refused with 400.
    fn keeps(&self) -> Keeps {
        Keeps { drops: vec!["externalId"], drops_inner: vec!["type", "primary", "division", "costCenter"] }
    }
}
