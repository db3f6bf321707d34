//! What the endpoints share.

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

/// Shared by all requests of one process.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where everything stays.
    pub store: Store,
    /// What the operator set.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Room for request bodies in memory, KiB.
    pub bodies: Arc<Semaphore>,
    /// How much is under way for devices.
    pub limits: Arc<ConnectionLimits>,
    /// Whose turn it is to make a photo smaller.
    pub scaling: Arc<Semaphore>,
    /// Which devices were heard of lately.
    pub last_seen: Arc<LastSeen>,
    /// What is done for requests: it goes on when whoever asked has gone, and the server ends after it.
    pub requests: TaskTracker,
    /// Whose counts are to be compared with what they should be.
    pub count_checks: Arc<CountChecks>,
    /// Whose turn it is to be asked for a template that it took.
    pub read_backs: Arc<ReadBacks>,
    /// Which devices have nothing to do.
    pub idle_devices: Arc<IdleDevices>,
    /// What many devices take at the same time.
    pub feed_cache: Arc<FeedCache>,
}

impl Context {
    /// Nothing under way yet.
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

    /// Does something for a request to its end, even if the connection breaks meanwhile; `None` where it panicked.
    ///
    /// A future that is dropped while it waits for the database leaves a connection that nobody can use any more.
    pub async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.requests.spawn(work).await.ok()
    }
}
