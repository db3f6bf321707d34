//! What every request needs.

use std::sync::Arc;

use store::{Recent, Store};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::device::{Comparisons, Load, ReadBacks, Settled};
use crate::presence::Presence;

/// Shared by all requests and jobs of one process.
#[derive(Clone, Debug)]
pub struct App {
    /// Where everything stays.
    pub store: Store,
    /// What the operator set.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// What this process calls itself among those that share its database.
    pub name: Arc<str>,
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

impl App {
    /// Does something for a request to its end, even if the connection breaks meanwhile; `None` where it panicked.
    ///
    /// A future that is dropped while it waits for the database leaves a connection that nobody can use any more.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.requests.spawn(work).await.ok()
    }
}
