//! Look-ups: granted or not, cut to what was asked, counted, and inside the time limit.

use crate::guests::{Guest, Says, host, id, map};
use scimwright_mapping::{
    AttributeValue, Fault, Grants, Limits, LoadFailure, MapError, Mapped, Outcome, Scalar,
};
use scimwright_record::{FieldValue, LookupUnavailable, Record, RecordKey, RecordLookup, SourceName};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Looks up record "k" of the source, field "a", and returns what it finds as attributes. Where it finds
/// nothing it skips with "none"; where it is told off it skips with the case's number.
pub(crate) fn guest(source: &str) -> Guest {
    // The answer (result<option<source-record>, lookup-error>) is at 512: 0 ok or error; at 516 the option's
    // case, or the error's; at 520 the record: source, key, fields.
    let body = format!(
        "(i32.store (i32.const 160) (i32.const 101)) (i32.store (i32.const 164) (i32.const 1))
         (call $lookup (i32.const 110) (i32.const {}) (i32.const 100) (i32.const 1)
            (i32.const 160) (i32.const 1) (i32.const 512))
         (if (i32.load8_u (i32.const 512)) (then
            (i32.store8 (i32.const 100) (i32.add (i32.const 48) (i32.load8_u (i32.const 516))))
            (return (call $skip (i32.const 100) (i32.const 1)))))
         (if (i32.eqz (i32.load8_u (i32.const 516))) (then
            (return (call $skip (i32.const 102) (i32.const 4)))))
         (call $echo (i32.const 520) (i32.const 16))",
        source.len()
    );
    let items = Guest::echo(Says::default()).items
        + &format!(
            r#"(data (i32.const 100) "kanone") (data (i32.const 110) "{source}")
            (func $skip (param i32 i32) (result i32)
                (i32.store8 (i32.const 204) (i32.const 1))
                (i32.store (i32.const 208) (local.get 0)) (i32.store (i32.const 212) (local.get 1))
                (i32.const 200))"#
        );
    let says = Says { lookups: vec!["dept".into()], ..Says::default() };
    Guest { says, items, ..Guest::mapping(&body) }
}

/// A source with one record, which remembers what it was asked.
#[derive(Default)]
pub(crate) struct Departments {
    delay: Duration,
    broken: bool,
    asked: Mutex<Vec<(String, String, Vec<String>)>>,
}

impl RecordLookup for Departments {
    fn lookup(
        &self,
        source: &SourceName,
        key: &RecordKey,
        fields: &[String],
        deadline: Instant,
    ) -> Result<Option<Record>, LookupUnavailable> {
        self.asked.lock().unwrap().push((source.to_string(), key.to_string(), fields.to_vec()));
        std::thread::sleep(self.delay.min(deadline.saturating_duration_since(Instant::now())));
        if self.broken {
            return Err(LookupUnavailable("the disk is gone".into()));
        }
        let found = Record::new(source.clone(), key.clone())
            .with("a", FieldValue::Text("Sales".into()))
            .with("b", FieldValue::Text("secret".into()));
        Ok((key.as_str() == "k").then_some(found))
    }
}

pub(crate) fn source(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn run(guest: &Guest, reader: Option<Arc<Departments>>, limits: Limits) -> Result<Mapped, MapError> {
    let grants = Grants {
        lookups: vec![source("dept"), source("other")],
        reader: reader.map(|reader| reader as _),
        ..Grants::default()
    };
    map(&host().load_bytes(id(), &guest.component(), limits, Vec::new(), grants).unwrap())
}

fn skipped(mapped: &Mapped) -> &str {
    match &mapped.outcome {
        Outcome::Skip(reason) => reason,
        Outcome::Provision(map) => panic!("{map:?}"),
    }
}

#[test]
fn a_granted_look_up_returns_the_record_cut_to_the_fields_that_were_asked() {
    let reader = Arc::new(Departments::default());
    let mapped = run(&guest("dept"), Some(Arc::clone(&reader)), Limits::default()).unwrap();
    let Outcome::Provision(map) = &mapped.outcome else { panic!("{mapped:?}") };
    let found: Vec<_> = map.iter().map(|(path, value)| (path.to_string(), value.clone())).collect();
    assert_eq!(found, [("a".to_owned(), AttributeValue::One(Scalar::Text("Sales".into())))]);
    assert_eq!(mapped.evidence.usage.lookups, 1);
    assert_eq!(*reader.asked.lock().unwrap(), [("dept".into(), "k".into(), vec!["a".into()])]);
}

#[test]
fn a_source_that_the_manifest_does_not_declare_is_not_granted_even_where_the_configuration_would() {
    let reader = Arc::new(Departments::default());
    let mapped = run(&guest("other"), Some(Arc::clone(&reader)), Limits::default()).unwrap();
    assert_eq!(skipped(&mapped), "0", "not-granted");
    assert!(reader.asked.lock().unwrap().is_empty());
}

#[test]
fn where_nothing_can_be_looked_up_it_is_not_granted() {
    assert_eq!(skipped(&run(&guest("dept"), None, Limits::default()).unwrap()), "0");
}

#[test]
fn a_module_that_declares_look_ups_needs_the_grant_to_be_loaded() {
    let error = guest("dept").load(&host(), Limits::default()).unwrap_err();
    let LoadFailure::NotGranted { wants, remedy } = &error.failure else { panic!("{error}") };
    assert_eq!(*wants, ["look-ups in `dept`"]);
    assert_eq!(remedy, r#"[module.guest] grants = { lookups = ["dept"] }"#);
}

#[test]
fn a_source_that_cannot_be_read_is_the_guests_to_judge() {
    let reader = Arc::new(Departments { broken: true, ..Departments::default() });
    assert_eq!(skipped(&run(&guest("dept"), Some(reader), Limits::default()).unwrap()), "1", "unavailable");
}

#[test]
fn a_slow_look_up_is_a_limit_of_time_on_the_wall_and_not_of_cpu_time() {
    let reader = Arc::new(Departments { delay: Duration::from_secs(60), ..Departments::default() });
    let limits = Limits { wall: Duration::from_millis(80), ..Limits::default() };
    let error = run(&guest("dept"), Some(reader), limits).unwrap_err();
    let Fault::WallClock { used, limit, cpu, backtrace } = &error.fault else { panic!("{error}") };
    assert!(used >= limit && cpu < limit, "{error}");
    assert!(!backtrace.frames.is_empty());
}

#[test]
fn look_ups_are_counted_and_end_the_call_beyond_their_limit() {
    let guest = guest("dept");
    let map = guest.map.as_ref().map(|body| {
        format!(
            "(loop $more {} (drop) (br $more)) unreachable",
            body.split("(if").next().unwrap().to_owned() + "(i32.const 0)"
        )
    });
    let guest = Guest { map, ..guest };
    let reader = Arc::new(Departments::default());
    let limits = Limits { cpu: Duration::from_secs(5), lookups: 7, ..Limits::default() };
    let error = run(&guest, Some(Arc::clone(&reader)), limits).unwrap_err();
    assert!(matches!(error.fault, Fault::Lookups { limit: 7, .. }), "{error}");
    assert_eq!(reader.asked.lock().unwrap().len(), 7);
}
