//! Installing the servers: each into a folder of its own below `target/test-servers`, once, in the versions that
//! the files in tests/servers name.

use super::{canaille, postgres};
use crate::install::{debian, npm, once, python_environment, stamp};
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Where the servers are installed: below the workspace's target folder.
#[must_use]
pub fn folder(root: &Path) -> PathBuf {
    root.join("target").join("test-servers")
}

/// Installs the servers, unless they are there in these versions already. Says what it does.
///
/// # Errors
/// When Python is missing, or npm where `CI` is set, or a package cannot be had.
pub fn install(root: &Path, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
    let files = root.join("tests").join("servers");
    let folder = folder(root);

    let judges = files.join("scim2-server").join("requirements.txt");
    let mut say = |line: &str| say(&format!("test servers: {line}"));
    once(&folder, "venv", &[&judges], "scim2-server, scim2-cli and scim-sanity", &mut say, |place| {
        python_environment(place, &judges)
    })?;

    let requirements = files.join("canaille").join("requirements.txt");
    let configuration = files.join("canaille").join("canaille.toml");
    once(&folder, "canaille", &[&requirements, &configuration], "canaille", &mut say, |place| {
        python_environment(place, &requirements)?;
        canaille::make_template(&place.join("bin").join("canaille"))
    })?;

    match postgres::find() {
        Some(program) => say(&format!("PostgreSQL: {}", program.display())),
        None if debian::install("postgresql", &mut say)? => {}
        None => say("PostgreSQL is not installed, and its tests are skipped"),
    }

    if !npm::is_there()? {
        say("npm cannot be started, so scimmy is not installed and its tests are skipped");
        return Ok(());
    }
    let app = files.join("scimmy");
    let sources = ["package.json", "package-lock.json", "server.js"].map(|name| app.join(name));
    once(&folder, "scimmy", &sources.each_ref().map(PathBuf::as_path), "scimmy", &mut say, |place| {
        for source in &sources {
            std::fs::copy(source, place.join(source.file_name().context("a file has a name")?))?;
        }
        npm::run(place, &["ci"])
    })
}

/// The path of an installed program, or `None` after saying that its tests are skipped.
///
/// For `scimmy` that is the file that Node runs; `postgres` is the system's own.
///
/// # Panics
/// Where `CI` is set and the program is missing: there, nothing may be skipped.
#[must_use]
pub fn installed(root: &Path, program: &str) -> Option<PathBuf> {
    let folder = folder(root);
    if program == "postgres" {
        let found = postgres::find();
        assert!(
            found.is_some() || std::env::var_os("CI").is_none(),
            "PostgreSQL is not installed; on Debian, `apt-get install postgresql` brings it"
        );
        return found;
    }
    let (path, place) = match program {
        "scimmy" => (folder.join("scimmy").join("server.js"), "scimmy"),
        "canaille" => (folder.join("canaille").join("bin").join("canaille"), "canaille"),
        other => (folder.join("venv").join("bin").join(other), "venv"),
    };
    // The stamp is written last: without it, an installation was broken off.
    if path.is_file() && stamp(&folder, place).is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{program} is not installed at {}; `cargo xtask test` installs it",
        path.display()
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_pinned() {
        let files = crate::tool::root().join("tests").join("servers");
        for name in ["scim2-server", "canaille"] {
            let text = std::fs::read_to_string(files.join(name).join("requirements.txt")).unwrap();
            let packages: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(packages.len() > 20 && packages.iter().all(|line| line.contains("==")), "{text}");
        }
        let lock = std::fs::read_to_string(files.join("scimmy").join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""), "versions, no hosts");
    }

    #[test]
    #[ignore = "downloads a hundred packages; `cargo xtask test` does it before the tests"]
    fn everything_can_be_installed() {
        let begun = std::time::Instant::now();
        install(&crate::tool::root(), |line| println!("{:>5.1} s  {line}", begun.elapsed().as_secs_f64()))
            .unwrap();
        println!("{:>5.1} s  done", begun.elapsed().as_secs_f64());
        for program in ["scim2-server", "scim2", "scim-sanity", "scimmy", "canaille", "postgres"] {
            assert!(installed(&crate::tool::root(), program).is_some(), "{program}");
        }
    }
}
