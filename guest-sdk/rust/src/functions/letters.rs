//! Plain letters for names, as login names and mail addresses want them.
//!
//! Decomposition by the Unicode tables would cost every module a hundred kilobytes and still leave out `ø`,
//! `ł` and `ß`, which do not decompose. So there is a table of the letters that names are written with,
//! `guest-sdk/transliteration.json`, which every SDK has; the module `tables` has it packed, and only a
//! module that calls one of these functions has it at all.

use super::case::is_mark;
use super::tables::{CELL, DIACRITICS, DIACRITICS_BASES, LANGUAGES, LETTERS, LETTERS_ASCII};

/// The text in ASCII: diacritics are taken off Latin letters, Greek and Cyrillic ones are transcribed, dashes
/// and apostrophes become the plain ones. What has no plain form (Han, kana, Arabic, emoji) is left out, so
/// the result may be empty.
///
/// ```
/// use scimwright_guest::functions::to_ascii;
///
/// assert_eq!(to_ascii("Zoë O’Brien–Łukaszewicz"), "Zoe O'Brien-Lukaszewicz");
/// assert_eq!(to_ascii("Nguyễn Thị Hương"), "Nguyen Thi Huong");
/// assert_eq!(to_ascii("Юлия Щербакова"), "Yuliya Shcherbakova");
/// assert_eq!(to_ascii("山田"), "");
/// ```
#[must_use]
pub fn to_ascii(text: &str) -> String {
    spelt(text, &[])
}

/// As [`to_ascii`], spelt as a language does where that differs: in German `ü` is `ue`. `language` is a BCP 47
/// tag; one that is not known changes nothing.
///
/// ```
/// use scimwright_guest::functions::to_ascii_in;
///
/// assert_eq!(to_ascii_in("Jürgen Größe", "de-CH"), "Juergen Groesse");
/// ```
#[must_use]
pub fn to_ascii_in(text: &str, language: &str) -> String {
    let first = language.trim().split(['-', '_']).next().unwrap_or_default();
    let own = LANGUAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(first));
    spelt(text, own.map_or(&[], |(_, entries)| entries))
}

/// Plain lower-case letters and digits with hyphens between words, as in addresses and group names:
/// `Research & Development` is `research-development`.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for word in to_ascii(text).split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    slug.make_ascii_lowercase();
    slug
}

/// Latin and Greek letters without their diacritics; everything else as it is.
///
/// ```
/// use scimwright_guest::functions::normalize_diacritics;
///
/// assert_eq!(normalize_diacritics("Zoë Øre 山田"), "Zoe Ore 山田");
/// ```
#[must_use]
pub fn normalize_diacritics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // Whether a mark here would stand on a Latin or Greek letter.
    let mut marked = false;
    for letter in text.chars() {
        if is_mark(letter) {
            if !marked {
                plain.push(letter);
            }
            continue;
        }
        marked = matches!(letter,
            'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{370}'..='\u{3FF}' | '\u{1E00}'..='\u{1FFF}');
        let base = position(&DIACRITICS, letter).and_then(|at| char::from_u32(DIACRITICS_BASES[at].into()));
        plain.push(base.unwrap_or(letter));
    }
    plain
}

/// ASCII by the entries of a language, then by the table.
fn spelt(text: &str, own: &[(&str, &str)]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let own_entry =
            own.iter().filter(|(from, _)| rest.starts_with(from)).max_by_key(|(from, _)| from.len());
        if let Some((from, to)) = own_entry {
            plain.push_str(to);
            rest = &rest[from.len()..];
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        if letter.is_ascii() {
            plain.push(letter);
        } else if letter.is_whitespace() {
            plain.push(' ');
        } else if let Some(at) = position(&LETTERS, letter) {
            plain.push_str(LETTERS_ASCII[at * CELL..(at + 1) * CELL].trim_end());
        }
        // ISO 843: ου is one sound, where υ alone is y.
        if matches!(letter, 'ο' | 'Ο')
            && let Some(second) = rest.chars().next()
        {
            let u = match second {
                'υ' | 'ύ' => 'u',
                'Υ' | 'Ύ' => 'U',
                _ => continue,
            };
            plain.push(u);
            rest = &rest[second.len_utf8()..];
        }
    }
    plain
}

/// Where a table has this letter. Tables are sorted, and nothing in them is beyond the basic plane.
fn position(table: &[u16], letter: char) -> Option<usize> {
    table.binary_search(&u16::try_from(u32::from(letter)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_names_keep_their_letters() {
        assert_eq!(to_ascii("Đặng Thị Mỹ Lệ Ỷ Ữ ợ"), "Dang Thi My Le Y U o");
    }

    #[test]
    fn letters_that_do_not_decompose_are_spelt_out() {
        assert_eq!(to_ascii("Straße Ærø Þór Œuvre"), "Strasse AEro Thor OEuvre");
    }

    #[test]
    fn combining_marks_are_dropped() {
        assert_eq!(to_ascii("Zoe\u{308} A\u{30A}"), "Zoe A");
    }

    #[test]
    fn greek_and_cyrillic_are_transcribed_with_their_case() {
        assert_eq!(to_ascii("Αθηνά Παπαδοπούλου"), "Athina Papadopoulou");
        assert_eq!(to_ascii("Щука Ёлка Їжак"), "Shchuka Elka Yizhak");
    }

    #[test]
    fn what_has_no_plain_form_is_left_out() {
        assert_eq!(to_ascii("山田 محمد 🚀"), "  ");
    }
}
