//! `MariaDB` alone: commits of one row each, from one connection and from many.

use databases::MariaDb;
use sqlx::{Connection as _, MySqlConnection, query, raw_sql};
use tokio::task::JoinSet;

use crate::clock::{Duration, now};
use crate::load::count;

/// Inserts rows for that time, each in a transaction of its own; returns commits a second.
///
/// # Errors
/// Those of the database.
pub async fn commits_a_second(mariadb: &MariaDb, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let name = mariadb.create();
    let done = commits(&mariadb.url(&name), connections, time).await;
    mariadb.drop_database(&name);
    done
}

async fn commits(url: &str, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let mut db = MySqlConnection::connect(url).await?;
    raw_sql(
        "CREATE TABLE bare (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, pin VARCHAR(24) NOT NULL, body VARBINARY(100) NOT NULL, \
         UNIQUE (pin)) ENGINE = InnoDB",
    )
    .execute(&mut db)
    .await?;
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
                query("INSERT INTO bare (pin, body) VALUES (?, ?)")
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
