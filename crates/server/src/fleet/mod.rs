//! What people and the server itself do to the fleet: one file a subject. Each function is one transaction's worth.

pub mod attendance_sum;
pub mod cleared;
pub mod definitions;
pub mod devices;
pub mod files;
pub mod held;
pub mod orders;
pub mod status;
pub mod suspension;
pub mod users;

use roster::Millis;
use store::{StoreError, Tx};
use wire::StampKey;

use crate::config::Config;
use orders::Ordered;

const HOUR_MS: i64 = 3_600_000;

/// A table that came again and then not for this long has come completely, ms.
pub const REREAD_PAUSE_MS: i64 = 600_000;

/// At least so many users may be deleted by devices within an hour.
const LEAST_DELETIONS: i64 = 10;

/// Until when a deletion made now can be undone.
pub fn undo_until(config: &Config, now: Millis) -> Millis {
    now.plus(i64::try_from(config.undo.as_millis()).unwrap_or(i64::MAX))
}

/// How many more users devices may delete now: 5 % of the fleet within an hour, at least ten.
///
/// # Errors
/// Those of the database.
pub async fn deletions_left(tx: &mut Tx, now: Millis) -> Result<u32, StoreError> {
    let (users, deleted) = tx.users_and_deletions(now.plus(-HOUR_MS)).await?;
    let allowed = ((users + deleted) / 20).max(LEAST_DELETIONS);
    Ok(u32::try_from(allowed - deleted).unwrap_or(0))
}

/// Has a device upload all it holds: with its next handshake, which is asked for.
///
/// # Errors
/// Those of the database.
pub async fn ask_for_everything(tx: &mut Tx, device: i64, now: Millis) -> Result<(), StoreError> {
    ask_for(tx, device, &PEOPLE, "server", now).await
}

/// The tables that hold people.
pub const PEOPLE: [StampKey; 2] = [StampKey::OperLog, StampKey::BioData];

/// Has a device upload whole tables again: with its next handshake, which is asked for with `CHECK` (§5, §12.3). The
/// first upload of a table after that ends it.
///
/// # Errors
/// Those of the database.
pub async fn ask_for(
    tx: &mut Tx,
    device: i64,
    tables: &[StampKey],
    by: &str,
    now: Millis,
) -> Result<(), StoreError> {
    for key in tables {
        tx.ask_again(device, key.table(), now).await?;
    }
    Ordered(wire::Command::Check).queue(tx, device, by, now).await?;
    Ok(())
}
