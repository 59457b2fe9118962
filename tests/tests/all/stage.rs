//! A company in groups, a sandbox, and the tool between them.

use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::teams::{Held, Teams};
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A company that is to be at a sandbox.
pub(crate) struct Stage {
    pub(crate) teams: Teams,
    pub(crate) workspace: Workspace,
    pub(crate) sandbox: SandboxProcess,
    pub(crate) flatten: bool,
    _folder: TempDir,
}

impl Stage {
    /// The company's files and configuration in a new folder, and an empty sandbox.
    pub(crate) fn new(teams: Teams) -> Self {
        Self::with(teams, false)
    }

    pub(crate) fn with(teams: Teams, flatten: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path()).unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        let stage = Self { teams, workspace, sandbox, flatten, _folder: folder };
        stage.configure(&stage.configuration());
        stage.write();
        stage
    }

    /// The usual configuration.
    pub(crate) fn configuration(&self) -> String {
        Teams::configuration(&self.sandbox.base_url, if self.flatten { "flatten" } else { "keep" })
    }

    pub(crate) fn configure(&self, text: &str) {
        self.workspace.write("scimwright.toml", text).unwrap();
    }

    pub(crate) fn write(&self) {
        self.teams.write(&self.workspace).unwrap();
    }

    /// Writes the files as they are now, and syncs.
    pub(crate) fn sync(&self, more: &[&str]) -> Value {
        self.write();
        self.run(&[&["sync"], more].concat())
    }

    /// Runs a command and returns its summary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Value {
        self.workspace.summary(arguments).unwrap()
    }

    pub(crate) fn http(&self) -> Http {
        Http::new(&self.sandbox.base_url, Some(format!("Bearer {TOKEN}")))
    }

    pub(crate) fn held(&self) -> Held {
        held_at(&self.http())
    }

    /// The provider holds what is wanted, and nothing else.
    pub(crate) fn assert_as_wanted(&self) {
        let differences = self.held().differences(&self.teams.wanted(self.flatten));
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// Requests so far by method and endpoint: `PATCH /Groups/{id}`.
    pub(crate) fn requests(&self) -> Requests {
        Requests::at(&self.sandbox.base_url)
    }

    /// The User or Group with this externalId, with its id.
    pub(crate) fn resource(&self, endpoint: &str, key: &str) -> Value {
        let all = everything(&self.http(), endpoint);
        let found = all.into_iter().find(|resource| resource["externalId"] == key);
        found.unwrap_or_else(|| panic!("{key} is not below {endpoint}"))
    }
}

/// What a sandbox was asked so far, by its own count.
pub(crate) struct Requests(Value);

impl Requests {
    pub(crate) fn at(base_url: &str) -> Self {
        let url = base_url.replace(scimwright_sandbox::BASE_PATH, scimwright_sandbox::STATS_PATH);
        Self(scimwright_tests::servers::get(&url, Some(TOKEN)).unwrap())
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0["requests"][what].as_u64().unwrap_or(0)
    }

    /// Requests that may change something.
    pub(crate) fn writes(&self) -> u64 {
        let requests = self.0["requests"].as_object().unwrap();
        let writes = |what: &str| !what.starts_with("GET ") && !what.ends_with("/.search");
        requests.iter().filter(|(what, _)| writes(what)).filter_map(|(_, count)| count.as_u64()).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0["requests"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }
}

/// What a provider holds.
pub(crate) fn held_at(http: &Http) -> Held {
    Held::read(&everything(http, "/Users"), &everything(http, "/Groups")).unwrap()
}

/// Every resource below an endpoint, read page by page without the client under test.
pub(crate) fn everything(http: &Http, endpoint: &str) -> Vec<Value> {
    // Groups of a thousand members are large, and so are people who are in hundreds of groups.
    let count = if endpoint == "/Groups" { 20 } else { 100 };
    let mut found: Vec<Value> = Vec::new();
    loop {
        let page = http.get(&format!("{endpoint}?startIndex={}&count={count}", found.len() + 1)).unwrap();
        let resources = page["Resources"].as_array().cloned().unwrap_or_default();
        let got = resources.len();
        found.extend(resources);
        if found.len() as u64 >= page["totalResults"].as_u64().unwrap() {
            return found;
        }
        assert!(got > 0, "{endpoint} ends at {}", found.len());
    }
}

/// A PATCH that replaces one attribute.
pub(crate) fn replacing(path: &str, value: Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": path, "value": value }],
    })
}
