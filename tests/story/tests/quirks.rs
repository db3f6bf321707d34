//! Devices that depart from the book, and lines that lose things.

use std::time::Duration;

use fleet::view::sync_status::{Owed, OwedReason, OwedWait, OwedWork};
use simulator::quirks::{Form, Refusal};
use simulator::{Device, Faults, Model, Population, Quirks, Session};
use story::raw::Line;
use story::{House, assert_same, pin};
use wire::BioType;

const OF_ALL_KINDS: Population =
    Population { users: 10, fingerprints: 2, faces_percent: 100, palms_percent: 50, user_photos_percent: 50 };

fn enrol(people: &Population, device: &mut Device) {
    (0..people.users).for_each(|person| people.enrol(person, 5, device));
}

/// A device that holds people of all kinds already.
fn loaded(model: Model, serial_number: &str, people: &Population) -> Device {
    let mut elsewhere = Device::new(model.clone(), "ELSEWHERE");
    enrol(people, &mut elsewhere);
    Device::new(model, serial_number).with_content(&elsewhere.content())
}

/// Obligation 187.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_users_that_are_uploaded_once_more_cost_no_number_and_no_command() {
    let house = House::open().await;
    let people = Population { users: 5_000, fingerprints: 0, ..OF_ALL_KINDS };
    let people = Population { faces_percent: 0, palms_percent: 0, user_photos_percent: 0, ..people };
    let mut a = house.connect(loaded(Model::speedface(), "SIM0001", &people)).await;
    house.calm([&mut a]).await;
    let (head, commands, records) = (house.head().await, house.commands().await, a.tally().records);
    assert!(head >= 10_000, "a user and a membership each");

    let (id, now) = (house.device("SIM0001").await.id, house.now());
    house.operate(async |tx| fleet::reread::ask_for_everything(tx, id, now).await).await;
    house.calm([&mut a]).await;

    assert_eq!(a.tally().records - records, 5_000, "everything was uploaded once, and then no more");
    assert_eq!((house.head().await, house.commands().await), (head, commands));
}

/// Known fault 11: two devices that echo each other.
/// Obligation 187.
#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_echo_cut_names_and_hex_cards_do_not_keep_each_other_busy() {
    let house = House::open().await;
    let echoing = |serial_number| {
        let model = Model::old();
        let quirks = Quirks { echo_writes: true, renumber_valid: true, ..model.quirks.clone() };
        Device::new(model, serial_number).with_quirks(quirks)
    };
    let mut a = house.connect(echoing("SIM0001")).await;
    let mut b = house.connect(echoing("SIM0002")).await;
    let mut whole = house.connect(Device::new(Model::speedface(), "SIM0003")).await;
    house.calm([&mut a, &mut b, &mut whole]).await;

    for (number, name) in
        ["Ángel Hernández Muñoz de la Peña", "Maximiliane von Wittgenstein-Berleburg", "Zoë"]
            .into_iter()
            .enumerate()
    {
        let who = (7 + number).to_string();
        whole.enrol_user(&who, name);
        whole.change_card(&who, 4_402_017 + number as u64);
        whole.enrol_fingerprint(&who, 6);
    }
    b.enrol_user("20", "Jürgen Müller-Lüdenscheidt");
    b.change_card("20", 123_456_789);
    house.calm([&mut a, &mut b, &mut whole]).await;
    let (head, commands) = (house.head().await, house.commands().await);
    for _ in 0..30 {
        house.calm([&mut a, &mut b, &mut whole]).await;
    }

    assert_same(&a, &b);
    assert_same(&a, &whole);
    assert_eq!(a.users(), 4);
    let name = &whole.person("7").expect("he is here").user.name;
    assert_eq!(String::from_utf8_lossy(name), "Ángel Hernández Muñoz de la Peña", "no echo cut it");
    assert!(a.person("7").expect("he is here").user.name.len() <= 24);
    assert_eq!((house.head().await, house.commands().await), (head, commands));
    // Four users and three fingers on three devices, most of them twice while the fleet learns what the old ones keep.
    assert!(commands <= 2 * 7 * 3, "{commands} commands");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_with_every_habit_at_once_end_up_equal() {
    let house = House::open().await;
    let quirks = |model: &Model| Quirks {
        echo_writes: true,
        renumber_valid: true,
        drop_empty_fields: true,
        log_commands: true,
        strand_templates: true,
        aspx_paths: true,
        doubled_paths: true,
        absolute_targets: true,
        ..model.quirks.clone()
    };
    let mut sessions = Vec::new();
    for (number, model) in Model::all().into_iter().enumerate() {
        let device = Device::new(model.clone(), &format!("SIM{number}")).with_quirks(quirks(&model));
        let mut session = house.connect(device).await;
        for person in 0..4 {
            OF_ALL_KINDS.enrol(number * 4 + person, 9, &mut session);
        }
        sessions.push(session);
    }
    let [first, second, third, fourth, last] = &mut sessions[..] else { unreachable!("five models") };
    house.calm([first, second, third, fourth, last]).await;
    first.delete_user("1006");
    second.change_name("1001", "Somebody else");
    house.calm([first, second, third, fourth, last]).await;

    for device in &sessions {
        assert_eq!(device.users(), 19, "{}", device.serial());
        for other in &sessions {
            assert_same(device, other);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_which_everything_goes_wrong_now_and_then_ends_up_equal() {
    for seed in 1..=2 {
        let house = House::open().await;
        let unlucky = |model, serial_number| {
            let faults = Faults { restart: 20, ..Faults::all(200) };
            Device::new(model, serial_number).with_seed(seed).with_faults(faults)
        };
        let mut a = house.connect(unlucky(Model::speedface(), "SIM0001")).await;
        let mut b = house.connect(unlucky(Model::speedface(), "SIM0002")).await;
        let mut c = house.connect(unlucky(Model::iface950(), "SIM0003")).await;
        enrol(&OF_ALL_KINDS, &mut a);
        through_bad_times(&house, [&mut a, &mut b, &mut c]).await;
        a.delete_user("1004");
        a.change_name("1003", "Noa Brandt");
        b.enrol_user("2000", "One more");
        b.enrol_fingerprint("2000", 1);
        c.enrol_user("2001", "And another");
        through_bad_times(&house, [&mut a, &mut b, &mut c]).await;
        for session in [&mut a, &mut b, &mut c] {
            assert!(session.tally().failures() > 10, "something went wrong");
            *session.faults_mut() = Faults::default();
        }
        house.advance(Duration::from_hours(1));
        house.calm([&mut a, &mut b, &mut c]).await;

        assert_same(&a, &b);
        assert_same(&b, &c);
        assert_eq!((a.users(), b.users(), c.users()), (11, 11, 11), "seed {seed}");
        assert_eq!(c.person("1003").expect("she is here").user.name, b"Noa Brandt", "seed {seed}");
    }
}

/// Twenty minutes in which much goes wrong.
async fn through_bad_times(house: &House, mut sessions: [&mut Session; 3]) {
    for _ in 0..120 {
        for session in &mut sessions {
            // What fails is tried again with the next step.
            let _ = session.step().await;
        }
        house.advance(Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_at_any_time_loses_nothing_and_sends_nothing_for_ever() {
    let mut house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    enrol(&OF_ALL_KINDS, &mut a);
    for _ in 0..20 {
        let _ = a.step().await;
        house.restart().await;
        let _ = b.step().await;
        house.restart().await;
    }
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 10);
}

/// Known fault 22: a first fill beyond the room of the device.
///
/// Obligation 181.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_device_is_shown_and_goes_on_when_it_has_room() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut small =
        house.connect(Device::new(Model { user_capacity: 6, ..Model::speedface() }, "SIM0002")).await;
    enrol(&OF_ALL_KINDS, &mut a);
    house.calm([&mut a, &mut small]).await;

    assert_eq!(small.users(), 6);
    let status = house.status_of("SIM0002").await;
    assert!(!status.in_sync && status.parked >= 4, "{status:?}");
    let row = house.device("SIM0002").await;
    let mut tx = house.store.read().await.expect("a transaction");
    let owed = fleet::view::sync_status::owed(&mut tx, &row, house.now()).await.expect("what is owed");
    assert!(owed.iter().any(is_user_without_room), "{owed:?}");
    drop(tx);

    // What it holds goes on being kept up to date, without a try at what has no room.
    let sent = house.commands_to("SIM0002", 0).await.len();
    let held = small.content().people.keys().next().expect("somebody").to_string();
    a.change_name(&held, "Another name");
    house.calm([&mut a, &mut small]).await;
    assert_eq!(small.person(&held).expect("there").user.name, b"Another name");
    assert_eq!(house.commands_to("SIM0002", 0).await.len(), sent + 1);

    let gone: Vec<String> = small.content().people.keys().take(4).map(ToString::to_string).collect();
    for who in &gone {
        small.delete_user(who);
    }
    house.calm([&mut a, &mut small]).await;
    assert_eq!((a.users(), small.users()), (6, 6));
    assert_same(&a, &small);
    assert!(house.status_of("SIM0002").await.in_sync);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_room_for_faces_gets_everything_else() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::iface950(), "SIM0001")).await;
    let mut model = Model::iface950();
    let faces = model.algorithms.iter_mut().find(|one| one.bio_type == BioType::FACE).expect("faces");
    faces.capacity = 3;
    let mut small = house.connect(Device::new(model, "SIM0002")).await;
    enrol(&OF_ALL_KINDS, &mut a);
    house.calm([&mut a, &mut small]).await;

    assert_eq!((small.users(), small.count(BioType::FACE)), (10, 3));
    assert_eq!(small.count(BioType::FINGERPRINT), 20);
    assert_eq!(small.count(BioType::PALM), a.count(BioType::PALM));
    assert_eq!(house.status_of("SIM0002").await.parked, 7);
}

fn refusing(model: Model, serial_number: &str, form: Form, return_code: i32) -> Device {
    let quirks = Quirks { refuse: vec![Refusal { form, return_code }], ..model.quirks.clone() };
    Device::new(model, serial_number).with_quirks(quirks)
}

/// Obligation 179.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_refuses_palms_gets_everything_else_and_is_asked_once() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let picky = refusing(Model::speedface(), "SIM0002", Form::BioData(BioType::PALM), -12);
    let mut b = house.connect(picky).await;
    enrol(&OF_ALL_KINDS, &mut a);
    house.calm([&mut a, &mut b]).await;

    let palms = a.count(BioType::PALM);
    assert!(palms > 2);
    assert_eq!((b.users(), b.count(BioType::FINGERPRINT), b.count(BioType::VISIBLE_FACE)), (10, 20, 10));
    assert_eq!(b.count(BioType::PALM), 0);
    let status = house.status_of("SIM0002").await;
    assert_eq!((status.refused, status.due, status.open), (i64::try_from(palms).expect("few"), 0, 0));
    let commands = house.commands().await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(house.commands().await, commands, "a refusal is not asked again");

    // A new palm is newer content, and by now the device takes it.
    b.quirks_mut().refuse.clear();
    a.enrol_palm("1001", 1);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(b.count(BioType::PALM), 1);
}

/// Obligations 168, 183.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_know_a_form_gets_the_other_one_and_is_not_asked_again() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(refusing(Model::speedface(), "SIM0002", Form::Fingerprint, -1002)).await;
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    house.calm([&mut a, &mut b]).await;
    assert_same(&a, &b);
    let refused = b.tally().return_codes[&-1002];
    assert_eq!(refused, 1);

    a.enrol_fingerprint("7", 5);
    a.enrol_user("8", "Bob");
    a.enrol_fingerprint("8", 1);
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.tally().return_codes[&-1002], refused, "it is remembered");
    assert_eq!(b.count(BioType::FINGERPRINT), 3);

    let known = house.device("SIM0002").await.capability.describe(&|at| format!("{}", at.0 / 86_400_000));
    let fingers = "accepts fingerprints 10.x as BIODATA 1; \
                   FINGERTMP answered -1002 (the device does not support this) on 19794";
    assert!(known.iter().any(|sentence| sentence == fingers), "{known:#?}");
    assert!(known.iter().any(|sentence| sentence.contains("BIODATA 1 since 19794")), "{known:#?}");
}

/// Many templates are under way in one form when the first of them is refused: that speaks against this form alone.
///
/// Obligations 76, 168, 183.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_a_form_is_refused_goes_in_the_other_form_and_a_new_firmware_is_asked_again() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    a.enrol_user("7", "Ada");
    for finger in 0..8 {
        a.enrol_fingerprint("7", finger);
    }
    let mut b = house.connect(refusing(Model::speedface(), "SIM0002", Form::Fingerprint, -1002)).await;
    house.calm([&mut a, &mut b]).await;
    assert_same(&a, &b);
    let known = house.device("SIM0002").await.capability;
    assert!(known.refused(wire::Form::FingerTmp) && !known.refused(wire::Form::BioData(1)), "{known:?}");

    house.post("/iclock/cdata?SN=SIM0002&table=options", "FWVersion=Ver 99.1").await;
    assert!(!house.device("SIM0002").await.capability.refused(wire::Form::FingerTmp));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_of_which_only_the_operation_tells_is_asked_for() {
    told_by_the_operation_alone(Model::speedface()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_answers_no_queries_is_asked_for_everything_instead() {
    told_by_the_operation_alone(Model { check_code: 0, ..Model::k40() }).await;
}

/// A device whose edits are told by the operation log alone (field note 5.13).
fn of_few_words(serial_number: &str) -> Device {
    let quirks = Quirks { operations_only: true, ..Quirks::default() };
    Device::new(Model::speedface(), serial_number).with_quirks(quirks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_comes_by_itself_does_not_keep_the_rest_from_being_asked_for() {
    let house = House::open().await;
    let mut a = house.connect(of_few_words("SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    a.take_user_photo("7");
    house.calm([&mut a, &mut b]).await;

    assert_eq!((b.users(), b.count(BioType::FINGERPRINT)), (1, 1));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_edits_in_quick_succession_of_which_only_the_operations_tell_none_is_missed() {
    let house = House::open().await;
    let mut a = house.connect(of_few_words("SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a, &mut b]).await;
    // The answer to what was asked after one edit comes together with the log of the next one.
    for round in 1..=9 {
        for steps in 0..round {
            a.change_card("7", 1_000 + 10 * round + steps);
            house.advance(Duration::from_secs(2));
            a.step().await.expect("a step");
            a.change_name("7", &format!("Ada {round} {steps}"));
            house.advance(Duration::from_secs(2));
        }
        house.calm([&mut a, &mut b]).await;
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_of_which_only_the_operation_tells_is_asked_for_while_the_device_joins_too() {
    let house = House::open().await;
    let mut a = house.connect(of_few_words("SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    assert!(house.device("SIM0001").await.joining.is_some());
    a.enrol_user("7", "Ada");
    house.calm([&mut a, &mut b]).await;

    assert_eq!(b.users(), 1);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_too_busy_to_answer_a_query_is_asked_again() {
    let house = House::open().await;
    let mut a = house.connect(of_few_words("SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    a.faults_mut().busy = 1_000;
    a.enrol_user("7", "Ada");
    a.step().await.expect("a round");
    assert_eq!(a.tally().return_codes.get(&-1005), Some(&1), "the query was answered with busy");
    a.faults_mut().busy = 0;
    house.advance(Duration::from_hours(1));
    house.calm([&mut a, &mut b]).await;

    assert_eq!(b.users(), 1);
    assert_same(&a, &b);
}

async fn told_by_the_operation_alone(model: Model) {
    let house = House::open().await;
    let mut a = house.connect(Device::new(model.clone(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    // The device holds somebody new and does not upload her.
    let one = Population { users: 1, ..OF_ALL_KINDS };
    let content = loaded(model, "ELSEWHERE", &one).content();
    a.load(&content);

    let operation = format!("OPLOG 6\t0\t{}\t1001\t6\t1200\t0\n", a.local_time());
    let request = format!(
        "POST /iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=9999 HTTP/1.1\r\nHost: muster\r\nContent-Length: {}\r\n\r\n{operation}",
        operation.len()
    );
    let mut line = Line::to(house.address()).await;
    line.write(request.as_bytes()).await;
    assert_eq!(line.answer().await.text(), "OK:1");
    house.calm([&mut a, &mut b]).await;

    assert_eq!(b.users(), 1);
    assert_same(&a, &b);
    let person = |device: &Session| device.person(pin("1001").as_str()).expect("she is here").templates.len();
    assert_eq!(person(&b), person(&a));
}

/// A user that is parked because the device answered that it has no room.
fn is_user_without_room(owed: &Owed) -> bool {
    let full = OwedReason::Excepted { refused: None, wait: Some(OwedWait::Full(None)) };
    owed.why == full && matches!(&owed.what, OwedWork::Item(key) if key.slot.is_root())
}
