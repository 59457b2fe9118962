//! The walk by cursor (RFC 9865).
//!
//! A cursor is opaque: it is sent back as it came, and the only thing looked for in it is whether it came
//! before. `totalResults` may be absent, so that the end is the page without a further cursor.

use super::{Count, Next};
use crate::failure::Failure;
use std::collections::HashSet;

/// How many pages in a row may have nothing new. RFC 9865 allows pages that are empty before the last, as a
/// provider has that filters after paging.
const MAX_IDLE_PAGES: u32 = 100;

/// How many, where by the provider's own count everything is there.
const MAX_IDLE_PAGES_AFTER_ALL: u32 = 3;

/// Where a walk by cursor is.
#[derive(Debug)]
pub(super) struct CursorWalk {
    current: String,
    used: HashSet<String>,
    idle_pages: u32,
}

impl CursorWalk {
    /// Begins with this cursor; an empty one asks for the first page (RFC 9865 section 2.3).
    pub(super) fn new(cursor: String) -> Self {
        Self { used: HashSet::from([cursor.clone()]), current: cursor, idle_pages: 0 }
    }

    /// The cursor of the next page.
    pub(super) fn cursor(&self) -> &str {
        &self.current
    }

    pub(super) fn after_page(&mut self, next: Option<String>, count: &Count) -> Next {
        let Some(next) = next else { return count.end("no further cursor") };
        self.idle_pages = if count.new_ids { 0 } else { self.idle_pages + 1 };
        if !self.used.insert(next.clone()) {
            return stuck(count, "a cursor came that had come before");
        }
        let patience = if count.is_reached() { MAX_IDLE_PAGES_AFTER_ALL } else { MAX_IDLE_PAGES };
        if self.idle_pages >= patience {
            return stuck(count, &format!("{patience} pages in a row had nothing new"));
        }
        self.current = next;
        Next::Page
    }
}

/// The provider says that there is more and shows nothing of it: incomplete, unless by its own count all came.
fn stuck(count: &Count, what: &str) -> Next {
    if count.is_reached() {
        return Next::Complete;
    }
    let of = count.total.map_or_else(String::new, |total| format!(" of {total}"));
    let reason = format!("{}{of} resources came, and then {what}", count.here);
    Next::Broken(Failure::Incomplete { reason })
}
