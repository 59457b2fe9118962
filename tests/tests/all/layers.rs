//! What a mapping is made of: rows, fields of other records, modules that rows take from, scripts, look-ups.

use scimwright_mapping::{
    CallContext, HostOptions, Limits, MappingHost, ModuleId, ModuleSlot, Operation, Outcome,
};
use scimwright_provision::{
    Apply, AttributeRow, CallOutcome, CallRecorder, Filled, Layers, ModuleCall, Origin, RowValue,
};
use scimwright_record::{FieldValue, ModuleName, Record, TenantName};
use scimwright_tests::compilers;
use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace, root};
use scimwright_toolchain::{Tools, build_script_file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const SOURCES: &str = r#"
[source.hr]
type = "csv"
path = "people.csv"
key = "id"
references = { department_id = "departments", manager_id = "hr" }

[source.departments]
type = "csv"
path = "departments.csv"
key = "id"
references = { site_id = "sites" }

[source.sites]
type = "json-lines"
path = "sites.jsonl"
key = "id"
"#;

const PEOPLE: &str = "id,name,mail,department_id,manager_id,nick
E1,Zoë,zoe@example.com,D1,,Zo
E2,Ari,ari@example.com,D2,E1,
E3,Kim,kim@example.com,D9,E2,Ki
";

/// A folder with people, departments and sites, a sandbox to send them to, and these rows and other tables.
struct Stage {
    workspace: Workspace,
    sandbox: SandboxProcess,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let workspace = Workspace::new(folder).unwrap();
        workspace.write("people.csv", PEOPLE).unwrap();
        workspace.write("departments.csv", "id,title,site_id\nD1,Research,S1\nD2,Sales,\n").unwrap();
        workspace.write("sites.jsonl", "{\"id\": \"S1\", \"city\": \"Graz\"}\n").unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        Self { workspace, sandbox }
    }

    fn configure(&self, rows: &str, rest: &str) {
        let text = format!(
            "{rest}\n{SOURCES}\n[provider.acme]\nbase_url = \"{}\"\nauth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\n\
             [[provider.acme.resource]]\ntype = \"User\"\nsource = \"hr\"\n[provider.acme.resource.attributes]\n\
             externalId = {{ field = \"id\" }}\nuserName = {{ field = \"mail\" }}\n{rows}\n",
            self.sandbox.base_url
        );
        self.workspace.write("scimwright.toml", &text).unwrap();
    }

    fn http(&self) -> Http {
        Http::new(&self.sandbox.base_url, Some(format!("Bearer {TOKEN}")))
    }

    /// The User of a record.
    fn user(&self, key: &str) -> Value {
        let list = self.http().get("/Users?count=100").unwrap();
        let users = list["Resources"].as_array().unwrap();
        users.iter().find(|user| user["externalId"] == key).unwrap_or_else(|| panic!("no {key}")).clone()
    }

    fn run(&self, arguments: &[&str]) -> Printed {
        self.workspace.run(arguments).unwrap()
    }

    /// The reasons why records failed in a sync, in the order of their keys.
    fn failures(&self) -> (Value, Vec<(String, String)>) {
        let printed = self.run(&["--output", "json", "sync"]);
        let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let failed = printed.events("record").unwrap().into_iter().filter(|event| event["action"] == "fail");
        let mut failed: Vec<_> = failed.map(|event| (text(&event, "key"), text(&event, "reason"))).collect();
        // Records are mapped side by side.
        failed.sort();
        (printed.summary().unwrap(), failed)
    }
}

#[test]
fn a_row_takes_a_field_of_the_record_that_another_field_points_at() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let rows = "displayName = { field = \"manager_id.name\", if_empty = \"leave\" }\n\
                title = { field = \"department_id.title\" }\n\
                nickName = { field = \"manager_id.department_id.site_id.city\", default = \"nowhere\" }";
    stage.configure(rows, "");
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["created"], failed), (&3.into(), vec![]), "{summary}");
    let zoe = stage.user("E1");
    assert_eq!(
        (&zoe["title"], &zoe["nickName"], &zoe["displayName"]),
        (&json!("Research"), &json!("nowhere"), &Value::Null)
    );
    let ari = stage.user("E2");
    assert_eq!(
        (&ari["title"], &ari["nickName"], &ari["displayName"]),
        (&json!("Sales"), &json!("Graz"), &json!("Zoë"))
    );
    let kim = stage.user("E3");
    assert_eq!((&kim["title"], &kim["displayName"]), (&Value::Null, &json!("Ari")), "nobody has the key D9");

    // Another state of the other source is another state of the people, in the next run.
    stage.workspace.write("departments.csv", "id,title,site_id\nD1,Development,S1\nD2,Sales,\n").unwrap();
    let (summary, _) = stage.failures();
    assert_eq!((&summary["updated"], &summary["unchanged"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(stage.user("E1")["title"], "Development");
}

#[test]
fn a_row_that_reads_what_no_record_has_is_found_before_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let rows = "title = { field = \"department_id.titel\" }\nnickName = { field = \"nik\" }\n\
                displayName = { field = \"department_id.site_id.anything\" }";
    stage.configure(rows, "");
    let checked = stage.run(&["check", "--offline"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    let problems: Vec<_> = checked.stdout.lines().filter(|line| line.starts_with("problem")).collect();
    assert_eq!(
        problems,
        [
            "problem  rows User at acme: the row `title` reads `titel`, which source `departments` does not have; did you \
             mean `title`?",
            "problem  rows User at acme: the row `nickName` reads `nik`, which source `hr` does not have; did you mean \
             `nick`?",
        ],
        "a JSON Lines file has no columns"
    );
}

#[test]
fn a_source_that_cannot_be_read_fails_those_who_need_it_and_clears_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.configure("title = { field = \"department_id.title\" }", "");
    assert_eq!(stage.failures().0["created"], 3);

    std::fs::remove_file(folder.path().join("departments.csv")).unwrap();
    let (summary, failed) = stage.failures();
    assert_eq!(
        (&summary["failed"], &summary["updated"], &summary["disabled"]),
        (&3.into(), &0.into(), &0.into())
    );
    assert!(
        failed[0].1.starts_with(
            "record E1: `department_id.title` cannot be followed: source `departments` could not be read"
        ),
        "{failed:?}"
    );
    assert_eq!(stage.user("E1")["title"], "Research");

    // A key that stands twice is nobody's, and only those who use it fail.
    stage
        .workspace
        .write("departments.csv", "id,title,site_id\nD1,Research,\nD2,Sales,\nD1,Resurch,\n")
        .unwrap();
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["failed"], &summary["unchanged"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(
        failed[0].1,
        "record E1: `department_id.title` cannot be followed: record `D1` of source `departments` cannot be used: its \
         key stands twice, at line 2 and at line 4; one of the two needs another key"
    );
}

#[test]
fn what_counts_for_new_resources_only_is_left_alone_in_those_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    // Somebody was there before us.
    let before = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "kim@example.com", "nickName": "Theirs",
        "name": { "givenName": "K", "middleName": "Theirs" }
    });
    assert_eq!(stage.http().call("POST", "/Users", Some(&before)).unwrap().status, 201);
    let rows = "nickName = { field = \"nick\", apply = \"create-only\" }\n\
                \"name.givenName\" = { field = \"name\" }\n\
                \"name.middleName\" = { field = \"nick\", apply = \"create-only\" }\n\
                title = { constant = \"Staff\", apply = \"create-only\" }";
    stage.configure(rows, "");
    let planned = stage.run(&["plan", "-vv"]).stdout;
    assert!(planned.contains("\"nickName\":\"Zo\""), "{planned}");
    assert!(
        !planned.contains("\"nickName\":\"Ki\"") && !planned.contains("\"Ki\""),
        "adopting leaves it alone: {planned}"
    );

    let (summary, failed) = stage.failures();
    assert_eq!(
        (&summary["created"], &summary["adopted"], failed.len()),
        (&2.into(), &1.into(), 0),
        "{summary}"
    );
    let list = stage.http().get("/Users?count=100").unwrap();
    let kim = list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["userName"] == "kim@example.com")
        .unwrap();
    assert_eq!(kim["nickName"], "Theirs");
    assert_eq!(kim["name"], json!({"givenName": "Kim", "middleName": "Theirs"}));
    assert_eq!(kim["title"], Value::Null);
    assert_eq!(stage.user("E1")["nickName"], "Zo");

    // What changes in the source later goes nowhere; what does not count for new ones only still does.
    stage.workspace.write("people.csv", &PEOPLE.replace(",Zo\n", ",Zozo\n").replace("Zoë", "Zoé")).unwrap();
    let (summary, _) = stage.failures();
    assert_eq!((&summary["updated"], &summary["unchanged"]), (&1.into(), &2.into()), "{summary}");
    let zoe = stage.user("E1");
    assert_eq!((&zoe["nickName"], &zoe["title"]), (&json!("Zo"), &json!("Staff")));
    assert_eq!(zoe["name"], json!({"givenName": "Zoé", "middleName": "Zo"}));
    let (summary, _) = stage.failures();
    assert_eq!((&summary["unchanged"], &summary["requests"]), (&3.into(), &0.into()), "{summary}");
}

#[test]
fn an_empty_field_may_leave_things_alone_or_fail_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.configure("nickName = { field = \"nick\", if_empty = \"fail\" }", "");
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["created"], &summary["failed"]), (&2.into(), &1.into()), "{summary}");
    assert_eq!(
        failed,
        [(
            "E2".to_owned(),
            "record E2: the row `nickName` cannot be filled: field `nick` is empty, and the row says if_empty = \"fail\""
                .to_owned()
        )]
    );
    stage.configure("nickName = { field = \"nick\", if_empty = \"leave\" }", "");
    stage.workspace.write("people.csv", &PEOPLE.replace(",Zo\n", ",\n")).unwrap();
    let (summary, _) = stage.failures();
    assert_eq!((&summary["created"], &summary["unchanged"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(stage.user("E1")["nickName"], "Zo");
}

#[test]
fn rows_take_single_attributes_from_a_module_that_is_no_layer() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.workspace.add_module("corp-user").unwrap();
    let people = "id,name,mail,department_id,manager_id,nick,given_name,family_name,email,employee_id,job_title\n\
                  E1,Zoë,zoe@example.com,,,Zo,Zoë,Großmann,zoe@example.com,E1,Engineer\n";
    stage.workspace.write("people.csv", people).unwrap();
    let rows = "name = { script = \"corp-user\" }\n\
                nickName = { script = \"corp-user\", attribute = \"displayName\" }\n\
                \"emails[type eq \\\"work\\\"].value\" = { script = \"corp-user\", attribute = \"userName\" }\n";
    stage.configure(rows, "");
    let checked = stage.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["created"], &failed), (&1.into(), &vec![]), "{summary}");
    let zoe = stage.user("E1");
    assert_eq!(zoe["name"]["familyName"], "Großmann");
    assert_eq!(zoe["nickName"], "Zoë Großmann");
    assert_eq!(zoe["emails"], json!([{"type": "work", "value": "zoe@example.com"}]));
    assert_eq!(zoe["title"], Value::Null, "what no row takes goes nowhere");

    // A row that takes what the module never gives is found before any record is.
    stage.configure("nickName = { script = \"corp-user\" }", "");
    let checked = stage.run(&["check", "--offline"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    let problem = "the row `nickName` takes `nickName` from module `corp-user`, which does not write it; it writes: externalId";
    assert!(checked.stdout.contains(problem), "{}", checked.stdout);
    let (_, failed) = stage.failures();
    assert!(failed[0].1.contains("module `corp-user` does not write `nickName`"), "{failed:?}");
}

#[test]
fn mistakes_in_rows_references_grants_and_scripts_are_all_shown_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let rows = r#"nickName = { field = "nick", apply = "once", if_empty = "skip" }
title = { constant = "x", if_empty = "leave" }
displayName = { field = "nick", default = "y", if_empty = "fail" }
locale = { script = "corp-user", attribute = "name.givenName" }
timezone = { script = { js = "1" } }
userType = { script = { jss = "1" } }
profileUrl = { field = "manager_id.manager_id.manager_id.manager_id.manager_id.name" }
preferredLanguage = { script = "inline-acme-user" }"#;
    let rest = r#"
[module.corp-user]
grants = { lookups = ["departmnets"], reuse = -1 }
[module.inline-acme-user]
[source.old]
type = "csv"
path = "old.csv"
key = "id"
references = { a = "hrr", b = 7 }
[recording]
mask = ["a"]
drop = ["a"]
[scripts]
javascript = "no"
"#;
    stage.configure(rows, rest);
    let checked = stage.run(&["check", "--offline"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    let screen = checked.stderr.replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(screen.replace(&stage.sandbox.base_url, "URL"));
}

#[test]
fn a_mistake_in_the_settings_of_a_module_is_shown_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.workspace.add_module("corp-user").unwrap();
    stage
        .configure("", "[module.corp-user.settings]\ndomain = \"example.com\"\ncountry_cod = \"+49\"\nx = 1");
    let checked = stage.run(&["check", "--offline"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    let problems: Vec<_> = checked.stdout.lines().filter(|line| line.starts_with("problem")).collect();
    let place = folder.path().join("scimwright.toml").display().to_string();
    assert_eq!(
        problems,
        [
            format!(
                "problem  module corp-user: {place}:3: the module has no setting `country_cod`; did you mean `country_code`?"
            ),
            format!(
                "problem  module corp-user: {place}:4: the module has no setting `x`; it accepts: domain, country_code, \
                 leave_is_active"
            ),
        ]
    );
}

#[test]
fn a_server_s_ceilings_cut_what_tenants_ask_for_and_check_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let outer = Workspace::new(folder.path()).unwrap();
    for name in ["north", "south"] {
        let tenant = folder.path().join("tenants").join(name);
        std::fs::create_dir_all(&tenant).unwrap();
        let inner = Workspace::new(&tenant).unwrap();
        inner.add_module("corp-user").unwrap();
        inner
            .write(
                "scimwright.toml",
                "[limits]\nlog_kb = 8\n[module.corp-user]\nlimits = { memory_mb = 128, cpu_ms = 500 }\n",
            )
            .unwrap();
    }
    let server = "[limits]\nmemory_mb = 64\ncpu_ms = 200\n[tenant.south.limits]\nmemory_mb = 256\n";
    outer.write("server.toml", server).unwrap();
    let notes = |tenant: &str| -> Vec<String> {
        let checked = outer.run(&["--tenant", tenant, "check", "--offline"]).unwrap();
        assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
        checked.stdout.lines().filter(|line| line.starts_with("note")).map(str::to_owned).collect()
    };
    assert_eq!(
        notes("north"),
        [
            "note     module corp-user: cpu_ms is 200 and not 500: server.toml allows no more",
            "note     module corp-user: memory_mb is 64 and not 128: server.toml allows no more",
        ]
    );
    assert_eq!(
        notes("south"),
        ["note     module corp-user: cpu_ms is 200 and not 500: server.toml allows no more"]
    );

    outer.write("server.toml", &server.replace("tenant.south", "tenant.sotuh")).unwrap();
    let checked = outer.run(&["check", "--offline"]).unwrap();
    assert_eq!(checked.code, Some(3));
    assert!(checked.stderr.contains("there is no tenant `sotuh`"), "{}", checked.stderr);
    assert!(checked.stderr.contains("did you mean `south`?"), "{}", checked.stderr);
}

/// The tool that builds JavaScript, where it is installed. In CI it has to be.
fn javascript_tool() -> Option<PathBuf> {
    let tool = compilers::installed(&root()).componentize_qjs;
    assert!(tool.is_some() || std::env::var_os("CI").is_none(), "componentize-qjs is not in target/tools");
    tool
}

#[test]
fn a_script_in_the_modules_folder_is_built_where_the_configuration_allows_it() {
    let Some(tool) = javascript_tool() else {
        eprintln!("skipped: componentize-qjs is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let script = "import { mapping } from \"scimwright\";\n\
                  export const { about, attributeMapping } = mapping({\n\
                  name: \"nick\", version: \"1\", reads: [\"mail\"], writes: [\"nickName\"],\n\
                  map: (record) => ({ nickName: record.mail.split(\"@\")[0] }),\n});\n";
    std::fs::create_dir_all(folder.path().join("modules")).unwrap();
    stage.workspace.write("modules/nick.js", script).unwrap();
    let rows = "nickName = { script = \"nick\" }";
    stage.configure(rows, "");
    let refused = stage.run(&["sync"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("JavaScript files are not allowed here"), "{}", refused.stderr);

    stage.configure(rows, &format!("[scripts]\njavascript = true\ntool = {:?}\n", tool.display()));
    assert_eq!(stage.failures().0["created"], 3);
    let zoe = stage.user("E1");
    assert_eq!(zoe["nickName"], zoe["userName"].as_str().unwrap().split('@').next().unwrap());
}

#[test]
fn scripts_in_rows_run_as_one_module_over_the_whole_record() {
    let Some(tool) = javascript_tool() else {
        eprintln!("skipped: componentize-qjs is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage
        .workspace
        .write("nick.js", "if (!record.nick) return undefined;\nreturn record.nick.toUpperCase();\n")
        .unwrap();
    let rows = format!(
        "userType = {{ script = {{ js = \"record.department_id === 'D1' ? 'Research' : 'Other'\" }} }}\n\
         nickName = {{ script = {{ js_file = \"nick.js\" }}, default = \"-\" }}\n\
         \"{ENTERPRISE}:department\" = {{ field = \"department_id.title\" }}\n\
         title = {{ script = {{ js = \"record['department_id.title']\" }} }}"
    );
    let allowed = format!("[scripts]\njavascript = true\ntool = \"{}\"\n", tool.display());
    stage.configure(&rows, &allowed);
    let checked = stage.run(&["check"]);
    assert!(
        checked.stdout.contains("rows User at acme: 3 scripts can be run"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["created"], &failed), (&3.into(), &vec![]), "{summary}");
    let zoe = stage.user("E1");
    assert_eq!(
        (&zoe["userType"], &zoe["nickName"], &zoe["title"]),
        (&json!("Research"), &json!("ZO"), &json!("Research"))
    );
    let ari = stage.user("E2");
    assert_eq!(
        (&ari["userType"], &ari["nickName"], &ari["title"]),
        (&json!("Other"), &json!("-"), &json!("Sales"))
    );
    assert_eq!(stage.failures().0["unchanged"], 3);

    stage.configure("title = { script = { js = \"record.(\" } }", &allowed);
    let checked = stage.run(&["check", "--offline"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    assert!(checked.stdout.contains("the script of row `title` cannot be used"), "{}", checked.stdout);
}

/// A mapping that looks departments up, and says in each attribute what it was told.
const TELLER: &str = r#"
import { mapping, lookup, skip } from "scimwright";
export const { about, attributeMapping } = mapping({
  name: "teller", version: "1.0.0", description: "Says what it was told.",
  reads: ["department_id", "department_id.title"], writes: ["title", "nickName"], lookups: ["departments"],
  map(record) {
    if (record.department_id === "D3") return skip("closed");
    let title;
    try {
      title = lookup("departments", record.department_id, ["title"])?.title ?? "none";
    } catch (error) {
      title = `refused: ${error.message}`;
    }
    return { title, nickName: record["department_id.title"] ?? "empty" };
  },
});
"#;

#[test]
fn a_module_looks_records_up_in_the_sources_that_it_was_granted_and_in_no_others() {
    let Some(tool) = javascript_tool() else {
        eprintln!("skipped: componentize-qjs is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.workspace.write("teller.js", TELLER).unwrap();
    let tools = Tools { componentize_qjs: Some(tool), ..Tools::default() };
    let built =
        build_script_file(&folder.path().join("teller.js"), &folder.path().join("cache"), &tools).unwrap();
    std::fs::create_dir_all(folder.path().join("modules")).unwrap();
    std::fs::copy(built, folder.path().join("modules/teller.wasm")).unwrap();
    let rows = "title = { script = \"teller\" }\nnickName = { script = \"teller\" }";

    stage.configure(rows, "");
    let refused = stage.run(&["check", "--offline"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stdout);
    let remedy = "[module.teller] grants = { lookups = [\"departments\"] }";
    assert!(refused.stdout.contains(remedy), "{}", refused.stdout);

    stage.configure(rows, "[module.teller]\ngrants = { lookups = [\"departments\"] }");
    let (summary, failed) = stage.failures();
    assert_eq!((&summary["created"], &failed), (&3.into(), &vec![]), "{summary}");
    let told = |key: &str| {
        let user = stage.user(key);
        (user["title"].as_str().unwrap().to_owned(), user["nickName"].as_str().unwrap().to_owned())
    };
    assert_eq!(told("E1"), ("Research".to_owned(), "Research".to_owned()));
    assert_eq!(told("E2"), ("Sales".to_owned(), "Sales".to_owned()));
    assert_eq!(told("E3"), ("none".to_owned(), "empty".to_owned()));

    // A row that cannot be understood is no "none", and a module that skips skips for all rows.
    let departments = "id,title,site_id\nD1,Research,S1\nD2,Sales,\nD9,too,many,cells\n";
    stage.workspace.write("departments.csv", departments).unwrap();
    stage.workspace.write("people.csv", &PEOPLE.replace(",D2,", ",D3,")).unwrap();
    let printed = stage.run(&["--output", "json", "plan"]);
    let events = printed.events("record").unwrap();
    let of = |key: &str| events.iter().find(|event| event["key"] == key).unwrap();
    assert_eq!((&of("E2")["action"], &of("E2")["reason"]), (&json!("skip"), &json!("closed")));
    let reason = of("E3")["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("record `D9` of source `departments` cannot be used: line 4"), "{events:#?}");
}

/// What a recorder was told of a call.
#[derive(Debug)]
struct Note {
    module: String,
    fields: Vec<String>,
    was_mapped: bool,
    answer: String,
}

#[derive(Default)]
struct Notes(Mutex<Vec<Note>>);

impl CallRecorder for Notes {
    fn called(&self, call: &ModuleCall<'_>) {
        let fields = call.record.fields().iter().map(|field| field.name.clone()).collect();
        let answer = match &call.result {
            Ok(CallOutcome::Mapped(Outcome::Provision(_))) => "attributes".to_owned(),
            Ok(CallOutcome::Mapped(Outcome::Skip(reason))) => reason.clone(),
            Ok(CallOutcome::Defaults(_)) => "defaults".to_owned(),
            Err(error) => error.fault.to_string(),
        };
        assert!(call.evidence.usage.memory_bytes > 0 && call.context.provider.as_str() == "acme");
        let module = call.module.id().name.to_string();
        self.0.lock().unwrap().push(Note { module, fields, was_mapped: call.mapped.is_some(), answer });
    }
}

#[test]
fn each_attribute_says_which_layer_gave_it_and_every_call_of_a_module_is_told() {
    let host = MappingHost::new(HostOptions::default()).unwrap();
    let slot = |name: &str| {
        let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(name).unwrap() };
        let path = root().join(format!("target/guests/modules/{name}.wasm"));
        let loaded = host.load(id, &path, Limits::default(), Vec::new(), Default::default());
        ModuleSlot::fixed(loaded.unwrap_or_else(|error| panic!("{error}; `cargo xtask guests` builds it")))
    };
    let row = |target: &str, value| AttributeRow::new(target.parse().unwrap(), value);
    let notes = Arc::new(Notes::default());
    let layers = Layers {
        rows: vec![
            row("title", RowValue::Field("job_title".into())),
            row("nickName", RowValue::Constant(json!("Zo"))),
            AttributeRow {
                apply: Apply::CreateOnly,
                ..row("timezone", RowValue::Constant(json!("Europe/Vienna")))
            },
            AttributeRow { apply: Apply::CreateOnly, ..row("locale", RowValue::Constant(json!("de-AT"))) },
            row("profileUrl", RowValue::Field("page".into())),
        ],
        modules: vec![slot("corp-user")],
        defaults: vec![slot("corp-defaults")],
        recorder: Some(notes.clone()),
        ..Layers::default()
    };
    let text = |text: &str| FieldValue::Text(text.into());
    let record = Record::new("hr".parse().unwrap(), "E1".parse().unwrap())
        .with("employee_id", text("E1"))
        .with("given_name", text("Zoë"))
        .with("family_name", text("Großmann"))
        .with("email", text("zoe@example.com"))
        .with("job_title", text("Engineer"))
        .with("locale", text("en-GB"))
        .with("salary", text("secret"));
    let context = CallContext {
        tenant: TenantName::default(),
        provider: "acme".parse().unwrap(),
        resource_type: "User".parse().unwrap(),
        operation: Operation::Preview,
        now: "2026-01-01T00:00:00Z".into(),
    };
    let layered = layers.map(&context, &record).unwrap();
    let Outcome::Provision(attributes) = &layered.outcome else { panic!("{:?}", layered.outcome) };
    for (path, _) in attributes.iter() {
        let origins = layered.origins.iter().filter(|(known, _)| known.same_attribute(path)).count();
        assert_eq!(origins, 1, "{path} comes from one place");
    }
    assert_eq!(layered.origins.len(), attributes.len());
    let origin = |attribute: &str| {
        let path = attribute.parse().unwrap();
        let found = layered.origins.iter().find(|(known, _)| *known == path);
        match found.map(|(_, origin)| origin) {
            Some(Origin::Row(row)) => format!("row, {:?}", row.filled),
            Some(Origin::Module(module)) => format!("{} {}", module.name, module.digest.len()),
            Some(Origin::Default(module)) => format!("default of {}", module.name),
            None => "nowhere".to_owned(),
        }
    };
    assert_eq!(origin("nickName"), "row, Value");
    assert_eq!(origin("profileUrl"), format!("row, {:?}", Filled::Cleared));
    assert_eq!(origin("title"), "corp-user 64", "the module lies on top of the row");
    assert_eq!(origin("userType"), "default of corp-defaults");
    // What a module gives, it gives always.
    let create_only: Vec<_> = layered.create_only.iter().map(ToString::to_string).collect();
    assert_eq!(create_only, ["timezone"]);
    let called: Vec<_> = layered.calls.iter().map(|call| call.module.name.as_str()).collect();
    assert_eq!(called, ["corp-user", "corp-defaults"]);

    let broken = Record::new("hr".parse().unwrap(), "E2".parse().unwrap()).with("salary", text("secret"));
    layers.map(&context, &broken).unwrap_err();
    let notes = notes.0.lock().unwrap();
    let told: Vec<_> =
        notes.iter().map(|note| (note.module.as_str(), note.was_mapped, note.answer.as_str())).collect();
    assert_eq!(told[..2], [("corp-user", false, "attributes"), ("corp-defaults", true, "defaults")]);
    assert!(told[2].2.contains("the record is not valid"), "{told:?}");
    assert!(notes.iter().all(|note| !note.fields.contains(&"salary".to_owned())), "{notes:?}");
}
