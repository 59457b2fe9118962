//! Canaille: OAuth 2 in front, and a SCIM side with a schema of its own.

use super::driver::{Driver, Members};
use super::life::{Life, Story};
use super::{SEED, profile, program, settings};
use scimwright_client::{Authentication, CallObserver, CallReport, ClientCredentials, Failure};
use scimwright_tests::scenario::{Directory, GROUP_SIZES};
use scimwright_tests::servers::{Canaille, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

/// What its schema does not have, or keeps for itself. Sent all the same, each would be a 400.
const LEFT_OUT: [&str; 7] = [
    "`emails.primary` is left out: the provider's schema does not declare it",
    "`emails.type` is left out: the provider's schema does not declare it",
    "`externalId` is left out: it is readOnly",
    "`members.type` is left out: the provider's schema does not declare it",
    "`phoneNumbers.type` is left out: the provider's schema does not declare it",
    "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter` is left out: the provider's schema \
     does not declare it",
    "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division` is left out: the provider's schema \
     does not declare it",
];

/// Tells when so many calls are done.
struct Milestone {
    calls: AtomicUsize,
    at: usize,
    tell: mpsc::Sender<()>,
}

impl CallObserver for Milestone {
    fn called(&self, _: &CallReport, _: Option<&Failure>) {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            // Who does not listen any more has given up already.
            let _ = self.tell.send(());
        }
    }
}

fn credentials(server: &Canaille) -> Authentication {
    let token_url = server.token_url().parse().unwrap();
    let mut grant = ClientCredentials::new(token_url, Canaille::CLIENT_ID, Canaille::CLIENT_SECRET);
    grant.scope = Some(Canaille::SCOPE.to_owned());
    Authentication::ClientCredentials(grant)
}

/// Point 3: what is readOnly or undeclared is left out, and said.
/// Point 15: a filter that is ignored and answered with everybody finds nobody else.
/// Point 23: 401: one token for all requests that wait, then one retry each.
#[test]
fn with_a_token_that_is_revoked_half_way() {
    let Some(program) = program("canaille") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Canaille::start(&program, folder.path()).unwrap();
    let settings = settings(&server, server.base_url(), credentials(&server));
    let mut driver = Driver::new(settings, profile("canaille")).writing(Members::WithReference);
    assert_eq!(server.tokens_issued().unwrap(), 1);
    let (tell, half_way) = mpsc::channel();
    driver.observe(Arc::new(Milestone { calls: AtomicUsize::new(0), at: 100, tell }));
    // A group without members cannot be made here: the schema requires some, and the client believes it.
    let story = Story::of(Directory::new(SEED, 200, &GROUP_SIZES.map(|size| size.max(3))));
    let mut life = Life::new(driver, &server);

    std::thread::scope(|scope| {
        let revoking = scope.spawn({
            let server = &server;
            move || {
                half_way.recv().unwrap();
                server.revoke_all_tokens().unwrap()
            }
        });
        let step = life.step("create", |driver| driver.bring(&story.first));
        assert_eq!((step.pass.created, step.pass.rounds), ([200, 10], 1), "{:?}", step.pass);
        assert_eq!(revoking.join().unwrap(), 1);
        let left_out: Vec<&str> = step.pass.left_out.iter().map(String::as_str).collect();
        assert_eq!(left_out, LEFT_OUT);
    });
    // Four tasks met the 401, and fetched one token.
    assert_eq!(server.tokens_issued().unwrap(), 2);
    let refused = server.answered().unwrap().iter().filter(|one| one.status == 401).count();
    assert!((1..=4).contains(&refused), "{refused} requests were refused");
    life.holds(&story.first);

    life.go_on(&story);
    // Users are found by looking through all of them, and left in peace. Members come back by userName, so that
    // nobody can tell that they are the ones whose ids are wanted: each group is written once.
    let step = life.without_memory(&story.smaller);
    assert_eq!((step.pass.unchanged, step.pass.updated), ([185, 0], [0, 9]), "{:?}", step.pass);
    assert_eq!(life.step("again", |driver| driver.bring(&story.smaller)).requests, 0);
}
