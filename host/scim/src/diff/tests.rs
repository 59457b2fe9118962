//! Examples of the smallest patch, and the laws that every patch keeps.

use super::*;
use crate::schema::Mutability;
use crate::{builtin, compare, testing};
use proptest::prelude::*;
use serde_json::json;

fn desired(value: Value) -> Desired {
    serde_json::from_value(value).unwrap()
}

fn resource(value: Value) -> Resource {
    Resource::from_value(value).unwrap()
}

/// The operations for a User, as JSON; applying them has to make a second difference empty.
fn operations(wanted: Value, sent: Option<Value>, seen: Value) -> Value {
    operations_in(&builtin::user_schema_set(), wanted, sent, seen)
}

fn operations_in(schemas: &SchemaSet, wanted: Value, sent: Option<Value>, seen: Value) -> Value {
    let (wanted, sent, mut seen) = (desired(wanted), sent.map(desired), resource(seen));
    let patch = diff(&wanted, sent.as_ref(), &seen, schemas);
    let operations = patch.to_value()["Operations"].clone();
    patch.apply(&mut seen, schemas).unwrap_or_else(|error| panic!("{error}: {operations}"));
    let again = diff(&wanted, sent.as_ref(), &seen, schemas);
    assert!(again.is_empty(), "{operations} was not enough: {:?}", again.operations);
    operations
}

/// Points 4 and 6: null, `[]` and absent are one state, and an empty difference sends nothing.
#[test]
fn agreement_needs_nothing() {
    let wanted =
        json!({"userName": "JDoe", "emails": [{"value": "a"}, {"value": "b"}], "title": null, "ims": []});
    let seen = json!({
        "username": "JDoe", "emails": [{"value": "b", "display": "B"}, {"value": "a"}], "nickName": "not ours",
    });
    assert_eq!(operations(wanted, None, seen), json!([]));
}

#[test]
fn a_name_whose_case_was_corrected_is_sent_once() {
    let (wanted, seen) =
        (json!({"name": {"familyName": "McDonald"}}), json!({"name": {"familyName": "Mcdonald"}}));
    let sent = json!({"name": {"familyName": "Mcdonald"}});
    let correction = json!([{"op": "replace", "path": "name.familyName", "value": "McDonald"}]);
    assert_eq!(operations(wanted.clone(), Some(sent), seen.clone()), correction);
    // A provider that folds names keeps its own spelling, and is left in peace.
    assert_eq!(operations(wanted.clone(), Some(wanted), seen), json!([]));
}

#[test]
fn a_single_value_is_added_replaced_or_removed() {
    assert_eq!(
        operations(
            json!({"title": "new", "nickName": "nick", "locale": null, "timezone": null}),
            None,
            json!({"title": "old", "locale": "de"})
        ),
        json!([
            {"op": "replace", "path": "title", "value": "new"},
            {"op": "add", "path": "nickName", "value": "nick"},
            {"op": "remove", "path": "locale"},
        ])
    );
}

/// Point 6: the smallest change names the parts that differ, and no others.
#[test]
fn only_the_parts_that_differ_are_named() {
    assert_eq!(
        operations(
            json!({"name": {"givenName": "Zoë", "familyName": "Doe", "middleName": null, "formatted": "Zoë Doe"}}),
            None,
            json!({"name": {"givenName": "Zoë", "familyName": "Dough", "middleName": "X", "honorificPrefix": "Dr"}})
        ),
        json!([
            {"op": "replace", "path": "name.familyName", "value": "Doe"},
            {"op": "remove", "path": "name.middleName"},
            {"op": "add", "path": "name.formatted", "value": "Zoë Doe"},
        ])
    );
}

#[test]
fn a_complex_value_that_is_not_there_is_added_at_once() {
    assert_eq!(
        operations(json!({"name": {"givenName": "Zoë", "middleName": null}}), None, json!({})),
        json!([{"op": "add", "path": "name", "value": {"givenName": "Zoë"}}])
    );
}

#[test]
fn a_part_that_we_sent_and_want_no_more_is_removed_and_one_we_never_sent_stays() {
    assert_eq!(
        operations(
            json!({"name": {"givenName": "Zoë"}}),
            Some(json!({"name": {"givenName": "Zoë", "middleName": "X"}})),
            json!({"name": {"givenName": "Zoë", "middleName": "X", "formatted": "theirs"}})
        ),
        json!([{"op": "remove", "path": "name.middleName"}])
    );
}

/// Point 5: what a provider normalises is not rewritten for ever.
#[test]
fn what_is_unchanged_since_it_was_sent_is_not_sent_again_though_the_provider_shows_another_value() {
    let sent = json!({
        "displayName": "zoë  doe",
        "name": {"givenName": "zoë", "familyName": "doe"},
        "phoneNumbers": [{"type": "work", "value": "030 123"}],
        "title": null,
    });
    let seen = json!({
        "displayName": "Zoë D.",
        "name": {"givenName": "ZZ", "familyName": "doe"},
        "phoneNumbers": [{"type": "work", "value": "tel:+49-30-123"}],
        "title": "set by somebody",
    });
    assert_eq!(operations(sent.clone(), Some(sent.clone()), seen.clone()), json!([]));
    let mut wanted = sent.clone();
    wanted["name"]["familyName"] = json!("smith");
    assert_eq!(
        operations(wanted, Some(sent), seen),
        json!([{"op": "replace", "path": "name.familyName", "value": "smith"}])
    );
}

#[test]
fn clearing_a_part_that_was_merely_not_sent_is_a_change() {
    assert_eq!(
        operations(
            json!({"name": {"givenName": "Zoë", "middleName": null}}),
            Some(json!({"name": {"givenName": "Zoë"}})),
            json!({"name": {"givenName": "Zoë", "middleName": "X"}})
        ),
        json!([{"op": "remove", "path": "name.middleName"}])
    );
}

/// Point 8: a value path where `type` is unique.
#[test]
fn values_are_told_apart_by_their_type() {
    assert_eq!(
        operations(
            json!({"emails": [{"type": "work", "value": "new"}, {"type": "other", "value": "o"}]}),
            None,
            json!({"emails": [{"type": "WORK", "value": "old"}, {"type": "home", "value": "h"}]})
        ),
        json!([
            {"op": "remove", "path": "emails[type eq \"home\"]"},
            {"op": "replace", "path": "emails[type eq \"WORK\"].value", "value": "new"},
            {"op": "add", "path": "emails", "value": [{"type": "other", "value": "o"}]},
        ])
    );
}

/// Point 8: by `value` where types repeat.
#[test]
fn values_are_told_apart_by_their_value_where_types_repeat() {
    assert_eq!(
        operations(
            json!({"roles": [{"type": "x", "value": "a"}, {"type": "x", "value": "b\"]"}]}),
            None,
            json!({"roles": [{"type": "x", "value": "b\"]", "display": "B"}, {"type": "x", "value": "c\"]"}]})
        ),
        json!([
            {"op": "remove", "path": "roles[value eq \"c\\\"]\"]"},
            {"op": "add", "path": "roles", "value": [{"type": "x", "value": "a"}]},
        ])
    );
}

/// Point 8: the whole attribute where no key is unique.
#[test]
fn an_attribute_whose_values_cannot_be_told_apart_is_replaced() {
    let wanted = json!([{"type": "work", "locality": "Berlin"}, {"type": "work", "locality": "Paris"}]);
    assert_eq!(
        operations(
            json!({"addresses": wanted}),
            None,
            json!({"addresses": [{"type": "work", "locality": "Rome"}]})
        ),
        json!([{"op": "replace", "path": "addresses", "value": wanted}])
    );
}

#[test]
fn values_that_a_provider_shows_twice_are_replaced_and_no_filter_selects_both() {
    assert_eq!(
        operations(
            json!({"roles": [{"value": "a", "primary": true}]}),
            None,
            json!({"roles": [{"value": "a"}, {"value": "a"}]})
        ),
        json!([{"op": "replace", "path": "roles", "value": [{"value": "a", "primary": true}]}])
    );
}

/// Point 8: the old `primary` is cleared explicitly.
#[test]
fn the_old_primary_gives_way_before_the_new_one_is_made() {
    assert_eq!(
        operations(
            json!({"emails": [{"type": "work", "value": "w", "primary": true}, {"type": "home", "value": "h"}]}),
            None,
            json!({"emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h", "primary": true}]})
        ),
        json!([
            {"op": "replace", "path": "emails[type eq \"home\"].primary", "value": false},
            {"op": "add", "path": "emails[type eq \"work\"].primary", "value": true},
        ])
    );
}

#[test]
fn members_are_told_apart_by_their_id_alone() {
    let groups = builtin::group_schema_set();
    assert_eq!(
        operations_in(
            &groups,
            json!({"displayName": "g", "members": [{"value": "1", "type": "User"}, {"value": "3"}, {"value": "4"}]}),
            None,
            json!({"displayName": "g", "members": [
                {"value": "1", "type": "User", "$ref": "https://x/1", "display": "One"},
                {"value": "2", "type": "Group"},
            ]})
        ),
        json!([
            {"op": "remove", "path": "members[value eq \"2\"]"},
            {"op": "add", "path": "members", "value": [{"value": "3"}, {"value": "4"}]},
        ])
    );
    // One member each: `type` would be unique, and would turn one person into another.
    assert_eq!(
        operations_in(
            &groups,
            json!({"members": [{"value": "2", "type": "User"}]}),
            None,
            json!({"displayName": "g", "members": [{"value": "1", "type": "User"}]})
        ),
        json!([
            {"op": "remove", "path": "members[value eq \"1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "2", "type": "User"}]},
        ])
    );
}

#[test]
fn a_value_whose_immutable_part_changes_is_removed_and_added() {
    assert_eq!(
        operations_in(
            &builtin::group_schema_set(),
            json!({"members": [{"value": "1", "type": "Group"}]}),
            None,
            json!({"displayName": "g", "members": [{"value": "1", "type": "User"}]})
        ),
        json!([
            {"op": "remove", "path": "members[value eq \"1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "1", "type": "Group"}]},
        ])
    );
}

/// Users with other characteristics than those of the RFC.
fn users_with(change: impl Fn(&mut Attribute)) -> SchemaSet {
    let mut user = builtin::user_schema().clone();
    user.attributes.iter_mut().for_each(change);
    SchemaSet::new(builtin::user_resource_type().clone(), &[user])
}

fn conflicts_in(schemas: &SchemaSet, wanted: Value, sent: Option<Value>, seen: Value) -> Vec<String> {
    let sent = sent.map(desired);
    let conflicts = conflicts(&desired(wanted), sent.as_ref(), &resource(seen), schemas);
    conflicts.iter().map(ToString::to_string).collect()
}

/// Point 3: immutable is create-only; a later change is a reported conflict.
#[test]
fn what_is_immutable_is_set_once_and_another_value_is_a_conflict() {
    let schemas = users_with(|attribute| match attribute.name.as_str() {
        "userName" | "emails" | "nickName" | "locale" => attribute.mutability = Mutability::Immutable,
        "name" => attribute.sub_attributes[1].mutability = Mutability::Immutable,
        _ => {}
    });
    let wanted = json!({
        "userName": "b", "emails": [{"value": "a"}, {"value": "b"}], "nickName": "n", "locale": null,
        "name": {"familyName": "Smith", "givenName": "K"},
    });
    let seen = json!({
        "userName": "a", "emails": [{"value": "a"}], "locale": "de",
        "name": {"familyName": "Doe", "givenName": "J"},
    });
    assert_eq!(
        schemas.find(&AttributePath::parse("name.familyName").unwrap()).unwrap().mutability,
        Mutability::Immutable
    );
    assert_eq!(
        operations_in(&schemas, wanted.clone(), None, seen.clone()),
        json!([
            {"op": "add", "path": "nickName", "value": "n"},
            {"op": "replace", "path": "name.givenName", "value": "K"},
        ])
    );
    insta::assert_snapshot!(conflicts_in(&schemas, wanted.clone(), None, seen.clone()).join("\n"), @r#"
    `userName` stays "a": it is immutable, so it cannot become "b"
    `emails` stays as it is: it is immutable, so it cannot be changed
    `locale` stays "de": it is immutable, so it cannot be cleared
    `name.familyName` stays "Doe": it is immutable, so it cannot become "Smith"
    "#);
    // What was sent and echoed in the provider's own way is no conflict, and neither is what only case tells apart.
    assert_eq!(conflicts_in(&schemas, wanted.clone(), Some(wanted), seen.clone()), Vec::<String>::new());
    assert_eq!(conflicts_in(&schemas, json!({"userName": "A"}), None, seen), Vec::<String>::new());
}

/// Point 3: writeOnly and `returned: never` are decided by what was sent alone.
#[test]
fn what_no_response_shows_is_sent_when_it_changes_and_never_again() {
    let users = builtin::user_schema_set();
    let changes = |wanted: Value, sent: Option<Value>, seen: Value| {
        let sent = sent.map(desired);
        diff(&desired(wanted), sent.as_ref(), &resource(seen), &users).to_value()["Operations"].clone()
    };
    let (one, two, none) = (json!({"password": "1"}), json!({"password": "2"}), json!({"password": null}));
    let replace = json!([{"op": "replace", "path": "password", "value": "2"}]);
    let remove = json!([{"op": "remove", "path": "password"}]);
    assert_eq!(
        changes(one.clone(), None, json!({})),
        json!([{"op": "add", "path": "password", "value": "1"}])
    );
    assert_eq!(changes(one.clone(), Some(one.clone()), json!({})), json!([]));
    // A hash that a provider shows all the same changes nothing.
    assert_eq!(changes(one.clone(), Some(one.clone()), json!({"password": "$2y$10$"})), json!([]));
    assert_eq!(changes(two.clone(), Some(one.clone()), json!({})), replace);
    assert_eq!(changes(two.clone(), Some(one.clone()), two.clone()), replace);
    assert_eq!(changes(none.clone(), Some(one), json!({})), remove);
    assert_eq!(changes(none.clone(), Some(none), json!({})), json!([]));
}

/// Point 3: the same holds for a part of a complex value, and for what is returned on request only.
#[test]
fn a_part_that_no_response_shows_is_decided_by_what_was_sent() {
    let schemas = users_with(|attribute| match attribute.name.as_str() {
        "name" | "ims" => attribute.sub_attributes[0].mutability = Mutability::WriteOnly,
        "roles" => attribute.returned = Returned::Request,
        _ => {}
    });
    let changes = |wanted: &Value, sent: Option<&Value>, seen: &Value| {
        let sent = sent.map(|sent| desired(sent.clone()));
        diff(&desired(wanted.clone()), sent.as_ref(), &resource(seen.clone()), &schemas).to_value()
            ["Operations"]
            .clone()
    };
    let hidden = |name| json!({"name": {"formatted": name, "givenName": "J"}});
    let (one, two, none, seen) =
        (hidden(json!("1")), hidden(json!("2")), hidden(json!(null)), json!({"name": {"givenName": "J"}}));
    let to = |value: &str| json!([{"op": "replace", "path": "name.formatted", "value": value}]);
    assert_eq!(changes(&one, None, &seen), to("1"));
    assert_eq!(changes(&one, Some(&one), &seen), json!([]));
    assert_eq!(changes(&two, Some(&one), &seen), to("2"));
    assert_eq!(changes(&none, Some(&one), &seen), json!([{"op": "remove", "path": "name.formatted"}]));
    assert_eq!(changes(&seen, Some(&one), &seen), json!([{"op": "remove", "path": "name.formatted"}]));

    let ims = |value: &str| json!({"ims": [{"type": "xmpp", "value": value}]});
    let seen = json!({"ims": [{"type": "xmpp"}]});
    assert_eq!(changes(&ims("1"), Some(&ims("1")), &seen), json!([]));
    assert_eq!(
        changes(&ims("2"), Some(&ims("1")), &seen),
        json!([{"op": "replace", "path": "ims[type eq \"xmpp\"].value", "value": "2"}])
    );

    let (roles, cleared) = (json!({"roles": [{"value": "r"}]}), json!({"roles": null}));
    assert_eq!(changes(&roles, Some(&roles), &json!({})), json!([]));
    assert_eq!(
        changes(&roles, None, &json!({})),
        json!([{"op": "replace", "path": "roles", "value": [{"value": "r"}]}])
    );
    assert_eq!(changes(&cleared, Some(&roles), &json!({})), json!([{"op": "remove", "path": "roles"}]));
    assert_eq!(changes(&roles, None, &roles), json!([]));
}

/// Point 12: a verification cannot ask for what no response shows.
#[test]
fn an_echo_need_not_show_what_no_response_shows() {
    let schemas = users_with(|attribute| {
        if attribute.name == "name" {
            attribute.sub_attributes[0].mutability = Mutability::WriteOnly;
        }
    });
    let declared = |name: &str| schemas.find(&AttributePath::parse(name).unwrap());
    assert!(compare::echoes(&Value::Null, &json!("s3cret"), declared("password")));
    let wanted = json!({"formatted": "x", "givenName": "J"});
    assert!(compare::echoes(&json!({"givenName": "J"}), &wanted, declared("name")));
    assert!(!compare::echoes(&json!({"givenName": "K"}), &wanted, declared("name")));
}

/// Point 9: the path of an extension is `URN:attribute`.
#[test]
fn the_path_of_an_extension_is_its_urn_and_the_attribute() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let key = |name: &str| format!("{enterprise}:{name}");
    assert_eq!(
        operations(
            json!({
                key("department"): "Tools",
                key("MANAGER"): {"value": "9"},
                key("costCenter"): null,
                "urn:ietf:params:scim:schemas:core:2.0:User:userName": "jdoe",
            }),
            None,
            json!({"userName": "jd", enterprise: {"manager": {"value": "8"}, "costCenter": "C"}})
        ),
        json!([
            {"op": "add", "path": key("department"), "value": "Tools"},
            {"op": "replace", "path": key("manager.value"), "value": "9"},
            {"op": "remove", "path": key("costCenter")},
            {"op": "replace", "path": "userName", "value": "jdoe"},
        ])
    );
}

#[test]
fn what_only_the_provider_may_write_is_passed_over() {
    let wanted =
        json!({"id": "x", "groups": [{"value": "g"}], "meta": {"version": "1"}, "schemas": ["urn:a:b"]});
    assert_eq!(operations(wanted, None, json!({})), json!([]));
}

#[test]
fn attributes_that_nobody_declares_are_compared_by_their_shape() {
    let wanted = desired(json!({"tags": ["a", "b"], "box": {"x": 1}, "flag": true}));
    let seen = resource(json!({"tags": ["a"], "box": {"x": 1.0, "y": 2}, "flag": false}));
    assert_eq!(
        diff(&wanted, None, &seen, &builtin::user_schema_set()).to_value()["Operations"],
        json!([
            {"op": "add", "path": "tags", "value": ["b"]},
            {"op": "replace", "path": "flag", "value": true},
        ])
    );
}

/// Whether the resource says what is wanted: no more is promised of attributes that are managed, no less.
fn agrees(wanted: &Desired, resource: &Resource, schemas: &SchemaSet) -> bool {
    wanted.iter().all(|(path, wanted)| {
        let seen = resource.get(path).unwrap_or(&Value::Null);
        match wanted {
            DesiredValue::Clear => is_unassigned(seen),
            DesiredValue::Set(wanted) => compare::echoes(seen, wanted, schemas.find(path)),
        }
    })
}

#[test]
fn of_two_values_that_say_the_same_each_may_clear_a_part() {
    let wanted = json!([{"value": "AAAB"}, {"value": "AAAB", "display": null}]);
    let wanted: Desired = serde_json::from_value(json!({"x509Certificates": wanted})).unwrap();
    let seen = json!({"id": "1", "x509Certificates": [{"value": "AAAB", "display": "a"}]});
    let mut seen = Resource::from_value(seen).unwrap();
    let schemas = builtin::user_schema_set();
    diff(&wanted, None, &seen, &schemas).apply(&mut seen, &schemas).unwrap();
    assert_eq!(seen.to_value()["x509Certificates"], json!([{"value": "AAAB"}]));
    assert!(diff(&wanted, None, &seen, &schemas).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Point 6: `diff` is enough, and a second one is empty.
    #[test]
    fn applying_a_difference_makes_the_resource_agree_and_a_second_one_empty(
        (wanted, seen) in testing::user_change()
    ) {
        let schemas = builtin::user_schema_set();
        let patch = diff(&wanted, None, &seen, &schemas);
        let mut patched = seen.clone();
        let changed = patch.apply(&mut patched, &schemas);
        prop_assert_eq!(changed.clone(), Ok(!patch.is_empty()), "{:?}", patch);
        let again = diff(&wanted, None, &patched, &schemas);
        prop_assert!(again.is_empty(), "{:?}\nthen {:?}\non {:?}", patch, again, patched);
        prop_assert!(agrees(&wanted, &patched, &schemas), "{:?}\ngave {:?}", patch, patched);
    }

    #[test]
    fn what_was_sent_is_never_sent_again((wanted, seen) in testing::user_change()) {
        let schemas = builtin::user_schema_set();
        prop_assert!(diff(&wanted, Some(&wanted), &seen, &schemas).is_empty());
    }

    #[test]
    fn a_difference_survives_the_wire((wanted, seen) in testing::user_change()) {
        let patch = diff(&wanted, None, &seen, &builtin::user_schema_set());
        prop_assert_eq!(PatchRequest::parse(&patch.to_value()), Ok(patch));
    }

    #[test]
    fn whatever_was_sent_before_differences_come_to_an_end(
        (sent, seen) in testing::user_change(), (wanted, _) in testing::user_change()
    ) {
        let schemas = builtin::user_schema_set();
        let mut patched = seen;
        // The last part that we want no more may take a whole value with it, which then is there to be added.
        for _ in 0..2 {
            let patch = diff(&wanted, Some(&sent), &patched, &schemas);
            prop_assert!(patch.apply(&mut patched, &schemas).is_ok(), "{:?}", patch);
        }
        let again = diff(&wanted, Some(&sent), &patched, &schemas);
        prop_assert!(again.is_empty(), "{:?}", again);
    }

    #[test]
    fn the_body_of_a_replace_agrees_as_the_patched_resource_does((wanted, seen) in testing::user_change()) {
        let schemas = builtin::user_schema_set();
        let body = wanted.merge_into(None, &seen, &schemas);
        prop_assert!(agrees(&wanted, &body, &schemas), "{:?}", body);
        prop_assert_eq!(body.id(), None);
    }

    #[test]
    fn the_body_of_a_create_says_all_that_is_wanted((wanted, _) in testing::user_change()) {
        let schemas = builtin::user_schema_set();
        let (wanted, _) = crate::prepare(wanted, &schemas);
        let body = wanted.to_resource(schemas.resource_type());
        prop_assert!(agrees(&wanted, &body, &schemas), "{:?}", body);
        prop_assert!(diff(&wanted, None, &body, &schemas).is_empty());
    }

    #[test]
    fn the_case_of_names_makes_no_difference((wanted, seen) in testing::user_change()) {
        let schemas = builtin::user_schema_set();
        let turned = Resource::from_value(testing::turn_keys(&seen.to_value())).unwrap();
        let patch = diff(&wanted, None, &seen, &schemas);
        prop_assert_eq!(diff(&wanted, None, &turned, &schemas), patch);
    }

    #[test]
    fn attributes_that_are_not_wanted_survive((wanted, seen) in testing::user_change()) {
        let schemas = builtin::user_schema_set();
        let mut patched = seen.clone();
        prop_assert!(diff(&wanted, None, &seen, &schemas).apply(&mut patched, &schemas).is_ok());
        for (path, _) in schemas.attributes() {
            let derived = path.attribute == AttributeName::SCHEMAS;
            if !derived && wanted.get(&path).is_none() {
                prop_assert_eq!(seen.get(&path), patched.get(&path), "{}", path);
            }
        }
    }
}
