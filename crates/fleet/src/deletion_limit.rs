//! The deletion limit: how many people devices may delete within an hour.

use roster::Millis;
use store::{StoreError, Tx};

const HOUR_MS: i64 = 3_600_000;

/// Devices may always delete this many users within an hour.
const MIN_DELETIONS: i64 = 10;

/// How many more users devices may delete now: 5 % of the fleet within an hour, at least ten.
///
/// # Errors
/// Those of the database.
pub async fn deletions_left(tx: &mut Tx, now: Millis) -> Result<u32, StoreError> {
    let (users, deleted) = tx.users_and_deletions(now.plus(-HOUR_MS)).await?;
    let allowed = ((users + deleted) / 20).max(MIN_DELETIONS);
    Ok(u32::try_from(allowed - deleted).unwrap_or(0))
}
