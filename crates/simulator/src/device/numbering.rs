//! Internal user numbers of a terminal.

use std::collections::BTreeMap;

use wire::Pin;

use super::Device;

/// The internal number of each user: 1 for the first user that was created on this terminal.
///
/// A new user gets the highest number plus one, so an emptied terminal starts with 1 again.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbering(BTreeMap<u32, Pin>);

impl Numbering {
    /// Assigns the next number to a new user.
    pub fn add(&mut self, pin: Pin) {
        let next = self.0.last_key_value().map_or(1, |(highest, _)| highest + 1);
        self.0.insert(next, pin);
    }

    /// The number of a user.
    pub fn of(&self, pin: &Pin) -> Option<u32> {
        self.0.iter().find(|(_, whose)| *whose == pin).map(|(number, _)| *number)
    }

    /// Removes the number of a user.
    pub fn remove(&mut self, pin: &Pin) {
        self.0.retain(|_, whose| whose != pin);
    }

    /// Removes all numbers.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<'p> FromIterator<&'p Pin> for Numbering {
    fn from_iter<I: IntoIterator<Item = &'p Pin>>(pins: I) -> Self {
        Self((1..).zip(pins.into_iter().cloned()).collect())
    }
}

impl Device {
    /// The terminal's internal number of a user: see the quirk `logs_internal_numbers`.
    pub fn internal_number(&self, pin: &str) -> Option<u32> {
        self.numbering.of(&pin.parse().ok()?)
    }

    /// Logs the deletion of a user (operation 9 or 103). Call it while the device still holds the user.
    ///
    /// Operation 9 contains the PIN, or with the quirk `logs_internal_numbers` the internal number.
    pub(super) fn log_deletion(&mut self, pin: &Pin) {
        let code = self.model.deletion_code;
        let number = self.numbering.of(pin).filter(|_| self.quirks.logs_internal_numbers && code == 9);
        let whom = number.map_or_else(|| pin.to_string(), |number| number.to_string());
        self.log_operation(code, [&whom, "0", "0", "0"]);
    }
}
