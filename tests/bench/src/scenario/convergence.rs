//! Convergence: simulated devices until all hold what was enrolled at one of them, with `muster simulate`.

use anyhow::Context as _;

use crate::row::Row;
use crate::run::Run;

const NAME: &str = "convergence";

pub fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in &run.engines {
        for (devices, users) in run.pick(vec![(5, 20)], vec![(2, 100), (100, 1_000)]) {
            let server = run.server(*engine)?;
            let (url, devices_text, users_text) =
                (format!("http://{}", server.address()), devices.to_string(), users.to_string());
            let mut arguments = vec!["simulate", "--json", "--url", &url, "--devices", &devices_text];
            arguments.extend(["--users", &users_text, "--templates", "3", "--faces", "0"]);
            arguments.extend(["--interval", "1", "--deadline", "1800"]);
            let report: serde_json::Value = serde_json::from_str(&server.run(&arguments)?)?;
            let ms = report["equal_after_ms"].as_f64().context("the devices do not hold the same")?;
            let mut row = |what: &str, value: f64| {
                let what =
                    format!("{devices} devices, {users} users with 3 fingerprints enrolled at one: {what}");
                rows.push(Row::new(NAME, what, *engine, &[value]));
            };
            row("s until all are equal, polls every second", ms / 1000.0);
            row("processor s of the server", server.process().processor_s());
            row("memory at most, MiB", server.process().peak_memory_mib());
        }
    }
    Ok(rows)
}
