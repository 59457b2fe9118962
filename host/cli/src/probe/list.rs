//! Lists: filters and pages.

use super::answer::Answer;
use super::user::Cast;
use super::{Probe, Verdict};
use scimwright_client::{Method, Query};
use scimwright_profile::{EmptyResult, Paging, QueryBy};
use scimwright_scim::{AttributePath, Comparison, Filter, ListResponse, Resource};
use serde_json::Value;

const LISTS: &str = "lists";

/// What a filter found.
enum Found {
    /// Exactly whom it should.
    Right,
    /// Others as well.
    Others,
    /// Not whom it should.
    Nobody,
    Refused(Answer),
}

impl Found {
    fn words(&self) -> String {
        match self {
            Self::Right => "heeded".to_owned(),
            Self::Others => "ignored: it finds others as well".to_owned(),
            Self::Nobody => "it does not find whom it should".to_owned(),
            Self::Refused(answer) => answer.words(),
        }
    }
}

/// Which filters are understood.
pub(super) async fn filters(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    let first = cast.first.login.as_str();
    let eq = |name: &str, value: &str| Ok::<_, anyhow::Error>(Filter::eq(AttributePath::parse(name)?, value));

    let by_name = found(probe, eq("userName", first)?, &[&cast.first.id]).await?;
    let works = matches!(by_name, Found::Right);
    note(probe, "filter: userName eq", &by_name);
    note(probe, "filter: externalId eq", &found(probe, eq("externalId", first)?, &[&cast.first.id]).await?);
    let declared = probe.discovery.capabilities.filter.value.supported;
    if works != declared {
        probe.found().provider.filter = Some(works);
    }

    let shown = probe.read(probe.users.resource_type(), &cast.first.id).await?.resource;
    let display = shown.and_then(|shown| Some(shown.as_map().get("displayName")?.as_str()?.to_owned()));
    const QUOTES: &str = "filter: a value with quotes";
    match display.filter(|display| display.contains('"')) {
        Some(display) => {
            note(probe, QUOTES, &found(probe, eq("displayName", &display)?, &[&cast.first.id]).await?);
        }
        None => probe.note(LISTS, QUOTES, Verdict::Untold, "quotes in displayName are not kept"),
    }
    nobody(probe, eq("userName", &format!("{}-nobody", probe.scratch.stem()))?).await?;
    if works {
        operators(probe, cast).await?;
    }
    Ok(())
}

/// The comparisons beyond `eq`, and `or`.
async fn operators(probe: &Probe, cast: &Cast) -> anyhow::Result<()> {
    let (first, second) = (cast.first.login.as_str(), cast.second.login.as_str());
    let everything_but_at = first.split('@').next().unwrap_or(first);
    let end = first.strip_prefix(super::scratch::PREFIX).unwrap_or(first);
    let user_name = AttributePath::parse("userName")?;
    let compare =
        |operator, value: &str| Filter::Compare { path: user_name.clone(), operator, value: value.into() };
    let tried = [
        ("filter: userName sw", Comparison::StartsWith, everything_but_at),
        ("filter: userName co", Comparison::Contains, everything_but_at),
        ("filter: userName ew", Comparison::EndsWith, end),
    ];
    let mut understood = vec![Comparison::Equal];
    for (behaviour, operator, value) in tried {
        let found = found(probe, compare(operator, value), &[&cast.first.id]).await?;
        if matches!(found, Found::Right) {
            understood.push(operator);
        }
        note(probe, behaviour, &found);
    }
    let both = Filter::eq(user_name.clone(), first).or(Filter::eq(user_name, second));
    let both = found(probe, both, &[&cast.first.id, &cast.second.id]).await?;
    note(probe, "filter: or", &both);
    // The setting also says that comparisons are joined by `and` only.
    if understood.len() <= 3 || !matches!(both, Found::Right) {
        probe.found().provider.filter_operators = Some(understood);
    }
    Ok(())
}

/// How a filter is answered that nothing matches.
async fn nobody(probe: &Probe, filter: Filter) -> anyhow::Result<()> {
    const BEHAVIOUR: &str = "filter that matches nobody";
    let (answer, page) = probe.page(Query::filtered(filter)).await?;
    let (verdict, words) = match answer.status {
        404 => {
            probe.found().provider.empty_result = EmptyResult::NotFound;
            (Verdict::Odd, answer.words())
        }
        _ if !answer.is_ok() => (Verdict::Odd, answer.words()),
        _ if page.resources.is_empty() => (Verdict::Plain, "an empty list".to_owned()),
        _ => (Verdict::Odd, "ignored: it finds others".to_owned()),
    };
    probe.note(LISTS, BEHAVIOUR, verdict, words);
    Ok(())
}

fn note(probe: &Probe, behaviour: &'static str, found: &Found) {
    let verdict = if matches!(found, Found::Right) { Verdict::Plain } else { Verdict::Odd };
    probe.note(LISTS, behaviour, verdict, found.words());
}

async fn found(probe: &Probe, filter: Filter, wanted: &[&String]) -> anyhow::Result<Found> {
    let (answer, page) = probe.page(Query::filtered(filter)).await?;
    if !answer.is_ok() {
        return Ok(Found::Refused(answer));
    }
    let ids: Vec<String> = page.resources.iter().filter_map(Resource::id_text).collect();
    Ok(if wanted.iter().any(|id| !ids.contains(id)) {
        Found::Nobody
    } else if ids.len() > wanted.len() {
        Found::Others
    } else {
        Found::Right
    })
}

/// How pages are reached. By now there are three users at least.
pub(super) async fn pages(probe: &Probe) -> anyhow::Result<()> {
    let page = |query: Query| probe.page(query);
    let (one, listed) = page(Query { count: Some(1), ..Query::default() }).await?;
    let total = listed.total_results;
    let listed_one = listed.resources.len() == 1;
    let words = match (one.is_ok(), listed.resources.len()) {
        (false, _) => (Verdict::Odd, one.words()),
        (true, 1) => (Verdict::Plain, "heeded".to_owned()),
        (true, came) => (Verdict::Odd, format!("ignored: {} came", number(came, "user"))),
    };
    probe.note(LISTS, "count=1", words.0, words.1);
    let words = match total {
        Some(total) if total >= 3 => (Verdict::Plain, "given"),
        Some(_) => (Verdict::Odd, "less than there are"),
        None => (Verdict::Odd, "not given"),
    };
    probe.note(LISTS, "totalResults", words.0, words.1);

    let (none, listed) = page(Query { count: Some(0), ..Query::default() }).await?;
    let words = match (none.is_ok(), listed.resources.len()) {
        (false, _) => (Verdict::Odd, none.words()),
        (true, 0) => (Verdict::Plain, "the total alone".to_owned()),
        (true, _) => (Verdict::Odd, "ignored: users came all the same".to_owned()),
    };
    probe.note(LISTS, "count=0", words.0, words.1);

    let (first, first_page) =
        page(Query { count: Some(1), start_index: Some(1), ..Query::default() }).await?;
    let (second, second_page) =
        page(Query { count: Some(1), start_index: Some(2), ..Query::default() }).await?;
    let ids = |page: &ListResponse| page.resources.first().and_then(Resource::id_text);
    let by_index = match (first.is_ok() && second.is_ok(), ids(&first_page) != ids(&second_page)) {
        (false, _) => (Verdict::Odd, if first.is_ok() { second.words() } else { first.words() }),
        (true, true) => (Verdict::Plain, "heeded".to_owned()),
        (true, false) => (Verdict::Odd, "ignored: every page is the first".to_owned()),
    };
    let index_works = by_index.0 == Verdict::Plain;
    probe.note(LISTS, "startIndex", by_index.0, by_index.1);
    if index_works {
        let beyond = total.unwrap_or(0).saturating_add(1_000);
        let (answer, listed) =
            page(Query { count: Some(1), start_index: Some(beyond), ..Query::default() }).await?;
        let words = match (answer.is_ok(), listed.resources.is_empty()) {
            (false, _) => (Verdict::Odd, answer.words()),
            (true, true) => (Verdict::Plain, "an empty page".to_owned()),
            (true, false) => (Verdict::Odd, "users come all the same, so that pages never end".to_owned()),
        };
        probe.note(LISTS, "startIndex beyond the end", words.0, words.1);
    }
    cursors(probe, index_works).await?;
    search(probe, index_works && listed_one).await
}

async fn cursors(probe: &Probe, index_works: bool) -> anyhow::Result<()> {
    const BEHAVIOUR: &str = "cursor";
    let query = Query { count: Some(1), cursor: Some(String::new()), ..Query::default() };
    let (answer, first) = probe.page(query.clone()).await?;
    let Some(next) = first.next_cursor.clone() else {
        // RFC 9865 is optional; an unknown parameter is passed over.
        let words = if answer.is_ok() { "none".to_owned() } else { answer.words() };
        probe.note(LISTS, BEHAVIOUR, Verdict::Plain, words);
        return Ok(());
    };
    let (answer, second) = probe.page(Query { cursor: Some(next), ..query }).await?;
    let goes_on = first.resources.first().and_then(Resource::id_text)
        != second.resources.first().and_then(Resource::id_text);
    let (verdict, words) = match (answer.is_ok(), goes_on) {
        (false, _) => (Verdict::Odd, format!("given, and {} when it comes back", answer.words())),
        (true, true) => (Verdict::Plain, "given, and leads to the next page".to_owned()),
        (true, false) => (Verdict::Odd, "given, and leads to the first page again".to_owned()),
    };
    if verdict == Verdict::Plain && !index_works {
        probe.found().provider.paging = Paging::Cursor;
    }
    probe.note(LISTS, BEHAVIOUR, verdict, words);
    Ok(())
}

/// Whether there is a `/.search`, and whether it looks at the body; and whether it pages where a GET does not.
async fn search(probe: &Probe, get_pages: bool) -> anyhow::Result<()> {
    const BEHAVIOUR: &str = "POST to /.search";
    let client = probe.client_with(|quirks| quirks.query_by = QueryBy::Search)?;
    let name = AttributePath::parse("userName")?;
    let stem = probe.scratch.stem();
    let query = Query::filtered(Filter::eq(name.clone(), format!("{stem}-1@example.com")));
    let (verdict, words) = match client.query(probe.users.resource_type(), &query).await {
        // Where there is none, the client asks by GET.
        Ok(listed) if listed.call.method != Method::Post => (Verdict::Odd, "none".to_owned()),
        Ok(listed) => {
            let is_it = |found: &Resource| {
                found.get(&name).and_then(Value::as_str).is_some_and(|name| name.starts_with(stem))
            };
            match listed.value.resources.as_slice() {
                [one] if is_it(one) => (Verdict::Plain, "works".to_owned()),
                [] => (Verdict::Odd, "it does not find whom it should".to_owned()),
                _ => (Verdict::Odd, "its filter is ignored".to_owned()),
            }
        }
        Err(error) => match error.call.status {
            Some(status) => (Verdict::Odd, format!("refused ({status})")),
            None => return Err(error.into()),
        },
    };
    probe.note(LISTS, BEHAVIOUR, verdict, words);
    if verdict == Verdict::Plain && !get_pages {
        let second = Query { count: Some(1), start_index: Some(2), ..Query::default() };
        let listed = client.query(probe.users.resource_type(), &second).await;
        let pages = listed.is_ok_and(|listed| listed.value.resources.len() == 1);
        if pages {
            probe.note(LISTS, "pages by /.search", Verdict::Odd, "heeded, where those by GET are not");
            probe.found().provider.query_by = QueryBy::Search;
        }
    }
    Ok(())
}

fn number(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
