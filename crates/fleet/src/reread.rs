//! Asking a device to upload whole tables again.

use roster::Millis;
use store::{StoreError, Tx};
use wire::StampKey;

use crate::command::QueuedCommand;

/// A table that came again and then not for this long has come completely, ms.
pub const REREAD_PAUSE_MS: i64 = 600_000;

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
    QueuedCommand(wire::Command::Check).queue(tx, device, by, now).await?;
    Ok(())
}
