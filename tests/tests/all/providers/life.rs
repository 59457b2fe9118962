//! What happens to a directory at a server, step by step, with what is checked after each: the server holds
//! what is wanted, nobody twice, and to ask for the same again writes nothing.

use super::SEED;
use super::driver::{Driver, Pass};
use scimwright_tests::scenario::Directory;
use scimwright_tests::servers::Inspect;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How many users are disabled, and how many leave.
const SOME: usize = 20;

/// A directory in its four states.
pub(crate) struct Story {
    /// Two hundred users and ten groups.
    pub(crate) first: Directory,
    /// Some are hired, renamed, lose their title; members come and go.
    pub(crate) later: Directory,
    /// Some are disabled.
    pub(crate) disabled: Directory,
    /// Some are no members any more, and one group is not wanted any more.
    pub(crate) smaller: Directory,
    /// Those, by userName; they are to be deleted.
    pub(crate) leavers: Vec<String>,
    /// That group, by externalId.
    pub(crate) dissolved: String,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::of(Directory::full(SEED))
    }

    pub(crate) fn of(first: Directory) -> Self {
        let later = first.later();
        let mut disabled = later.clone();
        let step = disabled.users.len() / SOME;
        disabled.users.iter_mut().skip(3).step_by(step).take(SOME).for_each(|user| {
            assert_eq!(user["active"], true, "{user} was disabled before");
            user["active"] = false.into();
        });
        let mut smaller = disabled.clone();
        let leavers: Vec<String> =
            smaller.user_names().into_iter().skip(5).step_by(step).take(SOME).collect();
        smaller.users.retain(|user| !leavers.iter().any(|name| user["userName"] == **name));
        for group in &mut smaller.groups {
            group.members.retain(|name| !leavers.contains(name));
        }
        let dissolved = smaller.groups.remove(4).external_id;
        Self { first, later, disabled, smaller, leavers, dissolved }
    }
}

/// How many users and groups of a directory differ from what they were in another, and how many are new.
pub(crate) fn changed(before: &Directory, after: &Directory) -> [usize; 2] {
    let was: BTreeSet<String> = before.users.iter().map(Value::to_string).collect();
    let users = after.users.iter().filter(|user| !was.contains(&user.to_string()));
    let groups = after.groups.iter().filter(|group| !before.groups.contains(group));
    [users.count(), groups.count()]
}

/// A driver at work at a server, and what its steps cost.
pub(crate) struct Life<'s> {
    pub(crate) driver: Driver,
    server: &'s dyn Inspect,
    steps: Vec<Step>,
}

/// What one step cost.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    /// Requests that the server answered.
    pub(crate) requests: usize,
    /// Those of them that may change something.
    pub(crate) writes: usize,
    time: Duration,
    pub(crate) pass: Pass,
}

impl<'s> Life<'s> {
    pub(crate) fn new(driver: Driver, server: &'s dyn Inspect) -> Self {
        Self { driver, server, steps: Vec::new() }
    }

    /// Takes a step, and counts at the server what it costs.
    pub(crate) fn step(&mut self, name: &'static str, take: impl FnOnce(&mut Driver) -> Pass) -> &Step {
        let (requests, writes) = self.counted();
        let begun = Instant::now();
        let pass = take(&mut self.driver);
        let time = begun.elapsed();
        let (now_requests, now_writes) = self.counted();
        let step = Step { name, requests: now_requests - requests, writes: now_writes - writes, time, pass };
        eprintln!("{}: {step}", self.server.name());
        self.steps.push(step);
        self.steps.last().unwrap()
    }

    /// The requests that the server has answered, and those of them that may change something. It answers
    /// first and writes its log afterwards, so this waits until the log has come to rest.
    fn counted(&self) -> (usize, usize) {
        let mut requests = self.server.answered().unwrap().len();
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.server.answered().unwrap().len();
            if now == requests {
                return (requests, self.server.writes().unwrap());
            }
            requests = now;
        }
    }

    /// The server holds this directory, all of it and nothing else.
    pub(crate) fn holds(&self, directory: &Directory) {
        let found = directory.differences_at(self.server).unwrap();
        let first = found.first().map_or("", String::as_str);
        assert!(found.is_empty(), "{}: {} differences, such as {first}", self.server.name(), found.len());
    }

    /// Everybody is created, changed, disabled, deleted; then all is asked for again.
    pub(crate) fn whole(&mut self, story: &Story) {
        self.arrive(story);
        self.go_on(story);
    }

    /// Everybody is created.
    pub(crate) fn arrive(&mut self, story: &Story) {
        let step = self.step("create", |driver| driver.bring(&story.first));
        assert_eq!((step.pass.created, step.pass.rounds), ([200, 10], 1), "{:?}", step.pass);
        self.holds(&story.first);
    }

    /// What happens to those who have arrived.
    pub(crate) fn go_on(&mut self, story: &Story) {
        let Story { first, later, disabled, smaller, leavers, dissolved } = story;
        let step = self.step("change", |driver| driver.bring(later));
        let [users, groups] = changed(first, later);
        assert_eq!((step.pass.created, step.pass.updated), ([5, 0], [users - 5, groups]), "{:?}", step.pass);
        self.holds(later);

        let step = self.step("disable", |driver| driver.bring(disabled));
        assert_eq!((step.pass.updated, step.pass.unchanged), ([SOME, 0], [185, 10]), "{:?}", step.pass);
        self.holds(disabled);

        let dissolved = std::slice::from_ref(dissolved);
        self.step("leave", |driver| driver.bring(smaller));
        let step = self.step("delete", |driver| driver.delete(leavers, dissolved));
        assert_eq!((step.pass.deleted, step.writes), ([SOME, 1], SOME + 1), "{:?}", step.pass);
        self.holds(smaller);

        let step = self.step("again", |driver| driver.bring(smaller));
        assert_eq!((step.pass.unchanged, step.requests), ([185, 9], 0), "{:?}", step.pass);
    }

    /// Everybody is looked up, as at a first run after the memory was lost.
    pub(crate) fn without_memory(&mut self, directory: &Directory) -> &Step {
        self.driver.forget();
        self.step("no memory", |driver| driver.bring(directory));
        self.holds(directory);
        self.steps.last().unwrap()
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, requests, writes, time, pass } = self;
        write!(f, "{name}: {requests} requests, {writes} of them writes, in {:.1} s", time.as_secs_f64())?;
        write!(f, "; rounds {}, failures {}", pass.rounds, pass.failures.len())
    }
}
