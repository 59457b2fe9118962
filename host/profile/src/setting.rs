//! A quirk's name together with a value of the right kind.
//!
//! One list for each kind of quirks ties name, field and value type together; reading, printing and applying
//! follow from it, so that a field without a name in the file cannot happen.

use crate::budget::Budget;
use crate::mistake::Mistake;
use crate::quirks::{
    ContentType, Deletion, Disabling, EmptyResult, MemberRemoval, OperationNames, PageSize, Paging,
    PatchForm, ProviderQuirks, QueryBy, ResourceQuirks, Update, Verification,
};
use crate::value::{DEFAULT, QuirkValue, Written};
use scimwright_scim::{AttributePath, Comparison};
use std::num::NonZeroU32;

macro_rules! settings {
    ($(#[$docs:meta])* $name:ident of $quirks:ident { $($variant:ident, $key:literal, $field:ident: $type:ty;)+ }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(
                #[doc = concat!("`", $key, "`: see [`", stringify!($quirks), "::", stringify!($field), "`].")]
                $variant($type),
            )+
        }

        impl $name {
            /// The names of all settings, as they stand in a file.
            pub const KEYS: &'static [&'static str] = &[$($key),+];

            /// The name of the setting, as it stands in a file.
            #[must_use]
            pub fn key(&self) -> &'static str {
                match self { $(Self::$variant(_) => $key),+ }
            }

            /// What the value of the setting of this name may be, as the end of a sentence: `true or false`.
            #[must_use]
            pub fn allowed(key: &str) -> Option<String> {
                match key {
                    $($key => Some(<$type as QuirkValue>::allowed()),)+
                    _ => None,
                }
            }

            /// Sets it.
            pub fn apply_to(&self, quirks: &mut $quirks) {
                match self { $(Self::$variant(value) => quirks.$field.clone_from(value)),+ }
            }

            /// What has to be set to make these quirks of those that the RFCs describe.
            #[must_use]
            pub fn departures(quirks: &$quirks) -> Vec<Self> {
                let $quirks { $($field),+ } = quirks;
                let plain = $quirks::default();
                let mut found = Vec::new();
                $(if *$field != plain.$field {
                    found.push(Self::$variant($field.clone()));
                })+
                found
            }

            /// Reads the value of the setting of this name; none when there is no such setting.
            pub(crate) fn read(key: &str, value: &Written<'_>) -> Option<Result<Self, Mistake>> {
                let default = value.get_ref().as_str() == Some(DEFAULT);
                match key {
                    $($key if default => Some(Ok(Self::$variant($quirks::default().$field))),
                    $key => Some(<$type as QuirkValue>::read(value).map(Self::$variant)),)+
                    _ => None,
                }
            }

            pub(crate) fn write(&self) -> toml::Value {
                match self { $(Self::$variant(value) => QuirkValue::write(value)),+ }
            }
        }
    };
}

settings! {
    /// Something said of a provider as a whole.
    ProviderSetting of ProviderQuirks {
        ContentType, "content-type", content_type: ContentType;
        ServiceProviderConfig, "service-provider-config", service_provider_config: String;
        Patch, "patch", patch: Option<bool>;
        Bulk, "bulk", bulk: Option<bool>;
        Filter, "filter", filter: Option<bool>;
        Sort, "sort", sort: Option<bool>;
        Etag, "etag", etag: Option<bool>;
        FilterOperators, "filter-operators", filter_operators: Option<Vec<Comparison>>;
        QueryBy, "query-by", query_by: QueryBy;
        Paging, "paging", paging: Paging;
        PageSize, "page-size", page_size: PageSize;
        EmptyResult, "empty-result", empty_result: EmptyResult;
        Reads, "reads", reads: Option<Budget>;
        Writes, "writes", writes: Option<Budget>;
    }
}

settings! {
    /// Something said of one resource type of a provider, or of all.
    ResourceSetting of ResourceQuirks {
        Update, "update", update: Update;
        PatchForm, "patch-form", patch_form: PatchForm;
        OperationNames, "operation-names", operation_names: OperationNames;
        MemberRemoval, "member-removal", member_removal: MemberRemoval;
        MembersAsAWhole, "members-as-a-whole", members_as_a_whole: bool;
        MemberAdditions, "member-additions", member_additions: NonZeroU32;
        MemberRemovals, "member-removals", member_removals: NonZeroU32;
        MembersOnCreate, "members-on-create", members_on_create: Option<u32>;
        MembersReadable, "members-readable", members_readable: bool;
        MemberType, "member-type", member_type: Option<String>;
        Required, "required", required: Vec<AttributePath>;
        SingleValued, "single-valued", single_valued: Vec<AttributePath>;
        Patchable, "patchable", patchable: Option<Vec<AttributePath>>;
        IdInPut, "id-in-put", id_in_put: bool;
        Verification, "verification", verification: Verification;
        Disabling, "disabling", disabling: Disabling;
        Deletion, "deletion", deletion: Deletion;
    }
}

/// What a quirk sets.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// Something about the provider as a whole.
    Provider(ProviderSetting),
    /// Something about one resource type, or about all.
    Resource {
        /// The name of the resource type; none means every type.
        resource_type: Option<String>,
        /// What is set.
        setting: ResourceSetting,
    },
}

impl Setting {
    /// The names of all settings: those of the provider, then those of resource types.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        ProviderSetting::KEYS.iter().chain(ResourceSetting::KEYS).copied()
    }

    /// The name of the setting, as it stands in a file.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Provider(setting) => setting.key(),
            Self::Resource { setting, .. } => setting.key(),
        }
    }

    /// The resource type it is about, where it is about one.
    #[must_use]
    pub fn resource_type(&self) -> Option<&str> {
        match self {
            Self::Provider(_) => None,
            Self::Resource { resource_type, .. } => resource_type.as_deref(),
        }
    }

    /// The value, as it stands in a file.
    #[must_use]
    pub fn value(&self) -> toml::Value {
        match self {
            Self::Provider(setting) => setting.write(),
            Self::Resource { setting, .. } => setting.write(),
        }
    }

    /// Whether what this says leaves nothing of what the other said: it is about the same, for the same
    /// resource type or for every type.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.key() == other.key()
            && match (self.resource_type(), other.resource_type()) {
                (None, _) => true,
                (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
                (Some(_), None) => false,
            }
    }
}
