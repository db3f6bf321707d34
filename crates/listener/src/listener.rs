//! Serving devices: what the server starts, asks and stops.

use fleet::clock::{Clock, Entropy};
use store::{Seen, Store, StoreError, retry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::context::Context;
use crate::endpoint::health::{Health, health};
use crate::http::connections;
pub use crate::state::idle_devices::CHANGE_CHECK_INTERVAL;

/// Of so many devices at most it is written down in one transaction: some 10 ms, in which nothing else is written on SQLite.
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

    /// How the server is. It is asked to the end also if the caller goes.
    pub async fn health(&self) -> Option<Health> {
        let context = self.context.clone();
        self.context.run_to_completion(async move { health(&context).await }).await
    }

    /// How many polls of devices asked no database since the start.
    pub fn polls_from_memory(&self) -> u64 {
        self.context.idle_devices.polls()
    }

    /// Waits for requests whose connection broke meanwhile, and takes no more of them.
    pub async fn finish_requests(&self) {
        self.context.requests.close();
        self.context.requests.wait().await;
    }

    /// Looks for changes that other processes made.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check_for_changes(&self) -> Result<(), StoreError> {
        // Before the reading: what is known is as old as its question.
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

    /// Writes down when devices were last heard of, many together. What could not be written is kept for the next time.
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
                // Many devices at once: whoever locks several has the clock, so that nobody waits in a circle.
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
