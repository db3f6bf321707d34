//! The server under test: the built program as a process with an empty database.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use databases::MariaDb;
use tempfile::TempDir;

use crate::clock::Duration;
use crate::process::Process;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// An SQLite file.
    Sqlite,
    /// A MariaDB server with its default settings.
    #[value(name = "mariadb")]
    MariaDb,
}

/// The default settings, except that devices need no approval and are not asked for their content.
const SETTINGS: [(&str, &str); 4] = [
    ("MUSTER_ADMISSION", "open"),
    ("MUSTER_ADOPT_QUIET_S", "0"),
    ("MUSTER_MAX_BODY_MIB", "64"),
    ("MUSTER_LOG", "warn"),
];

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running server with its database; both are removed when this is dropped.
#[derive(Debug)]
pub struct Server<'a> {
    program: &'a Path,
    /// Additional time of each flush.
    slower: Option<Duration>,
    engine: Engine,
    database: Option<(&'a MariaDb, String)>,
    folder: TempDir,
    process: Child,
    address: SocketAddr,
}

impl<'a> Server<'a> {
    /// Starts a server on an empty database: on the given MariaDB server, or on a file.
    ///
    /// # Errors
    /// It does not start; with its log.
    pub fn start(program: &'a Path, mariadb: Option<&'a MariaDb>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = mariadb.map(|server| (server, server.create()));
        let engine = if mariadb.is_some() { Engine::MariaDb } else { Engine::Sqlite };
        let command = command(program, folder.path(), &url(&folder, database.as_ref()));
        let (process, address) = serve(command, folder.path(), ANY_PORT)?;
        Ok(Self { program, slower: None, engine, database, folder, process, address })
    }

    /// Starts a server on an empty file, on a simulated disk whose flushes take longer by `slower`: `strace`
    /// delays them.
    ///
    /// # Errors
    /// It does not start (with its log), or `strace` is missing.
    pub fn start_on_slow_disk(program: &'a Path, slower: Duration) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let command = delayed(program, folder.path(), &url(&folder, None), slower);
        let (process, address) =
            serve(command, folder.path(), ANY_PORT).context("on Debian: apt-get install strace")?;
        Ok(Self {
            program,
            slower: Some(slower),
            engine: Engine::Sqlite,
            database: None,
            folder,
            process,
            address,
        })
    }

    /// The address for devices.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    fn url(&self) -> String {
        url(&self.folder, self.database.as_ref())
    }

    /// The server's process.
    pub fn process(&self) -> Process {
        Process(self.process.id())
    }

    /// Processor time of the server beyond `before`, seconds.
    pub fn processor_since(&self, before: f64) -> f64 {
        self.process().processor_s() - before
    }

    /// The process of the database; on a file it is the server itself.
    pub fn database_process(&self) -> Process {
        match &self.database {
            Some((mariadb, _)) => process_of(mariadb),
            None => self.process(),
        }
    }

    /// Number of statements that the database has executed in total; `None` if the engine does not count them.
    pub fn statements(&self) -> Option<f64> {
        let (mariadb, _) = self.database.as_ref()?;
        let status = mariadb.run("SHOW GLOBAL STATUS LIKE 'Questions'");
        status.split_whitespace().nth(1)?.parse().ok()
    }

    /// Stops the server like an operator (SIGTERM), runs `meanwhile` with the URL of its database, and starts the
    /// server again on the same port.
    ///
    /// # Errors
    /// The server fails to stop or to start, or `meanwhile` fails.
    pub async fn stopped<T>(
        &mut self,
        meanwhile: impl AsyncFnOnce(String) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        ensure!(sent.success(), "the server is gone");
        let ended = self.process.wait()?;
        ensure!(ended.success(), "the server ended with {ended}: {}", self.log());
        let done = meanwhile(self.url()).await?;
        let folder = self.folder.path();
        let command = match self.slower {
            None => command(self.program, folder, &self.url()),
            Some(slower) => delayed(self.program, folder, &self.url(), slower),
        };
        (self.process, self.address) = serve(command, folder, self.address)?;
        Ok(done)
    }

    /// Runs the program beside the server to its end; returns its output.
    ///
    /// # Errors
    /// The program fails; with its error output.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = command(self.program, self.folder.path(), &self.url()).args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "muster {}: {said}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some((mariadb, name)) = &self.database {
            mariadb.drop_database(name);
        }
    }
}

/// The process of a MariaDB server, which writes its id beside its socket.
pub fn process_of(mariadb: &MariaDb) -> Process {
    let pid = std::fs::read_to_string(mariadb.socket().with_file_name("pid")).unwrap_or_default();
    Process(pid.trim().parse().unwrap_or(0))
}

const LOG: &str = "log";

fn url(folder: &TempDir, database: Option<&(&MariaDb, String)>) -> String {
    match database {
        Some((server, name)) => server.url(name),
        None => format!("sqlite://{}", folder.path().join("muster-data/muster.db").display()),
    }
}

/// A command that runs the program in a directory, without settings from the environment of the benchmark.
fn command(program: &Path, folder: &Path, url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("MUSTER_DATABASE", url)
        .envs(SETTINGS)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

/// The same command with delayed flushes. The process stays that of the program: the tracer runs beside it and
/// intercepts only flushes.
fn delayed(program: &Path, folder: &Path, url: &str, slower: Duration) -> Command {
    let mut command = command(Path::new("strace"), folder, url);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let delay = format!("inject=fdatasync,fsync:delay_enter={}", slower.as_micros());
    command.args([
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qqq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync,fsync",
        "-e",
        &delay,
    ]);
    command.arg(program);
    command
}

fn serve(mut command: Command, folder: &Path, listen: SocketAddr) -> anyhow::Result<(Child, SocketAddr)> {
    let log = File::options().create(true).append(true).open(folder.join(LOG))?;
    command.args(["serve", "--listen", &listen.to_string(), "--admin-listen", "127.0.0.1:0"]).stderr(log);
    listening(command, "listening for devices on ")
        .with_context(|| std::fs::read_to_string(folder.join(LOG)).unwrap_or_default())
}

/// Starts a process whose first line of output contains its address after `words`.
///
/// # Errors
/// The first line is another one.
pub fn listening(mut command: Command, words: &str) -> anyhow::Result<(Child, SocketAddr)> {
    let mut process = command.stdout(Stdio::piped()).spawn().context("the program cannot be run")?;
    let mut output = BufReader::new(process.stdout.take().context("no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;
    let Some(address) = line.strip_prefix(words).and_then(|text| text.trim().parse().ok()) else {
        let _ = process.kill();
        bail!("the server does not start ({}): {line}", process.wait()?);
    };
    // The pipe stays open because the program may write more, although only the first line is read.
    process.stdout = Some(output.into_inner());
    Ok((process, address))
}

/// The built program, in the directory of this one.
///
/// # Errors
/// It is not built.
pub fn built() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("muster");
    ensure!(program.exists(), "{} is missing: run scripts/bench, which builds it", program.display());
    Ok(program)
}
