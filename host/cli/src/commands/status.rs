//! `status`: modules, sources, providers, links and recent runs of a tenant. Contacts nobody.

use super::tenants;
use crate::args::{Common, Output};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules;
use crate::terminal::out;
use scimwright_provision::quarantine;
use scimwright_server::module_file;
use scimwright_state::{
    LinkScope, ModuleFile, Run, RunProgress, SetbackKind, Standing, StateStore, TenantState,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How many runs are shown.
const RUNS: u32 = 10;

pub(super) async fn run(common: &Common) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    let tenants = tenants(common)?;
    for tenant in &tenants {
        let status = status(tenant).await?;
        let unusable = |module: &Value| {
            module["used"] == true && (module["state"] == "refused" || module["state"] == "removed")
        };
        if status.modules.iter().any(unusable) {
            exit = Exit::Configuration;
        }
        match common.output {
            Output::Human => out(&common.remedies_for(&tenant.name, tenants.len()).complete(&status.page())),
            Output::Json => out(&status.json().to_string()),
        }
    }
    Ok(exit)
}

/// What is known of a tenant without asking anybody.
struct Status {
    tenant: String,
    modules: Vec<Value>,
    resources: Vec<Value>,
    /// Providers of which nothing is asked for a while.
    quarantines: Vec<Value>,
    runs: Vec<Value>,
}

async fn status(tenant: &Tenant) -> anyhow::Result<Status> {
    let state = match tenant.has_state() {
        true => Some(StateStore::open_read_only(&tenant.state).await?.tenant(&tenant.name)),
        false => None,
    };
    let runs = match &state {
        Some(state) => state.runs(RUNS).await?.iter().map(run_row).collect(),
        None => Vec::new(),
    };
    Ok(Status {
        tenant: tenant.name.to_string(),
        modules: modules(tenant, state.as_ref()).await?,
        resources: resources(tenant, state.as_ref()).await?,
        quarantines: quarantines(tenant, state.as_ref()).await?,
        runs,
    })
}

/// What the running service says of the files in the modules folder; without one they are judged here.
async fn modules(tenant: &Tenant, state: Option<&TenantState>) -> anyhow::Result<Vec<Value>> {
    let said = match state {
        Some(state) => state.module_files().await?,
        None => None,
    };
    let files = match said {
        Some(files) => files,
        None => judge(tenant).await?,
    };
    let quarantines = match state {
        Some(state) => state.quarantines().await?,
        None => Vec::new(),
    };
    let rows = files.into_iter().map(|file| {
        let quarantine = quarantines.iter().find(|quarantine| {
            file.state == "live"
                && quarantine.module.as_str() == file.module
                && Some(&quarantine.digest) == file.digest.as_ref()
        });
        let mut row = serde_json::to_value(&file)?;
        if let Some(quarantine) = quarantine {
            row["state"] = "quarantined".into();
            row["reason"] = format!(
                "{} calls failed, one after the other, the last one so: {}; it is tried again after {}, or now with \
                 `scimwright mapping release {}`; another version of the file ends it as well",
                quarantine.failures, quarantine.reason, quarantine.until, quarantine.module
            )
            .into();
        }
        Ok(row)
    });
    rows.collect()
}

/// Looks at the folder as a service would, once and without waiting for files to settle.
async fn judge(tenant: &Tenant) -> anyhow::Result<Vec<ModuleFile>> {
    let host = assemble::mapping_host(tenant)?;
    let registry = modules::registry(&host, tenant, &assemble::lookups(tenant), Duration::ZERO)?;
    for module in tenant.providers.iter().flat_map(ProviderConfig::mentioned_modules) {
        let _wanted = registry.slot(module);
    }
    registry.scan(jiff::Timestamp::now());
    // Bounded by the limits under which modules describe themselves, and by what compiling them takes.
    while registry.trouble().is_none() && !registry.is_settled() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(registry.status().into_iter().map(module_file).collect())
}

async fn resources(tenant: &Tenant, state: Option<&TenantState>) -> anyhow::Result<Vec<Value>> {
    let mut rows = Vec::new();
    for provider in &tenant.providers {
        for rules in &provider.resources {
            let scope =
                LinkScope { provider: provider.name.clone(), resource_type: rules.resource_type.clone() };
            let (active, disabled, open, setbacks) = match state {
                Some(state) => (
                    state.count_links(&scope, Some(Standing::Active)).await?,
                    state.count_links(&scope, Some(Standing::Disabled)).await?,
                    state.intents(&scope).await?.len(),
                    state.count_setbacks(&scope).await?,
                ),
                None => (0, 0, 0, Vec::new()),
            };
            let count = |kind: SetbackKind| {
                setbacks.iter().filter(|(known, ..)| *known == kind).map(|(_, count, _)| count).sum::<u64>()
            };
            // What is open is looked at in every run, and waits for nobody's time.
            let timed = setbacks.iter().filter(|(kind, ..)| *kind != SetbackKind::OpenReference);
            let next_try = timed.filter_map(|(.., next)| *next).min();
            rows.push(json!({
                "provider": provider.name, "resource_type": rules.resource_type, "source": rules.source,
                "active": active, "disabled": disabled, "unsettled": open,
                "waiting": count(SetbackKind::Temporary), "failed": count(SetbackKind::Permanent),
                "skipped": count(SetbackKind::Skipped),
                "open_references": count(SetbackKind::OpenReference), "next_try": next_try.map(|next| next.to_string()),
            }));
        }
    }
    Ok(rows)
}

/// The providers that are left alone at this moment.
async fn quarantines(tenant: &Tenant, state: Option<&TenantState>) -> anyhow::Result<Vec<Value>> {
    let Some(state) = state else { return Ok(Vec::new()) };
    let now = jiff::Timestamp::now();
    let all = state.provider_quarantines().await?.into_iter();
    let shut = all.filter(|(provider, quarantine)| {
        tenant.provider(provider).is_some_and(|config| quarantine::is_shut(quarantine, &config.access(), now))
    });
    Ok(shut
        .map(|(provider, quarantine)| {
            json!({
                "provider": provider, "failures": quarantine.failures, "reason": quarantine.reason,
                "since": quarantine.since.to_string(), "until": quarantine.until.to_string(),
            })
        })
        .collect())
}

fn run_row(run: &Run) -> Value {
    let (progress, ended, summary) = match &run.progress {
        RunProgress::Ended(end) => (end.outcome.as_str(), Some(end.at.to_string()), end.summary.clone()),
        RunProgress::UnderWay => ("under way", None, Value::Null),
        RunProgress::Interrupted => ("interrupted", None, Value::Null),
    };
    json!({
        "run": run.id.to_string(), "provider": run.scope.provider, "resource_type": run.scope.resource_type,
        "started_at": run.started_at.to_string(), "ended_at": ended, "outcome": progress, "summary": summary,
    })
}

impl Status {
    fn json(&self) -> Value {
        json!({
            "event": "summary", "tenant": self.tenant, "modules": self.modules, "resources": self.resources,
            "provider_quarantines": self.quarantines, "runs": self.runs,
        })
    }

    fn page(&self) -> String {
        let mut lines = vec![format!("Tenant {}", self.tenant)];
        for module in &self.modules {
            lines.push(module_line(module));
        }
        for row in &self.resources {
            let open = row["unsettled"].as_u64().unwrap_or(0);
            let mut more = if open > 0 { format!(", {open} unsettled") } else { String::new() };
            let counts = [
                ("waiting", "waiting"),
                ("failed", "failed"),
                ("skipped", "skipped"),
                ("open_references", "with a reference left open"),
            ];
            for (name, word) in counts {
                match row[name].as_u64() {
                    None | Some(0) => {}
                    Some(count) => more.push_str(&format!(", {count} {word}")),
                }
            }
            if let Some(next) = row["next_try"].as_str() {
                more.push_str(&format!("; next try {next}"));
            }
            lines.push(format!(
                "  resource  {} at {}, from {}: {} active, {} disabled{more}",
                text(row, "resource_type"),
                text(row, "provider"),
                text(row, "source"),
                row["active"],
                row["disabled"]
            ));
        }
        for row in &self.quarantines {
            lines.push(format!(
                "  provider  {provider} is in quarantine until {} after {} failed rounds in a row: {}; `scimwright sync --retry \
                 --provider {provider}` tries it now",
                text(row, "until"),
                row["failures"],
                text(row, "reason"),
                provider = text(row, "provider")
            ));
        }
        for run in &self.runs {
            lines.push(format!(
                "  run       {}  {} at {}: {}{}",
                text(run, "started_at"),
                text(run, "resource_type"),
                text(run, "provider"),
                text(run, "outcome"),
                figures(&run["summary"])
            ));
        }
        if self.runs.is_empty() {
            lines.push("  run       none yet".to_owned());
        }
        lines.join("\n")
    }
}

fn module_line(module: &Value) -> String {
    let short = |key| text(module, key).get(..12).unwrap_or_default();
    let mut line = format!("  module    {}: {}", text(module, "module"), text(module, "state"));
    if module["state"] == "live" {
        line.push_str(&format!(", version {} ({}…)", text(module, "version"), short("digest")));
    }
    let file = text(module, "file");
    if !file.is_empty() && file != format!("{}.wasm", text(module, "module")) {
        line.push_str(&format!(" ({file})"));
    }
    if !text(module, "reason").is_empty() {
        line.push_str(&format!(": {}", text(module, "reason")));
    }
    if !text(module, "serving").is_empty() {
        line.push_str(&format!("; the version {}… still serves", short("serving")));
    }
    if module["used"] == false {
        line.push_str("; no resource uses it");
    }
    line
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap_or_default()
}

/// The figures of a run that are not zero.
fn figures(summary: &Value) -> String {
    let names = [
        "created",
        "adopted",
        "updated",
        "unchanged",
        "disabled",
        "deleted",
        "skipped",
        "failed",
        "waiting",
        "held",
        "open_references",
    ];
    let figures: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let word = name.replace('_', " ");
            summary[name].as_u64().filter(|figure| *figure > 0).map(|figure| format!("{figure} {word}"))
        })
        .collect();
    if figures.is_empty() { String::new() } else { format!(" ({})", figures.join(", ")) }
}
