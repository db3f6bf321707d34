//! `muster import`

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

/// Taking people over from other servers.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Take the people of the older Node.js server over
    ///
    /// Reads its database, in MySQL or MariaDB (the first generation) or in an SQLite file (the second), and changes
    /// nothing in it. Names, cards, passwords, fingerprints, faces, finger veins, palms and photos are taken;
    /// templates that lost their padding are repaired where that can be proved, damaged ones are named and left out.
    /// It works beside a running server, and can be run again: what is there already is not written again.
    #[command(after_help = "\
What Muster holds already stays, also where the old database has something else,
and who was deleted in Muster stays so; --overwrite turns both round. Every such
case is named.

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
    /// Its database: the path of an SQLite file, `sqlite://` and a path, or the URL of a MySQL or MariaDB database as
    /// in the examples, also with `?socket=/path`
    ///
    /// Others on this machine can see it here: with a password in it prefer the variable of the environment.
    #[arg(long, value_name = "FILE|URL", env = "MUSTER_IMPORT_FROM", hide_env_values = true)]
    pub from: OldSource,
    /// Report the same, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Replace what Muster holds where the old database has something else, and bring back who was deleted in Muster
    #[arg(long)]
    pub overwrite: bool,
    /// Let its devices in when they call, as `muster device approve` does
    #[arg(long, value_enum, value_name = "HOW")]
    pub admit: Option<Admit>,
}

/// What becomes of the people whom the old server's devices hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Admit {
    /// They join the fleet
    Adopt,
    /// The devices are made equal to the fleet: people that only they know are deleted from them
    Replace,
}

/// What stands on the command line. It may hold a password, so that a complaint about it must not come from the parser.
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
