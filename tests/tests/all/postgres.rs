//! People in a PostgreSQL database: a real server, its types, its crash, and the way to a provider.

use futures::{StreamExt, TryStreamExt};
use scimwright_record::{FieldValue, Malformed, Record, RecordKey, RecordSource, Row, SourceName};
use scimwright_sources::{ColumnType, PostgresFrom, PostgresOptions, PostgresSource};
use scimwright_tests::servers::{Postgres, installed};
use scimwright_tests::tool::{SandboxProcess, Workspace, root};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;

/// A server for one test, or a visible skip.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn server(folder: &std::path::Path) -> Option<Postgres> {
    let Some(program) = installed(&root(), "postgres") else {
        eprintln!("skipped: PostgreSQL is not installed; `cargo xtask test` installs it");
        return None;
    };
    Some(Postgres::start(&program, folder).unwrap())
}

fn source(
    server: &Postgres,
    from: PostgresFrom,
    change: impl FnOnce(&mut PostgresOptions),
) -> PostgresSource {
    let url = Arc::new(SecretString::from(server.url()));
    let mut options = PostgresOptions::new(SourceName::parse("hr").unwrap(), url, from, "id");
    change(&mut options);
    PostgresSource::new(options)
}

fn people() -> PostgresFrom {
    PostgresFrom::Table { schema: None, table: "people".into() }
}

fn query(sql: &str) -> PostgresFrom {
    PostgresFrom::Query(sql.to_owned())
}

async fn rows(source: &PostgresSource) -> Result<Vec<Row>, String> {
    let read = async { source.read().await?.try_collect().await };
    read.await.map_err(|error: scimwright_record::SourceError| error.to_string())
}

async fn record(source: &PostgresSource) -> Record {
    match rows(source).await.unwrap().remove(0) {
        Row::Record(_, record) => record,
        Row::Malformed(row) => panic!("{row:?}"),
    }
}

async fn malformed(source: &PostgresSource) -> Malformed {
    match rows(source).await.unwrap().remove(0) {
        Row::Malformed(row) => row,
        Row::Record(_, record) => panic!("{record:?}"),
    }
}

fn keys(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.key().unwrap().as_str()).collect()
}

async fn changed(source: &PostgresSource, since: Option<&str>) -> (Vec<String>, Option<String>) {
    let changed = source.read_changed(since).await.unwrap();
    let rows: Vec<Row> = changed.rows.try_collect().await.unwrap();
    (keys(&rows).iter().map(ToString::to_string).collect(), changed.watermark)
}

async fn of_keys(source: &PostgresSource, wanted: &[&str]) -> Vec<String> {
    let wanted = wanted.iter().map(|key| RecordKey::parse(key).unwrap()).collect();
    let rows: Vec<Row> = source.read_keys(wanted).await.unwrap().try_collect().await.unwrap();
    let mut keys: Vec<_> = keys(&rows).iter().map(ToString::to_string).collect();
    keys.sort();
    keys
}

const TYPES: &str = "
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE DOMAIN mail AS text CHECK (value LIKE '%@%');
    CREATE TABLE people (
        id uuid PRIMARY KEY, yes boolean, small smallint, whole integer, big bigint, real4 real,
        real8 double precision, pay numeric(12,2), words text, name varchar(40), code char(6), kind citext,
        feeling mood, address mail, day date, at timestamptz, local timestamp, hour time, photo bytea,
        doc json, docb jsonb, tags text[], numbers integer[], moods mood[], ip inet, net cidr, nothing text,
        huge numeric, span interval
    );
    INSERT INTO people VALUES (
        'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', true, -7, 42, 9223372036854775807, 1.1,
        0.1, 1250.50, 'Zoë; \"x\"', 'Zoë', 'AB', 'Staff',
        'glad', 'z@example.com', '2024-02-28', '2024-02-28 10:00:00.123456+02', '2024-02-28 10:00:00', '23:59:01',
        '\\x00ff', '{\"a\": [1]}', '[true]', '{a,\"b c\"}', '{1,-2}', '{glad,sad}', '192.0.2.7', '192.0.2.0/24', NULL,
        12345678901234567890.123, '1 day 02:00'
    );";

#[tokio::test]
async fn every_type_becomes_a_field_without_a_loss_or_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server.run(TYPES).unwrap();

    // Two of the columns cannot be fields as they are.
    let plain = source(&server, people(), |_| ());
    let error = rows(&plain).await.unwrap_err();
    assert_eq!(
        error,
        "source `hr` could not be read: column `span` is of type interval, which fields do not have; declare it, \
         types = { span = \"text\" }, or cast it in a query"
    );
    let text = || ColumnType::Text;
    let declared = source(&server, people(), |options| {
        options.types = vec![("span".into(), text()), ("day".into(), ColumnType::DateTime)];
    });
    let row = malformed(&declared).await;
    assert_eq!(row.key.unwrap().as_str(), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    assert!(
        row.message.starts_with("column `huge` holds 12345678901234567890.123, which has more digits"),
        "{}",
        row.message
    );

    let declared = source(&server, people(), |options| {
        let types = [("span", text()), ("huge", text()), ("whole", text()), ("day", ColumnType::DateTime)];
        options.types = types.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    });
    let record = record(&declared).await;
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let many = |texts: &[&str]| FieldValue::Many(texts.iter().map(ToString::to_string).collect());
    let expected = [
        ("id", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("yes", FieldValue::Boolean(true)),
        ("small", FieldValue::Integer(-7)),
        ("whole", text("42")),
        ("big", FieldValue::Integer(i64::MAX)),
        ("real4", FieldValue::Decimal(1.1)),
        ("real8", FieldValue::Decimal(0.1)),
        ("pay", FieldValue::Decimal(1250.5)),
        ("words", text("Zoë; \"x\"")),
        ("name", text("Zoë")),
        ("code", text("AB")),
        ("kind", text("Staff")),
        ("feeling", text("glad")),
        ("address", text("z@example.com")),
        ("day", FieldValue::DateTime("2024-02-28T00:00:00Z".into())),
        ("at", FieldValue::DateTime("2024-02-28T08:00:00.123456Z".into())),
        ("local", text("2024-02-28T10:00:00")),
        ("hour", text("23:59:01")),
        ("photo", FieldValue::Binary(vec![0, 255])),
        ("doc", FieldValue::Json(json!({"a": [1]}))),
        ("docb", FieldValue::Json(json!([true]))),
        ("tags", many(&["a", "b c"])),
        ("numbers", many(&["1", "-2"])),
        ("moods", many(&["glad", "sad"])),
        ("ip", text("192.0.2.7")),
        ("net", text("192.0.2.0/24")),
        ("nothing", FieldValue::Null),
        ("huge", text("12345678901234567890.123")),
        ("span", text("1 day 02:00:00")),
    ];
    let found: Vec<_> =
        record.fields().iter().map(|field| (field.name.as_str(), field.value.clone())).collect();
    assert_eq!(found, expected);
    let wanted = ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "no uuid"];
    assert_eq!(of_keys(&declared, &wanted).await, wanted[..1]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_fails_its_row_and_says_how_to_ask_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    for (sql, message) in [
        ("SELECT 'E1' AS id, 'NaN'::numeric AS v", "column `v` holds NaN, which is not a finite number"),
        ("SELECT 'E1' AS id, 'infinity'::float8 AS v", "column `v` holds inf, which is not a finite number"),
        ("SELECT 'E1' AS id, ARRAY['a', NULL] AS v", "column `v` holds an array with a NULL in it"),
        ("SELECT 'E1' AS id, ARRAY[['a'],['b']] AS v", "column `v` holds an array of 2 dimensions"),
        ("SELECT 'E1' AS id, 'infinity'::timestamptz AS v", "column `v` holds infinity, which is no moment"),
        ("SELECT NULL AS id", "the key column `id` is empty; every row needs a key of its own"),
        ("SELECT 1.5 AS id", "the key column `id` holds 1.5, and a key is text or a whole number"),
    ] {
        let row = malformed(&source(&server, query(sql), |_| ())).await;
        assert!(row.message.starts_with(message), "{sql}: {}", row.message);
    }
    let whole =
        record(&source(&server, query("SELECT 12345678901234567890::numeric(30,0)::text AS id"), |_| ()))
            .await;
    assert_eq!(whole.key().as_str(), "12345678901234567890");
    let moment = source(&server, query("SELECT 1::numeric AS id, localtimestamp AS start"), |options| {
        options.types = vec![("start".into(), ColumnType::DateTime)];
    });
    let error = rows(&moment).await.unwrap_err();
    assert!(error.contains("write \"start\" AT TIME ZONE 'Europe/Vienna' AS \"start\""), "{error}");
}

#[tokio::test]
async fn rows_written_in_the_moment_of_the_last_watermark_are_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server
        .run(
            "CREATE TABLE people (id text PRIMARY KEY, updated_at timestamptz(0), version bigint);
             INSERT INTO people VALUES ('1', '2024-02-28 10:00:00Z', 1), ('2', '2024-02-28 10:00:01Z', 2)",
        )
        .unwrap();
    let by_moment = source(&server, people(), |options| options.change_column = Some("updated_at".into()));
    let (all, watermark) = changed(&by_moment, None).await;
    assert_eq!((all.len(), watermark.as_deref()), (2, Some("2024-02-28 10:00:01+00")));
    server.run("INSERT INTO people VALUES ('3', '2024-02-28 10:00:01Z', 3), ('4', NULL, 4)").unwrap();
    let (again, after) = changed(&by_moment, watermark.as_deref()).await;
    assert_eq!(again, ["2", "3", "4"], "of the same second, and without any");
    assert_eq!(after, watermark);

    // A number in a query, and microseconds.
    let by_number = source(&server, query("SELECT id, version + 0.5 AS v FROM people -- all"), |options| {
        options.change_column = Some("v".into());
    });
    assert_eq!(changed(&by_number, Some("3.5")).await, (vec!["3".into(), "4".into()], Some("4.5".into())));
    let exact = query("SELECT 'x' AS id, '2024-02-28 10:00:00.000001+02'::timestamptz AS at");
    let exact = source(&server, exact, |options| options.change_column = Some("at".into()));
    let (_, watermark) = changed(&exact, None).await;
    assert_eq!(changed(&exact, watermark.as_deref()).await.0, ["x"]);

    // What is none is refused, and an empty table has none.
    let error = by_moment.read_changed(Some("yesterday evening")).await.unwrap_err().to_string();
    assert!(
        error.contains("`yesterday evening` is no watermark of this source; run a full cycle"),
        "{error}"
    );
    server.run("DELETE FROM people").unwrap();
    assert_eq!(changed(&by_moment, None).await, (vec![], None));
}

/// What a transaction writes bears the moment of its begin, and shows at its end.
#[test]
fn what_a_long_transaction_writes_is_not_lost_though_others_wrote_later_moments_before_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server.run("CREATE TABLE people (id text PRIMARY KEY, updated_at timestamptz DEFAULT now())").unwrap();
    let source = source(&server, people(), |options| options.change_column = Some("updated_at".into()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (seen, watermark) = std::thread::scope(|scope| {
        let long = scope.spawn(|| {
            server.run("BEGIN; INSERT INTO people VALUES ('long'); SELECT pg_sleep(2); COMMIT").unwrap();
        });
        // Until it is under way.
        let under_way = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while server.run(under_way).unwrap() == "0" {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        server.run("INSERT INTO people VALUES ('short')").unwrap();
        let first = runtime.block_on(changed(&source, None));
        long.join().unwrap();
        first
    });
    assert_eq!(seen, ["short"], "the other is not there yet");
    let (mut again, _) = runtime.block_on(changed(&source, watermark.as_deref()));
    again.sort();
    assert_eq!(again, ["long", "short"]);
}

#[tokio::test]
async fn a_server_that_crashes_in_the_middle_of_a_reading_is_never_taken_for_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    let many = query("SELECT n AS id, repeat('x', 2000) AS filler FROM generate_series(1, 200000) n");
    let mut rows = source(&server, many, |_| ()).read().await.unwrap();
    for _ in 0..100 {
        rows.next().await.unwrap().unwrap();
    }
    server.crash().unwrap();
    let mut read = 100;
    let error = loop {
        match rows.next().await {
            Some(Ok(_)) => read += 1,
            Some(Err(error)) => break error.to_string(),
            None => panic!("{read} of 200000 rows, and then a clean end"),
        }
    };
    assert!(read < 200_000);
    assert!(error.starts_with(&format!("source `hr` could not be read past row {read}: ")), "{error}");
    assert!(!error.contains(scimwright_tests::servers::TOKEN), "{error}");
    assert!(rows.next().await.is_none(), "nothing comes after an error");
}

#[tokio::test]
async fn a_reading_is_of_one_moment_and_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server
        .run(
            "CREATE TABLE people (id integer PRIMARY KEY, filler text, updated_at bigint);
             INSERT INTO people SELECT n, repeat('x', 2000), n FROM generate_series(1, 50000) n;
             CREATE SEQUENCE counter",
        )
        .unwrap();
    let source_ = source(&server, people(), |options| options.change_column = Some("updated_at".into()));
    let changed = source_.read_changed(None).await.unwrap();
    server.run("DELETE FROM people WHERE id > 10; INSERT INTO people VALUES (60000, '', 60000)").unwrap();
    let rows_: Vec<Row> = changed.rows.try_collect().await.unwrap();
    assert_eq!((rows_.len(), changed.watermark.as_deref()), (50_000, Some("50000")));
    assert_eq!(of_keys(&source_, &["7", "07", "11", "60000", "x"]).await, ["60000", "7"]);

    for (sql, message) in [
        (
            "WITH gone AS (DELETE FROM people RETURNING id) SELECT id FROM gone",
            "the query changes the database",
        ),
        ("SELECT nextval('counter') AS id", "the query changes the database"),
        ("DELETE FROM people", "the query begins with `DELETE`"),
        (
            "SELECT id FROM people WHERE id = $1",
            "the query has a parameter, `$1`, and nothing gives it a value",
        ),
        ("SELECT id, nope FROM people", "column \"nope\" does not exist"),
    ] {
        let error = rows(&source(&server, query(sql), |_| ())).await.unwrap_err();
        assert!(error.contains(message), "{sql}: {error}");
    }
    let misspelt = PostgresFrom::Table { schema: Some("public".into()), table: "poeple".into() };
    let error = rows(&source(&server, misspelt, |_| ())).await.unwrap_err();
    assert!(error.contains("does not have the table `poeple` (did you mean `people`?)"), "{error}");
    let url = SecretString::from(server.url().replace(scimwright_tests::servers::TOKEN, "a-wr0ng-one"));
    let options = PostgresOptions::new(SourceName::parse("hr").unwrap(), Arc::new(url), people(), "id");
    let error = rows(&PostgresSource::new(options)).await.unwrap_err();
    assert!(
        error.contains("lets nobody in with this user and password") && !error.contains("wr0ng"),
        "{error}"
    );
}

#[tokio::test]
async fn the_server_says_which_keys_several_rows_have_before_the_first_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server
        .run(
            "CREATE TABLE people (id char(8), name text);
             INSERT INTO people SELECT 'E' || n, 'Person ' || n FROM generate_series(1, 200) n;
             INSERT INTO people VALUES ('E1', 'Somebody else'), ('E2', 'Person 2'), (NULL, 'a'), (NULL, 'b');",
        )
        .unwrap();
    let mut repeated = source(&server, people(), |_| ()).repeated_keys().await.unwrap().unwrap();
    repeated.sort();
    assert_eq!(repeated.iter().map(RecordKey::as_str).collect::<Vec<_>>(), ["E1", "E2"]);

    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let configuration = format!(
        "[source.hr]\ntype = \"postgres\"\nurl = {{ file = \"url\" }}\nkey = \"id\"\n\
         query = \"SELECT * FROM people WHERE id IS NOT NULL -- all of them\"\n\
         [provider.acme]\nbase_url = \"{}\"\nauth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\n\
         [[provider.acme.resource]]\ntype = \"User\"\nsource = \"hr\"\n\
         [provider.acme.resource.attributes]\nuserName = {{ field = \"id\" }}\ndisplayName = {{ field = \"name\" }}\n",
        sandbox.base_url
    );
    workspace.write("url", &server.url()).unwrap();
    workspace.write("scimwright.toml", &configuration).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    // E1 twice, and the second row of E2, which says the same as the first.
    assert_eq!((&summary["created"], &summary["failed"]), (&199.into(), &3.into()), "{summary}");
    server.run("DELETE FROM people WHERE name = 'Somebody else'").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 1);
}

#[test]
fn mistakes_in_a_source_are_named_with_their_remedy_and_a_password_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let configuration = r#"
        [source.a]
        type = "postgres"
        url = "postgres://hr:s3cr3t@db/hr"
        query = "SELECT 1"
        schema = "staff"
        key = "id"
        [source.b]
        type = "scim"
        provider = "acne"
        resource = "User"
        change_column = "updated_at"
        key = "na me"
        filter = "active eq"
        [provider.acme]
        base_url = "https://acme.example/scim/v2"
    "#;
    workspace.write("scimwright.toml", configuration).unwrap();
    let said = workspace.run(&["check", "--offline"]).unwrap().stderr;
    for part in [
        "a secret must not stand in the configuration",
        "`schema` in `[source.a]` belongs to `table`, and here is a `query`",
        "name it in the query: FROM staff.…",
        "there is no provider `acne`",
        "did you mean `acme`?",
        "a provider cannot be asked for changes by `updated_at`",
        "write change_column = \"meta.lastModified\", or leave it out",
        "`na me`",
        "active eq",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("s3cr3t"), "{said}");
}

#[test]
fn a_provider_that_is_only_read_from_needs_no_resource() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let configuration = include_str!("postgres.toml").replace("@FIRST@", &sandbox.base_url);
    let (before, after) = configuration.split_once("[[provider.directory.resource]]").unwrap();
    let (_, after) = after.split_once("[provider.copy]").unwrap();
    let (_, before) = before.split_once("[source.directory]").unwrap();
    let configuration = format!("[source.directory]{before}[provider.copy]{after}");
    workspace.write("scimwright.toml", &configuration.replace("@SECOND@", &sandbox.base_url)).unwrap();
    let checked = workspace.run(&["check"]).unwrap();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.stdout.contains("0 records, 0 malformed rows, changes by `meta.lastModified`"),
        "{checked:?}"
    );
}

#[test]
fn people_of_a_table_arrive_at_a_provider_and_from_there_at_another() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server
        .run(
            "CREATE SCHEMA staff; CREATE TABLE staff.people (id integer PRIMARY KEY, login text, given text, mail text, \
             active boolean, updated_at timestamptz DEFAULT now(), dept text DEFAULT 'D1');
             CREATE TABLE staff.departments (id text PRIMARY KEY, title text);
             INSERT INTO staff.departments VALUES ('D1', 'Research');
             INSERT INTO staff.people SELECT n, 'user' || n, 'Zoë', 'u' || n || '@example.com', n <> 3 \
             FROM generate_series(1, 120) n",
        )
        .unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let first = SandboxProcess::start(&workspace).unwrap();
    let second = SandboxProcess::start(&workspace).unwrap();
    let configuration = include_str!("postgres.toml").replace("@FIRST@", &first.base_url);
    workspace.write("scimwright.toml", &configuration.replace("@SECOND@", &second.base_url)).unwrap();
    workspace.write("hr-url", &server.url()).unwrap();

    let checked = workspace.run(&["check"]).unwrap();
    assert!(checked.stdout.contains("120 records, 0 malformed rows, changes by `updated_at`"), "{checked:?}");
    let summary = workspace.summary(&["sync", "--provider", "directory"]).unwrap();
    assert_eq!((&summary["created"], &summary["failed"]), (&120.into(), &0.into()), "{summary}");
    let summary = workspace.summary(&["sync", "--provider", "copy"]).unwrap();
    assert_eq!((&summary["created"], &summary["failed"]), (&119.into(), &0.into()), "{summary}");
    let query = ["get", "copy", "User", "--all", "--filter", "userName eq \"user7\""];
    let got = workspace.run(&query).unwrap().stdout;
    assert!(
        got.contains("\"Research\"") && got.contains("u7@example.com"),
        "by two look-ups and a copy: {got}"
    );
    server.run("UPDATE staff.people SET given = 'Ari', updated_at = now() WHERE id = 7").unwrap();
    for provider in ["directory", "copy"] {
        let summary = workspace.summary(&["sync", "--provider", provider]).unwrap();
        assert_eq!(
            (&summary["updated"], &summary["created"]),
            (&1.into(), &0.into()),
            "{provider}: {summary}"
        );
    }
}

#[test]
fn a_second_row_of_a_key_is_noticed_where_only_changes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else { return };
    server
        .run(
            "CREATE TABLE people (id text, login text, status text, changed bigint);
             INSERT INTO people SELECT 'E' || n, 'user' || n, '', n FROM generate_series(1, 5) n",
        )
        .unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.write("hr-url", &server.url()).unwrap();
    let configuration = r#"
        [source.hr]
        type = "postgres"
        url = { file = "hr-url" }
        table = "people"
        key = "id"
        change_column = "changed"
        [provider.acme]
        base_url = "BASE_URL"
        auth = { bearer = { env = "SCIM_TOKEN" } }
        [[provider.acme.resource]]
        type = "User"
        source = "hr"
        match = ["userName"]
        left = 'status eq "gone"'
        deprovision = "disable"
        max_deprovision = 5
        [provider.acme.resource.attributes]
        userName = { field = "login" }
    "#;
    workspace.write("scimwright.toml", &configuration.replace("BASE_URL", &sandbox.base_url)).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 5);
    server.run("INSERT INTO people VALUES ('E3', 'other', 'gone', 100)").unwrap();
    for run in 1..=2 {
        let printed = workspace.run(&["--output", "json", "sync", "--changed"]).unwrap();
        let summary = printed.summary().unwrap();
        assert_eq!((&summary["disabled"], &summary["updated"]), (&0.into(), &0.into()), "{run}: {summary}");
        assert!(printed.stdout.contains("have the same key") || run > 1, "{}", printed.stdout);
    }
    // Mended, it is as if nothing had been.
    server.run("DELETE FROM people WHERE login = 'other'").unwrap();
    server.run("UPDATE people SET changed = 200, login = 'renamed3' WHERE id = 'E3'").unwrap();
    let summary = workspace.summary(&["sync", "--changed"]).unwrap();
    assert_eq!((&summary["updated"], &summary["failed"]), (&1.into(), &0.into()), "{summary}");
}
