//! Groups: where their members come from, what changes them, and what must not.

use crate::stage::Stage;
use scimwright_tests::teams::{Teams, day, moment};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Membership rows that a file can be broken with.
const OPEN_QUOTE: &str = "M900,T001,User,\"E00001,,\n";

fn members(stage: &Stage, group: &str) -> BTreeSet<String> {
    stage.held().groups.get(group).unwrap_or_else(|| panic!("there is no group {group}")).members.clone()
}

fn set(members: &[&str]) -> BTreeSet<String> {
    members.iter().map(|&member| member.to_owned()).collect()
}

/// The configuration with another way to the members: what stands from the groups' table to its end is replaced.
fn with_groups(stage: &Stage, source: &str, resource: &str) {
    let usual = stage.configuration();
    let people = usual.split("[[provider.acme.resource]]\ntype = \"Group\"").next().unwrap();
    let source =
        format!("[source.squads]\ntype = \"json-lines\"\npath = \"squads.jsonl\"\nkey = \"id\"\n{source}");
    let group = format!(
        "[[provider.acme.resource]]\ntype = \"Group\"\nsource = \"squads\"\nmatch = [\"externalId\", \"displayName\"]\n\
         deprovision = \"delete\"\n{resource}"
    );
    stage.configure(&format!("{source}\n{people}{group}"));
}

fn squads(stage: &Stage, squads: &[Value]) {
    let lines: Vec<String> = squads.iter().map(ToString::to_string).collect();
    stage.workspace.write("squads.jsonl", &format!("{}\n", lines.join("\n"))).unwrap();
}

#[test]
fn members_come_from_a_list_in_a_field() {
    let stage = Stage::new(Teams::new(21, 8, 0, 0));
    with_groups(
        &stage,
        "",
        "[provider.acme.resource.attributes]\nexternalId = { field = \"id\" }\ndisplayName = { field = \"name\" }\n\
         members = { link = \"User\", field = \"member_ids\" }\n",
    );
    // One of them twice, and one who is nobody.
    let list = json!({"id": "S1", "name": "Squad", "member_ids": ["E00001", "E00002", "E00001", "E99999"]});
    squads(&stage, &[list, json!({"id": "S2", "name": "Nobody", "member_ids": []})]);
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&10.into(), &0.into()), "{first}");
    assert_eq!(members(&stage, "S1"), set(&["User E00001", "User E00002"]));
    assert_eq!(members(&stage, "S2"), set(&[]));

    squads(
        &stage,
        &[
            json!({"id": "S1", "name": "Squad", "member_ids": ["E00002", "E00003"]}),
            json!({"id": "S2", "name": "Nobody", "member_ids": ["E00004"]}),
        ],
    );
    let before = stage.requests();
    stage.sync(&["--changed"]);
    assert_eq!(members(&stage, "S1"), set(&["User E00002", "User E00003"]));
    assert_eq!(members(&stage, "S2"), set(&["User E00004"]));
    assert_eq!(stage.requests().writes() - before.writes(), 2, "one request for each group");

    squads(
        &stage,
        &[
            json!({"id": "S1", "name": "Squad", "member_ids": []}),
            json!({"id": "S2", "name": "Nobody", "member_ids": ["E00004"]}),
        ],
    );
    stage.sync(&[]);
    assert_eq!(members(&stage, "S1"), set(&[]), "the last ones to leave leave as well");
}

#[test]
fn members_come_from_a_mapping() {
    let stage = Stage::new(Teams::new(22, 5, 0, 0));
    stage.workspace.add_module("team-groups").unwrap();
    with_groups(&stage, "", "modules = [\"team-groups\"]\n");
    // The squad above stands first, so that its reference to the one below has to wait; a key that is in it twice.
    let above = json!({"id": "S1", "name": "Above", "members": ["E00001", "E00001"], "subteams": ["S2"]});
    let below = json!({"id": "S2", "name": "Below", "members": ["E00002", "E00003"], "subteams": []});
    squads(&stage, &[above.clone(), below]);
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&7.into(), &0.into()), "{first}");
    assert_eq!(members(&stage, "S1"), set(&["User E00001", "Group S2"]));
    assert_eq!(members(&stage, "S2"), set(&["User E00002", "User E00003"]));
    squads(&stage, &[above, json!({"id": "S2", "name": "Below", "members": ["E00003"], "subteams": []})]);
    stage.sync(&[]);
    assert_eq!(members(&stage, "S2"), set(&["User E00003"]));
}

/// Five teams: one in another, two in each other, one in itself, and one that reaches a person on three ways.
fn nested(seed: u64) -> Teams {
    let mut teams = Teams::new(seed, 12, 5, 2);
    for (team, inner) in [
        ("T001", "T002"),
        ("T002", "T003"),
        ("T003", "T002"),
        ("T004", "T004"),
        ("T005", "T001"),
        ("T005", "T003"),
    ] {
        teams.put_in(team, "Group", inner);
    }
    teams
}

/// Pain 20: nested groups are kept, or replaced by the people in them.
#[test]
fn groups_in_groups_are_kept_and_circles_among_them_are_harmless() {
    let mut stage = Stage::new(nested(23));
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&17.into(), &0.into()), "{first}");
    stage.assert_as_wanted();
    assert!(members(&stage, "T001").contains("Group T002"));
    let before = stage.requests();
    stage.sync(&[]);
    assert_eq!(stage.requests().writes(), before.writes(), "a circle is no change");
    stage.teams.take_out("T003", "T002");
    stage.sync(&[]);
    stage.assert_as_wanted();
}

/// Pain 20: nested groups, at a provider that knows people in groups only.
#[test]
fn groups_in_groups_are_replaced_by_the_people_in_them_each_once() {
    let mut stage = Stage::with(nested(24), true);
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&17.into(), &0.into()), "{first}");
    stage.assert_as_wanted();
    let all = stage.held();
    assert!(all.groups.values().flat_map(|group| &group.members).all(|member| member.starts_with("User ")));
    let before = stage.requests();
    stage.sync(&[]);
    assert_eq!(stage.requests().writes(), before.writes());
    // Deep below somebody goes and somebody comes: everybody above hears of it.
    let leaver = stage.teams.memberships.iter().find(|row| row.team == "T003").unwrap().member.clone();
    stage.teams.take_out("T003", &leaver);
    let hired = stage.teams.hire(1);
    stage.teams.memberships.last_mut().unwrap().team = "T003".to_owned();
    stage.sync(&["--changed"]);
    stage.assert_as_wanted();
    assert!(members(&stage, "T005").contains(&format!("User {}", hired[0])));
}

/// Access that ends by itself: nothing changes but the time.
#[test]
fn a_membership_counts_between_its_days_and_not_outside_of_them() {
    let mut stage = Stage::new(Teams::new(25, 10, 1, 0));
    for (member, from, until) in [
        ("E00001", String::new(), String::new()),
        ("E00002", day(-9), day(-1)),
        ("E00003", day(-9), day(0)),
        ("E00004", day(0), day(9)),
        ("E00005", day(1), day(9)),
        // These two change while the test runs.
        ("E00006", String::new(), moment(15)),
        ("E00007", moment(15), String::new()),
    ] {
        stage.teams.put_in("T001", "User", member);
        let row = stage.teams.memberships.last_mut().unwrap();
        (row.from, row.until) = (from, until);
    }
    let began = Instant::now();
    stage.sync(&[]);
    let users = |keys: &[&str]| keys.iter().map(|key| format!("User {key}")).collect::<BTreeSet<_>>();
    assert_eq!(members(&stage, "T001"), users(&["E00001", "E00003", "E00004", "E00006"]));
    assert!(began.elapsed() < Duration::from_secs(14), "the machine is too slow for this test's clock");
    std::thread::sleep(Duration::from_secs(16).saturating_sub(began.elapsed()));
    let before = stage.requests();
    // Nothing changed in any file, and only what changed is looked at.
    let summary = stage.run(&["sync", "--changed"]);
    assert_eq!(summary["updated"], 1, "{summary}");
    assert_eq!(members(&stage, "T001"), users(&["E00001", "E00003", "E00004", "E00007"]));
    assert_eq!(stage.requests().writes() - before.writes(), 1);
    let settled = stage.run(&["sync", "--changed"]);
    assert_eq!(
        (&settled["updated"], stage.requests().writes() - before.writes()),
        (&0.into(), 1),
        "{settled}"
    );
}

#[test]
fn a_membership_in_a_group_that_is_not_there_is_named() {
    let mut stage = Stage::new(Teams::new(24, 3, 1, 1));
    stage.teams.put_in("T777", "User", "E00001");
    stage.write();
    let printed = stage.workspace.run(&["sync"]).unwrap();
    assert!(printed.stdout.contains("has memberships in T777, which source"), "{}", printed.stdout);
}

/// What the provider shows of a member besides its id is the provider's affair.
#[test]
fn a_group_that_was_adopted_before_its_people_is_not_written_again_for_their_names() {
    let stage = Stage::new(Teams::new(28, 6, 2, 3));
    stage.sync(&[]);
    std::fs::remove_dir_all(stage.workspace.folder.join(".scimwright")).unwrap();
    let writes = stage.requests().writes();
    let adopted = stage.run(&["sync", "--resource", "Group"]);
    assert_eq!((&adopted["adopted"], &adopted["failed"]), (&2.into(), &0.into()), "{adopted}");
    let after = stage.run(&["sync"]);
    assert_eq!((&after["adopted"], &after["failed"]), (&6.into(), &0.into()), "{after}");
    assert_eq!(stage.requests().writes(), writes, "everything is as it is wanted");
    stage.assert_as_wanted();
}

#[test]
fn the_last_membership_of_all_that_ends_is_taken_back_like_any_other() {
    let mut stage = Stage::new(Teams::new(27, 3, 1, 0));
    stage.teams.put_in("T001", "User", "E00001");
    stage.sync(&[]);
    assert_eq!(members(&stage, "T001"), BTreeSet::from(["User E00001".to_owned()]));
    stage.teams.memberships.last_mut().unwrap().until = day(-1);
    let summary = stage.sync(&[]);
    assert_eq!((&summary["complete"], &summary["updated"]), (&true.into(), &1.into()), "{summary}");
    assert_eq!(members(&stage, "T001"), BTreeSet::new());
}

/// Pain 2: membership is not lost at random. Whatever is wrong with the table takes nobody out.
#[test]
fn a_membership_table_that_cannot_be_trusted_takes_nobody_out() {
    let mut stage = Stage::new(Teams::new(26, 30, 3, 8));
    stage.sync(&[]);
    stage.assert_as_wanted();
    let whole = stage.held();
    let table = stage.teams.memberships_csv();
    let half: String = table.lines().take(10).map(|line| format!("{line}\n")).collect();
    let header = "membership_id,team_id,kind,employee_id,from,until\n";
    let shortened = |row: &str| format!("{half}{row}");
    for (what, broken) in [
        ("breaks off", shortened(OPEN_QUOTE)),
        ("is cut short", shortened("M10,T0")),
        ("is empty", header.to_owned()),
        ("has a row without a member", shortened("M10,T001,User,,,\n")),
        ("has a row with a cell too many", shortened("M10,T001,User,E00001,,,,\n")),
        ("has a date that is none", shortened("M10,T001,User,E00001,,soon\n")),
    ] {
        stage.workspace.write("memberships.csv", &broken).unwrap();
        let summary = stage.run(&["sync"]);
        assert_eq!(stage.held().differences(&whole), Vec::<String>::new(), "a table that {what}: {summary}");
        assert_eq!(summary["complete"], false, "a table that {what}: {summary}");
    }
    std::fs::remove_file(stage.workspace.folder.join("memberships.csv")).unwrap();
    stage.run(&["sync"]);
    assert_eq!(stage.held().differences(&whole), Vec::<String>::new(), "a table that is missing");

    // People can still be added; and once the table is mended, taken out.
    let (team, gone) = (stage.teams.teams[0].id.clone(), stage.teams.memberships[0].member.clone());
    stage.teams.take_out(&team, &gone);
    stage.teams.hire(1);
    stage.teams.memberships.last_mut().unwrap().team.clone_from(&team);
    let newcomer = stage.teams.memberships.last().unwrap().member.clone();
    stage.write();
    stage
        .workspace
        .write("memberships.csv", &format!("{}{OPEN_QUOTE}", stage.teams.memberships_csv()))
        .unwrap();
    stage.run(&["sync"]);
    let meanwhile = members(&stage, &team);
    assert!(meanwhile.contains(&format!("User {newcomer}")) && meanwhile.contains(&format!("User {gone}")));
    stage.sync(&[]);
    stage.assert_as_wanted();
}

/// Pain 7: one bad object aborts nothing: not the run, and not the group it belongs to.
#[test]
fn a_member_who_cannot_be_provisioned_costs_the_others_nothing() {
    let mut stage = Stage::new(Teams::new(27, 20, 2, 10));
    let unlucky = stage.teams.memberships[3].member.clone();
    let index = stage.teams.company.people.iter().position(|person| person.id == unlucky).unwrap();
    let address = std::mem::take(&mut stage.teams.company.people[index].email);
    let first = stage.sync(&[]);
    // The sandbox refuses a User without a userName.
    assert_eq!((&first["created"], &first["failed"]), (&21.into(), &1.into()), "{first}");
    let mut wanted = stage.teams.wanted(false);
    wanted.users.remove(&unlucky);
    for user in wanted.users.values_mut().filter(|user| user.manager == unlucky) {
        user.manager.clear();
    }
    for group in wanted.groups.values_mut() {
        group.members.remove(&format!("User {unlucky}"));
    }
    assert_eq!(stage.held().differences(&wanted), Vec::<String>::new());
    // Mended, the one who was missing comes, and into the groups as well.
    stage.teams.company.people[index].email = address;
    let second = stage.sync(&["--changed"]);
    assert_eq!((&second["created"], &second["failed"]), (&1.into(), &0.into()), "{second}");
    stage.assert_as_wanted();
}

/// A group that was there before us, with people in it whom we know and people whom we do not.
#[test]
fn a_group_that_is_adopted_keeps_strangers_only_while_somebody_is_missing() {
    let mut stage = Stage::new(Teams::new(28, 6, 1, 3));
    let http = stage.http();
    let stranger = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "stranger@example.com"
    });
    let stranger = http.call("POST", "/Users", Some(&stranger)).unwrap().expect_json().unwrap();
    let id = stranger["id"].as_str().unwrap().to_owned();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": stage.teams.teams[0].name,
        "members": [{ "value": id }],
    });
    http.call("POST", "/Groups", Some(&group)).unwrap().expect_json().unwrap();
    let known = format!("User stranger {id}");

    // Somebody who has no resource may be the stranger, as far as anybody knows.
    stage.teams.put_in("T001", "User", "E00099");
    let first = stage.sync(&[]);
    assert_eq!((&first["adopted"], &first["created"]), (&1.into(), &6.into()), "{first}");
    let mut expected = stage.teams.wanted(false).groups["T001"].members.clone();
    expected.remove("User E00099");
    expected.insert(known.clone());
    assert_eq!(members(&stage, "T001"), expected);

    stage.teams.take_out("T001", "E00099");
    stage.sync(&[]);
    expected.remove(&known);
    assert_eq!(members(&stage, "T001"), expected, "the table says who is in the group");
    assert!(stage.held().users.contains_key(&format!("stranger {id}")), "a stranger is no business of ours");
}

/// Pain 5: a membership that changes is a change, also where the group's own row stays as it was.
/// Pain 12: groups of more than a hundred members.
/// Pain 13: members who are to go are removed.
#[test]
fn fifty_groups_of_two_hundred_change_by_the_differences_only() {
    scale(Teams::new(29, 600, 50, 200), 100);
}

/// Run by hand: `cargo test -p scimwright-tests --test all -- --ignored five_hundred`.
#[test]
#[ignore = "takes minutes in a debug build"]
fn five_hundred_groups_of_a_thousand_change_by_the_differences_only() {
    scale(Teams::new(30, 3_000, 500, 1_000), 5_000);
}

fn scale(teams: Teams, churn: usize) {
    let (people, groups) = (teams.company.people.len() as u64, teams.teams.len() as u64);
    let mut stage = Stage::new(teams);
    let phase = |what: &str, requests: u64, began: Instant| {
        eprintln!("{groups} groups: {what}: {requests} requests, {:?}", began.elapsed());
    };
    let began = Instant::now();
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&(people + groups).into(), &0.into()), "{first}");
    let after_first = stage.requests();
    phase("first sync", after_first.total(), began);
    assert_eq!(after_first.of("POST /Groups"), groups, "{first}");
    // A request holds a hundred members: the first ones come with the group, the others after it.
    let size_of = |team: &str| stage.teams.memberships.iter().filter(|row| row.team == team).count();
    let portions: usize =
        stage.teams.teams.iter().map(|team| size_of(&team.id).div_ceil(100).saturating_sub(1)).sum();
    assert_eq!(after_first.of("PATCH /Groups/{id}"), portions as u64, "{first}");
    stage.assert_as_wanted();

    let before = stage.requests();
    let began = Instant::now();
    let second = stage.run(&["sync"]);
    let after = stage.requests();
    assert_eq!((&second["updated"], after.writes()), (&0.into(), before.writes()), "{second}");
    phase("no change", after.total() - before.total(), began);

    let members_before = members_by_team(&stage.teams);
    let changed = stage.teams.churn(churn).len() as u64;
    let members_after = members_by_team(&stage.teams);
    // A request removes ten members at most, adds a hundred, or uses its share of both.
    let expected: usize = members_after
        .iter()
        .map(|(team, after)| {
            let before = &members_before[team];
            (10 * before.difference(after).count() + after.difference(before).count()).div_ceil(100)
        })
        .sum();
    let before = stage.requests();
    let began = Instant::now();
    let third = stage.sync(&["--changed"]);
    let after = stage.requests();
    assert_eq!(third["updated"], changed, "{third}");
    assert_eq!(
        after.writes() - before.writes(),
        expected as u64,
        "as few requests as the differences fit into"
    );
    phase(
        &format!("{churn} memberships exchanged in {changed} groups"),
        after.total() - before.total(),
        began,
    );
    stage.assert_as_wanted();

    // Half of a group goes at once: more than a hundred removals.
    let half: Vec<String> = stage
        .teams
        .memberships
        .iter()
        .filter(|row| row.team == "T001")
        .map(|row| row.member.clone())
        .collect();
    for member in &half[..half.len() * 3 / 4] {
        stage.teams.take_out("T001", member);
    }
    stage.sync(&["--changed"]);
    stage.assert_as_wanted();
}

fn members_by_team(teams: &Teams) -> BTreeMap<String, BTreeSet<String>> {
    let mut by_team: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &teams.memberships {
        by_team.entry(row.team.clone()).or_default().insert(format!("{} {}", row.kind, row.member));
    }
    by_team
}

/// Somebody is still in the table whose account was deleted because they are out of scope: the others in the group are
/// served as ever, and who is back in scope is back in the group.
#[test]
fn a_member_whose_account_was_deleted_holds_up_nobody_in_the_group() {
    let mut stage = Stage::new(Teams::new(31, 8, 1, 4));
    let configuration = stage.configuration().replacen(
        "deprovision = \"disable\"\nmax_deprovision = \"5%\"",
        "deprovision = \"delete\"\nmax_deprovision = 2\nleft = 'status eq \"gone\"'",
        1,
    );
    stage.configure(&configuration);
    stage.teams.company.people.iter_mut().for_each(|person| person.status = "active".to_owned());
    stage.sync(&[]);
    let gone = stage.teams.memberships.iter().find(|row| row.member != "E00001").unwrap().member.clone();
    let index = stage.teams.company.people.iter().position(|person| person.id == gone).unwrap();
    stage.teams.company.people[index].status = "gone".to_owned();
    assert_eq!(stage.sync(&[])["deleted"], 1);
    let mut expected = stage.teams.wanted(false).groups["T001"].members.clone();
    expected.remove(&format!("User {gone}"));
    assert_eq!(members(&stage, "T001"), expected);

    let newcomer = stage.teams.hire(1).remove(0);
    expected.insert(format!("User {newcomer}"));
    stage.teams.company.people.last_mut().unwrap().status = "active".to_owned();
    for run in 0..2 {
        let printed = {
            stage.write();
            stage.workspace.run(&["--output", "json", "sync", "--retry"]).unwrap()
        };
        assert_eq!(printed.summary().unwrap()["failed"], 0, "run {run}: {}", printed.stdout);
        assert_eq!(members(&stage, "T001"), expected, "run {run}");
    }
    stage.teams.company.people[index].status = "active".to_owned();
    let back = stage.sync(&["--changed"]);
    assert_eq!((&back["created"], &back["failed"]), (&1.into(), &0.into()), "{back}");
    stage.assert_as_wanted();
}
