//! The benchmark's mapping as an Extism plug-in: JSON in, JSON out.
//!
//! Written as its best case: the JSON is read into borrowed fields and written from a struct, so that no tree of
//! values is built on the way.

#![allow(missing_docs, reason = "`plugin_fn` makes a second function, and gives it no comment")]

use bench_workload::{Call, rules};
use extism_pdk::{FnResult, plugin_fn};

/// Maps the call whose JSON this is.
#[plugin_fn]
pub fn map(input: Vec<u8>) -> FnResult<Vec<u8>> {
    let call: Call<'_> = serde_json::from_slice(&input)?;
    let user = rules::map(&call.person, &call.now)?;
    Ok(serde_json::to_vec(&user)?)
}
