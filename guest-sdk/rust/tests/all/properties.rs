//! What holds of every text: cleaning twice is cleaning once, what is joined can be split, what is written can be
//! read. The texts come from a small generator, so that the same commit gets the same ones.

use scimwright_guest::functions::{self as f, DateUnit};

/// Texts that mappings meet, and the characters in which they go wrong.
struct Texts(u64);

impl Texts {
    fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// xorshift64*; Vigna, "An experimental exploration of Marsaglia's xorshift generators".
    fn number(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D);
        usize::try_from((mixed >> 33) % below as u64).unwrap()
    }

    fn text(&mut self) -> String {
        const CHARACTERS: &str = "abzAZ09  \t\n.-_,;|'’\"@+()/{}[]$^*\\\u{0}\u{A0}\u{200B}\u{200D}\u{2060}\u{FEFF}\u{3000}\u{308}\u{30A}\
                                  äÖßẞéøŁıİŉǅΑοΟύΥςщЙ山田のか\u{3099}김🚀👩\u{E000}\u{10FFFF}½€";
        let characters: Vec<char> = CHARACTERS.chars().collect();
        (0..self.number(12)).map(|_| characters[self.number(characters.len())]).collect()
    }
}

const ROUNDS: usize = 5_000;

#[test]
fn cleaning_a_second_time_changes_nothing() {
    type Clean = (&'static str, fn(&str) -> Option<String>);
    let cleaners: [Clean; 13] = [
        ("trim", |text| Some(f::trim(text).to_owned())),
        ("strip_spaces", |text| Some(f::strip_spaces(text))),
        ("collapse_spaces", |text| Some(f::collapse_spaces(text))),
        ("only_digits", |text| Some(f::only_digits(text))),
        ("normalize_diacritics", |text| Some(f::normalize_diacritics(text))),
        ("to_ascii", |text| Some(f::to_ascii(text))),
        ("slug", |text| Some(f::slug(text))),
        ("clean_name", |text| Some(f::clean_name(text))),
        ("email_address", f::email_address),
        ("phone_number", |text| f::phone_number(text, None)),
        ("language_tag", f::language_tag),
        ("parse_date", |text| f::parse_date(text, &[]).unwrap()),
        ("redact", |text| Some(f::redact(text).to_owned())),
    ];
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let text = texts.text();
        for (name, clean) in cleaners {
            let once = clean(&text);
            let twice = once.as_deref().and_then(clean);
            assert_eq!(once, twice, "{name} of {text:?}");
        }
    }
}

#[test]
fn what_is_joined_splits_into_the_same_parts() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let parts: Vec<String> = (0..texts.number(4)).map(|_| texts.text().replace('|', "")).collect();
        let present = f::compact(&parts);
        assert_eq!(f::split(&f::join("|", &parts), "|"), present, "{parts:?}");
    }
}

#[test]
fn left_and_right_make_up_the_whole_text() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let text = texts.text();
        let (length, at) = (f::length(&text), texts.number(14));
        let rest = length.saturating_sub(at);
        assert_eq!([f::left(&text, at), f::right(&text, rest)].concat(), text, "{at}");
        assert_eq!(f::substring(&text, at, None), f::right(&text, rest));
        assert_eq!(f::mid(&text, at + 1, usize::MAX), f::right(&text, rest));
    }
}

#[test]
fn plain_letters_are_ascii_and_slugs_are_words() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let text = texts.text();
        assert!(f::to_ascii(&text).is_ascii(), "{text:?}");
        assert!(f::to_ascii_in(&text, "de").is_ascii(), "{text:?}");
        let slug = f::slug(&text);
        assert!(f::matches_regex(&slug, "^(?:[a-z0-9]+(?:-[a-z0-9]+)*)?$").unwrap(), "{slug:?} of {text:?}");
    }
}

#[test]
fn base64_and_its_text_are_each_others_opposite() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let text = texts.text();
        assert_eq!(f::from_base64(&f::to_base64(&text)), Some(text));
    }
}

#[test]
fn no_pattern_makes_a_function_panic() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let (pattern, text) = (texts.text(), texts.text());
        if let Ok(replaced) = f::replace_regex(&text, &pattern, "$0") {
            assert_eq!(replaced, text, "{pattern:?}");
        }
        let _ = f::format_date("2024-03-01", &pattern);
        let _ = f::parse_date(&text, &[&pattern]);
        let _ = f::user_name_candidates(&[&pattern], &[("a", &text), ("", "x")], 5);
    }
}

#[test]
fn login_names_have_no_separator_at_an_end_and_no_two_in_a_row() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let (given, family) = (texts.text(), texts.text());
        let patterns = ["{given}.{family}", "{given:1}_{family:3}-{n}", "{family}{n}"];
        let names = f::user_name_candidates(&patterns, &[("given", &given), ("family", &family)], 6).unwrap();
        for name in &names {
            assert!(
                f::matches_regex(name, "^[a-z0-9]+(?:[._-][a-z0-9]+)*$").unwrap(),
                "{name} of {given:?} {family:?}"
            );
        }
        assert_eq!(f::distinct(&names).len(), names.len());
    }
}

#[test]
fn every_day_is_written_and_read_and_counted() {
    let mut day = "0001-01-01".to_owned();
    let mut number = 0;
    let mut weekday = 1;
    // 400 years, after which the calendar repeats.
    while number < 146_097 {
        assert_eq!(f::weekday(&day), Some(weekday), "{day}");
        let written = f::format_date(&day, "EEEE d. MMMM yyyy").unwrap().unwrap();
        assert_eq!(
            f::parse_date(&written, &["EEEE d. MMMM yyyy"]).unwrap().as_ref(),
            Some(&day),
            "{written}"
        );
        if number % 97 == 0 {
            assert_eq!(f::date_diff("0001-01-01", &day, DateUnit::Days), Some(number));
            assert_eq!(f::date_add(&day, -number, DateUnit::Days).as_deref(), Some("0001-01-01"));
            assert_eq!(
                f::date_from_unix(f::unix_from_date(&day).unwrap()).as_deref(),
                Some(&*format!("{day}T00:00:00Z"))
            );
        }
        let next = f::date_add(&day, 1, DateUnit::Days).unwrap();
        assert!(next > day && f::is_after(&next, &day) == Some(true), "{day} {next}");
        (day, number, weekday) = (next, number + 1, weekday % 7 + 1);
    }
    assert_eq!(f::date_diff("0001-01-01", "9999-12-31", DateUnit::Days), Some(3_652_058));
}

#[test]
fn months_that_are_added_are_months_that_lie_between() {
    let mut texts = Texts::new();
    for _ in 0..ROUNDS {
        let days = i64::try_from(texts.number(3_000_000)).unwrap();
        let months = i64::try_from(texts.number(4000)).unwrap();
        let from = f::date_add("0001-01-01", days, DateUnit::Days).unwrap();
        let Some(to) = f::date_add(&from, months, DateUnit::Months) else { continue };
        assert_eq!(f::date_diff(&from, &to, DateUnit::Months), Some(months), "{from} {to}");
    }
}
