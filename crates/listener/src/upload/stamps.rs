//! Upload stamps: stored as they arrive, and returned with the next handshake (§5). Also rereads of whole tables.
//!
//! Muster requests a whole table with the stamp `0`. Uploads before the handshake that told the device this stamp are ordinary
//! ones. The first upload after the handshake starts the table again, and from then on Muster returns the device's own stamp: if
//! the `0` stayed, the device would upload the whole table after every restart.

use roster::Millis;
use store::{DeviceRow, Reread, Stamp, StoreError, Tx};
use wire::{StampKey, Target};

use fleet::reread::REREAD_PAUSE_MS;

/// Maximum length of a stamp; devices send about ten digits.
const MAX_STAMP_CHARACTERS: usize = 64;

/// The stamps of a handshake. Records that the device was told to upload the requested tables again.
///
/// # Errors
/// Those of the database.
pub async fn for_handshake(tx: &mut Tx, device: i64) -> Result<Vec<(StampKey, String)>, StoreError> {
    let known = tx.stamps(device).await?;
    if known.values().any(|stamp| stamp.reread == Reread::Asked) {
        tx.told_again(device).await?;
    }
    let told = |key: StampKey| match known.get(key.table()) {
        Some(known) if known.reread != Reread::No => "0".to_owned(),
        Some(Stamp { stamp: Some(stamp), .. }) => stamp.clone(),
        _ => "None".to_owned(),
    };
    Ok(StampKey::ALL.into_iter().map(|key| (key, told(key))).collect())
}

/// The stamp of an upload, written in the transaction of its records.
#[derive(Clone)]
pub struct StampUpdate {
    key: StampKey,
    /// The new stamp, if it changed.
    stamp: Option<String>,
    /// The upload belongs to a table that the device uploads again.
    is_reread: bool,
}

/// The stamp to write for an upload; `known` is the stored stamp. `None` if there is nothing to write.
pub fn update_for(
    device: &DeviceRow,
    (key, known): (StampKey, &Stamp),
    target: &Target<'_>,
    now: Millis,
) -> Option<StampUpdate> {
    let stamp: Option<String> =
        target.query.stamp().map(|stamp| stamp.chars().take(MAX_STAMP_CHARACTERS).collect());
    let stamp = stamp.filter(|stamp| known.stamp.as_ref() != Some(stamp));
    let is_reread = known.is_reread(now);
    if known.reread == Reread::Told {
        tracing::info!(
            device.serial_number = %device.serial_number, table = key.table(), "device re-uploads the table from the start"
        );
    }
    (stamp.is_some() || is_reread).then_some(StampUpdate { key, stamp, is_reread })
}

impl StampUpdate {
    /// Writes the stamp, and the number of records of the upload.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write(
        &self,
        tx: &mut Tx,
        device: i64,
        records: usize,
        now: Millis,
    ) -> Result<(), StoreError> {
        if let Some(stamp) = &self.stamp {
            tx.set_stamp(device, self.key.table(), stamp).await?;
        }
        if self.is_reread {
            let records = i64::try_from(records).unwrap_or(i64::MAX);
            tx.note_reread(device, self.key.table(), records, now).await?;
        }
        Ok(())
    }
}

/// Whether an upload belongs to a table that Muster requested again.
trait IsReread {
    fn is_reread(&self, now: Millis) -> bool;
}

impl IsReread for Stamp {
    fn is_reread(&self, now: Millis) -> bool {
        let continues = self.last_at.is_some_and(|last| last.plus(REREAD_PAUSE_MS) > now);
        self.reread == Reread::Told || (self.reread == Reread::No && continues)
    }
}
