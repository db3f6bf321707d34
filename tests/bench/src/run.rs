//! The settings of a run: short or full form, engines, server.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use databases::MariaDb;

use crate::clock::Duration;
use crate::server::{Engine, Server, built};

/// The extent of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A minute or two in all, for a comparison with recorded ratios.
    Short,
    /// The full run, which the page shows.
    Full,
}

/// The state that scenarios share.
#[derive(Debug)]
pub struct Run {
    /// The extent.
    pub form: Form,
    /// The engines.
    pub engines: Vec<Engine>,
    program: PathBuf,
    mariadb: Option<MariaDb>,
}

impl Run {
    /// Starts what all scenarios need. `program` replaces the built server.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn new(form: Form, engines: Vec<Engine>, program: Option<&Path>) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program.canonicalize().with_context(|| format!("{}", program.display()))?,
            None => built()?,
        };
        // The default number of connections, passed explicitly: without options the script sets the server up for
        // tests.
        let mariadb = engines.contains(&Engine::MariaDb).then(|| MariaDb::start(&["--max-connections=151"]));
        Ok(Self { form, engines, program, mariadb })
    }

    /// Selects a value by the extent.
    pub fn pick<T>(&self, short: T, full: T) -> T {
        match self.form {
            Form::Short => short,
            Form::Full => full,
        }
    }

    /// Number of rounds of figures that are compared in turns.
    pub fn rounds(&self) -> usize {
        self.pick(3, 5)
    }

    /// Duration of a load.
    pub fn time(&self) -> Duration {
        self.pick(Duration::from_millis(800), Duration::from_secs(3))
    }

    /// The MariaDB server, if it is measured.
    pub const fn mariadb(&self) -> Option<&MariaDb> {
        self.mariadb.as_ref()
    }

    /// A server on an empty database.
    ///
    /// # Errors
    /// The server does not start.
    pub fn server(&self, engine: Engine) -> anyhow::Result<Server<'_>> {
        let mariadb = match engine {
            Engine::Sqlite => None,
            Engine::MariaDb => self.mariadb.as_ref(),
        };
        Server::start(&self.program, mariadb)
    }

    /// A server on an empty file, on a simulated disk whose flushes take longer by `slower`.
    ///
    /// # Errors
    /// The server does not start, or `strace` is missing.
    pub fn server_on_slow_disk(&self, slower: Duration) -> anyhow::Result<Server<'_>> {
        Server::start_on_slow_disk(&self.program, slower)
    }

    /// A server of each engine.
    ///
    /// # Errors
    /// One does not start.
    pub fn servers(&self) -> anyhow::Result<Vec<Server<'_>>> {
        self.engines.iter().map(|engine| self.server(*engine)).collect()
    }
}
