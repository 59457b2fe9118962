//! Profiles as an admin writes them, the built-in ones, and the page that explains both.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod builtins;
mod files;
mod page;
