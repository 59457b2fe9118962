//! A family of providers and its quirks, as a TOML file says it.
//!
//! ```toml
//! name = "acme"
//! title = "Acme"
//! description = "One or two sentences."
//! base = "rfc"                     # optional: a built-in profile that this one starts from
//!
//! [[quirk]]
//! set = "member-removals"
//! resource_type = "Group"          # absent: every type
//! value = 100
//! source = "https://acme.example/docs/scim"
//! note = "optional: what happens otherwise"
//! ```

use crate::builtins;
use crate::mistake::InvalidProfile;
use crate::quirks::{ProviderQuirks, ResourceQuirks};
use crate::read;
use crate::setting::{ProviderSetting, ResourceSetting, Setting};
use crate::source::Source;
use std::fmt;
use std::str::FromStr;
use toml::{Table, Value};

/// A family of providers and where it departs from the RFCs.
///
/// ```
/// use scimwright_profile::Profile;
///
/// let text = r#"
///     name = "acme"
///     title = "Acme"
///     base = "aws-iam-identity-center"
///
///     [[quirk]]
///     set = "member-additions"
///     resource_type = "Group"
///     value = 20
///     source = "observed: acme 2.1"
/// "#;
/// let acme = Profile::parse("acme.toml", text)?;
/// assert_eq!(acme.resource_quirks("group").member_additions.get(), 20);
/// // What it does not say is as in its base.
/// assert!(!acme.resource_quirks("group").members_readable);
/// # Ok::<(), scimwright_profile::InvalidProfile>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    name: ProfileName,
    title: String,
    description: String,
    base: Option<&'static Self>,
    quirks: Vec<Quirk>,
}

/// One departure from the RFCs.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirk {
    /// What is set, of what, to what.
    pub setting: Setting,
    /// Where it was learned.
    pub source: Source,
    /// What happens otherwise, or whatever else helps whoever reads it.
    pub note: Option<String>,
}

/// What a profile is called in a configuration: lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// A text that cannot be the name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" cannot be the name of a profile")]
pub struct InvalidProfileName {
    /// The text.
    pub text: String,
}

impl ProfileName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 100;

    /// What may be written.
    pub(crate) const ALLOWED: &'static str =
        "lower-case letters, digits and hyphens, beginning with a letter";

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, InvalidProfileName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.len() <= Self::MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(allowed)
        {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidProfileName { text: crate::mistake::cut(text) })
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Quirk {
    /// A quirk without a note.
    #[must_use]
    pub fn new(setting: Setting, source: Source) -> Self {
        Self { setting, source, note: None }
    }

    /// The same with a note.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// As a list of quirks shows it: `member-removals = 100 for Group (https://…)`.
impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.setting.key(), self.setting.value())?;
        if let Some(resource_type) = self.setting.resource_type() {
            write!(f, " for {resource_type}")?;
        }
        write!(f, " ({})", self.source)
    }
}

impl Default for Profile {
    /// A provider that follows the RFCs: the built-in profile `rfc`.
    fn default() -> Self {
        let title = "A provider that follows the RFCs";
        Self::builtin("rfc").cloned().unwrap_or_else(|| Self::new(ProfileName("rfc".to_owned()), title, ""))
    }
}

impl Profile {
    /// A profile without quirks.
    #[must_use]
    pub fn new(name: ProfileName, title: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name, title: title.into(), description: description.into(), base: None, quirks: Vec::new() }
    }

    /// The same, starting from a built-in profile.
    #[must_use]
    pub fn based_on(mut self, base: &'static Self) -> Self {
        self.base = Some(base);
        self
    }

    /// The same with one more quirk, which wins over those before it.
    #[must_use]
    pub fn with_quirk(mut self, quirk: Quirk) -> Self {
        self.quirks.push(quirk);
        self
    }

    /// Reads a profile. `file` is what mistakes call it.
    ///
    /// # Errors
    /// [`InvalidProfile`] with every mistake: what is not TOML, unknown keys and quirks with the nearest that
    /// exists, values of the wrong kind, quirks without a source, a base that is not built in.
    pub fn parse(file: &str, text: &str) -> Result<Self, InvalidProfile> {
        read::profile(file, text, Self::builtins())
    }

    /// The profiles that come with the crate, in the order of their names.
    #[must_use]
    pub fn builtins() -> &'static [Self] {
        builtins::all()
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<&'static Self> {
        Self::builtins().iter().find(|profile| profile.name() == name)
    }

    /// What it is called in a configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What people call these providers.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it is about, in a sentence or two; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The built-in profile that it starts from.
    #[must_use]
    pub fn base(&self) -> Option<&'static Self> {
        self.base
    }

    /// Its own quirks, without those of its base.
    #[must_use]
    pub fn own_quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// All quirks that count, each with its source: those of the base that are left, then its own. A quirk
    /// that a later one replaces is not among them.
    #[must_use]
    pub fn quirks(&self) -> Vec<&Quirk> {
        let all: Vec<&Quirk> =
            self.base.into_iter().flat_map(Self::quirks).chain(self.quirks.iter()).collect();
        let counts = |(at, quirk): &(usize, &&Quirk)| {
            !all.iter().skip(at + 1).any(|later| later.setting.replaces(&quirk.setting))
        };
        all.iter().enumerate().filter(counts).map(|(_, quirk)| *quirk).collect()
    }

    /// How the provider as a whole departs from the RFCs.
    #[must_use]
    pub fn provider_quirks(&self) -> ProviderQuirks {
        let mut quirks = ProviderQuirks::default();
        for quirk in self.quirks() {
            if let Setting::Provider(setting) = &quirk.setting {
                setting.apply_to(&mut quirks);
            }
        }
        quirks
    }

    /// How the provider treats the resource type of this name, in any case. What is said of this type wins
    /// over what is said of every type.
    #[must_use]
    pub fn resource_quirks(&self, resource_type: &str) -> ResourceQuirks {
        let mut quirks = ResourceQuirks::default();
        let all = self.quirks();
        let mut apply = |wanted: &dyn Fn(Option<&str>) -> bool| {
            for quirk in &all {
                if let Setting::Resource { resource_type, setting } = &quirk.setting
                    && wanted(resource_type.as_deref())
                {
                    setting.apply_to(&mut quirks);
                }
            }
        };
        apply(&|named| named.is_none());
        apply(&|named| named.is_some_and(|named| named.eq_ignore_ascii_case(resource_type)));
        quirks
    }

    /// This profile with the quirks of another on top, under the name of the other. Where both say the same of
    /// the same, the other is right; what it says of every type also replaces what this one says of one.
    #[must_use]
    pub fn merged(&self, over: &Self) -> Self {
        let quirks = self.quirks().into_iter().chain(over.quirks()).cloned().collect();
        let both = Self { base: None, quirks, ..over.clone() };
        Self { quirks: both.quirks().into_iter().cloned().collect(), ..both }
    }

    /// Quirks that make a provider's departures from the RFCs, all with the same source: the draft that an
    /// observation writes.
    #[must_use]
    pub fn drafted<'q>(
        self,
        provider: &ProviderQuirks,
        resources: impl IntoIterator<Item = (&'q str, &'q ResourceQuirks)>,
        source: &Source,
    ) -> Self {
        let settings = ProviderSetting::departures(provider).into_iter().map(Setting::Provider);
        let resources = resources.into_iter().flat_map(|(name, quirks)| {
            let of_type = move |setting| Setting::Resource { resource_type: Some(name.to_owned()), setting };
            ResourceSetting::departures(quirks).into_iter().map(of_type)
        });
        let quirks = settings.chain(resources).map(|setting| Quirk::new(setting, source.clone()));
        quirks.fold(self, Self::with_quirk)
    }

    /// The profile as a file, which [`parse`](Self::parse) reads again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut file = Table::new();
        let text = |text: &str| Value::from(text);
        file.insert("name".into(), text(self.name()));
        file.insert("title".into(), text(&self.title));
        file.insert("description".into(), text(&self.description));
        if let Some(base) = self.base {
            file.insert("base".into(), text(base.name()));
        }
        if !self.quirks.is_empty() {
            file.insert("quirk".into(), self.quirks.iter().map(quirk_table).collect::<Vec<_>>().into());
        }
        file.to_string()
    }
}

fn quirk_table(quirk: &Quirk) -> Value {
    let mut table = Table::new();
    table.insert("set".into(), quirk.setting.key().into());
    if let Some(resource_type) = quirk.setting.resource_type() {
        table.insert("resource_type".into(), resource_type.into());
    }
    table.insert("value".into(), quirk.setting.value());
    table.insert("source".into(), quirk.source.to_string().into());
    if let Some(note) = &quirk.note {
        table.insert("note".into(), note.as_str().into());
    }
    Value::Table(table)
}
