//! What a plan rests on, and what of it is different now.
//!
//! Sources are known by a digest that their rows give in any order, so that a table read without ORDER BY is the same
//! twice. It is taken from the rows as the plan reads them: nothing is read a second time for it.

use crate::digest::Parts;
use crate::origin::ModuleVersion;
use crate::provisioner::Provisioner;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use scimwright_record::{
    Changed, ModuleName, ProviderName, RecordKey, RecordSource, RecordStream, Row, SourceError, SourceName,
};
use scimwright_state::{LinkScope, LinksDigest, Run, StateError, TenantState};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that a plan rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The sources that were read, for records, memberships and look-ups.
    pub sources: BTreeMap<SourceName, SourcePrint>,
    /// The modules that mapped.
    pub modules: BTreeMap<ModuleName, ModulePrint>,
    /// Digests of the parts of the configuration, by their names. Secrets have no part in them, only where they are.
    pub configuration: BTreeMap<String, String>,
    /// The addresses of the providers.
    pub providers: BTreeMap<ProviderName, String>,
    /// The links.
    pub links: Vec<LinksPrint>,
}

/// A reading of a source, without what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePrint {
    /// How many rows there were, unreadable ones among them.
    pub records: u64,
    /// A sum over the digests of the rows, in hexadecimal.
    pub digest: String,
}

/// A version of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModulePrint {
    /// The version that it gives itself.
    pub version: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
}

/// The links of one type at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksPrint {
    /// Which.
    #[serde(flatten)]
    pub scope: LinkScope,
    /// What they come to.
    #[serde(flatten)]
    pub links: LinksDigest,
}

impl Basis {
    /// Adds what these provisioners of one provider bring with them: modules, the provider's address, and the links of all types that
    /// they or the state know at that provider, as references lead to any of them.
    ///
    /// # Errors
    /// [`StateError`] when the links cannot be read.
    pub async fn look(
        &mut self,
        provisioners: impl IntoIterator<Item = &Provisioner>,
    ) -> Result<(), StateError> {
        let provisioners: Vec<&Provisioner> = provisioners.into_iter().collect();
        let Some(first) = provisioners.first() else { return Ok(()) };
        let mut scopes: Vec<LinkScope> = provisioners.iter().map(|provisioner| provisioner.scope()).collect();
        for scope in first.state.scopes().await? {
            if scope.provider == first.provider && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        for provisioner in &provisioners {
            let address = provisioner.target.client().base_url().to_string();
            self.providers.insert(provisioner.provider.clone(), address);
            for module in provisioner.layers.versions() {
                let ModuleVersion { name, version, digest } = module;
                self.modules.insert(name, ModulePrint { version, digest });
            }
        }
        scopes.sort_by(|a, b| a.resource_type.cmp(&b.resource_type));
        self.links.extend(links_of(&first.state, scopes).await?);
        Ok(())
    }

    /// What is different now from what it was then, each a sentence. `runs` are those of the state, for who changed
    /// the links.
    #[must_use]
    pub fn changes(&self, now: &Self, made_at: Timestamp, runs: &[Run]) -> Vec<String> {
        let mut changes = self.changes_besides_links(now);
        for then in &self.links {
            let now = now.links.iter().find(|links| links.scope == then.scope);
            if now.is_some_and(|now| now.links == then.links) {
                continue;
            }
            let count = now.map_or(0, |now| now.links.count);
            let LinkScope { provider, resource_type } = &then.scope;
            let by = runs
                .iter()
                .find(|run| run.scope == then.scope && run.started_at >= made_at && !run.never_began());
            let by = by.map_or(String::new(), |run| {
                format!("; a run ({}) began at {}", run.kind.as_str(), run.started_at)
            });
            changes.push(format!(
                "the links of {resource_type} at `{provider}` changed: {} then, {count} now{by}",
                then.links.count
            ));
        }
        changes
    }

    /// The same without the links.
    #[must_use]
    pub fn changes_besides_links(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (name, then) in &self.sources {
            match now.sources.get(name) {
                Some(now) if now == then => {}
                Some(now) => changes.push(format!(
                    "source `{name}` changed: {} records then, {} now",
                    then.records, now.records
                )),
                None => changes.push(format!("source `{name}` is not there any more")),
            }
        }
        for (name, then) in &self.modules {
            match now.modules.get(name) {
                Some(now) if now.digest == then.digest => {}
                Some(now) => changes.push(format!(
                    "module `{name}` is another one: version {} ({}) then, {} ({}) now",
                    then.version,
                    short(&then.digest),
                    now.version,
                    short(&now.digest)
                )),
                None => changes.push(format!("module `{name}` has no part in it any more")),
            }
        }
        let added = now.modules.keys().filter(|name| !self.modules.contains_key(*name));
        changes.extend(added.map(|name| format!("module `{name}` has a part in it now")));
        for (name, then) in &self.providers {
            match now.providers.get(name) {
                Some(now) if now == then => {}
                Some(now) => changes.push(format!("provider `{name}` was at {then} and is at {now} now")),
                None => changes.push(format!("provider `{name}` is not configured any more")),
            }
        }
        let parts: BTreeSet<&String> = self.configuration.keys().chain(now.configuration.keys()).collect();
        let changed: Vec<&str> = parts
            .into_iter()
            .filter(|part| self.configuration.get(*part) != now.configuration.get(*part))
            .map(String::as_str)
            .collect();
        if !changed.is_empty() {
            changes.push(format!("the configuration changed: {}", changed.join(", ")));
        }
        changes
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// What the links of these scopes come to.
async fn links_of(state: &TenantState, scopes: Vec<LinkScope>) -> Result<Vec<LinksPrint>, StateError> {
    let mut prints = Vec::with_capacity(scopes.len());
    for scope in scopes {
        let links = state.links_digest(&scope).await?;
        prints.push(LinksPrint { scope, links });
    }
    Ok(prints)
}

/// Takes the prints of sources while they are read.
#[derive(Debug, Default)]
pub struct SourcePrints(Mutex<BTreeMap<SourceName, Taken>>);

#[derive(Debug)]
enum Taken {
    /// Every reading so far gave this.
    Same(SourcePrint),
    /// Two readings differed.
    Differed,
}

impl SourcePrints {
    /// The source, with the print of every full reading taken.
    #[must_use]
    pub fn watch(self: &Arc<Self>, source: Arc<dyn RecordSource>) -> Arc<dyn RecordSource> {
        Arc::new(Watched { source, prints: Arc::clone(self) })
    }

    /// The prints of the sources that were read to their ends.
    ///
    /// # Errors
    /// The name of a source that was read more than once and was not the same.
    pub fn taken(&self) -> Result<BTreeMap<SourceName, SourcePrint>, SourceName> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let prints = taken.iter().map(|(name, taken)| match taken {
            Taken::Same(print) => Ok((name.clone(), print.clone())),
            Taken::Differed => Err(name.clone()),
        });
        prints.collect()
    }

    fn enter(&self, name: &SourceName, print: SourcePrint) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match taken.remove(name) {
            Some(Taken::Same(known)) if known != print => Taken::Differed,
            Some(Taken::Differed) => Taken::Differed,
            _ => Taken::Same(print),
        };
        taken.insert(name.clone(), entry);
    }
}

/// Reads a source to its end for nothing but its print.
///
/// # Errors
/// [`SourceError`] when it cannot be read to its end.
pub async fn source_print(source: &dyn RecordSource) -> Result<SourcePrint, SourceError> {
    let mut rows = source.read().await?;
    let mut running = Running::default();
    while let Some(row) = rows.next().await {
        running.add(&row?);
    }
    Ok(running.print())
}

/// A source whose readings are watched.
struct Watched {
    source: Arc<dyn RecordSource>,
    prints: Arc<SourcePrints>,
}

impl Watched {
    fn watched(&self, rows: RecordStream) -> RecordStream {
        let (prints, name) = (Arc::clone(&self.prints), self.source.name().clone());
        let begun = (rows, Some(Running::default()), prints, name);
        futures::stream::unfold(begun, |(mut rows, mut running, prints, name)| async move {
            let Some(row) = rows.next().await else {
                if let Some(running) = running {
                    prints.enter(&name, running.print());
                }
                return None;
            };
            match (&row, &mut running) {
                (Ok(row), Some(running)) => running.add(row),
                // A reading that broke off is none.
                _ => running = None,
            }
            Some((row, (rows, running, prints, name)))
        })
        .boxed()
    }
}

impl RecordSource for Watched {
    fn name(&self) -> &SourceName {
        self.source.name()
    }

    fn has_columns(&self) -> bool {
        self.source.has_columns()
    }

    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        self.source.repeated_keys()
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async { Ok(self.watched(self.source.read().await?)) }.boxed()
    }

    fn change_column(&self) -> Option<&str> {
        self.source.change_column()
    }

    fn read_changed<'a>(&'a self, since: Option<&str>) -> BoxFuture<'a, Result<Changed, SourceError>> {
        let since = since.map(str::to_owned);
        async move {
            let changed = self.source.read_changed(since.as_deref()).await?;
            let rows = match since {
                None => self.watched(changed.rows),
                Some(_) => changed.rows,
            };
            Ok(Changed { rows, ..changed })
        }
        .boxed()
    }

    fn read_keys(&self, keys: Vec<RecordKey>) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        self.source.read_keys(keys)
    }
}

/// A digest over rows that does not depend on their order: the sum of theirs.
#[derive(Default)]
struct Running {
    records: u64,
    sum: [u64; 4],
}

impl Running {
    fn add(&mut self, row: &Row) {
        let mut parts = Parts::default();
        match row {
            Row::Record(_, record) => {
                parts.take("record");
                parts.take(record.key().as_str());
                parts.take_fields(record);
            }
            Row::Malformed(malformed) => {
                parts.take("malformed");
                parts.take(malformed.key.as_ref().map(RecordKey::as_str).unwrap_or_default());
                parts.take(&malformed.message);
            }
        }
        let digest = parts.bytes();
        for (sum, word) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let word = word.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            *sum = sum.wrapping_add(word);
        }
        self.records += 1;
    }

    fn print(&self) -> SourcePrint {
        let digest = self.sum.iter().map(|word| format!("{word:016x}")).collect();
        SourcePrint { records: self.records, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::{FieldValue, Position, Record};

    fn row(key: &str, title: &str) -> Row {
        let name = SourceName::parse("hr").unwrap();
        let record = Record::new(name, RecordKey::parse(key).unwrap());
        Row::Record(Position::Line(1), record.with("title", FieldValue::Text(title.into())))
    }

    fn print(rows: &[Row]) -> SourcePrint {
        let mut running = Running::default();
        rows.iter().for_each(|row| running.add(row));
        running.print()
    }

    #[test]
    fn rows_in_another_order_are_the_same_source_and_other_rows_are_not() {
        let (jo, ann) = (row("E1", "Clerk"), row("E2", "Engineer"));
        let first = print(&[jo.clone(), ann.clone()]);
        assert_eq!(first, print(&[ann.clone(), jo.clone()]));
        assert_ne!(first, print(&[jo.clone(), row("E2", "Clerk")]));
        assert_ne!(first, print(&[jo.clone(), ann.clone(), ann]));
        assert_ne!(first, print(&[jo]));
        assert_eq!(first.records, 2);
    }

    fn basis() -> Basis {
        let name = |text: &str| ProviderName::parse(text).unwrap();
        Basis {
            sources: [(SourceName::parse("hr").unwrap(), print(&[row("E1", "Clerk")]))].into(),
            modules: [(
                ModuleName::parse("corp-user").unwrap(),
                ModulePrint { version: "1.0.0".into(), digest: "aa".repeat(32) },
            )]
            .into(),
            configuration: [("[provider.acme]".to_owned(), "1".to_owned())].into(),
            providers: [(name("acme"), "https://acme.example/".to_owned())].into(),
            links: vec![LinksPrint {
                scope: LinkScope {
                    provider: name("acme"),
                    resource_type: scimwright_record::ResourceTypeName::parse("User").unwrap(),
                },
                links: LinksDigest { count: 1, digest: "x".into() },
            }],
        }
    }

    #[test]
    fn whatever_changed_is_named() {
        let then = basis();
        let made_at = Timestamp::UNIX_EPOCH;
        assert!(then.changes(&basis(), made_at, &[]).is_empty());
        let mut now = basis();
        now.sources.values_mut().for_each(|print| *print = self::print(&[row("E1", "Clerk"), row("E2", "")]));
        now.modules.values_mut().for_each(|module| module.digest = "bb".repeat(32));
        now.configuration.insert("[source.hr]".to_owned(), "2".to_owned());
        now.providers.values_mut().for_each(|address| address.push_str("v2/"));
        now.links[0].links = LinksDigest { count: 2, digest: "y".into() };
        let changes = then.changes(&now, made_at, &[]);
        insta::assert_snapshot!(changes.join("\n"), @r"
        source `hr` changed: 1 records then, 2 now
        module `corp-user` is another one: version 1.0.0 (aaaaaaaaaaaa) then, 1.0.0 (bbbbbbbbbbbb) now
        provider `acme` was at https://acme.example/ and is at https://acme.example/v2/ now
        the configuration changed: [source.hr]
        the links of User at `acme` changed: 1 then, 2 now
        ");
    }
}
