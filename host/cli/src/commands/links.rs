//! `links`: which record has which resource, and how that is put right by hand.

use super::run::{open_state, open_state_anew, warn_of_loss};
use super::{Misconfigured, ask, classify, one_tenant, provider_config};
use crate::args::{
    AdoptArgs, Common, ExportArgs, ExportFormat, ForgetArgs, LinksCommand, Output, RebuildArgs, ResourceArgs,
    ShowLinksArgs,
};
use crate::assemble;
use crate::config::model::{ProviderConfig, Tenant};
use crate::exit::Exit;
use crate::modules::Modules;
use crate::report::columns::columns;
use crate::report::json;
use crate::terminal::{err, out, out_if_read};
use anyhow::Context;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_provision::{
    Adoption, DeprovisionRules, Event, Finding, LinkDesk, LinkError, Prospect, ProvisionError, Rebuilt,
    links, rebuild,
};
use scimwright_record::ProviderName;
use scimwright_state::{Link, LinkScope, Ownership, Standing, StateError, StateStore, TenantState};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::sync::Mutex;

/// How many findings of a kind are listed one by one.
const LISTED: u64 = 10;

/// How many links are shown in one table.
const TABLE: usize = 1_000;

pub(super) async fn run(common: &Common, command: &LinksCommand) -> anyhow::Result<Exit> {
    match command {
        LinksCommand::Show(args) => show(common, args).await,
        LinksCommand::Adopt(args) => adopt(common, args).await,
        LinksCommand::Forget(args) => forget(common, args).await,
        LinksCommand::Export(args) => export(common, args).await,
        LinksCommand::Move { provider, to: None } => move_provider(common, provider).await,
        LinksCommand::Move { provider, to: Some(to) } => rename_provider(common, provider, to).await,
        LinksCommand::Rebuild(args) => rebuild_links(common, args).await,
    }
}

/// The state, for reading, and the links that are meant.
async fn reading(
    common: &Common,
    tenant: &Tenant,
    args: &ResourceArgs,
) -> anyhow::Result<(TenantState, LinkScope)> {
    warn_of_loss(common, tenant, 1);
    let state = StateStore::open_read_only(&tenant.state).await?.tenant(&tenant.name);
    let scope = scope_of(tenant, &state, args).await?;
    Ok((state, scope))
}

/// The state, for writing.
async fn writing(common: &Common, tenant: &Tenant) -> anyhow::Result<TenantState> {
    Ok(open_state(common, tenant).await?.tenant(&tenant.name))
}

/// Moves a damaged state out of the way. One that is sound stays: nobody gives it up by mistake.
async fn set_aside(tenant: &Tenant) -> anyhow::Result<()> {
    let findings = match tenant.has_state() {
        true => StateStore::verify(&tenant.state).await,
        false => return Ok(()),
    };
    let is_damaged = match findings {
        Ok(findings) => !findings.is_empty(),
        // So damaged that it is not even known for one.
        Err(StateError::NotOurs { .. } | StateError::Corrupt { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    if !is_damaged {
        let message = format!(
            "the state file {} is sound, so it is not set aside; leave out --set-aside, or move it away by hand",
            tenant.state.display()
        );
        return Err(Misconfigured(message).into());
    }
    let kept = StateStore::set_aside(&tenant.state).await?;
    err(&format!("note: the damaged state is kept as {}", kept.display()));
    Ok(())
}

/// The resource type as configuration and state spell it. Either of them may be the only one that knows it.
async fn scope_of(tenant: &Tenant, state: &TenantState, args: &ResourceArgs) -> anyhow::Result<LinkScope> {
    let mut known = tenant.scopes();
    for scope in state.scopes().await? {
        if !known.contains(&scope) {
            known.push(scope);
        }
    }
    known.retain(|scope| scope.provider == args.provider);
    if known.is_empty() {
        provider_config(tenant, &args.provider)?;
    }
    let wanted = args.resource_type.as_str();
    let found = known.iter().find(|scope| scope.resource_type.as_str().eq_ignore_ascii_case(wanted));
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|scope| scope.resource_type.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Misconfigured(format!(
            "nothing is provisioned as {wanted} at `{}`; there are: {names}",
            args.provider
        ))
        .into()
    })
}

/// What is needed to look at a resource before a link is made to it.
async fn desk(config: &ProviderConfig, state: TenantState, scope: LinkScope) -> anyhow::Result<LinkDesk> {
    let target = assemble::provider(config).await?;
    let discovery = assemble::discover(&target).await?;
    let binding = discovery.resource_type(scope.resource_type.as_str()).ok_or_else(|| {
        ProvisionError::UnknownResourceType {
            provider: config.name.to_string(),
            wanted: scope.resource_type.to_string(),
            known: discovery.resource_types.iter().map(|known| known.name.clone()).collect(),
        }
    })?;
    let kind = assemble::kind(config, &target, binding);
    Ok(LinkDesk { target, kind, state, scope })
}

async fn show(common: &Common, args: &ShowLinksArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let (state, scope) = reading(common, &tenant, &args.resource).await?;
    let rules = tenant.provider(&scope.provider).and_then(|provider| {
        provider.resources.iter().find(|rules| rules.resource_type == scope.resource_type)
    });
    let rules = rules.map(|rules| &rules.deprovision);
    if let Some(key) = &args.key {
        let found = state.link(&scope, key).await?.map(|link| with_due(link, rules));
        let Some(link) = found else {
            let message =
                format!("record `{key}` has no link to a {} at `{}`", scope.resource_type, scope.provider);
            return none(common, &message);
        };
        match common.output {
            Output::Human => out(&one_link(&link)?),
            Output::Json => {
                let mut row = json_link(&link);
                row["sent"] = serde_json::to_value(&link.sent)?;
                row["seen"] = serde_json::to_value(&link.seen)?;
                out(&row.to_string());
                out(&json!({ "event": "summary", "links": 1 }).to_string());
            }
        }
        return Ok(Exit::Success);
    }
    let mut links = state.links(&scope);
    let mut count = 0_u64;
    // A table of all would need all in memory; after so many the columns begin anew.
    let mut rows = Vec::new();
    while let Some(link) = links.try_next().await? {
        let link = with_due(link, rules);
        count += 1;
        match common.output {
            Output::Json => {
                if !out_if_read(&json_link(&link).to_string()) {
                    return Ok(Exit::Success);
                }
            }
            Output::Human => rows.push(row_of(&link)),
        }
        if rows.len() >= TABLE && !out_if_read(&table(&mut rows)) {
            return Ok(Exit::Success);
        }
    }
    match common.output {
        Output::Json => out(&json!({ "event": "summary", "links": count }).to_string()),
        Output::Human if count == 0 => {
            out(&format!("There is no link to a {} at {}.", scope.resource_type, scope.provider));
        }
        Output::Human => {
            if !rows.is_empty() {
                out(&table(&mut rows));
            }
            out(&format!("{count} links"));
        }
    }
    Ok(Exit::Success)
}

fn none(common: &Common, message: &str) -> anyhow::Result<Exit> {
    match common.output {
        Output::Human => err(&format!("error: {message}")),
        Output::Json => out(&json!({ "event": "summary", "links": 0, "error": message }).to_string()),
    }
    Ok(Exit::RecordsFailed)
}

/// The link with the day of its deletion, as the configuration of today has it: it may have got its days of grace since
/// the resource was disabled.
fn with_due(link: Link, rules: Option<&DeprovisionRules>) -> Link {
    let prospect = rules.filter(|_| link.standing == Standing::Disabled);
    match prospect.map(|rules| Prospect::of(rules, &link, Timestamp::now())) {
        Some(Prospect::DeleteFrom(moment)) => Link { due_at: Some(moment), ..link },
        _ => link,
    }
}

fn row_of(link: &Link) -> Vec<String> {
    vec![
        link.key.to_string(),
        link.resource_id.clone(),
        link.ownership.to_string(),
        link.standing.to_string(),
        link.created_at.strftime("%Y-%m-%d %H:%M").to_string(),
        link.due_at.map(|due| due.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default(),
        link.run.to_string(),
    ]
}

fn table(rows: &mut Vec<Vec<String>>) -> String {
    let head = ["key", "resource", "ownership", "standing", "since", "due", "run"];
    rows.insert(0, head.map(str::to_owned).to_vec());
    columns(&std::mem::take(rows))
}

fn one_link(link: &Link) -> anyhow::Result<String> {
    let mut rows = vec![
        vec!["key".to_owned(), link.key.to_string()],
        vec!["resource".to_owned(), link.resource_id.clone()],
        vec!["ownership".to_owned(), link.ownership.to_string()],
        vec!["standing".to_owned(), link.standing.to_string()],
        vec!["since".to_owned(), link.created_at.to_string()],
        vec!["last changed".to_owned(), format!("{} by run {}", link.updated_at, link.run)],
    ];
    if let Some(due) = link.due_at {
        rows.push(vec!["due".to_owned(), due.to_string()]);
    }
    let (sent, seen) = (serde_json::to_string_pretty(&link.sent)?, serde_json::to_string_pretty(&link.seen)?);
    Ok(format!("{}\nsent {sent}\nseen {seen}", columns(&rows)))
}

fn json_link(link: &Link) -> Value {
    json!({
        "event": "link", "key": link.key, "resource_id": link.resource_id, "ownership": link.ownership.as_str(),
        "standing": link.standing.as_str(), "created_at": link.created_at.to_string(),
        "updated_at": link.updated_at.to_string(), "run": link.run,
        "due_at": link.due_at.map(|due| due.to_string()),
    })
}

async fn adopt(common: &Common, args: &AdoptArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let config = provider_config(&tenant, &args.resource.provider)?;
    let state = writing(common, &tenant).await?;
    let scope = scope_of(&tenant, &state, &args.resource).await?;
    let rules = config.resources.iter().find(|rules| rules.resource_type == scope.resource_type);
    let Some(source) = rules.and_then(|rules| tenant.source(&rules.source)) else {
        let message = format!(
            "no [[provider.{}.resource]] has the type {}, so no source can be asked for record `{}`",
            scope.provider, scope.resource_type, args.key
        );
        return Err(Misconfigured(message).into());
    };
    let sought = links::seek(assemble::source(source).as_ref(), &args.key).await;
    sought.context("nothing was linked")?;
    let desk = desk(config, state, scope).await?;
    let adoption = Adoption {
        key: args.key.clone(),
        resource_id: args.id.clone(),
        ownership: if args.created { Ownership::Created } else { Ownership::Adopted },
        replace: args.replace,
    };
    let link = desk.adopt(&adoption).await?;
    match common.output {
        Output::Human => out(&format!(
            "Record {} has resource {} at {} now. The next sync changes what differs there.",
            link.key, link.resource_id, desk.scope.provider
        )),
        Output::Json => {
            out(&json_link(&link).to_string());
            out(&json!({ "event": "summary", "links": 1 }).to_string());
        }
    }
    Ok(Exit::Success)
}

async fn forget(common: &Common, args: &ForgetArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let state = writing(common, &tenant).await?;
    let scope = scope_of(&tenant, &state, &args.resource).await?;
    let count = if args.all { state.count_links(&scope, None).await? } else { args.keys.len() as u64 };
    let what = format!(
        "This forgets {} to {} resources at {}. The resources stay there as they are. The next run looks for the \
         resource of each record again, by `match`; what it does not find it makes a second time, and nobody who left \
         meanwhile is deprovisioned.",
        if count == 1 { "1 link".to_owned() } else { format!("{count} links") },
        scope.resource_type,
        scope.provider
    );
    if !args.yes && !ask::agreed(&what)? {
        return Ok(Exit::Usage);
    }
    let (mut forgotten, mut unknown) = (0_u64, 0_u64);
    let mut keys = args.keys.clone();
    let mut all = state.links(&scope);
    loop {
        let key = match args.all {
            true => all.try_next().await?.map(|link| link.key),
            false => keys.pop(),
        };
        let Some(key) = key else { break };
        match links::forget(&state, &scope, &key).await? {
            Some(id) => {
                forgotten += 1;
                if common.output == Output::Json {
                    out(&json!({ "event": "forgotten", "key": key, "resource_id": id }).to_string());
                } else if !args.all || common.verbose > 0 {
                    out(&format!("{key} ({id}) forgotten"));
                }
            }
            None => {
                unknown += 1;
                match common.output {
                    Output::Json => out(&json!({ "event": "unknown", "key": key }).to_string()),
                    Output::Human => err(&format!("error: record `{key}` has no link")),
                }
            }
        }
    }
    match common.output {
        Output::Json => {
            out(&json!({ "event": "summary", "forgotten": forgotten, "unknown": unknown }).to_string());
        }
        Output::Human => out(&format!("{forgotten} forgotten")),
    }
    Ok(if unknown > 0 { Exit::RecordsFailed } else { Exit::Success })
}

async fn export(common: &Common, args: &ExportArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let (state, scope) = reading(common, &tenant, &args.resource).await?;
    let mut file = match &args.out {
        Some(path) => {
            let made = std::fs::File::create(path);
            Some(BufWriter::new(made.with_context(|| format!("{} cannot be written", path.display()))?))
        }
        None => None,
    };
    let mut write = |line: &str| -> anyhow::Result<bool> {
        match &mut file {
            Some(file) => Ok(writeln!(file, "{line}").map(|()| true)?),
            None => Ok(out_if_read(line)),
        }
    };
    if args.format == ExportFormat::Csv && !write("key,resource_id,ownership,standing")? {
        return Ok(Exit::Success);
    }
    let mut links = state.links(&scope);
    let mut count = 0_u64;
    while let Some(link) = links.try_next().await? {
        count += 1;
        let (ownership, standing) = (link.ownership.as_str(), link.standing.as_str());
        let line = match args.format {
            ExportFormat::Csv => {
                format!("{},{},{ownership},{standing}", cell(link.key.as_str()), cell(&link.resource_id))
            }
            ExportFormat::JsonLines => json!({
                "key": link.key, "resource_id": link.resource_id, "ownership": ownership, "standing": standing,
            })
            .to_string(),
        };
        if !write(&line)? {
            return Ok(Exit::Success);
        }
    }
    if let Some(mut file) = file {
        file.flush()?;
        file.get_ref().sync_all()?;
        err(&format!("{count} links written"));
    }
    Ok(Exit::Success)
}

/// A cell of a CSV file (RFC 4180 section 2).
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

async fn move_provider(common: &Common, name: &ProviderName) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let config = provider_config(&tenant, name)?;
    let state = writing(common, &tenant).await?;
    let target = assemble::provider(config).await?;
    let address = target.client().base_url().to_owned();
    let known = state.provider_address(name).await?;
    if known.as_deref() == Some(address.as_str()) {
        return conclude_move(common, name, &address, 0, 0, "the links belong to this address already");
    }
    let (links, checked) = recognise(config, &state, name, &address, known).await?;
    state.set_provider_address(name, &address).await?;
    conclude_move(common, name, &address, links, checked, "moved")
}

/// Looks some of the links of a provider up at the address that the configuration has, and ends where they are not
/// there. How many links there are, and how many were looked up.
async fn recognise(
    config: &ProviderConfig,
    state: &TenantState,
    name: &ProviderName,
    address: &str,
    known: Option<String>,
) -> anyhow::Result<(u64, u64)> {
    let (mut links, mut checked, mut strangers) = (0, 0, Vec::new());
    for scope in state.scopes().await?.into_iter().filter(|scope| scope.provider == *name) {
        if state.count_links(&scope, None).await? == 0 {
            continue;
        }
        let by = config.resources.iter().find(|rules| rules.resource_type == scope.resource_type);
        let matching = by.map(|rules| rules.matching.clone()).unwrap_or_default();
        let moved = desk(config, state.clone(), scope).await?.recognise(&matching).await?;
        if !moved.is_recognised() {
            return Err(LinkError::Elsewhere {
                provider: name.clone(),
                base_url: address.to_owned(),
                known: known.unwrap_or_else(|| "the address before".to_owned()),
                strangers: moved.strangers.into_iter().take(5).collect(),
            }
            .into());
        }
        links += moved.links;
        checked += moved.checked;
        strangers.extend(moved.strangers);
    }
    strangers.iter().for_each(|stranger| err(&format!("note: {stranger}")));
    Ok((links, checked))
}

/// Gives the links of a provider to the name that it has now. At another address they are looked up first.
async fn rename_provider(common: &Common, from: &ProviderName, to: &ProviderName) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let config = provider_config(&tenant, to)?;
    if tenant.providers.iter().any(|provider| provider.name == *from) {
        let message = format!(
            "`{from}` is in the configuration, so it is no former name of `{to}`; rename its section first, or leave out \
             --to for a new address"
        );
        return Err(Misconfigured(message).into());
    }
    let state = writing(common, &tenant).await?;
    let mut links = 0;
    for scope in state.scopes().await?.into_iter().filter(|scope| scope.provider == *from) {
        links += state.count_links(&scope, None).await?;
    }
    if links == 0 {
        return Err(Misconfigured(format!("nothing is linked under the name `{from}`")).into());
    }
    let target = assemble::provider(config).await?;
    let address = target.client().base_url().to_owned();
    let known = state.provider_address(from).await?;
    let checked = match known.as_deref() == Some(address.as_str()) {
        true => 0,
        false => recognise(config, &state, from, &address, known).await?.1,
    };
    let moved = state.rename_provider(from, to).await?.map_err(|there| {
        Misconfigured(format!(
            "`{to}` has {there} links already, made by a run under that name, so those of `{from}` were left where they \
             are. If they are to the same resources, `scimwright links forget {to} TYPE --all` for each type, and do \
             this again"
        ))
    })?;
    state.set_provider_address(to, &address).await?;
    conclude_move(common, to, &address, moved, checked, &format!("took over the links of {from}"))
}

fn conclude_move(
    common: &Common,
    name: &ProviderName,
    address: &str,
    links: u64,
    checked: u64,
    word: &str,
) -> anyhow::Result<Exit> {
    match common.output {
        Output::Human => {
            out(&format!("{name}: {word} ({address}; {links} links, {checked} of them looked up there)"));
        }
        Output::Json => {
            let line = json!({
                "event": "summary", "provider": name, "address": address, "links": links, "checked": checked,
                "message": word,
            });
            out(&line.to_string());
        }
    }
    Ok(Exit::Success)
}

async fn rebuild_links(common: &Common, args: &RebuildArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    if args.set_aside {
        set_aside(&tenant).await?;
    }
    let state = open_state_anew(common, &tenant).await?.tenant(&tenant.name);
    let modules = Modules::loaded(assemble::mapping_host(&tenant)?, &tenant);
    let wanted: Vec<&ProviderConfig> = match &args.provider {
        Some(name) => vec![provider_config(&tenant, name)?],
        None => tenant.providers.iter().collect(),
    };
    let screen = Screen { common, listed: Mutex::default() };
    let (mut total, mut exit, mut types) = (Rebuilt::default(), Exit::Success, 0);
    for config in wanted {
        let wants = |rules: &scimwright_provision::ResourceRules| {
            args.resource_type.as_ref().is_none_or(|wanted| *wanted == rules.resource_type)
        };
        let provisioners = match assemble::provisioners(&tenant, config, wants, &modules, &state).await {
            Ok(provisioners) => provisioners,
            Err(error) => {
                exit = exit.or_graver(screen.failed(&error));
                continue;
            }
        };
        let findings = |scope: &LinkScope, finding: &Finding| screen.finding(scope, finding);
        let notices = |_: &LinkScope, event: &Event| screen.notice(event);
        for (scope, outcome) in rebuild(&provisioners, args.ownership, &findings, &notices).await {
            types += 1;
            match outcome {
                Ok(rebuilt) => {
                    screen.done(&scope, &rebuilt);
                    if rebuilt.unclear > 0 {
                        exit = exit.or_graver(Exit::RecordsFailed);
                    }
                    total.add(&rebuilt);
                }
                Err(error) => {
                    let error =
                        anyhow::Error::new(error).context(format!("the links of {scope} are as they were"));
                    exit = exit.or_graver(screen.failed(&error));
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

/// What is said while links are rebuilt.
struct Screen<'a> {
    common: &'a Common,
    /// How many findings of each kind there were.
    listed: Mutex<HashMap<&'static str, u64>>,
}

impl Screen<'_> {
    fn finding(&self, scope: &LinkScope, finding: &Finding) {
        if self.common.output == Output::Json {
            if let Ok(Value::Object(mut line)) = serde_json::to_value(finding) {
                line.insert("provider".to_owned(), scope.provider.as_str().into());
                line.insert("resource_type".to_owned(), scope.resource_type.as_str().into());
                out(&Value::Object(line).to_string());
            }
            return;
        }
        let (word, text) = match finding {
            Finding::Linked { key, resource_id } => ("linked", format!("{key} ({resource_id})")),
            Finding::NoResource { key } => {
                ("missing", format!("{key}: no resource matches; the next sync makes one"))
            }
            Finding::Unclear { key, reason } => ("unclear", format!("{key}: {reason}")),
            Finding::OutOfScope { key, reason } => ("skipped", format!("{key}: {reason}")),
            Finding::NoRecord { resource_id, name } => {
                ("nobody's", format!("{resource_id} ({})", name.as_deref().unwrap_or("no name")))
            }
        };
        let all = self.common.verbose > 0 || word == "unclear";
        let room = || {
            let Ok(mut listed) = self.listed.lock() else { return false };
            let count = listed.entry(word).or_default();
            *count += 1;
            if *count == LISTED + 1 {
                out("             … and more like these; --verbose lists them all");
            }
            *count <= LISTED
        };
        if all || (word != "linked" && word != "skipped" && room()) {
            out(&format!("  {word:<10} {text}"));
        }
    }

    fn notice(&self, event: &Event) {
        if let Event::Notice { message, .. } = event {
            err(&format!("note: {}", self.common.remedies().complete(message)));
        }
    }

    fn done(&self, scope: &LinkScope, rebuilt: &Rebuilt) {
        if self.common.output == Output::Human {
            out(&format!(
                "{scope}: {} linked, {} kept; of {} records {} have no resource, {} are unclear, {} out of scope; of {} \
                 resources {} have no record",
                rebuilt.linked,
                rebuilt.kept,
                rebuilt.records,
                rebuilt.without_resource,
                rebuilt.unclear,
                rebuilt.out_of_scope,
                rebuilt.resources,
                rebuilt.without_record
            ));
        }
    }

    fn failed(&self, error: &anyhow::Error) -> Exit {
        match self.common.output {
            Output::Human => err(&format!("error: {error:#}")),
            Output::Json => out(&json!({ "event": "error", "message": format!("{error:#}") }).to_string()),
        }
        classify(error)
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_key_with_a_comma_or_a_quote_stays_one_cell() {
        assert_eq!(cell("E1"), "E1");
        assert_eq!(cell("Doe, \"Jo\""), "\"Doe, \"\"Jo\"\"\"");
    }
}
