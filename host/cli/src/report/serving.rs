//! What the service says, as lines with the moment in front, or as JSON lines.

use super::remedy::Remedies;
use crate::terminal::out;
use jiff::Timestamp;
use scimwright_provision::{Action, Event, Mode, Summary};
use scimwright_server::{Happening, ServiceEvent};
use std::time::Duration;

/// Prints an event as one JSON object.
pub(crate) fn json(event: &ServiceEvent, remedies: &Remedies) {
    out(&remedies.complete_json(event.to_json()).to_string());
}

/// Prints an event for people; what needs no attention only where more is wanted.
pub(crate) fn human(event: &ServiceEvent, verbose: u8, remedies: &Remedies) {
    let Some(text) = sentence(&event.what, verbose) else { return };
    let text = remedies.complete(&text);
    let at = event.at.round(jiff::Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH);
    match &event.tenant {
        Some(tenant) => out(&format!("{at}  {tenant}: {text}")),
        None => out(&format!("{at}  {text}")),
    }
}

fn sentence(what: &Happening, verbose: u8) -> Option<String> {
    Some(match what {
        Happening::Serving { tenants } => format!("serving {tenants} {}", plural(*tenants, "tenant")),
        Happening::Ready { resources } => {
            format!("ready, with {resources} {}", plural(*resources, "resource"))
        }
        Happening::TenantFailed { reason, retry_in } => {
            format!("failed: {reason}\n  it is tried again in {}", time(*retry_in))
        }
        Happening::Module(status) => format!("module {status}"),
        Happening::FolderTrouble { reason } => format!("{reason}; its modules go on as they were"),
        Happening::ProviderQuarantined { provider, failures, until, reason } => {
            let until = until.round(jiff::Unit::Second).unwrap_or(*until);
            format!(
                "{provider}: {failures} rounds in a row failed; it is left alone until {until}: {reason}\n  to try it \
                 sooner, run `scimwright sync --retry --provider {provider}`"
            )
        }
        Happening::ProviderTried { provider } => format!("{provider}: it was left alone, and is tried again"),
        Happening::ProviderBack { provider } => {
            format!("{provider}: it answers again; its quarantine is over")
        }
        Happening::Released { module } => format!("module {module}: its quarantine was ended by hand"),
        Happening::WishTaken { wish } => format!("asked by hand: {wish}"),
        Happening::WishDone { wish } => format!("done by hand: {wish}"),
        Happening::WishDropped { wish, reason } => format!("asked by hand and not begun: {wish}: {reason}"),
        Happening::WishTrouble { reason } => format!("asked by hand, and of no use: {reason}"),
        Happening::ConfigurationChanged => {
            "the configuration was changed; start scimwright again for it to count".to_owned()
        }
        Happening::Run { provider, resource_type, event } => {
            format!("{resource_type} at {provider}: {}", run(event, verbose)?)
        }
        Happening::Synced { provider, resource_type, failure: Some(reason), next_in } => {
            format!(
                "{resource_type} at {provider}: failed: {reason}\n  it is tried again in {}",
                time(*next_in)
            )
        }
        Happening::Synced { provider, resource_type, failure: None, next_in } => {
            if verbose == 0 {
                return None;
            }
            format!("{resource_type} at {provider}: next in {}", time(*next_in))
        }
        Happening::Stopping => "stopping".to_owned(),
        Happening::Stopped { clean: true } => "stopped".to_owned(),
        Happening::Stopped { clean: false } => {
            "stopped, and broke off what took too long; the next start looks for what became of it".to_owned()
        }
    })
}

fn run(event: &Event, verbose: u8) -> Option<String> {
    match event {
        Event::Record(record) if record.action == Action::Fail || verbose > 0 => {
            let what = record.reason.clone().unwrap_or_else(|| record.changes.join(", "));
            Some(format!("{} {}: {what}", record.action.word(Mode::Sync), record.key))
        }
        Event::Malformed { position, reason, .. } => Some(format!("failed {position}: {reason}")),
        Event::Held { candidates, reason } => {
            Some(format!("held {candidates} to be deprovisioned: {reason}"))
        }
        Event::Notice { key: None, message } => Some(message.clone()),
        Event::Notice { key: Some(key), message } if verbose > 0 => Some(format!("{key}: {message}")),
        Event::Finished(summary) => Some(figures(summary)),
        Event::Started { .. }
        | Event::Record(_)
        | Event::Reference(_)
        | Event::Notice { .. }
        | Event::Trace { .. } => None,
    }
}

fn figures(summary: &Summary) -> String {
    let figures = [
        (Action::Create, summary.created),
        (Action::Adopt, summary.adopted),
        (Action::Update, summary.updated),
        (Action::Unchanged, summary.unchanged),
        (Action::Disable, summary.disabled),
        (Action::Delete, summary.deleted),
        (Action::Skip, summary.skipped),
        (Action::Fail, summary.failed),
        (Action::Wait, summary.waiting),
    ];
    let words: Vec<String> = figures
        .iter()
        .filter(|(_, figure)| *figure > 0)
        .map(|(action, figure)| format!("{figure} {}", action.word(Mode::Sync)))
        .collect();
    let words = if words.is_empty() { "nothing to do".to_owned() } else { words.join(", ") };
    format!("{words}; took {:.1} s", summary.duration.as_secs_f64())
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0..120 => format!("{} s", duration.as_secs().max(1)),
        120..7_200 => format!("{} min", duration.as_secs() / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
