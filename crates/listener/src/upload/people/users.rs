//! User records: what they show about the device, and which of their fields are held.

use std::collections::BTreeSet;

use roster::{Field, UserPatch};
use store::HeldKind;
use wire::{DeletedPart, Pin};

use super::Deciding;
use fleet::emptied_field;

impl Deciding<'_> {
    /// Learns the device's form of cards and the user fields that the device keeps. The intake uses the latter from this record
    /// on, since one upload may hold all users.
    pub(super) fn learn_from(&mut self, pin: &Pin, patch: &UserPatch) {
        if let Some(form) = patch.card_form {
            self.capability.learn_card_form(form);
        }
        let known = self.intake.known.get(pin);
        let ours = known.and_then(|known| known.user.as_ref());
        let older = known.map_or(&[][..], |known| &known.older_users);
        let view = &mut *self.intake.view;
        if let Some(ours) = ours.filter(|_| view.wrote(pin)) {
            view.capability.learn_written_fields(pin, patch, ours);
            self.capability.learn_written_fields(pin, patch, ours);
        }
        let again = view.capability.learn_kept_fields(pin, patch, ours, older);
        if self.capability.learn_kept_fields(pin, patch, ours, older) && again && view.joining.is_none() {
            tracing::info!(
                device.serial_number = %self.row.serial_number,
                "new firmware keeps more user fields than before: sending everything again"
            );
            view.rescan();
        }
    }

    /// Holds a name that is not text in the device's charset (§2.8), unless the fleet has a name of the user.
    pub(super) fn keep_unreadable_name(&mut self, pin: &Pin, patch: &UserPatch, line: usize, raw: &[u8]) {
        let unreadable = patch.name.as_ref().is_some_and(|name| name.text.is_none());
        let known = self.intake.known.get(pin).and_then(|known| known.user.as_ref());
        if unreadable && known.is_some_and(|user| user.name.is_empty()) {
            let reason = match self.capability.language() {
                Some(language) => format!("the name is not text in the charset of language {language}"),
                None => "the name is not UTF-8, and the device has not told its language".to_owned(),
            };
            self.hold(
                HeldKind::Unreadable,
                Some(pin.clone()),
                line,
                "USER",
                format!("{reason}: the user is taken without it"),
                raw,
            );
        }
    }

    /// Holds each emptied field of a user by itself: an operator decides about one field.
    pub(super) fn hold_cleared(&mut self, pin: &Pin, fields: &BTreeSet<Field>, line: usize) {
        let Some(ours) = self.intake.known.get(pin).and_then(|known| known.user.clone()) else { return };
        for field in fields {
            self.tally.held += 1;
            let raw = emptied_field::record(pin, *field, &ours, self.intake.hash_key);
            let reason = emptied_field::reason(pin, *field);
            self.hold(HeldKind::Cleared, Some(pin.clone()), line, "USER", reason, &raw);
        }
    }

    /// Whether the user record that follows the deletion of a card or password decides, instead of the log entry.
    pub(super) fn will_show_cleared(&self, pin: &Pin, part: DeletedPart) -> bool {
        match part {
            DeletedPart::Card => self.intake.will_show_cleared(pin, Field::Card),
            DeletedPart::Password => self.intake.will_show_cleared(pin, Field::Password),
            _ => false,
        }
    }
}
