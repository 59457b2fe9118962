//! What was learned about a provider in passing.

use crate::capability::Capability;
use scimwright_profile::MemberRemoval;
use std::fmt;

/// Something learned about a provider that its metadata did not say. Prints as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// A capability that was declared or assumed is none.
    Lacks {
        /// Which.
        capability: Capability,
        /// What the provider answered.
        because: String,
    },
    /// Queries return resources that do not match their filter.
    IgnoresFilters {
        /// The resource type that was asked for.
        resource_type: String,
    },
    /// Filters that join comparisons with `and` are refused, and single comparisons are not.
    RefusesJoinedFilters {
        /// The resource type that was asked for.
        resource_type: String,
    },
    /// A PUT is refused, so that PATCH is used.
    RefusesPut {
        /// The resource type.
        resource_type: String,
        /// What the provider answered.
        because: String,
    },
    /// Values of a list cannot be changed one by one.
    WritesWholeLists {
        /// The resource type.
        resource_type: String,
    },
    /// Groups are shown without their members.
    HidesMembers {
        /// The resource type.
        resource_type: String,
    },
    /// The way in which members were to be removed is refused, or was answered with yes and ignored.
    RemovesOtherwise {
        /// The resource type.
        resource_type: String,
        /// How members are removed from now on.
        instead: MemberRemoval,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks { capability, because } => {
                let instead = match capability {
                    Capability::Patch => "resources are replaced by PUT",
                    Capability::Filter => "resources are looked through instead",
                    Capability::Bulk => "operations are sent one by one",
                    Capability::ETag => "writes are not made conditional",
                    _ => "it is done without",
                };
                write!(
                    f,
                    "{capability} does not work: {because}. Until the provider is asked anew, {instead}"
                )
            }
            Self::IgnoresFilters { resource_type } => write!(
                f,
                "queries for {resource_type} resources return others than the filter asks for; they are looked \
                 through instead"
            ),
            Self::RefusesJoinedFilters { resource_type } => write!(
                f,
                "queries for {resource_type} resources are refused where their filter joins two comparisons with \
                 `and`; from now on they ask for the first, and the others are compared here"
            ),
            Self::RefusesPut { resource_type, because } => {
                write!(f, "PUT of a {resource_type} does not work: {because}. PATCH is used instead")
            }
            Self::WritesWholeLists { resource_type } => write!(
                f,
                "single values of a list of a {resource_type} cannot be changed by PATCH; from now on such lists are \
                 replaced as a whole"
            ),
            Self::HidesMembers { resource_type } => write!(
                f,
                "a {resource_type} is shown without the members that were written; from now on they are taken to be \
                 those that were sent. A profile with members-readable = false would spare the attempt"
            ),
            Self::RemovesOtherwise { resource_type, instead } => {
                let instead = match instead {
                    MemberRemoval::Filter => "removed one by one by a filter",
                    MemberRemoval::Value => "named in the value of a remove",
                    MemberRemoval::Replace => "replaced as a whole by PATCH",
                    MemberRemoval::Put => "written with the whole resource by PUT",
                };
                write!(
                    f,
                    "members could not be removed from a {resource_type} in the usual way: the provider refuses it, \
                     or says yes and keeps them. From now on they are {instead}; a profile with member-removal would \
                     spare the attempt"
                )
            }
        }
    }
}
