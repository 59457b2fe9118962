//! Makes a module of a type: the contract's functions, on top of the traits authors implement.

use crate::attributes::AttributeMap;
use crate::bindings::exports::scimwright::mapping::{about, attribute_mapping, default_values};
use crate::bindings::scimwright::mapping::types as wit;
use crate::context::Context;
use crate::manifest::Describe;
use crate::outcome::{MapAttributes, SupplyDefaults};
use crate::record::Record;

impl<T: Describe> about::Guest for T {
    fn describe() -> about::Manifest {
        prepare();
        <T as Describe>::describe().into()
    }
}

impl<T: MapAttributes> attribute_mapping::Guest for T {
    fn map(ctx: wit::Context, source: wit::SourceRecord) -> Result<wit::Outcome, wit::MappingError> {
        prepare();
        let ctx = Context::of_call(ctx, <T as Describe>::describe);
        let outcome = <T as MapAttributes>::map(&ctx, &Record::from(source))?;
        Ok(outcome.into())
    }
}

impl<T: SupplyDefaults> default_values::Guest for T {
    fn defaults(
        ctx: wit::Context,
        source: wit::SourceRecord,
        mapped: Vec<wit::Attribute>,
    ) -> Result<Vec<wit::Attribute>, wit::MappingError> {
        prepare();
        let ctx = Context::of_call(ctx, <T as Describe>::describe);
        let mapped = AttributeMap::from(mapped);
        let defaults = <T as SupplyDefaults>::defaults(&ctx, &Record::from(source), &mapped)?;
        Ok(defaults.into())
    }
}

fn prepare() {
    #[cfg(target_arch = "wasm32")]
    crate::panics::report_to_host();
}

/// Fails to compile where `T` is not what `export!` was told; on every target, so that `cargo test` sees it.
pub const fn is_mapper<T: MapAttributes>() {}

/// As [`is_mapper`], for the other trait.
pub const fn is_defaulter<T: SupplyDefaults>() {}

/// Makes a module of a type. Write it once in a crate whose `crate-type` has `cdylib` in it.
///
/// | written | the type implements | world |
/// |---|---|---|
/// | `export!(T: mapper)` | [`Describe`], [`MapAttributes`] | `mapper` |
/// | `export!(T: defaulter)` | [`Describe`], [`SupplyDefaults`] | `defaulter` |
/// | `export!(T: mapper + defaulter)` | all three | `mapper-and-defaulter` |
///
/// Natively it only checks that the traits are there.
#[macro_export]
macro_rules! export {
    ($module:ident: mapper) => {
        const _: () = $crate::export::is_mapper::<$module>();
        $crate::__export_world!($module, MAPPER, "component-type:scimwright:mapper");
        $crate::__export_map!($module);
    };
    ($module:ident: defaulter) => {
        const _: () = $crate::export::is_defaulter::<$module>();
        $crate::__export_world!($module, DEFAULTER, "component-type:scimwright:defaulter");
        $crate::__export_defaults!($module);
    };
    ($module:ident: mapper + defaulter) => {
        const _: () = $crate::export::is_mapper::<$module>();
        const _: () = $crate::export::is_defaulter::<$module>();
        $crate::__export_world!(
            $module,
            MAPPER_AND_DEFAULTER,
            "component-type:scimwright:mapper-and-defaulter"
        );
        $crate::__export_map!($module);
        $crate::__export_defaults!($module);
    };
}

/// What all three worlds have: the section that says which of them it is, and `about`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_world {
    ($module:ident, $world:ident, $section:literal) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[used]
            #[unsafe(link_section = $section)]
            static WORLD: [u8; $crate::bindings::$world.len()] = *$crate::bindings::$world;
        };
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::exports::scimwright::mapping::about::__export_scimwright_mapping_about_0_1_0_cabi!(
            $module with_types_in $crate::bindings::exports::scimwright::mapping::about
        );
    };
}

/// The export `attribute-mapping`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_map {
    ($module:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::exports::scimwright::mapping::attribute_mapping::__export_scimwright_mapping_attribute_mapping_0_1_0_cabi!(
            $module with_types_in $crate::bindings::exports::scimwright::mapping::attribute_mapping
        );
    };
}

/// The export `default-values`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_defaults {
    ($module:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::exports::scimwright::mapping::default_values::__export_scimwright_mapping_default_values_0_1_0_cabi!(
            $module with_types_in $crate::bindings::exports::scimwright::mapping::default_values
        );
    };
}
