//! One call of a guest: what it may use, what it used, and how it ended.
//!
//! Everything a guest can do to the host passes through here. Time is looked at in the epoch callback and
//! after look-ups; memory in the resource limiter; what the guest passes in is bounded by wasmtime's
//! "hostcall fuel", which is spent before anything is allocated for it.

use crate::backtrace::GuestBacktrace;
use crate::contract::{log, lookup, types};
use crate::convert;
use crate::error::{Fault, TrapReport};
use crate::evidence::{Evidence, TapeAnswer, TapeEntry};
use crate::exception;
use crate::integers::Integers;
use crate::limits::{Limits, Usage};
use crate::live::Live;
use crate::module::ModuleId;
use crate::text;
use crate::wasi::{Moment, Wasi};
use rustix::time::{ClockId, clock_gettime};
use scimwright_record::{RecordKey, RecordLookup, SourceName};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{ResourceLimiter, Trap, WasmBacktrace};

/// How many of the last error messages are kept apart, for the report of a crash.
const LAST_WORDS: usize = 4;

/// How much a logged message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the module's author.
    Trace,
    /// For the module's author, in bulk.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking into.
    Warn,
    /// Something is wrong.
    Error,
}

/// A message that a guest logged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The message, without control characters.
    pub message: String,
    /// Named details, in the guest's order.
    pub fields: Vec<(String, String)>,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value:?}"))
    }
}

/// Which look-ups a module may make: what it declared, as far as that was granted.
#[derive(Default)]
pub(crate) struct Permits {
    pub(crate) sources: Vec<SourceName>,
    pub(crate) reader: Option<Arc<dyn RecordLookup>>,
}

/// The store's data: what one call may use and what it has used.
pub(crate) struct Call {
    module: ModuleId,
    record: Option<RecordKey>,
    permits: Arc<Permits>,
    limits: Limits,
    integers: Integers,
    /// Whether messages stay out of the host's own log.
    quiet: bool,
    started: Instant,
    cpu_at_start: Duration,
    memory: Meter,
    journal: Journal,
    lookups: u32,
    tape: Vec<TapeEntry>,
    /// Only for a module whose toolchain imports WASI.
    wasi: Option<Box<Wasi>>,
}

/// How a call ended, and what it leaves behind.
pub(crate) struct Finished<R> {
    pub(crate) value: Result<R, Fault>,
    /// Without the size of the output, which only the value's type knows.
    pub(crate) evidence: Evidence,
    /// The instance, where it may map another record if this one's outcome is found good.
    pub(crate) kept: Option<Live>,
}

/// Why the host ended a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the CPU time is used up")]
    Cpu { used: Duration },
    #[error("the time on the clock on the wall is used up")]
    Wall { used: Duration, cpu: Duration },
    #[error("the look-ups are used up")]
    Lookups,
    #[error("it ended itself with exit code {code}")]
    Exit { code: u8 },
    #[error("it opened too many streams at once")]
    Handles,
    #[error("a number would not arrive as it is")]
    Inexact { name: String, value: i64 },
}

impl Call {
    pub(crate) fn new(
        module: ModuleId,
        record: Option<RecordKey>,
        permits: Arc<Permits>,
        limits: Limits,
        moment: Option<&Moment>,
    ) -> Self {
        Self {
            wasi: moment.map(|moment| Box::new(Wasi::new(moment))),
            module,
            record,
            permits,
            limits,
            integers: Integers::All,
            quiet: false,
            started: Instant::now(),
            cpu_at_start: thread_cpu_time(),
            memory: Meter { limit: limits.memory_bytes, ..Meter::default() },
            journal: Journal { limit: limits.log_bytes, ..Journal::default() },
            lookups: 0,
            tape: Vec::new(),
        }
    }

    /// The same, whose messages stay out of the host's own log.
    pub(crate) fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// The same for a guest in which not every integer arrives.
    pub(crate) fn with_integers(self, integers: Integers) -> Self {
        Self { integers, ..self }
    }

    /// The call of the instance's next record takes this one's place. What the guest holds of memory and of WASI
    /// it goes on holding; everything else begins anew.
    pub(crate) fn next(&mut self, next: Self) {
        let memory = Meter { refused: None, peak: self.memory.held, ..std::mem::take(&mut self.memory) };
        let wasi = match (self.wasi.take(), &next.wasi) {
            (Some(mut held), Some(fresh)) => {
                held.renew(fresh);
                Some(held)
            }
            (held, _) => held,
        };
        *self = Self { memory, wasi, ..next };
        self.start_clocks();
    }

    /// Time is measured from here on.
    pub(crate) fn start_clocks(&mut self) {
        self.started = Instant::now();
        self.cpu_at_start = thread_cpu_time();
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is asked when the guest wants memory.
    pub(crate) fn meter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// The end of a call that got no instance.
    pub(crate) fn never_begun<R>(self, fault: Fault) -> Finished<R> {
        Finished { value: Err(fault), evidence: Evidence::default(), kept: None }
    }

    /// The end of a call.
    pub(crate) fn finish<R>(&mut self, value: Result<R, (wasmtime::Error, Stage)>) -> Finished<R> {
        self.flush_printed();
        let value = value.map_err(|(error, stage)| self.fault(&error, stage));
        Finished { value, evidence: self.evidence(), kept: None }
    }

    /// The WASI of a module that was linked with one.
    pub(crate) fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| Box::new(Wasi::new(&Moment::of_describing())))
    }

    /// The same for whoever does not want to make one.
    pub(crate) fn wasi_if_used(&self) -> Option<&Wasi> {
        self.wasi.as_deref()
    }

    fn evidence(&mut self) -> Evidence {
        Evidence { usage: self.usage(), logs: self.journal.finish(), tape: std::mem::take(&mut self.tape) }
    }

    fn usage(&self) -> Usage {
        Usage {
            cpu: self.cpu_used(),
            wall: self.started.elapsed(),
            memory_bytes: self.memory.peak,
            output_bytes: 0,
            log_bytes: self.journal.bytes,
            lookups: self.lookups,
            fuel: None,
            fresh: true,
        }
    }

    fn cpu_used(&self) -> Duration {
        thread_cpu_time().saturating_sub(self.cpu_at_start)
    }

    pub(crate) fn look_at_the_time(&self) -> Result<(), Stop> {
        let cpu = self.cpu_used();
        if cpu >= self.limits.cpu {
            return Err(Stop::Cpu { used: cpu });
        }
        let used = self.started.elapsed();
        if used >= self.limits.wall { Err(Stop::Wall { used, cpu }) } else { Ok(()) }
    }

    /// Why a call failed, in our words.
    fn fault(&mut self, error: &wasmtime::Error, stage: Stage) -> Fault {
        let backtrace = GuestBacktrace::of(error);
        let limits = &self.limits;
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return match *stop {
                Stop::Cpu { used } => Fault::CpuDeadline { used, limit: limits.cpu, backtrace },
                Stop::Wall { used, cpu } => Fault::WallClock { used, limit: limits.wall, cpu, backtrace },
                Stop::Lookups => Fault::Lookups { limit: limits.lookups, backtrace },
                Stop::Inexact { ref name, value } => Fault::InexactInteger { name: name.clone(), value },
                Stop::Exit { .. } | Stop::Handles => {
                    let (reason, last_words) = (stop.to_string(), self.journal.last_words());
                    Fault::Trap(TrapReport { reason, last_words, backtrace })
                }
            };
        }
        let in_guest = error.is::<WasmBacktrace>();
        if is_out_of_fuel(error) {
            let limit = limits.output_bytes;
            return if in_guest { Fault::HostCall { limit, backtrace } } else { Fault::Output { limit } };
        }
        // A guest that is refused memory gives up in its own way: most trap, some use what they did not get.
        if let Some(wanted) = self.memory.refused {
            return Fault::Memory { wanted, limit: limits.memory_bytes, backtrace };
        }
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap_reason(*trap),
            None => {
                let cause = text::tame_message(&error.root_cause().to_string());
                match stage {
                    Stage::Instantiation => return Fault::Host { reason: cause },
                    Stage::Call if !in_guest => return Fault::Malformed { reason: cause },
                    Stage::Call => format!("it passed something impossible to the host ({cause})"),
                }
            }
        };
        let last_words = self.journal.last_words();
        let thrown = last_words.iter().rev().find_map(|line| exception::uncaught(&line.message));
        Fault::Trap(TrapReport { reason: thrown.unwrap_or(reason), last_words, backtrace })
    }
}

/// How far a call had come when it failed.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Instantiation,
    Call,
}

/// Whether wasmtime refused to take more from the guest.
///
/// Its error for this has no public type; the wording is pinned together with wasmtime's version, and the
/// tests of output bombs fail when it changes.
fn is_out_of_fuel(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}

fn trap_reason(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => "it gave up (`unreachable`), as a panic does".to_owned(),
        Trap::StackOverflow => "its stack overflowed: a recursion without end, or too deep".to_owned(),
        Trap::MemoryOutOfBounds => "it reached outside its memory".to_owned(),
        other => {
            let text = other.to_string();
            text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
        }
    }
}

/// CPU time of this thread since it began.
fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The clock counts up from zero, so neither part is ever negative.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Counts what memories and tables of one store hold together.
#[derive(Debug, Default)]
struct Meter {
    limit: usize,
    held: usize,
    peak: usize,
    /// What would have been held, had the last growth been allowed; `None` once a later one was.
    refused: Option<usize>,
}

impl Meter {
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let wanted = self.held.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            self.refused = Some(wanted);
            return false;
        }
        self.refused = None;
        self.held = wanted;
        self.peak = self.peak.max(wanted);
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // wasmtime keeps a pointer for each element.
        let bytes = |elements: usize| elements.saturating_mul(size_of::<usize>());
        Ok(self.grow(bytes(current), bytes(desired)))
    }
}

/// What a guest logged, within bounds.
#[derive(Debug, Default)]
struct Journal {
    limit: usize,
    bytes: usize,
    lines: Vec<LogLine>,
    left_out: u64,
    /// The last error messages, kept apart: a flood of others must not drown a panic's. What a runtime prints
    /// to standard error counts as one.
    errors: VecDeque<LogLine>,
}

impl Journal {
    /// Takes a line in, and says whether there was room for it. `last` tells whether it may be a guest's last
    /// words.
    fn write(&mut self, line: LogLine, last: bool) -> bool {
        if last {
            if self.errors.len() == LAST_WORDS {
                self.errors.pop_front();
            }
            self.errors.push_back(line.clone());
        }
        // Empty messages cost something too.
        let size = size_of::<LogLine>()
            + line.message.len()
            + line.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.left_out > 0 || self.bytes + size > self.limit {
            self.left_out += 1;
            return false;
        }
        self.bytes += size;
        self.lines.push(line);
        true
    }

    /// The lines, with a last one that says how many were left out.
    fn finish(&mut self) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.left_out > 0 {
            lines.push(LogLine {
                level: LogLevel::Warn,
                message: format!(
                    "{} more messages were left out: a call may log {}",
                    self.left_out,
                    text::bytes(self.limit as u64)
                ),
                fields: Vec::new(),
            });
        }
        lines
    }

    fn last_words(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.errors).into()
    }
}

impl types::Host for Call {}

impl log::Host for Call {
    fn log(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.flush_printed();
        let level = convert::level(level);
        self.say(level, &message, &fields, level == LogLevel::Error);
        Ok(())
    }
}

impl Call {
    /// Keeps a message. `last` tells whether it may be the guest's last words.
    pub(crate) fn say(&mut self, level: LogLevel, message: &str, fields: &[(String, String)], last: bool) {
        // Past the bound a message is only counted; all but errors, which may be the last.
        if self.journal.left_out > 0 && !last {
            self.journal.left_out += 1;
            return;
        }
        let line = LogLine {
            level,
            message: text::tame_message(message),
            fields: fields
                .iter()
                .take(32)
                .map(|(name, value)| (text::tame(name, 64), text::tame_message(value)))
                .collect(),
        };
        if self.journal.write(line, last)
            && !self.quiet
            && let Some(line) = self.journal.lines.last()
        {
            trace(&self.module, self.record.as_ref(), line);
        }
    }
}

/// Hands a guest's message to the host's own log.
fn trace(module: &ModuleId, record: Option<&RecordKey>, line: &LogLine) {
    macro_rules! at {
        ($level:ident) => {
            tracing::event!(
                target: "scimwright::guest",
                tracing::Level::$level,
                tenant = %module.tenant,
                module = %module.name,
                record = record.map(RecordKey::as_str),
                "{line}"
            )
        };
    }
    match line.level {
        LogLevel::Trace => at!(TRACE),
        LogLevel::Debug => at!(DEBUG),
        LogLevel::Info => at!(INFO),
        LogLevel::Warn => at!(WARN),
        LogLevel::Error => at!(ERROR),
    }
}

impl lookup::Host for Call {
    fn lookup(
        &mut self,
        source: String,
        key: String,
        fields: Vec<String>,
    ) -> wasmtime::Result<Result<Option<types::SourceRecord>, lookup::LookupError>> {
        if self.lookups >= self.limits.lookups {
            return Err(Stop::Lookups.into());
        }
        self.lookups += 1;
        let granted = self.permits.sources.iter().find(|granted| granted.as_str() == source);
        let answer = match (granted, &self.permits.reader, RecordKey::parse(&key)) {
            (Some(source), Some(reader), Ok(key)) => {
                let deadline = self.started + self.limits.wall;
                TapeAnswer::of(reader.lookup(source, &key, &fields, deadline), &fields)
            }
            // A key that cannot be one is the key of no record.
            (Some(_), Some(_), Err(_)) => TapeAnswer::Absent,
            _ => TapeAnswer::NotGranted,
        };
        // The guest is not asked again before the next tick, and may have used its time up waiting.
        self.look_at_the_time()?;
        if let TapeAnswer::Found(record) = &answer
            && let Err(Fault::InexactInteger { name, value }) = self.integers.check_record(record, |_| true)
        {
            return Err(Stop::Inexact { name: format!("{source}.{name}"), value }.into());
        }
        let for_guest = match &answer {
            TapeAnswer::Found(record) => Ok(Some(convert::cut_record(record, |_| true))),
            TapeAnswer::Absent => Ok(None),
            TapeAnswer::NotGranted => Err(lookup::LookupError::NotGranted(text::tame(&source, 64))),
            TapeAnswer::Unavailable(reason) => Err(lookup::LookupError::Unavailable(reason.clone())),
        };
        self.tape.push(TapeEntry { source, key, fields, answer });
        Ok(for_guest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: LogLevel, message: &str) -> LogLine {
        LogLine { level, message: message.to_owned(), fields: Vec::new() }
    }

    #[test]
    fn memory_is_summed_over_everything_the_store_holds() {
        let mut meter = Meter { limit: 1000, ..Meter::default() };
        assert!(meter.grow(0, 600));
        assert!(meter.grow(0, 300));
        assert!(!meter.grow(300, 500));
        assert_eq!(meter.refused, Some(1100));
        assert!(meter.grow(300, 400));
        assert_eq!(meter.refused, None, "the guest made do with less");
        assert_eq!((meter.held, meter.peak), (1000, 1000));
    }

    #[test]
    fn a_flood_of_messages_is_counted_and_does_not_drown_the_last_error() {
        let mut journal = Journal { limit: 1000, ..Journal::default() };
        for _ in 0..1000 {
            journal.write(line(LogLevel::Info, "flood"), false);
        }
        for number in 0..10 {
            journal.write(line(LogLevel::Error, &format!("error {number}")), true);
        }
        assert!(journal.bytes <= 1000);
        let lines = journal.finish();
        let kept = lines.len() as u64 - 1;
        assert!(lines.last().unwrap().message.starts_with(&format!("{} more messages", 1010 - kept)));
        let last: Vec<_> = journal.last_words().into_iter().map(|line| line.message).collect();
        assert_eq!(last, ["error 6", "error 7", "error 8", "error 9"]);
    }

    #[test]
    fn cpu_time_of_this_thread_moves_on_with_work() {
        let before = thread_cpu_time();
        while thread_cpu_time() == before {
            std::hint::black_box(before);
        }
        assert!(thread_cpu_time() > before);
    }
}
