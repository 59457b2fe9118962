//! `cargo xtask quickstart`: the main job, from nothing to a second sync, with real input.
//!
//! A thousand fictional people go through a mapping module to a service provider in memory. Then the file
//! changes, and only the differences are sent.

use crate::guests;
use crate::steps::{Steps, cargo};
use anyhow::Context;
use scimwright_tests::people::Company;
use scimwright_tests::servers::get;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use std::path::Path;

/// The modules that take part: in Rust, so that the tour needs no other toolchain.
const MODULES: [&str; 2] = ["corp-user", "corp-defaults"];
/// How many people the company has.
const PEOPLE: usize = 1_000;
/// What changes before the second sync.
const HIRES: usize = 8;
const LEAVERS: usize = 12;

/// Runs the whole tour.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.begin("Preparing the guest toolchain and building the example mappings");
    guests::build_named(root, &MODULES.map(str::to_owned))?;
    steps.begin("Building scimwright");
    cargo(root, &["build", "--package", "scimwright"])?;

    let folder = root.join("target").join("quickstart");
    steps.begin("Writing a configuration folder");
    let mut company = Company::new(2024, PEOPLE);
    let workspace = prepare(&folder, &company)?;
    println!("    {}: scimwright.toml, people.csv, modules/", folder.display());
    println!("    {PEOPLE} people, one of them twice, and three broken rows");

    steps.begin("Starting a SCIM service provider in memory");
    let sandbox = SandboxProcess::start(&workspace)?;
    println!("    {}", sandbox.base_url);
    workspace.write("scimwright.toml", &Company::configuration(&sandbox.base_url))?;

    steps.begin("First sync: everybody is new");
    show(&workspace, &["sync"])?;
    requests_so_far(&sandbox)?;

    steps.begin("Second sync, nothing changed: nothing is sent");
    show(&workspace, &["sync"])?;
    requests_so_far(&sandbox)?;

    steps.begin(&format!("The file changes: {HIRES} hires, {LEAVERS} leavers, one new name. The plan:"));
    company.hire(HIRES);
    company.leave(LEAVERS);
    let renamed = company.rename_one();
    workspace.write("people.csv", &company.to_csv())?;
    show(&workspace, &["plan"])?;

    steps.begin("Third sync: only the differences are sent");
    show(&workspace, &["sync"])?;
    requests_so_far(&sandbox)?;

    steps.begin(&format!("The client log knows what was sent for {renamed}, who has a new name"));
    show(&workspace, &["log", "--key", &renamed])?;
    steps.end();
    what_next(root, &folder);
    Ok(())
}

/// A fresh folder with the company's file and the modules.
fn prepare(folder: &Path, company: &Company) -> anyhow::Result<Workspace> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    std::fs::create_dir_all(folder)?;
    let workspace = Workspace::new(folder)?;
    workspace.write("people.csv", &company.to_csv())?;
    for module in MODULES {
        workspace.add_module(module)?;
    }
    Ok(workspace)
}

/// Runs the tool as a person would, with its output on the screen.
fn show(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<()> {
    println!("    $ scimwright {}", arguments.join(" "));
    let printed = workspace.run(arguments)?;
    for line in printed.stdout.lines().chain(printed.stderr.lines()) {
        println!("    {line}");
    }
    // 0: all well; 4: some records failed, which is what the broken rows are there for.
    anyhow::ensure!(
        matches!(printed.code, Some(0 | 4)),
        "`scimwright {}` ended with {:?}",
        arguments.join(" "),
        printed.code
    );
    Ok(())
}

/// What the provider itself has counted.
fn requests_so_far(sandbox: &SandboxProcess) -> anyhow::Result<()> {
    let origin = sandbox.base_url.trim_end_matches("/v2");
    let stats = get(&format!("{origin}/_sandbox/stats"), None)?;
    println!("    requests the provider has counted so far: {}", stats["requests"]);
    Ok(())
}

fn what_next(root: &Path, folder: &Path) {
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let folder = shown(folder);
    println!();
    println!("What to try next:");
    println!("  target/debug/scimwright sandbox                        the provider again, on port 8085");
    println!("  edit {folder}/scimwright.toml                set base_url to http://127.0.0.1:8085/v2");
    println!(
        "  rm -r {folder}/.scimwright                   forget the provider of this tour, which is gone"
    );
    println!("  SCIM_TOKEN=any target/debug/scimwright --config {folder} check");
    println!("  edit {folder}/people.csv, then plan and sync as above");
    println!("  target/debug/scimwright --config {folder} mapping inspect corp-user");
    println!(
        "  mappings-examples/corp-user/src/lib.rs                 the mapping; `cargo xtask guests` builds it"
    );
}
