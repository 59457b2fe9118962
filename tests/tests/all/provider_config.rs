//! The table `[provider.NAME]`: every mistake at once, and everything that can be verified without the provider.

use scimwright_tests::servers::{Authentication, Canaille, Lists, Scimmy, Server, TOKEN, installed};
use scimwright_tests::tool::{SandboxProcess, Workspace, root};

const RESOURCE: &str = "
[source.hr]
type = \"csv\"
path = \"people.csv\"
key = \"id\"

[[provider.acme.resource]]
type = \"User\"
source = \"hr\"
attributes = { userName = { field = \"id\" } }
";

/// A folder whose provider has these settings.
fn configured(folder: &std::path::Path, settings: &str) -> Workspace {
    let workspace = Workspace::new(folder).unwrap();
    workspace.write("people.csv", "id\nE1\n").unwrap();
    workspace.write("scimwright.toml", &format!("[provider.acme]\n{settings}\n{RESOURCE}")).unwrap();
    workspace
}

fn profile(workspace: &Workspace, name: &str, text: &str) {
    std::fs::create_dir_all(workspace.folder.join("profiles")).unwrap();
    workspace.write(&format!("profiles/{name}.toml"), text).unwrap();
}

#[test]
fn every_mistake_in_a_provider_is_shown_at_once_and_so_are_those_of_its_profile() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = configured(
        folder.path(),
        r#"base_url = "https://acme.example/scim"
auth = { basic = { usr = "me", password = "s3cret" }, oauth2 = { token_url = "http://login.acme.example/", secret_in = "heder" } }
headers = { "X-Api-Key" = "s3cret", "X-Tenant" = { txt = "7" } }
tls = { ca = 7, certificate = "client.pem" }
proxy = { url = "http://me:s3cret@proxy:3128", password = { comand = ["pass"] } }
allow_addresses = ["10.1.0.0/99"]
budgets = { reads = "600/day", wirtes = "1/s" }
max_concurrency = 0
read_timeout_s = 90
attempts = "3"
profile = "acme"
capabilities = { pacth = false, filter = "yes" }"#,
    );
    profile(
        &workspace,
        "acme",
        "title = \"Acme\"\nname = \"acme\"\nbase = \"entra\"\n\n[[quirk]]\nset = \"member-removl\"\nvalue = \"value\"\nsource = \"hearsay\"\n",
    );
    let checked = workspace.run(&["check", "--offline"]).unwrap();
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    assert!(!checked.stderr.contains("s3cret"), "{}", checked.stderr);
    insta::assert_snapshot!(checked.stderr.replace(&folder.path().display().to_string(), "DIR"));
    let events = workspace.run(&["--output", "json", "check"]).unwrap().events("problem").unwrap();
    let of_profile =
        |event: &&serde_json::Value| event["file"].as_str().unwrap().ends_with("profiles/acme.toml");
    assert_eq!(events.iter().filter(of_profile).count(), 3, "{events:#?}");
}

/// Pain 15: the quirks of a provider are a file in the configuration folder.
#[test]
fn a_profile_is_found_by_name_among_the_files_and_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let offline = |settings: &str| {
        let workspace =
            configured(folder.path(), &format!("base_url = \"https://acme.example/\"\n{settings}"));
        workspace.run(&["check", "--offline"]).unwrap()
    };
    let misspelt = offline("profile = \"aws-iam-identity-centre\"");
    assert_eq!(misspelt.code, Some(3));
    assert!(misspelt.stderr.contains("did you mean `aws-iam-identity-center`?"), "{}", misspelt.stderr);
    assert!(misspelt.stderr.contains("authentik, aws-iam"), "{}", misspelt.stderr);

    let workspace = Workspace::new(folder.path()).unwrap();
    let text = "name = \"partner\"\ntitle = \"Partner\"\nbase = \"fleet\"\n";
    profile(&workspace, "partner", text);
    let found = offline("profile = \"partner\"");
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    // Disabling is what `deprovision` is by default, and here that is no small thing.
    assert!(found.stdout.contains("by the profile `partner`, disabling deletes there"), "{}", found.stdout);

    profile(&workspace, "slack", "name = \"slack\"\ntitle = \"Mine\"\n");
    let twofold = offline("profile = \"slack\"");
    assert_eq!(twofold.code, Some(3));
    assert!(twofold.stderr.contains("has the same name"), "{}", twofold.stderr);
    let outside = offline("profile = \"../profiles/partner\"");
    assert_eq!(outside.code, Some(3), "{}", outside.stdout);
}

#[test]
fn what_cannot_be_had_is_found_without_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let offline = |settings: &str| {
        let workspace =
            configured(folder.path(), &format!("base_url = \"https://acme.example/\"\n{settings}"));
        let checked = workspace.run(&["check", "--offline"]).unwrap();
        assert_eq!(checked.code, Some(3), "{}{}", checked.stdout, checked.stderr);
        checked.stdout.replace(&folder.path().display().to_string(), "DIR")
    };
    std::fs::write(folder.path().join("empty.pem"), "nothing\n").unwrap();
    std::fs::write(folder.path().join("blank"), "\n").unwrap();
    let screen = [
        offline("auth = { bearer = { env = \"NO_SUCH_TOKEN\" } }"),
        offline("auth = { bearer = { file = \"no-such-file\" } }"),
        offline(
            "auth = { bearer = { command = [\"sh\", \"-c\", \"echo s3cret; echo the vault is locked >&2; exit 2\"] } }",
        ),
        offline("auth = { basic = { user = \"me\", password = { file = \"blank\" } } }"),
        offline("headers = { \"X-Api-Key\" = { env = \"NO_SUCH_KEY\" } }"),
        offline("headers = { \"Authorization\" = { text = \"x\" } }"),
        offline("tls = { ca = [\"no-such.pem\"] }"),
        offline("tls = { ca = \"empty.pem\" }"),
        offline("tls = { certificate = \"empty.pem\", key = \"blank\" }"),
        offline(
            "proxy = { url = \"http://proxy.example\", user = \"me\", password = { env = \"NO_SUCH_PASSWORD\" } }",
        ),
    ];
    let problems: Vec<_> =
        screen.iter().map(|text| text.lines().find(|line| line.starts_with("problem")).unwrap()).collect();
    assert!(problems.iter().all(|line| !line.contains("s3cret")));
    insta::assert_snapshot!(problems.join("\n"));
}

#[test]
fn everything_that_can_be_set_can_be_set_together() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let workspace = configured(
        folder.path(),
        r#"base_url = "https://acme.example/scim"
auth = { oauth2 = { token_url = "https://login.acme.example/token", client_id = "me", client_secret = { command = ["cat", "/dev/stdin", "DIR/secret"] }, secret_in = "body", scope = "scim", audience = "acme", parameters = { resource = "urn:acme" } } }
headers = { "X-Api-Key" = { file = "secret" }, "X-Tenant" = { text = "7" } }
proxy = { url = "http://proxy.example:3128", user = "me", password = { env = "SCIM_TOKEN" } }
deny_private_addresses = true
allow_addresses = ["10.1.0.0/16", "fd00::1"]
budgets = { reads = "600/min", writes = "10/s" }
max_concurrency = 8
concurrency = 4
connect_timeout_s = 5
read_timeout_s = 20
request_timeout_s = 30
patience_s = 60
max_body_mb = 16
attempts = 5
profile = "aws-iam-identity-center"
update = "patch"
capabilities = { patch = true, filter = true, etag = false, sort = false, bulk = false, change_password = false }"#
            .replace("DIR", &folder.path().display().to_string())
            .as_str(),
    );
    let checked = workspace.run(&["check", "--offline"]).unwrap();
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn a_token_comes_from_the_environment_a_file_or_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let dir = folder.path().display();
    for secret in [
        "{ env = \"SCIM_TOKEN\" }".to_owned(),
        "{ file = \"token\" }".to_owned(),
        format!("{{ command = [\"cat\", \"{dir}/token\"] }}"),
    ] {
        let settings = format!("base_url = \"{}\"\nauth = {{ bearer = {secret} }}", sandbox.base_url);
        let workspace = configured(folder.path(), &settings);
        let found = workspace.run(&["get", "acme", "User"]).unwrap();
        assert_eq!(found.code, Some(0), "{secret}: {}", found.stderr);
    }
    // A token that became useless is asked for once more, and after that it is a failure.
    std::fs::write(folder.path().join("token"), "out-of-date").unwrap();
    let workspace = configured(
        folder.path(),
        &format!(
            "base_url = \"{}\"\nauth = {{ bearer = {{ command = [\"sh\", \"-c\", \"echo x >> {dir}/asked; cat {dir}/token\"] }} }}",
            sandbox.base_url
        ),
    );
    let refused = workspace.run(&["get", "acme", "User"]).unwrap();
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    assert!(!refused.stderr.contains("out-of-date"), "{}", refused.stderr);
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap().lines().count();
    assert!((2..=4).contains(&asked), "asked {asked} times");
}

#[test]
fn private_addresses_are_refused_where_the_administrator_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let get = |more: &str| {
        let settings = format!(
            "base_url = \"{}\"\nauth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\n{more}",
            sandbox.base_url
        );
        configured(folder.path(), &settings).run(&["get", "acme", "User"]).unwrap()
    };
    let refused = get("deny_private_addresses = true");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("loopback"), "{}", refused.stderr);
    let allowed = get("deny_private_addresses = true\nallow_addresses = [\"127.0.0.0/8\"]");
    assert_eq!(allowed.code, Some(0), "{}", allowed.stderr);
}

/// Point 1: configuration overrides any capability.
#[test]
fn a_capability_that_is_overridden_is_shown_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let settings = format!(
        "base_url = \"{}\"\nauth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\ncapabilities = {{ patch = false }}",
        sandbox.base_url
    );
    let workspace = configured(folder.path(), &settings);
    let checked = workspace.run(&["check"]).unwrap();
    assert!(checked.stdout.contains("User, Group; no PATCH"), "{}", checked.stdout);
}

#[test]
fn basic_authentication_is_what_scimmy_takes() {
    let Some(program) = installed(&root(), "scimmy") else {
        eprintln!("skipped: scimmy is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scimmy::configured(&program, folder.path(), Authentication::Basic, Lists::Paged).unwrap();
    let get = |user: &str| {
        let settings = format!(
            "base_url = \"{}\"\nauth = {{ basic = {{ user = \"{user}\", password = {{ env = \"SCIM_TOKEN\" }} }} }}",
            server.base_url()
        );
        configured(folder.path(), &settings).run(&["get", "acme", "User"]).unwrap()
    };
    let found = get(Scimmy::USER);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert_eq!(get("somebody-else").code, Some(6));
}

#[test]
fn the_client_credentials_grant_is_what_canaille_takes() {
    let Some(program) = installed(&root(), "canaille") else {
        eprintln!("skipped: canaille is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Canaille::start(&program, folder.path()).unwrap();
    let get = |secret_in: &str| {
        let settings = format!(
            "base_url = \"{}\"\nprofile = \"canaille\"\nauth = {{ oauth2 = {{ token_url = \"{}\", client_id = \"{}\", \
             client_secret = {{ env = \"SCIM_TOKEN\" }}, scope = \"{}\", secret_in = \"{secret_in}\" }} }}",
            server.base_url(),
            server.token_url(),
            Canaille::CLIENT_ID,
            Canaille::SCOPE
        );
        configured(folder.path(), &settings).run(&["get", "acme", "User", "--all"]).unwrap()
    };
    let before = server.tokens_issued().unwrap();
    let found = get("header");
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert_eq!(server.tokens_issued().unwrap() - before, 1, "one token for all requests");
    let refused = get("body");
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
}

/// Point 15: match by configured attributes.
#[test]
fn what_people_are_matched_by_is_a_list_whose_lists_count_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let offline = |match_by: &str| {
        let workspace = Workspace::new(folder.path()).unwrap();
        workspace.write("people.csv", "id\nE1\n").unwrap();
        let provider = "[provider.acme]\nbase_url = \"https://acme.example/\"\n";
        workspace.write("scimwright.toml", &format!("{provider}{RESOURCE}match = {match_by}\n")).unwrap();
        workspace.run(&["check", "--offline"]).unwrap()
    };
    let good = offline(r#"["externalId", ["name.familyName", "name.givenName"]]"#);
    assert_eq!(good.code, Some(0), "{}{}", good.stdout, good.stderr);
    for (wrong, said) in [
        ("[]", "`match` in `[provider.acme.resource]` is empty"),
        (r#"["externalId", []]"#, "a list in `match` of `[provider.acme.resource]` names no attribute"),
        (r#"[["userName", 7]]"#, "this is not an attribute to `match` by"),
        (r#""userName""#, "`match` in `[provider.acme.resource]` has to be a list of attributes"),
        (r#"[["a.b.c"]]"#, "goes too deep"),
    ] {
        let checked = offline(wrong);
        assert_eq!(checked.code, Some(3), "{wrong}: {}", checked.stdout);
        assert!(checked.stderr.contains(said), "{wrong}: {}", checked.stderr);
        assert!(said.starts_with("goes") || checked.stderr.contains("match = [\"externalId\", ["), "{wrong}");
    }
}
