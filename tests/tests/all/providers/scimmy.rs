//! scimmy: lenient, careless with paging, and with two ways to prove who asks.

use super::driver::Driver;
use super::life::{Life, Story};
use super::{SEED, bearer, profile, program, settings};
use scimwright_client as client;
use scimwright_tests::faults::{Fault, Proxy, Rule, Script};
use scimwright_tests::scenario::Directory;
use scimwright_tests::servers::{Authentication, Lists, Scimmy, Server, TOKEN};

fn lives_at(lists: Lists, authentication: Authentication) {
    let Some(program) = program("scimmy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scimmy::configured(&program, folder.path(), authentication, lists).unwrap();
    let auth = match authentication {
        Authentication::Bearer => bearer(),
        Authentication::Basic => client::Authentication::basic(Scimmy::USER, TOKEN),
    };
    let driver = Driver::new(settings(&server, server.base_url(), auth), profile("scimmy"));
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

/// Point 17: a lost answer is looked into. scimmy takes a member twice, so that an addition must not be sent again
/// blindly.
#[test]
fn nobody_becomes_a_member_twice_where_answers_are_lost() {
    let Some(program) = program("scimmy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scimmy::start(&program, folder.path()).unwrap();
    let proxy = Proxy::start(server.base_url(), Script::pass()).unwrap();
    let mut driver = Driver::new(settings(&server, proxy.base_url(), bearer()), profile("scimmy"));
    let mut directory = Directory::new(SEED, 40, &[5, 10, 20]);
    driver.bring(&directory);
    directory = directory.later();
    proxy
        .play(Script::new(SEED).rule(Rule::then(Fault::LoseReply).method("PATCH").below("/Groups").every(2)));
    driver.bring(&directory);
    assert!(proxy.with_fault(|fault| *fault == Fault::LoseReply) > 0);
    assert_eq!(directory.differences_at(&server).unwrap(), Vec::<String>::new());
}
