//! SQL views: the columns on which external readers may rely.

use databases::Kind;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_as};
use store::Seen;

use crate::fleet::{Fleet, at, finger, member, photo, user, user_key};
use crate::opening::plain;

/// The columns that stay when the tables change.
const PROMISED: [(&str, &str); 6] = [
    (
        "devices",
        "serial_number ip_address last_seen push_version language firmware_version user_count fingerprint_count \
         face_count status",
    ),
    (
        "users",
        "pin name privilege password card vice_card group_id timezone verify_mode created_at updated_at",
    ),
    (
        "fingerprint_templates",
        "pin finger_id bio_index bio_type valid_flag duress_flag template_size algorithm_version format_type updated_at",
    ),
    (
        "face_templates",
        "pin face_id bio_index bio_type valid_flag duress_flag template_size algorithm_version format_type updated_at",
    ),
    (
        "biometric_templates",
        "pin bio_number bio_index bio_type valid_flag duress_flag template_size major_version minor_version format_type \
         updated_at",
    ),
    (
        "device_commands",
        "device_serial command_id command_type status created_at sent_at completed_at retry_count",
    ),
];

/// Rows of a query, each value as text.
async fn texts(fleet: &Fleet, sql: &str) -> Vec<Vec<String>> {
    let rows = query(sqlx::AssertSqlSafe(sql)).fetch_all(&plain(fleet).await).await.expect(sql);
    rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
}

fn text(row: &AnyRow, at: usize) -> String {
    row.try_get::<Option<String>, _>(at)
        .ok()
        .map(|text| text.unwrap_or_else(|| "NULL".to_owned()))
        .or_else(|| row.try_get::<i64, _>(at).ok().map(|number| number.to_string()))
        .unwrap_or_else(|| "?".to_owned())
}

/// `sql` with each time column as text, because MySQL returns times in a type of its own.
fn readable(fleet: &Fleet, columns: &str, from: &str) -> String {
    let columns = columns.split_whitespace().map(|column| match fleet.database.kind() {
        Kind::MariaDb if column.ends_with("_at") || column == "last_seen" => {
            format!("CAST({column} AS CHAR)")
        }
        _ => column.to_owned(),
    });
    format!("SELECT {} FROM {from}", columns.collect::<Vec<_>>().join(", "))
}

#[tokio::test]
async fn the_promised_columns_are_there() {
    let fleet = Fleet::new().await;
    for (view, columns) in PROMISED {
        texts(&fleet, &readable(&fleet, columns, view)).await;
    }
}

#[tokio::test]
async fn the_views_show_no_sealed_content() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("7", "Ada"), finger("7", 3, "U0VDUkVU")]).await;
    for (view, _) in PROMISED {
        let sql = match fleet.database.kind() {
            Kind::Sqlite => format!("SELECT name FROM pragma_table_info('{view}')"),
            Kind::MariaDb => format!(
                "SELECT CAST(column_name AS CHAR(64)) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = '{view}'"
            ),
        };
        let columns: Vec<(String,)> =
            query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&plain(&fleet).await).await.expect("columns");
        for (column,) in columns {
            assert!(!["sealed", "template_data", "hash"].contains(&column.as_str()), "{view}.{column}");
        }
    }
    let users = texts(&fleet, "SELECT password FROM users").await;
    assert_eq!(users, [["****"]], "shows that there is a password, but not which");
}

#[tokio::test]
async fn the_views_show_users_and_templates() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.put_by(&[user("7", "Ada"), member("7"), photo("7", "UElD")], Some(device), at(0)).await;
    fleet.put(&[finger("7", 3, "QUFB"), user("8", "Bob")]).await;
    fleet.delete(&[user_key("8")], at(1), true).await;

    let users =
        readable(&fleet, "pin name privilege password card verify_mode updated_at updated_by", "users");
    assert_eq!(
        texts(&fleet, &users).await,
        [["7", "Ada", "0", "****", "998877", "1", "2025-10-09 09:00:00", "SN1"]]
    );
    let fingers = "pin finger_id valid_flag duress_flag template_size algorithm_version format_type";
    assert_eq!(
        texts(&fleet, &readable(&fleet, fingers, "fingerprint_templates")).await,
        [["7", "3", "1", "0", "4", "10.0", "0"]]
    );
    let all = "pin bio_number bio_index bio_type major_version minor_version";
    assert_eq!(
        texts(&fleet, &readable(&fleet, all, "biometric_templates")).await,
        [["7", "3", "0", "1", "10", "0"]]
    );
    assert_eq!(texts(&fleet, "SELECT COUNT(*) FROM face_templates").await, [["0"]]);
}

#[tokio::test]
async fn the_views_show_which_devices_are_online() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.device("SN2").await;
    let now = match fleet.database.kind() {
        Kind::Sqlite => "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000",
        Kind::MariaDb => "SELECT UNIX_TIMESTAMP() * 1000",
    };
    let (now,): (i64,) = query_as(now).fetch_one(&plain(&fleet).await).await.expect("a time");
    let mut tx = fleet.write().await;
    let seen = Seen { device, at: roster::Millis(now - 100_000), address: Some("10.0.0.7".into()) };
    tx.write_seen(&[seen]).await.expect("written");
    tx.commit().await.expect("committed");

    let devices = texts(&fleet, "SELECT serial_number, ip_address, status FROM devices ORDER BY 1").await;

    assert_eq!(devices, [["SN1", "10.0.0.7", "online"], ["SN2", "NULL", "offline"]]);
    assert_eq!(texts(&fleet, "SELECT serial_number FROM devices WHERE status = 'online'").await, [["SN1"]]);
}

#[tokio::test]
async fn the_views_show_pending_sent_and_finished_work() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada"), user("8", "Bob")]).await;
    let commands = async || {
        let sql =
            "SELECT device_serial, pin, command_type, status, retry_count FROM device_commands ORDER BY 2, 4";
        texts(&fleet, sql).await
    };
    let row = |pin: &str, command: &str, status: &str| {
        ["SN1", pin, command, status, "0"].map(str::to_owned).to_vec()
    };
    assert_eq!(commands().await, [row("7", "update user", "pending"), row("8", "update user", "pending")]);

    let mut tx = fleet.write().await;
    let sends = crate::sync_state::poll(&mut tx, device, at(0)).await;
    tx.commit().await.expect("committed");
    // The view does not show how a device gets a person for the first time.
    assert_eq!(commands().await, [row("7", "update user", "sent"), row("8", "update user", "sent")]);
    let mut tx = fleet.write().await;
    crate::sync_state::answer(&mut tx, device, &sends[0].wire_id, 0, at(1)).await;
    crate::sync_state::answer(&mut tx, device, &sends[1].wire_id, -1002, at(1)).await;
    tx.commit().await.expect("committed");
    assert_eq!(commands().await, [row("7", "update user", "completed"), row("8", "update user", "failed")]);

    fleet.put(&[user("7", "Ada Lovelace")]).await;
    let after = commands().await;
    assert_eq!(after.len(), 3);
    assert!(after.contains(&row("7", "update user", "pending")));
    let pending = "SELECT device_serial, command_type, status FROM device_commands WHERE status = 'pending'";
    assert_eq!(texts(&fleet, pending).await, [["SN1", "update user", "pending"]]);
}

/// The people on a device that did not show all of them are unknown. So its data under the PIN is deleted, and then
/// the person is sent.
#[tokio::test]
async fn the_views_show_a_replacement_as_an_update_and_a_deletion_as_a_deletion() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.end_roster(device, false, at(1)).await.expect("it did not show all its people");
    tx.commit().await.expect("committed");
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    let sends = crate::sync_state::poll(&mut tx, device, at(0)).await;
    assert_eq!(sends.iter().map(|send| send.verb).collect::<Vec<_>>(), [sync::Verb::Replace]);
    for line in 0..3 {
        crate::sync_state::answer_line(&mut tx, device, (&sends[0].wire_id, line), 0, at(1)).await;
    }
    tx.commit().await.expect("committed");
    fleet.delete(&[user_key("7"), member("7").0], at(2), false).await;
    let mut tx = fleet.write().await;
    crate::sync_state::poll(&mut tx, device, at(3)).await;
    assert_eq!(crate::sync_state::poll(&mut tx, device, at(3)).await.len(), 1);
    tx.commit().await.expect("committed");

    let commands = texts(&fleet, "SELECT pin, command_type, status FROM device_commands ORDER BY 2").await;

    assert_eq!(commands, [["7", "delete user", "sent"], ["7", "update user", "completed"]]);
}

/// Items that a first fill has not reached yet are pending too.
#[tokio::test]
async fn the_views_show_the_remaining_work_of_a_first_fill() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("7", "Ada"), member("7"), user("8", "Bob"), member("8"), finger("8", 1, "QUFB")]).await;
    fleet.device("SN1").await;
    let scanning = "UPDATE device SET scan_pin = '7'";
    query(scanning).execute(&plain(&fleet).await).await.expect("the fill continues after 7");

    let pending = texts(&fleet, "SELECT pin, command_type FROM device_commands ORDER BY 1, 2").await;

    assert_eq!(pending, [["8", "update template"], ["8", "update user"]]);
}

/// A query for pending work does not read the finished commands of the last month.
#[tokio::test]
async fn pending_work_is_found_without_reading_finished_work() {
    let fleet = Fleet::new().await;
    if fleet.database.kind() != Kind::Sqlite {
        // MySQL shows this only by the duration of the query.
        return;
    }
    let steps: Vec<(i64, i64, i64, String)> = query_as(
        "EXPLAIN QUERY PLAN SELECT device_serial, command_type, status, created_at FROM device_commands \
         WHERE status = 'pending'",
    )
    .fetch_all(&plain(&fleet).await)
    .await
    .expect("a plan");
    let scans: Vec<&str> = steps.iter().map(|(_, _, _, step)| step.as_str()).collect();
    assert!(
        scans.iter().all(|step| !step.starts_with("SCAN i") && !step.starts_with("SCAN m")),
        "{scans:#?}"
    );
}
