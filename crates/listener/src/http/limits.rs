//! Limits of concurrent connections and requests.
//!
//! Muster refuses a connection above the limit, and a request that gets no slot in time, with 503. Devices retry: they keep
//! whatever was not acknowledged. Answers from memory need no request slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;

/// At most this many connections above the limit get a 503 at a time. Muster closes further ones without an answer.
const MAX_REFUSALS: usize = 256;

/// The limits, and how often they refused something.
#[derive(Debug)]
pub struct ConnectionLimits {
    connections: Arc<Semaphore>,
    max_connections: usize,
    refusals: Arc<Semaphore>,
    refused_connections: AtomicU64,
    requests: Arc<Semaphore>,
    max_requests: usize,
    wait: Duration,
    refused_requests: AtomicU64,
}

/// The decision on a new connection.
#[derive(Debug)]
#[expect(dead_code, reason = "a permit is held, and never read")]
pub enum ConnectionPermit {
    /// Muster serves its requests.
    Served(OwnedSemaphorePermit),
    /// Muster answers its requests with 503.
    Refused(OwnedSemaphorePermit),
    /// Muster closes it: too many connections get a 503 already.
    Closed,
}

impl ConnectionLimits {
    /// The limits that the operator set, with nothing open yet.
    pub fn new(config: &Config) -> Self {
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            connections: permits(config.max_connections),
            max_connections: config.max_connections,
            refusals: permits(MAX_REFUSALS),
            refused_connections: AtomicU64::new(0),
            requests: permits(config.max_requests),
            max_requests: config.max_requests,
            wait: config.request_wait,
            refused_requests: AtomicU64::new(0),
        }
    }

    /// Decides what happens to a new connection.
    pub fn admit(&self) -> ConnectionPermit {
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            return ConnectionPermit::Served(permit);
        }
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
        match Arc::clone(&self.refusals).try_acquire_owned() {
            Ok(permit) => ConnectionPermit::Refused(permit),
            Err(_) => ConnectionPermit::Closed,
        }
    }

    /// Acquires a slot for a request that needs the database; `None` if no slot became free in time.
    pub async fn acquire_request_slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = Arc::clone(&self.requests).try_acquire_owned() {
            return Some(slot);
        }
        let slot = tokio::time::timeout(self.wait, Arc::clone(&self.requests).acquire_owned()).await;
        let slot = slot.ok().and_then(Result::ok);
        if slot.is_none() {
            self.refused_requests.fetch_add(1, Ordering::Relaxed);
        }
        slot
    }

    /// The number of open connections.
    pub fn connections(&self) -> usize {
        self.max_connections.saturating_sub(self.connections.available_permits())
    }

    /// The number of requests that hold a slot.
    pub fn requests(&self) -> usize {
        self.max_requests.saturating_sub(self.requests.available_permits())
    }

    /// The number of connections above the limit since the start.
    pub fn refused_connections(&self) -> u64 {
        self.refused_connections.load(Ordering::Relaxed)
    }

    /// The number of requests since the start that got no slot in time.
    pub fn refused_requests(&self) -> u64 {
        self.refused_requests.load(Ordering::Relaxed)
    }
}
