//! The author's tools, as an author uses them: golden cases, single records, differences, recordings.

use crate::company::workspace;
use scimwright_tests::people::Company;
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace, root};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn built(name: &str) -> String {
    root().join("target/guests/modules").join(format!("{name}.wasm")).display().to_string()
}

/// The module corp-user with another word in its code: what it calls `work` in the type of a mail address or telephone
/// number it calls `WORK`.
fn changed(folder: &Path) -> String {
    let mut wasm = std::fs::read(built("corp-user")).unwrap();
    let mut places = 0;
    for at in 0..wasm.len() - 7 {
        if wasm[at..].starts_with(b"work") && !wasm[at..].starts_with(b"working") {
            wasm[at..at + 4].copy_from_slice(b"WORK");
            places += 1;
        }
    }
    assert!(places > 0, "the word is not in the module any more; choose another");
    let path = folder.join("corp-user-next.wasm");
    std::fs::write(&path, wasm).unwrap();
    text(&path).to_owned()
}

/// A copy of the cases of an example, to be changed.
fn cases(folder: &Path, example: &str) -> PathBuf {
    let copy = folder.join("cases");
    std::fs::create_dir_all(&copy).unwrap();
    for entry in std::fs::read_dir(root().join("mappings-examples").join(example).join("cases")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    copy
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn with_input(workspace: &Workspace, arguments: &[&str], input: &str) -> Printed {
    let mut command = workspace.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Printed {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn golden_cases_fail_with_the_place_that_differs_and_an_update_mends_only_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let cases = cases(folder.path(), "corp-user");
    let module = built("corp-user");
    let test = ["mapping", "test", &module, "--cases", text(&cases)];
    let good = workspace.run(&test).unwrap();
    assert_eq!(good.code, Some(0), "{}{}", good.stdout, good.stderr);

    let complete = cases.join("complete.expected.json");
    let before = std::fs::read_to_string(&complete).unwrap();
    std::fs::write(&complete, before.replace("\"Engineer\"", "\"Director\"")).unwrap();
    std::fs::remove_file(cases.join("messy.expected.json")).unwrap();
    let junit = folder.path().join("report.xml");
    let bad = workspace.run(&[&test[..], &["--junit", text(&junit)]].concat()).unwrap();
    assert_eq!(bad.code, Some(4));
    let shown: Vec<_> = bad.stdout.lines().skip_while(|line| !line.contains("FAILED")).take(4).collect();
    let wanted = [
        "  FAILED  complete",
        "      title",
        "        expected  \"Director\"",
        "        actual    \"Engineer\"",
    ];
    assert_eq!(shown, wanted, "{}", bad.stdout);
    assert!(bad.stdout.contains("NEW     messy"), "{}", bad.stdout);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"16\" failures=\"2\""), "{xml}");

    let summary = workspace.summary(&test).unwrap();
    assert_eq!((&summary["passed"], &summary["failed"], &summary["new"]), (&json!(14), &json!(1), &json!(1)));
    let updated = workspace.run(&[&test[..], &["--update"]].concat()).unwrap();
    assert_eq!(updated.code, Some(0), "{}{}", updated.stdout, updated.stderr);
    assert_eq!(
        std::fs::read_to_string(&complete).unwrap(),
        before,
        "only the value that differed was changed"
    );
    assert_eq!(workspace.run(&test).unwrap().code, Some(0));
}

#[test]
fn a_case_that_is_no_case_is_named_with_its_file_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    workspace.write("a.record.json", r#"{"source":"hr","key":"1","fields":{},"contxt":{}}"#).unwrap();
    let test = ["mapping", "test", &built("corp-user"), "--cases", text(folder.path())];
    let refused = workspace.run(&test).unwrap();
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.stderr.contains("a.record.json: `contxt` is not known; did you mean `context`?"),
        "{}",
        refused.stderr
    );
}

#[test]
fn one_record_is_mapped_from_a_file_from_standard_input_and_from_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let company = Company::tidy(1, 3);
    let workspace = workspace(folder.path(), "http://127.0.0.1:9/v2", &company);
    let case = root().join("mappings-examples/corp-user/cases/complete.record.json");
    let file = workspace.summary(&["mapping", "run", &built("corp-user"), "--record", text(&case)]).unwrap();
    assert_eq!(file["outcome"]["userName"], "zoe.martin@example.com", "{file}");
    assert!(file["usage"]["cpu_ms"].as_f64().unwrap() > 0.0 && file["limits"]["cpu_ms"] == 50.0, "{file}");

    let typed = r#"{ "given_name": "Ada", "family_name": "Lovelace", "email": "not mail" }"#;
    let refused = with_input(&workspace, &["mapping", "run", "corp-user", "--record", "-"], typed);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(
        refused.stdout.contains("record/1 failed: the record is not valid, field `email`"),
        "{}",
        refused.stdout
    );
    assert!(refused.stdout.contains("for whoever keeps the record in its source"), "{}", refused.stdout);

    let key = company.people[0].id.as_str();
    let run = ["mapping", "run", "corp-user", "--source", "hr", "--key", key];
    let shown = workspace.run(&run).unwrap();
    assert_eq!(shown.code, Some(0), "{}{}", shown.stdout, shown.stderr);
    assert!(
        shown.stdout.starts_with(&format!("hr/{key} becomes\n{{\n  \"externalId\": \"{key}\"")),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("of 32 MiB, output"), "{}", shown.stdout);

    let nobody =
        workspace.run(&["mapping", "run", "corp-user", "--source", "hr", "--key", "nobody"]).unwrap();
    assert_eq!(nobody.code, Some(3));
    assert!(nobody.stderr.contains("source `hr` has no record `nobody`"), "{}", nobody.stderr);
    let setting = workspace.run(&[&run[..], &["--settings", "domian=x"]].concat()).unwrap();
    assert_eq!(setting.code, Some(3));
    assert!(setting.stderr.contains("did you mean `domain`?"), "{}", setting.stderr);
}

#[test]
fn the_impact_of_another_module_is_counted_over_cases_and_over_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(folder.path(), "http://127.0.0.1:9/v2", &Company::tidy(1, 40));
    let cases = cases(folder.path(), "corp-user");
    let (old, new) = (built("corp-user"), changed(folder.path()));
    let same = workspace.run(&["mapping", "diff", &old, &old, "--against", text(&cases)]).unwrap();
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
    assert!(same.stdout.contains("16  records compared\n      16  unchanged"), "{}", same.stdout);

    let diff = ["mapping", "diff", &old, &new, "--against", text(&cases)];
    let other = workspace.run(&diff).unwrap();
    assert_eq!(other.code, Some(8), "{}{}", other.stdout, other.stderr);
    let shown = other.stdout.lines().skip(2).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(shown);
    let lines = workspace.run(&[&["--output", "json"], &diff[..]].concat()).unwrap();
    let (changes, summary) = (lines.events("change").unwrap(), lines.summary().unwrap());
    let changed = summary["records"].as_u64().unwrap() - summary["unchanged"].as_u64().unwrap();
    assert_eq!(changes.len() as u64, changed, "each of those who change is told");

    let over_source =
        |new: &str| workspace.summary(&["mapping", "diff", "corp-user", new, "--source", "hr"]).unwrap();
    let summary = over_source(&old);
    assert_eq!((&summary["records"], &summary["unchanged"]), (&json!(40), &json!(40)), "{summary}");
    let summary = over_source(&new);
    assert_eq!((&summary["changed"], &summary["exit_code"]), (&json!(40), &json!(8)), "{summary}");
    assert_eq!(summary["attributes"]["emails"]["changed"], 40, "{summary}");
}

#[test]
fn a_masked_recording_replays_exactly_and_tells_nobodys_name() {
    let folder = tempfile::tempdir().unwrap();
    let company = Company::tidy(2, 30);
    let workspace = workspace(folder.path(), "http://127.0.0.1:9/v2", &company);
    let file = folder.path().join("recordings/people.cases.jsonl");
    let mask = "given_name,family_name,preferred_name,email,phone,mobile";
    let record = [
        "mapping",
        "record",
        "corp-user",
        "--source",
        "hr",
        "--to",
        text(&file),
        "--limit",
        "20",
        "--mask",
        mask,
    ];
    let written = workspace.summary(&record).unwrap();
    assert_eq!((&written["written"], &written["exit_code"]), (&json!(20), &json!(0)), "{written}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let again = workspace.summary(&record).unwrap();
    assert_eq!((&again["written"], &again["full"]), (&json!(0), &json!(true)), "the limit is the file's");

    let recorded = std::fs::read_to_string(&file).unwrap();
    let first: Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
    assert_eq!(first["key"], company.people[0].id.as_str());
    for person in &company.people {
        for (column, cell) in
            person.cells().iter().filter(|(column, cell)| mask.contains(column) && cell.len() > 3)
        {
            assert!(!recorded.contains(*cell), "{column} of {} is told: {cell}", person.id);
        }
    }

    let replay = ["mapping", "replay", text(&file), "--module", "corp-user"];
    let replayed = workspace.summary(&replay).unwrap();
    assert_eq!((&replayed["same"], &replayed["different"]), (&json!(20), &json!(0)), "{replayed}");
    let other =
        workspace.run(&["mapping", "replay", text(&file), "--module", &changed(folder.path())]).unwrap();
    assert_eq!(other.code, Some(4), "{}{}", other.stdout, other.stderr);
}

#[test]
fn a_run_records_what_the_configuration_asks_for_and_a_plan_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let workspace = workspace(folder.path(), &sandbox.base_url, &Company::tidy(3, 12));
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let recording = "\n[recording]\nfolder = \"recordings\"\nmodules = [\"corp-user\", \"corp-defaults\"]\n\
                     mask = [\"email\"]\nlimit = 10\n";
    workspace.write("scimwright.toml", &(configuration + recording)).unwrap();
    assert_eq!(workspace.run(&["plan"]).unwrap().code, Some(0));
    let recordings = folder.path().join("recordings");
    assert!(!recordings.exists(), "a plan leaves nothing behind");

    let synced = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&synced["created"], &synced["failed"]), (&json!(12), &json!(0)), "{synced}");
    for module in ["corp-user", "corp-defaults"] {
        let file = recordings.join(format!("{module}.cases.jsonl"));
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 10, "{module}");
        let replayed = workspace.summary(&["mapping", "replay", text(&file), "--module", module]).unwrap();
        assert_eq!(
            (&replayed["same"], &replayed["different"]),
            (&json!(10), &json!(0)),
            "{module}: {replayed}"
        );
    }
}

#[test]
fn a_misspelt_mask_writes_nothing_down() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let workspace = workspace(folder.path(), &sandbox.base_url, &Company::tidy(3, 5));
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let recording = "\n[recording]\nfolder = \"recordings\"\nmodules = [\"corp-user\"]\nmask = [\"emial\"]\n";
    workspace.write("scimwright.toml", &(configuration + recording)).unwrap();
    let checked = workspace.run(&["check", "--offline"]).unwrap();
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    assert!(checked.stdout.contains("`emial`, which no recorded module reads; did you mean `email`?"));
    let synced = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(synced.summary().unwrap()["created"], 5, "the run goes on");
    assert!(synced.stderr.contains("nothing is recorded"), "{}", synced.stderr);
    assert!(!folder.path().join("recordings").exists());

    let to = folder.path().join("r.cases.jsonl");
    let record = ["mapping", "record", "corp-user", "--source", "hr", "--to", text(&to), "--mask", "emial"];
    let refused = workspace.run(&record).unwrap();
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("did you mean `email`?"), "{}", refused.stderr);
    assert!(!to.exists());
}

#[test]
fn a_bench_measures_times_memory_and_instructions_that_do_not_vary() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let cases = cases(folder.path(), "corp-user");
    let bench = ["mapping", "bench", &built("corp-user"), "--cases", text(&cases), "--calls", "50"];
    let (first, second) = (workspace.summary(&bench).unwrap(), workspace.summary(&bench).unwrap());
    assert!(first["instructions"].as_u64().unwrap() > 1000, "{first}");
    assert_eq!(first["instructions"], second["instructions"]);
    assert!(
        first["fresh"]["median_us"].as_f64().unwrap() > 0.0 && first["memory_bytes"].as_u64().unwrap() > 0
    );
    assert!(first["compile_ms"].as_f64() > first["cached_load_ms"].as_f64(), "{first}");
}

#[test]
fn a_new_project_says_what_is_missing_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let project = folder.path().join("people");
    let new = ["mapping", "new", "people", "--lang", "js", "--dir", text(&project)];
    let made = workspace.run(&new).unwrap();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(project.join("mapping.js").is_file() && project.join("cases").is_dir(), "{}", made.stdout);
    assert_eq!(workspace.run(&new).unwrap().code, Some(3), "nothing is overwritten");

    let mut test = workspace.command(&["mapping", "test", text(&project)]);
    let refused = test.env("PATH", "").output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("building people: it has not been built yet"), "{said}");
    assert!(
        said.contains(
            "componentize-qjs is missing: mappings in JavaScript are built with it. To install it:"
        ),
        "{said}"
    );

    let mut nowhere = workspace.command(&["mapping", "test"]);
    let nowhere = nowhere.current_dir(folder.path()).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(3));
    let said = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(said.contains("name a module; there is no mapping.toml here"), "{said}");
}
