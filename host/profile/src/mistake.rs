//! What is wrong with a profile: where it stands, what it says, and what to write instead.
//!
//! Reading goes on after a mistake, so that a file is corrected once and not once for each mistake.

use crate::value::Written;
use std::fmt;
use std::ops::Range;

/// One mistake in the text of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands, in bytes of the text.
    pub span: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The character of the line with which it begins, from 1.
    pub column: usize,
    /// What is wrong, naming the text at fault.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Everything that is wrong with a profile, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProfile {
    /// The file, as the caller named it.
    pub file: String,
    /// The mistakes; at least one.
    pub mistakes: Vec<Mistake>,
}

impl Mistake {
    pub(crate) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, line: 1, column: 1, message: message.into(), help: None }
    }

    /// A value of the wrong kind.
    pub(crate) fn misfit(written: &Written<'_>, allowed: &str) -> Self {
        Self::at(written.span(), format!("{} is not allowed here", shown(written)))
            .help(format!("write {allowed}"))
    }

    /// Puts a better remedy in place of the one there is.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says of which quirk the value is.
    pub(crate) fn of(mut self, key: &str) -> Self {
        self.message = format!("`{key}`: {}", self.message);
        self
    }

    /// Says on which line of the text it stands.
    pub(crate) fn placed(mut self, text: &str) -> Self {
        let before = text.get(..self.span.start.min(text.len())).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        self.line = before.matches('\n').count() + 1;
        self.column = line.chars().count() + 1;
        self
    }
}

impl fmt::Display for InvalidProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let Mistake { line, column, message, help, .. } = mistake;
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}:{column}: {message}", self.file)?;
            if let Some(help) = help {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for InvalidProfile {}

/// A value as a person may read it, cut where it is long.
pub(crate) fn shown(written: &Written<'_>) -> String {
    use toml::de::DeValue;
    match written.get_ref() {
        DeValue::String(text) => format!("\"{}\"", cut(text)),
        DeValue::Integer(number) => format!("`{}`", cut(number.as_str())),
        DeValue::Float(number) => format!("`{}`", cut(number.as_str())),
        DeValue::Boolean(truth) => format!("`{truth}`"),
        DeValue::Datetime(moment) => format!("`{moment}`"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

pub(crate) fn cut(text: &str) -> String {
    const SHOWN: usize = 80;
    let start: String = text.chars().take(SHOWN).collect();
    if start.len() == text.len() { start } else { format!("{start}…") }
}

/// The name most like the text, if one is like it at all.
pub(crate) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|name| (strsim::damerau_levenshtein(&cut(text).to_lowercase(), name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
