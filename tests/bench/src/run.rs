//! A run: which form, on which engines, with what.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use databases::MariaDb;

use crate::clock::Duration;
use crate::server::{Engine, Server, built};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A minute or two in all, for a comparison with recorded ratios.
    Short,
    /// What the page shows.
    Full,
}

/// What scenarios share.
#[derive(Debug)]
pub struct Run {
    /// How much.
    pub form: Form,
    /// On what.
    pub engines: Vec<Engine>,
    program: PathBuf,
    mariadb: Option<MariaDb>,
}

impl Run {
    /// Starts what all scenarios need; the server is another program than the built one where one is named.
    ///
    /// # Errors
    /// The program is not there.
    pub fn new(form: Form, engines: Vec<Engine>, program: Option<&Path>) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program.canonicalize().with_context(|| format!("{}", program.display()))?,
            None => built()?,
        };
        // The default number of connections: named, since without any option the server is set up for tests.
        let mariadb = engines.contains(&Engine::MariaDb).then(|| MariaDb::start(&["--max-connections=151"]));
        Ok(Self { form, engines, program, mariadb })
    }

    /// One thing or another.
    pub fn pick<T>(&self, short: T, full: T) -> T {
        match self.form {
            Form::Short => short,
            Form::Full => full,
        }
    }

    /// How often is measured what is compared, in turns.
    pub fn rounds(&self) -> usize {
        self.pick(3, 5)
    }

    /// How long a load lasts.
    pub fn time(&self) -> Duration {
        self.pick(Duration::from_millis(800), Duration::from_secs(3))
    }

    /// The database server, where one is measured.
    pub const fn mariadb(&self) -> Option<&MariaDb> {
        self.mariadb.as_ref()
    }

    /// A server on an empty database.
    ///
    /// # Errors
    /// It does not start.
    pub fn server(&self, engine: Engine) -> anyhow::Result<Server<'_>> {
        let mariadb = match engine {
            Engine::Sqlite => None,
            Engine::MariaDb => self.mariadb.as_ref(),
        };
        Server::start(&self.program, mariadb)
    }

    /// A server on an empty file, as on a disk of which each flush takes so much longer.
    ///
    /// # Errors
    /// It does not start, or there is no `strace`.
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
