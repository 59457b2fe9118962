//! `explain`: where each attribute of one record's resource comes from, what was sent, what is there, what comes next.

use super::calls::{one_provisioner, opened_for_reading};
use super::one_tenant;
use super::whereabouts::look;
use crate::args::{Common, ExplainArgs, Output};
use crate::assemble::Asking;
use crate::exit::Exit;
use crate::report::columns::columns;
use crate::report::json;
use crate::terminal::{err, out};
use scimwright_provision::{
    Event, ExplainedAttribute, Explanation, Mode, ProvisionError, Standstill, There, Whereabouts,
};
use scimwright_state::LinkScope;
use serde_json::{Value, json};

/// How wide a line of the table may be.
const WIDTH: usize = 100;

pub(super) async fn run(common: &Common, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let (state, _scratch) = opened_for_reading(common, &tenant).await?;
    let asking = if args.offline { Asking::Never } else { Asking::Now };
    let provisioner = one_provisioner(&tenant, &args.resource, &state, asking).await?;
    let notices = |_: &LinkScope, event: &Event| {
        if let Event::Notice { message, .. } = event {
            err(&format!("note: {}", common.remedies().complete(message)));
        }
    };
    let explanation = match provisioner.explain(&args.key, args.offline, &notices).await {
        Err(error @ ProvisionError::NoSuchRecord { .. }) => {
            // There may have been one, whose resource is gone by now.
            let is_known = |found: &Whereabouts| {
                found.scope.provider == provisioner.provider
                    && found.scope.resource_type == provisioner.rules.resource_type
                    && found.verdict().0 != Standstill::Unknown
            };
            let known = look(&tenant, &args.key).await?.into_iter().find(is_known);
            let error = anyhow::Error::new(error);
            return Err(match known {
                Some(found) => error.context(found.verdict().1),
                None => error,
            });
        }
        explained => explained?,
    };
    match common.output {
        Output::Json => {
            let line = json::with(json!({ "event": "explanation" }), &explanation);
            out(&common.remedies().complete_json(line).to_string());
        }
        Output::Human => out(&common.remedies().complete(&page(&explanation))),
    }
    Ok(Exit::Success)
}

fn page(explained: &Explanation) -> String {
    let there = match (&explained.there, &explained.resource_id) {
        (There::NoLink, _) | (_, None) => "no resource yet".to_owned(),
        (There::Read, Some(id)) => format!("resource {id}, read just now"),
        (There::AsLastSeen, Some(id)) => format!("resource {id}, as it was seen last"),
        (There::Gone, Some(id)) => format!("resource {id}, which is not there any more"),
        (There::Unreadable(reason), Some(id)) => format!("resource {id}, as it was seen last ({reason})"),
    };
    let mut lines = vec![format!(
        "{} as {} at {}, from {}: {there}",
        explained.key, explained.scope.resource_type, explained.scope.provider, explained.source
    )];
    if let Some(made) = &explained.made {
        lines.push(format!("  {} {}{}", made.action, made.at, by(made.run.as_deref())));
    }
    if let Some(reason) = &explained.unwanted {
        let heading = if explained.left { "left" } else { "not wanted" };
        lines.push(format!("  {heading}: {reason}"));
    }
    if !explained.attributes.is_empty() {
        let mut rows = vec![["attribute", "wanted", "sent last", "there"].map(str::to_owned).to_vec()];
        let mut notes = vec![Vec::new()];
        for attribute in &explained.attributes {
            rows.push(row(attribute));
            notes.push(notes_on(attribute, explained.left));
        }
        let table = columns(&rows);
        for (line, notes) in table.lines().zip(notes) {
            lines.push(cut(line, WIDTH));
            lines.extend(notes.iter().map(|note| cut(&format!("    {note}"), WIDTH)));
        }
    }
    for module in &explained.modules {
        let digest = module.digest.get(..12).unwrap_or_default();
        lines.push(format!("module {} {} ({digest}…), {}:", module.module, module.version, module.call));
        for (name, value) in &module.fields {
            lines.push(cut(&format!("    read {name} = {value}"), WIDTH));
        }
        for lookup in &module.lookups {
            let (source, key) = (text(&lookup["source"]), text(&lookup["key"]));
            lines.push(cut(&format!("    looked up {key} in {source} = {}", lookup["answer"]), WIDTH));
        }
        lines.extend(module.logs.iter().map(|log| cut(&format!("    said {log}"), WIDTH)));
    }
    let next = &explained.next;
    let changes =
        if next.changes.is_empty() { String::new() } else { format!(": {}", next.changes.join(", ")) };
    let reason = next.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    lines.push(format!("next sync: {}{changes}{reason}", next.action.word(Mode::Plan)));
    for request in &next.requests {
        let body = request.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        lines.push(cut(&format!("    {} {}{body}", request.method, request.path), WIDTH));
    }
    lines.join("\n")
}

fn row(attribute: &ExplainedAttribute) -> Vec<String> {
    // The URN of an extension says less than its last part, and the JSON has all of it.
    let name = attribute.path.rsplit(':').next().unwrap_or_default();
    let shown = |value: &Option<Value>| match value {
        None => "-".to_owned(),
        Some(Value::Null) => "(cleared)".to_owned(),
        Some(value) => cut(&value.to_string(), 23),
    };
    let there = match (&attribute.wanted, &attribute.seen) {
        (Some(wanted), Some(seen)) if wanted == seen => "the same".to_owned(),
        (_, seen) => shown(seen),
    };
    let sent = match (&attribute.wanted, &attribute.sent) {
        (Some(wanted), Some(sent)) if wanted == sent => "the same".to_owned(),
        (_, sent) => shown(sent),
    };
    vec![cut(name, 22), shown(&attribute.wanted), sent, there]
}

fn notes_on(attribute: &ExplainedAttribute, left: bool) -> Vec<String> {
    let mut notes: Vec<String> = attribute.layers.iter().map(layer).collect();
    if notes.is_empty() && !left {
        notes.push("from nothing: the mapping does not mention it any more".to_owned());
    }
    notes.extend(attribute.waits_for.iter().map(|other| format!("waits for the resource of {other}")));
    if let Some(change) = &attribute.last_change {
        notes.push(format!("changed {}{} ({})", change.at, by(change.run.as_deref()), change.action));
    }
    notes
}

/// One layer in words.
fn layer(layer: &Value) -> String {
    let version = || {
        let digest = text(&layer["digest"]).get(..12).unwrap_or_default();
        format!("{} ({digest}…)", text(&layer["version"]))
    };
    match text(&layer["layer"]) {
        "module" => format!("from module {} {}", text(&layer["module"]), version()),
        "default" => format!("from defaults {} {}", text(&layer["module"]), version()),
        "members" => format!("from the membership table {}", text(&layer["source"])),
        _ => {
            let row = text(&layer["row"]);
            // Without the URN of its extension: the JSON has it.
            let row = if row.starts_with("urn:") { row.rsplit(':').next().unwrap_or(row) } else { row };
            let end = match (layer["default"] == true, layer["cleared"] == true) {
                (true, _) => ", empty: its default",
                (_, true) => ", empty: cleared",
                _ => "",
            };
            if let Some(script) = layer["script"].as_str() {
                format!("from row {row}, script {script} {}{end}", version())
            } else if let Some(field) = layer["field"].as_str() {
                let link = layer["link"].as_str().map(|link| format!(", the {link} of")).unwrap_or_default();
                format!("from row {row}{link}, field {field} = {}{end}", layer["value"])
            } else {
                format!("from row {row}, a constant")
            }
        }
    }
}

fn by(run: Option<&str>) -> String {
    run.map(|run| format!(" by run {run}")).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The text, cut to so many characters.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => format!("{}…", text.chars().take(width - 1).collect::<String>().trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_value_is_cut_by_letters_and_not_by_bytes() {
        assert_eq!(cut("Zoë", 3), "Zoë");
        assert_eq!(cut("Zoëë", 3), "Zo…");
    }
}
