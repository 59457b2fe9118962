//! `status`: modules, sources, providers, links and recent runs of a tenant. Contacts nobody.

use super::run::warn_of_loss;
use super::tenants;
use crate::args::{Common, Output};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules;
use crate::terminal::out;
use scimwright_provision::quarantine;
use scimwright_record::ModuleName;
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
        let status = status(common, tenant, tenants.len()).await?;
        if status.modules.iter().any(is_unusable) {
            exit = Exit::Configuration;
        }
        let remedies = common.remedies_for(&tenant.name, tenants.len());
        match common.output {
            Output::Human => out(&remedies.complete(&status.page())),
            Output::Json => out(&remedies.complete_json(status.json()).to_string()),
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
    /// Providers that failed in the last round, and are tried in the next.
    failing: Vec<Value>,
    runs: Vec<Value>,
}

async fn status(common: &Common, tenant: &Tenant, tenants: usize) -> anyhow::Result<Status> {
    warn_of_loss(common, tenant, tenants);
    let state = match tenant.has_state() {
        true => Some(StateStore::open_read_only(&tenant.state).await?.tenant(&tenant.name)),
        false => None,
    };
    let runs = match &state {
        Some(state) => state.runs(RUNS).await?.iter().map(run_row).collect(),
        None => Vec::new(),
    };
    let (quarantines, failing) = providers(tenant, state.as_ref()).await?;
    Ok(Status {
        tenant: tenant.name.to_string(),
        modules: modules(tenant, state.as_ref()).await?,
        resources: resources(tenant, state.as_ref()).await?,
        quarantines,
        failing,
        runs,
    })
}

/// Modules that cannot be used, with the reason. None is looked at where nobody needs any.
pub(super) async fn unusable(
    tenant: &Tenant,
    state: &TenantState,
) -> anyhow::Result<Vec<(ModuleName, String)>> {
    if tenant.providers.iter().flat_map(ProviderConfig::mentioned_modules).next().is_none() {
        return Ok(Vec::new());
    }
    let rows = modules(tenant, Some(state)).await?;
    let unusable = rows.iter().filter(|module| is_unusable(module) && text(module, "serving").is_empty());
    let named = unusable.filter_map(|module| {
        let name = ModuleName::parse(text(module, "module")).ok()?;
        let reason = match text(module, "reason") {
            "" => "its file is not there",
            reason => reason,
        };
        Some((name, reason.to_owned()))
    });
    Ok(named.collect())
}

/// Whether a resource needs the module and its file is not one that can be used.
fn is_unusable(module: &Value) -> bool {
    module["used"] == true && (module["state"] == "refused" || module["state"] == "removed")
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
                "active": active, "disabled": disabled, "disabling_deletes": rules.deprovision.disabling_deletes,
                "unsettled": open,
                "waiting": count(SetbackKind::Temporary), "failed": count(SetbackKind::Permanent),
                "skipped": count(SetbackKind::Skipped),
                "open_references": count(SetbackKind::OpenReference), "next_try": next_try.map(|next| next.to_string()),
            }));
        }
    }
    Ok(rows)
}

/// The providers that are left alone at this moment, and those that failed and are tried in the next round.
async fn providers(tenant: &Tenant, state: Option<&TenantState>) -> anyhow::Result<(Vec<Value>, Vec<Value>)> {
    let Some(state) = state else { return Ok((Vec::new(), Vec::new())) };
    let now = jiff::Timestamp::now();
    let (mut shut, mut failing) = (Vec::new(), Vec::new());
    for (provider, quarantine) in state.provider_quarantines().await? {
        let access = tenant.provider(&provider).map(ProviderConfig::access);
        // What another way to it came to says nothing about this one.
        let Some(access) = access.filter(|access| *access == quarantine.access) else { continue };
        let is_shut = quarantine::is_shut(&quarantine, &access, now);
        let mut row = json!({
            "provider": provider, "failures": quarantine.failures, "reason": quarantine.reason,
            "since": quarantine.since.to_string(),
        });
        if is_shut {
            row["until"] = quarantine.until.to_string().into();
        }
        if is_shut { &mut shut } else { &mut failing }.push(row);
    }
    Ok((shut, failing))
}

pub(super) fn run_row(run: &Run) -> Value {
    let (progress, ended) = match &run.progress {
        RunProgress::Ended(end) => (end.report.outcome.as_str(), Some(end.at.to_string())),
        RunProgress::UnderWay => ("under way", None),
        RunProgress::Interrupted => ("interrupted", None),
    };
    let report = run.report();
    json!({
        "run": run.id.to_string(), "kind": run.kind.as_str(), "provider": run.scope.provider,
        "resource_type": run.scope.resource_type, "started_at": run.started_at.to_string(), "ended_at": ended,
        "outcome": progress, "reason": report.and_then(|report| report.reason.clone()),
        "held_because": report.and_then(|report| report.held.clone()),
        "summary": report.map_or(&Value::Null, |report| &report.summary),
    })
}

impl Status {
    fn json(&self) -> Value {
        json!({
            "event": "summary", "tenant": self.tenant, "modules": self.modules, "resources": self.resources,
            "provider_quarantines": self.quarantines, "provider_failures": self.failing, "runs": self.runs,
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
                "  resource  {} at {}, from {}: {} active, {} {}{more}",
                text(row, "resource_type"),
                text(row, "provider"),
                text(row, "source"),
                row["active"],
                row["disabled"],
                if row["disabling_deletes"] == true { "deleted by disabling" } else { "disabled" },
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
        for row in &self.failing {
            let rounds = match row["failures"].as_u64() {
                Some(1) => "the last round".to_owned(),
                failures => format!("the last {} rounds", failures.unwrap_or_default()),
            };
            lines.push(format!(
                "  provider  {} failed in {rounds}, since {}: {}; the next one tries it again",
                text(row, "provider"),
                text(row, "since"),
                text(row, "reason"),
            ));
        }
        let mut before = String::new();
        for run in &self.runs {
            // Both may be: a reading that broke off holds whoever seems to have left.
            let mut why: Vec<&str> = [text(run, "reason"), text(run, "held_because")].to_vec();
            why.retain(|reason| !reason.is_empty());
            if let [reason, held] = why.as_slice()
                && held.contains(reason)
            {
                why = vec![held];
            }
            let why = why.join("; ");
            // What is wrong with a provider is wrong for all of its types.
            let said = if !why.is_empty() && why == before { "as above" } else { why.as_str() };
            lines.push(format!(
                "  run       {}  {} at {}{}: {}{}{}{said}",
                text(run, "started_at"),
                text(run, "resource_type"),
                text(run, "provider"),
                if text(run, "kind") == "sync" { String::new() } else { format!(" ({})", text(run, "kind")) },
                text(run, "outcome").replace('-', " "),
                figures(&run["summary"]),
                if why.is_empty() { "" } else { ": " },
            ));
            before = why;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcome: &str, reason: Option<&str>, held: Option<&str>, summary: Value) -> Value {
        json!({
            "kind": "sync", "provider": "acme", "resource_type": "User", "started_at": "2026-03-02T06:00:03Z",
            "outcome": outcome, "reason": reason, "held_because": held, "summary": summary,
        })
    }

    #[test]
    fn each_run_says_why_it_is_not_as_it_should_be() {
        let away = "there is no connection to it";
        let broke = "source `hr` could not be read past line 2: …";
        let resource = |disabling_deletes: bool| {
            json!({
                "provider": "acme", "resource_type": "User", "source": "hr", "active": 3, "disabled": 1,
                "disabling_deletes": disabling_deletes, "failed": 1,
            })
        };
        let mut by_hand = run("failed", Some("the record cannot be mapped"), None, Value::Null);
        by_hand["kind"] = "provision".into();
        let mut groups = run("not-begun", Some(away), None, Value::Null);
        groups["resource_type"] = "Group".into();
        let status = Status {
            tenant: "default".to_owned(),
            modules: Vec::new(),
            resources: vec![resource(false), resource(true)],
            quarantines: Vec::new(),
            failing: vec![
                json!({ "provider": "acme", "failures": 1, "since": "2026-03-02T06:00:03Z", "reason": away }),
                json!({ "provider": "globex", "failures": 2, "since": "2026-03-02T06:00:03Z", "reason": away }),
            ],
            runs: vec![
                groups,
                run("not-begun", Some(away), None, Value::Null),
                by_hand,
                run(
                    "failed",
                    Some(broke),
                    Some(&format!("not everybody was seen: {broke}")),
                    json!({ "held": 2 }),
                ),
                run("failed", Some(broke), None, json!({ "unchanged": 2 })),
                run("completed", None, Some("4 would go"), json!({ "unchanged": 2, "held": 4 })),
                run("completed", None, None, json!({ "created": 6 })),
                run("stopped", None, None, json!({ "created": 1 })),
                run("interrupted", None, None, Value::Null),
            ],
        };
        insta::assert_snapshot!(status.page());
    }
}
