//! The schema: both engines in step, and the views that people read.

use std::collections::BTreeMap;

use databases::Kind;
use sqlx::query_as;

use crate::fleet::{Fleet, at, finger, member, photo, user, user_key};
use crate::opening::plain;

/// The columns of each table, and each view, of a migration.
fn shape(sql: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in sql.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "TABLE" | "VIEW", name, ..] => {
                (*name).clone_into(&mut table);
                tables.insert(table.clone(), Vec::new());
            }
            [column, kind, ..] if line.starts_with("    ") && is_type(kind) => {
                tables.get_mut(&table).expect("a column stands in a table").push((*column).to_owned());
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
    for (sqlite, mysql) in [
        (
            include_str!("../../migrations/sqlite/0001_start.sql"),
            include_str!("../../migrations/mysql/0001_start.sql"),
        ),
        (
            include_str!("../../migrations/sqlite/0002_views.sql"),
            include_str!("../../migrations/mysql/0002_views.sql"),
        ),
    ] {
        assert_eq!(shape(sqlite), shape(mysql));
        assert!(!shape(sqlite).is_empty());
    }
    assert_eq!(shape(include_str!("../../migrations/sqlite/0001_start.sql"))["item"].len(), 15);
}

#[tokio::test]
async fn people_read_users_and_templates_by_sql() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.put_by(&[user("7", "Ada"), member("7"), photo("7", "UElD")], Some(device), at(0)).await;
    fleet.put(&[finger("7", 3, "QUFB"), user("8", "Bob")]).await;
    fleet.delete(&[user_key("8")], at(1), true).await;
    let plain = plain(&fleet).await;

    let users: Vec<(String, String, i64, i64, String, Option<String>)> =
        query_as("SELECT pin, name, has_password, fingerprints, updated_at, updated_by FROM users")
            .fetch_all(&plain)
            .await
            .expect("users");
    let fingers: Vec<(String, i64, i64, i64)> =
        query_as("SELECT pin, finger, version_major, version_minor FROM fingerprint_templates")
            .fetch_all(&plain)
            .await
            .expect("fingerprints");
    let (templates, faces): (i64, i64) =
        query_as("SELECT (SELECT COUNT(*) FROM biometric_templates), (SELECT COUNT(*) FROM face_templates)")
            .fetch_one(&plain)
            .await
            .expect("counts");

    assert_eq!(users, [("7".into(), "Ada".into(), 1, 1, "2025-10-09 09:00:00".into(), Some("SN1".into()))]);
    assert_eq!(fingers, [("7".into(), 3, 10, 0)]);
    assert_eq!((templates, faces), (1, 0));
}

#[tokio::test]
async fn people_read_by_sql_which_devices_are_online() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.device("SN2").await;
    let mut tx = fleet.write().await;
    tx.open_session(device, at(0), None).await.expect("opened");
    tx.commit().await.expect("committed");

    let devices: Vec<(String, String)> =
        query_as("SELECT serial_number, status FROM devices ORDER BY serial_number")
            .fetch_all(&plain(&fleet).await)
            .await
            .expect("devices");

    assert_eq!(devices, [("SN1".into(), "online".into()), ("SN2".into(), "offline".into())]);
}

#[tokio::test]
async fn people_read_by_sql_what_is_owed_sent_and_done() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada"), user("8", "Bob")]).await;
    let commands = async || -> Vec<(Option<String>, String, String)> {
        query_as("SELECT pin, command, status FROM device_commands ORDER BY pin, status")
            .fetch_all(&plain(&fleet).await)
            .await
            .expect("commands")
    };
    let row = |pin: &str, command: &str, status: &str| (Some(pin.into()), command.into(), status.into());
    assert_eq!(commands().await, [row("7", "update user", "pending"), row("8", "update user", "pending")]);

    let mut tx = fleet.write().await;
    let sends = crate::sync_state::poll(&mut tx, device, at(0)).await;
    crate::sync_state::answer(&mut tx, device, &sends[0].wire_id, 0, at(1)).await;
    tx.commit().await.expect("committed");
    assert_eq!(commands().await, [row("7", "update user", "completed"), row("8", "update user", "sent")]);

    fleet.put(&[user("7", "Ada Lovelace")]).await;
    let after = commands().await;
    assert_eq!(after.len(), 3);
    assert!(after.contains(&row("7", "update user", "pending")));
}

/// How the database goes about a query: on SQLite its steps, on MySQL the keys that it uses.
async fn plan_of(fleet: &Fleet, sql: &str) -> String {
    let plain = plain(fleet).await;
    if fleet.database.kind() == Kind::Sqlite {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<(i64, i64, i64, String)> = query_as(sql).fetch_all(&plain).await.expect("a plan");
        return steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ");
    }
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN FORMAT=JSON {sql}"));
    let (plan,): (String,) = query_as(sql).fetch_one(&plain).await.expect("a plan");
    plan.lines()
        .filter(|line| line.contains("\"key\"") || line.contains("\"using_index\""))
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn what_every_poll_asks_is_answered_from_an_index() {
    let fleet = Fleet::new().await;
    // Enough of everything that reading it all would be slower.
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
            "SEARCH item USING COVERING INDEX item_scan (kind=? AND pin>?)",
            "\"key\": \"item_scan\", \"using_index\": true",
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
