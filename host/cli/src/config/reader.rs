//! Reads TOML tables key by key and remembers what nobody asked for.
//!
//! Every getter returns `None` both for a key that is absent and for one that is wrong; the mistake is
//! noted in passing and reading goes on. What was never asked for is an unknown key, reported with the
//! nearest of the keys that were: the list of valid keys is the code that reads them.

use super::problem::{Problem, SourceText};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// One file being read, and the problems found so far.
pub(crate) struct FileReader {
    source: SourceText,
    problems: RefCell<Vec<Problem>>,
    /// Those of other files that this one names.
    elsewhere: RefCell<Vec<Problem>>,
    /// Where secrets stand that should not be there.
    concealed: RefCell<Vec<Range<usize>>>,
}

impl FileReader {
    pub(crate) fn new(source: SourceText) -> Self {
        Self {
            source,
            problems: RefCell::default(),
            elsewhere: RefCell::default(),
            concealed: RefCell::default(),
        }
    }

    /// The file's text, for mistakes that are found later.
    pub(crate) fn text(&self) -> SourceText {
        self.source.clone()
    }

    /// Reads a document with `read`, whatever of it is TOML.
    pub(crate) fn document<T>(&self, text: &str, read: impl FnOnce(&DeTable<'_>) -> T) -> T {
        let (document, syntax_errors) = DeTable::parse_recoverable(text);
        for error in &syntax_errors {
            self.note(error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()));
        }
        read(document.get_ref())
    }

    /// Notes a mistake.
    pub(crate) fn note(&self, span: Range<usize>, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::at(&self.source, span, message));
    }

    /// Notes a mistake together with its remedy.
    pub(crate) fn note_with_help(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(Problem::at(&self.source, span, message).help(help));
    }

    /// Notes a mistake of another file that this one names.
    pub(crate) fn note_elsewhere(&self, problem: Problem) {
        self.elsewhere.borrow_mut().push(problem);
    }

    /// Keeps a piece of the file out of what is shown of it: a secret that somebody put there by mistake.
    pub(crate) fn conceal(&self, span: Range<usize>) {
        self.concealed.borrow_mut().push(span);
    }

    /// All mistakes, in the order of the file, then those of other files.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(Problem::line);
        let mut concealed = self.concealed.into_inner();
        concealed.extend(likely_secrets(&self.source.text));
        let text = without(&self.source.text, &concealed);
        problems.iter_mut().for_each(|problem| problem.show_instead(&text));
        problems.append(&mut self.elsewhere.into_inner());
        problems
    }
}

/// Words beside which a secret may stand that somebody put into the file by mistake.
const TELLTALE: [&str; 11] = [
    "auth",
    "bearer",
    "basic",
    "password",
    "token",
    "secret",
    "header",
    "api_key",
    "api-key",
    "credential",
    "command",
];

/// Where secrets may stand: values beside a telltale word, or in a table that is named by one, and URLs with
/// credentials. The file may be no TOML at all, so that only lines are looked at. What is plainly the name of a
/// variable, a path or an address is shown, or nobody would find their mistake.
fn likely_secrets(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let (mut start, mut in_telltale_table) = (0, false);
    for line in text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let is_telltale = TELLTALE.iter().any(|word| lower.contains(word));
        if lower.trim_start().starts_with('[') {
            in_telltale_table = is_telltale;
        }
        for place in values(line) {
            let value = &line[place.clone()];
            let has_credentials = value.contains("://") && value.contains('@');
            if has_credentials || ((is_telltale || in_telltale_table) && !is_harmless(value)) {
                places.push(start + place.start..start + place.end);
            }
        }
        start += line.len();
    }
    places
}

/// The values of a line: what stands in quotes, and what follows a `=` without any.
fn values(line: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let Some(equals) = line.find('=') else { return places };
    let mut at = equals + 1;
    while let Some(found) = line[at..].find(['"', '\'']) {
        let opening = at + found;
        let quote = if line[opening..].starts_with('"') { '"' } else { '\'' };
        let end = line[opening + 1..].find(quote).map_or(line.len(), |length| opening + 1 + length);
        at = (end + 1).min(line.len());
        // In an inline table, keys may stand in quotes too.
        if !line[at..].trim_start().starts_with('=') {
            places.push(opening + 1..end);
        }
    }
    let bare = line[equals + 1..].trim();
    if places.is_empty() && !bare.starts_with(['{', '[']) {
        let begin = equals + 1 + line[equals + 1..].find(bare).unwrap_or(0);
        places.push(begin..begin + bare.len());
    }
    places
}

fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    let is_variable = value.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let is_address = value.starts_with("https://") || value.starts_with("http://");
    let is_plain = matches!(value, "true" | "false") || value.parse::<f64>().is_ok();
    is_variable || is_address || is_plain || value.starts_with(['/', '.']) || value.ends_with(".pem")
}

/// The text with stars in these places; as many bytes as before, so that all others stay where they are.
fn without(text: &Arc<str>, places: &[Range<usize>]) -> Arc<str> {
    if places.is_empty() {
        return Arc::clone(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for place in places {
        let inside = bytes.get_mut(place.clone()).into_iter().flatten();
        inside.filter(|byte| !matches!(byte, b'\n' | b'"' | b'\'')).for_each(|byte| *byte = b'*');
    }
    String::from_utf8(bytes).unwrap_or_default().into()
}

/// A table of the file, and which of its keys have been asked for.
pub(crate) struct TableReader<'a> {
    file: &'a FileReader,
    /// Where the table stands, for messages: `source.hr`.
    place: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> TableReader<'a> {
    pub(crate) fn new(
        file: &'a FileReader,
        place: impl Into<String>,
        table: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Self {
        Self { file, place: place.into(), table, span, asked: RefCell::default() }
    }

    pub(crate) fn file(&self) -> &'a FileReader {
        self.file
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Where the table's header stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    fn wrong_kind(&self, key: &str, found: &Spanned<DeValue<'_>>, wanted: &str) {
        self.file.note(
            found.span(),
            format!(
                "`{key}` in `[{}]` has to be {wanted}, not {}",
                self.place,
                with_article(found.get_ref().type_str())
            ),
        );
    }

    /// The text under a key.
    pub(crate) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let found = self.value(key)?;
        match found.get_ref() {
            DeValue::String(text) => Some(Located { value: text.to_string(), span: found.span() }),
            _ => {
                self.wrong_kind(key, found, "a string");
                None
            }
        }
    }

    /// The text under a key that has to be there.
    pub(crate) fn required_text(&self, key: &'static str, example: &str) -> Option<Located<String>> {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            self.missing(key, example);
            return None;
        }
        self.text(key)
    }

    /// Notes that a key is missing.
    pub(crate) fn missing(&self, key: &str, example: &str) {
        self.file.note_with_help(
            self.span(),
            format!("`[{}]` lacks `{key}`", self.place),
            format!("add, for example: {key} = {example}"),
        );
    }

    /// The text under a key, turned into a type that checks itself.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, key: &'static str) -> Option<Located<T>>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(key)?;
        self.parse(&text)
    }

    /// Turns text into a type that checks itself, and notes where it does not.
    pub(crate) fn parse<T: std::str::FromStr>(&self, text: &Located<String>) -> Option<Located<T>>
    where
        T::Err: std::fmt::Display,
    {
        match text.value.parse() {
            Ok(value) => Some(Located { value, span: text.span.clone() }),
            Err(error) => {
                self.file.note(text.span.clone(), error.to_string());
                None
            }
        }
    }

    /// One of the given words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.file.note_with_help(
            text.span,
            format!("`{}` is not a value for `{key}`", text.value),
            match nearest(&text.value, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`? Allowed are: {}", words.join(", ")),
                None => format!("allowed are: {}", words.join(", ")),
            },
        );
        None
    }

    /// True or false.
    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        let found = self.value(key)?;
        let value = found.get_ref().as_bool();
        if value.is_none() {
            self.wrong_kind(key, found, "true or false");
        }
        value
    }

    /// A whole number within bounds.
    pub(crate) fn whole_number(
        &self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let found = self.value(key)?;
        let Some(number) = found.get_ref().as_integer() else {
            self.wrong_kind(key, found, "a whole number");
            return None;
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if bounds.contains(&value) => Some(value),
            _ => {
                self.file.note(
                    found.span(),
                    format!("`{key}` has to be from {} to {}", bounds.start(), bounds.end()),
                );
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let found = self.value(key)?;
        let Some(items) = found.get_ref().as_array() else {
            self.wrong_kind(key, found, "a list of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push(Located { value: text.to_string(), span: item.span() }),
                _ => self.wrong_kind(key, item, "a list of strings"),
            }
        }
        Some(texts)
    }

    /// A list of names, each checked.
    pub(crate) fn parsed_list<T: std::str::FromStr>(&self, key: &'static str) -> Option<Vec<Located<T>>>
    where
        T::Err: std::fmt::Display,
    {
        let texts = self.texts(key)?;
        Some(texts.iter().filter_map(|text| self.parse(text)).collect())
    }

    /// The table under a key.
    pub(crate) fn table(&self, key: &'static str) -> Option<TableReader<'a>> {
        let found = self.value(key)?;
        let place = format!("{}.{key}", self.place).trim_start_matches('.').to_owned();
        match found.get_ref() {
            DeValue::Table(table) => Some(TableReader::new(self.file, place, table, found.span())),
            _ => {
                self.wrong_kind(key, found, "a table");
                None
            }
        }
    }

    /// The tables `[key.NAME]`, with their names.
    pub(crate) fn named_tables(&self, key: &'static str) -> Vec<(Located<String>, TableReader<'a>)> {
        let Some(outer) = self.table(key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in outer.table {
            let place = format!("{}.{}", outer.place, name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => tables.push((
                    Located { value: name.get_ref().to_string(), span: name.span() },
                    TableReader::new(self.file, place, table, name.span()),
                )),
                _ => self.file.note_with_help(
                    name.span(),
                    format!("`{place}` has to be a table"),
                    format!("write [{key}.NAME] and the settings below it"),
                ),
            }
        }
        tables
    }

    /// The tables of `[[key]]`.
    pub(crate) fn repeated_tables(&self, key: &'static str) -> Vec<TableReader<'a>> {
        let Some(found) = self.value(key) else { return Vec::new() };
        let place = format!("{}.{key}", self.place);
        let items: Vec<&Spanned<DeValue<'_>>> = match found.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![found],
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match (found.get_ref(), item.get_ref()) {
                (DeValue::Array(_), DeValue::Table(table)) => {
                    tables.push(TableReader::new(self.file, place.clone(), table, item.span()));
                }
                _ => self.file.note_with_help(
                    item.span(),
                    format!("`{place}` has to be a list of tables"),
                    format!("write [[{place}]], with two brackets"),
                ),
            }
        }
        tables
    }

    /// Every key and value as it stands; for tables whose keys are the person's own.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Located<String>, &'a Spanned<DeValue<'a>>)> {
        self.table
            .iter()
            .map(|(key, value)| (Located { value: key.get_ref().to_string(), span: key.span() }, value))
    }

    /// The raw value under a key, for values that may be of several kinds.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.value(key)
    }

    /// Ends the reading of this table: what nobody asked for is an unknown key.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(&key.get_ref().as_ref())) {
            let place =
                if self.place.is_empty() { "the file".to_owned() } else { format!("`[{}]`", self.place) };
            let help = match nearest(key.get_ref(), asked.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known here are: {}", asked.join(", ")),
            };
            self.file.note_with_help(key.span(), format!("{place} has no setting `{}`", key.get_ref()), help);
        }
    }
}

/// The name most like `text`, if one is like it at all.
pub(crate) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|name| (strsim::damerau_levenshtein(&text.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn with_article(kind: &str) -> String {
    match kind {
        "integer" | "array" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a file, whether it is TOML or not.
    fn shown(text: &str) -> String {
        without(&text.into(), &likely_secrets(text)).to_string()
    }

    #[test]
    fn a_secret_is_concealed_wherever_somebody_may_have_put_it() {
        for line in [
            r#"auth = "s3cr3t""#,
            r#"auth = { token = "s3cr3t" }"#,
            r#"auth = { bearer = { text = "s3cr3t" } }"#,
            r#"auth = { basic = "me:s3cr3t" }"#,
            r#"api_key = 's3cr3t'"#,
            "bearer = sk-s3cr3t",
            r#"password = "s3cr3t"#,
            r#"command = "pass show s3cr3t""#,
            r#"url = "postgres://me:s3cr3t@db/scimwright""#,
            "[provider.acme.headers.X-Key]\nvalue = \"s3cr3t\"",
        ] {
            assert!(!shown(line).contains("s3cr3t"), "{}", shown(line));
        }
    }

    #[test]
    fn what_is_plainly_no_secret_is_shown() {
        for line in [
            r#"auth = { bearer = { env = "ACME_TOKEN" } }"#,
            r#"auth = { oauth2 = { token_url = "https://login.example/token" } }"#,
            r#"headers = { "X-Tenant" = { file = "/run/tenant" } }"#,
            r#"path = "people.csv""#,
        ] {
            assert_eq!(shown(line), line);
        }
    }
}
