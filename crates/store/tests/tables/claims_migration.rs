//! Migration of conflicts that an earlier version held: they become claims.

use std::collections::BTreeMap;

use databases::{Database, Kind as Engine};
use roster::Seq;
use sqlx::{AnyPool, AssertSqlSafe, query_as, query_scalar, raw_sql};
use store::{HeldFilter, Store};
use sync::{Claim, ClaimState, Reason, Stage};

use crate::claims::read;
use crate::fleet::{Fleet, at, keys};
use crate::opening::plain;

/// A database as versions before claims left it, with the key `keys(1)`.
async fn before_claims() -> (Database, AnyPool) {
    let whole = Fleet::new().await;
    let (check,): (String,) = query_as("SELECT value FROM setting WHERE name = 'key_check'")
        .fetch_one(&plain(&whole).await)
        .await
        .expect("a key");
    let database = Database::new();
    let url = match database.kind() {
        Engine::Sqlite => format!("{}?mode=rwc", database.url()),
        Engine::MariaDb => database.url().to_owned(),
    };
    let db = AnyPool::connect(&url).await.expect("connected");
    let of_engine = if database.kind() == Engine::Sqlite { "sqlite" } else { "mysql" };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(of_engine);
    let versions = match database.kind() {
        Engine::Sqlite => "version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL",
        Engine::MariaDb => "version BIGINT NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL",
    };
    let mut steps: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    steps.sort();
    run(&db, &format!("CREATE TABLE schema_migration ({versions})")).await;
    for (version, step) in (1..13).zip(&steps) {
        run(&db, &std::fs::read_to_string(step).expect("a step")).await;
        run(&db, &format!("INSERT INTO schema_migration (version, name) VALUES ({version}, '{version}')"))
            .await;
    }
    run(&db, &format!("INSERT INTO setting (name, value) VALUES ('key_check', '{check}')")).await;
    (database, db)
}

async fn run(db: &AnyPool, sql: &str) {
    raw_sql(AssertSqlSafe(sql.to_owned())).execute(db).await.expect("it runs");
}

/// All rows of a table as text, without the column that the migration adds.
async fn rows_of(db: &AnyPool, table: &str, columns: &[&str]) -> Vec<String> {
    let texts = columns.iter().map(|column| format!("COALESCE(HEX({column}), 'NULL')")).collect::<Vec<_>>();
    let all = texts.iter().fold(String::new(), |all, text| match all.as_str() {
        "" => text.clone(),
        all => format!("{all}, ' ', {text}"),
    });
    let sql = format!("SELECT CONCAT({all}) FROM {table} ORDER BY 1");
    query_scalar(AssertSqlSafe(sql)).fetch_all(db).await.expect("rows")
}

const EXCEPTION: [&str; 11] = [
    "device_id",
    "pin",
    "kind",
    "slot",
    "algorithm",
    "due_at",
    "parked",
    "wipe",
    "refused_seq",
    "return_code",
    "attempts",
];
const COMMAND: [&str; 10] =
    ["device_id", "command_no", "wire_id", "pin", "kind", "verb", "seq", "open", "due_at", "return_code"];
const HELD: [&str; 8] =
    ["held_id", "device_id", "digest", "kind", "pin", "last_at", "resolved_at", "resolution"];

/// The columns that the migration must leave unchanged.
const TABLES: [(&str, &[&str]); 4] = [
    ("sync_exception", &EXCEPTION),
    ("sync_command", &COMMAND),
    ("held", &HELD),
    ("item", &["item_id", "seq", "live"]),
];

/// Two devices that conflict with the fleet about some people, with exceptions and commands in all other states.
async fn put_conflicts(engine: Engine, db: &AnyPool) {
    for device in [1, 2] {
        run(
            db,
            &format!(
                "INSERT INTO device (device_id, serial_number, name, state, capability, cursor_seq, next_command, \
                 incarnation, full_kinds, created_at) VALUES ({device}, 'SN{device}', '', 'active', '', 40, 9, 1, '', 0)"
            ),
        )
        .await;
    }
    let zero = if engine == Engine::Sqlite { "zeroblob(16)" } else { "REPEAT(CHAR(0), 16)" };
    // PINs 7 and 8 are live, 7 in a second life; 9 was live once; 5 never was.
    for (id, of, seq, created, live) in [(1, "7", 31, 21, 1), (2, "8", 2, 2, 1), (3, "9", 30, 3, 0)] {
        run(
            db,
            &format!(
                "INSERT INTO item (item_id, pin, kind, slot, algorithm, seq, created_seq, live, hash, body_bytes, \
                 body_lines, changed_at, edits, edits_since) \
                 VALUES ({id}, '{of}', 0, 0, 0, {seq}, {created}, {live}, {zero}, 0, 1, 0, 0, 0)"
            ),
        )
        .await;
    }
    let held = [
        (1, "7", "conflict", 100, "NULL"),
        (1, "7", "conflict", 300, "NULL"),
        (1, "5", "conflict", 200, "NULL"),
        (2, "9", "conflict", 400, "NULL"),
        (2, "7", "conflict", 100, "50"),
        (1, "8", "deletion", 100, "NULL"),
        (2, "8", "conflict", 100, "NULL"),
        (2, "6", "conflict", 100, "NULL"),
    ];
    for (number, (device, of, kind, last, resolved)) in held.iter().enumerate() {
        let resolution = if *resolved == "NULL" { "NULL" } else { "'fleet'" };
        run(
            db,
            &format!(
                "INSERT INTO held (device_id, digest, kind, pin, tag, reason, sealed, first_at, last_at, times_seen, \
                 resolved_at, resolution) VALUES ({device}, x'{number:0>32}', '{kind}', '{of}', 'USER', '', x'78', 0, {last}, 1, {resolved}, \
                 {resolution})"
            ),
        )
        .await;
    }
    let exceptions = [
        // In conflict, with a finger that waits too.
        (1, "7", 0, "NULL", "3", 0, "NULL"),
        (1, "7", 101, "NULL", "3", 0, "NULL"),
        (1, "5", 0, "NULL", "3", 0, "NULL"),
        (2, "9", 0, "NULL", "3", 1, "NULL"),
        // A resolved conflict, a deletion that waits, a due deletion, and a conflict without anything that waits.
        (2, "7", 0, "NULL", "3", 0, "NULL"),
        (1, "8", 0, "NULL", "3", 0, "NULL"),
        (2, "8", 0, "500", "NULL", 1, "NULL"),
        // Other states.
        (1, "1", 0, "500", "NULL", 0, "NULL"),
        (1, "2", 0, "NULL", "1", 0, "NULL"),
        (1, "3", 101, "NULL", "2", 0, "NULL"),
        (1, "4", 0, "NULL", "NULL", 0, "-1002"),
    ];
    for (device, of, kind, due, parked, wipe, code) in exceptions {
        let refused = if code == "NULL" { "NULL" } else { "4" };
        run(
            db,
            &format!(
                "INSERT INTO sync_exception (device_id, pin, kind, slot, algorithm, due_at, parked, wipe, refused_seq, \
                 return_code, attempts) VALUES ({device}, '{of}', {kind}, 0, 0, {due}, {parked}, {wipe}, {refused}, {code}, 2)"
            ),
        )
        .await;
    }
    let commands = [
        ("7", "update", "1", "NULL"),
        ("8", "delete", "1", "NULL"),
        ("8", "update", "NULL", "0"),
        ("9", "update", "NULL", "-1"),
    ];
    for (number, (of, verb, open, code)) in commands.iter().enumerate() {
        run(
            db,
            &format!(
                "INSERT INTO sync_command (device_id, command_no, wire_id, pin, kind, slot, algorithm, verb, seq, again, open, \
                 sends, attempts, first_sent_at, sent_at, due_at, body_lines, answered, return_code) \
                 VALUES (1, {number}, 'w{number}', '{of}', 0, 0, 0, '{verb}', 2, 0, {open}, 1, 0, 0, 0, 600, 1, 0, {code})"
            ),
        )
        .await;
    }
}

/// Checks the claims that result from these conflicts.
async fn assert_claims(store: &Store, db: &AnyPool) {
    let known: Vec<(i64, String, i64, i64)> = query_as(
        "SELECT device_id, pin, kind, known_life FROM sync_exception WHERE known_life IS NOT NULL ORDER BY 1, 2",
    )
    .fetch_all(db)
    .await
    .expect("read");
    let of = |device: i64, of: &str| (device, of.to_owned(), 0, 0);
    assert_eq!(known, [of(1, "5"), of(1, "7"), of(2, "9")]);
    let opened: Vec<(i64, String, i64)> =
        query_as("SELECT device_id, pin, opened_at FROM claim ORDER BY 1, 2")
            .fetch_all(db)
            .await
            .expect("read");
    let of = |device: i64, of: &str, at: i64| (device, of.to_owned(), at);
    assert_eq!(opened, [of(1, "5", 200), of(1, "7", 300), of(2, "9", 400)]);
    let mut tx = store.read().await.expect("a transaction");
    for (device, of, life) in [(1, "5", 0), (1, "7", 21), (2, "9", 0)] {
        let expected = ClaimState {
            reason: Reason::Other,
            stage: Stage::Blocking,
            life: Seq(life),
            version: 1,
            since: Seq(0),
            question: None,
        };
        let claim = read(&mut tx, device, of).await.expect("a claim");
        assert_eq!(claim, Claim { state: expected, user: None, items: BTreeMap::new() });
    }
    assert!(tx.due_claims(1, at(999), 10).await.expect("read").is_empty());
    let lives =
        tx.held(&HeldFilter { resolved_too: true, ..HeldFilter::default() }, 100).await.expect("listed");
    assert!(lives.len() == 8 && lives.iter().all(|row| row.life.is_none()), "not noted");
    for device in [1, 2] {
        let row = tx.device(device).await.expect("read").expect("there");
        assert!(!row.scan_replaces && row.rereads.is_none());
    }
}

/// Devices that conflict with the fleet about a PIN keep their own people. Nothing else changes.
#[tokio::test]
async fn conflicts_that_wait_for_an_operator_become_claims_and_nothing_else_changes() {
    let (database, db) = before_claims().await;
    put_conflicts(database.kind(), &db).await;
    let mut before = Vec::new();
    for (table, columns) in TABLES {
        before.push(rows_of(&db, table, columns).await);
    }
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [11, 4, 8, 3]);
    // MySQL commits each statement by itself. After a killed process, the whole migration runs again.
    let times = if database.kind() == Engine::Sqlite { 1 } else { 2 };
    for _ in 0..times {
        run(&db, "DELETE FROM schema_migration WHERE version = 13").await;

        let store = Store::open(database.url(), keys(1)).await.expect("migrated");

        for ((table, columns), before) in TABLES.into_iter().zip(&before) {
            assert_eq!(&rows_of(&db, table, columns).await, before, "{table}");
        }
        assert_claims(&store, &db).await;
    }
}
