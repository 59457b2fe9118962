//! Plans that are whole, and plans that are not.

use super::*;
use crate::operation::Wish;
use scimwright_scim::AttributePath;

fn header() -> Header {
    Header {
        format: FORMAT,
        scimwright: "0.1.0".into(),
        made_at: Timestamp::UNIX_EPOCH,
        tenant: TenantName::default(),
        provider: None,
        resource_type: None,
        filter: PlanFilter::default(),
        allow_deprovisions: None,
        allow_removals: None,
    }
}

fn scope() -> LinkScope {
    LinkScope {
        provider: ProviderName::parse("acme").unwrap(),
        resource_type: ResourceTypeName::parse("User").unwrap(),
    }
}

fn creation(key: &str) -> PlannedOperation {
    let mut desired = Desired::new();
    desired.set(&AttributePath::parse("userName").unwrap(), serde_json::json!(key));
    let operation = Operation {
        key: RecordKey::parse(key).unwrap(),
        step: Step::Create,
        desired,
        changes: Vec::new(),
        reason: None,
        wish: Wish::default(),
    };
    let request = PlannedRequest { method: "POST", path: "/Users".into(), body: None };
    PlannedOperation::of(&scope(), &operation, vec![request]).unwrap()
}

/// A plan of two operations, and its text.
fn written(folder: &Path) -> (PathBuf, String) {
    let path = folder.join("plan.jsonl");
    let writer = PlanWriter::create(&path, &header()).unwrap();
    writer.operation(creation("E1")).unwrap();
    writer.operation(creation("E2")).unwrap();
    assert!(!path.exists(), "half a plan has no name");
    assert_eq!(writer.finish(&Basis::default()).unwrap(), (2, 0));
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

fn refusal(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    Plan::open(path).unwrap_err().to_string()
}

#[test]
fn a_plan_that_was_written_can_be_read_and_holds_its_operations_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = written(folder.path());
    let plan = Plan::open(&path).unwrap();
    assert_eq!((plan.counts(), plan.scopes()), ((2, 0), [scope()].as_slice()));
    assert_eq!(plan.header, header());
    let keys = |line: Result<Line, _>| match line.unwrap() {
        Line::Operation(operation) => Some(operation.key.to_string()),
        _ => None,
    };
    // As often as wanted.
    for _ in 0..2 {
        assert_eq!(plan.lines().unwrap().filter_map(keys).collect::<Vec<_>>(), ["E1", "E2"]);
    }
}

#[cfg(unix)]
#[test]
fn a_plan_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = written(folder.path());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_plan_that_is_given_up_leaves_nothing_behind_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = written(folder.path());
    let writer = PlanWriter::create(&path, &header()).unwrap();
    writer.operation(creation("E3")).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_plan_that_was_cut_off_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = written(folder.path());
    for length in 0..text.len() {
        std::fs::write(&path, &text[..length]).unwrap();
        assert!(Plan::open(&path).is_err(), "{length} of {} bytes passed for a plan", text.len());
    }
    let lines: Vec<&str> = text.lines().collect();
    let without_one = [&[lines[0]], &lines[2..], &[""]].concat().join("\n");
    assert!(refusal(&path, &without_one).contains("not as it was written"));
    assert!(refusal(&path, &lines[..3].join("\n")).contains("it has no end"));
}

#[test]
fn a_plan_that_somebody_edited_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = written(folder.path());
    let reason = refusal(&path, &text.replacen("E2", "E3", 1));
    assert!(reason.contains("somebody changed it") && reason.contains("Nothing was changed"), "{reason}");
    let reason = refusal(&path, &format!("{text}{text}"));
    assert!(reason.contains("added after its end"), "{reason}");
}

#[test]
fn what_is_no_plan_or_one_of_another_version_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = written(folder.path());
    let reason = refusal(&path, "key,name\n1,Jo\n");
    assert!(reason.contains("it is no plan; `scimwright plan --out FILE` writes one"), "{reason}");
    let reason = refusal(&path, &text.replacen("\"format\":1", "\"format\":2", 1));
    assert!(reason.contains("it has format 2"), "{reason}");
    assert!(matches!(Plan::open(&folder.path().join("nothing")), Err(PlanFileError::Read { .. })));
}
