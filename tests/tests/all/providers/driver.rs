//! Brings a directory about at a provider, as a program would that has several tasks and some patience: what
//! fails is tried again in a later round, as the failure advises and not otherwise.

use futures::StreamExt;
use scimwright_client::{
    CallObserver, ClientError, Kind, Known, MatchKey, Provider, ProviderSettings, Provisioned,
    ProvisioningDone, RetryAdvice,
};
use scimwright_profile::Profile;
use scimwright_scim::{AttributePath, Desired, DesiredValue};
use scimwright_tests::scenario::{Directory, WantedGroup};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How many tasks work at once.
const AT_ONCE: usize = 4;

/// How many times a thing is tried, at most.
const ROUNDS: usize = 5;

/// Between two rounds. A request that timed out may still be on its way: who looks at once finds nothing.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// What every user has or is to lose; the rest of a user is never without a value.
const CLEARED_WHERE_ABSENT: [&str; 2] = ["title", "phoneNumbers"];

/// A provider, and what is remembered of everybody there.
pub(crate) struct Driver {
    runtime: Runtime,
    pub(crate) provider: Provider,
    users: Kind,
    groups: Kind,
    members: Members,
    memory: Memory,
}

/// How a member is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    /// By its id, which is all that RFC 7643 section 4.2 asks for.
    ById,
    /// With a `$ref` as well, for a server whose schema requires one.
    WithReference,
}

/// By userName, and by the groups' externalId.
#[derive(Default)]
struct Memory {
    users: BTreeMap<String, Known>,
    groups: BTreeMap<String, Known>,
}

/// How it went to bring something about.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// Resources that were made: users, groups.
    pub(crate) created: [usize; 2],
    pub(crate) updated: [usize; 2],
    pub(crate) unchanged: [usize; 2],
    pub(crate) deleted: [usize; 2],
    /// How many times the one that took longest was tried.
    pub(crate) rounds: usize,
    /// What failed on the way, and was tried again.
    pub(crate) failures: Vec<String>,
    /// What of the wanted state could not be sent.
    pub(crate) left_out: BTreeSet<String>,
}

/// One resource that is wanted.
struct Job {
    key: String,
    wanted: Desired,
    known: Option<Known>,
    /// What is known is in doubt, as an answer was lost: it has to be looked at before anything is sent.
    doubtful: bool,
}

impl Job {
    fn new(key: &str, wanted: Desired, known: Option<&Known>) -> Self {
        Self { key: key.to_owned(), wanted, known: known.cloned(), doubtful: false }
    }

    async fn carry_out(
        &mut self,
        provider: &Provider,
        kind: &Kind,
        match_by: &[MatchKey],
    ) -> Result<Provisioned, ClientError> {
        if let Some(known) = self.known.as_mut().filter(|_| self.doubtful) {
            known.seen = provider.get_by_id(kind, &known.id).await?.value;
            self.doubtful = false;
        }
        let outcome = provider.provision(kind, self.wanted.clone(), match_by, self.known.as_ref()).await;
        self.doubtful = outcome.as_ref().is_err_and(|error| error.retry() == RetryAdvice::LookUpFirst);
        outcome
    }
}

/// The places in the counts of a [`Pass`].
#[derive(Debug, Clone, Copy)]
enum What {
    Users = 0,
    Groups = 1,
}

impl Driver {
    pub(crate) fn new(settings: ProviderSettings, profile: Profile) -> Self {
        let runtime = Runtime::new().unwrap();
        let (provider, users, groups) = runtime.block_on(async {
            let provider = Provider::new(settings, profile).unwrap();
            let users = provider.kind("User").await.unwrap().unwrap();
            let groups = provider.kind("Group").await.unwrap().unwrap();
            (provider, users, groups)
        });
        let (members, memory) = (Members::ById, Memory::default());
        Self { runtime, provider, users, groups, members, memory }
    }

    /// The same, with members written in this way.
    pub(crate) fn writing(self, members: Members) -> Self {
        Self { members, ..self }
    }

    /// Shows every call from here on to an observer.
    pub(crate) fn observe(&mut self, observer: Arc<dyn CallObserver>) {
        let client = self.provider.client().clone();
        self.provider = self.provider.through(client.observed_by(observer));
    }

    /// Forgets everybody: from here on they have to be looked up.
    pub(crate) fn forget(&mut self) {
        self.memory = Memory::default();
    }

    /// Brings all users of a directory about, then its groups. Nobody is removed.
    pub(crate) fn bring(&mut self, directory: &Directory) -> Pass {
        let mut pass = Pass::default();
        let jobs = directory.users.iter().map(|user| {
            let key = user["userName"].as_str().unwrap();
            Job::new(key, wanted(user, &CLEARED_WHERE_ABSENT), self.memory.users.get(key))
        });
        let users = self.settle(What::Users, jobs.collect(), &mut pass);
        self.memory.users.extend(users);

        let ids = self.memory.users.iter().map(|(name, known)| (name.clone(), known.id.clone())).collect();
        let jobs = directory.groups.iter().map(|group| self.group_job(group, &ids));
        let groups = self.settle(What::Groups, jobs.collect(), &mut pass);
        self.memory.groups.extend(groups);
        pass
    }

    fn group_job(&self, group: &WantedGroup, ids: &BTreeMap<String, String>) -> Job {
        let mut body = Directory::group_body(group, ids).unwrap();
        if self.members == Members::ById {
            let members = body["members"].as_array_mut().into_iter().flatten();
            members.filter_map(Value::as_object_mut).for_each(|member| {
                member.remove("$ref");
            });
        }
        let known = self.memory.groups.get(&group.external_id);
        Job::new(&group.external_id, wanted(&body, &[]), known)
    }

    /// Deletes users by userName and groups by externalId.
    pub(crate) fn delete(&mut self, users: &[String], groups: &[String]) -> Pass {
        let mut pass = Pass::default();
        let ids = users.iter().map(|name| self.memory.users.remove(name).unwrap().id).collect();
        self.settle_deletes(What::Users, ids, &mut pass);
        let ids = groups.iter().map(|key| self.memory.groups.remove(key).unwrap().id).collect();
        self.settle_deletes(What::Groups, ids, &mut pass);
        pass
    }

    /// Provisions until nothing is left, and returns what is to be remembered.
    fn settle(&self, what: What, mut left: Vec<Job>, pass: &mut Pass) -> BTreeMap<String, Known> {
        let (kind, match_by) = match what {
            What::Users => (&self.users, ["externalId", "userName"].as_slice()),
            What::Groups => (&self.groups, ["externalId", "displayName"].as_slice()),
        };
        let match_by: Vec<_> =
            match_by.iter().map(|path| AttributePath::parse(path).unwrap().into()).collect();
        let mut settled = BTreeMap::new();
        pass.in_rounds(|pass| {
            let calls = std::mem::take(&mut left).into_iter().map(|mut job| {
                let (provider, kind, match_by) = (self.provider.clone(), kind.clone(), match_by.clone());
                async move {
                    let outcome = job.carry_out(&provider, &kind, &match_by).await;
                    (job, outcome)
                }
            });
            for (job, outcome) in self.at_once(calls) {
                match outcome {
                    Ok(provisioned) => {
                        pass.count(what, &provisioned);
                        settled.insert(job.key, provisioned.known);
                    }
                    Err(error) => {
                        pass.failed(&error);
                        left.push(job);
                    }
                }
            }
            left.is_empty()
        });
        settled
    }

    fn settle_deletes(&self, what: What, mut left: Vec<String>, pass: &mut Pass) {
        let kind = match what {
            What::Users => &self.users,
            What::Groups => &self.groups,
        };
        pass.in_rounds(|pass| {
            let calls = std::mem::take(&mut left).into_iter().map(|id| {
                let (provider, kind) = (self.provider.clone(), kind.clone());
                async move {
                    let outcome = provider.delete(&kind, &id).await;
                    (id, outcome)
                }
            });
            for (id, outcome) in self.at_once(calls) {
                match outcome {
                    Ok(_) => pass.deleted[what as usize] += 1,
                    Err(error) => {
                        pass.failed(&error);
                        left.push(id);
                    }
                }
            }
            left.is_empty()
        });
    }

    fn at_once<T: Send + 'static>(
        &self,
        calls: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        self.runtime.block_on(async {
            let tasks = futures::stream::iter(calls.map(tokio::spawn)).buffer_unordered(AT_ONCE);
            tasks.map(Result::unwrap).collect().await
        })
    }
}

impl Pass {
    fn in_rounds(&mut self, mut round: impl FnMut(&mut Self) -> bool) {
        for number in 1..=ROUNDS {
            self.rounds = self.rounds.max(number);
            if round(self) {
                return;
            }
            std::thread::sleep(BETWEEN_ROUNDS);
        }
        panic!("after {ROUNDS} rounds something is left to do:\n{}", self.failures.join("\n"));
    }

    fn count(&mut self, what: What, provisioned: &Provisioned) {
        let counts = match provisioned.done {
            ProvisioningDone::Created => &mut self.created,
            ProvisioningDone::Updated => &mut self.updated,
            ProvisioningDone::Unchanged => &mut self.unchanged,
        };
        counts[what as usize] += 1;
        self.left_out.extend(provisioned.left_out.iter().cloned());
    }

    /// What will not pass by itself is a fault of the client or of the test.
    fn failed(&mut self, error: &ClientError) {
        assert_ne!(error.retry(), RetryAdvice::Never, "{error}");
        self.failures.push(error.to_string());
    }
}

/// The body of a POST as a wanted state: each attribute with its path, those of an extension with its URN in
/// front.
fn wanted(body: &Value, cleared_where_absent: &[&str]) -> Desired {
    let mut wanted = Desired::new();
    let mut set = |path: &str, value: DesiredValue| wanted.set(&AttributePath::parse(path).unwrap(), value);
    for (name, value) in body.as_object().unwrap() {
        match value {
            _ if name == "schemas" => {}
            Value::Object(inner) if name.starts_with("urn:") => {
                for (inner, value) in inner {
                    set(&format!("{name}:{inner}"), value.clone().into());
                }
            }
            value => set(name, value.clone().into()),
        }
    }
    for name in cleared_where_absent.iter().filter(|name| body.get(**name).is_none()) {
        set(name, DesiredValue::Clear);
    }
    wanted
}
