//! The provider as a whole: what is wanted goes in, and the provider's habits are met.
//!
//! Here is what its tests share; they stand in a file for each thing that a provider is asked to do.

mod create;
mod find;
mod large_groups;
mod members;
mod negotiation;
mod profiles;
mod update;

use crate::double::{Double, Meddling};
use crate::support::settings;
use scimwright_client::provider::calls::Done;
use scimwright_client::provider::create::Creation;
use scimwright_client::provider::find::Found;
use scimwright_client::{
    Deleted, Failure, Kind, MatchKey, OperationOutcome, Pace, Provider, ProviderSettings, Timeouts,
};
use scimwright_profile::{
    Deletion, MemberRemoval, Profile, ProviderQuirks, ResourceQuirks, Update, Verification,
};
use scimwright_sandbox::{Capabilities, Manners, Method, Normalises, OddRemoval, Plays, SandboxOptions};
use scimwright_scim::{AttributePath, BulkMethod, BulkOperation, Desired, Returned, SchemaSet};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::ResponseTemplate;

fn provider_at(double: &Double) -> Provider {
    with_profile(double, Profile::default())
}

fn with_profile(double: &Double, profile: Profile) -> Provider {
    let ms = Duration::from_millis;
    let timeouts = Timeouts { connect: ms(500), read: ms(600), request: ms(700) };
    // Budgets are kept in tests of their own; here they would only cost time.
    let plenty = Some("100000/s".parse().unwrap());
    let pace = Pace { reads: plenty, writes: plenty, ..Pace::default() };
    let settings = ProviderSettings { timeouts, pace, ..settings(&double.url()) };
    Provider::new(settings, profile).unwrap()
}

async fn kind(provider: &Provider, name: &str) -> Kind {
    provider.kind(name).await.unwrap().unwrap()
}

/// The kind with other quirks than the profile's.
async fn kind_with(provider: &Provider, name: &str, quirks: ResourceQuirks) -> Kind {
    Kind { quirks, ..kind(provider, name).await }
}

fn desired(value: Value) -> Desired {
    serde_json::from_value(value).unwrap()
}

fn keys(names: &[&str]) -> Vec<MatchKey> {
    names.iter().map(|name| AttributePath::parse(name).unwrap().into()).collect()
}

fn jdoe() -> Desired {
    desired(json!({"userName": "jdoe", "externalId": "E1", "title": "Engineer"}))
}

fn members(ids: impl IntoIterator<Item = String>) -> Value {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

/// People that groups can hold.
fn people(double: &Double, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}"),
            });
            double.elsewhere(Method::Post, "/v2/Users", &body)["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn held(group: &Value) -> usize {
    group["members"].as_array().map_or(0, Vec::len)
}
