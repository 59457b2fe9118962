//! The contract as `wit-bindgen` sees it. Nothing in here is for mapping authors.
//!
//! Generated once, for the widest of the three worlds; [`export!`](crate::export!) picks from it what a
//! module exports and says to which world it belongs. The only unsafe code of the crate is in here: the
//! canonical ABI passes pointers. It compiles natively too, so that the conversions between these types and
//! the ones authors see are tested without a Wasm runtime.

wit_bindgen::generate!({
    path: "../../wit",
    world: "mapper-and-defaulter",
    pub_export_macro: true,
    export_macro_name: "export_everything",
    default_bindings_module: "scimwright_guest::bindings",
    additional_derives: [Clone, PartialEq],
    generate_all,
});

/// The `component-type` section of the world `mapper`.
pub const MAPPER: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/mapper.component-type")).len()] =
    include_bytes!(concat!(env!("OUT_DIR"), "/mapper.component-type"));
/// The `component-type` section of the world `defaulter`.
pub const DEFAULTER: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/defaulter.component-type")).len()] =
    include_bytes!(concat!(env!("OUT_DIR"), "/defaulter.component-type"));
/// The `component-type` section of the world `mapper-and-defaulter`.
pub const MAPPER_AND_DEFAULTER: &[u8; include_bytes!(concat!(
    env!("OUT_DIR"),
    "/mapper-and-defaulter.component-type"
))
 .len()] = include_bytes!(concat!(env!("OUT_DIR"), "/mapper-and-defaulter.component-type"));
