//! The pager against servers of one habit each.

use super::*;
use crate::failure::Refusal;
use serde_json::json;
use std::num::NonZeroU32;

fn page(ids: impl IntoIterator<Item = u64>, total_results: Option<u64>) -> ListResponse {
    let resources = ids.into_iter().map(|id| Resource::from_value(json!({"id": id.to_string()})).unwrap());
    ListResponse { total_results, resources: resources.collect(), ..ListResponse::default() }
}

fn refused(status: u16, scim_type: Option<ScimType>) -> Failure {
    let refusal = Refusal { status, scim_type, detail: None };
    if status == 501 { Failure::Unsupported(refusal) } else { Failure::Permanent(refusal) }
}

/// What came of reading to the end.
struct Reading {
    ids: Vec<String>,
    next: Next,
    queries: Vec<Query>,
}

/// Runs a server until reading ends.
fn read_with(mut pager: Pager, mut server: impl FnMut(&Query) -> Result<ListResponse, Failure>) -> Reading {
    let (mut ids, mut queries) = (Vec::new(), Vec::new());
    loop {
        let query = pager.query();
        let answer = server(&query);
        queries.push(query);
        let next = match answer {
            Ok(page) => {
                let (fresh, next) = pager.take(page);
                ids.extend(fresh.iter().filter_map(Resource::id_text));
                next
            }
            Err(failure) => pager.refused(failure),
        };
        if next != Next::Page {
            return Reading { ids, next, queries };
        }
        assert!(queries.len() < 1000, "reading does not end");
    }
}

/// Runs a server that answers a start index with ids and a total.
fn read(pager: Pager, server: impl Fn(u64) -> (Vec<u64>, Option<u64>)) -> (Vec<String>, Next, usize) {
    let reading = read_with(pager, |query| {
        let (ids, total) = server(query.start_index.unwrap_or(1));
        Ok(page(ids, total))
    });
    (reading.ids, reading.next, reading.queries.len())
}

/// Ids 1 to 10 in pages of 4.
fn honest(start: u64) -> Vec<u64> {
    (start..=10).take(4).collect()
}

fn pager(query: Query) -> Pager {
    Pager::new(query, Paging::Declared, PageSize::Unspecified)
}

fn all() -> Pager {
    pager(Query::default())
}

fn by_cursor() -> Pager {
    pager(Query { cursor: Some(String::new()), ..Query::default() })
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(|id| id.to_string()).collect()
}

fn incomplete(reason: &str) -> Next {
    Next::Broken(Failure::Incomplete { reason: reason.to_owned() })
}

/// A server of 10 ids in pages of 4 whose cursor is the offset, behind a word with characters of every kind.
fn cursor_page(query: &Query) -> Option<ListResponse> {
    let cursor = query.cursor.as_deref()?;
    let offset: u64 = cursor.strip_prefix("a+b/c=&").map_or(0, |offset| offset.parse().unwrap());
    let next_cursor = (offset + 4 < 10).then(|| format!("a+b/c=&{}", offset + 4));
    Some(ListResponse { next_cursor, ..page((offset + 1..=10).take(4), None) })
}

/// Point 19: the next index follows from what was received.
#[test]
fn all_pages_are_read_once_and_the_end_is_confirmed() {
    let (ids, next, pages) = read(all(), |start| (honest(start), Some(10)));
    assert_eq!((ids, next, pages), (numbers(1..=10), Next::Complete, 4));
}

/// Point 19: the end of a look-up costs nothing.
#[test]
fn a_filter_that_finds_one_resource_is_one_request() {
    let filter = scimwright_scim::Filter::parse("userName eq \"a\"").unwrap();
    for ids in [vec![], vec![7]] {
        let total = Some(ids.len() as u64);
        let (found, next, pages) = read(pager(Query::filtered(filter.clone())), |_| (ids.clone(), total));
        assert_eq!((found.len(), next, pages), (ids.len(), Next::Complete, 1));
    }
}

/// Point 19: stop on no new ids.
#[test]
fn without_a_total_an_empty_page_is_the_end() {
    let (ids, next, pages) = read(all(), |start| (honest(start), None));
    assert_eq!((ids.len(), next, pages), (10, Next::Complete, 4));
}

/// Point 19: never infer the end from a short page.
#[test]
fn a_short_page_is_not_the_end() {
    let (ids, next, pages) = read(all(), |start| ((start..=10).take(1).collect(), Some(10)));
    assert_eq!((ids.len(), next, pages), (10, Next::Complete, 11));
}

/// Point 19: a server that answers an index beyond the last with page 1.
/// Peer bug: paging until the total is reached, for ever when the total is wrong.
#[test]
fn a_server_that_answers_with_the_first_page_for_ever_is_left_after_the_second() {
    let (ids, next, pages) = read(all(), |_| (vec![1, 2, 3], None));
    assert_eq!((ids.len(), next, pages), (3, Next::Complete, 2));
    let (ids, next, pages) = read(all(), |_| (vec![1, 2, 3], Some(10)));
    let reason = "3 of 10 resources came, and then none that was new";
    assert_eq!((ids.len(), next, pages), (3, incomplete(reason), 2));
}

/// Point 19: a server that ignores count.
#[test]
fn a_server_that_ignores_the_count_is_read_by_what_it_sends() {
    let asked = pager(Query { count: Some(2), ..Query::default() });
    let (ids, next, _) = read(asked, |start| (honest(start), Some(10)));
    assert_eq!((ids, next), (numbers(1..=10), Next::Complete));
}

#[test]
fn a_resource_on_two_pages_is_passed_on_once() {
    let overlapping = |start: u64| ((start.saturating_sub(1).max(1)..=10).take(4).collect(), Some(10));
    let (ids, next, _) = read(all(), overlapping);
    assert_eq!((ids, next), (numbers(1..=10), Next::Complete));
}

/// Peer bug: paging until the total is reached, for ever when the total is wrong.
#[test]
fn a_total_that_is_too_small_is_seen_through_and_one_too_large_breaks_the_list() {
    let (ids, next, _) = read(all(), |start| (honest(start), Some(4)));
    assert_eq!((ids, next), (numbers(1..=10), Next::Complete));
    let (ids, next, _) = read(all(), |start| (honest(start), Some(11)));
    assert_eq!(ids.len(), 10);
    assert_eq!(next, incomplete("10 of 11 resources came, and then none that was new"));
}

#[test]
fn a_server_that_refuses_an_index_beyond_its_last_has_confirmed_the_end() {
    for status in [400, 404, 500] {
        let reading = read_with(all(), |query| match query.start_index {
            Some(_) => Err(refused(status, None)),
            None => Ok(page(1..=4, Some(4))),
        });
        assert_eq!((reading.ids.len(), reading.next), (4, Next::Complete), "{status}");
    }
    let reading = read_with(all(), |query| match query.start_index {
        Some(_) => Err(Failure::Interrupted { cause: "reset".into() }),
        None => Ok(page(1..=4, Some(4))),
    });
    assert!(matches!(reading.next, Next::Broken(Failure::Interrupted { .. })));
}

/// Point 19: a page cap.
/// Peer bug: paging until the total is reached, for ever when the total is wrong.
#[test]
fn an_endless_list_is_broken_off_at_the_page_limit() {
    let pager = Pager { max_pages: 7, ..all() };
    let (ids, next, pages) = read(pager, |start| ((start..start + 4).collect(), None));
    assert_eq!((ids.len(), pages), (28, 7));
    assert_eq!(next, incomplete("it goes on after 7 pages, which is the limit"));
}

#[test]
fn reading_may_begin_in_the_middle_and_never_with_a_count_of_zero() {
    let pager = pager(Query { start_index: Some(9), count: Some(0), ..Query::default() });
    assert_eq!(pager.query().count, None);
    let (ids, next, pages) = read(pager, |start| (honest(start), Some(10)));
    assert_eq!((ids, next, pages), (numbers(9..=10), Next::Complete, 2));
}

#[test]
fn nothing_at_all_is_complete() {
    assert_eq!(read(all(), |_| (vec![], Some(0))).1, Next::Complete);
    assert_eq!(read(all(), |_| (vec![], None)).1, Next::Complete);
}

#[test]
fn the_page_size_of_the_provider_is_asked_for_on_every_page_unless_the_query_has_its_own() {
    let size = PageSize::At(NonZeroU32::new(4).unwrap());
    for (given, count) in [(None, 4), (Some(0), 4), (Some(3), 3)] {
        let query = Query { count: given, ..Query::default() };
        let reading = read_with(Pager::new(query, Paging::Declared, size), |query| {
            Ok(page((query.start_index.unwrap_or(1)..=10).take(4), Some(10)))
        });
        assert!(reading.queries.len() > 2);
        assert!(reading.queries.iter().all(|query| query.count == Some(count)));
    }
}

/// Point 20: empty cursor first, identical parameters, opaque values, no total.
#[test]
fn pages_are_read_by_cursor_with_the_same_parameters() {
    let query = Query {
        count: Some(4),
        sort_by: "userName".parse_path(),
        cursor: Some(String::new()),
        ..all_users()
    };
    let reading = read_with(pager(query.clone()), |query| Ok(cursor_page(query).unwrap()));
    assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
    let cursors: Vec<_> = reading.queries.iter().map(|query| query.cursor.as_deref().unwrap()).collect();
    assert_eq!(cursors, ["", "a+b/c=&4", "a+b/c=&8"]);
    for asked in reading.queries {
        assert_eq!(Query { cursor: query.cursor.clone(), ..asked }, query);
    }
}

fn all_users() -> Query {
    Query::filtered(scimwright_scim::Filter::parse("active eq true").unwrap())
}

trait ParsePath {
    fn parse_path(&self) -> Option<scimwright_scim::AttributePath>;
}

impl ParsePath for str {
    fn parse_path(&self) -> Option<scimwright_scim::AttributePath> {
        scimwright_scim::AttributePath::parse(self).ok()
    }
}

#[test]
fn the_profile_decides_how_pages_are_asked_for() {
    let begin = |paging| Pager::new(Query::default(), paging, PageSize::Unspecified).query().cursor;
    assert_eq!(begin(Paging::Cursor).as_deref(), Some(""));
    assert_eq!((begin(Paging::Declared), begin(Paging::Index)), (None, None));
    // Where a provider is said to page by index, its cursors are let alone.
    let index = Pager::new(Query::default(), Paging::Index, PageSize::Unspecified);
    let reading = read_with(index, |query| {
        let page = page(honest(query.start_index.unwrap_or(1)), Some(10));
        Ok(ListResponse { next_cursor: Some("x".into()), ..page })
    });
    assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
}

/// Point 20: nextCursor may come unasked.
#[test]
fn a_cursor_that_comes_unasked_is_followed_even_after_a_page_by_index() {
    let reading = read_with(all(), |query| {
        assert!(query.cursor.is_none() || query.start_index.is_none(), "never both at once");
        Ok(match (cursor_page(query), query.start_index) {
            (Some(page), _) => page,
            (None, None) => page(1..=2, None),
            (None, Some(_)) => ListResponse { next_cursor: Some("a+b/c=&2".into()), ..page([], None) },
        })
    });
    assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
    let reading = read_with(all(), |query| {
        Ok(cursor_page(query)
            .unwrap_or_else(|| ListResponse { next_cursor: Some("a+b/c=&4".into()), ..page(1..=4, None) }))
    });
    assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
    assert_eq!(reading.queries.len(), 3);
}

/// Point 20: start again on expiredCursor.
#[test]
fn after_a_cursor_that_has_expired_reading_begins_again_once_and_passes_on_only_what_is_new() {
    for gone in [ScimType::ExpiredCursor, ScimType::InvalidCursor] {
        let mut failures = 1;
        let reading = read_with(by_cursor(), |query| {
            if query.cursor.as_deref() == Some("a+b/c=&8") && failures > 0 {
                failures -= 1;
                return Err(refused(400, Some(gone.clone())));
            }
            Ok(cursor_page(query).unwrap())
        });
        assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
        assert_eq!(reading.queries.len(), 6);
        let reading = read_with(by_cursor(), |query| match query.cursor.as_deref() {
            Some("a+b/c=&8") => Err(refused(400, Some(gone.clone()))),
            _ => Ok(cursor_page(query).unwrap()),
        });
        assert_eq!(reading.ids, numbers(1..=8));
        let Next::Broken(Failure::Incomplete { reason }) = reading.next else { panic!("{:?}", reading.next) };
        assert!(reason.starts_with("it could not be read to its end: "), "{reason}");
        assert_eq!(reading.queries.len(), 6);
    }
}

#[test]
fn what_came_before_reading_began_again_does_not_count_towards_the_end() {
    let mut number = 0;
    let reading = read_with(by_cursor(), |_| {
        number += 1;
        match number {
            1 => Ok(ListResponse { next_cursor: Some("n".into()), ..page(1..=4, Some(6)) }),
            2 => Err(refused(400, Some(ScimType::ExpiredCursor))),
            3 => Ok(ListResponse { next_cursor: Some("m".into()), ..page(1..=2, Some(6)) }),
            _ => Ok(page(3..=4, Some(6))),
        }
    });
    assert_eq!(reading.ids, numbers(1..=4));
    assert_eq!(reading.next, incomplete("4 of 6 resources came, and then no further cursor"));
}

/// Point 20: a server that pages by cursor only refuses an index.
#[test]
fn a_server_that_pages_by_cursor_only_is_read_by_cursor() {
    for (status, scim_type) in [(501, None), (400, Some(ScimType::InvalidCursor))] {
        let reading = read_with(all(), |query| match (query.start_index, cursor_page(query)) {
            (Some(_), _) => Err(refused(status, scim_type.clone())),
            (None, Some(page)) => Ok(page),
            (None, None) => Ok(page(1..=4, Some(10))),
        });
        assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete), "{status}");
        assert_eq!(reading.queries.len(), 5);
    }
}

#[test]
fn a_server_that_ignores_the_empty_cursor_is_read_by_index() {
    for total in [None, Some(4), Some(10)] {
        let reading = read_with(by_cursor(), |query| Ok(page(honest(query.start_index.unwrap_or(1)), total)));
        assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete), "{total:?}");
    }
    // One that has cursors only refuses to be asked so, and has shown all.
    let reading = read_with(by_cursor(), |query| match query.start_index {
        Some(_) => Err(refused(501, None)),
        None => Ok(page(1..=4, None)),
    });
    assert_eq!((reading.ids.len(), reading.next, reading.queries.len()), (4, Next::Complete, 2));
}

#[test]
fn a_cursor_that_comes_again_ends_the_list() {
    let reading = read_with(by_cursor(), |_| {
        Ok(ListResponse { next_cursor: Some("again".into()), ..page(1..=3, None) })
    });
    assert_eq!(reading.queries.len(), 2);
    assert_eq!(reading.next, incomplete("3 resources came, and then a cursor came that had come before"));
}

#[test]
fn cursors_without_end_that_lead_to_nothing_new_end_the_list() {
    for (total, expected, pages) in [
        (None, incomplete("3 resources came, and then 100 pages in a row had nothing new"), 101),
        (Some(4), incomplete("3 of 4 resources came, and then 100 pages in a row had nothing new"), 101),
        (Some(3), Next::Complete, 4),
    ] {
        let mut number = 0;
        let reading = read_with(by_cursor(), |_| {
            number += 1;
            Ok(ListResponse { next_cursor: Some(number.to_string()), ..page(1..=3, total) })
        });
        assert_eq!((reading.next, reading.queries.len()), (expected, pages));
    }
}

#[test]
fn an_empty_page_with_a_cursor_is_not_the_end() {
    let reading = read_with(by_cursor(), |query| {
        Ok(match query.cursor.as_deref() {
            Some("") => ListResponse { next_cursor: Some("1".into()), ..page([], None) },
            Some("1") => ListResponse { next_cursor: Some("2".into()), ..page([], None) },
            _ => page(1..=3, None),
        })
    });
    assert_eq!((reading.ids, reading.next), (numbers(1..=3), Next::Complete));
}

#[test]
fn a_count_that_the_provider_does_not_allow_is_left_to_it() {
    let query = Query { count: Some(5000), cursor: Some(String::new()), ..Query::default() };
    let reading = read_with(pager(query), |query| match query.count {
        Some(_) => Err(refused(400, Some(ScimType::InvalidCount))),
        None => Ok(cursor_page(query).unwrap()),
    });
    assert_eq!((reading.ids, reading.next), (numbers(1..=10), Next::Complete));
}
