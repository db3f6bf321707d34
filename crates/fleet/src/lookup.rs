//! Look-up by name or number, with suggestions for a mistyped one.

use std::collections::BTreeMap;

use roster::{Area, DefinitionKind, DefinitionName, Millis};
use store::{Defined, DeviceRow, QueuedCommandRow, StoreError, Tx};
use wire::{Pin, SerialNumber};

use crate::view::failed_removal;
use crate::{FleetError, NotFound, definition};

/// Maximum number of people that are compared with an unknown PIN.
const MAX_COMPARED: i64 = 20_000;

/// Whether an edit distance is small enough for a typing error.
fn is_near(distance: usize, text: &str) -> bool {
    distance <= 1 + text.len() / 4
}

/// The text that is nearest to `wanted`, if one is near.
pub fn nearest<'t>(wanted: &str, texts: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
    let lower = wanted.to_lowercase();
    texts
        .into_iter()
        .map(|text| (strsim::damerau_levenshtein(&text.to_lowercase(), &lower), text))
        .min()
        .filter(|(distance, _)| is_near(*distance, wanted))
        .map(|(_, text)| text)
}

/// The device with this serial number.
pub(crate) async fn device(tx: &mut Tx, wanted: &SerialNumber) -> Result<DeviceRow, FleetError> {
    if let Some(row) = tx.device_by_serial(wanted).await? {
        return Ok(row);
    }
    let devices = tx.devices().await?;
    let near = nearest(wanted.as_str(), devices.iter().map(|row| row.serial_number.as_str()));
    let near = devices.iter().map(|row| &row.serial_number).find(|other| Some(other.as_str()) == near);
    Err(NotFound::Device { wanted: wanted.clone(), nearest: near.cloned(), is_first: devices.is_empty() }
        .into())
}

/// A command of the device with this serial number.
pub(crate) async fn command(
    tx: &mut Tx,
    serial_number: &SerialNumber,
    id: i64,
) -> Result<QueuedCommandRow, FleetError> {
    let row = device(tx, serial_number).await?;
    let found = tx.queued_command(row.id, id).await?;
    found.ok_or_else(|| NotFound::Command { device: serial_number.clone(), wanted: id }.into())
}

/// The serial numbers of all devices.
pub(crate) async fn serial_numbers(tx: &mut Tx) -> Result<BTreeMap<i64, SerialNumber>, StoreError> {
    Ok(tx.devices().await?.into_iter().map(|row| (row.id, row.serial_number)).collect())
}

/// Checks that all of these areas exist.
pub(crate) async fn areas(tx: &mut Tx, wanted: &[Area]) -> Result<(), FleetError> {
    let known = tx.areas().await?;
    match wanted.iter().find(|area| !known.iter().any(|(known, _)| known == *area)) {
        Some(wanted) => Err(NotFound::Area { wanted: *wanted, known }.into()),
        None => Ok(()),
    }
}

/// The definition of this name.
pub(crate) async fn definition(tx: &mut Tx, wanted: &DefinitionName) -> Result<Defined, FleetError> {
    match definition::find(tx, wanted).await? {
        Some(defined) => Ok(defined),
        None => Err(no_definition(tx, wanted).await),
    }
}

/// The error for an unknown definition. Only codes get a suggestion: a number has no likely typing error.
pub(crate) async fn no_definition(tx: &mut Tx, wanted: &DefinitionName) -> FleetError {
    let mut nearest = None;
    if wanted.kind == DefinitionKind::WorkCode {
        let all = match tx.definitions(wanted.kind).await {
            Ok(all) => all,
            Err(error) => return error.into(),
        };
        let names = all.iter().map(|defined| defined.name.name.as_str());
        nearest = self::nearest(&wanted.name, names).map(ToOwned::to_owned);
    }
    NotFound::Definition { wanted: wanted.clone(), nearest }.into()
}

/// The error for an unknown PIN.
pub(crate) async fn no_user(tx: &mut Tx, wanted: &Pin, now: Millis) -> FleetError {
    let found = async {
        let failed_removals = failed_removal::of(tx, None, Some(wanted)).await?;
        let can_be_undone = tx.deletions(now).await?.iter().any(|deletion| deletion.pin == *wanted);
        Ok::<_, StoreError>((can_be_undone, failed_removals, tx.user_pins("", MAX_COMPARED).await?))
    };
    let (can_be_undone, failed_removals, pins) = match found.await {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    // `7` and `007` are different people. Confusing them is the likeliest mistake.
    let bare = |text: &str| text.trim_start_matches('0').to_lowercase();
    let near = pins
        .iter()
        .find(|other| bare(other.as_str()) == bare(wanted.as_str()))
        .map(Pin::as_str)
        .or_else(|| nearest(wanted.as_str(), pins.iter().map(Pin::as_str)));
    let nearest = pins.iter().find(|pin| Some(pin.as_str()) == near).cloned();
    NotFound::User { wanted: wanted.clone(), nearest, can_be_undone, failed_removals }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_text_is_found_if_it_is_near() {
        let known = ["CKJF210560012", "CKJF210560099", "SIM0001"];
        assert_eq!(nearest("CKJF210560013", known), Some("CKJF210560012"));
        assert_eq!(nearest("sim0001", known), Some("SIM0001"));
        assert_eq!(nearest("BYXA1", known), None);
        assert_eq!(nearest("SIM", []), None);
    }
}
