//! Records in the spelling of this device, with the exact bytes of captured ones.
//!
//! They are written without `wire`: see [`super::command`].

use wire::{BioType, Pin};

use crate::{
    Random,
    content::{Payload, Template, TemplateKey, User},
    device::Device,
    model::UserRecord,
    quirks::Quirks,
    templates::FACE_PREFIX_BYTES,
};

impl Device {
    /// A `USER` line (§11.5).
    pub(super) fn user_line(&self, pin: &Pin, user: &User) -> Vec<u8> {
        let form = self.model.user_record;
        let number = |value: i32| value.to_string().into_bytes();
        let card = match user.card {
            0 if self.quirks.zero_cards => "0".to_owned(),
            card if self.quirks.hex_cards => hex_card(card),
            card => decimal_card(card),
        };
        let mut fields: Vec<(&str, Vec<u8>)> = vec![
            ("Name", user.name.clone()),
            ("Pri", number(user.privilege)),
            ("Passwd", user.password.clone().into_bytes()),
            ("Card", card.into_bytes()),
            ("Grp", number(user.group)),
            ("TZ", user.time_zones.clone().into_bytes()),
        ];
        if form >= UserRecord::ViceCard {
            fields.push(("Verify", number(user.verify.unwrap_or(-1))));
            fields.push(("ViceCard", decimal_card(user.vice_card).into_bytes()));
        }
        if form >= UserRecord::Expires {
            fields.push(("Expires", number(i32::from(user.expires))));
        }
        if form >= UserRecord::Validity {
            fields.push(("StartDatetime", zero_if_empty(&user.start)));
            fields.push(("EndDatetime", zero_if_empty(&user.end)));
        }
        if self.quirks.drop_empty_fields {
            fields.retain(|(_, value)| !value.iter().all(|byte| *byte == b'0'));
        }
        let mut line = format!("USER PIN={pin}").into_bytes();
        for (key, value) in fields {
            line.extend_from_slice(format!("\t{key}=").as_bytes());
            line.extend_from_slice(&value);
        }
        line
    }

    /// The lines of a template in its form (§11.9 to §11.12).
    pub(super) fn template_lines(
        &mut self,
        pin: &Pin,
        key: TemplateKey,
        template: &Template,
        unified: bool,
    ) -> Vec<Vec<u8>> {
        let mut lines = Vec::with_capacity(template.parts.len());
        for (index, part) in &template.parts {
            lines.push(if unified {
                Self::biodata_line(pin, key, template, *index, part)
            } else {
                self.classic_line(pin, key, template, *index, part)
            });
        }
        lines
    }

    fn biodata_line(pin: &Pin, key: TemplateKey, template: &Template, index: u8, part: &Payload) -> Vec<u8> {
        let valid = u8::from(template.valid);
        let duress = u8::from(template.duress);
        // Fingerprints of the unified form contain `ZK` where others contain 0 (fixture b04).
        let format = if key.bio_type == BioType::FINGERPRINT && key.major == 10 { "ZK" } else { "0" };
        format!(
            "BIODATA Pin={pin}\tNo={}\tIndex={index}\tValid={valid}\tDuress={duress}\tType={}\tMajorVer={}\tMinorVer={}\tFormat={format}\tTmp={}",
            key.number, key.bio_type.0, key.major, template.minor, part.as_str(),
        )
        .into_bytes()
    }

    fn classic_line(
        &mut self,
        pin: &Pin,
        key: TemplateKey,
        template: &Template,
        index: u8,
        part: &Payload,
    ) -> Vec<u8> {
        let renumber = self.quirks.renumber_valid;
        let valid = match (template.duress, template.valid) {
            (true, _) => 3,
            (false, true) if !renumber => 1,
            _ => 0,
        };
        let part =
            if key.bio_type == BioType::FACE { fresh_prefix(&mut self.random, part) } else { part.clone() };
        let size = if renumber { part.byte_length() } else { part.as_str().len() };
        let text = part.as_str();
        match key.bio_type {
            BioType::FACE => format!("FACE PIN={pin}\tFID={index}\tSIZE={size}\tVALID={valid}\tTMP={text}"),
            BioType::FINGER_VEIN => {
                let finger = key.number;
                format!(
                    "FVEIN Pin={pin}\tFID={finger}\tIndex={index}\tSize={size}\tValid={valid}\tTmp={text}"
                )
            }
            _ => format!("FP PIN={pin}\tFID={}\tSize={size}\tValid={valid}\tTMP={text}", key.number),
        }
        .into_bytes()
    }

    /// A `USERPIC` line (§11.13).
    pub(super) fn user_photo_line(pin: &Pin, photo: &Payload) -> Vec<u8> {
        let (size, text) = (photo.as_str().len(), photo.as_str());
        format!("USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={size}\tContent={text}").into_bytes()
    }

    /// A `BIOPHOTO` line (§11.15) with the type that this model sends.
    pub(super) fn comparison_photo_line(&self, pin: &Pin, bio_type: BioType, photo: &Payload) -> Vec<u8> {
        let announced = self.model.comparison_photos.map_or(bio_type.0, |photos| photos.announced);
        let (size, text) = (photo.as_str().len(), photo.as_str());
        format!("BIOPHOTO PIN={pin}\tFileName={pin}.jpg\tType={announced}\tSize={size}\tContent={text}")
            .into_bytes()
    }
}

/// A line with the quirks applied: keys in lower case, fields in reverse order.
///
/// Operations and punches have no keys and a fixed order, so they stay as they are.
pub(super) fn apply_spelling_quirks(line: Vec<u8>, quirks: &Quirks) -> Vec<u8> {
    let is_positional = line.starts_with(b"OPLOG ") || !line.contains(&b'=');
    let blank = line.iter().position(|byte| *byte == b' ').filter(|_| !is_positional);
    let (Some(blank), true) = (blank, quirks.lower_case_keys || quirks.reversed_fields) else { return line };
    let (word, fields) = line.split_at(blank + 1);
    let mut fields: Vec<Vec<u8>> = fields.split(|byte| *byte == b'\t').map(<[u8]>::to_vec).collect();
    if quirks.lower_case_keys {
        for field in &mut fields {
            field.iter_mut().take_while(|byte| **byte != b'=').for_each(u8::make_ascii_lowercase);
        }
    }
    if quirks.reversed_fields {
        fields.reverse();
    }
    [word, &fields.join(&b'\t')].concat()
}

/// The sixteen bytes before the payload of a face are arbitrary memory (§11.10).
fn fresh_prefix(random: &mut Random, part: &Payload) -> Payload {
    let mut bytes = random.bytes(FACE_PREFIX_BYTES);
    bytes.extend_from_slice(part.to_bytes().get(FACE_PREFIX_BYTES..).unwrap_or_default());
    Payload::of_bytes(&bytes)
}

fn zero_if_empty(text: &str) -> Vec<u8> {
    if text.is_empty() { b"0".to_vec() } else { text.as_bytes().to_vec() }
}

fn decimal_card(card: u64) -> String {
    if card == 0 { String::new() } else { card.to_string() }
}

/// Five bytes, lowest first (field note 5.9).
fn hex_card(card: u64) -> String {
    // The swap puts the lowest of the eight bytes first; the first five are written.
    if card == 0 { String::new() } else { format!("[{:010X}]", card.swap_bytes() >> 24) }
}

/// Reads a card from a command; 0 means none, `None` an invalid card.
pub(super) fn read_card(text: &str, hex_only: bool) -> Option<u64> {
    let hex = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match hex {
        _ if text.is_empty() => Some(0),
        Some(digits) if digits.len() % 2 == 0 && digits.len() <= 10 => {
            (0..digits.len()).step_by(2).rev().try_fold(0, |card, at| {
                let byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
                Some(card << 8 | u64::from(byte))
            })
        }
        Some(_) => None,
        // The old client cannot read a decimal number and stores no card.
        None if hex_only => Some(0),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[test]
    fn a_user_line_has_the_form_of_a_captured_one() {
        let device = Device::new(Model::speedface(), "SIM0001");
        let user = User {
            name: b"zvkt".to_vec(),
            password: "7".into(),
            group: 1,
            time_zones: "0000000100000000".into(),
            ..User::default()
        };
        let line = device.user_line(&"5".parse().unwrap(), &user);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "USER PIN=5\tName=zvkt\tPri=0\tPasswd=7\tCard=\tGrp=1\tTZ=0000000100000000\tVerify=-1\tViceCard=\tStartDatetime=0\tEndDatetime=0",
        );
    }

    #[test]
    fn a_device_that_drops_empty_fields_sends_the_rest() {
        let device = Device::new(Model::speedface(), "SIM0001")
            .with_quirks(Quirks { drop_empty_fields: true, ..Quirks::default() });
        let user = User { name: b"Ada".to_vec(), card: 12, verify: Some(1), ..User::default() };
        let line = device.user_line(&"5".parse().unwrap(), &user);
        assert_eq!(String::from_utf8(line).unwrap(), "USER PIN=5\tName=Ada\tCard=12\tVerify=1");
    }

    #[test]
    fn cards_are_written_and_read_in_both_spellings() {
        assert_eq!(hex_card(123_456_789), "[15CD5B0700]");
        assert_eq!(read_card("[15CD5B0700]", true), Some(123_456_789));
        assert_eq!(read_card("[15CD5B07]", false), Some(123_456_789));
        assert_eq!(read_card("123456789", false), Some(123_456_789));
        assert_eq!(read_card("123456789", true), Some(0));
        assert_eq!(read_card("", false), Some(0));
        assert_eq!(read_card("[15CD5B070]", false), None);
        assert_eq!(read_card("card", false), None);
    }
}
