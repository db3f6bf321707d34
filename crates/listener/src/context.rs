//! What the endpoints share.

use std::sync::Arc;

use fleet::clock::{Clock, Entropy};
use store::{Recent, Store};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::http::body::BODIES_KIB;
use crate::http::limits::Load;
use crate::state::count_checks::Comparisons;
use crate::state::idle_devices::Settled;
use crate::state::last_seen::Presence;
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
    pub load: Arc<Load>,
    /// Whose turn it is to make a photo smaller.
    pub scaling: Arc<Semaphore>,
    /// Which devices were heard of lately.
    pub presence: Arc<Presence>,
    /// What is done for requests: it goes on when whoever asked has gone, and the server ends after it.
    pub requests: TaskTracker,
    /// Whose counts are to be compared with what they should be.
    pub comparisons: Arc<Comparisons>,
    /// Whose turn it is to be asked for a template that it took.
    pub read_backs: Arc<ReadBacks>,
    /// Which devices have nothing to do.
    pub settled: Arc<Settled>,
    /// What many devices take at the same time.
    pub recent: Arc<Recent>,
}

impl Context {
    /// Nothing under way yet.
    pub fn new(config: Config, store: Store, clock: Clock, entropy: Entropy) -> Self {
        Self {
            store,
            load: Arc::new(Load::new(&config)),
            config: Arc::new(config),
            clock,
            entropy,
            bodies: Arc::new(Semaphore::new(BODIES_KIB as usize)),
            scaling: Arc::new(Semaphore::new(1)),
            presence: Arc::default(),
            requests: TaskTracker::new(),
            comparisons: Arc::default(),
            read_backs: Arc::default(),
            settled: Arc::default(),
            recent: Arc::default(),
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
