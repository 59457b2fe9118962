//! What a record's whereabouts come to: in a word, and in the sentence that answers "why is this person not there?".
//!
//! What stands in the way comes first, then what is going to happen, then what happened.

use crate::decide::{active, is_inactive};
use crate::prospect::{Prospect, at};
use crate::whereabouts::{Presence, Whereabouts};
use jiff::Timestamp;
use scimwright_record::RecordKey;
use scimwright_state::{
    Action, Link, LogEntry, LogStatus, RunKind, RunOutcome, RunProgress, Setback, SetbackKind, Standing,
};

/// What there is to know of a record at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// It is there and up to date.
    Provisioned,
    /// It is there, but for a reference to a record that has no resource yet.
    OpenReference,
    /// It is there, and something is wrong with it.
    Behind,
    /// It is there and disabled.
    Disabled,
    /// It is not there, and is not to be.
    NotWanted,
    /// It is not there, and should be.
    Missing,
    /// It is not there and not in the source.
    Unknown,
}

impl Standstill {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::OpenReference => "open-reference",
            Self::Behind => "behind",
            Self::Disabled => "disabled",
            Self::NotWanted => "not-wanted",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

impl Whereabouts {
    /// Where it stands, and why, in one sentence.
    #[must_use]
    pub fn verdict(&self) -> (Standstill, String) {
        let (key, provider) = (&self.key, &self.scope.provider);
        match &self.link {
            Some(link) => self.verdict_on(link),
            None => {
                let (standstill, reason) = self.why_not_there();
                (standstill, format!("{key} is not at {provider}: {reason}"))
            }
        }
    }

    fn verdict_on(&self, link: &Link) -> (Standstill, String) {
        let (key, provider) = (&self.key, &self.scope.provider);
        let there = format!("{key} is at {provider} ({} {})", self.scope.resource_type, link.resource_id);
        let leaves = self.leaves();
        if link.standing == Standing::Disabled {
            let why = match (&leaves, &self.setback) {
                (Some(reason), _) => format!("{reason}{}", self.what_becomes()),
                (None, Some(setback)) => setback.reason.clone(),
                (None, None) => match self.in_doubt(link) {
                    Some(doubt) => format!("its record had left; {doubt}"),
                    None => "its record had left; the next sync looks at it again".to_owned(),
                },
            };
            if self.disabling_deletes {
                let text = format!(
                    "{key} is not at {provider} any more: it was disabled on {}, which deleted {} {} there: {why}",
                    at(link.updated_at),
                    self.scope.resource_type,
                    link.resource_id
                );
                let standstill = if leaves.is_some() { Standstill::NotWanted } else { Standstill::Missing };
                return (standstill, text);
            }
            let text = format!("{there}, disabled since {}: {why}", at(link.updated_at));
            return (Standstill::Disabled, text);
        }
        if let Some(failure) = self.failure() {
            return (Standstill::Behind, format!("{there}, and not up to date: {failure}"));
        }
        if let Some(reason) = leaves {
            return (Standstill::Behind, format!("{there}, though {reason}{}", self.what_becomes()));
        }
        if let Some(doubt) = self.in_doubt(link) {
            return (Standstill::Behind, format!("{there}, as it was on {}: {doubt}", at(link.updated_at)));
        }
        if let Some(open) = self.setback_of(SetbackKind::OpenReference) {
            let text = format!("{there}, last changed {}; it {}", at(link.updated_at), open.reason);
            return (Standstill::OpenReference, text);
        }
        let rival = match (self.claimants.is_empty(), self.kept_active(link)) {
            (false, _) => format!("; {}", self.rivals()),
            (true, Some(held)) => format!("; the mapping makes it inactive, and {held}"),
            (true, None) => String::new(),
        };
        if is_inactive(&link.seen) {
            let why = match link.sent.value(&active()) {
                Some(value) if *value == false => "as its mapping says",
                _ => "and nothing here made it so",
            };
            let text = format!("{there}, inactive there, {why}; last changed {}{rival}", at(link.updated_at));
            return (Standstill::Disabled, text);
        }
        (Standstill::Provisioned, format!("{there}, last changed {}{rival}", at(link.updated_at)))
    }

    /// Why nobody knows whether its resource is as it should be.
    fn in_doubt(&self, link: &Link) -> Option<String> {
        match &self.presence {
            Presence::Unusable(reason) => Some(format!("its record cannot be used: {reason}")),
            Presence::Unreadable(reason) => Some(reason.clone()),
            Presence::NotConfigured => {
                Some(format!("no {} is provisioned there any more", self.scope.resource_type))
            }
            Presence::Counts | Presence::OutOfScope(_) | Presence::Absent => {
                // What was written in that run or after it was not passed over.
                let is_older = self.runs.first().is_some_and(|run| link.updated_at < run.started_at);
                self.obstacle().or_else(|| self.last_failure().filter(|_| is_older))
            }
        }
    }

    /// Why its resource is not to be there any more, if it is not.
    fn leaves(&self) -> Option<String> {
        match &self.presence {
            Presence::Absent => Some(format!("source `{}` has no such record any more", self.source_name())),
            Presence::OutOfScope(reason) => Some(reason.clone()),
            Presence::Counts | Presence::Unusable(_) | Presence::Unreadable(_) | Presence::NotConfigured => {
                self.setback_of(SetbackKind::Skipped).map(|setback| setback.reason.clone())
            }
        }
    }

    /// What becomes of the resource of a record that left, as the end of a sentence.
    pub(crate) fn what_becomes(&self) -> String {
        let by_absence = self.presence == Presence::Absent;
        let run = if by_absence && self.asks_for_changes { "full sync" } else { "sync" };
        match self.prospect {
            Some(Prospect::Contested) => format!("; it stays as it is: {}", self.rivals()),
            Some(prospect) if prospect.is_pending() => {
                let held = self.refused().or_else(|| self.held());
                let held = held.map(|held| format!("; {held}")).unwrap_or_default();
                format!("; {}{held}", prospect.sentence(run))
            }
            Some(prospect) => format!("; {}", prospect.sentence(run)),
            None => "; it stays: nothing of its kind is provisioned there any more".to_owned(),
        }
    }

    /// Who else claims its resource.
    fn rivals(&self) -> String {
        let keys: Vec<&str> = self.claimants.iter().map(RecordKey::as_str).collect();
        match keys.as_slice() {
            [one] => format!("record {one} claims the resource too, and nobody knows whose it is"),
            several => {
                format!("records {} claim the resource too, and nobody knows whose it is", several.join(", "))
            }
        }
    }

    /// How the provider refused to let it go, where that was the last that was asked for it.
    fn refused(&self) -> Option<String> {
        let row = self.log.first().filter(|row| row.status == LogStatus::Failure)?;
        let tried = matches!(row.action, Action::Disable | Action::Delete);
        tried.then(|| format!("it was tried on {} and failed: {}", at(row.at), row.message))
    }

    /// What keeps those who left from being deprovisioned, or kept them when it was tried last.
    fn held(&self) -> Option<String> {
        let last = || {
            let mut ended = self.runs.iter().filter(|run| run.kind == RunKind::Sync);
            let (run, report) = ended.find_map(|run| Some((run, run.report()?)))?;
            let on = at(run.started_at);
            match (&report.held, &report.reason) {
                (Some(held), _) => Some(format!("the last one, on {on}, held it up: {held}")),
                (None, Some(reason)) => {
                    Some(format!("the last one, on {on}, deprovisioned nobody: {reason}"))
                }
                (None, None) => None,
            }
        };
        self.obstacle().or_else(last)
    }

    /// What held it up that somebody is made inactive, where the last sync was about to. Such a link is due from the moment
    /// on at which that was decided.
    fn kept_active(&self, link: &Link) -> Option<String> {
        let run = self.runs.iter().find(|run| run.kind == RunKind::Sync)?;
        let held = run.report()?.held.as_ref()?;
        let due = link.due_at.filter(|due| *due >= run.started_at && *due <= Timestamp::now())?;
        link.fingerprint.is_none().then(|| format!("the last sync, on {}, held it up: {held}", at(due)))
    }

    /// Why the last run over everybody did not come to its end, if that is so.
    fn last_failure(&self) -> Option<String> {
        let run = self.runs.first()?;
        let report = run.report()?;
        let (kind, on) = (run.kind.as_str(), at(run.started_at));
        let what = match report.outcome {
            RunOutcome::NotBegun => "could not begin",
            RunOutcome::Failed => "did not come to its end",
            RunOutcome::Completed | RunOutcome::Stopped => return None,
        };
        let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(format!("the last {kind}, on {on}, {what}{reason}"))
    }

    /// How the last run over everybody passed it over, if it did.
    fn passed_over(&self) -> Option<String> {
        let run = self.runs.first()?;
        let (kind, on) = (run.kind.as_str(), at(run.started_at));
        match &run.progress {
            RunProgress::UnderWay => Some(format!("a {kind} is under way since {on}")),
            RunProgress::Interrupted => {
                Some(format!("the last {kind}, begun on {on}, was killed; the next one goes on from there"))
            }
            RunProgress::Ended(end) if end.report.outcome == RunOutcome::Stopped => Some(format!(
                "the last {kind}, on {on}, was stopped before its end; the next one goes on from there"
            )),
            RunProgress::Ended(_) => None,
        }
    }

    /// What the client log says of the end of its resource, or of its link, as far back as is shown.
    fn taken_away(&self) -> Option<String> {
        let ends = |row: &&LogEntry| {
            use Action::{Adopt, Create, Delete, Forget};
            row.status == LogStatus::Success && matches!(row.action, Create | Adopt | Delete | Forget)
        };
        let row = self.log.iter().find(ends)?;
        let by = if row.run.is_some() { "" } else { " by hand" };
        match row.action {
            Action::Delete => Some(format!("its resource was deleted{by} on {}", at(row.at))),
            Action::Forget => Some(format!("its link was forgotten{by} on {}", at(row.at))),
            _ => None,
        }
    }

    fn why_not_there(&self) -> (Standstill, String) {
        let source = self.source_name();
        match &self.presence {
            Presence::Absent if self.taken_away().is_some() => {
                let past = self.taken_away().unwrap_or_default();
                return (Standstill::NotWanted, format!("{past}, and source `{source}` has no such record"));
            }
            Presence::Absent => {
                return (
                    Standstill::Unknown,
                    format!("source `{source}` has no such record; keys are compared to the letter"),
                );
            }
            Presence::OutOfScope(reason) => return (Standstill::NotWanted, reason.clone()),
            Presence::Unusable(reason) => {
                return (Standstill::Missing, format!("its record cannot be used: {reason}"));
            }
            Presence::Unreadable(reason) => return (Standstill::Missing, reason.clone()),
            Presence::NotConfigured => {
                let text = format!("no {} is provisioned there any more", self.scope.resource_type);
                return (Standstill::Unknown, text);
            }
            Presence::Counts => {}
        }
        if let Some(setback) = self.setback_of(SetbackKind::Skipped) {
            let text = format!("it was skipped on {}: {}", at(setback.last), setback.reason);
            return (Standstill::NotWanted, text);
        }
        if let Some(obstacle) = self.obstacle() {
            return (Standstill::Missing, obstacle);
        }
        if let Some(failure) = self.failure() {
            return (Standstill::Missing, failure);
        }
        if let Some(intent) = &self.intent {
            let text = format!(
                "its creation was begun on {}, and nobody knows how that ended; the next sync looks for it there",
                at(intent.written_at)
            );
            return (Standstill::Missing, text);
        }
        if let Some(past) = self.last_failure().or_else(|| self.passed_over()) {
            return (Standstill::Missing, past);
        }
        let last_run = || self.runs.iter().find(|run| run.kind == RunKind::Sync).map(|run| run.started_at);
        let text = match (self.taken_away(), self.full_cycle_at.or_else(last_run)) {
            _ if self.lost => {
                "what was known of it is gone with the state file; `scimwright links rebuild --as created` \
                               finds its resource again, where it has one"
                    .to_owned()
            }
            (Some(past), _) => {
                let sync = if self.asks_for_changes { "full sync" } else { "sync" };
                format!("{past}; the next {sync} takes it up")
            }
            (None, Some(last)) => {
                format!("it is new since the last full sync on {}; the next one takes it up", at(last))
            }
            (None, None) => "nothing was synced yet; `scimwright sync` takes it up".to_owned(),
        };
        (Standstill::Missing, text)
    }

    /// What keeps everybody from being provisioned.
    fn obstacle(&self) -> Option<String> {
        if let Some(quarantine) = &self.quarantine {
            return Some(format!(
                "{provider} is in quarantine until {} after {} failed rounds in a row: {}; `scimwright sync --retry \
                 --provider {provider}` tries it now",
                at(quarantine.until),
                quarantine.failures,
                quarantine.reason,
                provider = self.scope.provider
            ));
        }
        if let Some((module, reason)) = self.unusable.first() {
            return Some(format!("module `{module}` cannot be used: {reason}"));
        }
        self.modules.first().map(|module| {
            format!(
                "module `{}` is in quarantine until {}: {}; `scimwright mapping release {}` ends that",
                module.module,
                at(module.until),
                module.reason,
                module.module
            )
        })
    }

    /// How it failed, where it did.
    fn failure(&self) -> Option<String> {
        let setback = self.setback.as_ref().filter(|setback| setback.kind.is_failure())?;
        let times = match setback.attempts {
            1 => "it failed once, on".to_owned(),
            attempts => format!("it failed {attempts} times since"),
        };
        let next = match setback.next_try {
            Some(next) if next > Timestamp::now() => format!("; next try {}", at(next)),
            Some(_) => "; the next sync tries again".to_owned(),
            None => String::new(),
        };
        Some(format!("{times} {}{next}: {}", at(setback.since), setback.reason))
    }

    fn setback_of(&self, kind: SetbackKind) -> Option<&Setback> {
        self.setback.as_ref().filter(|setback| setback.kind == kind)
    }

    fn source_name(&self) -> &str {
        self.source.as_ref().map_or("?", |source| source.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use scimwright_state::{Intent, LinkScope, Quarantine, Run, RunEnd, RunId, RunReport};

    fn nowhere() -> Whereabouts {
        Whereabouts {
            key: "E1".parse().unwrap(),
            scope: LinkScope { provider: "acme".parse().unwrap(), resource_type: "User".parse().unwrap() },
            source: Some("hr".parse().unwrap()),
            prospect: None,
            asks_for_changes: false,
            presence: Presence::Counts,
            link: None,
            setback: None,
            intent: None,
            quarantine: None,
            modules: Vec::new(),
            unusable: Vec::new(),
            claimants: Vec::new(),
            runs: Vec::new(),
            disabling_deletes: false,
            lost: false,
            log: Vec::new(),
            full_cycle_at: None,
        }
    }

    #[track_caller]
    fn assert_says(found: &Whereabouts, standstill: Standstill, sentence: &str) {
        let (is, says) = found.verdict();
        assert_eq!((is, says.as_str()), (standstill, sentence));
    }

    #[test]
    fn whoever_was_never_looked_at_is_told_what_to_run() {
        let sentence = "E1 is not at acme: nothing was synced yet; `scimwright sync` takes it up";
        assert_says(&nowhere(), Standstill::Missing, sentence);
    }

    /// A run that ended so.
    fn run(outcome: RunOutcome, reason: Option<&str>, held: Option<&str>) -> Run {
        let started_at: Timestamp = "2026-03-03T06:00:00Z".parse().unwrap();
        let report = RunReport::new(outcome, serde_json::Value::Null)
            .because(reason.map(str::to_owned))
            .holding(held.map(str::to_owned));
        let progress = RunProgress::Ended(RunEnd { at: started_at, report });
        Run { id: RunId::generate(), kind: RunKind::Sync, scope: nowhere().scope, started_at, progress }
    }

    #[test]
    fn a_run_that_could_not_begin_or_go_on_says_why_somebody_is_missing() {
        let missing = |runs| Whereabouts { runs, full_cycle_at: Some(Timestamp::UNIX_EPOCH), ..nowhere() };
        let unbegun = run(RunOutcome::NotBegun, Some("nobody answers"), None);
        let sentence =
            "E1 is not at acme: the last sync, on 2026-03-03 06:00:00Z, could not begin: nobody answers";
        assert_says(&missing(vec![unbegun.clone()]), Standstill::Missing, sentence);
        let failed = run(RunOutcome::Failed, Some("people.csv broke off"), None);
        let sentence = "E1 is not at acme: the last sync, on 2026-03-03 06:00:00Z, did not come to its end: people.csv broke off";
        assert_says(&missing(vec![failed]), Standstill::Missing, sentence);
        let stopped = run(RunOutcome::Stopped, Some("stopped"), None);
        let sentence = "E1 is not at acme: the last sync, on 2026-03-03 06:00:00Z, was stopped before its end; the next \
                        one goes on from there";
        assert_says(&missing(vec![stopped]), Standstill::Missing, sentence);
        let killed = Run { progress: RunProgress::Interrupted, ..unbegun.clone() };
        let (_, says) = missing(vec![killed]).verdict();
        assert!(says.contains("the last sync, begun on 2026-03-03 06:00:00Z, was killed"), "{says}");
        let sentence = "E1 is not at acme: it is new since the last full sync on 1970-01-01 00:00:00Z; the next one takes it up";
        let since_then = vec![run(RunOutcome::Completed, None, None), unbegun];
        assert_says(&missing(since_then), Standstill::Missing, sentence);
    }

    #[test]
    fn whoever_was_written_since_a_run_broke_off_was_not_passed_over_by_it() {
        let there = |updated_at: &str| {
            let link = fixture::link(
                scimwright_state::Ownership::Created,
                Standing::Active,
                updated_at.parse().unwrap(),
            );
            let failed = run(RunOutcome::Failed, Some("people.csv broke off"), None);
            Whereabouts { link: Some(link), runs: vec![failed], ..nowhere() }.verdict().0
        };
        assert_eq!(there("2026-03-02T10:00:00Z"), Standstill::Behind);
        assert_eq!(there("2026-03-03T06:00:01Z"), Standstill::Provisioned);
    }

    #[test]
    fn what_a_lost_state_knew_is_not_said_to_have_never_been() {
        let (_, says) = Whereabouts { lost: true, ..nowhere() }.verdict();
        assert!(says.contains("what was known of it is gone with the state file"), "{says}");
    }

    #[test]
    fn a_resource_that_somebody_deleted_or_unlinked_by_hand_is_said_to_have_been_there() {
        let moment: Timestamp = "2026-03-04T08:00:00Z".parse().unwrap();
        let row = |action, run| LogEntry {
            run,
            request_id: "r1".into(),
            provider: "acme".parse().unwrap(),
            resource_type: "User".parse().unwrap(),
            resource_id: Some("r1".into()),
            key: Some("E1".parse().unwrap()),
            action,
            status: LogStatus::Success,
            http_status: None,
            message: String::new(),
            duration: std::time::Duration::ZERO,
            at: moment,
            changes: Vec::new(),
        };
        let says = |log, presence| Whereabouts { log, presence, ..nowhere() }.verdict();
        let deleted = row(Action::Delete, None);
        let made = row(Action::Create, Some(RunId::generate()));
        let (standstill, sentence) = says(vec![deleted.clone(), made.clone()], Presence::Counts);
        assert_eq!(standstill, Standstill::Missing);
        let expected = "E1 is not at acme: its resource was deleted by hand on 2026-03-04 08:00:00Z; the next sync takes \
                        it up";
        assert_eq!(sentence, expected);
        let (_, sentence) = says(vec![row(Action::Forget, None), made.clone()], Presence::Counts);
        assert!(sentence.contains("its link was forgotten by hand on"), "{sentence}");
        let (_, sentence) = says(vec![made, deleted], Presence::Counts);
        assert!(sentence.contains("nothing was synced yet"), "{sentence}");
        let gone = row(Action::Delete, Some(RunId::generate()));
        let (standstill, sentence) = says(vec![gone], Presence::Absent);
        assert_eq!(standstill, Standstill::NotWanted);
        let expected = "E1 is not at acme: its resource was deleted on 2026-03-04 08:00:00Z, and source `hr` has no such \
                        record";
        assert_eq!(sentence, expected);
    }

    #[test]
    fn a_leaver_whom_the_provider_did_not_let_go_is_told_how_it_refused() {
        let moment: Timestamp = "2026-03-04T08:00:00Z".parse().unwrap();
        let failed = LogEntry {
            run: Some(RunId::generate()),
            request_id: "r1".into(),
            provider: "acme".parse().unwrap(),
            resource_type: "User".parse().unwrap(),
            resource_id: Some("r1".into()),
            key: Some("E1".parse().unwrap()),
            action: Action::Disable,
            status: LogStatus::Failure,
            http_status: Some(403),
            message: "administrators stay (403)".into(),
            duration: std::time::Duration::ZERO,
            at: moment,
            changes: Vec::new(),
        };
        let link = fixture::link(scimwright_state::Ownership::Created, Standing::Active, moment);
        let left = Whereabouts {
            link: Some(link.clone()),
            presence: Presence::Absent,
            prospect: Some(Prospect::Disable),
            log: vec![failed],
            ..nowhere()
        };
        let (standstill, says) = left.verdict();
        assert_eq!(standstill, Standstill::Behind);
        let because = "; it was tried on 2026-03-04 08:00:00Z and failed: administrators stay (403)";
        assert!(says.ends_with(because), "{says}");
        // One who is back, in a source that cannot be read.
        let back = Whereabouts {
            link: Some(Link { standing: Standing::Disabled, ..link }),
            presence: Presence::Unreadable("source `hr` is not there".into()),
            ..nowhere()
        };
        assert!(back.verdict().1.ends_with(": its record had left; source `hr` is not there"));
    }

    #[test]
    fn a_module_that_cannot_be_used_keeps_everybody_from_being_provisioned() {
        let unusable = vec![("corp-user".parse().unwrap(), "there is no such file".to_owned())];
        let sentence = "E1 is not at acme: module `corp-user` cannot be used: there is no such file";
        assert_says(&Whereabouts { unusable, ..nowhere() }, Standstill::Missing, sentence);
    }

    #[test]
    fn what_holds_a_leaver_is_named() {
        let left = |runs, claimants| Whereabouts {
            link: Some(fixture::link(
                scimwright_state::Ownership::Created,
                Standing::Active,
                "2026-03-02T10:00:00Z".parse().unwrap(),
            )),
            presence: Presence::Absent,
            prospect: Some(Prospect::Disable.contested_by(Vec::len(&claimants))),
            claimants,
            runs,
            ..nowhere()
        };
        let says = |found: Whereabouts| found.verdict().1;
        let pending = "; the next sync disables it, if nothing holds that up";
        assert!(says(left(Vec::new(), Vec::new())).ends_with(pending));
        let held = run(RunOutcome::Completed, None, Some("4 would go"));
        let because = format!("{pending}; the last one, on 2026-03-03 06:00:00Z, held it up: 4 would go");
        assert!(says(left(vec![held], Vec::new())).ends_with(&because));
        let failed = run(RunOutcome::NotBegun, Some("nobody answers"), None);
        let because =
            format!("{pending}; the last one, on 2026-03-03 06:00:00Z, deprovisioned nobody: nobody answers");
        assert!(says(left(vec![failed.clone()], Vec::new())).ends_with(&because));
        let contested = says(left(vec![failed], vec!["N1".parse().unwrap()]));
        let because = "; it stays as it is: record N1 claims the resource too, and nobody knows whose it is";
        assert!(contested.ends_with(because), "{contested}");
    }

    #[test]
    fn a_module_in_quarantine_comes_before_the_failure_that_it_caused() {
        let moment: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let module = Quarantine {
            module: "corp-user".parse().unwrap(),
            digest: "0".repeat(64),
            failures: 5,
            reason: "it ran out of memory".into(),
            since: moment,
            until: moment,
        };
        let setback = Setback {
            key: "E1".parse().unwrap(),
            kind: SetbackKind::Permanent,
            reason: "it ran out of memory".into(),
            attempts: 1,
            since: moment,
            last: moment,
            next_try: Some(moment),
            fingerprint: None,
            run: RunId::generate(),
        };
        let found = Whereabouts { modules: vec![module], setback: Some(setback.clone()), ..nowhere() };
        let sentence = "E1 is not at acme: module `corp-user` is in quarantine until 2026-03-02 10:00:00Z: it ran out of \
                        memory; `scimwright mapping release corp-user` ends that";
        assert_says(&found, Standstill::Missing, sentence);
        let found = Whereabouts { setback: Some(setback), ..nowhere() };
        let sentence = "E1 is not at acme: it failed once, on 2026-03-02 10:00:00Z; the next sync tries again: it ran out \
                        of memory";
        assert_says(&found, Standstill::Missing, sentence);
    }

    #[test]
    fn a_resource_whose_record_cannot_be_judged_is_not_called_up_to_date() {
        let then: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let link = Link {
            key: "E1".parse().unwrap(),
            resource_id: "r1".into(),
            ownership: scimwright_state::Ownership::Created,
            standing: Standing::Active,
            sent: scimwright_scim::Desired::new(),
            seen: scimwright_scim::Resource::new(),
            version: None,
            created_at: then,
            updated_at: then,
            run: RunId::generate(),
            fingerprint: None,
            due_at: None,
        };
        let there = |presence| Whereabouts { link: Some(link.clone()), presence, ..nowhere() };
        for (presence, reason) in [
            (Presence::Unusable("no date".into()), "its record cannot be used: no date"),
            (Presence::Unreadable("source `hr` is not there".into()), "source `hr` is not there"),
            (Presence::NotConfigured, "no User is provisioned there any more"),
        ] {
            let sentence = format!("E1 is at acme (User r1), as it was on 2026-03-02 10:00:00Z: {reason}");
            assert_says(&there(presence), Standstill::Behind, &sentence);
        }
        let sentence = "E1 is at acme (User r1), last changed 2026-03-02 10:00:00Z";
        assert_says(&there(Presence::Counts), Standstill::Provisioned, sentence);
    }

    #[test]
    fn a_creation_whose_answer_was_lost_is_named() {
        let written_at: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let (key, run) = ("E1".parse().unwrap(), RunId::generate());
        let intent = Intent { key, operation: Action::Create, run, written_at };
        let found = Whereabouts { intent: Some(intent), ..nowhere() };
        let sentence = "E1 is not at acme: its creation was begun on 2026-03-02 10:00:00Z, and nobody knows how that \
                        ended; the next sync looks for it there";
        assert_says(&found, Standstill::Missing, sentence);
    }
}
