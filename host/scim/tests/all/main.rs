//! What the crate promises, tried from outside: against whatever may arrive, and against another implementation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod laws;
mod mutate;
mod mutated;
