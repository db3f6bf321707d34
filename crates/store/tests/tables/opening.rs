//! Files, schema and key.

use std::os::unix::fs::PermissionsExt as _;

use databases::{Database, Kind, MariaDb};
use store::{Store, StoreError};

use crate::fleet::{Fleet, keys, user, user_key};

/// The number of the newest migration.
const NEWEST: i64 = 18;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_new_database_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data of today/muster.db");

    let store = Store::open(&format!("sqlite://{}", path.display()), keys(1)).await.expect("opened");
    let tx = store.write().await.expect("a transaction");
    tx.commit().await.expect("committed");

    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
}

#[tokio::test]
async fn committed_data_is_there_after_opening_again() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "Ada")]).await;
    fleet.store.close().await;

    let store = Store::open(fleet.url(), keys(1)).await.expect("opened");

    let mut tx = store.read().await.expect("a transaction");
    assert_eq!(tx.contents(&[user_key("1")]).await.expect("read").len(), 1);
    assert_eq!(store.schema_version().await.expect("a version"), NEWEST);
}

#[tokio::test]
async fn a_database_made_with_another_key_is_refused() {
    let fleet = Fleet::new().await;

    let opened = Store::open(fleet.url(), keys(2)).await;
    let existing = Store::open_existing(fleet.url(), keys(2)).await;

    assert!(matches!(opened, Err(StoreError::WrongKey)));
    assert!(matches!(existing, Err(StoreError::WrongKey)));
    Store::open_existing(fleet.url(), keys(1)).await.expect("the right key still fits");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let fleet = Fleet::new().await;
    sqlx::query("INSERT INTO schema_migration (version, name) VALUES (99, 'later')")
        .execute(&plain(&fleet).await)
        .await
        .expect("written");

    let opened = Store::open(fleet.url(), keys(1)).await;
    let existing = Store::open_existing(fleet.url(), keys(1)).await;

    assert!(matches!(opened, Err(StoreError::SchemaTooNew { found: 99, known: NEWEST })));
    assert!(matches!(existing, Err(StoreError::SchemaTooNew { found: 99, .. })));
}

#[tokio::test]
async fn a_second_process_neither_creates_nor_migrates_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/muster.db", folder.path().display());

    assert!(Store::open_existing(&url, keys(1)).await.is_err());
    assert!(!folder.path().join("muster.db").exists());

    std::fs::write(folder.path().join("muster.db"), "").expect("an empty file");
    let existing = Store::open_existing(&url, keys(1)).await;
    assert!(matches!(existing, Err(StoreError::SchemaTooOld { found: 0, .. })));
}

#[tokio::test]
async fn a_database_in_memory_works_with_its_one_connection() {
    let store = Store::open("sqlite::memory:", keys(1)).await.expect("opened");

    let mut tx = store.write().await.expect("a transaction");
    tx.set_setting("answer", "42").await.expect("written");
    tx.commit().await.expect("committed");

    let mut tx = store.read().await.expect("a transaction");
    assert_eq!(tx.setting("answer").await.expect("read").as_deref(), Some("42"));
    assert_eq!(tx.setting("question").await.expect("read"), None);
}

#[tokio::test]
async fn urls_of_other_engines_and_with_parameters_are_refused() {
    for url in [
        "postgres://muster@localhost/muster",
        "muster.db",
        "sqlite://",
        "sqlite:///tmp/x.db?mode=ro",
        "mysql://db",
    ] {
        assert!(matches!(Store::open(url, keys(1)).await, Err(StoreError::Url(_))), "{url}");
    }
}

#[tokio::test]
async fn connections_write_through_and_check_references() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;

    // This device does not exist.
    let broken = tx.set_stamp(4711, "OPERLOG", "1").await;

    assert!(matches!(broken, Err(StoreError::Driver(_))));
}

#[tokio::test]
async fn a_migration_that_ran_is_not_run_again() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "Ada")]).await;

    fleet.store.migrate().await.expect("nothing to do");

    assert_eq!(fleet.store.schema_version().await.expect("a version"), NEWEST);
    assert_eq!(fleet.contents_of(&[user_key("1")]).await.len(), 1);
}

#[tokio::test]
async fn the_files_hold_no_content_in_clear_text() {
    let fleet = Fleet::new().await;
    if fleet.database.kind() != Kind::Sqlite {
        // The files of a database server are not visible here. The sealed content is the same.
        return;
    }
    let secret = "c2VjcmV0IHRlbXBsYXRl";
    fleet.put(&[user("1", "Ada"), crate::fleet::finger("1", 0, secret)]).await;
    fleet.put(&[user("1", "Ada Lovelace")]).await;
    fleet.store.close().await;

    let mut bytes = Vec::new();
    for file in std::fs::read_dir(fleet.database.folder()).expect("a folder") {
        bytes.extend(std::fs::read(file.expect("a file").path()).expect("read"));
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("Ada Lovelace"), "names are in clear text, so the search works");
    assert!(!holds(secret));
    assert!(!holds("1234"), "the password");
}

/// A connection to the database that does not go through this crate.
pub async fn plain(fleet: &Fleet) -> sqlx::AnyPool {
    sqlx::AnyPool::connect(fleet.url()).await.expect("connected")
}

/// The URL of a database with this name. On a server, an administrator or this test must create the database.
fn url_of(name: &str) -> String {
    MariaDb::shared().url(name)
}

#[tokio::test]
async fn a_missing_database_is_created_if_permitted() {
    let name = format!("made_{}", std::process::id());
    let existing = Store::open_existing(&url_of(&name), keys(1)).await;
    assert!(matches!(existing, Err(StoreError::NoDatabase { source: None, .. })), "{existing:?}");

    let store = Store::open(&url_of(&name), keys(1)).await.expect("made");

    assert_eq!(store.schema_version().await.expect("a version"), NEWEST);
    store.close().await;
    MariaDb::shared().drop_database(&name);
}

#[tokio::test]
async fn the_error_for_a_database_that_may_not_be_created_names_it() {
    let server = MariaDb::shared();
    let user = format!("poor_{}", std::process::id());
    server.run(&format!("CREATE USER {user}@localhost"));
    let url = url_of("nobody_made_this").replace("muster@localhost", &format!("{user}@localhost"));

    let error = Store::open(&url, keys(1)).await.expect_err("not allowed");

    server.run(&format!("DROP USER {user}@localhost"));
    assert!(matches!(error, StoreError::NoDatabase { .. } | StoreError::Driver(_)), "{error:?}");
}

/// Muster refuses the database of another program before it writes anything.
#[tokio::test]
async fn a_database_with_foreign_tables_of_the_same_names_is_refused() {
    let database = Database::of(Kind::MariaDb);
    sqlx::any::install_default_drivers();
    let plain = sqlx::AnyPool::connect(database.url()).await.expect("connected");
    sqlx::raw_sql("CREATE TABLE Users (id INT PRIMARY KEY)").execute(&plain).await.expect("a foreign table");

    let error = Store::open(database.url(), keys(1)).await.expect_err("refused");

    assert!(matches!(&error, StoreError::Foreign { table } if table == "Users"), "{error:?}");
    assert!(error.to_string().contains("a database of its own"));
    let (tables,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()")
            .fetch_one(&plain)
            .await
            .expect("counted");
    assert_eq!(tables, 1);
}

/// MySQL commits each schema change by itself, so a killed process leaves a half-finished migration.
#[tokio::test]
async fn an_interrupted_migration_continues_where_it_stopped() {
    let whole = Database::of(Kind::MariaDb);
    Store::open(whole.url(), keys(1)).await.expect("migrated").close().await;
    let shape = "SELECT CAST(CONCAT(table_name, '.', column_name, ' ', column_type) AS CHAR(300)) \
                 FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1";
    let shape_of = async |url: &str| -> Vec<(String,)> {
        let plain = sqlx::AnyPool::connect(url).await.expect("connected");
        sqlx::query_as(shape).fetch_all(&plain).await.expect("columns")
    };
    let expected = shape_of(whole.url()).await;
    for stopped_after in [2, 9, 23, 31, 40] {
        let database = Database::of(Kind::MariaDb);
        let plain = sqlx::AnyPool::connect(database.url()).await.expect("connected");
        for statement in store::migration_statements().take(stopped_after) {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&plain).await.expect("a statement");
        }

        let store = Store::open(database.url(), keys(1)).await.expect("the rest is done");

        assert_eq!(store.schema_version().await.expect("a version"), NEWEST);
        assert_eq!(shape_of(database.url()).await, expected, "stopped after {stopped_after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_together_create_one_schema() {
    let database = Database::of(Kind::MariaDb);
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = database.url().to_owned();
        starting.spawn(async move { Store::open(&url, keys(1)).await });
    }
    for opened in starting.join_all().await {
        assert_eq!(opened.expect("opened").schema_version().await.expect("a version"), NEWEST);
    }
    let other_key = Store::open(database.url(), keys(2)).await;
    assert!(matches!(other_key, Err(StoreError::WrongKey)));
}
