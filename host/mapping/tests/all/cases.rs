//! Cases against modules: replayed from their own tape, and carried inside.

use crate::guests::{Guest, Says, host, id};
use crate::lookups::{Departments, guest, source};
use scimwright_mapping::case::CaseLookup;
use scimwright_mapping::{Case, Grants, Limits, LoadError, LoadFailure, MappingModule};
use serde_json::{Value, json};
use std::sync::Arc;

fn case(json: Value) -> Case {
    Case::from_json(&json).unwrap()
}

/// A case of a record with one text field `a`.
fn echo_case(value: &str, expected: Value) -> Case {
    case(json!({ "source": "hr", "key": "1", "fields": { "a": value }, "expected": expected }))
}

fn load(bytes: &[u8]) -> Result<MappingModule, LoadError> {
    host().load_bytes(id(), bytes, Limits::default(), Vec::new(), Grants::default())
}

/// A component with cases inside.
fn carrying(guest: &Guest, cases: &[Case]) -> Vec<u8> {
    let lines: String = cases.iter().map(|case| format!("{}\n", case.to_json())).collect();
    let name = "scimwright:cases";
    let mut section = vec![name.len() as u8];
    section.extend(name.as_bytes());
    section.extend(lines.as_bytes());
    let mut bytes = guest.component();
    bytes.push(0);
    let mut size = section.len();
    loop {
        let more = size > 0x7f;
        bytes.push((size & 0x7f) as u8 | if more { 0x80 } else { 0 });
        size >>= 7;
        if !more {
            break;
        }
    }
    bytes.extend(section);
    bytes
}

#[test]
fn a_call_that_is_written_down_with_its_tape_comes_out_the_same_without_the_source() {
    let grants = Grants {
        lookups: vec![source("dept")],
        reader: Some(Arc::new(Departments::default())),
        ..Grants::default()
    };
    let bytes = guest("dept").component();
    let live = host().load_bytes(id(), &bytes, Limits::default(), Vec::new(), grants).unwrap();
    let mut case = echo_case("x", json!({}));
    let mapped = live.map(&case.context, &case.record).unwrap();
    case.lookups = mapped.evidence.tape.into_iter().map(CaseLookup::from).collect();
    case.expected = Some(mapped.outcome.to_json());
    assert_eq!(case.expected, Some(json!({ "a": "Sales" })));

    let case = Case::parse(&case.to_json().to_string()).unwrap();
    let elsewhere = live.with_reader(Arc::new(Departments::default()));
    let report = case.run(&elsewhere);
    assert!(report.matches, "{:#}", report.outcome);
    assert_eq!(report.evidence.usage.lookups, 1);

    let without = Case { lookups: Vec::new(), ..case };
    let report = without.run(&elsewhere);
    assert_eq!(report.outcome, json!({ "skip": "1" }), "the look-up is unavailable");
}

#[test]
fn a_case_brings_its_own_settings_and_says_so_when_the_module_does_not_accept_them() {
    let says = Says { settings: vec![("domain".into(), true)], ..Says::default() };
    let wasm = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wasm.path(), Guest::echo(says).component()).unwrap();
    let module = host().load_for_cases(id(), wasm.path(), Limits::default()).unwrap();
    let outcome = echo_case("x", json!({ "a": "x" })).run(&module).outcome;
    assert_eq!(outcome["error"]["kind"], "settings");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("`domain` is required"), "{outcome}");

    let mut case = echo_case("x", json!({ "a": "x" }));
    case.settings = vec![("domain".into(), "example.com".into())];
    assert!(case.run(&module).matches);
}

#[test]
fn a_module_that_passes_its_own_cases_is_loaded() {
    let cases = [echo_case("x", json!({ "a": "x" })), echo_case("y", json!({ "a": "y" }))];
    load(&carrying(&Guest::echo(Says::default()), &cases)).unwrap();
}

#[test]
fn a_module_that_fails_its_own_case_is_refused_with_the_case_and_the_difference() {
    let mut wrong = echo_case("x", json!({ "a": "z" }));
    wrong.name = Some("people-of-x".into());
    let cases = [echo_case("y", json!({ "a": "y" })), wrong];
    let error = load(&carrying(&Guest::echo(Says::default()), &cases)).unwrap_err();
    assert!(matches!(error.failure, LoadFailure::Cases(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("its own case `people-of-x` differs in a: \"z\" → \"x\" (1 of 2 fail)"), "{text}");
}

#[test]
fn a_case_that_expects_nothing_proves_nothing() {
    let mut open = echo_case("x", json!({}));
    open.expected = None;
    let error = load(&carrying(&Guest::echo(Says::default()), &[open])).unwrap_err().to_string();
    assert!(error.contains("says nothing about what has to come out"), "{error}");
}
