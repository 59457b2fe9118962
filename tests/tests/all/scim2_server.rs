//! The whole way to a SCIM server that others wrote: a thousand people, nothing twice, only differences.

use crate::company::{comparable, expected_users, workspace};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Scim2Server, installed};
use scimwright_tests::tool::root;

/// Point 6: an empty diff sends nothing.
/// Point 24: disabled, and otherwise as before; nobody is deleted.
/// Point 25: a dry run writes nothing, and says what the run then does.
/// Point 26: users first, then the references among them, whoever stands first in the file.
#[test]
fn a_thousand_people_arrive_and_afterwards_only_differences_are_sent() {
    let Some(program) = installed(&root(), "scim2-server") else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::start(&program, folder.path()).unwrap();
    let mut company = Company::new(7, 1_000);
    let workspace = workspace(folder.path(), &server.base_url, &company);

    // Everybody is new; the broken rows are reported and hold nobody up.
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(first["created"], 1_000, "{first}");
    assert_eq!(first["failed"], company.broken.len(), "{first}");
    assert_eq!(server.requests("POST").unwrap(), 1_000);
    assert_eq!(comparable(server.users().unwrap()), expected_users(&company));

    // Nothing changed: nothing is written.
    let writes = server.writes().unwrap();
    let second = workspace.summary(&["sync"]).unwrap();
    assert_eq!(
        (&second["unchanged"], &second["created"], &second["updated"]),
        (&1_000.into(), &0.into(), &0.into())
    );
    assert_eq!(server.writes().unwrap(), writes, "a second run sends nothing that changes anything");

    // Hires, leavers, a new name: exactly these are written, one request each.
    let before = company.clone();
    company.hire(5);
    let left = company.leave(20);
    company.rename_one();
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let (old, new) = (expected_users(&before), expected_users(&company));
    let changed = new.iter().filter(|(key, user)| old.get(*key).is_some_and(|old| old != *user)).count();

    let planned = workspace.summary(&["plan"]).unwrap();
    assert_eq!(server.writes().unwrap(), writes, "a plan writes nothing");
    let third = workspace.summary(&["sync"]).unwrap();
    for summary in [&planned, &third] {
        assert_eq!(summary["created"], 5, "{summary}");
        assert_eq!(summary["updated"], changed, "{summary}");
        assert_eq!(summary["disabled"], left.len(), "{summary}");
    }
    assert_eq!(server.writes().unwrap() - writes, 5 + changed + left.len());

    let users = comparable(server.users().unwrap());
    assert_eq!(users.len(), 1_005, "nobody is deleted");
    for (key, expected) in &new {
        assert_eq!(&users[key], expected, "{key}");
    }
    for key in &left {
        let mut expected = old[key].clone();
        expected["active"] = false.into();
        assert_eq!(&users[key], &expected, "{key} is disabled, and otherwise as before");
    }
}
