//! A profile from its text, key by key, collecting every mistake on the way.

use crate::mistake::{InvalidProfile, Mistake, cut, nearest, shown};
use crate::profile::{Profile, ProfileName, Quirk};
use crate::setting::{ProviderSetting, ResourceSetting, Setting};
use crate::source::Source;
use crate::value::Written;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const PROFILE_KEYS: [&str; 5] = ["name", "title", "description", "base", "quirk"];
const QUIRK_KEYS: [&str; 5] = ["set", "resource_type", "value", "source", "note"];

/// Reads a profile that may start from one of `bases`.
pub(crate) fn profile(file: &str, text: &str, bases: &'static [Profile]) -> Result<Profile, InvalidProfile> {
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = syntax_errors
        .iter()
        .map(|error| {
            Mistake::at(error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()))
        })
        .collect();
    let read = Reader { mistakes: &mut mistakes }.profile(document.get_ref(), bases);
    match read {
        Some(profile) if mistakes.is_empty() => Ok(profile),
        _ => {
            mistakes.sort_by_key(|mistake| mistake.span.start);
            let mistakes = mistakes.into_iter().map(|mistake| mistake.placed(text)).collect();
            Err(InvalidProfile { file: file.to_owned(), mistakes })
        }
    }
}

struct Reader<'m> {
    mistakes: &'m mut Vec<Mistake>,
}

impl Reader<'_> {
    fn profile(&mut self, table: &DeTable<'_>, bases: &'static [Profile]) -> Option<Profile> {
        self.refuse_unknown(table, &PROFILE_KEYS, "a profile");
        let name = self.required(table, "name", 0..0, "\"acme\"").and_then(|written| {
            let text = self.text(written)?;
            let name = text.parse::<ProfileName>();
            let help = || format!("write {}", ProfileName::ALLOWED);
            self.keep(name.map_err(|error| Mistake::at(written.span(), error.to_string()).help(help())))
        });
        let title = table.get("title").and_then(|written| self.text(written));
        let description = table.get("description").and_then(|written| self.text(written));
        let base = table.get("base").and_then(|written| self.base(written, bases));
        let quirks = table.get("quirk").map(|written| self.quirks(written)).unwrap_or_default();
        let name = name?;
        let title = title.unwrap_or_else(|| name.to_string());
        let mut profile = Profile::new(name, title, description.unwrap_or_default());
        if let Some(base) = base {
            profile = profile.based_on(base);
        }
        Some(quirks.into_iter().fold(profile, Profile::with_quirk))
    }

    fn base(&mut self, written: &Written<'_>, bases: &'static [Profile]) -> Option<&'static Profile> {
        let name = self.text(written)?;
        let base = bases.iter().find(|profile| profile.name() == name);
        if base.is_none() {
            let mistake =
                Mistake::at(written.span(), format!("there is no built-in profile \"{}\"", cut(&name)));
            self.mistakes.push(match nearest(&name, bases.iter().map(Profile::name)) {
                Some(near) => mistake.help(format!("did you mean \"{near}\"?")),
                None => mistake.help(format!("built in are {}", listed(bases.iter().map(Profile::name)))),
            });
        }
        base
    }

    fn quirks(&mut self, written: &Written<'_>) -> Vec<Quirk> {
        let Some(items) = written.get_ref().as_array() else {
            let mistake = Mistake::at(written.span(), "`quirk` has to be a list of tables");
            self.mistakes.push(mistake.help("write [[quirk]], with two brackets"));
            return Vec::new();
        };
        let mut quirks = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => quirks.extend(self.quirk(table, item.span())),
                _ => self.mistakes.push(
                    Mistake::at(item.span(), "each `quirk` has to be a table")
                        .help("write [[quirk]], and its keys below"),
                ),
            }
        }
        quirks
    }

    fn quirk(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Option<Quirk> {
        self.refuse_unknown(table, &QUIRK_KEYS, "a quirk");
        let source = self.required(table, "source", span.clone(), "\"observed: acme 2.1\"");
        let source = source.and_then(|written| {
            let text = self.text(written)?;
            let help = || format!("write {}", Source::ALLOWED);
            let source = text.parse::<Source>();
            self.keep(source.map_err(|error| Mistake::at(written.span(), error.to_string()).help(help())))
        });
        let note = table.get("note").and_then(|written| self.text(written));
        let resource_type = table.get("resource_type");
        let setting = self.setting(table, resource_type, span);
        let resource_type = resource_type.map(|written| self.filled_text(written));
        let setting = match (setting?, resource_type) {
            (Setting::Resource { setting, .. }, named) => {
                let resource_type = match named {
                    Some(name) => Some(name?),
                    None => None,
                };
                Setting::Resource { resource_type, setting }
            }
            (provider, _) => provider,
        };
        Some(Quirk { setting, source: source?, note })
    }

    /// The setting, not yet with the resource type it is about.
    fn setting(
        &mut self,
        table: &DeTable<'_>,
        resource_type: Option<&Written<'_>>,
        span: Range<usize>,
    ) -> Option<Setting> {
        let set = self.required(table, "set", span.clone(), "\"member-removal\"");
        let value = self.required(table, "value", span, "true");
        let set = set?;
        let key = self.text(set)?;
        if !Setting::keys().any(|known| known == key) {
            let mistake = Mistake::at(set.span(), format!("there is no quirk \"{}\"", cut(&key)));
            self.mistakes.push(match nearest(&key, Setting::keys()) {
                Some(near) => mistake.help(format!("did you mean \"{near}\"?")),
                None => mistake.help(format!("known are {}", listed(Setting::keys()))),
            });
            return None;
        }
        if let Some(resource_type) = resource_type
            && ProviderSetting::KEYS.contains(&key.as_str())
        {
            let message =
                format!("`{key}` is said of the provider as a whole, not of {}", shown(resource_type));
            self.mistakes.push(Mistake::at(resource_type.span(), message).help("take `resource_type` away"));
        }
        let value = value?;
        let provider = ProviderSetting::read(&key, value).map(|read| read.map(Setting::Provider));
        let of_resource = |setting| Setting::Resource { resource_type: None, setting };
        let read = provider.or_else(|| Some(ResourceSetting::read(&key, value)?.map(of_resource)));
        self.keep(read?.map_err(|mistake| mistake.of(&key)))
    }

    fn required<'t, 'd>(
        &mut self,
        table: &'t DeTable<'d>,
        key: &str,
        span: Range<usize>,
        example: &str,
    ) -> Option<&'t Written<'d>> {
        let found = table.get(key);
        if found.is_none() {
            let mistake = Mistake::at(span, format!("`{key}` is missing"));
            self.mistakes.push(mistake.help(format!("add, for example: {key} = {example}")));
        }
        found
    }

    fn text(&mut self, written: &Written<'_>) -> Option<String> {
        let text = written.get_ref().as_str().map(str::to_owned);
        self.keep(text.ok_or_else(|| Mistake::misfit(written, "a text in quotes")))
    }

    fn filled_text(&mut self, written: &Written<'_>) -> Option<String> {
        let text = self.text(written)?;
        let filled = Some(text).filter(|text| !text.trim().is_empty());
        self.keep(filled.ok_or_else(|| Mistake::misfit(written, "the name of a resource type, as \"Group\"")))
    }

    fn keep<T>(&mut self, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn refuse_unknown(&mut self, table: &DeTable<'_>, known: &[&str], what: &str) {
        for (key, _) in table.iter() {
            let name: &Spanned<_> = key;
            if known.contains(&name.get_ref().as_ref()) {
                continue;
            }
            let mistake = Mistake::at(name.span(), format!("{what} has no `{}`", cut(name.get_ref())));
            self.mistakes.push(match nearest(name.get_ref(), known.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("known are {}", listed(known.iter().copied()))),
            });
        }
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
