//! Groups: how members come and go. Here a wrong guess empties a group.

use super::answer::Answer;
use super::user::{Cast, Form, group_body};
use super::{Probe, Verdict};
use scimwright_profile::{MemberRemoval, OperationNames, PatchForm, Update, Verification};
use scimwright_scim::{AttributePath, Filter, PatchPath, Resource, ResourceType};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GROUP: &str = "Group";

/// What a member may have to say it is.
const TYPES: [&str; 2] = ["User", "user"];

type Ids = BTreeSet<String>;

/// What became of the members after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Effect {
    /// They are as they should be.
    Done,
    /// They are as they were, although success was said.
    Ignored,
    /// They are all gone, and should not be.
    Emptied,
    /// Whoever was to stay stayed, and nobody left.
    AddedOnly,
    /// They are as nobody wanted.
    Strange,
    /// It was refused: in these words.
    Refused(String),
}

impl Effect {
    fn of(answer: &Answer, before: &Ids, after: &Ids, wanted: &Ids) -> Self {
        if !answer.is_ok() {
            Self::Refused(answer.words())
        } else if after == wanted {
            Self::Done
        } else if after == before {
            Self::Ignored
        } else if after.is_empty() {
            Self::Emptied
        } else if after.is_superset(before) {
            Self::AddedOnly
        } else {
            Self::Strange
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Done => "carried out".to_owned(),
            Self::Ignored => "answered with success, and ignored".to_owned(),
            Self::Emptied => "removes all members".to_owned(),
            Self::AddedOnly => "adds, and removes nobody".to_owned(),
            Self::Strange => "leaves other members than it should".to_owned(),
            Self::Refused(words) => words.clone(),
        }
    }
}

/// A group that is being tried.
struct Trial<'a> {
    probe: &'a Probe,
    kind: &'a ResourceType,
    id: String,
    form: Form,
    /// How a member is written: with a type, where one is needed.
    member_type: Option<&'static str>,
    everybody: Ids,
}

/// Tries how members come and go.
pub(super) async fn members(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    let Some(kind) = &probe.groups else {
        probe.note(GROUP, "create", Verdict::Untold, "there are no groups");
        return Ok(());
    };
    let kind = kind.resource_type();
    let ids = [&cast.first.id, &cast.second.id, &cast.third.id].map(Clone::clone);
    let [first, second, third] = ids.clone();
    let Some(mut trial) = Trial::begin(probe, kind, ids.into_iter().collect()).await? else { return Ok(()) };
    if !trial.additions().await? {
        let readable = probe.found().group.members_readable;
        if readable && trial.put(&third).await? == Effect::Done {
            let mut found = probe.found();
            found.group.update = Update::Put;
            found.group.member_removal = MemberRemoval::Put;
        }
        return Ok(());
    }
    let by_filter = trial.removal_by_filter(&first).await?;
    let by_value = trial.removal_by_value(&second).await?;
    let replaced = trial.replacement(&third).await?;
    let cleared = trial.clearing().await?;
    trial.restore().await?;
    let by_put = trial.put(&third).await?;

    let mut found = probe.found();
    found.group.operation_names = trial.form.names;
    found.group.member_type = trial.member_type.map(str::to_owned);
    found.group.members_as_a_whole = replaced == Effect::Done || cleared == Effect::Done;
    let ways = [
        (&by_filter, MemberRemoval::Filter),
        (&by_value, MemberRemoval::Value),
        (&replaced, MemberRemoval::Replace),
        (&by_put, MemberRemoval::Put),
    ];
    if let Some((_, way)) = ways.iter().find(|(effect, _)| **effect == Effect::Done) {
        found.group.member_removal = *way;
    }
    // Whoever says yes and does nothing has to be looked after.
    if [&by_filter, &by_value, &replaced].contains(&&Effect::Ignored) {
        found.group.verification = Verification::Always;
    }
    Ok(())
}

impl<'a> Trial<'a> {
    /// Makes the group, with all but the last who is to come, and sees whether its members are shown.
    async fn begin(probe: &'a Probe, kind: &'a ResourceType, everybody: Ids) -> anyhow::Result<Option<Self>> {
        let beginning: Ids = everybody.iter().take(everybody.len() - 1).cloned().collect();
        let mut trial = Self {
            probe,
            kind,
            id: String::new(),
            form: Form { names: OperationNames::Lower, patch: PatchForm::Path },
            member_type: None,
            everybody,
        };
        let mut refused = None;
        let attempts = [(None, true), (Some(TYPES[0]), true), (Some(TYPES[1]), true), (None, false)];
        for (member_type, with_members) in attempts {
            trial.member_type = member_type;
            let mut body = group_body(probe, kind);
            if with_members {
                body.as_map_mut().insert("members".to_owned(), trial.written(&beginning));
            }
            let (answer, id) = probe.create(kind, "displayName", &body).await?;
            let Some(id) = id else {
                refused.get_or_insert_with(|| answer.words());
                continue;
            };
            trial.id = id;
            let (verdict, words) = match (&refused, member_type, with_members) {
                (None, ..) => (Verdict::Plain, answer.words()),
                (Some(refused), Some(kind), _) => {
                    (Verdict::Odd, format!("{refused}, unless each has the type {kind}"))
                }
                (Some(refused), None, _) => (Verdict::Odd, format!("{refused}; without members it is made")),
            };
            probe.note(GROUP, "create with members", verdict, words);
            if !with_members {
                probe.found().group.members_on_create = Some(0);
                return Ok(Some(trial));
            }
            return Ok(trial.shows(&beginning).await?.then_some(trial));
        }
        let words = refused.unwrap_or_default();
        probe.note(GROUP, "create with members", Verdict::Odd, format!("{words}, without members too"));
        Ok(None)
    }

    /// Where members are not shown, nothing can be told about them.
    async fn shows(&self, wanted: &Ids) -> anyhow::Result<bool> {
        let shown = self.present().await?;
        let (verdict, words) = match () {
            () if shown == *wanted => (Verdict::Plain, "shown"),
            () if shown.is_empty() => (Verdict::Odd, "not shown, so that the rest cannot be told"),
            () => (Verdict::Odd, "shown in part, so that the rest cannot be told"),
        };
        self.probe.note(GROUP, "members", verdict, words);
        self.probe.found().group.members_readable = !shown.is_empty();
        Ok(shown == *wanted)
    }

    async fn present(&self) -> anyhow::Result<Ids> {
        let seen = self.probe.read(self.kind, &self.id).await?.resource;
        let members = seen.and_then(|seen| seen.as_map().get("members").cloned()).unwrap_or_default();
        let id = |member: &Value| match &member["value"] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        };
        Ok(members.as_array().into_iter().flatten().filter_map(id).collect())
    }

    fn written(&self, ids: &Ids) -> Value {
        let member = |id: &String| match self.member_type {
            Some(kind) => json!({ "value": id, "type": kind }),
            None => json!({ "value": id }),
        };
        ids.iter().map(member).collect()
    }

    /// Sends one operation, and compares.
    async fn tried(&self, operation: Value, wanted: &Ids) -> anyhow::Result<Effect> {
        let before = self.present().await?;
        let answer = self.probe.patch(self.kind, &self.id, json!([operation]), None).await?;
        Ok(Effect::of(&answer, &before, &self.present().await?, wanted))
    }

    async fn add(&self, ids: &Ids) -> anyhow::Result<Effect> {
        let operation = json!({ "op": self.form.op("add"), "path": "members", "value": self.written(ids) });
        let wanted = self.present().await?.union(ids).cloned().collect();
        self.tried(operation, &wanted).await
    }

    /// Everybody is a member again, for the next attempt.
    async fn restore(&self) -> anyhow::Result<()> {
        let missing: Ids = self.everybody.difference(&self.present().await?).cloned().collect();
        if !missing.is_empty() {
            let restored = self.add(&missing).await?;
            anyhow::ensure!(restored == Effect::Done, "members cannot be added again: {}", restored.words());
        }
        Ok(())
    }

    /// Finds out how members are added. False where they cannot be.
    async fn additions(&mut self) -> anyhow::Result<bool> {
        const BEHAVIOUR: &str = "PATCH that adds members";
        let present = self.present().await?;
        let missing: Ids = self.everybody.difference(&present).cloned().collect();
        let mut words = Vec::new();
        let before = self.member_type;
        let types = [before, Some(TYPES[0]), Some(TYPES[1])];
        let spelled = |names| types.map(|member_type| (names, member_type));
        let attempts = [spelled(OperationNames::Lower), spelled(OperationNames::Capital)];
        for (names, member_type) in attempts.into_iter().flatten() {
            self.form.names = names;
            self.member_type = member_type;
            let effect = self.add(&missing).await?;
            let done = effect == Effect::Done;
            if done {
                let odd = match (names, member_type.filter(|_| member_type != before)) {
                    (OperationNames::Capital, _) => Some("carried out with `Add` for `add`".to_owned()),
                    (_, Some(kind)) => Some(format!("carried out where each has the type {kind}")),
                    _ => None,
                };
                let (verdict, said) = match odd {
                    Some(odd) => (Verdict::Odd, format!("{}; {odd}", words.join("; "))),
                    None => (Verdict::Plain, effect.words()),
                };
                self.probe.note(GROUP, BEHAVIOUR, verdict, said);
                return Ok(!present.is_empty() || self.shows(&self.everybody).await?);
            }
            if words.is_empty() {
                words.push(effect.words());
            }
        }
        self.form.names = OperationNames::Lower;
        self.member_type = before;
        if present.is_empty() && words.iter().all(|words| words.contains("ignored")) {
            words.push("or carried out and not shown".to_owned());
            self.probe.found().group.members_readable = false;
        }
        self.probe.note(GROUP, BEHAVIOUR, Verdict::Odd, words.join(", "));
        Ok(false)
    }

    fn without(&self, id: &str) -> Ids {
        self.everybody.iter().filter(|other| *other != id).cloned().collect()
    }

    fn note(&self, behaviour: &'static str, verdict: Verdict, effect: &Effect) {
        self.probe.note(GROUP, behaviour, verdict, effect.words());
    }

    /// `members[value eq "…"]`, which is RFC 7644's way.
    async fn removal_by_filter(&self, id: &str) -> anyhow::Result<Effect> {
        self.restore().await?;
        let filter = Filter::eq(AttributePath::parse("value")?, id);
        let path = PatchPath::element(AttributePath::parse("members")?, filter).to_string();
        let operation = json!({ "op": self.form.op("remove"), "path": path });
        let effect = self.tried(operation, &self.without(id)).await?;
        let verdict = if effect == Effect::Done { Verdict::Plain } else { Verdict::Odd };
        self.note("PATCH that removes members[value eq …]", verdict, &effect);
        Ok(effect)
    }

    /// The members to be removed as the value: nothing in RFC 7644, and everything to some providers.
    async fn removal_by_value(&self, id: &str) -> anyhow::Result<Effect> {
        self.restore().await?;
        let value = self.written(&Ids::from([id.to_owned()]));
        let operation = json!({ "op": self.form.op("remove"), "path": "members", "value": value });
        let effect = self.tried(operation, &self.without(id)).await?;
        // RFC 7644 section 3.5.2.2 knows no value here: to remove all members is to read it to the letter.
        let verdict = match effect {
            Effect::Ignored | Effect::Strange => Verdict::Odd,
            _ => Verdict::Plain,
        };
        self.note("PATCH that removes members by value", verdict, &effect);
        Ok(effect)
    }

    async fn replacement(&self, id: &str) -> anyhow::Result<Effect> {
        self.restore().await?;
        let wanted = Ids::from([id.to_owned()]);
        let value = self.written(&wanted);
        let operation = json!({ "op": self.form.op("replace"), "path": "members", "value": value });
        let effect = self.tried(operation, &wanted).await?;
        let verdict = if effect == Effect::Done { Verdict::Plain } else { Verdict::Odd };
        self.note("PATCH that replaces members", verdict, &effect);
        Ok(effect)
    }

    async fn clearing(&self) -> anyhow::Result<Effect> {
        self.restore().await?;
        let operation = json!({ "op": self.form.op("remove"), "path": "members" });
        let effect = self.tried(operation, &Ids::new()).await?;
        let verdict = if effect == Effect::Done { Verdict::Plain } else { Verdict::Odd };
        self.note("PATCH that removes all members", verdict, &effect);
        Ok(effect)
    }

    /// The members as they are to be, by PUT.
    async fn put(&self, id: &str) -> anyhow::Result<Effect> {
        let before = self.present().await?;
        let wanted = Ids::from([id.to_owned()]);
        let mut body: Resource = group_body(self.probe, self.kind);
        body.as_map_mut().insert("members".to_owned(), self.written(&wanted));
        let mut answer = self.probe.put(self.kind, &self.id, &body).await?;
        if !answer.is_ok() && !answer.is_unsupported() {
            body.as_map_mut().insert("id".to_owned(), self.id.as_str().into());
            answer = self.probe.put(self.kind, &self.id, &body).await?;
            self.probe.found().group.id_in_put = answer.is_ok();
        }
        let effect = Effect::of(&answer, &before, &self.present().await?, &wanted);
        let verdict = if effect == Effect::Done { Verdict::Plain } else { Verdict::Odd };
        self.note("PUT of a group with other members", verdict, &effect);
        Ok(effect)
    }
}
