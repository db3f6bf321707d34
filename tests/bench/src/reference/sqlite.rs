//! Bare `SQLite` with the durability settings of Muster in `crates/store/src/engine.rs`.

use anyhow::Context as _;
use rusqlite::Connection;

use crate::clock::{Duration, now};
use crate::load::count;

const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000";

/// A table with a two-column key and a body.
const TABLE: &str = "CREATE TABLE row (row_id INTEGER NOT NULL PRIMARY KEY, pin TEXT NOT NULL, kind INTEGER NOT NULL, \
                     body BLOB NOT NULL, UNIQUE (pin, kind)) STRICT";

/// Inserts rows for this time, `a_commit` rows per transaction, each with a body of `body_bytes`; returns rows per
/// second.
///
/// # Errors
/// The database fails.
pub fn rows_a_second(a_commit: usize, body_bytes: usize, time: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let db = Connection::open(folder.path().join("bare.db")).context("SQLite")?;
    db.execute_batch(PRAGMAS)?;
    db.execute_batch(TABLE)?;
    let mut insert = db.prepare("INSERT INTO row (pin, kind, body) VALUES (?, 1, ?)")?;
    let mut body = vec![0_u8; body_bytes];
    let mut rows = 0_usize;
    let begun = now();
    while begun.elapsed() < time {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..a_commit {
            for (byte, digit) in body.iter_mut().zip(rows.to_le_bytes()) {
                *byte = digit;
            }
            insert.execute((rows.to_string(), &body))?;
            rows += 1;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(count(rows) / begun.elapsed().as_secs_f64())
}
