//! Queries that a provider understands in its own way.

use super::{play, provider};
use crate::support::{Asked, refusal};
use scimwright_profile::{EmptyResult, PageSize, Paging, ProviderQuirks, QueryBy};
use scimwright_sandbox::{Manners, Plays, Rule};
use scimwright_scim::Comparison;
use serde_json::json;
use std::num::NonZeroU32;

fn quirks() -> ProviderQuirks {
    ProviderQuirks::default()
}

fn search(asked: &Asked, filter: &str) -> String {
    let response = asked.post("/Users/.search", &json!({ "filter": filter }));
    if response.status == 200 { "200".to_owned() } else { refusal(&response) }
}

#[test]
fn filters_are_comparisons_by_the_operators_that_are_known_joined_by_and() {
    let asked = provider(ProviderQuirks { filter_operators: Some(vec![Comparison::Equal]), ..quirks() });
    for filter in [r#"userName eq "a""#, r#"userName eq "a" and title eq "b" and active eq true"#] {
        assert_eq!(search(&asked, filter), "200", "{filter}");
    }
    let odd = [
        r#"userName sw "a""#,
        r#"userName eq "a" or userName eq "b""#,
        r#"userName eq "a" and (title eq "b" or title eq "c")"#,
        r#"not (userName eq "a")"#,
        "title pr",
        r#"emails[value eq "a"]"#,
    ];
    for filter in odd {
        assert_eq!(search(&asked, filter), "400 invalidFilter", "{filter}");
    }
    assert_eq!(asked.provider.stats().broken(Rule::FilterOperators), odd.len() as u64);
}

#[test]
fn a_filter_in_a_url_is_refused_where_searches_are_meant() {
    let asked = provider(ProviderQuirks { query_by: QueryBy::Search, ..quirks() });
    assert_eq!(refusal(&asked.get("/Users?filter=title%20pr")), "403 sensitive");
    assert_eq!(search(&asked, "title pr"), "200");
    assert_eq!(asked.get("/Users").status, 200, "without a filter nothing is given away");
}

#[test]
fn nothing_found_can_be_a_404() {
    let asked = provider(ProviderQuirks { empty_result: EmptyResult::NotFound, ..quirks() });
    assert_eq!(asked.get("/Users").status, 200, "a list without a filter may be empty");
    asked.user("ann", &json!({}));
    assert_eq!(search(&asked, r#"userName eq "ann""#), "200");
    assert_eq!(search(&asked, r#"userName eq "bob""#), "404");
}

#[test]
fn pages_are_reached_in_the_providers_way_and_are_as_small_as_it_makes_them() {
    let asked = provider(ProviderQuirks {
        paging: Paging::Cursor,
        page_size: PageSize::At(NonZeroU32::MIN.saturating_add(1)),
        ..quirks()
    });
    for name in ["a", "b", "c"] {
        asked.user(name, &json!({}));
    }
    let list = asked.get("/Users").value();
    assert_eq!((&list["itemsPerPage"], list["nextCursor"].is_string()), (&json!(2), true));
    assert_eq!(refusal(&asked.get("/Users?startIndex=3")), "501");
    assert_eq!(refusal(&asked.get("/Users?count=3")), "400 invalidCount");
    let declared = asked.get("/ServiceProviderConfig").value()["pagination"].clone();
    assert_eq!((&declared["cursor"], &declared["maxPageSize"]), (&json!(false), &json!(2)));
}

#[test]
fn a_filter_can_be_passed_over() {
    let manners = Manners { ignores_filters: true, ..Manners::default() };
    let asked = play(Plays { manners, ..Plays::default() });
    asked.user("ann", &json!({}));
    asked.user("bob", &json!({}));
    assert_eq!(asked.found("/Users?filter=userName%20eq%20%22ann%22", "userName"), ["ann", "bob"]);
}
