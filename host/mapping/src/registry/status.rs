//! What is known of each file in a modules folder, for people and programs.

use jiff::Timestamp;
use scimwright_record::ModuleName;
use std::fmt;
use std::path::PathBuf;

/// What a file in the modules folder is to its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// It was noticed, and is being waited for, read, compiled or tried.
    Loading,
    /// It serves.
    Live,
    /// It does not serve, for the reason given. An earlier version may.
    Refused,
    /// Another file of the same name is preferred.
    Superseded,
    /// It served until it kept failing, and is left alone for a while.
    Quarantined,
    /// It is not there any more, or never was.
    Removed,
}

impl FileState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Live => "live",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Quarantined => "quarantined",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The version of a module that maps records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Serving {
    /// The file that it was loaded from.
    pub file: String,
    /// SHA-256 of what the file held then, in hexadecimal.
    pub digest: String,
    /// The version that the module gives itself.
    pub version: String,
}

/// What is known of one file, or of a module that should have one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModuleStatus {
    /// The file's name; `None` for a module that is wanted and has no file.
    pub file: Option<String>,
    /// The module's name: the file's, without its ending. Not always a name that a module may have.
    pub module: String,
    /// What the file is.
    pub state: FileState,
    /// SHA-256 of what it holds, in hexadecimal, where it was read.
    pub digest: Option<String>,
    /// The version that the module gives itself, where the file is live.
    pub version: Option<String>,
    /// Why it is in this state, and what to do.
    pub reason: Option<String>,
    /// Which version of the module serves, be it from this file or not.
    pub serving: Option<Serving>,
    /// Whether the configuration uses the module.
    pub used: bool,
    /// Where it lies, for a link that leads out of the folder.
    pub leads_to: Option<PathBuf>,
    /// Since when it is in this state.
    pub since: Timestamp,
}

impl ModuleStatus {
    /// The version that serves although this file does not: the last good one, or that of another file.
    #[must_use]
    pub fn served_by_another(&self) -> Option<&Serving> {
        let serving = self.serving.as_ref()?;
        let same = self.digest.as_ref() == Some(&serving.digest) && self.file.as_ref() == Some(&serving.file);
        (!same).then_some(serving)
    }
}

impl fmt::Display for ModuleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
        match &self.file {
            Some(file) => write!(f, "{file}: {}", self.state)?,
            None => write!(f, "{}: {}", self.module, self.state)?,
        }
        if let (FileState::Live, Some(digest)) = (self.state, &self.digest) {
            write!(f, ", version {} ({}…)", self.version.as_deref().unwrap_or("unknown"), short(digest))?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(target) = &self.leads_to {
            write!(f, "; it is a link to {}", target.display())?;
        }
        if let Some(serving) = self.served_by_another() {
            write!(f, "; version {} ({}…) still serves", serving.version, short(&serving.digest))?;
        }
        if self.state == FileState::Live && !self.used {
            f.write_str("; no resource uses it")?;
        }
        Ok(())
    }
}

/// The name of a module, or why a file's name is none.
pub(super) fn module_name(stem: &str) -> Result<ModuleName, String> {
    ModuleName::parse(stem).map_err(|error| format!("{error}; rename the file"))
}
