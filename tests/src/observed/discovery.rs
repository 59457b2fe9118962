//! What a server says of itself, and in which form it speaks (RFC 7644 sections 3.8, 3.12 and 4).

use super::bench::{Bench, brief, path_of, shown, text};
use super::{Chapter, Probe};
use crate::servers::Http;
use serde_json::Value;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Discovery and form",
    probes: &[
        Probe { name: "declares", run: declares },
        Probe { name: "ServiceProviderConfig without credentials", run: unauthenticated },
        Probe { name: "Users without credentials", run: |bench| stranger(bench, None) },
        Probe { name: "Users with a wrong token", run: |bench| stranger(bench, Some("Bearer wrong")) },
        Probe { name: "WWW-Authenticate with a 401", run: challenge },
        Probe { name: "`endpoint` in ResourceTypes", run: endpoint },
        Probe { name: "`meta.location` of a user", run: location },
        Probe { name: "Location with a 201", run: location_header },
        Probe { name: "Content-Type of a user", run: content_type },
        Probe { name: "Content-Type of an error", run: error_type },
        Probe { name: "`status` in an error", run: error_status },
        Probe { name: "a POST as `application/json`", run: |bench| posted_as(bench, "application/json") },
        Probe {
            name: "… with `; charset=utf-8`",
            run: |bench| posted_as(bench, "application/scim+json; charset=utf-8"),
        },
        Probe {
            name: "GET of an id that nobody has",
            run: |bench| Ok(brief(&bench.http.call("GET", "/Users/nobody", None)?)),
        },
        Probe {
            name: "an endpoint that does not exist",
            run: |bench| Ok(brief(&bench.http.call("GET", "/Nothings", None)?)),
        },
        Probe {
            name: "POST of an array",
            run: |bench| Ok(brief(&bench.http.call("POST", "/Users", Some(&Value::Array(vec![])))?)),
        },
        Probe { name: "`/Me`", run: |bench| Ok(brief(&bench.http.call("GET", "/Me", None)?)) },
    ],
};

fn declares(bench: &Bench<'_>) -> anyhow::Result<String> {
    let config = bench.http.get("/ServiceProviderConfig")?;
    let mut said = Vec::new();
    for name in ["patch", "bulk", "filter", "sort", "etag", "changePassword"] {
        if config[name]["supported"] == true {
            said.push(name.to_owned());
        }
    }
    for name in ["index", "cursor"] {
        if config["pagination"][name] == true {
            said.push(format!("pagination.{name}"));
        }
    }
    Ok(if said.is_empty() { "nothing".to_owned() } else { said.join(" ") })
}

fn stranger(bench: &Bench<'_>, authorization: Option<&str>) -> anyhow::Result<String> {
    let http = Http::new(bench.server.base_url(), authorization.map(str::to_owned));
    Ok(brief(&http.call("GET", "/Users", None)?))
}

fn unauthenticated(bench: &Bench<'_>) -> anyhow::Result<String> {
    let http = Http::new(bench.server.base_url(), None);
    Ok(brief(&http.call("GET", "/ServiceProviderConfig", None)?))
}

fn challenge(bench: &Bench<'_>) -> anyhow::Result<String> {
    let http = Http::new(bench.server.base_url(), Some("Bearer wrong".to_owned()));
    let answer = http.call("GET", "/Users", None)?;
    Ok(answer.header("WWW-Authenticate").unwrap_or("absent").to_owned())
}

fn endpoint(bench: &Bench<'_>) -> anyhow::Result<String> {
    let types = bench.http.get("/ResourceTypes")?;
    let user = types["Resources"].as_array().and_then(|types| types.iter().find(|one| one["name"] == "User"));
    Ok(user
        .map_or(
            "no list",
            |user| if text(user, "endpoint").contains("://") { "absolute" } else { "relative" },
        )
        .to_owned())
}

fn location(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let location = text(&user["meta"], "location");
    let form = if location.contains("://") { "absolute" } else { "relative" };
    let end = if location.ends_with(text(&user, "id")) { "by id" } else { "by userName" };
    Ok(format!("{form}, {end}"))
}

fn location_header(bench: &Bench<'_>) -> anyhow::Result<String> {
    let answer = bench.http.call("POST", "/Users", Some(&bench.body()))?;
    let header = answer.header("Location");
    Ok(header
        .map_or("absent", |value| if value.contains("://") { "absolute" } else { "relative" })
        .to_owned())
}

fn content_type(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let answer = bench.http.call("GET", &path_of(&user), None)?;
    Ok(answer.header("Content-Type").unwrap_or("absent").to_owned())
}

fn error_type(bench: &Bench<'_>) -> anyhow::Result<String> {
    let answer = bench.http.call("GET", "/Users/nobody", None)?;
    Ok(answer.header("Content-Type").unwrap_or("absent").to_owned())
}

fn error_status(bench: &Bench<'_>) -> anyhow::Result<String> {
    let status = bench.http.call("GET", "/Users/nobody", None)?.json()["status"].clone();
    Ok(match &status {
        Value::String(_) => "string".to_owned(),
        Value::Number(_) => "number".to_owned(),
        other => shown(other),
    })
}

fn posted_as(bench: &Bench<'_>, content_type: &str) -> anyhow::Result<String> {
    let headers = [("Content-Type", content_type)];
    Ok(brief(&bench.http.call_with("POST", "/Users", Some(&bench.body()), &headers)?))
}
