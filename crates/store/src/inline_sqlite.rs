//! Inline SQLite: statements run on the calling thread instead of the driver's thread.
//!
//! The driver has a thread for each connection. The round trip to that thread costs more than most statements. The
//! writer holds the write lock, so every microsecond of one statement delays all waiting transactions. Here a
//! statement runs where it is called and takes some microseconds. A commit waits for the disk, so it runs on a
//! blocking thread.
//!
//! Rows, values and errors are the driver's own types, so the queries are the same for all connections.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ffi};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement};
use sqlx::error::{BoxDynError, DatabaseError, ErrorKind};
use sqlx::{Any, Arguments as _, Either, Error, Execute, SqlStr};
use sqlx_core::any::{AnyColumn, AnyTypeInfo, AnyTypeInfoKind, AnyValue, AnyValueKind};
use sqlx_core::ext::ustr::UStr;

/// The future type that the driver's connection interface asks for.
pub(crate) type BoxFuture<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;

/// Maximum prepared statements in the cache, and maximum statements whose columns are cached.
const STATEMENTS: usize = 128;

/// A statement with this many values takes about a millisecond.
const MANY_VALUES: usize = 500;

/// How long a transaction waits while another process writes, and the interval between two attempts.
const MAX_WAIT: Duration = Duration::from_secs(5);
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A connection to an SQLite file.
pub(crate) struct InlineSqlite {
    connection: rusqlite::Connection,
    columns: HashMap<String, Arc<Columns>>,
}

/// A statement with its arguments. Without arguments, the text may hold several statements.
pub(crate) struct BoundStatement {
    sql: SqlStr,
    arguments: Result<Option<AnyArguments>, BoxDynError>,
    keep: bool,
}

impl BoundStatement {
    /// The statement of a query.
    pub(crate) fn by<'q>(mut query: impl Execute<'q, Any>) -> Self {
        let (arguments, keep) = (query.take_arguments(), query.persistent());
        Self { sql: query.sql(), arguments, keep }
    }

    /// Whether the statement only reads, judged by its first word.
    pub(crate) fn only_reads(&self) -> bool {
        self.sql.as_str().starts_with("SELECT ")
    }
}

impl Execute<'_, Any> for BoundStatement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&AnyStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<AnyArguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    fn persistent(&self) -> bool {
        self.keep
    }
}

/// The result of a statement.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) result: AnyQueryResult,
    pub(crate) rows: Vec<AnyRow>,
}

/// The columns of a statement, the same for each of its rows.
struct Columns {
    by_name: Arc<sqlx_core::HashMap<UStr, usize>>,
    list: Vec<AnyColumn>,
}

impl InlineSqlite {
    /// Opens an existing file and runs `setup`.
    pub(crate) async fn open(file: PathBuf, setup: &'static str) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = move || {
            let connection = rusqlite::Connection::open_with_flags(file, flags)?;
            connection.busy_timeout(MAX_WAIT)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            connection.execute_batch(setup)?;
            // From here on SQLite must not wait for a lock, because that would block a thread of the runtime.
            connection.busy_timeout(Duration::ZERO)?;
            Ok(connection)
        };
        Ok(Self { connection: on_blocking_thread(open).await?, columns: HashMap::new() })
    }

    /// Begins a transaction as soon as no other process writes.
    pub(crate) async fn begin(&mut self, how: &str) -> Result<(), Error> {
        let mut waited = Duration::ZERO;
        loop {
            match self.connection.execute_batch(how) {
                Err(busy) if is_busy(&busy) && waited < MAX_WAIT => {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                    waited += RETRY_INTERVAL;
                }
                outcome => return outcome.map_err(error),
            }
        }
    }

    /// Commits. This waits for the disk, on a blocking thread.
    pub(crate) async fn commit(self: Box<Self>) -> Result<Box<Self>, Error> {
        on_blocking_thread(move || self.connection.execute_batch("COMMIT").map(|()| self)).await
    }

    /// Runs a statement. Yields to other tasks after a statement with many values, and regularly after small ones.
    pub(crate) async fn run(&mut self, statement: BoundStatement) -> Result<Outcome, Error> {
        let BoundStatement { sql, arguments, .. } = statement;
        let Some(arguments) = arguments.map_err(Error::Encode)? else {
            self.connection.execute_batch(sql.as_str()).map_err(error)?;
            return Ok(Outcome::default());
        };
        let outcome = self.run_one(sql.as_str(), &arguments);
        if arguments.len() < MANY_VALUES {
            tokio::task::coop::consume_budget().await;
        } else {
            tokio::task::yield_now().await;
        }
        outcome
    }

    fn run_one(&mut self, sql: &str, arguments: &AnyArguments) -> Result<Outcome, Error> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        for (number, value) in (1..).zip(&arguments.values.0) {
            statement.raw_bind_parameter(number, bound(value)?).map_err(error)?;
        }
        let mut found = Vec::new();
        if statement.column_count() > 0 {
            let columns = columns_of(&mut self.columns, sql, &statement);
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().map_err(error)? {
                found.push(row_of(row, &columns)?);
            }
        } else {
            statement.raw_execute().map_err(error)?;
        }
        drop(statement);
        let rows_affected = self.connection.changes();
        tracing::debug!(
            target: "store::query",
            { db.statement = sql, rows_affected, rows_returned = found.len() },
            "statement executed"
        );
        Ok(Outcome { result: AnyQueryResult { rows_affected, last_insert_id: None }, rows: found })
    }

    /// Runs a statement and returns its rows as a stream.
    pub(crate) fn steps(
        &mut self,
        statement: BoundStatement,
    ) -> BoxStream<'_, Result<Either<AnyQueryResult, AnyRow>, Error>> {
        let steps = stream::once(self.run(statement)).map_ok(|Outcome { result, rows }| {
            let rows = rows.into_iter().map(Either::Right);
            stream::iter(rows.chain([Either::Left(result)]).map(Ok))
        });
        steps.try_flatten().boxed()
    }
}

impl fmt::Debug for InlineSqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineSqlite").finish_non_exhaustive()
    }
}

/// Runs work that waits for the disk on a blocking thread.
async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, rusqlite::Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::WorkerCrashed)?.map_err(error)
}

/// A value in the form that SQLite takes.
fn bound(value: &AnyValueKind) -> Result<ToSqlOutput<'_>, Error> {
    let value = match value {
        AnyValueKind::Null(_) => ValueRef::Null,
        AnyValueKind::Bool(value) => ValueRef::Integer((*value).into()),
        AnyValueKind::SmallInt(value) => ValueRef::Integer((*value).into()),
        AnyValueKind::Integer(value) => ValueRef::Integer((*value).into()),
        AnyValueKind::BigInt(value) => ValueRef::Integer(*value),
        AnyValueKind::Real(value) => ValueRef::Real((*value).into()),
        AnyValueKind::Double(value) => ValueRef::Real(*value),
        AnyValueKind::Text(value) => ValueRef::Text(value.as_bytes()),
        AnyValueKind::TextSlice(value) => ValueRef::Text(value.as_bytes()),
        AnyValueKind::Blob(value) => ValueRef::Blob(value),
        _ => return Err(Error::Encode("SQLite has no such type of value".into())),
    };
    Ok(ToSqlOutput::Borrowed(value))
}

fn row_of(row: &rusqlite::Row<'_>, columns: &Columns) -> Result<AnyRow, Error> {
    let mut values = Vec::with_capacity(columns.list.len());
    for column in 0..columns.list.len() {
        let kind = match row.get_ref(column).map_err(error)? {
            ValueRef::Null => AnyValueKind::Null(AnyTypeInfoKind::Null),
            ValueRef::Integer(value) => AnyValueKind::BigInt(value),
            ValueRef::Real(value) => AnyValueKind::Double(value),
            ValueRef::Text(value) => {
                let text = String::from_utf8(value.to_vec()).map_err(|_| Error::ColumnDecode {
                    index: column.to_string(),
                    source: "the text is not UTF-8".into(),
                })?;
                AnyValueKind::Text(Arc::new(text))
            }
            ValueRef::Blob(value) => AnyValueKind::Blob(Arc::new(value.to_vec())),
        };
        values.push(AnyValue { kind });
    }
    Ok(AnyRow { column_names: Arc::clone(&columns.by_name), columns: columns.list.clone(), values })
}

/// The columns of a statement, cached: the schema does not change while this program is connected.
fn columns_of(
    known: &mut HashMap<String, Arc<Columns>>,
    sql: &str,
    statement: &rusqlite::Statement<'_>,
) -> Arc<Columns> {
    if let Some(columns) = known.get(sql) {
        return Arc::clone(columns);
    }
    let names = statement.column_names();
    let list = names.iter().enumerate().map(|(ordinal, name)| AnyColumn {
        ordinal,
        name: UStr::new(name),
        type_info: AnyTypeInfo { kind: AnyTypeInfoKind::Null },
    });
    let list: Vec<_> = list.collect();
    let by_name = list.iter().map(|column| (column.name.clone(), column.ordinal)).collect();
    let columns = Arc::new(Columns { by_name: Arc::new(by_name), list });
    if known.len() >= STATEMENTS {
        known.clear();
    }
    known.insert(sql.to_owned(), Arc::clone(&columns));
    columns
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ffi::ErrorCode::DatabaseBusy)
}

/// An SQLite error in the driver's error type.
pub(crate) fn error(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            Error::Database(Box::new(Failure { code: failure.extended_code, message }))
        }
        other => Error::AnyDriverError(other.into()),
    }
}

/// An SQLite error: its message, which holds no values, and its extended code.
#[derive(Debug)]
struct Failure {
    code: i32,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code, self.message)
    }
}

impl StdError for Failure {}

impl DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => ErrorKind::UniqueViolation,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AnyPool, Row as _, query, query_scalar};
    use tempfile::TempDir;

    use super::*;
    use crate::connection::Db;
    use crate::engine::Purpose;
    use crate::{Engine, StoreError, open};

    async fn file() -> (TempDir, AnyPool, InlineSqlite) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("test.db");
        let url = format!("sqlite://{}", file.display());
        let pools = open::connect(Engine::Sqlite, &url, true).await.expect("a database");
        let tables = "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size REAL, body BLOB); \
                      CREATE TABLE part (of_thing INTEGER NOT NULL REFERENCES thing (id))";
        sqlx::raw_sql(tables).execute(&pools.write).await.expect("tables");
        let opened = InlineSqlite::open(file, Engine::Sqlite.setup(Purpose::Writing)).await.expect("opened");
        (folder, pools.read, opened)
    }

    async fn put(db: &mut InlineSqlite, id: i64, name: &str) -> Result<u64, StoreError> {
        let insert = query("INSERT INTO thing (id, name, size, body) VALUES (?, ?, ?, ?)");
        let insert = insert.bind(id).bind(name).bind(Some(1.5_f64)).bind(None::<Vec<u8>>);
        Ok(insert.execute(Db::inline(db)).await?.rows_affected())
    }

    #[tokio::test]
    async fn the_driver_reads_what_was_written_inline() {
        let (_folder, driver, mut db) = file().await;
        db.begin("BEGIN IMMEDIATE").await.expect("begun");
        assert_eq!(put(&mut db, 7, "Ada").await.expect("inserted"), 1);
        let set = query("UPDATE thing SET body = ? WHERE id = ?").bind(vec![0_u8, 255]).bind(7_i64);
        assert_eq!(set.execute(Db::inline(&mut db)).await.expect("updated").rows_affected(), 1);
        let mut db = Box::new(db).commit().await.expect("committed");

        let all = "SELECT id, name, size, body, NULL AS missing, COUNT(*) OVER () AS things FROM thing";
        let by_driver = query(all).fetch_one(&driver).await.expect("a row");
        let inline = query(all).fetch_one(Db::inline(&mut db)).await.expect("a row");
        for row in [by_driver, inline] {
            assert_eq!(row.get::<i64, _>("id"), 7);
            assert_eq!(row.get::<String, _>("name"), "Ada");
            assert_eq!(row.get::<Option<f64>, _>("size"), Some(1.5));
            assert_eq!(row.get::<Vec<u8>, _>("body"), [0, 255]);
            assert_eq!(row.get::<Option<i64>, _>("missing"), None);
            assert_eq!(row.get::<i64, _>("things"), 1);
        }
    }

    #[tokio::test]
    async fn rows_returned_by_an_update_are_read() {
        let (_folder, _, mut db) = file().await;
        put(&mut db, 7, "Ada").await.expect("inserted");
        let back = query_scalar("UPDATE thing SET name = name || ? WHERE id = ? RETURNING name");
        let back: String = back.bind(" L").bind(7_i64).fetch_one(Db::inline(&mut db)).await.expect("a row");
        assert_eq!(back, "Ada L");
        let none = query("SELECT 1 FROM thing WHERE id = 8").fetch_optional(Db::inline(&mut db)).await;
        assert!(none.expect("read").is_none());
    }

    #[tokio::test]
    async fn errors_are_like_the_drivers_and_hold_no_values() {
        let (_folder, _, mut db) = file().await;
        put(&mut db, 7, "Ada").await.expect("inserted");
        let twice = put(&mut db, 8, "Ada").await.expect_err("names are unique");
        assert!(twice.is_duplicate(), "{twice}");
        assert!(!format!("{twice} {twice:?}").contains("Ada"), "{twice:?}");

        let part = query("INSERT INTO part (of_thing) VALUES (9)").execute(Db::inline(&mut db)).await;
        let Err(Error::Database(foreign)) = part else { panic!("{part:?}") };
        assert!(foreign.is_foreign_key_violation(), "{foreign}");
        let wrong = query("SELECT shape FROM thing").fetch_all(Db::inline(&mut db)).await;
        assert!(matches!(wrong, Err(Error::Database(_))));
    }

    #[tokio::test]
    async fn other_tasks_run_during_a_long_write_transaction() {
        let (_folder, _, mut db) = file().await;
        let other = tokio::spawn(async {});
        for id in 0..1_000 {
            put(&mut db, id, &id.to_string()).await.expect("inserted");
        }
        assert!(other.is_finished(), "after many statements");

        let other = tokio::spawn(async {});
        let all = format!("SELECT COUNT(*) FROM thing WHERE id IN ({})", crate::sql::places(MANY_VALUES));
        let mut all = query_scalar::<_, i64>(crate::sql::statement(all));
        for id in 0..MANY_VALUES {
            all = all.bind(i64::try_from(id).expect("small"));
        }
        assert_eq!(all.fetch_one(Db::inline(&mut db)).await.expect("read"), 500);
        assert!(other.is_finished(), "after one statement with many values");
    }

    #[tokio::test]
    async fn a_transaction_waits_for_another_process_for_a_limited_time() {
        let (folder, _, mut db) = file().await;
        tokio::time::pause();
        let other = rusqlite::Connection::open(folder.path().join("test.db")).expect("opened");
        other.execute_batch("BEGIN IMMEDIATE").expect("begun");

        let busy = db.begin("BEGIN IMMEDIATE").await.map_err(StoreError::from);
        assert!(matches!(&busy, Err(StoreError::Busy(_))), "{busy:?}");

        let both = async {
            tokio::time::sleep(MAX_WAIT / 2).await;
            other.execute_batch("COMMIT").expect("committed");
        };
        let (begun, ()) = tokio::join!(db.begin("BEGIN IMMEDIATE"), both);
        begun.expect("begun after the other process committed");
    }
}
