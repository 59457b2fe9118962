//! `scimwright serve`, as an admin sees it: modules that come, break and go, tenants that do not disturb each
//! other, and an end that loses nothing.

use crate::company::workspace;
use scimwright_tests::people::Company;
use scimwright_tests::servers::free_port;
use scimwright_tests::teams::Teams;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Guests as text, as the tests of the mapping crate write them.
#[allow(dead_code, reason = "the mapping crate's own tests use the rest")]
#[path = "../../../host/mapping/tests/all/guests.rs"]
mod guests;

/// A running `scimwright serve`, killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Serving {
    pub(crate) fn start(workspace: &Workspace) -> Self {
        Self::start_as(workspace.command(&["--output", "json", "serve"]))
    }

    fn start_as(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, events }
    }

    /// Nothing goes on in it until it goes on again.
    pub(crate) fn halt(&self) {
        signal(&self.child, rustix::process::Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        signal(&self.child, rustix::process::Signal::CONT);
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How much was said until now.
    pub(crate) fn mark(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub(crate) fn since(&self, mark: usize) -> Vec<Value> {
        self.events.lock().unwrap()[mark..].to_vec()
    }

    /// Waits for an event that is said after a mark.
    pub(crate) fn wait(&self, mark: usize, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let said = self.since(mark);
            if let Some(event) = said.iter().find(|event| is(event)) {
                return event.clone();
            }
            let of_note = said.iter().filter(|event| event["event"] != "record").collect::<Vec<_>>();
            assert!(begun.elapsed() < Duration::from_secs(60), "no {what} in {of_note:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end of a whole run that began after now.
    fn next_run(&self) -> Value {
        let mark = self.mark();
        let started = self.wait(mark, "run", |event| event["event"] == "started");
        let run = self.since(mark).iter().position(|event| *event == started).unwrap();
        self.wait(mark + run, "end of a run", |event| event["event"] == "finished")
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(mut self) -> (Option<i32>, Vec<Value>) {
        terminate(&self.child);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(45), "it does not stop: {:#?}", self.since(0));
            std::thread::sleep(Duration::from_millis(10));
        };
        // The reader has a moment to take in the last lines.
        while begun.elapsed() < Duration::from_secs(50)
            && !self.since(0).iter().any(|event| event["event"] == "stopped")
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        (status.code(), self.since(0))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn terminate(child: &Child) {
    signal(child, rustix::process::Signal::TERM);
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// The company's folder, served every second.
fn served(folder: &Path, base_url: &str, company: &Company) -> Workspace {
    let workspace = workspace(folder, base_url, company);
    let text = Company::configuration(base_url) + "\n[serve]\ninterval = \"1s\"\n";
    workspace.write("scimwright.toml", &text).unwrap();
    workspace
}

fn users(workspace: &Workspace) -> Vec<Value> {
    let printed = workspace.run(&["--output", "json", "get", "acme", "User", "--all"]).unwrap();
    // The last line is a summary.
    let lines = printed.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["userName"].is_string()).collect()
}

fn disabled(workspace: &Workspace) -> usize {
    users(workspace).iter().filter(|user| user["active"] == false).count()
}

fn module(workspace: &Workspace, name: &str) -> Value {
    let status = workspace.summary(&["status"]).unwrap();
    let modules = status["modules"].as_array().unwrap();
    modules.iter().find(|module| module["module"] == name).unwrap_or_else(|| panic!("{status}")).clone()
}

#[test]
fn modules_come_break_and_go_while_the_service_runs_and_nobody_is_deprovisioned_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let mut company = Company::tidy(7, 30);
    let workspace = served(folder.path(), &sandbox.base_url, &company);
    let file = folder.path().join("modules/corp-user.wasm");
    let good = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    // Without its module the resource is not synced, and it is said why.
    let serving = Serving::start(&workspace);
    let failed = serving.wait(0, "failure", |event| event["event"] == "synced");
    let reason = failed["failure"].as_str().unwrap();
    assert!(reason.contains("there is no file corp-user.wasm in"), "{reason}");
    assert_eq!(users(&workspace).len(), 0);

    // A file is dropped, and used at the next pass.
    let mark = serving.mark();
    std::fs::write(&file, &good).unwrap();
    serving.wait(mark, "live module", |event| event["file"] == "corp-user.wasm" && event["state"] == "live");
    let finished = serving.wait(mark, "run", |event| event["event"] == "finished" && event["created"] == 30);
    assert_eq!(finished["failed"], 0, "{finished}");
    let status = module(&workspace, "corp-user");
    assert_eq!((&status["state"], &status["used"]), (&"live".into(), &true.into()), "{status}");

    // A broken one takes its place: the last good version serves, and the status tells why.
    let mark = serving.mark();
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    serving.wait(mark, "refusal", |event| event["file"] == "corp-user.wasm" && event["state"] == "refused");
    let finished = serving.next_run();
    assert_eq!((&finished["unchanged"], &finished["failed"]), (&30.into(), &0.into()), "{finished}");
    let page = workspace.run(&["status"]).unwrap();
    assert_eq!(page.code, Some(3));
    assert!(page.stdout.contains("corp-user: refused"), "{}", page.stdout);
    assert!(page.stdout.contains("copy or build it again"), "{}", page.stdout);
    assert!(page.stdout.contains("still serves"), "{}", page.stdout);

    // It is removed while somebody leaves: the runs stop, and nobody is deprovisioned.
    let mark = serving.mark();
    std::fs::remove_file(&file).unwrap();
    serving.wait(mark, "removal", |event| event["module"] == "corp-user" && event["state"] == "removed");
    company.leave(1);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let mark = serving.mark();
    let failed =
        serving.wait(mark, "failure", |event| event["event"] == "synced" && !event["failure"].is_null());
    let reason = failed["failure"].as_str().unwrap();
    assert!(reason.contains("its file corp-user.wasm was removed"), "{reason}");
    assert!(reason.contains("nobody was deprovisioned"), "{reason}");
    let failed_records = serving
        .since(mark)
        .iter()
        .filter(|event| event["event"] == "record" && event["action"] == "fail")
        .count();
    assert_eq!((failed_records, disabled(&workspace)), (0, 0));
    assert_eq!(module(&workspace, "corp-user")["state"], "removed");

    // It comes back, and work goes on where it was.
    let mark = serving.mark();
    std::fs::write(&file, &good).unwrap();
    serving.wait(mark, "leaver", |event| event["event"] == "finished" && event["disabled"] == 1);
    assert_eq!(disabled(&workspace), 1);

    let (code, events) = serving.stop();
    assert_eq!(code, Some(0));
    assert_eq!(events.last().unwrap()["clean"], true, "{events:#?}");
    assert_eq!(
        module(&workspace, "corp-user")["state"],
        "live",
        "without the service the folder is judged itself"
    );
}

#[test]
fn a_signal_in_the_middle_of_a_sync_ends_the_service_cleanly_and_the_next_start_completes_it() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let company = Company::tidy(8, 600);
    let workspace = served(folder.path(), &sandbox.base_url, &company);
    let serving = Serving::start(&workspace);
    let created = |serving: &Serving| {
        serving
            .since(0)
            .iter()
            .filter(|event| event["event"] == "record" && event["action"] == "create")
            .count()
    };
    let begun = Instant::now();
    while created(&serving) < 100 {
        assert!(begun.elapsed() < Duration::from_secs(120), "{:#?}", serving.since(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, events) = serving.stop();
    assert_eq!(code, Some(0), "{events:#?}");
    let finished = events.iter().find(|event| event["event"] == "finished").unwrap();
    let done = finished["created"].as_u64().unwrap();
    assert!((100..600).contains(&done) && finished["complete"] == false, "{finished}");
    assert_eq!(events.last().unwrap()["clean"], true);
    assert_eq!(users(&workspace).len() as u64, done, "all that was under way is settled");
    let status = workspace.summary(&["status"]).unwrap();
    assert_eq!(status["runs"][0]["outcome"], "stopped", "{status}");
    assert_eq!(status["resources"][0]["unsettled"], 0, "{status}");

    let serving = Serving::start(&workspace);
    let finished = serving.wait(0, "run", |event| event["event"] == "finished");
    assert_eq!(finished["created"].as_u64().unwrap() + done, 600, "{finished}");
    assert_eq!(finished["failed"], 0, "{finished}");
    let users = users(&workspace);
    let keys: std::collections::BTreeSet<_> =
        users.iter().map(|user| user["externalId"].to_string()).collect();
    assert_eq!((users.len(), keys.len()), (600, 600), "no duplicate");
}

#[test]
fn a_signal_stops_a_single_sync_as_well_and_its_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let company = Company::tidy(9, 600);
    let workspace = workspace(folder.path(), &sandbox.base_url, &company);
    let mut sync = workspace.command(&["--output", "json", "sync"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(sync.stdout.take().unwrap()).lines().map_while(Result::ok);
    let created = lines.by_ref().filter(|line| line.contains("\"action\":\"create\"")).take(50).count();
    assert_eq!(created, 50);
    terminate(&sync);
    let summary: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert_eq!((sync.wait().unwrap().code(), &summary["exit_code"]), (Some(7), &7.into()), "{summary}");
    assert_eq!(summary["complete"], false, "{summary}");
    let rest = workspace.summary(&["sync"]).unwrap();
    assert_eq!(
        rest["created"].as_u64().unwrap() + summary["created"].as_u64().unwrap(),
        600,
        "{summary}\n{rest}"
    );
    assert_eq!(users(&workspace).len(), 600);
}

#[test]
fn a_tenant_with_an_endless_loop_and_one_with_a_broken_configuration_leave_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&root).unwrap();
    for name in ["east", "north", "south"] {
        let tenant = folder.path().join("tenants").join(name);
        std::fs::create_dir_all(&tenant).unwrap();
        let file = Company::tidy(1, 30).to_csv().replace("@example.com", &format!("@{name}.example.com"));
        let inner = served(&tenant, &sandbox.base_url, &Company::tidy(1, 30));
        inner.write("people.csv", &file.replace("@EXAMPLE.COM", &format!("@{name}.example.com"))).unwrap();
        let text = Company::configuration(&sandbox.base_url).replace("\"externalId\", ", "");
        inner.write("scimwright.toml", &(text + "\n[serve]\ninterval = \"1s\"\n")).unwrap();
    }
    let south = folder.path().join("tenants/south");
    let says = guests::Says { settings: vec![("domain".into(), false)], ..guests::Says::default() };
    let endless = guests::Guest::mapping("(loop $for_ever (br $for_ever)) unreachable").says(says);
    std::fs::write(south.join("modules/corp-user.wasm"), endless.component()).unwrap();
    std::fs::write(folder.path().join("tenants/east/scimwright.toml"), "[provider.acme").unwrap();

    let serving = Serving::start(&root);
    let of = |event: &Value, tenant: &str| event["tenant"] == tenant;
    serving.wait(0, "broken tenant", |event| of(event, "east") && event["event"] == "tenant-failed");
    serving.wait(0, "endless record", |event| {
        of(event, "south") && event["reason"].as_str().is_some_and(|reason| reason.contains("CPU time"))
    });
    let created = serving.wait(0, "run", |event| of(event, "north") && event["event"] == "finished");
    assert_eq!((&created["created"], &created["failed"]), (&30.into(), &0.into()), "{created}");
    for _ in 0..2 {
        let mark = serving.mark();
        let again =
            serving.wait(mark, "next run", |event| of(event, "north") && event["event"] == "finished");
        assert_eq!(again["unchanged"], 30, "{again}");
    }
    let told = serving.since(0);
    assert!(!told.iter().any(|event| of(event, "south") && event["action"] == "create"), "{told:#?}");

    // A configuration that was mended is read at the next attempt; what changes later needs a restart.
    let mark = serving.mark();
    let north = folder.path().join("tenants/north/scimwright.toml");
    std::fs::write(&north, std::fs::read_to_string(&north).unwrap() + "# changed\n").unwrap();
    serving.wait(mark, "notice", |event| of(event, "north") && event["event"] == "configuration-changed");
    let (code, _) = serving.stop();
    assert_eq!(code, Some(0));
}

#[test]
fn a_module_that_keeps_crashing_is_quarantined_for_the_next_process_too_and_nobody_is_deprovisioned() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let mut company = Company::tidy(11, 40);
    let workspace = workspace(folder.path(), &sandbox.base_url, &company);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 40);

    // One has left, and the module that everybody needs crashes at every record.
    company.leave(1);
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let file = folder.path().join("modules/corp-user.wasm");
    let good = std::fs::read(&file).unwrap();
    let says = guests::Says { settings: vec![("domain".into(), false)], ..guests::Says::default() };
    std::fs::write(&file, guests::Guest::mapping("unreachable").says(says).component()).unwrap();
    let run = workspace.run(&["--output", "json", "sync"]).unwrap();
    let summary = run.summary().unwrap();
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    let failed = summary["failed"].as_u64().unwrap();
    assert!((5..39).contains(&failed), "the run ends where the quarantine begins: {summary}");
    assert_eq!(module(&workspace, "corp-user")["state"], "quarantined");

    // The next process knows, and does not even begin.
    let again = workspace.run(&["sync"]).unwrap();
    assert_eq!(again.code, Some(6));
    assert!(again.stderr.contains("it is in quarantine until"), "{}", again.stderr);
    assert_eq!(disabled(&workspace), 0, "nobody is deprovisioned while the mapping cannot be asked");

    // By hand it is called again, and fails again.
    let released = workspace.run(&["mapping", "release", "corp-user"]).unwrap();
    assert!(released.stdout.contains("out of quarantine"), "{}", released.stdout);
    assert_eq!(module(&workspace, "corp-user")["state"], "live");
    assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(6));
    assert_eq!(module(&workspace, "corp-user")["state"], "quarantined");

    // A mended version has no past.
    std::fs::write(&file, good).unwrap();
    let mended = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&mended["failed"], &mended["disabled"]), (&0.into(), &1.into()), "{mended}");
    assert_eq!(module(&workspace, "corp-user")["state"], "live");
}

#[test]
fn what_the_service_advises_in_json_can_be_typed_as_it_stands_and_is_remembered_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = crate::links::synced(folder.path());
    let file = folder.path().join("scimwright.toml");
    let moved = std::fs::read_to_string(&file).unwrap().replace("127.0.0.1", "localhost");
    std::fs::write(&file, moved).unwrap();
    let mut command = workspace.command(&["--output", "json", "serve"]);
    command.env_remove("SCIMWRIGHT_CONFIG");
    let serving = Serving::start_as(command);
    let synced = serving.wait(0, "failure", |event| event["event"] == "synced");
    let advice = format!("`scimwright links move acme --config {}`", folder.path().display());
    assert!(synced["failure"].as_str().unwrap().contains(&advice), "{synced}");
    serving.stop();
    let status = workspace.summary(&["status"]).unwrap();
    let run = &status["runs"][0];
    assert_eq!(run["outcome"], "not-begun", "{run}");
    assert!(run["reason"].as_str().unwrap().contains("`scimwright links move acme`"), "{run}");
}

#[test]
fn a_provider_that_is_away_is_known_to_status_while_the_service_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = crate::links::synced(folder.path());
    drop(sandbox);
    let serving = Serving::start(&workspace);
    serving.wait(0, "failure", |event| event["event"] == "synced" && event["failure"].is_string());
    let status = workspace.summary(&["status"]).unwrap();
    assert_eq!(status["runs"][0]["outcome"], "not-begun", "{status}");
    assert_eq!(status["provider_failures"][0]["provider"], "acme", "{status}");
    serving.stop();
}

#[test]
fn types_with_one_interval_go_in_one_round_and_a_provider_that_is_away_is_said_to_be_once() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let port = free_port().unwrap();
    workspace.write("people.csv", "id\nE1\n").unwrap();
    workspace.write("teams.csv", "id\nT1\n").unwrap();
    let text = format!(
        r#"
[serve]
interval = "1s"
[source.hr]
type = "csv"
path = "people.csv"
key = "id"
[source.teams]
type = "csv"
path = "teams.csv"
key = "id"
[provider.acme]
base_url = "http://127.0.0.1:{port}/v2"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
attempts = 1
[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
[provider.acme.resource.attributes]
userName = {{ field = "id" }}
[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["displayName"]
[provider.acme.resource.attributes]
displayName = {{ field = "id" }}
"#
    );
    workspace.write("scimwright.toml", &text).unwrap();
    let serving = Serving::start(&workspace);
    let shut = serving.wait(0, "quarantine", |event| event["event"] == "provider-quarantined");
    assert_eq!(shut["failures"], 3, "{shut}");
    std::thread::sleep(Duration::from_secs(4));
    let of = |events: &[Value], name: &str| events.iter().filter(|event| event["event"] == name).count();
    let said = serving.since(0);
    // Three rounds of two types, and nothing more while it lasts.
    assert_eq!((of(&said, "synced"), of(&said, "provider-quarantined")), (6, 1), "{said:#?}");
    drop(serving);

    // Whoever comes next says it once as well.
    let serving = Serving::start(&workspace);
    serving.wait(0, "quarantine", |event| event["event"] == "provider-quarantined");
    std::thread::sleep(Duration::from_secs(3));
    let said = serving.since(0);
    assert_eq!((of(&said, "synced"), of(&said, "provider-quarantined")), (0, 1), "{said:#?}");
}

#[test]
fn the_types_of_a_provider_stay_together_round_after_round() {
    let stage = crate::stage::Stage::new(Teams::new(31, 5, 2, 2));
    let text = stage.configuration() + "\n[serve]\ninterval = \"1s\"\n";
    stage.configure(&text);
    let serving = Serving::start(&stage.workspace);
    let began = Instant::now();
    let rounds = || serving.since(0).iter().filter(|event| event["event"] == "synced").count();
    while rounds() < 10 {
        assert!(began.elapsed() < Duration::from_secs(120), "{:#?}", serving.since(0));
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = serving.since(0);
    let order: Vec<&str> = said
        .iter()
        .filter(|event| event["event"] == "started" || event["event"] == "synced")
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    for round in order.chunks(4) {
        assert!(["started", "started", "synced", "synced"].starts_with(round), "{order:?}");
    }
}
