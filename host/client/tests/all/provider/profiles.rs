//! Every built-in profile, from the first create to the last delete.

use super::*;

/// Every built-in profile: a provider that insists on its ways, and a client that follows them.
#[tokio::test]
async fn every_profile_is_followed_to_where_nothing_is_left_to_write() {
    for profile in Profile::builtins() {
        let plays = Plays {
            provider: without_budgets(profile.provider_quirks()),
            user: profile.resource_quirks("User"),
            group: profile.resource_quirks("Group"),
            ..Plays::default()
        };
        let double = Double::playing(plays).await;
        let acme = with_profile(&double, profile.clone());
        converge(&double, &acme, profile.name()).await;
        assert_eq!(double.broken_rules(), [""; 0], "{}", profile.name());
    }
}

fn without_budgets(quirks: ProviderQuirks) -> ProviderQuirks {
    ProviderQuirks { reads: None, writes: None, ..quirks }
}

async fn converge(double: &Double, acme: &Provider, name: &str) {
    let users = kind(acme, "User").await;
    let groups = kind(acme, "Group").await;
    let match_by = keys(&["userName"]);
    // Some providers take a title at the beginning only: then it stays, and that is said.
    let title = AttributePath::parse("title").unwrap();
    let titles = users.quirks.patchable.as_ref().is_none_or(|patchable| patchable.contains(&title));
    let person = |number: usize, changed: bool| {
        desired(json!({
            "userName": format!("user{number}"), "externalId": format!("E{number}"),
            "displayName": format!("User {number}"), "active": true,
            "title": if changed { "Head" } else { "Engineer" },
            "name": {"givenName": "User", "familyName": format!("{number}"), "formatted": format!("User {number}")},
            "emails": [{"value": format!("u{number}@example.com"), "type": "work", "primary": true},
                       {"value": format!("u{number}@home.example"), "type": "home"}],
        }))
    };
    let mut ids = Vec::new();
    let mut known_users = Vec::new();
    for number in 0..15 {
        let made = acme.provision(&users, person(number, false), &match_by, None).await;
        let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
        ids.push(made.known.id.clone());
        known_users.push(made.known);
    }
    for (number, known) in known_users.iter_mut().enumerate().take(5) {
        let changed = acme.provision(&users, person(number, true), &match_by, Some(known)).await;
        let changed = changed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(changed.wrote(), titles, "{name}");
        assert_eq!(changed.left_out.iter().any(|note| note.starts_with("`title` stays")), !titles, "{name}");
        *known = changed.known;
        let now = double.resource(&format!("/v2/Users/{}", known.id));
        assert_eq!(now["title"], if titles { "Head" } else { "Engineer" }, "{name}");
    }
    let group = |name: &str, ids: &[String]| {
        desired(json!({"displayName": name, "members": members(ids.iter().cloned())}))
    };
    let mut known_groups = Vec::new();
    for (title, range) in [("Guides", 0..12), ("Pilots", 3..15), ("Nobody", 0..0)] {
        let made = acme.provision(&groups, group(title, &ids[range]), &keys(&["displayName"]), None).await;
        known_groups.push(made.unwrap_or_else(|error| panic!("{name}: {error}")).known);
    }
    let changed = acme.provision(&groups, group("Guides", &ids[2..15]), &[], Some(&known_groups[0])).await;
    known_groups[0] = changed.unwrap_or_else(|error| panic!("{name}: {error}")).known;
    assert_eq!(double.members(&known_groups[0].id, &ids), ids[2..15].iter().cloned().collect(), "{name}");

    // A second pass writes nothing.
    double.forget_lines();
    for (number, known) in known_users.iter().enumerate() {
        let again = acme.provision(&users, person(number, number < 5), &match_by, Some(known)).await.unwrap();
        assert!(!again.wrote(), "{name}: user {number} is written again");
    }
    let again =
        acme.provision(&groups, group("Guides", &ids[2..15]), &[], Some(&known_groups[0])).await.unwrap();
    assert!(!again.wrote(), "{name}: the group is written again");
    assert_eq!(double.writes(), 0, "{name}");

    for known in &known_groups {
        acme.delete(&groups, &known.id).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for known in &known_users {
        acme.delete(&users, &known.id).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
