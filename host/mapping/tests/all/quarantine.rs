//! Modules that keep failing, and calls that find no room.

use crate::guests::{Guest, Says, context, host, id, map, record};
use scimwright_mapping::{
    Concern, Fault, Grants, Health, HostOptions, Limits, MappingHost, MappingModule, ModuleId, ModuleSlot,
    Quarantine,
};
use scimwright_record::{FieldValue, ModuleName, TenantName};
use std::time::Duration;

/// Crashes where the field `a` is "c", finds the record invalid where it is "i", echoes otherwise.
fn moody() -> Guest {
    let body = "(local $letter i32)
        (local.set $letter (i32.load8_u (i32.load offset=16 (i32.load offset=60 (local.get $in)))))
        (if (i32.eq (local.get $letter) (i32.const 99)) (then unreachable))
        (if (i32.eq (local.get $letter) (i32.const 105)) (then
            (i32.store8 (i32.const 200) (i32.const 1))
            (return (i32.const 200))))
        (call $echo (local.get $in) (i32.const 60))";
    Guest { items: Guest::echo(Says::default()).items, ..Guest::mapping(body) }
}

fn call(module: &MappingModule, letter: &str) -> Result<(), Fault> {
    let record = record().with("a", FieldValue::Text(letter.into()));
    module.map(&context(), &record).map(drop).map_err(|error| error.fault)
}

fn fail(module: &MappingModule, times: usize) {
    for _ in 0..times {
        assert!(matches!(call(module, "c"), Err(Fault::Trap(_))));
    }
}

fn quarantine(module: &MappingModule) -> Option<Quarantine> {
    match module.health() {
        Health::Live => None,
        Health::Quarantined(quarantine) => Some(quarantine),
    }
}

#[test]
fn five_failures_in_a_row_quarantine_a_module_and_its_records_fail_without_it() {
    let host = host();
    let module = moody().load(&host, Limits::default()).unwrap();
    fail(&module, 4);
    assert_eq!(quarantine(&module), None);
    fail(&module, 1);
    let fault = call(&module, "x").unwrap_err();
    let Fault::Quarantined(known) = &fault else { panic!("{fault}") };
    assert_eq!(known.failures, 5);
    assert!(known.reason.contains("crashed"), "{known}");
    assert!(known.until > known.since);
    assert_eq!(fault.concern(), Concern::Operator);
    assert!(fault.to_string().contains("scimwright mapping release"), "{fault}");
}

#[test]
fn a_success_in_between_starts_the_count_anew_and_a_record_at_fault_is_no_failure() {
    let host = host();
    let module = moody().load(&host, Limits::default()).unwrap();
    for good in ["x", "i"] {
        fail(&module, 4);
        let _ = call(&module, good);
        fail(&module, 4);
        let _ = call(&module, good);
    }
    for _ in 0..20 {
        assert!(matches!(call(&module, "i"), Err(Fault::InvalidRecord { .. })));
    }
    assert_eq!(quarantine(&module), None);
}

#[test]
fn a_module_can_be_released_and_a_known_quarantine_be_taken_up_again() {
    let host = host();
    let module = moody().load(&host, Limits::default()).unwrap();
    fail(&module, 5);
    let known = quarantine(&module).unwrap();
    module.release();
    call(&module, "x").unwrap();

    let again = moody().load(&host, Limits::default()).unwrap();
    again.restore_quarantine(Quarantine { reason: "it crashed before the restart".into(), ..known.clone() });
    let fault = call(&again, "x").unwrap_err();
    assert!(fault.to_string().contains("before the restart"), "{fault}");
    // Its time is over: the next record decides.
    again.restore_quarantine(Quarantine { until: jiff::Timestamp::now(), ..known });
    call(&again, "x").unwrap();
    assert_eq!(quarantine(&again), None);
}

#[test]
fn a_slot_has_no_module_to_offer_while_it_is_in_quarantine() {
    let module = moody().load(&host(), Limits::default()).unwrap();
    let slot = ModuleSlot::fixed(module.clone());
    fail(&module, 5);
    let unavailable = slot.current().unwrap_err();
    assert!(unavailable.reason.contains("it is in quarantine until"), "{unavailable}");
    assert!(slot.loaded().is_ok());
    module.release();
    assert!(slot.current().is_ok());
}

#[test]
fn a_version_loaded_anew_has_no_past() {
    let host = host();
    let module = moody().load(&host, Limits::default()).unwrap();
    fail(&module, 5);
    let next = moody().load(&host, Limits::default()).unwrap();
    call(&next, "x").unwrap();
    assert!(call(&module, "x").is_err());
}

#[test]
fn a_tenants_stuck_modules_leave_room_for_others_and_its_calls_are_told_why_they_wait() {
    let options = HostOptions {
        max_instances: 4,
        max_instances_per_tenant: 2,
        max_wait: Duration::from_millis(200),
        ..HostOptions::default()
    };
    let host = MappingHost::new(options).unwrap();
    let slow = Limits { cpu: Duration::from_secs(3), wall: Duration::from_secs(20), ..Limits::default() };
    let stuck = Guest::mapping("(loop $on (br $on)) unreachable").load(&host, slow).unwrap();
    let other =
        ModuleId { tenant: TenantName::parse("other").unwrap(), name: ModuleName::parse("guest").unwrap() };
    let wasm = Guest::echo(Says::default()).component();
    let good = host.load_bytes(other, &wasm, Limits::default(), Vec::new(), Grants::default()).unwrap();
    let same = host.load_bytes(id(), &wasm, Limits::default(), Vec::new(), Grants::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| map(&stuck).unwrap_err());
        }
        std::thread::sleep(Duration::from_millis(300));
        for _ in 0..20 {
            map(&good).unwrap();
        }
        let error = map(&same).unwrap_err();
        let Fault::Crowded { whose, places: 2 } = &error.fault else { panic!("{error}") };
        assert_eq!(*whose, "of the tenant");
        assert_eq!(error.concern(), Concern::Operator);
    });
}
