//! What an operator can set. Reading it from files and the environment is the program's part.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the server is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people and their tools connect.
    pub admin_listen: SocketAddr,
    /// Holds the key, and the database unless told otherwise.
    pub data_dir: PathBuf,
    /// How long what is finished is kept.
    pub retention: Retention,
    /// How devices are served.
    pub devices: listener::Config,
}

/// How long what is finished is kept. Nothing is kept for shorter than a later decision could need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Commands, after they were answered or given up, and until the device has answered a later one.
    pub commands: Duration,
    /// Connections of devices, after they ended.
    pub sessions: Duration,
    /// What was held for an operator, after it was decided on.
    pub held: Duration,
    /// Entries of devices' own logs, but for the newest 50,000 of each device.
    pub log: Duration,
    /// Attendance records and their pictures, identity cards and messages, after they came; `None` = for ever.
    pub attendance: Option<Duration>,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Retention {
    fn default() -> Self {
        Self { commands: 30 * DAY, sessions: 90 * DAY, held: 90 * DAY, log: 400 * DAY, attendance: None }
    }
}
