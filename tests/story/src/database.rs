//! Direct access to a server's database.

use std::collections::BTreeMap;

use databases::Kind;
use roster::{Content, ItemKey, Slot};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use crate::{House, pin};

/// All rows of a database by table, each value as SQL text.
pub type Rows = BTreeMap<String, Vec<String>>;

/// The content of the database.
impl House {
    /// All live items of some people.
    pub async fn contents(&self, pins: &[&str]) -> BTreeMap<ItemKey, Content> {
        let pins: Vec<_> = pins.iter().map(|text| pin(text)).collect();
        let mut tx = self.store.read().await.expect("a transaction");
        let keys = tx.live_keys(&pins).await.expect("the items");
        tx.contents(&keys).await.expect("the contents")
    }

    /// The content of one item.
    pub async fn content(&self, of: &str, slot: Slot) -> Option<Content> {
        self.contents(&[of]).await.remove(&ItemKey { pin: pin(of), slot })
    }

    /// The held record that a device sent, as it came.
    pub async fn held_raw(&self, id: i64) -> Vec<u8> {
        let mut tx = self.store.read().await.expect("a transaction");
        tx.show_held(id).await.expect("the held records").expect("it is held").1
    }

    /// A device's operation log in the order of its clock: code, time and operands.
    pub async fn operations(&self, serial_number: &str) -> Vec<String> {
        let device = self.device(serial_number).await.id;
        let mut tx = self.store.read().await.expect("a transaction");
        let mut logged = tx.operations(device, 1_000).await.expect("the operation log");
        logged.sort_by(|a, b| a.operation.time.cmp(&b.operation.time));
        let line = |entry: &store::LoggedOperation| {
            let entry = &entry.operation;
            format!("{} {} {}", entry.code, entry.time, entry.operands.join(" "))
        };
        logged.iter().map(line).collect()
    }

    /// The stamps of a device by table, and which tables are to be read again.
    pub async fn stamps(&self, serial_number: &str) -> BTreeMap<String, store::Stamp> {
        let device = self.device(serial_number).await.id;
        let mut tx = self.store.read().await.expect("a transaction");
        tx.stamps(device).await.expect("the stamps")
    }

    /// All rows of the database, except when and from where devices were last seen, which is written later.
    pub async fn rows(&self) -> Rows {
        let mut db = self.connect_to_database().await;
        let tables = match self.database.kind() {
            Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table'",
            Kind::MariaDb => {
                "SELECT CAST(table_name AS CHAR(64)) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
            }
        };
        let mut rows = Rows::new();
        for table in column(&mut db, tables).await {
            if table == "lease" {
                // These tables change by themselves, independently of the story.
                continue;
            }
            let columns = match self.database.kind() {
                Kind::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
                Kind::MariaDb => format!(
                    "SELECT CAST(column_name AS CHAR(64)) FROM information_schema.columns \
                     WHERE table_schema = DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
                ),
            };
            let columns = column(&mut db, &columns).await;
            let written: Vec<String> = columns
                .iter()
                .filter(|name| !["last_seen_at", "address", "heard_at"].contains(&name.as_str()))
                .map(|name| match self.database.kind() {
                    Kind::Sqlite => format!("quote({name})"),
                    // Works for bytes that are not text too.
                    Kind::MariaDb => format!("COALESCE(HEX({name}), 'NULL')"),
                })
                .collect();
            let row = match self.database.kind() {
                Kind::Sqlite => written.join(" || ', ' || "),
                Kind::MariaDb => format!("CONCAT_WS(', ', {})", written.join(", ")),
            };
            let mut found = column(&mut db, &format!("SELECT {row} FROM {table}")).await;
            found.sort();
            rows.insert(table, found);
        }
        rows
    }

    /// Runs SQL directly, for changes that no operator would make.
    pub async fn sql(&self, statements: &str) {
        let mut db = self.connect_to_database().await;
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut db).await.expect("the statements run");
    }

    /// Simulates a full database: inserts into this table fail from now on while a condition of SQL holds.
    pub async fn fill(&self, table: &str, condition: &str) {
        let trigger = match self.database.kind() {
            Kind::Sqlite => format!(
                "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            ),
            Kind::MariaDb => format!(
                "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} FOR EACH ROW IF {condition} \
                 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'database or disk is full'; END IF"
            ),
        };
        self.sql(&trigger).await;
    }

    /// Ends the simulation of a full database.
    pub async fn make_room(&self, table: &str) {
        self.sql(&format!("DROP TRIGGER full_{table}")).await;
    }

    /// One value of a query.
    pub async fn value(&self, sql: &str) -> String {
        let mut db = self.connect_to_database().await;
        column(&mut db, sql).await.remove(0)
    }

    async fn connect_to_database(&self) -> AnyConnection {
        AnyConnection::connect(self.database.url()).await.expect("the database is there")
    }
}

async fn column(db: &mut AnyConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(db).await.expect("the query runs");
    rows.iter().map(|row| row.get(0)).collect()
}
