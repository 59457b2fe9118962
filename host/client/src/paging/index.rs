//! The walk by index (RFC 7644 section 3.4.2.4).
//!
//! The next index follows from the resources received, whatever `itemsPerPage` or `count` say. A short page
//! says nothing about the end; a page with nothing new does.

use super::{Count, Next};

/// Where a walk by index is.
#[derive(Debug)]
pub(super) struct IndexWalk {
    first: u64,
    received: u64,
    pages: u32,
    confirming: bool,
    /// The index was set back to the number of different resources, and nothing new has come since.
    looked_back: bool,
}

impl IndexWalk {
    pub(super) fn new(first: u64) -> Self {
        Self { first, received: 0, pages: 0, confirming: false, looked_back: false }
    }

    /// The index of the next page; none for the first.
    pub(super) fn next_index(&self) -> Option<u64> {
        (self.pages > 0).then(|| self.first.saturating_add(self.received))
    }

    /// Whether all were there by the provider's own count, and the next page is asked for to see that this is
    /// true.
    pub(super) fn is_confirming(&self) -> bool {
        self.confirming
    }

    /// Goes on after a page that was asked for by cursor and came without a further one: it was the only page,
    /// or the provider knows no cursors.
    pub(super) fn after_cursor(&mut self, received: u64, count: &Count, is_filtered: bool) -> Next {
        let next = self.after_page(received, count, is_filtered);
        let nothing_is_missing = count.total.is_none_or(|total| count.here >= total);
        self.confirming = nothing_is_missing;
        match next {
            Next::Page if nothing_is_missing && is_filtered && count.here <= 1 => Next::Complete,
            next => next,
        }
    }

    pub(super) fn after_page(&mut self, received: u64, count: &Count, is_filtered: bool) -> Next {
        self.pages += 1;
        let different = (count.here + 1).saturating_sub(self.first);
        if !count.new_ids {
            return if self.look_back(different) { Next::Page } else { count.end("none that was new") };
        }
        self.received += received;
        self.looked_back = false;
        self.confirming = count.is_reached();
        // Providers exist that count only what is on the page. A scan of everything is what deletions are
        // concluded from, so that its end is worth one more request. A filter that finds one resource is a
        // look-up, which is most of what is asked; there the count is believed.
        if self.confirming && is_filtered && count.here <= 1 {
            return Next::Complete;
        }
        Next::Page
    }
    /// Sets the index back where resources came twice: it has run ahead of them and may have left some out.
    /// Not a second time before something new has come.
    pub(super) fn look_back(&mut self, different: u64) -> bool {
        let looks_back = self.received > different && !self.looked_back;
        if looks_back {
            self.received = different;
            self.looked_back = true;
        }
        looks_back
    }
}
