//! Changing a user: PATCH, PUT and versions (RFC 7644 sections 3.5 and 3.14).

use super::bench::{Bench, ENTERPRISE, brief, kept, patch, path_of, shown, text};
use super::{Chapter, Probe};
use serde_json::{Value, json};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Changing a user",
    probes: &[
        Probe {
            name: "`replace` with a path",
            run: |bench| title(bench, &json!([{ "op": "replace", "path": "title", "value": "New" }])),
        },
        Probe {
            name: "`add` with a path, over a value",
            run: |bench| title(bench, &json!([{ "op": "add", "path": "title", "value": "New" }])),
        },
        Probe {
            name: "`replace` without a path",
            run: |bench| title(bench, &json!([{ "op": "replace", "value": { "title": "New" } }])),
        },
        Probe {
            name: "`Replace`",
            run: |bench| title(bench, &json!([{ "op": "Replace", "path": "title", "value": "New" }])),
        },
        Probe { name: "`operations` in lower case", run: lower_case },
        Probe { name: "`remove`", run: |bench| title(bench, &json!([{ "op": "remove", "path": "title" }])) },
        Probe {
            name: "`remove` of what is not there",
            run: |bench| title(bench, &json!([{ "op": "remove", "path": "nickName" }])),
        },
        Probe {
            name: "`replace` with null",
            run: |bench| title(bench, &json!([{ "op": "replace", "path": "title", "value": null }])),
        },
        Probe {
            name: "the value it has already",
            run: |bench| title(bench, &json!([{ "op": "replace", "path": "title", "value": "Engineer" }])),
        },
        Probe {
            name: "a path in other case",
            run: |bench| title(bench, &json!([{ "op": "replace", "path": "TITLE", "value": "New" }])),
        },
        Probe {
            name: "a path with the schema's URN",
            run: |bench| {
                title(
                    bench,
                    &json!([{ "op": "replace", "path": format!("{}:title", super::bench::USER), "value": "New" }]),
                )
            },
        },
        Probe {
            name: "`name.givenName`",
            run: |bench| name(bench, &json!([{ "op": "replace", "path": "name.givenName", "value": "Ada" }])),
        },
        Probe {
            name: "`replace` of part of `name`, with path",
            run: |bench| {
                name(bench, &json!([{ "op": "replace", "path": "name", "value": { "givenName": "Ada" } }]))
            },
        },
        Probe {
            name: "… without path",
            run: |bench| {
                name(bench, &json!([{ "op": "replace", "value": { "name": { "givenName": "Ada" } } }]))
            },
        },
        Probe {
            name: "extension, `URN:department`",
            run: |bench| {
                department(
                    bench,
                    &json!([{ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Legal" }]),
                )
            },
        },
        Probe {
            name: "extension, no path, nested",
            run: |bench| {
                department(
                    bench,
                    &json!([{ "op": "replace", "value": { ENTERPRISE: { "department": "Legal" } } }]),
                )
            },
        },
        Probe {
            name: "extension, no path, `URN:department` as a name",
            run: |bench| {
                department(
                    bench,
                    &json!([{ "op": "replace", "value": { format!("{ENTERPRISE}:department"): "Legal" } }]),
                )
            },
        },
        Probe {
            name: "`emails[type eq \"work\"].value`",
            run: |bench| {
                emails(
                    bench,
                    &json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com" }]),
                )
            },
        },
        Probe {
            name: "… that fits none",
            run: |bench| {
                emails(
                    bench,
                    &json!([{ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "new@example.com" }]),
                )
            },
        },
        Probe {
            name: "`add` of one e-mail",
            run: |bench| {
                emails(
                    bench,
                    &json!([{ "op": "add", "path": "emails", "value": [{ "value": "new@example.com" }] }]),
                )
            },
        },
        Probe {
            name: "`replace` of all e-mails",
            run: |bench| {
                emails(
                    bench,
                    &json!([{ "op": "replace", "path": "emails", "value": [{ "value": "new@example.com" }] }]),
                )
            },
        },
        Probe {
            name: "`active` as \"False\"",
            run: |bench| {
                bench.modified_user(
                    &json!([{ "op": "replace", "path": "active", "value": "False" }]),
                    |user| format!("active {}", user["active"]),
                )
            },
        },
        Probe {
            name: "a path nobody declared",
            run: |bench| {
                bench.modified_user(&json!([{ "op": "replace", "path": "colour", "value": "red" }]), |user| {
                    format!("colour {}", shown(&user["colour"]))
                })
            },
        },
        Probe { name: "`userName`", run: user_name },
        Probe { name: "a good and a bad operation", run: half },
        Probe {
            name: "PATCH of an id that nobody has",
            run: |bench| {
                Ok(brief(&bench.modify(
                    "/Users/nobody",
                    &json!([{ "op": "replace", "path": "title", "value": "New" }]),
                )?))
            },
        },
        Probe { name: "PUT without `title`", run: put },
        Probe {
            name: "PUT of an id that nobody has",
            run: |bench| Ok(brief(&bench.http.call("PUT", "/Users/nobody", Some(&bench.body()))?)),
        },
        Probe { name: "PUT with another `userName`", run: put_name },
        Probe { name: "`meta.version`, ETag", run: version },
        Probe { name: "PATCH with If-Match: current, old", run: if_match },
        Probe { name: "… within one second", run: if_match_at_once },
        Probe { name: "PUT with If-Match: old", run: put_if_match },
        Probe { name: "GET with If-None-Match: current", run: if_none_match },
    ],
};

fn title(bench: &Bench<'_>, operations: &Value) -> anyhow::Result<String> {
    bench.modified_user(operations, |user| format!("title {}", shown(&user["title"])))
}

fn name(bench: &Bench<'_>, operations: &Value) -> anyhow::Result<String> {
    bench.modified_user(operations, |user| {
        format!("given {}, family {}", shown(&user["name"]["givenName"]), kept(&user["name"]["familyName"]))
    })
}

fn department(bench: &Bench<'_>, operations: &Value) -> anyhow::Result<String> {
    bench.modified_user(operations, |user| {
        let extension = &user[ENTERPRISE];
        format!(
            "department {}, the rest {}",
            shown(&extension["department"]),
            kept(&extension["employeeNumber"])
        )
    })
}

fn emails(bench: &Bench<'_>, operations: &Value) -> anyhow::Result<String> {
    bench.modified_user(operations, |user| {
        let addresses = user["emails"].as_array().into_iter().flatten().map(|email| text(email, "value"));
        let addresses: Vec<&str> =
            addresses.map(|address| if address.starts_with("person") { "old" } else { "new" }).collect();
        if addresses.is_empty() { "none".to_owned() } else { addresses.join(" + ") }
    })
}

fn lower_case(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let body = json!({
        "schemas": [super::bench::PATCH],
        "operations": [{ "op": "replace", "path": "title", "value": "New" }],
    });
    let answer = bench.http.call("PATCH", &path_of(&user), Some(&body))?;
    let now = bench.http.get(&path_of(&user))?;
    Ok(format!("{}, title {}", brief(&answer), shown(&now["title"])))
}

fn user_name(bench: &Bench<'_>) -> anyhow::Result<String> {
    let new = bench.body()["userName"].clone();
    bench.modified_user(&json!([{ "op": "replace", "path": "userName", "value": new }]), |user| {
        if user["userName"] == new { "new".to_owned() } else { "old".to_owned() }
    })
}

fn half(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let operations = json!([
        { "op": "replace", "path": "title", "value": "New" },
        { "op": "replace", "path": "name.colour", "value": "red" },
    ]);
    let answer = bench.modify(&path_of(&user), &operations)?;
    let now = bench.http.get(&path_of(&user))?;
    Ok(format!("{}, title {}", brief(&answer), shown(&now["title"])))
}

fn put(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut body = bench.body();
    let user = bench.http.call("POST", "/Users", Some(&body))?.expect_json()?;
    body.as_object_mut().and_then(|body| body.remove("title"));
    let answer = bench.http.call("PUT", &path_of(&user), Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    Ok(format!("{}, title {}", brief(&answer), shown(&bench.http.get(&path_of(&user))?["title"])))
}

fn put_name(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let body = bench.body();
    let answer = bench.http.call("PUT", &path_of(&user), Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    let now = bench.http.get(&path_of(&user))?;
    Ok(format!("{}, {}", brief(&answer), if now["userName"] == body["userName"] { "new" } else { "old" }))
}

/// A user's version as the body has it, and as the header has it.
fn versions(bench: &Bench<'_>, path: &str) -> anyhow::Result<(Option<String>, Option<String>)> {
    let answer = bench.http.call("GET", path, None)?;
    let version = answer.json()["meta"]["version"].as_str().map(str::to_owned);
    Ok((version, answer.header("ETag").map(str::to_owned)))
}

fn version(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    Ok(match versions(bench, &path_of(&user))? {
        (None, None) => "neither".to_owned(),
        (None, Some(_)) => "ETag only".to_owned(),
        (Some(_), None) => "`meta.version` only".to_owned(),
        (Some(version), Some(header)) if version == header => "both, the same".to_owned(),
        (Some(_), Some(_)) => "both, different".to_owned(),
    })
}

fn if_match(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let path = path_of(&user);
    let (_, Some(old)) = versions(bench, &path)? else { return Ok("–".to_owned()) };
    // Some count in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let mut said = Vec::new();
    for value in ["One", "Two"] {
        let body = patch(&json!([{ "op": "replace", "path": "title", "value": value }]));
        said.push(brief(&bench.http.call_with("PATCH", &path, Some(&body), &[("If-Match", &old)])?));
    }
    Ok(said.join(", "))
}

/// A version that counts whole seconds does not see the first of two quick changes. Some tries, since a second
/// may end in between.
fn if_match_at_once(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut last = "–".to_owned();
    for _ in 0..5 {
        let user = bench.user()?;
        let path = path_of(&user);
        let (_, Some(old)) = versions(bench, &path)? else { return Ok(last) };
        let mut said = Vec::new();
        for value in ["One", "Two"] {
            let body = patch(&json!([{ "op": "replace", "path": "title", "value": value }]));
            said.push(bench.http.call_with("PATCH", &path, Some(&body), &[("If-Match", &old)])?.status);
        }
        last = format!("{}, {}", said[0], said[1]);
        if said[1] < 300 {
            break;
        }
    }
    Ok(last)
}

fn put_if_match(bench: &Bench<'_>) -> anyhow::Result<String> {
    let body = bench.body();
    let user = bench.http.call("POST", "/Users", Some(&body))?.expect_json()?;
    let headers = [("If-Match", "W/\"somebody-else-was-here\"")];
    Ok(brief(&bench.http.call_with("PUT", &path_of(&user), Some(&body), &headers)?))
}

fn if_none_match(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let path = path_of(&user);
    let (_, Some(version)) = versions(bench, &path)? else { return Ok("–".to_owned()) };
    Ok(brief(&bench.http.call_with("GET", &path, None, &[("If-None-Match", &version)])?))
}
