//! Quarantine: a module that keeps failing is not called for a while.
//!
//! What counts is what the module's author or an operator has to mend: crashes, limits, results that it may not
//! return. A record that a mapping refuses says nothing against the mapping. After [`THRESHOLD`] such failures, one
//! after the other, the module is left alone; then one record is let through, and decides. Each time it fails
//! again the pause is twice as long. A new version of the module begins with a clean slate, since the breaker
//! belongs to what was loaded.

use crate::error::{Concern, Fault, MapError};
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many calls have to fail, one after the other.
const THRESHOLD: u32 = 5;
/// The first pause.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Whether a module may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It may.
    Live,
    /// Not before the quarantine's time is over, and then with one record first.
    Quarantined(Quarantine),
}

/// Why a module is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantine {
    /// How many calls failed, one after the other.
    pub failures: u32,
    /// How the last one did.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
    /// When one record is let through.
    pub until: Timestamp,
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.round(jiff::Unit::Second).unwrap_or(self.until);
        write!(
            f,
            "it is in quarantine until {until}, as {} calls failed one after the other, the last one so: {}",
            self.failures, self.reason
        )
    }
}

/// Counts failures, and opens.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// The record that was let through came back.
    decided: Condvar,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    quarantine: Quarantine,
    pause: SignedDuration,
    /// When a record was let through whose outcome is not known yet.
    trying: Option<Timestamp>,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is never left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may be made now. While the record that was let through decides, the others wait for it, at
    /// most for this long.
    pub(crate) fn admit(&self, now: Timestamp, patience: Duration) -> Result<(), Quarantine> {
        let mut state = self.state();
        let mut waited = false;
        loop {
            let Some(open) = &mut state.open else { return Ok(()) };
            if now < open.quarantine.until {
                return Err(open.quarantine.clone());
            }
            // A record that was let through and never came back must not close the door for ever.
            if open.trying.is_none_or(|since| now >= since + FIRST_PAUSE) {
                open.trying = Some(now);
                return Ok(());
            }
            if waited || patience.is_zero() {
                return Err(open.quarantine.clone());
            }
            let (guard, timeout) =
                self.decided.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            (state, waited) = (guard, timeout.timed_out());
        }
    }

    /// Takes a call's outcome in.
    pub(crate) fn settle(&self, now: Timestamp, failure: Option<&MapError>) {
        self.judge(now, failure);
        self.decided.notify_all();
    }

    fn judge(&self, now: Timestamp, failure: Option<&MapError>) {
        let mut state = self.state();
        let error = match failure {
            Some(error) if counts(&error.fault) => error,
            // A source that could not be read, a place that was not to be had: nothing is known from that.
            Some(error) if error.concern() == Concern::Operator => {
                state.open.iter_mut().for_each(|open| open.trying = None);
                return;
            }
            // A refusal of the record is an answer like any other.
            _ => {
                *state = State::default();
                return;
            }
        };
        state.failures = state.failures.saturating_add(1);
        let failures = state.failures;
        let quarantine = |since, pause| Quarantine {
            failures,
            reason: error.fault.to_string(),
            since,
            until: now.checked_add(pause).unwrap_or(Timestamp::MAX),
        };
        match &mut state.open {
            Some(open) if open.trying.is_some() => {
                open.trying = None;
                open.pause = (open.pause * 2).min(LONGEST_PAUSE);
                open.quarantine = quarantine(open.quarantine.since, open.pause);
            }
            // A call that was under way when it opened.
            Some(_) => {}
            None if failures >= THRESHOLD => {
                let quarantine = quarantine(now, FIRST_PAUSE);
                state.open = Some(Open { quarantine, pause: FIRST_PAUSE, trying: None });
            }
            None => {}
        }
    }

    pub(crate) fn health(&self) -> Health {
        match &self.state().open {
            Some(open) => Health::Quarantined(open.quarantine.clone()),
            None => Health::Live,
        }
    }

    /// Ends the quarantine and forgets what led to it.
    pub(crate) fn release(&self) {
        *self.state() = State::default();
        self.decided.notify_all();
    }

    /// Goes on with a quarantine that another process began.
    pub(crate) fn restore(&self, quarantine: Quarantine) {
        let pause = quarantine.until.duration_since(quarantine.since);
        let pause = pause.clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let failures = quarantine.failures;
        *self.state() = State { failures, open: Some(Open { quarantine, pause, trying: None }) };
    }
}

/// Whether a fault says something against the module.
fn counts(fault: &Fault) -> bool {
    matches!(fault.concern(), Concern::Author | Concern::Limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Function, Place};
    use crate::module::ModuleId;
    use scimwright_record::{ModuleName, TenantName};

    fn error(fault: Fault) -> MapError {
        let module = ModuleId { tenant: TenantName::default(), name: ModuleName::parse("m").unwrap() };
        let place = Box::new(Place { module, record: None, function: Function::Map });
        MapError { place, fault, evidence: Box::default() }
    }

    fn crash() -> MapError {
        error(Fault::Other { message: "undefined is not a function".into() })
    }

    fn refusal() -> MapError {
        error(Fault::Rejected { message: "no contract".into() })
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            breaker.admit(at(0), Duration::ZERO).unwrap();
            breaker.settle(at(0), Some(&crash()));
        }
        breaker
    }

    #[test]
    fn five_failures_one_after_the_other_open_it_and_refused_records_do_not() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..THRESHOLD {
                breaker.settle(at(0), Some(&crash()));
            }
            breaker.settle(at(0), Some(&refusal()));
        }
        assert_eq!(breaker.health(), Health::Live);
        let quarantine = opened().admit(at(1), Duration::ZERO).unwrap_err();
        assert_eq!((quarantine.failures, quarantine.until), (5, at(30)));
        assert!(quarantine.to_string().contains("undefined is not a function"), "{quarantine}");
    }

    #[test]
    fn after_the_pause_one_record_decides_and_each_failure_doubles_the_pause() {
        let breaker = opened();
        let mut now = 30;
        for pause in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            breaker.admit(at(now), Duration::ZERO).unwrap();
            assert!(breaker.admit(at(now), Duration::ZERO).is_err(), "only one is let through");
            breaker.settle(at(now), Some(&crash()));
            let quarantine = breaker.admit(at(now + pause - 1), Duration::ZERO).unwrap_err();
            assert_eq!(quarantine.since, at(0));
            now += pause;
        }
        breaker.admit(at(now), Duration::ZERO).unwrap();
        breaker.settle(at(now), None);
        assert_eq!(breaker.health(), Health::Live);
        breaker.admit(at(now), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_quarantine_can_be_ended_by_hand_and_outlives_its_process() {
        let breaker = opened();
        let Health::Quarantined(quarantine) = breaker.health() else { panic!() };
        breaker.release();
        breaker.admit(at(1), Duration::ZERO).unwrap();

        let next = Breaker::default();
        next.restore(quarantine.clone());
        assert_eq!(next.admit(at(29), Duration::ZERO), Err(quarantine));
        next.admit(at(30), Duration::ZERO).unwrap();
        next.settle(at(30), Some(&crash()));
        assert_eq!(next.admit(at(89), Duration::ZERO).unwrap_err().failures, 6);
    }

    #[test]
    fn a_record_that_was_let_through_and_never_came_back_does_not_close_the_door_for_ever() {
        let breaker = opened();
        breaker.admit(at(30), Duration::ZERO).unwrap();
        assert!(breaker.admit(at(59), Duration::ZERO).is_err());
        breaker.admit(at(60), Duration::ZERO).unwrap();
    }

    #[test]
    fn records_beside_the_one_that_was_let_through_wait_for_what_it_decides() {
        let breaker = opened();
        breaker.admit(at(30), Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| breaker.admit(at(30), Duration::from_secs(20)));
            std::thread::sleep(Duration::from_millis(20));
            breaker.settle(at(30), None);
            beside.join().unwrap().unwrap();
        });
    }
}
