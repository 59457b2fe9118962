//! The languages that a mapping can be written in.

use std::fmt;
use std::str::FromStr;

/// A language that a mapping can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust: the smallest and fastest modules.
    Rust,
    /// JavaScript, run by QuickJS in the module.
    JavaScript,
    /// Python, run by CPython in the module.
    Python,
}

impl Language {
    /// All of them, as they are offered.
    pub const ALL: [Self; 3] = [Self::Rust, Self::JavaScript, Self::Python];

    /// Its name in `mapping.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = String;

    /// Reads a language as people write it: `rust`, `javascript` or `js`, `python` or `py`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rust" | "rs" => Ok(Self::Rust),
            "javascript" | "js" => Ok(Self::JavaScript),
            "python" | "py" => Ok(Self::Python),
            other => {
                Err(format!("`{other}` is no language for mappings; there are rust, javascript and python"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_reads_back_as_it_is_written() {
        for language in Language::ALL {
            assert_eq!(language.name().parse(), Ok(language));
        }
        assert_eq!("js".parse(), Ok(Language::JavaScript));
        assert!("perl".parse::<Language>().unwrap_err().contains("rust, javascript and python"));
    }
}
