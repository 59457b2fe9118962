//! What is said of somebody's future is what comes: those who left, and those who wait for somebody else.

use crate::desk::{PEOPLE, assert_says, explained, synced};
use crate::links::resources;
use scimwright_tests::tool::Workspace;
use serde_json::{Value, json};

/// The configuration with other rules for people who left.
fn with_rules(workspace: &Workspace, rules: &str) {
    let file = workspace.folder.join("scimwright.toml");
    let now = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = now.split_once("deprovision = \"disable\"").unwrap();
    workspace.write("scimwright.toml", &format!("{before}{rules}{rest}")).unwrap();
}

/// Without Zoë, whom nobody's manager is.
fn without_zoe(workspace: &Workspace) {
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë,active,E2\n", "")).unwrap();
}

#[test]
fn whoever_left_and_is_protected_is_said_to_stay_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    without_zoe(&workspace);
    with_rules(&workspace, "deprovision = \"disable\"\nprotect = [\"E1\"]");
    assert_says(
        &workspace,
        "E1",
        "behind",
        &["no such record any more; it stays as it is: `protect` names it"],
    );
    let status = workspace.run(&["--output", "json", "status", "E1"]).unwrap();
    assert_eq!(status.events("whereabouts").unwrap()[0]["if_it_left"], "stays");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 0);
    assert_says(&workspace, "E1", "behind", &["`protect` names it"]);
}

#[test]
fn whoever_left_and_was_there_before_us_is_said_to_stay_unless_the_configuration_includes_them() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let zoe = resources(&sandbox.base_url, "/Users").into_iter().find(|user| user["displayName"] == "Zoë");
    let id = zoe.unwrap()["id"].as_str().unwrap().to_owned();
    workspace.run(&["links", "forget", "acme", "User", "E1", "--yes"]).unwrap();
    assert_eq!(workspace.run(&["links", "adopt", "acme", "User", "E1", &id]).unwrap().code, Some(0));
    without_zoe(&workspace);
    assert_says(
        &workspace,
        "E1",
        "behind",
        &["it stays as it is: it was at the provider before us; deprovision_adopted = true would include it"],
    );
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 0);
    with_rules(&workspace, "deprovision = \"disable\"\ndeprovision_adopted = true");
    assert_says(&workspace, "E1", "behind", &["; the next sync disables it, if nothing holds that up"]);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
}

#[test]
fn whoever_left_is_said_to_stay_where_nobody_is_deprovisioned() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    workspace.write("people.csv", &PEOPLE.replace("Zoë,active", "Zoë,left")).unwrap();
    with_rules(&workspace, "deprovision = \"nothing\"");
    let parts = ["though it is out of scope", "; it stays: resources of those who left are left alone"];
    assert_says(&workspace, "E1", "behind", &parts);
    let next = explained(&workspace, &["acme", "User", "E1"])["next"]["reason"].to_string();
    assert!(next.contains("it stays: resources of those who left are left alone"), "{next}");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 0);
}

#[test]
fn the_day_of_a_deletion_is_named_from_the_first_day_of_grace_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    without_zoe(&workspace);
    with_rules(&workspace, "deprovision = \"disable-then-delete\"\ndelete_after_days = 30");
    let then = "the next sync disables it, if nothing holds that up, and it is deleted 30 days later";
    assert_says(&workspace, "E1", "behind", &[then]);
    let planned = workspace.run(&["--output", "json", "plan"]).unwrap();
    assert_eq!(
        reason_for(&planned.events("record").unwrap(), "E1"),
        "left the source; to be deleted 30 days later"
    );
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);

    let store = || async {
        let file = workspace.folder.join(".scimwright").join("state.db");
        scimwright_state::StateStore::open(&file)
            .await
            .unwrap()
            .tenant(&scimwright_record::TenantName::default())
    };
    let scope = scimwright_state::LinkScope {
        provider: "acme".parse().unwrap(),
        resource_type: "User".parse().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let disabled_at = |days_ago: i64| {
        runtime.block_on(async {
            let state = store().await;
            let mut link = state.link(&scope, &"E1".parse().unwrap()).await.unwrap().unwrap();
            link.updated_at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days_ago);
            state.put_link(&scope, &link).await.unwrap();
            link.updated_at
        })
    };
    let then = disabled_at(29);
    let due = (then + jiff::SignedDuration::from_hours(24 * 30)).strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let since = format!("disabled since {}", then.strftime("%Y-%m-%d %H:%M:%SZ"));
    let until = format!("it will be deleted on or after {due}, unless its record comes back");
    assert_says(&workspace, "E1", "disabled", &[&since, &until]);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["deleted"], 0);

    let then = disabled_at(31).strftime("%Y-%m-%d").to_string();
    assert_says(&workspace, "E1", "disabled", &["; the next sync deletes it, if nothing holds that up"]);
    let planned = workspace.run(&["--output", "json", "plan"]).unwrap();
    assert_eq!(
        reason_for(&planned.events("record").unwrap(), "E1"),
        format!("left the source and was disabled on {then}; its 30 days of grace are over")
    );
    assert_eq!(workspace.summary(&["sync"]).unwrap()["deleted"], 1);
}

fn reason_for(records: &[Value], key: &str) -> String {
    let found = records.iter().find(|record| record["key"] == key).unwrap();
    found["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_reference_to_somebody_who_is_not_there_yet_is_told_from_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    // Whoever cannot be told apart has no resource; the others are left out, so that nothing fails.
    let people = "id,login,display,status,boss\nE1,zoe,Zoë,active,E9\nE2,sato,佐藤,active,\n";
    workspace.write("people.csv", people).unwrap();
    for run in 0..2 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        let summary = printed.summary().unwrap();
        assert_eq!(printed.code, Some(0), "run {run}: {summary}");
        assert_eq!((&summary["open_references"], &summary["waiting"]), (&1.into(), &0.into()), "run {run}");
    }
    let sentence = "; it points at User E9 (urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value), which \
                    has no resource yet; left out until it has one";
    assert_says(&workspace, "E1", "open-reference", &["E1 is at acme (User", ", last changed", sentence]);
    let status = workspace.summary(&["status"]).unwrap();
    let users = &status["resources"][0];
    assert_eq!(
        (&users["open_references"], &users["waiting"], &users["next_try"]),
        (&1.into(), &0.into(), &json!(null))
    );
    let page = workspace.run(&["status"]).unwrap().stdout;
    assert!(
        page.contains("User at acme, from hr: 2 active, 0 disabled, 1 with a reference left open\n"),
        "{page}"
    );

    // As soon as the manager has one, in a run over what changed as well.
    workspace.write("people.csv", &format!("{people}E9,boss,Boss,active,\n")).unwrap();
    let summary = workspace.summary(&["sync", "--changed"]).unwrap();
    assert_eq!((&summary["created"], &summary["open_references"]), (&1.into(), &0.into()), "{summary}");
    let verdict = workspace.run(&["--output", "json", "status", "E1"]).unwrap();
    assert_eq!(verdict.events("whereabouts").unwrap()[0]["verdict"], "provisioned");
    assert_eq!(workspace.summary(&["status"]).unwrap()["resources"][0]["open_references"], 0);
}

/// Whoever listens where the provider was, and counts who knocks.
fn listening_in_place_of(base_url: &str) -> std::net::TcpListener {
    let address = base_url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    // The process that held the port may need a moment to be gone.
    let listener = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::net::TcpListener::bind(&address).ok()
    });
    let listener = listener.unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

#[test]
fn an_explanation_offline_is_whole_and_knocks_at_no_door() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    // Of everybody: linked, changed since, new, refused, not told apart, and a group with people in it.
    let changed = PEOPLE.replace("E1,zoe,", "E1,zoe.new,");
    workspace.write("people.csv", &format!("{changed}E6,new,New,active,E77\n")).unwrap();
    let records =
        [("User", "E1"), ("User", "E2"), ("User", "E4"), ("User", "E5"), ("User", "E6"), ("Group", "blue")];
    let online: Vec<Value> =
        records.iter().map(|(kind, key)| explained(&workspace, &["acme", kind, key])).collect();
    let base_url = sandbox.base_url.clone();
    drop(sandbox);
    let door = listening_in_place_of(&base_url);
    for ((kind, key), online) in records.iter().zip(&online) {
        let printed = workspace
            .command(&["--output", "json", "explain", "acme", kind, key, "--offline"])
            .env_remove("SCIM_TOKEN")
            .output()
            .unwrap();
        let (stdout, stderr) =
            (String::from_utf8(printed.stdout).unwrap(), String::from_utf8(printed.stderr).unwrap());
        assert!(printed.status.success(), "{key}: {stdout}{stderr}");
        assert!(
            !stderr.contains("is not known here"),
            "what the provider said in the sync is known: {stderr}"
        );
        let offline: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        for part in ["fields", "attributes", "resource_id", "made", "unwanted"] {
            assert_eq!(offline[part], online[part], "{key}: {part}");
        }
        if online["resource_id"].is_string() {
            assert_eq!(offline["next"], online["next"], "{key}");
            assert_eq!(offline["there"]["state"], "as-last-seen", "{key}");
        }
    }
    let new = workspace.run(&["--output", "json", "explain", "acme", "User", "E6", "--offline"]).unwrap();
    let next = new.events("explanation").unwrap()[0]["next"].clone();
    assert_eq!(next["action"], "create", "{next}");
    assert!(next["reason"].as_str().unwrap().contains("`acme` was not asked"), "{next}");
    let knocked = door.accept();
    assert!(matches!(&knocked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{knocked:?}");

    // Where no sync ever asked, that is said.
    std::fs::remove_dir_all(folder.path().join(".scimwright")).unwrap();
    let strange = workspace.run(&["explain", "acme", "User", "E1", "--offline"]).unwrap();
    assert_eq!(strange.code, Some(0), "{}{}", strange.stdout, strange.stderr);
    assert!(strange.stderr.contains("what `acme` can do is not known here"), "{}", strange.stderr);
    assert!(strange.stdout.contains("from row userName, field login = \"zoe.new\""), "{}", strange.stdout);
    let knocked = door.accept();
    assert!(matches!(&knocked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{knocked:?}");
}

#[test]
fn a_quarantine_ends_when_the_address_or_the_credentials_are_corrected_and_at_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let right = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let is_shut = || {
        let checked = workspace.run(&["check", "--offline"]).unwrap().stdout;
        let status = workspace.run(&["status"]).unwrap().stdout;
        let of_somebody = workspace.run(&["status", "E1"]).unwrap().stdout;
        let said = [checked, status, of_somebody].map(|page| page.contains("is in quarantine until"));
        assert!(said == [true; 3] || said == [false; 3], "all three agree: {said:?}");
        said[0]
    };
    // The wrong variable: the provider refuses whatever is in it.
    let wrong = right.replace("SCIM_TOKEN", "WRONG_TOKEN");
    workspace.write("scimwright.toml", &wrong).unwrap();
    let sync =
        || workspace.command(&["--output", "json", "sync"]).env("WRONG_TOKEN", "guess").output().unwrap();
    for _ in 0..3 {
        assert!(!sync().status.success());
    }
    assert!(is_shut());
    workspace.write("scimwright.toml", &format!("# Nothing that matters.\n{wrong}")).unwrap();
    assert!(is_shut());
    workspace.write("scimwright.toml", &right).unwrap();
    assert!(!is_shut(), "the credentials come from another place now");
    let mended = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&mended["complete"], &mended["unchanged"]), (&true.into(), &3.into()), "{mended}");
    // And the wrong one is not remembered as shut either: a success ends it all.
    workspace.write("scimwright.toml", &wrong).unwrap();
    assert!(!is_shut());

    // The same with the address.
    let nowhere = right.replace(&sandbox.base_url, "http://127.0.0.1:9/scim/v2");
    workspace.write("scimwright.toml", &nowhere).unwrap();
    for _ in 0..3 {
        assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(6));
    }
    assert!(is_shut());
    let state = std::fs::read(folder.path().join(".scimwright").join("state.db")).unwrap();
    let secret = scimwright_tests::servers::TOKEN.as_bytes();
    assert!(!state.windows(secret.len()).any(|bytes| bytes == secret), "no secret lies in the state");
    workspace.write("scimwright.toml", &right).unwrap();
    assert!(!is_shut());
    assert_eq!(workspace.summary(&["sync"]).unwrap()["complete"], true);
}

#[test]
fn a_date_that_cannot_be_read_waits_like_any_failure_and_a_corrected_one_is_taken_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    with_rules(&workspace, "deprovision = \"disable\"\nvalid_until = \"end\"");
    let people = |end: &str| {
        format!("id,login,display,status,boss,end\nE1,zoe,Zoë,active,,{end}\nE2,sato,佐藤,active,,\n")
    };
    workspace.write("people.csv", &people("31.12.2999")).unwrap();
    let outcome = || {
        let printed = workspace.run(&["--output", "json", "sync", "--resource", "User"]).unwrap();
        let summary = printed.summary().unwrap();
        assert_eq!(printed.code == Some(4), summary["failed"] != 0 || summary["waiting"] != 0, "{summary}");
        (summary["failed"].as_u64().unwrap(), summary["waiting"].as_u64().unwrap())
    };
    // The first retry comes with the next run; after that it waits.
    assert_eq!([outcome(), outcome(), outcome(), outcome()], [(1, 0), (1, 0), (0, 1), (0, 1)]);
    assert_says(&workspace, "E1", "behind", &["it failed 2 times since", "; next try 2", "which is no date"]);
    // Another mistake is another record, and is looked at at once; so is a correct one.
    workspace.write("people.csv", &people("soon")).unwrap();
    assert_eq!(outcome(), (1, 0));
    assert_eq!(outcome(), (0, 1));
    workspace.write("people.csv", &people("2999-12-31")).unwrap();
    assert_eq!(outcome(), (0, 0));
    assert_says(&workspace, "E1", "provisioned", &["E1 is at acme"]);
}

#[test]
fn the_log_goes_when_its_days_are_over_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let scope = scimwright_state::LinkScope {
        provider: "acme".parse().unwrap(),
        resource_type: "User".parse().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = workspace.folder.join(".scimwright").join("state.db");
        let store = scimwright_state::StateStore::open(&file).await.unwrap();
        let state = store.tenant(&scimwright_record::TenantName::default());
        let newest = state.log(&scimwright_state::LogFilter::default()).await.unwrap().remove(0);
        for days in [5, 20] {
            let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
            let provider = scope.provider.clone();
            let message = format!("{days} days ago");
            let row = scimwright_state::LogEntry { at, provider, message, ..newest.clone() };
            state.append_log(&row).await.unwrap();
        }
    });
    let ages = || {
        workspace.run(&["sync"]).unwrap();
        let rows = workspace.run(&["--output", "json", "log"]).unwrap().stdout;
        ["5 days ago", "20 days ago"].map(|message| rows.contains(message))
    };
    assert_eq!(ages(), [true, true], "180 days without a word");
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    workspace.write("scimwright.toml", &format!("[state]\nkeep_log_days = 10\n\n{configuration}")).unwrap();
    assert_eq!(ages(), [true, false]);
}
