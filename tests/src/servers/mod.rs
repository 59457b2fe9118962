//! Real service providers that others wrote, installed into `target/` and started on loopback.
//!
//! | server | what it is there for |
//! |---|---|
//! | [`Scim2Server`] | nearly complete and strict; can be told what not to support |
//! | [`Scimmy`] | lenient, and careless with paging, members and `.search` |
//! | [`Canaille`] | OAuth 2 client credentials, and a SCIM side with a schema of its own |
//!
//! And one that is no provider but a source of people: [`Postgres`].
//!
//! docs/servers.md has what each of them was seen to do. A server that is not installed is an error where `CI`
//! is set, and a visible skip elsewhere: `cargo xtask test` installs them.

mod canaille;
mod http;
mod inspect;
mod install;
mod postgres;
mod process;
mod scim2_server;
mod scimmy;

pub use canaille::Canaille;
pub use http::{Answer, Http, get, patch};
pub use inspect::{Inspect, Paging};
pub use install::{folder, install, installed};
pub use postgres::Postgres;
pub use process::{Logged, Process, free_port};
pub use scim2_server::{Configuration, Scim2Server};
pub use scimmy::{Authentication, Lists, Scimmy};

/// The token that test servers are started with.
pub const TOKEN: &str = "a-token-for-tests-only";

/// A running service provider, stopped when it is dropped.
pub trait Server {
    /// What it is called in tables and messages.
    fn name(&self) -> &'static str;

    /// Where its SCIM endpoints are.
    fn base_url(&self) -> &str;

    /// Its process, with what it printed and its access log.
    fn process(&self) -> &Process;

    /// The value of an Authorization header that it accepts.
    ///
    /// # Errors
    /// When the server issues tokens itself and does not issue one.
    fn authorization(&self) -> anyhow::Result<String>;

    /// Plain HTTP to its SCIM endpoints, with credentials.
    ///
    /// # Errors
    /// As [`Server::authorization`].
    fn http(&self) -> anyhow::Result<Http> {
        Ok(Http::new(self.base_url(), Some(self.authorization()?)))
    }

    /// The requests below its base URL that it has answered, by its own access log.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn answered(&self) -> anyhow::Result<Vec<Logged>> {
        let path = self.base_url().splitn(4, '/').nth(3).unwrap_or_default();
        let below = format!("/{path}/");
        Ok(self.process().answered()?.into_iter().filter(|one| one.target.starts_with(&below)).collect())
    }

    /// How many requests of a method it has answered.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn requests(&self, method: &str) -> anyhow::Result<usize> {
        Ok(self.answered()?.iter().filter(|one| one.method == method).count())
    }

    /// How many requests that may change something it has answered. A `.search` is none, although a POST.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn writes(&self) -> anyhow::Result<usize> {
        let writes = |one: &&Logged| {
            matches!(one.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
                && !one.target.ends_with("/.search")
        };
        Ok(self.answered()?.iter().filter(writes).count())
    }
}
