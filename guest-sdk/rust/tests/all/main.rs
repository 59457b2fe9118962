//! The guest SDK from outside: what every SDK has to do alike, and what an author writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod declared;
mod function_page;
mod functions;
mod properties;
