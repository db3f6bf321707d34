//! The benchmark: throughput and latency of the server, measured from outside. `scripts/bench` builds it with the
//! server.
//!
//! The server is the built program in its own process, with an SQLite file and with a MariaDB server, both on the
//! disk of this machine. This process plays the devices. The same run measures what the machine can do without the
//! server: a bare HTTP server and the bare engines, in turns with the server. So ratios are meaningful even if
//! single figures are not.

mod clock;
mod device;
mod fleet;
mod latency;
mod line;
mod load;
mod people;
mod process;
mod ratios;
mod reference;
mod row;
mod run;
mod scenario;
mod server;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use self::ratios::Ratios;
use self::row::Row;
use self::run::{Form, Run};
use self::scenario::Scenario;
use self::server::Engine;

/// Measures the server and the machine's own limits, and prints one table
///
/// Client, server and database share the machine: let nothing else run, and trust ratios more than figures.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench", max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Run for a minute or two instead of half an hour: fewer rounds, smaller fleets, fewer scenarios
    #[arg(long)]
    short: bool,
    /// Run only these scenarios
    #[arg(long, value_enum, num_args = 1.., value_name = "SCENARIO")]
    only: Vec<Scenario>,
    /// The database engine
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// The server to test, for example an older version [default: muster beside this program]
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// Store the figures in this file; figures of earlier runs that are not measured now stay
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the table of all figures in --json between the marks of this page
    #[arg(long, value_name = "PAGE")]
    write: Option<PathBuf>,
    /// Compare ratios with the recorded ones, and fail if one fell by more than a third
    #[arg(long, requires = "short", conflicts_with = "record")]
    check: bool,
    /// Record the ratios
    #[arg(long, requires = "short")]
    record: bool,
}

/// The role of this program in other processes.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Part {
    /// A bare HTTP server for comparison
    #[command(name = reference::hyper::SUBCOMMAND, hide = true)]
    BareServer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    #[value(name = "mariadb")]
    MariaDb,
    Both,
}

impl Engines {
    fn all(self) -> Vec<Engine> {
        match self {
            Self::Sqlite => vec![Engine::Sqlite],
            Self::MariaDb => vec![Engine::MariaDb],
            Self::Both => vec![Engine::Sqlite, Engine::MariaDb],
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::BareServer) => reference::hyper::serve().await.map(|()| ExitCode::SUCCESS),
        None => bench(arguments).await,
    }
}

async fn bench(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let form = if arguments.short { Form::Short } else { Form::Full };
    if let Some(page) = &arguments.write {
        table::is_page(page)?;
    }
    let run = Run::new(form, arguments.engine.all(), arguments.program.as_deref())?;
    let chosen = |scenario: &Scenario| match arguments.only.as_slice() {
        [] if arguments.check || arguments.record => scenario.has_ratios(),
        [] => !arguments.short || scenario.is_short(),
        only => only.contains(scenario),
    };
    let scenarios: Vec<Scenario> = Scenario::value_variants().iter().copied().filter(chosen).collect();
    let mut rows = Vec::new();
    for scenario in scenarios {
        rows.extend(measured(scenario, &run).await?);
        if let Some(file) = &arguments.json {
            // Results are stored after each scenario, so that a later failure loses nothing.
            kept(&rows, file)?;
        }
    }
    let mut fallen = Vec::new();
    if arguments.check {
        fallen = checked(&mut rows, &run).await?;
    }
    if arguments.record {
        let file = Ratios::file();
        Ratios::read(&file)?.record(&rows, &file)?;
    }
    if let Some(file) = &arguments.json {
        rows = kept(&rows, file)?;
    }
    let table = table::markdown(&rows);
    print!("{table}");
    if let Some(page) = &arguments.write {
        table::write_into(page, &table)?;
    }
    for problem in &fallen {
        eprintln!("{problem}");
    }
    Ok(if fallen.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the figures into a file, together with figures of earlier runs that were not measured now; returns all
/// of them.
fn kept(rows: &[Row], file: &Path) -> anyhow::Result<Vec<Row>> {
    let all = table::merged(table::earlier(file)?, rows);
    std::fs::write(file, serde_json::to_string_pretty(&all)? + "\n")?;
    Ok(all)
}

async fn measured(scenario: Scenario, run: &Run) -> anyhow::Result<Vec<Row>> {
    let (rows, took) = clock::timed(scenario.measure(run)).await;
    eprintln!("{}: {:.0} s", scenario.name(), took.as_secs_f64());
    rows
}

/// The ratios that fell. Each is measured a second time first, because the machine may have been busy for a
/// moment.
async fn checked(rows: &mut Vec<Row>, run: &Run) -> anyhow::Result<Vec<String>> {
    let recorded = Ratios::read(&Ratios::file())?;
    let fallen = recorded.fallen(rows);
    let again = |scenario: &&Scenario| fallen.iter().any(|(fallen, _)| *fallen == scenario.name());
    let again: Vec<Scenario> = Scenario::value_variants().iter().filter(again).copied().collect();
    for (_, problem) in &fallen {
        eprintln!("{problem}; measured once more");
    }
    let mut problems = Vec::new();
    for scenario in again {
        let new = measured(scenario, run).await?;
        problems.extend(recorded.fallen(&new).into_iter().map(|(_, problem)| problem));
        *rows = table::merged(std::mem::take(rows), &new);
    }
    Ok(problems)
}
