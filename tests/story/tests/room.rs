//! Devices that say how much they have room for.

use fleet::view::sync_status::{Owed, OwedReason, OwedWait};
use std::time::Duration;

use simulator::{Device, Model, Population, Session};
use story::{House, assert_same};
use wire::BioType;

const EVERYBODY: Population =
    Population { users: 10, fingerprints: 2, faces_percent: 100, palms_percent: 0, user_photos_percent: 0 };

fn enrol(people: &Population, device: &mut Device) {
    (0..people.users).for_each(|person| people.enrol(person, 5, device));
}

/// A device that has room for so many faces, and says so.
fn small(faces: usize) -> Model {
    let mut model = Model::iface950();
    let algorithm = model.algorithms.iter_mut().find(|one| one.bio_type == BioType::FACE).expect("faces");
    algorithm.capacity = faces;
    model
}

fn never_without_room(device: &Session) {
    assert_eq!(device.tally().return_codes.get(&-1001), None, "{:?}", device.tally().return_codes);
}

async fn why(house: &House, serial_number: &str) -> Vec<String> {
    let row = house.device(serial_number).await;
    let mut tx = house.store.read().await.expect("a transaction");
    let owed = fleet::view::sync_status::owed(&mut tx, &row, house.now()).await.expect("what is owed");
    let why = |owed: Owed| match owed.why {
        OwedReason::Excepted { wait: Some(OwedWait::Full(full)), .. } => full.unwrap_or_default(),
        other => format!("{other:?}"),
    };
    owed.into_iter().map(why).collect()
}

/// Obligation 196.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_not_sent_and_waits_until_there_is_room() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::iface950(), "SIM0001")).await;
    let mut b = house.connect(Device::new(small(3), "SIM0002")).await;
    enrol(&EVERYBODY, &mut a);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((b.users(), b.count(BioType::FINGERPRINT), b.count(BioType::FACE)), (10, 20, 3));
    never_without_room(&b);
    let status = house.status_of("SIM0002").await;
    assert_eq!((status.parked, status.open, status.due), (7, 0, 0), "{status:?}");
    let full = "full: 3 of 3 near-infrared faces, as the device reports";
    assert!(!status.in_sync && status.full.iter().any(|kind| kind == full), "{:?}", status.full);
    assert_eq!(why(&house, "SIM0002").await, vec![full; 7]);

    // What it holds is kept up to date, and other kinds come as ever.
    let faces = |device: &Session, with: bool| {
        let content = device.content();
        let has = |person: &simulator::content::Person| {
            person.templates.keys().any(|key| key.bio_type == BioType::FACE)
        };
        let found = content.people.iter().find(|(_, person)| has(person) == with);
        found.map(|(pin, _)| pin.to_string()).expect("somebody")
    };
    let (held, other) = (faces(&b, true), faces(&b, false));
    a.enrol_face(&held);
    a.enrol_fingerprint(&other, 9);
    a.enrol_user("7", "Ada");
    a.enrol_face("7");
    house.calm([&mut a, &mut b]).await;
    assert_eq!((b.users(), b.count(BioType::FINGERPRINT), b.count(BioType::FACE)), (11, 21, 3));
    let face = |device: &Session| {
        let person = device.person(&held).expect("there");
        person.templates.iter().find(|(key, _)| key.bio_type == BioType::FACE).map(|(_, face)| face.clone())
    };
    assert_eq!(face(&a), face(&b), "a face that it holds is replaced");
    never_without_room(&b);

    // A deletion makes room for one, and six more at the device for all that is left.
    a.delete_user(&held);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((b.users(), b.count(BioType::FACE)), (10, 3));
    assert_eq!(house.status_of("SIM0002").await.parked, 7);
    for _ in 0..7 {
        let who = faces(&a, true);
        a.delete_user(&who);
        house.calm([&mut a, &mut b]).await;
    }
    assert_eq!((b.users(), b.count(BioType::FACE)), (3, 3));
    assert_same(&a, &b);
    never_without_room(&b);
    assert!(house.status_of("SIM0002").await.in_sync);
}

/// Obligation 196.
#[tokio::test(flavor = "multi_thread")]
async fn people_for_whom_a_device_has_no_room_by_its_own_word_are_not_sent_to_it() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    // It tells hundreds of users.
    let mut b =
        house.connect(Device::new(Model { user_capacity: 100, ..Model::speedface() }, "SIM0002")).await;
    let people = Population { users: 104, fingerprints: 1, faces_percent: 0, ..EVERYBODY };
    enrol(&people, &mut a);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((b.users(), b.count(BioType::FINGERPRINT)), (100, 100));
    never_without_room(&b);
    let reasons = why(&house, "SIM0002").await;
    let full = reasons.iter().filter(|why| *why == "full: 100 of 100 users, as the device reports").count();
    assert_eq!((full, reasons.len()), (4, 8), "{reasons:?}");

    for _ in 0..4 {
        let who = b.content().people.keys().next().expect("somebody").to_string();
        b.delete_user(&who);
    }
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (100, 100));
    assert_same(&a, &b);
    never_without_room(&b);
}

/// Obligation 196.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_takes_more_than_it_says_is_not_left_short() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::iface950(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::iface950(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    house
        .post(
            "/iclock/cdata?SN=SIM0002&table=options",
            "~MaxFaceCount=2,MaxMultiBioDataCount=0:0:2:0:0:0:0:0:0:0",
        )
        .await;
    enrol(&EVERYBODY, &mut a);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((b.users(), b.count(BioType::FACE)), (10, 2));

    house.advance(Duration::from_hours(25));
    a.change_name("1001", "Somebody else");
    house.calm([&mut a, &mut b]).await;

    // One more went out, and it counts three of two: what it says of its room is nothing to go by.
    assert_same(&a, &b);
    assert!(house.status_of("SIM0002").await.in_sync);
}
