//! Hashes of contents, which are equal when Muster treats the contents as the same.

use std::fmt;

use wire::Base64;

use crate::{Content, ContentHash, Format, Slot, Template, UserFields};

/// The secret with which contents are hashed.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

impl HashKey {
    /// A key of 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(hidden)")
    }
}

/// Length of the arbitrary bytes before the payload of a `FACE` part (§11.10).
const FACE_PREFIX: usize = 16;

/// The hash of a content in its slot. Contents that Muster treats as the same have the same hash.
///
/// The hash ignores what devices change: the 16 bytes before a `FACE` payload, `Valid` 0 or 1 (but not the duress
/// flag), the file name of a photo, the position of a work code in the list, and all differences of spelling that
/// [`UserFields::canonical`] removes.
pub fn hash(key: &HashKey, slot: &Slot, content: &Content) -> ContentHash {
    let mut hasher = Canonical(blake3::Hasher::new_keyed(&key.0));
    hasher.number(slot.kind.code());
    hasher.number(slot.number);
    hasher.number(slot.algorithm.code());
    match content {
        Content::User(fields) => hasher.user(fields.clone().canonical()),
        Content::Template(template) => hasher.template(slot, template),
        Content::Photo(photo) => hasher.payload(&photo.text, 0),
        Content::Membership | Content::PersonalMessage => {}
        Content::Definition(definition) => {
            for (key, value) in definition.content() {
                hasher.text(key);
                hasher.text(value);
            }
        }
    }
    let mut first = [0; 16];
    hasher.0.finalize_xof().fill(&mut first);
    ContentHash(first)
}

/// The hash of a text of a certain sort. Muster can recognise the text by it, but not recover it.
pub(crate) fn keyed_hash(key: &HashKey, sort: &str, text: &str) -> ContentHash {
    let mut hasher = Canonical(blake3::Hasher::new_keyed(&key.0));
    hasher.text(sort);
    hasher.text(text);
    let mut first = [0; 16];
    hasher.0.finalize_xof().fill(&mut first);
    ContentHash(first)
}

/// A hasher whose values are delimited, so that different sequences of values never give the same input.
struct Canonical(blake3::Hasher);

impl Canonical {
    fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// An absent value differs from an empty text and from every number.
    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.number(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn user(&mut self, fields: UserFields) {
        let UserFields { name, privilege, password, card, vice_card, group, .. } = fields;
        self.text(&name);
        self.number(privilege.into());
        self.text(&password);
        self.optional(card.as_deref(), Self::text);
        self.optional(vice_card.as_deref(), Self::text);
        self.number(group.into());
        self.text(&fields.time_zones);
        self.optional(fields.verify.map(i64::from), Self::number);
        self.optional(fields.start.as_deref(), Self::text);
        self.optional(fields.end.as_deref(), Self::text);
        self.optional(fields.expires.map(i64::from), Self::number);
    }

    fn template(&mut self, slot: &Slot, template: &Template) {
        let arbitrary = if slot.algorithm.format == Format::FaceParts { FACE_PREFIX } else { 0 };
        for part in &template.parts {
            self.number(part.index.into());
            self.number(part.duress.into());
            self.payload(&part.text, arbitrary);
        }
    }

    /// The decoded bytes of a base64 text after the first `arbitrary` ones. Decoding matters because a device may
    /// encode the bytes in another way.
    fn payload(&mut self, text: &str, arbitrary: usize) {
        match Base64::read(text.as_bytes()) {
            Ok(payload) => self.bytes(payload.decode().get(arbitrary..).unwrap_or_default()),
            Err(_) => self.text(text),
        }
    }
}
