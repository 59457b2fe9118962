//! The cache of compiled code: used when it is sound, passed over on any doubt.

use crate::guests::{Guest, Says, id, map};
use scimwright_mapping::{Grants, HostOptions, Limits, MappingHost, MappingModule};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn host(cache: &Path) -> MappingHost {
    let cache_dir = Some(cache.to_owned());
    MappingHost::new(HostOptions { cache_dir, max_instances: 4, ..HostOptions::default() }).unwrap()
}

fn load(cache: &Path, wasm: &[u8]) -> MappingModule {
    let module =
        host(cache).load_bytes(id(), wasm, Limits::default(), Vec::new(), Grants::default()).unwrap();
    map(&module).unwrap();
    module
}

fn wasm() -> Vec<u8> {
    Guest::echo(Says::default()).component()
}

fn entry(cache: &Path) -> PathBuf {
    let mut entries: Vec<_> = fs::read_dir(cache)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "code"))
        .collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Spoils a cache, and asserts that a module is then compiled anew with a warning, and the cache mended.
#[track_caller]
fn compiled_anew_after(spoil: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    load(&cache, &wasm());
    spoil(&cache);
    let module = load(&cache, &wasm());
    assert!(!module.inspection().from_cache);
    let warnings = &module.inspection().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(&cache.display().to_string()), "{warnings:?}");
    let module = load(&cache, &wasm());
    assert!(module.inspection().from_cache && module.inspection().warnings.is_empty(), "mended");
}

#[test]
fn a_second_start_takes_the_code_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("a").join("code");
    let first = load(&cache, &wasm());
    assert!(!first.inspection().from_cache);
    assert_eq!(first.inspection().warnings, [""; 0]);
    let second = load(&cache, &wasm());
    assert!(second.inspection().from_cache);
    assert_eq!(first.digest(), second.digest());
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&entry(&cache)), 0o600);
    assert_eq!(mode(&cache.join("key")), 0o600);
}

#[test]
fn another_module_does_not_get_the_code_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    load(&cache, &wasm());
    let other = Guest::mapping("unreachable").component();
    let module =
        host(&cache).load_bytes(id(), &other, Limits::default(), Vec::new(), Grants::default()).unwrap();
    assert!(!module.inspection().from_cache);
    map(&module).unwrap_err();
}

#[test]
fn a_damaged_entry_is_not_executed() {
    compiled_anew_after(|cache| {
        let path = entry(cache);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&path, bytes).unwrap();
    });
}

#[test]
fn an_entry_that_is_cut_off_is_not_executed() {
    compiled_anew_after(|cache| {
        let path = entry(cache);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    });
}

#[test]
fn an_entry_from_a_cache_with_another_key_is_not_executed() {
    compiled_anew_after(|cache| {
        let other = tempfile::tempdir().unwrap();
        let other = other.path().join("code");
        load(&other, &wasm());
        fs::copy(entry(&other), entry(cache)).unwrap();
    });
}

#[test]
fn a_sound_entry_under_another_modules_name_is_not_executed() {
    compiled_anew_after(|cache| {
        let path = entry(cache);
        let other = Guest::mapping("unreachable").component();
        let name = |digest: &str| path.file_name().unwrap().to_str().unwrap().replace(&digest[..64], "");
        let suffix = name(path.file_name().unwrap().to_str().unwrap());
        let module =
            host(cache).load_bytes(id(), &other, Limits::default(), Vec::new(), Grants::default()).unwrap();
        let others = cache.join(format!("{}{suffix}", module.digest()));
        fs::rename(others, path).unwrap();
    });
}

#[test]
fn an_entry_that_others_may_write_is_not_executed() {
    compiled_anew_after(|cache| {
        fs::set_permissions(entry(cache), fs::Permissions::from_mode(0o620)).unwrap();
    });
}

#[test]
fn an_entry_that_is_a_link_is_not_followed() {
    compiled_anew_after(|cache| {
        let path = entry(cache);
        let elsewhere = cache.join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    });
}

#[test]
fn a_folder_that_others_may_write_is_not_used_and_the_module_loads_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    load(&cache, &wasm());
    assert!(load(&cache, &wasm()).inspection().from_cache);
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o770)).unwrap();
    let module = load(&cache, &wasm());
    assert!(!module.inspection().from_cache);
    assert!(
        module.inspection().warnings[0].contains("open to other users"),
        "{:?}",
        module.inspection().warnings
    );
}

#[test]
fn a_folder_that_cannot_be_made_never_fails_a_load() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    for cache in [file.clone(), file.join("below")] {
        let module = load(&cache, &wasm());
        assert!(!module.inspection().warnings.is_empty());
    }
}
