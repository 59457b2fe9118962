//! Why a call of a module failed: which module, on which record, what happened and who can mend it.
//!
//! The distinctions matter. A record at fault is corrected in its source; a trap is the author's; a limit
//! is either the author's or an operator's decision; and each is handled differently by whoever retries.

use crate::backtrace::GuestBacktrace;
use crate::breaker::Quarantine;
use crate::call::LogLine;
use crate::evidence::Evidence;
use crate::module::ModuleId;
use crate::text;
use scimwright_record::RecordKey;
use std::fmt;
use std::time::Duration;

/// A call of a module that brought no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct MapError {
    /// Which module, called for what.
    pub place: Box<Place>,
    /// What happened.
    pub fault: Fault,
    /// What the call left behind.
    pub evidence: Box<Evidence>,
}

/// Which module was called, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The module.
    pub module: ModuleId,
    /// The record it was called for; `None` for `describe`.
    pub record: Option<RecordKey>,
    /// The function of the contract that was called.
    pub function: Function,
}

/// A function of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// Says what the module is.
    Describe,
    /// Maps a record.
    Map,
    /// Supplies default values.
    Defaults,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::Map => "map",
            Self::Defaults => "defaults",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.record {
            Some(key) => write!(f, "record `{key}` in {} (`{}`)", self.module, self.function),
            None => write!(f, "{} (`{}`)", self.module, self.function),
        }
    }
}

/// Who can do something about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Whoever keeps the record correct in its source.
    Record,
    /// The module's author.
    Author,
    /// The operator, by raising a limit, or the author, by using less.
    Limit,
    /// The operator: the machine or the process is short of something.
    Operator,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The mapping found the record at fault.
    #[error("the record is not valid{}: {message}; correct it in its source", in_field(.field))]
    InvalidRecord {
        /// The field at fault, where the mapping named one.
        field: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// The mapping needs a look-up that did not work.
    #[error("a look-up that the mapping needs failed: {message}")]
    LookupFailed {
        /// What the mapping said.
        message: String,
    },
    /// The mapping refuses the record by a rule of its own.
    #[error("the mapping refuses the record: {message}")]
    Rejected {
        /// What the mapping said.
        message: String,
    },
    /// The mapping failed for a reason of its own.
    #[error("the mapping failed: {message}")]
    Other {
        /// What the mapping said.
        message: String,
    },
    /// The guest crashed.
    #[error("{0}")]
    Trap(TrapReport),
    /// The guest used up its CPU time.
    #[error(
        "stopped after {} of {} of CPU time{}; its author should look for a loop that does not end or is \
         too costly, or an operator may raise `cpu_ms`",
        text::millis(*.used), text::millis(*.limit), at(.backtrace)
    )]
    CpuDeadline {
        /// CPU time used when it was stopped; a little more than the limit.
        used: Duration,
        /// [`Limits::cpu`](crate::Limits::cpu).
        limit: Duration,
        /// Where it was stopped.
        backtrace: GuestBacktrace,
    },
    /// The call took too long on the clock on the wall, look-ups included.
    #[error(
        "stopped after {} of {} on the clock on the wall, of which {} were CPU time{}; look-ups are slow or \
         the machine is overloaded, otherwise an operator may raise `wall_ms`",
        text::millis(*.used), text::millis(*.limit), text::millis(*.cpu), at(.backtrace)
    )]
    WallClock {
        /// Time passed when it was stopped; a little more than the limit.
        used: Duration,
        /// [`Limits::wall`](crate::Limits::wall).
        limit: Duration,
        /// How much of it was CPU time.
        cpu: Duration,
        /// Where it was stopped.
        backtrace: GuestBacktrace,
    },
    /// The guest wanted more memory than it may have, and could not go on without.
    #[error(
        "wanted {} of memory, {} are allowed{}; its author should use less, or an operator may raise \
         `memory_mb`",
        text::bytes(*.wanted as u64), text::bytes(*.limit as u64), at(.backtrace)
    )]
    Memory {
        /// All memories and tables together, had the growth been allowed, in bytes.
        wanted: usize,
        /// [`Limits::memory_bytes`](crate::Limits::memory_bytes).
        limit: usize,
        /// Where it gave up. Empty where the instance could not even be created.
        backtrace: GuestBacktrace,
    },
    /// The guest returned more than it may.
    #[error(
        "returned more than {}; its author should return less, or an operator may raise `output_kb`",
        text::bytes(*.limit as u64)
    )]
    Output {
        /// [`Limits::output_bytes`](crate::Limits::output_bytes).
        limit: usize,
    },
    /// The guest passed more to a host function in one call than it may.
    #[error(
        "passed more than {} to the host in one call{}; its author should log less at a time, or an operator \
         may raise `output_kb`",
        text::bytes(*.limit as u64), at(.backtrace)
    )]
    HostCall {
        /// [`Limits::output_bytes`](crate::Limits::output_bytes).
        limit: usize,
        /// Where the call was made.
        backtrace: GuestBacktrace,
    },
    /// The guest made more look-ups than it may.
    #[error(
        "wanted more than {limit} look-ups{}; its author should make fewer, or an operator may raise `lookups`",
        at(.backtrace)
    )]
    Lookups {
        /// [`Limits::lookups`](crate::Limits::lookups).
        limit: u32,
        /// Where the look-up was made.
        backtrace: GuestBacktrace,
    },
    /// The guest returned something that is not a value of the contract: a pointer outside its memory, text
    /// that is not UTF-8.
    #[error(
        "returned what the contract does not allow: {reason}; its author should build it with a current SDK"
    )]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The guest returned an attribute that its manifest does not declare.
    #[error(
        "returned the attribute `{attribute}`, which its manifest does not declare; its author should add it \
         to `writes` ({}) or not return it",
        text::list(.declared)
    )]
    UndeclaredAttribute {
        /// The attribute.
        attribute: String,
        /// What the manifest declares.
        declared: Vec<String>,
    },
    /// The guest returned an attribute twice.
    #[error("returned the attribute `{attribute}` twice; its author should return each once")]
    RepeatedAttribute {
        /// The attribute.
        attribute: String,
    },
    /// The guest returned an attribute with a value that cannot be one, or a name that cannot be one.
    #[error("returned the attribute `{attribute}` with {problem}; its author has to correct it")]
    BadValue {
        /// The attribute, with the sub-attribute where the value stands in one.
        attribute: String,
        /// What is wrong with the value.
        problem: String,
    },
    /// The module does not export what was asked of it.
    #[error("the module does not export `{export}`; it exports {}", text::list(.exports))]
    NotExported {
        /// What was asked for: `attribute-mapping`.
        export: &'static str,
        /// What it exports.
        exports: Vec<String>,
    },
    /// All places for instances are held, and nobody gave one back.
    #[error(
        "it waited too long for its turn: all {places} places {whose} are held; slow look-ups or a crowd of calls hold \
         them, or an operator may allow more"
    )]
    Crowded {
        /// Whose places: of the module, of the tenant, of this process.
        whose: &'static str,
        /// How many there are.
        places: u32,
    },
    /// The module failed too often, and is left alone for a while.
    #[error("{0}; mend it, or end the quarantine with `scimwright mapping release`")]
    Quarantined(Quarantine),
    /// An integer is larger than the guest's language can tell from its neighbours.
    #[error(
        "the integer {value} in `{name}` would reach the mapping as another number: JavaScript's are exact to \
         9007199254740991; let the source give it as text, or write the mapping in another language"
    )]
    InexactInteger {
        /// The field; the attribute, for default values.
        name: String,
        /// Its value.
        value: i64,
    },
    /// No instance could be made, and the guest is not to blame.
    #[error("no instance could be made: {reason}; the machine is short of memory or address space")]
    Host {
        /// What wasmtime said.
        reason: String,
    },
}

/// How a guest crashed.
#[derive(Debug, Clone, PartialEq)]
pub struct TrapReport {
    /// What kind of crash it was: "the stack ran over".
    pub reason: String,
    /// The last messages that the guest logged as errors, oldest first. A panic's message and place come
    /// this way.
    pub last_words: Vec<LogLine>,
    /// Where it crashed.
    pub backtrace: GuestBacktrace,
}

impl fmt::Display for TrapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crashed: {}{}", self.reason, at(&self.backtrace))?;
        if let Some(last) = self.last_words.last() {
            write!(f, "; its last words: {}", last.message.trim())?;
        }
        f.write_str("; its author has to correct it")
    }
}

fn in_field(field: &Option<String>) -> String {
    field.as_ref().map(|field| format!(", field `{field}`")).unwrap_or_default()
}

fn at(backtrace: &GuestBacktrace) -> String {
    backtrace.culprit().map(|frame| format!(" in {frame}")).unwrap_or_default()
}

impl MapError {
    /// Who can do something about it.
    #[must_use]
    pub fn concern(&self) -> Concern {
        self.fault.concern()
    }

    /// Where in the guest's code it happened, if it happened there.
    #[must_use]
    pub fn backtrace(&self) -> Option<&GuestBacktrace> {
        match &self.fault {
            Fault::Trap(report) => Some(&report.backtrace),
            Fault::CpuDeadline { backtrace, .. }
            | Fault::WallClock { backtrace, .. }
            | Fault::Memory { backtrace, .. }
            | Fault::HostCall { backtrace, .. }
            | Fault::Lookups { backtrace, .. } => Some(backtrace),
            _ => None,
        }
    }
}

impl Fault {
    /// Who can do something about it.
    #[must_use]
    pub fn concern(&self) -> Concern {
        match self {
            Self::InvalidRecord { .. } | Self::Rejected { .. } | Self::InexactInteger { .. } => {
                Concern::Record
            }
            Self::CpuDeadline { .. }
            | Self::WallClock { .. }
            | Self::Memory { .. }
            | Self::Output { .. }
            | Self::HostCall { .. }
            | Self::Lookups { .. } => Concern::Limit,
            Self::LookupFailed { .. }
            | Self::NotExported { .. }
            | Self::Crowded { .. }
            | Self::Quarantined(_)
            | Self::Host { .. } => Concern::Operator,
            Self::Other { .. }
            | Self::Trap(_)
            | Self::Malformed { .. }
            | Self::UndeclaredAttribute { .. }
            | Self::RepeatedAttribute { .. }
            | Self::BadValue { .. } => Concern::Author,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtrace::GuestFrame;
    use crate::call::LogLevel;
    use scimwright_record::{ModuleName, TenantName};

    fn error(fault: Fault) -> MapError {
        let module = ModuleId {
            tenant: TenantName::parse("acme").unwrap(),
            name: ModuleName::parse("corp-user").unwrap(),
        };
        let record = Some(RecordKey::parse("E1001").unwrap());
        MapError {
            place: Box::new(Place { module, record, function: Function::Map }),
            fault,
            evidence: Box::default(),
        }
    }

    fn backtrace() -> GuestBacktrace {
        let frame = GuestFrame {
            function: "corp_user::map".into(),
            file: Some("src/lib.rs".into()),
            line: Some(12),
            column: None,
        };
        GuestBacktrace { frames: [frame].into() }
    }

    #[test]
    fn a_deadline_names_module_record_place_and_limit() {
        let fault = Fault::CpuDeadline {
            used: Duration::from_micros(50_700),
            limit: Duration::from_millis(50),
            backtrace: backtrace(),
        };
        assert_eq!(
            error(fault).to_string(),
            "record `E1001` in module `corp-user` of tenant `acme` (`map`): stopped after 50 ms of 50 ms of CPU \
             time in corp_user::map at src/lib.rs:12; its author should look for a loop that does not end or \
             is too costly, or an operator may raise `cpu_ms`"
        );
    }

    #[test]
    fn a_crash_carries_the_guests_last_words() {
        let fault = Fault::Trap(TrapReport {
            reason: "it gave up (`unreachable`)".into(),
            last_words: vec![LogLine {
                level: LogLevel::Error,
                message: "panicked at src/lib.rs:12:5: index out of bounds".into(),
                fields: Vec::new(),
            }],
            backtrace: GuestBacktrace::default(),
        });
        let error = error(fault);
        assert!(error.to_string().contains("panicked at src/lib.rs:12:5: index out of bounds"), "{error}");
        assert_eq!(error.concern(), Concern::Author);
    }

    #[test]
    fn an_invalid_record_names_its_field() {
        let fault = Fault::InvalidRecord { field: Some("email".into()), message: "it is blank".into() };
        let error = error(fault);
        assert!(error.to_string().contains("field `email`: it is blank"), "{error}");
        assert_eq!(error.concern(), Concern::Record);
    }
}
