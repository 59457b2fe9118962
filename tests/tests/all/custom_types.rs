//! Resource types that no RFC knows: whatever a provider declares with a schema is provisioned like a User.

use scimwright_tests::servers::{Http, Scim2Server, TOKEN, installed};
use scimwright_tests::tool::{Workspace, root};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const DEVICE: &str = "urn:example:params:scim:schemas:2.0:Device";

fn attribute(name: &str, kind: &str, more: &Value) -> Value {
    let mut attribute = json!({
        "name": name, "type": kind, "multiValued": false, "description": name, "required": false,
        "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        attribute[key] = value.clone();
    }
    attribute
}

/// A server with Users that have a name only, and Devices that belong to them.
fn server(folder: &Path) -> Option<Scim2Server> {
    let program = installed(&root(), "scim2-server")?;
    let unique = json!({ "required": true, "uniqueness": "server" });
    let owner = json!({ "subAttributes": [attribute("value", "string", &json!({}))] });
    let ports = json!({ "multiValued": true });
    let schema = |id: &str, name: &str, attributes: Vec<Value>| {
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": id, "name": name,
                "description": name, "attributes": attributes })
    };
    let schemas = json!([
        schema(USER, "User", vec![attribute("userName", "string", &unique)]),
        schema(
            DEVICE,
            "Device",
            vec![
                attribute("serialNumber", "string", &unique),
                attribute("label", "string", &json!({})),
                attribute("ports", "string", &ports),
                attribute("weight", "decimal", &json!({})),
                attribute("owner", "complex", &owner),
            ]
        ),
    ]);
    let kind = |name: &str, endpoint: &str, schema: &str| {
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": name, "name": name,
                "endpoint": endpoint, "description": name, "schema": schema })
    };
    let kinds = json!([kind("User", "/Users", USER), kind("Device", "/Devices", DEVICE)]);
    let (schemas_file, kinds_file) = (folder.join("schemas.json"), folder.join("types.json"));
    std::fs::write(&schemas_file, schemas.to_string()).unwrap();
    std::fs::write(&kinds_file, kinds.to_string()).unwrap();
    Some(Scim2Server::with_types(&program, folder, &schemas_file, &kinds_file).unwrap())
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[source.inventory]
type = "csv"
path = "devices.csv"
key = "serial"
types = {{ ports = "list(;)", weight = "decimal" }}

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

# Before the people, on purpose: whoever is pointed at comes first all the same.
[[provider.acme.resource]]
type = "Device"
source = "inventory"
match = ["serialNumber"]
deprovision = "delete"
max_deprovision = 1

[provider.acme.resource.attributes]
serialNumber = {{ field = "serial" }}
label = {{ field = "label" }}
ports = {{ field = "ports" }}
weight = {{ field = "weight" }}
"owner.value" = {{ link = "User", field = "owner" }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
deprovision = "nothing"

[provider.acme.resource.attributes]
userName = {{ field = "id" }}
"#
    )
}

/// The devices by serial number, each with what is said of it and its owner's user name.
fn devices(base_url: &str) -> BTreeMap<String, Value> {
    let http = Http::new(base_url, Some(format!("Bearer {TOKEN}")));
    let all = |endpoint: &str| {
        let list = http.call("GET", &format!("{endpoint}?count=100"), None).unwrap().expect_json().unwrap();
        list["Resources"].as_array().cloned().unwrap_or_default()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> =
        all("/Users").iter().map(|user| (text(&user["id"]), text(&user["userName"]))).collect();
    let device = |device: &Value| {
        let owner = names.get(&text(&device["owner"]["value"]));
        let said = json!({ "label": device["label"], "ports": device["ports"], "weight": device["weight"],
                           "owner": owner });
        (text(&device["serialNumber"]), said)
    };
    all("/Devices").iter().map(device).collect()
}

#[test]
fn a_type_of_the_provider_s_own_is_provisioned_with_references_and_differences_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let workspace = Workspace::new(folder.path()).unwrap();
    workspace.write("scimwright.toml", &configuration(&server.base_url)).unwrap();
    workspace.write("people.csv", "id\nzoe\nsato\n").unwrap();
    let first =
        "serial,label,ports,weight,owner\nS1,Loom,usb;hdmi,1.5,zoe\nS2,Anvil,,20,sato\nS3,Lathe,usb,,\n";
    workspace.write("devices.csv", first).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    let counts = (&summary["created"], &summary["failed"], &summary["references"]);
    assert_eq!(counts, (&5.into(), &0.into(), &0.into()), "people come first: {summary}");
    let expected = BTreeMap::from([
        ("S1".to_owned(), json!({"label": "Loom", "ports": ["usb", "hdmi"], "weight": 1.5, "owner": "zoe"})),
        ("S2".to_owned(), json!({"label": "Anvil", "ports": null, "weight": 20.0, "owner": "sato"})),
        ("S3".to_owned(), json!({"label": "Lathe", "ports": ["usb"], "weight": null, "owner": null})),
    ]);
    assert_eq!(devices(&server.base_url), expected);

    let writes = server.writes().unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 5);
    assert_eq!(server.writes().unwrap(), writes, "nothing changed, so nothing is written");

    // One is given to somebody else, one gets a port more, one is gone.
    let second = "serial,label,ports,weight,owner\nS1,Loom,usb;hdmi;lan,1.5,sato\nS3,Lathe,usb,,\n";
    workspace.write("devices.csv", second).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["updated"], &summary["deleted"]), (&1.into(), &1.into()), "{summary}");
    let left = devices(&server.base_url);
    assert_eq!(
        left["S1"],
        json!({"label": "Loom", "ports": ["usb", "hdmi", "lan"], "weight": 1.5, "owner": "sato"})
    );
    assert_eq!(left.keys().collect::<Vec<_>>(), ["S1", "S3"]);
}
