//! `cargo xtask test`: everything that has to hold before a change is done.

use crate::guests;
use crate::sdks;
use crate::steps::{Steps, cargo, cargo_with};
use scimwright_tests::servers;
use std::path::Path;

/// Runs all checks, in the order in which they fail fastest.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.begin("Formatting");
    cargo(root, &["fmt", "--all", "--check"])?;

    steps.begin("Lints, warnings denied");
    cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;

    steps.begin("Guest toolchain and guests");
    guests::build(root)?;

    steps.begin("Test servers");
    servers::install(root, |line| println!("    {line}"))?;

    // With the same selection as the tests below: another would build wasmtime a second time.
    steps.begin("Everything that the tests run");
    cargo(root, &["build", "--workspace", "--all-targets", "--locked"])?;

    steps.begin("Unit, property, golden and end-to-end tests");
    // The same commit gets the same answer. Other seeds are tried by `cargo test`, other inputs by `xtask fuzz`.
    cargo_with(root, &["test", "--workspace", "--locked"], &[("PROPTEST_RNG_SEED", "7643")])?;

    steps.begin("SDKs and examples in JavaScript and Python, natively");
    sdks::test(root)?;

    steps.begin("Documentation, warnings denied");
    cargo_with(
        root,
        &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
        &[("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links")],
    )?;
    steps.end();
    Ok(())
}
