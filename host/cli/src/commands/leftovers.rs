//! Links that nobody looks after any more, because their resource type or provider is not in the configuration.
//!
//! What is taken out of the configuration is left alone: its resources stay as they are. So that nobody forgets them
//! without wanting to, they are named.

use crate::config::model::Tenant;
use scimwright_state::{StateError, TenantState};

/// A sentence for each resource type that has links and is not in the configuration.
pub(super) async fn leftovers(tenant: &Tenant, state: &TenantState) -> Result<Vec<String>, StateError> {
    let configured = tenant.scopes();
    let mut sentences = Vec::new();
    for scope in state.scopes().await? {
        if configured.contains(&scope) {
            continue;
        }
        let links = match state.count_links(&scope, None).await? {
            0 => continue,
            1 => "1 link".to_owned(),
            links => format!("{links} links"),
        };
        let (provider, resource_type) = (&scope.provider, &scope.resource_type);
        let has_provider = tenant.providers.iter().any(|known| known.name == *provider);
        let renamed = match has_provider {
            true => String::new(),
            false => format!(
                ". If the provider has another name now, `scimwright links move {provider} --to NAME` takes them along"
            ),
        };
        sentences.push(format!(
            "`{provider}` {resource_type} has {links} and is not in the configuration any more: the resources stay as they \
             are, and nobody is deprovisioned{renamed}. `scimwright links forget {provider} {resource_type} --all` gives \
             them up for good"
        ));
    }
    Ok(sentences)
}
