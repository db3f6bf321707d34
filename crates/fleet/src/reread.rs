//! Rereads: Muster asks a device to upload whole tables again.

use roster::Millis;
use store::{StoreError, Tx};
use wire::StampKey;

use crate::command::QueuedCommand;

/// A repeated table is complete after no upload of it arrived for this long, ms.
pub const REREAD_PAUSE_MS: i64 = 600_000;

/// Asks a device to upload all its people after its next handshake, which a `CHECK` causes.
///
/// # Errors
/// Those of the database.
pub async fn ask_for_everything(tx: &mut Tx, device: i64, now: Millis) -> Result<(), StoreError> {
    ask_for(tx, device, &PEOPLE, "server", now).await
}

/// The tables that hold people.
pub const PEOPLE: [StampKey; 2] = [StampKey::OperLog, StampKey::BioData];

/// Asks a device to upload whole tables again after its next handshake, which a `CHECK` causes (§5, §12.3). The request ends
/// with the first upload of each table after that handshake.
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
