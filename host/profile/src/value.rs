//! How the values of quirks are written in TOML: one implementation for each kind.

use crate::budget::Budget;
use crate::mistake::{Mistake, nearest};
use crate::quirks::{
    ContentType, Deletion, Disabling, EmptyResult, MemberRemoval, OperationNames, PageSize, Paging,
    PatchForm, QueryBy, Update, Verification,
};
use scimwright_scim::{AttributePath, Comparison};
use std::num::NonZeroU32;
use toml::Spanned;
use toml::de::DeValue;

/// The word that sets any quirk back to what the RFCs say.
pub(crate) const DEFAULT: &str = "default";

/// A value as it stands in the file.
pub(crate) type Written<'t> = Spanned<DeValue<'t>>;

/// A value that a quirk can have.
pub(crate) trait QuirkValue: Sized {
    /// What may be written, to end the sentence "has to be …".
    fn allowed() -> String;

    fn read(written: &Written<'_>) -> Result<Self, Mistake>;

    fn write(&self) -> toml::Value;
}

/// A value that is one of some words.
trait Word: Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Word> QuirkValue for T {
    fn allowed() -> String {
        one_of(T::WORDS.iter().map(|(word, _)| *word))
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        let text = text(written, &Self::allowed())?;
        let found = T::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let mistake = Mistake::misfit(written, &Self::allowed());
            match nearest(text, T::WORDS.iter().map(|(word, _)| *word)) {
                Some(word) => mistake.help(format!("did you mean \"{word}\"?")),
                None => mistake,
            }
        })
    }

    fn write(&self) -> toml::Value {
        let found = T::WORDS.iter().find(|(_, value)| value == self);
        found.map_or(DEFAULT, |(word, _)| word).into()
    }
}

macro_rules! words {
    ($($type:ty: $($word:literal => $value:expr),+;)+) => {
        $(impl Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        })+
    };
}

words! {
    ContentType: "application/scim+json" => ContentType::ScimJson, "application/json" => ContentType::Json;
    QueryBy: "get" => QueryBy::Get, "search" => QueryBy::Search;
    Paging: "declared" => Paging::Declared, "index" => Paging::Index, "cursor" => Paging::Cursor;
    EmptyResult: "empty-list" => EmptyResult::EmptyList, "not-found" => EmptyResult::NotFound;
    Update: "declared" => Update::Declared, "patch" => Update::Patch, "put" => Update::Put;
    PatchForm: "path" => PatchForm::Path, "object" => PatchForm::Object;
    OperationNames: "lower" => OperationNames::Lower, "capital" => OperationNames::Capital;
    MemberRemoval: "filter" => MemberRemoval::Filter, "value" => MemberRemoval::Value,
        "replace" => MemberRemoval::Replace, "put" => MemberRemoval::Put;
    Disabling: "reversible" => Disabling::Reversible, "deletes" => Disabling::Deletes;
    Deletion: "plain" => Deletion::Plain, "irreversible" => Deletion::Irreversible,
        "tombstone" => Deletion::Tombstone;
    Comparison: "eq" => Comparison::Equal, "ne" => Comparison::NotEqual, "co" => Comparison::Contains,
        "sw" => Comparison::StartsWith, "ew" => Comparison::EndsWith, "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual, "lt" => Comparison::Less, "le" => Comparison::LessOrEqual;
}

impl QuirkValue for bool {
    fn allowed() -> String {
        "true or false".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        written.get_ref().as_bool().ok_or_else(|| Mistake::misfit(written, &Self::allowed()))
    }

    fn write(&self) -> toml::Value {
        (*self).into()
    }
}

impl QuirkValue for u32 {
    fn allowed() -> String {
        "a whole number".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        number(written).ok_or_else(|| Mistake::misfit(written, &Self::allowed()))
    }

    fn write(&self) -> toml::Value {
        i64::from(*self).into()
    }
}

impl QuirkValue for NonZeroU32 {
    fn allowed() -> String {
        "a whole number above 0".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        number(written).and_then(Self::new).ok_or_else(|| Mistake::misfit(written, &Self::allowed()))
    }

    fn write(&self) -> toml::Value {
        i64::from(self.get()).into()
    }
}

impl QuirkValue for PageSize {
    fn allowed() -> String {
        "\"unspecified\" or a whole number above 0".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        match written.get_ref().as_str() {
            Some("unspecified") => Ok(Self::Unspecified),
            Some(_) => Err(Mistake::misfit(written, &Self::allowed())),
            None => NonZeroU32::read(written)
                .map(Self::At)
                .map_err(|_| Mistake::misfit(written, &Self::allowed())),
        }
    }

    fn write(&self) -> toml::Value {
        match self {
            Self::Unspecified => "unspecified".into(),
            Self::At(size) => size.write(),
        }
    }
}

impl QuirkValue for Verification {
    fn allowed() -> String {
        "\"never\", \"always\", or a whole number above 0: one write in so many".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        match written.get_ref().as_str() {
            Some("never") => Ok(Self::Never),
            Some("always") => Ok(Self::Always),
            Some(_) => Err(Mistake::misfit(written, &Self::allowed())),
            None => NonZeroU32::read(written)
                .map(Self::Sampled)
                .map_err(|_| Mistake::misfit(written, &Self::allowed())),
        }
    }

    fn write(&self) -> toml::Value {
        match self {
            Self::Never => "never".into(),
            Self::Always => "always".into(),
            Self::Sampled(one_in) => one_in.write(),
        }
    }
}

impl QuirkValue for Budget {
    fn allowed() -> String {
        "a number of requests and s, min or h, as \"600/min\"".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        let text = text(written, &Self::allowed())?;
        text.parse().map_err(|_| Mistake::misfit(written, &Self::allowed()))
    }

    fn write(&self) -> toml::Value {
        self.to_string().into()
    }
}

/// The path of an address below the base URL, or the `type` of a member.
impl QuirkValue for String {
    fn allowed() -> String {
        "a text that is not empty".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        match text(written, &Self::allowed())? {
            "" => Err(Mistake::misfit(written, &Self::allowed())),
            text => Ok(text.to_owned()),
        }
    }

    fn write(&self) -> toml::Value {
        self.as_str().into()
    }
}

impl QuirkValue for AttributePath {
    fn allowed() -> String {
        "the path of an attribute, as \"name.givenName\"".into()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        let text = text(written, &Self::allowed())?;
        Self::parse(text).map_err(|error| Mistake::misfit(written, &Self::allowed()).help(error.to_string()))
    }

    fn write(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl<T: QuirkValue> QuirkValue for Vec<T> {
    fn allowed() -> String {
        format!("a list, each in it {}", T::allowed())
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        let items = written.get_ref().as_array();
        let items = items.ok_or_else(|| Mistake::misfit(written, &Self::allowed()))?;
        items.iter().map(T::read).collect()
    }

    fn write(&self) -> toml::Value {
        self.iter().map(T::write).collect::<Vec<_>>().into()
    }
}

/// None is the default, and has no other name.
impl<T: QuirkValue> QuirkValue for Option<T> {
    fn allowed() -> String {
        T::allowed()
    }

    fn read(written: &Written<'_>) -> Result<Self, Mistake> {
        T::read(written).map(Some)
    }

    fn write(&self) -> toml::Value {
        self.as_ref().map_or_else(|| DEFAULT.into(), T::write)
    }
}

fn text<'t>(written: &'t Written<'_>, allowed: &str) -> Result<&'t str, Mistake> {
    written.get_ref().as_str().ok_or_else(|| Mistake::misfit(written, allowed))
}

fn number(written: &Written<'_>) -> Option<u32> {
    let number = written.get_ref().as_integer()?;
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}

fn one_of(words: impl Iterator<Item = &'static str>) -> String {
    let quoted: Vec<_> = words.map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}
