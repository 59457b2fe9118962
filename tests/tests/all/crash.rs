//! A process that is killed in the middle loses nothing and repeats nothing harmful.

use crate::company::{comparable, expected_users, workspace};
use crate::stage::{Requests, held_at};
use scimwright_tests::dice::Dice;
use scimwright_tests::faults::{Fault, Proxy, Script};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Http, Inspect, Scim2Server, TOKEN, installed};
use scimwright_tests::teams::{Held, Teams};
use scimwright_tests::tool::{SandboxProcess, Workspace, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Point 17: a create whose answer nobody waited for is looked up, and not repeated.
#[test]
fn a_kill_in_the_middle_and_a_second_run_leave_no_duplicate_and_no_loss() {
    let Some(program) = installed(&root(), "scim2-server") else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::start(&program, folder.path()).unwrap();
    let company = Company::tidy(11, 1_000);
    let workspace = workspace(folder.path(), &server.base_url, &company);

    // Killed three times, a little further along each time. SIGKILL: no time to tidy up.
    for threshold in [150, 400, 700] {
        let mut sync = workspace.start(&["sync"]).unwrap();
        let begun = Instant::now();
        while server.requests("POST").unwrap() < threshold {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the sync does not get to {threshold} people"
            );
            assert!(sync.try_wait().unwrap().is_none(), "the sync ended before it could be killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        sync.kill().unwrap();
        sync.wait().unwrap();
    }

    let last = workspace.summary(&["sync"]).unwrap();
    assert_eq!(last["failed"], 0, "{last}");
    let users = server.users().unwrap();
    assert_eq!(users.len(), 1_000, "no duplicate");
    assert_eq!(comparable(users), expected_users(&company), "no loss");

    // The links are whole as well: nothing is left to do, and nobody was adopted as a stranger.
    let writes = server.writes().unwrap();
    let settled = workspace.summary(&["sync"]).unwrap();
    assert_eq!(settled["unchanged"], 1_000, "{settled}");
    assert_eq!(server.writes().unwrap(), writes);
    let status = workspace.summary(&["status"]).unwrap();
    assert_eq!(status["resources"][0]["active"], 1_000, "{status}");
    assert_eq!(status["resources"][0]["unsettled"], 0, "{status}");
}

/// A company that changes between two syncs, of which most are killed.
struct Victim {
    teams: Teams,
    workspace: Workspace,
    proxy: Proxy,
    dice: Dice,
    /// Those who have an account for sure and may go: who came and went between two kills never had one.
    settled: Vec<String>,
    left: BTreeSet<String>,
    kills: usize,
    ended: usize,
}

impl Victim {
    /// Everything goes through a proxy, which says when a certain request has come.
    fn new(seed: u64, teams: Teams, workspace: Workspace, upstream: &str) -> Self {
        let proxy = Proxy::start(upstream, Script::pass()).unwrap();
        let configuration = Teams::configuration(proxy.base_url(), "keep");
        workspace.write("scimwright.toml", &configuration).unwrap();
        teams.write(&workspace).unwrap();
        Self {
            teams,
            workspace,
            proxy,
            dice: Dice::new(seed),
            settled: Vec::new(),
            left: BTreeSet::new(),
            kills: 0,
            ended: 0,
        }
    }

    /// A sync that is killed after so many milliseconds.
    fn kill_after(&mut self, milliseconds: usize, arguments: &[&str]) {
        let mut sync = self.workspace.start(arguments).unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds as u64));
        match sync.try_wait().unwrap() {
            Some(_) => self.ended += 1,
            None => {
                sync.kill().unwrap();
                sync.wait().unwrap();
                self.kills += 1;
            }
        }
    }

    /// A sync that is killed while its request of this number is under way: before the server has it, or after, with
    /// the answer not yet seen.
    fn kill_at(&mut self, request: usize, after: bool, arguments: &[&str]) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        self.proxy.play(Script::from_fn(move |_| {
            let number = counted.fetch_add(1, Ordering::AcqRel) + 1;
            match number < request {
                true => Fault::Pass,
                // By then the process is dead; whether the server does the work is the difference.
                false if after => Fault::LoseReply,
                false => Fault::ResetBefore,
            }
        }));
        let mut sync = self.workspace.start(arguments).unwrap();
        loop {
            if count.load(Ordering::Acquire) >= request {
                sync.kill().unwrap();
                sync.wait().unwrap();
                self.kills += 1;
                break;
            }
            if sync.try_wait().unwrap().is_some() {
                self.ended += 1;
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        self.proxy.play(Script::pass());
    }

    /// One kill, at a moment of either kind.
    fn kill(&mut self) {
        let arguments: &[&str] = match self.dice.below(3) {
            0 => &["sync", "--changed"],
            1 => &["sync", "--retry"],
            _ => &["sync"],
        };
        if self.dice.below(2) == 0 {
            let milliseconds = 5 + self.dice.below(396);
            self.kill_after(milliseconds, arguments);
        } else {
            let (request, after) = (1 + self.dice.below(150), self.dice.below(2) == 0);
            self.kill_at(request, after, arguments);
        }
    }

    /// Life goes on: people come and go, marry, change teams, become managers.
    fn change(&mut self, leavers: bool) {
        self.teams.hire(3);
        self.teams.company.rename_one();
        self.teams.company.rename_one();
        self.teams.churn(12);
        if leavers {
            for _ in 0..2.min(self.settled.len()) {
                let key = self.settled.swap_remove(self.dice.below(self.settled.len()));
                self.teams.let_go(&key);
                self.left.insert(key);
            }
        }
        self.teams.write(&self.workspace).unwrap();
    }

    fn sync(&self) -> Value {
        self.workspace.summary(&["sync", "--retry"]).unwrap()
    }

    fn assert_as_wanted(&self, held: &Held, what: &str) {
        let mut wanted = self.teams.wanted(false);
        for key in &self.left {
            let user =
                held.users.get(key).unwrap_or_else(|| panic!("{what}: {key} left and is disabled, not gone"));
            assert!(!user.active, "{what}: {key} left");
            wanted.users.insert(key.clone(), user.clone());
        }
        let differences = held.differences(&wanted);
        assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
    }
}

/// A company lives through so many kills, and what the provider holds at the end is what it should.
fn survives(mut victim: Victim, kills: usize, held: impl Fn() -> Held, writes: impl Fn() -> u64, what: &str) {
    let began = Instant::now();
    // The first third dies while everybody is new.
    while victim.kills < kills / 3 {
        victim.kill();
        let summary = format!("{} killed, {} ended", victim.kills, victim.ended);
        assert!(began.elapsed() < Duration::from_secs(300), "{what}: {summary}");
    }
    let first = victim.sync();
    assert_eq!(first["failed"], 0, "{what}, after {} kills: {first}", victim.kills);
    victim.assert_as_wanted(&held(), &format!("{what}, after {} kills", victim.kills));

    // The head of the company stays; few enough may go that the threshold is never met, however many go at once.
    let may_go = victim.teams.company.people.iter().skip(1).take(victim.teams.company.people.len() / 50);
    victim.settled = may_go.map(|person| person.id.clone()).collect();
    while victim.kills < kills {
        let leavers = victim.dice.below(2) == 0;
        victim.change(leavers);
        let before = victim.kills;
        victim.kill();
        if victim.kills == before {
            // It came to its end: a good moment to compare.
            let settled = victim.sync();
            assert_eq!(settled["failed"], 0, "{what}, after {} kills: {settled}", victim.kills);
            victim.assert_as_wanted(&held(), &format!("{what}, after {} kills", victim.kills));
        }
        let summary = format!("{} killed, {} ended", victim.kills, victim.ended);
        assert!(began.elapsed() < Duration::from_secs(300), "{what}: {summary}");
    }

    let last = victim.sync();
    let after = format!("{what}, after {} kills ({} syncs ended before)", victim.kills, victim.ended);
    assert_eq!((&last["failed"], &last["held"]), (&0.into(), &0.into()), "{after}: {last}");
    victim.assert_as_wanted(&held(), &after);
    let sent = writes();
    let settled = victim.sync();
    assert_eq!(writes(), sent, "{after}: a further sync sends nothing that changes anything: {settled}");
    assert_eq!((&settled["created"], &settled["adopted"]), (&0.into(), &0.into()), "{after}: {settled}");
    let status = victim.workspace.summary(&["status"]).unwrap();
    for resource in status["resources"].as_array().unwrap() {
        assert_eq!(resource["unsettled"], 0, "{after}: {status}");
    }
    eprintln!("{after}: {:?}", began.elapsed());
}

/// Pain 2: nothing is deleted and created again, and no membership lost, whenever the process dies.
/// Pain 18: a sync that is ended by whatever time limit is gone on with by the next.
#[test]
fn forty_kills_at_any_moment_lose_nobody_and_double_nobody_at_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let http = Http::new(&sandbox.base_url, Some(format!("Bearer {TOKEN}")));
    let victim = Victim::new(41, Teams::new(41, 2_000, 60, 40), workspace, &sandbox.base_url);
    let held = || held_at(&http);
    survives(victim, 40, held, || Requests::at(&sandbox.base_url).writes(), "sandbox");
}

/// The same at a server that others wrote, which is slower, with fewer people.
#[test]
fn fifteen_kills_at_any_moment_lose_nobody_and_double_nobody_at_a_server_of_others() {
    let Some(program) = installed(&root(), "scim2-server") else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::start(&program, folder.path()).unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let victim = Victim::new(42, Teams::new(42, 300, 12, 12), workspace, &server.base_url);
    let held = || Held::read(&server.users().unwrap(), &server.groups().unwrap()).unwrap();
    survives(victim, 15, held, || server.writes().unwrap() as u64, "scim2-server");
}
