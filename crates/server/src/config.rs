//! The settings of the server. The program reads them from files and the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All settings of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the listener for operators and their tools.
    pub admin_listen: SocketAddr,
    /// The directory of the key, and of the database unless it is elsewhere.
    pub data_dir: PathBuf,
    /// How long finished records are kept.
    pub retention: Retention,
    /// The settings of the device listener.
    pub devices: listener::Config,
}

/// How long finished records are kept. Nothing is removed that a later decision could need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Commands, after they were answered or given up, and until the device has answered a later one.
    pub commands: Duration,
    /// Connections of devices, after they ended.
    pub sessions: Duration,
    /// Held records, after an operator decided them.
    pub held: Duration,
    /// Entries of devices' logs, except for the newest 50,000 of each device.
    pub log: Duration,
    /// Attendance records and their pictures, identity cards and messages, after they arrived; `None` = for ever.
    pub attendance: Option<Duration>,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Retention {
    fn default() -> Self {
        Self { commands: 30 * DAY, sessions: 90 * DAY, held: 90 * DAY, log: 400 * DAY, attendance: None }
    }
}
