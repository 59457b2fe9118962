//! The metadata endpoints (RFC 7644 section 4), and whether what they say is true.

use crate::support::{Asked, ENTERPRISE, USER, refusal};
use scimwright_sandbox::{Method, Request, SandboxOptions};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[test]
fn the_declared_page_sizes_are_those_that_apply() {
    let asked = Asked::new(&SandboxOptions { default_page: 7, max_page: 9, ..SandboxOptions::default() });
    let config = asked.get("/ServiceProviderConfig").value();
    assert_eq!(config["filter"]["maxResults"], 9);
    assert_eq!(config["pagination"]["defaultPageSize"], 7);
    assert_eq!(config["pagination"]["maxPageSize"], 9);
}

#[test]
fn there_is_no_signed_in_user() {
    assert_eq!(refusal(&Asked::strict().get("/Me")), "501");
}

#[test]
fn a_token_is_declared_exactly_where_one_is_asked_for() {
    let open = Asked::strict().get("/ServiceProviderConfig").value();
    assert_eq!(open["authenticationSchemes"], json!([]));
    let options = SandboxOptions { bearer_token: Some("t".into()), ..SandboxOptions::default() };
    let request = Request {
        authorization: Some("Bearer t".into()),
        ..Request::new(Method::Get, "/v2/ServiceProviderConfig")
    };
    let guarded = Asked::new(&options).ask(&request).value();
    assert_eq!(guarded["authenticationSchemes"][0]["type"], "oauthbearertoken");
}

#[test]
fn every_resource_type_names_schemas_that_can_be_read() {
    let asked = Asked::strict();
    let types = asked.get("/ResourceTypes").value();
    assert_eq!(ids(&types), ["User", "Group"]);
    for resource_type in types["Resources"].as_array().unwrap() {
        let single = asked.get(&format!("/ResourceTypes/{}", resource_type["id"].as_str().unwrap()));
        assert_eq!(single.value(), *resource_type);
        let schema = resource_type["schema"].as_str().unwrap();
        assert_eq!(asked.get(&format!("/Schemas/{schema}")).value()["id"], schema);
        assert_eq!(asked.get(resource_type["endpoint"].as_str().unwrap()).status, 200);
    }
    assert_eq!(asked.get(&format!("/Schemas/{}", ENTERPRISE.to_uppercase())).value()["id"], ENTERPRISE);
}

#[test]
fn the_schemas_of_the_metadata_are_listed_with_the_others() {
    let schemas = Asked::strict().get("/Schemas").value();
    assert_eq!(schemas["totalResults"], 6);
    let listed = ids(&schemas);
    assert!(listed.contains(&USER) && listed.contains(&"urn:ietf:params:scim:schemas:core:2.0:Schema"));
}

#[test]
fn metadata_is_read_whole_and_never_written() {
    let asked = Asked::strict();
    for endpoint in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
        let response = asked.post(endpoint, &json!({}));
        assert_eq!(refusal(&response), "405", "{endpoint}");
        assert_eq!(response.header("Allow"), Some("GET"), "{endpoint}");
    }
    assert_eq!(refusal(&asked.get("/Schemas?filter=id%20pr")), "403");
    assert_eq!(refusal(&asked.get("/Schemas/urn:none")), "404");
    assert_eq!(refusal(&asked.get("/ResourceTypes/Printer")), "404");
}
