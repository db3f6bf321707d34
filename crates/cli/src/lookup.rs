//! Finding what a command names, or saying what may be meant.

use std::collections::BTreeMap;

use anyhow::bail;
use roster::Area;
use server::fleet::status;
use store::{DeviceRow, Tx};
use wire::{Pin, SerialNumber};

/// How many failed removals of one person are named.
pub const MOST_REMOVALS: i64 = 100;

/// How many letters a text may be off and still be told as what may be meant.
fn is_near(distance: usize, text: &str) -> bool {
    distance <= 1 + text.len() / 4
}

/// The text that is nearest to `wanted`, if any is near.
pub fn nearest<'t>(wanted: &str, texts: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
    let lower = wanted.to_lowercase();
    texts
        .into_iter()
        .map(|text| (strsim::damerau_levenshtein(&text.to_lowercase(), &lower), text))
        .min()
        .filter(|(distance, _)| is_near(*distance, wanted))
        .map(|(_, text)| text)
}

/// The device of a serial number.
///
/// # Errors
/// There is none; with the nearest one that there is.
pub async fn device(tx: &mut Tx, serial_number: &SerialNumber) -> anyhow::Result<DeviceRow> {
    if let Some(row) = tx.device_by_serial(serial_number).await? {
        return Ok(row);
    }
    let devices = tx.devices().await?;
    match nearest(serial_number.as_str(), devices.iter().map(|row| row.serial_number.as_str())) {
        Some(near) => bail!("no device {serial_number} has called; is {near} meant?"),
        None if devices.is_empty() => bail!(
            "no device {serial_number}: none has called yet. Set the address of this server at the terminal, \
             it shows up in `muster device list` within half a minute"
        ),
        None => bail!("no device {serial_number} has called; `muster device list` shows those that have"),
    }
}

/// The serial numbers of all devices.
///
/// # Errors
/// Those of the database.
pub async fn serial_numbers(tx: &mut Tx) -> anyhow::Result<BTreeMap<i64, SerialNumber>> {
    Ok(tx.devices().await?.into_iter().map(|row| (row.id, row.serial_number)).collect())
}

/// Who made a change: a device, or an operator.
pub fn who(by: Option<i64>, devices: &BTreeMap<i64, SerialNumber>) -> String {
    match by {
        None => "an operator".to_owned(),
        Some(device) => match devices.get(&device) {
            Some(serial_number) => format!("device {serial_number}"),
            None => "a device that is gone".to_owned(),
        },
    }
}

/// Makes sure that all of these areas exist.
///
/// # Errors
/// One does not; with those that do.
pub async fn areas(tx: &mut Tx, wanted: &[Area]) -> anyhow::Result<()> {
    let known = tx.areas().await?;
    for area in wanted {
        if !known.iter().any(|(known, _)| known == area) {
            let list: Vec<String> = known.iter().map(|(area, name)| format!("{} {name}", area.0)).collect();
            bail!("there is no area {}; there are: {}", area.0, list.join(", "));
        }
    }
    Ok(())
}

/// The error for a PIN that nobody has.
///
/// # Errors
/// Those of the database.
pub async fn no_user(tx: &mut Tx, pin: &Pin, now: roster::Millis) -> anyhow::Error {
    let deleted = match tx.deletions(now).await {
        Ok(deletions) => deletions.iter().any(|deletion| deletion.pin == *pin),
        Err(error) => return error.into(),
    };
    let removals = match tx.failed_removals(None, Some(pin), MOST_REMOVALS).await {
        Ok(removals) => removals,
        Err(error) => return error.into(),
    };
    let not_removed: String = removals
        .iter()
        .map(|removal| format!("\n{}: {}", removal.serial_number, status::removal_in_words(removal)))
        .collect();
    if deleted {
        return anyhow::anyhow!(
            "user {pin} is deleted; `muster user undo {pin}` brings them back{not_removed}"
        );
    }
    if !not_removed.is_empty() {
        return anyhow::anyhow!("user {pin} is deleted; not all terminals have confirmed it{not_removed}");
    }
    // `7` and `007` are different people: the likeliest mistake.
    let pins = tx.user_pins("", 20_000).await.unwrap_or_default();
    let bare = |text: &str| text.trim_start_matches('0').to_lowercase();
    let near = pins
        .iter()
        .find(|other| bare(other.as_str()) == bare(pin.as_str()))
        .map(Pin::as_str)
        .or_else(|| nearest(pin.as_str(), pins.iter().map(Pin::as_str)));
    match near {
        Some(near) => anyhow::anyhow!("there is no user {pin}; is {near} meant?"),
        None => anyhow::anyhow!("there is no user {pin}; `muster user list` shows all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_told_if_it_is_near() {
        let known = ["CKJF210560012", "CKJF210560099", "SIM0001"];
        assert_eq!(nearest("CKJF210560013", known), Some("CKJF210560012"));
        assert_eq!(nearest("sim0001", known), Some("SIM0001"));
        assert_eq!(nearest("BYXA1", known), None);
        assert_eq!(nearest("SIM", []), None);
    }
}
