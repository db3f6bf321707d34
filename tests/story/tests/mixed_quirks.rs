//! Fleets in which every device departs from the book in its own way, as a seed draws it.

use std::collections::BTreeMap;
use std::time::Duration;

use fleet::user::{self, UserEdit};
use roster::UserFields;
use simulator::{Device, Model, Population, Quirks, Random, Session};
use story::{House, assert_same, pin};
use wire::Pin;

const DEVICES: usize = 6;

const OF_ALL_KINDS: Population =
    Population { users: 8, fingerprints: 2, faces_percent: 60, palms_percent: 50, user_photos_percent: 50 };

/// Whom the operator enters, with values that quirks would spoil.
const ENTERED: [(&str, &str, &str); 3] = [
    ("7", "Ángel Hernández Muñoz de la Peña", "123456789"),
    ("8", "Maximiliane von Wittgenstein-Berleburg", "4402017"),
    ("007", "Ωλυμπία Παπαδοπούλου-Γεωργίου", "16777216"),
];

const UNTIL: &str = "2027-12-31 23:59:59";

/// A house with a device of each model and one more, each with quirks of its own.
async fn fleet(seed: u64) -> (House, [Session; DEVICES]) {
    let house = House::open().await;
    let mut sessions = Vec::new();
    for (number, model) in Model::all().into_iter().chain([Model::speedface()]).enumerate() {
        let serial_number = format!("SIM{number}");
        let quirks = model.quirks.clone().with_random_changes(&mut Random::named(seed, &serial_number));
        let device = Device::new(model, &serial_number).with_seed(seed).with_quirks(quirks);
        sessions.push(house.connect(device).await);
    }
    (house, sessions.try_into().expect("six devices"))
}

/// The people of the fleet as it holds them.
async fn people(house: &House) -> BTreeMap<Pin, UserFields> {
    let mut tx = house.store.read().await.expect("a transaction");
    let pins = tx.user_pins("", 1_000).await.expect("the PINs");
    tx.users(&pins).await.expect("the people")
}

async fn enter(house: &House) {
    let now = house.now();
    for (who, name, card) in ENTERED {
        let edit = UserEdit {
            name: Some(name.to_owned()),
            card: Some(card.to_owned()),
            password: Some("4711".to_owned()),
            end: Some(UNTIL.to_owned()),
            ..UserEdit::default()
        };
        house.operate(async |tx| user::set(tx, &pin(who), &edit, now).await).await;
    }
}

/// Everybody who was entered is as the operator entered them.
fn assert_unspoilt(people: &BTreeMap<Pin, UserFields>, seed: u64) {
    for (who, name, card) in ENTERED {
        let fields = people.get(&pin(who)).expect("the fleet holds them");
        assert_eq!(fields.name, name, "seed {seed}: {who}");
        assert_eq!(fields.card.as_deref(), Some(card), "seed {seed}: {who}");
        assert_eq!(fields.end.as_deref(), Some(UNTIL), "seed {seed}: {who}");
        assert_eq!(fields.password, "4711", "seed {seed}: {who}");
    }
}

/// What was drawn for the devices, for the message of a story that fails.
fn drawn(sessions: &[Session]) -> String {
    let of = |session: &Session| {
        let mut quirks = session.quirks().clone();
        let mut usual = Quirks::default();
        let others = simulator::quirks::HABITS
            .iter()
            .filter(|habit| *habit.switch(&mut quirks) != *habit.switch(&mut usual));
        let names: Vec<&str> = others.map(|habit| habit.name).collect();
        format!("{} {} {:?} {names:?}", session.serial(), session.model().name, session.quirks().cut_names_at)
    };
    sessions.iter().map(of).collect::<Vec<_>>().join("\n")
}

async fn mixed(seed: u64) {
    let (house, mut sessions) = fleet(seed).await;
    eprintln!("seed {seed}:\n{}", drawn(&sessions));
    // Every device shows once how it writes cards: until then the server goes by its firmware.
    for (number, session) in sessions.iter_mut().enumerate() {
        let who = (100 + number).to_string();
        session.enrol_user(&who, "Somebody");
        session.change_card(&who, 1_000 + number as u64);
    }
    house.calm(sessions.each_mut()).await;
    enter(&house).await;
    for (number, session) in sessions.iter_mut().enumerate() {
        (0..2).for_each(|person| OF_ALL_KINDS.enrol(number * 2 + person, seed, session));
    }
    house.calm(sessions.each_mut()).await;
    assert_unspoilt(&people(&house).await, seed);
    assert_eq!(
        people(&house).await.len(),
        3 + DEVICES + DEVICES * 2,
        "seed {seed}: {:?}",
        people(&house).await.keys()
    );

    // At every device one field of somebody is changed, and with it the whole record is reported.
    for number in 0..DEVICES {
        let (who, _, _) = ENTERED[number % ENTERED.len()];
        let session = &mut sessions[number];
        assert!(session.person(who).is_some(), "{} has {who}", session.serial());
        session.change_privilege(who, 0);
        session.enrol_fingerprint(who, u8::try_from(number).expect("a finger"));
        house.calm(sessions.each_mut()).await;
    }
    assert_unspoilt(&people(&house).await, seed);
    sessions[1].change_card("7", 55_555);
    house.calm(sessions.each_mut()).await;
    sessions[4].change_card("7", 123_456_789);
    house.calm(sessions.each_mut()).await;
    sessions[0].delete_user("100");
    sessions[3].delete_user("103");
    house.calm(sessions.each_mut()).await;
    assert_unspoilt(&people(&house).await, seed);
    assert_eq!(
        people(&house).await.len(),
        3 + DEVICES - 2 + DEVICES * 2,
        "seed {seed}: {:?}",
        people(&house).await.keys()
    );

    // They all begin anew, and nothing follows from what they then upload.
    for session in &mut sessions {
        session.restart();
        session.require_handshake();
    }
    house.calm(sessions.each_mut()).await;
    house.advance(Duration::from_hours(2));
    house.calm(sessions.each_mut()).await;
    let before = (people(&house).await, house.head().await, house.commands().await);
    for session in &mut sessions {
        session.require_handshake();
    }
    house.calm(sessions.each_mut()).await;
    let after = (people(&house).await, house.head().await, house.commands().await);
    assert_eq!(before.0, after.0, "seed {seed}");
    assert_unspoilt(&after.0, seed);
    assert_eq!((before.1, before.2), (after.1, after.2), "seed {seed}: no end of numbers or commands");

    assert_eq!(after.0.len(), 3 + DEVICES - 2 + DEVICES * 2, "seed {seed}");
    assert!(house.held().await.is_empty(), "seed {seed}: {:?}", house.held().await);
    for session in &sessions {
        assert_eq!(session.users(), after.0.len(), "seed {seed}: {}", session.serial());
        for other in &sessions {
            assert_same(session, other);
        }
    }
}

/// Obligation 128.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_devices_with_different_quirks_ends_up_equal_and_none_spoils_what_it_holds() {
    for seed in [1, 2, 3] {
        Box::pin(mixed(seed)).await;
    }
}

/// `MUSTER_CHAOS=100 MUSTER_SEED=1000 cargo nextest run -p story --test mixed_quirks` looks for more.
#[tokio::test(flavor = "multi_thread")]
async fn other_quirks_put_together_end_well_too() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("MUSTER_SEED").unwrap_or(4);
    for seed in first..first + number("MUSTER_CHAOS").unwrap_or(1) {
        Box::pin(mixed(seed)).await;
    }
}
