//! Starting and stopping.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::presence::Presence;
use crate::{admin, device, fleet, jobs, routine_check};

/// How long connections of people may take to end once the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    /// Where devices connect.
    pub listen: SocketAddr,
    /// Where people connect.
    pub admin_listen: SocketAddr,
    app: App,
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
) -> Result<Running, StartError> {
    let devices = bind(config.listen, "devices").await?;
    let people = bind(config.admin_listen, "people").await?;
    let address = |listener: &TcpListener, given| listener.local_addr().unwrap_or(given);
    let (listen, admin_listen) = (address(&devices, config.listen), address(&people, config.admin_listen));
    let app = App {
        store,
        load: Arc::new(device::Load::new(&config)),
        config: Arc::new(config),
        name: format!("{listen} {:016x}", entropy.next()).into(),
        clock,
        entropy,
        bodies: Arc::new(Semaphore::new(device::BODIES_KIB as usize)),
        scaling: Arc::new(Semaphore::new(1)),
        presence: Arc::new(Presence::default()),
        requests: TaskTracker::new(),
        comparisons: Arc::new(device::Comparisons::default()),
        read_backs: Arc::new(device::ReadBacks::default()),
        settled: Arc::new(device::Settled::default()),
        recent: Arc::new(store::Recent::default()),
    };
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(device::serve(app.clone(), devices, stop.clone()));
    tasks.spawn(jobs::run(app.clone(), stop.clone()));
    let (router, until) = (admin::router(app.clone()), stop.clone());
    tasks.spawn(async move {
        let serving = axum::serve(people, router).with_graceful_shutdown(until.clone().cancelled_owned());
        let too_late = async {
            until.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
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
    Ok(Running { listen, admin_listen, app, stop, tasks })
}

async fn bind(address: SocketAddr, what: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, what, source })
}

impl Running {
    /// Looks at once for changes that other processes made, as it does some times a second.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look(&self) -> Result<(), StoreError> {
        jobs::look(&self.app).await
    }

    /// Lets people leave and come back whose date has come, as it does once a minute.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_dates(&self) -> Result<(), StoreError> {
        fleet::suspension::keep_dates(&self.app).await
    }

    /// Begins to read the people of devices whose turn it is, as it does once a minute. How many had their turn.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_people(&self) -> Result<i64, StoreError> {
        jobs::write_seen(&self.app).await?;
        routine_check::begin_due(&self.app).await
    }

    /// How many polls of devices asked no database since the start.
    pub fn polls_from_memory(&self) -> u64 {
        self.app.settled.polls()
    }

    /// Stops taking requests, finishes those it began, and writes down what it kept in memory.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.app.requests.close();
        self.app.requests.wait().await;
        jobs::write_seen(&self.app).await?;
        if tokio::time::timeout(FAREWELL, self.app.store.close()).await.is_err() {
            tracing::warn!("a connection to the database did not end in time");
        }
        Ok(())
    }
}
