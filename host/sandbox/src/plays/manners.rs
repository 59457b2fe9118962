//! What a profile does not say of a provider, because a client does not act on it, and what makes the
//! difference between a client that is merely refused and one that does harm.

/// How a played provider behaves where its quirks leave it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manners {
    /// How it answers a method it does not have.
    pub refusal: Refusal,
    /// In which form a 429 says when to come back.
    pub retry_after: RetryAfter,
    /// What it does with a removal of members in a form it does not take.
    pub odd_removal: OddRemoval,
    /// Whether a PATCH operation without a path is refused with 400. AWS IAM Identity Center does so.
    pub path_required: bool,
    /// Whether filters are passed over, so that every query finds everything. Canaille 0.3.6 does so.
    pub ignores_filters: bool,
    /// Whether PUT and PATCH are answered with 204 and no body, as RFC 7644 section 3.5.2 allows for PATCH only.
    /// vCenter does so.
    pub writes_answered_empty: bool,
    /// What it makes of the values it is sent.
    pub normalises: Normalises,
}

/// How a method is refused that the provider does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refusal {
    /// 501, as RFC 7644 section 3.12 has it.
    #[default]
    NotImplemented,
    /// 405, as RFC 9110 section 15.5.6 has it for any resource.
    MethodNotAllowed,
}

/// The form of `Retry-After` (RFC 9110 section 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryAfter {
    /// Seconds from now.
    #[default]
    Seconds,
    /// A moment.
    Date,
}

/// What becomes of a removal of members in a form that the provider does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OddRemoval {
    /// It is refused with 400.
    #[default]
    Refused,
    /// It is answered as if it had been carried out, and nothing happens (authentik #24173).
    Ignored,
    /// It removes all members (SimpleIdServer #244).
    EmptiesGroup,
}

/// What a provider makes of the values it is sent, so that what is read back differs from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Normalises {
    /// `userName` is kept in lower case.
    pub user_name_in_lower_case: bool,
    /// Of several `emails` the primary one is kept, or else the first.
    pub one_email: bool,
    /// `displayName` of a user is made of `name.givenName` and `name.familyName`, where there is either.
    pub display_name: bool,
}
