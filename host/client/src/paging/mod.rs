//! Reading all pages of a query, by index or by cursor, so that it always ends.
//!
//! Nothing a provider says about its pages is believed by itself. Servers exist that answer an index beyond
//! the last resource with the first page, for ever; that ignore `count`; that repeat resources on two pages;
//! that count only what is on the page; that hand out cursors in a circle. So resources already seen are not
//! passed on, whoever shows nothing new for long enough is left, and whether the end is complete is measured
//! against `totalResults`: an incomplete list ends with [`Failure::Incomplete`], because somebody may be
//! about to conclude from a resource's absence that it should be deleted.
//!
//! - [`Pager`] here: what is known in the middle, and what is asked for next
//! - `index`: the walk by index (RFC 7644 section 3.4.2.4)
//! - `cursor`: the walk by cursor (RFC 9865)
//! - `seen`: which ids were seen
//!
//! A pass is one walk from the first page on. There is a second where the first could not be finished: the
//! cursors expired, or the provider turned out to page by cursor only. It has to see everything again, but
//! passes on only what is new.

mod cursor;
mod index;
#[cfg(test)]
mod model;
mod seen;

use crate::failure::Failure;
use crate::query::Query;
use cursor::CursorWalk;
use index::IndexWalk;
use scimwright_profile::{PageSize, Paging};
use scimwright_scim::{ListResponse, Resource, ScimType};
use seen::SeenIds;

/// The most pages that are read, whatever the provider says.
const MAX_PAGES: u32 = 100_000;

/// What is known in the middle of reading all pages.
#[derive(Debug)]
pub(crate) struct Pager {
    /// What all pages have in common: RFC 9865 section 2.3 has the parameters stay the same.
    query: Query,
    first_index: u64,
    begin: Begin,
    /// Whether a cursor that comes unasked is followed.
    follows: bool,
    walk: Walk,
    seen: SeenIds,
    /// How many different resources this pass has seen.
    in_pass: u64,
    pages: u32,
    max_pages: u32,
    restarted: bool,
    went_over: bool,
    /// Whether a first page without a cursor is taken for the only one.
    trusts_cursors: bool,
    /// All was there by the provider's own count when it refused to be asked by index.
    complete_by_count: bool,
}

/// How a pass begins.
#[derive(Debug, Clone, PartialEq)]
enum Begin {
    Index,
    Cursor(String),
}

#[derive(Debug)]
enum Walk {
    Index(IndexWalk),
    Cursor(CursorWalk),
}

/// How it goes on after a page.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// There is more to read.
    Page,
    /// Everything was read.
    Complete,
    /// Reading is over, and something is missing.
    Broken(Failure),
}

impl Pager {
    /// Begins as the query says, else as the provider wants it.
    pub(crate) fn new(mut query: Query, paging: Paging, page_size: PageSize) -> Self {
        // A count of 0 asks for the total alone, and could never end.
        query.count = query.count.filter(|count| *count > 0).or(match page_size {
            PageSize::Unspecified => None,
            PageSize::At(count) => Some(u64::from(count.get())),
        });
        let by_cursor = paging == Paging::Cursor && query.start_index.is_none();
        let begin = match query.cursor.take().or_else(|| by_cursor.then(String::new)) {
            Some(cursor) => Begin::Cursor(cursor),
            None => Begin::Index,
        };
        let first_index = query.start_index.unwrap_or(1).max(1);
        Self {
            walk: Walk::begin(&begin, first_index),
            query,
            first_index,
            begin,
            follows: paging != Paging::Index,
            trusts_cursors: paging == Paging::Cursor,
            seen: SeenIds::default(),
            in_pass: 0,
            pages: 0,
            max_pages: MAX_PAGES,
            restarted: false,
            went_over: false,
            complete_by_count: false,
        }
    }

    /// The query for the next page. The first by index is sent as it was given: a provider without paging may
    /// refuse parameters it does not know.
    pub(crate) fn query(&self) -> Query {
        let mut query = self.query.clone();
        match &self.walk {
            Walk::Index(walk) => query.start_index = walk.next_index().or(query.start_index),
            Walk::Cursor(walk) => {
                query.start_index = None;
                query.cursor = Some(walk.cursor().to_owned());
            }
        }
        query
    }

    /// Takes a page in, and returns what is new on it.
    pub(crate) fn take(&mut self, page: ListResponse) -> (Vec<Resource>, Next) {
        self.pages += 1;
        let received = page.resources.len() as u64;
        let mut fresh = page.resources;
        let mut new_ids = false;
        fresh.retain(|resource| {
            // Without an id it is passed on for its reader to judge, but is no sign that the list goes on.
            let Some(id) = resource.id_text() else {
                self.in_pass += 1;
                return true;
            };
            let sight = self.seen.look(&id);
            new_ids |= sight.new_in_pass;
            self.in_pass += u64::from(sight.new_in_pass);
            sight.new
        });
        let count = Count { here: self.in_pass + (self.first_index - 1), total: page.total_results, new_ids };
        let next = match (&mut self.walk, page.next_cursor) {
            // A provider that knows no cursors ignores the empty one, as it would any parameter that it does
            // not know. Then this was the first page by index.
            (Walk::Cursor(walk), None) if walk.cursor().is_empty() && !self.trusts_cursors => {
                self.trusts_cursors = true;
                self.went_over = true;
                let mut walk = IndexWalk::new(self.first_index);
                let next = walk.after_cursor(received, &count, self.query.filter.is_some());
                self.walk = Walk::Index(walk);
                next
            }
            (Walk::Cursor(walk), next) => walk.after_page(next, &count),
            // RFC 9865 section 2.4: it may come unasked.
            (Walk::Index(_), Some(cursor)) if self.follows => {
                let mut walk = CursorWalk::new(String::new());
                let next = walk.after_page(Some(cursor), &count);
                self.walk = Walk::Cursor(walk);
                next
            }
            (Walk::Index(walk), _) => walk.after_page(received, &count, self.query.filter.is_some()),
        };
        if next == Next::Page && self.pages >= self.max_pages {
            let reason = format!("it goes on after {} pages, which is the limit", self.pages);
            return (fresh, Next::Broken(Failure::Incomplete { reason }));
        }
        (fresh, next)
    }

    /// How it goes on where the next page was refused. A failure that nothing can be done about is returned
    /// as it is.
    pub(crate) fn refused(&mut self, failure: Failure) -> Next {
        let Some(refusal) = failure.refusal() else { return Next::Broken(failure) };
        let status = refusal.status;
        let bad_cursor = refusal.is(&ScimType::ExpiredCursor) || refusal.is(&ScimType::InvalidCursor);
        let bad_count = refusal.is(&ScimType::InvalidCount);
        if let Walk::Index(walk) = &mut self.walk
            && !bad_cursor
            && status != 501
            && walk.is_confirming()
            && says_nothing_is_there(status)
            && walk.look_back(self.in_pass)
        {
            return Next::Page;
        }
        match &self.walk {
            // The provider allows no pages of that size; which it allows, it knows best.
            _ if bad_count && self.query.count.is_some() && self.is_first_page() => {
                self.query.count = None;
                Next::Page
            }
            // RFC 9865 section 2.1: a cursor that has expired leaves nothing but to begin again.
            Walk::Cursor(walk) if bad_cursor && !walk.cursor().is_empty() => self.begin_again(&failure),
            // RFC 9865 section 2.1 leaves it to a provider to page by cursor only. It then refuses an index:
            // with 501, or as if the missing cursor were a bad one.
            Walk::Index(walk)
                if (bad_cursor || (status == 501 && self.asks_by_index()))
                    && self.follows
                    && !self.went_over
                    && self.first_index == 1 =>
            {
                self.complete_by_count = walk.is_confirming();
                self.went_over = true;
                self.trusts_cursors = true;
                self.begin = Begin::Cursor(String::new());
                self.begin_pass();
                Next::Page
            }
            // The provider counted no more than there are already, and has nothing at an index beyond.
            Walk::Index(walk) if walk.is_confirming() && says_nothing_is_there(status) => Next::Complete,
            Walk::Cursor(walk)
                if self.complete_by_count && walk.cursor().is_empty() && says_nothing_is_there(status) =>
            {
                Next::Complete
            }
            _ => Next::Broken(failure),
        }
    }

    fn begin_again(&mut self, failure: &Failure) -> Next {
        if self.restarted || matches!(&self.begin, Begin::Cursor(cursor) if !cursor.is_empty()) {
            let reason = format!("it could not be read to its end: {failure}");
            return Next::Broken(Failure::Incomplete { reason });
        }
        self.restarted = true;
        self.begin_pass();
        Next::Page
    }

    fn begin_pass(&mut self) {
        self.walk = Walk::begin(&self.begin, self.first_index);
        self.in_pass = 0;
        self.seen.begin_pass();
    }

    fn is_first_page(&self) -> bool {
        match &self.walk {
            Walk::Index(walk) => walk.next_index().is_none(),
            Walk::Cursor(walk) => walk.cursor().is_empty(),
        }
    }

    fn asks_by_index(&self) -> bool {
        self.query().start_index.is_some()
    }
}

impl Walk {
    fn begin(begin: &Begin, first_index: u64) -> Self {
        match begin {
            Begin::Index => Self::Index(IndexWalk::new(first_index)),
            Begin::Cursor(cursor) => Self::Cursor(CursorWalk::new(cursor.clone())),
        }
    }
}

/// How much of the list has come, after a page.
#[derive(Debug)]
struct Count {
    /// How many different resources, those before the first index included.
    here: u64,
    /// How many there are, as the provider says on this page.
    total: Option<u64>,
    /// Whether the page had one that this pass had not seen.
    new_ids: bool,
}

impl Count {
    fn is_reached(&self) -> bool {
        self.total.is_some_and(|total| self.here >= total)
    }

    /// Complete, unless the provider says that there are more.
    fn end(&self, how: &str) -> Next {
        match self.total {
            Some(total) if self.here < total => Next::Broken(Failure::Incomplete {
                reason: format!("{} of {total} resources came, and then {how}", self.here),
            }),
            _ => Next::Complete,
        }
    }
}

/// Whether a refusal says something about the page asked for, and not about the caller or the moment.
fn says_nothing_is_there(status: u16) -> bool {
    !matches!(status, 401 | 403 | 408 | 425 | 429 | 502..=504)
}

#[cfg(test)]
mod tests;
