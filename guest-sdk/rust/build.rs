//! Encodes the three worlds of the contract, one of which `export!` puts into a module.
//!
//! The bindings are generated once, for the widest world. Which world a module belongs to is only known
//! where its author writes `export!`, and the section that says so must stand in the module exactly once:
//! a second one would make the tools look for exports that the module does not have.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use wit_component::{StringEncoding, metadata};
use wit_parser::Resolve;

/// The worlds of the contract, by their names in `wit/`.
const WORLDS: [&str; 3] = ["mapper", "defaulter", "mapper-and-defaulter"];

fn main() -> Result<(), Box<dyn Error>> {
    let contract = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../wit");
    println!("cargo::rerun-if-changed={}", contract.display());

    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(&contract)?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    for name in WORLDS {
        let world = resolve.select_world(&[package], Some(name))?;
        let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
        fs::write(out.join(format!("{name}.component-type")), section)?;
    }
    Ok(())
}

/// A variable that cargo always sets for a build script.
fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}
