//! What a module says of itself, checked.
//!
//! The manifest is a guest's word: every count and length is bounded and every name parses before anything
//! relies on it. All mistakes are reported together.

use crate::contract::about;
use crate::convert::core_path;
use crate::text;
use scimwright_record::SourceName;
use scimwright_scim::AttributePath;
use std::collections::HashSet;

/// The most fields a manifest may read, and attributes it may write.
const MAX_NAMES: usize = 1024;
/// The most look-up sources, and settings.
const MAX_FEW: usize = 64;
/// The longest name of a field, attribute or setting, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// What a module is, needs and produces.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The module's name for itself: lower-case words joined by hyphens.
    pub name: String,
    /// Its own version, for people and logs.
    pub version: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The source fields that it reads.
    pub reads: Reads,
    /// The attributes that it may return. Each names a whole attribute, an extension's with its URN;
    /// `name` covers `name.givenName`. A bare extension URN is not an entry: what a module may write is
    /// named one by one, so that a reader of the manifest knows it all.
    pub writes: Vec<AttributePath>,
    /// The sources that it looks records up in.
    pub lookups: Vec<SourceName>,
    /// The settings that it accepts.
    pub settings: Vec<Setting>,
    /// How many records one instance may map, as far as the module is concerned. `None`, as 0 and 1: one.
    pub reuse: Option<u32>,
}

/// Which fields of a record a module reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// All of them (`*`), which needs a grant.
    All,
    /// Those with these names.
    Fields(Vec<String>),
}

/// A setting that a module accepts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Whether the module cannot work without it.
    pub required: bool,
    /// The value that the module assumes when none is given.
    pub default: Option<String>,
}

impl Reads {
    /// Whether the module may see the field of this name.
    #[must_use]
    pub fn contains(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Fields(names) => names.iter().any(|name| name == field),
        }
    }
}

impl Manifest {
    /// Checks what a guest returned from `describe`.
    ///
    /// # Errors
    /// A sentence for every mistake, in the order of the manifest's fields.
    pub(crate) fn check(raw: about::Manifest) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        if !is_module_name(&raw.name) {
            problems.push(format!(
                "`name` is `{}`; it has to be lower-case words joined by hyphens, like `corp-user`",
                text::tame(&raw.name, 64)
            ));
        }
        if raw.version.trim().is_empty() || raw.version.len() > 64 {
            problems.push("`version` has to have 1 to 64 bytes".to_owned());
        }
        let reads = check_reads(&raw.reads, &mut problems);
        let writes = check_writes(&raw.writes, &mut problems);
        let lookups = check_lookups(&raw.lookups, &mut problems);
        let settings = check_settings(raw.settings, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            name: raw.name,
            version: text::tame(&raw.version, 64),
            description: text::tame_message(&raw.description),
            reads,
            writes,
            lookups,
            settings,
            reuse: raw.reuse,
        })
    }

    /// Whether the module may return this attribute. Names compare without case.
    #[must_use]
    pub fn declares(&self, path: &AttributePath) -> bool {
        self.writes.iter().any(|declared| declared.same_attribute(path))
    }

    /// Checks the settings of a configuration against those the module accepts.
    ///
    /// # Errors
    /// A sentence for every mistake.
    pub(crate) fn check_settings(&self, given: &[(String, String)]) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let names = || self.settings.iter().map(|setting| setting.name.as_str());
        let mut seen = HashSet::new();
        for (name, _) in given {
            if !seen.insert(name) {
                problems.push(format!("the setting `{name}` is given twice"));
            } else if !names().any(|known| known == name) {
                problems.push(match text::nearest(name, names()) {
                    Some(near) => format!("there is no setting `{name}`; did you mean `{near}`?"),
                    None => format!(
                        "there is no setting `{name}`; the module accepts {}",
                        text::list(&names().collect::<Vec<_>>())
                    ),
                });
            }
        }
        for setting in self.settings.iter().filter(|setting| setting.required) {
            if !given.iter().any(|(name, _)| *name == setting.name) {
                problems.push(format!(
                    "the setting `{}` is required ({})",
                    setting.name,
                    setting.description.trim_end_matches('.')
                ));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn is_module_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Notes what is wrong with a list as a whole, and returns the items that may be looked at further.
fn bounded<'a, T>(list: &'static str, items: &'a [T], most: usize, problems: &mut Vec<String>) -> &'a [T] {
    if items.len() > most {
        problems.push(format!("`{list}` has {} entries, {most} are allowed", items.len()));
        return &[];
    }
    items
}

/// Whether a name can be one at all; notes the reason where it cannot.
fn is_name(list: &'static str, name: &str, problems: &mut Vec<String>) -> bool {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 256 bytes"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else {
        return true;
    };
    problems.push(format!("`{list}` names `{}`: {reason}", text::tame(name, 64)));
    false
}

fn check_reads(raw: &[String], problems: &mut Vec<String>) -> Reads {
    let raw = bounded("reads", raw, MAX_NAMES, problems);
    if raw.iter().any(|name| name == "*") {
        if raw.len() > 1 {
            problems.push("`reads` names `*` beside others; `*` alone already means every field".to_owned());
        }
        return Reads::All;
    }
    let mut seen = HashSet::new();
    for name in raw {
        if is_name("reads", name, problems) && !seen.insert(name) {
            problems.push(format!("`reads` names `{name}` twice"));
        }
    }
    Reads::Fields(raw.to_vec())
}

fn check_writes(raw: &[String], problems: &mut Vec<String>) -> Vec<AttributePath> {
    let mut writes: Vec<AttributePath> = Vec::new();
    for name in bounded("writes", raw, MAX_NAMES, problems) {
        if !is_name("writes", name, problems) {
            continue;
        }
        match AttributePath::parse(name).map(core_path) {
            Err(error) => problems.push(format!("`writes` names `{name}`: {error}")),
            Ok(path) if path.sub.is_some() => problems.push(format!(
                "`writes` names `{name}`: a part of an attribute; name the whole, `{}`",
                AttributePath { sub: None, ..path }
            )),
            Ok(path) if writes.contains(&path) => problems.push(format!("`writes` names `{name}` twice")),
            Ok(path) => writes.push(path),
        }
    }
    writes
}

fn check_lookups(raw: &[String], problems: &mut Vec<String>) -> Vec<SourceName> {
    let mut lookups = Vec::new();
    for name in bounded("lookups", raw, MAX_FEW, problems) {
        match SourceName::parse(name) {
            Err(error) => problems.push(format!("`lookups`: {error}")),
            Ok(name) if lookups.contains(&name) => problems.push(format!("`lookups` names `{name}` twice")),
            Ok(name) => lookups.push(name),
        }
    }
    lookups
}

fn check_settings(raw: Vec<about::Setting>, problems: &mut Vec<String>) -> Vec<Setting> {
    let mut seen = HashSet::new();
    for setting in bounded("settings", &raw, MAX_FEW, problems) {
        if is_name("settings", &setting.name, problems) && !seen.insert(&setting.name) {
            problems.push(format!("`settings` names `{}` twice", setting.name));
        }
    }
    raw.into_iter()
        .take(MAX_FEW)
        .map(|setting| Setting {
            name: setting.name,
            description: text::tame_message(&setting.description),
            required: setting.required,
            default: setting.default.map(|default| text::tame_message(&default)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> about::Manifest {
        about::Manifest {
            name: "corp-user".into(),
            version: "1.0.0".into(),
            description: "People as Users.".into(),
            reads: vec!["email".into()],
            writes: vec!["userName".into(), "name".into()],
            lookups: vec!["hr".into()],
            settings: vec![about::Setting {
                name: "domain".into(),
                description: "The mail domain.".into(),
                required: true,
                default: None,
            }],
            reuse: None,
        }
    }

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    #[test]
    fn a_declared_attribute_covers_its_parts_and_any_case() {
        let manifest = Manifest::check(raw()).unwrap();
        assert!(manifest.declares(&path("USERNAME")));
        assert!(manifest.declares(&path("name.givenName")));
        assert!(!manifest.declares(&path("title")));
        let in_extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:name";
        assert!(!manifest.declares(&path(in_extension)));
    }

    #[test]
    fn all_mistakes_of_a_manifest_are_reported_at_once() {
        let raw = about::Manifest {
            name: "Corp User".into(),
            version: String::new(),
            reads: vec!["*".into(), "a".into()],
            writes: vec!["user name".into(), "title".into(), "TITLE".into(), "name.givenName".into()],
            lookups: vec!["../etc".into()],
            ..raw()
        };
        let problems = Manifest::check(raw).unwrap_err();
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }

    #[test]
    fn a_manifest_cannot_be_endless() {
        let raw = about::Manifest { reads: vec!["a".into(); MAX_NAMES + 1], ..raw() };
        let problems = Manifest::check(raw).unwrap_err();
        assert_eq!(problems, ["`reads` has 1025 entries, 1024 are allowed"]);
    }

    #[test]
    fn an_unknown_setting_suggests_the_nearest_and_a_missing_one_is_named() {
        let manifest = Manifest::check(raw()).unwrap();
        let given = [("domian".to_owned(), "example.com".to_owned())];
        assert_eq!(
            manifest.check_settings(&given).unwrap_err(),
            [
                "there is no setting `domian`; did you mean `domain`?",
                "the setting `domain` is required (The mail domain)"
            ]
        );
        assert!(manifest.check_settings(&[("domain".into(), "example.com".into())]).is_ok());
    }
}
