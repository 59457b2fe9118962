//! Where a quirk was learned: no quirk without one.

use std::fmt;
use std::str::FromStr;
use url::Url;

/// Where a quirk was learned, so that it can be checked again.
///
/// ```
/// use scimwright_profile::Source;
///
/// let source: Source = "goauthentik/authentik#24173".parse()?;
/// assert_eq!(source.address().as_deref(), Some("https://github.com/goauthentik/authentik/issues/24173"));
/// assert!("somebody said so".parse::<Source>().is_err());
/// # Ok::<(), scimwright_profile::InvalidSource>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A page, such as the vendor's documentation.
    Page(Url),
    /// An issue or a pull request on GitHub: `owner/repository#123`.
    Issue {
        /// `owner/repository`.
        repository: String,
        /// Its number.
        number: u64,
    },
    /// Seen with one's own eyes: `observed: canaille 0.3.6`.
    Observed {
        /// What was observed.
        name: String,
        /// In which version, or on which day where it shows none.
        version: String,
    },
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a source")]
pub struct InvalidSource {
    /// The text.
    pub text: String,
}

impl Source {
    /// What may be written.
    pub(crate) const ALLOWED: &'static str =
        "an http(s) address, OWNER/REPOSITORY#NUMBER, or \"observed: NAME VERSION\"";

    /// Something observed in this version.
    #[must_use]
    pub fn observed(name: &str, version: &str) -> Self {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // The version is one word, as the text form ends with it.
        Self::Observed { name: one_line(name), version: one_line(version).replace(' ', "-") }
    }

    /// Where to read it, when it can be read.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Page(url) => Some(url.to_string()),
            Self::Issue { repository, number } => {
                Some(format!("https://github.com/{repository}/issues/{number}"))
            }
            Self::Observed { .. } => None,
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(observed) = text.strip_prefix("observed:") {
            let (name, version) = observed.trim().rsplit_once(char::is_whitespace)?;
            return (!name.trim().is_empty()).then(|| Self::observed(name, version));
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Url::parse(text).ok().map(Self::Page);
        }
        let (repository, number) = text.split_once('#')?;
        let (owner, name) = repository.split_once('/')?;
        let is_name = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let number = number.parse().ok().filter(|number| *number > 0)?;
        (is_name(owner) && is_name(name)).then(|| Self::Issue { repository: repository.to_owned(), number })
    }
}

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        Self::read(text.trim()).ok_or_else(|| InvalidSource { text: text.to_owned() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(url) => write!(f, "{url}"),
            Self::Issue { repository, number } => write!(f, "{repository}#{number}"),
            Self::Observed { name, version } => write!(f, "observed: {name} {version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_prints_as_it_was_written() {
        for text in [
            "https://docs.aws.amazon.com/singlesignon/latest/developerguide/limitations.html",
            "http://127.0.0.1/x",
            "simpleidserver/SimpleIdServer#244",
            "observed: canaille 0.3.6",
            "observed: the server in the cellar 2026-01-30",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn hearsay_is_no_source() {
        for text in
            ["", "a/b", "a#1", "a/b/c#1", "a/b#0", "a/b#x", "observed:", "observed: x", "ftp://a/", "http://"]
        {
            let error = text.parse::<Source>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a source"));
        }
    }
}
