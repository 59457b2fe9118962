//! Instances that map more than one record: only where both sides want it, and never after something went wrong.

use crate::guests::{Guest, Says, context, host, id, map, record};
use scimwright_mapping::{Fault, Grants, Limits, Mapped, MappingHost, MappingModule, Outcome};
use scimwright_record::FieldValue;
use std::time::Duration;

/// Counts its calls in a global and skips with the count; "c" crashes, "l" loops, "i" finds the record invalid,
/// "m" takes a mebibyte first, "s" logs.
fn counting(reuse: Option<u32>) -> Guest {
    // The first field's text: the list of fields is at 60, the text of the first at 16 in it.
    let body = "(local $letter i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (local.set $letter (i32.load8_u (i32.load offset=16 (i32.load offset=60 (local.get $in)))))
        (i32.store (i32.const 200) (i32.const 0)) (i32.store (i32.const 204) (i32.const 0))
        (if (i32.eq (local.get $letter) (i32.const 99)) (then unreachable))
        (if (i32.eq (local.get $letter) (i32.const 108)) (then (loop $on (br $on))))
        (if (i32.eq (local.get $letter) (i32.const 109)) (then (drop (memory.grow (i32.const 16)))))
        (if (i32.eq (local.get $letter) (i32.const 115)) (then
            (call $log (i32.const 2) (i32.const 100) (i32.const 1) (i32.const 0) (i32.const 0))))
        (if (i32.eq (local.get $letter) (i32.const 105)) (then
            (i32.store8 (i32.const 200) (i32.const 1)) (i32.store (i32.const 208) (i32.const 0))
            (i32.store (i32.const 220) (i32.const 100)) (i32.store (i32.const 224) (i32.const 1))
            (return (i32.const 200))))
        (i32.store8 (i32.const 100) (i32.add (i32.const 48) (global.get $calls)))
        (i32.store8 (i32.const 204) (i32.const 1))
        (i32.store (i32.const 208) (i32.const 100)) (i32.store (i32.const 212) (i32.const 1))
        (i32.const 200)";
    let says = Says { reuse, ..Says::default() };
    Guest::mapping(body).says(says).items("(global $calls (mut i32) (i32.const 0))")
}

fn load(host: &MappingHost, guest: &Guest, granted: u32) -> MappingModule {
    let grants = Grants { reuse: granted, ..Grants::default() };
    host.load_bytes(id(), &guest.component(), Limits::default(), Vec::new(), grants).unwrap()
}

fn mapped(module: &MappingModule, letter: &str) -> Result<Mapped, Fault> {
    let record = record().with("a", FieldValue::Text(letter.into()));
    module.map(&context(), &record).map_err(|error| error.fault)
}

/// How often the instance that mapped this had been called, and whether it was fresh.
fn calls(module: &MappingModule, letter: &str) -> (String, bool) {
    let mapped = mapped(module, letter).unwrap();
    match mapped.outcome {
        Outcome::Skip(count) => (count, mapped.evidence.usage.fresh),
        Outcome::Provision(_) => panic!("{mapped:?}"),
    }
}

fn fresh() -> (String, bool) {
    ("1".into(), true)
}

#[test]
fn an_instance_maps_as_many_records_as_both_sides_want_and_then_goes() {
    let host = host();
    for (asks, granted) in [(Some(3), 100), (Some(100), 3)] {
        let module = load(&host, &counting(asks), granted);
        for _ in 0..2 {
            assert_eq!(calls(&module, "x"), fresh());
            assert_eq!(calls(&module, "x"), ("2".into(), false));
            assert_eq!(calls(&module, "x"), ("3".into(), false));
        }
    }
}

#[test]
fn one_side_alone_does_not_get_instances_reused() {
    let host = host();
    for (asks, granted) in [(None, 100), (Some(0), 100), (Some(1), 100), (Some(100), 0), (Some(100), 1)] {
        let module = load(&host, &counting(asks), granted);
        for _ in 0..3 {
            assert_eq!(calls(&module, "x"), fresh(), "{asks:?} {granted}");
        }
    }
}

#[test]
fn an_instance_that_crashed_or_ran_over_a_limit_is_not_used_again() {
    let host = host();
    for bad in ["c", "l"] {
        let module = load(&host, &counting(Some(9)), 9);
        calls(&module, "x");
        assert_eq!(calls(&module, "x").0, "2");
        mapped(&module, bad).unwrap_err();
        assert_eq!(calls(&module, "x"), fresh(), "after {bad}");
    }
}

#[test]
fn an_instance_that_returned_what_it_may_not_is_not_used_again() {
    // It returns the field "b" too, which it does not declare.
    let says = Says { writes: vec!["a".into()], reuse: Some(9), ..Says::default() };
    let module = load(&host(), &Guest::echo(says), 9);
    for _ in 0..2 {
        let error = map(&module).unwrap_err();
        assert!(matches!(error.fault, Fault::UndeclaredAttribute { .. }), "{error}");
        assert!(error.evidence.usage.fresh);
    }
}

#[test]
fn a_record_at_fault_does_not_cost_the_instance() {
    let module = load(&host(), &counting(Some(9)), 9);
    calls(&module, "x");
    assert!(matches!(mapped(&module, "i"), Err(Fault::InvalidRecord { .. })));
    assert_eq!(calls(&module, "x"), ("3".into(), false));
}

#[test]
fn limits_begin_anew_with_every_record_and_memory_goes_on_counting() {
    let limits = Limits { cpu: Duration::from_millis(50), ..Limits::default() };
    let grants = Grants { reuse: 9, ..Grants::default() };
    let module = host().load_bytes(id(), &counting(Some(9)).component(), limits, Vec::new(), grants).unwrap();
    let first = mapped(&module, "s").unwrap().evidence;
    assert_eq!(first.logs.len(), 1);
    std::thread::sleep(Duration::from_millis(60));
    let grown = mapped(&module, "m").unwrap().evidence;
    assert!(grown.logs.is_empty(), "a record's messages are its own");
    assert!(grown.usage.wall < Duration::from_millis(60), "waiting idle is not the record's time");
    let next = mapped(&module, "x").unwrap().evidence;
    assert!(next.usage.memory_bytes >= first.usage.memory_bytes + (1 << 20), "{next:?}");
    // 32 MiB are not more because they were taken a mebibyte at a time.
    let module = load(&host(), &counting(Some(100)), 100);
    let most = (0..60).map(|_| mapped(&module, "m").unwrap().evidence.usage.memory_bytes).max();
    assert!(most.unwrap() <= Limits::default().memory_bytes);
}

#[test]
fn many_threads_reuse_instances_of_many_modules_beyond_the_pools_size() {
    let host = host();
    let modules: Vec<_> = (0..20).map(|_| load(&host, &counting(Some(9)), 9)).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let modules = &modules;
            scope.spawn(move || {
                for number in 0..100 {
                    calls(&modules[(thread * 7 + number) % modules.len()], "x");
                }
            });
        }
    });
}

#[test]
fn what_an_old_version_kept_goes_with_it() {
    let host = host();
    // The pool has room for 16 instances; without giving them back this would not end well.
    for _ in 0..40 {
        let module = load(&host, &counting(Some(9)), 9);
        assert_eq!(calls(&module, "x"), fresh());
        assert_eq!(calls(&module, "x"), ("2".into(), false), "there was room to keep it");
    }
}
