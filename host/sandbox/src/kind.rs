//! The resource types the sandbox serves.

/// A resource type the sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// RFC 7643 section 4.1.
    User,
    /// RFC 7643 section 4.2.
    Group,
}

impl Kind {
    /// All of them, in the order in which a query over everything answers.
    pub(crate) const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The name in `/ResourceTypes` and in `meta.resourceType`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The segment below the base path.
    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// The type served at a segment below the base path.
    pub(crate) fn at_endpoint(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.endpoint() == segment)
    }
}
