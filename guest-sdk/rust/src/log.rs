//! The module's voice in the host's log.
//!
//! ```
//! use scimwright_guest::prelude::*;
//!
//! let number = "call Bob";
//! log::warn!("the number {number} was dropped", field = "mobile");
//!
//! let lines = testing::logs();
//! assert_eq!(lines[0].to_string(), "warn: the number call Bob was dropped (field=mobile)");
//! ```
//!
//! The message is a format string that takes variables by name; after it come details as `name = value`,
//! which the host keeps apart from the message. The host adds the module, the tenant and the record's key.
//! Natively the lines go to [`testing::logs`](crate::testing::logs), so that tests can read them.

use std::fmt;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
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

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// Writes a message with named details. The macros [`trace!`], [`debug!`], [`info!`], [`warn!`] and
/// [`error!`] read better.
pub fn write(level: Level, message: impl Into<String>, details: Vec<(String, String)>) {
    sink::write(level, message.into(), details);
}

#[cfg(target_arch = "wasm32")]
mod sink {
    use super::Level;
    use crate::bindings::scimwright::mapping::log;

    pub(super) fn write(level: Level, message: String, details: Vec<(String, String)>) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log(level, &message, &details);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod sink {
    use super::Level;

    pub(super) fn write(level: Level, message: String, details: Vec<(String, String)>) {
        crate::testing::keep_log(crate::testing::LogLine { level, message, details });
    }
}

/// Writes at a level; what the five macros share.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $message:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            ::std::format!($message),
            ::std::vec![$((
                ::std::string::String::from(::std::stringify!($name)),
                ::std::string::ToString::to_string(&$value),
            )),*],
        )
    };
}

/// Defines the macro of a level.
macro_rules! level_macro {
    ($dollar:tt $hidden:ident as $name:ident, $level:ident, $doc:literal) => {
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $hidden {
                    ($dollar($dollar tokens:tt)*) => { $crate::__log!($level, $dollar($dollar tokens)*) };
                }
        #[doc = $doc]
        pub use $hidden as $name;
    };
}

level_macro!($ __trace as trace, Trace, "Writes a message for the module's author.");
level_macro!($ __debug as debug, Debug, "Writes a message for the module's author, in bulk.");
level_macro!($ __info as info, Info, "Writes a message worth knowing.");
level_macro!($ __warn as warn, Warn, "Writes a message worth looking into.");
level_macro!($ __error as error, Error, "Writes that something is wrong.");
