//! Tests of reading a provider's resources, against the sandbox and against providers that fail.

use super::*;
use crate::fixture::name;
use scimwright_client::{Authentication, ProviderSettings, RetryPolicy};
use scimwright_profile::Profile;
use scimwright_sandbox::{Capabilities, RunningSandbox, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn provider(base_url: &str) -> Provider {
    let mut settings = ProviderSettings::new("directory", base_url.parse().unwrap(), Authentication::None);
    settings.retry = RetryPolicy::never();
    Provider::new(settings, Profile::default()).unwrap()
}

async fn sandbox(options: SandboxOptions, users: &[Value]) -> (RunningSandbox, Provider) {
    let sandbox = Sandbox::start(options).await.unwrap();
    let provider = provider(sandbox.base_url().as_str());
    let kind = provider.kind("User").await.unwrap().unwrap();
    for user in users {
        let user = Resource::from_value(user.clone()).unwrap();
        provider.client().create(kind.resource_type(), &user).await.unwrap();
    }
    (sandbox, provider)
}

fn user(number: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": format!("user{number}"), "externalId": format!("E{number}"), "active": number != 2,
        "name": {"givenName": "Zoë", "familyName": format!("N{number}")},
        "emails": [{"value": format!("{number}@home.example"), "type": "home"},
                   {"value": format!("{number}@work.example"), "type": "work", "primary": true}],
        "addresses": [{"type": "home", "locality": "Graz"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "x"}}
    })
}

fn source(provider: &Provider, change: impl FnOnce(&mut ScimOptions)) -> ScimSource {
    let mut options = ScimOptions::new(name(), Arc::new(provider.clone()), "User");
    options.key = AttributePath::parse("externalId").unwrap();
    change(&mut options);
    ScimSource::new(options)
}

/// The keys of the rows, or the error after so many of them.
async fn keys(rows: RecordStream) -> Result<Vec<String>, (usize, String)> {
    let rows: Vec<_> = rows.collect().await;
    let mut keys = Vec::new();
    for row in rows {
        match row {
            Ok(row) => keys.push(row.key().map_or_else(|| "?".to_owned(), ToString::to_string)),
            Err(error) => return Err((keys.len(), error.to_string())),
        }
    }
    keys.sort();
    Ok(keys)
}

async fn of_keys(source: &ScimSource, wanted: &[&str]) -> Vec<String> {
    let wanted = wanted.iter().map(|key| RecordKey::parse(key).unwrap()).collect();
    keys(source.read_keys(wanted).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_resource_becomes_a_record_whose_fields_have_the_names_of_its_attributes() {
    let (_sandbox, provider) = sandbox(SandboxOptions::default(), &[user(1)]).await;
    let mut rows = source(&provider, |_| ()).read().await.unwrap();
    let Row::Record(place, record) = rows.next().await.unwrap().unwrap() else { panic!("a record") };
    assert_eq!((place.to_string(), record.key().as_str()), ("resource 1".to_owned(), "E1"));
    let text = |text: &str| Some(FieldValue::Text(text.to_owned()));
    let field = |name: &str| record.field(name).cloned();
    assert_eq!(field("userName"), text("user1"));
    assert_eq!(field("active"), Some(FieldValue::Boolean(true)));
    assert_eq!(field("name.givenName"), text("Zoë"));
    assert_eq!(field("name"), Some(FieldValue::Json(json!({"givenName": "Zoë", "familyName": "N1"}))));
    assert_eq!(field("emails[work]"), text("1@work.example"));
    assert_eq!(field("emails[primary]"), text("1@work.example"));
    let both = vec!["1@home.example".to_owned(), "1@work.example".to_owned()];
    assert_eq!(field("emails.value"), Some(FieldValue::Many(both)));
    assert_eq!(field("addresses[home].locality"), text("Graz"));
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(field(&format!("{enterprise}:department")), text("R&D"));
    assert_eq!(field(&format!("{enterprise}:manager.value")), text("x"));
    assert!(matches!(field("meta.lastModified"), Some(FieldValue::DateTime(_))), "the schema says so");
    assert_eq!((field("schemas"), field("meta.version"), field("meta")), (None, None, None));
    assert!(rows.next().await.is_none());
}

#[tokio::test]
async fn all_pages_are_read_and_a_filter_is_asked_for_and_checked() {
    let users: Vec<_> = (1..=25).map(user).collect();
    let options = SandboxOptions { default_page: 4, max_page: 4, ..SandboxOptions::default() };
    let (_sandbox, provider) = sandbox(options, &users).await;
    let everybody = source(&provider, |_| ());
    assert_eq!(keys(everybody.read().await.unwrap()).await.unwrap().len(), 25);
    let active = source(&provider, |options| {
        options.filter = Some(Filter::parse("active eq false").unwrap());
        options.attributes = vec![AttributePath::parse("userName").unwrap()];
    });
    let mut rows = active.read().await.unwrap();
    let Row::Record(_, record) = rows.next().await.unwrap().unwrap() else { panic!("a record") };
    let names: Vec<_> = record.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(record.key().as_str(), "E2");
    assert!(names.contains(&"userName") && !names.contains(&"active"), "{names:?}");
    assert!(rows.next().await.is_none());
}

#[tokio::test]
async fn single_records_are_asked_for_by_id_or_by_filter_or_found_among_all() {
    for filter in [true, false] {
        let capabilities = Capabilities { filter, ..Capabilities::default() };
        let options = SandboxOptions { capabilities, ..SandboxOptions::default() };
        let (sandbox, provider) = sandbox(options, &(1..=30).map(user).collect::<Vec<_>>()).await;
        let by_external_id = source(&provider, |_| ());
        assert_eq!(of_keys(&by_external_id, &["E3", "E29", "E99", "e3"]).await, ["E29", "E3"]);
        let by_id = source(&provider, |options| options.key = AttributePath::parse("id").unwrap());
        let all = keys(by_id.read().await.unwrap()).await.unwrap();
        let wanted = [all[4].as_str(), "00000000-0000-4000-8000-000000000000"];
        assert_eq!(of_keys(&by_id, &wanted).await, [all[4].clone()]);
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn who_did_not_change_for_longer_than_clocks_may_differ_does_not_come_again() {
    for filter in [true, false] {
        let capabilities = Capabilities { filter, ..Capabilities::default() };
        let options = SandboxOptions {
            capabilities,
            declares: Some(Capabilities::default()),
            ..SandboxOptions::default()
        };
        let (_sandbox, provider) = sandbox(options, &[user(1), user(3)]).await;
        let source = source(&provider, |options| options.by_last_modified = true);
        assert_eq!(source.change_column(), Some("meta.lastModified"));
        let first = source.read_changed(None).await.unwrap();
        let watermark = first.watermark.unwrap();
        assert_eq!(keys(first.rows).await.unwrap(), ["E1", "E3"]);
        assert!(watermark.parse::<Timestamp>().unwrap() <= Timestamp::now() - CLOCK_MARGIN);
        // Both changed within the margin, so they come once more.
        let again = source.read_changed(Some(&watermark)).await.unwrap();
        assert_eq!(keys(again.rows).await.unwrap(), ["E1", "E3"]);
        let later = source.read_changed(Some("2100-01-01T00:00:00Z")).await.unwrap();
        let expected: &[&str] = if filter { &[] } else { &["E1", "E3"] };
        assert_eq!(keys(later.rows).await.unwrap(), expected, "one that refuses the filter is read in full");
        let error = source.read_changed(Some("yesterday")).await.unwrap_err();
        assert!(error.to_string().contains("`yesterday` is no watermark"), "{error}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_is_an_error_and_never_the_end() {
    let server = MockServer::start().await;
    let list = |first: usize, total: usize| {
        let resources: Vec<_> = (first..first + 2).map(|number| json!({"id": format!("{number}")})).collect();
        ResponseTemplate::new(200).set_body_raw(
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total,
                   "startIndex": first, "itemsPerPage": 2, "Resources": resources})
            .to_string(),
            "application/scim+json",
        )
    };
    let page = |answer| Mock::given(method("GET")).and(path("/Users")).respond_with(answer);
    page(list(1, 6)).up_to_n_times(1).mount(&server).await;
    Mock::given(query_param("startIndex", "3")).respond_with(list(3, 6)).mount(&server).await;
    Mock::given(query_param("startIndex", "5")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let by_id = source(&provider(&server.uri()), |options| options.key = AttributePath::parse("id").unwrap());
    let (read, error) = keys(by_id.read().await.unwrap()).await.unwrap_err();
    assert_eq!(read, 4);
    assert!(
        error.starts_with("source `hr` could not be read past resource 4: User of provider `directory`: "),
        "{error}"
    );

    // A page with nothing on it, though there should be more.
    let server = MockServer::start().await;
    let empty = list(3, 6).set_body_raw(
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 6, "Resources": []})
            .to_string(),
        "application/scim+json",
    );
    Mock::given(path("/Users"))
        .and(query_param_is_missing("startIndex"))
        .respond_with(list(1, 6))
        .mount(&server)
        .await;
    Mock::given(path("/Users")).respond_with(empty).mount(&server).await;
    let by_id = source(&provider(&server.uri()), |options| options.key = AttributePath::parse("id").unwrap());
    let (read, error) = keys(by_id.read().await.unwrap()).await.unwrap_err();
    assert_eq!(read, 2, "{error}");
}

#[tokio::test]
async fn a_resource_without_the_key_is_a_row_of_nobody_knows_whom() {
    let mut nameless = user(1);
    nameless.as_object_mut().unwrap().remove("externalId");
    let (_sandbox, provider) = sandbox(SandboxOptions::default(), &[nameless]).await;
    let mut rows = source(&provider, |_| ()).read().await.unwrap();
    let Row::Malformed(row) = rows.next().await.unwrap().unwrap() else { panic!("a malformed row") };
    assert_eq!((row.key, row.position), (None, Position::Resource(1)));
    assert!(row.message.starts_with("the User with the id "), "{}", row.message);
    assert!(
        row.message.ends_with("the key attribute `externalId` is empty; every row needs a key of its own")
    );
    let unknown = source(&provider, |options| options.resource_type = "Person".into());
    let error = unknown.read().await.err().unwrap().to_string();
    assert!(error.contains("has no resource type `Person`; it has: User, Group"), "{error}");
}
