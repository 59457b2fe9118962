//! Quoting what a provider said: bounded, on one line, and without our secrets.
//!
//! A provider's words end up in errors, logs and the state database. They may be a page of HTML, hold line
//! breaks that forge log lines, or echo the request's token. [`Secrets::quote`] is the one way they get there.

use crate::address::escape;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use url::form_urlencoded::byte_serialize;

/// The longest text quoted from a provider, in characters.
pub const MAX_QUOTE_CHARS: usize = 300;

/// How many fetched tokens are remembered. Only the last one is in use; an answer that comes late may still
/// quote the one before.
const LEARNT: usize = 4;

/// Shorter secrets are not looked for: replacing every `a` would hide nothing and spoil texts.
const SHORTEST: usize = 4;

/// From this length on a secret is taken out of resources too. A shorter one may be a word that somebody's
/// title holds by chance, and a resource that is shown with `[redacted]` in it would be changed for ever.
const UNMISTAKABLE: usize = 16;

/// The secrets that no text may contain. Clones share what is learnt later.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    configured: Arc<[Forms]>,
    learnt: Arc<Mutex<VecDeque<Forms>>>,
}

/// A secret in every form in which a server may show it: as it is, as a form or an address has it, as a
/// header has it, as JSON has it.
type Forms = Arc<[SecretString]>;

fn forms(secret: &SecretString) -> Forms {
    let plain = secret.expose_secret();
    if plain.len() < SHORTEST {
        return Arc::default();
    }
    let json = serde_json::Value::from(plain).to_string();
    let percent = [
        utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string(),
        escape(plain).to_string(),
        byte_serialize(plain.as_bytes()).collect(),
    ];
    let mut forms = vec![plain.to_owned(), STANDARD.encode(plain), json[1..json.len() - 1].to_owned()];
    forms.extend(percent.iter().map(|text| lower_hex(text)));
    forms.extend(percent);
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter().map(SecretString::from).collect()
}

// RFC 3986 section 2.1: `%2f` is `%2F`.
fn lower_hex(percent_encoded: &str) -> String {
    let mut digits = 0;
    let lower = |c: char| match c {
        '%' => {
            digits = 2;
            c
        }
        _ if digits > 0 => {
            digits -= 1;
            c.to_ascii_lowercase()
        }
        _ => c,
    };
    percent_encoded.chars().map(lower).collect()
}

impl Secrets {
    /// A secret of the configuration, kept as long as the client is. For the time before there are clones.
    pub(crate) fn keep(&mut self, secret: &SecretString) {
        self.configured = self.configured.iter().cloned().chain([forms(secret)]).collect();
    }

    /// A secret that came later: a token that was fetched. All clones know it from now on.
    pub(crate) fn learn(&self, secret: &SecretString) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt.truncate(LEARNT - 1);
        learnt.push_front(forms(secret));
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redact_from(text, SHORTEST)
    }

    /// Takes the secrets out that are at least so long, in bytes.
    fn redact_from<'a>(&self, text: &'a str, shortest: usize) -> Cow<'a, str> {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forms: Vec<_> =
            learnt.iter().chain(self.configured.iter()).flat_map(|forms| forms.iter()).collect();
        forms.retain(|form| form.expose_secret().len() >= shortest);
        // Some are parts of others: the password is in the pair of user and password.
        forms.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
        let mut text = Cow::Borrowed(text);
        for form in forms {
            if text.contains(form.expose_secret()) {
                text = Cow::Owned(text.replace(form.expose_secret(), "[redacted]"));
            }
        }
        text
    }

    /// A provider's body without the secrets that are long enough to be nothing else. A provider that echoes a
    /// request into a resource must not get our token into files and onto screens.
    pub(crate) fn redact_body<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        let Ok(text) = std::str::from_utf8(body) else { return Cow::Borrowed(body) };
        match self.redact_from(text, UNMISTAKABLE) {
            Cow::Borrowed(_) => Cow::Borrowed(body),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }

    /// A provider's text, fit for an error: secrets replaced, blanks and control characters folded to one
    /// blank, at most [`MAX_QUOTE_CHARS`] long.
    pub(crate) fn quote(&self, text: &str) -> String {
        // Secrets go first: folding or cutting could leave a part of one standing.
        let text = self.redact(text);
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
        write!(f, "{} [redacted]", self.configured.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Point 27: secrets never reach logs, plans or state, whoever says them.
    #[test]
    fn a_resource_holds_no_secret_of_ours_and_keeps_words_that_look_like_one() {
        let mut secrets = Secrets::default();
        secrets.keep(&SecretString::from("t0ken-of-forty-characters".to_owned()));
        secrets.keep(&SecretString::from("Demo".to_owned()));
        let body = br#"{"nickName": "Bearer t0ken-of-forty-characters", "title": "Demo"}"#;
        let shown = String::from_utf8(secrets.redact_body(body).into_owned()).unwrap();
        assert_eq!(shown, r#"{"nickName": "Bearer [redacted]", "title": "Demo"}"#);
    }

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
        let mut secrets = Secrets::default();
        secrets.keep(&secret);
        assert_eq!(secrets.quote("bad t0ken-of-forty-characters!"), "bad [redacted]!");
        let at_the_cut = format!("{}t0ken-of-forty-characters", "x".repeat(MAX_QUOTE_CHARS - 5));
        assert!(!secrets.quote(&at_the_cut).contains("t0ken"));
    }

    /// Point 27: passwords and tokens never reach logs.
    #[test]
    fn a_secret_is_taken_out_in_every_form_in_which_it_travels() {
        let mut secrets = Secrets::default();
        secrets.keep(&SecretString::from("p\u{e4}ss \"W/rd+~"));
        for echoed in [
            "p\u{e4}ss \"W/rd+~",
            "p%C3%A4ss%20%22W%2Frd%2B%7E",
            "p%c3%a4ss%20%22W%2frd%2b%7e",
            "p%C3%A4ss+%22W%2Frd%2B%7E",
            "p\u{e4}ss \\\"W/rd+~",
            "cMOkc3MgIlcvcmQrfg==",
        ] {
            assert_eq!(secrets.quote(&format!("a {echoed} b")), "a [redacted] b", "{echoed}");
        }
    }

    #[test]
    fn what_is_learnt_later_is_known_to_every_clone() {
        let secrets = Secrets::default();
        let clone = secrets.clone();
        for number in 0..10 {
            secrets.learn(&SecretString::from(format!("token-{number}")));
        }
        assert_eq!(clone.quote("token-9 token-6 token-1"), "[redacted] [redacted] token-1");
    }

    #[test]
    fn a_secret_too_short_to_hide_is_left_alone() {
        let mut secrets = Secrets::default();
        secrets.keep(&SecretString::from("a"));
        assert_eq!(secrets.quote("a banana"), "a banana");
    }
}
