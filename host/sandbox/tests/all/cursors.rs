//! Pages by cursor (RFC 9865).

use crate::support::{Asked, refusal};
use scimwright_sandbox::{PagingMethods, SandboxOptions};
use serde_json::{Value, json};
use std::num::NonZeroU32;

const MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
const CURSOR: PagingMethods = PagingMethods::Cursor { seconds: MINUTE };
const BOTH: PagingMethods = PagingMethods::Both { seconds: MINUTE };

/// Five users `u1` to `u5`, and pages of at most three.
fn paged(paging: PagingMethods) -> Asked {
    let asked =
        Asked::new(&SandboxOptions { paging, default_page: 2, max_page: 3, ..SandboxOptions::default() });
    for n in 1..=5 {
        asked.user(&format!("u{n}"), &json!({ "title": format!("t{}", 5 - n) }));
    }
    asked
}

fn names(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|it| it["userName"].as_str().unwrap()).collect()
}

/// All pages of a query, each as the names on it. `query` ends where a cursor can follow.
fn pages(asked: &Asked, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let list = asked.get(&format!("/Users?{query}cursor={cursor}")).value();
        assert!(list.get("startIndex").is_none(), "{list}");
        pages.push(names(&list).into_iter().map(str::to_owned).collect());
        match list["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return pages,
        }
    }
}

#[test]
fn cursors_lead_through_all_pages_and_end() {
    let asked = paged(BOTH);
    assert_eq!(pages(&asked, ""), [vec!["u1", "u2"], vec!["u3", "u4"], vec!["u5"]]);
    assert_eq!(pages(&asked, "count=3&sortBy=title&"), [vec!["u5", "u4", "u3"], vec!["u2", "u1"]]);
    assert_eq!(pages(&asked, "filter=title%20le%20%22t1%22&"), [["u4", "u5"]]);
    let list = asked.get("/Users?cursor").value();
    assert_eq!(list["totalResults"], 5);
    let second = asked.get(&format!("/Users?cursor={}", list["nextCursor"].as_str().unwrap())).value();
    let back = asked.get(&format!("/Users?cursor={}", second["previousCursor"].as_str().unwrap())).value();
    assert_eq!(names(&back), ["u1", "u2"]);
}

#[test]
fn whatever_the_size_of_pages_everybody_is_on_exactly_one() {
    let asked = Asked::new(&SandboxOptions { paging: CURSOR, default_page: 9, ..SandboxOptions::default() });
    let everybody: Vec<_> = (1..=7).map(|n| format!("u{n}")).collect();
    for name in &everybody {
        asked.user(name, &json!({}));
    }
    for count in 1..=9 {
        let pages = pages(&asked, &format!("count={count}&"));
        assert_eq!(pages.len(), 7_usize.div_ceil(count), "{count}");
        assert_eq!(pages.concat(), everybody, "{count}");
    }
}

#[test]
fn a_search_is_paged_by_cursor_as_a_list_is() {
    let asked = paged(BOTH);
    let first = asked.post("/Users/.search", &json!({ "cursor": "", "count": 3 })).value();
    assert_eq!(names(&first), ["u1", "u2", "u3"]);
    let body = json!({ "cursor": first["nextCursor"], "count": 3 });
    assert_eq!(names(&asked.post("/Users/.search", &body).value()), ["u4", "u5"]);
}

#[test]
fn where_both_methods_exist_a_query_that_names_neither_is_paged_by_index() {
    let asked = paged(BOTH);
    let list = asked.get("/Users").value();
    assert_eq!(list["startIndex"], 1);
    assert!(list.get("nextCursor").is_none());
    assert_eq!(names(&asked.get("/Users?startIndex=5").value()), ["u5"]);
    assert_eq!(refusal(&asked.get("/Users?startIndex=1&cursor")), "400 invalidValue");
}

#[test]
fn where_there_are_only_cursors_one_comes_unasked_and_an_index_is_refused() {
    let asked = paged(CURSOR);
    let list = asked.get("/Users").value();
    assert_eq!(names(&list), ["u1", "u2"]);
    assert!(list["nextCursor"].is_string());
    assert_eq!(refusal(&asked.get("/Users?startIndex=1")), "501");
}

#[test]
fn without_cursors_one_is_passed_over() {
    let list = paged(PagingMethods::Index).get("/Users?cursor=anything").value();
    assert_eq!((names(&list), list.get("nextCursor")), (vec!["u1", "u2"], None));
}

#[test]
fn a_cursor_is_good_for_its_own_query_and_time_only() {
    let mut asked = paged(CURSOR);
    let cursor = asked.get("/Users?count=2").value()["nextCursor"].as_str().unwrap().to_owned();
    let with = |asked: &Asked, query: &str| asked.get(&format!("{query}cursor={cursor}"));
    assert_eq!(names(&with(&asked, "/Users?count=2&").value()), ["u3", "u4"]);
    assert_eq!(refusal(&with(&asked, "/Users?count=3&")), "400 invalidCursor");
    assert_eq!(refusal(&with(&asked, "/Users?count=2&filter=title%20pr&")), "400 invalidCursor");
    assert_eq!(refusal(&with(&asked, "/Groups?count=2&")), "400 invalidCursor");
    assert_eq!(refusal(&asked.get("/Users?cursor=made-up")), "400 invalidCursor");
    asked.now = "2026-01-01T00:01:00Z";
    assert_eq!(with(&asked, "/Users?count=2&").status, 200);
    asked.now = "2026-01-01T00:01:01Z";
    assert_eq!(refusal(&with(&asked, "/Users?count=2&")), "400 expiredCursor");
}

#[test]
fn a_page_reached_by_cursor_has_a_size_the_provider_knows() {
    let asked = paged(BOTH);
    for count in ["0", "-1", "4"] {
        assert_eq!(
            refusal(&asked.get(&format!("/Users?cursor&count={count}"))),
            "400 invalidCount",
            "{count}"
        );
    }
    assert_eq!(names(&asked.get("/Users?count=4").value()).len(), 3, "an index is as lenient as it was");
}

#[test]
fn how_pages_are_reached_is_declared() {
    let declared = |paging| paged(paging).get("/ServiceProviderConfig").value()["pagination"].clone();
    let of = |value: Value| {
        let keys = ["cursor", "index", "defaultPaginationMethod", "cursorTimeout"];
        keys.map(|key| value.get(key).cloned().unwrap_or_default())
    };
    assert_eq!(of(declared(PagingMethods::Index)), [json!(false), json!(true), json!("index"), json!(null)]);
    assert_eq!(of(declared(CURSOR)), [json!(true), json!(false), json!("cursor"), json!(60)]);
    assert_eq!(of(declared(BOTH)), [json!(true), json!(true), json!("index"), json!(60)]);
}
