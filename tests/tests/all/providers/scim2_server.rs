//! scim2-server: with everything, by cursor only, and with nothing that is optional.

use super::driver::Driver;
use super::life::{Life, Story};
use super::{bearer, profile, program, settings};
use scimwright_tests::faults::{Proxy, Script};
use scimwright_tests::lint::PatchLint;
use scimwright_tests::servers::{Configuration, Scim2Server};
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
