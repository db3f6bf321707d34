//! Devices that say to have taken what they do not keep.

use fleet::view::sync_status::{OwedReason, Refused};
use std::time::Duration;

use simulator::quirks::{Form, Refusal};
use simulator::{Device, Model, Queries, Session};
use story::{House, assert_same};
use wire::BioType;

/// Waits until a device had time to upload what it was asked for, twice over.
async fn wait_for_it(house: &House, a: &mut Session, b: &mut Session) {
    for _ in 0..8 {
        house.calm([&mut *a, &mut *b]).await;
        house.advance(Duration::from_secs(61));
    }
    house.calm([a, b]).await;
}

async fn all_read_back() -> House {
    House::with(|config| {
        config.devices.admission = listener::Admission::Open;
        config.devices.read_back_percent = 100;
    })
    .await
}

async fn queries(house: &House, serial_number: &str) -> usize {
    let row = house.device(serial_number).await;
    let mut tx = house.store.read().await.expect("a transaction");
    let orders = tx.orders(Some(row.id), 100).await.expect("orders");
    orders.iter().filter(|order| order.ordered_by == "read-back").count()
}

/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_was_taken_and_not_kept_is_sent_again() {
    let house = all_read_back().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    b.quirks_mut().ignore.push(Form::Fingerprint);
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((b.users(), b.count(BioType::FINGERPRINT)), (1, 0), "it said 0 and kept nothing");

    b.quirks_mut().ignore.clear();
    wait_for_it(&house, &mut a, &mut b).await;

    assert_same(&a, &b);
    let head = house.head().await;
    let asked = queries(&house, "SIM0002").await;
    assert!(asked >= 2, "once in vain, and once more: {asked}");
    wait_for_it(&house, &mut a, &mut b).await;
    assert_eq!((house.head().await, queries(&house, "SIM0002").await), (head, asked), "that was all");
    assert!(house.status_of("SIM0002").await.in_sync);
}

/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_shows_the_old_template_did_not_keep_the_new_one() {
    let house = all_read_back().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    wait_for_it(&house, &mut a, &mut b).await;
    assert_same(&a, &b);
    b.quirks_mut().ignore.push(Form::Fingerprint);
    a.enrol_fingerprint("7", 6);
    let new = a.person("7").expect("she is here").templates.clone();
    let missed = async || house.device("SIM0002").await.read_back.is_some_and(|it| it.misses == 1);
    for _ in 0..20 {
        if missed().await {
            break;
        }
        for device in [&mut a, &mut b] {
            device.step().await.expect("a step");
        }
        house.advance(Duration::from_secs(10));
    }
    assert!(missed().await, "it was asked, and showed the old one");

    b.quirks_mut().ignore.clear();
    wait_for_it(&house, &mut a, &mut b).await;

    assert_same(&a, &b);
    assert_eq!(a.person("7").expect("she is here").templates, new, "the fleet did not go back");
}

/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_never_keeps_is_not_sent_for_ever_and_shows() {
    let house = all_read_back().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    b.quirks_mut().ignore.push(Form::Fingerprint);
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    wait_for_it(&house, &mut a, &mut b).await;

    let status = house.status_of("SIM0002").await;
    assert_eq!((status.refused, status.open, status.due), (1, 0, 0), "{status:?}");
    let row = house.device("SIM0002").await;
    let mut tx = house.store.read().await.expect("a transaction");
    let owed = fleet::view::sync_status::owed(&mut tx, &row, house.now()).await.expect("what is owed");
    assert!(
        owed.iter()
            .any(|owed| { owed.why == OwedReason::Excepted { refused: Some(Refused::NotKept), wait: None } }),
        "{owed:?}"
    );
    drop(tx);
    let commands = house.commands_to("SIM0002", 0).await.len();
    wait_for_it(&house, &mut a, &mut b).await;
    assert_eq!(house.commands_to("SIM0002", 0).await.len(), commands);

    // Newer content is tried again.
    b.quirks_mut().ignore.clear();
    a.enrol_fingerprint("7", 6);
    wait_for_it(&house, &mut a, &mut b).await;
    assert_same(&a, &b);
}

/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_answers_no_queries_is_asked_once_and_left_alone() {
    let house = all_read_back().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mute = Model { queries: Queries::NotUnderstood, ..Model::speedface() };
    let mut b = house.connect(Device::new(mute, "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    let records = b.tally().records;
    a.enrol_user("7", "Ada");
    for finger in 0..6 {
        a.enrol_fingerprint("7", finger);
        wait_for_it(&house, &mut a, &mut b).await;
    }

    assert_same(&a, &b);
    assert_eq!(queries(&house, "SIM0002").await, 1);
    assert_eq!(b.tally().records, records, "nor is it asked for everything because of that");
}

/// What is refused is not asked for.
///
/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn of_each_form_the_first_template_that_a_firmware_takes_is_read_back_whatever_the_sample() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    let refusal = Refusal { form: Form::BioData(BioType::PALM), return_code: -12 };
    let mut c = house.connect(Device::new(Model::speedface(), "SIM0003")).await;
    c.quirks_mut().refuse.push(refusal);
    house.calm([&mut a, &mut b, &mut c]).await;
    a.enrol_user("7", "Ada");
    a.enrol_palm("7", 1);
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_eq!((queries(&house, "SIM0002").await, queries(&house, "SIM0003").await), (1, 0));
    assert_same(&a, &b);
}

async fn steps(devices: impl IntoIterator<Item = &mut Session>) {
    for device in devices {
        device.step().await.expect("a step");
    }
}

/// A change that a large fleet takes within seconds is not followed by as many questions in the same seconds.
///
/// Obligation 185.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_takes_its_first_template_is_asked_for_it_one_device_after_the_other() {
    let house = all_read_back().await;
    let serials: Vec<String> = (1..=30).map(|number| format!("SIM{number:04}")).collect();
    let mut a = house.connect(Device::new(Model::speedface(), &serials[0])).await;
    let mut others = Vec::new();
    for serial in &serials[1..] {
        others.push(house.connect(Device::new(Model::speedface(), serial)).await);
    }
    // Long enough to be taken in.
    for _ in 0..10 {
        steps(&mut others).await;
        steps([&mut a]).await;
        house.advance(Duration::from_secs(10));
    }
    let asked = async || {
        let mut asked = 0;
        for serial in &serials {
            asked += queries(&house, serial).await;
        }
        asked
    };
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    steps([&mut a]).await;
    for _ in 0..3 {
        steps(&mut others).await;
    }
    for other in &others {
        assert_same(&a, other);
    }
    assert_eq!(asked().await, 21, "that is enough for now");

    house.advance(Duration::from_secs(10));
    for _ in 0..3 {
        steps(&mut others).await;
        steps([&mut a]).await;
    }
    assert_eq!(asked().await, 30);
    for serial in &serials {
        assert_eq!(house.device(serial).await.read_back, None, "{serial} showed what it holds");
    }
}
