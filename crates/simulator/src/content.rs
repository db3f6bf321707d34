//! What a terminal holds: people, their biometric templates and their pictures.
//!
//! The same person looks the same here however the device was told of them: a finger is one template whether
//! it came as `FINGERTMP` or as `BIODATA`, a card is a number whatever its spelling. See [`crate::difference()`]
//! for the comparison of devices that cannot keep the same things.

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
/// Two contents are equal when a person would not see a difference: the spelling of cards, the validity flag of
/// templates and the meaningless bytes before the parts of a `FACE` do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Everyone that the device knows.
    pub people: BTreeMap<Pin, Person>,
}

impl Content {
    /// How many templates of a biometric type are held, all versions together.
    pub fn templates_of(&self, bio_type: BioType) -> usize {
        self.people
            .values()
            .flat_map(|person| person.templates.keys())
            .filter(|key| key.bio_type == bio_type)
            .count()
    }

    /// How many templates are held.
    pub fn templates(&self) -> usize {
        self.people.values().map(|person| person.templates.len()).sum()
    }

    /// How many display pictures are held.
    pub fn user_photos(&self) -> usize {
        self.people.values().filter(|person| person.user_photo.is_some()).count()
    }

    /// How many pictures are held from which faces are compared.
    pub fn comparison_photos(&self) -> usize {
        self.people.values().map(|person| person.comparison_photos.len()).sum()
    }
}

/// One person with everything that belongs to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The user record.
    pub user: User,
    /// Fingers, faces, palms, veins; versions of one finger stand side by side.
    pub templates: BTreeMap<TemplateKey, Template>,
    /// The display picture (`USERPIC`).
    pub user_photo: Option<Payload>,
    /// The pictures from which a device makes its own templates (`BIOPHOTO`), by biometric type.
    pub comparison_photos: BTreeMap<BioType, Payload>,
}

/// The fields of a user as a device keeps them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The name in the character set of the device; in UTF-8 when taken from [`crate::Device::content`].
    pub name: Vec<u8>,
    /// 0 for everyone, 14 for administrators.
    pub privilege: i32,
    /// Clear text, empty for none.
    pub password: String,
    /// The number of the main card, 0 for none.
    pub card: u64,
    /// The access group.
    pub group: i32,
    /// Sixteen digits, passed through.
    pub time_zones: String,
    /// The verification mode; `None` for the mode of the group.
    pub verify: Option<i32>,
    /// The number of the second card, 0 for none.
    pub vice_card: u64,
    /// Beginning of validity, empty for none.
    pub start: String,
    /// End of validity, empty for none.
    pub end: String,
    /// Whether the validity is enforced.
    pub expires: bool,
}

impl fmt::Debug for User {
    /// Leaves password and card numbers out: a failing test prints whole devices.
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

/// Which template of a person: type, individual and the algorithm that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateKey {
    /// Finger, face, palm …
    pub bio_type: BioType,
    /// Which finger or hand; 0 for faces.
    pub number: u8,
    /// The major version; templates of different ones are of no use to each other's devices.
    pub major: u16,
}

impl fmt::Display for TemplateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of version {}", type_name(self.bio_type), self.number, self.major)
    }
}

/// The word for a biometric type in sentences.
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
    /// Whether the template may be used; devices renumber it, so it does not count in comparisons.
    pub valid: bool,
    /// Whether this finger raises a silent alarm.
    pub duress: bool,
    /// How many bytes at the beginning of each part mean nothing.
    pub prefix_bytes: usize,
    /// Made by the device itself from a comparison photo.
    pub extracted: bool,
    /// The parts by their number, from 0 without a gap.
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

/// The base64 text of a template or a picture, byte for byte as it came; cheap to clone.
///
/// Printed as length and a short digest, never as what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// The text of `bytes`.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(BASE64_STANDARD.encode(bytes).into())
    }

    /// Takes a text over if it is valid base64, padding included; `None` if not.
    pub fn of_text(text: &str) -> Option<Self> {
        BASE64_STANDARD.decode(text).ok().map(|_| Self(text.into()))
    }

    /// The base64 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the text stands for.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Every constructor has decoded or encoded this text.
        BASE64_STANDARD.decode(self.0.as_bytes()).unwrap_or_default()
    }

    fn bytes_after(&self, prefix: usize) -> Vec<u8> {
        self.to_bytes().split_off(prefix.min(self.byte_length()))
    }

    /// How many bytes the text stands for.
    pub fn byte_length(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|byte| *byte == b'=').count();
        self.0.len() / 4 * 3 - padding
    }
}

/// Payloads that many devices hold, each kept once.
///
/// A thousand devices with the same thousand people need the memory of one.
#[derive(Debug, Default)]
pub struct PayloadPool(Mutex<HashMap<u64, Payload>>);

impl PayloadPool {
    /// The payload that says the same, whoever brought it first.
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
    fn a_pool_keeps_one_payload_for_all() {
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
    fn the_validity_flag_does_not_make_a_template_another_one() {
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
