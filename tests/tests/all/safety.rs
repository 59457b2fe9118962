//! Nobody is deprovisioned by accident.

use crate::company::workspace;
use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::Value;
use std::path::Path;

/// Two hundred people, synced once.
fn synced(folder: &Path) -> (Company, Workspace, SandboxProcess) {
    let sandbox = SandboxProcess::start(&Workspace::new(folder).unwrap()).unwrap();
    let company = Company::tidy(5, 200);
    let workspace = workspace(folder, &sandbox.base_url, &company);
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(first["created"], 200, "{first}");
    (company, workspace, sandbox)
}

fn held_reason(workspace: &Workspace) -> (Option<i32>, Value, String) {
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    let held = printed.events("held").unwrap();
    let reason = held.first().map(|event| event["reason"].as_str().unwrap_or_default().to_owned());
    (printed.code, printed.summary().unwrap(), reason.unwrap_or_default())
}

/// Point 25: a mass-change guard.
/// Pain 1: wrong settings or a wrong file stop at a threshold.
#[test]
fn a_mass_disable_stops_before_the_first_and_says_how_to_proceed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, _sandbox) = synced(folder.path());
    company.leave(30);
    workspace.write("people.csv", &company.to_csv()).unwrap();

    let (code, summary, reason) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"], &summary["held"]), (Some(5), &0.into(), &30.into()));
    assert_eq!(
        reason,
        "30 would go, and of 200 active ones max_deprovision = 5 % allows 10; if this is right, run `scimwright sync \
         --provider acme --resource User --allow-deprovisions 30`"
    );
    let allowed = workspace.summary(&["sync", "--allow-deprovisions", "30"]).unwrap();
    assert_eq!(allowed["disabled"], 30, "{allowed}");
}

/// Point 26: order: users, references, deprovisioning.
#[test]
fn whoever_is_new_comes_first_then_references_and_those_who_left_come_last() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, _sandbox) = synced(folder.path());
    company.hire(2);
    let [.., report, manager] = company.people.as_mut_slice() else { panic!("two people were hired") };
    // The manager stands below, so that the reference has to wait.
    report.manager_id.clone_from(&manager.id);
    let waiting = report.id.clone();
    company.leave(4);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["created"], &summary["disabled"]), (&2.into(), &4.into()), "{summary}");

    let mut rows = workspace.run(&["--output", "json", "log"]).unwrap().events("call").unwrap();
    rows.reverse();
    let runs: Vec<&Value> = rows.iter().map(|row| &row["run"]).collect();
    let last_run = runs[runs.len() - 1].clone();
    let steps: Vec<&str> = rows
        .iter()
        .filter(|row| row["run"] == last_run)
        .map(|row| match row["action"].as_str().unwrap() {
            "update" if row["key"] == waiting.as_str() => "reference",
            action => action,
        })
        .collect();
    let last = |step: &str| steps.iter().rposition(|found| *found == step).unwrap();
    let first = |step: &str| steps.iter().position(|found| *found == step).unwrap();
    assert!(last("create") < first("reference"), "{steps:?}");
    assert!(last("reference") < first("disable"), "{steps:?}");
    assert_eq!(last("disable"), steps.len() - 1, "{steps:?}");
}

/// Point 24: disable then delete after N days; a leaver comes back to the account within that time.
#[test]
fn whoever_left_stays_disabled_for_the_days_of_grace() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, _sandbox) = synced(folder.path());
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let with_grace = "deprovision = \"disable-then-delete\"\ndelete_after_days = 30";
    let changed = configuration.replace("deprovision = \"disable\"", with_grace);
    assert_ne!(changed, configuration, "the configuration says what happens to leavers");
    workspace.write("scimwright.toml", &changed).unwrap();
    let everybody = company.to_csv();
    company.leave(3);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 3);
    let again = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&again["disabled"], &again["deleted"]), (&0.into(), &0.into()), "{again}");
    workspace.write("people.csv", &everybody).unwrap();
    let back = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&back["created"], &back["deleted"]), (&0.into(), &0.into()), "{back}");
    assert!(back["updated"].as_u64().unwrap() >= 3, "{back}");
}

/// A provider that takes an attribute at the beginning only: a reference that has to wait cannot be filled in,
/// and must not pass for done.
#[test]
fn a_reference_that_the_provider_cannot_take_later_is_named_in_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start_with(&plain, &["--profile", "sentry"]).unwrap();
    let mut company = Company::tidy(5, 3);
    let [head, .., last] = company.people.as_mut_slice() else { panic!("there are three people") };
    head.manager_id.clone_from(&last.id);
    let workspace = workspace(folder.path(), &sandbox.base_url, &company);
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let with_profile = configuration.replacen("base_url", "profile = \"sentry\"\nbase_url", 1);
    workspace.write("scimwright.toml", &with_profile).unwrap();
    for run in 0..2 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        let summary = printed.summary().unwrap();
        assert_eq!(summary["references"], 0, "run {run}: {summary}");
        let notices = printed.events("notice").unwrap();
        let named = notices.iter().any(|notice| {
            let message = notice["message"].as_str().unwrap_or_default();
            message.contains("manager") && message.contains("cannot change it")
        });
        assert!(named, "run {run}: {notices:?}");
    }
}

/// Results that cannot be written are no results.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workspace, _sandbox) = synced(folder.path());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = workspace.command(&["get", "acme", "User", "--all"]).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// Point 25: no deletion after a source that has nobody left.
#[test]
fn an_empty_file_disables_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workspace, _sandbox) = synced(folder.path());
    let header = scimwright_tests::people::HEADER;
    workspace.write("people.csv", &format!("{header}\n")).unwrap();
    let (code, summary, reason) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"]), (Some(5), &0.into()));
    assert!(reason.contains("no records at all"), "{reason}");
}

/// Point 25: no deletion after a failed or partial read of the source.
#[test]
fn a_file_that_is_missing_or_breaks_off_disables_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (company, workspace, _sandbox) = synced(folder.path());
    // A quote that nobody closes swallows the last five people.
    let text = company.to_csv();
    let lines: Vec<&str> = text.lines().collect();
    let broken = format!("{}\n\"E00196,an open quote\n", lines[..196].join("\n"));
    workspace.write("people.csv", &broken).unwrap();
    let (code, summary, reason) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"], &summary["complete"]), (Some(6), &0.into(), &false.into()));
    assert!(reason.contains("nobody is taken for a leaver"), "{reason}");

    // So does a file that was cut off inside a row, even inside the key.
    for stump in ["E00196,Zo", "E0"] {
        workspace.write("people.csv", &format!("{}\n{stump}", lines[..196].join("\n"))).unwrap();
        let (code, summary, reason) = held_reason(&workspace);
        assert_eq!(
            (code, &summary["disabled"], &summary["held"]),
            (Some(6), &0.into(), &5.into()),
            "{stump}"
        );
        assert!(reason.contains("cut short"), "{reason}");
    }

    std::fs::remove_file(workspace.folder.join("people.csv")).unwrap();
    let (code, summary, _) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"]), (Some(6), &0.into()));
}

/// Point 25: no deletion while somebody cannot be told apart.
#[test]
fn a_row_without_a_readable_key_may_be_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, _sandbox) = synced(folder.path());
    company.leave(1);
    let text = format!("{},a,row,without,a,key,,,,,,,,,\n", company.to_csv());
    workspace.write("people.csv", &text).unwrap();
    let (code, summary, reason) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"], &summary["failed"]), (Some(5), &0.into(), &1.into()), "{reason}");
    assert!(reason.contains("unreadable_rows"), "{reason}");
}

/// Point 25: no deletion while somebody cannot be told apart. A slip of the pen made one person's key another's.
#[test]
fn a_row_with_the_key_of_another_may_be_that_of_somebody_who_seems_to_have_left() {
    let folder = tempfile::tempdir().unwrap();
    let (company, workspace, _sandbox) = synced(folder.path());
    let text = company.to_csv();
    workspace.write("people.csv", &text.replace("\nE00042,", "\nE00041,")).unwrap();
    let (code, summary, reason) = held_reason(&workspace);
    assert_eq!((code, &summary["disabled"], &summary["held"]), (Some(5), &0.into(), &1.into()), "{reason}");
    assert!(reason.contains("unreadable_rows"), "{reason}");

    // The same row twice is nobody else's.
    let row = text.lines().find(|line| line.starts_with("E00041,")).unwrap();
    let without: String =
        text.lines().filter(|line| !line.starts_with("E00042,")).collect::<Vec<_>>().join("\n");
    workspace.write("people.csv", &format!("{without}\n{row}\n")).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["failed"]), (&1.into(), &1.into()), "{summary}");
}

#[test]
fn a_broken_row_keeps_its_person() {
    let folder = tempfile::tempdir().unwrap();
    let (company, workspace, _sandbox) = synced(folder.path());
    let text = company.to_csv().replace("E00042,", "E00042,one,cell,too,many,");
    workspace.write("people.csv", &text).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["failed"], &summary["disabled"]), (&1.into(), &0.into()), "{summary}");
}

/// Point 24: disabled, and active again in the same account; once is enough.
#[test]
fn whoever_comes_back_is_active_again_in_the_same_account() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, sandbox) = synced(folder.path());
    let everybody = company.to_csv();
    company.leave(3);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 3);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 0, "once is enough");
    workspace.write("people.csv", &everybody).unwrap();
    let back = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&back["created"], &back["failed"]), (&0.into(), &0.into()), "{back}");
    let url = format!("{}/Users?filter=active+eq+false&count=1", sandbox.base_url);
    let disabled = scimwright_tests::servers::get(&url, Some(scimwright_tests::servers::TOKEN)).unwrap();
    assert_eq!(disabled["totalResults"], 0, "{disabled}");
}

#[test]
fn protected_and_adopted_people_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, sandbox) = synced(folder.path());
    let left = company.leave(2);
    let protect = format!("max_deprovision = \"5%\"\nprotect = [\"{}\"]", left[0]);
    let text = Company::configuration(&sandbox.base_url).replace("max_deprovision = \"5%\"", &protect);
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["skipped"]), (&1.into(), &1.into()), "{summary}");

    // Without the memory of ours, everybody who is left was there before us.
    std::fs::remove_dir_all(workspace.folder.join(".scimwright")).unwrap();
    let adopted = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&adopted["created"], &adopted["adopted"]), (&0.into(), &198.into()), "{adopted}");
    company.leave(2);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["skipped"]), (&0.into(), &2.into()), "{summary}");
}

#[test]
fn two_people_with_one_login_are_one_account_and_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let mut company = Company::tidy(9, 60);
    for pair in 0..30 {
        // Neighbours in the file, so that both are on their way at once; and in another case.
        company.people[2 * pair + 1].email = company.people[2 * pair].email.to_uppercase();
    }
    let workspace = workspace(folder.path(), &sandbox.base_url, &company);
    for _ in 0..2 {
        let summary = workspace.summary(&["sync"]).unwrap();
        let settled = summary["created"].as_u64().unwrap() + summary["unchanged"].as_u64().unwrap();
        assert_eq!(
            (settled, &summary["failed"], &summary["adopted"]),
            (30, &30.into(), &0.into()),
            "{summary}"
        );
    }
    let failed = workspace.run(&["--output", "json", "sync"]).unwrap().events("record").unwrap();
    let reasons: Vec<_> = failed.iter().filter_map(|event| event["reason"].as_str()).collect();
    assert_eq!(reasons.len(), 30);
    assert!(reasons.iter().all(|reason| reason.contains("belongs to record E")), "{reasons:?}");
}

#[test]
fn a_new_key_for_the_same_person_takes_nobodys_access_away() {
    let folder = tempfile::tempdir().unwrap();
    let (company, workspace, sandbox) = synced(folder.path());
    let row_of_two = |text: &str| text.lines().find(|line| line.starts_with("E00002,")).unwrap().to_owned();
    let row = row_of_two(&company.to_csv());
    let text = company.to_csv().replace(&row, &row.replacen("E00002", "K2", 1));
    workspace.write("people.csv", &text).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["failed"]), (&0.into(), &1.into()), "{summary}");
    let url = format!("{}/Users?filter=active+eq+false&count=1", sandbox.base_url);
    let disabled = scimwright_tests::servers::get(&url, Some(scimwright_tests::servers::TOKEN)).unwrap();
    assert_eq!(disabled["totalResults"], 0, "{disabled}");
}

#[test]
fn a_wrong_base_url_is_noticed_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workspace, sandbox) = synced(folder.path());
    let text = Company::configuration(&sandbox.base_url.replace("/v2", "/v3"));
    workspace.write("scimwright.toml", &text).unwrap();
    for command in ["check", "plan", "sync"] {
        let printed = workspace.run(&["--output", "json", command]).unwrap();
        assert_eq!(printed.code, Some(6), "{command}: {}", printed.stdout);
        assert!(printed.stdout.contains("check base_url"), "{command}: {}", printed.stdout);
    }
    assert_eq!(workspace.summary(&["sync"]).unwrap()["complete"], false);
}

/// Point 13: PUT is read, merge, write: attributes we do not manage survive.
#[test]
fn replacing_a_resource_keeps_what_others_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let (mut company, workspace, sandbox) = synced(folder.path());
    let people = format!("{}/Users?filter=externalId+eq+%22E00007%22", sandbox.base_url);
    let token = Some(scimwright_tests::servers::TOKEN);
    let user = scimwright_tests::servers::get(&people, token).unwrap()["Resources"][0].clone();
    let home = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "add", "path": "emails", "value": [{"type": "home", "value": "home@example.org"}]},
            {"op": "add", "path": "nickName", "value": "Nick"},
        ],
    });
    let url = format!("{}/Users/{}", sandbox.base_url, user["id"].as_str().unwrap());
    scimwright_tests::servers::patch(&url, token, &home).unwrap();

    let put = Company::configuration(&sandbox.base_url)
        .replace("[provider.acme]", "[provider.acme]\nupdate = \"put\"");
    workspace.write("scimwright.toml", &put).unwrap();
    let person = company.people.iter_mut().find(|person| person.id == "E00007").unwrap();
    person.email = "changed@example.com".to_owned();
    workspace.write("people.csv", &company.to_csv()).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 1);

    let user = scimwright_tests::servers::get(&url, token).unwrap();
    let mails: Vec<_> = user["emails"].as_array().unwrap().iter().map(|mail| mail["value"].clone()).collect();
    assert_eq!(mails, ["changed@example.com", "home@example.org"], "{user}");
    assert_eq!(user["nickName"], "Nick");
}
