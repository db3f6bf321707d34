//! Last-seen times of devices: kept in memory and written in batches.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// A request of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it came.
    pub at: Millis,
    /// The sender's address.
    pub address: IpAddr,
}

/// Devices seen since the last write.
#[derive(Debug, Default)]
pub struct LastSeen {
    seen: Mutex<HashMap<i64, Seen>>,
}

impl LastSeen {
    /// Notes that a device was seen.
    pub fn note(&self, device: i64, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(device, seen);
    }

    /// Takes the entries since the last call.
    pub fn take(&self) -> Vec<(i64, Seen)> {
        let taken = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().collect()
    }

    /// Returns entries that could not be written. Newer entries win.
    pub fn put_back(&self, taken: Vec<(i64, Seen)>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (device, earlier) in taken {
            seen.entry(device).or_insert(earlier);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(ms: i64) -> Seen {
        Seen { at: Millis(ms), address: Ipv4Addr::LOCALHOST.into() }
    }

    #[test]
    fn what_could_not_be_written_is_kept_unless_there_is_something_newer() {
        let presence = LastSeen::default();
        presence.note(1, at(10));
        presence.note(2, at(10));
        let taken = presence.take();
        presence.note(2, at(20));

        presence.put_back(taken);

        let mut kept = presence.take();
        kept.sort_by_key(|(device, _)| *device);
        assert_eq!(kept, [(1, at(10)), (2, at(20))]);
    }
}
