//! Lists, filters, pages and cursors (RFC 7644 section 3.4.2, RFC 9865).

use super::bench::{Bench, CROWD, brief, text};
use super::{Chapter, Probe};
use anyhow::Context;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Lists",
    probes: &[
        Probe { name: "no parameters, 45 users", run: |bench| list(bench, "") },
        Probe { name: "`count=3`", run: |bench| list(bench, "?count=3") },
        Probe { name: "`count=0`", run: |bench| list(bench, "?count=0") },
        Probe { name: "`count=1000`", run: |bench| list(bench, "?count=1000") },
        Probe { name: "`startIndex=41`", run: |bench| list(bench, "?startIndex=41") },
        Probe { name: "`startIndex=46`, past the end", run: |bench| list(bench, "?startIndex=46") },
        Probe { name: "`startIndex=0`", run: |bench| list(bench, "?startIndex=0&count=3") },
        Probe { name: "empty `cursor`", run: |bench| list(bench, "?cursor=&count=20") },
        Probe { name: "cursors to the end, 20 a page", run: by_cursor },
        Probe { name: "`cursor=nonsense`", run: |bench| list(bench, "?cursor=nonsense&count=20") },
        Probe { name: "a cursor with another `count`", run: other_count },
        Probe { name: "a cursor with a filter it was not made for", run: other_filter },
        Probe { name: "a cursor after six seconds", run: old_cursor },
        Probe { name: "`userName eq`", run: |bench| filter(bench, r#"userName eq "person007@example.com""#) },
        Probe {
            name: "`userName eq`, other case",
            run: |bench| filter(bench, r#"userName eq "PERSON007@example.com""#),
        },
        Probe { name: "`externalId eq`", run: |bench| filter(bench, r#"externalId eq "X007""#) },
        Probe { name: "`eq`, nobody", run: |bench| filter(bench, r#"userName eq "nobody""#) },
        Probe {
            name: "`eq` with an escaped quote",
            run: |bench| filter(bench, r#"userName eq "a \"b\" c""#),
        },
        Probe {
            name: "`eq` with parentheses in the value",
            run: |bench| filter(bench, r#"userName eq "a (b) c""#),
        },
        Probe {
            name: "`and`",
            run: |bench| filter(bench, r#"userName eq "person007@example.com" and active eq true"#),
        },
        Probe {
            name: "`or`, two users",
            run: |bench| {
                filter(bench, r#"userName eq "person007@example.com" or userName eq "person008@example.com""#)
            },
        },
        Probe {
            name: "`(…) and (…)`",
            run: |bench| filter(bench, r#"(userName eq "person007@example.com") and (active eq true)"#),
        },
        Probe {
            name: "`emails[value eq …]`",
            run: |bench| filter(bench, r#"emails[value eq "person007@example.com"]"#),
        },
        Probe {
            name: "`emails.value eq`",
            run: |bench| filter(bench, r#"emails.value eq "person007@example.com""#),
        },
        Probe { name: "a filter that is none", run: |bench| filter(bench, "userName equals") },
        Probe { name: "`.search` for one user", run: search },
        Probe { name: "`attributes=userName`", run: attributes },
        Probe { name: "`sortBy=userName`, descending, first", run: sorted },
    ],
};

fn found(page: &Value) -> &[Value] {
    page["Resources"].as_array().map_or(&[], Vec::as_slice)
}

/// How many came, which was the first, and what the list says of itself.
fn list(bench: &Bench<'_>, query: &str) -> anyhow::Result<String> {
    let answer = bench.http.call("GET", &format!("/Users{query}"), None)?;
    if answer.status != 200 {
        return Ok(brief(&answer));
    }
    let page = answer.json();
    let users = found(&page);
    let mut said = format!("{} of {}", users.len(), page["totalResults"]);
    if let Some(first) = users.first() {
        // Which order it is, is the server's affair; which page it is can be told by what stands first.
        let whole = bench.server.users()?;
        let place = whole.iter().position(|user| user["id"] == first["id"]).context("a user from nowhere")?;
        said.push_str(&format!(", first is no. {}", place + 1));
    }
    if page["nextCursor"].is_string() {
        said.push_str(", nextCursor");
    }
    if page["Resources"].is_null() {
        said.push_str(", no `Resources`");
    }
    Ok(said)
}

fn filter(bench: &Bench<'_>, filter: &str) -> anyhow::Result<String> {
    let answer = bench.http.call("GET", &format!("/Users?filter={}", encoded(filter)), None)?;
    if answer.status != 200 {
        return Ok(brief(&answer));
    }
    let page = answer.json();
    Ok(match found(&page).len() {
        0 => "nobody".to_owned(),
        few @ 1..=2 => few.to_string(),
        _ if page["totalResults"] == CROWD => "everybody".to_owned(),
        many => many.to_string(),
    })
}

/// Percent-encoding of everything that is not plainly allowed (RFC 3986 section 2.3).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn first_cursor(bench: &Bench<'_>) -> anyhow::Result<Option<String>> {
    let page = bench.http.call("GET", "/Users?cursor=&count=20", None)?.json();
    Ok(page["nextCursor"].as_str().map(str::to_owned))
}

fn by_cursor(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut cursor = String::new();
    let mut pages = Vec::new();
    loop {
        let page = bench.http.call("GET", &format!("/Users?cursor={cursor}&count=20"), None)?.json();
        pages.push(found(&page).len().to_string());
        match page["nextCursor"].as_str() {
            Some(next) if pages.len() < 5 => next.clone_into(&mut cursor),
            _ if pages.len() == 1 => return Ok("–".to_owned()),
            _ => return Ok(pages.join(" + ")),
        }
    }
}

fn with_cursor(bench: &Bench<'_>, rest: &str) -> anyhow::Result<String> {
    match first_cursor(bench)? {
        Some(cursor) => list(bench, &format!("?cursor={cursor}{rest}")),
        None => Ok("–".to_owned()),
    }
}

fn other_count(bench: &Bench<'_>) -> anyhow::Result<String> {
    with_cursor(bench, "&count=10")
}

fn other_filter(bench: &Bench<'_>) -> anyhow::Result<String> {
    with_cursor(bench, "&count=20&filter=active%20eq%20true")
}

fn old_cursor(bench: &Bench<'_>) -> anyhow::Result<String> {
    let Some(cursor) = first_cursor(bench)? else { return Ok("–".to_owned()) };
    // The configurations here let a cursor live for five seconds or an hour.
    std::thread::sleep(Duration::from_millis(6_500));
    list(bench, &format!("?cursor={cursor}&count=20"))
}

fn search(bench: &Bench<'_>) -> anyhow::Result<String> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"person007@example.com\"",
    });
    let mut said = Vec::new();
    for path in ["/Users/.search", "/.search"] {
        let answer = bench.http.call("POST", path, Some(&body))?;
        said.push(match answer.status {
            200 => format!("`{path}` {} of {}", found(&answer.json()).len(), answer.json()["totalResults"]),
            _ => format!("`{path}` {}", brief(&answer)),
        });
    }
    Ok(said.join(", "))
}

fn attributes(bench: &Bench<'_>) -> anyhow::Result<String> {
    let answer = bench.http.call("GET", "/Users?attributes=userName", None)?;
    let page = answer.json();
    let Some(Value::Object(user)) = found(&page).first() else { return Ok(brief(&answer)) };
    let mut names: Vec<&str> = user.keys().map(String::as_str).collect();
    names.sort_unstable();
    Ok(names.join(" "))
}

fn sorted(bench: &Bench<'_>) -> anyhow::Result<String> {
    let answer = bench.http.call("GET", "/Users?sortBy=userName&sortOrder=descending", None)?;
    let page = answer.json();
    let Some(user) = found(&page).first() else { return Ok(brief(&answer)) };
    let name = text(user, "userName");
    Ok(if name == "person045@example.com" { "sorted" } else { "not sorted" }.to_owned())
}
