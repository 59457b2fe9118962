//! Plain letters for names, as login names and mail addresses want them.
//!
//! Decomposition by the Unicode tables would cost every module a hundred kilobytes and still leave out `ø`,
//! `ł` and `ß`, which do not decompose. So here are the letters that names are written with, in the order of
//! their code points.

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
    let mut plain = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        match letter {
            '\0'..='\x7f' => plain.push(letter),
            'ß' => plain.push_str("ss"),
            'ẞ' => plain.push_str("SS"),
            'Æ' | 'Ǽ' => plain.push_str("AE"),
            'æ' | 'ǽ' => plain.push_str("ae"),
            'Œ' => plain.push_str("OE"),
            'œ' => plain.push_str("oe"),
            'Þ' => plain.push_str("Th"),
            'þ' => plain.push_str("th"),
            'ĳ' => plain.push_str("ij"),
            'Ĳ' => plain.push_str("IJ"),
            'Ə' => plain.push('E'),
            'ə' => plain.push('e'),
            '‐'..='―' | '−' => plain.push('-'),
            '‘' | '’' | '‛' | 'ʻ' | 'ʼ' | 'ʿ' | 'ʾ' | '´' | '＇' => plain.push('\''),
            _ if letter.is_whitespace() => plain.push(' '),
            _ => match in_blocks(letter) {
                Some(base) => plain.push(base),
                None => push_transcribed(&mut plain, letter, before),
            },
        }
        before = letter;
    }
    plain
}

/// Blocks of Latin letters and the plain letter of each code point; `.` where there is none.
const BLOCKS: [(char, &str); 4] = [
    // Latin-1 Supplement and Latin Extended-A
    (
        'À',
        "AAAAAA.CEEEEIIIIDNOOOOO.OUUUUY..aaaaaa.ceeeeiiiidnooooo.ouuuuy.y\
         AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi..JjKkkLlLlLlLlLlNnNnNnnNnOoOoOo..RrRrRrSsSsSsSs\
         TtTtTtUuUuUuUuUuUuWwYyYZzZzZzs",
    ),
    // Latin Extended-B, the part with Vietnamese and Romanian letters
    ('Ơ', "Oo"),
    ('Ư', "Uu"),
    ('Ș', "SsTt"),
];

/// Latin Extended Additional from `Ḁ` on: runs of capital and small letters that alternate.
const ADDITIONAL: [(char, char, char); 36] = [
    ('Ḁ', 'ḁ', 'a'),
    ('Ḃ', 'ḇ', 'b'),
    ('Ḉ', 'ḉ', 'c'),
    ('Ḋ', 'ḓ', 'd'),
    ('Ḕ', 'ḝ', 'e'),
    ('Ḟ', 'ḟ', 'f'),
    ('Ḡ', 'ḡ', 'g'),
    ('Ḣ', 'ḫ', 'h'),
    ('Ḭ', 'ḯ', 'i'),
    ('Ḱ', 'ḵ', 'k'),
    ('Ḷ', 'ḽ', 'l'),
    ('Ḿ', 'ṃ', 'm'),
    ('Ṅ', 'ṋ', 'n'),
    ('Ṍ', 'ṓ', 'o'),
    ('Ṕ', 'ṗ', 'p'),
    ('Ṙ', 'ṟ', 'r'),
    ('Ṡ', 'ṩ', 's'),
    ('Ṫ', 'ṱ', 't'),
    ('Ṳ', 'ṻ', 'u'),
    ('Ṽ', 'ṿ', 'v'),
    ('Ẁ', 'ẉ', 'w'),
    ('Ẋ', 'ẍ', 'x'),
    ('Ẏ', 'ẏ', 'y'),
    ('Ẑ', 'ẕ', 'z'),
    ('Ạ', 'ặ', 'a'),
    ('Ẹ', 'ệ', 'e'),
    ('Ỉ', 'ị', 'i'),
    ('Ọ', 'ợ', 'o'),
    ('Ụ', 'ự', 'u'),
    ('Ỳ', 'ỹ', 'y'),
    // Latin Extended-B: the carons of pinyin, and the double marks of Croatian.
    ('Ǎ', 'ǎ', 'a'),
    ('Ǐ', 'ǐ', 'i'),
    ('Ǒ', 'ǒ', 'o'),
    ('Ǔ', 'ǜ', 'u'),
    ('Ǧ', 'ǧ', 'g'),
    ('Ǩ', 'ǩ', 'k'),
];

fn in_blocks(letter: char) -> Option<char> {
    let block = BLOCKS.iter().find_map(|(first, bases)| {
        let at = (letter as usize).checked_sub(*first as usize)?;
        bases.as_bytes().get(at).map(|base| char::from(*base)).filter(|base| *base != '.')
    });
    block.or_else(|| {
        let (_, _, base) = ADDITIONAL.iter().find(|(first, last, _)| (*first..=*last).contains(&letter))?;
        Some(if letter.is_uppercase() { base.to_ascii_uppercase() } else { *base })
    })
}

/// Cyrillic much as passports write it, with hard and soft signs left out, and modern Greek.
fn push_transcribed(plain: &mut String, letter: char, before: char) {
    let Some(small) = letter.to_lowercase().next() else { return };
    let latin = match small {
        'а' | 'α' | 'ά' => "a",
        'б' => "b",
        'в' | 'β' => "v",
        'г' | 'ґ' | 'γ' => "g",
        'д' | 'δ' => "d",
        'е' | 'ё' | 'э' | 'ε' | 'έ' => "e",
        'є' => "ye",
        'ж' => "zh",
        'з' | 'ζ' => "z",
        'и' | 'і' | 'й' | 'η' | 'ή' | 'ι' | 'ί' | 'ϊ' | 'ΐ' => "i",
        'ї' => "yi",
        'ј' => "j",
        'к' | 'κ' => "k",
        'л' | 'λ' => "l",
        'љ' => "lj",
        'м' | 'μ' => "m",
        'н' | 'ν' => "n",
        'њ' => "nj",
        'о' | 'ο' | 'ό' | 'ω' | 'ώ' => "o",
        'п' | 'π' => "p",
        'р' | 'ρ' => "r",
        'с' | 'σ' | 'ς' => "s",
        'т' | 'τ' => "t",
        'ћ' => "c",
        'ђ' => "dj",
        'у' | 'ў' => "u",
        // ISO 843: ου is one sound.
        'υ' | 'ύ' if matches!(before, 'ο' | 'Ο') => "u",
        'υ' | 'ύ' | 'ϋ' | 'ΰ' | 'ы' => "y",
        'ф' | 'φ' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' | 'џ' => "ch",
        'χ' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ю' => "yu",
        'я' => "ya",
        'θ' => "th",
        'ξ' => "x",
        'ψ' => "ps",
        _ => return,
    };
    if small == letter {
        plain.push_str(latin);
    } else {
        plain.push_str(&latin[..1].to_ascii_uppercase());
        plain.push_str(&latin[1..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_blocks_stands_where_it_should() {
        assert_eq!(BLOCKS[0].1.len(), 'ſ' as usize - 'À' as usize + 1);
        let pairs = [
            ("ÀÅÇÈËÌÏÐÑÒÖØÙÜÝ", "AACEEIIDNOOOUUY"),
            ("àåçèëìïðñòöøùüýÿ", "aaceeiidnooouuyy"),
            ("ĀăĄćČĎđĒěĜģĤħĨįİıĴķĸĹłĿŃňŉŊŋŌő", "AaAcCDdEeGgHhIiIiJkkLlLNnnNnOo"),
            ("ŔřŚšŞŢťŦŨųŴŷŸŹžſ", "RrSsSTtTUuWyYZzs"),
            ("ƠơƯưȘșȚț", "OoUuSsTt"),
            ("ǍǎǕǚ", "AaUu"),
        ];
        for (from, to) in pairs {
            assert_eq!(to_ascii(from), to);
        }
    }

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
