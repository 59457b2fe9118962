//! Quoting what a provider said: bounded, on one line, and without our secrets.
//!
//! A provider's words end up in errors, logs and the state database. They may be a page of HTML, hold line
//! breaks that forge log lines, or echo the request's token. [`Secrets::quote`] is the one way they get there.

use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The longest text quoted from a provider, in characters.
pub const MAX_QUOTE_CHARS: usize = 300;

/// The secrets that no text may contain.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[SecretString]>);

impl Secrets {
    /// These secrets. Very short ones are left out: replacing every `a` would hide nothing and spoil texts.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| secret.expose_secret().len() >= 4).cloned().collect())
    }

    /// A provider's text, fit for an error: secrets replaced, blanks and control characters folded to one
    /// blank, at most [`MAX_QUOTE_CHARS`] long.
    pub(crate) fn quote(&self, text: &str) -> String {
        // Secrets go first: folding or cutting could leave a part of one standing.
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter() {
            if text.contains(secret.expose_secret()) {
                text = Cow::Owned(text.replace(secret.expose_secret(), "[redacted]"));
            }
        }
        let mut quoted = String::with_capacity(text.len().min(4 * MAX_QUOTE_CHARS));
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let mut room = MAX_QUOTE_CHARS;
        for word in words {
            if !quoted.is_empty() {
                quoted.push(' ');
                room = room.saturating_sub(1);
            }
            for c in word.chars() {
                if room == 0 {
                    quoted.push('…');
                    return quoted;
                }
                quoted.push(c);
                room -= 1;
            }
        }
        quoted
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [redacted]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_bounded_line() {
        let quoted = Secrets::default().quote("  first\r\nsecond\u{0}\u{1b}[31m\tthird ");
        assert_eq!(quoted, "first second [31m third");
        let long = Secrets::default().quote(&"ä".repeat(10_000));
        assert_eq!(long.chars().count(), MAX_QUOTE_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn an_echoed_secret_is_taken_out_before_the_text_is_cut() {
        let secret = SecretString::from("t0ken-of-forty-characters".to_owned());
        let secrets = Secrets::new([&secret]);
        assert_eq!(secrets.quote("bad t0ken-of-forty-characters!"), "bad [redacted]!");
        let at_the_cut = format!("{}t0ken-of-forty-characters", "x".repeat(MAX_QUOTE_CHARS - 5));
        assert!(!secrets.quote(&at_the_cut).contains("t0ken"));
    }
}
