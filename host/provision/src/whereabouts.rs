//! Why is this person not there? Where one record stands at one provider, from what is in the source now and what is
//! remembered. No provider is asked, and no module is run.

use crate::error::ProvisionError;
use crate::prospect::Prospect;
use crate::quarantine::is_shut;
use crate::rules::ResourceRules;
use crate::scope::Standpoint;
use crate::whose::claimants_of;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_record::{ModuleName, RecordKey, RecordSource, Row, SourceName};
use scimwright_state::{
    Intent, Link, LinkScope, LogEntry, LogFilter, ProviderQuarantine, Quarantine, Run, Setback, TenantState,
};

/// How many rows of the client log are shown.
const ROWS: u32 = 5;

/// How many runs are looked through for the last ones that say something.
const RUNS: u32 = 20;

/// Whether the source has the record, and whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is there and in scope, as far as can be told without its mapping.
    Counts,
    /// It is there and out of scope, for this reason.
    OutOfScope(String),
    /// It is there and cannot be used, for this reason.
    Unusable(String),
    /// There is no such record.
    Absent,
    /// The source cannot be read, for this reason, which names it.
    Unreadable(String),
    /// Nothing of this kind is provisioned any more.
    NotConfigured,
}

/// Where one record stands at one provider.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// The record.
    pub key: RecordKey,
    /// The provider and the resource type.
    pub scope: LinkScope,
    /// The source, where one is configured.
    pub source: Option<SourceName>,
    /// What becomes of its resource once its record has left, where it has one.
    pub prospect: Option<Prospect>,
    /// Only a full sync notices that the record is not in the source any more.
    pub asks_for_changes: bool,
    /// What the source says.
    pub presence: Presence,
    /// Its resource, where it has one.
    pub link: Option<Link>,
    /// What went wrong, or why it is out of scope.
    pub setback: Option<Setback>,
    /// A creation of which nobody knows how it ended.
    pub intent: Option<Intent>,
    /// The provider's quarantine, as long as nothing is asked of it.
    pub quarantine: Option<ProviderQuarantine>,
    /// Modules in quarantine that the mapping needs.
    pub modules: Vec<Quarantine>,
    /// Modules that the mapping needs and that cannot be used, with the reason.
    pub unusable: Vec<(ModuleName, String)>,
    /// Other records that claim its resource.
    pub claimants: Vec<RecordKey>,
    /// The last runs over everybody there, newest first.
    pub runs: Vec<Run>,
    /// The provider deletes what is disabled.
    pub disabling_deletes: bool,
    /// The state that knew of it is gone: what is not known here may have been known.
    pub lost: bool,
    /// The last rows of the client log.
    pub log: Vec<LogEntry>,
    /// When everything was last read and looked at.
    pub full_cycle_at: Option<Timestamp>,
}

/// Finds out where a record stands. `configured` are the rules and the source of the resource type, and `access` the way
/// to the provider, where they are still configured. `unusable` are modules that cannot be used, with the reason.
///
/// # Errors
/// [`ProvisionError::State`] when the state cannot be read. A source that cannot be read is part of the answer.
pub async fn whereabouts(
    state: &TenantState,
    scope: &LinkScope,
    configured: Option<(&ResourceRules, &dyn RecordSource)>,
    access: Option<&str>,
    unusable: &[(ModuleName, String)],
    key: &RecordKey,
) -> Result<Whereabouts, ProvisionError> {
    let now = Timestamp::now();
    let presence = match configured {
        Some((rules, source)) => presence(rules, source, key, now).await,
        None => Presence::NotConfigured,
    };
    let filter = LogFilter {
        key: Some(key.clone()),
        provider: Some(scope.provider.clone()),
        resource_type: Some(scope.resource_type.clone()),
        limit: ROWS,
        ..LogFilter::default()
    };
    let link = state.link(scope, key).await?;
    let quarantine = state.provider_quarantine(&scope.provider).await?;
    let needed = configured.map(|(rules, _)| rules);
    let is_needed = |wanted: &ModuleName| {
        needed.is_some_and(|rules| {
            let named = rules.modules.iter().chain(&rules.defaults).chain(rules.scripts());
            named.into_iter().any(|module| module == wanted)
        })
    };
    let claimants = claimants_of(state, scope, key).await?;
    let prospect = needed
        .zip(link.as_ref())
        .map(|(rules, link)| Prospect::of(&rules.deprovision, link, now).contested_by(claimants.len()));
    Ok(Whereabouts {
        key: key.clone(),
        scope: scope.clone(),
        source: configured.map(|(_, source)| source.name().clone()),
        prospect,
        asks_for_changes: configured
            .is_some_and(|(rules, source)| source.change_column().is_some() && rules.members.is_none()),
        presence,
        link,
        setback: state.setback(scope, key).await?,
        intent: state.intents(scope).await?.into_iter().find(|intent| intent.key == *key),
        quarantine: quarantine
            .filter(|quarantine| access.is_some_and(|access| is_shut(quarantine, access, now))),
        modules: state
            .quarantines()
            .await?
            .into_iter()
            .filter(|quarantine| quarantine.until > now && is_needed(&quarantine.module))
            .collect(),
        unusable: unusable.iter().filter(|(module, _)| is_needed(module)).cloned().collect(),
        claimants,
        runs: state.runs_over(scope, RUNS).await?,
        disabling_deletes: needed.is_some_and(|rules| rules.deprovision.disabling_deletes),
        lost: false,
        log: state.log(&filter).await?,
        full_cycle_at: state.full_cycle_at(scope).await?,
    })
}

async fn presence(
    rules: &ResourceRules,
    source: &dyn RecordSource,
    key: &RecordKey,
    now: Timestamp,
) -> Presence {
    let mut rows = match source.read_keys(vec![key.clone()]).await {
        Ok(rows) => rows,
        Err(error) => return Presence::Unreadable(error.to_string()),
    };
    let mut scope = rules.scope.clone();
    scope.columns = source.has_columns();
    loop {
        match rows.try_next().await {
            Ok(Some(Row::Record(_, record))) if record.key() == key => {
                return match scope.look(&record, now) {
                    Ok(Standpoint::In { .. }) => Presence::Counts,
                    Ok(Standpoint::Out { reason, .. }) => Presence::OutOfScope(reason),
                    Err(reason) => Presence::Unusable(reason),
                };
            }
            Ok(Some(Row::Malformed(malformed))) if malformed.key.as_ref() == Some(key) => {
                return Presence::Unusable(format!("{}: {}", malformed.position, malformed.message));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Presence::Absent,
            Err(error) => return Presence::Unreadable(error.to_string()),
        }
    }
}
