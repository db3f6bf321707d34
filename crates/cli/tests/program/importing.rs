//! `muster import`

use std::fs;

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::support::Place;

/// A fingerprint 10.0 of 121 bytes that lost its padding.
fn finger() -> String {
    format!("StdTUzIxAAAAeQcH{}Bw", "BwcH".repeat(36))
}

/// A database of the old server: two people with a finger each, one of them damaged, and as many that are none.
fn old_database(place: &Place, damaged: usize) {
    let damaged: Vec<String> = (0..damaged)
        .map(|number| {
            format!("INSERT INTO users VALUES ('x-{number:02}', 'Eve', 'geheim', '31415', 'CKJF1');")
        })
        .collect();
    let damaged = damaged.concat();
    let finger = finger();
    let cut = &finger[..finger.len() - 4];
    let sql = format!(
        "CREATE TABLE devices (serial_number TEXT, last_seen TEXT);
         INSERT INTO devices VALUES ('CKJF1', '2024-01-02 03:04:05');
         CREATE TABLE users (pin TEXT, name TEXT, password TEXT, card TEXT, device_serial TEXT);
         INSERT INTO users VALUES ('7', 'Ada', 'geheim', '27182', 'CKJF1'), ('8', 'Grace', '', '', 'CKJF1');
         CREATE TABLE fingerprint_templates (pin TEXT, fid INT, template_data TEXT, device_serial TEXT);
         INSERT INTO fingerprint_templates VALUES ('7', 0, '{finger}', 'CKJF1'), ('8', 0, '{cut}', 'CKJF1');
         CREATE TABLE attendance_logs (pin TEXT); INSERT INTO attendance_logs VALUES ('7');
         {damaged}"
    );
    sql_of(place, sql);
}

fn sql_of(place: &Place, sql: String) {
    let url = format!("sqlite://{}?mode=rwc", place.path().join("zkpush.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut db = SqliteConnection::connect(&url).await.expect("a file");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut db).await.expect("the statements run");
        db.close().await.expect("it closes");
    });
}

#[test]
fn people_of_the_old_server_are_taken_over_beside_a_running_server_and_nothing_secret_is_told() {
    let place = Place::new();
    let server = place.serve("");
    old_database(&place, 30);
    let before = fs::read(place.path().join("zkpush.db")).expect("made");

    let dry = place.run("import zk-server --from zkpush.db --dry-run").ok();
    assert!(dry.contains("a dry run: nothing was written"), "{dry}");
    assert!(place.run("user list").ok().contains("there is nobody yet"));

    let told = place.run("import zk-server --from zkpush.db").ok();
    for wanted in [
        "people           32      2",
        "fingerprints      2      1",
        "8     fingerprint 0  lost more than its padding",
        "and 11 more: --json lists all",
        "attendance_logs     1  punches",
        "CKJF1   2024-01-02 03:04:05          not known",
        "run this again with --admit adopt",
        "not in this database: face_templates",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert_eq!(place.json("user show 7")["password_set"], true);

    let again = place.json("import zk-server --from sqlite://zkpush.db --admit adopt");
    assert_eq!(again["counts"]["user"]["already_there"], 2);
    assert_eq!(again["cases"].as_array().map(Vec::len), Some(32), "JSON tells all: {again}");
    assert_eq!(again["devices"][0]["outcome"], "admitted");
    assert_eq!(place.json("device show CKJF1")["state"], "active");

    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    for text in [&dry, &told, &again.to_string(), &log] {
        for secret in ["geheim", "27182", "31415", &finger()[..40]] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    assert!(fs::read(place.path().join("zkpush.db")).expect("there") == before, "it is as it was");
}

#[test]
fn what_is_kept_is_named_and_overwritten_only_when_told() {
    let place = Place::new();
    place.run("migrate").ok();
    old_database(&place, 0);
    place.run("user set 7 --name Ada --privilege admin").ok();
    let told = place.run("import zk-server --from zkpush.db").ok();
    assert!(told.contains("Muster has other values: privilege, password, card; Muster's stays"), "{told}");
    place.run("user delete 8 --yes").ok();
    let told = place.run("import zk-server --from zkpush.db --overwrite").ok();
    assert!(told.contains("replaced by the old database's version"), "{told}");
    assert_eq!(place.json("user show 7")["privilege"], 0);
    assert_eq!(place.json("user show 8")["name"], "Grace");
}

#[test]
fn an_old_database_that_cannot_be_read_is_told_without_its_password() {
    let place = Place::new();
    assert!(place.run("import zk-server --from zkpush.db").failed(1).contains("there is no database"));
    place.run("migrate").ok();
    let message = place.run("import zk-server --from zkpush.db").failed(1);
    assert!(message.contains("there is no file zkpush.db"), "{message}");
    let message = place.run("import zk-server --from muster-data/muster.db").failed(1);
    assert!(message.contains("is a database of Muster itself"), "{message}");
    let message = place.run("import zk-server --from mysql://root:geheim@127.0.0.1:1/zkteco_sync").failed(1);
    assert!(message.contains("mysql://root:***@127.0.0.1:1/zkteco_sync"), "{message}");
    assert!(!message.contains("geheim"), "{message}");
    let message = place.run("import zk-server --from oracle://root:geheim@db/x").failed(2);
    assert!(message.contains("oracle://root:***@db/x") && !message.contains("geheim"), "{message}");
    place.run("import zk-server").failed(2);
    place.run("import zk-server --from zkpush.db --admit open").failed(2);
}

#[test]
fn a_database_in_which_nothing_can_be_used_is_a_failure() {
    let place = Place::new();
    place.run("migrate").ok();
    old_database(&place, 2);
    sql_of(&place, "DELETE FROM users WHERE pin IN ('7', '8'); DELETE FROM fingerprint_templates".to_owned());
    let ran = place.run("import zk-server --from zkpush.db");
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
    assert!(ran.out.contains("a PIN is made of the letters"), "{}", ran.out);
    sql_of(&place, "DELETE FROM users".to_owned());
    assert!(place.run("import zk-server --from zkpush.db").ok().contains("there is nobody in this database"));
}
