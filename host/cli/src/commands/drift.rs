//! `drift`: what was changed at a provider behind our back, and with `--repair` brought back.

use super::calls::opened_for_reading;
use super::run::{open_state, said_once};
use super::whereabouts::look;
use super::{Misconfigured, classify, one_tenant, provider_config};
use crate::args::{Common, DriftArgs, Output};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules::Modules;
use crate::report::Reporter;
use crate::report::json;
use crate::signals;
use crate::terminal::{err, out};
use scimwright_provision::{
    DriftFinding, DriftOptions, DriftReport, Drifted, Event, Mode, Patience, ProvisionError, ResourceRules,
    StopSignal, drift, quarantine,
};
use scimwright_record::RecordKey;
use scimwright_state::LinkScope;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) async fn run(common: &Common, args: &DriftArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let (state, _scratch) = if args.repair {
        (open_state(common, &tenant).await?.tenant(&tenant.name), None)
    } else {
        opened_for_reading(common, &tenant).await?
    };
    let modules = Modules::loaded(assemble::mapping_host(&tenant)?, &tenant);
    let stop = StopSignal::new();
    signals::stop_on_signal(stop.clone());
    let options = DriftOptions { key: args.key.clone(), repair: args.repair, unlimited: args.yes, stop };
    let wanted: Vec<&ProviderConfig> = match &args.provider {
        Some(name) => vec![provider_config(&tenant, name)?],
        None => tenant.providers.iter().collect(),
    };
    let has_cut = AtomicBool::default();
    let screen =
        Screen { common, has_cut, reporter: Reporter::new(common, common.verbose.max(1), Mode::Sync) };
    let (mut total, mut exit, mut types) = (DriftReport::default(), Exit::Success, 0);
    for config in wanted {
        let wants = |rules: &ResourceRules| {
            args.resource_type.as_ref().is_none_or(|wanted| *wanted == rules.resource_type)
        };
        // Whoever names a provider wants it asked now.
        let patience = if args.provider.is_some() { Patience::TryNow } else { Patience::Wait };
        if let Err(error) = quarantine::admit(&state, &config.name, &config.access(), patience).await {
            exit = exit.or_graver(screen.failed(&anyhow::Error::new(error)));
            continue;
        }
        let provisioners = match assemble::provisioners(&tenant, config, wants, &modules, &state).await {
            Ok(provisioners) => provisioners,
            Err(error) => {
                exit = exit.or_graver(screen.failed(&error));
                continue;
            }
        };
        let findings = |scope: &LinkScope, finding: &DriftFinding| screen.finding(scope, finding);
        let events = |scope: &LinkScope, event: &Event| screen.event(scope, event);
        let mut said = Vec::new();
        for (scope, outcome) in drift(&provisioners, &options, &findings, &events).await {
            types += 1;
            match outcome {
                Ok(report) => {
                    screen.done(&scope, &report);
                    exit = exit.or_graver(judge(&report));
                    total.add(&report);
                }
                Err(ProvisionError::Stopped) => exit = Exit::Stopped,
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    let print = |text: &str| {
                        screen.reporter.error(&format!("nothing is known about {scope}: {text}"));
                    };
                    exit = exit.or_graver(said_once(&mut said, &error, print));
                }
            }
        }
    }
    if types == 0 && exit == Exit::Success {
        return Err(Misconfigured("nothing in the configuration matches".to_owned()).into());
    }
    if let Some(key) = args.key.as_ref().filter(|_| total.resources == 0 && exit == Exit::Success) {
        let text = nothing_to_compare(&tenant, args, key).await?;
        screen.reporter.error(&common.remedies().complete(&text));
        exit = Exit::RecordsFailed;
    }
    if screen.has_cut.load(Ordering::Relaxed) && common.output == Output::Human {
        err("note: long values and lists are cut short; `--output json` shows them whole");
    }
    if common.output == Output::Json {
        out(&json::with(json!({ "event": "summary", "exit_code": exit as u8 }), &total).to_string());
    }
    Ok(exit)
}

/// Why there is nothing to compare: only what is linked is.
async fn nothing_to_compare(tenant: &Tenant, args: &DriftArgs, key: &RecordKey) -> anyhow::Result<String> {
    let is_meant = |scope: &LinkScope| {
        args.provider.as_ref().is_none_or(|wanted| *wanted == scope.provider)
            && args.resource_type.as_ref().is_none_or(|wanted| *wanted == scope.resource_type)
    };
    let mut sentences: Vec<String> = Vec::new();
    for found in look(tenant, key).await?.iter().filter(|found| is_meant(&found.scope)) {
        let (_, sentence) = found.verdict();
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    let why = if sentences.is_empty() { "no source there has it".to_owned() } else { sentences.join("; ") };
    Ok(format!("record `{key}` has no resource that could be compared: {why}"))
}

/// Without a repair, drift is a difference; with one, what counts is what is left of it.
fn judge(report: &DriftReport) -> Exit {
    match &report.repair {
        None if report.drifted() > 0 => Exit::Different,
        None => Exit::Success,
        Some(repair) if repair.held > 0 => Exit::Held,
        Some(repair) if repair.failed > 0 => Exit::RecordsFailed,
        Some(_) => Exit::Success,
    }
}

struct Screen<'a> {
    common: &'a Common,
    /// Whether a value was not shown whole.
    has_cut: AtomicBool,
    reporter: Reporter,
}

impl Screen<'_> {
    fn finding(&self, scope: &LinkScope, finding: &DriftFinding) {
        if self.common.output == Output::Json {
            if let Ok(Value::Object(mut line)) = serde_json::to_value(finding) {
                line.insert("provider".to_owned(), scope.provider.as_str().into());
                line.insert("resource_type".to_owned(), scope.resource_type.as_str().into());
                out(&Value::Object(line).to_string());
            }
            return;
        }
        match finding {
            DriftFinding::Missing { key, resource_id } => {
                out(&format!(
                    "  missing    {key} ({resource_id}): somebody deleted it at {}",
                    scope.provider
                ));
            }
            DriftFinding::Changed { key, resource_id, attributes, active } => {
                let flip = match active {
                    Some(true) => ", active again",
                    Some(false) => ", made inactive",
                    None => "",
                };
                out(&format!("  changed    {key} ({resource_id}){flip}"));
                for drifted in attributes {
                    let (text, is_cut) = difference(drifted);
                    out(&format!("             {text}"));
                    self.has_cut.fetch_or(is_cut, Ordering::Relaxed);
                }
            }
            DriftFinding::Nobodys { resource_id, name } if self.common.verbose > 0 => {
                out(&format!("  nobody's   {resource_id} ({})", name.as_deref().unwrap_or("no name")));
            }
            DriftFinding::Nobodys { .. } => {}
        }
    }

    fn event(&self, scope: &LinkScope, event: &Event) {
        match (event, self.common.output) {
            (Event::Notice { message, .. }, Output::Human) => {
                err(&format!("note: {}", self.common.remedies().complete(message)));
            }
            (event, _) => self.reporter.event(scope, event),
        }
    }

    fn done(&self, scope: &LinkScope, report: &DriftReport) {
        if self.common.output == Output::Json {
            return;
        }
        let mut line = format!(
            "{scope}: {} resources, {} as they were left, {} changed ({} of them active or inactive), {} missing, {} \
             nobody's",
            report.resources, report.as_left, report.changed, report.flipped, report.missing, report.nobodys
        );
        if let Some(repair) = &report.repair {
            line.push_str(&format!(
                "; {} brought back, {} made anew, {} skipped, {} failed, {} held",
                repair.updated + repair.disabled,
                repair.created + repair.adopted,
                repair.skipped,
                repair.failed,
                repair.held
            ));
        }
        out(&line);
    }

    fn failed(&self, error: &anyhow::Error) -> Exit {
        self.reporter.error(&format!("{error:#}"));
        classify(error)
    }
}

/// How an attribute differs, in a line of its own, and whether something of it had to be left out. Of a list, what was
/// taken out of it and what was put into it.
fn difference(drifted: &Drifted) -> (String, bool) {
    let Drifted { path, sent, found } = drifted;
    if let (Value::Array(sent), Value::Array(found)) = (sent, found) {
        let lacking = |from: &[Value], other: &[Value]| -> Vec<Value> {
            from.iter()
                .filter(|item| !other.iter().any(|one| identity(one) == identity(item)))
                .cloned()
                .collect()
        };
        let (gone, new) = (lacking(sent, found), lacking(found, sent));
        let parts = [("gone", gone), ("new", new)];
        let parts: Vec<_> = parts.iter().filter(|(_, items)| !items.is_empty()).collect();
        if !parts.is_empty() {
            let listed = parts.iter().map(|(word, items)| {
                let (text, is_cut) = list(items);
                (format!("{} {word}: {text}", items.len()), is_cut)
            });
            let (texts, cuts): (Vec<_>, Vec<_>) = listed.unzip();
            return (format!("{path}: {}", texts.join("; ")), cuts.contains(&true));
        }
    }
    let ((sent, sent_is_cut), (found, found_is_cut)) = (shown(sent), shown(found));
    (format!("{path}: {sent} became {found}"), sent_is_cut || found_is_cut)
}

/// What an item of a list is known by.
fn identity(item: &Value) -> &Value {
    item.get("value").unwrap_or(item)
}

/// The first items of a list.
fn list(items: &[Value]) -> (String, bool) {
    const ITEMS: usize = 5;
    let (texts, cuts): (Vec<_>, Vec<_>) = items.iter().take(ITEMS).map(|item| shown(identity(item))).unzip();
    let more = items.len().saturating_sub(ITEMS);
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    (format!("{}{end}", texts.join(", ")), more > 0 || cuts.contains(&true))
}

/// A value in a line of its own, and whether it is cut short.
fn shown(value: &Value) -> (String, bool) {
    const WIDTH: usize = 60;
    if value.is_null() {
        return ("nothing".to_owned(), false);
    }
    let text = value.to_string();
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => (format!("{}…", text.get(..end).unwrap_or_default()), true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sent: Value, found: Value) -> (String, bool) {
        difference(&Drifted { path: "members".to_owned(), sent, found })
    }

    #[test]
    fn of_a_list_what_went_and_what_came_is_shown_and_what_is_left_out_is_counted() {
        let people = |from: usize, to: usize| -> Value {
            (from..to).map(|number| json!({ "value": format!("u{number}"), "type": "User" })).collect()
        };
        let (text, is_cut) = line(people(0, 100), people(2, 101));
        assert_eq!((text.as_str(), is_cut), (r#"members: 2 gone: "u0", "u1"; 1 new: "u100""#, false));
        let (text, is_cut) = line(people(0, 100), json!([]));
        let expected = r#"members: 100 gone: "u0", "u1", "u2", "u3", "u4" and 95 more"#;
        assert_eq!((text.as_str(), is_cut), (expected, true));
        let (text, is_cut) = line(people(0, 1), Value::Null);
        assert_eq!(
            (text.as_str(), is_cut),
            (r#"members: [{"value":"u0","type":"User"}] became nothing"#, false)
        );
        let (text, is_cut) = line(json!("x".repeat(100)), json!("y"));
        assert!(text.ends_with(r#"… became "y""#) && is_cut, "{text}");
    }
}
