//! Guests that import WASI: what they get is made from the call, and nothing of the host's.

use crate::guests::{Guest, Says, componentize_as, context, contract, host, id, map, record};
use scimwright_mapping::{
    AttributeValue, Fault, Grants, Limits, LogLevel, MapError, Mapped, MappingModule, Outcome, Scalar,
};
use scimwright_record::{FieldValue, Record, RecordKey, SourceName};
use std::time::{Duration, Instant};
use wit_parser::Resolve;

/// The parts of WASI that these guests import, as its own definitions have them.
const WIT: [&str; 7] = [
    "package wasi:io@0.2.3;
     interface poll { resource pollable { ready: func() -> bool; block: func(); }
        poll: func(in: list<borrow<pollable>>) -> list<u32>; }
     interface error { resource error { to-debug-string: func() -> string; } }
     interface streams { use error.{error}; use poll.{pollable};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; } }",
    "package wasi:clocks@0.2.3;
     interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
     interface monotonic-clock { use wasi:io/poll@0.2.3.{pollable};
        now: func() -> u64; subscribe-duration: func(when: u64) -> pollable; }",
    "package wasi:random@0.2.3;
     interface random { get-random-u64: func() -> u64; get-random-bytes: func(len: u64) -> list<u8>; }",
    "package wasi:cli@0.2.3;
     interface environment { get-environment: func() -> list<tuple<string, string>>; }
     interface exit { exit: func(status: result); }
     interface stdin { use wasi:io/streams@0.2.3.{input-stream}; get-stdin: func() -> input-stream; }
     interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
     interface stderr { use wasi:io/streams@0.2.3.{output-stream}; get-stderr: func() -> output-stream; }",
    "package wasi:filesystem@0.2.3;
     interface types { resource descriptor { sync: func() -> result<_, u8>; } }
     interface preopens { use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>; }",
    "package wasi:sockets@0.2.3;
     interface network { enum ip-address-family { ipv4, ipv6 }
        enum error-code { unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
            concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
            address-not-bindable, address-in-use, remote-unreachable, connection-refused, connection-reset,
            connection-aborted, datagram-too-large, name-unresolvable, temporary-resolver-failure,
            permanent-resolver-failure } }
     interface tcp { resource tcp-socket { is-listening: func() -> bool; } }
     interface tcp-create-socket { use network.{ip-address-family, error-code}; use tcp.{tcp-socket};
        create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>; }",
    "package test:guest;
     world wants-wasi { include scimwright:mapping/mapper@0.1.0;
        import wasi:clocks/wall-clock@0.2.3; import wasi:clocks/monotonic-clock@0.2.3;
        import wasi:random/random@0.2.3; import wasi:cli/environment@0.2.3; import wasi:cli/exit@0.2.3;
        import wasi:cli/stdin@0.2.3; import wasi:cli/stdout@0.2.3; import wasi:cli/stderr@0.2.3;
        import wasi:io/streams@0.2.3; import wasi:io/poll@0.2.3; import wasi:filesystem/preopens@0.2.3;
        import wasi:sockets/tcp-create-socket@0.2.3; }",
];

/// What every guest here imports. `$number` makes an outcome of one attribute, `a`, which is a number;
/// `$out` and `$err` print what lies in memory.
const IMPORTS: &str = r#"
    (import "wasi:clocks/wall-clock@0.2.3" "now" (func $wall (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $monotonic (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
    (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $forget (param i32)))
    (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/random@0.2.3" "get-random-bytes" (func $randoms (param i64 i32)))
    (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))
    (import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $close (param i32)))
    (import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $directories (param i32)))
    (import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (param i32 i32)))
"#;

const ITEMS: &str = r#"
    (data (i32.const 100) "a")
    (func $number (param i64) (result i32)
        (i32.store (i32.const 304) (i32.const 100)) (i32.store (i32.const 308) (i32.const 1))
        (i32.store8 (i32.const 320) (i32.const 2)) (i64.store (i32.const 328) (local.get 0))
        (i32.store (i32.const 208) (i32.const 304)) (i32.store (i32.const 212) (i32.const 1))
        (i32.const 200))
    (func $print (param $to i32) (param $at i32) (param $len i32)
        (call $write (local.get $to) (local.get $at) (local.get $len) (i32.const 160))
        (call $close (local.get $to)))
"#;

fn component(body: &str, data: &str) -> Vec<u8> {
    let guest = Guest { says: Says::names(&["a"]), ..Guest::mapping(body) };
    let text = guest.items(&(ITEMS.to_owned() + data)).text();
    let text = text.replacen("(module", &("(module".to_owned() + IMPORTS), 1);
    let mut resolve: Resolve = contract();
    for package in WIT {
        resolve.push_str("wasi.wit", package).unwrap();
    }
    componentize_as(&wat::parse_str(text).unwrap(), &resolve, "test:guest/wants-wasi")
}

fn load(body: &str, data: &str) -> MappingModule {
    let component = component(body, data);
    host().load_bytes(id(), &component, Limits::default(), Vec::new(), Grants::default()).unwrap()
}

fn run(body: &str, data: &str) -> Result<Mapped, MapError> {
    map(&load(body, data))
}

fn number(mapped: &Mapped) -> i64 {
    let Outcome::Provision(map) = &mapped.outcome else { panic!("{mapped:?}") };
    match map.iter().next() {
        Some((_, AttributeValue::One(Scalar::Integer(number)))) => *number,
        other => panic!("{other:?}"),
    }
}

fn of_key(key: &str) -> Record {
    Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse(key).unwrap())
        .with("a", FieldValue::Text("x".into()))
}

#[test]
fn the_clock_on_the_wall_stands_at_the_contexts_now() {
    let mapped = run("(call $wall (i32.const 160)) (call $number (i64.load (i32.const 160)))", "").unwrap();
    assert_eq!(number(&mapped), 1_772_352_000, "2026-03-01T08:00:00Z");
}

#[test]
fn random_numbers_follow_from_the_record_and_the_moment_and_from_nothing_else() {
    let body = "(call $number (call $random))";
    let (module, elsewhere) = (load(body, ""), load(body, ""));
    let draw = |module: &MappingModule, key: &str, now: &str| {
        let context = scimwright_mapping::CallContext { now: now.into(), ..context() };
        number(&module.map(&context, &of_key(key)).unwrap())
    };
    let (today, tomorrow) = ("2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z");
    let first = draw(&module, "E1", today);
    assert_eq!(first, draw(&module, "E1", today), "a replay");
    assert_eq!(first, draw(&elsewhere, "E1", today), "on another machine");
    assert_ne!(first, draw(&module, "E2", today));
    assert_ne!(first, draw(&module, "E1", tomorrow));
}

#[test]
fn a_guest_that_sleeps_costs_no_time_and_finds_that_it_has_passed() {
    let body = "(local $pollable i32)
        (local.set $pollable (call $after (i64.const 1000000000000000)))
        (call $block (local.get $pollable)) (call $forget (local.get $pollable))
        (call $number (call $monotonic))";
    let started = Instant::now();
    let module = load(body, "");
    assert_eq!(number(&map(&module).unwrap()), 1_000_000_000_000_000);
    assert!(started.elapsed() < Duration::from_secs(30), "it is eleven days");
    // Of several moments the first is the one that comes.
    let body = "(i32.store (i32.const 160) (call $after (i64.const -1)))
        (i32.store (i32.const 164) (call $after (i64.const 5000)))
        (call $poll (i32.const 160) (i32.const 2) (i32.const 180))
        (call $number (i64.add (call $monotonic) (i64.load32_u (i32.load (i32.const 180)))))";
    assert_eq!(number(&run(body, "").unwrap()), 5001, "the clock, and the index of what is ready");
}

#[test]
fn a_guest_may_sleep_on_a_thread_that_belongs_to_an_async_runtime() {
    let body = "(call $block (call $after (i64.const 1000000000000000))) (call $print (call $stdout)
        (i32.const 100) (i32.const 1)) (call $number (i64.const 7))";
    let module = load(body, "");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let on_worker = module.clone();
    runtime.block_on(async {
        assert_eq!(number(&map(&module).unwrap()), 7);
        let task = tokio::spawn(async move { number(&map(&on_worker).unwrap()) });
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn a_guest_that_waits_for_the_clock_to_move_is_stopped_at_its_cpu_limit() {
    let error = run("(loop $on (br_if $on (i64.eqz (call $monotonic)))) unreachable", "").unwrap_err();
    assert!(matches!(error.fault, Fault::CpuDeadline { .. }), "{error}");
}

#[test]
fn what_is_printed_becomes_log_lines() {
    let body = "(call $print (call $stdout) (i32.const 110) (i32.const 7))
        (call $print (call $stderr) (i32.const 120) (i32.const 3))
        (call $print (call $stderr) (i32.const 123) (i32.const 4))
        (call $number (i64.const 1))";
    let mapped = run(body, r#"(data (i32.const 110) "one\ntwo") (data (i32.const 120) "bad\nend")"#).unwrap();
    let lines: Vec<_> = mapped.evidence.logs.iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(lines, [(LogLevel::Info, "one"), (LogLevel::Info, "two"), (LogLevel::Warn, "bad\nend")]);
}

#[test]
fn a_flood_of_printing_is_cut_off_like_one_of_messages() {
    let body =
        "(loop $on (call $print (call $stdout) (i32.const 4096) (i32.const 4000)) (br $on)) unreachable";
    let error = run(body, "").unwrap_err();
    assert!(matches!(error.fault, Fault::CpuDeadline { .. }), "{error}");
    assert!(error.evidence.usage.log_bytes <= Limits::default().log_bytes);
}

#[test]
fn a_guest_that_ends_itself_is_a_crash_with_its_exit_code_and_what_it_printed_last() {
    let body = "(call $print (call $stderr) (i32.const 110) (i32.const 16))
        (call $exit (i32.const 1)) unreachable";
    let error = run(body, r#"(data (i32.const 110) "ValueError: boom")"#).unwrap_err();
    let Fault::Trap(report) = &error.fault else { panic!("{error}") };
    assert_eq!(report.reason, "it ended itself with exit code 1");
    assert!(error.to_string().contains("its last words: ValueError: boom"), "{error}");
}

#[test]
fn there_is_no_environment_no_folder_no_input_and_no_network() {
    let body = "(call $environment (i32.const 160)) (call $directories (i32.const 168))
        (call $read (call $stdin) (i64.const 10) (i32.const 180))
        (call $socket (i32.const 0) (i32.const 240))
        (call $number (i64.extend_i32_u (i32.or
            (i32.or (i32.load (i32.const 164)) (i32.load (i32.const 172)))
            (i32.or
                (i32.shl (i32.load8_u (i32.const 180)) (i32.const 8))
                (i32.or
                    (i32.shl (i32.load8_u (i32.const 240)) (i32.const 16))
                    (i32.shl (i32.load8_u (i32.const 244)) (i32.const 17)))))))";
    // No variables, no folders; the stream is closed; the socket is refused, with access-denied (1).
    assert_eq!(number(&run(body, "").unwrap()), 0x3_0100);
}

#[test]
fn a_guest_cannot_fill_the_host_with_streams_pollables_or_random_bytes() {
    for hoard in [
        "(drop (call $stdout))",
        "(drop (call $after (i64.const 1)))",
        "(call $randoms (i64.const 0x7fffffff) (i32.const 160))",
    ] {
        let error = run(&format!("(loop $on {hoard} (br $on)) unreachable"), "").unwrap_err();
        assert!(matches!(error.fault, Fault::Trap(_)), "{hoard}: {error}");
    }
}

#[test]
fn what_a_module_imports_in_vain_is_shown() {
    let module = load("(call $number (call $random))", "");
    let stubbed = &module.inspection().stubbed;
    assert!(stubbed.iter().any(|name| name == "wasi:random/random@0.2.3"), "{stubbed:?}");
    assert!(stubbed.iter().all(|name| name.starts_with("wasi:")), "{stubbed:?}");
    let pure = Guest::echo(Says::default()).load(&host(), Limits::default()).unwrap();
    assert!(pure.inspection().stubbed.is_empty());
    map(&module).unwrap();
    assert!(module.map(&context(), &record()).is_ok());
}
