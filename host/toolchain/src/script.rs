//! JavaScript without a project: a file that somebody dropped into the modules' folder, and the inline scripts of a
//! resource. Both are built into a cache, once for the same sources, SDK and tool.
//!
//! A build takes two seconds, and whoever wants the component may be started twice. So builds in one cache take turns
//! by a lock on a file, and look again after it is theirs; a component appears in the cache whole or not at all.

use crate::build::javascript::{Sources, componentize, make_importable, world_of};
use crate::component;
use crate::error::ToolchainError;
use crate::inputs::InputsDigest;
use crate::language::Language;
use crate::project::World;
use crate::sdk::{self, SdkFile};
use crate::tools::{Tool, Tools};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where the tool is installed for scripts that have no project.
pub(crate) const INSTALLED_IN: &str = "the configuration folder";
/// How many components a cache keeps. The one that was not asked for the longest goes first.
const KEPT: usize = 200;

/// Builds a JavaScript file into the cache, and returns the component. The file stands alone: it imports `scimwright`
/// and nothing else.
///
/// # Errors
/// When the tool is missing or refuses the script.
pub fn build_script_file(script: &Path, cache: &Path, tools: &Tools) -> Result<PathBuf, ToolchainError> {
    let text = fs::read_to_string(script).map_err(ToolchainError::io(script))?;
    let name = script.file_name().and_then(|name| name.to_str()).unwrap_or("mapping.js");
    let folder = script.parent().unwrap_or(Path::new("."));
    let world = world_of(&text);
    let module =
        Module { kind: "script", files: vec![SdkFile { path: name.to_owned(), text }], entry: name, world };
    module.build(cache, &tools.javascript(folder, INSTALLED_IN)?)
}

/// A JavaScript module that is all in memory.
pub(crate) struct Module<'a> {
    /// What its file in the cache begins with.
    pub(crate) kind: &'a str,
    pub(crate) files: Vec<SdkFile>,
    /// Which of the files it begins at.
    pub(crate) entry: &'a str,
    pub(crate) world: World,
}

impl Module<'_> {
    /// The component in the cache, built if it is not there.
    pub(crate) fn build(&self, cache: &Path, tool: &Tool) -> Result<PathBuf, ToolchainError> {
        let sdk = sdk::files(Language::JavaScript);
        let path = cache.join(format!("{}-{}.wasm", self.kind, self.digest(&sdk, tool.version())));
        if in_use(&path) {
            return Ok(path);
        }
        fs::create_dir_all(cache).map_err(ToolchainError::io(cache))?;
        let lock = cache.join("build.lock");
        let lock = File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(ToolchainError::io(&lock))?;
        if !in_use(&path) {
            let component = self.componentize(&sdk, tool, cache)?;
            component::check(&component)
                .map_err(|problem| ToolchainError::BadComponent { path: self.entry.into(), problem })?;
            component::write_whole(&path, &component)?;
            forget_oldest(cache, KEPT);
        }
        drop(lock);
        Ok(path)
    }

    fn componentize(&self, sdk: &[SdkFile], tool: &Tool, cache: &Path) -> Result<Vec<u8>, ToolchainError> {
        let scratch = tempfile::Builder::new()
            .prefix(".build-")
            .tempdir_in(cache)
            .map_err(ToolchainError::io(cache))?;
        let root = scratch.path().join("app");
        sdk::unpack(&self.files, &root)?;
        make_importable(&root, sdk)?;
        let contract = sdk::contract_for(&root, scratch.path())?;
        let sources = Sources { root: &root, entry: self.entry, world: self.world, contract: &contract };
        componentize(tool, &sources, scratch.path())
    }

    /// Of all that the component depends on.
    fn digest(&self, sdk: &[SdkFile], version: &str) -> String {
        let mut digest = InputsDigest::default();
        digest.add(version).add(self.entry).add(self.world.name());
        for file in self.files.iter().chain(sdk) {
            digest.add(&file.path).add(&file.text);
        }
        digest.finish()
    }
}

/// Whether a component is there; if so, it was asked for just now.
fn in_use(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    // A cache that cannot be written to is no reason not to read from it.
    let _ = file.set_modified(SystemTime::now());
    true
}

/// Removes what was not asked for the longest. A component that is gone is built again when it is wanted.
fn forget_oldest(cache: &Path, kept: usize) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    let mut components: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "wasm"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    components.sort();
    let surplus = components.len().saturating_sub(kept);
    for (_, path) in components.into_iter().take(surplus) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn module(text: &str) -> Module<'static> {
        let files = vec![SdkFile { path: "a.js".into(), text: text.into() }];
        Module { kind: "script", files, entry: "a.js", world: World::Mapper }
    }

    #[test]
    fn the_digest_is_of_sources_sdk_and_tool() {
        let sdk = |text: &str| vec![SdkFile { path: "scimwright.js".into(), text: text.into() }];
        let first = module("one").digest(&sdk("sdk"), "0.4.5");
        assert_eq!(first, module("one").digest(&sdk("sdk"), "0.4.5"));
        assert_eq!(first.len(), 64);
        for other in [
            module("two").digest(&sdk("sdk"), "0.4.5"),
            module("one").digest(&sdk("newer"), "0.4.5"),
            module("one").digest(&sdk("sdk"), "0.4.6"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_cache_forgets_what_was_not_asked_for_the_longest() {
        let cache = tempfile::tempdir().unwrap();
        for (name, age) in [("a.wasm", 30), ("b.wasm", 20), ("c.wasm", 10), ("build.lock", 90)] {
            let file = File::create(cache.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert!(in_use(&cache.path().join("a.wasm")));
        forget_oldest(cache.path(), 2);
        let left = |name: &str| cache.path().join(name).is_file();
        assert_eq!(["a.wasm", "b.wasm", "c.wasm", "build.lock"].map(left), [true, false, true, true]);
    }
}
