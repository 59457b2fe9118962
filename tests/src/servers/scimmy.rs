//! A small server built on scimmy, in memory: tests/servers/scimmy/server.js.

use super::{Inspect, Paging, Process, Server, TOKEN, free_port};
use base64::Engine as _;
use std::path::Path;
use std::process::Command;

/// How the server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// A bearer token, [`TOKEN`].
    Bearer,
    /// User and password (RFC 7617): [`Scimmy::USER`] and [`TOKEN`].
    Basic,
}

/// What becomes of `startIndex` and `count` in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// They are heeded, as the authors of scimmy-routers meant.
    Paged,
    /// They are lost, as happens with Express 5: whatever is asked for, the first 20 come, for ever.
    FirstPageForEver,
}

/// A running scimmy server, stopped when it is dropped.
pub struct Scimmy {
    process: Process,
    base_url: String,
    authentication: Authentication,
    lists: Lists,
}

impl Scimmy {
    /// The user of [`Authentication::Basic`].
    pub const USER: &'static str = "provisioner";

    /// Starts one, in memory, with an empty store, a bearer token and lists that can be paged. `program` is
    /// what [`super::installed`] has for `scimmy`; the log goes into `folder`.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::configured(program, folder, Authentication::Bearer, Lists::Paged)
    }

    /// Starts one with everything said.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn configured(
        program: &Path,
        folder: &Path,
        authentication: Authentication,
        lists: Lists,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let (scheme, secret) = match authentication {
            Authentication::Bearer => ("bearer", TOKEN.to_owned()),
            Authentication::Basic => ("basic", format!("{}:{TOKEN}", Self::USER)),
        };
        let paging = match lists {
            Lists::Paged => "pages",
            Lists::FirstPageForEver => "as-is",
        };
        let mut command = Command::new("node");
        command.arg(program).args([&port.to_string(), scheme, &secret, paging]);
        let log = folder.join(format!("scimmy-{port}.log"));
        let process = Process::start("scimmy", &mut command, port, log)?;
        let base_url = format!("http://127.0.0.1:{port}/scim/v2");
        Ok(Self { process, base_url, authentication, lists })
    }
}

impl Server for Scimmy {
    fn name(&self) -> &'static str {
        match self.lists {
            Lists::Paged => "scimmy",
            Lists::FirstPageForEver => "scimmy on Express 5",
        }
    }

    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn process(&self) -> &Process {
        &self.process
    }

    fn authorization(&self) -> anyhow::Result<String> {
        Ok(match self.authentication {
            Authentication::Bearer => format!("Bearer {TOKEN}"),
            Authentication::Basic => {
                let both = format!("{}:{TOKEN}", Self::USER);
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
            }
        })
    }
}

impl Inspect for Scimmy {
    fn paging(&self) -> Paging {
        match self.lists {
            Lists::Paged => Paging::Index { count: 100 },
            // In the body of a `.search`, numbers are numbers.
            Lists::FirstPageForEver => Paging::Search { count: 100 },
        }
    }
}
