//! Fields of a user, and access to them by name.

use std::fmt;

use crate::UserFields;

/// A field of a user in merges: one value, or several that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `Name`
    Name,
    /// `Pri`
    Privilege,
    /// `Passwd`
    Password,
    /// `Card`
    Card,
    /// `ViceCard`
    ViceCard,
    /// `Grp`
    Group,
    /// `TZ`
    TimeZones,
    /// `Verify`
    Verify,
    /// `StartDatetime`, `EndDatetime` and `Expires` together
    Validity,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Privilege,
        Self::Password,
        Self::Card,
        Self::ViceCard,
        Self::Group,
        Self::TimeZones,
        Self::Verify,
        Self::Validity,
    ];

    /// The fields that a person may empty at a device. A device shows whether it keeps them.
    pub const CLEARABLE: [Self; 3] = [Self::Name, Self::Password, Self::Card];

    /// The field's name in output and in stored data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Privilege => "privilege",
            Self::Password => "password",
            Self::Card => "card",
            Self::ViceCard => "vice card",
            Self::Group => "group",
            Self::TimeZones => "time zones",
            Self::Verify => "verification mode",
            Self::Validity => "validity",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
