//! The whole life of a fleet.

use std::time::Duration;

use fleet::user::UserEdit;
use simulator::{Device, Model, Population, Session};
use story::{House, assert_same, pin};
use wire::BioType;

const WEEK: Duration = Duration::from_hours(7 * 24);

fn named(name: &str) -> UserEdit {
    UserEdit { name: Some(name.to_owned()), ..UserEdit::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrolled_at_one_device_appears_at_the_other() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;

    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    a.enrol_face("7");
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_devices_of_every_model_are_filled_with_what_each_can_take() {
    let house = House::open().await;
    let everything = Population {
        users: 50,
        fingerprints: 1,
        faces_percent: 40,
        palms_percent: 30,
        user_photos_percent: 20,
    };
    let mut first = Vec::new();
    for (number, model) in
        [Model::speedface(), Model::iface950(), Model::old(), Model::k40()].into_iter().enumerate()
    {
        let mut session = house.connect(Device::new(model, &format!("OLD{number}"))).await;
        for person in 0..everything.users {
            everything.enrol(number * everything.users + person, 3, &mut session);
        }
        first.push(session);
    }
    let [speedface, iface, old, k40] = &mut first[..] else { unreachable!("four were connected") };
    house.calm([speedface, iface, old, k40]).await;

    let mut new = Vec::new();
    for (number, model) in Model::all().into_iter().enumerate() {
        new.push(house.connect(Device::new(model, &format!("NEW{number}"))).await);
    }
    let [new_speedface, new_iface, new_senseface, new_k40, new_old] = &mut new[..] else {
        unreachable!("five were connected")
    };
    house.calm([speedface, iface, old, k40, new_speedface, new_iface, new_senseface, new_k40, new_old]).await;

    for device in first.iter().chain(&new) {
        assert_eq!(device.users(), 200, "{}", device.serial());
        for other in first.iter().chain(&new) {
            assert_same(device, other);
        }
    }
    for device in &new {
        let mut sent: Vec<_> =
            house.commands_to(device.serial(), 0).await.into_iter().map(|command| command.key).collect();
        let commands = sent.len();
        sent.sort();
        sent.dedup();
        assert_eq!(commands, sent.len(), "{} was sent something twice", device.serial());
    }
    let count = |device: &Session, bio_type| device.count(bio_type);
    let [new_speedface, new_iface, new_senseface, new_k40, new_old] = &new[..] else { unreachable!() };
    assert_eq!(count(new_k40, BioType::FINGERPRINT), 200);
    assert_eq!(count(new_iface, BioType::FACE), count(&first[1], BioType::FACE));
    assert!(new_iface.count(BioType::FACE) > 10, "near-infrared faces of fifteen parts");
    assert!(new_old.count(BioType::FACE) > 10, "faces of twelve lines");
    assert!(new_speedface.count(BioType::VISIBLE_FACE) > 10);
    assert_eq!(
        new_senseface.count(BioType::VISIBLE_FACE),
        new_speedface.count(BioType::VISIBLE_FACE),
        "made of the comparison photos"
    );
    assert_eq!(count(new_speedface, BioType::PALM), count(new_iface, BioType::PALM));
    assert!(new_speedface.count(BioType::PALM) > 10);
    assert!(new_speedface.content().user_photos() > 10);
}

/// Obligation 91.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_off_for_a_week_gets_one_command_for_five_edits() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a, &mut b]).await;
    let sent = house.commands_to("SIM0002", 0).await.len();

    for edit in 1..=5 {
        a.change_name("7", &format!("Ada {edit}"));
        house.calm_online([&mut a]).await;
    }
    for person in 1..=295 {
        let now = house.now();
        let (pin, edit) = (pin(&format!("{}", 1000 + person)), named(&format!("Person {person}")));
        house.operate(async |tx| fleet::user::set(tx, &pin, &edit, now).await).await;
    }
    house.calm_online([&mut a]).await;
    house.advance(WEEK);
    assert!(!house.status_of("SIM0002").await.in_sync);

    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 296);
    let commands = house.commands_to("SIM0002", sent).await;
    assert_eq!(commands.iter().filter(|command| command.key.pin.as_str() == "7").count(), 1);
    assert_eq!(commands.len(), 296);
}

/// Two visible-light terminals with twelve people who have fingers, faces and palms.
async fn two_devices(house: &House) -> (Session, Session) {
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    let people = Population {
        users: 12,
        fingerprints: 2,
        faces_percent: 100,
        palms_percent: 100,
        user_photos_percent: 100,
    };
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut a));
    house.calm([&mut a, &mut b]).await;
    assert_same(&a, &b);
    assert_eq!(b.users(), 12);
    (a, b)
}

/// Obligation 191.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_that_it_was_emptied_is_filled_again_and_nobody_is_deleted() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    let head = house.head().await;

    a.clear_data();
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!((a.users(), house.head().await), (12, head));
}

/// Obligation 191.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_emptied_without_a_word_is_found_by_its_counts() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;

    b.wipe_silently();
    b.restart();
    house.calm([&mut a, &mut b]).await;
    assert_eq!(b.users(), 0, "one count is no proof: the upload that explains it may be under way");
    house.advance(Duration::from_mins(1));
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_loses_its_people_again_and_again_is_filled_once_an_hour() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    let before = house.commands_to("SIM0002", 0).await.len();
    for _ in 0..4 {
        b.wipe_silently();
        b.restart();
        house.calm([&mut a, &mut b]).await;
        house.advance(Duration::from_mins(10));
        house.calm([&mut a, &mut b]).await;
    }
    let items = house.commands_to("SIM0001", 0).await.len();
    assert_eq!(house.commands_to("SIM0002", before).await.len(), items);

    house.advance(Duration::from_hours(1));
    house.calm([&mut a, &mut b]).await;
    assert_same(&a, &b);
}

/// Obligation 180.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_emptied_without_a_word_is_found_by_what_it_answers() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    b.wipe_silently();

    a.enrol_fingerprint("1001", 9);
    house.calm([&mut a, &mut b]).await;

    assert!(b.tally().return_codes[&-10] > 0);
    let (here, there) = (a.person("1001").expect("she is here"), b.person("1001").expect("she is back"));
    assert_eq!((&here.user, &here.templates), (&there.user, &there.templates));
    assert_eq!(here.templates.len(), 5);
    assert_eq!(b.users(), 1);
    // The rest is found by its counts.
    house.advance(Duration::from_mins(2));
    house.calm([&mut a, &mut b]).await;
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_change_different_fields_of_a_user_both_win() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;

    a.change_name("1003", "Noa Brandt");
    b.change_card("1003", 4_402_017);
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    let user = &a.person("1003").expect("she is here").user;
    assert_eq!((user.name.as_slice(), user.card), (b"Noa Brandt".as_slice(), 4_402_017));
}

/// Obligation 190.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_one_field_the_one_received_last_wins_everywhere() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    let mut c = house.connect(Device::new(Model::iface950(), "SIM0003")).await;
    house.calm([&mut a, &mut b, &mut c]).await;

    a.change_card("1003", 4_402_017);
    b.change_card("1003", 4_402_018);
    b.upload_pending().await.expect("taken");
    a.upload_pending().await.expect("taken");
    house.calm([&mut a, &mut b, &mut c]).await;

    for device in [&a, &b, &c] {
        assert_eq!(device.person("1003").expect("there").user.card, 4_402_017, "{}", device.serial());
    }
    assert!(house.held().await.is_empty());
}

/// A finger of hers that both devices hold proves that only her name is another.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_names_given_to_somebody_who_has_a_finger_one_wins_everywhere() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    let mut c = house.connect(Device::new(Model::iface950(), "SIM0003")).await;
    a.enrol_fingerprint("1003", 6);
    house.calm([&mut a, &mut b, &mut c]).await;

    a.change_name("1003", "Noa Brandt");
    b.change_name("1003", "Trần Thị Noa");
    b.upload_pending().await.expect("taken");
    a.upload_pending().await.expect("taken");
    house.calm([&mut a, &mut b, &mut c]).await;

    let names: Vec<_> =
        [&a, &b, &c].map(|device| device.person("1003").expect("there").user.name.clone()).into();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    assert!(["Noa Brandt", "Trần Thị Noa"].contains(&&*names[0]), "{names:?}");
    assert!(house.held().await.is_empty(), "{:?}", house.held().await);
    assert_same(&a, &b);
}

async fn set(house: &House, who: &str, edit: UserEdit) {
    let now = house.now();
    assert!(house.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, now).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_during_a_first_fill_that_is_broken_off_arrives_once_and_nobody_comes_back() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let people = Population {
        users: 120,
        fingerprints: 1,
        faces_percent: 0,
        palms_percent: 0,
        user_photos_percent: 0,
    };
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut a));
    house.calm([&mut a]).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    while b.users() < 40 {
        b.step().await.expect("a step");
        house.advance(Duration::from_secs(10));
    }
    assert!(b.users() < 100, "it is in the middle: {}", b.users());

    // People whom the device has already, and people whom it has not yet.
    for gone in ["1002", "1110"] {
        a.delete_user(gone);
    }
    for renamed in ["1003", "1111"] {
        set(&house, renamed, named("Another name")).await;
    }
    for new in ["1000", "2000"] {
        set(&house, new, named("A new one")).await;
    }
    a.enrol_fingerprint("1004", 1);
    a.enrol_fingerprint("1112", 1);
    house.calm_online([&mut a]).await;
    house.advance(WEEK);
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 120);
    let mut sent: Vec<_> =
        house.commands_to("SIM0002", 0).await.into_iter().map(|command| command.key).collect();
    let commands = sent.len();
    sent.sort();
    sent.dedup();
    // Twice: the one who was renamed, and the one who was deleted with her finger, after they had been sent.
    assert!(commands <= sent.len() + 3, "{commands} commands for {} items", sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_emptied_in_the_middle_of_its_first_fill_is_filled_from_the_start() {
    let house = House::open().await;
    let (mut a, mut b) = two_devices(&house).await;
    let mut c = house.connect(Device::new(Model::iface950(), "SIM0003")).await;
    while c.users() < 6 {
        c.step().await.expect("a step");
        house.advance(Duration::from_secs(10));
    }
    c.clear_data();
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_same(&a, &c);
    assert_eq!(c.users(), 12);
}
