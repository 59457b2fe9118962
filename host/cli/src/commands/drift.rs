//! `drift`: what was changed at a provider behind our back, and with `--repair` brought back.

use super::calls::opened_for_reading;
use super::run::{open_state, said_once};
use super::{Misconfigured, classify, one_tenant, provider_config};
use crate::args::{Common, DriftArgs, Output};
use crate::assemble;
use crate::config::model::ProviderConfig;
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
use scimwright_state::LinkScope;
use serde_json::{Value, json};

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
    let screen = Screen { common, reporter: Reporter::new(common, common.verbose.max(1), Mode::Sync) };
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
    if common.output == Output::Json {
        out(&json::with(json!({ "event": "summary", "exit_code": exit as u8 }), &total).to_string());
    }
    Ok(exit)
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
                for Drifted { path, sent, found } in attributes {
                    out(&format!("             {path}: {} became {}", shown(sent), shown(found)));
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

/// A value in a line of its own.
fn shown(value: &Value) -> String {
    const WIDTH: usize = 60;
    if value.is_null() {
        return "nothing".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
