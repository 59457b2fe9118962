//! Groups and their members.

use super::*;

/// Point 10: adds are batched into one operation and chunked, removals are one operation each, few a request.
#[tokio::test]
async fn many_members_travel_in_chunks_and_all_arrive() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 260);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "Guides", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids[..5]), &[], None).await.unwrap().known;
    double.forget_lines();
    let known = acme.provision(&groups, wanted(&ids), &[], Some(&known)).await.unwrap().known;
    let sizes: Vec<usize> = double
        .lines()
        .iter()
        .flat_map(|line| line.body["Operations"].as_array().cloned().unwrap_or_default())
        .map(|operation| operation["value"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(sizes, [100, 100, 55]);
    let path = format!("/v2/Groups/{}", known.id);
    assert_eq!(held(&double.resource(&path)), 260);

    double.forget_lines();
    acme.provision(&groups, wanted(&ids[..230]), &[], Some(&known)).await.unwrap();
    let operations: Vec<usize> =
        double.lines().iter().map(|line| line.body["Operations"].as_array().unwrap().len()).collect();
    assert_eq!(operations, [10, 10, 10]);
    for line in double.lines() {
        for operation in line.body["Operations"].as_array().unwrap() {
            let path = operation["path"].as_str().unwrap();
            assert!(path.starts_with("members[value eq \"") && !path.contains(" or "), "{path}");
        }
    }
    assert_eq!(held(&double.resource(&path)), 230);
}

/// Point 11: one writer per group; concurrent changes lose nobody.
#[tokio::test]
async fn changes_of_one_group_that_come_at_once_lose_nobody() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 12);
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    let groups = kind_with(&acme, "Group", quirks).await;
    let known = acme.provision(&groups, desired(json!({"displayName": "G"})), &[], None).await.unwrap().known;
    // Each adds one member to a group that it knows as empty. By PUT, the last one would win.
    let tasks = ids.iter().map(|id| {
        let (acme, groups, known) = (acme.clone(), groups.clone(), known.clone());
        let wanted = desired(json!({"displayName": "G", "members": [{"value": id}]}));
        tokio::spawn(async move { acme.update(&groups, &known, &wanted).await.map(|_| ()) })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(held(&double.resource(&format!("/v2/Groups/{}", known.id))), 12);
}

/// Point 11: where members read back empty, work from stored state.
#[tokio::test]
async fn members_that_are_not_shown_are_known_from_what_was_sent() {
    let quirks = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { group: quirks.clone(), ..Plays::default() }).await;
    let ids = people(&double, 4);
    let acme = provider_at(&double);
    let groups = kind_with(&acme, "Group", quirks).await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids[..3]), &[], None).await.unwrap().known;
    double.forget_lines();
    let known = acme.provision(&groups, wanted(&ids[1..]), &[], Some(&known)).await.unwrap().known;
    let operations = double.lines().iter().map(|line| line.body["Operations"].clone()).collect::<Vec<_>>();
    assert_eq!(
        operations.iter().flat_map(|list| list.as_array().unwrap().clone()).collect::<Vec<_>>(),
        [
            json!({"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])}),
            json!({"op": "add", "path": "members", "value": [{"value": ids[3]}]}),
        ]
    );
    double.forget_lines();
    acme.provision(&groups, wanted(&ids[1..]), &[], Some(&known)).await.unwrap();
    assert_eq!(double.writes(), 0);
}

/// Point 12: verify after write; one server answers 200 and ignores a filtered remove (authentik #24173).
#[tokio::test]
async fn a_removal_that_is_ignored_is_noticed_and_done_in_another_way() {
    let group = ResourceQuirks { member_removal: MemberRemoval::Replace, ..ResourceQuirks::default() };
    let manners = Manners { odd_removal: OddRemoval::Ignored, ..Manners::default() };
    let double = Double::playing(Plays { group, manners, ..Plays::default() }).await;
    let ids = people(&double, 5);
    let acme = provider_at(&double);
    let trusting = kind(&acme, "Group").await;
    let verification = Verification::Always;
    let wary = Kind { quirks: ResourceQuirks { verification, ..trusting.quirks.clone() }, ..trusting };
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&wary, wanted(&ids), &[], None).await.unwrap().known;
    let known = acme.provision(&wary, wanted(&ids[..3]), &[], Some(&known)).await.unwrap().known;
    let path = format!("/v2/Groups/{}", known.id);
    assert_eq!(held(&double.resource(&path)), 3);
    let notices: Vec<String> = acme.take_notices().iter().map(ToString::to_string).collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("From now on they are replaced as a whole by PATCH"), "{}", notices[0]);
    // From now on in that way, at once.
    double.forget_lines();
    acme.provision(&wary, wanted(&ids[..2]), &[], Some(&known)).await.unwrap();
    assert_eq!((double.count("PATCH"), held(&double.resource(&path))), (1, 2));
}

/// Point 10: the remove form differs between providers; one that is refused leads to another.
#[tokio::test]
async fn a_removal_that_is_refused_is_done_in_another_way_and_a_failure_teaches_nothing() {
    let group = ResourceQuirks { member_removal: MemberRemoval::Put, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { group, ..Plays::default() }).await;
    let ids = people(&double, 5);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids), &[], None).await.unwrap().known;
    // Somebody who does not exist is refused in every way, and that is no reason to change ours.
    let nobody: Vec<String> = ids.iter().cloned().chain(["nobody".to_owned()]).collect();
    let known = acme.provision(&groups, wanted(&nobody), &[], Some(&known)).await.unwrap().known;
    assert!(acme.take_notices().is_empty());

    acme.provision(&groups, wanted(&ids[..2]), &[], Some(&known)).await.unwrap();
    assert_eq!(held(&double.resource(&format!("/v2/Groups/{}", known.id))), 2);
    assert_eq!(acme.take_notices().len(), 1);
}

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
#[tokio::test]
async fn a_member_who_is_refused_keeps_nobody_else_out() {
    for status in [400, 404, 422] {
        let dead: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
        let who = std::sync::Arc::clone(&dead);
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

/// Points 10 and 11: what somebody else has done already is no failure, whether members are shown or not.
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
#[tokio::test]
async fn an_addition_that_conflicts_with_itself_is_no_failure() {
    for readable in [true, false] {
        let there: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
        let who = std::sync::Arc::clone(&there);
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
