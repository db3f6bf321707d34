//! A MariaDB server for tests, and databases in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A MariaDB server with its socket.
#[derive(Debug)]
pub struct MariaDb {
    socket: PathBuf,
    /// The script that runs the server until its input ends, which happens when this value is dropped or the
    /// process ends.
    own: Option<(Child, TempDir)>,
}

impl MariaDb {
    /// The server that all tests of a run share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var_os("MUSTER_TEST_MARIADB") {
            Some(socket) => Self { socket: socket.into(), own: None },
            None => Self::start(&[]),
        })
    }

    /// Starts a separate server with these options; without options, with those that make tests fast.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("mariadb");
        let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/mariadb"))
            .arg(&data)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/mariadb runs");
        let mut said = String::new();
        let mut output = BufReader::new(script.stdout.take().expect("it is piped"));
        output.read_line(&mut said).expect("it writes text");
        assert_eq!(said.trim(), "ready", "no MariaDB server: what is wrong stands above");
        Self { socket: data.join("socket"), own: Some((script, folder)) }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://muster@localhost/{database}?socket={}", self.socket.display())
    }

    /// Creates an empty database with the server's default character set, as a company would. Returns its name.
    pub fn create(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        name
    }

    /// Drops a database as soon as its last connection ends, without waiting. Connections of a test end with its
    /// runtime or its process.
    pub fn drop_database(&self, name: &str) {
        let sql = format!("SET lock_wait_timeout = 60; DROP DATABASE IF EXISTS {name}");
        // If it fails, the database disappears with the server of the test run.
        let _ = self.client(&sql).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }

    /// Runs SQL as `root` with the server's own client; returns its output.
    pub fn run(&self, sql: &str) -> String {
        let output = self.client(sql).output().expect("the client of MariaDB runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn client(&self, sql: &str) -> Command {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--batch", "--skip-column-names", "--user=root"])
            .arg(format!("--socket={}", self.socket.display()))
            .arg(format!("--execute={sql}"));
        client
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if let Some((script, _)) = &mut self.own {
            drop(script.stdin.take());
            let _ = script.wait();
        }
    }
}
