//! Schema migrations.

use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AnyConnection, AnyPool, query, query_scalar, raw_sql};

use crate::{Engine, StoreError};

/// One migration. It runs once and is never edited after it has landed.
pub(crate) struct Migration {
    /// 1 for the first; without gaps.
    pub version: i64,
    pub name: &'static str,
    pub sqlite: &'static str,
    pub mysql: &'static str,
}

macro_rules! step {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            mysql: include_str!(concat!("../migrations/mysql/", $file)),
        }
    };
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    step!(1, "start", "0001_start.sql"),
    step!(2, "views", "0002_views.sql"),
    step!(3, "several servers", "0003_several_servers.sql"),
    step!(4, "uploads", "0004_uploads.sql"),
    step!(5, "commands", "0005_commands.sql"),
    step!(6, "clocks", "0006_clocks.sql"),
    step!(7, "photos", "0007_photos.sql"),
    step!(8, "definitions", "0008_definitions.sql"),
    step!(9, "room", "0009_room.sql"),
    step!(10, "spelling", "0010_spelling.sql"),
    step!(11, "fewer indexes", "0011_fewer_indexes.sql"),
    step!(12, "joining", "0012_joining.sql"),
    step!(13, "identity", "0013_identity.sql"),
    step!(14, "who began a life", "0014_created_by.sql"),
    step!(15, "suspension", "0015_suspension.sql"),
    step!(16, "enrolment of one device", "0016_enrolment.sql"),
    step!(17, "when people were last read", "0017_people_read.sql"),
    step!(18, "failed removals", "0018_failed_removals.sql"),
];

const MYSQL_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT NOT NULL PRIMARY KEY, \
                              name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL) ENGINE = InnoDB";

/// Maximum wait for the migration of another process, s.
const LONGEST_WAIT: u32 = 120;

/// The statements that create the schema of a MySQL database, one by one, for tests of interruptions between them.
#[doc(hidden)]
pub fn migration_statements() -> impl Iterator<Item = String> {
    let steps = MIGRATIONS.iter().flat_map(|migration| statements(migration.mysql));
    std::iter::once(MYSQL_VERSIONS.to_owned()).chain(steps)
}

/// The newest schema version that this program knows.
pub(crate) fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The schema version; 0 for an empty database.
pub(crate) async fn schema_version(pool: &AnyPool) -> Result<i64, StoreError> {
    match query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_migration").fetch_one(pool).await {
        Ok(version) => Ok(version),
        // The table is missing, so nothing was ever migrated. Any other failure will show itself at the next query.
        Err(sqlx::Error::Database(error)) if error.message().contains("schema_migration") => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Runs the missing migrations. An empty database adopts the present key.
pub(crate) async fn migrate(engine: Engine, pool: &AnyPool, check: &str) -> Result<(), StoreError> {
    match engine {
        Engine::Sqlite => migrate_sqlite(pool, check).await,
        Engine::Mysql => migrate_mysql(pool, check).await,
    }
}

/// Runs all migrations in one transaction: it succeeds as a whole or changes nothing.
async fn migrate_sqlite(pool: &AnyPool, check: &str) -> Result<(), StoreError> {
    let mut tx = pool.begin_with(Engine::Sqlite.begin_write()).await?;
    raw_sql("CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)")
        .execute(&mut *tx)
        .await?;
    for migration in missing(&mut tx, check).await? {
        raw_sql(migration.sqlite).execute(&mut *tx).await?;
        adopt_key(Engine::Sqlite, &mut tx, check).await?;
        note(&mut tx, migration).await?;
    }
    tx.commit().await.map_err(StoreError::of_commit)
}

/// Runs statement by statement, because MySQL commits each change of the schema by itself. After an interruption the
/// migration continues: a statement that ran before reports that its work is done.
///
/// Other processes wait in the meantime, for a row that a second connection keeps locked.
async fn migrate_mysql(pool: &AnyPool, check: &str) -> Result<(), StoreError> {
    refuse_foreign(pool).await?;
    raw_sql(MYSQL_VERSIONS).execute(pool).await?;
    query("INSERT IGNORE INTO schema_migration (version, name) VALUES (0, 'lock')").execute(pool).await?;
    let mut waited = 0;
    let lock = loop {
        let mut lock = pool.begin_with(Engine::Mysql.begin_write()).await?;
        let locked: Result<i64, StoreError> =
            query_scalar("SELECT version FROM schema_migration WHERE version = 0 FOR UPDATE")
                .fetch_one(&mut *lock)
                .await
                .map_err(StoreError::from);
        match locked {
            Ok(_) => break lock,
            Err(error) if error.retryable() && waited < LONGEST_WAIT => {
                tracing::info!("another process is migrating the schema: waiting for it");
                waited += 1;
                drop(lock);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    };
    let mut db = pool.acquire().await?;
    for migration in missing(&mut db, check).await? {
        for statement in statements(migration.mysql) {
            match raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *db).await {
                Ok(_) => {}
                Err(sqlx::Error::Database(error)) if ran_before(error.as_ref()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Before the version: a database with a schema version must have a key.
        adopt_key(Engine::Mysql, &mut db, check).await?;
        check_key(&mut db, check).await?;
        note(&mut db, migration).await?;
    }
    lock.rollback().await?;
    Ok(())
}

/// The missing migrations. Refuses the database of a newer program or of another key.
async fn missing(
    db: &mut AnyConnection,
    check: &str,
) -> Result<impl Iterator<Item = &'static Migration> + use<>, StoreError> {
    let found: i64 =
        query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_migration").fetch_one(&mut *db).await?;
    let known = known_version();
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    if found > 0 {
        check_key(db, check).await?;
    }
    Ok(MIGRATIONS.iter().filter(move |migration| migration.version > found))
}

async fn note(db: &mut AnyConnection, migration: &Migration) -> Result<(), StoreError> {
    query("INSERT INTO schema_migration (version, name) VALUES (?, ?)")
        .bind(migration.version)
        .bind(migration.name)
        .execute(db)
        .await?;
    Ok(())
}

/// A database without a key adopts the present one.
async fn adopt_key(engine: Engine, db: &mut AnyConnection, check: &str) -> Result<(), StoreError> {
    let insert = format!("{}setting (name, value) VALUES ('key_check', ?)", engine.insert_new());
    query(crate::sql::statement(insert)).bind(check).execute(db).await?;
    Ok(())
}

/// Compares the database's key with the present one.
pub(crate) async fn check_key(db: &mut AnyConnection, check: &str) -> Result<(), StoreError> {
    let kept: Option<String> =
        query_scalar("SELECT value FROM setting WHERE name = 'key_check'").fetch_optional(db).await?;
    if kept.as_deref() == Some(check) { Ok(()) } else { Err(StoreError::WrongKey) }
}

/// Refuses a database with foreign tables whose names Muster uses, before anything is written.
async fn refuse_foreign(pool: &AnyPool) -> Result<(), StoreError> {
    let tables: Vec<String> = query_scalar(
        "SELECT CAST(table_name AS CHAR(64)) FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_all(pool)
    .await?;
    if tables.iter().any(|table| table == "schema_migration") {
        return Ok(());
    }
    let ours = MIGRATIONS.iter().flat_map(|migration| statements(migration.mysql));
    let ours: Vec<String> =
        ours.filter_map(|statement| created_object(&statement).map(str::to_owned)).collect();
    match tables.into_iter().find(|table| ours.iter().any(|ours| ours.eq_ignore_ascii_case(table))) {
        Some(table) => Err(StoreError::Foreign { table }),
        None => Ok(()),
    }
}

/// The table or view that a statement creates.
fn created_object(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace().skip_while(|word| *word != "TABLE" && *word != "VIEW");
    let (_, name) = (words.next()?, words.next()?);
    statement.starts_with("CREATE").then_some(name)
}

/// Whether the error shows that the statement ran before: the table, column or key already exists, or is already
/// gone.
fn ran_before(error: &dyn sqlx::error::DatabaseError) -> bool {
    let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
    matches!(number, Some(1050 | 1051 | 1060 | 1061 | 1091))
}

/// The statements of a migration, without comments. Each ends at the end of a line; no text in them contains `--`.
fn statements(sql: &str) -> impl Iterator<Item = String> {
    let lines: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or("").trim_end()).collect();
    let statements: Vec<String> = lines
        .split_inclusive(|line| line.ends_with(';'))
        .map(|lines| lines.join("\n").trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect();
    statements.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_gaps() {
        let versions: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=known_version()).collect::<Vec<_>>());
    }

    #[test]
    fn a_migration_is_split_into_its_statements() {
        let sql = "-- Two tables;\nCREATE TABLE a (\n    x BIGINT, -- a number; not NULL\n    y TEXT\n);\nINSERT INTO a;\n";
        let found: Vec<String> = statements(sql).collect();
        assert_eq!(found, ["CREATE TABLE a (\n    x BIGINT,\n    y TEXT\n);", "INSERT INTO a;"]);
        assert_eq!(created_object(&found[0]), Some("a"));
        assert_eq!(created_object(&found[1]), None);
    }
}
