//! What `plan` and `sync` have in common, and `sync`: the same run, with and without hands.

use super::handover;
use super::leftovers::leftovers;
use super::plan::Draft;
use super::{classify, one_tenant};
use crate::args::{Common, Output, RunArgs, SyncArgs};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules::Modules;
use crate::report::{Reporter, json};
use crate::signals;
use crate::terminal::err;
use crate::wish::Wish;
use scimwright_provision::{
    Event, Mode, Patience, ProvisionError, Reach, ResourceRules, RunOptions, StopSignal, Summary, quarantine,
    run_round,
};
use scimwright_record::TenantName;
use scimwright_server::{Asked, Quarantines};
use scimwright_state::{LinkScope, RunKind, StateStore, TenantState};
use std::sync::Arc;
use std::time::Instant;

pub(super) async fn sync(common: &Common, args: &SyncArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let store = match open_state(common, &tenant).await {
        Err(held) if handover::is_served(&held) => {
            let every_record = common.verbose > 0 || common.output == Output::Json;
            let wish = Wish::Sync { options: args.clone(), every_record };
            let reporter = Reporter::new(common, common.verbose, Mode::Sync);
            return handover::hand_over(common, &tenant, held, &wish, &|told| reporter.told(told)).await;
        }
        opened => opened?,
    };
    let stop = StopSignal::new();
    signals::stop_on_signal(stop.clone());
    run(common, &tenant, &args.run, Mode::Sync, sync_options(args, stop), &store, None).await
}

fn sync_options(args: &SyncArgs, stop: StopSignal) -> RunOptions {
    RunOptions {
        allow_deprovisions: args.allow_deprovisions,
        allow_removals: args.allow_removals,
        stop,
        reach: Some(if args.changed { Reach::Changed } else { Reach::Full }),
        patience: if args.retry { Patience::TryNow } else { Patience::Wait },
        ..RunOptions::default()
    }
}

/// The same in a service that was asked to.
pub(super) async fn sync_for(
    asked: &Arc<Asked>,
    tenant: &Tenant,
    args: &SyncArgs,
    every_record: bool,
    modules: &Modules,
    state: &TenantState,
) -> Exit {
    let work = Work {
        tenant,
        args: &args.run,
        mode: Mode::Sync,
        options: sync_options(args, asked.stop().clone()),
        modules,
        state: state.clone(),
        draft: None,
        reporter: Reporter::to_asker(Arc::clone(asked), every_record),
        asked: Some(asked),
    };
    work.carry_out().await
}

/// Opens the state for writing. One that was there and is gone is an error.
///
/// # Errors
/// What opening may report, and the loss.
pub(super) async fn open_state(common: &Common, tenant: &Tenant) -> anyhow::Result<StateStore> {
    if let Some(folder) = tenant.state.parent() {
        create_private_folder(folder)?;
    }
    if let Some(loss) = StateStore::loss(&tenant.state) {
        // Whoever went on would adopt everybody, for good, and nobody may be there to read a note.
        anyhow::bail!("{loss}");
    }
    Ok(common.states.open(&tenant.state).await?)
}

/// The same for whoever makes a new state of what is at the providers.
pub(super) async fn open_state_anew(common: &Common, tenant: &Tenant) -> anyhow::Result<StateStore> {
    if let Some(folder) = tenant.state.parent() {
        create_private_folder(folder)?;
    }
    Ok(common.states.open(&tenant.state).await?)
}

/// Says so where the state is gone that was there: whoever only asks is not to take what is forgotten for what never was.
/// `tenants` is how many the command covers.
pub(super) fn warn_of_loss(common: &Common, tenant: &Tenant, tenants: usize) {
    if let Some(loss) = StateStore::loss(&tenant.state) {
        let (loss, remedies) = (loss.to_string(), common.remedies_for(&tenant.name, tenants));
        let loss = remedies.complete(&loss);
        match common.output {
            Output::Human => err(&format!("note: {loss}")),
            Output::Json => json::note(&loss),
        }
    }
}

/// The state holds people's data: its folder is the owner's alone.
pub(super) fn create_private_folder(folder: &std::path::Path) -> anyhow::Result<()> {
    use anyhow::Context;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))
}

/// Runs over the providers of a tenant. A plan that is written is completed at the end.
pub(super) async fn run(
    common: &Common,
    tenant: &Tenant,
    args: &RunArgs,
    mode: Mode,
    options: RunOptions,
    store: &StateStore,
    draft: Option<Draft>,
) -> anyhow::Result<Exit> {
    let prints = draft.as_ref().map(Draft::prints);
    let modules = Modules::watched(assemble::mapping_host(tenant)?, tenant, prints);
    let state = store.tenant(&tenant.name);
    let work = Work {
        tenant,
        args,
        mode,
        options,
        modules: &modules,
        state,
        draft,
        reporter: Reporter::new(common, common.verbose, mode),
        asked: None,
    };
    Ok(work.carry_out().await)
}

/// Everything a run over the providers of a tenant needs.
struct Work<'a> {
    tenant: &'a Tenant,
    args: &'a RunArgs,
    mode: Mode,
    options: RunOptions,
    modules: &'a Modules,
    state: TenantState,
    draft: Option<Draft>,
    reporter: Reporter,
    /// Who asked a service for it, where somebody did.
    asked: Option<&'a Asked>,
}

impl Work<'_> {
    async fn carry_out(&self) -> Exit {
        let began = Instant::now();
        let mut total = Summary { complete: true, ..Summary::default() };
        let mut exit = Exit::Success;
        let mut runs = 0;
        // Of the keys that were asked for, those that nobody was found to have.
        let mut strangers = self.options.filter.keys.clone();
        // Whether something that was asked for was not even looked at, or not to its end.
        let mut broken_off = false;
        let mut quarantines = Quarantines::default();
        match leftovers(self.tenant, &self.state).await {
            Ok(sentences) => sentences.iter().for_each(|sentence| self.reporter.note(sentence)),
            Err(error) => exit = exit.or_graver(self.failed(&anyhow::Error::new(error))),
        }
        for provider in &self.tenant.providers {
            if self.args.provider.as_ref().is_some_and(|wanted| *wanted != provider.name) {
                continue;
            }
            if self.options.stop.is_requested() {
                broken_off = true;
                break;
            }
            // A service has rounds of its own.
            let turn = match self.asked {
                Some(asked) => asked.turn(&provider.name).await.map(Some),
                None => Ok(None),
            };
            let Ok(_turn) = turn else {
                broken_off = true;
                break;
            };
            // A plan only asks, and says what would be if the provider were tried.
            if self.mode != Mode::Plan
                && let Err(error) =
                    quarantine::admit(&self.state, &provider.name, &provider.access(), self.options.patience)
                        .await
            {
                exit = exit.or_graver(self.failed(&anyhow::Error::new(error)));
                broken_off = true;
                continue;
            }
            let provisioners = assemble::provisioners(
                self.tenant,
                provider,
                |rules| self.wants(rules),
                self.modules,
                &self.state,
            );
            let provisioners = match provisioners.await {
                Ok(provisioners) => provisioners,
                Err(error) => {
                    // Other providers have nothing to do with it.
                    if let Some(ProvisionError::Provider(cause)) = error.downcast_ref() {
                        exit = exit.or_graver(self.note(provider, Some(&cause.to_string())).await);
                    }
                    exit = exit.or_graver(self.unbegun(provider, &error).await);
                    exit = exit.or_graver(self.failed(&error));
                    broken_off = true;
                    continue;
                }
            };
            // What an earlier run found out about these modules holds for this one.
            exit = exit.or_graver(self.keep(&mut quarantines).await);
            if provisioners.is_empty() {
                continue;
            }
            if let Some(draft) = &self.draft
                && let Err(error) = draft.look(&provisioners).await
            {
                exit = exit.or_graver(self.failed(&error));
                broken_off = true;
                continue;
            }
            let observer = |about: &LinkScope, event: &Event| self.reporter.event(about, event);
            let mut failure = None;
            let mut said = Vec::new();
            for finish in run_round(&provisioners, self.mode, &self.options, &observer).await {
                runs += 1;
                strangers.retain(|key| finish.strangers.contains(key));
                match finish.outcome {
                    Ok(summary) => {
                        exit = exit.or_graver(judge(&summary));
                        total.add(&summary);
                    }
                    Err(unfinished) => {
                        total.add(&unfinished.summary);
                        broken_off = true;
                        if let ProvisionError::Provider(error) = &unfinished.cause {
                            failure = Some(error.to_string());
                        }
                        let cause = anyhow::Error::new(unfinished.cause);
                        exit = exit.or_graver(said_once(&mut said, &cause, |text| self.reporter.error(text)));
                    }
                }
            }
            exit = exit.or_graver(self.note(provider, failure.as_deref()).await);
            exit = exit.or_graver(self.keep(&mut quarantines).await);
        }
        if self.options.stop.is_requested() && broken_off {
            // Also where the signal came between two runs.
            exit = Exit::Stopped;
        }
        if runs == 0 && exit == Exit::Success {
            exit = self.failed(&anyhow::Error::new(super::Misconfigured(self.nothing_matches())));
            broken_off = true;
        }
        // Where not everything was looked at, they may be there.
        if runs > 0 && !broken_off {
            for key in &strangers {
                self.reporter.note(&format!(
                    "nobody has the key `{key}`: no source that was read, and no link; keys are compared to the letter"
                ));
                exit = exit.or_graver(Exit::RecordsFailed);
            }
        }
        total.complete &= !broken_off;
        total.duration = began.elapsed();
        if let Some(draft) = &self.draft {
            match draft.complete(&self.state, total.complete).await {
                Ok(written) => self.reporter.note(&written),
                Err(error) => exit = exit.or_graver(self.failed(&error)),
            }
        }
        self.reporter.total(self.mode, &total, runs, exit);
        exit
    }

    /// Notes whether the provider could be worked with. A plan leaves no trace.
    async fn note(&self, provider: &ProviderConfig, failure: Option<&str>) -> Exit {
        if self.mode == Mode::Plan {
            return Exit::Success;
        }
        match quarantine::note(&self.state, &provider.name, &provider.access(), failure).await {
            Ok(Some(shut)) => {
                self.reporter.note(&format!(
                    "provider `{}` failed {} rounds in a row and is left alone until {}",
                    provider.name, shut.failures, shut.until
                ));
                Exit::Success
            }
            Ok(None) => Exit::Success,
            Err(error) => self.failed(&anyhow::Error::new(error)),
        }
    }

    /// Writes down that a round could not begin, and why. A plan leaves no trace.
    async fn unbegun(&self, provider: &ProviderConfig, error: &anyhow::Error) -> Exit {
        if self.mode == Mode::Plan {
            return Exit::Success;
        }
        let reason = format!("{error:#}");
        for rules in provider.resources.iter().filter(|rules| self.wants(rules)) {
            let scope =
                LinkScope { provider: provider.name.clone(), resource_type: rules.resource_type.clone() };
            if let Err(error) = self.state.note_unbegun(RunKind::Sync, &scope, &reason).await {
                return self.failed(&anyhow::Error::new(error));
            }
        }
        Exit::Success
    }

    /// Keeps what is known of quarantines the same in the modules and in the state. A plan leaves no trace.
    async fn keep(&self, quarantines: &mut Quarantines) -> Exit {
        if self.mode == Mode::Plan {
            return Exit::Success;
        }
        match quarantines.keep(&self.state, &self.modules.slots()).await {
            Ok(_) => Exit::Success,
            Err(error) => self.failed(&anyhow::Error::new(error)),
        }
    }

    fn wants(&self, rules: &ResourceRules) -> bool {
        self.args.resource.as_ref().is_none_or(|wanted| *wanted == rules.resource_type)
    }

    fn failed(&self, error: &anyhow::Error) -> Exit {
        self.reporter.error(&format!("{error:#}"));
        classify(error)
    }

    fn nothing_matches(&self) -> String {
        let all: Vec<String> = self
            .tenant
            .providers
            .iter()
            .flat_map(|provider| {
                provider
                    .resources
                    .iter()
                    .map(move |rules| format!("{} at {}", rules.resource_type, provider.name))
            })
            .collect();
        let tenant: &TenantName = &self.tenant.name;
        match all.as_slice() {
            [] => format!("tenant `{tenant}` has no provider; add a [provider.NAME] to its scimwright.toml"),
            _ => format!("nothing in the configuration matches; there is: {}", all.join(", ")),
        }
    }
}

/// Prints a failure, unless it was said of another resource type of the same provider before: what is wrong with the
/// provider is wrong for all of them.
pub(super) fn said_once(said: &mut Vec<String>, error: &anyhow::Error, print: impl Fn(&str)) -> Exit {
    let text = format!("{error:#}");
    if !said.contains(&text) {
        print(&text);
        said.push(text);
    }
    classify(error)
}

/// The exit code for a run that came to its end.
pub(super) fn judge(summary: &Summary) -> Exit {
    if !summary.complete {
        Exit::Unavailable
    } else if summary.held > 0 {
        Exit::Held
    } else if summary.failed > 0 || summary.waiting > 0 {
        Exit::RecordsFailed
    } else {
        Exit::Success
    }
}
