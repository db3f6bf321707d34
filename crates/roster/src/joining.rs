//! What a device that joins the fleet may add to a user that the fleet holds already.

use crate::{Field, Merge, UserFields};

impl Merge {
    /// Keeps only the edits of fields without a value in `current`. The fleet's values stay.
    pub fn fill_in(&mut self, current: &UserFields) {
        let fleet = std::mem::replace(&mut self.fields, current.clone());
        self.edited.retain(|field| {
            let unset = current.is_unset(*field);
            if unset {
                self.fields.take(*field, &fleet);
            } else {
                self.stale.insert(*field);
            }
            unset
        });
    }
}

impl UserFields {
    fn is_unset(&self, field: Field) -> bool {
        let default = Self::default();
        match field {
            Field::Name => self.name.is_empty(),
            Field::Privilege => self.privilege == default.privilege,
            Field::Password => self.password.is_empty(),
            Field::Card => self.card.is_none(),
            Field::ViceCard => self.vice_card.is_none(),
            Field::Group => self.group == default.group,
            Field::TimeZones => self.time_zones.is_empty(),
            Field::Verify => self.verify.is_none(),
            Field::Validity => !self.has_validity(),
        }
    }

    /// Whether the user has a value in the field that is not its default.
    pub fn has(&self, field: Field) -> bool {
        !self.is_unset(field)
    }

    /// A user with the value of this field only.
    #[must_use]
    pub fn only(&self, field: Field) -> Self {
        let mut alone = Self::default();
        alone.take(field, self);
        alone
    }

    /// Copies one field.
    pub(crate) fn take(&mut self, field: Field, from: &Self) {
        match field {
            Field::Name => self.name.clone_from(&from.name),
            Field::Privilege => self.privilege = from.privilege,
            Field::Password => self.password.clone_from(&from.password),
            Field::Card => self.card.clone_from(&from.card),
            Field::ViceCard => self.vice_card.clone_from(&from.vice_card),
            Field::Group => self.group = from.group,
            Field::TimeZones => self.time_zones.clone_from(&from.time_zones),
            Field::Verify => self.verify = from.verify,
            Field::Validity => {
                self.start.clone_from(&from.start);
                self.end.clone_from(&from.end);
                self.expires = from.expires;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joining_device_fills_empty_fields_and_overwrites_none() {
        let current = UserFields { name: "Ada".into(), group: 3, ..UserFields::default() };
        let theirs =
            UserFields { name: "Ada".into(), card: Some("77".into()), group: 9, ..UserFields::default() };
        let mut merge = Merge { fields: theirs, ..Merge::default() };
        merge.edited.extend([Field::Card, Field::Group]);

        merge.fill_in(&current);

        assert_eq!(merge.fields, UserFields { card: Some("77".into()), ..current });
        assert_eq!((merge.edited, merge.stale), ([Field::Card].into(), [Field::Group].into()));
    }
}
