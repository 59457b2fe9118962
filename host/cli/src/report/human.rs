//! A run for people: what went wrong as it happens, a progress bar on a terminal, a table at the end.

use crate::terminal::{err, out, shows_progress};
use indicatif::{ProgressBar, ProgressStyle};
use scimwright_provision::{Action, Event, Mode, RecordEvent, Summary};
use scimwright_state::LinkScope;
use std::sync::Mutex;
use std::time::Duration;

/// How many records a plan lists of one kind before it only counts them.
const LISTED: usize = 10;

/// Prints events for people.
pub(crate) struct HumanReporter {
    mode: Mode,
    verbose: u8,
    bar: Option<ProgressBar>,
    listed: Mutex<std::collections::BTreeMap<Action, usize>>,
    /// What the last line was about.
    about: Mutex<Option<LinkScope>>,
}

impl HumanReporter {
    pub(crate) fn new(mode: Mode, verbose: u8) -> Self {
        let bar = shows_progress().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} records, {per_sec:0}  {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { mode, verbose, bar, listed: Mutex::default(), about: Mutex::default() }
    }

    /// Prints without tearing the progress bar.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| out(text)),
            None => out(text),
        }
    }

    /// Says what the next lines are about, where it is not what the last ones were.
    fn head(&self, about: &LinkScope) {
        let Ok(mut last) = self.about.lock() else { return };
        if last.as_ref().is_some_and(|last| last != about) {
            self.line(&format!("{} at {}:", about.resource_type, about.provider));
        }
        *last = Some(about.clone());
    }

    /// Prints a line about a resource type, below its heading.
    fn say(&self, about: &LinkScope, text: &str) {
        self.head(about);
        self.line(text);
    }

    pub(crate) fn note(&self, message: &str) {
        self.line(&format!("  note       {message}"));
    }

    pub(crate) fn error(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        err(&format!("error: {message}"));
    }

    pub(crate) fn event(&self, about: &LinkScope, event: &Event) {
        match event {
            Event::Started { tenant, provider, resource_type, source, mode, run } => {
                let verb = match mode {
                    Mode::Plan => "Plan for",
                    Mode::Sync => "Syncing",
                    Mode::Apply => "Applying to",
                };
                self.line(&format!("{verb} {resource_type} at {provider}, from {source} (tenant {tenant})"));
                if let Ok(mut last) = self.about.lock() {
                    *last = Some(about.clone());
                }
                if let Some(bar) = &self.bar {
                    bar.set_message(run.clone().unwrap_or_default());
                }
            }
            Event::Malformed { position, key, reason } => {
                let who = key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
                self.say(about, &format!("  failed     {position}{who}: {reason}"));
            }
            Event::Record(record) => self.record(about, record),
            Event::Reference(record) if self.verbose > 0 => {
                self.say(about, &format!("  reference  {}: {}", record.key, record.changes.join(", ")));
                self.requests(about, record);
            }
            Event::Reference(_) => {}
            Event::Notice { key: Some(key), message } => {
                if self.verbose > 0 || self.room_for(about, Action::Unchanged) {
                    self.say(about, &format!("  note       {key}: {message}"));
                }
            }
            Event::Notice { key: None, message } => self.say(about, &format!("  note       {message}")),
            Event::Trace { step, detail, .. } => self.say(about, &trace(step, detail)),
            Event::Held { candidates, reason } => {
                self.say(about, &format!("  held       {candidates} to be deprovisioned: {reason}"));
            }
            Event::Finished(summary) => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
                self.say(about, &table(self.mode, summary));
            }
        }
    }

    fn record(&self, about: &LinkScope, record: &RecordEvent) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        let show = match (record.action, self.mode) {
            (Action::Fail, _) => true,
            (Action::Unchanged, _) => self.verbose > 0,
            (_, Mode::Plan) | (Action::Skip | Action::Wait, _) => {
                self.verbose > 0 || self.room_for(about, record.action)
            }
            (_, Mode::Sync | Mode::Apply) => self.verbose > 0,
        };
        if !show {
            return;
        }
        let word = record.action.word(self.mode);
        let resource = record.resource_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let mut text = format!("  {word:<10} {}{resource}", record.key);
        if let Some(reason) = &record.reason {
            text.push_str(": ");
            text.push_str(reason);
        } else if !record.changes.is_empty() {
            text.push_str(": ");
            text.push_str(&record.changes.join(", "));
        }
        self.say(about, &text);
        self.requests(about, record);
    }

    /// The requests that a plan consists of.
    fn requests(&self, about: &LinkScope, record: &RecordEvent) {
        for request in record.requests.iter().filter(|_| self.verbose > 0) {
            let body = request.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
            self.say(about, &format!("             {} {}{body}", request.method, request.path));
        }
    }

    /// Lists the first few of a kind, then says that there are more.
    fn room_for(&self, about: &LinkScope, action: Action) -> bool {
        let Ok(mut listed) = self.listed.lock() else { return false };
        let count = listed.entry(action).or_default();
        *count += 1;
        if *count == LISTED + 1 {
            drop(listed);
            self.say(about, "             … and more like these; --verbose lists them all");
            return false;
        }
        *count <= LISTED
    }

    pub(crate) fn total(&self, total: &Summary, runs: usize) {
        if runs > 1 {
            self.line("All together:");
            self.line(&table(self.mode, total));
        }
    }
}

/// One step of a record, with what came of it below.
pub(crate) fn trace(step: &str, detail: &serde_json::Value) -> String {
    let serde_json::Value::Object(parts) = detail else { return format!("  {step:<10} {detail}") };
    let mut lines = vec![format!("  {step}")];
    for (name, value) in parts {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => lines.push(format!("    {name:<12} {text}")),
            serde_json::Value::Object(inner) => {
                lines.push(format!("    {name}"));
                lines.extend(inner.iter().map(|(name, value)| format!("      {name}: {value}")));
            }
            serde_json::Value::Array(items) if items.is_empty() => {}
            value => lines.push(format!("    {name:<12} {value}")),
        }
    }
    lines.join("\n")
}

/// The figures of a run, those that are not zero, and the times.
fn table(mode: Mode, summary: &Summary) -> String {
    let plan = mode == Mode::Plan;
    let rows = [
        (Action::Create.word(mode), summary.created),
        (Action::Adopt.word(mode), summary.adopted),
        (Action::Update.word(mode), summary.updated),
        (Action::Unchanged.word(mode), summary.unchanged),
        (Action::Disable.word(mode), summary.disabled),
        (Action::Delete.word(mode), summary.deleted),
        (Action::Skip.word(mode), summary.skipped),
        (Action::Fail.word(mode), summary.failed),
        (Action::Wait.word(mode), summary.waiting),
        ("held back", summary.held),
        (if plan { "references to fill in" } else { "references filled in" }, summary.references),
        ("references left open", summary.open_references),
        ("requests", summary.requests),
    ];
    let mut lines: Vec<String> = rows
        .iter()
        .filter(|(_, figure)| *figure > 0)
        .map(|(word, figure)| format!("  {word:<22}{figure:>8}"))
        .collect();
    let (took, mapping) = (summary.duration.as_secs_f64(), summary.mapping.as_secs_f64());
    lines.push(format!("  took {took:.1} s, {mapping:.1} s of it mapping"));
    lines.join("\n")
}
