//! A running service is asked: what an administrator does in a day needs no stop of it.

use crate::serving::{Serving, terminate};
use scimwright_record::TenantName;
use scimwright_state::{AskedWish, WishStanding};
use scimwright_tests::servers::free_port;
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with people, and a provider for them.
struct Place {
    workspace: Workspace,
    sandbox: Option<SandboxProcess>,
    port: u16,
    folder: TempDir,
}

impl Place {
    /// Served once an hour: whatever happens after the first round was asked for.
    fn new(people: usize, latency: u32) -> Self {
        Self::with(people, latency, "1h")
    }

    fn with(people: usize, latency: u32, interval: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path()).unwrap();
        let port = free_port().unwrap();
        let text = format!(
            r#"
[serve]
interval = "{interval}"
[source.hr]
type = "csv"
path = "people.csv"
key = "id"
[provider.acme]
base_url = "http://127.0.0.1:{port}/v2"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
attempts = 1
[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
deprovision = "disable"
max_deprovision = "10%"
[provider.acme.resource.attributes]
userName = {{ field = "id" }}
active = {{ constant = true }}
"#
        );
        workspace.write("scimwright.toml", &text).unwrap();
        let mut place = Self { workspace, sandbox: None, port, folder };
        place.people(1..=people);
        place.open(latency);
        place
    }

    /// The provider is there, this far away.
    fn open(&mut self, latency: u32) {
        let latency = latency.to_string();
        let sandbox = SandboxProcess::start_at(&self.workspace, self.port, &["--latency", &latency]).unwrap();
        assert!(sandbox.base_url.ends_with(&format!(":{}/v2", self.port)), "{}", sandbox.base_url);
        self.sandbox = Some(sandbox);
    }

    /// Who is in the source.
    fn people(&self, numbers: impl Iterator<Item = usize>) {
        let rows: String = numbers.map(|number| format!("E{number}\n")).collect();
        self.workspace.write("people.csv", &format!("id\n{rows}")).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Printed {
        self.workspace.run(&[&["--output", "json"], arguments].concat()).unwrap()
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.workspace.command(&[&["--output", "json"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A service whose first round is over.
    fn served(&self) -> Serving {
        let serving = Serving::start(&self.workspace);
        serving.wait(0, "first round", |event| event["event"] == "synced");
        serving
    }

    /// How many are disabled at the provider.
    fn disabled(&self) -> usize {
        let printed = self.run(&["get", "acme", "User", "--all"]);
        let lines = printed.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["active"] == false).count()
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join(".scimwright/state.db")
    }

    /// What lies beside the state and is an answer.
    fn answers(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join(".scimwright")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("answer"))
            .count()
    }
}

fn ended(mut child: Child) -> Printed {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    Printed {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn figures(printed: &Printed, names: &[&str]) -> Vec<u64> {
    let summary = printed.summary().unwrap();
    names.iter().map(|name| summary[name].as_u64().unwrap_or_else(|| panic!("{printed:?}"))).collect()
}

#[test]
fn a_sync_beside_a_running_service_is_done_by_it_and_looks_as_if_it_was_not() {
    let place = Place::new(20, 0);
    let serving = place.served();

    // Somebody came.
    place.people(1..=21);
    let printed = place.run(&["sync"]);
    assert_eq!(
        (printed.code, figures(&printed, &["created", "unchanged"])),
        (Some(0), vec![1, 20]),
        "{printed:?}"
    );
    let created = printed.events("record").unwrap();
    assert!(created.iter().any(|event| event["key"] == "E21" && event["action"] == "create"), "{printed:?}");
    assert_eq!(printed.events("started").unwrap().len(), 1);
    serving.wait(0, "wish", |event| event["event"] == "wish-taken" && event["wish"] == "sync");
    serving.wait(0, "record", |event| event["key"] == "E21" && event["action"] == "create");

    // Too many leave: it is held here as it would be there, and allowed once.
    place.people(1..=15);
    let printed = place.run(&["sync"]);
    assert_eq!(
        (printed.code, figures(&printed, &["held", "disabled"])),
        (Some(5), vec![6, 0]),
        "{printed:?}"
    );
    let printed = place.run(&["sync", "--provider", "acme", "--allow-deprovisions", "6"]);
    assert_eq!(
        (printed.code, figures(&printed, &["held", "disabled"])),
        (Some(0), vec![0, 6]),
        "{printed:?}"
    );
    assert_eq!(place.disabled(), 6);
    place.people(1..=10);
    let printed = place.run(&["sync"]);
    assert_eq!(
        (printed.code, figures(&printed, &["held", "disabled"])),
        (Some(5), vec![5, 0]),
        "{printed:?}"
    );

    // People see what they know, and are told who does it.
    let printed = place.workspace.run(&["sync", "--changed", "--resource", "User"]).unwrap();
    assert!(printed.stdout.contains("Syncing User at acme, from hr"), "{printed:?}");
    assert!(printed.stderr.contains("a running service holds the state, so it was asked"), "{printed:?}");
    let printed = place.workspace.run(&["sync", "--provider", "globex"]).unwrap();
    assert_eq!(printed.code, Some(3), "{printed:?}");
    assert!(printed.stderr.contains("nothing in the configuration matches"), "{printed:?}");

    // Nothing is left of it.
    assert_eq!(place.answers(), 0);
    let (code, events) = serving.stop();
    assert_eq!(code, Some(0), "{events:#?}");
}

#[test]
fn a_provider_in_quarantine_is_tried_by_a_service_that_is_asked_and_the_service_goes_on_with_it() {
    let mut place = Place::with(3, 0, "1s");
    place.sandbox = None;
    let serving = Serving::start(&place.workspace);
    serving.wait(0, "quarantine", |event| event["event"] == "provider-quarantined");
    let printed = place.run(&["sync"]);
    assert_eq!(printed.code, Some(6), "{printed:?}");
    assert!(printed.stdout.contains("is in quarantine until"), "{printed:?}");

    place.open(0);
    let mark = serving.mark();
    let printed = place.run(&["sync", "--retry"]);
    assert_eq!((printed.code, figures(&printed, &["created"])), (Some(0), vec![3]), "{printed:?}");
    serving.wait(mark, "end of the quarantine", |event| event["event"] == "provider-back");
    let mark = serving.mark();
    let round = serving.wait(mark, "scheduled round", |event| event["event"] == "finished");
    assert_eq!(round["unchanged"], 3, "{round}");
}

#[test]
fn one_person_is_provisioned_and_a_resource_deleted_by_the_service_that_knows_the_links() {
    let place = Place::new(2, 0);
    let serving = place.served();
    place.people(1..=4);

    let printed = place.run(&["provision", "acme", "User", "E3"]);
    let result = printed.summary().unwrap();
    assert_eq!(
        (printed.code, &result["status"], &result["action"]),
        (Some(0), &"SUCCESS".into(), &"created".into()),
        "{printed:?}"
    );
    let id = result["resource_id"].as_str().unwrap().to_owned();
    assert_eq!(result["body"]["id"], id.as_str());

    let refused = place.run(&["provision-new", "acme", "User", "E3"]);
    assert_eq!(
        (refused.code, &refused.summary().unwrap()["status"]),
        (Some(4), &"FAILURE".into()),
        "{refused:?}"
    );
    let stranger = place.run(&["provision", "acme", "User", "nobody"]);
    assert_eq!(stranger.code, Some(4), "{stranger:?}");
    let unknown = place.run(&["provision", "acme", "Robot", "E3"]);
    assert_eq!(
        (unknown.code, &unknown.summary().unwrap()["status"]),
        (Some(3), &"FAILURE".into()),
        "{unknown:?}"
    );
    let traced = place.run(&["provision", "acme", "User", "E4", "--trace"]);
    let steps: Vec<_> = traced.events("trace").unwrap().iter().map(|event| event["step"].clone()).collect();
    assert!(steps.contains(&"decision".into()) && steps.contains(&"request".into()), "{traced:?}");

    // Its link goes with it, and its row is in the log.
    let deleted = place.run(&["delete", "acme", "User", &id]);
    assert_eq!(
        (deleted.code, &deleted.summary().unwrap()["status"]),
        (Some(0), &"SUCCESS".into()),
        "{deleted:?}"
    );
    let links = place.workspace.run(&["links", "show", "acme", "User"]).unwrap();
    assert!(!links.stdout.contains(&id) && links.stdout.contains("E4"), "{links:?}");
    let log = place.workspace.run(&["log"]).unwrap();
    assert!(log.stdout.contains("delete"), "{log:?}");
    serving.wait(0, "wish", |event| event["wish"] == format!("delete acme User {id}"));

    // What cannot be handed over says so, and what to do.
    let refused = place.workspace.run(&["links", "forget", "acme", "User", "E4"]).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("cannot be handed over to it") && refused.stderr.contains("Stop the service"),
        "{refused:?}"
    );
}

#[test]
fn wishes_are_taken_one_after_the_other_and_none_beside_a_round_that_is_under_way() {
    let place = Place::new(60, 40);
    let serving = Serving::start(&place.workspace);
    serving.wait(0, "first round", |event| event["event"] == "started");
    let wishes: Vec<Child> = (0..4).map(|_| place.spawn(&["sync"])).collect();
    for wish in wishes {
        let printed = ended(wish);
        assert_eq!(
            (printed.code, figures(&printed, &["unchanged", "failed"])),
            (Some(0), vec![60, 0]),
            "{printed:?}"
        );
    }
    let order: Vec<Value> = serving.since(0).iter().map(|event| event["event"].clone()).collect();
    let runs: Vec<_> = order.iter().filter(|event| **event == "started" || **event == "finished").collect();
    assert_eq!(runs.len(), 10, "{order:?}");
    assert!(runs.chunks(2).all(|run| *run[0] == "started" && *run[1] == "finished"), "{runs:?}");
}

#[test]
fn a_service_that_is_killed_takes_every_wish_with_it_and_the_next_one_knows_of_no_permission() {
    let mut place = Place::new(40, 0);
    drop(place.served());

    // Many people leave. So many come that the permission has to wait for the round that makes them.
    place.people((1..=10).chain(101..=200));
    place.sandbox = None;
    place.open(500);
    let serving = Serving::start(&place.workspace);
    serving.wait(0, "round", |event| event["event"] == "started");
    let waiting = place.spawn(&["sync", "--allow-deprovisions", "500"]);
    let mut beside = wish_beside(&place);
    let began = Instant::now();
    while standing(&mut beside) != WishStanding::Waiting {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", standing(&mut beside));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(600));
    let said = serving.since(0);
    serving.kill();
    assert!(!said.iter().any(|event| event["event"] == "wish-taken"), "it was to wait: {said:#?}");
    let printed = ended(waiting);
    assert_eq!(printed.code, Some(1), "{printed:?}");
    assert!(printed.stdout.contains("the service ended before it began with this"), "{printed:?}");
    assert_eq!(standing(&mut beside), WishStanding::Gone);

    // The next service has its own round, and nobody's permission.
    let serving = place.served();
    let round = serving.wait(0, "round", |event| event["event"] == "finished");
    assert_eq!((&round["held"], &round["disabled"]), (&30.into(), &0.into()), "{round}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!serving.since(0).iter().any(|event| event["event"] == "wish-taken"), "{:#?}", serving.since(0));
    assert_eq!(place.disabled(), 0);
}

#[test]
fn a_permission_that_was_taken_is_not_used_again_after_a_kill_in_the_middle() {
    let place = Place::new(40, 30);
    let serving = place.served();
    place.people(1..=20);
    let asked = place.spawn(&["sync", "--allow-deprovisions", "20"]);
    let disabled = |serving: &Serving| {
        let said = serving.since(0);
        said.iter().filter(|event| event["event"] == "record" && event["action"] == "disable").count()
    };
    let began = Instant::now();
    while disabled(&serving) < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "{:#?}", serving.since(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    serving.kill();
    let printed = ended(asked);
    assert_eq!(printed.code, Some(1), "{printed:?}");
    assert!(printed.stdout.contains("the service ended before it was done with this"), "{printed:?}");

    let before = place.disabled();
    assert!((3..20).contains(&before), "the kill was to come in the middle: {before}");
    let serving = Serving::start(&place.workspace);
    let round = serving.wait(0, "round", |event| event["event"] == "finished");
    assert_eq!(round["disabled"], 0, "{round}");
    assert!(round["held"].as_u64().unwrap() > 0, "{round}");
    assert_eq!(place.disabled(), before);
    assert_eq!(place.answers(), 0);
}

#[test]
fn ctrl_c_takes_back_what_was_not_begun_and_leaves_what_was() {
    let place = Place::new(100, 500);
    let serving = Serving::start(&place.workspace);
    serving.wait(0, "round", |event| event["event"] == "started");
    let waiting = place.spawn(&["sync", "--allow-deprovisions", "500"]);
    std::thread::sleep(Duration::from_millis(1_500));
    terminate(&waiting);
    let printed = ended(waiting);
    assert_eq!(printed.code, Some(7), "{printed:?}");
    assert!(printed.stdout.contains("taken back; nothing was begun"), "{printed:?}");
    serving.wait(0, "end of the round", |event| event["event"] == "synced");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!serving.since(0).iter().any(|event| event["event"] == "wish-taken"), "{:#?}", serving.since(0));

    place.people(1..=140);
    let mark = serving.mark();
    let begun = place.spawn(&["sync"]);
    serving.wait(mark, "first record", |event| event["action"] == "create");
    terminate(&begun);
    let printed = ended(begun);
    assert_eq!(printed.code, Some(7), "{printed:?}");
    assert!(printed.stdout.contains("the service goes on with what it was asked"), "{printed:?}");
    let done = serving.wait(mark, "end of the round", |event| event["event"] == "finished");
    assert_eq!((&done["created"], &done["failed"]), (&40.into(), &0.into()), "{done}");
    serving.wait(mark, "end of the wish", |event| event["event"] == "wish-done");
    assert_eq!(place.answers(), 0, "nobody waits for the answer");
}

#[test]
fn a_service_that_is_told_to_stop_answers_before_it_goes() {
    let place = Place::new(40, 60);
    let serving = place.served();
    place.people(1..=200);
    let mark = serving.mark();
    let asked = place.spawn(&["sync"]);
    serving.wait(mark, "first record", |event| event["action"] == "create");
    let (code, _) = serving.stop();
    assert_eq!(code, Some(0));
    let printed = ended(asked);
    assert_eq!(printed.code, Some(7), "{printed:?}");
    let created = figures(&printed, &["created"])[0];
    assert!((1..160).contains(&created), "{printed:?}");
    let rest = place.run(&["sync"]);
    assert_eq!(figures(&rest, &["created"]), [160 - created], "{rest:?}");
}

#[test]
fn a_service_that_does_not_answer_is_not_waited_for_and_does_nothing_of_it_later() {
    let place = Place::new(20, 0);
    let serving = place.served();
    place.people(1..=5);
    serving.halt();
    let printed = place.run(&["sync", "--allow-deprovisions", "15"]);
    serving.go_on();
    assert_eq!(printed.code, Some(1), "{printed:?}");
    assert!(printed.stdout.contains("the service did not answer within 30 s"), "{printed:?}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!serving.since(0).iter().any(|event| event["event"] == "wish-taken"), "{:#?}", serving.since(0));
    let printed = place.run(&["sync"]);
    assert_eq!(
        (printed.code, figures(&printed, &["held", "disabled"])),
        (Some(5), vec![15, 0]),
        "{printed:?}"
    );
}

#[test]
fn what_is_asked_at_one_provider_does_not_wait_for_another() {
    let mut place = Place::new(3, 0);
    let near = place.sandbox.take();
    let far = free_port().unwrap();
    let text = std::fs::read_to_string(place.folder.path().join("scimwright.toml")).unwrap();
    let provider = text.split_once("[provider.acme]").unwrap().1;
    let second = format!("[provider.globex]{}", provider.replace("provider.acme", "provider.globex"));
    let second = second.replace(&format!(":{}/", place.port), &format!(":{far}/"));
    place.workspace.write("scimwright.toml", &(text + &second)).unwrap();
    drop(near);
    place.open(0);
    let slow = SandboxProcess::start_at(&place.workspace, far, &["--latency", "4000"]).unwrap();
    let serving = Serving::start(&place.workspace);
    let of = |event: &Value, provider: &str| event["provider"] == provider;
    serving.wait(0, "round", |event| of(event, "acme") && event["event"] == "synced");
    let printed = place.run(&["sync", "--provider", "acme"]);
    assert_eq!((printed.code, figures(&printed, &["unchanged"])), (Some(0), vec![3]), "{printed:?}");
    let said = serving.since(0);
    assert!(!said.iter().any(|event| of(event, "globex") && event["event"] == "synced"), "{said:#?}");
    // Over all of them it waits for the slow one, and then for nobody.
    let printed = place.run(&["sync"]);
    assert_eq!((printed.code, figures(&printed, &["unchanged"])), (Some(0), vec![6]), "{printed:?}");
    drop(slow);
}

#[test]
fn junk_among_the_wishes_is_named_and_stops_nobody() {
    let place = Place::new(3, 0);
    let serving = place.served();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |text: &str| {
        runtime.block_on(AskedWish::ask(&place.state(), &TenantName::default(), text)).unwrap().unwrap()
    };
    let mut junk = Vec::new();
    for text in ["sync", "{\"ask\":\"serve\"}", "\u{0}\u{1b}[2J", &"x".repeat(1 << 20)] {
        let mark = serving.mark();
        junk.push(ask(text));
        let said = serving.wait(mark, "trouble", |event| event["event"] == "wish-trouble");
        assert!(said["reason"].as_str().unwrap().len() < 400, "{said}");
    }
    // Whoever asked hears of it.
    let told = runtime.block_on(async { junk[0].answer() }).unwrap();
    assert!(told.iter().any(|line| line.contains("does not understand")), "{told:?}");
    let printed = place.run(&["sync"]);
    assert_eq!((printed.code, figures(&printed, &["unchanged"])), (Some(0), vec![3]), "{printed:?}");
    let (code, _) = serving.stop();
    assert_eq!(code, Some(0));
}

fn wish_beside(place: &Place) -> AskedWish {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wish = r#"{"ask":"provision","options":{"resource":{"provider":"acme","resource_type":"User"},"key":"E1","trace":false,"fresh":false}}"#;
    let began = Instant::now();
    loop {
        let asked = runtime.block_on(AskedWish::ask(&place.state(), &TenantName::default(), wish)).unwrap();
        match asked {
            Some(asked) => return asked,
            None => assert!(began.elapsed() < Duration::from_secs(60)),
        }
    }
}

fn standing(wish: &mut AskedWish) -> WishStanding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(wish.standing()).unwrap()
}
