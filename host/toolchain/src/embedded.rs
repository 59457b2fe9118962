//! The files that the binary carries, as `build.rs` listed them.

/// A file, by its path from the workspace's root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmbeddedFile {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
}

const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The files below a folder, with their paths from there; all of them below ``.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = EmbeddedFile> {
    FILES.iter().filter_map(move |file| {
        let path = match folder {
            "" => file.path,
            folder => file.path.strip_prefix(folder)?.strip_prefix('/')?,
        };
        Some(EmbeddedFile { path, text: file.text })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdks_and_templates_is_carried() {
        for (folder, file) in [
            ("guest-sdk/rust", "src/lib.rs"),
            ("guest-sdk/rust", "src/testing/cases.rs"),
            ("guest-sdk/rust", "build.rs"),
            ("wit", "scimwright.wit"),
            ("host/toolchain/templates", "rust/Cargo.toml"),
            ("host/toolchain/templates", "js/mapping.js"),
            ("host/toolchain/templates", "python/mapping.py"),
        ] {
            assert!(
                below(folder).any(|found| found.path == file && !found.text.is_empty()),
                "{folder}/{file}"
            );
        }
    }

    #[test]
    fn a_folder_whose_name_only_begins_alike_is_another() {
        assert_eq!(below("guest-sdk/rus").count(), 0);
    }
}
