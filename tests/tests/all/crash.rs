//! A process that is killed in the middle loses nothing and repeats nothing harmful.

use crate::company::{comparable, expected_users, workspace};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Scim2Server, installed};
use scimwright_tests::tool::root;
use std::time::{Duration, Instant};

/// Point 17: a create whose answer nobody waited for is looked up, and not repeated.
#[test]
fn a_kill_in_the_middle_and_a_second_run_leave_no_duplicate_and_no_loss() {
    let Some(program) = installed(&root(), "scim2-server") else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::start(&program, folder.path()).unwrap();
    let company = Company::tidy(11, 1_000);
    let workspace = workspace(folder.path(), &server.base_url, &company);

    // Killed three times, a little further along each time. SIGKILL: no time to tidy up.
    for threshold in [150, 400, 700] {
        let mut sync = workspace.start(&["sync"]).unwrap();
        let begun = Instant::now();
        while server.requests("POST").unwrap() < threshold {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the sync does not get to {threshold} people"
            );
            assert!(sync.try_wait().unwrap().is_none(), "the sync ended before it could be killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        sync.kill().unwrap();
        sync.wait().unwrap();
    }

    let last = workspace.summary(&["sync"]).unwrap();
    assert_eq!(last["failed"], 0, "{last}");
    let users = server.users().unwrap();
    assert_eq!(users.len(), 1_000, "no duplicate");
    assert_eq!(comparable(users), expected_users(&company), "no loss");

    // The links are whole as well: nothing is left to do, and nobody was adopted as a stranger.
    let writes = server.writes().unwrap();
    let settled = workspace.summary(&["sync"]).unwrap();
    assert_eq!(settled["unchanged"], 1_000, "{settled}");
    assert_eq!(server.writes().unwrap(), writes);
    let status = workspace.summary(&["status"]).unwrap();
    assert_eq!(status["resources"][0]["active"], 1_000, "{status}");
    assert_eq!(status["resources"][0]["unsettled"], 0, "{status}");
}
