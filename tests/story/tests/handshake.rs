//! What a device is told when it introduces itself: its own zone, its own pace, its own marks.

use std::time::Duration;

use jiff::tz::TimeZone;
use server::config::{Admission, Attendance};
use store::DeviceOptions;
use story::House;

const HANDSHAKE: &str = "/iclock/cdata?SN=A1&options=all&pushver=2.4.1&language=69";

/// The value of an option, in a handshake of its own.
async fn told(house: &House, option: &str) -> Option<String> {
    told_to(house, HANDSHAKE, option).await
}

async fn told_to(house: &House, handshake: &str, option: &str) -> Option<String> {
    let options = house.get(handshake).await.text();
    let value = |line: &str| Some(line.strip_prefix(option)?.strip_prefix('=')?.to_owned());
    options.lines().find_map(value)
}

async fn set(house: &House, options: DeviceOptions) {
    let device = house.device("A1").await.id;
    house.operate(async |tx| tx.set_device_options(device, &options).await).await;
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

async fn in_zone(name: &str) -> House {
    House::with(|config| {
        config.admission = Admission::Open;
        config.time_zone = zone(name);
    })
    .await
}

/// Known fault 25: hours where the offset is whole, minutes where it is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_told_the_offset_of_its_own_site() {
    for (name, offset) in [
        ("UTC", "0"),
        ("Africa/Addis_Ababa", "3"),
        ("America/Bogota", "-5"),
        ("Asia/Kolkata", "330"),
        ("Asia/Kathmandu", "345"),
        ("America/St_Johns", "-150"),
        ("Pacific/Auckland", "780"),
    ] {
        let house = in_zone(name).await;
        assert_eq!(told(&house, "TimeZone").await.as_deref(), Some(offset), "{name}");
    }
    let house = in_zone("Africa/Addis_Ababa").await;
    house.get(HANDSHAKE).await;
    set(&house, DeviceOptions { time_zone: Some("America/Bogota".into()), ..DeviceOptions::default() }).await;
    assert_eq!(told(&house, "TimeZone").await.as_deref(), Some("-5"), "this one stands elsewhere");
    let other = HANDSHAKE.replace("A1", "B1");
    assert_eq!(told_to(&house, &other, "TimeZone").await.as_deref(), Some("3"));
}

/// Known fault 25, in the night in which clocks change.
#[tokio::test(flavor = "multi_thread")]
async fn the_offset_is_that_of_the_day() {
    let house = in_zone("Europe/Berlin").await;
    assert_eq!(told(&house, "TimeZone").await.as_deref(), Some("1"), "12 March");
    house.advance(Duration::from_hours(24 * 30));
    assert_eq!(told(&house, "TimeZone").await.as_deref(), Some("2"), "11 April");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pace_is_the_servers_unless_the_device_has_its_own() {
    let house = House::with(|config| {
        config.admission = Admission::Open;
        config.attendance = Attendance::Keep;
        config.upload.realtime = false;
        config.upload.trans_times = vec![(0, 0), (14, 5)];
        config.upload.trans_interval_min = 20;
        config.upload.delay_s = 30;
        config.upload.error_delay_s = 90;
    })
    .await;
    let everything = async |handshake: &str| {
        let options = house.get(handshake).await.text();
        let names = ["Realtime", "TransTimes", "TransInterval", "Delay", "ErrorDelay", "TransFlag"];
        let told = names.map(|name| {
            let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned());
            options.lines().find_map(value).unwrap_or_default()
        });
        told.join("|")
    };
    let words = "TransData AttLog\tOpLog\tEnrollUser\tChgUser\tEnrollFP\tChgFP\tFACE\tUserPic\tBioPhoto\tWORKCODE\tFVEIN";
    assert_eq!(everything(HANDSHAKE).await, format!("0|00:00;14:05|20|30|90|{words}"));
    let own = DeviceOptions {
        realtime: Some(true),
        trans_times: Some("06:30".into()),
        trans_interval_min: Some(0),
        trans_flag_format: Some(1),
        delay_s: Some(2),
        error_delay_s: Some(300),
        ..DeviceOptions::default()
    };
    set(&house, own).await;
    let told = everything(HANDSHAKE).await;
    let (pace, flags) = told.rsplit_once('|').expect("two parts");
    assert_eq!(pace, "1|06:30|0|2|300");
    assert!(flags.len() >= 10 && flags.bytes().all(|digit| matches!(digit, b'0' | b'1')), "{flags}");
    let other = everything(&HANDSHAKE.replace("A1", "B1")).await;
    assert!(other.starts_with("0|00:00;14:05|20|30|90|"), "{other}");
}

/// Known fault 24: a table is asked for again until it begins to come, and not once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_asked_for_everything_until_it_begins_to_tell() {
    let house = House::open().await;
    for _ in 0..3 {
        assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("0"));
        assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("0"));
    }
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=871", "USER PIN=7\tName=Ada").await;
    assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("871"));
    assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("0"), "of this nothing came yet");
    house.post("/iclock/cdata?SN=A1&table=BIODATA", "").await;
    assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("None"), "it has no mark of its own");
}

/// Clients from before the versions know other names.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_version_is_told_its_marks_by_their_older_names_too() {
    let house = House::open().await;
    let old = "/iclock/cdata?SN=OLD1&options=all";
    house.post("/iclock/cdata?SN=OLD1&table=OPERLOG&OpStamp=12", "").await;
    assert_eq!(told_to(&house, old, "OpStamp").await.as_deref(), Some("12"));
    assert_eq!(told_to(&house, old, "OPERLOGStamp").await.as_deref(), Some("12"));
    assert_eq!(told_to(&house, old, "PhotoStamp").await.as_deref(), Some("None"));
    assert_eq!(told(&house, "OpStamp").await, None, "newer ones are not");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_introduction_may_be_repeated_and_changes_nothing() {
    let house = House::open().await;
    let first = house.get(HANDSHAKE).await;
    let mut before = house.rows().await;
    before.remove("device_session");
    for _ in 0..3 {
        let again = house.get(HANDSHAKE).await;
        assert_eq!(again.text(), first.text());
        let mut after = house.rows().await;
        after.remove("device_session");
        assert_eq!(after, before);
    }
}
