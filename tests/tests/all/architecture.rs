//! The invariants of ARCHITECTURE.md, stated as what is absent.

use scimwright_tests::tool::root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may import whom. What is not listed imports no crate of ours.
const IMPORTS: &[(&str, &[&str])] = &[
    ("host/scim", &[]),
    ("host/record", &[]),
    ("host/profile", &["scim"]),
    ("host/client", &["profile", "scim"]),
    ("host/mapping", &["scim", "record"]),
    ("host/sources", &["client", "record", "scim"]),
    ("host/state", &["scim", "record"]),
    ("host/provision", &["client", "mapping", "profile", "state", "scim", "record"]),
    ("host/author", &["mapping", "record"]),
    ("host/sandbox", &["profile", "scim"]),
    ("host/server", &["mapping", "provision", "record", "state"]),
    ("host/toolchain", &["record"]),
    ("guest-sdk/rust", &[]),
    ("mappings-examples/corp-user", &["guest"]),
    ("mappings-examples/corp-defaults", &["guest"]),
    ("mappings-examples/enterprise-manager", &["guest"]),
    ("mappings-examples/username-policy", &["guest"]),
    ("mappings-examples/roles-entitlements", &["guest"]),
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{} has no Rust files", folder.display());
    files
}

/// The files below these folders that mention a word outside of comments, relative to the root.
fn mentioning(folders: &[&str], word: &str) -> BTreeSet<String> {
    let root = root();
    let code_mentions = |text: &str| {
        text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains(word)
        })
    };
    folders
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .filter(|path| code_mentions(&read(path)))
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect()
}

const HOST: &[&str] = &[
    "host/scim/src",
    "host/record/src",
    "host/profile/src",
    "host/client/src",
    "host/mapping/src",
    "host/sources/src",
    "host/state/src",
    "host/provision/src",
    "host/author/src",
    "host/sandbox/src",
    "host/server/src",
    "host/toolchain/src",
    "host/cli/src",
];

fn libraries() -> Vec<&'static str> {
    HOST.iter().copied().filter(|folder| *folder != "host/cli/src").collect()
}

#[test]
fn imports_run_one_way() {
    for (folder, allowed) in IMPORTS {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for line in dependencies.lines().filter(|line| line.starts_with("scimwright-")) {
            let name = line.trim_start_matches("scimwright-").split('.').next().unwrap();
            assert!(allowed.contains(&name), "{folder} must not import scimwright-{name}");
        }
    }
}

#[test]
fn only_mapping_names_wasmtime() {
    let files = mentioning(&libraries(), "wasmtime");
    assert!(!files.is_empty() && files.iter().all(|file| file.starts_with("host/mapping/")), "{files:?}");
    assert!(mentioning(&["host/cli/src"], "wasmtime").is_empty());
}

#[test]
fn only_the_transport_names_reqwest() {
    assert_eq!(mentioning(HOST, "reqwest"), BTreeSet::from(["host/client/src/transport.rs".to_owned()]));
}

#[test]
fn only_the_cli_prints_picks_exit_codes_or_reads_configuration() {
    for word in ["println!", "eprintln!", "print!(", "ExitCode", "process::exit", "clap::", "anyhow"] {
        assert_eq!(mentioning(&libraries(), word), BTreeSet::new(), "{word}");
    }
    // A profile is TOML, and knows how it is written; which file it came from is the reader's affair. The manifest
    // of a mapping project is the author's, as a Cargo.toml is, and configures nothing that runs.
    let toml = mentioning(&libraries(), "toml::");
    let known = ["host/profile/", "host/toolchain/"];
    assert!(toml.iter().all(|file| known.iter().any(|folder| file.starts_with(folder))), "{toml:?}");
}

#[test]
fn scim_record_and_profile_do_no_input_or_output() {
    for word in ["std::fs", "std::net", "std::env", "tokio", "File::", "TcpStream"] {
        let values = ["host/scim/src", "host/record/src", "host/profile/src"];
        assert_eq!(mentioning(&values, word), BTreeSet::new(), "{word}");
    }
}

#[test]
fn unsafe_code_stands_in_one_place_of_the_host() {
    let allowed = mentioning(HOST, "allow(unsafe_code)");
    assert_eq!(allowed, BTreeSet::from(["host/mapping/src/cache.rs".to_owned()]));
    let text = read(&root().join("host/mapping/src/cache.rs"));
    assert_eq!(text.matches("unsafe {").count(), 1);
    assert!(text.contains("SAFETY:"));
}

#[test]
fn no_crate_has_global_mutable_state() {
    for word in ["static mut", "lazy_static", "thread_local!"] {
        assert_eq!(mentioning(HOST, word), BTreeSet::new(), "{word}");
    }
    let once = mentioning(HOST, "static ");
    for file in &once {
        let text = read(&root().join(file));
        let mutable = text.lines().any(|line| {
            let line = line.trim_start();
            (line.starts_with("static ") || line.starts_with("pub static "))
                && ["Mutex", "RwLock", "Atomic", "OnceLock", "OnceCell"]
                    .iter()
                    .any(|kind| line.contains(kind))
        });
        assert!(!mutable, "{file} holds global mutable state");
    }
}

#[test]
fn guests_and_host_meet_in_wit_only() {
    for (guest, _) in IMPORTS.iter().filter(|(folder, _)| !folder.starts_with("host/")) {
        let manifest = read(&root().join(guest).join("Cargo.toml"));
        for host in ["scim", "record", "client", "mapping", "sources", "state", "provision", "sandbox"] {
            assert!(!manifest.contains(&format!("scimwright-{host}")), "{guest} imports scimwright-{host}");
        }
    }
    for (folder, _) in IMPORTS.iter().filter(|(folder, _)| folder.starts_with("host/")) {
        assert!(!read(&root().join(folder).join("Cargo.toml")).contains("scimwright-guest"), "{folder}");
    }
}

#[test]
fn there_is_one_wasmtime_and_one_tls_provider() {
    let lock = read(&root().join("Cargo.lock"));
    let count = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    assert_eq!((count("wasmtime"), count("ring"), count("aws-lc-rs")), (1, 1, 0));
}

/// The words of an error hold its cause, since a remedy follows. One that handed it out as well would have it printed
/// twice.
#[test]
fn each_cause_stands_once_in_what_is_printed() {
    assert_eq!(mentioning(&["host"], "#[source]"), BTreeSet::new());
    for twice in ["source: io::Error", "source: std::io::Error"] {
        assert_eq!(
            mentioning(&["host"], twice),
            BTreeSet::new(),
            "thiserror takes a field of this name for the cause"
        );
    }
}
