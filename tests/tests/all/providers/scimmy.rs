//! scimmy: lenient, careless with paging, and with two ways to prove who asks.

use super::driver::Driver;
use super::life::{Life, Story};
use super::{bearer, profile, program, settings};
use scimwright_client as client;
use scimwright_tests::servers::{Authentication, Lists, Scimmy, TOKEN};

fn lives_at(lists: Lists, authentication: Authentication) {
    let Some(program) = program("scimmy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scimmy::configured(&program, folder.path(), authentication, lists).unwrap();
    let auth = match authentication {
        Authentication::Bearer => bearer(),
        Authentication::Basic => client::Authentication::basic(Scimmy::USER, TOKEN),
    };
    let base_url = scimwright_tests::servers::Server::base_url(&server).to_owned();
    let driver = Driver::new(settings(&server, &base_url, auth), profile("scimmy"));
    let story = Story::new();
    let mut life = Life::new(driver, &server);
    life.whole(&story);
    assert_eq!(life.without_memory(&story.smaller).writes, 0);
    assert_eq!(life.driver.provider.take_notices(), []);
}

/// Point 8: what is a member already is not added again, which scimmy would do.
#[test]
fn with_lists_that_can_be_paged() {
    lives_at(Lists::Paged, Authentication::Bearer);
}

/// Point 19: a list whose every page is the first ends all the same.
#[test]
fn with_lists_whose_every_page_is_the_first() {
    lives_at(Lists::FirstPageForEver, Authentication::Basic);
}
