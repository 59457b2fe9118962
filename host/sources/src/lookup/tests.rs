//! Look-ups in files, and in a source that does as it is told.

use super::*;
use crate::{CsvOptions, CsvSource};
use futures::StreamExt;
use scimwright_record::{FieldValue, Malformed, Position, RecordStream, Row, SourceError};
use serde_json::json;
use std::path::Path;

fn name() -> SourceName {
    SourceName::parse("departments").unwrap()
}

fn key(text: &str) -> RecordKey {
    RecordKey::parse(text).unwrap()
}

fn record(id: &str, title: &str) -> Record {
    Record::new(name(), key(id)).with("name", FieldValue::Text(title.into()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A source of these rows that counts how often it is read and takes its time.
struct Told {
    name: SourceName,
    rows: Vec<Row>,
    ends_well: bool,
    takes: Duration,
    readings: Arc<AtomicU64>,
}

impl Told {
    fn new(rows: Vec<Row>) -> Self {
        Self { name: name(), rows, ends_well: true, takes: Duration::ZERO, readings: Arc::default() }
    }

    fn lookup(self) -> SourceLookup {
        SourceLookup::new(Handle::current(), [Arc::new(self) as Arc<dyn RecordSource>])
    }
}

impl RecordSource for Told {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        let mut rows: Vec<_> = self.rows.iter().cloned().map(Ok).collect();
        if !self.ends_well {
            rows.push(Err(SourceError {
                source_name: self.name.clone(),
                position: Some(Position::Line(1)),
                message: "the disk is gone".into(),
            }));
        }
        async move {
            tokio::time::sleep(self.takes).await;
            Ok(futures::stream::iter(rows).boxed())
        }
        .boxed()
    }
}

/// A look-up as the thread that maps makes it.
async fn find(lookup: &SourceLookup, id: &str, deadline: Instant) -> Result<Option<Record>, String> {
    let (lookup, id) = (lookup.clone(), key(id));
    let found =
        tokio::task::spawn_blocking(move || lookup.lookup(&name(), &id, &[], deadline)).await.unwrap();
    found.map_err(|unavailable| unavailable.to_string())
}

fn rows(records: &[(&str, &str)]) -> Vec<Row> {
    let numbered = (2..).zip(records);
    numbered.map(|(line, (id, title))| Row::Record(Position::Line(line), record(id, title))).collect()
}

fn csv(path: &Path) -> SourceLookup {
    let source: Arc<dyn RecordSource> = Arc::new(CsvSource::new(CsvOptions::new(name(), path, "id")));
    SourceLookup::new(Handle::current(), [source])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_by_its_key_with_every_kind_of_value() {
    let rich = Record::new(name(), key("D1"))
        .with("name", FieldValue::Text("Research \u{0} \"é\"".into()))
        .with("open", FieldValue::Boolean(true))
        .with("floor", FieldValue::Integer(i64::MIN))
        .with("share", FieldValue::Decimal(0.1))
        .with("since", FieldValue::DateTime("2024-02-28T00:00:00Z".into()))
        .with("logo", FieldValue::Binary(vec![0, 255]))
        .with("tags", FieldValue::Many(vec!["a".into()]))
        .with("more", FieldValue::Json(json!({"deep": [1e300, 12345678901234567890_u64]})))
        .with("head", FieldValue::Null);
    let lookup = Told::new(vec![Row::Record(Position::Line(2), rich.clone())]).lookup();
    assert_eq!(find(&lookup, "D1", soon()).await, Ok(Some(rich.clone())));
    assert_eq!(find(&lookup, "D1", soon()).await, Ok(Some(rich)), "from memory the second time");
    assert_eq!(find(&lookup, "d1", soon()).await, Ok(None), "keys are compared to the letter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_read_once_however_many_look_things_up_at_once() {
    let told = Told { takes: Duration::from_millis(50), ..Told::new(rows(&[("D1", "Research")])) };
    let readings = Arc::clone(&told.readings);
    let lookup = told.lookup();
    let all = join_all((0..32).map(|_| find(&lookup, "D1", soon()))).await;
    assert!(all.iter().all(|found| found == &Ok(Some(record("D1", "Research")))), "{all:?}");
    assert_eq!(readings.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_wait_is_told_that_the_source_is_still_being_read() {
    let told = Told { takes: Duration::from_millis(400), ..Told::new(rows(&[("D1", "Research")])) };
    let readings = Arc::clone(&told.readings);
    let lookup = told.lookup();
    let began = Instant::now();
    let refused = find(&lookup, "D1", Instant::now() + Duration::from_millis(20)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    assert!(refused.starts_with("source `departments` is still being read, 0 records so far"), "{refused}");
    // The reading goes on, and the next one has it.
    assert!(find(&lookup, "D1", soon()).await.unwrap().is_some());
    assert_eq!(readings.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_sees_one_state_of_a_file_and_the_next_run_sees_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("departments.csv");
    std::fs::write(&path, "id,name\nD1,Research\n").unwrap();
    let lookup = csv(&path);
    let title = async |lookup: &SourceLookup| match find(lookup, "D1", soon()).await.unwrap() {
        Some(found) => found.field("name").cloned(),
        None => None,
    };
    let is = |title: &str| Some(FieldValue::Text(title.into()));

    let held = lookup.hold(&[name()]).await;
    assert!(held.unavailable.is_empty(), "{held:?}");
    std::fs::write(&path, "id,name\nD1,Development\n").unwrap();
    assert_eq!(title(&lookup).await, is("Research"));
    // A second run that overlaps sees what the first one sees.
    let second = lookup.hold(&[name()]).await;
    drop(held);
    assert_eq!(title(&lookup).await, is("Research"));
    drop(second);
    let third = lookup.hold(&[name()]).await;
    assert_eq!(title(&lookup).await, is("Development"));
    drop(third);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stands_twice_finds_neither_and_says_where_they_are() {
    let lookup = Told::new(rows(&[("D1", "Research"), ("D2", "Sales"), ("D1", "Development")])).lookup();
    assert_eq!(
        find(&lookup, "D1", soon()).await.unwrap_err(),
        "record `D1` of source `departments` cannot be used: its key stands twice, at line 2 and at line 4; one of the \
         two needs another key"
    );
    assert!(find(&lookup, "D2", soon()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_understood_is_not_taken_for_none() {
    let broken = |line, id: Option<&str>| {
        let message = "the row has 3 cells".to_owned();
        Row::Malformed(Malformed { position: Position::Line(line), key: id.map(key), message })
    };
    let lookup = Told::new(vec![broken(2, Some("D1"))]).lookup();
    assert_eq!(
        find(&lookup, "D1", soon()).await.unwrap_err(),
        "record `D1` of source `departments` cannot be used: line 2: the row has 3 cells"
    );
    assert_eq!(find(&lookup, "D9", soon()).await, Ok(None));

    let mut several = rows(&[("D1", "Research")]);
    several.extend([broken(3, None), broken(4, None)]);
    let lookup = Told::new(several).lookup();
    assert!(find(&lookup, "D1", soon()).await.unwrap().is_some());
    assert_eq!(
        find(&lookup, "D9", soon()).await.unwrap_err(),
        "source `departments` has no record `D9` that can be read, but 2 rows whose key cannot be read may be it (the \
         first is line 3: the row has 3 cells); correct them in the source"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_broke_off_answers_nothing_at_all_not_even_what_was_read() {
    let told = Told { ends_well: false, ..Told::new(rows(&[("D1", "Research")])) };
    let lookup = told.lookup();
    let held = lookup.hold(&[name(), SourceName::parse("salaries").unwrap()]).await;
    let reasons: Vec<_> = held.unavailable.iter().map(|(_, reason)| reason.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "there is no source `salaries`; there are: departments",
            "source `departments` could not be read past line 1: the disk is gone",
        ]
    );
    assert_eq!(find(&lookup, "D1", soon()).await.unwrap_err(), reasons[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_records_are_indexed_in_seconds_and_found_in_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("departments.csv");
    let lines: String = (0..100_000).map(|number| format!("D{number},Department {number}\n")).collect();
    std::fs::write(&path, format!("id,name\n{lines}")).unwrap();
    let lookup = csv(&path);
    let began = Instant::now();
    let _held = lookup.hold(&[name()]).await;
    let indexing = began.elapsed();
    let began = Instant::now();
    for number in (0..100_000).step_by(100) {
        let id = format!("D{number}");
        let found = find(&lookup, &id, soon()).await.unwrap().unwrap();
        assert_eq!(found.field("name"), Some(&FieldValue::Text(format!("Department {number}"))));
    }
    let asking = began.elapsed();
    // Generous: a debug build on a busy machine.
    assert!(
        indexing < Duration::from_secs(30) && asking < Duration::from_secs(10),
        "{indexing:?} {asking:?}"
    );
}
