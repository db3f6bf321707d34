//! Bare `MariaDB`: commits of one row, from one connection and from many, and commits of many rows.

use databases::MariaDb;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, query, raw_sql};
use tokio::task::JoinSet;

use crate::clock::{Duration, now};
use crate::load::count;

/// A table with a two-column key and a body, like that of bare `SQLite`.
const TABLE: &str = "CREATE TABLE bare (row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
                     pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, kind BIGINT NOT NULL, \
                     body BLOB NOT NULL, UNIQUE (pin, kind)) ENGINE = InnoDB";

/// Inserts rows for this time, each in its own transaction; returns commits per second.
///
/// # Errors
/// The database fails.
pub async fn commits_a_second(mariadb: &MariaDb, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let name = mariadb.create();
    let done = commits(&mariadb.url(&name), connections, time).await;
    mariadb.drop_database(&name);
    done
}

/// Inserts rows over one connection for this time, `a_commit` rows per transaction in one statement, each with a
/// body of `body_bytes`; returns rows per second.
///
/// # Errors
/// The database fails.
pub async fn rows_a_second(
    mariadb: &MariaDb,
    a_commit: usize,
    body_bytes: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let name = mariadb.create();
    let done = rows(&mariadb.url(&name), a_commit, body_bytes, time).await;
    mariadb.drop_database(&name);
    done
}

async fn rows(url: &str, a_commit: usize, body_bytes: usize, time: Duration) -> anyhow::Result<f64> {
    let mut db = MySqlConnection::connect(url).await?;
    raw_sql(TABLE).execute(&mut db).await?;
    let insert =
        format!("INSERT INTO bare (pin, kind, body) VALUES {}", vec!["(?, 1, ?)"; a_commit].join(", "));
    let mut body = vec![0_u8; body_bytes];
    let mut rows = 0_usize;
    let begun = now();
    while begun.elapsed() < time {
        raw_sql("START TRANSACTION").execute(&mut db).await?;
        let mut insert = query(AssertSqlSafe(insert.as_str()));
        for _ in 0..a_commit {
            for (byte, digit) in body.iter_mut().zip(rows.to_le_bytes()) {
                *byte = digit;
            }
            insert = insert.bind(rows.to_string()).bind(body.clone());
            rows += 1;
        }
        insert.execute(&mut db).await?;
        raw_sql("COMMIT").execute(&mut db).await?;
    }
    let rate = count(rows) / begun.elapsed().as_secs_f64();
    db.close().await?;
    Ok(rate)
}

async fn commits(url: &str, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let mut db = MySqlConnection::connect(url).await?;
    raw_sql(TABLE).execute(&mut db).await?;
    let mut open = vec![db];
    while open.len() < connections {
        open.push(MySqlConnection::connect(url).await?);
    }
    let mut tasks = JoinSet::new();
    let begun = now();
    for (number, mut db) in open.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut rows = 0_usize;
            while begun.elapsed() < time {
                query("INSERT INTO bare (pin, kind, body) VALUES (?, 1, ?)")
                    .bind(format!("{number}-{rows}"))
                    .bind(vec![7_u8; 100])
                    .execute(&mut db)
                    .await?;
                rows += 1;
            }
            db.close().await?;
            anyhow::Ok(rows)
        });
    }
    let mut rows = 0;
    while let Some(done) = tasks.join_next().await {
        rows += done??;
    }
    Ok(count(rows) / begun.elapsed().as_secs_f64())
}
