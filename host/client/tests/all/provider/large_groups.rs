//! Groups in several requests: how much arrives where one of them is refused, breaks off or is not believed.

use super::*;
use std::sync::{Arc, Mutex};

fn guides(ids: &[String]) -> Desired {
    desired(json!({"displayName": "Guides", "members": members(ids.iter().cloned())}))
}

/// What the group holds at the provider, sorted.
fn at(double: &Double, group: &str) -> Vec<String> {
    let group = double.resource(&format!("/v2/Groups/{group}"));
    let members = group["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<_> = members.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// Whoever a request adds by PATCH, or creates a group with.
fn comes(line: &crate::double::Line) -> Vec<String> {
    let added = line.body["Operations"].as_array().into_iter().flatten();
    let added = added.filter(|operation| operation["op"] == "add").map(|operation| &operation["value"]);
    let members = added.chain([&line.body["members"]]).filter_map(Value::as_array).flatten();
    members.filter_map(|member| Some(member["value"].as_str()?.to_owned())).collect()
}

/// Answers whoever wants to add one of these with this status, in words that do not name the member.
fn refusing(ids: &[String], status: u16) -> impl Fn(&crate::double::Line, usize) -> Meddling + use<> {
    let ids = ids.to_vec();
    move |line, _| match comes(line).iter().any(|id| ids.contains(id)) {
        true => Meddling::Answer(ResponseTemplate::new(status).set_body_json(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(),
            "detail": "a member is not acceptable",
        }))),
        false => Meddling::Pass,
    }
}

/// Point 10: adds are chunked, and a create is no exception.
#[tokio::test]
async fn a_group_is_created_with_as_many_members_as_a_request_may_add() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 260);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let made = acme.create(&groups, &guides(&ids), &[]).await.unwrap();
    let Creation::Made { known, unwritable, unfinished, .. } = made else { panic!("{made:?}") };
    assert!(unwritable.is_empty() && unfinished.is_none());
    let sizes: Vec<(String, usize)> =
        double.lines().iter().map(|line| (line.method.clone(), comes(line).len())).collect();
    let expected =
        [("POST", 100), ("PATCH", 100), ("PATCH", 60)].map(|(method, size)| (method.to_owned(), size));
    assert_eq!(sizes, expected);
    assert_eq!(at(&double, &known.id), sorted(&ids));
    double.forget_lines();
    acme.provision(&groups, guides(&ids), &[], Some(&known)).await.unwrap();
    assert!(double.lines().is_empty(), "{:?}", double.log());
}

/// Point 17: a lost or failed part of a create is never taken for done, nor done twice.
/// Point 10: what was created in portions is remembered as far as it came.
#[tokio::test]
async fn a_create_that_breaks_off_is_remembered_as_far_as_it_came() {
    let second_patch_fails = |line: &crate::double::Line, before: usize| match line.method.as_str() {
        "PATCH" if before == 1 => Meddling::Answer(ResponseTemplate::new(403)),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), second_patch_fails).await;
    let ids = people(&double, 350);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let made = acme.create(&groups, &guides(&ids), &[]).await.unwrap();
    let Creation::Made { known, unfinished, .. } = made else { panic!("{made:?}") };
    assert!(unfinished.unwrap().to_string().contains("403"));
    let sent = serde_json::to_value(known.sent.as_ref().unwrap()).unwrap();
    assert_eq!(held(&sent), 200);
    assert_eq!(at(&double, &known.id).len(), 200);

    let lines = double.lines().len();
    let known = acme.provision(&groups, guides(&ids), &[], Some(&known)).await.unwrap().known;
    let added: Vec<usize> = double.lines()[lines..].iter().map(|line| comes(line).len()).collect();
    assert_eq!(added, [100, 50], "only the others");
    assert_eq!(at(&double, &known.id), sorted(&ids));
}

/// A user who was deleted there must not keep the others out.
/// Point 10: a refused member keeps nobody else out.
#[tokio::test]
async fn a_member_who_is_refused_keeps_nobody_else_out() {
    for status in [400, 404, 422] {
        let dead: Arc<Mutex<Vec<String>>> = Arc::default();
        let who = Arc::clone(&dead);
        let double = Double::start(SandboxOptions::default(), move |line, before| {
            refusing(&who.lock().unwrap(), status)(line, before)
        })
        .await;
        let ids = people(&double, 130);
        *dead.lock().unwrap() = vec![ids[17].clone(), ids[40].clone(), ids[120].clone()];
        let living: Vec<String> =
            ids.iter().filter(|id| !dead.lock().unwrap().contains(id)).cloned().collect();
        let acme = provider_at(&double);
        let groups = kind(&acme, "Group").await;

        // In a create as well: what is refused then was not made.
        let made = acme.provision(&groups, guides(&ids[..30]), &[], None).await.unwrap();
        assert_eq!(made.left_out.len(), 1, "{:?}", made.left_out);
        assert!(made.left_out[0].starts_with(&format!("member `{}` could not be added", ids[17])));
        assert_eq!(at(&double, &made.known.id).len(), 29);

        let changed = acme.provision(&groups, guides(&ids), &[], Some(&made.known)).await.unwrap();
        assert_eq!(changed.left_out.len(), 3, "{:?}", changed.left_out);
        assert_eq!(at(&double, &made.known.id), sorted(&living), "{status}");
        let sent = serde_json::to_value(changed.known.sent.as_ref().unwrap()).unwrap();
        assert_eq!(held(&sent), 127, "who was refused was not sent");

        // The next time they are asked for again, and nobody else is.
        double.forget_lines();
        let again = acme.provision(&groups, guides(&ids), &[], Some(&changed.known)).await.unwrap();
        assert_eq!((again.left_out.len(), again.done), (3, Done::Unchanged));
        assert!(double.lines().iter().all(|line| comes(line).iter().all(|id| !living.contains(id))));
        assert!(double.lines().len() <= 8, "{:?}", double.log());
        // Back from the dead.
        dead.lock().unwrap().clear();
        let last = acme.provision(&groups, guides(&ids), &[], Some(&again.known)).await.unwrap();
        assert!(last.left_out.is_empty() && acme.take_notices().is_empty());
        assert_eq!(at(&double, &made.known.id), sorted(&ids));
    }
}

/// Point 11: what somebody else has done already is no failure, whether members are shown or not.
/// Point 10: what is done already is no failure.
#[tokio::test]
async fn who_is_gone_already_and_who_is_there_already_stops_nobody() {
    for readable in [true, false] {
        let quirks = ResourceQuirks { members_readable: readable, ..ResourceQuirks::default() };
        let double = Double::plain(SandboxOptions::default()).await;
        let ids = people(&double, 12);
        let acme = provider_at(&double);
        let groups = kind_with(&acme, "Group", quirks).await;
        let known = acme.provision(&groups, guides(&ids[..8]), &[], None).await.unwrap().known;
        // Somebody else takes the first out and the last in.
        let path = format!("/v2/Groups/{}", known.id);
        let elsewhere = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])},
            {"op": "add", "path": "members", "value": [{"value": ids[11]}]},
        ]});
        double.elsewhere(Method::Patch, &path, &elsewhere);
        let changed = acme.provision(&groups, guides(&ids[3..]), &[], Some(&known)).await.unwrap();
        assert!(changed.left_out.is_empty(), "{:?}", changed.left_out);
        assert_eq!(at(&double, &known.id), sorted(&ids[3..]), "readable: {readable}");
        assert!(acme.take_notices().is_empty());
        double.forget_lines();
        acme.provision(&groups, guides(&ids[3..]), &[], Some(&changed.known)).await.unwrap();
        assert_eq!(double.writes(), 0);
    }
}

/// RFC 7644 section 3.5.2.1 lets an addition of what is there pass; some answer 409.
/// Point 10: what is done already is no failure.
#[tokio::test]
async fn an_addition_that_conflicts_with_itself_is_no_failure() {
    for readable in [true, false] {
        let there: Arc<Mutex<Vec<String>>> = Arc::default();
        let who = Arc::clone(&there);
        let double = Double::start(SandboxOptions::default(), move |line, before| {
            refusing(&who.lock().unwrap(), 409)(line, before)
        })
        .await;
        let ids = people(&double, 12);
        let acme = provider_at(&double);
        let quirks = ResourceQuirks { members_readable: readable, ..ResourceQuirks::default() };
        let groups = kind_with(&acme, "Group", quirks).await;
        let known = acme.provision(&groups, guides(&ids[..4]), &[], None).await.unwrap().known;
        let path = format!("/v2/Groups/{}", known.id);
        let elsewhere = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "add", "path": "members", "value": [{"value": ids[6]}, {"value": ids[9]}]},
        ]});
        double.elsewhere(Method::Patch, &path, &elsewhere);
        *there.lock().unwrap() = vec![ids[6].clone(), ids[9].clone()];
        let changed = acme.provision(&groups, guides(&ids), &[], Some(&known)).await.unwrap();
        assert!(changed.left_out.is_empty(), "{:?}", changed.left_out);
        assert_eq!(at(&double, &known.id), sorted(&ids));
        let sent = serde_json::to_value(changed.known.sent.as_ref().unwrap()).unwrap();
        assert_eq!(held(&sent), 12);
    }
}

/// Point 11: where members read back empty, work from stored state, also where no profile says so.
#[tokio::test]
async fn a_provider_that_turns_out_to_hide_members_loses_nobody() {
    let hiding = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { group: hiding, ..Plays::default() }).await;
    let ids = people(&double, 12);
    let acme = provider_at(&double);
    let verification = Verification::Always;
    let groups =
        kind_with(&acme, "Group", ResourceQuirks { verification, ..ResourceQuirks::default() }).await;
    let mut known = acme.provision(&groups, guides(&ids[..6]), &[], None).await.unwrap().known;
    double.forget_lines();
    for (number, wanted) in [&ids[1..7], &ids[2..9], &ids[4..12]].into_iter().enumerate() {
        let changed = acme.provision(&groups, guides(wanted), &[], Some(&known)).await.unwrap();
        assert!(changed.left_out.is_empty(), "{number}: {:?}", changed.left_out);
        known = changed.known;
        assert_eq!(
            double.members(&known.id, &ids).into_iter().collect::<Vec<_>>(),
            sorted(wanted),
            "{number}"
        );
        let come: Vec<usize> =
            double.lines().iter().map(|line| comes(line).len()).filter(|come| *come > 0).collect();
        assert_eq!(come, [&[1][..], &[1, 2], &[1, 2, 3]][number], "only the difference");
    }
    assert_eq!(double.count("GET"), 1, "read once, to find out: {:?}", double.log());
    let notices: Vec<String> = acme.take_notices().iter().map(ToString::to_string).collect();
    assert!(notices.len() == 1 && notices[0].contains("without the members"), "{notices:?}");
}

/// Point 8: members are told apart by their `value`; what else is said of them makes nobody two.
/// Point 10: a member who is named twice is sent once.
#[tokio::test]
async fn a_member_who_is_named_twice_is_sent_once() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 2);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted = desired(json!({"displayName": "Guides", "members": [
        {"value": ids[0]}, {"value": ids[0], "display": "Zoë"}, {"value": ids[1]},
        {"value": ids[0], "$ref": "https://acme.example/v2/Users/0"},
    ]}));
    let known = acme.provision(&groups, wanted.clone(), &[], None).await.unwrap().known;
    assert_eq!(comes(&double.lines()[0]), [ids[0].clone(), ids[1].clone()]);
    double.forget_lines();
    let again = acme.provision(&groups, wanted, &[], Some(&known)).await.unwrap();
    assert!(!again.wrote() && double.lines().is_empty());
}

/// RFC 7643 section 7: what is returned on request or never says nothing by its absence.
/// Point 11: where members read back empty, work from stored state.
#[tokio::test]
async fn members_that_the_schema_hides_are_known_from_what_was_sent() {
    for returned in [Returned::Request, Returned::Never] {
        let hiding = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
        let double = Double::playing(Plays { group: hiding, ..Plays::default() }).await;
        let ids = people(&double, 6);
        let acme = provider_at(&double);
        let mut binding = kind(&acme, "Group").await.binding;
        let mut schema = binding.schemas.core().unwrap().clone();
        let members = schema.attributes.iter_mut().find(|attribute| attribute.name == *"members").unwrap();
        members.returned = returned;
        binding.schemas = SchemaSet::new(binding.resource_type.clone(), &[schema]);
        let mut groups = acme.kind_of(binding);
        groups.quirks.verification = Verification::Always;
        let known = acme.provision(&groups, guides(&ids[..4]), &[], None).await.unwrap().known;
        double.forget_lines();
        let changed = acme.provision(&groups, guides(&ids[1..]), &[], Some(&known)).await.unwrap();
        assert!(changed.left_out.is_empty(), "{:?}", changed.left_out);
        assert_eq!(double.members(&known.id, &ids).into_iter().collect::<Vec<_>>(), sorted(&ids[1..]));
        let come: Vec<String> = double.lines().iter().flat_map(comes).collect();
        assert_eq!(come, ids[4..], "only the difference");
        assert_eq!(double.count("GET"), 0, "{:?}", double.log());
    }
}

/// The same where the group cannot be read: it is found out by asking for fewer.
/// Point 10: a refused member keeps nobody else out, whether or not members are shown.
#[tokio::test]
async fn a_refused_member_of_a_group_that_hides_its_members_is_found_too() {
    let dead: Arc<Mutex<Vec<String>>> = Arc::default();
    let who = Arc::clone(&dead);
    let quirks = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
    let options = SandboxOptions {
        plays: Some(Plays { group: quirks.clone(), ..Plays::default() }),
        ..SandboxOptions::default()
    };
    let double =
        Double::start(options, move |line, before| refusing(&who.lock().unwrap(), 400)(line, before)).await;
    let ids = people(&double, 60);
    let acme = provider_at(&double);
    let groups = kind_with(&acme, "Group", quirks).await;
    let known = acme.provision(&groups, guides(&ids[..10]), &[], None).await.unwrap().known;
    *dead.lock().unwrap() = vec![ids[33].clone()];
    double.forget_lines();
    // Two leave in the same request.
    let changed = acme.provision(&groups, guides(&ids[2..]), &[], Some(&known)).await.unwrap();
    assert_eq!(changed.left_out.len(), 1, "{:?}", changed.left_out);
    let living: Vec<String> = ids[2..].iter().filter(|id| **id != ids[33]).cloned().collect();
    assert_eq!(double.members(&known.id, &ids).into_iter().collect::<Vec<_>>(), sorted(&living));
    let sent = serde_json::to_value(changed.known.sent.as_ref().unwrap()).unwrap();
    assert_eq!(held(&sent), 57);
    // One refused, one look at the group, the two who leave, and some twelve halves.
    assert!(double.lines().len() <= 16, "{:?}", double.log());
    assert!(acme.take_notices().is_empty());
}

/// Who is refused by a provider that knows only PUT is found in the same way.
/// Point 10: a refused member keeps nobody else out of a group that is written by PUT.
#[tokio::test]
async fn a_refused_member_keeps_nobody_out_where_groups_are_written_by_put() {
    let dead: Arc<Mutex<Vec<String>>> = Arc::default();
    let who = Arc::clone(&dead);
    let double = Double::start(SandboxOptions::default(), move |line, before| {
        refusing(&who.lock().unwrap(), 400)(line, before)
    })
    .await;
    let ids = people(&double, 12);
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    let groups = kind_with(&acme, "Group", quirks).await;
    let known = acme.provision(&groups, guides(&ids[..3]), &[], None).await.unwrap().known;
    *dead.lock().unwrap() = vec![ids[5].clone()];
    let changed = acme.provision(&groups, guides(&ids), &[], Some(&known)).await.unwrap();
    assert_eq!(changed.left_out.len(), 1, "{:?}", changed.left_out);
    let living: Vec<String> = ids.iter().filter(|id| **id != ids[5]).cloned().collect();
    assert_eq!(at(&double, &known.id), sorted(&living));
}

/// A provider that refuses everything is not asked for each of a thousand.
/// Point 10: where everybody is refused, few requests find out.
#[tokio::test]
async fn where_everybody_is_refused_it_is_given_up_soon() {
    let dead: Arc<Mutex<Vec<String>>> = Arc::default();
    let who = Arc::clone(&dead);
    let double = Double::start(SandboxOptions::default(), move |line, before| {
        refusing(&who.lock().unwrap(), 400)(line, before)
    })
    .await;
    let ids = people(&double, 300);
    *dead.lock().unwrap() = ids.clone();
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let known = acme.provision(&groups, guides(&[]), &[], None).await.unwrap().known;
    double.forget_lines();
    let error = acme.provision(&groups, guides(&ids), &[], Some(&known)).await.unwrap_err();
    assert!(error.to_string().contains("a member is not acceptable"), "{error}");
    assert!(double.lines().len() <= 20, "{}", double.lines().len());
}
