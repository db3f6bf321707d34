//! Starting and stopping.

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

/// How long connections of people may take to end once the server is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// A server that answers.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where devices connect.
    pub listen: SocketAddr,
    /// Where people connect.
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
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// For whom.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
}

/// Starts to answer. The store is open and its schema is the newest.
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
            () = too_late => tracing::warn!("a connection for people did not end in time"),
        }
    });
    tasks.close();
    Ok(ServerHandle { listen, admin_listen, listener, store, clock, rules, reread_days, stop, tasks })
}

async fn bind(address: SocketAddr, what: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, what, source })
}

impl ServerHandle {
    /// Looks at once for changes that other processes made, as it does some times a second.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_for_changes(&self) -> Result<(), StoreError> {
        self.listener.check_for_changes().await
    }

    /// Lets people leave and come back whose date has come, as it does once a minute.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_dates(&self) -> Result<(), StoreError> {
        suspension::keep_dates(&self.store, &self.clock, &self.rules).await
    }

    /// Begins to read the people of devices whose turn it is, as it does once a minute. How many had their turn.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_people(&self) -> Result<i64, StoreError> {
        self.listener.flush_last_seen().await?;
        routine_check::begin_due(&self.store, &self.clock, self.reread_days).await
    }

    /// How many polls of devices asked no database since the start.
    pub fn polls_from_memory(&self) -> u64 {
        self.listener.polls_from_memory()
    }

    /// Stops taking requests, finishes those it began, and writes down what it kept in memory.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.listener.finish_requests().await;
        self.listener.flush_last_seen().await?;
        if tokio::time::timeout(SHUTDOWN_GRACE, self.store.close()).await.is_err() {
            tracing::warn!("a connection to the database did not end in time");
        }
        Ok(())
    }
}
