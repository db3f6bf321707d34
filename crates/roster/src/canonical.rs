//! Canonical spellings of user fields, for values that devices write in several ways.
//!
//! Two values of a field are equal when their canonical spellings are equal. Names need more rules: see
//! [`crate::device_form`].

use wire::Card;

use crate::UserFields;

/// `TZ` values that devices use as the default of users without time zones (field note 5.10).
const DEFAULT_TIME_ZONES: [&str; 3] = ["0000000000000000", "0000000100000000", "0001000000000000"];

impl UserFields {
    /// These fields in canonical spelling. Fields from a device already are canonical, fields from an operator may
    /// not be.
    #[must_use]
    pub fn canonical(self) -> Self {
        let (start, end) =
            (self.start.as_deref().and_then(validity_time), self.end.as_deref().and_then(validity_time));
        let limited = start.is_some() || end.is_some();
        Self {
            name: name(&self.name),
            privilege: self.privilege.max(0),
            password: password(&self.password),
            card: self.card.as_deref().and_then(card),
            vice_card: self.vice_card.as_deref().and_then(card),
            group: group(self.group),
            time_zones: time_zones(&self.time_zones),
            verify: self.verify.filter(|&mode| mode >= 0),
            start,
            end,
            expires: self.expires.filter(|_| limited),
        }
    }
}

/// A name without blanks around it, and without characters that would end a field or a line of a command.
pub(crate) fn name(text: &str) -> String {
    line(text).trim().to_owned()
}

/// A password; empty when there is none, which some devices write as `0`.
pub(crate) fn password(text: &str) -> String {
    if text == "0" { String::new() } else { line(text) }
}

/// The decimal number of a card, the text of a card that is no number, `None` for no card.
pub(crate) fn card(text: &str) -> Option<String> {
    card_text(&Card::read(text.trim()))
}

/// [`card`] for a card that was already read.
pub(crate) fn card_text(card: &Card) -> Option<String> {
    match card {
        Card::None => None,
        Card::Decimal(number) | Card::Hex(number) => Some(number.to_string()),
        Card::Text(text) => Some(line(text)),
    }
}

/// A group. Devices number the default group 0 or 1.
pub(crate) fn group(number: i32) -> i32 {
    if number <= 0 { 1 } else { number }
}

/// Time zones; empty for every spelling of the default.
pub(crate) fn time_zones(text: &str) -> String {
    let text = line(text).trim().to_owned();
    if DEFAULT_TIME_ZONES.contains(&text.as_str()) { String::new() } else { text }
}

/// A start or an end of validity; `None` for `0` and for an empty text.
pub(crate) fn validity_time(text: &str) -> Option<String> {
    let text = line(text).trim().to_owned();
    (!text.is_empty() && text.bytes().any(|byte| byte != b'0')).then_some(text)
}

/// The text with blanks in place of tabs, line ends and NULs, as devices get it.
fn line(text: &str) -> String {
    text.replace(['\t', '\n', '\r', '\0'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_one_spelling() {
        for spelling in ["123456789", " 123456789", "[15CD5B07]", "[15CD5B0700]"] {
            assert_eq!(card(spelling).as_deref(), Some("123456789"), "{spelling}");
        }
        for none in ["", "0", "[0000000000]", "[00000000]"] {
            assert_eq!(card(none), None, "{none}");
        }
    }

    #[test]
    fn a_card_that_is_no_number_keeps_its_text() {
        assert_eq!(card("AB-17").as_deref(), Some("AB-17"));
    }

    #[test]
    fn every_default_of_the_time_zones_is_one_value() {
        for default in ["", "0000000000000000", "0000000100000000", "0001000000000000"] {
            assert_eq!(time_zones(default), "", "{default}");
        }
        assert_eq!(time_zones("0001000200000000"), "0001000200000000");
    }

    #[test]
    fn a_canonical_name_cannot_end_a_field_or_a_line() {
        assert_eq!(name(" Ada\tPri=14\nC:1:CLEAR DATA\r\0 "), "Ada Pri=14 C:1:CLEAR DATA");
    }

    #[test]
    fn canonical_fields_stay_as_they_are() {
        let fields = UserFields {
            name: " Ada ".into(),
            privilege: -1,
            password: "0".into(),
            card: Some("[15CD5B07]".into()),
            vice_card: Some("0".into()),
            group: 0,
            time_zones: "0000000100000000".into(),
            verify: Some(-1),
            start: Some("0".into()),
            end: Some(String::new()),
            expires: Some(1),
        };
        let canonical = fields.canonical();
        let expected =
            UserFields { name: "Ada".into(), card: Some("123456789".into()), ..UserFields::default() };
        assert_eq!(canonical, expected);
        assert_eq!(canonical.clone().canonical(), canonical);
    }
}
