//! Measures what the sandbox takes: users created per second over loopback, and the memory they need.
//!
//! ```text
//! cargo run --release -p scimwright-sandbox --example load -- 100000 8
//! ```
//!
//! The first argument is how many users are created (default 100,000), the second over how many connections
//! (default 8). Client and sandbox share this process and its processors, so that a client elsewhere sees more.

use reqwest::Client;
use scimwright_sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let users: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(8), |text| text.parse())?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "rustls has a provider already")?;
    let sandbox = Sandbox::start(SandboxOptions::default()).await?;
    let url = format!("{}/Users", sandbox.base_url());
    let client = Client::builder().no_proxy().build()?;
    let before = resident_megabytes()?;

    let started = Instant::now();
    let workers = (0..connections).map(|worker| {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move {
            for n in (worker..users).step_by(connections) {
                client
                    .post(&url)
                    .header("Content-Type", "application/scim+json")
                    .body(user(n).to_string())
                    .send()
                    .await?
                    .error_for_status()?
                    .bytes()
                    .await?;
            }
            Ok::<(), reqwest::Error>(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    report("create", users, started.elapsed())?;
    let grown = resident_megabytes()?.saturating_sub(before);
    writeln!(std::io::stdout(), "memory    {grown} MB for {users} users")?;

    let started = Instant::now();
    for n in (0..users).step_by((users / 1000).max(1)) {
        let filter = format!("{url}?filter=userName%20eq%20%22user{n}%40example.com%22");
        client.get(filter).send().await?.error_for_status()?.bytes().await?;
    }
    report("look up", users.min(1000), started.elapsed())?;

    let started = Instant::now();
    for start in (1..=users).step_by(1000) {
        client.get(format!("{url}?startIndex={start}&count=1000")).send().await?.bytes().await?;
    }
    report("list", users, started.elapsed())?;

    let started = Instant::now();
    client.get(format!("{url}?filter=title%20eq%20%22nobody%22")).send().await?.bytes().await?;
    report("scan", users, started.elapsed())?;
    sandbox.shutdown().await;
    Ok(())
}

/// A user of the size that is usual: twelve attributes and the enterprise extension.
fn user(n: usize) -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "externalId": format!("E{n:07}"),
        "userName": format!("user{n}@example.com"),
        "name": { "givenName": "Zoë", "familyName": format!("O'Hara {n}"), "formatted": format!("Zoë O'Hara {n}") },
        "displayName": format!("Zoë O'Hara {n}"),
        "title": "Member of staff",
        "active": true,
        "locale": "en-US",
        "emails": [{ "value": format!("user{n}@example.com"), "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": format!("+44 20 7946 {n:04}"), "type": "work" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": format!("{n}"),
            "department": "Research & Development",
        },
    })
}

fn report(what: &str, count: usize, took: Duration) -> std::io::Result<()> {
    let rate = count as f64 / took.as_secs_f64();
    writeln!(std::io::stdout(), "{what:<9} {count} in {:.2} s, {rate:.0} a second", took.as_secs_f64())
}

/// The memory of this process that is in use, where the system has `/proc`.
fn resident_megabytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kilobytes / 1024)
}
