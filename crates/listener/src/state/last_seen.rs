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
pub struct LastSeen {
    seen: Mutex<HashMap<i64, Seen>>,
}

impl LastSeen {
    /// Notes that `device` was heard of.
    pub fn note(&self, device: i64, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(device, seen);
    }

    /// Takes what was noted since the last call.
    pub fn take(&self) -> Vec<(i64, Seen)> {
        let taken = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().collect()
    }

    /// Takes back what could not be written; what was noted meanwhile is newer.
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
