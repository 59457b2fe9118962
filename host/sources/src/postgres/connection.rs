//! A connection to a PostgreSQL server: opened for reading only, and what goes wrong with it in words.

use super::UrlSource;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Executor};
use std::time::Duration;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What begins a pass. Everything in it is of one moment, and nothing in it can write.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// What may stand behind the question mark of a URL:
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>, as far as sqlx has it.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// What the server is told of us, for its list of sessions.
const APPLICATION: &str = "scimwright";

/// A server and a database, as messages name it, and how it is reached.
#[derive(Clone)]
pub(super) struct Server {
    options: PgConnectOptions,
    /// `database hr at db.example.com:5432`
    place: String,
}

impl Server {
    /// Reads the URL.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, and not what it is.
    pub(super) async fn find(url: &dyn UrlSource) -> Result<Self, String> {
        let secret = url.fetch().await?;
        let wrong = |reason: &str| {
            format!(
                "its url {reason}; write, for example, postgres://USER:PASSWORD@db.example.com:5432/hr, with special \
                 characters of the password percent-encoded"
            )
        };
        // The text is never repeated: it holds the password.
        let url = url::Url::parse(secret.expose_secret().trim()).map_err(|_| wrong("is not a URL"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(wrong("does not begin with postgres://"));
        }
        let asked = |names: &[&str]| url.query_pairs().any(|(key, _)| names.contains(&&*key));
        if url.host_str().is_none_or(str::is_empty) && !asked(&["host", "hostaddr"]) {
            return Err(wrong("names no host"));
        }
        // What sqlx does not know it writes to the log, with its value.
        let is_known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
        if !url.query_pairs().all(|(name, _)| is_known(&name)) {
            return Err(wrong("has a parameter that nobody knows"));
        }
        let options =
            PgConnectOptions::from_url(&url).map_err(|_| wrong("has a setting that cannot be read"))?;
        let host = options.get_host().to_owned();
        let is_local = options.get_socket().is_some()
            || host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        // People's data does not cross a network in the clear, nor to whoever answers, unless somebody says so.
        let options = match is_local || asked(&["sslmode", "ssl-mode"]) {
            true => options,
            false => options.ssl_mode(PgSslMode::VerifyFull),
        };
        let at = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{host}:{}", options.get_port()),
        };
        let database = options.get_database().unwrap_or(options.get_username()).to_owned();
        let options = options
            .application_name(APPLICATION)
            // PgBouncer refuses what it does not know; numbers come in binary form, whole.
            .extra_float_digits(None)
            .disable_statement_logging();
        Ok(Self { options, place: format!("database `{database}` at {at}") })
    }

    /// What messages call it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Connects.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn connect(&self) -> Result<PgConnection, String> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.options.connect()).await {
            Ok(opened) => opened.map_err(|error| self.describe(&error)),
            Err(_) => Err(format!(
                "{} did not answer within {} s; is it running, and does a firewall let us through?",
                self.place,
                CONNECT_TIMEOUT.as_secs()
            )),
        }
    }

    /// Begins the transaction of a pass, which ends with the connection.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn begin(&self, connection: &mut PgConnection) -> Result<(), String> {
        connection.execute(BEGIN).await.map(|_| ()).map_err(|error| self.describe(&error))
    }

    /// The moment before which nothing is still being written, as text; none where the server does not tell. To be
    /// asked before the transaction of the pass begins, so that whatever that does not see is later than this.
    pub(super) async fn horizon(&self, connection: &mut PgConnection) -> Option<String> {
        // The sessions of other users are hidden from those who may not see statistics.
        const SQL: &str = "SELECT CAST(LEAST(min(xact_start), clock_timestamp()) AS text) \
                           FROM pg_catalog.pg_stat_activity WHERE datname = current_database() \
                           AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        match sqlx::query_scalar(SQL).persistent(false).fetch_one(connection).await {
            Ok(horizon) => horizon,
            Err(error) => {
                tracing::debug!("the oldest transaction of {} cannot be told: {error}", self.place);
                None
            }
        }
    }

    /// A sentence for what the server, or the way to it, reports.
    pub(super) fn describe(&self, error: &sqlx::Error) -> String {
        let place = &self.place;
        let Some(database) = error.as_database_error() else {
            let insecure = |cause: &dyn std::fmt::Display| {
                format!(
                    "no secure connection to {place}: {cause}; name the authority with ?sslrootcert=FILE, or, where \
                     the network is trusted, allow a plain connection with ?sslmode=disable"
                )
            };
            return match error {
                sqlx::Error::Tls(cause) => insecure(cause),
                // What is wrong with a certificate comes this way.
                sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::InvalidData => insecure(cause),
                sqlx::Error::Io(cause) => format!("the connection to {place} failed: {cause}"),
                other => format!("{place} cannot be read: {other}"),
            };
        };
        let message = database.message();
        // https://www.postgresql.org/docs/current/errcodes-appendix.html
        match database.code().as_deref() {
            Some("28P01" | "28000") => {
                format!("{place} lets nobody in with this user and password: {message}")
            }
            Some("25006") => "the query changes the database; a source is read with a SELECT".to_owned(),
            Some("42501") => format!("{place}: {message}; grant the user SELECT on it"),
            Some("57P01" | "57P02" | "57P03") => format!("{place} is being stopped or started: {message}"),
            Some("57014") => format!("{place} ended the query: {message}; raise its statement_timeout"),
            Some("53300") => format!("{place} has no connection left: {message}"),
            _ => format!("{place}: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    async fn found(url: &str) -> Result<Server, String> {
        Server::find(&SecretString::from(url)).await
    }

    #[tokio::test]
    async fn a_url_that_cannot_be_used_is_described_and_never_shown() {
        for (url, reason) in [
            ("s3cr3t", "its url is not a URL;"),
            ("mysql://hr:s3cr3t@db/hr", "does not begin with postgres://"),
            ("postgres:///hr?password=s3cr3t", "names no host"),
            ("postgres://hr@db/hr?passwrod=s3cr3t", "has a parameter that nobody knows"),
            ("postgres://hr:s3cr3t@db/hr?sslmode=s3cr3t", "has a setting that cannot be read"),
        ] {
            let error = found(url).await.err().unwrap();
            assert!(error.contains(reason) && !error.contains("s3cr3t"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_server_elsewhere_has_to_prove_who_it_is_unless_somebody_says_otherwise() {
        let mode = async |url: &str| format!("{:?}", found(url).await.unwrap().options.get_ssl_mode());
        assert_eq!(mode("postgres://hr:pw@db.example.com/hr").await, "VerifyFull");
        assert_eq!(mode("postgres://hr:pw@db.example.com/hr?sslmode=disable").await, "Disable");
        assert_ne!(mode("postgres://hr:pw@127.0.0.1/hr").await, "VerifyFull");
        assert_ne!(mode("postgres://hr:pw@[::1]/hr").await, "VerifyFull");
        let server = found("postgresql://hr:s3cr3t@db.example.com:5433/people").await.unwrap();
        assert_eq!(server.place(), "database `people` at db.example.com:5433");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_without_the_password() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let server = found(&format!("postgres://hr:s3cr3t@127.0.0.1:{port}/hr")).await.unwrap();
        let error = server.connect().await.unwrap_err();
        let begins = format!("the connection to database `hr` at 127.0.0.1:{port} failed: ");
        assert!(error.starts_with(&begins) && !error.contains("s3cr3t"), "{error}");
    }
}
