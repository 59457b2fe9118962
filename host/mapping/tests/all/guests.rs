//! Guests as text, turned into components, and the host they run on.
//!
//! A guest is a core module in the WebAssembly text format that speaks the canonical ABI by hand. Offsets
//! in the bodies follow from `wit/scimwright.wit`; the comments beside them say which part of which type
//! they are. `wit-component` turns the core module into a component, as it does for every SDK.

use scimwright_mapping::{
    CallContext, Grants, Limits, LoadError, MapError, Mapped, MappingHost, MappingModule, ModuleId, Operation,
};
use scimwright_record::{FieldValue, ModuleName, Record, RecordKey, SourceName, TenantName};
use std::fmt::Write as _;
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the manifest's bytes lie in a guest's memory.
const MANIFEST_AT: u32 = 1024;
/// Where a guest's heap begins: behind any manifest made here.
const HEAP_AT: u32 = 32 * 1024;

/// What a test guest says of itself.
pub(crate) struct Says {
    pub(crate) name: String,
    pub(crate) reads: Vec<String>,
    pub(crate) writes: Vec<String>,
    pub(crate) lookups: Vec<String>,
    /// Name, and whether it is required.
    pub(crate) settings: Vec<(String, bool)>,
    pub(crate) reuse: Option<u32>,
}

impl Default for Says {
    fn default() -> Self {
        Self {
            name: "test-guest".into(),
            reads: ["a", "b", "userName"].map(Into::into).into(),
            writes: ["a", "b", "userName"].map(Into::into).into(),
            lookups: Vec::new(),
            settings: Vec::new(),
            reuse: None,
        }
    }
}

impl Says {
    /// A guest that reads and writes these names.
    pub(crate) fn names(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Self { reads: names.clone(), writes: names, ..Self::default() }
    }

    /// The manifest as the canonical ABI lays it out, for a memory where it begins at `MANIFEST_AT`.
    fn bytes(&self) -> Vec<u8> {
        // The record: name, version, description, reads, writes, lookups, settings, each a pointer and a
        // length; and reuse, a byte that says whether there is one, and the number.
        let mut image = Image(vec![0; 8 * 8]);
        if let Some(records) = self.reuse {
            image.0[7 * 8] = 1;
            image.0[7 * 8 + 4..8 * 8].copy_from_slice(&records.to_le_bytes());
        }
        for (at, text) in [&self.name, "1.2.3", "A guest of the tests."].into_iter().enumerate() {
            let place = image.text(text);
            image.set(at * 8, place);
        }
        for (at, list) in [&self.reads, &self.writes, &self.lookups].into_iter().enumerate() {
            let place = image.texts(list);
            image.set((at + 3) * 8, place);
        }
        // A setting: name, description, required, default (absent): 8 + 8 + 4 + 12 bytes.
        let list = image.reserve(self.settings.len() * 32);
        for (at, (name, required)) in self.settings.iter().enumerate() {
            let at = list + at * 32;
            let place = image.text(name);
            image.set(at, place);
            let place = image.text("A setting of the tests.");
            image.set(at + 8, place);
            image.0[at + 16] = u8::from(*required);
        }
        image.set(6 * 8, (list, self.settings.len()));
        assert!(image.0.len() < (HEAP_AT - MANIFEST_AT) as usize, "the manifest needs a smaller test");
        image.0
    }
}

/// Bytes of a guest's memory, from `MANIFEST_AT` on. Places in it are relative to that.
struct Image(Vec<u8>);

impl Image {
    fn reserve(&mut self, size: usize) -> usize {
        let at = self.0.len().next_multiple_of(8);
        self.0.resize(at + size, 0);
        at
    }

    fn text(&mut self, text: &str) -> (usize, usize) {
        let at = self.reserve(text.len());
        self.0[at..].copy_from_slice(text.as_bytes());
        (at, text.len())
    }

    fn texts(&mut self, texts: &[String]) -> (usize, usize) {
        let list = self.reserve(texts.len() * 8);
        for (index, text) in texts.iter().enumerate() {
            let place = self.text(text);
            self.set(list + index * 8, place);
        }
        (list, texts.len())
    }

    /// Writes a pointer and a length.
    fn set(&mut self, at: usize, (pointer, length): (usize, usize)) {
        let pointer = u32::try_from(pointer).unwrap() + MANIFEST_AT;
        self.0[at..at + 4].copy_from_slice(&pointer.to_le_bytes());
        self.0[at + 4..at + 8].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
    }
}

/// A guest: what it says of itself, and the code of its functions.
pub(crate) struct Guest {
    pub(crate) says: Says,
    /// More items of the core module: functions, globals, tables.
    pub(crate) items: String,
    /// The body of `describe`, which returns the manifest's place.
    pub(crate) describe: String,
    /// The body of `map`: `(param $in i32) (result i32)`, from the parameters' place to the result's.
    pub(crate) map: Option<String>,
    /// The body of `defaults`, like `map`'s.
    pub(crate) defaults: Option<String>,
    /// The memory's first size, in pages of 64 KiB.
    pub(crate) pages: u32,
}

impl Guest {
    /// A guest whose `map` has this body.
    pub(crate) fn mapping(body: &str) -> Self {
        Self {
            says: Says::default(),
            items: String::new(),
            describe: format!("(i32.const {MANIFEST_AT})"),
            map: Some(body.to_owned()),
            defaults: None,
            pages: 2,
        }
    }

    /// A guest that returns every field as an attribute of the same name and the like value.
    ///
    /// Null clears, several strings become several texts, everything else keeps its kind.
    pub(crate) fn echo(says: Says) -> Self {
        Self { says, items: ECHO.to_owned(), ..Self::mapping("(call $echo (local.get $in) (i32.const 60))") }
    }

    pub(crate) fn says(self, says: Says) -> Self {
        Self { says, ..self }
    }

    pub(crate) fn items(self, items: &str) -> Self {
        Self { items: items.to_owned(), ..self }
    }

    /// The core module as text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            r#"(module
                (import "scimwright:mapping/log@0.1.0" "log"
                    (func $log (param i32 i32 i32 i32 i32)))
                (import "scimwright:mapping/lookup@0.1.0" "lookup"
                    (func $lookup (param i32 i32 i32 i32 i32 i32 i32)))
                (memory (export "memory") {pages})
                (global $heap (mut i32) (i32.const {HEAP_AT}))
                (data (i32.const {MANIFEST_AT}) "{manifest}")
                (func $alloc (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32)
                    (param $size i32) (result i32) (local $at i32)
                    ;; Eight is enough alignment for every type of the contract.
                    (local.set $at
                        (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get $size)))
                    (block $roomy
                        (br_if $roomy (i32.le_u (global.get $heap) (i32.shl (memory.size) (i32.const 16))))
                        (br_if $roomy (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1)
                            (i32.shr_u (local.get $size) (i32.const 16))))))
                        unreachable)
                    (memory.copy (local.get $at) (local.get $old) (local.get $had))
                    (local.get $at))
                (func $new (param $size i32) (result i32)
                    (call $alloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))
                {items}
                (func (export "scimwright:mapping/about@0.1.0#describe") (result i32) {describe})"#,
            pages = self.pages,
            manifest = escape(&self.says.bytes()),
            items = self.items,
            describe = self.describe,
        );
        let functions =
            [("attribute-mapping@0.1.0#map", &self.map), ("default-values@0.1.0#defaults", &self.defaults)];
        for (name, body) in functions {
            if let Some(body) = body {
                write!(
                    text,
                    r#"(func (export "scimwright:mapping/{name}") (param $in i32) (result i32) {body})"#
                )
                .unwrap();
            }
        }
        text + ")"
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let world = match (&self.map, &self.defaults) {
            (Some(_), Some(_)) => "mapper-and-defaulter",
            (None, Some(_)) => "defaulter",
            _ => "mapper",
        };
        componentize(&wat::parse_str(self.text()).unwrap(), &contract(), world)
    }

    /// Loads it under the given limits, granted nothing.
    pub(crate) fn load(&self, host: &MappingHost, limits: Limits) -> Result<MappingModule, LoadError> {
        host.load_bytes(id(), &self.component(), limits, Vec::new(), Grants::default())
    }
}

/// The contract as it stands in the repository.
pub(crate) fn contract() -> Resolve {
    let mut resolve = Resolve::default();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wit = here.ancestors().map(|folder| folder.join("wit")).find(|folder| folder.is_dir());
    resolve.push_dir(wit.unwrap()).unwrap();
    resolve
}

/// A core module as a component of this world.
pub(crate) fn componentize(core: &[u8], resolve: &Resolve, world: &str) -> Vec<u8> {
    componentize_as(core, resolve, &format!("scimwright:mapping/{world}"))
}

/// The same for a world of any package.
pub(crate) fn componentize_as(core: &[u8], resolve: &Resolve, world: &str) -> Vec<u8> {
    let packages: Vec<_> = resolve.packages.iter().map(|(id, _)| id).collect();
    let world = resolve.select_world(&packages, Some(world)).unwrap();
    let mut core = core.to_vec();
    embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap()
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").unwrap();
        text
    })
}

/// `$echo(in, at)`: turns the fields of the record into attributes, as a `result<outcome, mapping-error>`.
/// `at` is where in the parameters the list of fields stands: behind the context (44 bytes), the source's
/// name and the key (8 each).
const ECHO: &str = r#"
    (func $echo (param $in i32) (param $at i32) (result i32)
        (local $field i32) (local $end i32) (local $list i32) (local $attr i32) (local $kind i32)
        (local $result i32) (local $count i32)
        (local.set $field (i32.load (i32.add (local.get $in) (local.get $at))))
        (local.set $count (i32.load (i32.add (local.get $in) (i32.add (local.get $at) (i32.const 4)))))
        ;; A field has 24 bytes, an attribute 40.
        (local.set $end (i32.add (local.get $field) (i32.mul (local.get $count) (i32.const 24))))
        (local.set $list (call $new (i32.mul (local.get $count) (i32.const 40))))
        (local.set $attr (local.get $list))
        (block $done (loop $next
            (br_if $done (i32.eq (local.get $field) (local.get $end)))
            ;; The name.
            (i64.store (local.get $attr) (i64.load (local.get $field)))
            (local.set $kind (i32.load8_u offset=8 (local.get $field)))
            (block $stored
                (if (i32.eq (local.get $kind) (i32.const 0)) (then   ;; null: clear
                    (i32.store8 offset=8 (local.get $attr) (i32.const 5))
                    (br $stored)))
                (if (i32.eq (local.get $kind) (i32.const 8)) (then   ;; json: json
                    (i32.store8 offset=8 (local.get $attr) (i32.const 4))
                    (i64.store offset=16 (local.get $attr) (i64.load offset=16 (local.get $field)))
                    (br $stored)))
                (if (i32.eq (local.get $kind) (i32.const 7)) (then   ;; many: many
                    (i32.store8 offset=8 (local.get $attr) (i32.const 1))
                    (i32.store offset=16 (local.get $attr) (call $texts
                        (i32.load offset=16 (local.get $field)) (i32.load offset=20 (local.get $field))))
                    (i32.store offset=20 (local.get $attr) (i32.load offset=20 (local.get $field)))
                    (br $stored)))
                ;; The others are one scalar, whose kinds are those of fields without null.
                (i32.store8 offset=8 (local.get $attr) (i32.const 0))
                (i32.store8 offset=16 (local.get $attr) (i32.sub (local.get $kind) (i32.const 1)))
                (i64.store offset=24 (local.get $attr) (i64.load offset=16 (local.get $field))))
            (local.set $field (i32.add (local.get $field) (i32.const 24)))
            (local.set $attr (i32.add (local.get $attr) (i32.const 40)))
            (br $next)))
        (local.set $result (call $new (i32.const 28)))
        (i32.store8 (local.get $result) (i32.const 0))           ;; ok
        (i32.store8 offset=4 (local.get $result) (i32.const 0))  ;; provision
        (i32.store offset=8 (local.get $result) (local.get $list))
        (i32.store offset=12 (local.get $result) (local.get $count))
        (local.get $result))

    ;; A list of strings as a list of scalars, 24 bytes each.
    (func $texts (param $from i32) (param $count i32) (result i32) (local $list i32) (local $to i32)
        (local.set $list (call $new (i32.mul (local.get $count) (i32.const 24))))
        (local.set $to (local.get $list))
        (block $done (loop $next
            (br_if $done (i32.eqz (local.get $count)))
            (i32.store8 (local.get $to) (i32.const 0))
            (i64.store offset=8 (local.get $to) (i64.load (local.get $from)))
            (local.set $from (i32.add (local.get $from) (i32.const 8)))
            (local.set $to (i32.add (local.get $to) (i32.const 24)))
            (local.set $count (i32.sub (local.get $count) (i32.const 1)))
            (br $next)))
        (local.get $list))
"#;

/// A host without a cache and with a pool that a busy test machine can hold.
pub(crate) fn host() -> MappingHost {
    MappingHost::new(scimwright_mapping::HostOptions { max_instances: 8, ..Default::default() }).unwrap()
}

pub(crate) fn id() -> ModuleId {
    ModuleId { tenant: TenantName::default(), name: ModuleName::parse("guest").unwrap() }
}

pub(crate) fn context() -> CallContext {
    CallContext {
        tenant: TenantName::default(),
        provider: "acme".parse().unwrap(),
        resource_type: "User".parse().unwrap(),
        operation: Operation::Preview,
        now: "2026-03-01T08:00:00Z".into(),
    }
}

pub(crate) fn record() -> Record {
    Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse("E1001").unwrap())
        .with("a", FieldValue::Text("Zoë".into()))
        .with("b", FieldValue::Boolean(true))
}

/// Maps the usual record.
pub(crate) fn map(module: &MappingModule) -> Result<Mapped, MapError> {
    module.map(&context(), &record())
}
