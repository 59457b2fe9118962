//! Where a family of service providers departs from the RFCs, as data.
//!
//! A provider's odd habits are no code paths scattered about: each is a [`Quirk`], a named setting with a
//! value and the source it was learned from, and a [`Profile`] is a list of them in a TOML file. The client
//! asks the resulting [`ProviderQuirks`] and [`ResourceQuirks`] how to speak; the sandbox asks the same values
//! how to behave when it plays such a provider.
//!
//! - [`profile`](mod@profile): [`Profile`], a family of providers; read, printed, merged, and the built-in ones
//! - [`setting`]: [`Setting`], the name of a quirk with a value of its kind
//! - [`source`]: [`Source`], where a quirk was learned
//! - [`quirks`]: what can be set, with the RFCs' behaviour as the default
//! - [`budget`]: [`Budget`], so many requests in such a time
//! - [`mistake`]: [`Mistake`], what is wrong with a file, and where
//! - `value`: how the values of quirks are written
//! - `read`: a profile from its text
//! - `builtins`: the files in `profiles/`
//!
//! ```
//! use scimwright_profile::{MemberRemoval, Profile};
//!
//! let authentik = Profile::builtin("authentik").ok_or("no such profile")?;
//! assert_eq!(authentik.resource_quirks("Group").member_removal, MemberRemoval::Value);
//! for quirk in authentik.quirks() {
//!     assert!(quirk.source.address().is_some(), "{quirk}");
//! }
//! # Ok::<(), &str>(())
//! ```

pub mod budget;
pub mod mistake;
pub mod profile;
pub mod quirks;
pub mod setting;
pub mod source;

mod builtins;
mod read;
mod value;

pub use budget::{Budget, InvalidBudget};
pub use mistake::{InvalidProfile, Mistake};
pub use profile::{InvalidProfileName, Profile, ProfileName, Quirk};
pub use quirks::{
    ContentType, Deletion, Disabling, EmptyResult, MemberRemoval, OperationNames, PageSize, Paging,
    PatchForm, ProviderQuirks, QueryBy, ResourceQuirks, Update, Verification,
};
pub use setting::{ProviderSetting, ResourceSetting, Setting};
pub use source::{InvalidSource, Source};
