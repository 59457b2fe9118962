//! A folder of modules that changes while records flow.

use crate::guests::{Guest, Says, context, host, record};
use jiff::Timestamp;
use scimwright_mapping::{
    FileState, Grants, Limits, ModuleSettings, ModuleSlot, ModuleStatus, ModuleTerms, Outcome, Registry,
    RegistryOptions, ScriptBuilder,
};
use scimwright_record::{ModuleName, TenantName};
use scimwright_scim::AttributePath;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_millis(20);

/// Two attributes that both say which version made them.
fn guest(version: u32) -> Guest {
    let text = format!("v{version:05}");
    let attribute = |at: usize, name: usize| {
        format!(
            "(i32.store offset={at} (local.get $list) (i32.const {name}))
             (i32.store offset={} (local.get $list) (i32.const 1))
             (i32.store8 offset={} (local.get $list) (i32.const 0))
             (i32.store8 offset={} (local.get $list) (i32.const 0))
             (i32.store offset={} (local.get $list) (i32.const 16400))
             (i32.store offset={} (local.get $list) (i32.const 6))",
            at + 4,
            at + 8,
            at + 16,
            at + 24,
            at + 28
        )
    };
    Guest::mapping(&format!(
        "(local $list i32) (local $result i32)
         (local.set $list (call $new (i32.const 80)))
         {} {}
         (local.set $result (call $new (i32.const 28)))
         (i32.store8 (local.get $result) (i32.const 0))
         (i32.store8 offset=4 (local.get $result) (i32.const 0))
         (i32.store offset=8 (local.get $result) (local.get $list))
         (i32.store offset=12 (local.get $result) (i32.const 2))
         (local.get $result)",
        attribute(0, 16384),
        attribute(40, 16385)
    ))
    .items(&format!(r#"(data (i32.const 16384) "ab") (data (i32.const 16400) "{text}")"#))
}

fn version(number: u32) -> Vec<u8> {
    guest(number).component()
}

/// The version that made both attributes of a record.
fn mapped_by(slot: &ModuleSlot) -> Result<String, String> {
    let module = slot.current().map_err(|unavailable| unavailable.to_string())?;
    let mapped = module.map(&context(), &record()).map_err(|error| format!("FAILED {error}"))?;
    let Outcome::Provision(attributes) = mapped.outcome else { return Err("FAILED: skipped".into()) };
    let (desired, _) = attributes.resolve(&mut |_| None);
    let of = |name: &str| desired.value(&AttributePath::parse(name).unwrap()).map(ToString::to_string);
    let (a, b) = (of("a"), of("b"));
    if a.is_none() || a != b {
        return Err(format!("FAILED: half of {a:?}, half of {b:?}"));
    }
    Ok(a.unwrap().trim_matches('"').to_owned())
}

/// Says the same of every module.
struct Same(ModuleTerms);

impl ModuleSettings for Same {
    fn terms(&self, _: &ModuleName) -> ModuleTerms {
        self.0.clone()
    }
}

fn options() -> RegistryOptions {
    // A busy machine must not make a good module look slow.
    let limits = Limits { cpu: Duration::from_secs(5), wall: Duration::from_secs(30), ..Limits::default() };
    let terms = ModuleTerms { limits, used: true, grants: Grants::default(), settings: Vec::new() };
    RegistryOptions { settle: SETTLE, ..RegistryOptions::new(Arc::new(Same(terms))) }
}

struct Folder {
    folder: tempfile::TempDir,
    registry: Registry,
}

impl Folder {
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: RegistryOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry =
            Registry::new(host(), TenantName::default(), folder.path().to_owned(), options).unwrap();
        Self { folder, registry }
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(file), bytes).unwrap();
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.folder.path().join(file)).unwrap();
    }

    fn slot(&self, name: &str) -> ModuleSlot {
        self.registry.slot(&ModuleName::parse(name).unwrap())
    }

    /// Scans until nothing is under way, and returns what changed.
    fn settle(&self) -> Vec<ModuleStatus> {
        let mut changed = Vec::new();
        let begun = Instant::now();
        loop {
            changed.extend(self.registry.scan(Timestamp::now()));
            if self.registry.is_settled() {
                changed.extend(self.registry.scan(Timestamp::now()));
                return changed;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{:#?}", self.registry.status());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn status(&self, file: &str) -> ModuleStatus {
        let all = self.registry.status();
        let found = all.iter().find(|status| status.file.as_deref() == Some(file));
        found.unwrap_or_else(|| panic!("no {file} in {all:#?}")).clone()
    }
}

#[test]
fn a_file_that_is_dropped_serves_and_its_removal_withdraws_it() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    folder.settle();
    let missing = mapped_by(&slot).unwrap_err();
    assert!(missing.contains("there is no file m.wasm in"), "{missing}");

    folder.write("m.wasm", version(1));
    let changed = folder.settle();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!((changed[0].state, changed[0].version.as_deref()), (FileState::Live, Some("1.2.3")));
    assert_eq!(mapped_by(&slot).unwrap(), "v00001");

    folder.remove("m.wasm");
    let changed = folder.settle();
    assert_eq!(changed[0].state, FileState::Removed, "{changed:?}");
    let removed = mapped_by(&slot).unwrap_err();
    assert!(removed.contains("its file m.wasm was removed from"), "{removed}");
    assert_eq!(folder.registry.status()[0].file, None, "a module that is wanted stays in the status");

    folder.write("m.wasm", version(2));
    folder.settle();
    assert_eq!(mapped_by(&slot).unwrap(), "v00002");
}

#[test]
fn a_broken_candidate_is_refused_with_its_reason_while_the_last_good_version_serves() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    let good = version(1);
    folder.write("m.wasm", &good);
    folder.settle();
    let trapping = Guest { describe: "unreachable".into(), ..guest(2) }.component();
    let half = &version(3)[..good.len() / 2];
    let broken: [(&[u8], &str); 5] = [
        (half, "cut off or damaged"),
        (b"", "the file is empty"),
        (b"not wasm", "no WebAssembly"),
        (&trapping, "`describe`"),
        (b"(component)", "does not export"),
    ];
    for (bytes, reason) in broken {
        folder.write("m.wasm", bytes);
        folder.settle();
        let status = folder.status("m.wasm");
        assert_eq!(status.state, FileState::Refused);
        assert!(status.reason.as_ref().unwrap().contains(reason), "{status}");
        assert_eq!(status.served_by_another().unwrap().version, "1.2.3");
        assert!(status.to_string().contains("still serves"), "{status}");
        assert_eq!(mapped_by(&slot).unwrap(), "v00001");
    }
    // What served before is put back: nothing is loaded again, and all is well.
    folder.write("m.wasm", &good);
    let changed = folder.settle();
    assert_eq!(changed.last().unwrap().state, FileState::Live, "{changed:?}");
    assert_eq!(folder.status("m.wasm").served_by_another(), None);
}

#[test]
fn a_broken_file_without_a_version_before_it_tells_whoever_needs_the_module_why() {
    let folder = Folder::new();
    let whole = version(1);
    folder.write("m.wasm", &whole[..whole.len() / 2]);
    let slot = folder.slot("m");
    folder.settle();
    let reason = mapped_by(&slot).unwrap_err();
    assert!(reason.contains("m.wasm is refused: it is cut off or damaged"), "{reason}");
}

#[test]
fn a_file_that_is_still_being_written_is_waited_for() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    let component = version(7);
    let path = folder.folder.path().join("m.wasm");
    // Slower than the settle time would ever see as finished; each piece changes the file.
    let settled_early = AtomicBool::new(false);
    let mut written = Vec::new();
    for piece in component.chunks(component.len() / 8 + 1) {
        written.extend_from_slice(piece);
        std::fs::write(&path, &written).unwrap();
        folder.registry.scan(Timestamp::now());
        std::thread::sleep(SETTLE / 10);
        folder.registry.scan(Timestamp::now());
        settled_early.fetch_or(slot.current().is_ok() && written.len() < component.len(), Ordering::SeqCst);
    }
    folder.settle();
    assert!(!settled_early.load(Ordering::SeqCst));
    assert_eq!(mapped_by(&slot).unwrap(), "v00007");
}

#[test]
fn touching_a_file_changes_nothing_and_a_rename_over_it_does() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    folder.write("m.wasm", version(1));
    folder.settle();
    let since = folder.status("m.wasm").since;
    let path = folder.folder.path().join("m.wasm");
    let file = std::fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(folder.settle(), []);
    assert_eq!(folder.status("m.wasm").since, since);

    folder.write(".m.wasm.part", version(2));
    std::fs::rename(folder.folder.path().join(".m.wasm.part"), &path).unwrap();
    folder.settle();
    assert_eq!(mapped_by(&slot).unwrap(), "v00002");
}

#[test]
fn of_two_files_with_one_name_the_built_one_is_live_and_the_other_says_so() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    folder.write("m.wat", wasmprinter_text(&version(1)));
    folder.settle();
    assert_eq!(mapped_by(&slot).unwrap(), "v00001");
    folder.write("m.wasm", version(2));
    folder.settle();
    assert_eq!(mapped_by(&slot).unwrap(), "v00002");
    let text = folder.status("m.wat");
    assert_eq!(text.state, FileState::Superseded);
    assert_eq!(
        text.reason.as_deref(),
        Some("m.wasm has the same name and is preferred; remove one of the two")
    );
    folder.remove("m.wasm");
    folder.settle();
    assert_eq!(folder.status("m.wat").state, FileState::Live);
    assert_eq!(mapped_by(&slot).unwrap(), "v00001");
}

/// A component in the text format that need not be pretty: its bytes, through a core module's binary form.
fn wasmprinter_text(component: &[u8]) -> String {
    let bytes: String = component.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(component binary \"{bytes}\")")
}

#[test]
fn a_name_that_no_module_can_have_and_a_script_that_nobody_may_build_are_refused() {
    struct Builds(Vec<u8>);
    impl ScriptBuilder for Builds {
        fn build(&self, _: &ModuleName, script: &Path) -> Result<Vec<u8>, String> {
            match std::fs::read_to_string(script).unwrap().as_str() {
                "good" => Ok(self.0.clone()),
                _ => Err("line 1: that is no JavaScript".to_owned()),
            }
        }
    }
    let folder = Folder::new();
    folder.write("Not A Name.wasm", version(1));
    folder.write("m.js", "good");
    folder.settle();
    let status = folder.status("Not A Name.wasm");
    assert_eq!(status.state, FileState::Refused);
    assert!(status.reason.unwrap().ends_with("rename the file"));
    let refused = folder.status("m.js").reason.unwrap();
    assert!(refused.contains("set [scripts] javascript = true"), "{refused}");

    let folder = Folder::with(RegistryOptions { scripts: Some(Arc::new(Builds(version(4)))), ..options() });
    let slot = folder.slot("m");
    folder.write("m.js", "good");
    folder.settle();
    assert_eq!(mapped_by(&slot).unwrap(), "v00004");
    folder.write("m.js", "bad");
    folder.settle();
    assert_eq!(folder.status("m.js").reason.as_deref(), Some("line 1: that is no JavaScript"));
    assert_eq!(mapped_by(&slot).unwrap(), "v00004");
}

#[test]
fn a_module_that_wants_more_than_it_is_granted_is_refused_with_the_line_that_grants_it() {
    let folder = Folder::new();
    let says = Says { reads: vec!["*".into()], ..Says::default() };
    folder.write("m.wasm", guest(1).says(says).component());
    folder.settle();
    let reason = folder.status("m.wasm").reason.unwrap();
    assert!(reason.contains("[module.m] grants = { all_fields = true }"), "{reason}");
}

/// Nothing is proven by a folder that is not there: a share that is gone for a moment takes no module with it.
#[test]
fn a_folder_that_cannot_be_listed_takes_no_module_with_it() {
    let folder = Folder::new();
    let slot = folder.slot("m");
    folder.write("m.wasm", version(1));
    folder.settle();
    let away = folder.folder.path().with_extension("away");
    std::fs::rename(folder.folder.path(), &away).unwrap();
    for _ in 0..10 {
        folder.registry.scan(Timestamp::now());
        std::thread::sleep(SETTLE / 4);
    }
    assert!(folder.registry.trouble().unwrap().contains("cannot be listed"));
    assert_eq!(mapped_by(&slot).unwrap(), "v00001");
    std::fs::rename(&away, folder.folder.path()).unwrap();
    folder.settle();
    assert_eq!(folder.registry.trouble(), None);
    assert_eq!(folder.status("m.wasm").state, FileState::Live);
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const MODULES: [&str; 3] = ["one", "two", "three"];

/// What the test knows of a module while it churns.
#[derive(Default)]
struct Known {
    /// Versions that were ever in the folder as a whole.
    whole: Mutex<HashSet<String>>,
    /// Odd while the module may be missing.
    absence: AtomicU64,
}

/// What the mappers saw.
#[derive(Default)]
struct Seen {
    records: AtomicU64,
    unavailable: AtomicU64,
    losses: Mutex<Vec<String>>,
}

#[test]
fn no_record_is_lost_or_mapped_by_half_a_module_while_the_folder_churns() {
    const OPERATIONS: u32 = 300;
    let folder = Folder::new();
    let known: [Known; 3] = Default::default();
    let seen = Seen::default();
    let stop = AtomicBool::new(false);
    for (index, name) in MODULES.iter().enumerate() {
        known[index].whole.lock().unwrap().insert("v00000".into());
        folder.write(&format!("{name}.wasm"), version(0));
    }
    let slots: Vec<ModuleSlot> = MODULES.iter().map(|name| folder.slot(name)).collect();
    folder.settle();

    let operations = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                folder.registry.scan(Timestamp::now());
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        for _ in 0..2 {
            scope.spawn(|| map_until(&stop, &slots, &known, &seen));
        }
        let operations = churn(OPERATIONS, &folder, &slots, &known);
        stop.store(true, Ordering::SeqCst);
        operations
    });

    let losses = seen.losses.into_inner().unwrap();
    let (records, unavailable) =
        (seen.records.load(Ordering::SeqCst), seen.unavailable.load(Ordering::SeqCst));
    println!(
        "{operations:?}; {records} records mapped, {unavailable} held while a module was removed, {} lost",
        losses.len()
    );
    assert_eq!(losses, Vec::<String>::new());
    assert!(records > 1_000, "only {records} records were mapped");
    assert!(unavailable > 0, "no removal was ever noticed");
    folder.settle();
    for status in folder.registry.status() {
        assert_eq!((status.state, status.served_by_another()), (FileState::Live, None), "{status}");
    }
}

fn map_until(stop: &AtomicBool, slots: &[ModuleSlot], known: &[Known; 3], seen: &Seen) {
    while !stop.load(Ordering::SeqCst) {
        for (slot, known) in slots.iter().zip(known) {
            let before = known.absence.load(Ordering::SeqCst);
            let mapped = mapped_by(slot);
            let present = before % 2 == 0 && known.absence.load(Ordering::SeqCst) == before;
            match mapped {
                Ok(version) if known.whole.lock().unwrap().contains(&version) => {
                    seen.records.fetch_add(1, Ordering::SeqCst);
                }
                Err(reason) if !present && !reason.starts_with("FAILED") => {
                    seen.unavailable.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => seen.losses.lock().unwrap().push(format!("{other:?}")),
            }
        }
    }
}

/// How many operations of each kind were done.
#[derive(Debug, Default)]
struct Operations {
    replaced_by_write: u32,
    replaced_by_rename: u32,
    broken: u32,
    removed: u32,
    touched: u32,
}

fn churn(count: u32, folder: &Folder, slots: &[ModuleSlot], known: &[Known; 3]) -> Operations {
    let mut dice = Dice(42);
    let mut done = Operations::default();
    let parts: Vec<Vec<u8>> = (0..40).map(version).collect();
    for _ in 0..count {
        let module = usize::try_from(dice.below(3)).unwrap();
        let (known, file) = (&known[module], format!("{}.wasm", MODULES[module]));
        let number = usize::try_from(dice.below(40)).unwrap();
        let next = format!("v{number:05}");
        known.whole.lock().unwrap().insert(next.clone());
        let path = folder.folder.path().join(&file);
        match dice.below(10) {
            0..3 => {
                // In place, in two halves, as a slow copy does.
                let half = parts[number].len() / 2;
                folder.write(&file, &parts[number][..half]);
                std::thread::sleep(Duration::from_millis(dice.below(8)));
                folder.write(&file, &parts[number]);
                done.replaced_by_write += 1;
            }
            3..6 => {
                folder.write(&format!(".{file}.part"), &parts[number]);
                std::fs::rename(folder.folder.path().join(format!(".{file}.part")), &path).unwrap();
                done.replaced_by_rename += 1;
            }
            6..8 => {
                let cut = usize::try_from(dice.below(parts[number].len() as u64)).unwrap();
                folder.write(&file, &parts[number][..cut]);
                // Long enough to be taken for finished, and refused.
                std::thread::sleep(SETTLE * 3);
                folder.write(&file, &parts[number]);
                done.broken += 1;
            }
            8 => {
                known.absence.fetch_add(1, Ordering::SeqCst);
                folder.remove(&file);
                std::thread::sleep(SETTLE * 3);
                folder.write(&file, &parts[number]);
                let begun = Instant::now();
                while slots[module].current().is_err() {
                    assert!(begun.elapsed() < Duration::from_secs(60), "{:#?}", folder.registry.status());
                    std::thread::sleep(Duration::from_millis(2));
                }
                known.absence.fetch_add(1, Ordering::SeqCst);
                done.removed += 1;
            }
            _ => {
                let file = std::fs::File::options().append(true).open(&path).unwrap();
                file.set_modified(std::time::SystemTime::now()).unwrap();
                done.touched += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(dice.below(30)));
    }
    done
}
