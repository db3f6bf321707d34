//! Field keeping: which fields of users a device keeps as they were written, and how many bytes of a name, learned
//! from its uploads.
//!
//! Every conclusion needs two different users. One record may show what a person did at the terminal, and the same
//! record may come many times.

use std::collections::BTreeMap;

use wire::Pin;

use super::Capability;
use crate::{Field, StoredName, UserFields, UserPatch, canonical, device_form};

/// Bytes of the longest character of any charset, minus one. Names that are cut at one limit differ by no more
/// than this.
const CHARACTER: usize = 3;

/// The findings from uploads since the device was filled under its current firmware.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Keeping {
    fields: BTreeMap<Field, Witnesses>,
    /// For each field that a person may empty ([`Field::CLEARABLE`]): the users of whom the device showed the
    /// fleet's value after Muster had written it.
    written: BTreeMap<Field, Witnesses>,
    names: NameLength,
    /// Whether the device may hold users that were written under an earlier firmware, which may have kept fewer
    /// fields.
    earlier_firmware: bool,
}

/// The users of whom the device showed a value that is no default: a value of the fleet, or one that was set at
/// the device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Witnesses {
    /// One user only. Muster concludes nothing from it.
    One(Pin),
    /// At least two users: the device keeps the field.
    Two,
}

/// The number of bytes of a name that the firmware keeps.
#[derive(Clone, Debug, Default, PartialEq)]
struct NameLength {
    /// Bytes of the longest name that the device showed; 0 until a name has [`device_form::LEAST_KEPT`] bytes.
    longest: usize,
    /// Whether the device cuts names at `longest` bytes.
    is_limit: bool,
    /// The last user whose name may have been cut, and how many bytes were left.
    cut: Option<(usize, Pin)>,
}

impl Capability {
    /// Notes what a user record shows about how the device keeps users. `ours` is the fleet's user before the
    /// record is merged, `older` are the versions before that.
    ///
    /// Call it before [`crate::merge`], which uses the result. Returns true if Muster must send everything to the
    /// device again before its defaults count as edits: the device keeps a field now, and may hold users of an
    /// earlier firmware that did not.
    #[must_use]
    pub fn learn_kept_fields(
        &mut self,
        pin: &Pin,
        patch: &UserPatch,
        ours: Option<&UserFields>,
        older: &[UserFields],
    ) -> bool {
        let mut keeps_more = false;
        for field in Field::ALL {
            if patch.is_no_default(field) && self.learned.keeping.note_field(field, pin) {
                // Every firmware keeps privileges.
                keeps_more |= field != Field::Privilege;
            }
        }
        if let Some(name) = &patch.name {
            let cut = ours.is_some_and(|ours| self.is_shorter(name, ours, older));
            self.learned.keeping.names.note(name.raw.len(), cut.then_some(pin));
        }
        keeps_more && std::mem::take(&mut self.learned.keeping.earlier_firmware)
    }

    /// Notes which of the fields that Muster wrote the device shows as written. `ours` is the user that the device
    /// acknowledged. No value of `ours` may come from the device itself: a device that ignores cards in commands
    /// still shows the cards that were enrolled at it.
    pub fn learn_written_fields(&mut self, pin: &Pin, patch: &UserPatch, ours: &UserFields) {
        for field in Field::CLEARABLE {
            if ours.has(field) && patch.says(field) && device_form::equals_as_kept(field, patch, ours, self) {
                let _ = Keeping::note(&mut self.learned.keeping.written, field, pin);
            }
        }
    }

    /// Whether the device showed for two users that it keeps the name, card or password that Muster writes. If it
    /// then shows an empty value of a user that it acknowledged, a person emptied the field at the device.
    pub fn keeps_written_values(&self, field: Field) -> bool {
        self.learned.keeping.written.get(&field) == Some(&Witnesses::Two)
    }

    /// Whether a name is the beginning of the name that Muster sent to the device. An older name of the user does
    /// not count as cut.
    fn is_shorter(&self, name: &StoredName, ours: &UserFields, older: &[UserFields]) -> bool {
        let sent = device_form::sent_name(&canonical::name(&ours.name), self);
        let is_older = || older.iter().any(|older| canonical::name(&older.name) == name.canonical());
        name.raw.len() < sent.len() && sent.starts_with(name.raw.trim_ascii()) && !is_older()
    }

    /// Whether the device showed that it keeps a field as written. Then a default in that field is an edit.
    ///
    /// False for fields without defaults. An empty name, password or card never counts as a default (decision 0004).
    pub fn keeps(&self, field: Field) -> bool {
        self.learned.keeping.fields.get(&field) == Some(&Witnesses::Two)
    }

    /// The number of bytes of a name that the device keeps, if it has shown it.
    pub fn name_bytes(&self) -> Option<usize> {
        let names = &self.learned.keeping.names;
        names.is_limit.then_some(names.longest)
    }

    /// The same capability with every field kept: for a record that an operator decided to accept as it is.
    #[must_use]
    pub fn believed(mut self) -> Self {
        for field in Field::ALL {
            self.learned.keeping.fields.insert(field, Witnesses::Two);
        }
        self
    }

    /// Forgets how the device keeps users, because Muster fills it again.
    pub fn forget_kept_fields(&mut self) {
        *self.learned.keeping = Keeping::default();
    }

    /// Forgets how the device keeps users, because its firmware changed.
    pub(super) fn forget_keeping_of_earlier_firmware(&mut self) {
        *self.learned.keeping = Keeping { earlier_firmware: true, ..Keeping::default() };
    }
}

impl Keeping {
    /// Notes that the device showed a value of a user that is no default. Returns true if this is the second user.
    fn note_field(&mut self, field: Field, pin: &Pin) -> bool {
        Self::note(&mut self.fields, field, pin)
    }

    /// Notes one more user as a witness. Returns true if this is the second user.
    fn note(fields: &mut BTreeMap<Field, Witnesses>, field: Field, pin: &Pin) -> bool {
        let witnesses = match fields.get(&field) {
            None => Witnesses::One(pin.clone()),
            Some(Witnesses::One(first)) if first != pin => Witnesses::Two,
            Some(_) => return false,
        };
        let second = witnesses == Witnesses::Two;
        fields.insert(field, witnesses);
        second
    }
}

impl NameLength {
    /// Notes that the device showed a name of this many bytes. `cut` is the user whose name may have been cut
    /// there.
    fn note(&mut self, bytes: usize, cut: Option<&Pin>) {
        if bytes < device_form::LEAST_KEPT {
            return;
        }
        let near = |other: usize| other.abs_diff(bytes) <= CHARACTER;
        if bytes > self.longest {
            // A limit learned from names that ended within a character is raised. A whole name that is longer
            // refutes the limit.
            self.is_limit &= cut.is_some() && near(self.longest);
            self.longest = bytes;
        }
        // If the firmware kept a longer name before, a person shortened this one.
        let Some(pin) = cut.filter(|_| !self.is_limit && near(self.longest)) else { return };
        let another = |(other, first): &(usize, Pin)| near(*other) && first != pin;
        if self.cut.as_ref().is_some_and(another) {
            self.is_limit = true;
            self.cut = None;
        } else {
            self.cut = Some((bytes, pin.clone()));
        }
    }
}

const KEPT: &str = "kept field";
const KEPT_ONCE: &str = "kept once ";
const WRITTEN: &str = "kept as written ";
const WRITTEN_ONCE: &str = "kept as written once ";
const NAME_BYTES: &str = "learned name bytes";
const LONGEST_NAME: &str = "longest name";
const NAME_CUT: &str = "name cut ";
const EARLIER_FIRMWARE: &str = "holds users of an earlier firmware";

impl Keeping {
    /// Writes the lines of the stored form.
    pub(super) fn write(&self, mut line: impl FnMut(&str, &str)) {
        for (field, witnesses) in &self.fields {
            match witnesses {
                Witnesses::One(pin) => line(&format!("{KEPT_ONCE}{field}"), pin.as_str()),
                Witnesses::Two => line(&format!("{KEPT} {field}"), "yes"),
            }
        }
        for (field, witnesses) in &self.written {
            match witnesses {
                Witnesses::One(pin) => line(&format!("{WRITTEN_ONCE}{field}"), pin.as_str()),
                Witnesses::Two => line(&format!("{WRITTEN}{field}"), "yes"),
            }
        }
        let NameLength { longest, is_limit, cut } = &self.names;
        if *longest > 0 {
            line(if *is_limit { NAME_BYTES } else { LONGEST_NAME }, &longest.to_string());
        }
        if let Some((bytes, pin)) = cut {
            line(&format!("{NAME_CUT}{bytes}"), pin.as_str());
        }
        if self.earlier_firmware {
            line(EARLIER_FIRMWARE, "yes");
        }
    }

    /// Reads one line of the stored form; ignores other lines.
    pub(super) fn read_line(&mut self, name: &str, value: &str) {
        let field = |text: &str| Field::ALL.into_iter().find(|field| field.as_str() == text);
        let pin = || value.parse::<Pin>().ok();
        if let Some(name) = name.strip_prefix(WRITTEN_ONCE) {
            if let (Some(field), Some(pin)) = (field(name), pin()) {
                self.written.insert(field, Witnesses::One(pin));
            }
        } else if let Some(name) = name.strip_prefix(WRITTEN) {
            if let Some(field) = field(name) {
                self.written.insert(field, Witnesses::Two);
            }
        } else if let Some(name) = name.strip_prefix(KEPT_ONCE) {
            if let (Some(field), Some(pin)) = (field(name), pin()) {
                self.fields.insert(field, Witnesses::One(pin));
            }
        } else if let Some(name) = name.strip_prefix(KEPT) {
            if let Some(field) = field(name.trim_start()) {
                self.fields.insert(field, Witnesses::Two);
            }
        } else if let Some(bytes) = name.strip_prefix(NAME_CUT) {
            if let (Ok(bytes), Some(pin)) = (bytes.parse(), pin()) {
                self.names.cut = Some((bytes, pin));
            }
        } else if name == EARLIER_FIRMWARE {
            self.earlier_firmware = true;
        } else if (name == NAME_BYTES || name == LONGEST_NAME)
            && let Ok(longest) = value.parse()
        {
            self.names.longest = longest;
            self.names.is_limit = name == NAME_BYTES && longest > 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seen: &[(usize, Option<&str>)]) -> Option<usize> {
        let mut names = NameLength::default();
        for (bytes, cut) in seen {
            let pin = cut.map(|pin| pin.parse().expect("a PIN"));
            names.note(*bytes, pin.as_ref());
        }
        names.is_limit.then_some(names.longest)
    }

    #[test]
    fn two_users_with_names_cut_at_one_length_show_the_limit() {
        assert_eq!(names(&[(24, Some("7"))]), None);
        assert_eq!(names(&[(24, Some("7")), (24, Some("7"))]), None, "one person, however often");
        assert_eq!(names(&[(24, Some("7")), (24, Some("8"))]), Some(24));
        assert_eq!(names(&[(31, Some("7")), (30, Some("8"))]), Some(31), "a character does not fit");
        assert_eq!(names(&[(30, Some("7")), (30, Some("8")), (31, Some("9"))]), Some(31), "one name fits");
        assert_eq!(names(&[(28, Some("7")), (24, Some("8"))]), None, "two lengths");
        assert_eq!(names(&[(8, Some("7")), (8, Some("8"))]), None, "given names alone");
    }

    #[test]
    fn a_longer_name_refutes_the_limit() {
        assert_eq!(names(&[(31, None), (24, Some("7")), (24, Some("8"))]), None);
        assert_eq!(names(&[(24, Some("7")), (24, Some("8")), (31, None)]), None, "it is unlearned");
        assert_eq!(names(&[(24, Some("7")), (31, None), (24, Some("8"))]), None);
        let longer = [(24, Some("7")), (24, Some("8")), (31, None), (30, Some("8")), (31, Some("9"))];
        assert_eq!(names(&longer), Some(31));
    }
}
