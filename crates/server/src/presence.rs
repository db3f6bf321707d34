//! When devices were last heard of: kept in memory, written behind for all of them together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// A device was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Millis,
    /// From where.
    pub address: IpAddr,
}

/// Devices heard of since the last write.
#[derive(Debug, Default)]
pub struct Presence {
    seen: Mutex<HashMap<i64, Seen>>,
    uploads: Mutex<HashMap<i64, Millis>>,
}

impl Presence {
    /// Notes that `device` was heard of.
    pub fn note(&self, device: i64, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(device, seen);
    }

    /// Notes that `device` uploaded people or events.
    pub fn note_upload(&self, device: i64, at: Millis) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(device, at);
    }

    /// When `device` last uploaded something to this process, `None` where it has not.
    pub fn last_upload(&self, device: i64) -> Option<Millis> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).get(&device).copied()
    }

    /// Takes what was noted since the last call.
    pub fn take(&self) -> Vec<(i64, Seen)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}
