//! Tests of reading an SQLite database.

use super::*;
use crate::fixture::{self, Outcome, name, record};
use sqlx::Connection;

const PEOPLE: &str = "
    CREATE TABLE people (id TEXT, name TEXT, active INTEGER, pay REAL, start TEXT, photo BLOB);
    INSERT INTO people VALUES ('1', 'Zoë', 1, 1250.5, '2024-02-28', x'00ff'), ('2', NULL, 0, NULL, NULL, NULL);
    CREATE TABLE \"odd \"\" name; DROP TABLE people\" (id INTEGER PRIMARY KEY);
    INSERT INTO \"odd \"\" name; DROP TABLE people\" VALUES (42);
";

fn read_with(setup: &'static str, change: impl FnOnce(&mut SqliteOptions)) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hr.db");
    fixture::run(async {
        let create = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = create.connect().await.unwrap();
        sqlx::raw_sql(setup).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    let mut options = SqliteOptions::new(name(), path, SqliteFrom::Table("people".into()), "id");
    change(&mut options);
    fixture::read_source(&SqliteSource::new(options))
}

fn query(sql: &str) -> Outcome {
    read_with(PEOPLE, |options| options.from = SqliteFrom::Query(sql.to_owned()))
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

#[test]
fn a_table_is_read_with_its_own_types_and_the_declared_ones() {
    let outcome = read_with(PEOPLE, |options| {
        options.types =
            vec![("active".to_owned(), ColumnType::Boolean), ("start".to_owned(), ColumnType::DateTime)];
    });
    let first = [
        ("id", text("1")),
        ("name", text("Zoë")),
        ("active", FieldValue::Boolean(true)),
        ("pay", FieldValue::Decimal(1250.5)),
        ("start", FieldValue::DateTime("2024-02-28T00:00:00Z".into())),
        ("photo", FieldValue::Binary(vec![0, 255])),
    ];
    let second = [
        ("id", text("2")),
        ("name", FieldValue::Null),
        ("active", FieldValue::Boolean(false)),
        ("pay", FieldValue::Null),
        ("start", FieldValue::Null),
        ("photo", FieldValue::Null),
    ];
    assert_eq!(outcome.rows, [record("1", &first), record("2", &second)]);
    assert_eq!(outcome.error, None);
}

#[test]
fn a_column_without_affinity_keeps_the_type_of_each_value() {
    let outcome = query("VALUES ('a', 1), ('b', 1.5), ('c', 'x'), ('d', x'01')").error.unwrap();
    assert!(outcome.contains("does not have the key column `id`"), "{outcome}");
    let outcome = query(
        "SELECT column1 AS id, column2 AS v FROM (VALUES ('a', 1), ('b', 1.5), ('c', 'x'), ('d', x'01'))",
    );
    let kinds: Vec<_> = outcome
        .rows
        .iter()
        .map(|row| match row {
            Row::Record(_, record) => record.field("v").unwrap().kind(),
            Row::Malformed(_) => "malformed",
        })
        .collect();
    assert_eq!(kinds, ["integer", "decimal", "text", "binary"]);
}

#[test]
fn a_name_is_quoted_whatever_it_contains() {
    let odd = "odd \" name; DROP TABLE people";
    let outcome = read_with(PEOPLE, |options| options.from = SqliteFrom::Table(odd.to_owned()));
    assert_eq!(outcome.rows, [record("42", &[("id", FieldValue::Integer(42))])]);
}

#[test]
fn a_query_may_join_and_order_and_end_in_a_semicolon() {
    let outcome = query("SELECT p.id, q.name FROM people p JOIN people q ON q.id = 1 ORDER BY p.id DESC;");
    assert_eq!(outcome.keys(), ["2", "1"]);
    assert_eq!(outcome.error, None);
}

#[test]
fn a_query_that_does_more_than_read_is_refused() {
    for (sql, message) in [
        ("DELETE FROM people", "the query begins with `DELETE`; a source is read with a SELECT"),
        (
            "SELECT id FROM people; DELETE FROM people",
            "the query holds several statements; write a single SELECT",
        ),
        (
            "WITH x AS (SELECT 1) DELETE FROM people RETURNING id",
            "the query changes the database; a source is read with a SELECT",
        ),
    ] {
        let error = query(sql).error.unwrap();
        assert!(error.ends_with(message), "{error}");
    }
}

#[test]
fn what_is_missing_is_named_with_what_is_there() {
    let error = read_with(PEOPLE, |options| options.from = SqliteFrom::Table("peopel".into())).error.unwrap();
    assert!(error.ends_with("does not have the table `peopel` (did you mean `people`?)"), "{error}");
    let error = read_with(PEOPLE, |options| options.key = "ident".into()).error.unwrap();
    assert!(error.contains("hr.db does not have the key column `ident`"), "{error}");
    let error = query("SELECT id, id FROM people").error.unwrap();
    assert!(error.contains("two columns named `id`: give one of them another name with AS"), "{error}");
    let error = query("SELECT absent FROM people").error.unwrap();
    assert!(error.ends_with("no such column: absent"), "{error}");
}

#[test]
fn rows_that_cannot_be_records_are_reported_with_their_number() {
    let outcome = query(
        "SELECT column1 AS id, column2 AS v FROM (VALUES (NULL, 1), ('b', 9e999), ('c', CAST(x'ff' AS TEXT)), \
         (x'01', 1), ('e', 1))",
    );
    assert_eq!(outcome.keys(), ["e"]);
    let rows: Vec<_> = outcome
        .malformed()
        .map(|row| (row.position.to_string(), row.key.map(|key| key.to_string()), row.message))
        .collect();
    let row = |place: &str, key: Option<&str>, message: &str| {
        (place.to_owned(), key.map(str::to_owned), message.to_owned())
    };
    assert_eq!(
        rows,
        [
            row("row 1", None, "the key column `id` is empty; every row needs a key of its own"),
            row("row 2", Some("b"), "column `v` holds inf, which is not a finite number"),
            row("row 3", Some("c"), "column `v` is not UTF-8 text; store it as a BLOB, or as UTF-8"),
            row("row 4", None, "the key column `id` holds binary, and a key is text or a whole number"),
        ]
    );
}

#[test]
fn a_failure_in_the_middle_ends_the_pass_with_the_last_row() {
    let outcome = query(
        "SELECT column1 AS id, abs(column2) AS v FROM (VALUES ('a', 1), ('b', 2), ('c', -9223372036854775808))",
    );
    assert_eq!(outcome.keys(), ["a", "b"]);
    let error = outcome.error.unwrap();
    assert!(error.starts_with("source `hr` could not be read past row 2: "), "{error}");
    assert!(error.ends_with("integer overflow"), "{error}");
}

#[test]
fn a_file_that_is_no_database_or_not_there_is_named() {
    let table = || SqliteFrom::Table("people".into());
    let options = SqliteOptions::new(name(), "/nonexistent/hr.db", table(), "id");
    let error = fixture::read_source(&SqliteSource::new(options)).error.unwrap();
    assert!(error.starts_with("source `hr` could not be read: cannot open /nonexistent/hr.db: "), "{error}");
    let outcome = fixture::read_file("hr.db", &b"id,name\n".repeat(200), |path| {
        SqliteSource::new(SqliteOptions::new(name(), path, table(), "id"))
    });
    assert!(outcome.error.unwrap().ends_with("hr.db is not an SQLite database"));
}

/// Three people; two of them were written in the same second, one without saying when.
const CHANGES: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT, version INTEGER);
    INSERT INTO people VALUES (1, 'Zoë', '2024-02-28 10:00:00', 7), (2, 'Ari', '2024-02-28 10:00:01', 8);
";

struct Database {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Database {
    fn new(setup: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Self { path: folder.path().join("hr.db"), _folder: folder };
        database.run(setup);
        database
    }

    fn run(&self, sql: &'static str) {
        fixture::run(async {
            let create = SqliteConnectOptions::new().filename(&self.path).create_if_missing(true);
            let mut connection = create.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }

    fn source(&self, change: impl FnOnce(&mut SqliteOptions)) -> SqliteSource {
        let mut options = SqliteOptions::new(name(), &self.path, SqliteFrom::Table("people".into()), "id");
        options.change_column = Some("updated_at".into());
        change(&mut options);
        SqliteSource::new(options)
    }
}

fn changed(source: &SqliteSource, since: Option<&str>) -> (Vec<String>, Option<String>) {
    fixture::run(async {
        let changed = source.read_changed(since).await.unwrap();
        let rows: Vec<_> = changed.rows.collect().await;
        let keys = rows.into_iter().map(|row| row.unwrap().key().unwrap().to_string()).collect();
        (keys, changed.watermark)
    })
}

fn keys(source: &SqliteSource, wanted: &[&str]) -> Vec<String> {
    fixture::run(async {
        let wanted = wanted.iter().map(|key| RecordKey::parse(key).unwrap()).collect();
        let rows: Vec<_> = source.read_keys(wanted).await.unwrap().collect().await;
        rows.into_iter().map(|row| row.unwrap().key().unwrap().to_string()).collect()
    })
}

#[test]
fn the_database_says_which_keys_several_rows_have() {
    const DOUBLED: &str = "
        CREATE TABLE people (id, name TEXT);
        INSERT INTO people VALUES (7, 'Zoë'), ('7', 'Ari'), ('a', 'Lu'), ('A', 'Bo'), (NULL, 'x'), (NULL, 'y'),
            ('b', 'Mo'), ('b', 'Mo'), ('b', 'Jo');
    ";
    let database = Database::new(DOUBLED);
    let mut repeated = fixture::run(async {
        let source = database.source(|options| options.change_column = None);
        source.repeated_keys().await.unwrap().unwrap()
    });
    repeated.sort();
    assert_eq!(repeated.iter().map(RecordKey::as_str).collect::<Vec<_>>(), ["7", "b"]);
    let by_query = database.source(|options| {
        options.change_column = None;
        options.from = SqliteFrom::Query("SELECT id, name FROM people WHERE id = 'a' -- only one".into());
    });
    assert!(fixture::run(by_query.repeated_keys()).unwrap().unwrap().is_empty());
}

/// Peer bug: a cursor in whole seconds that skips equal timestamps.
#[test]
fn rows_written_in_the_second_of_the_last_watermark_are_not_lost() {
    let database = Database::new(CHANGES);
    let source = database.source(|_| ());
    let (all, watermark) = changed(&source, None);
    assert_eq!((all.len(), watermark.as_deref()), (2, Some(r#""2024-02-28 10:00:01""#)));
    // Written after that reading, in the same second.
    database.run("INSERT INTO people VALUES (3, 'Bo', '2024-02-28 10:00:01', 9)");
    let (again, after) = changed(&source, watermark.as_deref());
    assert_eq!(again, ["2", "3"], "a `created_at > t` would have skipped the third for ever");
    assert_eq!(after, watermark);
}

#[test]
fn a_row_that_does_not_say_when_it_changed_comes_every_time() {
    let database = Database::new(CHANGES);
    database.run("INSERT INTO people VALUES (3, 'Bo', NULL, NULL)");
    let source = database.source(|_| ());
    assert_eq!(changed(&source, Some(r#""2025""#)).0, ["3"]);
}

#[test]
fn a_query_can_tell_what_changed_and_a_number_stays_a_number() {
    let database = Database::new(CHANGES);
    let source = database.source(|options| {
        let query = "SELECT id AS nr, version + 0 AS version FROM people WHERE id < 9 -- nobody else";
        options.from = SqliteFrom::Query(query.into());
        options.key = "nr".into();
        options.change_column = Some("version".into());
    });
    assert_eq!(changed(&source, None), (vec!["1".into(), "2".into()], Some("8".into())));
    assert_eq!(changed(&source, Some("8")), (vec!["2".into()], Some("8".into())));
    assert_eq!(keys(&source, &["2", "3"]), ["2"]);
}

#[test]
fn a_text_among_numbers_hides_no_change_and_neither_does_a_number_among_texts() {
    let database = Database::new(
        "CREATE TABLE people (id TEXT, updated_at INTEGER);
         INSERT INTO people VALUES ('a', 7), ('b', 8), ('c', 'soon'), ('d', 8.5);",
    );
    let source = database.source(|_| ());
    database.run("INSERT INTO people VALUES ('e', 9e999)");
    assert_eq!(changed(&source, None).1.as_deref(), Some("8.5"));
    database.run("DELETE FROM people WHERE id = 'e'");
    database.run("UPDATE people SET updated_at = 9 WHERE id = 'a'");
    assert_eq!(changed(&source, Some("8.5")), (vec!["a".into(), "c".into(), "d".into()], Some("9".into())));
    let database = Database::new(
        "CREATE TABLE people (id TEXT, updated_at);
         INSERT INTO people VALUES ('a', '2024'), ('b', '2025'), ('c', '2026');",
    );
    let source = database.source(|_| ());
    assert_eq!(changed(&source, None).1.as_deref(), Some("\"2026\""));
    database.run("UPDATE people SET updated_at = 3 WHERE id = 'a'");
    assert_eq!(changed(&source, Some("\"2026\"")).0, ["a", "c"]);
}

#[test]
fn an_empty_table_leaves_the_watermark_as_it_was() {
    let database = Database::new("CREATE TABLE people (id TEXT, updated_at TEXT)");
    assert_eq!(changed(&database.source(|_| ()), None), (vec![], None));
}

#[test]
fn what_is_no_watermark_is_refused_and_a_change_column_has_to_be_there() {
    let database = Database::new(CHANGES);
    let refused =
        |source: &SqliteSource| fixture::run(source.read_changed(Some("yesterday"))).unwrap_err().to_string();
    let error = refused(&database.source(|_| ()));
    assert!(error.contains("`yesterday` is no watermark of this source; run a full cycle"), "{error}");
    let misspelt = database.source(|options| options.change_column = Some("updatd_at".into()));
    let error = fixture::read_source(&misspelt).error.unwrap();
    assert!(error.ends_with("the change column `updatd_at` (did you mean `updated_at`?)"), "{error}");
}

#[test]
fn single_records_are_found_by_the_text_of_their_key_whatever_the_column_holds() {
    let database = Database::new(CHANGES);
    let source = database.source(|_| ());
    assert_eq!(keys(&source, &["2", "9", "01"]), ["2"], "01 is not the key of 1");
    assert!(keys(&source, &[]).is_empty());
    let texts = Database::new(
        "CREATE TABLE people (id TEXT PRIMARY KEY, updated_at); INSERT INTO people VALUES ('007', 1), ('7', 1)",
    );
    assert_eq!(keys(&texts.source(|_| ()), &["007"]), ["007"]);
    let untyped = database.source(|options| {
        let query = "SELECT column1 AS id, 1 AS updated_at FROM (VALUES (7), ('7x'), ('8'))";
        options.from = SqliteFrom::Query(query.into());
    });
    assert_eq!(keys(&untyped, &["7", "8", "7x"]), ["7", "7x", "8"]);
}

#[test]
fn more_keys_than_fit_a_statement_are_asked_for_in_pages() {
    let database = Database::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, updated_at);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO people SELECT i, i FROM n",
    );
    let source = database.source(|_| ());
    let wanted: Vec<_> =
        (1..=5000).filter(|number| number % 3 == 0).map(|number| number.to_string()).collect();
    let texts: Vec<_> = wanted.iter().map(String::as_str).collect();
    assert_eq!(keys(&source, &texts), wanted);
}

#[test]
fn a_parameter_that_nobody_fills_is_refused_by_name() {
    for (sql, name) in [
        ("SELECT id FROM people WHERE id = ?", "?"),
        ("SELECT id, '?' FROM people WHERE id = :person", ":person"),
        ("SELECT id FROM people WHERE id = ?1 /* @x */", "?1"),
    ] {
        let error = query(sql).error.unwrap();
        assert!(
            error.contains(&format!("the query has a parameter, `{name}`, and nothing gives it")),
            "{error}"
        );
    }
}
