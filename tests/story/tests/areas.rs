//! Areas: who is on which device.

use std::collections::BTreeSet;

use fleet::user::UserEdit;
use roster::Area;
use simulator::{Device, Model, Session};
use story::{House, pin};

async fn area(house: &House, name: &str) -> Area {
    house.operate(async |tx| tx.create_area(name).await).await
}

async fn move_device(house: &House, serial_number: &str, areas: &[Area]) {
    let (device, now) = (house.device(serial_number).await, house.now());
    let areas: BTreeSet<Area> = areas.iter().copied().collect();
    house.operate(async |tx| fleet::device::set_areas(tx, &device, &areas, now).await).await;
}

async fn set_user(house: &House, who: &str, edit: UserEdit) {
    let now = house.now();
    assert!(house.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, now).await).await);
}

async fn move_user(house: &House, who: &str, areas: &[Area]) {
    set_user(house, who, UserEdit { areas: Some(areas.to_vec()), ..UserEdit::default() }).await;
}

fn pins(session: &Session) -> Vec<String> {
    session.content().people.keys().map(ToString::to_string).collect()
}

/// A device at the gate, one in the office, and one that is in both areas. Ada is at the gate, Bob in the office, Cleo
/// in both; everybody has a finger.
async fn gate_and_office(house: &House) -> ([Session; 3], [Area; 2]) {
    let (gate, office) = (area(house, "Gate").await, area(house, "Office").await);
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    let mut c = house.connect(Device::new(Model::iface950(), "SIM0003")).await;
    house.calm([&mut a, &mut b, &mut c]).await;
    move_device(house, "SIM0001", &[gate]).await;
    move_device(house, "SIM0002", &[office]).await;
    move_device(house, "SIM0003", &[gate, office]).await;
    a.enrol_user("1", "Ada");
    a.enrol_fingerprint("1", 6);
    b.enrol_user("2", "Bob");
    b.enrol_fingerprint("2", 6);
    a.enrol_user("3", "Cleo");
    a.enrol_fingerprint("3", 6);
    house.calm([&mut a, &mut b, &mut c]).await;
    move_user(house, "3", &[gate, office]).await;
    house.calm([&mut a, &mut b, &mut c]).await;
    ([a, b, c], [gate, office])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_enrolled_at_a_device_belongs_to_its_area() {
    let house = House::open().await;
    let ([a, b, c], _) = gate_and_office(&house).await;

    assert_eq!(pins(&a), ["1", "3"]);
    assert_eq!(pins(&b), ["2", "3"]);
    assert_eq!(pins(&c), ["1", "2", "3"]);
    for device in [&a, &b, &c] {
        assert_eq!(device.content().templates(), device.users(), "{}", device.serial());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_moves_leaves_the_devices_of_the_old_area_and_comes_to_those_of_the_new_one() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], [_, office]) = gate_and_office(&house).await;
    let sent = house.commands_to("SIM0003", 0).await.len();

    move_user(&house, "1", &[office]).await;
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_eq!((pins(&a), pins(&b)), (vec!["3".to_owned()], vec!["1".to_owned(), "2".into(), "3".into()]));
    assert_eq!(b.person("1").expect("there").templates.len(), 1);
    assert_eq!(pins(&c), ["1", "2", "3"]);
    let sent = house.commands_to("SIM0003", sent).await;
    assert!(sent.iter().all(|command| command.verb == sync::Verb::Update), "she never left: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_in_no_area_is_on_no_device_and_comes_back_with_everything() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], [gate, _]) = gate_and_office(&house).await;

    move_user(&house, "1", &[]).await;
    house.calm([&mut a, &mut b, &mut c]).await;
    assert_eq!((pins(&a), pins(&c)), (vec!["3".to_owned()], vec!["2".to_owned(), "3".into()]));

    move_user(&house, "1", &[gate]).await;
    house.calm([&mut a, &mut b, &mut c]).await;
    assert_eq!(a.person("1").expect("there").templates.len(), 1);
    assert_eq!((pins(&b), c.users()), (vec!["2".to_owned(), "3".into()], 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_moves_loses_the_people_of_its_old_area_and_gets_those_of_the_new_one() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], [gate, office]) = gate_and_office(&house).await;

    move_device(&house, "SIM0001", &[office]).await;
    move_device(&house, "SIM0003", &[gate]).await;
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_eq!(pins(&a), ["2", "3"]);
    assert_eq!(a.content().templates(), 2);
    assert_eq!(pins(&b), ["2", "3"]);
    assert_eq!(pins(&c), ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_off_while_it_moved_ends_up_with_the_people_of_where_it_is() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], [gate, office]) = gate_and_office(&house).await;

    move_device(&house, "SIM0001", &[office]).await;
    b.change_name("2", "Bob the second");
    set_user(&house, "4", UserEdit { areas: Some(vec![gate]), ..UserEdit::default() }).await;
    house.calm_online([&mut b, &mut c]).await;
    move_device(&house, "SIM0001", &[gate]).await;
    move_user(&house, "3", &[office]).await;
    move_device(&house, "SIM0001", &[office]).await;
    // Somebody enrols at the device before it hears that it moved: she belongs to where it is.
    a.enrol_user("5", "Eva");
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_eq!(pins(&a), ["2", "3", "5"]);
    assert_eq!(pins(&b), ["2", "3", "5"]);
    assert_eq!(pins(&c), ["1", "2", "3", "4", "5"]);
    assert_eq!(a.person("2").expect("there").user.name, b"Bob the second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_device_is_filled_with_the_people_of_its_area_only() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], _) = gate_and_office(&house).await;

    a.clear_data();
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_eq!(pins(&a), ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_deleted_elsewhere_or_never_was_here_is_not_missed_by_the_counts() {
    let house = House::open().await;
    let ([mut a, mut b, mut c], _) = gate_and_office(&house).await;
    let commands = house.commands().await;

    for _ in 0..5 {
        house.advance(std::time::Duration::from_hours(1));
        for session in [&mut a, &mut b, &mut c] {
            session.require_handshake();
        }
        house.calm([&mut a, &mut b, &mut c]).await;
    }

    assert_eq!(house.commands().await, commands);
}

/// Known fault 22: a first fill beyond hundreds of people.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_filled_past_hundreds_of_people_who_are_none_of_its_business() {
    let house = House::approving().await;
    let (gate, office) = (area(&house, "Gate").await, area(&house, "Office").await);
    let now = house.now();
    // 700 people of the gate, before and after the two of the office.
    for hundred in 0..7 {
        house
            .operate(async |tx| {
                for number in 0..100 {
                    let who = pin(&(10_000 + hundred * 100 + number).to_string());
                    let edit = UserEdit { areas: Some(vec![gate]), ..UserEdit::default() };
                    fleet::user::set(tx, &who, &edit, now).await?;
                }
                Ok(())
            })
            .await;
    }
    set_user(&house, "10500", UserEdit { areas: Some(vec![gate, office]), ..UserEdit::default() }).await;
    set_user(&house, "99999", UserEdit { areas: Some(vec![office]), ..UserEdit::default() }).await;

    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let device = house.device("SIM0001").await;
    house.operate(async |tx| fleet::device::approve(tx, &device, sync::Joining::Adopt, now).await).await;
    move_device(&house, "SIM0001", &[office]).await;
    // Half of the feed comes after the approval.
    for hundred in 0..6 {
        house
            .operate(async |tx| {
                for number in 0..100 {
                    let who = pin(&(20_000 + hundred * 100 + number).to_string());
                    let edit = UserEdit { areas: Some(vec![gate]), ..UserEdit::default() };
                    fleet::user::set(tx, &who, &edit, now).await?;
                }
                Ok(())
            })
            .await;
    }
    house.calm([&mut a]).await;

    assert_eq!(pins(&a), ["10500", "99999"]);
    assert_eq!(house.commands_to("SIM0001", 0).await.len(), 2);
}
