//! The data that every SDK has, packed: `guest-sdk/transliteration.json` and `guest-sdk/countries.json`.
//!
//! The files in `tables/` are made from the JSON by the test below. After a change to the JSON:
//! `UPDATE_TABLES=1 cargo test -p scimwright-guest tables`.

#[rustfmt::skip]
mod countries;
#[rustfmt::skip]
mod letters;

pub(super) use countries::COUNTRIES;
pub(super) use letters::{DIACRITICS, DIACRITICS_BASES, LANGUAGES, LETTERS, LETTERS_ASCII};

/// How many characters an entry of `LETTERS_ASCII` takes.
pub(super) const CELL: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{normalize_diacritics, to_ascii, to_ascii_in};
    use serde_json::{Map, Value};
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    fn shared(name: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    fn entries(map: &Value) -> impl Iterator<Item = (&str, &str)> {
        map.as_object()
            .into_iter()
            .flat_map(Map::iter)
            .map(|(from, to)| (from.as_str(), to.as_str().unwrap()))
    }

    /// The only character of a text.
    fn single(text: &str) -> Option<char> {
        let mut letters = text.chars();
        letters.next().filter(|_| letters.next().is_none())
    }

    /// Compares a file of `tables/` with what it should be, or writes it.
    fn in_step(name: &str, wanted: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions/tables").join(name);
        if std::env::var_os("UPDATE_TABLES").is_some() {
            fs::write(&path, wanted).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == wanted,
            "{} is not what the JSON makes; run UPDATE_TABLES=1 cargo test -p scimwright-guest tables",
            path.display()
        );
    }

    /// Rows of so many items, as array elements.
    fn rows(items: &[String], per_row: usize) -> String {
        items.chunks(per_row).fold(String::new(), |mut rows, row| {
            writeln!(rows, "    {},", row.join(", ")).unwrap();
            rows
        })
    }

    #[test]
    fn the_tables_of_letters_are_what_the_json_makes() {
        let json = shared("transliteration.json");
        let mut out = String::from("//! Made from transliteration.json by the test in tables.rs.\n\n");
        let code = |letter: char| format!("0x{:04X}", u16::try_from(u32::from(letter)).unwrap());

        let mut letters: Vec<(char, &str)> = entries(&json["letters"])
            .filter_map(|(from, to)| Some((single(from)?, to)))
            .filter(|(from, _)| !from.is_whitespace())
            .collect();
        letters.sort_unstable();
        writeln!(out, "pub(in crate::functions) const LETTERS: [u16; {}] = [", letters.len()).unwrap();
        out += &rows(&letters.iter().map(|(from, _)| code(*from)).collect::<Vec<_>>(), 13);
        out += "];\n\npub(in crate::functions) const LETTERS_ASCII: &str = concat!(\n";
        for row in letters.chunks(24) {
            let cells: String = row.iter().map(|(_, to)| format!("{to:<CELL$}")).collect();
            writeln!(out, "    {cells:?},").unwrap();
        }

        let mut diacritics: Vec<(char, char)> = entries(&json["diacritics"])
            .map(|(from, to)| (single(from).unwrap(), single(to).unwrap()))
            .collect();
        diacritics.sort_unstable();
        writeln!(out, ");\n\npub(in crate::functions) const DIACRITICS: [u16; {}] = [", diacritics.len())
            .unwrap();
        out += &rows(&diacritics.iter().map(|(from, _)| code(*from)).collect::<Vec<_>>(), 13);
        writeln!(
            out,
            "];\n\npub(in crate::functions) const DIACRITICS_BASES: [u16; {}] = [",
            diacritics.len()
        )
        .unwrap();
        out += &rows(&diacritics.iter().map(|(_, to)| code(*to)).collect::<Vec<_>>(), 13);

        out += "];\n\npub(in crate::functions) const LANGUAGES: &[(&str, &[(&str, &str)])] = &[\n";
        for (language, own) in json["languages"].as_object().unwrap() {
            let own: Vec<String> =
                entries(own).map(|(from, to)| format!("(\"{}\", {to:?})", from.escape_unicode())).collect();
            writeln!(out, "    ({language:?}, &[\n{}    ]),", rows(&own, 4)).unwrap();
        }
        out += "];\n";
        in_step("letters.rs", &out);
    }

    /// What is packed has to be what is written, entry by entry, and no other letter may have an entry.
    #[test]
    fn the_functions_of_letters_do_what_the_json_says_of_every_code_point() {
        let json = shared("transliteration.json");
        for (from, to) in entries(&json["letters"]) {
            assert_eq!(to_ascii(from), to, "{from:?}");
        }
        for (from, to) in entries(&json["diacritics"]) {
            assert_eq!(normalize_diacritics(from), to, "{from:?}");
        }
        for (language, own) in json["languages"].as_object().unwrap() {
            for (from, to) in entries(own) {
                assert_eq!(to_ascii_in(from, language), to, "{from:?} in {language}");
            }
        }
        for letter in ('\u{80}'..=char::MAX).filter(|letter| !letter.is_ascii()) {
            let text = letter.to_string();
            let known = json["letters"].get(&text).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(to_ascii(&text), known, "{letter:?}");
            let known = json["diacritics"].get(&text).and_then(Value::as_str).unwrap_or(&text);
            assert_eq!(normalize_diacritics(&text), known, "{letter:?}");
        }
    }

    #[test]
    fn the_table_of_countries_is_what_the_json_makes() {
        let json = shared("countries.json");
        let mut out = String::from("//! Made from countries.json by the test in tables.rs.\n\n");
        out += "/// A line a country: its codes, its name, and behind `|` what names it is known by.\n";
        out += "pub(in crate::functions) const COUNTRIES: &str = concat!(\n";
        for country in json["countries"].as_array().unwrap() {
            let text = |name: &str| country[name].as_str().unwrap();
            let name = text("name");
            let also = country["also"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut keys: Vec<String> =
                std::iter::once(name).chain(also).map(super::super::countries::name_key).collect();
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all, "{name} has two names that compare as one");
            let line = format!(
                "{} {} {} {name}|{}\n",
                text("alpha2"),
                text("alpha3"),
                text("numeric"),
                keys.join("|")
            );
            writeln!(out, "    {line:?},").unwrap();
        }
        out += ");\n";
        in_step("countries.rs", &out);
    }
}
