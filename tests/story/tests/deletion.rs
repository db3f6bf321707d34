//! Deletions: at devices, by operators, by mistake, and PINs that get a new owner.

use std::time::Duration;

use fleet::held::Resolution;
use fleet::user::UserEdit;
use listener::Admission;
use simulator::{Device, Model, Population, Session};
use store::HeldKind;
use story::{House, assert_same, pin};
use sync::intake::Deletion;

async fn with_policy(deletion: Deletion) -> House {
    House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.deletion = deletion;
    })
    .await
}

/// A visible-light terminal with people of all kinds, another one, and a fingerprint terminal.
async fn three_devices(house: &House, users: usize) -> (Session, Session, Session) {
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    let mut k40 = house.connect(Device::new(Model::k40(), "SIM0003")).await;
    let people = Population {
        users,
        fingerprints: 2,
        faces_percent: 100,
        palms_percent: 100,
        user_photos_percent: 100,
    };
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut a));
    house.calm([&mut a, &mut b, &mut k40]).await;
    assert_eq!((a.users(), b.users(), k40.users()), (users, users, users));
    (a, b, k40)
}

async fn undo(house: &House, who: &str) -> usize {
    let now = house.now();
    house.operate(async |tx| fleet::user::undo(tx, &pin(who), now).await).await
}

async fn delete(house: &House, who: &str) {
    let (now, until) = (house.now(), house.rules().undo_until(house.now()));
    let gone =
        house.operate(async |tx| fleet::user::delete(tx, &pin(who), None, now, Some(until)).await).await;
    assert!(gone > 0);
}

async fn resolve(house: &House, kind: HeldKind, resolution: Resolution) {
    let held = house.held().await;
    let [record] = held.as_slice() else { panic!("one record is held, not {}", held.len()) };
    assert_eq!((record.kind, record.resolved_at), (kind, None));
    let mut tx = house.store.write().await.expect("a transaction");
    fleet::held::resolve(&mut tx, record.id, resolution, house.rules(), house.now()).await.expect("resolved");
    tx.commit().await.expect("written");
    house.look().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_at_a_device_goes_everywhere_and_comes_back_by_undo_with_every_template() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 3).await;
    let before = (a.content(), b.content(), k40.content());

    a.delete_user("1002");
    house.calm([&mut a, &mut b, &mut k40]).await;
    for device in [&a, &b, &k40] {
        assert_eq!((device.users(), device.person("1002")), (2, None), "{}", device.serial());
    }

    assert_eq!(undo(&house, "1002").await, 1 + 1 + 4 + 2, "user, membership, templates, photos");
    house.calm([&mut a, &mut b, &mut k40]).await;

    let templates = |device: &Session| device.person("1002").expect("she is back").templates.clone();
    assert_eq!(templates(&a), before.0.people[&pin("1002")].templates);
    assert_eq!((b.content(), k40.content()), (before.1, before.2));
    assert_same(&a, &b);
    assert_eq!(undo(&house, "1002").await, 0, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_at_a_device_of_the_older_kind_goes_everywhere_too() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;

    k40.delete_user("1001");
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!((a.users(), b.users(), k40.users()), (1, 1, 1));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cannot_be_undone_after_its_time() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 1).await;
    a.delete_user("1001");
    house.calm([&mut a, &mut b, &mut k40]).await;

    house.advance(house.rules().undo);

    assert_eq!(undo(&house, "1001").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_restore_a_user_deleted_at_a_device_comes_back_on_it_alone() {
    let house = with_policy(Deletion::Restore).await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    let (head, sent) = (house.head().await, house.commands_to("SIM0002", 0).await.len());

    a.delete_user("1001");
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_same(&a, &b);
    assert_eq!((a.users(), house.head().await), (2, head));
    assert_eq!(house.commands_to("SIM0002", 0).await.len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_ask_a_deletion_waits_and_the_operator_says_that_it_was_meant() {
    let house = with_policy(Deletion::Ask).await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;

    a.delete_user("1001");
    house.calm([&mut a, &mut b, &mut k40]).await;
    assert_eq!((a.users(), b.users(), k40.users()), (1, 2, 2));
    house.advance(Duration::from_hours(2));
    house.calm([&mut a, &mut b, &mut k40]).await;
    assert_eq!(a.users(), 1, "nothing is done before the decision");

    resolve(&house, HeldKind::Deletion, Resolution::Device).await;
    house.calm([&mut a, &mut b, &mut k40]).await;
    assert_eq!((a.users(), b.users(), k40.users()), (1, 1, 1));
    assert!(undo(&house, "1001").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_ask_a_deletion_waits_and_the_operator_says_that_it_was_not_meant() {
    let house = with_policy(Deletion::Ask).await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    a.delete_user("1001");
    house.calm([&mut a, &mut b, &mut k40]).await;

    resolve(&house, HeldKind::Deletion, Resolution::Fleet).await;
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_same(&a, &b);
    assert_eq!((a.users(), b.users(), k40.users()), (2, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_operations_that_is_uploaded_again_deletes_nobody() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    a.delete_user("1001");
    a.upload_pending().await.expect("taken");
    let upload =
        a.exchanges().rev().find(|exchange| exchange.request.contains("OPERLOG")).expect("sent").clone();
    assert!(upload.posted.windows(9).any(|bytes| bytes == b"OPLOG 103"));
    house.calm([&mut a, &mut b, &mut k40]).await;
    undo(&house, "1001").await;
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!(post(&house, &upload.request, &upload.posted).await, "OK:1");
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!((a.users(), b.users(), k40.users()), (2, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_from_before_the_device_was_approved_deletes_nobody() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    let entry =
        |month: u32| format!("OPLOG 103\t1\t2022-{month:02}-12 09:21:42\t{}\t0\t0\t0\n", 1001 + month % 2);
    let history = (1..=12).map(entry).collect::<Vec<_>>().concat();

    let target = "POST /iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=9999";
    assert_eq!(post(&house, target, history.as_bytes()).await, "OK:12");
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!((a.users(), b.users(), k40.users()), (2, 2, 2));
}

/// A device that was cleared tells so, in several ways, with and without a person: nobody is deleted by it.
///
/// Obligation 125.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_tells_that_it_was_cleared_deletes_nobody() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    let (head, target) = (house.head().await, "POST /iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=9999");
    for code in [13, 22, 24, 38] {
        for operand in ["0", "1001"] {
            let entry = format!("OPLOG {code}\t1\t2027-03-12 09:21:{code}\t{operand}\t0\t0\t0\n");
            assert_eq!(post(&house, target, entry.as_bytes()).await, "OK:1");
        }
        house.calm([&mut a, &mut b, &mut k40]).await;
        assert_eq!((a.users(), b.users(), k40.users(), house.head().await), (2, 2, 2, head), "{code}");
    }
}

/// Posts once more what a device sent before.
async fn post(house: &House, request: &str, body: &[u8]) -> String {
    let mut line = story::raw::Line::to(house.address()).await;
    let head = format!("{request} HTTP/1.1\r\nHost: muster\r\nContent-Length: {}\r\n\r\n", body.len());
    line.write(&[head.as_bytes(), body].concat()).await;
    line.answer().await.text()
}

/// Known fault 20: a deletion waits for no device, and no device keeps it from the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_by_an_operator_goes_from_a_device_that_was_off() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 3).await;

    delete(&house, "1002").await;
    house.calm_online([&mut a, &mut k40]).await;
    assert_eq!((a.users(), b.users(), k40.users()), (2, 3, 2));
    // Somebody changes the deleted user at the device that has not heard of it.
    b.change_name("1002", "Somebody else");
    house.advance(Duration::from_hours(30 * 24));
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!((a.users(), b.users(), k40.users()), (2, 2, 2));
    assert_same(&a, &b);
}

/// Obligation 194.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_old_owner_stays_anywhere_when_a_pin_is_used_again() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    let mut off = house.connect(Device::new(Model::speedface(), "SIM0004")).await;
    house.calm([&mut a, &mut b, &mut k40, &mut off]).await;

    delete(&house, "1002").await;
    house.calm_online([&mut a, &mut k40]).await;
    let (now, new) = (house.now(), UserEdit { name: Some("The new one".into()), ..UserEdit::default() });
    house.operate(async |tx| fleet::user::set(tx, &pin("1002"), &new, now).await).await;
    house.calm_online([&mut a, &mut k40]).await;
    a.enrol_fingerprint("1002", 4);
    house.calm_online([&mut a, &mut k40]).await;
    // `b` and `off` still hold the old owner; one of them even uploads her again.
    b.change_card("1002", 4_402_017);
    house.calm([&mut a, &mut b, &mut k40, &mut off]).await;

    for device in [&a, &b, &k40, &off] {
        let person = device.person("1002").expect("she is everywhere");
        assert_eq!(person.user.name, b"The new one", "{}", device.serial());
        assert_eq!(person.user.card, 0, "{}", device.serial());
        let numbers: Vec<u8> = person.templates.keys().map(|key| key.number).collect();
        assert_eq!(numbers, [4], "{}", device.serial());
        assert_eq!((person.user_photo.is_some(), person.comparison_photos.len()), (false, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deletions_at_a_device_within_an_hour_wait_for_an_operator() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 30).await;

    for person in 1001..=1015 {
        a.delete_user(&person.to_string());
    }
    house.calm([&mut a, &mut b, &mut k40]).await;

    // 5 % of 30 would be one: ten are always allowed.
    assert_eq!((a.users(), b.users(), k40.users()), (15, 20, 20));
    let held = house.held().await;
    assert_eq!(held.iter().filter(|record| record.kind == HeldKind::Deletion).count(), 5);

    for record in held {
        let mut tx = house.store.write().await.expect("a transaction");
        fleet::held::resolve(&mut tx, record.id, Resolution::Fleet, house.rules(), house.now())
            .await
            .expect("resolved");
        tx.commit().await.expect("written");
        house.look().await;
    }
    house.calm([&mut a, &mut b, &mut k40]).await;
    assert_eq!((a.users(), b.users(), k40.users()), (20, 20, 20));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_deletes_and_a_device_reports_as_its_own_deletion_is_none() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    k40.quirks_mut().log_commands = true;

    delete(&house, "1001").await;
    house.calm([&mut a, &mut b, &mut k40]).await;
    undo(&house, "1001").await;
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!((a.users(), b.users(), k40.users()), (2, 2, 2));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_leaves_behind_of_a_deleted_user_is_not_there_for_the_next_owner() {
    let house = House::open().await;
    let (mut a, mut b, mut k40) = three_devices(&house, 2).await;
    b.quirks_mut().strand_templates = true;

    delete(&house, "1001").await;
    house.calm([&mut a, &mut b, &mut k40]).await;
    let (now, new) = (house.now(), UserEdit { name: Some("The new one".into()), ..UserEdit::default() });
    house.operate(async |tx| fleet::user::set(tx, &pin("1001"), &new, now).await).await;
    house.calm([&mut a, &mut b, &mut k40]).await;

    assert_eq!(b.person("1001").expect("there").templates.len(), 0);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_fleet_may_delete_one_of_twenty_within_an_hour() {
    let house = House::open().await;
    let mut k40 = house.connect(Device::new(Model::k40(), "SIM0001")).await;
    let mut other = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    let now = house.now();
    house
        .operate(async |tx| {
            for person in 1..=300 {
                fleet::user::set(tx, &pin(&person.to_string()), &UserEdit::default(), now).await?;
            }
            Ok(())
        })
        .await;
    house.calm([&mut k40, &mut other]).await;

    for person in 1..=20 {
        k40.delete_user(&person.to_string());
    }
    house.calm([&mut k40, &mut other]).await;
    assert_eq!((other.users(), house.held().await.len()), (285, 5));

    house.advance(Duration::from_hours(1));
    k40.delete_user("100");
    house.calm([&mut k40, &mut other]).await;
    assert_eq!((other.users(), house.held().await.len()), (284, 5), "the next hour");
}
