//! Capital and small letters, by the Unicode rules for no language in particular: the dotless and dotted i of
//! Turkish are not special, as they could only be where the language is known.

/// The text in lower case.
#[must_use]
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// The text in upper case.
#[must_use]
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

/// The first code point in upper case, the others in lower case.
#[must_use]
pub fn capitalize(text: &str) -> String {
    // Lower case of the whole, so that a final sigma is one.
    let lower = text.to_lowercase();
    let mut letters = lower.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => lower,
    }
}

/// Each word with a capital first and small letters behind, as names are written: `ANNE-MARIE O'NEIL` is
/// `Anne-Marie O'Neil`. A `Mc` or `van` has to be put right by hand.
#[must_use]
pub fn title_case(text: &str) -> String {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let mut title = String::with_capacity(text.len());
    // How many letters the word has so far; none before it begins.
    let mut in_word = 0_usize;
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        if letter.is_alphabetic() {
            let capital = match before {
                Some('\'' | '’') if in_word > 0 => {
                    in_word == 1 && another_letter_follows(&letters[at + 1..])
                }
                Some(before) if before.is_ascii_digit() => false,
                _ => in_word == 0,
            };
            if capital {
                in_word = 1;
                title.extend(letter.to_uppercase());
                continue;
            }
            in_word += 1;
        } else if matches!(letter, '\'' | '’') {
            // Only one straight behind a letter or its mark belongs to the word.
            if matches!(before, Some('\'' | '’')) {
                in_word = 0;
            }
        } else if !is_mark(*letter) {
            in_word = 0;
        }
        title.push(*letter);
    }
    title
}

fn another_letter_follows(rest: &[char]) -> bool {
    rest.iter().find(|c| !is_mark(**c)).is_some_and(|c| c.is_alphabetic())
}

/// The combining marks of Latin, Greek and Cyrillic letters.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}
