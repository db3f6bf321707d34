//! Decisions: what the import writes for a person, compared with Muster's data.

use roster::{Area, Content, HashKey, ItemKey, Kind, Slot, UserFields};
use store::{ItemSummary, ItemWrite};
use wire::Pin;

use crate::person::Person;
use crate::report::{CountedKind, Outcome, Tally};
use crate::same::{differing, listed, same_person};

/// The decision about a person.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// Whether Muster's user of this PIN is another person and must be deleted first.
    pub delete_first: bool,
    /// The writes in feed order: a reader of the feed must find the membership before the user.
    pub writes: Vec<ItemWrite>,
    pub tally: Tally,
}

/// Decides about a person. `held` are all items that Muster ever held under the PIN, and `user` is its current
/// user. `pins_differing_in_case` is another user whose PIN differs only in case: devices may confuse the two.
pub(crate) fn decide(
    person: &Person,
    held: &[ItemSummary],
    user: Option<&UserFields>,
    pins_differing_in_case: Option<&Pin>,
    overwrite: bool,
    key: &HashKey,
) -> Decision {
    let mut decision = Decision::default();
    let find = |slot: &Slot| held.iter().find(|item| item.slot == *slot);
    let deleted = find(&Slot::USER).is_some_and(|item| !item.live);
    let somebody_else =
        user.is_some_and(|user| !same_person(user, &person.user)) && !shares_template(person, held);
    let pin = person.pin.as_str();
    let refusal = if let Some(other) = pins_differing_in_case {
        let reason = format!(
            "Muster knows a user {other}: only the case of letters differs, so devices may take both for one"
        );
        Some((Outcome::Kept, reason))
    } else if overwrite {
        None
    } else if deleted {
        let reason = "was deleted in Muster: the person stays deleted";
        Some((Outcome::Deleted, reason.to_owned()))
    } else if somebody_else {
        let reason = "Muster has another person under this PIN (other name or card): nothing was taken";
        Some((Outcome::Kept, reason.to_owned()))
    } else {
        None
    };
    if let Some((outcome, reason)) = refusal {
        for (slot, item) in &person.items {
            let counts = decision.tally.count(CountedKind::of(slot.kind));
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
        let reason =
            "Muster had another person under this PIN: deleted with everything, and the imported one taken";
        decision.tally.name(pin, "user", Outcome::Replaced, reason);
        decision.delete_first = true;
    }
    let anew = user.is_none() || somebody_else;
    let is_member = !somebody_else && held.iter().any(|item| item.live && item.slot.kind == Kind::Membership);
    if anew && !is_member {
        decision.put(person, Slot::membership(Area::EVERYONE), Content::Membership, key);
    }
    for (slot, item) in &person.items {
        let what = CountedKind::of(slot.kind);
        let held = find(slot).filter(|_| !somebody_else);
        let take = match held {
            None => true,
            Some(held) if held.live && held.hash == item.hash => {
                decision.tally.count(what).already_there += 1;
                continue;
            }
            Some(held) => {
                // A user who is brought back was reported above.
                if *slot != Slot::USER || !deleted {
                    decision.report_difference(person, slot, held.live, user, overwrite);
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

/// Whether Muster's person has one of this person's templates. Then both are the same person, whatever their
/// names.
fn shares_template(person: &Person, held: &[ItemSummary]) -> bool {
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

    /// Reports an item of which Muster has another version.
    fn report_difference(
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
    fn an_unknown_person_is_taken_as_a_member_of_area_1() {
        let decision = decide(&person("Ada"), &[], None, None, false, &KEY);
        assert_eq!(slots(&decision), ["membership of area 1", "user"]);
        assert_eq!(decision.tally.counts[&CountedKind::User].taken, 1);
    }

    #[test]
    fn equal_items_are_not_written_and_areas_of_a_known_person_stay() {
        let ada = person("Ada");
        let held = [summary(Slot::USER, ada.items[&Slot::USER].hash, true)];
        let decision = decide(&ada, &held, Some(&ada.user), None, true, &KEY);
        assert!(decision.writes.is_empty());
        assert_eq!(decision.tally.counts[&CountedKind::User].already_there, 1);
    }

    #[test]
    fn another_person_stays_or_with_overwrite_is_deleted_entirely() {
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
    fn a_deleted_person_stays_deleted_without_overwrite() {
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
