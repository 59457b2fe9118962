//! `apply`: carries out a plan, where everything is as it was when the plan was made.

use super::run::{judge, open_state, said_once};
use super::{classify, one_tenant};
use crate::args::{ApplyArgs, Common};
use crate::assemble;
use crate::config::digest;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules::Modules;
use crate::report::Reporter;
use crate::signals;
use scimwright_provision::{
    Basis, Event, Mode, Patience, Plan, Progress, ProvisionError, Provisioner, RunOptions, StopSignal,
    Summary, apply_plan, quarantine, source_print,
};
use scimwright_state::{Action, LinkScope, Run, RunKind, RunProgress, TenantState};
use std::path::Path;
use std::time::Instant;

/// How many runs are looked through for who changed the links.
const RUNS: u32 = 1_000;

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotApplied(String);

pub(super) async fn run(common: &Common, args: &ApplyArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let plan = Plan::open(&args.file)?;
    let whose = &plan.header.tenant;
    if *whose != tenant.name {
        let reason = format!("the plan was made for tenant `{whose}`, and this is `{}`", tenant.name);
        return Err(NotApplied(reason).into());
    }
    let folder = tenant.state.parent().unwrap_or(Path::new("."));
    let store = open_state(common, &tenant).await?;
    let state = store.tenant(&tenant.name);
    let progress = Progress::open(&folder.join("plans"), plan.digest())?;
    if let Some(at) = progress.finished_at() {
        let reason = format!(
            "this plan was carried out already, at {at}; `scimwright log` shows what was done, and `scimwright plan` \
             what is left to do"
        );
        return Err(NotApplied(reason).into());
    }
    let modules = Modules::loaded(assemble::mapping_host(&tenant)?, &tenant);
    let provisioners = provisioners(&tenant, &plan, &modules, &state).await?;
    let changes = changes(&tenant, &plan, &progress, &provisioners, &state).await?;
    if !changes.is_empty() {
        let changes: String = changes.iter().map(|change| format!("\n  - {change}")).collect();
        let reason = match progress.begun_at() {
            None => format!(
                "the plan is out of date, and nothing was changed:{changes}\nmake a new one with `scimwright plan`"
            ),
            Some(begun_at) => format!(
                "the plan is out of date, and nothing more was changed:{changes}\nit was begun at {begun_at} and not \
                 carried out to its end; {}. That is so now, and `scimwright log` has every call; make a new plan for \
                 the rest with `scimwright plan`",
                done_before(&progress, &state).await?
            ),
        };
        return Err(NotApplied(reason).into());
    }
    let stop = StopSignal::new();
    signals::stop_on_signal(stop.clone());
    let options = RunOptions { stop, ..RunOptions::default() };
    let reporter = Reporter::new(common, common.verbose, Mode::Apply);
    Ok(carry_out(&tenant, &plan, &provisioners, &progress, &options, &reporter).await)
}

/// What earlier calls of this plan have done.
async fn done_before(progress: &Progress, state: &TenantState) -> anyhow::Result<String> {
    let mut done: Vec<(Action, u64)> = Vec::new();
    for run in progress.runs() {
        for (action, calls) in state.calls_of(run).await? {
            match done.iter_mut().find(|(known, _)| *known == action) {
                Some((_, total)) => *total += calls,
                None => done.push((action, calls)),
            }
        }
    }
    let done: Vec<String> = done.iter().map(|(action, calls)| format!("{calls} {action}")).collect();
    Ok(match done.as_slice() {
        [] => "until then nothing had been done".to_owned(),
        done => format!("these calls had been made by then: {}", done.join(", ")),
    })
}

/// The provisioners that the plan was made with. A provider that cannot be reached ends it before anything is done.
async fn provisioners(
    tenant: &Tenant,
    plan: &Plan,
    modules: &Modules,
    state: &TenantState,
) -> anyhow::Result<Vec<Provisioner>> {
    let mut all = Vec::new();
    for provider in
        tenant.providers.iter().filter(|provider| plan.basis.providers.contains_key(&provider.name))
    {
        quarantine::admit(state, &provider.name, &provider.access(), Patience::Wait).await?;
        let wanted = |rules: &scimwright_provision::ResourceRules| {
            plan.header.resource_type.as_ref().is_none_or(|wanted| *wanted == rules.resource_type)
        };
        match assemble::provisioners(tenant, provider, wanted, modules, state).await {
            Ok(provisioners) => all.extend(provisioners),
            Err(error) => {
                let reason = format!("{error:#}");
                for scope in plan.scopes().iter().filter(|scope| scope.provider == provider.name) {
                    state.note_unbegun(RunKind::Apply, scope, &reason).await?;
                }
                return Err(error);
            }
        }
    }
    Ok(all)
}

/// What is not as it was when the plan was made.
async fn changes(
    tenant: &Tenant,
    plan: &Plan,
    progress: &Progress,
    provisioners: &[Provisioner],
    state: &TenantState,
) -> anyhow::Result<Vec<String>> {
    let mut now = Basis { configuration: digest::parts(tenant)?, ..Basis::default() };
    for name in plan.basis.sources.keys() {
        if let Some(config) = tenant.source(name) {
            let source = assemble::source(config);
            let print = source_print(source.as_ref()).await.map_err(ProvisionError::Source)?;
            now.sources.insert(name.clone(), print);
        }
    }
    for provider in plan.basis.providers.keys() {
        now.look(provisioners.iter().filter(|provisioner| provisioner.provider == *provider)).await?;
    }
    let runs = state.runs(RUNS).await?;
    let mut changes = Vec::new();
    let (then, this) = (plan.header.scimwright.as_str(), env!("CARGO_PKG_VERSION"));
    if then != this {
        changes.push(format!("it was made by scimwright {then}, and this is {this}"));
    }
    match progress.begun_at() {
        None => changes.extend(plan.basis.changes(&now, plan.header.made_at, &runs)),
        Some(begun_at) => {
            changes.extend(plan.basis.changes_besides_links(&now));
            // The links changed because the plan was begun. Whether somebody else changed them too is seen from who ran
            // since, and once more link by link.
            let ours = progress.runs();
            let others = runs
                .iter()
                .filter(|run| run.started_at >= begun_at && !ours.contains(&run.id) && concerns(plan, run));
            changes.extend(others.map(|run| {
                let LinkScope { provider, resource_type } = &run.scope;
                let (kind, at) = (run.kind.as_str(), run.started_at);
                format!("a run ({kind}) of {resource_type} at `{provider}` began at {at}, after this plan was begun")
            }));
        }
    }
    Ok(changes)
}

/// Whether a run that is none of ours may have changed links that the plan rests on. One that was killed between its
/// beginning and the note that it belongs to the plan has changed nothing.
fn concerns(plan: &Plan, run: &Run) -> bool {
    let is_stillborn = run.kind == RunKind::Apply && run.progress == RunProgress::Interrupted;
    !is_stillborn && !run.never_began() && plan.basis.links.iter().any(|links| links.scope == run.scope)
}

async fn carry_out(
    tenant: &Tenant,
    plan: &Plan,
    provisioners: &[Provisioner],
    progress: &Progress,
    options: &RunOptions,
    reporter: &Reporter,
) -> Exit {
    let failed = |error: &anyhow::Error| {
        reporter.error(&format!("{error:#}"));
        classify(error)
    };
    let began = Instant::now();
    let mut total = Summary { complete: true, ..Summary::default() };
    let mut said = Vec::new();
    let mut exit = Exit::Success;
    let observer = |about: &LinkScope, event: &Event| reporter.event(about, event);
    let finished = match apply_plan(plan, provisioners, progress, options, &observer).await {
        Ok(finished) => finished,
        Err(error) => {
            total.complete = false;
            let exit = failed(&anyhow::Error::new(error));
            reporter.total(Mode::Apply, &total, 0, exit);
            return exit;
        }
    };
    if finished.is_empty() {
        reporter.note("there is nothing to do in this plan");
    }
    let runs = finished.len();
    let mut failures = Vec::new();
    for (finish, scope) in finished.into_iter().zip(plan.scopes()) {
        let mut failure = None;
        match finish.outcome {
            Ok(summary) => {
                exit = exit.or_graver(judge(&summary));
                total.add(&summary);
            }
            Err(unfinished) => {
                total.add(&unfinished.summary);
                total.complete = false;
                if let ProvisionError::Provider(error) = &unfinished.cause {
                    failure = Some(error.to_string());
                }
                let cause = anyhow::Error::new(unfinished.cause);
                exit = exit.or_graver(said_once(&mut said, &cause, |text| reporter.error(text)));
            }
        }
        failures.push((scope.provider.clone(), failure));
    }
    if let Some(first) = provisioners.first() {
        failures.sort_by(|a, b| (&a.0, b.1.is_some()).cmp(&(&b.0, a.1.is_some())));
        failures.dedup_by(|a, b| a.0 == b.0);
        for (provider, failure) in failures {
            let access = tenant.provider(&provider).map(ProviderConfig::access).unwrap_or_default();
            let noted = quarantine::note(&first.state, &provider, &access, failure.as_deref()).await;
            if let Err(error) = noted {
                exit = exit.or_graver(failed(&anyhow::Error::new(error)));
            }
        }
    }
    if options.stop.is_requested() && !total.complete {
        exit = Exit::Stopped;
    }
    if !total.complete {
        reporter
            .note("the plan was not carried out to its end; the same `scimwright apply` goes on from there");
    }
    total.duration = began.elapsed();
    reporter.total(Mode::Apply, &total, runs, exit);
    exit
}
