//! The device listener as the server uses it: start, health, background work, stop.

use fleet::clock::{Clock, Entropy};
use store::{Seen, Store, StoreError, retry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::context::Context;
use crate::endpoint::health::{Health, health};
use crate::http::connections;
pub use crate::state::idle_devices::CHANGE_CHECK_INTERVAL;

/// At most this many last-seen times per transaction: about 10 ms, during which SQLite takes no other write.
const SEEN_AT_ONCE: usize = 1_000;

/// The listener for devices.
#[derive(Clone, Debug)]
pub struct Listener {
    context: Context,
}

impl Listener {
    /// A listener that has not begun to serve.
    pub fn new(config: Config, store: Store, clock: Clock, entropy: Entropy) -> Self {
        Self { context: Context::new(config, store, clock, entropy) }
    }

    /// Serves devices until `stop`; returns when every request that was begun is answered.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        connections::serve(self.context, listener, stop).await;
    }

    /// The state of the listener. The database query runs to its end even if the caller disconnects.
    pub async fn health(&self) -> Option<Health> {
        let context = self.context.clone();
        self.context.run_to_completion(async move { health(&context).await }).await
    }

    /// The number of polls since the start that were answered without the database.
    pub fn polls_from_memory(&self) -> u64 {
        self.context.idle_devices.polls()
    }

    /// Waits for requests whose connection broke, and accepts no more of them.
    pub async fn finish_requests(&self) {
        self.context.requests.close();
        self.context.requests.wait().await;
    }

    /// Checks for changes that other processes made.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_for_changes(&self) -> Result<(), StoreError> {
        // The time is taken before the query: changes after it may be missing in the result.
        let now = self.context.clock.now();
        let counters = self.context.store.feed_counters().await;
        if let Ok(feed_counters) = &counters {
            self.context.idle_devices.mark_current(now);
            self.context.feed_cache.looked(*feed_counters);
        } else {
            self.context.idle_devices.mark_unknown();
            self.context.feed_cache.forget();
        }
        counters.map(|_| ())
    }

    /// Writes the last-seen times of devices in batches. Times that could not be written are kept for the next call.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn flush_last_seen(&self) -> Result<(), StoreError> {
        let mut rest = self.context.last_seen.take();
        while !rest.is_empty() {
            let some = rest.split_off(rest.len().saturating_sub(SEEN_AT_ONCE));
            let seen: Vec<Seen> = some
                .iter()
                .map(|(device, seen)| Seen {
                    device: *device,
                    at: seen.at,
                    address: Some(seen.address.to_string()),
                })
                .collect();
            let written = retry(|| async {
                // A transaction that locks several devices locks the clock first, so that transactions cannot deadlock.
                let mut tx = self.context.store.write_fleet().await?;
                tx.write_seen(&seen).await?;
                tx.commit().await
            })
            .await;
            if written.is_err() {
                self.context.last_seen.put_back(some);
                self.context.last_seen.put_back(rest);
                return written;
            }
        }
        Ok(())
    }
}
