//! Upload marks: kept as they come, given back with the next handshake (§5); and whole tables that are asked for again.
//!
//! A table is asked for with the mark `0`. What a device uploads before a handshake told it that mark is what it would have
//! uploaded anyway; the first upload after it is the beginning of everything, and from then on the mark is its own again:
//! with a `0` that stays, every restart of the device would bring all of it once more.

use roster::Millis;
use store::{DeviceRow, Reread, Stamp, StoreError, Tx};
use wire::{StampKey, Target};

use crate::app::App;
use crate::fleet::REREAD_PAUSE_MS;

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

/// Keeps the mark of an upload, and follows a table that comes again.
///
/// # Errors
/// Those of the database.
pub async fn remember(
    app: &App,
    device: &DeviceRow,
    target: &Target<'_>,
    table: &str,
    records: usize,
) -> Result<(), StoreError> {
    let Some(key) = StampKey::of_table(table) else { return Ok(()) };
    let now = app.clock.now();
    let known = app.store.stamps(device.id).await?.remove(key.table()).unwrap_or_default();
    let stamp: Option<String> =
        target.query.stamp().map(|stamp| stamp.chars().take(STAMP_CHARACTERS).collect());
    let stamp = stamp.filter(|stamp| known.stamp.as_ref() != Some(stamp));
    let comes_again = known.comes_again(now);
    if stamp.is_none() && !comes_again {
        return Ok(());
    }
    if known.reread == Reread::Told {
        tracing::info!(
            device.serial_number = %device.serial_number, table = key.table(), "the table comes again from its beginning"
        );
    }
    let records = i64::try_from(records).unwrap_or(i64::MAX);
    store::retry(|| async {
        let mut tx = app.store.write().await?;
        if let Some(stamp) = &stamp {
            tx.set_stamp(device.id, key.table(), stamp).await?;
        }
        if comes_again {
            tx.note_reread(device.id, key.table(), records, now).await?;
        }
        tx.commit().await
    })
    .await
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
