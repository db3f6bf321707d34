//! Users.

use std::fmt;

use crate::{Card, FieldError, Fields, Pin, fields::FieldWriter};

/// A user as devices upload it and as Muster sends it to devices.
///
/// Wire form (§11.5): `USER PIN=5<tab>Name=Ada<tab>Pri=0<tab>Passwd=<tab>Card=<tab>Grp=1<tab>TZ=0000000100000000`
/// `<tab>Verify=-1<tab>ViceCard=<tab>StartDatetime=0<tab>EndDatetime=0`; older devices end after `TZ`. An absent
/// text (`None`) differs from an empty one; numbers make no such difference.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Key of the user.
    pub pin: Pin,
    /// `Name`: bytes in the device's charset ([`crate::Charset`]), possibly cut within a character.
    pub name: Option<Vec<u8>>,
    /// `Pri`: 0 user, 2 registrar, 6 administrator, 10 custom role, 14 super administrator.
    pub privilege: Option<i32>,
    /// `Passwd`, in clear text.
    pub password: Option<String>,
    /// `Card`: the main card.
    pub card: Option<Card>,
    /// `Grp`: access group.
    pub group: Option<i32>,
    /// `TZ`: 16 digits, four groups of four.
    pub time_zones: Option<String>,
    /// `Verify`: personal verification mode (appendix 7); -1 means that of the group. Absent and empty are `None`.
    pub verify: Option<i32>,
    /// `ViceCard`: the second card.
    pub vice_card: Option<Card>,
    /// `StartDatetime` as sent; `0` usually means none.
    pub start: Option<String>,
    /// `EndDatetime` as sent; `0` usually means none.
    pub end: Option<String>,
    /// `Expires`: 1 the validity period applies, 0 it does not.
    pub expires: Option<i32>,
}

impl User {
    /// A user with a PIN and no other field.
    pub const fn new(pin: Pin) -> Self {
        Self {
            pin,
            name: None,
            privilege: None,
            password: None,
            card: None,
            group: None,
            time_zones: None,
            verify: None,
            vice_card: None,
            start: None,
            end: None,
            expires: None,
        }
    }

    /// Reads the fields of one `USER` record.
    ///
    /// # Errors
    /// The PIN is missing, a number is invalid, or a text other than the name is not UTF-8.
    pub fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let text = |field| Ok(fields.text(field)?.map(str::to_owned));
        let card = |field| Ok(fields.text(field)?.map(Card::read));
        Ok(Self {
            pin: fields.pin()?,
            name: fields.find("Name").map(<[u8]>::to_vec),
            privilege: fields.optional_number("Pri")?,
            password: text("Passwd")?,
            card: card("Card")?,
            group: fields.optional_number("Grp")?,
            time_zones: text("TZ")?,
            verify: fields.optional_number("Verify")?,
            vice_card: card("ViceCard")?,
            start: text("StartDatetime")?,
            end: text("EndDatetime")?,
            expires: fields.optional_number("Expires")?,
        })
    }

    /// Writes the present fields, in the order of §12.1.1.1.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("PIN", &self.pin);
        if let Some(name) = &self.name {
            out.bytes("Name", name);
        }
        number(out, "Pri", self.privilege);
        text(out, "Passwd", self.password.as_deref());
        card(out, "Card", self.card.as_ref());
        number(out, "Grp", self.group);
        text(out, "TZ", self.time_zones.as_deref());
        number(out, "Verify", self.verify);
        card(out, "ViceCard", self.vice_card.as_ref());
        text(out, "StartDatetime", self.start.as_deref());
        text(out, "EndDatetime", self.end.as_deref());
        number(out, "Expires", self.expires);
    }
}

fn number(out: &mut FieldWriter<'_>, key: &str, value: Option<i32>) {
    if let Some(value) = value {
        out.value(key, value);
    }
}

fn text(out: &mut FieldWriter<'_>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.text(key, value);
    }
}

fn card(out: &mut FieldWriter<'_>, key: &str, value: Option<&Card>) {
    if let Some(value) = value {
        out.text(key, &value.to_string());
    }
}

impl fmt::Debug for User {
    /// Shows only whether the password and the cards are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().map(String::from_utf8_lossy);
        let password = self.password.as_deref().map(|text| if text.is_empty() { "(none)" } else { "(set)" });
        f.debug_struct("User")
            .field("pin", &self.pin)
            .field("name", &name)
            .field("privilege", &self.privilege)
            .field("password", &password)
            .field("card", &self.card)
            .field("group", &self.group)
            .field("time_zones", &self.time_zones)
            .field("verify", &self.verify)
            .field("vice_card", &self.vice_card)
            .field("start", &self.start)
            .field("end", &self.end)
            .field("expires", &self.expires)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(record: &str) -> Result<User, FieldError> {
        User::read(&Fields::parse(record.as_bytes()))
    }

    /// Obligation 129.
    #[test]
    fn the_verification_mode_of_the_group_has_three_spellings_and_zero_is_none_of_them() {
        for spelling in ["PIN=5", "PIN=5\tVerify="] {
            assert_eq!(user(spelling).map(|user| user.verify), Ok(None), "{spelling}");
        }
        for mode in [-1, 0] {
            let line = format!("PIN=5\tVerify={mode}");
            assert_eq!(user(&line).map(|user| user.verify), Ok(Some(mode)));
        }
    }

    /// Obligation 28.
    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        let absent = user("PIN=5").expect("a PIN is enough");
        assert!(absent == User::new(absent.pin.clone()));
        let empty = user("PIN=5\tName=\tPasswd=\tCard=\tPri=").expect("all of these may be empty");
        assert_eq!(empty.name.as_deref(), Some(&b""[..]));
        assert_eq!(empty.password.as_deref(), Some(""));
        assert!(empty.card == Some(Card::None));
        assert_eq!(empty.privilege, None);
    }

    /// Obligations 29, 30.
    #[test]
    fn a_name_is_bytes_but_a_password_is_text() {
        let name = User::read(&Fields::parse(b"PIN=5\tName=\xd6\xd0\xce")).map(|user| user.name);
        assert_eq!(name, Ok(Some(b"\xd6\xd0\xce".to_vec())));
        let password = User::read(&Fields::parse(b"PIN=5\tPasswd=\xff")).map(|_| ());
        assert_eq!(password, Err(FieldError::Invalid { field: "Passwd", want: "UTF-8" }));
    }

    #[test]
    fn debug_output_holds_neither_password_nor_card() {
        let shown = format!("{:?}", user("PIN=5\tPasswd=4711\tCard=123456789\tViceCard=[15CD5B07]"));
        for secret in ["4711", "123456789", "15CD"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
