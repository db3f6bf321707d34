//! Terminals at which people may be enrolled and changed, beside terminals at which they may not.

use fleet::device;
use simulator::{Device, Model, Session};
use store::{DeviceOptions, HeldKind};
use story::{House, assert_same};
use sync::Joining;
use sync::intake::Enrolment;

const OFFICE: &str = "SIM0001";
const GATE: &str = "SIM0002";

/// What an operator sets for one terminal.
async fn set(house: &House, serial_number: &str, enrolment: Option<Enrolment>) {
    let device = house.device(serial_number).await;
    let options = DeviceOptions { enrolment, ..device.options };
    house.operate(async |tx| tx.set_device_options(device.id, &options).await).await;
}

/// Two terminals, and Ada under PIN 7 with a card on both.
async fn with_ada(house: &House) -> [Session; 2] {
    let mut office = house.joined(Device::new(Model::speedface(), OFFICE), Joining::Adopt).await;
    office.enrol_user("7", "Ada");
    office.change_card("7", 100);
    let mut gate = house.joined(Device::new(Model::speedface(), GATE), Joining::Adopt).await;
    house.calm([&mut office, &mut gate]).await;
    assert_eq!(card(&gate, "7"), 100);
    [office, gate]
}

fn card(session: &Session, who: &str) -> u64 {
    session.person(who).expect("there").user.card
}

/// Somebody is enrolled at `at`, and Ada gets another card there. Whether both terminals hold that afterwards.
async fn takes(house: &House, at: usize, sessions: &mut [Session; 2], who: &str, new_card: u64) -> bool {
    let before = card(&sessions[at], "7");
    sessions[at].enrol_user(who, &format!("Newcomer {who}"));
    sessions[at].change_card("7", new_card);
    let [office, gate] = sessions;
    house.calm([office, gate]).await;

    assert_same(office, gate);
    let taken = office.person(who).is_some();
    assert_eq!(card(office, "7"), if taken { new_card } else { before }, "the card has the same fate");
    taken
}

/// How many records of a PIN are held because of the terminal at which they were made.
async fn held(house: &House, who: &str) -> usize {
    let held = house.held().await;
    let of_pin = held.iter().filter(|record| record.pin.as_ref().is_some_and(|pin| pin.as_str() == who));
    let records: Vec<_> = of_pin.collect();
    for record in &records {
        assert_eq!(record.kind, HeldKind::Leftover);
        assert!(record.reason.ends_with("at a device that must not do that"), "{}", record.reason);
    }
    records.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_terminal_may_enrol_people_and_what_is_enrolled_at_another_waits() {
    let house = House::approving().await;
    let mut sessions = with_ada(&house).await;
    set(&house, GATE, Some(Enrolment::Hold)).await;

    assert!(takes(&house, 0, &mut sessions, "8", 101).await);
    assert!(house.held().await.is_empty());
    assert!(!takes(&house, 1, &mut sessions, "9", 102).await);
    assert_eq!((held(&house, "9").await, held(&house, "7").await), (1, 1));

    set(&house, GATE, None).await;
    assert!(takes(&house, 1, &mut sessions, "10", 103).await, "the fleet's setting holds again");
    assert_eq!(house.held().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enrolled_at_a_terminal_that_must_not_is_undone() {
    let house = House::approving().await;
    let mut sessions = with_ada(&house).await;
    set(&house, GATE, Some(Enrolment::Refuse)).await;

    assert!(takes(&house, 0, &mut sessions, "8", 101).await);
    assert!(!takes(&house, 1, &mut sessions, "9", 102).await);
    assert!(house.held().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_terminal_may_enrol_people_in_a_fleet_that_takes_nobody() {
    let house = House::with(|config| config.devices.fleet.enrolment = Enrolment::Refuse).await;
    let mut sessions = with_ada_from_the_only_one_that_may(&house).await;

    assert!(!takes(&house, 1, &mut sessions, "8", 101).await);
    assert!(takes(&house, 0, &mut sessions, "9", 102).await);
    assert!(house.held().await.is_empty());

    set(&house, OFFICE, None).await;
    assert!(!takes(&house, 0, &mut sessions, "10", 103).await, "the fleet's setting holds again");
}

async fn with_ada_from_the_only_one_that_may(house: &House) -> [Session; 2] {
    let device = Device::new(Model::speedface(), OFFICE);
    let mut office = house.joined(device, Joining::Adopt).await;
    set(house, OFFICE, Some(Enrolment::Accept)).await;
    office.enrol_user("7", "Ada");
    office.change_card("7", 100);
    let mut gate = house.joined(Device::new(Model::speedface(), GATE), Joining::Adopt).await;
    house.calm([&mut office, &mut gate]).await;
    assert_eq!(card(&gate, "7"), 100);
    [office, gate]
}

/// An operator takes in the people of a terminal: that they were enrolled there is no fault of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_must_not_enrol_people_brings_its_own_when_it_is_taken_in_again() {
    let house = House::approving().await;
    let mut sessions = with_ada(&house).await;
    set(&house, GATE, Some(Enrolment::Refuse)).await;
    let (device, now) = (house.device(GATE).await, house.now());
    house.operate(async |tx| device::retire(tx, &device, now).await).await;
    sessions[1].enrol_user("8", "Grace");
    house.operate(async |tx| device::approve(tx, &device, Joining::Adopt, now).await).await;
    let [office, gate] = &mut sessions;
    house.calm([office, gate]).await;

    assert_same(office, gate);
    assert!(office.person("8").is_some());
    assert_eq!(house.device(GATE).await.options.enrolment, Some(Enrolment::Refuse));
    assert!(!takes(&house, 1, &mut sessions, "9", 102).await, "the setting outlives that");
}

/// Muster asks the terminal about another name. The setting of the terminal counts for its answer too.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_that_answers_a_question_goes_by_the_setting_of_the_terminal() {
    for (enrolment, name) in [(Enrolment::Accept, "Augusta"), (Enrolment::Refuse, "Ada")] {
        let house = House::approving().await;
        let [mut office, mut gate] = with_ada(&house).await;
        gate.enrol_fingerprint("7", 6);
        house.calm([&mut office, &mut gate]).await;
        set(&house, GATE, Some(enrolment)).await;
        gate.change_name("7", "Augusta");
        house.calm([&mut office, &mut gate]).await;

        assert_same(&office, &gate);
        assert_eq!(office.person("7").expect("there").user.name, name.as_bytes(), "{enrolment:?}");
    }
}
