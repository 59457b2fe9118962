//! What can keep an author from a component, and who can help.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a project could not be made or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// A tool is missing on this machine. Nothing is installed unasked.
    #[error("{tool} is missing: {needs}. To install it: {install}")]
    MissingTool {
        /// What it is needed for: "mappings in JavaScript are built with it".
        needs: String,
        /// The tool's name.
        tool: String,
        /// The command that installs it, and where to run it.
        install: String,
    },
    /// A file of the project is missing or wrong.
    #[error("{}: {problem}", .path.display())]
    BadProject {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A tool refused the author's sources.
    #[error("{tool} refuses the mapping:\n{output}")]
    CompileFailed {
        /// The tool's name.
        tool: String,
        /// What it said, with the author's file and line.
        output: String,
    },
    /// A tool did not come to an end.
    #[error("{tool} did not end within {} s and was stopped: {hint}", .limit.as_secs())]
    TookTooLong {
        /// The tool's name.
        tool: String,
        /// How long it had.
        limit: Duration,
        /// What is often the cause.
        hint: String,
    },
    /// A script of an attribute row is wrong.
    #[error("the script of row `{row}` cannot be used: {problem}")]
    BadScript {
        /// The attribute whose row holds it.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What came out is no module that a host would load.
    #[error("{}: {problem}", .path.display())]
    BadComponent {
        /// The component, or the core module that it was to be made of.
        path: PathBuf,
        /// Why no host would load it.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ToolchainError {
    /// For `map_err`: what went wrong with this file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }

    pub(crate) fn project(path: &Path, problem: impl Into<String>) -> Self {
        Self::BadProject { path: path.to_owned(), problem: problem.into() }
    }
}
