//! First fill: a new device that acknowledges immediately, and ten of them at the same time.

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::clock::{Duration, now, timed};
use crate::device::Device;
use crate::load::count;
use crate::people;
use crate::reference::sqlite;
use crate::row::{Row, ratios};
use crate::run::Run;
use crate::server::{Engine, Server};

const NAME: &str = "first-fill";

/// Items per person: a user, two fingerprints and a face.
const ITEMS_A_PERSON: usize = 4;

/// Number of devices at the same time.
const TEN: usize = 10;

/// Time without progress after which a fill has failed.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Default)]
struct Rounds {
    one: Vec<f64>,
    ten: Vec<f64>,
    /// Rows per second of bare SQLite.
    bare: Vec<f64>,
    processor: Vec<f64>,
}

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let people = if cfg!(debug_assertions) { 50 } else { run.pick(500, 2_500) };
    let servers = run.servers()?;
    let mut all: Vec<Rounds> = servers.iter().map(|_| Rounds::default()).collect();
    for server in &servers {
        let mut first = Device::introduced(server.address(), 0).await?;
        for pin in (1..=people).step_by(25) {
            first.upload(&people::with_templates(pin..pin + 25, 2, true)).await?;
        }
    }
    let mut next = 1;
    for _ in 0..3 {
        for (server, rounds) in servers.iter().zip(&mut all) {
            rounds.bare.push(sqlite::rows_a_second(100, 100, run.time() / 2)?);
            let before = server.process().processor_s();
            rounds.one.push(filled(server, &mut next, 1, people * ITEMS_A_PERSON).await?);
            let processor = server.process().processor_s() - before;
            rounds.processor.push(processor / count(people * ITEMS_A_PERSON) * 1000.0);
            rounds.ten.push(filled(server, &mut next, TEN, people * ITEMS_A_PERSON).await?);
        }
    }
    let mut rows = Vec::new();
    for (server, rounds) in servers.iter().zip(&all) {
        let engine = server.engine();
        let row = |what: &str, rounds: &[f64]| Row::new(NAME, what, engine, rounds);
        rows.push(row("items/s to one device", &rounds.one).goal("≥ 4,000"));
        rows.push(row("items/s to ten devices at once, in sum", &rounds.ten).goal("no fewer"));
        rows.push(row("processor s for 1,000 items", &rounds.processor));
        rows.push(
            row("ten devices ÷ one", &ratios(&rounds.ten, &rounds.one)).goal("≥ 1").ratio("first-fill-ten"),
        );
        if engine == Engine::Sqlite {
            let what = "items/s to one device ÷ bare SQLite rows/s of 100 bytes";
            rows.push(row(what, &ratios(&rounds.one, &rounds.bare)).ratio("first-fill-one"));
        }
    }
    Ok(rows)
}

/// Introduces devices and fills them at the same time; returns items per second of all together.
async fn filled(server: &Server<'_>, next: &mut usize, devices: usize, items: usize) -> anyhow::Result<f64> {
    let mut tasks = JoinSet::new();
    let mut new = Vec::new();
    for _ in 0..devices {
        new.push(Device::introduced(server.address(), *next).await?);
        *next += 1;
    }
    let (done, took) = timed(async {
        for mut device in new {
            tasks.spawn(async move {
                let (mut done, begun) = (0, now());
                while done < items && begun.elapsed() < PATIENCE {
                    done += device.drain().await?;
                }
                // The server may send other commands besides.
                ensure!(done >= items, "{done} items came of {items}");
                Ok(())
            });
        }
        while let Some(filled) = tasks.join_next().await {
            filled??;
        }
        anyhow::Ok(())
    })
    .await;
    done?;
    Ok(count(devices * items) / took.as_secs_f64())
}
