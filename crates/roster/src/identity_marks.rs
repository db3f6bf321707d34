//! Identity marks: keyed hashes by which Muster recognises a former user.

use std::collections::BTreeSet;

use crate::hash::keyed_hash;
use crate::{ContentHash, HashKey, UserFields, UserPatch, canonical};

/// A name of at least this many bytes may be cut by devices, so its beginning gets a mark too.
const CUT_BYTES: usize = 20;

/// The marks by which Muster recognises a user after its life under a PIN has ended. They are keyed hashes of the
/// name, of the beginning at which devices cut it, of the cards, and of the whole record.
pub fn marks(key: &HashKey, user: &UserFields) -> BTreeSet<ContentHash> {
    let cards = [user.card.as_deref(), user.vice_card.as_deref()];
    let mut marks = marks_of(key, &user.name, &cards);
    marks.insert(record_mark(key, user));
    marks
}

/// The mark of a whole user record except privilege and password.
pub fn record_mark(key: &HashKey, user: &UserFields) -> ContentHash {
    let user = UserFields { privilege: 0, password: String::new(), ..user.clone() };
    crate::hash(key, &crate::Slot::USER, &crate::Content::User(user))
}

/// The marks of a device's user record.
pub fn identity_marks_of_patch(key: &HashKey, patch: &UserPatch) -> BTreeSet<ContentHash> {
    let name = patch.name.as_ref().map(crate::StoredName::canonical).unwrap_or_default();
    marks_of(key, &name, &[patch.card.as_deref(), patch.vice_card.as_deref()])
}

fn marks_of(key: &HashKey, name: &str, cards: &[Option<&str>]) -> BTreeSet<ContentHash> {
    let name = canonical::name(name).to_lowercase();
    let mut marks = BTreeSet::new();
    if !name.is_empty() {
        marks.insert(keyed_hash(key, "name", &name));
        let end = (0..=CUT_BYTES.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
        if let Some(start) = end.filter(|_| name.len() >= CUT_BYTES).and_then(|end| name.get(..end)) {
            marks.insert(keyed_hash(key, "name begins", start));
        }
    }
    marks.extend(
        cards.iter().flatten().filter(|card| !card.is_empty()).map(|card| keyed_hash(key, "card", card)),
    );
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoredName;

    fn user(name: &str, card: &str) -> UserFields {
        let card = (!card.is_empty()).then(|| card.to_owned());
        UserFields { name: name.to_owned(), card, ..UserFields::default() }
    }

    fn record(name: &str, card: &str) -> UserPatch {
        let name = StoredName { raw: name.as_bytes().to_vec(), text: Some(name.to_owned()) };
        UserPatch { name: Some(name), card: Some(card.to_owned()), ..UserPatch::default() }
    }

    #[test]
    fn a_person_is_recognised_by_name_card_or_a_cut_name() {
        let key = HashKey::new([7; 32]);
        let former = marks(&key, &user("Alexandrina Victoria of Kent", "17"));
        let matches = |patch: &UserPatch| !identity_marks_of_patch(&key, patch).is_disjoint(&former);
        assert!(matches(&record("ALEXANDRINA VICTORIA OF KENT", "")));
        assert!(matches(&record("Alexandrina Victoria of ", "")));
        assert!(matches(&record("", "17")));
        assert!(!matches(&record("Alexandra", "")) && !matches(&record("", "")));
        // A name is no card.
        assert!(!matches(&record("17", "")));
    }
}
