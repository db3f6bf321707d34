//! The content of a terminal: people, their biometric templates and their photos.
//!
//! A person is represented in one way, however the device got the data. A finger is one template whether it came
//! as `FINGERTMP` or as `BIODATA`, and a card is a number in every spelling. [`crate::difference()`] compares
//! devices that cannot keep the same data.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use wire::{BioType, Pin};

use crate::random::fnv1a;

/// The people on a device, by PIN.
///
/// Two contents are equal when a person would see no difference. The spelling of cards, the validity flag of
/// templates and the arbitrary bytes before the parts of a `FACE` do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// All people on the device.
    pub people: BTreeMap<Pin, Person>,
}

impl Content {
    /// Number of templates of a biometric type, in all versions.
    pub fn templates_of(&self, bio_type: BioType) -> usize {
        self.people
            .values()
            .flat_map(|person| person.templates.keys())
            .filter(|key| key.bio_type == bio_type)
            .count()
    }

    /// Number of templates.
    pub fn templates(&self) -> usize {
        self.people.values().map(|person| person.templates.len()).sum()
    }

    /// Number of user photos.
    pub fn user_photos(&self) -> usize {
        self.people.values().filter(|person| person.user_photo.is_some()).count()
    }

    /// Number of comparison photos.
    pub fn comparison_photos(&self) -> usize {
        self.people.values().map(|person| person.comparison_photos.len()).sum()
    }
}

/// A person with all their data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The user record.
    pub user: User,
    /// Fingers, faces, palms, veins. A finger may have templates of several versions.
    pub templates: BTreeMap<TemplateKey, Template>,
    /// The user photo (`USERPIC`).
    pub user_photo: Option<Payload>,
    /// The comparison photos (`BIOPHOTO`), by biometric type. The device makes its own templates from them.
    pub comparison_photos: BTreeMap<BioType, Payload>,
}

/// The fields of a user in the form that a device keeps.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The name in the charset of the device; in UTF-8 if the user is from [`crate::Device::content`].
    pub name: Vec<u8>,
    /// 0 for ordinary users, 14 for administrators.
    pub privilege: i32,
    /// Clear text; empty means none.
    pub password: String,
    /// The number of the main card; 0 means none.
    pub card: u64,
    /// The access group.
    pub group: i32,
    /// Sixteen digits, kept as they came.
    pub time_zones: String,
    /// The verification mode; `None` means that of the group.
    pub verify: Option<i32>,
    /// The number of the second card; 0 means none.
    pub vice_card: u64,
    /// Start of validity; empty means none.
    pub start: String,
    /// End of validity; empty means none.
    pub end: String,
    /// Whether the validity period applies.
    pub expires: bool,
}

impl fmt::Debug for User {
    /// Leaves out password and card numbers, because a failing test prints whole devices.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &String::from_utf8_lossy(&self.name))
            .field("privilege", &self.privilege)
            .field("has_password", &!self.password.is_empty())
            .field("has_card", &(self.card != 0))
            .field("has_vice_card", &(self.vice_card != 0))
            .field("group", &self.group)
            .field("time_zones", &self.time_zones)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

/// The key of a person's template: type, finger or hand, and algorithm version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateKey {
    /// The biometric type: finger, face, palm …
    pub bio_type: BioType,
    /// The finger or hand; 0 for faces.
    pub number: u8,
    /// The major version. A device cannot use templates of another major version.
    pub major: u16,
}

impl fmt::Display for TemplateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of version {}", type_name(self.bio_type), self.number, self.major)
    }
}

/// The word for a biometric type in messages.
pub(crate) const fn type_name(bio_type: BioType) -> &'static str {
    match bio_type {
        BioType::FINGERPRINT => "fingerprint",
        BioType::FACE => "face",
        BioType::FINGER_VEIN => "finger vein",
        BioType::PALM => "palm",
        BioType::VISIBLE_FACE => "visible face",
        BioType::VISIBLE_PALM => "visible palm",
        _ => "template",
    }
}

/// A whole template with all its parts.
#[derive(Clone, Debug)]
pub struct Template {
    /// The minor version of the algorithm.
    pub minor: u16,
    /// Whether the template may be used. Devices change the flag, so it does not count in comparisons.
    pub valid: bool,
    /// Whether this finger raises a silent alarm.
    pub duress: bool,
    /// Number of arbitrary bytes at the beginning of each part.
    pub prefix_bytes: usize,
    /// Whether the device made the template from a comparison photo.
    pub extracted: bool,
    /// The parts by number, from 0 without a gap.
    pub parts: BTreeMap<u8, Payload>,
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        let skip = self.prefix_bytes.max(other.prefix_bytes);
        self.duress == other.duress
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|((a_part, a), (b_part, b))| {
                a_part == b_part && (a == b || (skip > 0 && a.bytes_after(skip) == b.bytes_after(skip)))
            })
    }
}

impl Eq for Template {}

/// The base64 text of a template or a photo, unchanged; cheap to clone.
///
/// `Debug` prints the length and a short digest, not the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Encodes `bytes`.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(BASE64_STANDARD.encode(bytes).into())
    }

    /// Takes a text that is valid base64, padding included; `None` for any other text.
    pub fn of_text(text: &str) -> Option<Self> {
        BASE64_STANDARD.decode(text).ok().map(|_| Self(text.into()))
    }

    /// The base64 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The decoded bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Every constructor has checked that this text is valid.
        BASE64_STANDARD.decode(self.0.as_bytes()).unwrap_or_default()
    }

    fn bytes_after(&self, prefix: usize) -> Vec<u8> {
        self.to_bytes().split_off(prefix.min(self.byte_length()))
    }

    /// Number of bytes after decoding.
    pub fn byte_length(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|byte| *byte == b'=').count();
        self.0.len() / 4 * 3 - padding
    }
}

/// A pool of payloads, which stores a payload that many devices hold only once.
///
/// A thousand devices with the same thousand people need the memory of one.
#[derive(Debug, Default)]
pub struct PayloadPool(Mutex<HashMap<u64, Payload>>);

impl PayloadPool {
    /// The pooled payload that equals `payload`.
    pub fn share(&self, payload: Payload) -> Payload {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = known.entry(fnv1a(payload.0.as_bytes())).or_insert_with(|| payload.clone());
        if *first == payload { first.clone() } else { payload }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = fnv1a(self.0.as_bytes()) & 0xFFFF;
        write!(f, "Payload({} characters, {digest:04x})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(bytes: &[u8]) -> Template {
        Template {
            minor: 0,
            valid: true,
            duress: false,
            prefix_bytes: 0,
            extracted: false,
            parts: BTreeMap::from([(0, Payload::of_bytes(bytes))]),
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let user =
            User { name: b"Ada".to_vec(), password: "482913".into(), card: 123_456_789, ..User::default() };
        let printed = format!("{user:?} {:?}", Payload::of_bytes(b"a finger of somebody"));
        assert!(printed.contains("Ada") && printed.contains("28 characters"), "{printed}");
        for secret in ["482913", "123456789", "YSBmaW5n", "finger"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }

    #[test]
    fn a_pool_keeps_equal_payloads_once() {
        let pool = PayloadPool::default();
        let (first, second) = (Payload::of_bytes(b"the same"), Payload::of_bytes(b"the same"));
        assert!(!Arc::ptr_eq(&first.0, &second.0));
        assert!(Arc::ptr_eq(&pool.share(first).0, &pool.share(second).0));
    }

    #[test]
    fn text_with_lost_padding_is_no_payload() {
        let text = Payload::of_bytes(b"ab");
        assert_eq!(text.as_str(), "YWI=");
        assert_eq!(text.byte_length(), 2);
        assert_eq!(Payload::of_text("YWI"), None);
        assert_eq!(Payload::of_text("YW I="), None);
        assert_eq!(Payload::of_text("YWI="), Some(text));
    }

    #[test]
    fn the_validity_flag_of_a_template_does_not_count() {
        let given = template(b"minutiae");
        assert_eq!(given, Template { valid: false, ..given.clone() });
        assert_ne!(given, Template { duress: true, ..given.clone() });
        assert_ne!(given, template(b"others"));
    }

    #[test]
    fn the_bytes_before_the_parts_of_a_face_do_not_count() {
        let face = |prefix: u8| {
            let bytes = [vec![prefix; 16], b"ZKFiX and more".to_vec()].concat();
            Template { prefix_bytes: 16, ..template(&bytes) }
        };
        assert_eq!(face(0), face(9));
    }
}
