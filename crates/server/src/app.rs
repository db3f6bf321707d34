//! What every request needs.

use std::sync::Arc;

use roster::Millis;
use store::Store;
use tokio::sync::Semaphore;

use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::device::Comparisons;
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
    /// When this process began.
    pub started_at: Millis,
    /// Randomness.
    pub entropy: Entropy,
    /// Room for request bodies in memory, KiB.
    pub bodies: Arc<Semaphore>,
    /// Which devices were heard of lately.
    pub presence: Arc<Presence>,
    /// Whose counts are to be compared with what they should be.
    pub comparisons: Arc<Comparisons>,
}
