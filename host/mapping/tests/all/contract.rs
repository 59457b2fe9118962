//! What a well-behaved guest sees, and what becomes of what it returns.

use crate::guests::{Guest, Says, context, host, id, map, record};
use scimwright_mapping::{AttributeMap, AttributeValue, Fault, Grants, Limits, LogLevel, Outcome, Scalar};
use scimwright_record::{FieldValue, Record, RecordKey, SourceName};
use scimwright_scim::AttributePath;
use serde_json::json;

fn attributes(outcome: &Outcome) -> Vec<(String, AttributeValue)> {
    match outcome {
        Outcome::Provision(map) => {
            map.iter().map(|(path, value)| (path.to_string(), value.clone())).collect()
        }
        Outcome::Skip(reason) => panic!("skipped: {reason}"),
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::One(Scalar::Text(text.into()))
}

#[test]
fn every_kind_of_field_crosses_into_a_guest_and_back() {
    let fields = [
        ("a", FieldValue::Null, AttributeValue::Clear),
        ("b", FieldValue::Text("Zoë 社員".into()), text("Zoë 社員")),
        ("c", FieldValue::Boolean(true), AttributeValue::One(Scalar::Boolean(true))),
        ("d", FieldValue::Integer(i64::MIN), AttributeValue::One(Scalar::Integer(i64::MIN))),
        ("e", FieldValue::Decimal(-0.1), AttributeValue::One(Scalar::Decimal(-0.1))),
        (
            "f",
            FieldValue::DateTime("2024-03-01T08:00:00Z".into()),
            AttributeValue::One(Scalar::DateTime("2024-03-01T08:00:00Z".into())),
        ),
        ("g", FieldValue::Binary(vec![0, 255, 1]), AttributeValue::One(Scalar::Binary(vec![0, 255, 1]))),
        (
            "h",
            FieldValue::Many(vec!["x".into(), String::new()]),
            AttributeValue::Many(vec![Scalar::Text("x".into()), Scalar::Text(String::new())]),
        ),
        ("i", FieldValue::Json(json!({"deep": [1, null]})), AttributeValue::Json(json!({"deep": [1, null]}))),
    ];
    let names: Vec<_> = fields.iter().map(|(name, ..)| *name).collect();
    let module = Guest::echo(Says::names(&names)).load(&host(), Limits::default()).unwrap();
    let mut record = Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse("1").unwrap());
    for (name, value, _) in &fields {
        record.push(*name, value.clone());
    }
    let mapped = module.map(&context(), &record).unwrap();
    let expected: Vec<_> = fields.into_iter().map(|(name, _, value)| (name.to_owned(), value)).collect();
    assert_eq!(attributes(&mapped.outcome), expected);
    assert!(mapped.evidence.usage.memory_bytes >= 2 * 65_536);
    assert!(
        mapped.evidence.usage.output_bytes > 0 && mapped.evidence.usage.output_bytes < 4096,
        "{:?}",
        mapped.evidence.usage
    );
}

#[test]
fn a_guest_sees_the_fields_it_declared_and_no_others() {
    let says = Says { reads: vec!["a".into()], ..Says::default() };
    let module = Guest::echo(says).load(&host(), Limits::default()).unwrap();
    let mapped = map(&module).unwrap();
    assert_eq!(attributes(&mapped.outcome), [("a".to_owned(), text("Zoë"))]);
}

#[test]
fn a_guest_that_asks_for_every_field_gets_them_when_it_is_granted() {
    let says = Says { reads: vec!["*".into()], ..Says::default() };
    let grants = Grants { all_fields: true, ..Grants::default() };
    let wasm = Guest::echo(says).component();
    let module = host().load_bytes(id(), &wasm, Limits::default(), Vec::new(), grants).unwrap();
    assert_eq!(attributes(&map(&module).unwrap().outcome).len(), 2);
}

#[test]
fn a_guest_that_returns_what_it_did_not_declare_fails() {
    let says = Says { writes: vec!["a".into(), "name".into()], ..Says::default() };
    let module = Guest::echo(says).load(&host(), Limits::default()).unwrap();
    let error = map(&module).unwrap_err();
    assert!(
        matches!(&error.fault, Fault::UndeclaredAttribute { attribute, .. } if attribute == "b"),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "record `E1001` in module `guest` of tenant `default` (`map`): returned the attribute `b`, which its \
         manifest does not declare; its author should add it to `writes` (`a` and `name`) or not return it"
    );
}

#[test]
fn a_bad_moment_from_a_guest_names_attribute_and_value() {
    let module = Guest::echo(Says::default()).load(&host(), Limits::default()).unwrap();
    let record = record().with("a", FieldValue::DateTime("yesterday".into()));
    let error = module.map(&context(), &record).unwrap_err();
    assert!(matches!(&error.fault, Fault::BadValue { attribute, .. } if attribute == "a"), "{error}");
    assert!(error.to_string().contains("`yesterday`"), "{error}");
}

#[test]
fn a_guest_can_skip_a_record_with_a_reason() {
    // ok, skip, "hello" at 100.
    let guest = Guest::mapping(
        "(i32.store8 (i32.const 204) (i32.const 1))
         (i32.store (i32.const 208) (i32.const 100))
         (i32.store (i32.const 212) (i32.const 5))
         (i32.const 200)",
    )
    .items(r#"(data (i32.const 100) "hello")"#);
    let module = guest.load(&host(), Limits::default()).unwrap();
    assert_eq!(map(&module).unwrap().outcome, Outcome::Skip("hello".into()));
}

#[test]
fn a_guests_refusal_keeps_its_kind_field_and_message() {
    // error, invalid-record { field: some("a"), message: "blank" }
    let guest = Guest::mapping(
        "(i32.store8 (i32.const 200) (i32.const 1))
         (i32.store8 (i32.const 208) (i32.const 1))
         (i32.store (i32.const 212) (i32.const 105))
         (i32.store (i32.const 216) (i32.const 1))
         (i32.store (i32.const 220) (i32.const 100))
         (i32.store (i32.const 224) (i32.const 5))
         (i32.const 200)",
    )
    .items(r#"(data (i32.const 100) "blanka")"#);
    let error = map(&guest.load(&host(), Limits::default()).unwrap()).unwrap_err();
    assert_eq!(error.fault, Fault::InvalidRecord { field: Some("a".into()), message: "blank".into() });
}

#[test]
fn a_defaults_module_sees_what_was_mapped_and_fills_what_is_missing() {
    // It returns the attributes it was given as `mapped` (at 68), then says so in the log.
    let guest = Guest {
        map: None,
        defaults: Some(
            "(i32.store8 (i32.const 200) (i32.const 0))
             (i64.store (i32.const 204) (i64.load offset=68 (local.get $in)))
             (i32.const 200)"
                .into(),
        ),
        ..Guest::mapping("")
    };
    let module = guest.load(&host(), Limits::default()).unwrap();
    assert!(module.exports_defaults() && !module.exports_mapping());
    let path = |name| AttributePath::parse(name).unwrap();
    let mut mapped: AttributeMap =
        [(path("a"), text("mapped")), (path("userName"), AttributeValue::Clear)].into_iter().collect();
    let returned = module.defaults(&context(), &record(), &mapped).unwrap();
    assert_eq!(returned.attributes, mapped);
    assert!(mapped.fill_from(returned.attributes).is_empty());

    let error = map(&module).unwrap_err();
    assert!(matches!(error.fault, Fault::NotExported { export: "attribute-mapping", .. }), "{error}");
}

#[test]
fn what_a_guest_logs_is_returned_with_its_level_and_fields() {
    // Level warn, message "look", one field ("k", "v").
    let guest = Guest::mapping(
        "(i32.store (i32.const 160) (i32.const 104)) (i32.store (i32.const 164) (i32.const 1))
         (i32.store (i32.const 168) (i32.const 105)) (i32.store (i32.const 172) (i32.const 1))
         (call $log (i32.const 3) (i32.const 100) (i32.const 4) (i32.const 160) (i32.const 1))
         (call $echo (local.get $in) (i32.const 60))",
    );
    let guest =
        Guest { items: Guest::echo(Says::default()).items + r#"(data (i32.const 100) "lookkv")"#, ..guest };
    let mapped = map(&guest.load(&host(), Limits::default()).unwrap()).unwrap();
    let [line] = mapped.evidence.logs.as_slice() else { panic!("{:?}", mapped.evidence.logs) };
    assert_eq!(line.level, LogLevel::Warn);
    assert_eq!(line.to_string(), r#"look k="v""#);
    assert!(mapped.evidence.usage.log_bytes > 0);
}

#[test]
fn a_guest_remembers_nothing_from_one_record_to_the_next() {
    // It counts calls in a global, and crashes on the second.
    let guest = Guest::mapping(
        "(if (global.get $called) (then unreachable))
         (global.set $called (i32.const 1))
         (call $echo (local.get $in) (i32.const 60))",
    );
    let items = Guest::echo(Says::default()).items + "(global $called (mut i32) (i32.const 0))";
    let module = Guest { items, ..guest }.load(&host(), Limits::default()).unwrap();
    for _ in 0..3 {
        map(&module).unwrap();
    }
}

#[test]
fn many_threads_call_one_module_and_wait_for_their_turn() {
    // More threads than the pool has instances.
    let module = Guest::echo(Says::default()).load(&host(), Limits::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..24 {
            let module = &module;
            scope.spawn(move || {
                for number in 0..50 {
                    let value = format!("{thread}-{number}");
                    let record = record().with("a", FieldValue::Text(value.clone()));
                    let mapped = module.map(&context(), &record).unwrap();
                    assert_eq!(attributes(&mapped.outcome)[0].1, text(&value));
                }
            });
        }
    });
}

#[test]
fn a_module_outlives_the_host_that_loaded_it_and_is_still_stopped_in_time() {
    let guest =
        Guest::mapping("(if (i32.load offset=64 (local.get $in)) (then (loop $on (br $on)))) unreachable");
    let module = guest.load(&host(), Limits::default()).unwrap();
    let error = map(&module).unwrap_err();
    assert!(matches!(error.fault, Fault::CpuDeadline { .. }), "{error}");
}
