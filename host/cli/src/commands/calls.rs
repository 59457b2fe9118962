//! The five client calls: `get`, `get-by-id`, `delete`, `provision`, `provision-new`.
//!
//! Each yields one result of the shape `{status, message}`: `SUCCESS` with the provider's words, or `FAILURE`
//! with ours; and each leaves a row in the client log.

use super::handover;
use super::run::warn_of_loss;
use super::{classify, one_tenant, provider_config};
use crate::args::{Common, DeleteArgs, GetArgs, GetByIdArgs, Output, ProvisionArgs, ResourceArgs};
use crate::assemble::{self, Asking};
use crate::config::Misconfigured;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules::Modules;
use crate::report::{CallResult, print_result};
use crate::terminal::{err, out, out_if_read};
use crate::wish::{Told, Wish};
use anyhow::Context;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_client::{CallReport, ClientError, Deleted, Exchange, Kind, Provider, Query, Selection};
use scimwright_provision::{
    Action, Event, Existing, OneRecord, ProvisionError, Provisioner, RecordEvent, ResourceRules,
};
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName};
use scimwright_scim::Resource;
use scimwright_state::{
    Action as LogAction, LinkChange, LinkScope, LogEntry, LogFilter, LogStatus, Settlement, StateError,
    StateStore, TenantState,
};
use serde_json::Value;
use std::sync::Mutex;

/// Carries out a call. What keeps it from being made is its result too.
pub(super) async fn made(
    common: &Common,
    args: &ResourceArgs,
    call: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    match call.await {
        Err(error) if common.output == Output::Json => {
            print_result(common, &CallResult::unmade(args, &format!("{error:#}")));
            Ok(classify(&error))
        }
        outcome => outcome,
    }
}

/// Who hears what there is to say.
type Tell<'a> = &'a (dyn Fn(Told) + Sync);

/// Prints what there is to say about a call.
fn show(common: &Common, told: Told) {
    match told {
        Told::Event { about, event } => {
            if let Event::Trace { step, detail, .. } = &*event {
                match common.output {
                    Output::Json => crate::report::json::event(&about, &event),
                    Output::Human => out(&crate::report::human::trace(step, detail)),
                }
            }
        }
        Told::Note { text } => err(&format!("note: {}", common.remedies().complete(&text))),
        Told::Result { result } => print_result(common, &result),
        // No call says these.
        Told::Error { .. } | Told::Total { .. } | Told::Failed { .. } | Told::Done { .. } => {}
    }
}

/// What a call needs: who is asked, about what, and where it is noted.
struct Desk<'a> {
    tell: Tell<'a>,
    config: ProviderConfig,
    resource_type: ResourceTypeName,
    provider: Provider,
    kind: Kind,
    /// None where another process has the state open.
    state: Option<TenantState>,
}

impl<'a> Desk<'a> {
    /// Asks the provider what it can do. Where it cannot be asked, that is this call's failure, and its row.
    async fn open(
        common: &Common,
        args: &ResourceArgs,
        action: LogAction,
        tell: Tell<'a>,
    ) -> anyhow::Result<Self> {
        let tenant = one_tenant(common)?;
        let config = provider_config(&tenant, &args.provider)?.clone();
        let provider = assemble::provider(&config).await?;
        let state = open_state(common, &tenant).await?;
        Self::of(config, provider, args, action, state, tell).await
    }

    async fn of(
        config: ProviderConfig,
        provider: Provider,
        args: &ResourceArgs,
        action: LogAction,
        state: Option<TenantState>,
        tell: Tell<'a>,
    ) -> anyhow::Result<Self> {
        let discovery = match assemble::discover(&provider).await {
            Ok(discovery) => discovery,
            Err(error) => {
                if let (Some(state), Some(ProvisionError::Provider(cause))) = (&state, error.downcast_ref()) {
                    let failure = Some(format!("{error:#}"));
                    let row =
                        row(&config.name, &args.resource_type, action, None, &cause.call, failure.as_deref());
                    state.append_log(&row).await?;
                }
                return Err(error);
            }
        };
        let binding = discovery.resource_type(args.resource_type.as_str()).ok_or_else(|| {
            ProvisionError::UnknownResourceType {
                provider: config.name.to_string(),
                wanted: args.resource_type.to_string(),
                known: discovery.resource_types.iter().map(|known| known.name.clone()).collect(),
            }
        })?;
        let kind = assemble::kind(&config, &provider, binding);
        // As the provider spells it, whatever the command line does.
        let resource_type = ResourceTypeName::parse(&kind.resource_type().name)?;
        Ok(Self { tell, config, resource_type, provider, kind, state })
    }

    /// Writes the row of the client log. With the row of a deletion, the link to what is gone is forgotten.
    async fn log(
        &self,
        action: LogAction,
        id: Option<&str>,
        call: &CallReport,
        failure: Option<&str>,
    ) -> anyhow::Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        let entry = row(&self.config.name, &self.resource_type, action, id, call, failure);
        // A link to a resource that is gone would be taken for a resource that somebody deleted.
        if action == LogAction::Delete
            && failure.is_none()
            && let Some(id) = id
            && let Some(link) = state.link_by_resource(&self.scope(), id).await?
        {
            let entry = LogEntry { key: Some(link.key.clone()), ..entry };
            let settlement = Settlement { link: Some(LinkChange::Forget), log: entry };
            return Ok(state.settle(&self.scope(), &link.key, &settlement).await?);
        }
        Ok(state.append_log(&entry).await?)
    }

    /// Notes a call and prints its result.
    async fn conclude(
        &self,
        action: LogAction,
        id: Option<&str>,
        outcome: Result<Exchange<Value>, ClientError>,
    ) -> anyhow::Result<Exit> {
        match outcome {
            Ok(exchange) => {
                self.log(action, id, &exchange.call, None).await?;
                self.conclude_with(CallResult::success(action, &exchange.call, id, exchange.value));
                Ok(Exit::Success)
            }
            Err(error) => {
                let message = error.to_string();
                self.log(action, id, &error.call, Some(&message)).await?;
                self.conclude_with(CallResult::failure(action, &error.call, id, &message));
                Ok(classify(&anyhow::Error::new(error)))
            }
        }
    }

    fn conclude_with(&self, result: CallResult) {
        (self.tell)(Told::Result { result: Box::new(result) });
    }

    fn scope(&self) -> LinkScope {
        LinkScope { provider: self.config.name.clone(), resource_type: self.resource_type.clone() }
    }
}

/// A row of the client log.
fn row(
    provider: &ProviderName,
    resource_type: &ResourceTypeName,
    action: LogAction,
    id: Option<&str>,
    call: &CallReport,
    failure: Option<&str>,
) -> LogEntry {
    LogEntry {
        run: None,
        request_id: call.request_id.to_string(),
        provider: provider.clone(),
        resource_type: resource_type.clone(),
        resource_id: id.map(str::to_owned),
        key: None,
        action,
        status: if failure.is_some() { LogStatus::Failure } else { LogStatus::Success },
        http_status: call.status,
        message: failure.unwrap_or("called by hand").to_owned(),
        duration: call.duration,
        at: Timestamp::now(),
        changes: Vec::new(),
    }
}

/// The state, for the row in the client log. A call by hand is not held up by a sync that is under way.
async fn open_state(common: &Common, tenant: &Tenant) -> anyhow::Result<Option<TenantState>> {
    if StateStore::loss(&tenant.state).is_some() {
        // A new one in its place would hide that.
        warn_of_loss(common, tenant, 1);
        return Ok(None);
    }
    or_without(super::run::open_state(common, tenant).await, tenant)
}

/// The state that was opened, or none where somebody else works on it.
fn or_without(opened: anyhow::Result<StateStore>, tenant: &Tenant) -> anyhow::Result<Option<TenantState>> {
    const WITHOUT: &str = "note: this call gets no row in the client log";
    match opened {
        Ok(store) => Ok(Some(store.tenant(&tenant.name))),
        Err(error) => match error.downcast_ref() {
            Some(StateError::Held { is_service: true, .. }) => {
                err(&format!("{WITHOUT}: a running service holds the state"));
                Ok(None)
            }
            Some(StateError::Held { .. }) => {
                err(&format!("{WITHOUT}: {error}"));
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

pub(super) async fn get(common: &Common, args: &GetArgs) -> anyhow::Result<Exit> {
    let tell = |told| show(common, told);
    let desk = Desk::open(common, &args.resource, LogAction::Query, &tell).await?;
    let query = args.query();
    if args.all {
        return get_all(common, &desk, query).await;
    }
    let page = desk.provider.client().query(desk.kind.resource_type(), &query).await;
    let page = page.map(|exchange| exchange.map(|page| page.to_value()));
    desk.conclude(LogAction::Query, None, page).await
}

/// Every resource on a line of its own, in memory for one page.
async fn get_all(common: &Common, desk: &Desk<'_>, query: Query) -> anyhow::Result<Exit> {
    let mut pages = desk.provider.get_pages(&desk.kind, query);
    let (mut resources, mut calls) = (0_u64, 0_u64);
    loop {
        match pages.try_next().await {
            Ok(Some(page)) => {
                calls += 1;
                resources += page.value.len() as u64;
                let is_read =
                    page.value.into_iter().all(|resource| out_if_read(&resource.into_value().to_string()));
                desk.log(LogAction::Query, None, &page.call, None).await?;
                if !is_read {
                    return Ok(Exit::Success);
                }
            }
            Ok(None) => break,
            Err(error) => {
                let message = error.to_string();
                desk.log(LogAction::Query, None, &error.call, Some(&message)).await?;
                // The list on standard output is cut short, and whoever reads it has to know.
                desk.conclude_with(
                    CallResult::failure(LogAction::Query, &error.call, None, &message).on_stderr(),
                );
                return Ok(classify(&anyhow::Error::new(error)));
            }
        }
    }
    if common.output == Output::Json {
        let line = serde_json::json!({
            "event": "summary", "status": "SUCCESS", "resources": resources, "pages": calls,
        });
        out(&line.to_string());
    }
    Ok(Exit::Success)
}

pub(super) async fn get_by_id(common: &Common, args: &GetByIdArgs) -> anyhow::Result<Exit> {
    let tell = |told| show(common, told);
    let desk = Desk::open(common, &args.resource, LogAction::Retrieve, &tell).await?;
    let selection = Selection {
        attributes: args.selection.attributes.clone(),
        excluded: args.selection.excluded_attributes.clone(),
    };
    let found =
        desk.provider.client().retrieve_selected(desk.kind.resource_type(), &args.id, &selection).await;
    let found = found.map(|exchange| exchange.map(Resource::into_value));
    desk.conclude(LogAction::Retrieve, Some(&args.id), found).await
}

pub(super) async fn delete(common: &Common, args: &DeleteArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    provider_config(&tenant, &args.resource.provider)?;
    let tell = |told| show(common, told);
    // The link to what is gone has to go too, so that a service is asked that knows it.
    let state = match super::run::open_state(common, &tenant).await {
        Err(held) if handover::is_served(&held) => {
            let wish = Wish::Delete { options: args.clone() };
            return handover::hand_over(common, &tenant, held, &wish, &tell).await;
        }
        opened => or_without(opened, &tenant)?,
    };
    delete_one(&tenant, args, state, &tell).await
}

/// Deletes a resource, with this state.
pub(super) async fn delete_one(
    tenant: &Tenant,
    args: &DeleteArgs,
    state: Option<TenantState>,
    tell: Tell<'_>,
) -> anyhow::Result<Exit> {
    let config = provider_config(tenant, &args.resource.provider)?.clone();
    let provider = assemble::provider(&config).await?;
    let desk = Desk::of(config, provider, &args.resource, LogAction::Delete, state, tell).await?;
    let deleted = desk.provider.delete(&desk.kind, &args.id).await;
    let deleted = deleted.map(|exchange| {
        exchange.map(|deleted| match deleted {
            Deleted::Now => Value::from("deleted"),
            Deleted::AlreadyGone => Value::from("it was gone already"),
        })
    });
    desk.conclude(LogAction::Delete, Some(&args.id), deleted).await
}

/// `provision` and `provision-new`: one record of the source, through its mapping, to the provider.
pub(super) async fn provision(
    common: &Common,
    args: &ProvisionArgs,
    existing: Existing,
) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    provider_config(&tenant, &args.resource.provider)?;
    let tell = |told| show(common, told);
    let store = match super::run::open_state(common, &tenant).await {
        Err(held) if handover::is_served(&held) => {
            let options = args.clone();
            let wish = match existing {
                Existing::Refuse => Wish::ProvisionNew { options },
                Existing::Change | Existing::AsPlanned => Wish::Provision { options },
            };
            return handover::hand_over(common, &tenant, held, &wish, &tell).await;
        }
        opened => opened?,
    };
    let state = store.tenant(&tenant.name);
    let modules = Modules::loaded(assemble::mapping_host(&tenant)?, &tenant);
    provision_one(&tenant, args, existing, &modules, &state, &tell, &|_, _| {}).await
}

/// Provisions a record, with these modules and this state. `hear` hears everything that is said on the way.
pub(super) async fn provision_one(
    tenant: &Tenant,
    args: &ProvisionArgs,
    existing: Existing,
    modules: &Modules,
    state: &TenantState,
    tell: Tell<'_>,
    hear: &(dyn Fn(&LinkScope, &Event) + Sync),
) -> anyhow::Result<Exit> {
    let config = provider_config(tenant, &args.resource.provider)?;
    let wanted = &args.resource.resource_type;
    let provisioner = provisioner_of(tenant, &args.resource, modules, state, Asking::Now).await?;
    let heard = Mutex::new(Heard::default());
    let observer = |about: &LinkScope, event: &Event| {
        hear(about, event);
        if let Event::Trace { .. } = event {
            tell(Told::Event { about: about.clone(), event: Box::new(event.clone()) });
        }
        if let Ok(mut heard) = heard.lock() {
            heard.take(event);
        }
    };
    let began = Timestamp::now();
    let how = OneRecord { existing, trace: args.trace, fresh: args.fresh };
    let finished = provisioner.provision_record(&args.key, how, &observer).await;
    let heard = heard.into_inner().unwrap_or_default();
    heard.notes.iter().for_each(|note| tell(Told::Note { text: note.clone() }));
    let call = last_call(state, config, &args.key, began).await?;
    if call.is_none() {
        let refusal = match (&finished, &heard.record) {
            (Err(unfinished), _) => Some(unfinished.to_string()),
            (Ok(_), Some(record)) if record.action == Action::Fail => record.reason.clone(),
            (Ok(_), _) => None,
        };
        let resource_id = heard.record.as_ref().and_then(|record| record.resource_id.clone());
        state.append_log(&without_request(args, resource_id, refusal)).await?;
    }
    let result = |outcome| CallResult::of_record(&args.resource, &args.key, outcome, call.as_ref());
    if let Err(unfinished) = finished {
        let error = anyhow::Error::new(unfinished.cause);
        tell(Told::Result { result: Box::new(result(Err(format!("{error:#}")))) });
        return Ok(classify(&error));
    }
    let record = heard.record.context("the record left no trace")?;
    let scope = LinkScope { provider: config.name.clone(), resource_type: wanted.clone() };
    let link = state.link(&scope, &args.key).await?;
    let (exit, outcome) = match record.action {
        Action::Fail => (Exit::RecordsFailed, Err(record.reason.unwrap_or_default())),
        action => (Exit::Success, Ok((action, record.reason, link.map(|link| link.seen)))),
    };
    tell(Told::Result { result: Box::new(result(outcome).with_id(record.resource_id)) });
    Ok(exit)
}

/// What provisions this resource type at this provider.
pub(super) async fn one_provisioner(
    tenant: &Tenant,
    args: &ResourceArgs,
    state: &TenantState,
    asking: Asking,
) -> anyhow::Result<Provisioner> {
    let modules = Modules::loaded(assemble::mapping_host(tenant)?, tenant);
    provisioner_of(tenant, args, &modules, state, asking).await
}

/// The same with these modules.
async fn provisioner_of(
    tenant: &Tenant,
    args: &ResourceArgs,
    modules: &Modules,
    state: &TenantState,
    asking: Asking,
) -> anyhow::Result<Provisioner> {
    let config = provider_config(tenant, &args.provider)?;
    let wanted = &args.resource_type;
    let wants = |rules: &ResourceRules| rules.resource_type == *wanted;
    let provisioners = match asking {
        Asking::Now => assemble::provisioners(tenant, config, wants, modules, state).await?,
        Asking::Never => assemble::unasked_provisioners(tenant, config, wants, modules, state).await?,
    };
    provisioners.into_iter().next().ok_or_else(|| {
        let message = format!(
            "provider `{}` has no [[provider.{}.resource]] with type = \"{wanted}\", so it is not known which \
             source and mapping make one; add it, or use get, get-by-id and delete",
            config.name, config.name
        );
        Misconfigured(message).into()
    })
}

/// The state for a command that changes nothing. Before the first sync there is none, and none is left behind.
pub(super) async fn opened_for_reading(
    common: &Common,
    tenant: &Tenant,
) -> anyhow::Result<(TenantState, Option<tempfile::TempDir>)> {
    warn_of_loss(common, tenant, 1);
    if tenant.has_state() {
        let store = StateStore::open_read_only(&tenant.state).await?;
        return Ok((store.tenant(&tenant.name), None));
    }
    let scratch = tempfile::tempdir()?;
    let store = StateStore::open(&scratch.path().join("state.db")).await?;
    Ok((store.tenant(&tenant.name), Some(scratch)))
}

/// The row of a call that came to no request: that somebody asked is worth one all the same.
fn without_request(args: &ProvisionArgs, resource_id: Option<String>, refusal: Option<String>) -> LogEntry {
    LogEntry {
        run: None,
        request_id: String::new(),
        provider: args.resource.provider.clone(),
        resource_type: args.resource.resource_type.clone(),
        resource_id,
        key: Some(args.key.clone()),
        action: LogAction::Update,
        status: if refusal.is_some() { LogStatus::Failure } else { LogStatus::Success },
        http_status: None,
        message: refusal.unwrap_or_else(|| "nothing had to be sent".to_owned()),
        duration: std::time::Duration::ZERO,
        at: Timestamp::now(),
        changes: Vec::new(),
    }
}

/// The last row that provisioning a record left in the client log; none where nothing was sent.
async fn last_call(
    state: &TenantState,
    config: &ProviderConfig,
    key: &RecordKey,
    began: Timestamp,
) -> anyhow::Result<Option<LogEntry>> {
    let filter = LogFilter {
        key: Some(key.clone()),
        provider: Some(config.name.clone()),
        since: Some(began),
        limit: 1,
        ..LogFilter::default()
    };
    Ok(state.log(&filter).await?.pop())
}

/// What a run over one record said.
#[derive(Debug, Default)]
struct Heard {
    record: Option<RecordEvent>,
    notes: Vec<String>,
}

impl Heard {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Record(record) => self.record = Some(record.clone()),
            Event::Notice { message, .. } => self.notes.push(message.clone()),
            _ => {}
        }
    }
}
