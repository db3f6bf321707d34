//! How a user record from a device changes the user of the fleet: field by field.
//!
//! Two devices that change different fields of one user both win, and a device that never got a field cannot
//! take it away from the others.

use std::collections::BTreeSet;

use crate::{Capability, Field, UserFields, UserPatch, canonical, kept};

/// Who uploads a user record, and how far it is to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Uploader<'a> {
    /// Tells how the device keeps names, and in which fields its defaults count as edits.
    pub capability: &'a Capability,
    /// Whether the device has the current version, so that what differs was changed there since.
    pub settled: bool,
    /// Whether a device may raise a privilege without an operator's yes.
    pub trust_privilege: bool,
}

/// What an upload makes of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// The current fields with the edited ones replaced.
    pub fields: UserFields,
    /// Fields that were changed at the device.
    pub edited: BTreeSet<Field>,
    /// Of the edited ones: fields that have a value of before again.
    pub returned: BTreeSet<Field>,
    /// Fields in which the device shows a value that was replaced since: no edits, they ask for a correction.
    pub stale: BTreeSet<Field>,
    /// Fields in which the device holds nothing where the fleet holds something: they ask for a correction.
    pub dropped: BTreeSet<Field>,
    /// Of the dropped ones: fields that somebody emptied at the device. The device had the fleet's value and keeps what is
    /// written to it (decision 0027).
    pub cleared: BTreeSet<Field>,
    /// A privilege above the fleet's, which waits for an operator; not in `fields`.
    pub raised: Option<i32>,
}

impl Merge {
    /// Whether the device should get the user again: it shows something else than the fleet holds.
    pub fn needs_correction(&self) -> bool {
        !self.stale.is_empty() || !self.dropped.is_empty()
    }
}

impl Merge {
    /// Takes the emptied fields for edits.
    pub fn accept_cleared(&mut self, older: &[UserFields], patch: &UserPatch, capability: &Capability) {
        for field in std::mem::take(&mut self.cleared) {
            self.dropped.remove(&field);
            patch.write(field, &mut self.fields);
            self.edited.insert(field);
            if older.iter().any(|user| kept::is(field, patch, user, capability)) {
                self.returned.insert(field);
            }
        }
    }
}

/// Merges what a device says of a user into the `current` version; `older` are the versions before it.
pub fn merge(current: &UserFields, older: &[UserFields], patch: &UserPatch, from: &Uploader<'_>) -> Merge {
    let mut merge = Merge { fields: current.clone(), ..Merge::default() };
    for field in Field::ALL {
        match judge(field, current, older, patch, from) {
            Judgement::Ours => {}
            Judgement::Dropped => {
                merge.dropped.insert(field);
                if from.settled
                    && Field::CLEARABLE.contains(&field)
                    && patch.shows_empty(field)
                    && from.capability.keeps_what_is_written(field)
                {
                    merge.cleared.insert(field);
                }
            }
            Judgement::Stale => {
                merge.stale.insert(field);
            }
            Judgement::Raised => merge.raised = patch.privilege,
            Judgement::Edited => {
                patch.write(field, &mut merge.fields);
                merge.edited.insert(field);
                if older.iter().any(|user| kept::is(field, patch, user, from.capability)) {
                    merge.returned.insert(field);
                }
            }
        }
    }
    merge
}

/// What one field of an upload is.
enum Judgement {
    /// Nothing was said, or our own value was.
    Ours,
    /// The device holds nothing where we hold something.
    Dropped,
    /// A value of an older version, from a device that has not got the current one.
    Stale,
    /// A privilege that waits for an operator.
    Raised,
    /// Changed at the device.
    Edited,
}

/// The rules, in their order.
fn judge(
    field: Field,
    current: &UserFields,
    older: &[UserFields],
    patch: &UserPatch,
    from: &Uploader<'_>,
) -> Judgement {
    let is = |fields: &UserFields| kept::is(field, patch, fields, from.capability);
    // An absent field is not an empty one: nothing was said of it.
    if !patch.says(field) {
        return Judgement::Ours;
    }
    // Our own value, as this device keeps it.
    if is(current) {
        return Judgement::Ours;
    }
    // A default is no decision unless this device showed that it keeps the field (decision 0025). Until then the default is
    // what the device makes of our value, and it would make the same of a correction.
    let default = patch.is_default(field, current);
    if default && !from.capability.keeps(field) {
        return Judgement::Ours;
    }
    // Devices give a validity back changed (field note 5.11): once the fleet has one, theirs is ignored.
    if field == Field::Validity && current.has_validity() {
        return Judgement::Ours;
    }
    // What was replaced since, from a device that does not have the replacement yet. Such a value may be empty. While a device
    // is filled, it may show the default that it gave the user before it got our value.
    if !from.settled && (default || older.iter().any(is)) {
        return Judgement::Stale;
    }
    // Empty values are normal on devices that were never told (field note 4.9): alone they clear nothing.
    if patch.says_none(field) {
        return Judgement::Dropped;
    }
    // One terminal must not make administrators everywhere.
    if field == Field::Privilege && patch.privilege > Some(current.privilege) && !from.trust_privilege {
        return Judgement::Raised;
    }
    Judgement::Edited
}

/// A user that the fleet does not hold yet, and its privilege if that waits for an operator.
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

/// Whether a device that joins the fleet means the same person by a PIN: name and card agree where both have them.
///
/// Names are compared without case and without blanks around them; a cut one is the same.
pub fn same_person(current: &UserFields, patch: &UserPatch, capability: &Capability) -> bool {
    let name = patch.name.as_ref().filter(|name| !name.canonical().is_empty() && !current.name.is_empty());
    let same_name = name.is_none_or(|name| {
        kept::name_may_be(name, &current.name, capability)
            || name.canonical().to_lowercase() == canonical::name(&current.name).to_lowercase()
    });
    let same_card = match (current.card.as_deref(), patch.card.as_deref()) {
        (None, _) | (_, None | Some("")) => true,
        (Some(ours), Some(theirs)) => ours == theirs,
    };
    same_name && same_card
}

impl UserFields {
    /// Whether the user's time on devices is limited.
    pub fn has_validity(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}
