//! Damaged components. Nothing that stands in a file may take the host down: it is loaded or refused, and
//! what is loaded runs inside its limits.

use crate::guests::{Guest, Says, contract, host, id, map};
use arbitrary::Unstructured;
use scimwright_mapping::{Grants, Limits, MappingHost};
use std::time::Duration;
use wasm_mutate::WasmMutate;
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        // xorshift64, by Marsaglia.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end
    }

    /// Damages bytes in one of the ways in which files get damaged.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            2 => bytes.truncate(at.max(8)),
            3 => drop(bytes.drain(at..(at + 1 + self.below(8)).min(bytes.len()))),
            4 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
            _ => {
                let length = self.below(64).min(bytes.len() - at);
                let from = self.below(bytes.len() - length);
                let piece = bytes[from..from + length].to_vec();
                bytes[at..at + length].copy_from_slice(&piece);
            }
        }
    }
}

#[test]
fn thousands_of_damaged_components_are_loaded_or_refused_and_never_hurt_the_host() {
    let host = host();
    let limits = Limits { cpu: Duration::from_millis(20), ..Limits::default() };
    let sound = Guest::echo(Says::default()).component();
    let mut numbers = Numbers(0x5c1_3a9e_77b1);
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..3000 {
        let mut wasm = sound.clone();
        for _ in 0..=numbers.below(3) {
            numbers.damage(&mut wasm);
        }
        match host.load_bytes(id(), &wasm, limits, Vec::new(), Grants::default()) {
            Ok(module) => {
                // What it says is its own affair.
                let _ = map(&module);
                ran += 1;
            }
            Err(error) => {
                assert!(error.to_string().starts_with("module `guest`"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "the damage is too mild: {refused} refused, {ran} ran");
    map(&Guest::echo(Says::default()).load(&host, Limits::default()).unwrap()).unwrap();
}

#[test]
fn random_bytes_behind_a_sound_beginning_are_refused() {
    let host = host();
    let sound = Guest::echo(Says::default()).component();
    let mut numbers = Numbers(99);
    for length in 0..2000 {
        let mut bytes = sound[..8 + numbers.below(64)].to_vec();
        bytes.extend((0..length % 200).map(|_| u8::try_from(numbers.below(256)).unwrap()));
        assert!(host.load_bytes(id(), &bytes, Limits::default(), Vec::new(), Grants::default()).is_err());
    }
}

/// Loads and runs whatever this is. Whether it ran; what it answered is its own affair.
fn survive(host: &MappingHost, wasm: &[u8]) -> bool {
    let limits = Limits { cpu: Duration::from_millis(20), ..Limits::default() };
    match host.load_bytes(id(), wasm, limits, Vec::new(), Grants::default()) {
        Ok(module) => {
            let _ = map(&module);
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("module `guest`"), "{error}");
            false
        }
    }
}

/// Damage to bytes is found by the parser. These mutants are modules that pass it: code taken out, constants and
/// operators exchanged, functions given another body.
#[test]
fn two_thousand_mutants_that_are_sound_webassembly_run_within_their_limits_or_are_refused() {
    let host = host();
    let resolve = contract();
    let (package, _) = resolve.packages.iter().find(|(_, package)| package.name.name == "mapping").unwrap();
    let world = resolve.select_world(&[package], Some("mapper")).unwrap();
    let sound = wat::parse_str(Guest::echo(Says::default()).text()).unwrap();
    let (mut ran, mut refused, mut no_component) = (0, 0, 0);
    for seed in 0..2000 {
        // Each mutant is a mutant of a mutant, so that they end up far from where they began.
        let mut core = sound.clone();
        for step in 0..=seed % 4 {
            let mut mutate = WasmMutate::default();
            mutate.seed(seed * 4 + step).preserve_semantics(false).fuel(100);
            let next = mutate.run(&core).ok().and_then(|mut mutants| mutants.next()).and_then(Result::ok);
            core = next.unwrap_or(core);
        }
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
        let component = ComponentEncoder::default().module(&core).and_then(ComponentEncoder::encode);
        match component {
            Ok(component) if survive(&host, &component) => ran += 1,
            Ok(_) => refused += 1,
            Err(_) => no_component += 1,
        }
    }
    assert!(ran > 500 && refused > 50, "{ran} ran, {refused} refused, {no_component} are no component");
    map(&Guest::echo(Says::default()).load(&host, Limits::default()).unwrap()).unwrap();
}

/// A sound guest with one more core module in it, whose start function runs with every instance.
#[test]
fn modules_out_of_random_bytes_are_compiled_and_their_start_functions_run_within_limits() {
    let host = host();
    let sound = Guest::echo(Says::default()).component();
    let sections = Parser::new(0).parse_all(&sound);
    let modules = sections.filter(|part| matches!(part, Ok(Payload::ModuleSection { .. }))).count();
    let config = wasm_smith::Config {
        max_imports: 0,
        allow_start_export: true,
        max_memories: 1,
        max_memory32_bytes: 1 << 20,
        memory64_enabled: false,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        custom_page_sizes_enabled: false,
        ..wasm_smith::Config::default()
    };
    let mut numbers = Numbers(0x7643);
    let (mut ran, mut refused) = (0, 0);
    for _ in 0..1000 {
        let bytes: Vec<u8> = (0..1500).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
        let Ok(module) = wasm_smith::Module::new(config.clone(), &mut Unstructured::new(&bytes)) else {
            continue;
        };
        let mut component = sound.clone();
        append(&mut component, 1, &module.to_bytes());
        // One core instance: of that module, with nothing handed to it.
        append(&mut component, 2, &[1, 0, u8::try_from(modules).unwrap(), 0]);
        if survive(&host, &component) { ran += 1 } else { refused += 1 }
    }
    assert!(ran > 100 && refused > 100, "{ran} ran, {refused} refused");
    map(&Guest::echo(Says::default()).load(&host, Limits::default()).unwrap()).unwrap();
}

/// Appends a section to a component.
fn append(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.push(id);
    let mut length = content.len();
    // LEB128.
    while length >= 0x80 {
        component.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    component.push(u8::try_from(length).unwrap());
    component.extend(content);
}

#[test]
fn huge_data_segments_are_refused_by_the_size_of_the_file_or_of_the_memory() {
    let host = host();
    let with_data = |pages: u32, bytes: usize| {
        let data = "\\00".repeat(bytes);
        let items = Guest::echo(Says::default()).items + &format!("(data (i32.const 65536) \"{data}\")");
        Guest { pages, items, ..Guest::echo(Says::default()) }
    };
    // Four mebibytes are fine where memory and file may be that large.
    let guest = with_data(80, 4 << 20);
    map(&guest.load(&host, Limits::default()).unwrap()).unwrap();
    let small_file = Limits { file_bytes: 1 << 20, ..Limits::default() };
    let error = guest.load(&host, small_file).unwrap_err().to_string();
    assert!(error.contains("larger than 1 MiB"), "{error}");
    let small_memory = Limits { memory_bytes: 2 << 20, ..Limits::default() };
    let error = guest.load(&host, small_memory).unwrap_err().to_string();
    assert!(error.contains("its memory starts with 5 MiB, 2 MiB are allowed"), "{error}");
    // A segment that reaches outside the memory is a crash at every start, and so refuses the module.
    let error = with_data(2, 1 << 20).load(&host, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("outside its memory"), "{error}");
}
