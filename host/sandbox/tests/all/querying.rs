//! Queries (RFC 7644 section 3.4): filters, pages, order, and the attributes they show.

use crate::support::{Asked, refusal};
use scimwright_sandbox::SandboxOptions;
use serde_json::{Value, json};

/// Five users `u1` to `u5`, of which the odd ones are active, and a group `u6`.
fn populated(options: &SandboxOptions) -> Asked {
    let asked = Asked::new(options);
    for (n, family_name) in ["Ek", "ash", "Birch", "Cedar", "Dogwood"].iter().enumerate() {
        let n = n + 1;
        let more = json!({
            "externalId": format!("E{}", n.div_ceil(2)),
            "active": n % 2 == 1,
            "name": { "familyName": family_name },
        });
        asked.user(&format!("u{n}"), &more);
    }
    asked.group("u6", &[]);
    asked
}

fn users() -> Asked {
    populated(&SandboxOptions::default())
}

fn search(asked: &Asked, target: &str, query: &Value) -> Value {
    let mut body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] });
    for (name, value) in query.as_object().unwrap() {
        body[name] = value.clone();
    }
    asked.post(target, &body).value()
}

#[test]
fn a_list_says_how_many_there_are_and_shows_them_in_the_order_of_their_creation() {
    let asked = users();
    let list = asked.get("/Users").value();
    assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    assert_eq!(
        (&list["totalResults"], &list["startIndex"], &list["itemsPerPage"]),
        (&json!(5), &json!(1), &json!(5))
    );
    assert_eq!(asked.found("/Users", "userName"), ["u1", "u2", "u3", "u4", "u5"]);
}

#[test]
fn pages_follow_one_another_and_end() {
    let asked = users();
    assert_eq!(asked.found("/Users?startIndex=1&count=2", "userName"), ["u1", "u2"]);
    assert_eq!(asked.found("/Users?startIndex=3&count=2", "userName"), ["u3", "u4"]);
    assert_eq!(asked.found("/Users?startIndex=5&count=2", "userName"), ["u5"]);
    assert!(asked.found("/Users?startIndex=6&count=2", "userName").is_empty());
    let none = asked.get("/Users?count=0").value();
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(5), &json!([])));
}

#[test]
fn a_page_is_never_larger_than_the_provider_allows() {
    let asked = populated(&SandboxOptions { default_page: 2, max_page: 3, ..SandboxOptions::default() });
    assert_eq!(asked.found("/Users", "userName").len(), 2);
    assert_eq!(asked.found("/Users?count=100", "userName").len(), 3);
}

#[test]
fn an_indexed_filter_and_a_scan_find_the_same() {
    let asked = users();
    let id = asked.get("/Users?count=1").value()["Resources"][0]["id"].as_str().unwrap().to_owned();
    let cases: &[(String, &[&str])] = &[
        (r#"userName eq "U3""#.into(), &["u3"]),
        (r#"not (userName ne "U3")"#.into(), &["u3"]),
        (r#"externalId eq "E1""#.into(), &["u1", "u2"]),
        (r#"externalId eq "e1""#.into(), &[]),
        (r#"externalId sw "E1""#.into(), &["u1", "u2"]),
        (format!("id eq \"{id}\""), &["u1"]),
        (format!("id eq \"{}\"", id.to_uppercase()), &[]),
        (format!("id sw \"{id}\""), &["u1"]),
        (r#"active eq true and externalId eq "E1""#.into(), &["u1"]),
        (r#"externalId eq "E1" and active eq false"#.into(), &["u2"]),
        (r#"userName eq "u1" or userName eq "u5""#.into(), &["u1", "u5"]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "u2""#.into(), &["u2"]),
        (r#"meta.resourceType eq "User""#.into(), &["u1", "u2", "u3", "u4", "u5"]),
        (r#"groups pr"#.into(), &[]),
    ];
    for (filter, expected) in cases {
        let list = search(&asked, "/Users/.search", &json!({ "filter": filter }));
        let names: Vec<_> =
            list["Resources"].as_array().unwrap().iter().map(|it| it["userName"].as_str().unwrap()).collect();
        assert_eq!(names, *expected, "{filter}");
        assert_eq!(list["totalResults"], expected.len(), "{filter}");
    }
}

#[test]
fn a_filtered_list_is_paged_as_well() {
    let asked = users();
    let list = asked.get("/Users?filter=active%20eq%20true&startIndex=2&count=1").value();
    assert_eq!(list["totalResults"], 3);
    assert_eq!(list["Resources"][0]["userName"], "u3");
}

#[test]
fn a_list_is_sorted_without_case_in_both_directions() {
    let asked = users();
    let ascending = asked.found("/Users?sortBy=name.familyName", "userName");
    assert_eq!(ascending, ["u2", "u3", "u4", "u5", "u1"]);
    let descending = asked.found("/Users?sortBy=name.familyName&sortOrder=descending&count=2", "userName");
    assert_eq!(descending, ["u1", "u5"]);
}

#[test]
fn a_query_over_everything_finds_users_and_groups() {
    let asked = users();
    let types = |list: Value| -> Vec<_> {
        list["Resources"].as_array().unwrap().iter().map(|it| it["meta"]["resourceType"].clone()).collect()
    };
    let all = asked.get("/?startIndex=5&count=10").value();
    assert_eq!(all["totalResults"], 6);
    assert_eq!(types(all), ["User", "Group"]);
    // RFC 7644 section 3.4.2.1: what a type has no attribute for, it has no value for.
    let found = search(&asked, "/.search", &json!({ "filter": "displayName eq \"u6\"" }));
    assert_eq!(types(found), ["Group"]);
}

#[test]
fn attributes_are_chosen_in_a_list_as_in_a_single_answer() {
    let asked = users();
    let list = asked.get("/Users?attributes=name.familyName&count=1").value();
    let first = &list["Resources"][0];
    assert_eq!(first["name"], json!({ "familyName": "Ek" }));
    assert!(first.get("userName").is_none() && first.get("id").is_some() && first.get("schemas").is_some());
    let without =
        search(&asked, "/Users/.search", &json!({ "excludedAttributes": ["name", "meta"], "count": 1 }));
    let first = &without["Resources"][0];
    assert!(first.get("name").is_none() && first.get("meta").is_none() && first["userName"] == "u1");
}

#[test]
fn a_query_that_cannot_be_understood_is_refused() {
    let asked = users();
    assert_eq!(refusal(&asked.get("/Users?filter=userName%20eq")), "400 invalidFilter");
    assert_eq!(refusal(&asked.get("/Users?count=many")), "400 invalidValue");
    assert_eq!(refusal(&asked.get("/Users?sortBy=a%20b")), "400 invalidValue");
    assert_eq!(refusal(&asked.post("/Users/.search", &json!({ "filter": 1 }))), "400 invalidValue");
}
