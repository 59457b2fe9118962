//! What holds of the source as a whole.

use std::path::Path;

/// The files below this folder that contain the word.
fn naming(folder: &Path, word: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            naming(&path, word, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && std::fs::read_to_string(&path).unwrap().contains(word)
        {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

#[test]
fn the_http_library_is_named_in_one_file_only() {
    let mut found = Vec::new();
    naming(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "reqwest", &mut found);
    assert_eq!(found, ["transport.rs"]);
}
