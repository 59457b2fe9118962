//! The tool as a person runs it, at the two configurations of scim2-server that ask most of it.

use super::program;
use crate::company::{comparable, expected_users, workspace};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Configuration, Scim2Server};

/// Two hundred people arrive; a second run writes nothing; then hires, leavers and a new name.
fn syncs_with(configuration: Configuration) {
    let Some(program) = program("scim2-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::configured(&program, folder.path(), configuration).unwrap();
    let mut company = Company::tidy(7, 200);
    let workspace = workspace(folder.path(), &server.base_url, &company);

    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&first["created"], &first["failed"]), (&200.into(), &0.into()), "{first}");
    assert_eq!(comparable(server.users().unwrap()), expected_users(&company));
    let writes = server.writes().unwrap();
    let second = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&second["unchanged"], server.writes().unwrap()), (&200.into(), writes), "{second}");

    let before = expected_users(&company);
    let left = company.leave(5);
    company.hire(5);
    company.rename_one();
    workspace.write("people.csv", &company.to_csv()).unwrap();
    let third = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&third["created"], &third["disabled"]), (&5.into(), &left.len().into()), "{third}");
    let users = comparable(server.users().unwrap());
    assert_eq!(users.len(), 205);
    for (key, expected) in expected_users(&company) {
        assert_eq!(users[&key], expected, "{key}");
    }
    for key in left {
        let mut expected = before[&key].clone();
        expected["active"] = false.into();
        assert_eq!(users[&key], expected, "{key} is disabled, and otherwise as before");
    }
}

#[test]
fn the_tool_works_where_nothing_is_optional() {
    syncs_with(Configuration::Minimal);
}

#[test]
fn the_tool_works_where_lists_go_by_cursor_only() {
    syncs_with(Configuration::CursorOnly);
}
