//! How much is under way at a time, and what comes of more.
//!
//! A connection above the limit, and a request that does not get its turn soon, is told to come again: devices keep what was not
//! acknowledged. What is answered from memory waits for no turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;

/// So many connections above the limit are told to come again at a time; what is more is closed without a word.
const TURNED_AWAY: usize = 256;

/// Connections and requests of devices.
#[derive(Debug)]
pub struct ConnectionLimits {
    connections: Arc<Semaphore>,
    max_connections: usize,
    turned_away: Arc<Semaphore>,
    refused_connections: AtomicU64,
    requests: Arc<Semaphore>,
    max_requests: usize,
    wait: Duration,
    refused_requests: AtomicU64,
}

/// What a connection may do.
#[derive(Debug)]
#[expect(dead_code, reason = "a permit is held, and never read")]
pub enum ConnectionPermit {
    /// All of it.
    Served(OwnedSemaphorePermit),
    /// It is told to come again.
    TurnedAway(OwnedSemaphorePermit),
    /// There are too many even for that.
    Closed,
}

impl ConnectionLimits {
    /// Nothing under way, up to what the operator set.
    pub fn new(config: &Config) -> Self {
        let places = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            connections: places(config.max_connections),
            max_connections: config.max_connections,
            turned_away: places(TURNED_AWAY),
            refused_connections: AtomicU64::new(0),
            requests: places(config.max_requests),
            max_requests: config.max_requests,
            wait: config.request_wait,
            refused_requests: AtomicU64::new(0),
        }
    }

    /// A connection came.
    pub fn admit(&self) -> ConnectionPermit {
        if let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() {
            return ConnectionPermit::Served(place);
        }
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
        match Arc::clone(&self.turned_away).try_acquire_owned() {
            Ok(place) => ConnectionPermit::TurnedAway(place),
            Err(_) => ConnectionPermit::Closed,
        }
    }

    /// A turn of a request that needs the database; `None` where there was none soon enough.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.requests).try_acquire_owned() {
            return Some(turn);
        }
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.requests).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok);
        if turn.is_none() {
            self.refused_requests.fetch_add(1, Ordering::Relaxed);
        }
        turn
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.max_connections.saturating_sub(self.connections.available_permits())
    }

    /// How many requests are at work.
    pub fn requests(&self) -> usize {
        self.max_requests.saturating_sub(self.requests.available_permits())
    }

    /// How many connections found no place since the start.
    pub fn refused_connections(&self) -> u64 {
        self.refused_connections.load(Ordering::Relaxed)
    }

    /// How many requests got no turn since the start.
    pub fn refused_requests(&self) -> u64 {
        self.refused_requests.load(Ordering::Relaxed)
    }
}
