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
