//! Names of people.

use super::choose::is_blank_character;

/// The name with one plain space between words, and without control characters, emoji and other symbols that
/// forms and spreadsheets leave behind. Letters of every script stay as they are, with their marks.
#[must_use]
pub fn clean_name(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut gap = false;
    let mut dropped = false;
    for letter in text.chars() {
        if letter.is_whitespace() || is_invisible(letter) {
            gap |= letter.is_whitespace();
            continue;
        }
        // A joiner belongs to the letter before it (Sinhala, Malayalam); after a dropped symbol it is part of
        // an emoji sequence.
        if is_symbol(letter) || (letter == '\u{200D}' && (dropped || clean.is_empty())) {
            dropped = true;
            continue;
        }
        dropped = false;
        if gap && !clean.is_empty() {
            clean.push(' ');
        }
        gap = false;
        clean.push(letter);
    }
    clean
}

/// Whether a full name of these two is written family name first and without a space: both are in Han, kana
/// or Hangul. A mixed pair such as `David` and `陈` follows the given name's custom.
#[must_use]
pub fn family_name_first(given: &str, family: &str) -> bool {
    let east_asian = |name: &str| {
        let mut letters = name.chars().filter(|letter| letter.is_alphabetic()).peekable();
        letters.peek().is_some() && letters.all(is_east_asian)
    };
    east_asian(given) && east_asian(family)
}

/// Both names in the order of their script: `Ada Lovelace`, `山田太郎`, `김민수`. One that is blank is left
/// out.
#[must_use]
pub fn full_name(given: &str, family: &str) -> String {
    match (given.is_empty(), family.is_empty()) {
        (true, _) => family.to_owned(),
        (_, true) => given.to_owned(),
        _ if family_name_first(given, family) => format!("{family}{given}"),
        _ => format!("{given} {family}"),
    }
}

/// The first letter of each word, in upper case: `AL` for `Ada Lovelace`. Words are cut at blank characters,
/// hyphens and `.`.
#[must_use]
pub fn initials(text: &str) -> String {
    text.split(|c: char| is_blank_character(c) || matches!(c, '-' | '.' | '‐'..='―'))
        .filter_map(|word| word.chars().find(|c| c.is_alphabetic()))
        .flat_map(char::to_uppercase)
        .collect()
}

/// Zero-width space, word joiner, byte order mark, directional marks, control characters.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Emoji with their modifiers, arrows, dingbats and other pictures; private use; the replacement character.
fn is_symbol(letter: char) -> bool {
    matches!(letter,
        '\u{20D0}'..='\u{20FF}' | '\u{2190}'..='\u{2BFF}' | '\u{E000}'..='\u{F8FF}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FFFC}' | '\u{FFFD}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E0000}'..='\u{10FFFF}')
}

fn is_east_asian(letter: char) -> bool {
    matches!(letter,
        '々' | '〆' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' // kana
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' // Han
        | '\u{20000}'..='\u{3FFFF}' // Han, rare characters of names
        | '\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7AF}') // Hangul
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_what_forms_leave_behind() {
        let pairs = [
            ("  Zoë\u{A0}\u{A0}Maria ", "Zoë Maria"),
            ("\u{FEFF}Ada\u{200B}", "Ada"),
            ("🚀Ada 👩\u{200D}💻 Love\u{2764}\u{FE0F}", "Ada Love"),
            ("Jean\tLuc\r\n", "Jean Luc"),
            ("\u{202E}Ada\u{202C}", "Ada"),
            ("🎉", ""),
        ];
        for (from, to) in pairs {
            assert_eq!(clean_name(from), to, "{from:?}");
        }
    }

    #[test]
    fn a_name_keeps_its_apostrophes_hyphens_particles_and_marks() {
        for name in ["D’Arcy", "O'Neil", "Anne-Marie", "van der Berg", "क्षमा", "J. R. R.", "Muḥammad", "שָׂרָה"]
        {
            assert_eq!(clean_name(name), name);
        }
        let sinhala = "ශ්\u{200D}රී";
        assert_eq!(clean_name(sinhala), sinhala);
    }

    #[test]
    fn full_names_follow_their_script() {
        assert_eq!(full_name("太郎", "山田"), "山田太郎");
        assert_eq!(full_name("민수", "김"), "김민수");
        assert_eq!(full_name("さくら", "佐々木"), "佐々木さくら");
        assert_eq!(full_name("Ada", "Lovelace"), "Ada Lovelace");
        assert_eq!(full_name("David", "陈"), "David 陈");
        assert_eq!(full_name("", "Suharto"), "Suharto");
        assert_eq!(full_name("Madonna", ""), "Madonna");
    }
}
