//! Countries by their codes and English names (ISO 3166-1): what `guest-sdk/countries.json` has.

use super::letters::slug;
use super::tables::COUNTRIES;

/// The two-letter code of a country, from any of its codes or an English name: `Germany`, `DEU` and `276` are
/// `DE`. Codes in any case; names without regard to case, diacritics, punctuation, `the` and `and`.
///
/// ```
/// use scimwright_guest::functions::country_alpha2;
///
/// assert_eq!(country_alpha2("The Netherlands"), Some("NL"));
/// assert_eq!(country_alpha2("UK"), Some("GB"));
/// assert_eq!(country_alpha2("Atlantis"), None);
/// ```
#[must_use]
pub fn country_alpha2(text: &str) -> Option<&'static str> {
    find(text).map(|country| country.alpha2)
}

/// The three-letter code of a country, as [`country_alpha2`] finds it.
#[must_use]
pub fn country_alpha3(text: &str) -> Option<&'static str> {
    find(text).map(|country| country.alpha3)
}

/// The English name of a country, as [`country_alpha2`] finds it.
#[must_use]
pub fn country_name(text: &str) -> Option<&'static str> {
    find(text).map(|country| country.name)
}

struct Country {
    alpha2: &'static str,
    alpha3: &'static str,
    name: &'static str,
}

fn find(text: &str) -> Option<Country> {
    let text = text.trim();
    let key = name_key(text);
    COUNTRIES.lines().find_map(|line| {
        let (codes_and_name, mut keys) =
            line.split_once('|').map(|(before, keys)| (before, keys.split('|')))?;
        let mut parts = codes_and_name.splitn(4, ' ');
        let (alpha2, alpha3, numeric, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_code = [alpha2, alpha3, numeric].iter().any(|code| code.eq_ignore_ascii_case(text));
        (is_code || (!key.is_empty() && keys.any(|known| known == key))).then_some(Country {
            alpha2,
            alpha3,
            name,
        })
    })
}

/// What names are compared by: plain lower-case words without `the` and `and`, with `saint` for `st`.
pub(super) fn name_key(name: &str) -> String {
    let mut key = String::new();
    for word in slug(name).split('-').filter(|word| !matches!(*word, "" | "the" | "and")) {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(if word == "st" { "saint" } else { word });
    }
    key
}
