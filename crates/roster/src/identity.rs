//! Identity of users: whether a device's record under a PIN is about the fleet's person.

use crate::{Capability, UserFields, UserPatch, canonical, device_form};

/// Whether a user record is about the fleet's person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The name is the person's, or without names the card.
    Same,
    /// The name is another person's.
    Other,
    /// The record gives no evidence. A PIN alone is none.
    Unclear,
}

/// Compares a device's record under a PIN with the fleet's person: with the current user and with the earlier
/// versions of this life.
///
/// Names decide if both sides have one, because cards are handed on. The comparison ignores case and takes into
/// account how the device keeps names.
pub fn likeness<'a>(
    versions: impl IntoIterator<Item = &'a UserFields>,
    patch: &UserPatch,
    capability: &Capability,
) -> Likeness {
    let versions: Vec<&UserFields> = versions.into_iter().collect();
    let name = patch.name.as_ref().filter(|name| !name.canonical().is_empty());
    let named = || versions.iter().filter(|user| !user.name.is_empty());
    if let Some(name) = name.filter(|_| named().next().is_some()) {
        let folded = name.canonical().to_lowercase();
        let same = named().any(|user| {
            let ours = canonical::name(&user.name);
            device_form::name_is(name, &ours, capability)
                || device_form::is_cut(&ours, name, capability)
                || ours.to_lowercase() == folded
        });
        return if same { Likeness::Same } else { Likeness::Other };
    }
    let card = patch.card.as_deref().filter(|card| !card.is_empty());
    let same_card = card.is_some_and(|card| versions.iter().any(|user| user.card.as_deref() == Some(card)));
    if same_card { Likeness::Same } else { Likeness::Unclear }
}

/// Whether the record agrees with the user in everything that identifies a person: the name and the card. A name
/// that was completed or shortened identifies the same person.
///
/// It is for a device that is known to hold the person. Such a device may also edit a user without name and card.
pub fn agrees_in_identity(current: &UserFields, patch: &UserPatch, capability: &Capability) -> bool {
    let name = patch.name.as_ref().is_none_or(|name| {
        device_form::name_is(name, &current.name, capability) || continues(&name.canonical(), &current.name)
    });
    let card = patch.card.as_deref().is_none_or(|card| card == current.card.as_deref().unwrap_or_default());
    name && card
}

/// Whether one of two names begins with the other: a person completed or shortened it.
fn continues(name: &str, ours: &str) -> bool {
    const LEAST_LETTERS: usize = 3;
    let (name, ours) = (name.to_lowercase(), canonical::name(ours).to_lowercase());
    let shorter = name.chars().count().min(ours.chars().count());
    shorter >= LEAST_LETTERS && (name.starts_with(&ours) || ours.starts_with(&name))
}

/// Whether a record identifies anybody: it has a readable name, or a card.
pub fn has_identity(patch: &UserPatch) -> bool {
    let said = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    patch.name.as_ref().is_some_and(|name| !name.canonical().is_empty()) || said(&patch.card)
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

    fn compared(user: &UserFields, patch: &UserPatch) -> Likeness {
        likeness([user], patch, &Capability::default())
    }

    #[test]
    fn names_decide_where_both_have_one() {
        let ada = user("Ada Lovelace", "17");
        assert_eq!(compared(&ada, &record("ada lovelace ", "")), Likeness::Same);
        assert_eq!(compared(&ada, &record("Grace", "17")), Likeness::Other, "a card may be handed on");
        assert_eq!(compared(&ada, &record("", "17")), Likeness::Same);
        assert_eq!(compared(&ada, &record("", "18")), Likeness::Unclear);
        assert_eq!(compared(&user("", ""), &record("Grace", "")), Likeness::Unclear);
        assert_eq!(compared(&user("", ""), &record("", "")), Likeness::Unclear, "a PIN alone is no evidence");
    }

    #[test]
    fn an_earlier_name_is_the_persons_too() {
        let (now, before) = (user("Ada King", ""), user("Ada Byron", ""));
        assert_eq!(
            likeness([&now, &before], &record("Ada Byron", ""), &Capability::default()),
            Likeness::Same
        );
    }

    #[test]
    fn a_name_that_another_device_cut_is_the_persons() {
        let cut = user("Alexandrina Victoria of ", "");
        assert_eq!(compared(&cut, &record("Alexandrina Victoria of Kent", "")), Likeness::Same);
        assert_eq!(compared(&cut, &record("Alexandrina Viktoria of Kent", "")), Likeness::Other);
    }
}
