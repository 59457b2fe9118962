//! The cursors of RFC 9865: made and read here, and opaque to everybody else.
//!
//! A cursor carries its own place and end, and a seal over both and over the query it belongs to, so that
//! nothing has to be remembered for a client that never comes back. The key of the seal is drawn when the
//! provider is made; a cursor of another provider, or of another query, is therefore nobody's.

use crate::fault;
use jiff::{SignedDuration, Timestamp};
use scimwright_scim::ScimError;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

/// Makes and reads the cursors of one provider.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    key: RandomState,
}

/// What makes two queries the same: RFC 9865 section 2 has all parameters of a following page be those of the
/// first, save for the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Cursors {
    /// The fingerprint of a query that was printed without its cursor.
    pub(crate) fn fingerprint(&self, printed: &str) -> Fingerprint {
        Fingerprint(self.key.hash_one(printed))
    }

    /// A cursor behind the first `skip` resources. It has unreserved characters only (RFC 9865 section 2).
    pub(crate) fn make(
        &self,
        skip: usize,
        query: Fingerprint,
        seconds: NonZeroU32,
        now: Timestamp,
    ) -> String {
        let end = now.saturating_add(SignedDuration::from_secs(i64::from(seconds.get())));
        let end = end.map_or(i64::MAX, Timestamp::as_millisecond);
        let seal = self.seal(skip as u64, end, query);
        format!("{skip:x}.{end:x}.{seal:016x}")
    }

    /// How many resources come before the page that the cursor begins.
    ///
    /// # Errors
    /// `invalidCursor` for one that was not made for this query, `expiredCursor` for one that is too old (RFC
    /// 9865 section 2.1).
    pub(crate) fn read(
        &self,
        cursor: &str,
        query: Fingerprint,
        seconds: NonZeroU32,
        now: Timestamp,
    ) -> Result<usize, ScimError> {
        let invalid = || {
            fault::invalid_cursor(
                "the cursor is none that this query was answered with; the first page has an empty one, and \
                 every page the same parameters",
            )
        };
        let (skip, end) = self.opened(cursor, query).ok_or_else(invalid)?;
        if now.as_millisecond() > end {
            return Err(fault::expired_cursor(format!(
                "the cursor was good for {seconds} s and is older; begin the query again"
            )));
        }
        usize::try_from(skip).map_err(|_| invalid())
    }

    fn opened(&self, cursor: &str, query: Fingerprint) -> Option<(u64, i64)> {
        let mut parts = cursor.split('.');
        let skip = u64::from_str_radix(parts.next()?, 16).ok()?;
        let end = i64::from_str_radix(parts.next()?, 16).ok()?;
        let seal = u64::from_str_radix(parts.next()?, 16).ok()?;
        (parts.next().is_none() && seal == self.seal(skip, end, query)).then_some((skip, end))
    }

    fn seal(&self, skip: u64, end: i64, query: Fingerprint) -> u64 {
        self.key.hash_one((skip, end, query.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::ScimType;

    const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

    #[test]
    fn a_cursor_is_read_by_the_provider_and_query_it_was_made_for_until_it_ends() {
        let cursors = Cursors::default();
        let query = cursors.fingerprint("a");
        let now = Timestamp::UNIX_EPOCH;
        let later = |seconds| now + SignedDuration::from_secs(seconds);
        let cursor = cursors.make(25, query, TEN, now);
        assert!(cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)), "{cursor}");
        assert_eq!(cursors.read(&cursor, query, TEN, later(10)), Ok(25));
        let kind = |result: Result<usize, ScimError>| result.unwrap_err().scim_type.unwrap();
        assert_eq!(kind(cursors.read(&cursor, query, TEN, later(11))), ScimType::ExpiredCursor);
        let other = cursors.fingerprint("b");
        assert_eq!(kind(cursors.read(&cursor, other, TEN, now)), ScimType::InvalidCursor);
        let stranger = Cursors::default();
        assert_eq!(kind(stranger.read(&cursor, query, TEN, now)), ScimType::InvalidCursor);
        let forged = cursor.replacen("19", "18", 1);
        assert_eq!(kind(cursors.read(&forged, query, TEN, now)), ScimType::InvalidCursor);
    }

    #[test]
    fn text_that_is_no_cursor_is_invalid() {
        let cursors = Cursors::default();
        for text in ["x", ".", "1.2", "1.2.3.4", "1.2.zz", "-1.2.3", "🦀"] {
            let error = cursors.read(text, cursors.fingerprint(""), TEN, Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidCursor), "{text}");
        }
    }
}
