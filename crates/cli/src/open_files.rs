//! The limit of open files and sockets of the process, raised as far as the system allows.

use std::num::NonZeroUsize;

/// Files that the process opens besides device connections: databases, logs, connections of people, and a reserve.
const BESIDE: usize = 128;

/// Raises the limit of open files to the maximum of the process, and returns how many device connections fit into it;
/// `None` if there is no limit, or if the limit is unknown.
pub fn room_for_connections(pool: u32) -> Option<NonZeroUsize> {
    let most = raised()?;
    let beside = BESIDE.saturating_add(2 * usize::try_from(pool).unwrap_or(BESIDE));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    // At least one device can always connect.
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
