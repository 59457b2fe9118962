//! Where the time of a create goes before anything is sent: each step of it alone, without a provider.
//!
//! `cargo run --release -p bench-requests --example create`

#![allow(clippy::print_stdout, reason = "its output is the measurements")]

use anyhow::Context;
use scimwright_client::{Kind, ResourceTypeBinding};
use scimwright_profile::ResourceQuirks;
use scimwright_scim::check::{Occasion, check};
use scimwright_scim::{Desired, builtin, prepare};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

const TIMES: u32 = 20_000;

fn main() -> anyhow::Result<()> {
    let resource_type = builtin::resource_type("User").context("RFC 7643 has users")?.clone();
    let binding = ResourceTypeBinding { resource_type, schemas: builtin::user_schema_set() };
    let kind = Kind { binding, quirks: ResourceQuirks::default() };
    let wanted: Desired = serde_json::from_value(person()).context("a wanted state")?;
    let prepared = kind.prepare(wanted.clone()).0;
    for _ in 0..3 {
        report("clone", || wanted.clone());
        report("prepare by the schema", || prepare(wanted.clone(), kind.schemas()));
        report("prepare in all", || kind.prepare(wanted.clone()));
        report("check", || check(&prepared, Occasion::Create, kind.schemas(), &[]));
        report("to_resource", || prepared.to_resource(kind.resource_type()));
        println!();
    }
    Ok(())
}

fn report<T>(what: &str, work: impl Fn() -> T) {
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(work());
    }
    println!("{what:24} {:6.2} µs", begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}

fn person() -> Value {
    json!({
        "userName": "jdoe1@example.com",
        "externalId": "E000001",
        "name": { "formatted": "Jane Doe", "familyName": "Doe", "givenName": "Jane" },
        "displayName": "Jane Doe",
        "title": "Engineer, grade 7",
        "preferredLanguage": "en-GB",
        "active": true,
        "emails": [{ "value": "jdoe1@example.com", "type": "work", "primary": true }],
        "phoneNumbers": [
            { "value": "+33123456789", "type": "work" },
            { "value": "+33612345678", "type": "mobile" },
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "000001",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Products: Research",
    })
}
