//! The client against servers on loopback: well-behaved ones, and ones that break off, lie or never end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod auth;
mod bulk;
mod calls;
mod discovery;
mod double;
mod faults;
mod invariants;
mod network;
mod pace;
mod provider;
mod searching;
mod secrets;
mod support;
