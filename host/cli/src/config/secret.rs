//! Where a secret is to be found: in the environment, in a file, or behind a command. The configuration itself
//! never holds one.

use super::reader::TableReader;
use futures::future::BoxFuture;
use scimwright_client::TokenSource;
use scimwright_sources::UrlSource;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use toml::Spanned;
use toml::de::DeValue;

/// How long a command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest secret, in bytes. Tokens in the form of a JWT have a few thousand.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// How much of what a failed command complains about is shown, in bytes.
const MAX_COMPLAINT_BYTES: u64 = 500;

/// Where a secret is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
    /// A program and its arguments, run without a shell. What it prints is the secret.
    Command {
        /// What is run; a relative path with a slash begins at the configuration folder.
        program: PathBuf,
        /// What it is given.
        arguments: Vec<String>,
    },
}

impl SecretSource {
    /// Fetches the secret. Line breaks at its end are dropped.
    ///
    /// # Errors
    /// A sentence that names the variable, the file or the command, and never the secret.
    pub(crate) async fn fetch(&self) -> Result<SecretString, String> {
        let text = match self {
            Self::Env(name) => {
                std::env::var(name).map_err(|_| format!("{self} is not set; set it to the secret"))?
            }
            Self::File(path) => {
                let cannot = |error: std::io::Error| format!("{self} cannot be read: {error}");
                let file = tokio::fs::File::open(path).await.map_err(cannot)?;
                let bytes = beginning(file, MAX_SECRET_BYTES + 1).await.map_err(cannot)?;
                self.text(bytes)?
            }
            Self::Command { program, arguments } => {
                let run = self.run(program, arguments);
                let bytes = tokio::time::timeout(COMMAND_TIMEOUT, run).await.map_err(|_| {
                    format!("{self} has not ended after {} s and was stopped", COMMAND_TIMEOUT.as_secs())
                })??;
                self.text(bytes)?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(match self {
                Self::Command { .. } => format!("{self} printed nothing on standard output"),
                _ => format!("{self} is empty; put the secret there"),
            });
        }
        Ok(SecretString::from(text))
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, String> {
        if bytes.len() as u64 > MAX_SECRET_BYTES {
            return Err(format!("{self} has more than {MAX_SECRET_BYTES} bytes, which is no secret"));
        }
        String::from_utf8(bytes).map_err(|_| format!("{self} does not have text in UTF-8"))
    }

    /// Runs a command to its end. Dropping the future ends the command.
    async fn run(&self, program: &Path, arguments: &[String]) -> Result<Vec<u8>, String> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{self} cannot be started: {error}"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (printed, complaint) =
            futures::join!(drained(stdout, MAX_SECRET_BYTES + 1), drained(stderr, MAX_COMPLAINT_BYTES));
        let lost = |error: std::io::Error| format!("{self} could not be listened to: {error}");
        let status = child.wait().await.map_err(lost)?;
        if status.success() {
            return printed.map_err(lost);
        }
        // Standard output is not shown: it may hold the secret, or a piece of it.
        let mut complaint = String::from_utf8_lossy(&complaint.map_err(lost)?).trim().replace('\n', " ");
        let printed = printed.unwrap_or_default();
        for piece in String::from_utf8_lossy(&printed).split_whitespace().filter(|piece| piece.len() >= 4) {
            complaint = complaint.replace(piece, "[redacted]");
        }
        let colon = if complaint.is_empty() { "" } else { ": " };
        Err(format!("{self} failed ({status}){colon}{complaint}"))
    }
}

/// The beginning of what is to be read.
async fn beginning(from: impl AsyncRead + Unpin, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The same of everything, so that whoever writes is not held up.
async fn drained(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let kept = beginning(&mut from, most).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// As messages name it: `the environment variable ACME_TOKEN`.
impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the secret file {}", path.display()),
            Self::Command { program, .. } => write!(f, "the command {}", program.display()),
        }
    }
}

/// A bearer token that is fetched when it is needed, and again after a 401.
impl TokenSource for SecretSource {
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
        Box::pin(Self::fetch(self))
    }
}

/// The URL of a database, with the password in it. It is fetched at each reading.
impl UrlSource for SecretSource {
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
        Box::pin(Self::fetch(self))
    }
}

/// Reads the secret under a key that has to be there: `{ env = "NAME" }`, `{ file = "PATH" }` or
/// `{ command = ["PROGRAM", "ARGUMENT"] }`.
pub(super) fn required(table: &TableReader<'_>, key: &'static str, folder: &Path) -> Option<SecretSource> {
    if !table.has(key) {
        table.raw(key);
        table.missing(key, "{ env = \"ACME_SECRET\" }");
        return None;
    }
    let value = table.raw(key)?;
    at(table, key, value, folder)
}

/// Reads the secret that a value names.
pub(super) fn at(
    table: &TableReader<'_>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
) -> Option<SecretSource> {
    let DeValue::Table(inner) = value.get_ref() else {
        table.file().conceal(value.span());
        table.file().note_with_help(
            value.span(),
            "a secret must not stand in the configuration",
            format!(
                "put it into an environment variable and write {key} = {{ env = \"ACME_SECRET\" }}, or into a file: \
                 {{ file = \"/run/secrets/acme\" }}; or name a command that prints it: {{ command = [\"pass\", \
                 \"show\", \"acme\"] }}"
            ),
        );
        return None;
    };
    let inner = TableReader::new(table.file(), format!("{}.{key}", table.place()), inner, value.span());
    let source = from(&inner, folder);
    inner.finish();
    source
}

/// Reads `env`, `file` or `command` of a table that may have other keys as well.
pub(super) fn from(table: &TableReader<'_>, folder: &Path) -> Option<SecretSource> {
    let given = ["env", "file", "command"].iter().filter(|key| table.has(key)).count();
    let env = table.text("env").and_then(|name| {
        let is_name = |text: &str| {
            let mut chars = text.chars();
            chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if is_name(&name.value) {
            return Some(SecretSource::Env(name.value));
        }
        table.file().conceal(name.span.clone());
        table.file().note_with_help(
            name.span,
            "this is not the name of an environment variable",
            "the secret itself goes into the variable; here stands its name: { env = \"ACME_SECRET\" }",
        );
        None
    });
    if env.is_none() && table.has("env") {
        return None;
    }
    let file = table.text("file").map(|path| SecretSource::File(folder.join(path.value)));
    let command = table.texts("command").and_then(|words| {
        let mut words = words.into_iter().map(|word| word.value);
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            table.file().note_with_help(
                table.span(),
                format!("`command` in `[{}]` names no program", table.place()),
                "write, for example: command = [\"pass\", \"show\", \"acme\"]",
            );
            return None;
        };
        // Without a slash it is looked for in PATH.
        let program = if program.contains('/') { folder.join(program) } else { program.into() };
        Some(SecretSource::Command { program, arguments: words.collect() })
    });
    if given != 1 {
        table.file().note_with_help(
            table.span(),
            format!("`[{}]` needs one of `env`, `file` and `command`", table.place()),
            "write, for example: { env = \"ACME_SECRET\" }",
        );
        return None;
    }
    env.or(file).or(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn command(words: &[&str]) -> SecretSource {
        let arguments = words[1..].iter().map(|word| (*word).to_owned()).collect();
        SecretSource::Command { program: words[0].into(), arguments }
    }

    #[tokio::test]
    async fn a_command_is_run_without_a_shell_and_loses_its_line_break() {
        let secret = command(&["echo", "$HOME;", "a b"]).fetch().await.unwrap();
        assert_eq!(secret.expose_secret(), "$HOME; a b");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_quoted_from_standard_error_only() {
        let failing =
            command(&["sh", "-c", "echo s3cr3t; echo locked >&2; yes no | head -c 90000 >&2; exit 3"]);
        let error = failing.fetch().await.unwrap_err();
        assert!(error.starts_with("the command sh failed (exit status: 3): locked"), "{error}");
        assert!(!error.contains("s3cr3t") && error.len() < 600, "{error}");
        let error = command(&["/nowhere/at-all"]).fetch().await.unwrap_err();
        assert!(error.starts_with("the command /nowhere/at-all cannot be started"), "{error}");
        let error = command(&["true"]).fetch().await.unwrap_err();
        assert_eq!(error, "the command true printed nothing on standard output");
    }

    #[tokio::test]
    async fn what_cannot_be_a_secret_is_not_taken_for_one() {
        let error = SecretSource::File("/dev/zero".into()).fetch().await.unwrap_err();
        assert!(error.contains("which is no secret"), "{error}");
        let error = command(&["printf", "\\377"]).fetch().await.unwrap_err();
        assert!(error.contains("UTF-8"), "{error}");
    }
}
