//! Guests that mean harm. Each is stopped with an error of its own kind, and the host that stopped it maps
//! the next record as if nothing had been.

use crate::guests::{Guest, Says, context, host, map, record};
use scimwright_mapping::{
    Concern, Fault, Limits, LoadError, LoadFailure, LogLevel, MapError, Mapped, MappingHost, MappingModule,
};
use std::time::Duration;

/// Maps a record with a guest that means harm, then one with a good guest on the same host.
fn attack(guest: &Guest) -> Result<Mapped, MapError> {
    attack_under(guest, Limits::default())
}

fn attack_under(guest: &Guest, limits: Limits) -> Result<Mapped, MapError> {
    let host = host();
    let module = guest.load(&host, limits).unwrap();
    let first = map(&module);
    let second = map(&module);
    assert_eq!(first.is_ok(), second.is_ok(), "the same record ends the same way");
    unharmed(&host);
    second
}

/// The same for a guest that never gets as far as being loaded.
fn refused(guest: &Guest, limits: Limits) -> LoadError {
    let host = host();
    let error = guest.load(&host, limits).unwrap_err();
    unharmed(&host);
    error
}

fn unharmed(host: &MappingHost) {
    let module = Guest::echo(Says::default()).load(host, Limits::default()).unwrap();
    map(&module).unwrap();
}

fn fault(guest: &Guest) -> Fault {
    attack(guest).unwrap_err().fault
}

#[test]
fn an_endless_loop_is_stopped_at_its_cpu_limit() {
    let error = attack(&Guest::mapping("(call $spin) unreachable").items("(func $spin (loop $on (br $on)))"))
        .unwrap_err();
    let Fault::CpuDeadline { used, limit, backtrace } = &error.fault else { panic!("{error}") };
    assert_eq!(*limit, Duration::from_millis(50));
    assert!(used >= limit);
    let names: Vec<_> = backtrace.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(names[0], "spin", "{names:?}");
    assert_eq!(error.concern(), Concern::Limit);
    let text = error.to_string();
    assert!(
        text.starts_with("record `E1001` in module `guest` of tenant `default` (`map`): stopped after "),
        "{text}"
    );
    assert!(text.contains("of 50 ms of CPU time in spin") && text.contains("`cpu_ms`"), "{text}");
}

#[test]
fn a_lower_limit_stops_a_guest_sooner() {
    let limits = Limits { cpu: Duration::from_millis(5), ..Limits::default() };
    let error = attack_under(&Guest::mapping("(loop $on (br $on)) unreachable"), limits).unwrap_err();
    assert!(matches!(error.fault, Fault::CpuDeadline { limit, .. } if limit.as_millis() == 5), "{error}");
}

#[test]
fn an_endless_loop_while_taking_the_parameters_in_is_stopped_too() {
    // The host calls `cabi_realloc` to hand the parameters over; this one spins when asked by `map`, whose
    // requests begin once `describe` is done.
    let guest = Guest::mapping("unreachable");
    let text = guest.text().replacen("(local $at i32)", "(local $at i32) (loop $on (br $on))", 1);
    let wasm =
        crate::guests::componentize(&wat::parse_str(text).unwrap(), &crate::guests::contract(), "mapper");
    let host = host();
    let module = host
        .load_bytes(crate::guests::id(), &wasm, Limits::default(), Vec::new(), Default::default())
        .unwrap();
    let error = map(&module).unwrap_err();
    assert!(matches!(error.fault, Fault::CpuDeadline { .. }), "{error}");
    unharmed(&host);
}

#[test]
fn a_memory_bomb_is_a_memory_limit_and_not_a_plain_crash() {
    // Page after page until it is refused; then it gives up as an allocator does.
    let guest = Guest::mapping(
        "(loop $more
            (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
            (br $more))
         unreachable",
    );
    let Fault::Memory { wanted, limit, backtrace } = fault(&guest) else { panic!() };
    assert_eq!(limit, 32 << 20);
    assert!(wanted > limit && wanted <= limit + 65_536 + 4096, "{wanted}");
    assert!(!backtrace.frames.is_empty());
}

#[test]
fn one_giant_step_of_memory_is_refused_like_many_small_ones() {
    let guest = Guest::mapping("(drop (memory.grow (i32.const 65000))) unreachable");
    let Fault::Memory { wanted, .. } = fault(&guest) else { panic!() };
    assert!(wanted > 65_000 * 65_536);
}

#[test]
fn refused_memory_that_a_guest_can_do_without_is_no_failure() {
    let guest =
        Guest::mapping("(drop (memory.grow (i32.const 65000))) (call $echo (local.get $in) (i32.const 60))");
    let mapped = attack(&Guest { items: Guest::echo(Says::default()).items, ..guest }).unwrap();
    assert!(mapped.evidence.usage.memory_bytes < 1 << 20);
}

#[test]
fn memories_and_tables_count_together() {
    // 24 MiB of memory are fine, 24 MiB and a table of 100,000 elements are not under a limit of 25.
    let limits = Limits { memory_bytes: 24 << 20, ..Limits::default() };
    let body = "(drop (memory.grow (i32.const 380)))
                (if (i32.eq (table.grow $t (ref.null func) (i32.const 99000)) (i32.const -1)) (then unreachable))
                (call $echo (local.get $in) (i32.const 60))";
    let items = Guest::echo(Says::default()).items + "(table $t 0 funcref)";
    let guest = Guest { items, ..Guest::mapping(body) };
    let error = attack_under(&guest, limits).unwrap_err();
    assert!(matches!(error.fault, Fault::Memory { .. }), "{error}");
    attack_under(&guest, Limits { memory_bytes: 26 << 20, ..limits }).unwrap();
}

#[test]
fn a_table_that_grows_for_ever_is_stopped() {
    let guest = Guest::mapping(
        "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1000)))))
         unreachable",
    )
    .items("(table $t 0 funcref)");
    let limits = Limits { memory_bytes: 256 << 10, ..Limits::default() };
    let error = attack_under(&guest, limits).unwrap_err();
    assert!(matches!(error.fault, Fault::Memory { .. }), "{error}");
}

#[test]
fn a_module_whose_memory_starts_too_large_is_refused_before_it_is_compiled() {
    let error = refused(&Guest { pages: 1000, ..Guest::mapping("unreachable") }, Limits::default());
    assert!(matches!(error.failure, LoadFailure::InitialMemory { wanted: 65_536_000, .. }), "{error}");
    assert!(error.to_string().contains("62.5 MiB") && error.to_string().contains("32 MiB"), "{error}");
}

#[test]
fn a_giant_string_is_an_output_limit() {
    // ok, skip, a reason of one mebibyte.
    let guest = Guest::mapping(
        "(i32.store8 (i32.const 204) (i32.const 1))
         (i32.store (i32.const 208) (i32.const 0))
         (i32.store (i32.const 212) (i32.const 1048576))
         (i32.const 200)",
    );
    let guest = Guest { pages: 32, ..guest };
    assert_eq!(fault(&guest), Fault::Output { limit: 256 << 10 });
    assert!(fault(&guest).to_string().contains("more than 256 KiB"));
}

#[test]
fn a_giant_list_of_attributes_is_an_output_limit() {
    // ok, provision, 700,000 attributes that are all zeroes: 28 MB in the guest, and much more in the host.
    let guest = Guest::mapping(
        "(i32.store (i32.const 208) (i32.const 65536))
         (i32.store (i32.const 212) (i32.const 700000))
         (i32.const 200)",
    );
    assert_eq!(fault(&Guest { pages: 480, ..guest }), Fault::Output { limit: 256 << 10 });
}

#[test]
fn one_list_that_is_pointed_at_many_times_is_counted_each_time() {
    // An attribute "a" that is complexes: 1,000 items, each the same list of 1,000 sub-attributes named "",
    // each of those the same list of 1,000 scalars: 10^9 values out of some 70 KB.
    let guest = Guest::mapping(
        "(local $at i32)
         (i32.store (i32.const 208) (i32.const 400)) (i32.store (i32.const 212) (i32.const 1))
         (i32.store (i32.const 400) (i32.const 100)) (i32.store (i32.const 404) (i32.const 1))
         (i32.store8 (i32.const 408) (i32.const 3))
         (i32.store (i32.const 416) (i32.const 65536)) (i32.store (i32.const 420) (i32.const 1000))
         (local.set $at (i32.const 0))
         (loop $next
            (i32.store offset=65536 (i32.mul (local.get $at) (i32.const 8)) (i32.const 81920))
            (i32.store offset=65540 (i32.mul (local.get $at) (i32.const 8)) (i32.const 1000))
            (i32.store8 offset=81928 (i32.mul (local.get $at) (i32.const 40)) (i32.const 1))
            (i32.store offset=81936 (i32.mul (local.get $at) (i32.const 40)) (i32.const 126976))
            (i32.store offset=81940 (i32.mul (local.get $at) (i32.const 40)) (i32.const 1000))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 1000))))
         (i32.const 200)",
    )
    .items(r#"(data (i32.const 100) "a")"#);
    assert_eq!(fault(&Guest { pages: 4, ..guest }), Fault::Output { limit: 256 << 10 });
}

#[test]
fn a_result_within_a_raised_limit_is_taken() {
    let body = "(i32.store8 (i32.const 204) (i32.const 1))
                (i32.store (i32.const 208) (i32.const 65536))
                (i32.store (i32.const 212) (i32.const 1048576))
                (i32.const 200)";
    let guest = Guest { pages: 32, ..Guest::mapping(body) };
    let mapped = attack_under(&guest, Limits { output_bytes: 1 << 20, ..Limits::default() }).unwrap();
    assert_eq!(mapped.evidence.usage.output_bytes, 1 << 20, "usage counts what the limit counts");
    let tight = Limits { output_bytes: (1 << 20) - 1, ..Limits::default() };
    assert!(matches!(attack_under(&guest, tight).unwrap_err().fault, Fault::Output { .. }));
}

#[test]
fn giving_up_is_a_crash_with_the_guests_own_stack() {
    let guest = Guest::mapping("(call $_ZN4acme4shop5orderE) unreachable")
        .items("(func $_ZN4acme4shop5orderE (call $_ZN4acme5panic17h0123456789abcdefE)) (func $_ZN4acme5panic17h0123456789abcdefE unreachable)");
    let error = attack(&guest).unwrap_err();
    let Fault::Trap(report) = &error.fault else { panic!("{error}") };
    let names: Vec<_> = report.backtrace.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(names[..2], ["acme::panic", "acme::shop::order"]);
    assert_eq!(names.len(), 3, "the frames of tools and host are left out: {names:?}");
    assert_eq!(error.backtrace(), Some(&report.backtrace));
    assert_eq!(error.concern(), Concern::Author);
}

#[test]
fn a_crash_carries_what_the_guest_logged_as_an_error_even_after_a_flood() {
    let guest = Guest::mapping(
        "(local $count i32)
         (loop $more
            (call $log (i32.const 2) (i32.const 0) (i32.const 500) (i32.const 0) (i32.const 0))
            (br_if $more (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 200))))
         (call $log (i32.const 4) (i32.const 100) (i32.const 10) (i32.const 0) (i32.const 0))
         unreachable",
    )
    .items(r#"(data (i32.const 100) "last words")"#);
    let error = attack(&guest).unwrap_err();
    let Fault::Trap(report) = &error.fault else { panic!("{error}") };
    let words: Vec<_> = report.last_words.iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(words, [(LogLevel::Error, "last words")]);
    assert!(error.to_string().contains("its last words: last words"), "{error}");
}

#[test]
fn a_recursion_without_end_is_a_crash_that_says_so() {
    let Fault::Trap(report) = fault(&Guest::mapping("(call $on) unreachable").items("(func $on (call $on))"))
    else {
        panic!()
    };
    assert!(report.reason.contains("recursion"), "{}", report.reason);
    assert!(report.backtrace.frames.len() < 100);
}

#[test]
fn a_flood_of_messages_is_cut_off_and_counted() {
    let guest = Guest::mapping(
        "(local $count i32)
         (loop $more
            (call $log (i32.const 2) (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0))
            (br_if $more (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 2000))))
         (call $echo (local.get $in) (i32.const 60))",
    );
    let limits = Limits { cpu: Duration::from_secs(5), wall: Duration::from_secs(20), ..Limits::default() };
    let mapped = attack_under(&Guest { items: Guest::echo(Says::default()).items, ..guest }, limits).unwrap();
    assert!(mapped.evidence.usage.log_bytes <= limits.log_bytes);
    let left_out = 2000 - (mapped.evidence.logs.len() - 1);
    let last = &mapped.evidence.logs.last().unwrap().message;
    assert_eq!(*last, format!("{left_out} more messages were left out: a call may log 16 KiB"));
}

#[test]
fn an_endless_flood_of_messages_is_stopped_at_the_cpu_limit() {
    let guest = Guest::mapping(
        "(loop $more
            (call $log (i32.const 4) (i32.const 65536) (i32.const 4096) (i32.const 0) (i32.const 0)) (br $more))
         unreachable",
    );
    assert!(matches!(fault(&guest), Fault::CpuDeadline { .. }));
}

#[test]
fn a_giant_message_is_refused_before_it_is_copied() {
    let guest = Guest::mapping(
        "(call $log (i32.const 2) (i32.const 0) (i32.const 1048576) (i32.const 0) (i32.const 0)) unreachable",
    );
    let fault = fault(&Guest { pages: 32, ..guest });
    assert!(matches!(&fault, Fault::HostCall { backtrace, .. } if !backtrace.frames.is_empty()), "{fault}");
}

#[test]
fn pointers_to_nowhere_are_told_from_crashes() {
    let results = [
        "(i32.const -4)",       // the result itself
        "(i32.const 65530000)", // the same, inside 4 GiB
        "(i32.const 201)",      // not aligned
        "(i32.store (i32.const 208) (i32.const -8)) (i32.store (i32.const 212) (i32.const 1)) (i32.const 200)",
        "(i32.store (i32.const 208) (i32.const 8)) (i32.store (i32.const 212) (i32.const -1)) (i32.const 200)",
        "(i32.store8 (i32.const 200) (i32.const 7)) (i32.const 200)", // no such case of the result
        "(i32.store8 (i32.const 204) (i32.const 9)) (i32.const 200)", // no such outcome
    ];
    let host = host();
    for result in results {
        let error = map(&Guest::mapping(result).load(&host, Limits::default()).unwrap()).unwrap_err();
        assert!(matches!(error.fault, Fault::Malformed { .. }), "{result}: {error}");
        assert_eq!(error.concern(), Concern::Author);
    }
    unharmed(&host);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let guest = Guest::mapping(
        "(i32.store8 (i32.const 204) (i32.const 1))
         (i32.store (i32.const 208) (i32.const 100)) (i32.store (i32.const 212) (i32.const 4))
         (i32.const 200)",
    )
    .items(r#"(data (i32.const 100) "ab\ff\fe")"#);
    assert!(matches!(fault(&guest), Fault::Malformed { .. }));
}

#[test]
fn text_that_is_not_utf_8_passed_to_the_host_is_a_crash_with_a_place() {
    let guest = Guest::mapping(
        "(call $log (i32.const 2) (i32.const 100) (i32.const 4) (i32.const 0) (i32.const 0)) unreachable",
    )
    .items(r#"(data (i32.const 100) "ab\ff\fe")"#);
    let Fault::Trap(report) = fault(&guest) else { panic!() };
    assert!(report.reason.contains("passed something impossible"), "{}", report.reason);
    assert!(!report.backtrace.frames.is_empty());
}

#[test]
fn a_crash_while_describing_itself_refuses_the_module() {
    let guest = Guest { describe: "unreachable".into(), ..Guest::mapping("unreachable") };
    let error = refused(&guest, Limits::default());
    let LoadFailure::Describe(inner) = &error.failure else { panic!("{error}") };
    assert!(matches!(inner.fault, Fault::Trap(_)), "{inner}");
    assert!(error.to_string().contains("(`describe`): crashed"), "{error}");
}

#[test]
fn an_endless_loop_while_describing_itself_is_stopped_at_the_cpu_limit() {
    let guest = Guest { describe: "(loop $on (br $on)) unreachable".into(), ..Guest::mapping("unreachable") };
    let error = refused(&guest, Limits::default());
    let LoadFailure::Describe(inner) = &error.failure else { panic!("{error}") };
    assert!(matches!(inner.fault, Fault::CpuDeadline { .. }), "{inner}");
}

#[test]
fn an_endless_loop_in_the_start_function_is_stopped_at_the_cpu_limit() {
    let guest = Guest::mapping("unreachable").items("(func $spin (loop $on (br $on))) (start $spin)");
    let error = refused(&guest, Limits::default());
    let LoadFailure::Describe(inner) = &error.failure else { panic!("{error}") };
    assert!(matches!(inner.fault, Fault::CpuDeadline { .. }), "{inner}");
}

#[test]
fn a_manifest_without_end_is_refused() {
    // `reads` with a million entries; the list lies at zero, all empty strings.
    let guest = Guest::mapping("unreachable");
    let describe =
        "(i32.store (i32.const 1048) (i32.const 0)) (i32.store (i32.const 1052) (i32.const 1000000))
                    (i32.const 1024)";
    let error = refused(&Guest { describe: describe.into(), pages: 200, ..guest }, Limits::default());
    let LoadFailure::Describe(inner) = &error.failure else { panic!("{error}") };
    assert!(matches!(inner.fault, Fault::Output { .. }), "{inner}");
}

#[test]
fn a_manifest_that_lies_about_its_names_is_refused_with_all_its_mistakes() {
    let says = Says {
        name: "Not A Name".into(),
        reads: vec!["a".into(), "a".into()],
        writes: vec!["not a path".into(), "name.givenName".into()],
        ..Says::default()
    };
    let error = refused(&Guest::mapping("unreachable").says(says), Limits::default());
    let LoadFailure::Manifest { problems } = &error.failure else { panic!("{error}") };
    assert_eq!(problems.len(), 4, "{problems:#?}");
}

#[test]
fn a_guest_cannot_use_more_memories_than_the_pool_has_for_it() {
    let guest = Guest::mapping("unreachable").items("(memory 1) (memory 1) (memory 1)");
    let error = refused(&guest, Limits::default());
    assert!(matches!(error.failure, LoadFailure::Invalid { .. }), "{error}");
}

#[test]
fn a_bomb_beside_good_guests_harms_none_of_them() {
    let host = host();
    let good = Guest::echo(Says::default()).load(&host, Limits::default()).unwrap();
    let bombs: Vec<MappingModule> = [
        "(loop $on (br $on)) unreachable",
        "(drop (memory.grow (i32.const 65000))) unreachable",
        "unreachable",
    ]
    .iter()
    .map(|body| Guest::mapping(body).load(&host, Limits::default()).unwrap())
    .collect();
    std::thread::scope(|scope| {
        for bomb in &bombs {
            scope.spawn(move || {
                for _ in 0..10 {
                    map(bomb).unwrap_err();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                good.map(&context(), &record()).unwrap();
            }
        });
    });
}
