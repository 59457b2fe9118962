//! Where a family of service providers departs from the RFCs, as data.
//!
//! A provider's odd habits are no code paths scattered about: each is a [`Quirk`], a named setting with a
//! value and the source it was learned from, and a [`Profile`] is a list of them in a TOML file. The client
//! asks the resulting [`ProviderQuirks`] and [`ResourceQuirks`] how to speak; the sandbox asks the same values
//! how to behave when it plays such a provider.
//!
//! - [`quirks`]: what can be set, with the RFCs' behaviour as the default
//! - [`budget`]: [`Budget`], so many requests in such a time

pub mod budget;
pub mod quirks;

pub use budget::{Budget, InvalidBudget};
pub use quirks::{
    ContentType, Deletion, Disabling, EmptyResult, MemberRemoval, OperationNames, PageSize, Paging,
    PatchForm, ProviderQuirks, QueryBy, ResourceQuirks, Update, Verification,
};
