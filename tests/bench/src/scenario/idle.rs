//! Idle polls, which are most of a server's work.

use std::net::SocketAddr;

use crate::device::{fleet, poll};
use crate::line::{Connection, Request};
use crate::load::{self, Measured, Until};
use crate::process::Process;
use crate::reference::hyper::Bare;
use crate::row::{On, Row, ratios};
use crate::run::Run;

const NAME: &str = "idle";

const CONNECTIONS: usize = 64;

/// A polled server.
struct Polled {
    on: On,
    address: SocketAddr,
    process: Process,
    kept: Vec<Measured>,
    single: Vec<Measured>,
    at_rate: Option<Measured>,
}

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let (bare, servers) = (Bare::start()?, run.servers()?);
    let polled =
        |on, address, process| Polled { on, address, process, kept: vec![], single: vec![], at_rate: None };
    let mut all = vec![polled(On::Neither, bare.address(), bare.process())];
    for server in &servers {
        fleet(server.address(), 0..CONNECTIONS).await?;
        all.push(polled(server.engine().into(), server.address(), server.process()));
    }
    for _ in 0..run.rounds() {
        for connection in [Connection::KeptAlive, Connection::OfOneRequest] {
            for server in &mut all {
                let load = load::closed(
                    server.address,
                    server.process,
                    connection,
                    (0..CONNECTIONS).map(|number| vec![poll(number, connection)]).collect(),
                    Until::Time(run.time()),
                    "OK",
                );
                let measured = load.await?;
                match connection {
                    Connection::KeptAlive => server.kept.push(measured),
                    Connection::OfOneRequest => server.single.push(measured),
                }
            }
        }
    }
    let a_second = rate(run);
    for server in &mut all {
        let requests: Vec<Request> =
            (0..CONNECTIONS).map(|number| poll(number, Connection::KeptAlive)).collect();
        let time = run.time() * run.pick(1, 5);
        server.at_rate = Some(load::open(server.address, server.process, requests, a_second, time).await?);
    }
    Ok(rows(&all, a_second))
}

/// Polls per second of the open loop, low enough for a build without optimisation.
fn rate(run: &Run) -> f64 {
    if cfg!(debug_assertions) { 1_000.0 } else { run.pick(5_000.0, 5_000.0) }
}

fn rows(all: &[Polled], a_second: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(bare) = all.iter().find(|server| server.on == On::Neither) else { return rows };
    for server in all {
        let ours = server.on != On::Neither;
        let who = if ours { "" } else { "a bare hyper server: " };
        let mut row =
            |what: &str, rounds: &[f64]| rows.push(Row::new(NAME, format!("{who}{what}"), server.on, rounds));
        let rounds =
            |measured: &[Measured], of: fn(&Measured) -> f64| measured.iter().map(of).collect::<Vec<_>>();
        row("polls/s, 64 connections kept alive", &rounds(&server.kept, Measured::a_second));
        row("polls/s, a connection for each, 64 at once", &rounds(&server.single, Measured::a_second));
        row(
            "processor s for 1,000 polls, kept alive",
            &rounds(&server.kept, Measured::processor_s_a_thousand),
        );
        row(
            "processor s for 1,000 polls, a connection for each",
            &rounds(&server.single, Measured::processor_s_a_thousand),
        );
        if let Some(measured) = &server.at_rate {
            for percentile in [50.0, 99.0, 99.9] {
                let what = format!("ms at {a_second} polls/s, p{percentile}");
                row(&what, &[measured.latencies.percentile_ms(percentile)]);
            }
        }
        if ours {
            row("memory at most, MiB", &[server.process.peak_memory_mib()]);
            let shares = [
                ("kept alive", "idle-kept-alive", "≥ 0.80", &server.kept, &bare.kept),
                ("a connection for each", "idle-connection-each", "≥ 0.90", &server.single, &bare.single),
            ];
            for (what, name, goal, ours, bare) in shares {
                let ratios = ratios(&rounds(ours, Measured::a_second), &rounds(bare, Measured::a_second));
                let what = format!("polls/s ÷ those of the bare server, {what}");
                rows.push(Row::new(NAME, what, server.on, &ratios).goal(goal).ratio(name));
            }
        }
    }
    rows
}
