//! The same module in wasmtime alone, one instance for all records.
//!
//! The host makes an instance for every record and offers nothing else. This is what it would save by not doing
//! so, and by not limiting and checking anything: the floor of a call through the contract. Only the benchmark
//! uses it.

use bench_workload::Call;
use scimwright_record::{FieldValue, Record};
use serde_json::{Map, Value};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store};

mod contract {
    wasmtime::component::bindgen!({ world: "mapper", path: "../wit" });
}

use contract::Mapper;
use contract::scimwright::mapping::{log, lookup, types};

/// A module with one instance, and a context that every call gets.
pub struct ReusedInstance {
    store: Store<Nothing>,
    mapper: Mapper,
    call: Call<'static>,
}

/// The attributes that a mapping returned, as they cross the border: not checked, not copied.
pub struct Returned(Vec<types::Attribute>);

/// What the instance can reach of the host: nothing. What it logs goes nowhere.
struct Nothing;

impl types::Host for Nothing {}

impl log::Host for Nothing {
    fn log(&mut self, _: log::Level, _: String, _: Vec<(String, String)>) {}
}

impl lookup::Host for Nothing {
    fn lookup(
        &mut self,
        source: String,
        _: String,
        _: Vec<String>,
    ) -> Result<Option<types::SourceRecord>, lookup::LookupError> {
        Err(lookup::LookupError::NotGranted(source))
    }
}

impl ReusedInstance {
    /// Compiles a component and makes its instance, with code like the host's: it counts epochs.
    ///
    /// # Errors
    /// When wasmtime refuses the component.
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true).concurrency_support(false).cranelift_nan_canonicalization(true);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
        let mut linker = Linker::new(&engine);
        Mapper::add_to_linker::<_, HasSelf<_>>(&mut linker, |nothing: &mut Nothing| nothing)?;
        let mut store = Store::new(&engine, Nothing);
        // Nobody moves the epoch on.
        store.set_epoch_deadline(1);
        let mapper = Mapper::instantiate(&mut store, &component, &linker)?;
        Ok(Self { store, mapper, call: Call::example() })
    }

    /// Maps a record, with the context of [`Call::example`].
    ///
    /// # Errors
    /// When the module traps, or does not return attributes.
    pub fn map(&mut self, record: &Record) -> wasmtime::Result<Returned> {
        let context = types::Context {
            tenant: self.call.tenant.clone().into_owned(),
            provider: self.call.provider.clone().into_owned(),
            resource_type: self.call.resource_type.clone().into_owned(),
            operation: types::Operation::Update,
            now: self.call.now.clone().into_owned(),
            settings: Vec::new(),
        };
        let mapping = self.mapper.scimwright_mapping_attribute_mapping();
        match mapping.call_map(&mut self.store, &context, &lowered(record))? {
            Ok(types::Outcome::Provision(attributes)) => Ok(Returned(attributes)),
            Ok(types::Outcome::Skip(reason)) => wasmtime::bail!("the record was skipped: {reason}"),
            Err(error) => wasmtime::bail!("the record was refused: {error:?}"),
        }
    }
}

impl Returned {
    /// The attributes as the JSON of a user. Values that the benchmark's mapping does not make come out as null.
    #[must_use]
    pub fn to_user(&self) -> Value {
        let mut user = Map::new();
        for types::Attribute { name, value } in &self.0 {
            let value = match value {
                types::AttributeValue::One(value) => scalar(value),
                types::AttributeValue::Complex(parts) => complex(parts),
                types::AttributeValue::Complexes(items) => items.iter().map(|parts| complex(parts)).collect(),
                _ => Value::Null,
            };
            match name.rsplit_once(':') {
                Some((urn, short)) => user.entry(urn).or_insert_with(|| Map::new().into())[short] = value,
                None => {
                    user.insert(name.clone(), value);
                }
            }
        }
        user.into()
    }
}

fn complex(parts: &[types::SubAttribute]) -> Value {
    let value = |part: &types::SubAttribute| match &part.value {
        types::SubValue::One(value) => scalar(value),
        types::SubValue::Many(values) => values.iter().map(scalar).collect(),
    };
    parts.iter().map(|part| (part.name.clone(), value(part))).collect::<Map<_, _>>().into()
}

fn scalar(value: &types::Scalar) -> Value {
    match value {
        types::Scalar::Text(text) => text.clone().into(),
        types::Scalar::Boolean(truth) => (*truth).into(),
        _ => Value::Null,
    }
}

/// The record as the contract has it. The benchmark's record has fields of four kinds.
fn lowered(record: &Record) -> types::SourceRecord {
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => types::FieldValue::Text(text.clone()),
        FieldValue::DateTime(text) => types::FieldValue::DateTime(text.clone()),
        FieldValue::Integer(number) => types::FieldValue::Integer(*number),
        FieldValue::Boolean(truth) => types::FieldValue::Boolean(*truth),
        _ => types::FieldValue::Null,
    };
    types::SourceRecord {
        source: record.source().as_str().to_owned(),
        key: record.key().as_str().to_owned(),
        fields: record
            .fields()
            .iter()
            .map(|field| types::Field { name: field.name.clone(), value: value(&field.value) })
            .collect(),
    }
}
