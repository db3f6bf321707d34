//! Uploads: records in bodies of 100 lines, like the uploads of devices that send all their data.

use crate::device::{fleet, serial_number, upload};
use crate::line::{Connection, Request};
use crate::load::{self, Measured, Until, count};
use crate::people;
use crate::reference;
use crate::row::{On, Row, ratios};
use crate::run::{Form, Run};
use crate::server::{Engine, Server};

const NAME: &str = "uploads";

const LINES: usize = 100;

/// Lines per person with two fingers and a face.
const LINES_A_PERSON: usize = 4;

/// The uploaded records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Users,
    WithTemplates,
}

/// A load of uploads, measured in records per second.
struct Uploads {
    kind: Kind,
    uploaders: usize,
    bodies: usize,
}

impl Uploads {
    /// Bodies with new people; `first` is the number of the first and advances.
    fn bodies(&self, first: &mut usize) -> Vec<Vec<Request>> {
        let mut body = |number: usize| {
            let people = match self.kind {
                Kind::Users => LINES,
                Kind::WithTemplates => LINES / LINES_A_PERSON,
            };
            let pins = *first..*first + people;
            *first += people;
            let body = match self.kind {
                Kind::Users => people::users(pins),
                Kind::WithTemplates => people::with_templates(pins, 2, true),
            };
            upload(&serial_number(number), &body)
        };
        (0..self.uploaders).map(|number| (0..self.bodies).map(|_| body(number)).collect()).collect()
    }

    async fn run(&self, server: &Server<'_>, first: &mut usize) -> anyhow::Result<Measured> {
        let bodies = self.bodies(first);
        let (to, process) = (server.address(), server.process());
        let mut measured =
            load::closed(to, process, Connection::KeptAlive, bodies, Until::Done, "OK:100").await?;
        measured.requests *= count(LINES);
        Ok(measured)
    }

    fn what(&self) -> String {
        let kind = match self.kind {
            Kind::Users => "users",
            Kind::WithTemplates => "records/s, users with 2 fingers and a face",
        };
        let kind = if self.kind == Kind::Users { format!("{kind}/s") } else { kind.to_owned() };
        format!("{kind}, {} devices at once", self.uploaders)
    }
}

/// Rows per second of the bare engines, a hundred per commit, by round and [`BARE_BYTES`].
#[derive(Default)]
struct Bare {
    sqlite: [Vec<f64>; 2],
    mariadb: [Vec<f64>; 2],
}

/// Row sizes, bytes.
const BARE_BYTES: [usize; 2] = [100, 1_400];

impl Bare {
    async fn measure(&mut self, run: &Run) -> anyhow::Result<()> {
        for ((bytes, sqlite), mariadb) in BARE_BYTES.into_iter().zip(&mut self.sqlite).zip(&mut self.mariadb)
        {
            if run.engines.contains(&Engine::Sqlite) {
                sqlite.push(reference::sqlite::rows_a_second(LINES, bytes, run.time() / 2)?);
            }
            if let Some(server) = run.mariadb() {
                let rows = reference::mariadb::rows_a_second(server, LINES, bytes, run.time() / 2);
                mariadb.push(rows.await?);
            }
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for ((bytes, sqlite), mariadb) in ["100", "1,400"].into_iter().zip(&self.sqlite).zip(&self.mariadb) {
            let mut row = |what: String, on: On, rounds: &[f64]| {
                if !rounds.is_empty() {
                    rows.push(Row::new(NAME, what, on, rounds));
                }
            };
            let what = format!("the bare engine: rows/s of {bytes} bytes, 100 a commit");
            row(what.clone(), On::Sqlite, sqlite);
            row(what.clone(), On::MariaDb, mariadb);
            row(format!("MariaDB ÷ SQLite: {what}"), On::MariaDb, &ratios(mariadb, sqlite));
        }
        rows
    }
}

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let mut loads = vec![
        Uploads { kind: Kind::Users, uploaders: 16, bodies: run.pick(2, 10) },
        Uploads { kind: Kind::WithTemplates, uploaders: 16, bodies: run.pick(1, 5) },
    ];
    if run.form == Form::Full {
        loads.push(Uploads { kind: Kind::Users, uploaders: 64, bodies: 3 });
        loads.push(Uploads { kind: Kind::WithTemplates, uploaders: 64, bodies: 2 });
    }
    let servers = run.servers()?;
    for server in &servers {
        fleet(server.address(), 0..64).await?;
    }
    let mut first = 1;
    // Indexed by load, then by server.
    let mut measured: Vec<Vec<Vec<Measured>>> =
        loads.iter().map(|_| servers.iter().map(|_| vec![]).collect()).collect();
    let mut bare = Bare::default();
    for _ in 0..run.rounds() {
        bare.measure(run).await?;
        for (load, measured) in loads.iter().zip(&mut measured) {
            for (server, measured) in servers.iter().zip(measured) {
                measured.push(load.run(server, &mut first).await?);
            }
        }
    }
    let mut rows = bare.rows();
    for (load, measured) in loads.iter().zip(&measured) {
        for (server, measured) in servers.iter().zip(measured) {
            rows.extend(rows_of(load, server, measured));
            if server.engine() == Engine::Sqlite && load.uploaders == 16 {
                rows.push(share(load, measured, &bare.sqlite));
            }
        }
        rows.extend(between_engines(load, &servers, measured));
    }
    for server in &servers {
        rows.push(Row::new(
            NAME,
            "memory at most, MiB",
            server.engine(),
            &[server.process().peak_memory_mib()],
        ));
    }
    Ok(rows)
}

fn rows_of(load: &Uploads, server: &Server<'_>, measured: &[Measured]) -> Vec<Row> {
    let rounds = |of: fn(&Measured) -> f64| measured.iter().map(of).collect::<Vec<_>>();
    let (what, engine) = (load.what(), server.engine());
    let mut row = Row::new(NAME, &what, engine, &rounds(Measured::a_second));
    if engine == Engine::Sqlite && load.kind == Kind::Users && load.uploaders == 16 {
        row = row.goal("≥ 30,000");
    }
    let mut rows = vec![row];
    if load.kind == Kind::WithTemplates {
        let templates = rounds(|measured| measured.a_second() * 0.75);
        let mut row = Row::new(
            NAME,
            format!("templates/s of these, {} devices at once", load.uploaders),
            engine,
            &templates,
        );
        if engine == Engine::Sqlite && load.uploaders == 16 {
            row = row.goal("≥ 10,000");
        }
        rows.push(row);
    }
    if load.uploaders == 16 {
        let what = format!("processor s for 1,000 records: {what}");
        rows.push(Row::new(NAME, what, engine, &rounds(Measured::processor_s_a_thousand)));
    }
    let refused: f64 = measured.iter().map(|measured| measured.refused).sum();
    if refused > 0.0 {
        rows.push(Row::new(
            NAME,
            format!("bodies refused (503) and sent again, in all: {what}"),
            engine,
            &[refused],
        ));
    }
    rows
}

fn share(load: &Uploads, measured: &[Measured], [short_rows, long_rows]: &[Vec<f64>; 2]) -> Row {
    let records: Vec<f64> = measured.iter().map(Measured::a_second).collect();
    let (what, name, bare) = match load.kind {
        Kind::Users => ("users/s ÷ bare rows/s of 100 bytes", "uploads-users", short_rows),
        Kind::WithTemplates => ("records/s ÷ bare rows/s of 1,400 bytes", "uploads-templates", long_rows),
    };
    Row::new(NAME, what, On::Sqlite, &ratios(&records, bare)).ratio(name)
}

/// Compares `MariaDB` with `SQLite` if both were measured.
fn between_engines(load: &Uploads, servers: &[Server<'_>], measured: &[Vec<Measured>]) -> Option<Row> {
    let of = |engine| {
        let at = servers.iter().position(|server| server.engine() == engine)?;
        Some(measured.get(at)?.iter().map(Measured::a_second).collect::<Vec<_>>())
    };
    let (sqlite, mariadb) = (of(Engine::Sqlite)?, of(Engine::MariaDb)?);
    let name = match (load.kind, load.uploaders) {
        (Kind::Users, 16) => "uploads-users",
        (Kind::WithTemplates, 16) => "uploads-templates",
        _ => return None,
    };
    let what = format!("MariaDB ÷ SQLite: {}", load.what());
    Some(Row::new(NAME, what, On::MariaDb, &ratios(&mariadb, &sqlite)).ratio(name))
}
