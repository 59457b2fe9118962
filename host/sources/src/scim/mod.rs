//! The resources of a service provider as records, so that one directory can be synchronised with another.
//!
//! Lists are read page by page, as the provider pages; one that breaks off, or has fewer resources than the provider
//! says, ends the pass with an error. What a resource becomes is in `fields`.

mod fields;

use crate::columns::key_of;
use fields::{Fields, plain_value};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use scimwright_client::{Capability, ClientError, Failure, Kind, Provider, Query, Selection};
use scimwright_record::{
    Changed, FieldValue, Malformed, Position, Record, RecordKey, RecordSource, RecordStream, Row,
    SourceError, SourceName,
};
use scimwright_scim::{AttributePath, Comparison, Filter, Resource, ScimType};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// How wrong the provider's clock and ours may be, and how long a write may take to show. Whoever changed within
/// it comes once more.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// How many keys stand in one filter: some providers, and many proxies, refuse an address of more than 4 KiB.
const KEYS_PER_FILTER: usize = 20;

/// How many resources are asked for one by one at the same time.
const IN_FLIGHT: usize = 4;

/// Where the provider comes from. It is asked for at each pass.
pub trait ProviderSource: Send + Sync {
    /// The provider, ready to be called.
    ///
    /// # Errors
    /// A sentence that says what is missing, such as a secret.
    fn open(&self) -> BoxFuture<'_, Result<Provider, String>>;
}

impl ProviderSource for Provider {
    fn open(&self) -> BoxFuture<'_, Result<Provider, String>> {
        std::future::ready(Ok(self.clone())).boxed()
    }
}

/// A provider, and which of its resources are records.
#[derive(Clone)]
pub struct ScimOptions {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The provider.
    pub provider: Arc<dyn ProviderSource>,
    /// The resource type, as the provider names it: `User`.
    pub resource_type: String,
    /// The attribute that holds the record's key: `id`, `externalId`, `userName`.
    pub key: AttributePath,
    /// Only resources that match. The provider is asked for them, and what it sends is checked again.
    pub filter: Option<Filter>,
    /// Only these attributes, besides the key; all that the provider sends where there are none.
    pub attributes: Vec<AttributePath>,
    /// Whether the provider keeps `meta.lastModified` and can be asked by it. One that turns out not to be able to
    /// filter is read in full.
    pub by_last_modified: bool,
}

impl ScimOptions {
    /// All resources of a type, by their `id`.
    #[must_use]
    pub fn new(
        name: SourceName,
        provider: Arc<dyn ProviderSource>,
        resource_type: impl Into<String>,
    ) -> Self {
        Self {
            name,
            provider,
            resource_type: resource_type.into(),
            key: AttributePath::new(scimwright_scim::AttributeName::ID),
            filter: None,
            attributes: Vec::new(),
            by_last_modified: false,
        }
    }
}

impl fmt::Debug for ScimOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimOptions")
            .field("name", &self.name)
            .field("resource_type", &self.resource_type)
            .field("key", &self.key)
            .field("filter", &self.filter)
            .field("attributes", &self.attributes)
            .field("by_last_modified", &self.by_last_modified)
            .finish_non_exhaustive()
    }
}

/// The resources of a provider as a source.
///
/// A resource becomes one record; its attributes become fields:
///
/// | at the provider | field | value |
/// |---|---|---|
/// | `"userName": "zoe"` | `userName` | as JSON has it; moments where the schema says so |
/// | `"name": {"givenName": "Zoë"}` | `name.givenName`, and `name` as JSON | |
/// | `"emails": [{"type": "work", "value": "z@…"}]` | `emails[work]`, `emails.value`, and `emails` as JSON | text, several texts |
/// | `"addresses": [{"type": "home", "locality": "Graz"}]` | `addresses[home].locality` | |
/// | `"urn:…:User": {"department": "R&D"}` | `urn:…:User:department` | |
/// | `"members": [{"value": "2819c"}]` | `members.value`, and `members` as JSON | several texts |
///
/// ```no_run
/// use futures::TryStreamExt;
/// use scimwright_client::{Authentication, Provider, ProviderSettings};
/// use scimwright_profile::Profile;
/// use scimwright_record::{RecordSource, Row, SourceName};
/// use scimwright_scim::{AttributePath, Filter};
/// use scimwright_sources::{ScimOptions, ScimSource};
/// use std::sync::Arc;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Authentication::bearer(std::env::var("DIRECTORY_TOKEN")?);
/// let settings = ProviderSettings::new("directory", "https://directory.example/scim/v2".parse()?, auth);
/// let directory = Provider::new(settings, Profile::default())?;
///
/// let mut options = ScimOptions::new(SourceName::parse("people")?, Arc::new(directory), "User");
/// options.key = AttributePath::parse("externalId")?;
/// options.filter = Some(Filter::parse("active eq true")?);
/// let rows: Vec<Row> = ScimSource::new(options).read().await?.try_collect().await?;
/// for row in rows {
///     if let Row::Record(place, record) = row {
///         println!("{place}: {:?} at {:?}", record.field("name.givenName"), record.field("emails[work]"));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ScimSource {
    options: Arc<ScimOptions>,
}

type Resources = BoxStream<'static, Result<Resource, ClientError>>;

impl ScimSource {
    /// A source that reads as the options say. Nothing is sent before [`read`](RecordSource::read).
    #[must_use]
    pub fn new(options: ScimOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    async fn open(&self) -> Result<Opened, SourceError> {
        let options = &self.options;
        let provider = options.provider.open().await.map_err(|message| self.failed(message))?;
        let discovery = provider.discovery().await.map_err(|error| self.failed(error.to_string()))?;
        let Some(binding) = discovery.resource_type(&options.resource_type) else {
            let known: Vec<_> = discovery.resource_types.iter().map(|known| known.name.as_str()).collect();
            return Err(self.failed(format!(
                "provider `{}` has no resource type `{}`; it has: {}",
                provider.name(),
                options.resource_type,
                known.join(", ")
            )));
        };
        let kind = Arc::new(provider.kind_of(binding));
        let filters = discovery.capabilities.can(Capability::Filter);
        Ok(Opened { options: Arc::clone(options), provider, kind, filters })
    }

    fn failed(&self, message: String) -> SourceError {
        SourceError { source_name: self.options.name.clone(), position: None, message }
    }
}

impl RecordSource for ScimSource {
    fn name(&self) -> &SourceName {
        &self.options.name
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            let opened = self.open().await?;
            let all = opened.query(None);
            Ok(opened.rows(all, None))
        }
        .boxed()
    }

    fn change_column(&self) -> Option<&str> {
        self.options.by_last_modified.then_some(fields::LAST_MODIFIED)
    }

    fn read_changed(&self, since: Option<&str>) -> BoxFuture<'_, Result<Changed, SourceError>> {
        let since = since.map(ToOwned::to_owned);
        async move {
            if !self.options.by_last_modified {
                return Ok(Changed { rows: self.read().await?, watermark: None });
            }
            let since = match since.map(|text| text.parse::<Timestamp>().map_err(|_| text)) {
                None => None,
                Some(Ok(since)) => Some(since),
                Some(Err(text)) => {
                    return Err(self.failed(format!(
                        "`{text}` is no watermark of this source; run a full cycle, which makes a new one"
                    )));
                }
            };
            // By our clock, and before anything is asked: the provider has no moment that all of a list is of.
            let watermark = whole_seconds(Timestamp::now() - CLOCK_MARGIN);
            let opened = self.open().await?;
            let rows = match since.filter(|_| opened.filters) {
                None => {
                    let all = opened.query(None);
                    opened.rows(all, None)
                }
                Some(since) => opened.changed(since).await,
            };
            Ok(Changed { rows, watermark: Some(watermark) })
        }
        .boxed()
    }

    fn read_keys(&self, keys: Vec<RecordKey>) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            let opened = self.open().await?;
            let wanted: HashSet<RecordKey> = keys.iter().cloned().collect();
            let is_id = opened.options.key == AttributePath::new(scimwright_scim::AttributeName::ID);
            let found = match (is_id, opened.filters) {
                (true, _) => opened.by_id(keys),
                (false, true) => opened.by_filter(&keys),
                (false, false) => opened.query(None),
            };
            Ok(opened.rows(found, Some(wanted)))
        }
        .boxed()
    }
}

/// A provider that was asked what it can do.
struct Opened {
    options: Arc<ScimOptions>,
    provider: Provider,
    kind: Arc<Kind>,
    /// Whether it can filter, as far as anybody knows.
    filters: bool,
}

impl Opened {
    /// The resources that match both the source's filter and another.
    fn query(&self, also: Option<Filter>) -> Resources {
        let own = self.options.filter.clone().filter(|_| self.filters);
        let filter = Filter::all(own.into_iter().chain(also));
        self.provider.get(&self.kind, Query { filter, attributes: self.attributes(), ..Query::default() })
    }

    /// What the provider is asked to send: also what the key and the filter need.
    fn attributes(&self) -> Vec<AttributePath> {
        let mut attributes = self.options.attributes.clone();
        // A filter that is checked again needs the attributes that it names, and names them anywhere inside: then
        // everything comes, and what was not asked for is cut off.
        if attributes.is_empty() || self.options.filter.is_some() {
            return Vec::new();
        }
        for needed in [Some(self.options.key.clone()), fields::meta_path()].into_iter().flatten() {
            if !attributes.contains(&needed) {
                attributes.push(needed);
            }
        }
        attributes
    }

    /// Who changed at or after a moment; everybody, where the provider refuses to be asked that.
    async fn changed(self, since: Timestamp) -> RecordStream {
        let Some(path) = fields::last_modified_path() else {
            let all = self.query(None);
            return self.rows(all, None);
        };
        let filter = Filter::compare(path, Comparison::GreaterOrEqual, whole_seconds(since));
        let mut found = self.query(Some(filter));
        let first = match found.next().await {
            Some(Err(error)) if cannot_filter(&error) => {
                tracing::warn!(
                    "source `{}`: the provider cannot be asked for what changed, so everything is read ({error})",
                    self.options.name
                );
                let all = self.query(None);
                return self.rows(all, None);
            }
            // It is over, and is not asked again.
            None => return self.rows(futures::stream::empty().boxed(), None),
            Some(first) => first,
        };
        let found = futures::stream::iter([first]).chain(found).boxed();
        self.rows(found, None)
    }

    fn by_id(&self, ids: Vec<RecordKey>) -> Resources {
        let (provider, kind) = (self.provider.clone(), Arc::clone(&self.kind));
        let selection = Selection { attributes: self.attributes(), ..Selection::default() };
        futures::stream::iter(ids)
            .map(move |id| {
                let (provider, kind, selection) = (provider.clone(), Arc::clone(&kind), selection.clone());
                async move {
                    let client = provider.client();
                    match client.retrieve_selected(kind.resource_type(), id.as_str(), &selection).await {
                        Ok(answer) => Some(Ok(answer.value)),
                        Err(error) if matches!(error.kind, Failure::NotFound(_)) => None,
                        Err(error) => Some(Err(error)),
                    }
                }
            })
            .buffered(IN_FLIGHT)
            .filter_map(std::future::ready)
            .boxed()
    }

    fn by_filter(&self, keys: &[RecordKey]) -> Resources {
        let key = &self.options.key;
        let one = |wanted: &RecordKey| Filter::eq(key.clone(), wanted.as_str());
        let lists: Vec<_> = keys
            .chunks(KEYS_PER_FILTER)
            .filter_map(|keys| Filter::any(keys.iter().map(one)))
            .map(|any| self.query(Some(any)))
            .collect();
        futures::stream::iter(lists).flatten().boxed()
    }

    /// The records that resources are; of certain keys, if there are `only` some.
    fn rows(self, mut found: Resources, only: Option<HashSet<RecordKey>>) -> RecordStream {
        let Self { options, provider, kind, .. } = self;
        async_stream::stream! {
            let fields = Fields::new(kind.schemas(), &options.key, &options.attributes);
            let mut number = 0;
            while let Some(resource) = found.next().await {
                let resource = match resource {
                    Ok(resource) => resource,
                    Err(error) => {
                        let position = (number > 0).then_some(Position::Resource(number));
                        let source_name = options.name.clone();
                        let message = format!("{} of provider `{}`: {error}", options.resource_type, provider.name());
                        yield Err(SourceError { source_name, position, message });
                        return;
                    }
                };
                number += 1;
                if options.filter.as_ref().is_some_and(|filter| !filter.matches(&resource, kind.schemas())) {
                    continue;
                }
                let row = read_row(&options, &fields, &resource, number);
                if only.as_ref().is_none_or(|keys| row.key().is_some_and(|key| keys.contains(key))) {
                    yield Ok(row);
                }
            }
        }
        .boxed()
    }
}

fn read_row(options: &ScimOptions, fields: &Fields<'_>, resource: &Resource, number: u64) -> Row {
    let position = Position::Resource(number);
    let place = format!("the key attribute `{}`", options.key);
    let value = resource.get(&options.key).map_or(FieldValue::Null, plain_value);
    let named = |message: String| match resource.id_text() {
        Some(id) => format!("the {} with the id {id}: {message}", options.resource_type),
        None => message,
    };
    let key = match key_of(&value, &place) {
        Ok(key) => key,
        Err(message) => return Row::Malformed(Malformed { position, key: None, message: named(message) }),
    };
    let fields = fields.of(resource);
    Row::Record(position, Record::with_distinct_fields(options.name.clone(), key, fields))
}

fn whole_seconds(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// Whether a provider says that it does not understand the filter.
fn cannot_filter(error: &ClientError) -> bool {
    let refused = error.kind.refusal().is_some_and(|refusal| refusal.is(&ScimType::InvalidFilter));
    refused || matches!(error.kind, Failure::Unsupported(_))
}

#[cfg(test)]
mod tests;
