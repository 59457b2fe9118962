//! What can be set about a provider. The default of each is what the RFCs say.

use crate::budget::Budget;
use scimwright_scim::{AttributePath, Comparison};
use std::num::NonZeroU32;

/// How a provider as a whole departs from the RFCs.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderQuirks {
    /// The media type of the bodies we send.
    pub content_type: ContentType,
    /// Where ServiceProviderConfig is, below the base URL (RFC 7644 section 4).
    pub service_provider_config: String,
    /// Whether PATCH works, whatever is declared.
    pub patch: Option<bool>,
    /// Whether bulk requests work, whatever is declared.
    pub bulk: Option<bool>,
    /// Whether filters work, whatever is declared.
    pub filter: Option<bool>,
    /// Whether sorting works, whatever is declared.
    pub sort: Option<bool>,
    /// Whether ETags mean something, whatever is declared.
    pub etag: Option<bool>,
    /// The comparisons that filters may use; none means all. Where it is given, comparisons are joined by
    /// `and` only, and `or`, `not` and `[…]` are not understood.
    pub filter_operators: Option<Vec<Comparison>>,
    /// How queries are sent.
    pub query_by: QueryBy,
    /// How pages are asked for.
    pub paging: Paging,
    /// What `count` a query asks for that names none itself.
    pub page_size: PageSize,
    /// How a query is answered that nothing matches.
    pub empty_result: EmptyResult,
    /// How many requests that only read may be sent; none means no bound.
    pub reads: Option<Budget>,
    /// How many requests that change something may be sent; none means no bound.
    pub writes: Option<Budget>,
}

impl Default for ProviderQuirks {
    fn default() -> Self {
        Self {
            content_type: ContentType::ScimJson,
            service_provider_config: "/ServiceProviderConfig".to_owned(),
            patch: None,
            bulk: None,
            filter: None,
            sort: None,
            etag: None,
            filter_operators: None,
            query_by: QueryBy::Get,
            paging: Paging::Declared,
            page_size: PageSize::Unspecified,
            empty_result: EmptyResult::EmptyList,
            reads: None,
            writes: None,
        }
    }
}

/// How a provider treats one resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceQuirks {
    /// How existing resources are changed.
    pub update: Update,
    /// How a PATCH says where a value belongs.
    pub patch_form: PatchForm,
    /// How the operations of a PATCH are spelled.
    pub operation_names: OperationNames,
    /// How members are taken out of a group.
    pub member_removal: MemberRemoval,
    /// Whether one operation may replace or remove all members at once. Where it may not, such a change is
    /// made of single removals and additions.
    pub members_as_a_whole: bool,
    /// How many members one request may add, at most.
    pub member_additions: NonZeroU32,
    /// How many members one request may remove, at most. [`MemberRemoval::Replace`] and [`MemberRemoval::Put`]
    /// name those that stay and are not bound by it.
    pub member_removals: NonZeroU32,
    /// How many members a create may hold; none means as many as one request may add.
    pub members_on_create: Option<u32>,
    /// Whether a group is shown with its members. Where it is not, what we know of them is what we sent.
    pub members_readable: bool,
    /// The `type` that each member has to have: `User`. None means that it is left to the mapping.
    pub member_type: Option<String>,
    /// Attributes without which a create is refused, although the schema does not say so.
    pub required: Vec<AttributePath>,
    /// Multi-valued attributes of which only one value is kept: the primary one, or else the first.
    pub single_valued: Vec<AttributePath>,
    /// The attributes that a PATCH can change; none means all that the schema lets a client write.
    pub patchable: Option<Vec<AttributePath>>,
    /// Whether the body of a PUT has to contain the `id`.
    pub id_in_put: bool,
    /// Whether what was written is read again to see that it is there.
    pub verification: Verification,
    /// What the provider does when `active` becomes false.
    pub disabling: Disabling,
    /// What a DELETE does.
    pub deletion: Deletion,
}

impl Default for ResourceQuirks {
    fn default() -> Self {
        Self {
            update: Update::Declared,
            patch_form: PatchForm::Path,
            operation_names: OperationNames::Lower,
            member_removal: MemberRemoval::Filter,
            members_as_a_whole: true,
            member_additions: hundred(),
            member_removals: ten(),
            members_on_create: None,
            members_readable: true,
            member_type: None,
            required: Vec::new(),
            single_valued: Vec::new(),
            patchable: None,
            id_in_put: false,
            verification: Verification::Never,
            disabling: Disabling::Reversible,
            deletion: Deletion::Plain,
        }
    }
}

const fn hundred() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(99)
}

const fn ten() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
}

/// The media type of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `application/scim+json` (RFC 7644 section 3.1).
    ScimJson,
    /// `application/json`.
    Json,
}

/// How queries are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryBy {
    /// GET with parameters (RFC 7644 section 3.4.2).
    Get,
    /// POST to `/.search` (RFC 7644 section 3.4.3), which keeps filters out of access logs.
    Search,
}

/// How pages are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By index, unless the provider declares cursors only; a cursor that comes unasked is followed.
    Declared,
    /// By index (RFC 7644 section 3.4.2.4).
    Index,
    /// By cursor (RFC 9865).
    Cursor,
}

/// What `count` a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageSize {
    /// None: the provider chooses.
    Unspecified,
    /// This many.
    At(NonZeroU32),
}

/// How a query is answered that nothing matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyResult {
    /// With an empty list, as RFC 7644 section 3.4.2 has it. A 404 is an error.
    EmptyList,
    /// With 404, when the query has a filter.
    NotFound,
}

/// How existing resources are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// By PATCH where the provider declares it, else by PUT.
    Declared,
    /// Always by PATCH (RFC 7644 section 3.5.2).
    Patch,
    /// Always by PUT (RFC 7644 section 3.5.1), after reading and merging.
    Put,
}

/// How a PATCH says where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchForm {
    /// One operation with a path for each attribute.
    Path,
    /// One operation without a path, whose value is an object of attributes, for whatever that can say; the
    /// rest with paths.
    Object,
}

/// How the operations of a PATCH are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationNames {
    /// `add`, `replace`, `remove` (RFC 7644 section 3.5.2).
    Lower,
    /// `Add`, `Replace`, `Remove`, as Microsoft Entra sends them.
    Capital,
}

/// How members are taken out of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberRemoval {
    /// `remove` with the path `members[value eq "…"]`, one operation for each member.
    Filter,
    /// `remove` with the path `members` and the members as the value, as Microsoft Entra does.
    Value,
    /// `replace` of `members` with those that stay.
    Replace,
    /// PUT of the whole group.
    Put,
}

/// Whether what was written is read again to see that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The answer is believed.
    Never,
    /// One write in so many is read again; the first is among them.
    Sampled(NonZeroU32),
    /// Every write is read again.
    Always,
}

/// What the provider does when `active` becomes false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabling {
    /// The account is kept and can be made active again.
    Reversible,
    /// The account is deleted.
    Deletes,
}

/// What a DELETE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The resource is gone; it can be created again.
    Plain,
    /// What hung on the resource is lost, and creating it again does not bring it back.
    Irreversible,
    /// A tombstone stays: a create with the same unique values conflicts, and the old resource is to be made
    /// active again.
    Tombstone,
}
