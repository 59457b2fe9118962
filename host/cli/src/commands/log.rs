//! `log`: the client log, newest first.

use super::one_tenant;
use super::run::warn_of_loss;
use crate::args::{Common, LogArgs, Output};
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_provision::typed;
use scimwright_state::{LogEntry, LogFilter, StateStore};
use serde_json::json;

pub(super) async fn run(common: &Common, args: &LogArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    warn_of_loss(common, &tenant, 1);
    let rows = if tenant.has_state() {
        let filter = LogFilter {
            failures_only: args.failures,
            key: args.key.clone(),
            provider: args.provider.clone(),
            limit: args.limit,
            ..LogFilter::default()
        };
        StateStore::open_read_only(&tenant.state).await?.tenant(&tenant.name).log(&filter).await?
    } else {
        Vec::new()
    };
    match common.output {
        Output::Json => {
            rows.iter().for_each(|row| out(&json_row(row).to_string()));
            out(&json!({ "event": "summary", "rows": rows.len() }).to_string());
        }
        Output::Human if rows.is_empty() => {
            out("The client log has no such rows.");
            if let Some(key) = &args.key {
                let text =
                    format!("`scimwright status {}` says where the record stands.", typed(key.as_str()));
                out(&common.remedies().complete(&text));
            }
        }
        Output::Human => rows.iter().for_each(|row| out(&human_row(row))),
    }
    Ok(Exit::Success)
}

pub(super) fn human_row(row: &LogEntry) -> String {
    let who = row.key.as_ref().map_or("-", |key| key.as_str());
    let resource = row.resource_id.as_deref().unwrap_or("-");
    let status = row.http_status.map(|status| format!(" {status}")).unwrap_or_default();
    format!(
        "{}  {} {} {} {who} ({resource}): {}{status}, {} ms  {}",
        row.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ"),
        row.provider,
        row.action,
        row.resource_type,
        row.status,
        row.duration.as_millis(),
        row.message
    )
}

pub(super) fn json_row(row: &LogEntry) -> serde_json::Value {
    json!({
        "event": "call", "at": row.at.to_string(), "request_id": row.request_id,
        "run": row.run.as_ref().map(ToString::to_string), "provider": row.provider,
        "resource_type": row.resource_type, "resource_id": row.resource_id, "key": row.key,
        "action": row.action.as_str(), "status": row.status.as_str(), "http_status": row.http_status,
        "message": row.message, "duration_ms": u64::try_from(row.duration.as_millis()).unwrap_or(u64::MAX),
    })
}
