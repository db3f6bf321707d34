//! The schema: both engines have the same one, and queries use its indexes.

use std::collections::BTreeMap;

use databases::Kind;
use sqlx::query_as;

use crate::fleet::{Fleet, member, user};
use crate::opening::plain;

/// The columns of each table, and each view, of a migration.
fn shape(sql: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in sql.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "OR", "REPLACE", "VIEW", name, ..] | ["CREATE", "TABLE" | "VIEW", name, ..] => {
                (*name).clone_into(&mut table);
                tables.insert(table.clone(), Vec::new());
            }
            ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..] => {
                tables.entry((*name).to_owned()).or_default().push((*column).to_owned());
            }
            [column, kind, ..] if line.starts_with("    ") && is_type(kind) => {
                tables.get_mut(&table).expect("a column belongs to a table").push((*column).to_owned());
            }
            _ => {}
        }
    }
    tables
}

fn is_type(word: &str) -> bool {
    let types =
        ["INTEGER", "TEXT", "BLOB", "BIGINT", "VARCHAR", "BINARY", "VARBINARY", "MEDIUMBLOB", "MEDIUMTEXT"];
    types.contains(&word.split(['(', ',']).next().unwrap_or(""))
}

#[test]
fn both_engines_have_the_same_tables_columns_and_views() {
    macro_rules! both {
        ($file:literal) => {
            (
                include_str!(concat!("../../migrations/sqlite/", $file)),
                include_str!(concat!("../../migrations/mysql/", $file)),
            )
        };
    }
    for (sqlite, mysql) in [
        both!("0001_start.sql"),
        both!("0002_views.sql"),
        both!("0003_several_servers.sql"),
        both!("0004_uploads.sql"),
        both!("0005_commands.sql"),
        both!("0006_clocks.sql"),
        both!("0007_photos.sql"),
        both!("0008_definitions.sql"),
        both!("0015_suspension.sql"),
    ] {
        assert_eq!(shape(sqlite), shape(mysql));
        assert!(!shape(sqlite).is_empty());
    }
    assert_eq!(shape(both!("0001_start.sql").0)["item"].len(), 15);
}

/// The query plan of the database: on SQLite its steps, on MySQL the keys that it uses.
async fn plan_of(fleet: &Fleet, sql: &str) -> String {
    let plain = plain(fleet).await;
    if fleet.database.kind() == Kind::Sqlite {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<(i64, i64, i64, String)> = query_as(sql).fetch_all(&plain).await.expect("a plan");
        return steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ");
    }
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN FORMAT=JSON {sql}"));
    let (json,): (String,) = query_as(sql).fetch_one(&plain).await.expect("a plan");
    json.lines()
        .filter(|line| line.contains("\"key\"") || line.contains("\"using_index\""))
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn the_queries_of_every_poll_use_an_index() {
    let fleet = Fleet::new().await;
    // Enough rows to make a full scan slower than an index.
    let people: Vec<_> = (0..400).flat_map(|n| [user(&n.to_string(), "A"), member(&n.to_string())]).collect();
    fleet.put(&people).await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    crate::status::owe(&fleet, device, 300).await;
    crate::status::owe(&fleet, other, 3).await;
    let mysql = fleet.database.kind() == Kind::MariaDb;
    if mysql {
        let tables = "ANALYZE TABLE item, sync_command, sync_exception";
        sqlx::raw_sql(tables).execute(&plain(&fleet).await).await.expect("statistics");
    }
    for (sql, sqlite, keys) in [
        (
            "SELECT seq, pin, kind, slot, algorithm FROM item WHERE seq > 790 ORDER BY seq LIMIT 9",
            "SEARCH item USING COVERING INDEX item_feed (seq>?)",
            "\"key\": \"item_feed\", \"using_index\": true",
        ),
        (
            "SELECT pin FROM item WHERE kind = 0 AND pin > '98' ORDER BY pin LIMIT 9",
            "SEARCH item USING COVERING INDEX item_key (pin>?)",
            "\"key\": \"item_key\", \"using_index\": true",
        ),
        (
            "SELECT pin_folded, pin FROM spelling WHERE pin_folded IN ('a1', 'b1') AND EXISTS \
             (SELECT 1 FROM item i WHERE i.pin = spelling.pin AND i.kind = 0 AND i.live = 1)",
            "SEARCH spelling USING PRIMARY KEY (pin_folded=?); SEARCH i EXISTS USING INDEX item_key (pin=? AND kind=?)",
            "\"key\": \"PRIMARY\", \"using_index\": true \"key\": \"item_",
        ),
        (
            "SELECT pin FROM item WHERE pin > '' AND pin < '0' AND kind BETWEEN 11 AND 16 ORDER BY pin LIMIT 9",
            "SEARCH item USING COVERING INDEX item_key (pin>? AND pin<?)",
            // MySQL may choose the index of the kinds if there are few of them. Either index covers the query.
            "\"using_index\": true",
        ),
        (
            "SELECT COUNT(*) FROM sync_command WHERE device_id = 2 AND open = 1",
            "SEARCH sync_command USING COVERING INDEX sync_command_due (device_id=? AND open=?)",
            "\"key\": \"sync_command_due\", \"using_index\": true",
        ),
        (
            "SELECT pin, kind, slot, algorithm FROM sync_command \
             WHERE device_id = 2 AND open = 1 AND due_at <= 1 ORDER BY due_at, command_no LIMIT 9",
            "SEARCH sync_command USING INDEX sync_command_due (device_id=? AND open=? AND due_at<?)",
            "\"key\": \"sync_command_due\"",
        ),
        (
            "SELECT COUNT(*) FROM sync_exception WHERE device_id = 2 AND due_at IS NOT NULL",
            "SEARCH sync_exception USING COVERING INDEX sync_exception_due (device_id=? AND due_at>?)",
            // Both keys begin with the device.
            "\"key\": \"",
        ),
        (
            "SELECT pin, kind, slot, algorithm FROM sync_exception \
             WHERE device_id = 2 AND due_at <= 1 ORDER BY due_at, pin, kind, slot, algorithm LIMIT 9",
            "SEARCH sync_exception USING COVERING INDEX sync_exception_due (device_id=? AND due_at<?)",
            // Both keys begin with the device.
            "\"key\": \"",
        ),
    ] {
        let wanted = if mysql { keys } else { sqlite };
        let plan = plan_of(&fleet, sql).await;
        assert!(if mysql { plan.contains(wanted) } else { plan == wanted }, "{sql}: {plan}");
    }
}
