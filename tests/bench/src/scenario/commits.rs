//! Uploads of one record each: the cost of a durable answer, and how well devices share it.

use crate::clock::Duration;
use crate::device::{fleet, serial_number, upload};
use crate::line::Connection;
use crate::load::{self, Measured, Until};
use crate::people;
use crate::reference::{mariadb, sqlite};
use crate::row::{Row, ratios};
use crate::run::{Form, Run};
use crate::server::{Engine, Server};

const NAME: &str = "commits";

const MANY: usize = 64;

/// Bodies that are prepared per second; more than the server accepts, so that no user is new twice.
const BODIES_A_SECOND: usize = 6_000;

/// The measurements on one engine, round by round.
#[derive(Default)]
struct Rounds {
    one: Vec<Measured>,
    many: Vec<Measured>,
    bare_one: Vec<f64>,
    bare_many: Vec<f64>,
}

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let servers = run.servers()?;
    let mut all: Vec<Rounds> = servers.iter().map(|_| Rounds::default()).collect();
    for server in &servers {
        fleet(server.address(), 0..MANY).await?;
    }
    let mut first = 1;
    for _ in 0..run.rounds() {
        for (server, rounds) in servers.iter().zip(&mut all) {
            match (server.engine(), run.mariadb()) {
                (Engine::Sqlite, _) => rounds.bare_one.push(sqlite::rows_a_second(1, 100, run.time() / 2)?),
                (Engine::MariaDb, Some(bare)) => {
                    rounds.bare_one.push(mariadb::commits_a_second(bare, 1, run.time() / 2).await?);
                    rounds.bare_many.push(mariadb::commits_a_second(bare, MANY, run.time() / 2).await?);
                }
                (Engine::MariaDb, None) => {}
            }
            rounds.one.push(records(run, server, 1, &mut first).await?);
            rounds.many.push(records(run, server, MANY, &mut first).await?);
        }
    }
    let mut rows: Vec<Row> =
        servers.iter().zip(&all).flat_map(|(server, rounds)| rows(server.engine(), rounds)).collect();
    drop(servers);
    if run.form == Form::Full && run.engines.contains(&Engine::Sqlite) {
        rows.extend(on_slow_disk(run, &mut first).await?);
    }
    Ok(rows)
}

/// The same on a simulated slower disk.
async fn on_slow_disk(run: &Run, first: &mut usize) -> anyhow::Result<Vec<Row>> {
    const SLOWER: Duration = Duration::from_millis(4);
    let server = run.server_on_slow_disk(SLOWER)?;
    fleet(server.address(), 0..MANY).await?;
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..run.rounds() {
        one.push(records(run, &server, 1, first).await?.a_second());
        many.push(records(run, &server, MANY, first).await?.a_second());
    }
    let row = |what: &str, rounds: &[f64]| {
        let what = format!("each flush {} ms longer: {what}", SLOWER.as_millis());
        Row::new(NAME, what, Engine::Sqlite, rounds)
    };
    Ok(vec![
        row("uploads/s of one user, 1 device", &one),
        row("uploads/s of one user, 64 devices at once", &many),
        row("64 devices ÷ 1 device", &ratios(&many, &one)).goal("≥ 10"),
    ])
}

/// Uploads new users, one per body, until the time is up.
async fn records(
    run: &Run,
    server: &Server<'_>,
    uploaders: usize,
    first: &mut usize,
) -> anyhow::Result<Measured> {
    let bodies = BODIES_A_SECOND / uploaders.min(8) * run.pick(1, 3);
    let mut body = |number: usize| {
        *first += 1;
        upload(&serial_number(number), people::user(*first, "Person").as_bytes())
    };
    let bodies = (0..uploaders).map(|number| (0..bodies).map(|_| body(number)).collect()).collect();
    load::closed(
        server.address(),
        server.process(),
        Connection::KeptAlive,
        bodies,
        Until::Time(run.time()),
        "OK:1",
    )
    .await
}

fn rows(engine: Engine, rounds: &Rounds) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |what: &str, rounds: &[f64]| {
        if !rounds.is_empty() {
            rows.push(Row::new(NAME, what, engine, rounds));
        }
    };
    let of = |measured: &[Measured], of: fn(&Measured) -> f64| measured.iter().map(of).collect::<Vec<_>>();
    row("the bare engine: commits/s of one row, 1 connection", &rounds.bare_one);
    row("the bare engine: commits/s of one row, 64 connections", &rounds.bare_many);
    let (one, many) = (of(&rounds.one, Measured::a_second), of(&rounds.many, Measured::a_second));
    row("uploads/s of one user, 1 device", &one);
    row("uploads/s of one user, 64 devices at once", &many);
    row(
        "ms until the OK, 1 device, p50",
        &of(&rounds.one, |measured| measured.latencies.percentile_ms(50.0)),
    );
    row(
        "ms until the OK, 64 devices, p99",
        &of(&rounds.many, |measured| measured.latencies.percentile_ms(99.0)),
    );
    row("processor s for 1,000 uploads, 1 device", &of(&rounds.one, Measured::processor_s_a_thousand));
    row("processor s for 1,000 uploads, 64 devices", &of(&rounds.many, Measured::processor_s_a_thousand));
    let refused: f64 = rounds.many.iter().map(|measured| measured.refused).sum();
    if refused > 0.0 {
        row("uploads refused (503) and sent again, 64 devices, in all", &[refused]);
    }
    let group = ratios(&many, &one);
    rows.push(Row::new(NAME, "64 devices ÷ 1 device", engine, &group).goal("≥ 10").ratio("commits-group"));
    let share = ratios(&one, &rounds.bare_one);
    // This ratio is not recorded: the slower of flush and server decides it, and on some days flushes take ten
    // times as long.
    rows.push(Row::new(NAME, "1 device ÷ the bare engine", engine, &share));
    rows
}
