//! What builds mappings in JavaScript and Python, installed into `target/tools` in the versions that scimwright was
//! tried with.

use crate::install::{npm, once, python_environment, stamp};
use anyhow::Context;
use scimwright_toolchain::{COMPONENTIZE_PY, COMPONENTIZE_QJS, Tools};
use std::path::{Path, PathBuf};

/// Where they are installed: below the workspace's target folder.
#[must_use]
pub fn folder(root: &Path) -> PathBuf {
    root.join("target").join("tools")
}

/// Installs both, unless they are there in these versions already, and returns where they are. Says what it does.
///
/// # Errors
/// When npm or Python is missing, or a package cannot be had.
pub fn install(root: &Path, mut say: impl FnMut(&str)) -> anyhow::Result<Tools> {
    let mut say = |line: &str| say(&format!("compilers: {line}"));
    let folder = folder(root);
    std::fs::create_dir_all(&folder)?;

    let package = folder.join("package.json");
    let dependencies = serde_json::json!({ "componentize-qjs": COMPONENTIZE_QJS });
    let manifest = serde_json::json!({ "private": true, "dependencies": dependencies });
    std::fs::write(&package, format!("{manifest:#}\n"))?;
    once(&folder, "node", &[&package], "componentize-qjs", &mut say, |place| {
        std::fs::copy(&package, place.join("package.json"))?;
        npm::run(place, &["install"]).context("npm, which comes with Node.js, brings componentize-qjs")
    })?;

    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, format!("componentize-py=={COMPONENTIZE_PY}\n"))?;
    once(&folder, "python", &[&requirements], "componentize-py", &mut say, |place| {
        python_environment(place, &requirements)
    })?;
    Ok(paths(root))
}

/// Where they are, if they are installed; `None` for one that is not.
#[must_use]
pub fn installed(root: &Path) -> Tools {
    let folder = folder(root);
    let Tools { componentize_qjs, componentize_py } = paths(root);
    // The stamp is written last: without it, an installation was broken off.
    let whole =
        |path: Option<PathBuf>, name| path.filter(|path| path.is_file() && stamp(&folder, name).is_file());
    Tools {
        componentize_qjs: whole(componentize_qjs, "node"),
        componentize_py: whole(componentize_py, "python"),
    }
}

fn paths(root: &Path) -> Tools {
    let folder = folder(root);
    Tools {
        componentize_qjs: Some(folder.join("node/node_modules/.bin/componentize-qjs")),
        componentize_py: Some(folder.join("python/bin/componentize-py")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_that_was_broken_off_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        let tool = paths(root.path()).componentize_py.unwrap();
        std::fs::create_dir_all(tool.parent().unwrap()).unwrap();
        std::fs::write(&tool, "").unwrap();
        assert_eq!(installed(root.path()), Tools::default());
        std::fs::write(stamp(&folder(root.path()), "python"), "componentize-py").unwrap();
        assert_eq!(installed(root.path()).componentize_py, Some(tool));
        assert_eq!(installed(root.path()).componentize_qjs, None);
    }
}
