//! A MariaDB server for tests, and databases in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A server that answers at a socket.
#[derive(Debug)]
pub struct MariaDb {
    socket: PathBuf,
    /// The script that runs the server until its input ends: with this value, or with this process.
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

    /// A server of one's own, with these options instead of those that make tests quick; none = those.
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

    /// Where it answers.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://muster@localhost/{database}?socket={}", self.socket.display())
    }

    /// Makes an empty database, as a company would: with the server's own character set. Returns its name.
    pub fn create(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        name
    }

    /// Removes a database as soon as nobody uses it any more, and does not wait for that: connections of a test end with
    /// its runtime, or with its process.
    pub fn drop_database(&self, name: &str) {
        let sql = format!("SET lock_wait_timeout = 60; DROP DATABASE IF EXISTS {name}");
        // Where it fails, the server that goes with the run takes the database along.
        let _ = self.client(&sql).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }

    /// Runs SQL as `root`, by the server's own client; returns what it prints.
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
