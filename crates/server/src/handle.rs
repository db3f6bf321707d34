//! Start and stop of the server.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::time::Duration;

use fleet::clock::{Clock, Entropy};
use fleet::{Rules, routine_check, suspension};
use listener::Listener;
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::config::Config;
use crate::jobs::{self, Jobs};
use crate::retention::Sweeper;

/// How long operators' connections may take to finish after the server began to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Debug)]
pub struct ServerHandle {
    /// The address of the device listener.
    pub listen: SocketAddr,
    /// The address of the listener for operators.
    pub admin_listen: SocketAddr,
    listener: Listener,
    store: Store,
    clock: Clock,
    rules: Rules,
    reread_days: u16,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server cannot listen on an address.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Its purpose: `devices` or `people`.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
}

/// Starts the server. The store is open and has the newest schema.
///
/// # Errors
/// [`StartError`].
pub async fn start(
    config: Config,
    store: Store,
    clock: Clock,
    entropy: Entropy,
) -> Result<ServerHandle, StartError> {
    let devices = bind(config.devices.listen, "devices").await?;
    let people = bind(config.admin_listen, "people").await?;
    let address = |listener: &TcpListener, given| listener.local_addr().unwrap_or(given);
    let (listen, admin_listen) =
        (address(&devices, config.devices.listen), address(&people, config.admin_listen));
    let Config { retention, devices: config, .. } = config;
    let (rules, reread_days) = (config.fleet.clone(), config.reread_days);
    let name = format!("{listen} {:016x}", entropy.next()).into();
    let listener = Listener::new(config, store.clone(), clock.clone(), entropy);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(listener.clone().serve(devices, stop.clone()));
    let jobs = Jobs {
        listener: listener.clone(),
        store: store.clone(),
        clock: clock.clone(),
        rules: rules.clone(),
        reread_days,
        sweeper: Sweeper { store: store.clone(), clock: clock.clone(), retention, name },
    };
    tasks.spawn(jobs::run(jobs, stop.clone()));
    let (router, until) = (admin::router(listener.clone()), stop.clone());
    tasks.spawn(async move {
        let serving = axum::serve(people, router).with_graceful_shutdown(until.clone().cancelled_owned());
        let too_late = async {
            until.cancelled().await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            ended = serving.into_future() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the listener for people ended");
                }
            }
            () = too_late => tracing::warn!("an operator's connection did not finish before the shutdown"),
        }
    });
    tasks.close();
    Ok(ServerHandle { listen, admin_listen, listener, store, clock, rules, reread_days, stop, tasks })
}

async fn bind(address: SocketAddr, what: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, what, source })
}

impl ServerHandle {
    /// Checks at once for changes of other processes; the server does this several times a second by itself.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_for_changes(&self) -> Result<(), StoreError> {
        self.listener.check_for_changes().await
    }

    /// Removes and reinstates people whose date has come; the server does this once a minute by itself.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_dates(&self) -> Result<(), StoreError> {
        suspension::keep_dates(&self.store, &self.clock, &self.rules).await
    }

    /// Begins the routine check of devices that are due; the server does this once a minute by itself. Returns how many were due.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_people(&self) -> Result<i64, StoreError> {
        self.listener.flush_last_seen().await?;
        routine_check::begin_due(&self.store, &self.clock, self.reread_days).await
    }

    /// The number of polls since the start that were answered without the database.
    pub fn polls_from_memory(&self) -> u64 {
        self.listener.polls_from_memory()
    }

    /// Stops accepting requests, finishes those in progress, and writes the last-seen times that are in memory.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.listener.finish_requests().await;
        self.listener.flush_last_seen().await?;
        if tokio::time::timeout(SHUTDOWN_GRACE, self.store.close()).await.is_err() {
            tracing::warn!("a database connection did not close before the shutdown");
        }
        Ok(())
    }
}
