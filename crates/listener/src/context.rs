//! The state that all endpoints share.

use std::sync::Arc;

use fleet::clock::{Clock, Entropy};
use store::{FeedCache, Store};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::http::body::BODIES_KIB;
use crate::http::limits::ConnectionLimits;
use crate::state::count_checks::CountChecks;
use crate::state::idle_devices::IdleDevices;
use crate::state::last_seen::LastSeen;
use crate::state::read_backs::ReadBacks;

/// The shared state of one process.
#[derive(Clone, Debug)]
pub struct Context {
    /// The database.
    pub store: Store,
    /// The settings.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Memory for request bodies, KiB.
    pub bodies: Arc<Semaphore>,
    /// Limits of connections and requests.
    pub limits: Arc<ConnectionLimits>,
    /// The permit to scale a photo: one at a time.
    pub scaling: Arc<Semaphore>,
    /// When devices were last seen, not yet written.
    pub last_seen: Arc<LastSeen>,
    /// Tasks of requests. They continue when the device disconnects, and the server stops after they end.
    pub requests: TaskTracker,
    /// When the counts of which device are checked next.
    pub count_checks: Arc<CountChecks>,
    /// When the next template may be read back.
    pub read_backs: Arc<ReadBacks>,
    /// Devices that have no work.
    pub idle_devices: Arc<IdleDevices>,
    /// Feed pages and rendered commands that many devices need at the same time.
    pub feed_cache: Arc<FeedCache>,
}

impl Context {
    /// A context without open connections or requests.
    pub fn new(config: Config, store: Store, clock: Clock, entropy: Entropy) -> Self {
        Self {
            store,
            limits: Arc::new(ConnectionLimits::new(&config)),
            config: Arc::new(config),
            clock,
            entropy,
            bodies: Arc::new(Semaphore::new(BODIES_KIB as usize)),
            scaling: Arc::new(Semaphore::new(1)),
            last_seen: Arc::default(),
            requests: TaskTracker::new(),
            count_checks: Arc::default(),
            read_backs: Arc::default(),
            idle_devices: Arc::default(),
            feed_cache: Arc::default(),
        }
    }

    /// Runs work of a request to its end, even if the connection breaks; `None` if the work panicked.
    ///
    /// A future that is dropped during a database query leaves a database connection that nobody can use any more.
    pub async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.requests.spawn(work).await.ok()
    }
}
