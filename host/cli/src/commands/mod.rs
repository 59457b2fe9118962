//! The commands, one file each, and what they have in common.

mod apply;
mod ask;
mod attend;
mod calls;
mod check;
mod drift;
mod explain;
mod handover;
mod init;
mod leftovers;
mod links;
mod log;
mod mapping;
mod plan;
mod provider;
mod run;
mod sandbox;
mod serve;
mod status;
mod whereabouts;

pub(crate) use attend::tell;
use run::create_private_folder;

#[cfg(test)]
pub(crate) use init::TEMPLATE;

use crate::args::{Cli, Command, Common, Output};
use crate::config::model::{ProviderConfig, Tenant};
use crate::config::problem::Problems;
use crate::config::{self, Misconfigured, TenantFolder};
use crate::exit::Exit;
use crate::report::json;
use crate::terminal::{err, out};
use scimwright_client::ClientError;
use scimwright_client::SettingsError;
use scimwright_mapping::case::CaseFileError;
use scimwright_mapping::{HostError, LoadError};
use scimwright_provision::{Existing, LinkError, PlanFileError, ProvisionError, Summary};
use scimwright_record::ProviderName;
use scimwright_state::StateError;
use serde_json::json;
use tokio::task::JoinError;

/// Carries out the command line.
pub(crate) async fn run(cli: Cli) -> Exit {
    let common = cli.common;
    let outcome = match cli.command {
        Command::Init(args) => init::run(&common, &args),
        Command::Check(args) => check::run(&common, &args).await,
        Command::Plan(args) => plan::run(&common, &args).await,
        Command::Apply(args) => apply::run(&common, &args).await,
        Command::Sync(args) => {
            let common = common.clone();
            as_task(async move { run::sync(&common, &args).await }).await
        }
        Command::Get(args) => calls::made(&common, &args.resource, calls::get(&common, &args)).await,
        Command::GetById(args) => {
            calls::made(&common, &args.resource, calls::get_by_id(&common, &args)).await
        }
        Command::Delete(args) => calls::made(&common, &args.resource, calls::delete(&common, &args)).await,
        Command::Provision(args) => {
            calls::made(&common, &args.resource, calls::provision(&common, &args, Existing::Change)).await
        }
        Command::ProvisionNew(args) => {
            calls::made(&common, &args.resource, calls::provision(&common, &args, Existing::Refuse)).await
        }
        Command::Provider(command) => provider::run(&common, &command).await,
        Command::Mapping(command) => mapping::run(&common, &command).await,
        Command::Log(args) => log::run(&common, &args).await,
        Command::Drift(args) => drift::run(&common, &args).await,
        Command::Explain(args) => explain::run(&common, &args).await,
        Command::Links(command) => links::run(&common, &command).await,
        Command::Status { key: None } => status::run(&common).await,
        Command::Status { key: Some(key) } => whereabouts::run(&common, &key).await,
        Command::Serve => serve::run(&common).await,
        Command::Sandbox(args) => sandbox::run(&common, &args).await,
    };
    common.states.close().await;
    outcome.unwrap_or_else(|error| report_error(&common, &error))
}

/// Does work on the runtime's own threads, where a wake-up costs less than one of the thread that waits here. Not for
/// work that holds its thread while it waits for another task: that one may be next on the same thread.
async fn as_task(work: impl Future<Output = anyhow::Result<Exit>> + Send + 'static) -> anyhow::Result<Exit> {
    match tokio::spawn(work).await.map_err(JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(cancelled)) => Err(cancelled.into()),
    }
}

/// Prints what ended a command, and finds the exit code that fits it.
fn report_error(common: &Common, error: &anyhow::Error) -> Exit {
    let (exit, remedies) = (classify(error), common.remedies());
    match common.output {
        // The problems of a configuration each begin with the word already.
        Output::Human if error.is::<Problems>() => err(&format!("{error}")),
        Output::Human => err(&remedies.complete(&format!("error: {error:#}"))),
        Output::Json => {
            if let Some(problems) = error.downcast_ref::<Problems>() {
                for problem in &problems.0 {
                    out(&json!({
                        "event": "problem", "file": problem.file(), "line": problem.line(),
                        "message": problem.message, "help": problem.help,
                    })
                    .to_string());
                }
            }
            // The figures of a run, all of them zero: whoever reads them needs no special case.
            let text = format!("{error:#}");
            let text = remedies.complete(&text);
            let line = json!({ "event": "summary", "exit_code": exit as u8, "error": text });
            out(&json::with(line, &Summary::default()).to_string());
        }
    }
    exit
}

/// The exit code for an error, by who can help.
pub(crate) fn classify(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if cause.is::<Problems>()
            || cause.is::<LoadError>()
            || cause.is::<SettingsError>()
            || cause.is::<Misconfigured>()
            || cause.is::<CaseFileError>()
        {
            return Exit::Configuration;
        }
        if let Some(handed_back) = cause.downcast_ref::<handover::HandedBack>() {
            return handed_back.exit;
        }
        if cause.is::<apply::NotApplied>() {
            return Exit::NotApplied;
        }
        if let Some(PlanFileError::Unusable { .. }) = cause.downcast_ref() {
            return Exit::NotApplied;
        }
        if cause.is::<StateError>() || cause.is::<HostError>() {
            return Exit::Failure;
        }
        if let Some(error) = cause.downcast_ref::<ProvisionError>() {
            return match error {
                ProvisionError::UnknownResourceType { .. }
                | ProvisionError::CannotDisable { .. }
                | ProvisionError::Moved { .. } => Exit::Configuration,
                ProvisionError::Inconclusive(_) => Exit::Unavailable,
                ProvisionError::Provider(_)
                | ProvisionError::Quarantined { .. }
                | ProvisionError::Source(_)
                | ProvisionError::ModuleUnavailable(_) => Exit::Unavailable,
                ProvisionError::Stopped => Exit::Stopped,
                ProvisionError::NoSuchRecord { .. } | ProvisionError::UnusableRecord { .. } => {
                    Exit::RecordsFailed
                }
                ProvisionError::PlanFile(PlanFileError::Unusable { .. }) => Exit::NotApplied,
                ProvisionError::State(_)
                | ProvisionError::PlanFile(_)
                | ProvisionError::Progress(_)
                | ProvisionError::Scratch(_)
                | ProvisionError::Worker(_) => Exit::Failure,
            };
        }
    }
    let client = match error.downcast_ref::<LinkError>() {
        Some(LinkError::Provider(error)) => Some(error.as_ref()),
        Some(LinkError::State(_)) => return Exit::Failure,
        Some(LinkError::Elsewhere { .. }) => return Exit::Configuration,
        Some(_) => return Exit::RecordsFailed,
        None => error.downcast_ref::<ClientError>(),
    };
    match client {
        Some(error) if error.kind.concerns_every_call() => Exit::Unavailable,
        Some(_) => Exit::RecordsFailed,
        None => Exit::Failure,
    }
}

/// The tenants a command covers: the one named, or all.
fn tenant_folders(common: &Common) -> anyhow::Result<Vec<TenantFolder>> {
    if let Some(wanted) = &common.tenant {
        // A mistake in another tenant's folder is none of this tenant's business.
        if let Some(found) = config::find_tenant(&common.config, wanted)? {
            return Ok(vec![found]);
        }
    }
    let all = config::find_tenants(&common.config)?;
    let Some(wanted) = &common.tenant else { return Ok(all) };
    match all.iter().find(|tenant| tenant.name == *wanted) {
        Some(found) => Ok(vec![found.clone()]),
        None => {
            let names: Vec<&str> = all.iter().map(|tenant| tenant.name.as_str()).collect();
            let message = format!("there is no tenant `{wanted}`; there are: {}", names.join(", "));
            Err(Misconfigured(message).into())
        }
    }
}

/// The configurations of the tenants a command covers. Reports the mistakes of all of them together.
fn tenants(common: &Common) -> anyhow::Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    let mut problems = Problems::default();
    for folder in tenant_folders(common)? {
        match config::load(&folder) {
            Ok(tenant) => tenants.push(tenant),
            Err(more) => problems.0.extend(more.0),
        }
    }
    if problems.0.is_empty() { Ok(tenants) } else { Err(problems.into()) }
}

/// The one tenant a command is about. Where there are many, one has to be named.
fn one_tenant(common: &Common) -> anyhow::Result<Tenant> {
    let folders = tenant_folders(common)?;
    if let [only] = folders.as_slice() {
        return Ok(config::load(only)?);
    }
    let names: Vec<&str> = folders.iter().map(|tenant| tenant.name.as_str()).collect();
    let message = format!("name a tenant with --tenant; there are: {}", names.join(", "));
    Err(Misconfigured(message).into())
}

/// The provider of the configuration that is meant.
fn provider_config<'t>(tenant: &'t Tenant, wanted: &ProviderName) -> anyhow::Result<&'t ProviderConfig> {
    tenant.providers.iter().find(|provider| provider.name == *wanted).ok_or_else(|| {
        let known: Vec<_> = tenant.providers.iter().map(|provider| provider.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Misconfigured(format!("there is no provider `{wanted}`; there are: {known}")).into()
    })
}
