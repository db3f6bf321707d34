//! What a device is told when it introduces itself: its own zone, its own pace, its own marks.

use std::time::Duration;

use jiff::tz::TimeZone;
use listener::{Admission, Attendance};
use store::DeviceOptions;
use story::House;
use wire::StampKey;

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
        config.devices.admission = Admission::Open;
        config.devices.fleet.time_zone = zone(name);
    })
    .await
}

/// Known fault 25: hours where the offset is whole, minutes where it is not.
///
/// Obligation 56.
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
///
/// Obligation 56.
#[tokio::test(flavor = "multi_thread")]
async fn the_offset_is_that_of_the_day() {
    let house = in_zone("Europe/Berlin").await;
    assert_eq!(told(&house, "TimeZone").await.as_deref(), Some("1"), "12 March");
    house.advance(Duration::from_hours(24 * 30));
    assert_eq!(told(&house, "TimeZone").await.as_deref(), Some("2"), "11 April");
}

/// Obligations 54, 58, 59.
#[tokio::test(flavor = "multi_thread")]
async fn the_pace_is_the_servers_unless_the_device_has_its_own() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.attendance = Attendance::Keep;
        config.devices.upload.realtime = false;
        config.devices.upload.trans_times = vec![(0, 0), (14, 5)];
        config.devices.upload.trans_interval_min = 20;
        config.devices.upload.delay_s = 30;
        config.devices.upload.error_delay_s = 90;
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
    // Whatever somebody wrote into the database, a device is told nothing that it does not take.
    set(&house, DeviceOptions { delay_s: Some(0), error_delay_s: Some(9_999), ..DeviceOptions::default() })
        .await;
    let told = everything(HANDSHAKE).await;
    assert!(told.contains("|2|300|"), "{told}");
    let other = everything(&HANDSHAKE.replace("A1", "B1")).await;
    assert!(other.starts_with("0|00:00;14:05|20|30|90|"), "{other}");
}

/// Known fault 24: a table is asked for again until it begins to come, and not once more.
///
/// Obligations 51, 52.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_asked_for_everything_until_it_begins_to_tell() {
    let house = House::open().await;
    for _ in 0..3 {
        assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("0"));
        assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("0"));
        assert_eq!(told(&house, "ATTLOGStamp").await.as_deref(), Some("None"), "this is not asked for");
    }
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=871", "USER PIN=7\tName=Ada").await;
    assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("871"));
    assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("0"), "of this nothing came yet");
    house.post("/iclock/cdata?SN=A1&table=BIODATA", "").await;
    assert_eq!(told(&house, "BIODATAStamp").await.as_deref(), Some("None"), "it has no mark of its own");
}

/// What a device uploads before it was told is what it would have uploaded anyway.
///
/// Obligations 51, 52.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_a_device_was_asked_for_everything_is_not_the_beginning_of_it() {
    let house = House::open().await;
    house.know("A1").await;
    let user = "USER PIN=7\tName=Ada\n";
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=871", user).await;
    let device = house.device("A1").await.id;
    let now = house.now();
    house
        .operate(async |tx| fleet::reread::ask_for(tx, device, &[StampKey::OperLog], "operator", now).await)
        .await;
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=872", user).await;

    assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("0"), "this came by itself");
    let check = house.get("/iclock/getrequest?SN=A1").await.text();
    assert!(check.contains(":CHECK"), "{check}");
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=1", user.repeat(30)).await;
    house.advance(Duration::from_mins(9));
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=2", user.repeat(12)).await;
    assert_eq!(told(&house, "OPERLOGStamp").await.as_deref(), Some("2"));
    let stamp = house.stamps("A1").await.remove("OPERLOG").expect("its mark");
    assert_eq!((stamp.records, stamp.begun_at, stamp.last_at), (42, Some(now), Some(house.now())));

    // Much later it is something new again.
    house.advance(Duration::from_mins(11));
    house.post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=3", user).await;
    assert_eq!(house.stamps("A1").await["OPERLOG"].records, 42);
}

/// Clients from before the versions know other names.
///
/// Obligations 48, 53, 103.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_version_is_told_its_marks_by_their_older_names_too() {
    let house = House::open().await;
    let old = "/iclock/cdata?SN=OLD1&options=all";
    assert_eq!(told_to(&house, old, "OpStamp").await.as_deref(), Some("0"), "it is new");
    house.post("/iclock/cdata?SN=OLD1&table=OPERLOG&OpStamp=12", "").await;
    assert_eq!(told_to(&house, old, "OpStamp").await.as_deref(), Some("12"));
    assert_eq!(told_to(&house, old, "OPERLOGStamp").await.as_deref(), Some("12"));
    assert_eq!(told_to(&house, old, "PhotoStamp").await.as_deref(), Some("None"));
    assert_eq!(told(&house, "OpStamp").await, None, "newer ones are not");
}

/// Obligations 45, 46, 47, 54, 55, 58, 60, 61, 62, 63, 64.
#[tokio::test(flavor = "multi_thread")]
async fn the_options_are_these_and_no_others() {
    let house = House::open().await;
    house.know("A1").await;
    for table in ["OPERLOG", "BIODATA"] {
        house.post(&format!("/iclock/cdata?SN=A1&table={table}&Stamp=9999"), "").await;
    }
    let answer = house.get(HANDSHAKE).await;
    let text = String::from_utf8(answer.body).expect("ASCII");
    let (options, asked) = text.split_once("PushOptions=").expect("it is asked for its parameters");
    assert_eq!(
        options,
        "GET OPTION FROM: A1\nATTLOGStamp=None\nOPERLOGStamp=9999\nATTPHOTOStamp=None\nBIODATAStamp=9999\n\
         IDCARDStamp=None\nERRORLOGStamp=None\nErrorDelay=60\nDelay=10\nTransInterval=1\n\
         TransFlag=TransData OpLog\tEnrollUser\tChgUser\tEnrollFP\tChgFP\tFACE\tUserPic\tBioPhoto\tWORKCODE\tFVEIN\n\
         TimeZone=0\nRealtime=1\nEncrypt=0\nServerVer=2.4.1\nPushProtVer=2.4.1\nPushOptionsFlag=1\n"
    );
    let (parameters, rest) = asked.split_once('\n').expect("a line");
    assert!(parameters.split(',').any(|name| name == "MultiBioVersion"), "{parameters}");
    assert_eq!(
        rest,
        "SupportPing=1\nMultiBioDataSupport=0:1:1:1:1:1:1:1:1:1\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1\n"
    );
    // A device that tells of one type more is told of as many.
    house.post("/iclock/cdata?SN=A1&table=options", "MultiBioDataSupport=0:1:0:0:0:0:0:0:0:1:1").await;
    let support = told(&house, "MultiBioDataSupport").await;
    assert_eq!(support.as_deref(), Some("0:1:1:1:1:1:1:1:1:1:1"));
    assert_eq!(told(&house, "MultiBioPhotoSupport").await.as_deref(), Some("0:0:0:0:0:0:0:0:0:1:0"));
}

/// Obligation 45.
#[tokio::test(flavor = "multi_thread")]
async fn a_serial_number_is_given_back_as_it_came() {
    let house = House::open().await;
    for serial_number in ["CKJF210560012", "ckjf210560012", "6364153500149"] {
        let answer = house.get(&format!("/iclock/cdata?SN={serial_number}&options=all")).await.text();
        assert!(answer.starts_with(&format!("GET OPTION FROM: {serial_number}\n")), "{answer}");
    }
}

/// Obligations 50, 69.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_of_itself_is_kept() {
    let house = House::open().await;
    house.get("/iclock/cdata?SN=A1&options=all&pushver=2.4.0&language=83&DeviceType=pid").await;
    let told = house.post("/iclock/cdata?SN=A1&table=options", "~DeviceName=X,FWVersion=Ver 1.2").await;
    assert_eq!(told.text(), "OK");
    let known = house.device("A1").await.capability;
    assert_eq!(known.push_version().map(ToString::to_string).as_deref(), Some("2.4.0"));
    assert_eq!((known.language(), known.device_type()), (Some(83), Some("pid")));
    assert_eq!((known.model(), known.firmware()), (Some("X"), Some("Ver 1.2")));
}

/// A cookie is nothing to know anybody by.
///
/// Obligations 42, 65.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_let_in_gets_no_options() {
    let house = House::approving().await;
    let refused = async |why: &str| {
        for cookie in ["", "Cookie: token=5f0c9a\r\n"] {
            let request = format!("GET {HANDSHAKE} HTTP/1.1\r\n{cookie}Connection: close\r\n\r\n");
            let answer = house.send(request.as_bytes()).await;
            assert_eq!((answer.status(), answer.text()), (401, format!("ERROR: {why}")));
        }
    };
    refused("device waits for approval").await;
    let (device, now) = (house.device("A1").await, house.now());
    house.operate(async |tx| fleet::device::retire(tx, &device, now).await).await;
    refused("device is not admitted").await;
}

/// Obligation 41.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_shows_another_key_than_before_is_refused_and_the_key_is_written_nowhere() {
    let house = House::open().await;
    let with = |key: &str| format!("{HANDSHAKE}&pushcommkey={key}");
    assert_eq!(house.get(HANDSHAKE).await.status(), 200, "it shows none yet");
    assert_eq!(house.get(&with("kqpvre0815")).await.status(), 200, "the first one counts");
    assert_eq!(house.get(&with("kqpvre0815")).await.status(), 200);
    let other = house.get(&with("zzzzzz0816")).await;
    assert_eq!((other.status(), other.text()), (401, "ERROR: device shows another key".into()));
    assert_eq!(house.get(HANDSHAKE).await.status(), 200, "nothing says that it must show it");
    let hex = |key: &str| key.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    for row in house.rows().await.into_values().flatten() {
        for key in ["kqpvre0815", "zzzzzz0816"] {
            assert!(!row.contains(key) && !row.contains(&hex(key)), "{row}");
        }
    }
    // Another device may have the same one.
    assert_eq!(house.get(&with("zzzzzz0816").replace("A1", "B1")).await.status(), 200);

    let device = house.device("A1").await.id;
    house.operate(async |tx| tx.forget_comm_key(device).await).await;
    assert_eq!(house.get(&with("zzzzzz0816")).await.status(), 200, "it was reset");
    assert_eq!(house.get(&with("kqpvre0815")).await.status(), 401);
}

/// Obligation 44.
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
