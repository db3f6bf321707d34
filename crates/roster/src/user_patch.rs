//! User patches: the fields that an upload reports of a user.

use std::fmt;

use wire::{Card, CardForm, Charset, User};

use crate::{Capability, Field, UserFields, canonical, content::Hidden};

/// The default group.
const DEFAULT_GROUP: i32 = 1;

/// The fields of a user in an upload. `None` means not reported; an empty text means reported as none.
///
/// All but the name are in the canonical spelling of [`UserFields`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// The name in the form that the device keeps.
    pub name: Option<StoredName>,
    /// Privilege, not negative.
    pub privilege: Option<i32>,
    /// Password; empty means none.
    pub password: Option<String>,
    /// Main card; empty means none.
    pub card: Option<String>,
    /// Second card; empty means none.
    pub vice_card: Option<String>,
    /// Access group.
    pub group: Option<i32>,
    /// Time zones; empty means the device's default.
    pub time_zones: Option<String>,
    /// Personal verification mode; -1 means that of the group.
    pub verify: Option<i32>,
    /// Start of validity; `None` also means no start.
    pub start: Option<String>,
    /// End of validity; `None` also means no end.
    pub end: Option<String>,
    /// `Expires`; `None` unless there is a start or an end.
    pub expires: Option<i32>,
    /// The form in which the device wrote its cards, for [`Capability::learn_card_form`].
    pub card_form: Option<CardForm>,
}

/// A name in the form that a device keeps: in the device's charset, possibly cut within a character.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredName {
    /// The bytes of the upload.
    pub raw: Vec<u8>,
    /// The bytes as text, without a cut character; `None` if they are valid in no charset of the device.
    pub text: Option<String>,
}

impl StoredName {
    /// The canonical text; empty if the name is unreadable.
    pub(crate) fn canonical(&self) -> String {
        self.text.as_deref().map(canonical::name).unwrap_or_default()
    }
}

impl UserPatch {
    /// The patch of a `USER` record from a device with this capability.
    pub fn of(user: &User, capability: &Capability) -> Self {
        let validity_time = |text: &Option<String>| text.as_deref().and_then(canonical::validity_time);
        let card =
            |card: &Option<Card>| card.as_ref().map(|card| canonical::card_text(card).unwrap_or_default());
        let (start, end) = (validity_time(&user.start), validity_time(&user.end));
        let limited = start.is_some() || end.is_some();
        Self {
            name: user
                .name
                .as_deref()
                .map(|raw| StoredName { raw: raw.to_vec(), text: read(raw, capability) }),
            privilege: user.privilege.filter(|&privilege| privilege >= 0),
            password: user.password.as_deref().map(canonical::password),
            card: card(&user.card),
            vice_card: card(&user.vice_card),
            group: user.group.map(canonical::group),
            time_zones: user.time_zones.as_deref().filter(|text| !text.is_empty()).map(canonical::time_zones),
            verify: user.verify.map(|mode| mode.max(-1)),
            start,
            end,
            expires: user.expires.filter(|_| limited),
            card_form: match user.card {
                Some(Card::Hex(_)) => Some(CardForm::Hex),
                Some(Card::Decimal(_)) => Some(CardForm::Decimal),
                _ => None,
            },
        }
    }

    /// Whether the upload reports `field`.
    pub(crate) fn says(&self, field: Field) -> bool {
        match field {
            Field::Name => self.name.is_some(),
            Field::Privilege => self.privilege.is_some(),
            Field::Password => self.password.is_some(),
            Field::Card => self.card.is_some(),
            Field::ViceCard => self.vice_card.is_some(),
            Field::Group => self.group.is_some(),
            Field::TimeZones => self.time_zones.is_some(),
            Field::Verify => self.verify.is_some(),
            Field::Validity => self.start.is_some() || self.end.is_some(),
        }
    }

    /// Whether the upload reports the field as empty: no readable name, no password, no card.
    pub(crate) fn says_none(&self, field: Field) -> bool {
        let none = |text: &Option<String>| text.as_deref() == Some("");
        match field {
            Field::Name => self.name.as_ref().is_some_and(|name| name.canonical().is_empty()),
            Field::Password => none(&self.password),
            Field::Card => none(&self.card),
            Field::ViceCard => none(&self.vice_card),
            Field::Privilege | Field::Group | Field::TimeZones | Field::Verify | Field::Validity => false,
        }
    }

    /// Whether the device shows an empty name, password or card. An unreadable name is not empty.
    pub fn shows_empty_value(&self, field: Field) -> bool {
        let unreadable = self.name.as_ref().is_some_and(|name| !name.raw.trim_ascii().is_empty());
        self.says_none(field) && !(field == Field::Name && unreadable)
    }

    /// Whether the value is what a device without the field shows for everybody, or a privilege below the fleet's.
    /// For empty texts see [`UserPatch::says_none`].
    pub(crate) fn is_default(&self, field: Field, ours: &UserFields) -> bool {
        match field {
            Field::Privilege => self.privilege.is_some_and(|privilege| privilege < ours.privilege),
            Field::Group => self.group == Some(DEFAULT_GROUP),
            Field::TimeZones => self.time_zones.as_deref() == Some(""),
            Field::Verify => self.verify.is_some_and(|mode| mode <= 0),
            Field::Name | Field::Password | Field::Card | Field::ViceCard | Field::Validity => false,
        }
    }

    /// Whether the value cannot be a device's default. A device that shows such a value keeps the field. False for
    /// fields without defaults.
    pub(crate) fn is_no_default(&self, field: Field) -> bool {
        match field {
            Field::Privilege => self.privilege.is_some_and(|privilege| privilege > 0),
            Field::Group => self.group.is_some_and(|group| group != DEFAULT_GROUP),
            Field::TimeZones => self.time_zones.as_deref().is_some_and(|zones| !zones.is_empty()),
            Field::Verify => self.verify.is_some_and(|mode| mode > 0),
            Field::Name | Field::Password | Field::Card | Field::ViceCard | Field::Validity => false,
        }
    }

    /// Writes the reported value of `field` into `fields`; does nothing if the field is not reported.
    pub(crate) fn write(&self, field: Field, fields: &mut UserFields) {
        let card = |text: &String| (!text.is_empty()).then(|| text.clone());
        match field {
            Field::Name => put(&mut fields.name, self.name.as_ref().map(StoredName::canonical)),
            Field::Privilege => put(&mut fields.privilege, self.privilege),
            Field::Password => put(&mut fields.password, self.password.clone()),
            Field::Card => put(&mut fields.card, self.card.as_ref().map(card)),
            Field::ViceCard => put(&mut fields.vice_card, self.vice_card.as_ref().map(card)),
            Field::Group => put(&mut fields.group, self.group),
            Field::TimeZones => put(&mut fields.time_zones, self.time_zones.clone()),
            Field::Verify => put(&mut fields.verify, self.verify.map(own_mode)),
            Field::Validity => {
                if self.says(Field::Validity) {
                    fields.start.clone_from(&self.start);
                    fields.end.clone_from(&self.end);
                    fields.expires = self.expires;
                }
            }
        }
    }
}

/// The personal mode of a user; `None` for that of the group.
pub(crate) fn own_mode(mode: i32) -> Option<i32> {
    Some(mode).filter(|mode| *mode >= 0)
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The text of a name. Devices cut names at a number of bytes, so the last character may be incomplete (field note
/// 5.7); it is left out. Bytes that cannot begin a character do not count as a cut character.
fn read(raw: &[u8], capability: &Capability) -> Option<String> {
    /// A character of GB18030 has at most 4 bytes, so a cut one leaves at most 3.
    const CUT: usize = 3;
    let (charset, language) = (capability.charset(), capability.language());
    let decode = |bytes: &[u8]| charset.decode(language, bytes);
    let without_the_cut_one = || {
        let error = str::from_utf8(raw).err().filter(|error| error.error_len().is_none())?;
        decode(raw.get(..error.valid_up_to())?)
    };
    let shorter = || {
        let lengths = (1..=CUT.min(raw.len())).filter(|_| Charset::is_chinese(language));
        lengths.filter_map(|cut| raw.get(..raw.len() - cut)).find_map(decode)
    };
    decode(raw).or_else(without_the_cut_one).or_else(shorter)
}

impl fmt::Debug for UserPatch {
    /// Shows only whether the password and the cards are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |text: &Option<String>| text.as_deref().map(|text| Hidden(!text.is_empty()));
        f.debug_struct("UserPatch")
            .field("name", &self.name)
            .field("privilege", &self.privilege)
            .field("password", &set(&self.password))
            .field("card", &set(&self.card))
            .field("vice_card", &set(&self.vice_card))
            .field("group", &self.group)
            .field("time_zones", &self.time_zones)
            .field("verify", &self.verify)
            .field("start", &self.start)
            .field("end", &self.end)
            .field("expires", &self.expires)
            .field("card_form", &self.card_form)
            .finish()
    }
}

impl fmt::Debug for StoredName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{text:?} ({} bytes)", self.raw.len()),
            None => write!(f, "unreadable ({} bytes)", self.raw.len()),
        }
    }
}
