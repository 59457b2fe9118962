//! Where in the guest's code a call failed, in the author's words.
//!
//! Names are demangled and lose the hash that a Rust compiler appends: it changes with every build and says
//! nothing to people. Frames that the component tooling put between the guest and the host are left out.

use std::fmt;
use wasmtime::{FrameInfo, FrameSymbol, WasmBacktrace};

/// The guest's call stack, innermost call first. Empty where the failure was not in guest code.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct GuestBacktrace {
    /// The frames, innermost first.
    pub frames: Box<[GuestFrame]>,
}

/// One call on a guest's stack.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GuestFrame {
    /// The function's name, demangled; its index where the module holds no names.
    pub function: String,
    /// The source file, where the module holds debug information.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
}

/// Modules that `wit-component` adds around the author's.
const TOOLING: [&str; 2] = ["wit-component:shim", "wit-component:fixups"];

impl GuestBacktrace {
    /// The frames of the guest in which `error` arose.
    pub(crate) fn of(error: &wasmtime::Error) -> Self {
        let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return Self::default() };
        let frames = trace
            .frames()
            .iter()
            .filter(|frame| !frame.module().name().is_some_and(|name| TOOLING.contains(&name)))
            .flat_map(GuestFrame::of)
            .collect();
        Self { frames }
    }

    /// The frame to look at first: the innermost in code that is not a language's own library, which is
    /// where a panic is raised but never where its cause is. Otherwise the innermost.
    #[must_use]
    pub fn culprit(&self) -> Option<&GuestFrame> {
        self.frames.iter().find(|frame| frame.is_authors()).or_else(|| self.frames.first())
    }
}

impl GuestFrame {
    /// Whether it is known to be in code that somebody wrote for this guest.
    fn is_authors(&self) -> bool {
        let of_library = |file: &String| RUST_LIBRARY.iter().any(|part| file.contains(part));
        self.file.as_ref().is_some_and(|file| !of_library(file))
    }

    /// One frame for each function that was inlined into the other, or one without a place.
    fn of(frame: &FrameInfo) -> Vec<Self> {
        let own_name = match frame.func_name() {
            Some(name) => demangle(name),
            None => format!("function {}", frame.func_index()),
        };
        let inlined = |symbol: &FrameSymbol| Self {
            function: symbol.name().map_or_else(|| own_name.clone(), demangle),
            file: symbol.file().map(str::to_owned),
            line: symbol.line(),
            column: symbol.column(),
        };
        match frame.symbols() {
            [] => vec![Self { function: own_name.clone(), file: None, line: None, column: None }],
            symbols => symbols.iter().map(inlined).collect(),
        }
    }
}

/// Where the sources of Rust's own library lie, in debug information.
const RUST_LIBRARY: [&str; 4] = ["library/std/", "library/core/", "library/alloc/", "library/panic_abort/"];

/// `{:#}` is rustc-demangle's way to ask for a name without its hash.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

impl fmt::Display for GuestBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, frame) in self.frames.iter().enumerate() {
            if depth > 0 {
                writeln!(f)?;
            }
            write!(f, "{depth:>3}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GuestFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        let Some(file) = &self.file else { return Ok(()) };
        write!(f, " at {file}")?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_its_name_without_the_hash_and_its_place() {
        let frame = GuestFrame {
            function: demangle("_ZN9corp_user3map17h0123456789abcdefE"),
            file: Some("src/lib.rs".into()),
            line: Some(12),
            column: Some(5),
        };
        assert_eq!(frame.to_string(), "corp_user::map at src/lib.rs:12:5");
        let library = "/rustc/0/library/std/src/panicking.rs".to_owned();
        let panic = GuestFrame { function: "panic".into(), file: Some(library), line: Some(1), column: None };
        let trace = GuestBacktrace { frames: [panic, frame].into() };
        assert_eq!(
            trace.to_string(),
            "  0: panic at /rustc/0/library/std/src/panicking.rs:1\n  1: corp_user::map at src/lib.rs:12:5"
        );
        assert_eq!(trace.culprit().unwrap().function, "corp_user::map");
    }

    #[test]
    fn without_debug_information_the_innermost_frame_is_looked_at_first() {
        let frame = |name: &str| GuestFrame { function: name.into(), file: None, line: None, column: None };
        let trace = GuestBacktrace { frames: [frame("inner"), frame("outer")].into() };
        assert_eq!(trace.culprit().unwrap().function, "inner");
        assert_eq!(GuestBacktrace::default().culprit(), None);
    }
}
