//! Installing what others wrote: each thing into a folder of its own below `target/`, once, in pinned versions.
//!
//! What was installed from is written beside it, last. So an installation that was broken off begins anew, and so
//! does one whose versions changed.

use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Fills an empty folder, unless it was filled before from files with the same contents.
pub(crate) fn once(
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
        say(&format!("{what}: installed already"));
        return Ok(());
    }
    let place = folder.join(name);
    say(&format!("installing {what} into {}", place.display()));
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

/// Where it is written down what something was installed from.
pub(crate) fn stamp(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.installed.txt"))
}

/// A virtual environment with these packages.
pub(crate) fn python_environment(place: &Path, requirements: &Path) -> anyhow::Result<()> {
    run(Command::new("python3").args(["-m", "venv"]).arg(place)).context(
        "a Python environment cannot be made; on Debian, `apt-get install python3-venv` brings what is missing",
    )?;
    let pip = place.join("bin").join("pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements))
}

/// npm, which comes with Node.js.
pub(crate) mod npm {
    use anyhow::ensure;
    use std::path::Path;
    use std::process::{Command, Stdio};

    /// Whether it can be started. Where `CI` is set it has to be: there, nothing may be skipped.
    pub(crate) fn is_there() -> anyhow::Result<bool> {
        let mut command = Command::new("npm");
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let there = command.status().is_ok_and(|status| status.success());
        ensure!(
            there || std::env::var_os("CI").is_none(),
            "npm cannot be started; on Debian, `apt-get install npm` brings it, with Node.js"
        );
        Ok(there)
    }

    /// Runs it in a folder, quietly.
    pub(crate) fn run(place: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        let quietly = ["--no-fund", "--no-audit", "--loglevel=error"];
        super::run(Command::new("npm").args(arguments).args(quietly).current_dir(place))
    }
}

/// Packages of Debian, which root installs.
pub(crate) mod debian {
    use anyhow::ensure;
    use std::process::{Command, Stdio};

    /// Installs a package, if that can be done here. Where `CI` is set it has to be: there, nothing may be skipped.
    pub(crate) fn install(package: &str, say: &mut impl FnMut(&str)) -> anyhow::Result<bool> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
        let line = format!("apt-get install {package}");
        let installed = is_root && {
            say(&format!("running `{line}`"));
            // Once more with fresh lists, where those that are there are missing or too old.
            let options = ["install", "--yes", "--no-install-recommends", package];
            apt_get(&options) || (apt_get(&["update"]) && apt_get(&options))
        };
        ensure!(
            installed || std::env::var_os("CI").is_none(),
            "{package} is missing; `{line}`, as root, brings it"
        );
        Ok(installed)
    }

    fn apt_get(arguments: &[&str]) -> bool {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }
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
}
