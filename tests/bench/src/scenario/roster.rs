//! Roster: the content of a device at a medium site in one body, new and then unchanged.

use crate::clock::timed;
use crate::device::Device;
use crate::people;
use crate::row::Row;
use crate::run::Run;

const NAME: &str = "roster";

/// Number of people, each with three or four fingerprints.
const PEOPLE: usize = 415;
const FINGERPRINTS: usize = 1_300;

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let body = body();
    let mut rows = Vec::new();
    for engine in &run.engines {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..run.rounds() {
            let server = run.server(*engine)?;
            let mut device = Device::introduced(server.address(), 0).await?;
            for times in [&mut first, &mut again] {
                let (taken, took) = timed(device.upload(&body)).await;
                taken?;
                times.push(took.as_secs_f64() * 1000.0);
            }
        }
        let what = format!("ms until the OK for {PEOPLE} users with {FINGERPRINTS} fingerprints in one body");
        rows.push(Row::new(NAME, &what, *engine, &first));
        rows.push(Row::new(NAME, format!("{what}, again: nothing changed"), *engine, &again));
    }
    Ok(rows)
}

fn body() -> Vec<u8> {
    // Everybody has three, and 55 people have a fourth.
    let four = FINGERPRINTS - 3 * PEOPLE;
    let (more, fewer) = (1..1 + four, 1 + four..1 + PEOPLE);
    [people::with_templates(more, 4, false), people::with_templates(fewer, 3, false)].concat()
}
