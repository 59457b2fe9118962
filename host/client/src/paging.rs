//! Reading all pages of a query, by index (RFC 7644 section 3.4.2.4), so that it always ends.
//!
//! Nothing a provider says about its pages is believed by itself. Servers exist that answer an index beyond
//! the last resource with the first page, for ever; that ignore `count`; that repeat resources on two pages.
//! So the next index follows from the resources received, resources already seen are not passed on, and a
//! page with nothing new is the end. Whether that end is complete is measured against `totalResults`: an
//! incomplete list ends with [`Failure::Incomplete`], because somebody may be about to conclude from a
//! resource's absence that it should be deleted.

use crate::failure::Failure;
use crate::request::Query;
use scimwright_scim::{ListResponse, Resource};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// The most pages that are read, whatever the provider says.
const MAX_PAGES: u32 = 100_000;

/// What is known in the middle of reading all pages.
#[derive(Debug)]
pub(crate) struct Pager {
    query: Query,
    first_index: u64,
    received: u64,
    passed_on: u64,
    pages: u32,
    max_pages: u32,
    seen: SeenIds,
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
    pub(crate) fn new(mut query: Query) -> Self {
        // A count of 0 asks for the total alone, and could never end.
        query.count = query.count.filter(|count| *count > 0);
        let first_index = query.start_index.unwrap_or(1).max(1);
        Self {
            query,
            first_index,
            received: 0,
            passed_on: 0,
            pages: 0,
            max_pages: MAX_PAGES,
            seen: SeenIds::default(),
        }
    }

    /// The query for the next page. The first is sent as it was given: a provider without paging may refuse
    /// parameters it does not know.
    pub(crate) fn query(&self) -> Query {
        match self.pages {
            0 => self.query.clone(),
            _ => Query { start_index: Some(self.first_index + self.received), ..self.query.clone() },
        }
    }

    /// Takes a page in, and returns what is new on it.
    pub(crate) fn take(&mut self, page: ListResponse) -> (Vec<Resource>, Next) {
        self.pages += 1;
        self.received += page.resources.len() as u64;
        let mut new_ids = false;
        let mut fresh = page.resources;
        fresh.retain(|resource| match resource.id_text() {
            Some(id) => {
                let is_new = self.seen.insert(&id);
                new_ids |= is_new;
                is_new
            }
            // Passed on for its reader to judge, but no sign that the list goes on.
            None => true,
        });
        self.passed_on += fresh.len() as u64;
        let next = self.next(page.total_results, new_ids);
        (fresh, next)
    }

    fn next(&self, total: Option<u64>, new_ids: bool) -> Next {
        let accounted = self.passed_on + (self.first_index - 1);
        match total {
            Some(total) if accounted >= total => Next::Complete,
            // A short page says nothing about the end; a page with nothing new does.
            None if !new_ids => Next::Complete,
            Some(total) if !new_ids => Next::Broken(Failure::Incomplete {
                reason: format!("{accounted} of {total} resources came, and then none that was new"),
            }),
            _ if self.pages >= self.max_pages => Next::Broken(Failure::Incomplete {
                reason: format!("it goes on after {} pages, which is the limit", self.pages),
            }),
            _ => Next::Page,
        }
    }
}

/// Which ids were seen, in 16 bytes each however long they are: two independent keyed hashes, so that two ids
/// are confused less often than memory fails.
#[derive(Debug, Default)]
struct SeenIds {
    keys: [RandomState; 2],
    seen: HashSet<[u64; 2]>,
}

impl SeenIds {
    fn insert(&mut self, id: &str) -> bool {
        let [first, second] = &self.keys;
        self.seen.insert([first.hash_one(id), second.hash_one(id)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Runs a server that answers a start index with ids and a total, until reading ends.
    fn read(mut pager: Pager, server: impl Fn(u64) -> (Vec<u64>, Option<u64>)) -> (Vec<String>, Next, u32) {
        let mut ids = Vec::new();
        loop {
            let (page, total_results) = server(pager.query().start_index.unwrap_or(1));
            let resources =
                page.iter().map(|id| Resource::from_value(json!({"id": id.to_string()})).unwrap()).collect();
            let (fresh, next) =
                pager.take(ListResponse { total_results, resources, ..ListResponse::default() });
            ids.extend(fresh.iter().filter_map(Resource::id_text));
            if next != Next::Page {
                return (ids, next, pager.pages);
            }
        }
    }

    /// Ids 1 to 10 in pages of 4.
    fn honest(start: u64) -> Vec<u64> {
        (start..=10).take(4).collect()
    }

    fn all() -> Pager {
        Pager::new(Query::default())
    }

    #[test]
    fn all_pages_are_read_once() {
        let (ids, next, pages) = read(all(), |start| (honest(start), Some(10)));
        assert_eq!((ids.len(), next, pages), (10, Next::Complete, 3));
    }

    #[test]
    fn without_a_total_an_empty_page_is_the_end() {
        let (ids, next, pages) = read(all(), |start| (honest(start), None));
        assert_eq!((ids.len(), next, pages), (10, Next::Complete, 4));
    }

    #[test]
    fn a_short_page_is_not_the_end() {
        let (ids, next, pages) = read(all(), |start| ((start..=10).take(1).collect(), Some(10)));
        assert_eq!((ids.len(), next, pages), (10, Next::Complete, 10));
    }

    #[test]
    fn a_server_that_answers_with_the_first_page_for_ever_is_left_after_the_second() {
        let (ids, next, pages) = read(all(), |_| (vec![1, 2, 3], None));
        assert_eq!((ids.len(), next, pages), (3, Next::Complete, 2));
        let (ids, next, pages) = read(all(), |_| (vec![1, 2, 3], Some(10)));
        let reason = "3 of 10 resources came, and then none that was new".to_owned();
        assert_eq!((ids.len(), next, pages), (3, Next::Broken(Failure::Incomplete { reason }), 2));
    }

    #[test]
    fn a_resource_on_two_pages_is_passed_on_once() {
        let overlapping = |start: u64| ((start.saturating_sub(1).max(1)..=10).take(4).collect(), Some(10));
        let (ids, next, _) = read(all(), overlapping);
        let expected: Vec<String> = (1..=10).map(|id: u64| id.to_string()).collect();
        assert_eq!((ids, next), (expected, Next::Complete));
    }

    #[test]
    fn a_total_that_is_too_small_ends_the_list_and_one_too_large_breaks_it() {
        assert_eq!(read(all(), |start| (honest(start), Some(4))).0.len(), 4);
        let (ids, next, _) = read(all(), |start| (honest(start), Some(11)));
        assert_eq!(ids.len(), 10);
        assert!(matches!(next, Next::Broken(_)));
    }

    #[test]
    fn an_endless_list_is_broken_off_at_the_page_limit() {
        let pager = Pager { max_pages: 7, ..all() };
        let (ids, next, pages) = read(pager, |start| ((start..start + 4).collect(), None));
        assert_eq!((ids.len(), pages), (28, 7));
        assert!(matches!(next, Next::Broken(Failure::Incomplete { .. })));
    }

    #[test]
    fn reading_may_begin_in_the_middle_and_never_with_a_count_of_zero() {
        let pager = Pager::new(Query { start_index: Some(9), count: Some(0), ..Query::default() });
        assert_eq!(pager.query().count, None);
        let (ids, next, pages) = read(pager, |start| (honest(start), Some(10)));
        assert_eq!((ids, next, pages), (vec!["9".to_owned(), "10".to_owned()], Next::Complete, 1));
    }

    #[test]
    fn nothing_at_all_is_complete() {
        assert_eq!(read(all(), |_| (vec![], Some(0))).1, Next::Complete);
        assert_eq!(read(all(), |_| (vec![], None)).1, Next::Complete);
    }
}
