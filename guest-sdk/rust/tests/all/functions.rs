//! The functions answer what `guest-sdk/functions.json` says, as those of the other SDKs do.
//!
//! A test a function; what stands behind its name is how a case's arguments are handed to it.

use scimwright_guest::functions::{self as f, DateUnit, FunctionError};
use serde_json::{Value, json};
use std::path::Path;

/// What a function answered: a value, or the words of its error.
type Answer = Result<Value, String>;

/// `functions.json`.
pub(crate) fn shared() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The arguments of a case.
struct Args<'a>(&'a [Value]);

impl<'a> Args<'a> {
    fn get(&self, at: usize) -> &'a Value {
        self.0.get(at).unwrap_or(&Value::Null)
    }

    fn text(&self, at: usize) -> &'a str {
        self.optional(at).unwrap_or_else(|| panic!("argument {at} of {:?} is no text", self.0))
    }

    fn optional(&self, at: usize) -> Option<&'a str> {
        self.get(at).as_str()
    }

    fn integer(&self, at: usize) -> i64 {
        self.get(at).as_i64().unwrap_or_else(|| panic!("argument {at} of {:?} is no integer", self.0))
    }

    fn count(&self, at: usize) -> usize {
        self.optional_count(at).unwrap_or_else(|| panic!("argument {at} of {:?} is no count", self.0))
    }

    fn optional_count(&self, at: usize) -> Option<usize> {
        self.get(at).as_u64().map(|count| usize::try_from(count).unwrap())
    }

    /// The values of a list; none where it is absent.
    fn list(&self, at: usize) -> Vec<Option<&'a str>> {
        self.get(at).as_array().into_iter().flatten().map(Value::as_str).collect()
    }

    fn texts(&self, at: usize) -> Vec<&'a str> {
        self.list(at).into_iter().flatten().collect()
    }

    fn entries(&self, at: usize) -> Vec<(&'a str, &'a Value)> {
        self.get(at).as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// The arguments from one on, those that are lists as their values.
    fn rest(&self, at: usize) -> Vec<Option<&'a str>> {
        let rest = self.0.get(at..).unwrap_or_default().iter();
        rest.flat_map(|value| match value {
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            value => vec![value.as_str()],
        })
        .collect()
    }
}

fn failing<T: Into<Value>>(result: Result<T, FunctionError>) -> Answer {
    result.map(Into::into).map_err(|error| error.to_string())
}

fn unit(text: &str) -> Result<DateUnit, String> {
    text.parse().map_err(|error: FunctionError| error.to_string())
}

/// Whether two values are the same, numbers by what they are worth.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

fn check(name: &str, call: fn(&Args<'_>) -> Answer) {
    let shared = shared();
    let function = shared["functions"].as_array().unwrap().iter().find(|function| function["name"] == name);
    let function = function.unwrap_or_else(|| panic!("functions.json has no `{name}`"));
    let cases = function["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "`{name}` has no case");
    let mut wrong = Vec::new();
    for case in cases {
        let args = case["args"].as_array().unwrap();
        // An absent first argument of a function that does not handle it is `Option::map` here.
        let passes = function.get("absent").is_none() && args.first().is_some_and(Value::is_null);
        let answer = if passes { Ok(Value::Null) } else { call(&Args(args)) };
        let good = match (&answer, case.get("error").and_then(Value::as_str)) {
            (Ok(value), None) => same(value, &case["result"]),
            (Err(error), Some(words)) => error.contains(words),
            _ => false,
        };
        if !good {
            wrong.push(format!("{case}\n    answers {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

/// A test for each function, and the list of their names.
macro_rules! functions {
    ($($name:ident: $call:expr,)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), $call);
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

functions! {
    is_blank: |a| Ok(f::is_blank(a.optional(0)).into()),
    is_present: |a| Ok(f::is_present(a.optional(0)).into()),
    coalesce: |a| Ok(f::coalesce(a.rest(0)).into()),
    choose: |a| Ok(f::choose(a.optional(0), a.entries(1)).unwrap_or(a.get(2)).clone()),
    append: |a| Ok(f::append(a.text(0), a.text(1)).into()),
    join: |a| Ok(f::join(a.text(0), a.rest(1)).into()),
    split: |a| Ok(f::split(a.text(0), a.text(1)).into()),
    split_list: |a| Ok(f::split_list(a.text(0)).into()),
    replace: |a| Ok(f::replace(a.text(0), a.text(1), a.text(2)).into()),
    trim: |a| Ok(f::trim(a.text(0)).into()),
    strip_spaces: |a| Ok(f::strip_spaces(a.text(0)).into()),
    collapse_spaces: |a| Ok(f::collapse_spaces(a.text(0)).into()),
    length: |a| Ok(f::length(a.text(0)).into()),
    left: |a| Ok(f::left(a.text(0), a.count(1)).into()),
    right: |a| Ok(f::right(a.text(0), a.count(1)).into()),
    mid: |a| Ok(f::mid(a.text(0), a.count(1), a.count(2)).into()),
    substring: |a| Ok(f::substring(a.text(0), a.count(1), a.optional_count(2)).into()),
    index_of: |a| Ok(f::index_of(a.text(0), a.text(1)).into()),
    contains: |a| Ok(f::contains(a.text(0), a.text(1)).into()),
    starts_with: |a| Ok(f::starts_with(a.text(0), a.text(1)).into()),
    ends_with: |a| Ok(f::ends_with(a.text(0), a.text(1)).into()),
    equals_ignore_case: |a| Ok(f::equals_ignore_case(a.text(0), a.text(1)).into()),
    word: |a| Ok(f::word(a.text(0), a.count(1), a.optional(2)).into()),
    before: |a| Ok(f::before(a.text(0), a.text(1)).into()),
    after: |a| Ok(f::after(a.text(0), a.text(1)).into()),
    pad_left: |a| Ok(f::pad_left(a.text(0), a.count(1), a.text(2)).into()),
    only_digits: |a| Ok(f::only_digits(a.text(0)).into()),
    remove_characters: |a| Ok(f::remove_characters(a.text(0), a.text(1)).into()),
    replace_regex: |a| failing(f::replace_regex(a.text(0), a.text(1), a.text(2))),
    matches_regex: |a| failing(f::matches_regex(a.text(0), a.text(1))),
    extract_regex: |a| failing(f::extract_regex(a.text(0), a.text(1))),
    lower: |a| Ok(f::lower(a.text(0)).into()),
    upper: |a| Ok(f::upper(a.text(0)).into()),
    capitalize: |a| Ok(f::capitalize(a.text(0)).into()),
    title_case: |a| Ok(f::title_case(a.text(0)).into()),
    normalize_diacritics: |a| Ok(f::normalize_diacritics(a.text(0)).into()),
    to_ascii: |a| Ok(match a.optional(1) {
        Some(language) => f::to_ascii_in(a.text(0), language),
        None => f::to_ascii(a.text(0)),
    }.into()),
    slug: |a| Ok(f::slug(a.text(0)).into()),
    clean_name: |a| Ok(f::clean_name(a.text(0)).into()),
    full_name: |a| {
        let name = |at| a.optional(at).unwrap_or_default();
        Ok(f::full_name(name(0), name(1)).into())
    },
    family_name_first: |a| Ok(f::family_name_first(a.text(0), a.text(1)).into()),
    initials: |a| Ok(f::initials(a.text(0)).into()),
    user_name_candidates: |a| {
        let parts: Vec<_> = a.entries(1).into_iter().map(|(k, v)| (k, v.as_str().unwrap_or_default())).collect();
        failing(f::user_name_candidates(&a.texts(0), &parts, a.count(2)))
    },
    first_free: |a| Ok(f::first_free(a.texts(0), a.texts(1)).into()),
    email_address: |a| Ok(f::email_address(a.text(0)).into()),
    email_local_part: |a| Ok(f::email_local_part(a.text(0)).into()),
    email_domain: |a| Ok(f::email_domain(a.text(0)).into()),
    phone_number: |a| Ok(f::phone_number(a.text(0), a.optional(1)).into()),
    language_tag: |a| Ok(f::language_tag(a.text(0)).into()),
    language_part: |a| Ok(f::language_part(a.text(0)).into()),
    region_part: |a| Ok(f::region_part(a.text(0)).into()),
    country_alpha2: |a| Ok(f::country_alpha2(a.text(0)).into()),
    country_alpha3: |a| Ok(f::country_alpha3(a.text(0)).into()),
    country_name: |a| Ok(f::country_name(a.text(0)).into()),
    parse_boolean: |a| Ok(f::parse_boolean(a.text(0)).into()),
    parse_integer: |a| Ok(f::parse_integer(a.text(0)).into()),
    parse_number: |a| {
        let mark = a.optional(1).and_then(|mark| mark.chars().next()).unwrap_or('.');
        Ok(f::parse_number(a.text(0), mark).into())
    },
    bit_and: |a| Ok(f::bit_and(a.integer(0), a.integer(1)).into()),
    parse_date: |a| failing(f::parse_date(a.text(0), &a.rest(1).into_iter().flatten().collect::<Vec<_>>())),
    parse_date_time: |a| {
        failing(f::parse_date_time(a.text(0), &a.rest(1).into_iter().flatten().collect::<Vec<_>>()))
    },
    format_date: |a| failing(f::format_date(a.text(0), a.text(1))),
    date_add: |a| Ok(f::date_add(a.text(0), a.integer(1), unit(a.text(2))?).into()),
    date_diff: |a| Ok(f::date_diff(a.text(0), a.text(1), unit(a.text(2))?).into()),
    is_before: |a| Ok(f::is_before(a.text(0), a.text(1)).into()),
    is_after: |a| Ok(f::is_after(a.text(0), a.text(1)).into()),
    weekday: |a| Ok(f::weekday(a.text(0)).into()),
    date_from_filetime: |a| Ok(f::date_from_filetime(a.text(0)).into()),
    filetime_from_date: |a| Ok(f::filetime_from_date(a.text(0)).into()),
    date_from_unix: |a| Ok(f::date_from_unix(a.integer(0)).into()),
    unix_from_date: |a| Ok(f::unix_from_date(a.text(0)).into()),
    date_from_excel: |a| Ok(f::date_from_excel(a.integer(0)).into()),
    distinct: |a| Ok(f::distinct(a.list(0)).into()),
    compact: |a| Ok(f::compact(a.list(0)).into()),
    count: |a| Ok(f::count(a.list(0)).into()),
    item: |a| Ok(f::item(a.list(0), a.count(1)).flatten().into()),
    first: |a| Ok(f::first(a.list(0)).into()),
    to_base64: |a| Ok(f::to_base64(a.text(0)).into()),
    from_base64: |a| Ok(f::from_base64(a.text(0)).into()),
    to_utf8_hex: |a| Ok(f::to_utf8_hex(a.text(0)).into()),
    percent_encode: |a| Ok(f::percent_encode(a.text(0)).into()),
    stable_hash: |a| Ok(f::stable_hash(a.text(0), a.optional_count(1).unwrap_or(64)).into()),
    short_id: |a| Ok(f::short_id(a.text(0), a.optional_count(1).unwrap_or(8)).into()),
    stable_uuid: |a| Ok(f::stable_uuid(a.text(0)).into()),
    mask: |a| Ok(f::mask(a.text(0), a.optional_count(1).unwrap_or(0)).into()),
    redact: |a| Ok(f::redact(a.text(0)).into()),
}

#[test]
fn every_function_of_the_file_is_there_and_called() {
    let shared = shared();
    let names: Vec<_> =
        shared["functions"].as_array().unwrap().iter().map(|function| &function["name"]).collect();
    assert_eq!(json!(names), json!(NAMES));
}
