//! The pains that people have with tools like this one, and the bugs such tools have had: each is held by a test.
//!
//! A test that holds one says so in a line of its documentation, directly above its `#[test]`: `Pain 7: …` by the number
//! in the list below, or `Peer bug: …` in the words of the list. These lines are read here. Tests that exist for a pain
//! alone follow below.

use crate::points::{function, rust_files};
use crate::stage::{Stage, everything};
use scimwright_tests::teams::Teams;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What people complain of, by number.
const PAINS: [&str; 20] = [
    "wrong settings delete users",
    "deletes and creates again, and loses memberships at random",
    "cannot be told never to delete",
    "adopts accounts that are out of scope, then deletes them",
    "membership changes do not lead to a sync",
    "a failed delete loses the link",
    "one bad object aborts the run",
    "nothing happens, and no reason is shown",
    "a stack trace instead of which user failed",
    "the first sync works, and then conflicts for ever",
    "a 429 ends the run, and leads to conflicts later",
    "groups of more than 100 members fail",
    "members are never removed",
    "what a provider says of itself cannot be overridden",
    "a quirk of a provider needs a new release",
    "tokens that live for a short time",
    "what others change or delete is not noticed",
    "a sync outlasts its time limit",
    "which groups to sync cannot be chosen",
    "nested groups",
];

/// Bugs that others have had.
const PEER_BUGS: [&str; 7] = [
    "a retry loop poisoned by one failed delete",
    "a retry counted as success after recording a failure",
    "a cursor in whole seconds that skips equal timestamps",
    "the link dropped before the delete is confirmed, also in a dry run",
    "paging until the total is reached, for ever when the total is wrong",
    "the first search result adopted unchecked",
    "filters and bodies put together from text, unescaped",
];

/// The tests that hold each pain (`7`) and each bug (its words).
fn labels(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some((number, words)) = line.strip_prefix("/// Pain ").and_then(|label| label.split_once(": "))
        {
            match number.parse::<usize>() {
                Ok(pain) if (1..=PAINS.len()).contains(&pain) && !words.is_empty() => {
                    waiting.push(pain.to_string());
                }
                _ => return Err(format!("there is no such pain: {line}")),
            }
        } else if let Some(words) = line.strip_prefix("/// Peer bug: ") {
            let words = words.trim_end_matches('.');
            if !PEER_BUGS.contains(&words) {
                return Err(format!("there is no such bug: {line}"));
            }
            waiting.push(words.to_owned());
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = function(line) {
            if !waiting.is_empty() && !is_test {
                return Err(format!("a label stands above something that is no test: {line}"));
            }
            found.extend(waiting.drain(..).map(|label| (label, name.to_owned())));
            is_test = false;
        } else if !waiting.is_empty() && !line.starts_with("///") && !line.starts_with("#[") {
            return Err(format!("between a label and its test there is something else: {line}"));
        }
    }
    if waiting.is_empty() { Ok(found) } else { Err("the last label stands above nothing".to_owned()) }
}

#[test]
fn every_pain_and_every_bug_of_others_is_held_by_a_test() {
    let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // What stands here as text for the test of the labels is no label.
    for path in rust_files().into_iter().filter(|path| !path.ends_with("all/points.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (label, test) in labels(&text).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display())) {
            held.entry(label).or_default().insert(test);
        }
    }
    let pains = (1..=PAINS.len()).filter(|pain| !held.contains_key(&pain.to_string()));
    let missing: Vec<String> = pains
        .map(|pain| format!("{pain}: {}", PAINS[pain - 1]))
        .chain(PEER_BUGS.iter().filter(|bug| !held.contains_key(**bug)).map(|&bug| bug.to_owned()))
        .collect();
    assert!(missing.is_empty(), "no test says that it holds\n{}", missing.join("\n"));
}

fn user(user_name: &str, external_id: Option<&str>) -> Value {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name, "title": "Was here before"
    });
    if let Some(key) = external_id {
        user["externalId"] = key.into();
    }
    user
}

/// The configuration with other rules for people.
fn with_leavers(stage: &Stage, rules: &str) {
    let usual = stage.configuration();
    let changed = usual.replacen("deprovision = \"disable\"\nmax_deprovision = \"5%\"", rules, 1);
    assert_ne!(usual, changed);
    stage.configure(&changed);
}

/// Pain 3: never delete means never, and never disable either.
#[test]
fn where_nothing_is_to_be_done_to_leavers_nothing_is_done_whatever_else_is_said() {
    let mut stage = Stage::new(Teams::new(71, 10, 1, 4));
    with_leavers(&stage, "deprovision = \"nothing\"\nscope = 'division ne \"External\"'");
    stage.sync(&[]);
    let before = stage.requests();
    let gone = stage.teams.company.people[5].id.clone();
    stage.teams.company.people.retain(|person| person.id != gone);
    stage.teams.company.people[4].division = "External".to_owned();
    for more in [&[][..], &["--changed"], &["--allow-deprovisions", "100"], &["--retry"]] {
        let summary = stage.sync(more);
        assert_eq!(
            (&summary["disabled"], &summary["deleted"]),
            (&0.into(), &0.into()),
            "{more:?}: {summary}"
        );
    }
    assert_eq!(stage.requests().writes(), before.writes());
    assert!(stage.held().users[&gone].active);
}

/// Pain 4: accounts that were there before us are adopted for records in scope only, and never deleted for it.
#[test]
fn accounts_that_were_there_before_are_neither_adopted_out_of_scope_nor_deleted() {
    let mut stage = Stage::new(Teams::new(72, 6, 1, 2));
    let http = stage.http();
    let people = stage.teams.company.people.clone();
    // One by the key, one by the login, one whose record is out of scope, and three whom no record knows.
    let there = [
        user("other-login@example.com", Some(&people[1].id)),
        user(&people[2].email, None),
        user(&people[3].email, None),
        user("one@example.org", None),
        user("two@example.org", Some("X1")),
        user("three@example.org", Some("X2")),
    ];
    for body in &there {
        http.call("POST", "/Users", Some(body)).unwrap().expect_json().unwrap();
    }
    stage.teams.company.people[3].division = "External".to_owned();
    with_leavers(
        &stage,
        "deprovision = \"delete\"\nmax_deprovision = 100\nscope = 'division ne \"External\"'",
    );
    let first = stage.sync(&[]);
    assert_eq!((&first["adopted"], &first["created"]), (&2.into(), &4.into()), "{first}");
    let untouched = || {
        let users = everything(&http, "/Users");
        users.iter().filter(|user| user["title"] == "Was here before").count()
    };
    assert_eq!(untouched(), 4, "the one out of scope, and the three that no record knows");

    // The two that were adopted leave: one from the file, one from the scope.
    stage.teams.company.people[1].division = "External".to_owned();
    stage.teams.let_go(&people[2].id);
    for more in [&[][..], &["--changed"]] {
        let summary = stage.sync(more);
        assert_eq!((&summary["deleted"], &summary["failed"]), (&0.into(), &0.into()), "{summary}");
    }
    assert_eq!(stage.requests().of("DELETE /Users/{id}"), 0);
    assert_eq!((untouched(), everything(&http, "/Users").len()), (4, 9));
}

/// Pain 8: where nothing happens, a reason is shown.
/// Pain 9: who failed is named, with the reason, and no stack trace.
/// Peer bug: a retry counted as success after recording a failure.
#[test]
fn whoever_is_not_there_is_named_with_a_reason_as_often_as_it_is_tried() {
    let mut stage = Stage::new(Teams::new(73, 6, 1, 2));
    with_leavers(&stage, "deprovision = \"disable\"\nscope = 'division ne \"External\"'");
    stage.teams.company.people[2].division = "External".to_owned();
    let address = std::mem::take(&mut stage.teams.company.people[3].email);
    stage.write();
    for run in 0..3 {
        let printed = stage.workspace.run(&["--output", "json", "sync", "--retry"]).unwrap();
        let summary = printed.summary().unwrap();
        assert_eq!((&summary["failed"], &summary["skipped"]), (&1.into(), &1.into()), "run {run}: {summary}");
        let reason = |key: &str, action: &str| {
            let events = printed.events("record").unwrap();
            let found = events.iter().find(|event| event["key"] == key && event["action"] == action);
            let event = found.unwrap_or_else(|| panic!("run {run}: {key} is not in {}", printed.stdout));
            event["reason"].as_str().unwrap_or_default().to_owned()
        };
        assert!(reason("E00003", "skip").contains("division ne \"External\""));
        assert!(reason("E00004", "fail").contains("userName"), "{}", reason("E00004", "fail"));
        let everything_printed = format!("{}{}", printed.stdout, printed.stderr);
        for trace in ["panicked", "backtrace", "stack trace", ".rs:"] {
            assert!(!everything_printed.contains(trace), "{everything_printed}");
        }
    }
    // A plain sync does not try again what failed three times just now, and does not call it done either.
    let waiting = stage.run(&["sync"]);
    assert_eq!((&waiting["waiting"], &waiting["created"]), (&1.into(), &0.into()), "{waiting}");
    stage.teams.company.people[3].email = address;
    let mended = stage.sync(&[]);
    assert_eq!((&mended["created"], &mended["failed"]), (&1.into(), &0.into()), "{mended}");
}

/// Pain 19: which groups are synced is chosen by a filter over their fields.
#[test]
fn groups_are_chosen_by_a_filter() {
    let stage = Stage::new(Teams::new(74, 8, 4, 2));
    let choose = |filter: &str| {
        let usual = stage.configuration();
        let (people, groups) = usual.split_at(usual.find("type = \"Group\"").unwrap());
        let groups = groups.replacen(
            "max_deprovision = \"20%\"",
            &format!("max_deprovision = 2\nscope = '{filter}'"),
            1,
        );
        stage.configure(&format!("{people}{groups}"));
    };
    choose("team_id eq \"T001\" or team_id eq \"T003\"");
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["skipped"]), (&10.into(), &2.into()), "{first}");
    assert_eq!(stage.held().groups.keys().collect::<Vec<_>>(), ["T001", "T003"]);
    choose("not (team_id eq \"T003\")");
    let second = stage.sync(&["--changed"]);
    assert_eq!((&second["created"], &second["deleted"]), (&2.into(), &1.into()), "{second}");
    assert_eq!(stage.held().groups.keys().collect::<Vec<_>>(), ["T001", "T002", "T004"]);
}

/// Peer bug: filters and bodies put together from text, unescaped.
#[test]
fn a_name_that_looks_like_a_filter_is_a_name() {
    let mut stage = Stage::new(Teams::new(75, 6, 2, 3));
    let http = stage.http();
    let names = [
        "x\" or userName pr or userName eq \"x",
        "back\\slash\\\"",
        "a&b=c%20d+e#f?g",
        "{\"op\":\"remove\"}",
        "]",
    ];
    for (person, name) in stage.teams.company.people.iter_mut().zip(names) {
        person.email = name.to_owned();
        person.job_title = format!("{name}\", \"active\": false");
    }
    // Two of them are there already, and somebody else who would be found by a filter that means everybody.
    for name in [names[0], names[1], "somebody@example.org"] {
        http.call("POST", "/Users", Some(&user(name, None))).unwrap().expect_json().unwrap();
    }
    stage.teams.teams[0].name = "\" or displayName pr or displayName eq \"".to_owned();
    stage.teams.teams[1].name = "members[value eq \"1\"]".to_owned();
    let first = stage.sync(&[]);
    assert_eq!((&first["adopted"], &first["created"]), (&2.into(), &6.into()), "{first}");
    let gone = stage.teams.memberships.iter().find(|row| row.team == "T002").unwrap().member.clone();
    stage.teams.take_out("T002", &gone);
    stage.teams.company.people[0].job_title = "]}\\\"'".to_owned();
    stage.sync(&[]);
    let mut held = stage.held();
    held.users.retain(|key, _| !key.starts_with("stranger"));
    assert_eq!(held.differences(&stage.teams.wanted(false)), Vec::<String>::new());
    let stranger =
        everything(&http, "/Users").into_iter().find(|user| user["userName"] == "somebody@example.org");
    assert_eq!(stranger.unwrap()["title"], "Was here before");
}
