//! `status KEY`: why is this person not there? One answer for each provider and resource type that may have them.

use super::log::{human_row, json_row};
use super::run::warn_of_loss;
use super::status::{run_row, unusable};
use super::tenants;
use crate::args::{Common, Output};
use crate::assemble;
use crate::config::model::Tenant;
use crate::exit::Exit;
use crate::report::columns::columns;
use crate::terminal::out;
use scimwright_provision::{Presence, Prospect, Standstill, Whereabouts, whereabouts};
use scimwright_record::{RecordKey, RecordSource};
use scimwright_state::{LinkScope, StateStore};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn run(common: &Common, key: &RecordKey) -> anyhow::Result<Exit> {
    let mut answers = 0;
    let tenants = tenants(common)?;
    for tenant in &tenants {
        let remedies = common.remedies_for(&tenant.name, tenants.len());
        warn_of_loss(common, tenant, tenants.len());
        for found in look(tenant, key).await? {
            answers += 1;
            match common.output {
                Output::Human => out(&remedies.complete(&page(&found))),
                Output::Json => {
                    out(&remedies.complete_json(json_line(tenant, &found)).to_string());
                }
            }
        }
    }
    if common.output == Output::Json {
        out(&json!({ "event": "summary", "key": key, "places": answers }).to_string());
    } else if answers == 0 {
        out("Nothing is provisioned anywhere; the configuration has no [[provider.NAME.resource]].");
    }
    Ok(Exit::Success)
}

/// Everywhere a record may be: what is configured, and what is remembered. Resource types whose source does not have
/// the record, and that never knew it, are left out as long as there is any other.
pub(super) async fn look(tenant: &Tenant, key: &RecordKey) -> anyhow::Result<Vec<Whereabouts>> {
    let state = StateStore::open_read_only(&tenant.state).await?.tenant(&tenant.name);
    let unusable = unusable(tenant, &state).await?;
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for provider in &tenant.providers {
        let access = provider.access();
        for rules in &provider.resources {
            let scope =
                LinkScope { provider: provider.name.clone(), resource_type: rules.resource_type.clone() };
            let source = tenant.source(&rules.source).map(assemble::source);
            let configured = source.as_ref().map(|source: &Arc<dyn RecordSource>| (rules, source.as_ref()));
            found.push(whereabouts(&state, &scope, configured, Some(&access), &unusable, key).await?);
            seen.push(scope);
        }
    }
    for scope in state.scopes_of(key).await? {
        if !seen.contains(&scope) {
            found.push(whereabouts(&state, &scope, None, None, &[], key).await?);
        }
    }
    if StateStore::loss(&tenant.state).is_some() {
        found.iter_mut().for_each(|found| found.lost = true);
    }
    let is_strange = |found: &Whereabouts| found.verdict().0 == Standstill::Unknown && found.log.is_empty();
    if found.iter().any(|found| !is_strange(found)) {
        found.retain(|found| !is_strange(found));
    }
    Ok(found)
}

fn page(found: &Whereabouts) -> String {
    let (_, verdict) = found.verdict();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, text: String| rows.push(vec![format!("  {name}"), text]);
    row("resource type", format!("{} at {}", found.scope.resource_type, found.scope.provider));
    row("source", presence(found));
    match &found.link {
        Some(link) => row(
            "link",
            format!(
                "{} since {}, {}, {}; last changed {} by run {}",
                link.resource_id, link.created_at, link.ownership, link.standing, link.updated_at, link.run
            ),
        ),
        None => row("link", "none".to_owned()),
    }
    if let Some(setback) = &found.setback {
        let next = setback.next_try.map(|next| format!(", next try {next}")).unwrap_or_default();
        let text = match setback.kind.is_failure() {
            true => format!(
                "{}, {} times since {}, last {}{next}: {}",
                setback.kind, setback.attempts, setback.since, setback.last, setback.reason
            ),
            false => format!("{} since {}: {}", setback.kind, setback.since, setback.reason),
        };
        row("setback", text);
    }
    if let Some(intent) = &found.intent {
        row("unsettled", format!("{} begun {} by run {}", intent.operation, intent.written_at, intent.run));
    }
    if let Some(quarantine) = &found.quarantine {
        row("provider", format!("in quarantine until {}: {}", quarantine.until, quarantine.reason));
    }
    for module in &found.modules {
        row(
            "module",
            format!("{} is in quarantine until {}: {}", module.module, module.until, module.reason),
        );
    }
    for (module, reason) in &found.unusable {
        row("module", format!("{module} cannot be used: {reason}"));
    }
    if !found.claimants.is_empty() {
        let keys: Vec<&str> = found.claimants.iter().map(RecordKey::as_str).collect();
        row("claimed by", keys.join(", "));
    }
    let mut lines = vec![verdict, columns(&rows)];
    if !found.log.is_empty() {
        lines.push("  last calls".to_owned());
    }
    lines.extend(found.log.iter().map(|row| format!("    {}", human_row(row))));
    lines.join("\n")
}

fn presence(found: &Whereabouts) -> String {
    let source = found.source.as_ref().map_or("?", |source| source.as_str());
    match &found.presence {
        Presence::Counts => format!("{source} has the record, and it is in scope"),
        Presence::OutOfScope(reason) => format!("{source} has the record: {reason}"),
        Presence::Unusable(reason) => format!("{source} has the record, which cannot be used: {reason}"),
        Presence::Absent => format!("{source} has no such record"),
        Presence::Unreadable(reason) => reason.clone(),
        Presence::NotConfigured => "no longer configured".to_owned(),
    }
}

fn json_line(tenant: &Tenant, found: &Whereabouts) -> Value {
    let (standstill, sentence) = found.verdict();
    let (presence, reason) = match &found.presence {
        Presence::Counts => ("in-scope", None),
        Presence::OutOfScope(reason) => ("out-of-scope", Some(reason)),
        Presence::Unusable(reason) => ("unusable", Some(reason)),
        Presence::Absent => ("absent", None),
        Presence::Unreadable(reason) => ("unreadable", Some(reason)),
        Presence::NotConfigured => ("not-configured", None),
    };
    let link = found.link.as_ref().map(|link| {
        json!({
            "resource_id": link.resource_id, "ownership": link.ownership.as_str(),
            "standing": link.standing.as_str(), "created_at": link.created_at.to_string(),
            "updated_at": link.updated_at.to_string(), "run": link.run,
            "due_at": link.due_at.map(|due| due.to_string()),
        })
    });
    let setback = found.setback.as_ref().map(|setback| {
        json!({
            "kind": setback.kind.as_str(), "reason": setback.reason, "attempts": setback.attempts,
            "since": setback.since.to_string(), "last": setback.last.to_string(),
            "next_try": setback.next_try.map(|next| next.to_string()), "run": setback.run,
        })
    });
    let intent = found.intent.as_ref().map(|intent| {
        json!({
            "operation": intent.operation.as_str(), "run": intent.run, "written_at": intent.written_at.to_string(),
        })
    });
    json!({
        "event": "whereabouts", "tenant": tenant.name, "key": found.key, "provider": found.scope.provider,
        "resource_type": found.scope.resource_type, "verdict": standstill.as_str(), "sentence": sentence,
        "source": found.source, "record": presence, "record_reason": reason, "link": link, "setback": setback,
        "intent": intent, "provider_quarantine": found.quarantine, "module_quarantines": found.modules,
        "unusable_modules": found.unusable.iter().map(|(module, reason)| json!({ "module": module, "reason": reason })).collect::<Vec<_>>(),
        "state_lost": found.lost, "claimed_by": found.claimants, "last_run": found.runs.first().map(run_row),
        "if_it_left": found.prospect.map(Prospect::as_str),
        "full_cycle_at": found.full_cycle_at.map(|at| at.to_string()),
        "calls": found.log.iter().map(json_row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use scimwright_scim::{Desired, Resource};
    use scimwright_state::{
        Link, Ownership, Run, RunEnd, RunId, RunKind, RunOutcome, RunProgress, RunReport, Standing,
    };

    /// Of somebody who left, two claim the resource, or the last sync held it; and of somebody who was never there, because
    /// a module is missing.
    #[test]
    fn a_page_shows_what_the_sentence_rests_on() {
        let moment: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let run = RunId::parse("01950000-0000-7000-8000-000000000000").unwrap();
        let scope = LinkScope { provider: "acme".parse().unwrap(), resource_type: "User".parse().unwrap() };
        let report =
            RunReport::new(RunOutcome::Completed, Value::Null).holding(Some("4 would go".to_owned()));
        let progress = RunProgress::Ended(RunEnd { at: moment, report });
        let last = Run { id: run, kind: RunKind::Sync, scope: scope.clone(), started_at: moment, progress };
        let link = Link {
            key: "E1".parse().unwrap(),
            resource_id: "r1".into(),
            ownership: Ownership::Created,
            standing: Standing::Active,
            sent: Desired::new(),
            seen: Resource::new(),
            version: None,
            created_at: moment,
            updated_at: moment,
            run,
            fingerprint: None,
            due_at: None,
        };
        let left = Whereabouts {
            key: "E1".parse().unwrap(),
            scope,
            source: Some("hr".parse().unwrap()),
            prospect: Some(Prospect::Disable),
            asks_for_changes: false,
            presence: Presence::Absent,
            link: Some(link),
            setback: None,
            intent: None,
            quarantine: None,
            modules: Vec::new(),
            unusable: Vec::new(),
            claimants: Vec::new(),
            runs: vec![last],
            disabling_deletes: false,
            lost: false,
            log: Vec::new(),
            full_cycle_at: Some(moment),
        };
        let contested = Whereabouts {
            prospect: Some(Prospect::Contested),
            claimants: vec!["N1".parse().unwrap(), "N2".parse().unwrap()],
            ..left.clone()
        };
        let missing = Whereabouts {
            link: None,
            presence: Presence::Counts,
            unusable: vec![("corp-user".parse().unwrap(), "there is no file corp-user.wasm".to_owned())],
            ..left.clone()
        };
        insta::assert_snapshot!([left, contested, missing].map(|found| page(&found)).join("\n\n"));
    }
}
