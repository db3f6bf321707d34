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
const STAMP_CHARACTERS: usize = 64;

/// The stamps of a handshake. Records that the device was told to upload the requested tables again.
///
/// # Errors
/// Those of the database.
pub async fn tell(tx: &mut Tx, device: i64) -> Result<Vec<(StampKey, String)>, StoreError> {
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
pub struct Mark {
    key: StampKey,
    /// The new stamp, if it changed.
    stamp: Option<String>,
    /// The upload belongs to a table that the device uploads again.
    comes_again: bool,
}

/// The stamp to write for an upload; `known` is the stored stamp. `None` if there is nothing to write.
pub fn mark(
    device: &DeviceRow,
    (key, known): (StampKey, &Stamp),
    target: &Target<'_>,
    now: Millis,
) -> Option<Mark> {
    let stamp: Option<String> =
        target.query.stamp().map(|stamp| stamp.chars().take(STAMP_CHARACTERS).collect());
    let stamp = stamp.filter(|stamp| known.stamp.as_ref() != Some(stamp));
    let comes_again = known.comes_again(now);
    if known.reread == Reread::Told {
        tracing::info!(
            device.serial_number = %device.serial_number, table = key.table(), "device re-uploads the table from the start"
        );
    }
    (stamp.is_some() || comes_again).then_some(Mark { key, stamp, comes_again })
}

impl Mark {
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
        if self.comes_again {
            let records = i64::try_from(records).unwrap_or(i64::MAX);
            tx.note_reread(device, self.key.table(), records, now).await?;
        }
        Ok(())
    }
}

/// Whether an upload belongs to a table that Muster requested again.
trait ComesAgain {
    fn comes_again(&self, now: Millis) -> bool;
}

impl ComesAgain for Stamp {
    fn comes_again(&self, now: Millis) -> bool {
        let goes_on = self.last_at.is_some_and(|last| last.plus(REREAD_PAUSE_MS) > now);
        self.reread == Reread::Told || (self.reread == Reread::No && goes_on)
    }
}
