//! Places on a device that has no room for every item.

use std::collections::BTreeMap;

use roster::{Algorithm, Area, Capability, ContentHash, Format, ItemKey, Kind, Millis, Seq, Slot};
use sync::operator::SyncAllowance;
use sync::plan::{Work, plan};
use sync::{DeviceView, Exception, ItemState, Limits, Parked, Person, Wait};
use wire::{BioType, Pin};

const FINGER: Slot =
    Slot::template(BioType::FINGERPRINT, 0, Algorithm { format: Format::Zk, major: 10, minor: 0 });

fn pin() -> Pin {
    "7".parse().expect("a PIN")
}

fn item(seq: i64) -> ItemState {
    ItemState {
        seq: Seq(seq),
        first: Seq(seq),
        created: Seq(seq),
        created_by: None,
        live: true,
        hash: ContentHash([u8::try_from(seq).expect("small"); 16]),
        changed_by: None,
        at: Millis(0),
        made_of: None,
        bytes: 300,
        lines: 1,
    }
}

/// A device with one free place for a finger. The finger of a user is due for it, and the user waits as `user` says.
fn place_for_the_finger_of_a_user_who(user: Wait) -> DeviceView {
    let mut capability = Capability::default();
    let told = [("FPVersion", "10"), ("MaxFingerCount", "10"), ("FPCount", "9")];
    capability.merge_parameters(&told.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut view = DeviceView::new(1, capability);
    view.cursor = Seq(3);
    let waits = |wait| Exception { wait, ..Exception::NONE };
    let person = Person {
        items: BTreeMap::from([
            (Slot::membership(Area::EVERYONE), item(1)),
            (Slot::USER, item(2)),
            (FINGER, item(3)),
        ]),
        exceptions: BTreeMap::from([(Slot::USER, waits(user)), (FINGER, waits(Wait::ROOM))]),
        ..Person::default()
    };
    view.persons.insert(pin(), person);
    view
}

/// Polls. Returns how many waiting fingers get a place now.
fn places_passed_on(view: &mut DeviceView) -> Option<u64> {
    let work = Work { due: vec![ItemKey { pin: pin(), slot: FINGER }], ..Work::default() };
    plan(view, &work, SyncAllowance::All, Millis(5_000), &Limits::default(), 1);
    view.take_changes().unpark.get(&Kind::Template(BioType::FINGERPRINT)).copied()
}

/// The finger waits for its user. The next finger gets the place, without waiting for the next count of the device.
#[test]
fn a_place_that_is_not_used_goes_to_the_next_item() {
    let mut view = place_for_the_finger_of_a_user_who(Wait::Parked(Parked::Full));
    assert_eq!(places_passed_on(&mut view), Some(1));
}

#[test]
fn a_place_that_is_used_is_not_given_twice() {
    let mut view = place_for_the_finger_of_a_user_who(Wait::Due(Millis(0)));
    assert_eq!(places_passed_on(&mut view), None);
}
