//! Creating, deleting, and many at once (RFC 7644 sections 3.3, 3.6 and 3.7).

use super::bench::{Bench, USER, brief, kept, path_of, shown, text};
use super::{Chapter, Probe};
use serde_json::{Value, json};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Create, delete, Bulk",
    probes: &[
        Probe { name: "a user with nothing but `userName`", run: bare },
        Probe { name: "… and without `schemas`", run: without_schemas },
        Probe { name: "`externalId`", run: external_id },
        Probe { name: "the same `userName` again", run: |bench| again(bench, str::to_owned) },
        Probe { name: "… in capitals", run: |bench| again(bench, str::to_uppercase) },
        Probe { name: "the same `externalId` again", run: same_external_id },
        Probe { name: "the same group name again", run: same_group },
        Probe { name: "an attribute nobody declared", run: |bench| with(bench, "colour", &json!("red")) },
        Probe { name: "a sub-attribute nobody declared", run: inner },
        Probe { name: "`title: null`", run: |bench| with(bench, "title", &Value::Null) },
        Probe { name: "`emails: []`", run: |bench| with(bench, "emails", &json!([])) },
        Probe { name: "`id` and `meta` in the body", run: own_id },
        Probe { name: "`active: \"true\"`", run: |bench| with(bench, "active", &json!("true")) },
        Probe {
            name: "an `emails` value that is no address",
            run: |bench| with(bench, "emails", &json!([{ "value": "nowhere" }])),
        },
        Probe { name: "a group without `members`", run: |bench| group(bench, None) },
        Probe { name: "a member that does not exist", run: stranger },
        Probe { name: "a member without `$ref`", run: plain_member },
        Probe { name: "DELETE, again, GET, create anew", run: delete },
        Probe { name: "Bulk: a user and a group with it", run: bulk },
        Probe { name: "Bulk: 51 operations", run: big_bulk },
    ],
};

fn bare(bench: &Bench<'_>) -> anyhow::Result<String> {
    let body = json!({ "schemas": [USER], "userName": bench.body()["userName"] });
    Ok(brief(&bench.http.call("POST", "/Users", Some(&body))?))
}

fn without_schemas(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut body = bench.body();
    body.as_object_mut().and_then(|body| body.remove("schemas"));
    Ok(brief(&bench.http.call("POST", "/Users", Some(&body))?))
}

fn external_id(bench: &Bench<'_>) -> anyhow::Result<String> {
    with(bench, "externalId", &json!("key 1"))
}

fn again(bench: &Bench<'_>, change: impl Fn(&str) -> String) -> anyhow::Result<String> {
    let user = bench.user()?;
    let mut body = bench.body();
    body["userName"] = change(text(&user, "userName")).into();
    let answer = bench.http.call("POST", "/Users", Some(&body))?;
    let kind = answer.header("Content-Type").unwrap_or_default().to_owned();
    let said = brief(&answer);
    Ok(if said.contains("HTML") { format!("{said} as `{kind}`") } else { said })
}

fn same_external_id(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    if user["externalId"].is_null() {
        return Ok("–".to_owned());
    }
    let mut body = bench.body();
    body["externalId"] = user["externalId"].clone();
    Ok(brief(&bench.http.call("POST", "/Users", Some(&body))?))
}

fn same_group(bench: &Bench<'_>) -> anyhow::Result<String> {
    let member = bench.user()?;
    let name = bench.group(&[&member])?["displayName"].clone();
    let body =
        json!({ "schemas": [super::bench::GROUP], "displayName": name, "members": [bench.member(&member)] });
    Ok(brief(&bench.http.call("POST", "/Groups", Some(&body))?))
}

fn with(bench: &Bench<'_>, name: &str, value: &Value) -> anyhow::Result<String> {
    let mut body = bench.body();
    body[name] = value.clone();
    let answer = bench.http.call("POST", "/Users", Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    let user = bench.http.get(&path_of(&answer.json()))?;
    Ok(format!(
        "{}, {}",
        brief(&answer),
        if user[name].is_null() { "absent".to_owned() } else { shown(&user[name]) }
    ))
}

fn inner(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut body = bench.body();
    body["name"]["colour"] = "red".into();
    let answer = bench.http.call("POST", "/Users", Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    Ok(format!("{}, {}", brief(&answer), kept(&answer.json()["name"]["colour"])))
}

fn own_id(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut body = bench.body();
    body["id"] = "mine".into();
    body["meta"] = json!({ "resourceType": "User" });
    let answer = bench.http.call("POST", "/Users", Some(&body))?;
    let taken = if answer.json()["id"] == "mine" { ", taken" } else { "" };
    Ok(format!("{}{taken}", brief(&answer)))
}

fn group(bench: &Bench<'_>, members: Option<Value>) -> anyhow::Result<String> {
    let name = bench.body()["userName"].clone();
    let mut body = json!({ "schemas": [super::bench::GROUP], "displayName": name });
    if let Some(members) = members {
        body["members"] = members;
    }
    let answer = bench.http.call("POST", "/Groups", Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    let members = answer.json()["members"].as_array().map_or(0, Vec::len);
    Ok(format!("{}, {members} members", brief(&answer)))
}

fn stranger(bench: &Bench<'_>) -> anyhow::Result<String> {
    group(bench, Some(json!([bench.member(&json!({ "id": "nobody" }))])))
}

fn plain_member(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    group(bench, Some(json!([{ "value": user["id"] }])))
}

fn delete(bench: &Bench<'_>) -> anyhow::Result<String> {
    let body = bench.body();
    let user = bench.http.call("POST", "/Users", Some(&body))?.expect_json()?;
    let path = path_of(&user);
    let answers = [
        bench.http.call("DELETE", &path, None)?,
        bench.http.call("DELETE", &path, None)?,
        bench.http.call("GET", &path, None)?,
        bench.http.call("POST", "/Users", Some(&body))?,
    ];
    Ok(answers.iter().map(brief).collect::<Vec<_>>().join(", "))
}

fn bulk(bench: &Bench<'_>) -> anyhow::Result<String> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": {
                "schemas": [super::bench::GROUP],
                "displayName": bench.body()["userName"],
                "members": [{ "value": "bulkId:u" }],
            }},
            { "method": "POST", "path": "/Users", "bulkId": "u", "data": bench.body() },
        ],
    });
    let answer = bench.http.call("POST", "/Bulk", Some(&body))?;
    if answer.status != 200 {
        return Ok(brief(&answer));
    }
    let results = answer.json();
    let results = results["Operations"].as_array().cloned().unwrap_or_default();
    let mut said: Vec<String> = results
        .iter()
        .map(|one| {
            let status = match &one["status"] {
                Value::Object(status) => format!("{{code: {}}}", status["code"]),
                other => other.to_string(),
            };
            format!("{} {status}", text(one, "bulkId"))
        })
        .collect();
    let group = results.iter().find(|one| one["bulkId"] == "g").map(|one| text(one, "location"));
    if let Some(id) = group.and_then(|location| location.rsplit('/').next()) {
        let held = bench.http.call("GET", &format!("/Groups/{id}"), None)?.json();
        let member = text(&held["members"][0], "value").to_owned();
        let resolved = bench.http.call("GET", &format!("/Users/{member}"), None)?.status == 200;
        said.push(format!("member {}", if resolved { "resolved" } else { "not resolved" }));
    }
    Ok(said.join(", "))
}

fn big_bulk(bench: &Bench<'_>) -> anyhow::Result<String> {
    let one = json!({ "method": "DELETE", "path": "/Users/nobody" });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": vec![one; 51],
    });
    Ok(brief(&bench.http.call("POST", "/Bulk", Some(&body))?))
}
