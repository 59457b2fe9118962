//! End-to-end tests: the binary as people run it, real service providers, real guests.

mod architecture;
mod commands;
mod company;
mod crash;
mod safety;
mod sandbox;
mod scim2_server;
mod tenants;
