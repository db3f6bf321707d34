//! Merging of a device's user record into the user of the fleet, field by field.
//!
//! If two devices change different fields of one user, both changes are kept. A device that never got a field
//! cannot remove it from the others.

use std::collections::BTreeSet;

use crate::{Capability, Field, UserFields, UserPatch, canonical, device_form};

/// The device that uploads a user record, and how far Muster trusts it.
#[derive(Clone, Copy, Debug)]
pub struct Uploader<'a> {
    /// How the device keeps names, and in which fields its defaults count as edits.
    pub capability: &'a Capability,
    /// Whether the device has the current version. Then every difference was made at the device after that
    /// version.
    pub settled: bool,
    /// Whether a device may raise a privilege without an operator's approval.
    pub trust_privilege: bool,
}

/// The result of merging an upload into a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// The current fields with the edited ones replaced.
    pub fields: UserFields,
    /// Fields that were changed at the device.
    pub edited: BTreeSet<Field>,
    /// The edited fields whose value is that of an earlier version.
    pub returned: BTreeSet<Field>,
    /// Fields that show an outdated value of the fleet. They are no edits; the device needs a correction.
    pub stale: BTreeSet<Field>,
    /// Fields that are empty on the device although the fleet has a value. The device needs a correction.
    pub dropped: BTreeSet<Field>,
    /// The dropped fields that a person emptied at the device. The device had the fleet's value and keeps what is
    /// written to it (decision 0027).
    pub cleared: BTreeSet<Field>,
    /// A privilege above the fleet's, which waits for an operator; it is not in `fields`.
    pub raised: Option<i32>,
}

impl Merge {
    /// Whether the device needs the user again: it shows something else than the fleet holds.
    pub fn needs_correction(&self) -> bool {
        !self.stale.is_empty() || !self.dropped.is_empty()
    }
}

impl Merge {
    /// Turns the emptied fields into edits.
    pub fn count_cleared_as_edits(
        &mut self,
        older: &[UserFields],
        patch: &UserPatch,
        capability: &Capability,
    ) {
        for field in std::mem::take(&mut self.cleared) {
            self.dropped.remove(&field);
            patch.write(field, &mut self.fields);
            self.edited.insert(field);
            if older.iter().any(|user| device_form::equals_as_kept(field, patch, user, capability)) {
                self.returned.insert(field);
            }
        }
    }
}

/// Merges a device's user record into the `current` version; `older` are the versions before it.
pub fn merge(current: &UserFields, older: &[UserFields], patch: &UserPatch, from: &Uploader<'_>) -> Merge {
    let mut merge = Merge { fields: current.clone(), ..Merge::default() };
    for field in Field::ALL {
        match judge(field, current, older, patch, from) {
            FieldVerdict::Ours => {}
            FieldVerdict::Dropped => {
                merge.dropped.insert(field);
                if from.settled
                    && Field::CLEARABLE.contains(&field)
                    && patch.shows_empty_value(field)
                    && from.capability.keeps_written_values(field)
                {
                    merge.cleared.insert(field);
                }
            }
            FieldVerdict::Stale => {
                merge.stale.insert(field);
            }
            FieldVerdict::Raised => merge.raised = patch.privilege,
            FieldVerdict::Edited => {
                patch.write(field, &mut merge.fields);
                merge.edited.insert(field);
                if older.iter().any(|user| device_form::equals_as_kept(field, patch, user, from.capability)) {
                    merge.returned.insert(field);
                }
            }
        }
    }
    merge
}

/// The verdict on one field of an upload.
enum FieldVerdict {
    /// The upload has no value, or the fleet's own.
    Ours,
    /// The device has no value, the fleet has one.
    Dropped,
    /// The value is from an older version, and the device does not have the current one.
    Stale,
    /// The privilege waits for an operator.
    Raised,
    /// The value was changed at the device.
    Edited,
}

/// Applies the rules in their order.
fn judge(
    field: Field,
    current: &UserFields,
    older: &[UserFields],
    patch: &UserPatch,
    from: &Uploader<'_>,
) -> FieldVerdict {
    let is = |fields: &UserFields| device_form::equals_as_kept(field, patch, fields, from.capability);
    // An absent field is not an empty one: it says nothing.
    if !patch.says(field) {
        return FieldVerdict::Ours;
    }
    // The value is the fleet's own, in the form that this device keeps.
    if is(current) {
        return FieldVerdict::Ours;
    }
    // A default counts as an edit only after the device showed that it keeps the field (decision 0025). Before
    // that the device may have turned the fleet's value into the default, and would do the same to a correction.
    let default = patch.is_default(field, current);
    if default && !from.capability.keeps(field) {
        return FieldVerdict::Ours;
    }
    // Devices return a validity period changed (field note 5.11). Once the fleet has one, Muster ignores theirs.
    if field == Field::Validity && current.has_validity() {
        return FieldVerdict::Ours;
    }
    // The device does not have the current version yet, so a value of an older version is outdated, even an empty
    // one. During a fill the device may also show the default that it gave the user before it got the fleet's
    // value.
    if !from.settled && (default || older.iter().any(is)) {
        return FieldVerdict::Stale;
    }
    // Empty values are normal on devices that never got one (field note 4.9). On their own they clear nothing.
    if patch.says_none(field) {
        return FieldVerdict::Dropped;
    }
    // One terminal must not be able to make administrators of the whole fleet.
    if field == Field::Privilege && patch.privilege > Some(current.privilege) && !from.trust_privilege {
        return FieldVerdict::Raised;
    }
    FieldVerdict::Edited
}

/// A user that is new to the fleet, and its privilege if that waits for an operator.
pub fn first(patch: &UserPatch, trust_privilege: bool) -> (UserFields, Option<i32>) {
    let mut fields = UserFields::default();
    for field in Field::ALL {
        patch.write(field, &mut fields);
    }
    let raised = (!trust_privilege && fields.privilege > 0).then_some(fields.privilege);
    if raised.is_some() {
        fields.privilege = 0;
    }
    (fields, raised)
}

/// Whether a device that joins the fleet has the same person under a PIN: name and card agree if both sides have
/// them.
///
/// Names are compared without case and without blanks around them; a cut name is the same.
pub fn same_person(current: &UserFields, patch: &UserPatch, capability: &Capability) -> bool {
    let name = patch.name.as_ref().filter(|name| !name.canonical().is_empty() && !current.name.is_empty());
    let same_name = name.is_none_or(|name| {
        device_form::name_may_be(name, &current.name, capability)
            || name.canonical().to_lowercase() == canonical::name(&current.name).to_lowercase()
    });
    let same_card = match (current.card.as_deref(), patch.card.as_deref()) {
        (None, _) | (_, None | Some("")) => true,
        (Some(ours), Some(theirs)) => ours == theirs,
    };
    same_name && same_card
}

impl UserFields {
    /// Whether the user's validity is limited.
    pub fn has_validity(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}
