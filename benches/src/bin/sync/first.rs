//! A first sync beside a bare loop that posts the same bodies.

use crate::{SEED, bare, run};
use anyhow::{Context, ensure};
use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::Value;

/// How many requests are under way at once, on either side.
const AT_ONCE: usize = 16;
/// How many records are: while some wait for their answer, others are made ready or written down.
const RECORDS: usize = 64;
/// How many rounds each side gets.
const ROUNDS: usize = 5;
/// How long the provider far away takes to answer, in milliseconds.
const FAR: u32 = 5;

/// Both sides in turns, each into an empty sandbox: one that answers at once, and one that is far away.
pub(crate) fn measure(size: usize) -> anyhow::Result<()> {
    let mut company = Company::tidy(SEED, size);
    // A reference is a request of its own, which a bare loop has no idea of.
    company.people.iter_mut().for_each(|person| person.manager_id.clear());
    println!("{size} users, {AT_ONCE} requests at a time; users a second\n");
    beside(&company, 0)?;
    println!("\nA provider that takes {FAR} ms to answer:\n");
    beside(&company, FAR)
}

fn beside(company: &Company, latency: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let size = company.people.len();
    let latency = latency.to_string();
    let started = |workspace: &Workspace| SandboxProcess::start_with(workspace, &["--latency", &latency]);
    let mut bodies = Vec::new();
    let mut rates = [Vec::new(), Vec::new()];
    println!("{:>5} {:>12} {:>12} {:>8}", "round", "scimwright", "bare loop", "ratio");
    for round in 0..=ROUNDS {
        let folder = tempfile::tempdir()?;
        let workspace = Workspace::new(folder.path())?;
        workspace.write("people.csv", &company.to_csv())?;
        workspace.add_module("corp-user")?;
        let sandbox = started(&workspace)?;
        workspace.write("scimwright.toml", &configuration(&sandbox.base_url))?;
        let (ended, summary) = run(&workspace, &["sync"])?;
        ensure!(summary["created"] == size && summary["failed"] == 0, "{summary}");
        if bodies.is_empty() {
            bodies = posted(&sandbox.base_url)?;
            ensure!(bodies.len() == size, "{} bodies of {size}", bodies.len());
        }
        drop(sandbox);
        let ours = size as f64 / ended.took.as_secs_f64();
        let sandbox = started(&workspace)?;
        let took = runtime.block_on(bare::post_all(&sandbox.base_url, &bodies, AT_ONCE))?;
        let bare = size as f64 / took.as_secs_f64();
        // The first round warms the caches, that of compiled modules among them.
        if round > 0 {
            println!("{round:>5} {ours:>12.0} {bare:>12.0} {:>8.2}", ours / bare);
            rates[0].push(ours);
            rates[1].push(bare);
        }
    }
    let [ours, bare] = rates.map(median);
    println!("{:>5} {ours:>12.0} {bare:>12.0} {:>8.2}", "all", ours / bare);
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// The users of the sandbox as the bodies that made them.
fn posted(base_url: &str) -> anyhow::Result<Vec<Value>> {
    const PAGE: usize = 500;
    let mut bodies = Vec::new();
    loop {
        let url = format!("{base_url}/Users?startIndex={}&count={PAGE}", bodies.len() + 1);
        let page = scimwright_tests::servers::get(&url, Some(scimwright_tests::servers::TOKEN))?;
        let users = page["Resources"].as_array().context("a list has Resources")?.clone();
        if users.is_empty() {
            return Ok(bodies);
        }
        bodies.extend(users.into_iter().map(|mut user| {
            if let Some(user) = user.as_object_mut() {
                user.remove("id");
                user.remove("meta");
            }
            user
        }));
    }
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "employee_id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
max_concurrency = {AT_ONCE}
concurrency = {RECORDS}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId", "userName"]
modules = ["corp-user"]
"#
    )
}
