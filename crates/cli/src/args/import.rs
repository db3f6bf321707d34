//! `muster import`

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

/// Taking people over from other servers.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Take over the people of the older Node.js server
    ///
    /// Reads the old database, in MySQL or MariaDB (the first generation) or in an SQLite file (the second), and does not
    /// change it. Muster takes over names, cards, passwords, fingerprints, faces, finger veins, palms and photos. It
    /// repairs a template that lost its padding if the repair is certain; it reports damaged templates and leaves them
    /// out. You can run the import while the server runs, and repeat it: Muster skips records that it already holds.
    #[command(after_help = "\
If Muster and the old database differ, Muster keeps its own version. A person
who was deleted in Muster stays deleted. --overwrite reverses both rules. The
report lists every such case.

Examples:
  muster import zk-server --from /opt/zkpush/zkpush.db --dry-run
  muster import zk-server --from /opt/zkpush/zkpush.db --admit adopt
  muster import zk-server --from mysql://root:PASSWORD@db:3306/zkteco_sync
  muster import zk-server --from zkpush.db --json > report.json

Steps, and how the terminals are switched over: docs/import.md")]
    ZkServer(ImportZkServer),
}

/// The older Node.js server.
#[derive(Args, Clone, Debug)]
pub struct ImportZkServer {
    /// Old database: the path of an SQLite file, or the URL of a MySQL or MariaDB database
    ///
    /// The examples show both. `sqlite://` may precede a path, and `?socket=/path` may follow a URL. Other users of this
    /// machine can read the command line: if the URL holds a password, use the environment variable.
    #[arg(long, value_name = "FILE|URL", env = "MUSTER_IMPORT_FROM", hide_env_values = true)]
    pub from: OldSource,
    /// Write nothing, only print the report
    #[arg(long)]
    pub dry_run: bool,
    /// Replace different data in Muster, and bring back people who were deleted in Muster
    #[arg(long)]
    pub overwrite: bool,
    /// Let in the old server's devices when they connect, as `muster device approve` does
    #[arg(long, value_enum, value_name = "HOW")]
    pub admit: Option<Admit>,
}

/// What Muster does with the people on the old server's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Admit {
    /// The people on the devices join the fleet
    Adopt,
    /// Muster makes the devices equal to the fleet, and deletes people that only the devices know
    Replace,
}

/// The source as the operator typed it. The text may hold a password, so clap, which prints a wrong value, must not
/// check it.
#[derive(Clone, PartialEq, Eq)]
pub struct OldSource(pub String);

impl FromStr for OldSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for OldSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OldSource(hidden)")
    }
}
