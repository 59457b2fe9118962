//! Random lives of a company against a simple model: whatever people, administrators, others at the provider and
//! crashes do in whichever order, after every complete sync the provider holds what the model says.
//!
//! The model is a map and four rules: who is in scope is as their row says; who is not is deprovisioned as configured,
//! unless protected, and nobody at all where more would go than the threshold allows; what others change and we do not
//! map stays; members are those of the table who have an account. Cases are the same in every run.

use crate::stage::{everything, replacing};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use scimwright_tests::faults::{Fault, Proxy, Script};
use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::teams::{Held, HeldUser, Teams};
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PEOPLE: usize = 9;
const TEAMS: usize = 3;
/// The first two are the managers of the others, and stay.
const STAY: usize = 2;

/// What becomes of leavers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Nothing,
    Disable,
    Delete,
    DisableThenDelete,
}

/// Something that happens. People and teams by number.
#[derive(Debug, Clone)]
enum Step {
    Hire(usize),
    Leave(usize),
    Rename(usize, u8),
    Retitle(usize, u8),
    /// The record says of itself that the person left, or no longer.
    Mark(usize),
    /// Into the scope of the provider, or out of it.
    Scope(usize),
    Member(usize, usize),
    RenameTeam(usize, u8),
    /// Somebody else changes a title, which we map.
    EditTitle(usize, u8),
    /// Somebody else writes a nickname, which we do not map.
    EditNick(usize, u8),
    /// Somebody else deletes an account; its person then gets another title, so that there is something to do.
    Delete(usize),
    Mode(Mode),
    Threshold(usize),
    Protect(usize),
    /// A sync is killed at its request of this number, before or after the server had it; and then once more.
    Crash(usize, bool),
    Sync,
    SyncChanged,
}

fn step() -> impl Strategy<Value = Step> {
    let person = || 0..PEOPLE;
    let other = || STAY..PEOPLE;
    let version = || 0..5_u8;
    prop_oneof![
        2 => other().prop_map(Step::Hire),
        3 => other().prop_map(Step::Leave),
        1 => (person(), version()).prop_map(|(who, version)| Step::Rename(who, version)),
        2 => (person(), version()).prop_map(|(who, version)| Step::Retitle(who, version)),
        1 => other().prop_map(Step::Mark),
        2 => other().prop_map(Step::Scope),
        4 => (person(), 0..TEAMS).prop_map(|(who, team)| Step::Member(who, team)),
        1 => (0..TEAMS, version()).prop_map(|(team, version)| Step::RenameTeam(team, version)),
        1 => (person(), version()).prop_map(|(who, version)| Step::EditTitle(who, version)),
        1 => (person(), version()).prop_map(|(who, version)| Step::EditNick(who, version)),
        1 => other().prop_map(Step::Delete),
        2 => prop_oneof![
            Just(Mode::Nothing), Just(Mode::Disable), Just(Mode::Delete), Just(Mode::DisableThenDelete)
        ].prop_map(Step::Mode),
        1 => prop_oneof![Just(0_usize), Just(1), Just(2), Just(PEOPLE)].prop_map(Step::Threshold),
        1 => other().prop_map(Step::Protect),
        2 => (1..25_usize, any::<bool>()).prop_map(|(request, after)| Step::Crash(request, after)),
        4 => Just(Step::Sync),
        3 => Just(Step::SyncChanged),
    ]
}

/// An account as the model has it.
#[derive(Debug, Clone)]
struct Account {
    user: HeldUser,
    /// Whether we disabled it.
    disabled: bool,
    nick: String,
    /// What somebody else made of the title; it may stand until we change the title ourselves.
    other_title: Option<String>,
}

/// What is configured, what is in the files, and what the provider is to hold.
struct Model {
    world: Teams,
    employed: BTreeSet<String>,
    mode: Mode,
    threshold: usize,
    protected: BTreeSet<String>,
    accounts: BTreeMap<String, Account>,
}

impl Model {
    fn new() -> Self {
        let mut world = Teams::new(61, PEOPLE, TEAMS, 0);
        let managers: Vec<String> =
            world.company.people[..STAY].iter().map(|person| person.id.clone()).collect();
        for (index, person) in world.company.people.iter_mut().enumerate() {
            person.status = "active".to_owned();
            person.division = "Product".to_owned();
            person.manager_id = if index == 0 { String::new() } else { managers[index % STAY].clone() };
        }
        world.company.people[1].manager_id = managers[0].clone();
        // A table without any membership would not be believed.
        let key = managers[0].clone();
        world.put_in("T001", "User", &key);
        let employed = world.company.people[..PEOPLE - 2].iter().map(|person| person.id.clone()).collect();
        Self {
            world,
            employed,
            mode: Mode::Disable,
            threshold: PEOPLE,
            protected: BTreeSet::new(),
            accounts: BTreeMap::new(),
        }
    }

    fn key(&self, who: usize) -> String {
        self.world.company.people[who].id.clone()
    }

    /// The files as they are: those who are not employed are not in them, their memberships are.
    fn files(&self) -> Teams {
        let mut files = self.world.clone();
        files.company.people.retain(|person| self.employed.contains(&person.id));
        files
    }

    fn configuration(&self, base_url: &str) -> String {
        let mode = match self.mode {
            Mode::Nothing => "nothing",
            Mode::Disable => "disable",
            Mode::Delete => "delete",
            Mode::DisableThenDelete => "disable-then-delete",
        };
        let protected: Vec<String> = self.protected.iter().map(|key| format!("\"{key}\"")).collect();
        let leavers = format!(
            "deprovision = \"{mode}\"\nmax_deprovision = {}\nprotect = [{}]\nscope = 'division ne \"External\"'\n\
             left = 'status eq \"gone\"'",
            self.threshold,
            protected.join(", ")
        );
        let usual = Teams::configuration(base_url, "keep");
        let changed = usual.replacen("deprovision = \"disable\"\nmax_deprovision = \"5%\"", &leavers, 1);
        assert_ne!(usual, changed);
        changed
    }

    /// What a complete sync makes of it all.
    fn sync(&mut self) {
        let files = self.files();
        let counts =
            |key: &String| {
                files.company.people.iter().any(|person| {
                    person.id == *key && person.division != "External" && person.status != "gone"
                })
            };
        for (key, user) in files.wanted(false).users.into_iter().filter(|(key, _)| counts(key)) {
            match self.accounts.get_mut(&key) {
                Some(account) => {
                    if account.user.title != user.title {
                        account.other_title = None;
                    }
                    account.user = user;
                    account.disabled = false;
                }
                None => {
                    let account = Account { user, disabled: false, nick: String::new(), other_title: None };
                    self.accounts.insert(key, account);
                }
            }
        }
        let goes = |key: &String, account: &Account| {
            let done = match self.mode {
                Mode::Nothing => true,
                Mode::Disable | Mode::DisableThenDelete => account.disabled,
                Mode::Delete => false,
            };
            !done && !counts(key) && !self.protected.contains(key)
        };
        let leavers: Vec<String> = self
            .accounts
            .iter()
            .filter(|(key, account)| goes(key, account))
            .map(|(key, _)| key.clone())
            .collect();
        if leavers.len() > self.threshold {
            return;
        }
        for key in leavers {
            if self.mode == Mode::Delete {
                self.accounts.remove(&key);
            } else if let Some(account) = self.accounts.get_mut(&key) {
                account.disabled = true;
                account.user.active = false;
            }
        }
    }

    fn wanted(&self) -> Held {
        let users = self.accounts.iter().map(|(key, account)| (key.clone(), account.user.clone()));
        let mut groups = self.world.wanted(false).groups;
        for group in groups.values_mut() {
            group.members.retain(|member| {
                member.strip_prefix("User ").is_some_and(|key| self.accounts.contains_key(key))
            });
        }
        Held { users: users.collect(), groups }
    }
}

/// The model, and the real thing beside it.
struct Life {
    model: Model,
    workspace: Workspace,
    proxy: Proxy,
    http: Http,
    _sandbox: SandboxProcess,
    _folder: tempfile::TempDir,
    kills: usize,
    syncs: usize,
}

impl Life {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path()).unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        let proxy = Proxy::start(&sandbox.base_url, Script::pass()).unwrap();
        let http = Http::new(&sandbox.base_url, Some(format!("Bearer {TOKEN}")));
        let model = Model::new();
        Self { model, workspace, proxy, http, _sandbox: sandbox, _folder: folder, kills: 0, syncs: 0 }
    }

    fn prepare(&self) {
        self.model.files().write(&self.workspace).unwrap();
        let configuration = self.model.configuration(self.proxy.base_url());
        self.workspace.write("scimwright.toml", &configuration).unwrap();
    }

    /// A complete sync, after which both have to agree.
    fn sync(&mut self, more: &[&str]) -> Result<(), TestCaseError> {
        self.prepare();
        let printed = self.workspace.run(&[&["--output", "json", "sync"], more].concat()).unwrap();
        let summary = printed.summary().unwrap();
        let failures: Vec<Value> =
            printed.events("record").unwrap().into_iter().filter(|event| event["action"] == "fail").collect();
        prop_assert_eq!(&summary["failed"], 0, "{:?} {}", failures, printed.stderr);
        prop_assert_eq!(&summary["complete"], true, "{}", printed.stdout);
        self.syncs += 1;
        self.model.sync();
        self.compare()
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (users, groups) = (everything(&self.http, "/Users"), everything(&self.http, "/Groups"));
        let mut held = Held::read(&users, &groups).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (key, user) in &mut held.users {
            let account = self.model.accounts.get(key);
            let other = account.and_then(|account| account.other_title.as_ref());
            if let Some(account) = account.filter(|_| other == Some(&user.title)) {
                user.title.clone_from(&account.user.title);
            }
        }
        let differences = held.differences(&self.model.wanted());
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
        for user in &users {
            let key = user["externalId"].as_str().unwrap_or_default();
            let nick = &self.model.accounts[key].nick;
            prop_assert_eq!(user["nickName"].as_str().unwrap_or_default(), nick, "{}", user);
        }
        Ok(())
    }

    /// Starts a sync that does not live to see the end of one request.
    fn crash(&mut self, request: usize, after: bool) {
        self.prepare();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        self.proxy.play(Script::from_fn(move |_| {
            match counted.fetch_add(1, Ordering::AcqRel) + 1 < request {
                true => Fault::Pass,
                false if after => Fault::LoseReply,
                false => Fault::ResetBefore,
            }
        }));
        let mut sync = self.workspace.start(&["sync"]).unwrap();
        loop {
            if count.load(Ordering::Acquire) >= request {
                sync.kill().unwrap();
                self.kills += 1;
                break;
            }
            if sync.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        sync.wait().unwrap();
        // What the server was given before the kill, it may still be at.
        std::thread::sleep(Duration::from_millis(20));
        self.proxy.play(Script::pass());
    }

    /// The account of somebody, as its path at the provider.
    fn account(&self, key: &str) -> Option<String> {
        let users = everything(&self.http, "/Users");
        let user = users.iter().find(|user| user["externalId"] == key)?;
        Some(format!("/Users/{}", user["id"].as_str()?))
    }

    fn live(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Hire(who) => {
                self.model.employed.insert(self.model.key(*who));
            }
            Step::Leave(who) => {
                let key = self.model.key(*who);
                self.model.employed.remove(&key);
            }
            Step::Rename(who, version) => {
                self.model.world.company.people[*who].family_name = format!("Łem-{version}");
            }
            Step::Retitle(who, version) => {
                // The first of them is no title at all.
                let title = if *version == 0 { String::new() } else { format!("Head of \"{version}\"") };
                self.model.world.company.people[*who].job_title = title;
            }
            Step::Mark(who) => flip(&mut self.model.world.company.people[*who].status, "active", "gone"),
            Step::Scope(who) => {
                flip(&mut self.model.world.company.people[*who].division, "Product", "External");
            }
            Step::Member(who, team) => self.toggle(*who, *team),
            Step::RenameTeam(team, version) => {
                self.model.world.teams[*team].name = format!("Team {team}, called {version}");
            }
            Step::EditTitle(who, version) => {
                let (key, title) = (self.model.key(*who), format!("Edited {version}"));
                if self.edit(&key, "title", &title) {
                    self.model.accounts.entry(key).and_modify(|account| account.other_title = Some(title));
                }
            }
            Step::EditNick(who, version) => {
                let (key, nick) = (self.model.key(*who), format!("Nick {version}"));
                if self.edit(&key, "nickName", &nick) {
                    self.model.accounts.entry(key).and_modify(|account| account.nick = nick);
                }
            }
            Step::Delete(who) => return self.delete(*who),
            Step::Mode(mode) => self.model.mode = *mode,
            Step::Threshold(count) => self.model.threshold = *count,
            Step::Protect(who) => {
                let key = self.model.key(*who);
                if !self.model.protected.remove(&key) {
                    self.model.protected.insert(key);
                }
            }
            Step::Crash(request, after) => {
                self.crash(*request, *after);
                self.crash(request / 2 + 1, !after);
                return self.sync(&["--retry"]);
            }
            Step::Sync => return self.sync(&[]),
            Step::SyncChanged => return self.sync(&["--changed"]),
        }
        Ok(())
    }

    fn toggle(&mut self, who: usize, team: usize) {
        let (key, team) = (self.model.key(who), self.model.world.teams[team].id.clone());
        if who == 0 && team == "T001" {
            return;
        }
        let world = &mut self.model.world;
        if world.memberships.iter().any(|row| row.team == team && row.member == key) {
            world.take_out(&team, &key);
        } else {
            world.put_in(&team, "User", &key);
        }
    }

    /// Somebody else changes an account, if there is one.
    fn edit(&self, key: &str, attribute: &str, value: &str) -> bool {
        let Some(path) = self.account(key) else { return false };
        let answer = self.http.call("PATCH", &path, Some(&replacing(attribute, json!(value)))).unwrap();
        assert!(answer.status < 300, "{}", answer.text);
        true
    }

    /// Somebody else deletes an account that we keep up to date. What was deleted there is noticed when there is
    /// something to change.
    fn delete(&mut self, who: usize) -> Result<(), TestCaseError> {
        self.sync(&[])?;
        let key = self.model.key(who);
        let person = &self.model.world.company.people[who];
        let counts =
            self.model.employed.contains(&key) && person.division != "External" && person.status != "gone";
        let Some(path) = self.account(&key).filter(|_| counts) else { return Ok(()) };
        self.model.world.company.people[who].job_title.push('I');
        assert_eq!(self.http.call("DELETE", &path, None).unwrap().status, 204);
        self.model.accounts.remove(&key);
        self.sync(&["--changed"])
    }
}

fn flip(cell: &mut String, one: &str, other: &str) {
    *cell = if cell == one { other } else { one }.to_owned();
}

/// Pain 17: what others change or delete at the provider is not trampled on, and not a reason to fail.
/// Pain 1: wrong settings delete nobody whom a threshold or a protected key holds back.
#[test]
fn after_every_complete_sync_the_provider_holds_what_the_model_says() {
    // More of them by hand: MODEL_LIVES=1000.
    let lives = std::env::var("MODEL_LIVES").ok().and_then(|lives| lives.parse().ok()).unwrap_or(28);
    let config =
        Config { cases: lives, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (kills, syncs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = std::time::Instant::now();
    let outcome = runner.run(&proptest::collection::vec(step(), 8..40), |steps| {
        let mut life = Life::new();
        for step in &steps {
            life.live(step)?;
        }
        life.sync(&[])?;
        kills.fetch_add(life.kills, Ordering::Relaxed);
        syncs.fetch_add(life.syncs, Ordering::Relaxed);
        Ok(())
    });
    eprintln!("{lives} lives, {syncs:?} complete syncs, {kills:?} kills, {:?}", began.elapsed());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
