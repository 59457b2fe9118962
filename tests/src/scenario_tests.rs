use super::*;
use crate::servers::{Canaille, Configuration, Http, Lists, Scim2Server, Scimmy, Server, installed};
use crate::tool::root;
use std::path::Path;

#[test]
fn the_directory_is_always_the_same_and_has_what_it_says() {
    let (one, two) = (Directory::full(7), Directory::full(7));
    assert_eq!((&one.users, &one.groups), (&two.users, &two.groups));
    assert_ne!(one.users, Directory::full(8).users);
    assert_eq!(one.users.len(), 200);
    let sizes: Vec<usize> = one.groups.iter().map(|group| group.members.len()).collect();
    assert_eq!(sizes, GROUP_SIZES);
    let names: BTreeSet<String> = one.user_names().into_iter().collect();
    assert_eq!(names.len(), 200);
    assert!(one.groups.iter().all(|group| group.members.is_subset(&names)));
    assert!(one.users.iter().all(|user| !text(&user["name"], "familyName").is_empty()));
}

#[test]
fn later_some_are_hired_renamed_without_a_title_and_deactivated_and_members_change() {
    let before = Directory::full(7);
    let after = before.later();
    assert_eq!(after.users.len(), 205);
    let changed: Vec<_> = before.users.iter().zip(&after.users).filter(|(old, new)| old != new).collect();
    let renamed = changed.iter().filter(|(old, new)| old["displayName"] != new["displayName"]).count();
    let inactive = changed.iter().filter(|(_, new)| new["active"] == false).count();
    assert_eq!((renamed, inactive), (10, 4));
    // Somebody who had no title before has not lost one.
    assert!((14..=17).contains(&changed.len()), "{}", changed.len());
    assert!(
        duplicates("userName", &after.users).is_empty() && duplicates("externalId", &after.users).is_empty()
    );
    for (old, new) in before.groups.iter().zip(&after.groups) {
        let size = old.members.len();
        let stayed = old.members.intersection(&new.members).count();
        assert!(size == 0 || (stayed < size && new.members.len() + 5 >= size), "{}", old.display_name);
    }
    assert_eq!(after.users, before.later().users);
}

/// The directory as a server of no particular habits would give it back.
fn held(directory: &Directory) -> (Vec<Value>, Vec<Value>) {
    let users: Vec<Value> = directory
        .users
        .iter()
        .enumerate()
        .map(|(index, user)| {
            let mut user = user.clone();
            user["id"] = format!("id-{index}").into();
            user["meta"] = json!({ "resourceType": "User" });
            user["nickName"] = Value::Null;
            user
        })
        .collect();
    let ids = ids(&users).unwrap();
    let groups = directory.groups.iter().map(|group| Directory::group_body(group, &ids).unwrap()).collect();
    (users, groups)
}

#[test]
fn every_kind_of_difference_is_found_and_what_servers_add_is_none() {
    let directory = Directory::new(3, 20, &[0, 5]);
    let (users, groups) = held(&directory);
    let differences = |users: &[Value], groups: &[Value]| {
        directory.differences(&Keeps::everything(), users, groups).unwrap()
    };
    assert_eq!(differences(&users, &groups), Vec::<String>::new());

    let name = text(&directory.users[4], "userName");
    let mut changed = users.clone();
    changed[4]["title"] = "Somebody else's".into();
    let found = differences(&changed, &groups);
    assert!(found.len() == 1 && found[0].starts_with(&format!("user {name} is not as wanted")), "{found:?}");
    assert_eq!(
        differences(&[&users[..4], &users[5..]].concat(), &groups)[0],
        format!("user {name} is missing")
    );

    let mut twice = users.clone();
    twice.push(users[4].clone());
    twice[20]["userName"] = name.to_uppercase().into();
    let found = differences(&twice, &groups);
    assert!(found.contains(&format!("2 resources have the userName {name}")), "{found:?}");
    assert!(found.contains(&"2 resources have the externalId e00005".to_owned()), "{found:?}");
    assert!(found.contains(&format!("user {} is left over", name.to_uppercase())), "{found:?}");

    let mut member_twice = groups.clone();
    let first = member_twice[1]["members"][0].clone();
    member_twice[1]["members"].as_array_mut().unwrap().push(first);
    assert!(differences(&users, &member_twice)[0].starts_with("group Team 2"));
    let mut fewer = groups.clone();
    fewer[1]["members"].as_array_mut().unwrap().pop();
    assert_eq!(differences(&users, &fewer).len(), 1);
}

#[test]
fn what_a_server_does_not_keep_is_not_compared() {
    let directory = Directory::new(3, 5, &[]);
    let (mut users, groups) = held(&directory);
    for user in &mut users {
        let user = user.as_object_mut().unwrap();
        user.remove("externalId");
        user["emails"][0].as_object_mut().unwrap().remove("type");
    }
    let of = |keeps: &Keeps| directory.differences(keeps, &users, &groups).unwrap().len();
    assert_eq!(of(&Keeps::everything()), 5);
    assert_eq!(of(&Keeps { drops: vec!["externalId"], drops_inner: vec!["type"] }), 0);
}

/// Fills a server by plain HTTP and compares; then takes a user and a member away, and compares again.
fn holds_what_it_was_given(server: &dyn Inspect) {
    let directory = Directory::full(7);
    directory.put(server).unwrap();
    let found = directory.differences_at(server).unwrap();
    assert!(found.is_empty(), "{}: {} differences, such as {}", server.name(), found.len(), found[0]);
    assert_eq!(server.requests("POST").unwrap() - searches(server), 210);

    let users = server.users().unwrap();
    let (name, id) = (text(&users[17], "userName"), text(&users[17], "id"));
    let http = server.http().unwrap();
    assert_eq!(http.call("DELETE", &format!("/Users/{id}"), None).unwrap().status, 204);
    let found = directory.differences_at(server).unwrap();
    assert!(found.contains(&format!("user {name} is missing")), "{}: {found:?}", server.name());
    assert_eq!(server.writes().unwrap(), 211, "{}", server.name());
}

fn searches(server: &dyn Inspect) -> usize {
    let answered = server.answered().unwrap();
    answered.iter().filter(|one| one.method == "POST" && one.target.ends_with("/.search")).count()
}

fn with(program: &str, test: impl FnOnce(&Path, &Path)) {
    let Some(program_path) = installed(&root(), program) else {
        eprintln!("skipped: {program} is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    test(&program_path, folder.path());
}

#[test]
fn scim2_server_holds_the_directory_whatever_it_supports() {
    with("scim2-server", |program, folder| {
        for configuration in
            [Configuration::Default, Configuration::Full, Configuration::CursorOnly, Configuration::Minimal]
        {
            holds_what_it_was_given(&Scim2Server::configured(program, folder, configuration).unwrap());
        }
    });
}

#[test]
fn scimmy_holds_the_directory_with_either_kind_of_list_and_credentials() {
    use crate::servers::Authentication::{Basic, Bearer};
    with("scimmy", |program, folder| {
        for (authentication, lists) in [(Bearer, Lists::Paged), (Basic, Lists::FirstPageForEver)] {
            let server = Scimmy::configured(program, folder, authentication, lists).unwrap();
            holds_what_it_was_given(&server);
            let stranger = Http::new(server.base_url(), Some("Bearer wrong".to_owned()));
            assert_eq!(stranger.call("GET", "/Users", None).unwrap().status, 401);
        }
    });
}

#[test]
fn canaille_holds_the_directory_and_forgets_its_tokens_when_told_to() {
    with("canaille", |program, folder| {
        let server = Canaille::start(program, folder).unwrap();
        holds_what_it_was_given(&server);
        let http = server.http().unwrap();
        assert_eq!(http.call("GET", "/Groups", None).unwrap().status, 200);
        let issued = server.tokens_issued().unwrap();
        assert_eq!(server.revoke_all_tokens().unwrap(), issued);
        assert_eq!(http.call("GET", "/Groups", None).unwrap().status, 401);
        let again = server.http().unwrap();
        assert_eq!(again.call("GET", "/Groups", None).unwrap().status, 200);
    });
}
