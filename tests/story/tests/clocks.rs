//! The time of devices: what they set their clocks by, wherever they stand, and how it is seen that they go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil::DateTime};
use listener::Admission;
use store::DeviceOptions;
use story::House;
use wire::OptionBlock;

const HANDSHAKE: &str = "/iclock/cdata?SN=A1&options=all&pushver=2.4.1&language=69";
const DAY: Duration = Duration::from_hours(24);

/// What a device shows as the time after a handshake: `Date`, shifted by `TimeZone` (field note 3.5).
async fn shown(house: &House) -> DateTime {
    let answer = house.get(HANDSHAKE).await;
    let zone = OptionBlock::read(&answer.body).expect("an option block").time_zone;
    let shifted = answer.date().as_second() + i64::from(zone.offset_minutes()) * 60;
    Timestamp::from_second(shifted).expect("a time").to_zoned(TimeZone::UTC).datetime()
}

/// Seconds by which that is ahead of the time of a place.
async fn wrong_by(house: &House, zone: &TimeZone) -> i64 {
    let now = Timestamp::from_millisecond(house.now().0).expect("a time");
    let right = now.to_zoned(zone.clone()).datetime();
    right.duration_until(shown(house).await).as_secs()
}

async fn put_into(house: &House, zone: &str) {
    let device = house.device("A1").await.id;
    let options = DeviceOptions { time_zone: Some(zone.to_owned()), ..DeviceOptions::default() };
    house.operate(async |tx| tx.set_device_options(device, &options).await).await;
}

async fn in_zone(zone: TimeZone) -> House {
    House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.fleet.time_zone = zone;
    })
    .await
}

/// One zone for each offset that is in force somewhere on the earth.
fn one_zone_for_each_offset(at: Timestamp) -> BTreeMap<i32, String> {
    jiff::tz::db()
        .available()
        .filter_map(|name| {
            let zone = TimeZone::get(name.as_str()).ok()?;
            Some((zone.to_offset(at).seconds(), name.as_str().to_owned()))
        })
        .collect()
}

/// Known fault 25. In winter and in summer, so that daylight saving is in force on either half of the earth.
///
/// Obligations 5, 56.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_shows_the_right_time_wherever_it_stands() {
    let house = House::open().await;
    house.get(HANDSHAKE).await;
    for _ in 0..2 {
        let zones = one_zone_for_each_offset(Timestamp::from_millisecond(house.now().0).expect("a time"));
        assert!(zones.len() > 30 && zones.contains_key(&(14 * 3600)), "{zones:?}");
        for zone in zones.values() {
            put_into(&house, zone).await;
            let ahead = wrong_by(&house, &TimeZone::get(zone).expect("a zone")).await;
            assert!(ahead.abs() <= 1, "{zone}: {ahead} s ahead");
        }
        house.advance(DAY * 120);
    }
}

/// Offsets that are in force nowhere today, and those that the protocol cannot tell: the device is off by half an hour at
/// most.
///
/// Obligations 5, 56.
#[tokio::test(flavor = "multi_thread")]
async fn the_outermost_and_the_inexpressible_offsets_are_told_as_well_as_can_be() {
    for (minutes, most) in
        [(-690, 1), (-720, 1), (840, 1), (-60, 1), (61, 1), (-44 * 15, 1), (45, 900), (-30, 1_800)]
    {
        let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).expect("an offset"));
        let house = in_zone(zone.clone()).await;
        let ahead = wrong_by(&house, &zone).await;
        assert!(ahead.abs() <= most, "{minutes} min: {ahead} s ahead");
    }
}

const CHECKS: &str = "SELECT CAST(COUNT(*) AS CHAR(20)) FROM operator_command WHERE verb = 'CHECK'";

/// Waits until a query gives a value; the server looks at the zones when it starts.
async fn until(house: &House, sql: &str, value: &str) {
    for _ in 0..300 {
        if house.value(sql).await == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{sql}: {}, not {value}", house.value(sql).await);
}

const ASKED: &str = "SELECT COALESCE(CAST(asked_offset_min AS CHAR(20)), 'nothing') FROM device";

/// Obligation 57.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_asked_to_come_once_when_daylight_saving_begins_or_ends() {
    let mut house = in_zone(TimeZone::get("Europe/Berlin").expect("a zone")).await;
    house.know("A1").await;
    assert_eq!(house.value(CHECKS).await, "1", "as it was taken in");
    house.restart().await;
    until(&house, ASKED, "nothing").await;

    // Spring: asked once, however often a server looks.
    house.advance(DAY * 30);
    for _ in 0..3 {
        house.restart().await;
        until(&house, ASKED, "120").await;
        until(&house, CHECKS, "2").await;
    }
    let check = house.get("/iclock/getrequest?SN=A1").await.text();
    assert!(check.ends_with(":CHECK\n"), "{check}");
    assert_eq!(wrong_by(&house, &house.rules().time_zone.clone()).await, 0);
    assert_eq!(house.value(ASKED).await, "nothing", "it came");

    // Autumn, and spring again, with a device that is off in between: it need not come for what is over.
    house.advance(DAY * 220);
    house.restart().await;
    until(&house, ASKED, "60").await;
    house.advance(DAY * 160);
    house.restart().await;
    until(&house, ASKED, "nothing").await;
    let ordered_now = format!("{CHECKS} AND ordered_at >= {}", house.now().0);
    assert_eq!(house.value(&ordered_now).await, "0");
}

/// Not the whole fleet in the night in which clocks are changed.
///
/// Obligation 195.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_devices_at_a_time_are_asked_to_come() {
    let mut house = in_zone(TimeZone::get("Europe/Berlin").expect("a zone")).await;
    house
        .operate(async |tx| {
            for number in 0..130 {
                let serial_number = format!("Z{number:03}").parse().expect("a serial number");
                let device = tx.create_device(&serial_number, house.now()).await?;
                tx.approve_device(device.id, sync::Joining::Adopt, house.now()).await?;
                tx.tell_offset(device.id, 60).await?;
            }
            Ok(())
        })
        .await;
    house.advance(DAY * 30);
    for asked in ["100", "130", "130"] {
        house.restart().await;
        until(&house, CHECKS, asked).await;
    }
}

/// Somebody puts a device elsewhere by SQL: it is followed like daylight saving.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_put_elsewhere_is_asked_to_come() {
    let mut house = House::open().await;
    house.know("A1").await;
    put_into(&house, "Asia/Kathmandu").await;
    house.restart().await;
    until(&house, ASKED, "345").await;
    assert_eq!(shown(&house).await.to_string(), "2024-03-12T11:45:00");
}

/// A device that is connected tells what its clock shows when something happens at it.
#[tokio::test(flavor = "multi_thread")]
async fn how_wrong_a_clock_is_shows_in_what_happens_at_the_device() {
    let mut house = in_zone(TimeZone::get("Asia/Kolkata").expect("a zone")).await;
    house.know("A1").await;
    let ahead = async |house: &House| house.status_of("A1").await.clock_ahead_s;
    let operation = |time: &str| format!("OPLOG 4\t0\t{time}\t0\t0\t0\t0\n");
    // It was asked for everything: what comes is its history, not its present.
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=1", operation("2023-01-01 10:00:00")).await;
    house.advance(Duration::from_mins(20));
    assert_eq!(ahead(&house).await, None);

    // Connected, and told a second ago: it is 11:50 at its place.
    house.get("/iclock/getrequest?SN=A1").await;
    house.restart().await;
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=2", operation("2024-03-12 11:47:00")).await;
    assert_eq!(ahead(&house).await, Some(-180), "three minutes behind");
    house.post("/iclock/cdata?SN=A1&table=ATTLOG&Stamp=2", "7\t2024-03-12 12:50:00\t0\t1\n").await;
    assert_eq!(ahead(&house).await, Some(3_600), "an hour ahead");

    // Many at once waited for something, and so did what comes first after a pause.
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=3", operation("2024-03-12 09:00:00").repeat(6)).await;
    house.advance(Duration::from_mins(5));
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=4", operation("2024-03-12 09:00:01")).await;
    assert_eq!(ahead(&house).await, Some(3_600));
}
