//! Examples of each dialect, and the laws that all of them keep.

use super::*;
use proptest::prelude::*;
use scimwright_profile::{OperationNames, PatchForm, Profile};
use scimwright_scim::{Desired, Filter, builtin, diff, urn};
use serde_json::json;

fn resource(value: Value) -> Resource {
    Resource::from_value(value).unwrap()
}

fn patch(wanted: &Value, seen: &Value, schemas: &SchemaSet) -> PatchRequest {
    let wanted: Desired = serde_json::from_value(wanted.clone()).unwrap();
    diff(&wanted, None, &resource(seen.clone()), schemas)
}

/// The steps that make `seen` what is wanted, each as its operations or as `PUT`.
fn spoken(wanted: Value, seen: Value, schemas: &SchemaSet, quirks: &ResourceQuirks) -> Value {
    let translation = translate(&patch(&wanted, &seen, schemas), &resource(seen), schemas, quirks);
    assert_eq!(translation.unpatchable, Vec::new());
    let shown = translation.steps.into_iter().map(|step| match step {
        Step::Patch { body, .. } => body["Operations"].clone(),
        Step::Put { .. } => "PUT".into(),
    });
    shown.collect()
}

fn members(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

fn group(ids: &[&str]) -> Value {
    json!({"id": "g", "displayName": "old", "members": members(ids)})
}

fn bounds(additions: u32, removals: u32) -> ResourceQuirks {
    ResourceQuirks {
        member_additions: additions.try_into().unwrap(),
        member_removals: removals.try_into().unwrap(),
        ..ResourceQuirks::default()
    }
}

/// Point 7: one path for each attribute, `op` in lower case, and nothing nested without a path.
#[test]
fn by_default_a_patch_is_sent_as_the_rfc_has_it() {
    let wanted = json!({"title": "new", "name": {"givenName": "Zoë"}, "nickName": null});
    let seen = json!({"title": "old", "name": {"givenName": "Zoe", "familyName": "Doe"}, "nickName": "z"});
    let users = builtin::user_schema_set();
    let standard = patch(&wanted, &seen, &users);
    let translation = translate(&standard, &resource(seen), &users, &ResourceQuirks::default());
    assert_eq!(translation.steps, [Step::Patch { body: standard.to_value(), standard }]);
}

/// Point 7: without a path only what can do no harm, the rest with paths.
/// Point 9: an extension's attribute stands under its URN, or has a path that begins with it.
#[test]
fn the_object_form_gives_whole_values_and_leaves_parts_to_paths() {
    let enterprise = urn::ENTERPRISE_USER;
    let quirks = ResourceQuirks { patch_form: PatchForm::Object, ..ResourceQuirks::default() };
    let wanted = json!({
        "title": "new",
        "active": false,
        "nickName": null,
        "name": {"givenName": "Zoë"},
        "emails": [{"type": "work", "value": "b"}],
        "addresses": [{"type": "home", "locality": "Oslo"}],
        "phoneNumbers": [{"value": "1"}],
        format!("{enterprise}:department"): "Tools",
        format!("{enterprise}:manager"): {"value": "m2"},
    });
    let seen = json!({
        "title": "old", "active": true, "nickName": "z", "name": {"givenName": "Zoe", "familyName": "Doe"},
        "emails": [{"type": "work", "value": "a"}],
        "addresses": [{"type": "home", "locality": "Bergen"}, {"type": "home", "locality": "Rome"}],
        enterprise.as_str(): {"manager": {"value": "m1"}},
    });
    assert_eq!(
        spoken(wanted, seen, &builtin::user_schema_set(), &quirks),
        json!([[
            {"op": "replace", "value": {
                "title": "new",
                "active": false,
                "addresses": [{"type": "home", "locality": "Oslo"}],
                "phoneNumbers": [{"value": "1"}],
            }},
            {"op": "remove", "path": "nickName"},
            {"op": "replace", "path": "name.givenName", "value": "Zoë"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b"},
            {"op": "add", "path": format!("{enterprise}:department"), "value": "Tools"},
            {"op": "replace", "path": format!("{enterprise}:manager.value"), "value": "m2"},
        ]])
    );
    let wanted = json!({"title": "x", format!("{enterprise}:department"): "Tools"});
    assert_eq!(
        spoken(wanted, json!({}), &builtin::user_schema_set(), &quirks),
        json!([[{"op": "replace", "value": {"title": "x", enterprise.as_str(): {"department": "Tools"}}}]])
    );
}

/// Point 7: the dialect of Entra: capital names, and a remove with the members as its value.
#[test]
fn receivers_built_for_entra_get_what_entra_sends() {
    let quirks = Profile::builtin("entra-receiver").unwrap().resource_quirks("Group");
    let wanted = json!({"displayName": "new", "members": members(&["b", "d"])});
    assert_eq!(
        spoken(wanted, group(&["a", "b", "c"]), &builtin::group_schema_set(), &quirks),
        json!([[
            {"op": "Replace", "path": "displayName", "value": "new"},
            {"op": "Remove", "path": "members", "value": [{"value": "a"}, {"value": "c"}]},
            {"op": "Add", "path": "members", "value": [{"value": "d"}]},
        ]])
    );
}

/// Point 10: additions in one operation, removals one by one, both in portions; what is not about members
/// travels first.
#[test]
fn members_travel_in_portions() {
    let wanted = json!({"members": members(&["d", "e", "f", "g"]), "displayName": "new"});
    let remove = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    assert_eq!(
        spoken(wanted, group(&["a", "b", "c"]), &builtin::group_schema_set(), &bounds(2, 2)),
        json!([
            [{"op": "replace", "path": "displayName", "value": "new"}, remove("a"), remove("b")],
            [remove("c"), {"op": "add", "path": "members", "value": members(&["d"])}],
            [{"op": "add", "path": "members", "value": members(&["e", "f"])}],
            [{"op": "add", "path": "members", "value": members(&["g"])}],
        ])
    );
}

/// Point 10: AWS takes 100 changes a request, never a replacement or a removal of all.
#[test]
fn aws_gets_its_members_one_hundred_changes_at_a_time_and_never_all_at_once() {
    let quirks = Profile::builtin("aws-iam-identity-center").unwrap().resource_quirks("Group");
    let ids: Vec<String> = (0..250).map(|id| format!("u{id}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let groups = builtin::group_schema_set();
    let steps = spoken(json!({"members": null}), group(&ids), &groups, &quirks);
    let sizes: Vec<_> = steps.as_array().unwrap().iter().map(|step| step.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(steps[2][49], json!({"op": "remove", "path": "members[value eq \"u249\"]"}));
}

#[test]
fn one_replacement_names_those_that_stay_and_the_first_that_come() {
    let quirks = ResourceQuirks { member_removal: MemberRemoval::Replace, ..bounds(1, 1) };
    let groups = builtin::group_schema_set();
    let wanted = json!({"members": members(&["b", "c", "d", "e"])});
    assert_eq!(
        spoken(wanted, group(&["a", "b", "c"]), &groups, &quirks),
        json!([
            [{"op": "replace", "path": "members", "value": members(&["b", "c", "d"])}],
            [{"op": "add", "path": "members", "value": members(&["e"])}],
        ])
    );
    // Where nobody goes, nobody has to be named.
    assert_eq!(
        spoken(json!({"members": members(&["a", "b"])}), group(&["a"]), &groups, &quirks),
        json!([[{"op": "add", "path": "members", "value": members(&["b"])}]])
    );
}

/// A schema may require members, as Canaille's does; then the last of them cannot be removed, but replaced.
#[test]
fn all_members_are_replaced_where_the_schema_does_not_let_the_last_one_go() {
    let mut schema = builtin::group_schema().to_value();
    let attributes = schema["attributes"].as_array_mut().unwrap();
    attributes.iter_mut().find(|one| one["name"] == "members").unwrap()["required"] = true.into();
    let schema = scimwright_scim::Schema::from_value(&schema).unwrap();
    let groups = SchemaSet::new(builtin::resource_type("Group").unwrap().clone(), &[schema]);
    let quirks = ResourceQuirks { member_removal: MemberRemoval::Replace, ..ResourceQuirks::default() };
    let all = members(&["c", "d"]);
    assert_eq!(
        spoken(json!({"members": all.clone()}), group(&["a", "b"]), &groups, &quirks),
        json!([[{"op": "replace", "path": "members", "value": all}]])
    );
}

#[test]
fn a_group_whose_members_leave_by_put_is_put_with_all_its_changes() {
    let quirks = ResourceQuirks { member_removal: MemberRemoval::Put, ..ResourceQuirks::default() };
    let groups = builtin::group_schema_set();
    let wanted = json!({"displayName": "new", "members": members(&["b"])});
    assert_eq!(spoken(wanted, group(&["a", "b"]), &groups, &quirks), json!(["PUT"]));
    let wanted = json!({"displayName": "new", "members": members(&["a", "b"])});
    let steps = spoken(wanted, group(&["a"]), &groups, &quirks);
    assert_eq!(steps[0][1]["op"], "add");
}

#[test]
fn a_member_gets_the_type_that_the_provider_demands_unless_it_has_one() {
    let quirks = Profile::builtin("webex").unwrap().resource_quirks("Group");
    let wanted = json!({"members": [
        {"value": "a"}, {"value": "b", "$ref": "https://x/Groups/b", "type": "group"}, {"value": "c", "display": "C"},
    ]});
    assert_eq!(
        spoken(wanted, group(&["a"]), &builtin::group_schema_set(), &quirks)[0][0]["value"],
        json!([
            {"value": "b", "$ref": "https://x/Groups/b", "type": "group"},
            {"value": "c", "display": "C", "type": "user"},
        ])
    );
}

/// Point 7: PUT only, and PUT for what a PATCH does not take.
#[test]
fn what_patch_does_not_take_goes_by_put_or_is_reported() {
    let users = builtin::user_schema_set();
    let (wanted, seen) = (json!({"active": false, "title": "new"}), json!({"active": true, "title": "old"}));
    let put = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    assert_eq!(spoken(wanted.clone(), seen.clone(), &users, &put), json!(["PUT"]));

    let patchable = Some(vec![AttributePath::parse("Active").unwrap()]);
    let declared = ResourceQuirks { patchable: patchable.clone(), ..ResourceQuirks::default() };
    assert_eq!(spoken(wanted.clone(), seen.clone(), &users, &declared), json!(["PUT"]));
    assert_eq!(
        spoken(json!({"active": false}), seen.clone(), &users, &declared),
        json!([[{"op": "replace", "path": "active", "value": false}]])
    );

    let only_patch = ResourceQuirks { update: Update::Patch, patchable, ..ResourceQuirks::default() };
    let translation = translate(&patch(&wanted, &seen, &users), &resource(seen), &users, &only_patch);
    assert_eq!(translation.unpatchable, [PatchPath::parse("title").unwrap()]);
    assert_eq!(translation.steps.len(), 1);
    assert_eq!(translation.steps[0].standard().to_value()["Operations"][0]["path"], "active");
}

#[test]
fn nothing_to_say_is_no_request() {
    let groups = builtin::group_schema_set();
    for update in [Update::Declared, Update::Patch, Update::Put] {
        let quirks = ResourceQuirks { update, ..ResourceQuirks::default() };
        let translation = translate(&PatchRequest::default(), &resource(group(&["a"])), &groups, &quirks);
        assert_eq!(translation, Translation::default());
    }
}

/// A service provider of this dialect: it refuses what it does not understand and what is too much.
struct Model<'a> {
    resource: Resource,
    schemas: &'a SchemaSet,
    quirks: &'a ResourceQuirks,
}

impl Model<'_> {
    fn answer(&mut self, step: &Step) {
        match step {
            Step::Put { standard } => {
                let allowed =
                    self.quirks.update != Update::Patch || self.quirks.member_removal == MemberRemoval::Put;
                assert!(allowed, "a PUT to a provider of PATCH");
                standard.apply(&mut self.resource, self.schemas).unwrap();
            }
            Step::Patch { body, .. } => {
                assert_eq!(body["schemas"], json!([urn::PATCH_OP]));
                let operations = body["Operations"].as_array().unwrap();
                assert!(!operations.is_empty());
                self.check_size(operations);
                operations.iter().for_each(|operation| self.carry_out(operation));
            }
        }
    }

    fn check_size(&self, operations: &[Value]) {
        let (adds, removes) =
            (self.quirks.member_additions.get() as usize, self.quirks.member_removals.get() as usize);
        let known = self.resource.values(&AttributePath::parse("members.value").unwrap());
        let (mut added, mut removed) = (0, 0);
        for operation in operations {
            let op = operation["op"].as_str().unwrap().to_lowercase();
            let path = operation["path"].as_str().unwrap_or_default();
            let values = operation["value"].as_array().map(Vec::as_slice).unwrap_or_default();
            match op.as_str() {
                "add" if path == "members" => added += values.len(),
                "replace" if path == "members" => {
                    added += values.iter().filter(|value| !known.contains(&&value["value"])).count();
                }
                "remove" if path == "members" => removed += values.len(),
                "remove" if path.starts_with("members[") => removed += 1,
                _ => {}
            }
        }
        assert!(removed * adds + added * removes <= adds * removes, "{added} more and {removed} less");
    }

    fn carry_out(&mut self, operation: &Value) {
        let op = operation["op"].as_str().unwrap();
        let capital = op.starts_with(|c: char| c.is_ascii_uppercase());
        assert_eq!(capital, self.quirks.operation_names == OperationNames::Capital, "{op}");
        let mut operation = operation.clone();
        operation["op"] = op.to_lowercase().into();
        let path = operation["path"].as_str().map(str::to_owned);
        let has_value = operation.get("value").is_some();
        match (op.to_lowercase().as_str(), path.as_deref()) {
            ("remove", Some("members")) if has_value => {
                assert_eq!(self.quirks.member_removal, MemberRemoval::Value);
                let path = AttributePath::parse("members").unwrap();
                for member in operation["value"].as_array().unwrap() {
                    self.apply(&members::remove_one(&path, &member["value"]).to_value());
                }
                return;
            }
            ("remove" | "replace", Some("members")) => {
                let whole =
                    self.quirks.members_as_a_whole || self.quirks.member_removal == MemberRemoval::Replace;
                assert!(whole, "all members at once: {operation}");
            }
            ("remove", Some(path)) if path.starts_with("members[") && path.ends_with(']') => {
                assert_eq!(self.quirks.member_removal, MemberRemoval::Filter);
                let path = PatchPath::parse(path).unwrap();
                let PatchPath::Attribute { filter: Some(Filter::Compare { .. }), .. } = path else {
                    panic!("one member, not {path}");
                };
            }
            ("remove", path) => assert!(path.is_some(), "a remove names its target"),
            (_, None) => {
                assert_eq!(self.quirks.patch_form, PatchForm::Object);
                self.drop_nested(&operation["value"]);
            }
            _ => {}
        }
        assert!(op.to_lowercase() != "remove" || !has_value, "{operation}");
        self.apply(&operation);
    }

    /// As the providers do that put a nested value which comes without a path in place of what was there.
    fn drop_nested(&mut self, value: &Value) {
        for (name, _) in value.as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
            self.resource.as_map_mut().retain(|known, _| !known.eq_ignore_ascii_case(name));
        }
    }

    fn apply(&mut self, operation: &Value) {
        let request = PatchRequest::parse(&json!({"Operations": [operation]})).unwrap();
        let patchable = self.quirks.patchable.as_deref();
        for one in &request.operations {
            assert!(is_patchable(one, self.schemas, patchable), "{operation}");
        }
        request
            .apply(&mut self.resource, self.schemas)
            .unwrap_or_else(|error| panic!("{error}: {operation}"));
    }
}

/// The resource with the order taken out that means nothing.
fn settled(resource: &Resource) -> Value {
    let mut value = resource.to_value();
    for name in ["members", "schemas"] {
        if let Some(Value::Array(items)) = value.get_mut(name) {
            items.sort_by_key(ToString::to_string);
        }
    }
    value
}

fn quirks() -> impl Strategy<Value = ResourceQuirks> {
    let forms = (
        prop::sample::select(vec![Update::Declared, Update::Patch, Update::Put]),
        prop::sample::select(vec![PatchForm::Path, PatchForm::Object]),
        prop::sample::select(vec![OperationNames::Lower, OperationNames::Capital]),
        prop::sample::select(vec![
            MemberRemoval::Filter,
            MemberRemoval::Value,
            MemberRemoval::Replace,
            MemberRemoval::Put,
        ]),
    );
    let listed =
        prop::sample::subsequence(vec!["members", "displayName", "title", "name.givenName", "emails"], 0..5);
    let rest = (
        any::<bool>(),
        1..5_u32,
        1..5_u32,
        prop::option::of(Just("User".to_owned())),
        prop::option::weighted(0.3, listed),
    );
    (forms, rest).prop_map(|((update, patch_form, operation_names, member_removal), rest)| {
        let (members_as_a_whole, additions, removals, member_type, patchable) = rest;
        ResourceQuirks {
            update,
            patch_form,
            operation_names,
            member_removal,
            members_as_a_whole,
            member_type,
            patchable: patchable
                .map(|listed| listed.into_iter().map(|path| AttributePath::parse(path).unwrap()).collect()),
            ..bounds(additions, removals)
        }
    })
}

/// Some of these values under these names.
fn some_of(values: Vec<(&'static str, Value)>) -> impl Strategy<Value = Value> {
    let picked = values.into_iter().map(|(name, choices)| {
        let choices = choices.as_array().unwrap().clone();
        prop::option::of(prop::sample::select(choices).prop_map(move |value| (name.to_owned(), value)))
    });
    picked.collect::<Vec<_>>().prop_map(|parts| Value::Object(parts.into_iter().flatten().collect()))
}

fn any_members() -> impl Strategy<Value = Value> {
    // Some ids differ in case only, some need escaping, and some stand there twice.
    let ids = prop::sample::select(vec!["a", "A", "b", "c", "d\" or [", "e", "f", "g", "h", "i", "j"]);
    let member = (
        ids,
        prop::option::weighted(0.3, prop::sample::select(vec!["User", "Group"])),
        prop::option::weighted(0.3, prop::sample::select(vec!["x", "y"])),
    );
    let member = member.prop_map(|(id, kind, display)| {
        let mut member = json!({"value": id});
        if let Some(kind) = kind {
            member["type"] = kind.into();
        }
        if let Some(display) = display {
            member["display"] = display.into();
        }
        member
    });
    prop::collection::vec(member, 0..14).prop_map(Value::from)
}

fn group_state() -> impl Strategy<Value = Value> {
    let rest = some_of(vec![("displayName", json!(["x", "y"])), ("externalId", json!(["1", "2"]))]);
    (rest, prop::option::weighted(0.9, any_members())).prop_map(|(mut group, members)| {
        if let Some(members) = members {
            group["members"] = members;
        }
        group
    })
}

fn user_state() -> impl Strategy<Value = Value> {
    let emails = json!([
        [],
        [{"type": "work", "value": "a"}],
        [{"type": "work", "value": "b", "primary": true}, {"type": "home", "value": "a"}],
        [{"type": "work", "value": "a"}, {"type": "home", "value": "c"}],
        [{"type": "home", "value": "c"}, {"type": "home", "value": "d"}],
    ]);
    let user = some_of(vec![
        ("title", json!(["x", "y"])),
        ("active", json!([true, false])),
        ("name", json!([{"givenName": "x"}, {"givenName": "y", "familyName": "z"}, {"familyName": "x"}])),
        ("emails", emails.clone()),
        ("phoneNumbers", emails),
    ]);
    let enterprise = some_of(vec![
        ("department", json!(["x", "y"])),
        ("manager", json!([{"value": "m1"}, {"value": "m2", "$ref": "https://x"}])),
    ]);
    (user, enterprise).prop_map(|(mut user, enterprise)| {
        user[urn::ENTERPRISE_USER.as_str()] = enterprise;
        user
    })
}

/// What is wanted, from a state: an attribute that is missing is to be cleared.
fn wanted(state: &Value, schemas: &SchemaSet) -> Desired {
    let mut wanted = Desired::new();
    let state = resource(state.clone());
    let names = ["displayName", "externalId", "members", "title", "active", "name", "emails", "phoneNumbers"];
    let enterprise = ["department", "manager"].map(|name| format!("{}:{name}", urn::ENTERPRISE_USER));
    for path in names.iter().map(ToString::to_string).chain(enterprise) {
        let path = AttributePath::parse(&path).unwrap();
        let required = schemas.find_attribute(&path).is_none_or(|attribute| attribute.required);
        match state.get(&path) {
            None if required => {}
            value => wanted.set(&path, value.cloned().unwrap_or_default()),
        }
    }
    wanted
}

/// The law: all steps together achieve what the patch says, by their standard form and by what is sent.
fn hold(
    state: &Value,
    seen: Value,
    schemas: &SchemaSet,
    quirks: &ResourceQuirks,
) -> Result<(), TestCaseError> {
    let seen = resource(seen);
    let patch = diff(&wanted(state, schemas), None, &seen, schemas);
    let translation = translate(&patch, &seen, schemas, quirks);

    let mut expected = seen.clone();
    let mut whole = PatchRequest::new(typed(&patch, schemas, quirks));
    whole.operations.retain(|one| !one.path().is_some_and(|path| translation.unpatchable.contains(path)));
    whole.apply(&mut expected, schemas).unwrap();
    let (mut predicted, mut model) = (seen.clone(), Model { resource: seen, schemas, quirks });
    for step in &translation.steps {
        step.standard().apply(&mut predicted, schemas).unwrap();
        model.answer(step);
        prop_assert_eq!(settled(&model.resource), settled(&predicted), "{:?}", step);
    }
    prop_assert_eq!(settled(&predicted), settled(&expected), "{:?}", translation.steps);
    if quirks.update == Update::Declared {
        prop_assert!(translation.unpatchable.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Point 10: whatever the dialect, exactly the members that have to change do.
    #[test]
    fn a_group_becomes_what_the_patch_says_in_every_dialect(
        state in group_state(), seen in group_state(), quirks in quirks(),
    ) {
        hold(&state, seen, &builtin::group_schema_set(), &quirks)?;
    }

    /// Point 7: whatever the dialect, a user becomes what the standard patch says.
    #[test]
    fn a_user_becomes_what_the_patch_says_in_every_dialect(
        state in user_state(), seen in user_state(), quirks in quirks(),
    ) {
        hold(&state, seen, &builtin::user_schema_set(), &quirks)?;
    }

    #[test]
    fn without_quirks_every_body_is_a_patch_of_the_rfc(state in group_state(), seen in group_state()) {
        let groups = builtin::group_schema_set();
        let seen = resource(seen);
        let patch = diff(&wanted(&state, &groups), None, &seen, &groups);
        for step in translate(&patch, &seen, &groups, &ResourceQuirks::default()).steps {
            let Step::Patch { body, standard } = step else { panic!("a PUT") };
            prop_assert_eq!(PatchRequest::parse(&body).unwrap(), standard.clone());
            prop_assert_eq!(standard.to_value(), body);
        }
    }
}
