//! End-to-end tests: the binary as people run it, real service providers, real guests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
// Whoever runs a test by hand sees its figures with --nocapture.
#![allow(clippy::print_stderr, reason = "figures for whoever asks for them")]

mod architecture;
mod asked;
mod authoring;
mod broken;
mod calls;
mod closed_doors;
mod commands;
mod company;
mod contested;
mod crash;
mod custom_types;
mod desk;
mod drift;
mod examples;
mod faults;
mod groups;
mod inactive;
mod layers;
mod links;
mod lost_state;
mod misspelt;
mod model;
mod pains;
mod plans;
mod points;
mod postgres;
mod probing;
mod prospects;
mod provider_config;
mod providers;
mod reasons;
mod safety;
mod sandbox;
mod scim2_server;
mod screens;
mod serving;
mod stage;
mod tenants;
mod twice;
mod unclear;
