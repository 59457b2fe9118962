//! Commands that are printed as a remedy, as they have to be typed here.
//!
//! Whoever words a message knows what helps, `scimwright sync --retry`, and not how this process was called. Typed as it
//! stands, such a command would look for a configuration in another folder, or stop and ask for a tenant. So what tells
//! them apart is added where messages are printed, in this one place.

use scimwright_provision::{Event, typed};
use scimwright_record::TenantName;
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// How a command in a message begins.
const COMMAND: &str = "`scimwright ";

/// What every command needs that is to mean the same configuration as this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remedies {
    options: String,
}

impl Remedies {
    /// For a process that was called so. `known` is what every command would find by itself.
    pub(crate) fn of(config: &Path, known: Option<&Path>, tenant: Option<&TenantName>) -> Self {
        let mut options = String::new();
        if config != Path::new(".") && known != Some(config) {
            options = format!(" --config {}", typed(&config.display().to_string()));
        }
        if let Some(tenant) = tenant {
            options = format!("{options} --tenant {tenant}");
        }
        Self { options }
    }

    /// The text, with its commands as they have to be typed here.
    pub(crate) fn complete<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.options.is_empty() || !text.contains(COMMAND) {
            return Cow::Borrowed(text);
        }
        let mut whole = String::with_capacity(text.len() + self.options.len());
        let mut rest = text;
        while let Some(at) = rest.find(COMMAND) {
            let (before, command) = rest.split_at(at + COMMAND.len());
            whole.push_str(before);
            // A text that breaks off inside a command is left as it is.
            let Some(end) = command.find('`') else {
                rest = command;
                break;
            };
            let (command, after) = command.split_at(end);
            whole.push_str(command);
            if !command.contains("--config ") && !command.contains("--tenant ") {
                whole.push_str(&self.options);
            }
            whole.push('`');
            rest = after.get(1..).unwrap_or_default();
        }
        whole.push_str(rest);
        Cow::Owned(whole)
    }

    /// A line of JSON, with the commands in its sentences as they have to be typed here. What a field is for is told by
    /// its name: keys and values of records stay as they are.
    pub(crate) fn complete_json(&self, mut line: Value) -> Value {
        self.complete_fields(&mut line);
        line
    }

    fn complete_fields(&self, value: &mut Value) {
        const SENTENCES: [&str; 6] = ["reason", "message", "failure", "sentence", "held_because", "error"];
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.complete_fields(item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field {
                        Value::String(text) if SENTENCES.contains(&name.as_str()) => {
                            *text = self.complete(text).into_owned();
                        }
                        field => self.complete_fields(field),
                    }
                }
            }
            _ => {}
        }
    }

    /// The event, with the commands in its sentences as they have to be typed here.
    pub(crate) fn complete_event<'e>(&self, event: &'e Event) -> Cow<'e, Event> {
        let text = match event {
            Event::Malformed { reason, .. } | Event::Held { reason, .. } => Some(reason),
            Event::Record(record) | Event::Reference(record) => record.reason.as_ref(),
            Event::Notice { message, .. } => Some(message),
            Event::Started { .. } | Event::Trace { .. } | Event::Finished(_) => None,
        };
        let Some(Cow::Owned(whole)) = text.map(|text| self.complete(text)) else {
            return Cow::Borrowed(event);
        };
        let mut event = event.clone();
        match &mut event {
            Event::Malformed { reason, .. } | Event::Held { reason, .. } => *reason = whole,
            Event::Record(record) | Event::Reference(record) => record.reason = Some(whole),
            Event::Notice { message, .. } => *message = whole,
            Event::Started { .. } | Event::Trace { .. } | Event::Finished(_) => {}
        }
        Cow::Owned(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_command_is_the_one_that_has_to_be_typed() {
        let tenant = TenantName::parse("emea").unwrap();
        let remedies = Remedies::of(Path::new("/etc/our scim"), None, Some(&tenant));
        assert_eq!(
            remedies.complete(
                "if so, run `scimwright sync --retry`; `scimwright status` shows `max_deprovision`"
            ),
            "if so, run `scimwright sync --retry --config '/etc/our scim' --tenant emea`; `scimwright status --config \
             '/etc/our scim' --tenant emea` shows `max_deprovision`"
        );
        for as_it_is in
            ["no command in `it`", "broken off: `scimwright syn", "scimwright is no command alone"]
        {
            assert_eq!(remedies.complete(as_it_is), as_it_is);
        }
    }

    #[test]
    fn a_line_of_json_has_its_commands_completed_and_its_data_left_alone() {
        let remedies = Remedies::of(Path::new("conf"), None, None);
        let line = serde_json::json!({
            "key": "`scimwright x`", "runs": [{ "reason": "run `scimwright sync`", "summary": { "failed": 1 } }],
        });
        let expected = serde_json::json!({
            "key": "`scimwright x`",
            "runs": [{ "reason": "run `scimwright sync --config conf`", "summary": { "failed": 1 } }],
        });
        assert_eq!(remedies.complete_json(line), expected);
    }

    #[test]
    fn what_every_command_finds_by_itself_is_not_repeated() {
        let (here, there) = (Path::new("."), Path::new("conf"));
        let text = "`scimwright sync`";
        assert_eq!(Remedies::of(here, None, None).complete(text), text);
        assert_eq!(Remedies::of(there, Some(there), None).complete(text), text);
        assert_eq!(Remedies::of(there, Some(here), None).complete(text), "`scimwright sync --config conf`");
    }
}
