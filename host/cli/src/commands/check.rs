//! `check`: everything that can be wrong, without changing anything.
//!
//! The configuration first, then modules, sources and providers. Nothing stops at the first mistake.

use super::tenants;
use crate::args::{CheckArgs, Common, Output};
use crate::assemble;
use crate::config::model::{ProviderConfig, SourceConfig, Tenant};
use crate::exit::Exit;
use crate::terminal::out;
use futures::StreamExt;
use scimwright_client::{FailureClass, Query};
use scimwright_mapping::MappingHost;
use scimwright_profile::{Deletion, Disabling};
use scimwright_provision::DeprovisionAction;
use scimwright_record::Row;
use scimwright_scim::{AttributeName, AttributePath};
use scimwright_state::StateStore;
use serde_json::json;
use std::collections::HashSet;

/// How many malformed rows are shown one by one.
const SHOWN: u64 = 5;

pub(super) async fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let mut report = Report { output: common.output, ok: 0, problems: 0, exit: Exit::Success };
    for tenant in tenants(common)? {
        report.ok("configuration", &format!("tenant {}", tenant.name), &tenant.folder.display().to_string());
        let host = assemble::mapping_host(&tenant)?;
        check_state(&tenant, &mut report).await;
        check_modules(&tenant, &host, &mut report);
        for source in &tenant.sources {
            check_source(source, &mut report).await;
        }
        for provider in &tenant.providers {
            check_provider(provider, args.offline, &mut report).await;
        }
    }
    report.finish();
    Ok(report.exit)
}

/// Opens the state as `plan` does: nothing is made, nothing is changed.
async fn check_state(tenant: &Tenant, report: &mut Report) {
    if !tenant.state.exists() {
        return;
    }
    let name = tenant.state.display().to_string();
    match StateStore::open_read_only(&tenant.state).await {
        Ok(_) => report.ok("state", &name, "can be read"),
        Err(error) => report.problem("state", &name, &error.to_string(), Exit::Failure),
    }
}

fn check_modules(tenant: &Tenant, host: &MappingHost, report: &mut Report) {
    let used_for_mapping: HashSet<_> = tenant
        .providers
        .iter()
        .flat_map(|provider| &provider.resources)
        .flat_map(|rules| &rules.modules)
        .collect();
    let used_for_defaults: HashSet<_> = tenant
        .providers
        .iter()
        .flat_map(|provider| &provider.resources)
        .flat_map(|rules| &rules.defaults)
        .collect();
    for config in &tenant.modules {
        let name = config.name.to_string();
        let module = match assemble::module(host, tenant, config) {
            Ok(module) => module,
            Err(error) => {
                report.problem("module", &name, &error.to_string(), Exit::Configuration);
                continue;
            }
        };
        if used_for_mapping.contains(&config.name) && !module.exports_mapping() {
            let message =
                "it is listed in `modules`, but does not export attribute-mapping; list it in `defaults`";
            report.problem("module", &name, message, Exit::Configuration);
        } else if used_for_defaults.contains(&config.name) && !module.exports_defaults() {
            let message =
                "it is listed in `defaults`, but does not export default-values; list it in `modules`";
            report.problem("module", &name, message, Exit::Configuration);
        } else {
            let manifest = module.manifest();
            report.ok(
                "module",
                &name,
                &format!("{} {}: {}", manifest.name, manifest.version, manifest.description),
            );
        }
    }
}

/// Reads the whole source: only that shows whether it can be read to its end.
async fn check_source(config: &SourceConfig, report: &mut Report) {
    let name = config.name.to_string();
    let source = assemble::source(config);
    let mut rows = match source.read().await {
        Ok(rows) => rows,
        Err(error) => return report.problem("source", &name, &error.to_string(), Exit::Unavailable),
    };
    let (mut records, mut malformed) = (0_u64, 0_u64);
    while let Some(row) = rows.next().await {
        match row {
            Ok(Row::Record(..)) => records += 1,
            Ok(Row::Malformed(row)) => {
                malformed += 1;
                if malformed <= SHOWN {
                    let message = format!("{}: {}", row.position, row.message);
                    report.problem("source", &name, &message, Exit::RecordsFailed);
                }
            }
            Err(error) => return report.problem("source", &name, &error.to_string(), Exit::Unavailable),
        }
    }
    if malformed > SHOWN {
        let message = format!("{} more rows are malformed", malformed - SHOWN);
        report.problem("source", &name, &message, Exit::RecordsFailed);
    }
    report.ok("source", &name, &format!("{records} records, {malformed} malformed rows"));
}

async fn check_provider(config: &ProviderConfig, offline: bool, report: &mut Report) {
    let name = config.name.to_string();
    note_harsh_ends(config, report);
    let target = match assemble::provider(config).await {
        Ok(target) => target,
        Err(error) => return report.problem("provider", &name, &format!("{error:#}"), Exit::Configuration),
    };
    if let Some(secret) = config.auth.fetched_later()
        && let Err(reason) = secret.fetch().await
    {
        return report.problem("provider", &name, &reason, Exit::Configuration);
    }
    if offline {
        return report.ok("provider", &name, "not contacted");
    }
    let discovery = match assemble::discover(&target).await {
        Ok(discovery) => discovery,
        Err(error) => {
            return report.problem("provider", &name, &format!("{error:#}"), Exit::Unavailable);
        }
    };
    for rules in &config.resources {
        let wanted = rules.resource_type.as_str();
        let Some(binding) = discovery.resource_type(wanted) else {
            let known: Vec<_> = discovery.resource_types.iter().map(|known| known.name.as_str()).collect();
            let message = format!("it has no resource type `{wanted}`; it has: {}", known.join(", "));
            report.problem("provider", &name, &message, Exit::Configuration);
            continue;
        };
        let disables = matches!(
            rules.deprovision.action,
            DeprovisionAction::Disable | DeprovisionAction::DisableThenDelete { .. }
        );
        if disables && binding.schemas.find(&AttributePath::new(AttributeName::ACTIVE)).is_none() {
            let message = format!(
                "a {wanted} there has no attribute `active`, so it cannot be disabled; set deprovision to \"delete\" \
                 or \"nothing\""
            );
            report.problem("provider", &name, &message, Exit::Configuration);
        }
        // Metadata is often open to everybody: only a resource shows whether the credentials are good.
        let query = Query { count: Some(1), ..Query::default() };
        if let Err(error) = target.client().query(&binding.resource_type, &query).await
            && error.kind.class() == FailureClass::Authentication
        {
            report.problem("provider", &name, &error.to_string(), Exit::Unavailable);
        }
        let written = rules.rows.iter().map(|row| row.target.path());
        for path in rules.matching.iter().cloned().chain(written) {
            if binding.schemas.find(&path).is_none() {
                let message = format!("a {wanted} there has no attribute `{path}`");
                report.problem("provider", &name, &message, Exit::Configuration);
            }
        }
    }
    for note in &discovery.notes {
        report.note("provider", &name, &note.to_string());
    }
    let types: Vec<_> = discovery.resource_types.iter().map(|known| known.name.as_str()).collect();
    let patch = if discovery.supports_patch() { "PATCH" } else { "no PATCH" };
    report.ok("provider", &name, &format!("answers; {}; {patch}", types.join(", ")));
}

/// Says where leaving the source ends an account in a harsher way than the setting sounds like.
fn note_harsh_ends(config: &ProviderConfig, report: &Report) {
    for rules in &config.resources {
        let quirks = config.profile.resource_quirks(rules.resource_type.as_str());
        use DeprovisionAction::{Delete, Disable, DisableThenDelete};
        let harm = match (rules.deprovision.action, quirks.disabling, quirks.deletion) {
            (Disable | DisableThenDelete { .. }, Disabling::Deletes, Deletion::Irreversible) => {
                "disabling deletes there, and what hangs on the resource does not come back"
            }
            (Disable | DisableThenDelete { .. }, Disabling::Deletes, _) => "disabling deletes there",
            (Delete | DisableThenDelete { .. }, _, Deletion::Irreversible) => {
                "what hangs on the resource does not come back when it is created again"
            }
            _ => continue,
        };
        let action = match rules.deprovision.action {
            Delete => "delete",
            DisableThenDelete { .. } => "disable-then-delete",
            _ => "disable",
        };
        let message = format!(
            "deprovision = \"{action}\" of a {}: by the profile `{}`, {harm}; \"nothing\" would keep it",
            rules.resource_type,
            config.profile.name()
        );
        report.note("provider", config.name.as_str(), &message);
    }
}

/// Prints findings and counts them.
struct Report {
    output: Output,
    ok: u64,
    problems: u64,
    exit: Exit,
}

impl Report {
    fn ok(&mut self, what: &str, name: &str, detail: &str) {
        self.ok += 1;
        self.print("ok", what, name, detail);
    }

    fn note(&self, what: &str, name: &str, detail: &str) {
        self.print("note", what, name, detail);
    }

    fn problem(&mut self, what: &str, name: &str, detail: &str, exit: Exit) {
        self.problems += 1;
        self.exit = self.exit.or_graver(exit);
        self.print("problem", what, name, detail);
    }

    fn print(&self, status: &str, what: &str, name: &str, detail: &str) {
        match self.output {
            Output::Human => out(&format!("{status:<8} {what} {name}: {detail}")),
            Output::Json => {
                let line = json!({ "event": "check", "status": status, "what": what, "name": name, "detail": detail });
                out(&line.to_string());
            }
        }
    }

    fn finish(&self) {
        match self.output {
            Output::Human if self.problems == 0 => out("Everything is in order."),
            Output::Human => out(&format!("{} to correct.", count(self.problems, "problem"))),
            Output::Json => {
                out(&json!({ "event": "summary", "ok": self.ok, "problems": self.problems }).to_string());
            }
        }
    }
}

fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
