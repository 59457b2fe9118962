//! A machine that fails: a damaged state, a full disk, two processes that want the same state.

use crate::stage::Stage;
use scimwright_tests::teams::Teams;
use std::process::{Command, Output, Stdio};

/// The company in groups, synced once.
fn synced(people: usize) -> Stage {
    let stage = Stage::new(Teams::new(61, people, 4, 8));
    let first = stage.sync(&[]);
    assert_eq!((&first["created"], &first["failed"]), (&(people + 4).into(), &0.into()), "{first}");
    stage
}

fn state_of(stage: &Stage) -> std::path::PathBuf {
    stage.workspace.folder.join(".scimwright").join("state.db")
}

/// Overwrites everything but the first page of the state. SQLite notices when it comes to another one.
fn damage(stage: &Stage) {
    const PAGE: usize = 4096;
    let path = state_of(stage);
    // A process that ends before SQLite has closed the file leaves a log beside it, and the log is read first.
    let log = path.with_file_name("state.db-wal");
    for _ in 0..20 {
        if !log.exists() {
            break;
        }
        stage.workspace.summary(&["sync"]).unwrap();
    }
    assert!(!log.exists(), "the log is still there");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[PAGE..].fill(0x5A);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_state_is_named_and_rebuilt_from_the_provider_and_the_next_sync_writes_nothing() {
    let stage = synced(120);
    damage(&stage);
    let before = stage.requests().writes();
    let refused = stage.workspace.run(&["sync"]).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is damaged") && refused.stderr.contains("--set-aside"), "{refused:?}");
    let created = stage.requests();
    assert_eq!(created.of("POST /Users") + created.of("POST /Groups"), 124, "nobody is made a second time");

    let rebuilt = stage.workspace.run(&["links", "rebuild", "--as", "created", "--set-aside"]).unwrap();
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
    let kept = std::fs::read_dir(state_of(&stage).parent().unwrap()).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(kept.iter().any(|name| name.starts_with("state.db.damaged-")), "{kept:?}");
    let after = stage.workspace.summary(&["sync"]).unwrap();
    assert_eq!((&after["unchanged"], &after["adopted"]), (&124.into(), &0.into()), "{after}");
    assert_eq!(stage.requests().writes(), before, "neither the rebuilding nor the sync after it wrote");
    stage.assert_as_wanted();

    let refused = stage.workspace.run(&["links", "rebuild", "--as", "created", "--set-aside"]).unwrap();
    assert_eq!(refused.code, Some(3), "a sound state is not given up: {refused:?}");

    // So damaged that nobody would take it for a state.
    std::fs::write(state_of(&stage), "rubbish ".repeat(5_000)).unwrap();
    let rebuilt = stage.workspace.run(&["links", "rebuild", "--as", "created", "--set-aside"]).unwrap();
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
    assert_eq!(stage.workspace.summary(&["sync"]).unwrap()["unchanged"], 124);
}

/// Runs the tool where no file may grow beyond so many blocks of 512 bytes: what a full disk is to SQLite.
#[cfg(unix)]
fn on_a_small_disk(stage: &Stage, blocks: u64) -> Output {
    let tool = stage.workspace.command(&["sync"]);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""))
        .arg(tool.get_program());
    shell.args(tool.get_args()).stdin(Stdio::null());
    shell.envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_in_the_middle_ends_the_run_and_the_next_one_completes_it() {
    let stage = Stage::new(Teams::new(62, 400, 4, 8));
    let full = on_a_small_disk(&stage, 900);
    let said = String::from_utf8_lossy(&full.stderr).into_owned();
    assert_eq!(full.status.code(), Some(1), "{said}");
    assert!(said.contains("state.db"), "{said}");
    let begun = stage.requests().of("POST /Users");
    assert!((1..400).contains(&begun), "it ended in the middle: {begun}");
    let last = stage.workspace.summary(&["sync"]).unwrap();
    assert_eq!(last["failed"], 0, "{last}");
    stage.assert_as_wanted();
}

#[test]
fn a_second_process_does_not_touch_a_state_that_is_in_use() {
    let stage = Stage::new(Teams::new(63, 1_500, 4, 8));
    let mut first = stage.workspace.start(&["sync"]).unwrap();
    let begun = std::time::Instant::now();
    while stage.requests().of("POST /Users") < 20 {
        assert!(
            begun.elapsed().as_secs() < 60 && first.try_wait().unwrap().is_none(),
            "the sync does not begin"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = stage.workspace.run(&["sync"]).unwrap();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("is in use by process"), "{second:?}");
    assert!(first.wait().unwrap().success());
    stage.assert_as_wanted();
    let after = stage.workspace.summary(&["sync"]).unwrap();
    assert_eq!(after["unchanged"], 1_504, "{after}");
}
