//! What is defined once for the whole fleet: time zones, holidays, groups, unlock combinations, messages, work codes.

use std::collections::BTreeSet;

use fleet::definition::{self, DefinitionRefusal, Deleted, Outcome, Reference};
use fleet::user::UserEdit;
use roster::{Area, Definition, DefinitionKind, DefinitionName};
use simulator::{Device, Model, Session};
use story::{House, pin};
use sync::Joining;

fn name(kind: DefinitionKind, text: &str) -> DefinitionName {
    DefinitionName::read(kind, text).expect("a name")
}

async fn define(
    house: &House,
    name: &DefinitionName,
    fields: &[(&str, &str)],
    areas: Option<&[Area]>,
) -> Outcome {
    try_define(house, name, fields, areas).await.expect("what it refers to is defined")
}

async fn try_define(
    house: &House,
    name: &DefinitionName,
    fields: &[(&str, &str)],
    areas: Option<&[Area]>,
) -> Result<Outcome, DefinitionRefusal> {
    let fields: Vec<(&str, String)> = fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let (definition, now) = (Definition::new(name, &fields).expect("a definition"), house.now());
    house.operate(async |tx| definition::set(tx, name, &definition, areas, now).await).await
}

async fn delete(house: &House, name: &DefinitionName) -> Deleted {
    let now = house.now();
    house.operate(async |tx| definition::delete(tx, name, now).await).await
}

async fn work_code(house: &House, code: &str, text: &str) -> Outcome {
    define(house, &name(DefinitionKind::WorkCode, code), &[("PIN", "1"), ("NAME", text)], None).await
}

/// Time zone 2, and group 2 in it.
async fn zone_and_group(house: &House) {
    let zone = name(DefinitionKind::TimeZone, "2");
    assert_eq!(define(house, &zone, &[("MonStart", "0800"), ("MonEnd", "1800")], None).await, Outcome::Made);
    let group = name(DefinitionKind::Group, "2");
    assert_eq!(define(house, &group, &[("TZ", "2;0;0")], None).await, Outcome::Made);
}

async fn put_into_group(house: &House, who: &str) {
    let edit = UserEdit { name: Some("Ada".into()), group: Some(2), ..UserEdit::default() };
    let now = house.now();
    house.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, now).await).await;
}

fn zone_of(session: &Session, number: &str) -> Option<String> {
    let fields = session.definitions().get("AccTimeZone", number)?;
    let hours =
        |key: &str| fields.split(' ').find_map(|field| field.strip_prefix(key)).unwrap_or("?").to_owned();
    Some(format!("{}-{}", hours("MonStart="), hours("MonEnd=")))
}

/// What a device was told, in order, from a number of its commands on.
async fn told(house: &House, serial_number: &str, after: usize) -> Vec<String> {
    house.commands_to(serial_number, after).await.iter().map(|command| command.key.to_string()).collect()
}

async fn two(house: &House) -> [Session; 2] {
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    [a, b]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_defined_is_on_every_device_with_its_next_poll_and_changes_there() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;

    assert_eq!(work_code(&house, "101", "Assembly").await, Outcome::Made);
    a.step().await.expect("a poll");
    assert_eq!(a.definitions().get("WORKCODE", "101"), Some("PIN=1 NAME=Assembly"));
    house.calm([&mut a, &mut b]).await;
    assert_eq!(work_code(&house, "101", "Final assembly").await, Outcome::Changed);
    assert_eq!(work_code(&house, "101", "Final assembly").await, Outcome::Unchanged);
    assert_eq!(work_code(&house, "102", "Shipping").await, Outcome::Made);
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        assert_eq!(session.definitions().get("WORKCODE", "101"), Some("PIN=1 NAME=Final assembly"));
        // Each has a place of its own in the list.
        assert_eq!(session.definitions().get("WORKCODE", "102"), Some("PIN=2 NAME=Shipping"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_goes_from_every_device_and_stays_gone() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    work_code(&house, "101", "Assembly").await;
    let message = name(DefinitionKind::Message, "1");
    let fields = [("MSG", "Stocktaking"), ("MIN", "60"), ("StartTime", "2027-03-12 08:00:00")];
    define(&house, &message, &fields, None).await;
    house.calm([&mut a, &mut b]).await;
    assert!(b.definitions().get("SMS", "1").is_some());

    assert_eq!(delete(&house, &name(DefinitionKind::WorkCode, "101")).await, Deleted::Done);
    assert_eq!(delete(&house, &message).await, Deleted::Done);
    assert_eq!(delete(&house, &message).await, Deleted::Unknown);
    house.calm([&mut a, &mut b]).await;
    a.clear_data();
    b.require_handshake();
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        assert_eq!(session.definitions().keys("WORKCODE"), [""; 0]);
        assert_eq!(session.definitions().keys("SMS"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_zone_that_is_used_stays_and_one_that_is_not_any_more_opens_nothing() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    zone_and_group(&house).await;
    put_into_group(&house, "7").await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(zone_of(&a, "2").as_deref(), Some("0800-1800"));

    let (zone, group) = (name(DefinitionKind::TimeZone, "2"), name(DefinitionKind::Group, "2"));
    assert_eq!(delete(&house, &zone).await, Deleted::InUse(vec![Reference::Definition(group.clone())]));
    assert_eq!(delete(&house, &group).await, Deleted::InUse(vec![Reference::Users(1)]));
    let now = house.now();
    house.operate(async |tx| fleet::user::delete(tx, &pin("7"), None, now, None).await).await;
    assert_eq!(delete(&house, &group).await, Deleted::Done);
    assert_eq!(delete(&house, &zone).await, Deleted::Done);
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        // It ends before it begins: closed.
        assert_eq!(zone_of(session, "2").as_deref(), Some("2357-2356"));
        let group = session.definitions().get("AccGroup", "2").expect("there is no deletion of groups");
        assert!(group.ends_with(";0;0;0") || group.ends_with("=0;0;0"), "{group}");
    }
    let refused = try_define(&house, &group, &[("TZ", "2;0;0")], None).await;
    assert_eq!(refused, Err(DefinitionRefusal::Undefined { name: group, missing: vec![zone] }));
}

/// Obligation 160.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_zones_of_a_group_are_written_as_the_version_of_the_device_wants_them() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    zone_and_group(&house).await;
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        let capability = house.device(session.serial()).await.capability;
        let newer = capability.push_version().is_some_and(|version| *version >= wire::Version::V2_4_2);
        let group = session.definitions().get("AccGroup", "2").expect("it is there").to_owned();
        assert!(
            group.ends_with(if newer { "TZ=2;0;0" } else { "TZ=1;2;0;0" }),
            "{}: {group}",
            session.serial()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_emptied_gets_the_time_zones_and_groups_before_the_people_who_need_them() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    put_into_group(&house, "7").await;
    zone_and_group(&house).await;
    work_code(&house, "101", "Assembly").await;
    house.calm([&mut a, &mut b]).await;
    let before = house.commands_to("SIM0001", 0).await.len();

    a.clear_data();
    house.calm([&mut a, &mut b]).await;

    assert_eq!(zone_of(&a, "2").as_deref(), Some("0800-1800"));
    assert_eq!(a.definitions().keys("WORKCODE"), ["101"]);
    assert_eq!(
        told(&house, "SIM0001", before).await,
        ["time zone 2", "group 2", "work code 101", "user of 7"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_filled_with_what_is_defined_and_with_the_people() {
    let house = House::open().await;
    zone_and_group(&house).await;
    put_into_group(&house, "7").await;
    // More than one page of the fill.
    for code in 101..160 {
        work_code(&house, &code.to_string(), "Work").await;
    }

    let mut c = house.connect(Device::new(Model::iface950(), "SIM0003")).await;
    house.calm([&mut c]).await;

    assert_eq!(c.definitions().keys("WORKCODE").len(), 59);
    assert_eq!((zone_of(&c, "2").as_deref(), c.users()), (Some("0800-1800"), 1));
    let told = told(&house, "SIM0003", 0).await;
    assert_eq!(
        (told.len(), told[0].as_str(), told.last().map(String::as_str)),
        (62, "time zone 2", Some("user of 7"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_defined_for_an_area_is_on_the_devices_of_that_area_only() {
    let house = House::open().await;
    let gate = house.operate(async |tx| tx.create_area("Gate").await).await;
    let [mut a, mut b] = two(&house).await;
    let code = name(DefinitionKind::WorkCode, "101");
    define(&house, &code, &[("PIN", "1"), ("NAME", "Assembly")], Some(&[gate])).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(a.definitions().keys("WORKCODE"), [""; 0]);

    let (device, now) = (house.device("SIM0001").await, house.now());
    let areas = |areas: &[Area]| areas.iter().copied().collect::<BTreeSet<Area>>();
    house
        .operate(async |tx| fleet::device::set_areas(tx, &device, &areas(&[Area::EVERYONE, gate]), now).await)
        .await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(a.definitions().keys("WORKCODE"), ["101"]);

    house
        .operate(async |tx| fleet::device::set_areas(tx, &device, &areas(&[Area::EVERYONE]), now).await)
        .await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(a.definitions().keys("WORKCODE"), [""; 0]);
    define(&house, &code, &[("PIN", "1"), ("NAME", "Assembly")], Some(&[Area::EVERYONE])).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(
        (a.definitions().keys("WORKCODE"), b.definitions().keys("WORKCODE")),
        (vec!["101"], vec!["101"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_know_a_table_is_not_asked_again_until_its_firmware_changes() {
    for code in [-1002, -1004] {
        let house = House::open().await;
        let mut device = Device::new(Model::speedface(), "SIM0001");
        device.quirks_mut().refuse_tables = vec![("WORKCODE", code)];
        let mut a = house.connect(device).await;
        house.calm([&mut a]).await;

        for number in 101..104 {
            work_code(&house, &number.to_string(), "Work").await;
        }
        house.calm([&mut a]).await;
        let commands = house.commands().await;
        work_code(&house, "104", "Work").await;
        a.clear_data();
        house.calm([&mut a]).await;
        assert_eq!(house.commands().await, commands, "{code}");

        a.quirks_mut().refuse_tables.clear();
        let parameters = format!("FWVersion=Ver 9.9.{}", code.abs());
        house.post("/iclock/cdata?SN=SIM0001&table=options", parameters.as_bytes()).await;
        house.calm([&mut a]).await;
        assert_eq!(a.definitions().keys("WORKCODE").len(), 4, "{code}");
    }
}

/// Obligation 137.
#[tokio::test(flavor = "multi_thread")]
async fn a_work_code_that_is_typed_in_at_a_device_is_on_all_devices() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    work_code(&house, "101", "Assembly").await;
    house.calm([&mut a, &mut b]).await;

    a.define_work_code("200", "Painting");
    b.define_work_code("101", "Final assembly");
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        assert_eq!(session.definitions().get("WORKCODE", "101"), Some("PIN=1 NAME=Final assembly"));
        assert_eq!(session.definitions().get("WORKCODE", "200"), Some("PIN=2 NAME=Painting"));
    }
    assert_eq!(house.held().await.len(), 0);
}

/// Both uploads have been looked at before either is written.
#[tokio::test(flavor = "multi_thread")]
async fn work_codes_that_come_from_two_devices_at_once_have_places_of_their_own() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    house.calm([&mut a, &mut b]).await;
    let one = ("SIM0001", "WORKCODE PIN=1\tCODE=300\tNAME=Painting\n");
    let other = ("SIM0002", "WORKCODE PIN=1\tCODE=301\tNAME=Welding\n");
    assert_eq!(house.upload_concurrently(one, other).await, ["OK:1", "OK:1"]);

    let mut tx = house.store.read().await.expect("a transaction");
    let codes = tx.definitions(DefinitionKind::WorkCode).await.expect("the work codes");
    let mut places: Vec<String> = codes.iter().map(|code| code.definition.value("PIN").to_owned()).collect();
    places.sort();
    assert_eq!(places, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_missed_a_deletion_does_not_bring_a_work_code_back() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    work_code(&house, "101", "Assembly").await;
    house.calm([&mut a, &mut b]).await;
    delete(&house, &name(DefinitionKind::WorkCode, "101")).await;

    let line = b"WORKCODE PIN=1\tCODE=101\tNAME=Assembly\n";
    house.post("/iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=9999", line).await;
    house.calm([&mut a, &mut b]).await;

    for session in [&a, &b] {
        assert_eq!(session.definitions().keys("WORKCODE"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_codes_of_a_device_count_only_once_it_is_approved() {
    let house = House::approving().await;
    let line = b"WORKCODE PIN=1\tCODE=300\tNAME=Smuggling\nWORKCODE PIN=2\tCODE=!6101\tNAME=x\n";
    let upload = "/iclock/cdata?SN=SIM0009&table=WORKCODE&Stamp=1";
    let mut c = house.connect(Device::new(Model::speedface(), "SIM0009")).await;
    house.post(upload, line).await;
    assert_eq!(house.head().await, 0);

    let (device, now) = (house.device("SIM0009").await, house.now());
    house.operate(async |tx| fleet::device::approve(tx, &device, Joining::Replace, now).await).await;
    house.post(upload, line).await;
    house.calm([&mut c]).await;
    let mut tx = house.store.read().await.expect("a transaction");
    assert_eq!(tx.definitions(DefinitionKind::WorkCode).await.expect("them").len(), 0);
    tx.rollback().await.expect("the end");

    // The fleet is right, so the device is told that there is no such code; and the key that is none is held.
    let told: BTreeSet<String> = told(&house, "SIM0009", 0).await.into_iter().collect();
    assert_eq!(told, ["work code 300".to_owned()].into());
    let held = house.held().await;
    assert!(held.len() == 1 && held[0].reason.contains("CODE is not 1 to 20 letters and digits"), "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_message_comes_after_its_user_and_goes_with_its_deletion() {
    let house = House::open().await;
    let [mut a, mut b] = two(&house).await;
    let message = name(DefinitionKind::Message, "2");
    let fields =
        [("MSG", "See the front desk"), ("MIN", "60"), ("StartTime", "2027-03-12 08:00:00"), ("TAG", "254")];
    define(&house, &message, &fields, None).await;
    let now = house.now();
    let edit = UserEdit { name: Some("Ada".into()), ..UserEdit::default() };
    house.operate(async |tx| fleet::user::set(tx, &pin("7"), &edit, now).await).await;
    let given = house.operate(async |tx| definition::assign(tx, 2, &[pin("7"), pin("7")], now).await).await;
    assert_eq!(given, 1);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(a.definitions().assigned("2"), ["7"]);

    a.clear_data();
    house.calm([&mut a, &mut b]).await;
    assert_eq!(a.definitions().assigned("2"), ["7"]);

    delete(&house, &message).await;
    house.calm([&mut a, &mut b]).await;
    for session in [&a, &b] {
        assert_eq!(
            (session.definitions().keys("SMS"), session.definitions().assigned("2")),
            (vec![], vec![])
        );
        assert_eq!(session.users(), 1);
    }
}
