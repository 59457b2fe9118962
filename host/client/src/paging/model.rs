//! A model of servers that misbehave in every combination, and what holds of reading all of them.

use super::*;
use crate::failure::Refusal;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// How `totalResults` is made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Total {
    Absent,
    Right,
    OnThisPage,
    TooSmall,
    TooLarge,
}

/// What a start index does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Index {
    /// What RFC 7644 says.
    Heeded,
    /// It counts from 0.
    FromZero,
    /// It is the number of a page.
    PageNumber,
    Ignored,
    /// The server has cursors only, and says so with this.
    Refused(u16),
}

/// What an index beyond the last resource is answered with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Beyond {
    Empty,
    FirstPage,
    Refused(u16),
}

/// What a cursor does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cursors {
    /// There are none; the parameter is ignored.
    None,
    /// Where they are asked for.
    Asked,
    /// On every page.
    Unasked,
    /// The last page leads to the first.
    Circle,
    /// The last page leads to empty ones, for ever.
    Endless,
}

#[derive(Debug, Clone)]
struct Server {
    ids: u64,
    page_size: u64,
    heeds_count: bool,
    /// How many resources of the page before each page begins with.
    overlap: u64,
    total: Total,
    index: Index,
    beyond: Beyond,
    cursors: Cursors,
    /// How many empty pages stand before each page by cursor.
    gaps: u64,
    /// So many cursors are answered as expired before one is heeded: beginning with this request.
    expiring: std::ops::Range<u32>,
}

impl Server {
    fn size(&self, query: &Query) -> u64 {
        match query.count {
            Some(count) if self.heeds_count => count.min(self.page_size),
            _ => self.page_size,
        }
    }

    fn page(&self, offset: u64, size: u64, next_cursor: Option<String>) -> ListResponse {
        let first = offset.saturating_sub(self.overlap.min(size - 1));
        let ids: Vec<u64> = (first..self.ids).take(usize::try_from(size).unwrap()).collect();
        let total_results = match self.total {
            Total::Absent => None,
            Total::Right => Some(self.ids),
            Total::OnThisPage => Some(ids.len() as u64),
            Total::TooSmall => Some(self.ids / 2),
            Total::TooLarge => Some(self.ids + 1),
        };
        let resources = ids.iter().map(|id| Resource::from_value(json!({"id": id.to_string()})).unwrap());
        ListResponse { total_results, next_cursor, resources: resources.collect(), ..ListResponse::default() }
    }

    /// A cursor is `offset.gap`, or a number after `end`.
    fn by_cursor(&self, cursor: &str, size: u64) -> ListResponse {
        if let Some(number) = cursor.strip_prefix("end") {
            let number: u64 = number.parse().unwrap();
            return self.page(self.ids + self.overlap, size, Some(format!("end{}", number + 1)));
        }
        let (offset, gap): (u64, u64) = match cursor.split_once('.') {
            Some((offset, gap)) => (offset.parse().unwrap(), gap.parse().unwrap()),
            None => (0, 0),
        };
        if gap > 0 {
            return self.page(self.ids + self.overlap, size, Some(format!("{offset}.{}", gap - 1)));
        }
        // A page moves on by what is new on it.
        let end = offset.saturating_sub(self.overlap.min(size - 1)) + size;
        let next = if end < self.ids {
            Some(format!("{end}.{}", self.gaps))
        } else {
            match self.cursors {
                Cursors::Circle => Some("0.0".to_owned()),
                Cursors::Endless => Some("end0".to_owned()),
                _ => None,
            }
        };
        self.page(offset, size, next)
    }

    /// `number` counts the requests with a cursor.
    fn answer(&self, query: &Query, number: &mut u32) -> Result<ListResponse, Failure> {
        let size = self.size(query);
        let refused = |status, scim_type| {
            let refusal = Refusal { status, scim_type, detail: None };
            Err(if status == 501 { Failure::Unsupported(refusal) } else { Failure::Permanent(refusal) })
        };
        match (&query.cursor, self.cursors) {
            (None, _) | (_, Cursors::None) => {}
            (Some(cursor), _) => {
                *number += 1;
                if !cursor.is_empty() && self.expiring.contains(number) {
                    return refused(400, Some(ScimType::ExpiredCursor));
                }
                return Ok(self.by_cursor(cursor, size));
            }
        }
        let offset = match (query.start_index, self.index) {
            (None, _) | (_, Index::Ignored) => 0,
            (Some(_), Index::Refused(status)) => {
                return refused(status, (status == 400).then_some(ScimType::InvalidCursor));
            }
            (Some(start), Index::Heeded) => start.max(1) - 1,
            (Some(start), Index::FromZero) => start,
            (Some(start), Index::PageNumber) => (start.max(1) - 1) * size,
        };
        if offset >= self.ids && offset > 0 {
            return match self.beyond {
                Beyond::Empty => Ok(self.page(offset + self.overlap, size, None)),
                Beyond::FirstPage => Ok(self.page(0, size, None)),
                Beyond::Refused(status) => refused(status, None),
            };
        }
        let unasked = matches!(self.cursors, Cursors::Unasked | Cursors::Circle | Cursors::Endless);
        if unasked && offset == 0 {
            return Ok(self.by_cursor("", size));
        }
        Ok(self.page(offset, size, None))
    }

    /// Every id that is shown to somebody who tries every index and follows every cursor, as far as the
    /// profile leaves them open: it is believed in what it says.
    fn willing_to_show(&self, query: &Query, paging: Paging) -> BTreeSet<String> {
        let server = Self { expiring: 0..0, ..self.clone() };
        let mut shown = BTreeSet::new();
        let by_cursor = [Query { start_index: None, cursor: Some(String::new()), ..query.clone() }];
        let indices = (1..=self.ids + 1).map(Some).chain([None]);
        let by_index = indices.map(|start_index| Query { start_index, cursor: None, ..query.clone() });
        let mut asked: Vec<Query> = match paging {
            Paging::Index => by_index.collect(),
            Paging::Cursor => by_cursor.to_vec(),
            Paging::Declared => by_index.chain(by_cursor).collect(),
        };
        let mut followed = BTreeSet::new();
        while let Some(query) = asked.pop() {
            let Ok(page) = server.answer(&query, &mut 0) else { continue };
            shown.extend(page.resources.iter().filter_map(Resource::id_text));
            if let Some(cursor) = page.next_cursor
                && paging != Paging::Index
                && followed.insert(cursor.clone())
                && followed.len() < 200
            {
                asked.push(Query { start_index: None, cursor: Some(cursor), ..query });
            }
        }
        shown
    }
}

fn servers() -> impl Strategy<Value = Server> {
    let total = prop_oneof![
        Just(Total::Absent),
        Just(Total::Right),
        Just(Total::OnThisPage),
        Just(Total::TooSmall),
        Just(Total::TooLarge)
    ];
    let index = prop_oneof![
        4 => Just(Index::Heeded),
        1 => Just(Index::FromZero),
        1 => Just(Index::PageNumber),
        1 => Just(Index::Ignored),
        2 => prop_oneof![Just(501), Just(400)].prop_map(Index::Refused)
    ];
    let beyond = prop_oneof![
        Just(Beyond::Empty),
        Just(Beyond::FirstPage),
        prop_oneof![Just(400), Just(404), Just(500)].prop_map(Beyond::Refused)
    ];
    let cursors = prop_oneof![
        2 => Just(Cursors::None),
        2 => Just(Cursors::Asked),
        2 => Just(Cursors::Unasked),
        1 => Just(Cursors::Circle),
        1 => Just(Cursors::Endless)
    ];
    let numbers = (0_u64..12, 1_u64..6, any::<bool>(), 0_u64..2, 0_u64..3, 0_u32..5, 0_u32..4);
    (numbers, total, index, beyond, cursors).prop_map(|(numbers, total, index, beyond, cursors)| {
        let (ids, page_size, heeds_count, overlap, gaps, from, refusals) = numbers;
        // A server that takes an index for something else skips resources, and one that has cursors, hands
        // out none unasked and ignores an index shows one page. Only a count that is not too small can show
        // it: no client could tell otherwise.
        let misreads = matches!(index, Index::FromZero | Index::PageNumber)
            || (index == Index::Ignored && cursors == Cursors::Asked);
        let total = match total {
            Total::Absent | Total::OnThisPage | Total::TooSmall if misreads => Total::Right,
            total => total,
        };
        let expiring = from..from + refusals;
        Server { ids, page_size, heeds_count, overlap, total, index, beyond, cursors, gaps, expiring }
    })
}

fn queries() -> impl Strategy<Value = (Query, Paging, PageSize)> {
    let count = proptest::option::of(0_u64..7);
    let size = proptest::option::of(1_u32..7);
    let paging =
        prop_oneof![3 => Just(Paging::Declared), 1 => Just(Paging::Index), 1 => Just(Paging::Cursor)];
    (count, size, paging, any::<bool>()).prop_map(|(count, size, paging, by_cursor)| {
        let cursor = (by_cursor && paging != Paging::Index).then(String::new);
        let size = size.and_then(NonZeroU32::new).map_or(PageSize::Unspecified, PageSize::At);
        (Query { count, cursor, ..Query::default() }, paging, size)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    /// Point 19: whatever a server does, reading ends, and a list that is called complete is complete.
    /// Point 20: by cursor as well.
    #[test]
    fn reading_always_ends_and_what_is_called_complete_is_complete(
        server in servers(), (query, paging, size) in queries(),
    ) {
        let mut pager = Pager::new(query, paging, size);
        let (mut passed_on, mut requests, mut number) = (Vec::new(), 0, 0);
        let willing = server.willing_to_show(&pager.query, paging);
        let end = loop {
            requests += 1;
            // Two passes over every resource with its gaps, the idle pages, and the requests at the seams.
            prop_assert!(requests <= 2 * 3 * (server.ids + 1) + 100 + 10, "reading does not end");
            let next = match server.answer(&pager.query(), &mut number) {
                Ok(page) => {
                    let (fresh, next) = pager.take(page);
                    passed_on.extend(fresh.iter().filter_map(Resource::id_text));
                    next
                }
                Err(failure) => pager.refused(failure),
            };
            if next != Next::Page {
                break next;
            }
        };
        let different: BTreeSet<String> = passed_on.iter().cloned().collect();
        prop_assert_eq!(different.len(), passed_on.len(), "a resource was passed on twice");
        if end == Next::Complete {
            prop_assert_eq!(different, willing, "called complete");
        }
    }

    /// The other half: that a server which does as the RFCs say is read to its end, and nothing is called
    /// incomplete for nothing.
    #[test]
    fn a_server_that_follows_the_rfcs_is_read_completely(
        server in servers(), (query, paging, size) in queries(), total in any::<bool>(),
    ) {
        let total = if total { Total::Right } else { Total::Absent };
        let by_cursor = query.cursor.is_some() || paging == Paging::Cursor;
        let cursors = match server.cursors {
            Cursors::Circle | Cursors::Endless => Cursors::Unasked,
            Cursors::None if by_cursor => Cursors::Asked,
            cursors => cursors,
        };
        let server = Server {
            total, cursors, index: Index::Heeded, beyond: Beyond::Empty, overlap: 0,
            expiring: server.expiring.start..server.expiring.start + 1, ..server
        };
        let mut pager = Pager::new(query, paging, size);
        let (mut passed_on, mut number) = (0, 0);
        let end = loop {
            let next = match server.answer(&pager.query(), &mut number) {
                Ok(page) => {
                    let (fresh, next) = pager.take(page);
                    passed_on += fresh.len() as u64;
                    next
                }
                Err(failure) => pager.refused(failure),
            };
            if next != Next::Page {
                break next;
            }
        };
        prop_assert_eq!((end, passed_on), (Next::Complete, server.ids));
    }
}
