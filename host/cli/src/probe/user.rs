//! Users: how they come to be, how they are changed, and how they end.

use super::answer::Answer;
use super::{Probe, Verdict};
use scimwright_profile::{Deletion, Disabling, OperationNames, PatchForm, Update};
use scimwright_scim::{AttributePath, DataType, Desired, Resource, ResourceType};
use serde_json::{Map, Value, json};

const USER: &str = "User";

/// The users of a probing.
pub(super) struct Cast {
    /// Who is changed, and disabled.
    pub(super) first: Member,
    /// Who is deleted.
    pub(super) second: Member,
    /// Who is a member only.
    pub(super) third: Member,
}

/// A user that was made.
pub(super) struct Member {
    pub(super) id: String,
    pub(super) login: String,
    /// What was sent.
    body: Resource,
}

/// Makes the users; none where not even the first can be made.
pub(super) async fn make(probe: &Probe) -> anyhow::Result<Option<Cast>> {
    let kind = probe.users.resource_type();
    let body = body(probe, 1);
    let (mut made, mut id) = probe.create(kind, "userName", &body).await?;
    if made.status == 415 {
        probe.speak_plain_json()?;
        (made, id) = probe.create(kind, "userName", &body).await?;
        probe.note(USER, "media type", Verdict::Odd, "application/scim+json refused, application/json taken");
    }
    let Some(id) = id else {
        probe.note(USER, "create", Verdict::Odd, format!("{}; nothing more can be tried", made.words()));
        return Ok(None);
    };
    let shown = if made.resource.is_some() { "with the user" } else { "without the user" };
    let verdict = if made.status == 201 && made.resource.is_some() { Verdict::Plain } else { Verdict::Odd };
    probe.note(USER, "create", verdict, format!("{} {shown}", made.words()));
    let first = Member { login: login(&body), id, body };
    let mut others = Vec::new();
    for number in [2, 3] {
        let body = self::body(probe, number);
        let (made, id) = probe.create(kind, "userName", &body).await?;
        let Some(id) = id else {
            let words = format!("a further one {}; nothing more can be tried", made.words());
            probe.note(USER, "create", Verdict::Odd, words);
            return Ok(None);
        };
        others.push(Member { login: login(&body), id, body });
    }
    let third = others.pop();
    Ok(others.pop().zip(third).map(|(second, third)| Cast { first, second, third }))
}

/// What makes a user who it is: names that are taken, and versions.
pub(super) async fn identity(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    let kind = probe.users.resource_type();
    let (again, id) = probe.create(kind, "userName", &cast.first.body).await?;
    let (verdict, words) = match &id {
        Some(id) if *id == cast.first.id => (Verdict::Odd, "the user who is there is returned".to_owned()),
        Some(_) => (Verdict::Odd, "a second user of the same name is made".to_owned()),
        None if again.status == 409 => (Verdict::Plain, again.words()),
        None => (Verdict::Odd, again.words()),
    };
    probe.note(USER, "create under a name that is taken", verdict, words);

    let shown = probe.read(kind, &cast.first.id).await?;
    let Some(resource) = &shown.resource else {
        probe.note(USER, "read by id", Verdict::Odd, shown.words());
        return Ok(());
    };
    probe.note(USER, "read by id", Verdict::Plain, shown.words());
    let changed = altered(&cast.first.body, resource);
    match changed.is_empty() {
        true => probe.note(USER, "values", Verdict::Plain, "kept as they were sent"),
        false => probe.note(
            USER,
            "values",
            Verdict::Odd,
            format!("not kept as they were sent: {}", changed.join(", ")),
        ),
    }
    Ok(())
}

/// The attributes that came back otherwise, or not at all.
fn altered(sent: &Resource, seen: &Resource) -> Vec<String> {
    let sent = sent.as_map().iter().filter(|(name, _)| *name != "schemas");
    sent.filter(|(name, value)| seen.as_map().get(*name).is_none_or(|seen| !contains(seen, value)))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether what came back has what was sent; more is no harm.
fn contains(seen: &Value, sent: &Value) -> bool {
    match (seen, sent) {
        (Value::Object(seen), Value::Object(sent)) => {
            sent.iter().all(|(name, value)| seen.get(name).is_some_and(|seen| contains(seen, value)))
        }
        (Value::Array(seen), Value::Array(sent)) => {
            sent.iter().all(|value| seen.iter().any(|seen| contains(seen, value)))
        }
        _ => seen == sent,
    }
}

/// How a user is changed.
pub(super) async fn changes(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    let id = &cast.first.id;
    patch_forms(probe, id).await?;
    parts(probe, id).await?;
    versions(probe, id).await?;
    replacement(probe, id).await
}

/// A way of saying what is to be changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) names: OperationNames,
    pub(super) patch: PatchForm,
}

impl Form {
    /// An operation's name.
    pub(super) fn op(self, name: &str) -> String {
        match self.names {
            OperationNames::Lower => name.to_owned(),
            OperationNames::Capital => name[..1].to_uppercase() + &name[1..],
        }
    }

    /// The replacement of one attribute.
    fn replace(self, attribute: &str, value: &Value) -> Value {
        let op = self.op("replace");
        match self.patch {
            PatchForm::Path => json!([{ "op": op, "path": attribute, "value": value }]),
            PatchForm::Object => json!([{ "op": op, "value": { attribute: value } }]),
        }
    }
}

/// What became of one change.
enum Effect {
    Done,
    /// Success was said, and nothing happened.
    Ignored,
    Refused(Answer),
}

impl Effect {
    fn words(&self) -> String {
        match self {
            Self::Done => "carried out".to_owned(),
            Self::Ignored => "answered with success, and ignored".to_owned(),
            Self::Refused(answer) => answer.words(),
        }
    }
}

/// Tries every form of a PATCH, and remembers the first that works in the order of preference.
async fn patch_forms(probe: &Probe, id: &str) -> anyhow::Result<()> {
    use {OperationNames::*, PatchForm::*};
    let forms = [
        ("PATCH with a path", Form { names: Lower, patch: Path }),
        ("PATCH without a path, of an object", Form { names: Lower, patch: Object }),
        ("PATCH with `Replace` for `replace`", Form { names: Capital, patch: Path }),
        ("PATCH with `Replace`, without a path", Form { names: Capital, patch: Object }),
    ];
    let mut first = None;
    let mut unsupported = true;
    for (behaviour, form) in forms {
        let value = json!(format!("{} {behaviour}", probe.scratch.stem()));
        let effect = replaced(probe, id, form, "displayName", &value).await?;
        let works = matches!(effect, Effect::Done);
        unsupported &= matches!(&effect, Effect::Refused(answer) if answer.is_unsupported());
        if works && first.is_none() {
            first = Some(form);
        }
        // Only what the RFCs ask for is missing where it does not work.
        let asked_for = matches!((form.names, form.patch), (Lower, _));
        let verdict = if works || !asked_for { Verdict::Plain } else { Verdict::Odd };
        probe.note(USER, behaviour, verdict, effect.words());
    }
    let declared = probe.discovery.capabilities.patch.value;
    let only_activity = first.is_none() && !unsupported && {
        first = patches_activity(probe, id, &forms).await?;
        first.is_some()
    };
    let mut found = probe.found();
    match first {
        Some(form) => {
            found.user.patchable =
                only_activity.then(|| AttributePath::parse("active").into_iter().collect());
            found.user.patch_form = form.patch;
            found.user.operation_names = form.names;
            found.provider.patch = (!declared).then_some(true);
        }
        None => {
            found.user.update = Update::Put;
            found.provider.patch = (declared && unsupported).then_some(false);
        }
    }
    Ok(())
}

/// Some providers change nothing by PATCH but whether somebody is active.
async fn patches_activity(probe: &Probe, id: &str, forms: &[(&str, Form)]) -> anyhow::Result<Option<Form>> {
    let mut words = String::new();
    for (_, form) in forms {
        let operations = form.replace("active", &json!(true));
        let answer = probe.patch(probe.users.resource_type(), id, operations, None).await?;
        words = answer.words();
        if answer.is_ok() {
            probe.note(USER, "PATCH of active alone", Verdict::Odd, words);
            return Ok(Some(*form));
        }
    }
    probe.note(USER, "PATCH of active alone", Verdict::Odd, words);
    Ok(None)
}

/// Replaces an attribute by PATCH, and looks.
async fn replaced(
    probe: &Probe,
    id: &str,
    form: Form,
    attribute: &str,
    value: &Value,
) -> anyhow::Result<Effect> {
    let kind = probe.users.resource_type();
    let answer = probe.patch(kind, id, form.replace(attribute, value), None).await?;
    if !answer.is_ok() {
        return Ok(Effect::Refused(answer));
    }
    let seen = probe.read(kind, id).await?.resource;
    let is_there = seen.is_some_and(|seen| seen.as_map().get(attribute) == Some(value));
    Ok(if is_there { Effect::Done } else { Effect::Ignored })
}

/// The form that works; none where there is no PATCH.
pub(super) fn form(probe: &Probe) -> Option<Form> {
    let found = probe.found();
    let patches = found.user.update != Update::Put;
    patches.then_some(Form { names: found.user.operation_names, patch: found.user.patch_form })
}

/// Whether a PATCH changes more than `active`.
fn changes_names(probe: &Probe) -> bool {
    probe.found().user.patchable.is_none()
}

/// Parts of a complex attribute, and the removal of an attribute.
async fn parts(probe: &Probe, id: &str) -> anyhow::Result<()> {
    let Some(form) = form(probe).filter(|_| changes_names(probe)) else { return Ok(()) };
    let kind = probe.users.resource_type();
    let operation = json!([{ "op": form.op("replace"), "path": "name.givenName", "value": "Part" }]);
    let answer = probe.patch(kind, id, operation, None).await?;
    let name = attribute(probe, id, "name").await?;
    let (verdict, words) = match (&name["givenName"], &name["familyName"]) {
        _ if !answer.is_ok() => (Verdict::Odd, answer.words()),
        (given, family) if given == "Part" && family.is_string() => {
            (Verdict::Plain, "the rest stays".to_owned())
        }
        (given, _) if given == "Part" => (Verdict::Odd, "the rest is lost".to_owned()),
        _ => (Verdict::Odd, "answered with success, and ignored".to_owned()),
    };
    probe.note(USER, "PATCH of a part, name.givenName", verdict, words);

    if attribute(probe, id, "nickName").await?.is_null() {
        probe.note(USER, "PATCH that removes an attribute", Verdict::Untold, "nickName is not kept");
        return Ok(());
    }
    let operation = json!([{ "op": form.op("remove"), "path": "nickName" }]);
    let answer = probe.patch(kind, id, operation, None).await?;
    let gone = attribute(probe, id, "nickName").await?.is_null();
    let (verdict, words) = match (answer.is_ok(), gone) {
        (false, _) => (Verdict::Odd, answer.words()),
        (true, true) => (Verdict::Plain, "carried out".to_owned()),
        (true, false) => (Verdict::Odd, "answered with success, and ignored".to_owned()),
    };
    probe.note(USER, "PATCH that removes an attribute", verdict, words);
    Ok(())
}

async fn attribute(probe: &Probe, id: &str, name: &str) -> anyhow::Result<Value> {
    let seen = probe.read(probe.users.resource_type(), id).await?.resource;
    Ok(seen.and_then(|seen| seen.as_map().get(name).cloned()).unwrap_or_default())
}

/// Whether versions are shown and conditions heeded.
async fn versions(probe: &Probe, id: &str) -> anyhow::Result<()> {
    const SHOWN: &str = "version of a user";
    let kind = probe.users.resource_type();
    let declared = probe.discovery.capabilities.etag.value;
    let seen = probe.read(kind, id).await?.resource;
    let Some(version) = seen.and_then(|seen| seen.version().map(str::to_owned)) else {
        let verdict = if declared { Verdict::Odd } else { Verdict::Plain };
        probe.note(USER, SHOWN, verdict, "none is shown");
        probe.found().provider.etag = declared.then_some(false);
        return Ok(());
    };
    probe.note(USER, SHOWN, Verdict::Plain, "shown");
    let Some(form) = form(probe).filter(|_| changes_names(probe)) else { return Ok(()) };
    let named = |text: &str| form.replace("displayName", &json!(format!("{} {text}", probe.scratch.stem())));
    let wrong = probe.patch(kind, id, named("wrong"), Some("W/\"scimwright-probe\"")).await?;
    // The version may have been another one by now, had the wrong one been taken.
    let version = match wrong.is_ok() {
        true => probe.read(kind, id).await?.resource.and_then(|seen| seen.version().map(str::to_owned)),
        false => Some(version),
    };
    let right = probe.patch(kind, id, named("right"), version.as_deref()).await?;
    let works = wrong.status == 412 && right.is_ok();
    let words = match (&wrong, &right) {
        (wrong, _) if wrong.is_ok() => "another version is passed over".to_owned(),
        (_, right) if !right.is_ok() => format!("even the right version is {}", right.words()),
        _ if works => "heeded".to_owned(),
        (wrong, _) => format!("another version is {}", wrong.words()),
    };
    let verdict = if works || !declared { Verdict::Plain } else { Verdict::Odd };
    probe.note(USER, "If-Match", verdict, words);
    if works != declared {
        probe.found().provider.etag = Some(works);
    }
    Ok(())
}

/// What a PUT does with what it does not mention.
async fn replacement(probe: &Probe, id: &str) -> anyhow::Result<()> {
    let kind = probe.users.resource_type();
    let Some(seen) = probe.read(kind, id).await?.resource else { return Ok(()) };
    let had_title = seen.as_map().contains_key("title");
    let mut body = seen;
    for name in ["id", "meta", "groups", "title"] {
        body.as_map_mut().remove(name);
    }
    let mut answer = probe.put(kind, id, &body).await?;
    if !answer.is_ok() && !answer.is_unsupported() {
        body.as_map_mut().insert("id".to_owned(), id.into());
        let with_id = probe.put(kind, id, &body).await?;
        if with_id.is_ok() {
            probe.note(USER, "PUT without `id` in the body", Verdict::Odd, answer.words());
            probe.found().user.id_in_put = true;
        }
        answer = with_id;
    }
    let (verdict, words) = match attribute(probe, id, "title").await? {
        _ if !answer.is_ok() => (Verdict::Odd, answer.words()),
        _ if !had_title => (Verdict::Untold, format!("{}; title is not kept", answer.words())),
        Value::Null => (Verdict::Plain, "what is not mentioned is cleared".to_owned()),
        _ => (Verdict::Plain, "what is not mentioned stays".to_owned()),
    };
    probe.note(USER, "PUT", verdict, words);
    if !answer.is_ok() {
        // Neither works, and which of them would be no profile can say.
        probe.found().user.update = Update::Declared;
    }
    Ok(())
}

/// How a user ends: by being disabled, and by being deleted.
pub(super) async fn ends(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    disabling(probe, &cast.first.id).await?;
    deletion(probe, &cast.second).await
}

async fn disabling(probe: &Probe, id: &str) -> anyhow::Result<()> {
    const BEHAVIOUR: &str = "active set to false";
    let kind = probe.users.resource_type();
    let answer = activity(probe, id, false).await?;
    let seen = probe.read(kind, id).await?;
    let (verdict, words) = match seen.resource.as_ref().map(|seen| seen.as_map().get("active")) {
        _ if !answer.is_ok() => (Verdict::Odd, answer.words()),
        Some(Some(Value::Bool(false))) => {
            let again = activity(probe, id, true).await?;
            let active = attribute(probe, id, "active").await? == true;
            match again.is_ok() && active {
                true => (Verdict::Plain, "the account is kept, and can be made active again".to_owned()),
                false => (Verdict::Odd, "the account is kept, and cannot be made active again".to_owned()),
            }
        }
        Some(_) => (Verdict::Odd, "answered with success, and ignored".to_owned()),
        None => {
            probe.found().user.disabling = Disabling::Deletes;
            (Verdict::Odd, format!("the account is deleted: reading it is {}", seen.words()))
        }
    };
    probe.note(USER, BEHAVIOUR, verdict, words);
    Ok(())
}

/// Sets `active` in the way that changes work here.
async fn activity(probe: &Probe, id: &str, active: bool) -> anyhow::Result<Answer> {
    let kind = probe.users.resource_type();
    if let Some(form) = form(probe) {
        return probe.patch(kind, id, form.replace("active", &json!(active)), None).await;
    }
    let seen = probe.read(kind, id).await?;
    let Some(mut body) = seen.resource.clone() else { return Ok(seen) };
    let id_in_put = probe.found().user.id_in_put;
    for name in ["meta", "groups"].into_iter().chain((!id_in_put).then_some("id")) {
        body.as_map_mut().remove(name);
    }
    body.as_map_mut().insert("active".to_owned(), active.into());
    probe.put(kind, id, &body).await
}

async fn deletion(probe: &Probe, user: &Member) -> anyhow::Result<()> {
    let kind = probe.users.resource_type();
    let once = probe.delete(kind, &user.id).await?;
    let verdict = if once.status == 204 { Verdict::Plain } else { Verdict::Odd };
    probe.note(USER, "delete", verdict, once.words());
    if !once.is_ok() {
        return Ok(());
    }
    let seen = probe.read(kind, &user.id).await?;
    let verdict = if seen.status == 404 { Verdict::Plain } else { Verdict::Odd };
    let inactive =
        seen.resource.as_ref().is_some_and(|seen| seen.as_map().get("active") == Some(&false.into()));
    let words = if inactive { "still there, inactive".to_owned() } else { seen.words() };
    probe.note(USER, "read after delete", verdict, words);
    let twice = probe.delete(kind, &user.id).await?;
    let verdict = if twice.status == 404 { Verdict::Plain } else { Verdict::Odd };
    probe.note(USER, "delete again", verdict, twice.words());

    let (again, id) = probe.create(kind, "userName", &user.body).await?;
    let (verdict, words) = match &id {
        Some(id) if *id == user.id => (Verdict::Odd, "the user of before comes back".to_owned()),
        Some(_) => (Verdict::Plain, "a new user is made".to_owned()),
        None => (Verdict::Odd, again.words()),
    };
    probe.note(USER, "create again after delete", verdict, words);
    if again.status == 409 {
        probe.found().user.deletion = Deletion::Tombstone;
    }
    Ok(())
}

fn login(body: &Resource) -> String {
    body.as_map().get("userName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A user with what most providers ask for, cut to what this one describes.
fn body(probe: &Probe, number: u32) -> Resource {
    let login = format!("{}-{number}@example.com", probe.scratch.stem());
    let mut desired = Desired::new();
    let mut set = |path: &str, value: Value| {
        if let Ok(path) = AttributePath::parse(path) {
            desired.set(&path, value);
        }
    };
    set("externalId", json!(login));
    set("userName", json!(login));
    set("name", json!({ "givenName": "Probe", "familyName": "Scimwright" }));
    // Quotes, as names have them: a filter has to find them again.
    set("displayName", json!(format!("Probe \"{number}\" O'Neil of {}", probe.scratch.stem())));
    set("nickName", json!("Probe"));
    set("title", json!("Probe"));
    set("active", json!(true));
    set("emails", json!([{ "value": login, "type": "work", "primary": true }]));
    for (path, attribute) in probe.users.schemas().attributes() {
        let is_text = attribute.data_type == DataType::String && !attribute.multi_valued;
        if attribute.required && is_text && !attribute.is_read_only() && desired.get(&path).is_none() {
            let value = attribute.canonical_values.first().map_or("scimwright probe", String::as_str);
            desired.set(&path, json!(value));
        }
    }
    let (desired, _) = probe.users.prepare(desired);
    desired.to_resource(probe.users.resource_type())
}

/// The body of a group without members.
pub(super) fn group_body(probe: &Probe, kind: &ResourceType) -> Resource {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!([kind.schema.as_str()]));
    body.insert("displayName".to_owned(), json!(probe.scratch.stem()));
    let mut resource = Resource::new();
    *resource.as_map_mut() = body;
    resource
}
