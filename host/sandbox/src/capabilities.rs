//! What a sandbox can do, as `/ServiceProviderConfig` has words for it: one set of switches for what works, and
//! another for what is declared, so that a client meets both lies there are.

use std::num::{NonZeroU32, NonZeroUsize};

/// Parts of SCIM that a provider may leave out.
///
/// ```
/// use scimwright_sandbox::{Capabilities, SandboxOptions};
///
/// // Declares PATCH, and answers it with 501.
/// let options = SandboxOptions {
///     capabilities: Capabilities { patch: false, ..Capabilities::default() },
///     declares: Some(Capabilities::default()),
///     ..SandboxOptions::default()
/// };
/// assert!(options.declares.is_some_and(|declared| declared.patch) && !options.capabilities.patch);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// PATCH (RFC 7644 section 3.5.2). Without it a PATCH is answered 501.
    pub patch: bool,
    /// Filters (RFC 7644 section 3.4.2.2). Without them a query with a filter is answered 501.
    pub filter: bool,
    /// Sorting (RFC 7644 section 3.4.2.3). Without it a query with `sortBy` is answered 501.
    pub sort: bool,
    /// Entity tags (RFC 7644 section 3.14). Without them resources have no version and conditions are passed
    /// over. Where they are declared and do not work, every answer carries a new tag, which never holds.
    pub etag: bool,
    /// Bulk requests (RFC 7644 section 3.7). Without them one is answered 501.
    pub bulk: bool,
}

impl Default for Capabilities {
    /// All of them.
    fn default() -> Self {
        Self { patch: true, filter: true, sort: true, etag: true, bulk: true }
    }
}

/// How pages of a list are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PagingMethods {
    /// By `startIndex` (RFC 7644 section 3.4.2.4). A `cursor` is an unknown parameter, and passed over.
    #[default]
    Index,
    /// By cursor only (RFC 9865 section 2.4): every list is paged so, asked for or not, and a `startIndex` is
    /// answered 501.
    Cursor {
        /// How long a cursor is good for.
        seconds: NonZeroU32,
    },
    /// By cursor where the query has one, by index otherwise.
    Both {
        /// How long a cursor is good for.
        seconds: NonZeroU32,
    },
}

impl PagingMethods {
    /// Cursors where there are any, and how long they are good for.
    pub(crate) fn cursor_seconds(self) -> Option<NonZeroU32> {
        match self {
            Self::Index => None,
            Self::Cursor { seconds } | Self::Both { seconds } => Some(seconds),
        }
    }

    /// Whether there are pages by index.
    pub(crate) fn by_index(self) -> bool {
        !matches!(self, Self::Cursor { .. })
    }
}

/// How much one bulk request may hold (RFC 7644 section 3.7.4). More is answered 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkLimits {
    /// Operations.
    pub max_operations: NonZeroUsize,
    /// Bytes of the body; never more than
    /// [`SandboxOptions::max_body_bytes`](crate::SandboxOptions::max_body_bytes).
    pub max_payload_bytes: NonZeroUsize,
}

impl Default for BulkLimits {
    /// 1,000 operations in 1 MiB.
    fn default() -> Self {
        const ONE: NonZeroUsize = NonZeroUsize::MIN;
        Self {
            max_operations: ONE.saturating_add(999),
            max_payload_bytes: ONE.saturating_add(1024 * 1024 - 1),
        }
    }
}
