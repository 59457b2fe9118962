//! The points of docs/client.md: each is held by tests, and the page names tests that exist.
//!
//! A test that holds a point says so in a line of its documentation, `Point 12: verify after write.`, directly
//! above its `#[test]`. These lines are what is read here; nothing is run.

use scimwright_tests::tool::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const POINTS: std::ops::RangeInclusive<u32> = 1..=27;
const PAGE: &str = "docs/client.md";

/// The tests that hold each point, by name.
type Held = BTreeMap<u32, BTreeSet<String>>;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of the host and of the end-to-end tests.
pub(crate) fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("host"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // What test servers bring along is not ours.
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 100, "{} files are not all of the project", files.len());
    files
}

/// The points that a file's tests say they hold, or what is wrong with one of the lines that say so.
fn labels(text: &str) -> Result<Vec<(u32, String)>, String> {
    let mut found = Vec::new();
    // The points named above the test that comes next.
    let mut waiting: Vec<u32> = Vec::new();
    let mut is_test = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let complain = |what: &str| Err(format!("line {}: {what}: {line}", index + 1));
        let label =
            line.strip_prefix("/// Point ").filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(label) = label {
            let Some((number, words)) = label.split_once(": ") else {
                return complain("a label is `Point NUMBER: what of it`");
            };
            match number.parse() {
                Ok(point) if POINTS.contains(&point) && !words.trim().is_empty() => waiting.push(point),
                _ => return complain("there is no such point"),
            }
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = function(line) {
            if !waiting.is_empty() && !is_test {
                return complain("a label stands above something that is no test");
            }
            found.extend(waiting.drain(..).map(|point| (point, name.to_owned())));
            is_test = false;
        } else if !waiting.is_empty() && !line.starts_with("///") && !line.starts_with("#[") {
            return complain("between a label and its test there is something else");
        }
    }
    if waiting.is_empty() { Ok(found) } else { Err("the last label stands above nothing".to_owned()) }
}

/// The name of the function that begins in this line.
pub(crate) fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn held() -> Held {
    let mut held = Held::new();
    for path in rust_files() {
        let labels = labels(&read(&path)).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()));
        for (point, test) in labels {
            held.entry(point).or_default().insert(test);
        }
    }
    held
}

/// The page's section for each point: what stands between its heading, `### 12. …`, and the next.
fn sections(page: &str) -> BTreeMap<u32, String> {
    let mut sections = BTreeMap::new();
    let mut current = None;
    for line in page.lines() {
        if line.starts_with('#') {
            let heading = line.strip_prefix("### ").and_then(|heading| heading.split_once(". "));
            current = heading.and_then(|(number, _)| number.parse::<u32>().ok());
            if let Some(point) = current {
                assert!(sections.insert(point, String::new()).is_none(), "point {point} is there twice");
            }
        } else if let Some(section) = current.and_then(|point| sections.get_mut(&point)) {
            *section += line;
            *section += "\n";
        }
    }
    sections
}

/// What stands in backticks after this word, up to the end of the paragraph.
fn named<'a>(section: &'a str, word: &str) -> Vec<&'a str> {
    let paragraph = section.split("\n\n").find(|paragraph| paragraph.trim_start().starts_with(word));
    paragraph.unwrap_or_default().split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_point_is_held_by_a_test() {
    let held = held();
    let missing: Vec<u32> = POINTS.filter(|point| !held.contains_key(point)).collect();
    assert!(missing.is_empty(), "no test says that it holds {missing:?}");
}

#[test]
fn the_page_names_a_place_and_a_test_for_every_point_and_nothing_that_is_not_there() {
    let (held, page) = (held(), read(&root().join(PAGE)));
    let sections = sections(&page);
    assert!(sections.keys().copied().eq(POINTS), "{PAGE} has points {:?}", sections.keys());
    for (point, section) in &sections {
        let (places, tests) = (named(section, "Lives in"), named(section, "Held by"));
        assert!(!places.is_empty() && !tests.is_empty(), "{PAGE}, point {point}: no place, or no test");
        for place in places {
            assert!(root().join(place).exists(), "{PAGE}, point {point}: there is no {place}");
        }
        for test in tests {
            let holds = held.get(point).is_some_and(|tests| tests.contains(test));
            assert!(holds, "{PAGE}, point {point}: no test `{test}` says that it holds it");
        }
    }
}

#[test]
fn a_label_belongs_to_the_test_below_it() {
    let text = "
        /// Point 3: one.
        /// Point 4: and another,
        /// in two lines.
        #[tokio::test(start_paused = true)]
        async fn first() {}

        #[test]
        fn second() {}
    ";
    assert_eq!(labels(text), Ok(vec![(3, "first".to_owned()), (4, "first".to_owned())]));
}

#[test]
fn a_label_that_says_nothing_or_belongs_to_nothing_is_a_mistake() {
    for (text, complaint) in [
        ("/// Point 28: none.\n#[test]\nfn test() {}", "no such point"),
        ("/// Point 0: none.\n#[test]\nfn test() {}", "no such point"),
        ("/// Point 7, and so on.\n#[test]\nfn test() {}", "a label is"),
        ("/// Point 7: \n#[test]\nfn test() {}", "a label is"),
        ("/// Point 7: a helper.\nfn helper() {}", "no test"),
        ("/// Point 7: a gap.\n\n#[test]\nfn test() {}", "something else"),
        ("/// Point 7: the end.", "above nothing"),
    ] {
        let wrong = labels(text).unwrap_err();
        assert!(wrong.contains(complaint), "{text:?}: {wrong}");
    }
}
