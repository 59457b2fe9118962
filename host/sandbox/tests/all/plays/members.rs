//! How the members of a group change at providers that have ways of their own.

use super::groups;
use crate::support::{Asked, GROUP, refusal};
use scimwright_profile::{MemberRemoval, ResourceQuirks};
use scimwright_sandbox::{Manners, OddRemoval, Rule};
use serde_json::{Value, json};
use std::num::NonZeroU32;

fn quirks() -> ResourceQuirks {
    ResourceQuirks::default()
}

/// A group of three, and the ids of its members.
struct Team {
    asked: Asked,
    target: String,
    ids: [String; 3],
}

impl Team {
    fn at(asked: Asked) -> Self {
        let ids = ["a", "b", "c"].map(|name| asked.user(name, &json!({})));
        let group = asked.group("Team", &[&ids[0], &ids[1], &ids[2]]);
        Self { asked, target: format!("/Groups/{group}"), ids }
    }

    fn removing(member_removal: MemberRemoval, odd_removal: OddRemoval) -> Self {
        let manners = Manners { odd_removal, ..Manners::default() };
        Self::at(groups(ResourceQuirks { member_removal, ..quirks() }, manners))
    }

    /// `200` or the refusal, and how many members are left.
    fn patch(&self, operations: &Value) -> (String, usize) {
        let response = self.asked.patch(&self.target, operations);
        let outcome = if response.status == 200 { "200".to_owned() } else { refusal(&response) };
        (outcome, self.len())
    }

    fn len(&self) -> usize {
        self.asked.get(&self.target).value()["members"].as_array().map_or(0, Vec::len)
    }

    fn by_filter(&self) -> Value {
        json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", self.ids[0]) }])
    }

    fn by_value(&self) -> Value {
        json!([{ "op": "remove", "path": "members", "value": [{ "value": self.ids[0] }] }])
    }

    fn by_replacement(&self) -> Value {
        let rest = json!([{ "value": self.ids[1] }, { "value": self.ids[2] }]);
        json!([{ "op": "replace", "path": "members", "value": rest }])
    }

    fn by_put(&self) -> usize {
        let rest = json!([{ "value": self.ids[1] }, { "value": self.ids[2] }]);
        let body = json!({ "schemas": [GROUP], "displayName": "Team", "members": rest });
        assert_eq!(self.asked.put(&self.target, &body).status, 200);
        self.len()
    }
}

#[test]
fn members_are_removed_in_the_providers_form_and_no_other() {
    use MemberRemoval::{Filter, Put, Replace, Value};
    let done = ("200".to_owned(), 2);
    let refused = ("400 invalidValue".to_owned(), 3);
    // By filter, by value, by replacement; by PUT always.
    let forms = [
        (Filter, [&done, &refused, &done]),
        (Value, [&refused, &done, &done]),
        (Replace, [&refused, &refused, &done]),
        (Put, [&refused, &refused, &refused]),
    ];
    for (removal, expected) in forms {
        let team = || Team::removing(removal, OddRemoval::Refused);
        let removals = [Team::by_filter, Team::by_value, Team::by_replacement];
        for (remove, expected) in removals.into_iter().zip(expected) {
            let team = team();
            assert_eq!(team.patch(&remove(&team)), *expected, "{removal:?}: {}", remove(&team));
            let broken = team.asked.provider.stats().broken(Rule::MemberRemoval);
            assert_eq!(broken, u64::from(expected.1 == 3), "{removal:?}");
        }
        assert_eq!(team().by_put(), 2, "{removal:?}");
    }
}

#[test]
fn a_removal_in_another_form_can_be_answered_and_ignored() {
    let team = Team::removing(MemberRemoval::Value, OddRemoval::Ignored);
    assert_eq!(team.patch(&team.by_filter()), ("200".to_owned(), 3));
    assert_eq!(team.patch(&team.by_value()), ("200".to_owned(), 2));
    assert_eq!(team.asked.provider.stats().broken(Rule::MemberRemoval), 1);
}

#[test]
fn a_removal_in_another_form_can_empty_the_group() {
    let team = Team::removing(MemberRemoval::Filter, OddRemoval::EmptiesGroup);
    assert_eq!(team.patch(&team.by_value()), ("200".to_owned(), 0));
    let team = Team::removing(MemberRemoval::Value, OddRemoval::EmptiesGroup);
    assert_eq!(team.patch(&team.by_filter()), ("200".to_owned(), 0));
}

#[test]
fn somebody_who_is_no_member_is_removed_by_value_without_complaint() {
    let team = Team::removing(MemberRemoval::Value, OddRemoval::Refused);
    let [a, b, _] = &team.ids;
    let listed = json!([{ "value": "stranger" }, { "value": a }, { "value": a }, b]);
    assert_eq!(
        team.patch(&json!([{ "op": "remove", "path": "members", "value": listed }])),
        ("200".to_owned(), 1)
    );
}

#[test]
fn the_removal_of_anything_else_is_nobodys_business() {
    let team = Team::removing(MemberRemoval::Put, OddRemoval::Refused);
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "x" }]);
    assert_eq!(team.patch(&rename), ("200".to_owned(), 3));
    let forget = json!([{ "op": "remove", "path": "externalId" }]);
    assert_eq!(team.patch(&forget), ("200".to_owned(), 3));
    let without_path = json!([{ "op": "remove" }]);
    assert_eq!(team.patch(&without_path), ("400 noTarget".to_owned(), 3));
}

#[test]
fn a_request_may_add_and_remove_so_many_members() {
    let two = NonZeroU32::MIN.saturating_add(1);
    let bounded = ResourceQuirks { member_additions: two, member_removals: two, ..quirks() };
    let team = Team::at(groups(bounded, Manners::default()));
    let more = ["d", "e", "f"].map(|name| json!({ "value": team.asked.user(name, &json!({})) }));
    let add = |members: &[Value]| json!({ "op": "add", "path": "members", "value": members });
    assert_eq!(team.patch(&json!([add(&more)])), ("400 invalidValue".to_owned(), 3));
    assert_eq!(
        team.patch(&json!([add(&more[..2]), { "op": "add", "value": { "members": [more[2]] } }])),
        ("400 invalidValue".to_owned(), 3),
        "operations are added up"
    );
    assert_eq!(team.patch(&json!([add(&more[..2])])), ("200".to_owned(), 5));
    let remove = |id: &String| json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") });
    let all: Vec<_> = team.ids.iter().map(remove).collect();
    assert_eq!(team.patch(&json!(all)), ("400 invalidValue".to_owned(), 5));
    let [a, b, c] = &team.ids;
    let any = format!("members[value eq \"{a}\" or value eq \"{b}\" or value eq \"{c}\"]");
    let any = json!([{ "op": "remove", "path": any }]);
    assert_eq!(team.patch(&any), ("400 invalidValue".to_owned(), 5), "one operation, three members");
    assert_eq!(team.patch(&json!(all[..2])), ("200".to_owned(), 3));
    let stats = team.asked.provider.stats();
    assert_eq!((stats.broken(Rule::MemberAdditions), stats.broken(Rule::MemberRemovals)), (2, 2));
}

#[test]
fn members_can_be_changed_one_by_one_only() {
    let one_by_one = ResourceQuirks { members_as_a_whole: false, ..quirks() };
    let team = Team::at(groups(one_by_one, Manners::default()));
    assert_eq!(team.patch(&team.by_replacement()), ("400 invalidValue".to_owned(), 3));
    let all = json!([{ "op": "remove", "path": "members" }]);
    assert_eq!(team.patch(&all), ("400 invalidValue".to_owned(), 3));
    assert_eq!(team.patch(&team.by_filter()), ("200".to_owned(), 2));
}

#[test]
fn a_create_may_hold_so_many_members() {
    let asked = groups(ResourceQuirks { members_on_create: Some(1), ..quirks() }, Manners::default());
    let ids = ["a", "b"].map(|name| json!({ "value": asked.user(name, &json!({})) }));
    let body = |members: &[Value]| json!({ "schemas": [GROUP], "displayName": "Team", "members": members });
    assert_eq!(refusal(&asked.post("/Groups", &body(&ids))), "400 invalidValue");
    assert_eq!(asked.post("/Groups", &body(&ids[..1])).status, 201);
    assert_eq!(asked.provider.stats().broken(Rule::MembersOnCreate), 1);
}

#[test]
fn every_member_has_a_type_where_the_provider_wants_one() {
    let typed = ResourceQuirks { member_type: Some("User".into()), ..quirks() };
    let asked = groups(typed, Manners::default());
    let id = asked.user("a", &json!({}));
    let (bare, typed) = (json!([{ "value": id }]), json!([{ "value": id, "type": "User" }]));
    let body = |members: &Value| json!({ "schemas": [GROUP], "displayName": "Team", "members": members });
    assert_eq!(refusal(&asked.post("/Groups", &body(&bare))), "400 invalidValue");
    let response = asked.post("/Groups", &body(&typed));
    assert_eq!(response.status, 201);
    let target = format!("/Groups/{}", response.value()["id"].as_str().unwrap());
    assert_eq!(refusal(&asked.put(&target, &body(&bare))), "400 invalidValue");
    let add = |members: &Value| json!([{ "op": "add", "path": "members", "value": members }]);
    assert_eq!(refusal(&asked.patch(&target, &add(&bare))), "400 invalidValue");
    assert_eq!(asked.patch(&target, &add(&typed)).status, 200);
    assert_eq!(asked.provider.stats().broken(Rule::MemberType), 3);
}

#[test]
fn members_that_are_not_shown_can_still_be_asked_for() {
    let asked = groups(ResourceQuirks { members_readable: false, ..quirks() }, Manners::default());
    let ids = ["a", "b"].map(|name| asked.user(name, &json!({})));
    let group = asked.group("Team", &[&ids[0]]);
    let target = format!("/Groups/{group}");
    let shows = |response: Value| response.to_string().contains("\"members\"");
    for place in [target.as_str(), "/Groups", "/Groups?attributes=members"] {
        assert!(!shows(asked.get(place).value()), "{place}");
    }
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ids[1] }] }]);
    assert!(!shows(asked.patch(&target, &add).value()));
    for id in &ids {
        let filter = format!("/Groups?filter=members.value%20eq%20%22{id}%22");
        assert_eq!(asked.found(&filter, "id"), [group.as_str()], "both are members, the first one still");
    }
}
