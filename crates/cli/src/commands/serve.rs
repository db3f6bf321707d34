//! `muster serve`

use std::io::ErrorKind;

use anyhow::Context as _;
use listener::{Admission, Attendance};
use serde::Serialize;
use server::StartError;

use crate::config::{Settings, mask};
use crate::failure::AlreadyReported;
use crate::render::output::Output;
use crate::render::table::pairs;
use crate::{database, open_files, system};

/// The message at the start. Scripts read the first line of the text, since the system may have chosen the port.
#[derive(Serialize)]
struct Started {
    listen: String,
    admin_listen: String,
    version: &'static str,
    database: String,
    data_dir: String,
    admission: &'static str,
    attendance: &'static str,
    time_zone: String,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Muster cannot open the database, or cannot listen on an address.
pub async fn run(settings: Settings, out: Output) -> anyhow::Result<()> {
    // Listen for signals first, so that an early signal is not lost.
    let mut signals = Signals::new()?;
    let (fleet, lock) = database::open_to_serve(&settings).await?;
    if settings.server.devices.admission == Admission::Open {
        tracing::warn!("admission is open: every device that can reach this server is let in");
    }
    let mut config = settings.server.clone();
    if let Some(room) = open_files::room_for_connections(settings.database_pool)
        && room.get() < config.devices.max_connections
    {
        tracing::warn!(
            max_connections = config.devices.max_connections,
            possible = room.get(),
            "fewer connections of devices than max_connections are possible: the system limits this process's open files; \
             raise this limit (LimitNOFILE= of the systemd unit, ulimit -Hn, --ulimit nofile of a container), or lower max_connections"
        );
        config.devices.max_connections = room.get();
    }
    let running = match server::start(config, fleet.store().clone(), system::clock(), system::entropy()).await
    {
        Ok(running) => running,
        Err(error) => {
            fleet.close().await;
            return Err(explained(error));
        }
    };
    let started = Started {
        listen: running.listen.to_string(),
        admin_listen: running.admin_listen.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        database: mask(&settings.database),
        data_dir: std::path::absolute(&settings.server.data_dir)
            .unwrap_or_else(|_| settings.server.data_dir.clone())
            .display()
            .to_string(),
        admission: match settings.server.devices.admission {
            Admission::Approve => "approve",
            Admission::Open => "open",
        },
        attendance: match settings.server.devices.attendance {
            Attendance::Discard => "discard",
            Attendance::Keep => "keep",
        },
        time_zone: settings.server.devices.fleet.time_zone.iana_name().unwrap_or("UTC").to_owned(),
    };
    // The server runs even if nobody reads the message.
    let _ = out.print_line(&started, Started::words);
    signals.next().await;
    tracing::info!("stopping: the server answers the open requests first");
    tokio::select! {
        stopped = running.stop() => stopped.context("cannot write the last-seen times from memory")?,
        () = signals.next() => {
            tracing::warn!("stopped at once");
            return Err(AlreadyReported.into());
        }
    }
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

impl Started {
    fn words(&self) -> String {
        let admission = match self.admission {
            "open" => "open: every device that connects is let in",
            _ => "approve: unknown devices wait for `muster device approve`",
        };
        let attendance = match self.attendance {
            "keep" => "keep: punches are stored",
            _ => "discard: Muster acknowledges punches and does not keep them",
        };
        let rest = pairs([
            ("  database", Some(self.database.clone())),
            ("  data", Some(self.data_dir.clone())),
            ("  admission", Some(admission.to_owned())),
            ("  attendance", Some(attendance.to_owned())),
            ("  time zone", Some(self.time_zone.clone())),
        ]);
        format!(
            "listening for devices on {}\nlistening for people on {}\nmuster {}\n{}",
            self.listen,
            self.admin_listen,
            self.version,
            rest.trim_end()
        )
    }
}

fn explained(error: StartError) -> anyhow::Error {
    let StartError::Listen { source, what, .. } = &error;
    let option = if *what == "devices" { "--listen" } else { "--admin-listen" };
    let advice = match source.kind() {
        ErrorKind::AddrInUse => {
            format!("another program has this port: stop it, or choose another with {option}")
        }
        ErrorKind::PermissionDenied => {
            format!("a port below 1024 needs a permission: choose another port with {option}")
        }
        ErrorKind::AddrNotAvailable => {
            format!("this machine does not have this address: choose another address with {option}")
        }
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(advice)
}

/// The signals that stop the server.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let heard = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: heard(SignalKind::terminate())?, interrupt: heard(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn new() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without signals only the system can stop the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
