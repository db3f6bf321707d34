//! What of a person is written: compared with what Muster holds.

use roster::{Area, Content, HashKey, ItemKey, Kind, Slot, UserFields};
use store::{ItemSummary, ItemWrite};
use wire::Pin;

use crate::person::Person;
use crate::report::{Outcome, Tally, What};
use crate::same::{differing, listed, same_person};

/// What is to be done about a person.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// Muster's person of this PIN is somebody else and goes first.
    pub delete_first: bool,
    /// In their order: whoever reads the feed finds the user in its scope.
    pub writes: Vec<ItemWrite>,
    pub tally: Tally,
}

/// Decides about a person. `held` is everything that Muster ever held of the PIN, `user` its user if that lives, and
/// `spelled_otherwise` another user whose PIN differs in the case of its letters alone: devices may take both for one.
pub(crate) fn decide(
    person: &Person,
    held: &[ItemSummary],
    user: Option<&UserFields>,
    spelled_otherwise: Option<&Pin>,
    overwrite: bool,
    key: &HashKey,
) -> Decision {
    let mut decision = Decision::default();
    let find = |slot: &Slot| held.iter().find(|item| item.slot == *slot);
    let deleted = find(&Slot::USER).is_some_and(|item| !item.live);
    let somebody_else = user.is_some_and(|user| !same_person(user, &person.user)) && !shares(person, held);
    let pin = person.pin.as_str();
    let refusal = if let Some(other) = spelled_otherwise {
        let reason = format!(
            "Muster knows a user {other}: only the case of letters differs, so devices may take both for one"
        );
        Some((Outcome::Kept, reason))
    } else if overwrite {
        None
    } else if deleted {
        let reason = "was deleted in Muster: nothing of the person is brought back";
        Some((Outcome::Deleted, reason.to_owned()))
    } else if somebody_else {
        let reason = "Muster knows another person by this PIN (other name or card): nothing was taken";
        Some((Outcome::Kept, reason.to_owned()))
    } else {
        None
    };
    if let Some((outcome, reason)) = refusal {
        for (slot, item) in &person.items {
            let counts = decision.tally.count(What::of(slot.kind));
            if find(slot).is_some_and(|held| held.live && held.hash == item.hash) {
                counts.already_there += 1;
            } else {
                counts.kept += 1;
            }
        }
        decision.tally.name(pin, "user", outcome, reason);
        return decision;
    }
    if deleted {
        decision.tally.name(pin, "user", Outcome::Replaced, "was deleted in Muster: brought back");
    }
    if somebody_else {
        let reason = "Muster knew another person by this PIN: deleted with everything, and this one taken";
        decision.tally.name(pin, "user", Outcome::Replaced, reason);
        decision.delete_first = true;
    }
    let anew = user.is_none() || somebody_else;
    let is_member = !somebody_else && held.iter().any(|item| item.live && item.slot.kind == Kind::Membership);
    if anew && !is_member {
        decision.put(person, Slot::membership(Area::EVERYONE), Content::Membership, key);
    }
    for (slot, item) in &person.items {
        let what = What::of(slot.kind);
        let held = find(slot).filter(|_| !somebody_else);
        let take = match held {
            None => true,
            Some(held) if held.live && held.hash == item.hash => {
                decision.tally.count(what).already_there += 1;
                continue;
            }
            Some(held) => {
                // A user who comes back was told above.
                if *slot != Slot::USER || !deleted {
                    decision.tell_difference(person, slot, held.live, user, overwrite);
                }
                overwrite
            }
        };
        let counts = decision.tally.count(what);
        if take {
            counts.taken += 1;
            decision.put(person, *slot, item.content.clone(), key);
        } else {
            counts.kept += 1;
        }
    }
    decision
}

/// Whether Muster's person has a template of this one: then both are the same, whatever they are called.
fn shares(person: &Person, held: &[ItemSummary]) -> bool {
    held.iter()
        .filter(|item| item.live && matches!(item.slot.kind, Kind::Template(_)))
        .any(|item| person.items.get(&item.slot).is_some_and(|theirs| theirs.hash == item.hash))
}

impl Decision {
    fn put(&mut self, person: &Person, slot: Slot, content: Content, key: &HashKey) {
        let hash = roster::hash(key, &slot, &content);
        let key = ItemKey { pin: person.pin.clone(), slot };
        self.writes.push(ItemWrite { key, content: Some(content), hash, contested: false, made_of: None });
    }

    /// Names an item of which Muster holds something else.
    fn tell_difference(
        &mut self,
        person: &Person,
        slot: &Slot,
        live: bool,
        user: Option<&UserFields>,
        overwrite: bool,
    ) {
        let difference = match (live, user) {
            (false, _) => "it was deleted in Muster".to_owned(),
            (true, Some(user)) if *slot == Slot::USER => {
                format!("Muster has other values: {}", listed(&differing(user, &person.user)))
            }
            (true, _) => "Muster has another one".to_owned(),
        };
        let (outcome, done) = match (overwrite, live) {
            (true, true) => (Outcome::Replaced, "replaced"),
            (true, false) => (Outcome::Replaced, "brought back"),
            (false, true) => (Outcome::Kept, "Muster's stays"),
            (false, false) => (Outcome::Deleted, "not brought back"),
        };
        self.tally.name(person.pin.as_str(), slot.to_string(), outcome, format!("{difference}; {done}"));
    }
}

#[cfg(test)]
mod tests {
    use roster::{ContentHash, Millis, Seq};

    use super::*;
    use crate::person::Item;

    const KEY: HashKey = HashKey::new([7; 32]);

    fn person(name: &str) -> Person {
        let user = UserFields { name: name.into(), ..UserFields::default() };
        let content = Content::User(user.clone());
        let hash = roster::hash(&KEY, &Slot::USER, &content);
        Person {
            pin: "7".parse().expect("a PIN"),
            user,
            items: [(Slot::USER, Item { content, hash })].into(),
        }
    }

    fn summary(slot: Slot, hash: ContentHash, live: bool) -> ItemSummary {
        ItemSummary { slot, seq: Seq(1), live, changed_at: Millis(0), changed_by: None, bytes: 0, hash }
    }

    fn slots(decision: &Decision) -> Vec<String> {
        decision.writes.iter().map(|write| write.key.slot.to_string()).collect()
    }

    #[test]
    fn whom_muster_does_not_know_is_taken_as_a_member_of_area_1() {
        let decision = decide(&person("Ada"), &[], None, None, false, &KEY);
        assert_eq!(slots(&decision), ["membership of area 1", "user"]);
        assert_eq!(decision.tally.counts[&What::User].taken, 1);
    }

    #[test]
    fn what_is_equal_is_not_written_and_areas_of_a_known_person_stay() {
        let ada = person("Ada");
        let held = [summary(Slot::USER, ada.items[&Slot::USER].hash, true)];
        let decision = decide(&ada, &held, Some(&ada.user), None, true, &KEY);
        assert!(decision.writes.is_empty());
        assert_eq!(decision.tally.counts[&What::User].already_there, 1);
    }

    #[test]
    fn another_person_stays_unless_told_otherwise_and_then_goes_entirely() {
        let (ada, grace) = (person("Ada"), person("Grace"));
        let held = [
            summary(Slot::USER, grace.items[&Slot::USER].hash, true),
            summary(Slot::membership(Area(2)), ContentHash([0; 16]), true),
        ];
        let kept = decide(&ada, &held, Some(&grace.user), None, false, &KEY);
        assert!(kept.writes.is_empty() && !kept.delete_first);
        let replaced = decide(&ada, &held, Some(&grace.user), None, true, &KEY);
        assert!(replaced.delete_first);
        assert_eq!(slots(&replaced), ["membership of area 1", "user"]);
    }

    #[test]
    fn who_was_deleted_stays_so_unless_told_otherwise() {
        let ada = person("Ada");
        let held = [
            summary(Slot::USER, ContentHash([0; 16]), false),
            summary(Slot::membership(Area::EVERYONE), ContentHash([0; 16]), false),
        ];
        assert!(decide(&ada, &held, None, None, false, &KEY).writes.is_empty());
        let back = decide(&ada, &held, None, None, true, &KEY);
        assert_eq!(slots(&back), ["membership of area 1", "user"]);
        assert_eq!(back.tally.cases.len(), 1, "{:?}", back.tally.cases);
    }
}
