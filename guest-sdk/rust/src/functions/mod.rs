//! The functions that mappings are made of, the same in every guest SDK.
//!
//! Pure functions from values to values. `guest-sdk/FUNCTIONS.md` lists them all with an example each, and
//! `guest-sdk/functions.json` has the cases that the Rust, JavaScript and Python ones all pass. What a mapping does
//! not call is not in its module.
//!
//! - [`choose`](mod@choose): [`coalesce`], [`choose()`], [`is_blank`], [`is_present`]
//! - [`text`]: [`join`], [`split`], [`split_list`], [`replace`], [`trim`], [`left`], [`substring`], [`word`] and so on
//! - [`regex`]: [`replace_regex`], [`matches_regex`], [`extract_regex`], in a language that every SDK understands
//! - [`case`]: [`lower`], [`upper`], [`capitalize`], [`title_case`]
//! - [`letters`]: [`to_ascii`], [`normalize_diacritics`], [`slug`]
//! - [`names`]: [`clean_name`], [`full_name`], [`family_name_first`], [`initials`]
//! - [`user_names`]: [`user_name_candidates`], [`first_free`]
//! - [`contact`]: [`email_address`] and its parts, [`phone_number`]
//! - [`languages`], [`countries`]: [`language_tag`], [`country_alpha2`] and so on
//! - [`numbers`]: [`parse_boolean`], [`parse_integer`], [`parse_number`], [`bit_and`]
//! - [`dates`], [`date_formats`]: [`parse_date`], [`format_date`], [`date_add`], [`date_diff`] and so on
//! - [`lists`]: [`distinct`], [`compact`], [`count`], [`item`], [`first`]
//! - [`encoding`]: [`to_base64`], [`stable_hash`], [`short_id`], [`stable_uuid`], [`mask`] and so on
//!
//! What a record can do wrong answers `None`: the mapping decides whether that is an error of the field. What only
//! its author can do wrong, a pattern or a format, is a [`FunctionError`], which `?` turns into a
//! [`MappingError`](crate::MappingError).
//!
//! A function takes a text, not an absent one; `record.optional_text("title")?.map(|text| functions::trim(&text))`
//! does. [`coalesce`], [`join`] and the other functions of several values take both: see [`OptionalText`].

pub mod case;
pub mod choose;
pub mod contact;
pub mod countries;
pub mod date_formats;
pub mod dates;
pub mod encoding;
mod error;
pub mod languages;
pub mod letters;
pub mod lists;
pub mod names;
pub mod numbers;
pub mod regex;
mod tables;
pub mod text;
pub mod user_names;

pub use case::{capitalize, lower, title_case, upper};
pub use choose::{OptionalText, choose, coalesce, is_blank, is_present};
pub use contact::{email_address, email_domain, email_local_part, phone_number};
pub use countries::{country_alpha2, country_alpha3, country_name};
pub use date_formats::{format_date, parse_date, parse_date_time};
pub use dates::{
    DateUnit, date_add, date_diff, date_from_excel, date_from_filetime, date_from_unix, filetime_from_date,
    is_after, is_before, unix_from_date, weekday,
};
pub use encoding::{
    from_base64, mask, percent_encode, redact, short_id, stable_hash, stable_uuid, to_base64, to_utf8_hex,
};
pub use error::FunctionError;
pub use languages::{language_part, language_tag, region_part};
pub use letters::{normalize_diacritics, slug, to_ascii, to_ascii_in};
pub use lists::{compact, count, distinct, first, item};
pub use names::{clean_name, family_name_first, full_name, initials};
pub use numbers::{bit_and, parse_boolean, parse_integer, parse_number};
pub use regex::{Pattern, extract_regex, matches_regex, replace_regex};
pub use text::{
    after, append, before, collapse_spaces, contains, ends_with, equals_ignore_case, index_of, join, left,
    length, mid, only_digits, pad_left, remove_characters, replace, right, split, split_list, starts_with,
    strip_spaces, substring, trim, word,
};
pub use user_names::{first_free, user_name_candidates};
