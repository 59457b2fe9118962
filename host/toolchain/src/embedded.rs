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
    use std::path::Path;

    /// All files below a folder of the workspace, but for tests and what tools leave behind.
    fn on_disk(root: &Path, folder: &str, found: &mut Vec<String>) {
        let left_out = ["target", "node_modules", "test", "tests", "__pycache__"];
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}/{name}");
            if left_out.contains(&&*name) || name.starts_with('.') {
                continue;
            }
            if entry.path().is_dir() {
                on_disk(root, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_sdks_and_templates_is_carried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let mut found = Vec::new();
        for folder in
            ["guest-sdk/rust", "guest-sdk/js", "guest-sdk/python", "wit", "host/toolchain/templates"]
        {
            on_disk(root, folder, &mut found);
        }
        assert!(found.iter().any(|path| path == "guest-sdk/rust/src/lib.rs"), "{found:?}");
        for path in found {
            assert!(
                below("").any(|file| file.path == path),
                "{path}: its kind is not among those of build.rs"
            );
        }
    }

    #[test]
    fn a_folder_whose_name_only_begins_alike_is_another() {
        assert_eq!(below("guest-sdk/rus").count(), 0);
    }
}
