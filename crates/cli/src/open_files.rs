//! How many files and sockets the process may have open at a time: as many as the system lets it.

use std::num::NonZeroUsize;

/// What the process opens beside the connections of devices: databases, logs, connections of people, and some to spare.
const BESIDE: usize = 128;

/// Raises the limit of open files to the most that the process may have, and returns how many connections of devices fit in it;
/// `None` where there is no limit, or none that can be told.
pub fn room_for_connections(pool: u32) -> Option<NonZeroUsize> {
    let most = raised()?;
    let beside = BESIDE.saturating_add(2 * usize::try_from(pool).unwrap_or(BESIDE));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    // Even where that is hardly anything, a device comes in.
    NonZeroUsize::new(most.saturating_sub(beside).max(1))
}

#[cfg(unix)]
fn raised() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::debug!(%error, "cannot raise the limit of open files");
            limit.current
        }
    }
}

#[cfg(not(unix))]
const fn raised() -> Option<u64> {
    None
}
