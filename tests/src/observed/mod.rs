//! What the servers were seen to do: the table in docs/servers.md, checked against the servers themselves.
//!
//! `OBSERVE=write cargo test -p scimwright-tests --lib observed` writes the table anew.

mod bench;
mod create;
mod discovery;
mod groups;
mod lists;
mod users;

use crate::servers::{Canaille, Configuration, Inspect, Lists, Scim2Server, Scimmy, installed};
use crate::tool::root;
use bench::Bench;
use std::fmt::Write as _;
use std::path::Path;

/// A behaviour, and how it is found out. A probe leaves the server as usable as it found it.
struct Probe {
    name: &'static str,
    run: fn(&Bench<'_>) -> anyhow::Result<String>,
}

/// Probes about one matter.
struct Chapter {
    title: &'static str,
    probes: &'static [Probe],
}

const CHAPTERS: &[Chapter] =
    &[lists::CHAPTER, discovery::CHAPTER, create::CHAPTER, users::CHAPTER, groups::CHAPTER];

const BEGIN: &str = "<!-- observed: begin -->\n";
const END: &str = "<!-- observed: end -->";

/// A column: its heading, and a cell for every probe.
struct Column {
    heading: String,
    cells: Vec<String>,
}

fn observe(server: &dyn Inspect) -> Column {
    let bench = Bench::new(server).unwrap();
    // Lists come first: they have to know how many users there are.
    bench.hire(bench::CROWD).unwrap();
    let probes = CHAPTERS.iter().flat_map(|chapter| chapter.probes);
    let look = |probe: &Probe| match (probe.run)(&bench) {
        Ok(cell) => cell,
        Err(error) => panic!("{}, {}: {error:#}", server.name(), probe.name),
    };
    Column { heading: server.name().to_owned(), cells: probes.map(look).collect() }
}

fn columns() -> Option<Vec<Column>> {
    let [Some(scim2), Some(scimmy), Some(canaille)] =
        ["scim2-server", "scimmy", "canaille"].map(|name| installed(&root(), name))
    else {
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder: &Path = folder.path();
    let strict = |configuration| Scim2Server::configured(&scim2, folder, configuration).unwrap();
    let lenient =
        |lists| Scimmy::configured(&scimmy, folder, crate::servers::Authentication::Bearer, lists).unwrap();
    let canaille = || Canaille::start(&canaille, folder).unwrap();
    // At once: most of the time goes into waiting for cursors to expire and for Canaille to start.
    let watched: Vec<Box<dyn Fn() -> Column + Sync + '_>> = vec![
        Box::new(|| observe(&strict(Configuration::Full))),
        Box::new(|| observe(&strict(Configuration::CursorOnly))),
        Box::new(|| observe(&strict(Configuration::Minimal))),
        Box::new(|| observe(&lenient(Lists::Paged))),
        Box::new(|| observe(&lenient(Lists::FirstPageForEver))),
        Box::new(|| observe(&canaille())),
    ];
    let columns = std::thread::scope(|scope| {
        let watching: Vec<_> = watched.iter().map(|watch| scope.spawn(watch)).collect();
        watching.into_iter().map(|column| column.join().unwrap()).collect()
    });
    Some(columns)
}

/// One Markdown table a chapter.
fn tables(columns: &[Column]) -> String {
    let mut text = String::new();
    let mut row = 0;
    for chapter in CHAPTERS {
        write!(text, "### {}\n\n| behaviour |", chapter.title).unwrap();
        for column in columns {
            write!(text, " {} |", column.heading).unwrap();
        }
        writeln!(text, "\n|---|{}", "---|".repeat(columns.len())).unwrap();
        for probe in chapter.probes {
            write!(text, "| {} |", probe.name).unwrap();
            for column in columns {
                write!(text, " {} |", column.cells[row]).unwrap();
            }
            text.push('\n');
            row += 1;
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_servers_do_what_the_documentation_says_they_do() {
    let Some(columns) = columns() else {
        eprintln!("skipped: a test server is not installed; `cargo xtask test` installs it");
        return;
    };
    let observed = tables(&columns);
    let file = root().join("docs").join("servers.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (documented, after) = rest.split_once(END).unwrap();
    if std::env::var("OBSERVE").is_ok_and(|wanted| wanted == "write") {
        std::fs::write(&file, format!("{before}{BEGIN}\n{observed}{END}{after}")).unwrap();
        return;
    }
    for (documented, observed) in documented.trim().lines().zip(observed.trim().lines()) {
        assert_eq!(documented, observed, "{} says otherwise", file.display());
    }
    assert_eq!(documented.trim(), observed.trim());
}
