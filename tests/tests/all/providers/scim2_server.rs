//! scim2-server: with everything, by cursor only, and with nothing that is optional.

use super::driver::Driver;
use super::life::{Life, Story};
use super::{SEED, bearer, profile, program, settings};
use scimwright_tests::faults::{Proxy, Script};
use scimwright_tests::lint::PatchLint;
use scimwright_tests::scenario::Directory;
use scimwright_tests::servers::{Configuration, Inspect, Scim2Server, Server};
use serde_json::Value;

/// Point 6: an empty diff sends nothing.
/// Point 7: one path per attribute, lower-case `op`, as an independent judge reads the bodies.
/// Point 10: members are added in one operation and removed in one each.
/// Point 14: If-Match where ETags are declared.
#[test]
fn with_everything_that_is_optional() {
    let (Some(program), Some(lint)) = (program("scim2-server"), PatchLint::installed()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::Full).unwrap();
    // Nothing goes wrong: the proxy is there for what it notes.
    let proxy = Proxy::start(&server.base_url, Script::pass()).unwrap();
    let driver = Driver::new(settings(&server, proxy.base_url(), bearer()), profile("rfc"));
    let story = Story::new();
    let mut life = Life::new(driver, &server);
    life.whole(&story);
    assert_eq!(life.without_memory(&story.smaller).writes, 0);

    let exchanges = proxy.exchanges();
    assert_eq!(exchanges.iter().filter(|one| one.request.method == "PUT").count(), 0);
    let patches: Vec<_> = exchanges.iter().filter(|one| one.request.method == "PATCH").collect();
    assert!(patches.iter().all(|one| one.request.header("If-Match").is_some()));
    let bodies: Vec<Value> =
        patches.iter().map(|one| serde_json::from_str(&one.request.body).unwrap()).collect();
    assert!(bodies.len() > 50, "{}", bodies.len());
    lint.all(&bodies).unwrap();
    assert_eq!(life.driver.provider.take_notices(), []);
}

/// Point 20: RFC 9865, where nothing else is spoken.
/// Point 15: match by externalId.
#[test]
fn with_lists_by_cursor_only() {
    let Some(program) = program("scim2-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::CursorOnly).unwrap();
    let driver = Driver::new(settings(&server, &server.base_url, bearer()), profile("rfc"));
    let story = Story::new();
    let mut life = Life::new(driver, &server);
    life.whole(&story);
    assert_eq!(life.without_memory(&story.smaller).writes, 0);
    assert_eq!(life.driver.provider.take_notices(), []);
}

/// Point 13: PUT is read, merge, write.
/// Point 17: without a usable filter, a bounded scan.
#[test]
fn with_nothing_that_is_optional() {
    let Some(program) = program("scim2-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::Minimal).unwrap();
    let driver = Driver::new(settings(&server, &server.base_url, bearer()), profile("rfc"));
    let story = Story::new();
    let mut life = Life::new(driver, &server);
    life.whole(&story);
    assert_eq!(life.without_memory(&story.smaller).writes, 0);
    assert_eq!(life.driver.provider.take_notices(), []);
}

/// Point 13: PUT is read, merge, write, whatever somebody else did since the last reading.
#[test]
fn a_member_whom_somebody_else_took_out_does_not_stop_the_rest_of_a_change_by_put() {
    let Some(program) = program("scim2-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::Minimal).unwrap();
    let mut driver = Driver::new(settings(&server, &server.base_url, bearer()), profile("rfc"));
    let mut directory = Directory::new(SEED, 6, &[3]);
    driver.bring(&directory);

    // Somebody else takes all members out.
    let (http, held) = (server.http().unwrap(), server.groups().unwrap());
    let mut group = held[0].clone();
    group.as_object_mut().unwrap().remove("members");
    let place = format!("/Groups/{}", group["id"].as_str().unwrap());
    assert_eq!(http.call("PUT", &place, Some(&group)).unwrap().status, 200);

    // We take one of them out, and rename the group.
    directory.groups[0].members.pop_first();
    directory.groups[0].display_name = "Guides".to_owned();
    driver.bring(&directory);
    let held = server.groups().unwrap();
    assert_eq!(held[0]["displayName"], "Guides", "{held:?}");
    // What has not changed since we sent it is the other's affair until we look again.
    driver.forget();
    driver.bring(&directory);
    assert_eq!(directory.differences_at(&server).unwrap(), Vec::<String>::new());
}

/// Where there are no versions to notice it by, what somebody else did shows when an operation finds no target.
#[test]
fn an_address_that_somebody_else_took_away_is_given_again() {
    let Some(program) = program("scim2-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::CursorOnly).unwrap();
    let mut driver = Driver::new(settings(&server, &server.base_url, bearer()), profile("rfc"));
    let mut directory = Directory::new(SEED, 1, &[]);
    driver.bring(&directory);

    let (http, mut user) = (server.http().unwrap(), server.users().unwrap()[0].clone());
    user.as_object_mut().unwrap().remove("emails");
    let place = format!("/Users/{}", user["id"].as_str().unwrap());
    assert_eq!(http.call("PUT", &place, Some(&user)).unwrap().status, 200);

    directory.users[0]["emails"][0]["value"] = "new@example.com".into();
    driver.bring(&directory);
    assert_eq!(directory.differences_at(&server).unwrap(), Vec::<String>::new());
}
