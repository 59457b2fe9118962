//! `mapping release`: a module's quarantine is ended by hand.

use crate::args::{Common, Output};
use crate::commands::one_tenant;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_record::ModuleName;
use scimwright_state::StateStore;
use serde_json::json;

/// Ends a quarantine, also under a service that runs.
pub(super) async fn run(common: &Common, module: &ModuleName) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let lifted = StateStore::lift_quarantine(&tenant.state, &tenant.name, module).await?;
    match common.output {
        Output::Json => {
            out(&json!({ "event": "summary", "module": module, "released": lifted }).to_string());
        }
        Output::Human if lifted => {
            out(&format!("module `{module}` is out of quarantine and is called again"));
        }
        Output::Human => out(&format!("module `{module}` is not in quarantine")),
    }
    Ok(Exit::Success)
}
