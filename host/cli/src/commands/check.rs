//! `check`: everything that can be wrong, without changing anything.
//!
//! The configuration first, then modules, sources and providers. Nothing stops at the first mistake.

use super::leftovers::leftovers;
use super::tenants;
use crate::args::{CheckArgs, Common, Output};
use crate::assemble;
use crate::config::model::{ModuleConfig, ProviderConfig, SourceConfig, Tenant, references};
use crate::config::reader::nearest;
use crate::exit::Exit;
use crate::report::remedy::Remedies;
use crate::terminal::out;
use futures::StreamExt;
use scimwright_author::Redaction;
use scimwright_client::{FailureClass, MatchKey, Query};
use scimwright_mapping::{LoadError, LoadFailure, Manifest, MappingHost, ModuleId, Reads};
use scimwright_profile::{Deletion, Disabling};
use scimwright_provision::{DeprovisionAction, ResourceRules, RowValue, quarantine};
use scimwright_record::{ModuleName, RecordLookup, Row, SourceName};
use scimwright_scim::{AttributeName, AttributePath, DataType};
use scimwright_state::{StateError, StateStore, TenantState};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many malformed rows are shown one by one.
const SHOWN: u64 = 5;

/// How many names of fields are kept of a source whose records need not all have the same.
const FIELDS: usize = 1_000;

pub(super) async fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let tenants = tenants(common)?;
    let (output, remedies) = (common.output, common.remedies());
    let mut report = Report { output, remedies, ok: 0, problems: 0, exit: Exit::Success };
    let how_many = tenants.len();
    for tenant in tenants {
        report.remedies = common.remedies_for(&tenant.name, how_many);
        report.ok("configuration", &format!("tenant {}", tenant.name), &tenant.folder.display().to_string());
        let host = assemble::mapping_host(&tenant)?;
        let state = check_state(&tenant, &mut report).await;
        check_modules(&tenant, &host, &mut report);
        let mut columns = HashMap::new();
        for source in &tenant.sources {
            columns.insert(source.name.clone(), check_source(source, &mut report).await);
            // A membership table, or one that is only looked up in, may have a key as often as it likes.
            let mut resources = tenant.providers.iter().flat_map(|provider| &provider.resources);
            if resources.any(|rules| rules.source == source.name) {
                check_keys(source, &mut report).await;
            }
        }
        check_fields(&tenant, &columns, &mut report);
        for provider in &tenant.providers {
            check_provider(provider, state.as_ref(), args.offline, &mut report).await;
        }
    }
    report.finish();
    Ok(report.exit)
}

/// Opens the state as `plan` does: nothing is made, nothing is changed.
async fn check_state(tenant: &Tenant, report: &mut Report) -> Option<TenantState> {
    let name = tenant.state.display().to_string();
    if let Some(loss) = StateStore::loss(&tenant.state) {
        report.note("state", &name, &loss);
    }
    if !tenant.has_state() {
        return None;
    }
    match StateStore::open_read_only(&tenant.state).await {
        Ok(store) => {
            report.ok("state", &name, "can be read");
            let state = store.tenant(&tenant.name);
            if let Err(error) = check_quarantines(tenant, &state, report).await {
                report.problem("state", &name, &error.to_string(), Exit::Failure);
            }
            match leftovers(tenant, &state).await {
                Ok(sentences) => sentences.iter().for_each(|text| report.note("links", "left over", text)),
                Err(error) => report.problem("state", &name, &error.to_string(), Exit::Failure),
            }
            Some(state)
        }
        Err(error) => {
            report.problem("state", &name, &error.to_string(), Exit::Failure);
            None
        }
    }
}

/// Names what is left alone for a while. That is no mistake of the configuration's.
async fn check_quarantines(
    tenant: &Tenant,
    state: &TenantState,
    report: &mut Report,
) -> Result<(), StateError> {
    let now = jiff::Timestamp::now();
    for (provider, shut) in state.provider_quarantines().await? {
        let access = tenant.provider(&provider).map(ProviderConfig::access);
        if access.is_some_and(|access| quarantine::is_shut(&shut, &access, now)) {
            let text = format!("is in quarantine until {}: {}", shut.until, shut.reason);
            report.note("provider", provider.as_str(), &text);
        }
    }
    for module in state.quarantines().await?.into_iter().filter(|module| module.until > now) {
        let text = format!("is in quarantine until {}: {}", module.until, module.reason);
        report.note("module", module.module.as_str(), &text);
    }
    Ok(())
}

fn check_modules(tenant: &Tenant, host: &MappingHost, report: &mut Report) {
    let lookups = assemble::lookups(tenant);
    let mut written = HashMap::new();
    let mut manifests = HashMap::new();
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
    let used_for_rows: HashSet<_> = tenant
        .providers
        .iter()
        .flat_map(|provider| &provider.resources)
        .flat_map(ResourceRules::scripts)
        .collect();
    for config in &tenant.modules {
        let name = config.name.to_string();
        let module = match assemble::module(host, tenant, config, &lookups) {
            Ok(module) => module,
            Err(error) => {
                for message in load_problems(tenant, host, config, &error) {
                    report.problem("module", &name, &message, Exit::Configuration);
                }
                continue;
            }
        };
        written.insert(config.name.clone(), module.manifest().writes.clone());
        manifests.insert(config.name.clone(), module.manifest().clone());
        config.cut.iter().for_each(|cut| report.note("module", &name, cut));
        if used_for_rows.contains(&&config.name) && !module.exports_mapping() {
            let message = "rows take from it, but it does not export attribute-mapping";
            report.problem("module", &name, message, Exit::Configuration);
        } else if used_for_mapping.contains(&config.name) && !module.exports_mapping() {
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
    check_recording(tenant, &manifests, report);
    check_rows(tenant, host, &lookups, &written, report);
}

/// Looks for names in `[recording]` that nothing has: what a misspelt one was to keep out would be written down.
fn check_recording(tenant: &Tenant, manifests: &HashMap<ModuleName, Manifest>, report: &mut Report) {
    let Some(recording) = &tenant.recording else { return };
    for name in recording.modules.iter().filter(|name| tenant.module(name).is_none()) {
        let meant = nearest(name.as_str(), tenant.modules.iter().map(|module| module.name.as_str()));
        let message = format!("`modules` names `{name}`, which no resource uses{}", did_you_mean(meant));
        report.problem("recording", name.as_str(), &message, Exit::Configuration);
    }
    let redaction = Redaction { mask: recording.mask.clone(), drop: recording.drop.clone() };
    let recorded: Vec<_> = recording.modules.iter().filter_map(|name| manifests.get(name)).collect();
    // What one of them reads, or may look up, is known.
    let Some((first, rest)) = recorded.split_first() else { return };
    for name in redaction.unknown(first) {
        if rest.iter().all(|manifest| redaction.unknown(manifest).contains(&name)) {
            let fields = recorded.iter().flat_map(|manifest| match &manifest.reads {
                Reads::Fields(fields) => fields.as_slice(),
                Reads::All => &[],
            });
            let meant = nearest(name, fields.map(String::as_str));
            let message =
                format!("it masks or drops `{name}`, which no recorded module reads{}", did_you_mean(meant));
            report.problem("recording", name, &message, Exit::Configuration);
        }
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Builds and loads the scripts in rows, and looks for rows that take what their module never gives.
fn check_rows(
    tenant: &Tenant,
    host: &MappingHost,
    lookups: &Arc<dyn RecordLookup>,
    written: &HashMap<ModuleName, Vec<AttributePath>>,
    report: &mut Report,
) {
    for provider in &tenant.providers {
        for inline in &provider.inline {
            let name = format!("{} at {}", inline.resource_type, provider.name);
            match assemble::inline_module(host, tenant, inline, lookups) {
                Ok(_) => {
                    let detail = count(inline.scripts.len() as u64, "script");
                    report.ok("rows", &name, &format!("{detail} can be run"));
                }
                Err(error) => report.problem("rows", &name, &error.to_string(), Exit::Configuration),
            }
        }
        for rules in &provider.resources {
            for row in &rules.rows {
                let RowValue::Script { module, attribute } = &row.value else { continue };
                let Some(writes) = written.get(module) else { continue };
                if writes.iter().any(|known| known.same_attribute(attribute)) {
                    continue;
                }
                let known: Vec<_> = writes.iter().map(ToString::to_string).collect();
                let message = format!(
                    "the row `{}` takes `{attribute}` from module `{module}`, which does not write it; it writes: {}",
                    row.target,
                    known.join(", ")
                );
                let name = format!("{} at {}", rules.resource_type, provider.name);
                report.problem("rows", &name, &message, Exit::Configuration);
            }
        }
    }
}

/// Why a module cannot be loaded; each mistake in its settings on its own, with the place in the file.
fn load_problems(
    tenant: &Tenant,
    host: &MappingHost,
    config: &ModuleConfig,
    error: &LoadError,
) -> Vec<String> {
    let LoadFailure::Settings { .. } = error.failure else { return vec![error.to_string()] };
    let id = ModuleId { tenant: tenant.name.clone(), name: config.name.clone() };
    let Ok(module) = host.inspect(id, &assemble::module_path(tenant, &config.name), config.limits) else {
        return vec![error.to_string()];
    };
    let names = || module.settings.iter().map(|setting| setting.name.as_str());
    let placed = |setting: &str, message: String| match config.place_of(setting) {
        Some(place) => format!("{place}: {message}"),
        None => message,
    };
    let unknown = config.settings.iter().filter(|(name, _)| !names().any(|known| known == name));
    let unknown = unknown.map(|(name, _)| {
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match names().collect::<Vec<_>>() {
                known if known.is_empty() => "it accepts none".to_owned(),
                known => format!("it accepts: {}", known.join(", ")),
            },
        };
        placed(name, format!("the module has no setting `{name}`; {help}"))
    });
    let is_given = |wanted: &str| config.settings.iter().any(|(name, _)| name == wanted);
    let missing = module.settings.iter().filter(|setting| setting.required && !is_given(&setting.name));
    let missing = missing.map(|setting| {
        let (name, description) = (&setting.name, setting.description.trim_end_matches('.'));
        placed(name, format!("the module needs the setting `{name}`: {description}"))
    });
    unknown.chain(missing).collect()
}

/// Reads the whole source: only that shows whether it can be read to its end. Returns the columns of its records.
async fn check_source(config: &SourceConfig, report: &mut Report) -> Vec<String> {
    let name = config.name.to_string();
    let source = assemble::source(config);
    // Where it tells what changed, that is tried too: it yields everything the first time.
    let mut rows = match source.read_changed(None).await {
        Ok(changed) => changed.rows,
        Err(error) => {
            report.problem("source", &name, &error.to_string(), Exit::Unavailable);
            return Vec::new();
        }
    };
    let mut columns = Vec::new();
    let (mut records, mut malformed) = (0_u64, 0_u64);
    while let Some(row) = rows.next().await {
        match row {
            Ok(Row::Record(_, record)) => {
                if records == 0 || !config.has_columns() {
                    let new = record.fields().iter().map(|field| &field.name);
                    let new =
                        new.filter(|name| !columns.contains(*name)).take(FIELDS - columns.len().min(FIELDS));
                    columns.extend(new.cloned().collect::<Vec<_>>());
                }
                records += 1;
            }
            Ok(Row::Malformed(row)) => {
                malformed += 1;
                if malformed <= SHOWN {
                    let message = format!("{}: {}", row.position, row.message);
                    report.problem("source", &name, &message, Exit::RecordsFailed);
                }
            }
            Err(error) => {
                report.problem("source", &name, &error.to_string(), Exit::Unavailable);
                return columns;
            }
        }
    }
    if malformed > SHOWN {
        let message = format!("{} more rows are malformed", malformed - SHOWN);
        report.problem("source", &name, &message, Exit::RecordsFailed);
    }
    let changes = source.change_column().map(|column| format!(", changes by `{column}`")).unwrap_or_default();
    report.ok("source", &name, &format!("{records} records, {malformed} malformed rows{changes}"));
    columns
}

/// Names keys that several rows have, where the source can tell: a sync leaves such rows out. What keeps it from being
/// read was said before.
async fn check_keys(config: &SourceConfig, report: &mut Report) {
    let Ok(Some(mut keys)) = assemble::source(config).repeated_keys().await else { return };
    if keys.is_empty() {
        return;
    }
    keys.sort();
    let shown: Vec<_> = keys.iter().take(SHOWN as usize).map(|key| format!("`{key}`")).collect();
    let more = match keys.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message =
        format!("several rows have the key {}{more}; every row needs a key of its own", shown.join(", "));
    report.problem("source", config.name.as_str(), &message, Exit::RecordsFailed);
}

/// Looks for rows that read a field which no record has; every record would fail for it. Where records need not have
/// the same fields, only what every row of a membership table has to have is a mistake for sure.
fn check_fields(tenant: &Tenant, columns: &HashMap<SourceName, Vec<String>>, report: &mut Report) {
    let references = references(&tenant.sources);
    for provider in &tenant.providers {
        for rules in &provider.resources {
            let name = format!("{} at {}", rules.resource_type, provider.name);
            let scope = rules.scope.fields().into_iter().map(|(key, field)| (key, field, &rules.source));
            let members = rules.members.iter().flat_map(|members| {
                members.fields().into_iter().map(|(key, field)| (key, field.to_owned(), &members.source))
            });
            for (key, field, source) in scope.chain(members) {
                let Some(known) = columns.get(source).filter(|known| !known.is_empty()) else { continue };
                let is_filter = matches!(key, "scope" | "left");
                let is_there =
                    |column: &String| *column == field || (is_filter && column.eq_ignore_ascii_case(&field));
                if !known.iter().any(is_there) {
                    let help = help_with(&field, known);
                    let has_columns = tenant.source(source).is_some_and(SourceConfig::has_columns);
                    if has_columns || matches!(key, "members.group" | "members.member") {
                        let message =
                            format!("`{key}` names `{field}`, which source `{source}` does not have; {help}");
                        report.problem("rows", &name, &message, Exit::Configuration);
                    } else if known.len() < FIELDS {
                        let message = format!(
                            "`{key}` names `{field}`, which no record of source `{source}` has; {help}"
                        );
                        report.note("rows", &name, &message);
                    }
                }
            }
            for (row, field) in rules.rows.iter().filter_map(|row| Some((row, row.field()?))) {
                // A path too far was refused when the configuration was read.
                let Ok(walk) = references.walk(&rules.source, field) else { continue };
                let steps: Vec<_> = match &walk {
                    Some(walk) => walk.steps(&rules.source).collect(),
                    None => vec![(&rules.source, field)],
                };
                for (source, field) in steps {
                    if !tenant.source(source).is_some_and(SourceConfig::has_columns) {
                        continue;
                    }
                    let Some(known) = columns.get(source).filter(|known| !known.is_empty()) else { continue };
                    if known.iter().any(|column| column == field) {
                        continue;
                    }
                    let help = help_with(field, known);
                    let message = format!(
                        "the row `{}` reads `{field}`, which source `{source}` does not have; {help}",
                        row.target
                    );
                    report.problem("rows", &name, &message, Exit::Configuration);
                }
            }
        }
    }
}

/// What there is in place of a field that is not there.
fn help_with(field: &str, known: &[String]) -> String {
    match nearest(field, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has: {}", known.join(", ")),
    }
}

async fn check_provider(
    config: &ProviderConfig,
    state: Option<&TenantState>,
    offline: bool,
    report: &mut Report,
) {
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
        if let Err(error) = assemble::member_types(config, &binding, rules, state).await {
            report.problem("provider", &name, &format!("{error:#}"), Exit::Configuration);
        }
        // Metadata is often open to everybody: only a resource shows whether the credentials are good.
        let query = Query { count: Some(1), ..Query::default() };
        if let Err(error) = target.client().query(&binding.resource_type, &query).await
            && error.kind.class() == FailureClass::Authentication
        {
            report.problem("provider", &name, &error.to_string(), Exit::Unavailable);
        }
        for key in rules.matching.iter() {
            let is_boolean = |path| {
                let found = binding.schemas.find(path);
                found.is_some_and(|attribute| attribute.data_type == DataType::Boolean)
            };
            if key.paths().iter().all(is_boolean) {
                let message = format!(
                    "`match` of {wanted} has {key}, which is true or false: many resources have the same, and it tells \
                     none from the others"
                );
                report.note("provider", &name, &message);
            }
        }
        let written = rules.rows.iter().map(|row| row.target.path());
        for path in rules.matching.iter().flat_map(MatchKey::paths).cloned().chain(written) {
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
    remedies: Remedies,
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
        let detail = self.remedies.complete(detail);
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
