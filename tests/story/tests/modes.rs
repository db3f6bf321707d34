//! What devices are told about when to upload and poll, and up to where the server has everything.

use listener::{Admission, Attendance, UploadSchedule};
use simulator::{Device, Model, Session};
use store::DeviceOptions;
use story::House;

/// The lines of the option block that a device was told last.
fn told(session: &Session) -> Vec<String> {
    let handshake = session.exchanges().rev().find(|exchange| exchange.request.contains("options=all"));
    let body = &handshake.expect("a handshake").answer.body;
    String::from_utf8_lossy(body).lines().map(str::to_owned).collect()
}

fn option(session: &Session, name: &str) -> Option<String> {
    told(session).iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

fn options(session: &Session, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| option(session, name).unwrap_or_else(|| "(not told)".to_owned())).collect()
}

async fn set_options(house: &House, serial_number: &str, options: DeviceOptions) {
    let id = house.device(serial_number).await.id;
    house.operate(async |tx| tx.set_device_options(id, &options).await).await;
}

const WHEN: [&str; 6] = ["Realtime", "TransTimes", "TransInterval", "Delay", "ErrorDelay", "TimeZone"];

#[tokio::test(flavor = "multi_thread")]
async fn devices_upload_at_once_and_poll_every_ten_seconds_unless_told_otherwise() {
    let house = House::open().await;
    let a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;

    assert_eq!(options(&a, &WHEN), ["1", "(not told)", "1", "10", "60", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_schedule_is_told_to_every_device_and_a_device_may_have_its_own() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.fleet.time_zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone");
        config.devices.upload = UploadSchedule {
            realtime: false,
            trans_times: vec![(0, 0), (14, 5)],
            trans_interval_min: 0,
            delay_s: 30,
            error_delay_s: 120,
        };
    })
    .await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    let server = ["0", "00:00;14:05", "0", "30", "120", "1"];
    assert_eq!(
        (options(&a, &WHEN), options(&b, &WHEN)),
        (server.map(str::to_owned).to_vec(), server.map(str::to_owned).to_vec())
    );

    let own = DeviceOptions {
        time_zone: Some("Asia/Kolkata".into()),
        realtime: Some(true),
        trans_times: Some("06:30".into()),
        trans_interval_min: Some(5),
        delay_s: Some(3),
        error_delay_s: Some(45),
        ..DeviceOptions::default()
    };
    set_options(&house, "SIM0002", own).await;
    a.initialize().await.expect("told again");
    b.initialize().await.expect("told again");

    assert_eq!(options(&a, &WHEN), server);
    assert_eq!(options(&b, &WHEN), ["1", "06:30", "5", "3", "45", "330"], "a half hour is told in minutes");
    let understood = b.server_options().expect("it was told");
    assert_eq!((understood.delay_s, understood.error_delay_s, understood.real_time), (3, 45, true));
    assert_eq!(understood.time_zone_minutes, Some(330));
}

#[tokio::test(flavor = "multi_thread")]
async fn punches_are_asked_for_only_where_they_are_kept() {
    for (attendance, asked) in [(Attendance::Discard, false), (Attendance::Keep, true)] {
        let house = House::with(|config| {
            config.devices.admission = Admission::Open;
            config.devices.attendance = attendance;
        })
        .await;
        let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
        let flag = option(&a, "TransFlag").expect("told");
        assert!(flag.starts_with("TransData "), "{flag}");
        assert_eq!(flag.contains("AttLog"), asked, "{flag}");

        set_options(
            &house,
            "SIM0001",
            DeviceOptions { trans_flag_format: Some(1), ..DeviceOptions::default() },
        )
        .await;
        a.initialize().await.expect("told again");
        let flag = option(&a, "TransFlag").expect("told");
        assert!(flag.bytes().all(|digit| digit == b'0' || digit == b'1'), "{flag}");
        assert_eq!(flag.starts_with('1'), asked, "{flag}");
    }
}

const STAMPS: [&str; 2] = ["OPERLOGStamp", "BIODATAStamp"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_asked_for_once_and_then_the_devices_own_stamps_are_given_back() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    assert_eq!(options(&a, &STAMPS), ["0", "0"], "a device that joins tells everything");
    a.enrol_user("7", "Ada");
    a.enrol_palm("7", 1);
    house.calm([&mut a]).await;

    a.initialize().await.expect("told again");

    assert_eq!(options(&a, &STAMPS), ["9999", "9999"]);
    assert_eq!(a.pending(), 0, "and nothing is uploaded again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_the_first_generation_gets_its_stamp_under_the_older_name() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::old(), "SIM0001")).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a]).await;
    let upload =
        a.exchanges().rev().find(|exchange| exchange.request.contains("table=OPERLOG")).expect("sent");
    let stamp = upload.request.rsplit("Stamp=").next().expect("a stamp").to_owned();

    a.initialize().await.expect("told again");

    assert_eq!(option(&a, "OpStamp"), Some(stamp));
    assert_eq!(a.pending(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_asked_to_tell_everything_again_does_so_once() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    for who in ["7", "8", "9"] {
        a.enrol_user(who, "Somebody");
        a.enrol_fingerprint(who, 6);
        a.enrol_palm(who, 1);
    }
    house.calm([&mut a, &mut b]).await;
    let now = house.now();
    for (session, records) in [(&mut a, 3 + 3 + 15), (&mut b, 3 + 3)] {
        let before = session.tally().records;
        let id = house.device(session.serial()).await.id;
        house.operate(async |tx| fleet::reread::ask_for_everything(tx, id, now).await).await;
        // The older one does not know the command: its next start brings it.
        session.require_handshake();
        house.calm_online([&mut *session]).await;
        assert_eq!(session.tally().records - before, records, "{}", session.serial());
        for _ in 0..3 {
            session.require_handshake();
            house.calm_online([&mut *session]).await;
        }
        assert_eq!(session.tally().records - before, records, "{}", session.serial());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_read_whose_first_answer_is_lost_goes_on() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    let people = simulator::Population {
        users: 150,
        fingerprints: 1,
        faces_percent: 0,
        palms_percent: 0,
        user_photos_percent: 0,
    };
    let mut elsewhere = Device::new(Model::speedface(), "ELSEWHERE");
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut elsewhere));
    a.load(&elsewhere.content());
    let (id, now) = (house.device("SIM0001").await.id, house.now());
    house.operate(async |tx| fleet::reread::ask_for_everything(tx, id, now).await).await;

    a.faults_mut().lose_upload_answers = 700;
    for _ in 0..60 {
        let _ = a.step().await;
    }
    a.faults_mut().lose_upload_answers = 0;
    house.calm([&mut a, &mut b]).await;

    assert_eq!((b.users(), b.content().templates()), (150, 150));
}
