//! scim2-server: nearly complete and strict, in memory. What it supports can be taken away from it.

use super::{Inspect, Paging, Process, Server, TOKEN, free_port};
use crate::tool::root;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What a `scim2-server` announces and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    /// Its own default: everything but cursors, with wide limits.
    Default,
    /// Everything, with limits that a small company meets: 50 operations or 64 KiB in a Bulk request, 100
    /// resources a page.
    Full,
    /// Lists by cursor only (RFC 9865), at most 50 a page; a cursor expires after five seconds. No Bulk, sort
    /// or ETag.
    CursorOnly,
    /// Create, retrieve, replace, delete and list. Nothing that RFC 7643 section 5 calls optional.
    Minimal,
}

impl Configuration {
    /// The file for `--service-provider-config`.
    fn file(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::Full => Some("full.json"),
            Self::CursorOnly => Some("cursor-only.json"),
            Self::Minimal => Some("minimal.json"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Default => "scim2-server",
            Self::Full => "scim2-server full",
            Self::CursorOnly => "scim2-server cursor-only",
            Self::Minimal => "scim2-server minimal",
        }
    }
}

/// A running `scim2-server`, stopped when it is dropped.
pub struct Scim2Server {
    process: Process,
    configuration: Configuration,
    /// Where its SCIM endpoints are.
    pub base_url: String,
}

impl Scim2Server {
    /// Starts one as it is by default, in memory, with an empty store. Its access log goes into `folder`.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::configured(program, folder, Configuration::Default)
    }

    /// Starts one with a configuration.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn configured(program: &Path, folder: &Path, configuration: Configuration) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bearer-token", TOKEN]);
        if let Some(file) = configuration.file() {
            let file = root().join("tests").join("servers").join("scim2-server").join(file);
            command.arg("--service-provider-config").arg(file);
        }
        let log = folder.join(format!("scim2-server-{port}.log"));
        let process = Process::start(configuration.name(), &mut command, port, log)?;
        Ok(Self { process, configuration, base_url: format!("http://127.0.0.1:{port}/v2") })
    }

    /// Starts one that has these schemas and resource types, in place of User and Group. The files are lists, as the
    /// server's options want them.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn with_types(
        program: &Path,
        folder: &Path,
        schemas: &Path,
        resource_types: &Path,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bearer-token", TOKEN]);
        command.arg("--schema").arg(schemas).arg("--resource-type").arg(resource_types);
        let log = folder.join(format!("scim2-server-{port}.log"));
        let configuration = Configuration::Default;
        let process = Process::start(configuration.name(), &mut command, port, log)?;
        Ok(Self { process, configuration, base_url: format!("http://127.0.0.1:{port}/v2") })
    }

    /// How many requests of a method the server has answered, by its own access log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self, method: &str) -> anyhow::Result<usize> {
        Server::requests(self, method)
    }

    /// How many requests that may change something the server has answered.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn writes(&self) -> anyhow::Result<usize> {
        Server::writes(self)
    }

    /// Every User the server has, read page by page.
    ///
    /// # Errors
    /// When the server does not answer as RFC 7644 section 3.4.2 or RFC 9865 says.
    pub fn users(&self) -> anyhow::Result<Vec<Value>> {
        Inspect::users(self)
    }
}

impl Server for Scim2Server {
    fn name(&self) -> &'static str {
        self.configuration.name()
    }

    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn process(&self) -> &Process {
        &self.process
    }

    fn authorization(&self) -> anyhow::Result<String> {
        Ok(format!("Bearer {TOKEN}"))
    }
}

impl Inspect for Scim2Server {
    fn paging(&self) -> Paging {
        match self.configuration {
            Configuration::CursorOnly => Paging::Cursor { count: 50 },
            _ => Paging::Index { count: 100 },
        }
    }
}
