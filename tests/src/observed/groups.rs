//! Changing the members of a group (RFC 7644 section 3.5.2).

use super::bench::{Bench, brief, kept, text};
use super::{Chapter, Probe};
use serde_json::{Value, json};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Changing a group that has the members A, B and C",
    probes: &[
        Probe { name: "`members[].value`", run: value_form },
        Probe {
            name: "`add` D",
            run: |bench| members(bench, |of| json!([{ "op": "add", "path": "members", "value": [of.d] }])),
        },
        Probe {
            name: "`add` D, no path",
            run: |bench| members(bench, |of| json!([{ "op": "add", "value": { "members": [of.d] } }])),
        },
        Probe {
            name: "`add` D by its id alone",
            run: |bench| {
                members(
                    bench,
                    |of| json!([{ "op": "add", "path": "members", "value": [{ "value": of.d["value"] }] }]),
                )
            },
        },
        Probe {
            name: "`add` A again",
            run: |bench| members(bench, |of| json!([{ "op": "add", "path": "members", "value": [of.a] }])),
        },
        Probe {
            name: "`add` somebody who does not exist",
            run: |bench| {
                members(
                    bench,
                    |_| json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody", "$ref": "../Users/nobody" }] }]),
                )
            },
        },
        Probe {
            name: "`remove` `members[value eq A]`",
            run: |bench| members(bench, |of| json!([{ "op": "remove", "path": one(&of.a) }])),
        },
        Probe {
            name: "`remove` of A and B, two operations",
            run: |bench| {
                members(
                    bench,
                    |of| json!([{ "op": "remove", "path": one(&of.a) }, { "op": "remove", "path": one(&of.b) }]),
                )
            },
        },
        Probe {
            name: "`remove` `members[… A or … B]`",
            run: |bench| {
                members(
                    bench,
                    |of| json!([{ "op": "remove", "path": format!("members[value eq {} or value eq {}]", of.a["value"], of.b["value"]) }]),
                )
            },
        },
        Probe {
            name: "`remove` D, who is no member",
            run: |bench| members(bench, |of| json!([{ "op": "remove", "path": one(&of.d) }])),
        },
        Probe {
            name: "`remove` `members`, value [A]",
            run: |bench| {
                members(
                    bench,
                    |of| json!([{ "op": "remove", "path": "members", "value": [{ "value": of.a["value"] }] }]),
                )
            },
        },
        Probe {
            name: "`remove` `members`",
            run: |bench| members(bench, |_| json!([{ "op": "remove", "path": "members" }])),
        },
        Probe {
            name: "`replace` with [D]",
            run: |bench| {
                members(bench, |of| json!([{ "op": "replace", "path": "members", "value": [of.d] }]))
            },
        },
        Probe {
            name: "`replace` with []",
            run: |bench| members(bench, |_| json!([{ "op": "replace", "path": "members", "value": [] }])),
        },
        Probe {
            name: "`add` D and `remove` A",
            run: |bench| {
                members(
                    bench,
                    |of| json!([{ "op": "add", "path": "members", "value": [of.d] }, { "op": "remove", "path": one(&of.a) }]),
                )
            },
        },
        Probe { name: "PUT with [D]", run: put },
        Probe { name: "`displayName`", run: rename },
        Probe { name: "`excludedAttributes=members`", run: excluded },
        Probe { name: "`groups` of a member", run: groups_of },
        Probe { name: "a member who is deleted", run: deleted },
    ],
};

/// The users of a probe, as members.
struct Cast {
    a: Value,
    b: Value,
    d: Value,
}

fn one(member: &Value) -> String {
    format!("members[value eq {}]", member["value"])
}

/// Makes a group of A, B and C, sends operations that may name D, and says who is in it then.
fn members(bench: &Bench<'_>, operations: fn(&Cast) -> Value) -> anyhow::Result<String> {
    let users = [bench.user()?, bench.user()?, bench.user()?, bench.user()?];
    let group = bench.group(&[&users[0], &users[1], &users[2]])?;
    let path = format!("/Groups/{}", text(&group, "id"));
    // Who is asked to remove a member names it as the server does.
    let mut cast =
        Cast { a: bench.member(&users[0]), b: bench.member(&users[1]), d: bench.member(&users[3]) };
    for (member, user) in [(&mut cast.a, &users[0]), (&mut cast.b, &users[1])] {
        member["value"] = held_as(&group, user).into();
    }
    let answer = bench.modify(&path, &operations(&cast))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    Ok(format!("{}, {}", brief(&answer), who(bench, &path, &users)?))
}

/// How the server names a user among a group's members: by id, or by userName.
fn held_as(group: &Value, user: &Value) -> String {
    let is_held = |value: &str| {
        group["members"].as_array().is_some_and(|held| held.iter().any(|one| one["value"] == value))
    };
    let (id, name) = (text(user, "id"), text(user, "userName"));
    if !is_held(id) && is_held(name) { name.to_owned() } else { id.to_owned() }
}

/// The members by letter, each as often as it is there.
fn who(bench: &Bench<'_>, path: &str, users: &[Value]) -> anyhow::Result<String> {
    let group = bench.http.get(path)?;
    let letter = |member: &Value| {
        let value = text(member, "value");
        let index =
            users.iter().position(|user| text(user, "id") == value || text(user, "userName") == value);
        index.and_then(|index| ["A", "B", "C", "D"].get(index).copied()).unwrap_or("?")
    };
    let mut letters: Vec<&str> = group["members"].as_array().into_iter().flatten().map(letter).collect();
    letters.sort_unstable();
    Ok(if letters.is_empty() { "nobody".to_owned() } else { letters.concat() })
}

fn value_form(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let group = bench.group(&[&user])?;
    let mut names: Vec<&str> = group["members"][0]
        .as_object()
        .into_iter()
        .flat_map(|member| member.keys())
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    let form = if held_as(&group, &user) == text(&user, "id") { "id" } else { "userName" };
    Ok(format!("{form}, with {}", names.join(" ")))
}

fn put(bench: &Bench<'_>) -> anyhow::Result<String> {
    let users = [bench.user()?, bench.user()?, bench.user()?, bench.user()?];
    let group = bench.group(&[&users[0], &users[1], &users[2]])?;
    let path = format!("/Groups/{}", text(&group, "id"));
    let body = json!({
        "schemas": [super::bench::GROUP],
        "displayName": group["displayName"],
        "members": [bench.member(&users[3])],
    });
    let answer = bench.http.call("PUT", &path, Some(&body))?;
    if answer.status >= 300 {
        return Ok(brief(&answer));
    }
    Ok(format!("{}, {}", brief(&answer), who(bench, &path, &users)?))
}

fn rename(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let path = format!("/Groups/{}", text(&bench.group(&[&user])?, "id"));
    let new = bench.body()["userName"].clone();
    let answer = bench.modify(&path, &json!([{ "op": "replace", "path": "displayName", "value": new }]))?;
    let now = bench.http.get(&path)?;
    let name = if now["displayName"] == new { "new" } else { "old" };
    Ok(format!("{}, {name}, members {}", brief(&answer), kept(&now["members"])))
}

fn excluded(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    let path = format!("/Groups/{}?excludedAttributes=members", text(&bench.group(&[&user])?, "id"));
    let answer = bench.http.call("GET", &path, None)?;
    let group = answer.json();
    Ok(match (answer.status, &group["members"]) {
        (200, Value::Null) => "left out".to_owned(),
        (200, _) => "there".to_owned(),
        _ => brief(&answer),
    })
}

fn groups_of(bench: &Bench<'_>) -> anyhow::Result<String> {
    let user = bench.user()?;
    bench.group(&[&user])?;
    let now = bench.http.get(&super::bench::path_of(&user))?;
    Ok(if now["groups"].is_array() { "there" } else { "absent" }.to_owned())
}

fn deleted(bench: &Bench<'_>) -> anyhow::Result<String> {
    let users = [bench.user()?, bench.user()?];
    let group = bench.group(&[&users[0], &users[1]])?;
    bench.http.call("DELETE", &super::bench::path_of(&users[0]), None)?;
    let left = who(bench, &format!("/Groups/{}", text(&group, "id")), &users)?;
    Ok(if left == "B" { "leaves the group".to_owned() } else { format!("stays: {left}") })
}
