//! Installing the servers: each into a folder of its own below `target/test-servers`, once, in the versions that
//! the files in tests/servers name.

use super::canaille;
use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    once(&folder, "venv", &[&judges], "scim2-server, scim2-cli and scim-sanity", &mut say, |place| {
        python_environment(place, &judges)
    })?;

    let requirements = files.join("canaille").join("requirements.txt");
    let configuration = files.join("canaille").join("canaille.toml");
    once(&folder, "canaille", &[&requirements, &configuration], "canaille", &mut say, |place| {
        python_environment(place, &requirements)?;
        canaille::make_template(&place.join("bin").join("canaille"))
    })?;

    if !has_npm() {
        ensure!(
            std::env::var_os("CI").is_none(),
            "npm cannot be started; on Debian, `apt-get install npm` brings it, with Node.js"
        );
        say("test servers: npm cannot be started, so scimmy is not installed and its tests are skipped");
        return Ok(());
    }
    let app = files.join("scimmy");
    let sources = ["package.json", "package-lock.json", "server.js"].map(|name| app.join(name));
    once(&folder, "scimmy", &sources.each_ref().map(PathBuf::as_path), "scimmy", &mut say, |place| {
        for source in &sources {
            std::fs::copy(source, place.join(source.file_name().context("a file has a name")?))?;
        }
        run(Command::new("npm")
            .args(["ci", "--no-fund", "--no-audit", "--loglevel=error"])
            .current_dir(place))
    })
}

/// The path of an installed program, or `None` after saying that its tests are skipped.
///
/// For `scimmy` that is the file that Node runs.
///
/// # Panics
/// Where `CI` is set and the program is missing: there, nothing may be skipped.
#[must_use]
pub fn installed(root: &Path, program: &str) -> Option<PathBuf> {
    let folder = folder(root);
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

/// Fills an empty folder, unless it was filled before from files with the same contents.
fn once(
    folder: &Path,
    name: &str,
    sources: &[&Path],
    what: &str,
    say: &mut impl FnMut(&str),
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut wanted = String::new();
    for source in sources {
        let text = std::fs::read_to_string(source).with_context(|| source.display().to_string())?;
        writeln!(wanted, "{text}")?;
    }
    let stamp = stamp(folder, name);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say(&format!("test servers: {what}: installed already"));
        return Ok(());
    }
    let place = folder.join(name);
    say(&format!("test servers: installing {what} into {}", place.display()));
    for old in [&stamp, &place] {
        if old.is_dir() {
            std::fs::remove_dir_all(old)?;
        } else if old.exists() {
            std::fs::remove_file(old)?;
        }
    }
    std::fs::create_dir_all(&place)?;
    fill(&place).with_context(|| format!("{what} cannot be installed"))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

fn stamp(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.installed.txt"))
}

fn python_environment(place: &Path, requirements: &Path) -> anyhow::Result<()> {
    run(Command::new("python3").args(["-m", "venv"]).arg(place)).context(
        "a Python environment cannot be made; on Debian, `apt-get install python3-venv` brings what is missing",
    )?;
    let pip = place.join("bin").join("pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements))
}

fn has_npm() -> bool {
    let mut command = Command::new("npm");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_already_is_left_alone_until_its_versions_change() {
        let folder = tempfile::tempdir().unwrap();
        let versions = folder.path().join("requirements.txt");
        let mut times = 0;
        let mut install = |text: &str| {
            std::fs::write(&versions, text).unwrap();
            once(folder.path(), "a", &[&versions], "a thing", &mut |_| (), |place| {
                times += 1;
                ensure!(text != "broken", "it cannot be had");
                Ok(std::fs::write(place.join("it"), text)?)
            })
            .map(|()| times)
        };
        assert_eq!(install("one").unwrap(), 1);
        assert_eq!(install("one").unwrap(), 1);
        assert_eq!(install("two").unwrap(), 2);
        let error = install("broken").unwrap_err();
        assert_eq!(format!("{error:#}"), "a thing cannot be installed: it cannot be had");
        assert_eq!(install("two").unwrap(), 4, "after a failure it begins anew");
    }

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
        for program in ["scim2-server", "scim2", "scim-sanity", "scimmy", "canaille"] {
            assert!(installed(&crate::tool::root(), program).is_some(), "{program}");
        }
    }
}
