//! Text that comes from a guest or stands in a message for people.
//!
//! A guest chooses what it says, and what it says is printed on terminals and written to logs. So its
//! text is cut to a length and stripped of control characters at the one place where it enters.

use std::time::Duration;

/// The longest message taken from a guest, in bytes: a reason, an error, a description.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// The text without control characters other than line ends and tabs, cut to at most `max` bytes.
/// Text that was cut ends in `…`.
pub(crate) fn tame(text: &str, max: usize) -> String {
    let mut tame = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        let c = if c.is_control() && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
        if tame.len() + c.len_utf8() > max {
            tame.push('…');
            break;
        }
        tame.push(c);
    }
    tame
}

/// [`tame`] for a message: at most [`MAX_MESSAGE_BYTES`].
pub(crate) fn tame_message(text: &str) -> String {
    tame(text, MAX_MESSAGE_BYTES)
}

/// A number of bytes as people say it: `256 KiB`, `1.3 MiB`, `812 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = KIB * 1024;
    let scaled = |unit: u64, name: &str| {
        let tenths = (u128::from(count) * 10 / u128::from(unit)) as u64;
        match tenths % 10 {
            0 => format!("{} {name}", tenths / 10),
            rest => format!("{}.{rest} {name}", tenths / 10),
        }
    };
    match count {
        MIB.. => scaled(MIB, "MiB"),
        KIB.. => scaled(KIB, "KiB"),
        _ => format!("{count} bytes"),
    }
}

/// A span of time in milliseconds, to a tenth where it is short: `87 µs`, `1.4 ms`, `50 ms`.
pub(crate) fn millis(time: Duration) -> String {
    let tenths = time.as_micros() / 100;
    match tenths % 10 {
        _ if tenths < 10 => format!("{} µs", time.as_micros()),
        0 => format!("{} ms", tenths / 10),
        rest if tenths < 100 => format!("{}.{rest} ms", tenths / 10),
        _ => format!("{} ms", tenths / 10),
    }
}

/// A span of time as a number of milliseconds, for JSON.
pub(crate) fn as_millis<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_micros() as f64 / 1000.0)
}

/// The name in `known` that is most like `text`, if any is like it at all.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `a`, `b` and `c`, each in backticks.
pub(crate) fn list<T: std::fmt::Display>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|item| format!("`{item}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_a_terminal_do_not_survive() {
        assert_eq!(tame("a\u{1b}[31mb\n\tc\r", 100), "a\u{fffd}[31mb\n\tc\u{fffd}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(tame("ééé", 4), "éé…");
        assert_eq!(tame("abc", 3), "abc");
    }

    #[test]
    fn quantities_read_well() {
        assert_eq!(bytes(812), "812 bytes");
        assert_eq!(bytes(256 * 1024), "256 KiB");
        assert_eq!(bytes(1_376_256), "1.3 MiB");
        assert_eq!(millis(Duration::from_micros(87)), "87 µs");
        assert_eq!(millis(Duration::from_micros(1_340)), "1.3 ms");
        assert_eq!(millis(Duration::from_micros(50_900)), "50 ms");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("domian", ["domain", "locale"]), Some("domain"));
        assert_eq!(nearest("xyz", ["domain", "locale"]), None);
    }
}
