//! What a service provider makes of a patch, rule by rule of RFC 7644 section 3.5.2.

use crate::error::ScimType;
use crate::{PatchOperation, PatchPath, PatchRequest, Resource, SchemaSet, builtin, testing};
use proptest::prelude::*;
use serde_json::{Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn patch(operations: Value) -> PatchRequest {
    PatchRequest::parse(&json!({"Operations": operations})).unwrap_or_else(|error| panic!("{error}"))
}

/// The User after the operations; whether they are said to change it is checked too.
fn applied(before: Value, operations: Value) -> Value {
    applied_in(&builtin::user_schema_set(), before, operations)
}

fn applied_in(schemas: &SchemaSet, before: Value, operations: Value) -> Value {
    let mut resource = Resource::from_value(before.clone()).unwrap();
    let changed = patch(operations).apply(&mut resource, schemas).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(changed, resource.to_value() != before);
    resource.into_value()
}

/// The kind of the error that the operations are answered with; the User has to be untouched.
fn refused(before: Value, operations: Value) -> ScimType {
    refused_in(&builtin::user_schema_set(), before, operations)
}

fn refused_in(schemas: &SchemaSet, before: Value, operations: Value) -> ScimType {
    let mut resource = Resource::from_value(before.clone()).unwrap();
    let error = patch(operations.clone()).apply(&mut resource, schemas).expect_err(&operations.to_string());
    assert_eq!(resource.into_value(), before, "a refused patch has to change nothing");
    assert_eq!(error.status, 400);
    assert!(error.detail.unwrap().starts_with("Operations["));
    error.scim_type.unwrap()
}

#[test]
fn add_sets_what_is_single_and_merges_what_is_complex() {
    assert_eq!(
        applied(
            json!({"title": "old", "name": {"givenName": "J", "formatted": "x"}}),
            json!([
                {"op": "add", "path": "title", "value": "new"},
                {"op": "add", "path": "nickName", "value": "n"},
                {"op": "Add", "path": "name", "value": {"GivenName": "K", "familyName": "D"}},
                {"op": "add", "path": "NAME.middleName", "value": "M"},
            ])
        ),
        json!({
            "title": "new",
            "name": {"givenName": "K", "formatted": "x", "familyName": "D", "middleName": "M"},
            "nickName": "n",
        })
    );
}

#[test]
fn add_to_a_multi_valued_attribute_appends_what_is_not_there() {
    assert_eq!(
        applied(
            json!({"emails": [{"value": "a", "type": "work"}]}),
            json!([
                {"op": "add", "path": "emails", "value": [{"type": "WORK", "VALUE": "A"}]},
                {"op": "add", "path": "emails", "value": [{"value": "b"}, {"value": "b"}]},
                {"op": "add", "path": "emails", "value": {"value": "c", "display": null}},
                {"op": "add", "path": "roles", "value": [{"value": "r"}]},
            ])
        ),
        json!({
            "emails": [{"value": "a", "type": "work"}, {"value": "b"}, {"value": "c"}],
            "roles": [{"value": "r"}],
        })
    );
}

#[test]
fn adding_what_is_there_changes_nothing() {
    let user = json!({"title": "t", "emails": [{"value": "a"}]});
    let operations = json!([
        {"op": "add", "path": "title", "value": "t"},
        {"op": "add", "path": "emails", "value": [{"value": "A"}]},
        {"op": "add", "path": "ims", "value": []},
        {"op": "add", "path": "nickName", "value": null},
    ]);
    assert_eq!(applied(user.clone(), operations), user);
}

#[test]
fn a_new_primary_takes_the_place_of_the_old_one() {
    let user = json!({"emails": [{"value": "a", "primary": true}, {"value": "b"}]});
    let operations = [
        json!([{"op": "add", "path": "emails", "value": [{"value": "c", "primary": true}]}]),
        json!([{"op": "replace", "path": "emails[value eq \"b\"].primary", "value": true}]),
        json!([{"op": "replace", "path": "emails[value eq \"b\"]", "value": {"value": "b", "primary": true}}]),
        json!([{"op": "add", "path": "emails[value eq \"b\"]", "value": {"primary": true}}]),
    ];
    for operations in operations {
        let after = applied(user.clone(), operations.clone());
        let emails = after["emails"].as_array().unwrap();
        let primary: Vec<_> = emails.iter().filter(|email| email["primary"] == json!(true)).collect();
        assert_eq!(primary.len(), 1, "{operations}");
        assert_ne!(primary[0]["value"], "a", "{operations}");
        assert_eq!(emails[0], json!({"value": "a", "primary": false}), "{operations}");
    }
}

#[test]
fn replace_puts_a_multi_valued_attribute_in_place_of_all_values() {
    assert_eq!(
        applied(
            json!({"emails": [{"value": "a"}, {"value": "b"}], "title": "t", "name": {"givenName": "J"}}),
            json!([
                {"op": "replace", "path": "emails", "value": [{"value": "c"}]},
                {"op": "replace", "path": "title", "value": null},
                {"op": "replace", "path": "name", "value": {"familyName": "D"}},
                {"op": "replace", "path": "nickName", "value": "n"},
            ])
        ),
        json!({"emails": [{"value": "c"}], "name": {"givenName": "J", "familyName": "D"}, "nickName": "n"})
    );
}

#[test]
fn replace_with_a_filter_changes_every_value_that_matches_and_no_other() {
    let user = json!({"addresses": [
        {"type": "work", "locality": "Rome", "country": "IT"}, {"type": "home", "locality": "Rome"},
    ]});
    assert_eq!(
        applied(
            user.clone(),
            json!([{
                "op": "replace",
                "path": "addresses[type eq \"WORK\"]",
                "value": {"type": "work", "locality": "Oslo"},
            }])
        ),
        json!({"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "home", "locality": "Rome"}]})
    );
    assert_eq!(
        applied(
            user.clone(),
            json!([{"op": "replace", "path": "addresses[locality eq \"Rome\"].region", "value": "Lazio"}])
        )["addresses"],
        json!([
            {"type": "work", "locality": "Rome", "country": "IT", "region": "Lazio"},
            {"type": "home", "locality": "Rome", "region": "Lazio"},
        ])
    );
    let none = json!([{"op": "replace", "path": "addresses[type eq \"other\"].region", "value": "x"}]);
    assert_eq!(refused(user, none), ScimType::NoTarget);
}

#[test]
fn add_with_a_filter_that_matches_nothing_makes_the_value_where_the_filter_says_what_it_is() {
    assert_eq!(
        applied(
            json!({}),
            json!([{"op": "add", "path": "emails[type eq \"work\" and primary eq true].value", "value": "a"}])
        ),
        json!({"emails": [{"type": "work", "primary": true, "value": "a"}]})
    );
    for path in ["emails[type ne \"work\"].value", "emails[type eq \"a\" or type eq \"b\"].value"] {
        assert_eq!(
            refused(json!({}), json!([{"op": "add", "path": path, "value": "a"}])),
            ScimType::NoTarget
        );
    }
}

#[test]
fn a_part_of_a_multi_valued_attribute_without_a_filter_means_that_of_every_value() {
    assert_eq!(
        applied(
            json!({"emails": [{"value": "a", "type": "x"}, {"value": "b"}]}),
            json!([
                {"op": "replace", "path": "emails.type", "value": "work"},
                {"op": "add", "path": "roles.value", "value": "r"},
            ])
        ),
        json!({
            "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}],
            "roles": [{"value": "r"}],
        })
    );
}

#[test]
fn remove_takes_attributes_values_and_parts_out() {
    assert_eq!(
        applied(
            json!({
                "title": "t",
                "name": {"givenName": "J", "familyName": "D"},
                "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home", "display": "B"}],
                "roles": [{"value": "r"}],
                "ims": [{"value": "i"}, {"display": "only"}],
            }),
            json!([
                {"op": "remove", "path": "title"},
                {"op": "remove", "path": "name.givenName"},
                {"op": "remove", "path": "emails[type eq \"work\"]"},
                {"op": "remove", "path": "emails[type eq \"home\"].display"},
                {"op": "remove", "path": "roles[value pr]"},
                {"op": "remove", "path": "ims.display"},
                {"op": "remove", "path": "locale"},
            ])
        ),
        json!({
            "name": {"familyName": "D"},
            "emails": [{"value": "b", "type": "home"}],
            "ims": [{"value": "i"}],
        })
    );
}

#[test]
fn removing_the_last_part_removes_the_attribute() {
    assert_eq!(
        applied(json!({"name": {"givenName": "J"}}), json!([{"op": "remove", "path": "name.givenName"}])),
        json!({})
    );
}

#[test]
fn a_filter_that_matches_nothing_is_no_target_and_an_absent_attribute_is_none_to_remove() {
    for user in [json!({}), json!({"emails": [{"value": "a"}]})] {
        let operations = json!([{"op": "remove", "path": "emails[value eq \"x\"]"}]);
        assert_eq!(refused(user, operations), ScimType::NoTarget);
    }
    assert_eq!(applied(json!({}), json!([{"op": "remove", "path": "emails"}])), json!({}));
}

#[test]
fn without_a_path_the_value_holds_attributes_however_they_are_named() {
    assert_eq!(
        applied(
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "title": "old"}),
            json!([{"op": "replace", "value": {
                "schemas": [ENTERPRISE],
                "TITLE": "new",
                "urn:ietf:params:scim:schemas:core:2.0:User:nickName": "n",
                "name.givenName": "J",
                ENTERPRISE: {"Department": "Tools"},
                format!("{ENTERPRISE}:manager.value"): "9",
                "urn:ietf:params:scim:schemas:core:2.0:User": {"locale": "de"},
            }}, {"op": "add", "value": {"emails[type eq \"work\"].value": "a"}}])
        ),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "title": "new",
            "nickName": "n",
            "name": {"givenName": "J"},
            ENTERPRISE: {"department": "Tools", "manager": {"value": "9"}},
            "locale": "de",
            "emails": [{"type": "work", "value": "a"}],
        })
    );
}

#[test]
fn an_extension_can_be_written_and_removed_as_a_whole() {
    let user =
        applied(json!({}), json!([{"op": "add", "path": ENTERPRISE, "value": {"department": "Tools"}}]));
    assert_eq!(user, json!({"schemas": [ENTERPRISE], ENTERPRISE: {"department": "Tools"}}));
    let without = json!({"schemas": []});
    assert_eq!(applied(user.clone(), json!([{"op": "remove", "path": ENTERPRISE}])), without);
    let last = json!([{"op": "remove", "path": format!("{ENTERPRISE}:department")}]);
    assert_eq!(applied(user, last), without);
}

#[test]
fn what_is_read_only_cannot_be_changed_and_may_be_repeated() {
    let user = json!({
        "id": "1",
        "groups": [{"value": "g"}],
        ENTERPRISE: {"manager": {"value": "9", "displayName": "B"}},
    });
    for operation in [
        json!({"op": "replace", "path": "id", "value": "2"}),
        json!({"op": "add", "path": "groups", "value": [{"value": "h"}]}),
        json!({"op": "remove", "path": "groups"}),
        json!({"op": "remove", "path": "groups[value eq \"g\"]"}),
        json!({"op": "replace", "path": "meta.version", "value": "x"}),
        json!({"op": "replace", "path": format!("{ENTERPRISE}:manager.displayName"), "value": "C"}),
        json!({"op": "remove", "path": format!("{ENTERPRISE}:manager.displayName")}),
        json!({"op": "replace", "value": {"id": "2"}}),
    ] {
        assert_eq!(refused(user.clone(), json!([operation])), ScimType::Mutability, "{operation}");
    }
    assert_eq!(applied(user.clone(), json!([{"op": "replace", "value": user}])), user);
}

#[test]
fn what_is_required_cannot_be_removed() {
    for operation in [
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "path": "userName", "value": null}),
    ] {
        assert_eq!(
            refused(json!({"userName": "a"}), json!([operation])),
            ScimType::Mutability,
            "{operation}"
        );
    }
}

#[test]
fn what_is_immutable_can_be_set_once() {
    let groups = builtin::group_schema_set();
    let group = json!({"displayName": "g", "members": [{"value": "1"}]});
    let change = |path: &str, value: &str| json!([{"op": "replace", "path": path, "value": value}]);
    assert_eq!(
        refused_in(&groups, group.clone(), change("members[value eq \"1\"].value", "2")),
        ScimType::Mutability
    );
    assert_eq!(
        applied_in(&groups, group.clone(), change("members[value eq \"1\"].type", "User"))["members"],
        json!([{"value": "1", "type": "User"}])
    );
    let remove = json!([{"op": "remove", "path": "members[value eq \"1\"].value"}]);
    assert_eq!(refused_in(&groups, group.clone(), remove), ScimType::Mutability);
    let whole = json!([{"op": "remove", "path": "members[value eq \"1\"]"}]);
    assert_eq!(applied_in(&groups, group, whole), json!({"displayName": "g"}));
}

#[test]
fn what_is_not_declared_is_an_invalid_path() {
    for path in [
        "nonsense",
        "name.nonsense",
        "userName.x",
        "urn:acme:Other:x",
        "urn:acme:2.0:Other",
        "emails[value pr].x",
    ] {
        for op in ["add", "replace", "remove"] {
            let mut operation = json!({"op": op, "path": path, "value": "x"});
            if op == "remove" {
                operation.as_object_mut().unwrap().remove("value");
            }
            let user = json!({"emails": [{"value": "a"}]});
            assert_eq!(refused(user, json!([operation])), ScimType::InvalidPath, "{op} {path}");
        }
    }
    assert_eq!(refused(json!({}), json!([{"op": "add", "value": {"nonsense": 1}}])), ScimType::InvalidPath);
    assert_eq!(refused(json!({}), json!([{"op": "add", "value": {"a b": 1}}])), ScimType::InvalidPath);
}

#[test]
fn a_value_that_does_not_fit_is_an_invalid_value() {
    for (path, value) in [
        ("userName", json!(1)),
        ("userName", json!(["a", "b"])),
        ("active", json!("true")),
        ("name", json!("J")),
        ("name", json!({"nonsense": 1})),
        ("emails", json!(["a"])),
        ("emails", json!([{"value": 1}])),
        ("emails[value eq \"a\"].primary", json!("yes")),
        ("emails[value eq \"a\"]", json!([{"value": "b"}, {"value": "c"}])),
        (ENTERPRISE, json!("x")),
    ] {
        let operations = json!([{"op": "replace", "path": path, "value": value}]);
        let user = json!({"emails": [{"value": "a"}]});
        assert_eq!(refused(user, operations), ScimType::InvalidValue, "{path} {value}");
    }
    assert_eq!(refused(json!({}), json!([{"op": "add", "value": "x"}])), ScimType::InvalidValue);
}

#[test]
fn one_operation_that_fails_undoes_those_before_it() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "new"},
        {"op": "remove", "path": "emails[value eq \"x\"]"},
    ]);
    assert_eq!(refused(json!({"title": "old"}), operations), ScimType::NoTarget);
}

#[test]
fn a_resource_that_nobody_describes_takes_what_it_is_given() {
    let mut resource_type = builtin::resource_types()[0].clone();
    resource_type.schema = crate::SchemaUrn::parse("urn:acme:Device").unwrap();
    let devices = SchemaSet::new(resource_type, &[]);
    assert_eq!(
        applied_in(
            &devices,
            json!({"tags": ["a"]}),
            json!([
                {"op": "add", "path": "tags", "value": ["b", "A"]},
                {"op": "add", "path": "size", "value": {"w": 1}},
                {"op": "replace", "path": "size.h", "value": 2},
                {"op": "add", "path": "ports", "value": [{"n": 1}, {"n": 2}]},
                {"op": "remove", "path": "ports[n gt 1]"},
            ])
        ),
        json!({"tags": ["a", "b"], "size": {"w": 1, "h": 2}, "ports": [{"n": 1}]})
    );
}

proptest! {
    #[test]
    fn whatever_is_asked_nothing_panics_and_a_refusal_changes_nothing(
        before in testing::any_json(),
        operations in prop::collection::vec(
            (
                prop::sample::select(vec!["add", "replace", "remove"]),
                prop::option::of(prop::sample::select(vec![
                    "emails", "emails.value", "emails[type eq \"a\"]", "emails[type eq \"a\"].primary", "name",
                    "name.givenName", "id", ENTERPRISE, "x.y", "name[givenName pr]", "members[value eq null]",
                ])),
                testing::any_json(),
            ),
            1..4,
        ),
    ) {
        let Ok(before) = Resource::from_value(before) else { return Ok(()) };
        let operations: Vec<_> = operations
            .into_iter()
            .map(|(op, path, value)| match op {
                "remove" => json!({"op": op, "path": path.unwrap_or("name")}),
                _ => json!({"op": op, "path": path, "value": value}),
            })
            .collect();
        let Ok(patch) = PatchRequest::parse(&json!({"Operations": operations})) else { return Ok(()) };
        let mut after = before.clone();
        match patch.apply(&mut after, &builtin::user_schema_set()) {
            Ok(changed) => prop_assert_eq!(changed, after != before),
            Err(_) => prop_assert_eq!(after, before),
        }
    }
}

/// Many removals at once do what they would do one after the other, and fail at the same place.
#[test]
fn removals_in_a_row_are_those_one_by_one() {
    let schemas = builtin::group_schema_set();
    let members = ["a", "B", "c", "c", "d"].map(|id| json!({"value": id, "display": id}));
    let group = Resource::from_value(json!({"displayName": "G", "members": members})).unwrap();
    for names in [&["a", "d"][..], &["c", "a", "B"], &["a", "a"], &["d", "b", "c"], &["a", "B", "c", "d"]] {
        let operation = |name: &&str| {
            let path = PatchPath::parse(&format!("members[value eq \"{name}\"]")).unwrap();
            PatchOperation::Remove { path }
        };
        let operations: Vec<_> = names.iter().map(operation).collect();
        let mut at_once = group.clone();
        let outcome = PatchRequest::new(operations.clone()).apply(&mut at_once, &schemas);
        let mut one_by_one = group.clone();
        let failed = operations
            .into_iter()
            .position(|one| PatchRequest::new(vec![one]).apply(&mut one_by_one, &schemas).is_err());
        match (outcome, failed) {
            (Ok(changed), None) => assert!(changed && at_once == one_by_one, "{names:?}: {at_once:?}"),
            (Err(error), Some(place)) => {
                let detail = error.detail.unwrap_or_default();
                assert!(detail.starts_with(&format!("Operations[{place}]: ")), "{names:?}: {detail}");
                assert_eq!(at_once, group);
            }
            (outcome, failed) => panic!("{names:?}: {outcome:?}, {failed:?}"),
        }
    }
}
