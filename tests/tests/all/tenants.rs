//! Many tenants in one folder see nothing of each other.

use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};

#[test]
fn each_tenant_has_a_state_modules_and_people_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    for (name, seed, size) in [("north", 1, 20), ("south", 2, 30)] {
        let tenant = folder.path().join("tenants").join(name);
        std::fs::create_dir_all(&tenant).unwrap();
        let inner = Workspace::new(&tenant).unwrap();
        inner.add_module("corp-user").unwrap();
        inner.add_module("corp-defaults").unwrap();
        // Keys and addresses are the same in both companies; only the address's domain differs.
        let file =
            Company::tidy(seed, size).to_csv().replace("@example.com", &format!("@{name}.example.com"));
        inner.write("people.csv", &file.replace("@EXAMPLE.COM", &format!("@{name}.example.com"))).unwrap();
        let text = Company::configuration(&sandbox.base_url).replace("\"externalId\", ", "");
        inner.write("scimwright.toml", &text).unwrap();
    }

    let unnamed = workspace.run(&["sync"]).unwrap();
    assert_eq!(unnamed.code, Some(3));
    assert!(
        unnamed.stderr.contains("name a tenant with --tenant; there are: north, south"),
        "{}",
        unnamed.stderr
    );
    let unknown = workspace.run(&["--tenant", "west", "sync"]).unwrap();
    assert!(unknown.stderr.contains("there is no tenant `west`"), "{}", unknown.stderr);

    let north = workspace.summary(&["--tenant", "north", "sync"]).unwrap();
    let south = workspace.summary(&["--tenant", "south", "sync"]).unwrap();
    assert_eq!((&north["created"], &south["created"]), (&20.into(), &30.into()), "{north}\n{south}");

    let logged = workspace.run(&["--tenant", "north", "--output", "json", "log", "--limit", "1000"]).unwrap();
    assert!(
        logged.stdout.contains("E00020") && !logged.stdout.contains("E00021"),
        "south's people are not in it"
    );
    let status = workspace.summary(&["--tenant", "south", "status"]).unwrap();
    assert_eq!(status["resources"][0]["active"], 30, "{status}");
}
