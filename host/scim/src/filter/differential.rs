//! Two readings of one text: ours, and that of another implementation of RFC 7644.
//!
//! A mistake that parser and printer share is found by no test that uses both. So what we print is read by the
//! crate `scim_v2`, whose parser is generated from the RFC's grammar: it has to make the same tree of it. And of
//! text that is only nearly a filter or a path, both have to say the same: whether it is one, and which.
//!
//! Where the two disagree on purpose, [`REASONS`] says why. Each reason has an example, and a test that fails
//! when the disagreement has gone.

use super::{Filter, arbitrary};
use crate::patch::PatchPath;
use crate::path::AttributePath;
use mutate::Dice;
use proptest::prelude::*;
use scim_v2::filter as theirs;
use serde_json::{Value, json};

#[path = "../../tests/all/mutate.rs"]
#[allow(dead_code, reason = "shared with tests that change JSON too")]
mod mutate;

/// Why the other side refuses what we accept, or accepts what we refuse.
struct Reason {
    why: &'static str,
    holds: fn(&str) -> bool,
    example: &'static str,
}

const REASONS: &[Reason] = &[
    Reason {
        why: "RFC 7643 section 2.1 lets `$` stand in a name, and `$ref` is one; RFC 7644's grammar left it out",
        holds: |text| words(text).iter().any(|word| word.contains('$')),
        example: "members[$ref pr]",
    },
    Reason {
        why: "JSON writes true, false and null in lower case; clients exist that write True",
        holds: |text| words(text).iter().any(|word| is_other_case(word, &["true", "false", "null"])),
        example: "active eq True",
    },
    Reason {
        why: "a quote, a parenthesis or a bracket ends a word as well as the blank that the grammar asks for",
        holds: |text| {
            // Each string as one quote.
            let text = without_strings(text).replace("\"\"", "\"");
            let pairs: Vec<(char, char)> = text.chars().zip(text.chars().skip(1)).collect();
            let ends = |c: char| matches!(c, '"' | ')' | ']');
            let begins = |c: char| matches!(c, '"' | '(');
            let in_word = |c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | '[' | ']');
            pairs
                .iter()
                .any(|&(one, next)| in_word(one) && begins(next) || ends(one) && in_word(next) && next != '.')
        },
        example: "userName eq\"a\"",
    },
    Reason {
        why: "a URI holds what RFC 3986 lets it hold; the other side reads letters, digits and few signs",
        holds: |text| {
            let odd = |c: char| !c.is_ascii_alphanumeric() && !":._-$".contains(c);
            words(text).iter().any(|word| word.rsplit_once(':').is_some_and(|(urn, _)| urn.contains(odd)))
        },
        example: "urn:acme@example:Device:serial pr",
    },
    Reason {
        why: "what ends in `:` is no schema's URN, although RFC 3986 takes it for a URI",
        holds: |text| words(text).iter().any(|word| word.contains("::")),
        example: "urn:acme::serial pr",
    },
    Reason {
        why: "the grammar has no blank before `[` or `.`",
        holds: |text| text.match_indices(['[', '.']).any(|(at, _)| text[..at].ends_with(char::is_whitespace)),
        example: "emails [type pr]",
    },
    Reason {
        why: "an attribute may be called like an operator or a literal; where it stands tells which it is",
        holds: |text| {
            const TAKEN: [&str; 7] = ["not", "and", "or", "pr", "true", "false", "null"];
            let (filter, path) = (read_filter(text).0, read_path(text).0);
            let paths = [filter, path].into_iter().flatten().flat_map(|reading| paths(&reading));
            paths
                .flat_map(|path| path.split('.').map(str::to_owned).collect::<Vec<_>>())
                .any(|name| TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken)))
        },
        example: "null eq null",
    },
    Reason {
        why: "the grammar allows `a.b[…]`, but no sub-attribute has parts to select by (RFC 7643 section 2.3.8)",
        holds: |text| words_before_brackets(text).any(|word| name(word).contains('.')),
        example: "name.givenName[value pr]",
    },
];

fn is_other_case(word: &str, lower: &[&str]) -> bool {
    lower.iter().any(|one| word.eq_ignore_ascii_case(one) && word != *one)
}

/// The attributes in a tree, without their URNs.
fn paths(tree: &Value) -> Vec<String> {
    let own = |key| tree.get(key).and_then(Value::as_str).map(|path| name(path).to_owned());
    match tree {
        Value::Array(parts) => match parts.first() {
            Some(Value::String(path)) => vec![name(path).to_owned()],
            _ => parts.iter().flat_map(paths).collect(),
        },
        Value::Object(parts) => {
            let inner = parts.values().filter(|part| !part.is_string()).flat_map(paths);
            inner.chain(own("element")).chain(own("path")).chain(own("part")).collect()
        }
        _ => Vec::new(),
    }
}

/// What follows the URN in a path.
fn name(path: &str) -> &str {
    path.rsplit(':').next().unwrap_or_default()
}

/// The text with nothing in its quotes.
fn without_strings(text: &str) -> String {
    let (mut kept, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        let closes = quoted && c == '"' && !escaped;
        if !quoted || closes {
            kept.push(c);
        }
        escaped = quoted && c == '\\' && !escaped;
        quoted = if quoted { !closes } else { c == '"' };
    }
    kept
}

fn words(text: &str) -> Vec<String> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"');
    without_strings(text).split(ends).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn words_before_brackets(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ']' | '"');
    text.match_indices('[').map(move |(at, _)| text[..at].rsplit(ends).next().unwrap_or_default())
}

/// The tree as JSON that both sides are written as: chains flat, since nesting one `and` in another says nothing.
fn our_filter(filter: &Filter) -> Value {
    match filter {
        Filter::Or(operands) => chain("or", operands.iter().map(our_filter)),
        Filter::And(operands) => chain("and", operands.iter().map(our_filter)),
        Filter::Not(inner) => json!({"not": our_filter(inner)}),
        Filter::Present(path) => json!([path.to_string(), "pr"]),
        Filter::Compare { path, operator, value } => {
            json!([path.to_string(), operator.as_str(), Value::from(value)])
        }
        Filter::Element { path, filter } => {
            json!({"element": path.to_string(), "filter": our_filter(filter)})
        }
    }
}

fn chain(word: &str, operands: impl Iterator<Item = Value>) -> Value {
    let flat = operands.flat_map(|operand| match operand.get(word) {
        Some(Value::Array(inner)) => inner.clone(),
        _ => vec![operand],
    });
    json!({word: flat.collect::<Vec<_>>()})
}

/// Whether both trees say the same. The other side reads real numbers with `serde_json`, which may be off in the
/// last digit.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            one == other || (one - other).abs() <= (one.abs() * 1e-15).max(f64::MIN_POSITIVE)
        }
        _ => one == other,
    }
}

fn their_filter(filter: &theirs::Filter) -> Value {
    match filter {
        theirs::Filter::Attr(expression) => their_expression(expression),
        theirs::Filter::ValuePath(path) => {
            json!({"element": their_path(&path.attr), "filter": their_element(&path.filter)})
        }
        theirs::Filter::Not(inner) => json!({"not": their_filter(inner)}),
        theirs::Filter::And(operands) => chain("and", operands.iter().map(their_filter)),
        theirs::Filter::Or(operands) => chain("or", operands.iter().map(their_filter)),
    }
}

fn their_element(filter: &theirs::ValFilter) -> Value {
    match filter {
        theirs::ValFilter::Attr(expression) => their_expression(expression),
        theirs::ValFilter::Not(inner) => json!({"not": their_element(inner)}),
        theirs::ValFilter::And(operands) => chain("and", operands.iter().map(their_element)),
        theirs::ValFilter::Or(operands) => chain("or", operands.iter().map(their_element)),
    }
}

fn their_expression(expression: &theirs::AttrExp) -> Value {
    match expression {
        theirs::AttrExp::Present(path) => json!([their_path(path), "pr"]),
        theirs::AttrExp::Comparison(path, operator, value) => {
            let value = match value {
                theirs::CompValue::Null => Value::Null,
                theirs::CompValue::True => json!(true),
                theirs::CompValue::False => json!(false),
                theirs::CompValue::Number(number) => Value::Number(number.clone()),
                theirs::CompValue::Str(text) => json!(text),
            };
            json!([their_path(path), operator.to_string(), value])
        }
    }
}

fn their_path(path: &theirs::AttrPath) -> String {
    path.to_string()
}

fn our_path(path: &PatchPath) -> Value {
    match path {
        // Text alone does not tell an extension from an attribute; the other side never reads an extension.
        PatchPath::Extension(urn) => json!({"path": urn.to_string()}),
        PatchPath::Attribute { path, filter: None } => json!({"path": path.to_string()}),
        PatchPath::Attribute { path, filter: Some(filter) } => json!({
            "element": path.without_sub().to_string(),
            "filter": our_filter(filter),
            "part": path.sub.as_ref().map(ToString::to_string),
        }),
    }
}

fn their_patch_path(path: &theirs::PatchPath) -> Value {
    match path {
        theirs::PatchPath::Attr(path) => json!({"path": their_path(path)}),
        theirs::PatchPath::Value(path) => json!({
            "element": their_path(&path.attr),
            "filter": their_element(&path.filter),
            "part": path.sub_attr,
        }),
    }
}

/// What either side makes of the text, nothing where it refuses.
type Reading = (Option<Value>, Option<Value>);

fn read_filter(text: &str) -> Reading {
    let theirs = text.parse::<theirs::Filter>().ok();
    (Filter::parse(text).ok().as_ref().map(our_filter), theirs.as_ref().map(their_filter))
}

fn read_path(text: &str) -> Reading {
    let theirs = text.parse::<theirs::PatchPath>().ok();
    (PatchPath::parse(text).ok().as_ref().map(our_path), theirs.as_ref().map(their_patch_path))
}

fn agree(reading: &Reading) -> bool {
    match reading {
        (Some(ours), Some(theirs)) => same(ours, theirs),
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    }
}

/// Fails where the two disagree without a reason.
fn judge(text: &str, reading: &Reading) -> Result<(), TestCaseError> {
    let excused = || REASONS.iter().any(|reason| (reason.holds)(text));
    prop_assert!(
        agree(reading) || excused(),
        "of {:?}\nwe make {:?}\nthey make {:?}",
        text,
        reading.0,
        reading.1
    );
    Ok(())
}

fn nearly(seeds: &'static [&'static str]) -> impl Strategy<Value = String> {
    (prop::sample::select(seeds), any::<u64>(), 0usize..4).prop_map(|(seed, number, rounds)| {
        let mut dice = Dice::new(number);
        (0..rounds).fold(seed.to_owned(), |text, _| mutate::text(&text, &mut dice))
    })
}

const FILTERS: &[&str] = &[
    r#"userName eq "bjensen""#,
    r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
    r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and primary eq true]"#,
    "a eq -1.5e3 and b gt 18446744073709551615 or c eq null",
    r#"urn:ietf:params:scim:schemas:core:2.0:User:userName SW "J" OR (title PR)"#,
];

const PATHS: &[&str] = &[
    "name.familyName",
    r#"addresses[type eq "work"]"#,
    r#"members[value eq "2819c223" and not (display pr)].displayName"#,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    r#"emails[value eq "a]b\"c"].type"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Point 18: what we print, another implementation reads as it was meant, whatever is in the values.
    #[test]
    fn another_implementation_reads_what_we_print_as_we_meant_it(filter in arbitrary::filter()) {
        let text = filter.to_string();
        judge(&text, &read_filter(&text))?;
    }

    #[test]
    fn another_implementation_reads_the_paths_that_we_print(filter in arbitrary::filter(), part in any::<bool>()) {
        let Filter::Element { path, filter } = Filter::element(AttributePath::parse("a").unwrap(), filter) else {
            return Ok(());
        };
        let path = if part { path.with_sub(crate::AttributeName::VALUE) } else { path };
        let text = PatchPath::element(path, *filter).to_string();
        judge(&text, &read_path(&text))?;
    }

    #[test]
    fn both_agree_on_what_is_a_filter(text in nearly(FILTERS)) {
        judge(&text, &read_filter(&text))?;
    }

    #[test]
    fn both_agree_on_what_is_a_path(text in nearly(PATHS)) {
        judge(&text, &read_path(&text))?;
    }
}

#[test]
fn every_reason_to_disagree_is_one_still() {
    for Reason { why, holds, example } in REASONS {
        assert!(holds(example), "{why}: {example}");
        assert!(!agree(&read_filter(example)), "both agree on `{example}` now, although {why}");
    }
    // A reason that always holds would excuse everything.
    for plain in FILTERS.iter().chain(PATHS).filter(|text| !text.contains("not (")) {
        assert!(REASONS.iter().all(|reason| !(reason.holds)(plain)), "{plain}");
    }
}
