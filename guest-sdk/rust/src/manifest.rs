//! What a module says of itself.
//!
//! The manifest is a promise that the host holds the module to: it hands over only the fields that the module
//! reads, and refuses attributes that it does not write. So an admin can see what a module touches without
//! reading its code.

use crate::urn;

/// What a module says of itself. Every module has this trait.
pub trait Describe {
    /// The manifest. Called once when the module is loaded, and when a setting without a value is asked for.
    fn describe() -> Manifest;
}

/// What a module is, needs and produces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) reads: Vec<String>,
    pub(crate) writes: Vec<String>,
    pub(crate) lookups: Vec<String>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) reuse: Option<u32>,
}

impl Manifest {
    /// A module's name (lower-case words joined by hyphens) and its own version, usually
    /// `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), ..Self::default() }
    }

    /// What the module does, in a sentence.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The fields that the module reads; it gets no others. `*` asks for all and needs a grant.
    #[must_use]
    pub fn reads<N: Into<String>>(mut self, fields: impl IntoIterator<Item = N>) -> Self {
        self.reads.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The attributes that the module may set or clear; another one is an error.
    #[must_use]
    pub fn writes<N: Into<String>>(mut self, attributes: impl IntoIterator<Item = N>) -> Self {
        self.writes.extend(attributes.into_iter().map(Into::into));
        self
    }

    /// The attributes of the enterprise extension that the module may set or clear, by their short names.
    #[must_use]
    pub fn writes_enterprise<N: AsRef<str>>(mut self, attributes: impl IntoIterator<Item = N>) -> Self {
        let named = attributes.into_iter().map(|name| urn::attribute(urn::ENTERPRISE_USER, name.as_ref()));
        self.writes.extend(named);
        self
    }

    /// The sources that the module looks things up in. Each needs a grant.
    #[must_use]
    pub fn lookups<N: Into<String>>(mut self, sources: impl IntoIterator<Item = N>) -> Self {
        self.lookups.extend(sources.into_iter().map(Into::into));
        self
    }

    /// Asks that one instance of the module maps up to so many records, one after the other. Else every record
    /// gets an instance of its own, which costs little and keeps records apart; reuse saves that where a module
    /// has much to prepare.
    ///
    /// It is a promise that a record leaves nothing behind for the next one: what a `static`, a `thread_local!` or
    /// a `OnceCell` keeps must not depend on a record. It takes effect only with the grant `reuse` in the
    /// configuration, and then up to the lower of both numbers.
    #[must_use]
    pub fn reuse(mut self, records: u32) -> Self {
        self.reuse = Some(records);
        self
    }

    /// A setting that the module accepts. Others are refused by the host.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }
}

/// A setting that a module accepts: `settings = { NAME = "…" }` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
}

impl Setting {
    /// A setting that the module can do without, and what it is for.
    pub fn optional(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name: name.into(), description: description.into(), required: false, default: None }
    }

    /// A setting that the module cannot work without, and what it is for.
    pub fn required(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { required: true, ..Self::optional(name, description) }
    }

    /// What is assumed where the configuration gives no value. An admin turns it off with `""`.
    #[must_use]
    pub fn default(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }
}
