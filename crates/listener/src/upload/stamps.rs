//! Upload marks: kept as they come, given back with the next handshake (§5); and whole tables that are asked for again.
//!
//! A table is asked for with the mark `0`. What a device uploads before a handshake told it that mark is what it would have
//! uploaded anyway; the first upload after it is the beginning of everything, and from then on the mark is its own again:
//! with a `0` that stays, every restart of the device would bring all of it once more.

use roster::Millis;
use store::{DeviceRow, Reread, Stamp, StoreError, Tx};
use wire::{StampKey, Target};

use fleet::reread::REREAD_PAUSE_MS;

/// What a mark may be long; devices send some ten digits.
const STAMP_CHARACTERS: usize = 64;

/// The marks that a handshake gives back, and notes which tables it asks for again.
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

/// The mark of an upload, to be kept in the transaction of what it brought.
#[derive(Clone)]
pub struct Mark {
    key: StampKey,
    /// Where it is another one than before.
    stamp: Option<String>,
    /// The table is one that comes again.
    comes_again: bool,
}

/// What there is to be noted of the mark of a device's upload, of which `known` was; `None` = nothing.
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
            device.serial_number = %device.serial_number, table = key.table(), "the table comes again from its beginning"
        );
    }
    (stamp.is_some() || comes_again).then_some(Mark { key, stamp, comes_again })
}

impl Mark {
    /// Notes it. So many records came with it.
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

/// Whether an upload belongs to a table that was asked for again.
trait ComesAgain {
    fn comes_again(&self, now: Millis) -> bool;
}

impl ComesAgain for Stamp {
    fn comes_again(&self, now: Millis) -> bool {
        let goes_on = self.last_at.is_some_and(|last| last.plus(REREAD_PAUSE_MS) > now);
        self.reread == Reread::Told || (self.reread == Reread::No && goes_on)
    }
}
