//! `[[provider.NAME.resource]]`: what is provisioned, from where, and by which rules.

use crate::config::attributes;
use crate::config::parse::{Surroundings, unknown_name};
use crate::config::reader::{Located, TableReader, nearest};
use crate::config::scripts::{InlineModule, InlineReader, inline_name};
use crate::config::serve;
use scimwright_client::MatchKey;
use scimwright_provision::{
    DeprovisionAction, DeprovisionRules, MemberRules, Nested, Reach, RecordFilter, ResourceRules, ScopeRules,
    Threshold, UnreadableRows,
};
use scimwright_record::{ModuleName, ProviderName, RecordKey, ResourceTypeName, SourceName};
use scimwright_scim::{AttributeName, AttributePath};
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// How often the service reads everything, where its cycles reach only what changed.
const FULL_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Reads the resources of one provider. `concurrency` is how many records are on their way at once.
pub(super) fn read_all(
    table: &TableReader<'_>,
    provider: Option<&ProviderName>,
    around: &Surroundings<'_>,
    concurrency: u64,
) -> (Vec<ResourceRules>, Vec<InlineModule>) {
    let mut resources: Vec<ResourceRules> = Vec::new();
    let mut inline = Vec::new();
    let mut member_types = Vec::new();
    for resource_table in table.repeated_tables("resource") {
        let span = resource_table.span();
        member_types.extend(member_type(&resource_table));
        let Some((rules, scripts)) = resource(resource_table, provider, around, concurrency) else {
            continue;
        };
        if resources.iter().any(|other| other.resource_type == rules.resource_type) {
            table.file().note_with_help(
                span,
                format!("`[{}]` has a second resource of type `{}`", table.place(), rules.resource_type),
                "put everything about one type at one provider into one [[…resource]]",
            );
            continue;
        }
        resources.push(rules);
        inline.extend(scripts);
    }
    member_types.iter().for_each(|said| misspelt_member_type(table, said, &resources));
    // One that a source reads from need not get anything.
    let is_read = provider.is_some_and(|provider| around.read_providers.contains(provider));
    if !table.has("resource") && !is_read {
        table.file().note_with_help(
            table.span(),
            format!("`[{}]` provisions nothing", table.place()),
            format!("add [[{}.resource]] with a type and a source", table.place()),
        );
    }
    (resources, inline)
}

/// One resource, and the scripts that stand in its rows.
fn resource(
    table: TableReader<'_>,
    provider: Option<&ProviderName>,
    around: &Surroundings<'_>,
    concurrency: u64,
) -> Option<(ResourceRules, Option<InlineModule>)> {
    let sources = around.sources;
    if !table.has("type") {
        table.missing("type", "\"User\"");
    }
    if !table.has("source") {
        table.missing("source", "\"hr\"");
    }
    let resource_type = table.parsed::<ResourceTypeName>("type");
    let source = table.parsed::<SourceName>("source");
    if let Some(source) = &source
        && !sources.contains(&source.value)
    {
        let name = Located { value: source.value.to_string(), span: source.span.clone() };
        unknown_name(table.file(), &name, "source", sources.iter().map(SourceName::as_str));
    }
    let matching = match_keys(&table);
    let names = |key| -> Vec<ModuleName> {
        table
            .parsed_list(key)
            .unwrap_or_default()
            .into_iter()
            .map(|name: Located<ModuleName>| name.value)
            .collect()
    };
    let (modules, defaults) = (names("modules"), names("defaults"));
    let inline = provider.zip(resource_type.as_ref());
    let mut scripts = InlineReader {
        scripts: around.scripts,
        folder: around.folder,
        name: inline.and_then(|(provider, kind)| inline_name(provider, &kind.value).ok()),
        found: Vec::new(),
    };
    let walks = source.as_ref().map(|source| (around.references, &source.value));
    let rows =
        table.table("attributes").map(|rows| attributes::read(rows, walks, &mut scripts)).unwrap_or_default();
    let inline = scripts.name.zip(resource_type.clone()).filter(|_| !scripts.found.is_empty());
    let inline =
        inline.map(|(name, kind)| InlineModule { resource_type: kind.value, name, scripts: scripts.found });
    if modules.is_empty() && rows.is_empty() && !table.has("modules") && !table.has("attributes") {
        table.file().note_with_help(
            table.span(),
            format!("`[[{}]]` says nothing about its attributes", table.place()),
            "name a mapping module, modules = [\"corp-user\"], or add a table of attributes",
        );
    }
    let deprovision = deprovision(&table);
    let scope = scope(&table);
    let members = table.table("members").and_then(|members| membership(members, sources));
    let adopt = table.boolean("adopt").unwrap_or(true);
    let reach =
        table.choice("cycle", &[("full", Reach::Full), ("changed", Reach::Changed)]).unwrap_or_default();
    let full_every = serve::length(&table, "full_every").unwrap_or(FULL_EVERY);
    let interval = serve::interval(&table);
    table.finish();
    let rules = ResourceRules {
        resource_type: resource_type?.value,
        source: source?.value,
        matching: matching.into(),
        adopt,
        scope,
        members,
        rows,
        modules,
        defaults,
        deprovision,
        reach,
        full_every,
        interval,
        concurrency: usize::try_from(concurrency).unwrap_or(1),
    };
    Some((rules, inline))
}

/// `match = ["externalId", ["name.familyName", "name.givenName"]]`: keys, of which each is one attribute or
/// several together.
fn match_keys(table: &TableReader<'_>) -> Vec<MatchKey> {
    let Some(value) = table.raw("match") else {
        let usual = ["externalId", "userName"].iter().filter_map(|path| path.parse::<AttributePath>().ok());
        return usual.map(MatchKey::single).collect();
    };
    let wrong = |span, message: String| {
        table.file().note_with_help(
            span,
            message,
            "write attributes, tried in this order, with those that only together tell who it is in a list of \
             their own: match = [\"externalId\", [\"name.familyName\", \"name.givenName\"]]",
        );
    };
    let place = table.place();
    let Some(items) = value.get_ref().as_array() else {
        wrong(value.span(), format!("`match` in `[{place}]` has to be a list of attributes"));
        return Vec::new();
    };
    if items.is_empty() {
        let message =
            format!("`match` in `[{place}]` is empty, so that nobody who is there already would be found");
        wrong(value.span(), message);
    }
    let path = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(text) => {
            Some(table.parse::<AttributePath>(&Located { value: text.to_string(), span: item.span() })?.value)
        }
        _ => {
            wrong(item.span(), format!("this is not an attribute to `match` by in `[{place}]`"));
            None
        }
    };
    let key = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_array() {
        None => path(item).map(MatchKey::single),
        Some(parts) if parts.is_empty() => {
            wrong(item.span(), format!("a list in `match` of `[{place}]` names no attribute"));
            None
        }
        Some(parts) => MatchKey::new(parts.iter().filter_map(path)),
    };
    items.iter().filter_map(key).collect()
}

/// Which records count. Whether the source has columns is known later, when all sources are.
fn scope(table: &TableReader<'_>) -> ScopeRules {
    let filter = |key| {
        let text = table.text(key)?;
        match text.value.parse::<RecordFilter>() {
            Ok(filter) => Some(filter),
            Err(error) => {
                table.file().note_with_help(
                    text.span,
                    format!("`{key}` is not a filter over the fields of a record: {error}"),
                    format!("write {key} = 'status eq \"active\" and not (department eq \"External\")'"),
                );
                None
            }
        }
    };
    ScopeRules {
        only: filter("scope"),
        left: filter("left"),
        valid_from: table.text("valid_from").map(|text| text.value),
        valid_until: table.text("valid_until").map(|text| text.value),
        columns: false,
    }
}

/// A type of members that is spelled almost as one that is provisioned here is a slip of the pen. One that is spelled
/// otherwise may have links from before; whether it has is known to the state alone.
fn misspelt_member_type(table: &TableReader<'_>, said: &Located<String>, resources: &[ResourceRules]) {
    let types = || resources.iter().map(|rules| rules.resource_type.as_str());
    if types().any(|known| known == said.value) {
        return;
    }
    if let Some(near) = nearest(&said.value, types()) {
        table.file().note_with_help(
            said.span.clone(),
            format!("the members are `{}`, and nothing is provisioned as that here", said.value),
            format!("did you mean `{near}`?"),
        );
    }
}

/// What `[…resource.members]` says of its type, without a word about what may be wrong with it.
fn member_type(table: &TableReader<'_>) -> Option<Located<String>> {
    let DeValue::Table(members) = table.raw("members")?.get_ref() else { return None };
    let said = members.get("type")?;
    match said.get_ref() {
        DeValue::String(text) => Some(Located { value: text.to_string(), span: said.span() }),
        _ => None,
    }
}

/// `[…resource.members]`: the membership table.
fn membership(table: TableReader<'_>, sources: &[SourceName]) -> Option<MemberRules> {
    if !table.has("source") {
        table.missing("source", "\"memberships\"");
    }
    let source = table.parsed::<SourceName>("source");
    if let Some(source) = &source
        && !sources.contains(&source.value)
    {
        let name = Located { value: source.value.to_string(), span: source.span.clone() };
        unknown_name(table.file(), &name, "source", sources.iter().map(SourceName::as_str));
    }
    let group = table.required_text("group", "\"team_id\"");
    let member = table.required_text("member", "\"employee_id\"");
    let attribute = match table.parsed::<AttributePath>("attribute") {
        Some(path) => path.value,
        None => AttributePath::new(AttributeName::MEMBERS),
    };
    let resource_type = match table.parsed::<ResourceTypeName>("type") {
        Some(resource_type) => Some(resource_type.value),
        None => ResourceTypeName::parse("User").ok().filter(|_| !table.has("type")),
    };
    let type_field = table.text("type_field").map(|text| text.value);
    let nested =
        table.choice("nested", &[("keep", Nested::Keep), ("flatten", Nested::Flatten)]).unwrap_or_default();
    let valid_from = table.text("valid_from").map(|text| text.value);
    let valid_until = table.text("valid_until").map(|text| text.value);
    let max_removed = threshold(&table, "max_removed");
    table.finish();
    Some(MemberRules {
        source: source?.value,
        attribute,
        group: group?.value,
        member: member?.value,
        resource_type: resource_type?,
        type_field,
        types: Vec::new(),
        nested,
        valid_from,
        valid_until,
        max_removed: max_removed.unwrap_or(Threshold { share: Some(0.5), count: None }),
        columns: false,
    })
}

fn deprovision(table: &TableReader<'_>) -> DeprovisionRules {
    let days = table.whole_number("delete_after_days", 1..=3_650);
    let after = Duration::from_secs(days.unwrap_or(30) * 24 * 3_600);
    let action = table
        .choice(
            "deprovision",
            &[
                ("nothing", DeprovisionAction::Nothing),
                ("disable", DeprovisionAction::Disable),
                ("delete", DeprovisionAction::Delete),
                ("disable-then-delete", DeprovisionAction::DisableThenDelete { after }),
            ],
        )
        .unwrap_or(DeprovisionAction::Disable);
    if let (Some(_), Some(value)) = (days, table.raw("delete_after_days"))
        && !matches!(action, DeprovisionAction::DisableThenDelete { .. })
    {
        table.file().note_with_help(
            value.span(),
            "`delete_after_days` has no effect here",
            "it goes with deprovision = \"disable-then-delete\"",
        );
    }
    let unreadable_rows = table
        .choice("unreadable_rows", &[("hold", UnreadableRows::Hold), ("ignore", UnreadableRows::Ignore)])
        .unwrap_or(UnreadableRows::Hold);
    DeprovisionRules {
        action,
        threshold: threshold(table, "max_deprovision").unwrap_or_default(),
        include_adopted: table.boolean("deprovision_adopted").unwrap_or(false),
        protected: table
            .parsed_list::<RecordKey>("protect")
            .unwrap_or_default()
            .into_iter()
            .map(|key| key.value)
            .collect(),
        unreadable_rows,
        disabling_deletes: false,
    }
}

/// `max_deprovision = "5%"`, `20`, or both: `{ share = "5%", count = 20 }`.
fn threshold(table: &TableReader<'_>, key: &'static str) -> Option<Threshold> {
    let value = table.raw(key)?;
    let wrong = || {
        table.file().note_with_help(
            value.span(),
            "this is not a bound for how many may go",
            "write a share, \"5%\", a number, 20, or both: { share = \"5%\", count = 20 }; \"100%\" lets everybody go",
        );
        None
    };
    match value.get_ref() {
        DeValue::String(text) => match share(text) {
            Some(share) => Some(Threshold { share: Some(share), count: None }),
            None => wrong(),
        },
        DeValue::Integer(number) => match number.as_str().parse() {
            Ok(count) => Some(Threshold { share: None, count: Some(count) }),
            Err(_) => wrong(),
        },
        DeValue::Table(inner) => {
            let inner =
                TableReader::new(table.file(), format!("{}.{key}", table.place()), inner, value.span());
            let share_text = inner.text("share");
            let count = inner.whole_number("count", 0..=u64::MAX);
            // Whoever writes neither has no bound at all, and hardly means that.
            let says_nothing = inner.raw("share").is_none() && inner.raw("count").is_none();
            inner.finish();
            match share_text.map(|text| share(&text.value)) {
                Some(None) => wrong(),
                None if says_nothing => wrong(),
                Some(share) => Some(Threshold { share, count }),
                None => Some(Threshold { share: None, count }),
            }
        }
        _ => wrong(),
    }
}

/// `5%` or `2.5 %`, as a share from 0 to 1.
fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}
