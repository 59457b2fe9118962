//! A bad line to a good server: answers are lost, cut and late, connections are reset, and requests are turned
//! away. Two hundred users and ten groups arrive all the same, and nobody is there twice at any time.

use super::driver::Driver;
use super::life::{Life, Story};
use super::{SEED, bearer, profile, program, settings};
use scimwright_client::{ProviderSettings, Timeouts};
use scimwright_tests::faults::{Exchange, Fault, Proxy, RetryAfter, Rule, Script};
use scimwright_tests::lint::PatchLint;
use scimwright_tests::servers::{Configuration, Scim2Server};
use std::time::Duration;

/// How long the client bears silence. A delayed request stays away for longer.
const SILENCE: Duration = Duration::from_secs(1);
const DELAY: Duration = Duration::from_millis(1_500);

/// Every fault there is, on every method, at numbers that have no common factor.
fn bad_line() -> Script {
    let every = |fault, method, number| Rule::then(fault).method(method).every(number);
    let once = |status, retry_after, method, number| {
        Rule::then(Fault::Answer { status, retry_after }).method(method).nth(number)
    };
    let group = |fault, number| Rule::then(fault).method("POST").below("/Groups").nth(number);
    Script::new(SEED)
        // Nobody refuses a second group of the same name: only looking keeps it from being made. The late one is
        // made after the client has looked in vain.
        .rule(group(Fault::LoseReply, 2))
        .rule(group(Fault::ResetReply, 3))
        .rule(group(Fault::Truncate, 5))
        .rule(group(Fault::Delay(DELAY), 7))
        .rule(group(Fault::ResetBefore, 9))
        // Few, as each is waited out.
        .rule(once(429, RetryAfter::Seconds(1), "POST", 20))
        .rule(once(429, RetryAfter::Date(1), "POST", 60))
        .rule(once(429, RetryAfter::XSeconds(1), "POST", 100))
        .rule(once(429, RetryAfter::Absent, "POST", 110))
        .rule(once(503, RetryAfter::Seconds(1), "POST", 140))
        .rule(once(503, RetryAfter::Absent, "POST", 150))
        .rule(once(429, RetryAfter::Seconds(1), "PATCH", 5))
        .rule(once(429, RetryAfter::Date(1), "PATCH", 15))
        .rule(once(429, RetryAfter::XSeconds(1), "PATCH", 25))
        .rule(once(503, RetryAfter::Date(1), "PATCH", 35))
        .rule(once(503, RetryAfter::Absent, "PATCH", 45))
        .rule(once(429, RetryAfter::Seconds(1), "GET", 30))
        .rule(once(503, RetryAfter::Absent, "GET", 40))
        .rule(once(503, RetryAfter::Absent, "DELETE", 6))
        .rule(every(Fault::Delay(DELAY), "POST", 53))
        .rule(every(Fault::Delay(DELAY), "PATCH", 31))
        .rule(every(Fault::Delay(DELAY), "GET", 97))
        .rule(every(Fault::LoseReply, "POST", 11))
        .rule(every(Fault::ResetReply, "POST", 13))
        .rule(every(Fault::Truncate, "POST", 17))
        .rule(every(Fault::ResetBefore, "POST", 19))
        .rule(every(Fault::LoseReply, "PATCH", 11))
        .rule(every(Fault::ResetReply, "PATCH", 17))
        .rule(every(Fault::Truncate, "PATCH", 19))
        .rule(every(Fault::ResetBefore, "PATCH", 23))
        .rule(every(Fault::LoseReply, "GET", 23))
        .rule(every(Fault::Truncate, "GET", 29))
        .rule(every(Fault::ResetBefore, "GET", 37))
        .rule(every(Fault::LoseReply, "DELETE", 7))
        .rule(every(Fault::ResetReply, "DELETE", 9))
        .rule(every(Fault::ResetBefore, "DELETE", 11))
}

/// How many requests the server answered with 201 below an endpoint, whether or not anybody heard of it: as
/// many resources were made.
fn made(exchanges: &[Exchange], endpoint: &str) -> usize {
    let made = |one: &&Exchange| one.server_status == Some(201) && one.request.path().ends_with(endpoint);
    exchanges.iter().filter(made).count()
}

/// Point 17: an ambiguous POST is looked up, never repeated blindly.
/// Point 22: every failure is classed, and what the class says is enough to go on.
/// Point 23: Retry-After in seconds, as a date, and as `X-Retry-After`; back-off otherwise.
#[test]
fn everybody_arrives_once_over_a_bad_line() {
    let (Some(program), Some(lint)) = (program("scim2-server"), PatchLint::installed()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), Configuration::Full).unwrap();
    let proxy = Proxy::start(&server.base_url, Script::pass()).unwrap();
    let timeouts = Timeouts { connect: SILENCE, read: SILENCE, request: Duration::from_secs(10) };
    let settings = ProviderSettings { timeouts, ..settings(&server, proxy.base_url(), bearer()) };
    let driver = Driver::new(settings, profile("rfc"));
    let story = Story::new();
    let mut life = Life::new(driver, &server);

    proxy.play(bad_line());
    life.step("create", |driver| driver.bring(&story.first));
    life.holds(&story.first);
    life.step("change", |driver| driver.bring(&story.later));
    life.holds(&story.later);
    life.step("disable", |driver| driver.bring(&story.disabled));
    life.holds(&story.disabled);
    life.step("leave", |driver| driver.bring(&story.smaller));
    let dissolved = std::slice::from_ref(&story.dissolved);
    life.step("delete", |driver| driver.delete(&story.leavers, dissolved));
    life.holds(&story.smaller);

    // Nobody was made twice, not even for a moment.
    let exchanges = proxy.exchanges();
    assert_eq!((made(&exchanges, "/Users"), made(&exchanges, "/Groups")), (205, 10));
    // And the line was as bad as it was meant to be.
    for (what, fault) in [
        ("lost", Fault::LoseReply),
        ("reset after", Fault::ResetReply),
        ("cut", Fault::Truncate),
        ("reset before", Fault::ResetBefore),
        ("late", Fault::Delay(DELAY)),
    ] {
        let met = |method| exchanges.iter().any(|one| one.fault == fault && one.request.method == method);
        assert!(met("POST") && met("PATCH"), "no POST or no PATCH was {what}");
    }
    let refused = |status| exchanges.iter().filter(|one| one.client_status == Some(status)).count();
    assert_eq!((refused(429), refused(503)), (8, 6));
    let patches = exchanges.iter().filter(|one| one.request.method == "PATCH");
    let bodies: Vec<_> = patches.map(|one| serde_json::from_str(&one.request.body).unwrap()).collect();
    lint.all(&bodies).unwrap();

    // Over a good line, nothing is left to do.
    proxy.play(Script::pass());
    assert_eq!(life.step("again", |driver| driver.bring(&story.smaller)).writes, 0);
    assert_eq!(life.without_memory(&story.smaller).writes, 0);
}
