//! Commands that operators order: they go out once and alone where they must, and every answer is taken for what it is.

use std::time::Duration;

use fleet::command::QueuedCommand;
use fleet::offered_file::Offer;
use listener::{Admission, Attendance};
use simulator::{Device, Model, Session, Somebody};
use store::QueuedCommandRow;
use story::raw::{Line, get};
use story::records::user;
use story::{House, assert_same, pin};
use sync::operator::State;
use wire::{
    BioType, Command, DataQuery, Enroll, Entry, FingerKey, Form, Import, PutFile, RecordTable,
    TableRecordKey, Upgrade, UpgradeMethod,
};

/// A server that takes every device in, and whose operators may reach into their systems.
async fn house() -> House {
    House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.fleet.system_commands = true;
    })
    .await
}

async fn order(house: &House, serial_number: &str, command: Command<'static>) -> i64 {
    let (device, now) = (house.device(serial_number).await.id, house.now());
    house.operate(async |tx| QueuedCommand(command.clone()).queue(tx, device, "ada", now).await).await
}

async fn row(house: &House, serial_number: &str, number: i64) -> QueuedCommandRow {
    let device = house.device(serial_number).await.id;
    let mut tx = house.store.read().await.expect("a transaction");
    tx.queued_command(device, number).await.expect("read").expect("it was ordered")
}

async fn state(house: &House, serial_number: &str, number: i64) -> State {
    row(house, serial_number, number).await.command.state
}

async fn content(house: &House, serial_number: &str, number: i64) -> Option<Vec<u8>> {
    let device = house.device(serial_number).await.id;
    let mut tx = house.store.read().await.expect("a transaction");
    tx.queued_command_content(device, number).await.expect("it opens")
}

/// A device that only this story speaks for, filled and quiet.
async fn quiet_device(house: &House, serial_number: &str) {
    house.know(serial_number).await;
    house.advance(Duration::from_secs(31));
    assert_eq!(poll(house, serial_number).await, "OK");
}

async fn poll(house: &House, serial_number: &str) -> String {
    house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text()
}

/// Polls for the one command that waits: its id, and its text.
async fn fetch(house: &House, serial_number: &str) -> (String, String) {
    let reply = poll(house, serial_number).await;
    let line = reply.strip_suffix('\n').expect("one line");
    assert!(!line.contains('\n'), "{reply}");
    let (id, text) = line.strip_prefix("C:").and_then(|line| line.split_once(':')).expect("a command");
    (id.to_owned(), text.to_owned())
}

async fn answer(house: &House, serial_number: &str, body: impl AsRef<[u8]>) {
    let answer = house.post(&format!("/iclock/devicecmd?SN={serial_number}"), body).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "OK"));
}

const DONE: State = State::Answered { return_code: 0, done: true };

async fn speedface(house: &House, serial_number: &str) -> Session {
    let mut session = house.connect(Device::new(Model::speedface(), serial_number)).await;
    house.calm([&mut session]).await;
    session
}

fn entry(table: RecordTable, pairs: &[(&str, &str)]) -> Command<'static> {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Command::Put(Entry::new(table, &pairs, None).expect("a record"))
}

fn sms(uid: &str) -> Command<'static> {
    let start = ("StartTime", "2027-03-12 12:30:00");
    entry(RecordTable::Sms, &[("MSG", "Lunch"), ("UID", uid), ("MIN", "60"), start])
}

fn period() -> (wire::LocalTime, wire::LocalTime) {
    let time = |text: &str| text.parse().expect("a time");
    (time("2027-03-01 00:00:00"), time("2027-03-31 23:59:59"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_does_what_is_ordered_and_its_answer_is_kept() {
    let house = house().await;
    let mut a = speedface(&house, "A1").await;
    a.controls_mut().punches.extend(["2027-03-02 08:00:00".into(), "2027-04-02 08:00:00".into()]);
    a.controls_mut().files.insert("/mnt/options.cfg".into(), b"DeviceID=1\nOK".to_vec());
    let (from, to) = period();
    let commands = [
        Command::Check,
        Command::Log,
        Command::Info,
        Command::ReloadOptions,
        Command::Unlock,
        Command::Unalarm,
        Command::SetOption { key: "VOLUME".into(), value: "60".into() },
        sms("3"),
        sms("4"),
        Command::Remove(TableRecordKey::new(RecordTable::Sms, "3").expect("a key")),
        Command::VerifySum { from, to },
        Command::GetFile { path: "/mnt/options.cfg".into() },
        Command::Shell { command: "echo hello".into() },
        Command::ClearLog,
        Command::ClearPhoto,
    ];
    let mut numbers = Vec::new();
    for command in &commands {
        numbers.push(order(&house, "A1", command.clone()).await);
    }
    house.calm([&mut a]).await;

    for (number, command) in numbers.iter().zip(&commands) {
        let row = row(&house, "A1", *number).await;
        let State::Answered { done, .. } = row.command.state else { panic!("{command:?}: {row:?}") };
        assert!(done, "{command:?}: {row:?}");
    }
    let controls = a.controls();
    assert_eq!(controls.door_opened, 1);
    assert_eq!(controls.options.get("VOLUME").map(String::as_str), Some("60"));
    let message = a.definitions().get("SMS", "4");
    assert_eq!(message, Some("MSG=Lunch TAG=253 MIN=60 StartTime=2027-03-12 12:30:00"));
    assert_eq!(a.definitions().get("SMS", "3"), None);
    assert_eq!(controls.shell, ["echo hello"]);
    let sum = row(&house, "A1", numbers[10]).await;
    assert!(sum.reply.is_some_and(|reply| reply.ends_with("AttlogSum=1")));
    let file = content(&house, "A1", numbers[11]).await;
    assert_eq!(file.as_deref(), Some(&b"DeviceID=1\nOK"[..]));
    assert_eq!(content(&house, "A1", numbers[12]).await.as_deref(), Some(&b"hello\n"[..]));
    let told = content(&house, "A1", numbers[2]).await.expect("parameters");
    assert!(String::from_utf8_lossy(&told).contains("~DeviceName="));
}

/// Obligations 77, 78, 86.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_ordered_goes_out_in_that_order() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    for command in [Command::Log, Command::Info, sms("1"), Command::ReloadOptions] {
        order(&house, "B1", command).await;
    }
    let reply = poll(&house, "B1").await;
    let texts: Vec<&str> = reply.lines().filter_map(|line| line.splitn(3, ':').nth(2)).collect();
    assert_eq!((texts[0], texts[1], texts[3]), ("LOG", "INFO", "RELOAD OPTIONS"));
    assert!(texts[2].starts_with("DATA UPDATE SMS "));
    assert_eq!(poll(&house, "B1").await, "OK", "not again while the answers are awaited");
}

/// Obligations 89, 90.
#[tokio::test(flavor = "multi_thread")]
async fn a_door_is_opened_once_and_not_when_a_device_comes_back_later() {
    let house = house().await;
    let mut a = speedface(&house, "A1").await;
    a.faults_mut().lose_acknowledgements = 1_000;
    let number = order(&house, "A1", Command::Unlock).await;
    for _ in 0..20 {
        a.step().await.expect("a poll");
        house.advance(Duration::from_mins(1));
    }
    assert_eq!((a.controls().door_opened, state(&house, "A1", number).await), (1, State::Unanswered));

    let late = order(&house, "A1", Command::Unlock).await;
    house.advance(Duration::from_mins(1));
    a.step().await.expect("a poll");
    assert_eq!(a.controls().door_opened, 1);
    let late = row(&house, "A1", late).await;
    assert!(late.cancelled && late.reply.is_some_and(|reply| reply.contains("in time")));
}

/// Obligation 88.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_cleared_is_filled_again() {
    let house = house().await;
    let mut a = speedface(&house, "A1").await;
    let mut b = speedface(&house, "B1").await;
    for name in ["7", "8"] {
        a.enrol_user(name, "Ada");
        a.enrol_fingerprint(name, 6);
        a.enrol_face(name);
    }
    house.calm([&mut a, &mut b]).await;
    for command in [Command::ClearData, Command::ClearUsers, Command::ClearBioData] {
        a.enrol_user("9", "Bea");
        let clear = order(&house, "B1", command.clone()).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(state(&house, "B1", clear).await, DONE);
        assert_same(&a, &b);
        assert_eq!(b.users(), 3);
        a.delete_user("9");
        house.calm([&mut a, &mut b]).await;
    }
    let alone =
        b.exchanges().filter(|exchange| String::from_utf8_lossy(&exchange.answer.body).contains("CLEAR"));
    for exchange in alone {
        assert_eq!(exchange.answer.body.split(|byte| *byte == b'\n').count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enrols_at_one_device_when_it_asks_is_on_the_other() {
    let house = house().await;
    let mut a = speedface(&house, "A1").await;
    let mut b = speedface(&house, "B1").await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a, &mut b]).await;
    let finger =
        |overwrite| Command::Enroll(Enroll::Fingerprint { pin: pin("7"), finger: 6, retries: 3, overwrite });
    let face = Command::Enroll(Enroll::BioData {
        bio_type: BioType::VISIBLE_FACE,
        pin: pin("7"),
        retries: 3,
        overwrite: false,
    });
    for command in [finger(false), face, Command::Enroll(Enroll::Card { pin: pin("7"), retries: 3 })] {
        let number = order(&house, "A1", command.clone()).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(state(&house, "A1", number).await, DONE, "{command:?}");
        assert_same(&a, &b);
    }
    assert_eq!(b.count(BioType::FINGERPRINT), 1);
    assert_eq!(b.count(BioType::VISIBLE_FACE), 1);

    // The finger is there; it is not taken again unless that is meant, and not if somebody leaves.
    let again = order(&house, "A1", finger(false)).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(state(&house, "A1", again).await, State::Answered { return_code: 2, done: false });
    a.controls_mut().somebody = Somebody::Ends(6);
    let left = order(&house, "A1", finger(true)).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(state(&house, "A1", left).await, State::Answered { return_code: 6, done: false });
}

/// Obligations 159, 168, 183.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_firmware_does_not_know_is_said_otherwise_or_not_at_all() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let query = DataQuery::Fingerprint { pin: pin("7"), finger: 6, key: FingerKey::FingerId };
    order(&house, "B1", Command::Query(query.clone())).await;
    let (id, text) = fetch(&house, "B1").await;
    assert_eq!(text, "DATA QUERY FINGERTMP PIN=7\tFingerID=6");
    answer(&house, "B1", format!("ID={id}&Return=-1&CMD=DATA\n")).await;

    let (id, text) = fetch(&house, "B1").await;
    assert_eq!(text, "DATA QUERY FINGERTMP PIN=7\tFID=6");
    answer(&house, "B1", format!("ID={id}&Return=-1002&CMD=DATA\n")).await;
    assert_eq!(poll(&house, "B1").await, "OK", "there is no third spelling");

    let withheld = order(&house, "B1", Command::Query(query)).await;
    assert_eq!(poll(&house, "B1").await, "OK");
    let withheld = row(&house, "B1", withheld).await;
    assert!(withheld.cancelled && withheld.reply.is_some_and(|reply| reply.contains("firmware")));
    assert!(house.device("B1").await.capability.refused(Form::QueryFid));
    // One option that a device does not have says nothing about the others.
    order(&house, "B1", Command::SetOption { key: "NoSuch".into(), value: "1".into() }).await;
    let (id, _) = fetch(&house, "B1").await;
    answer(&house, "B1", format!("ID={id}&Return=-1004&CMD=SET OPTION\n")).await;
    assert!(!house.device("B1").await.capability.refused(Form::SetOption));
}

/// Obligation 172.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_tells_of_itself_is_learned() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let number = order(&house, "B1", Command::Info).await;
    let (id, _) = fetch(&house, "B1").await;
    let parameters = "~DeviceName=TestTerm 5\n~OEMVendor=ZKTeco Co., Ltd.\nFWVersion=Ver 8.0.4.3\nCommKey=482913\n~ZKFPVersion=10\n";
    answer(&house, "B1", format!("ID={id}&Return=0&CMD=INFO\n{parameters}")).await;
    let device = house.device("B1").await;
    assert_eq!(device.capability.model(), Some("TestTerm 5"));
    assert_eq!(device.capability.firmware(), Some("Ver 8.0.4.3"));
    assert_eq!(device.capability.version_of(BioType::FINGERPRINT).map(|(major, _)| major), Some(10));
    let row = row(&house, "B1", number).await;
    assert!(row.reply.is_some_and(|reply| reply.contains("5 parameters") && !reply.contains("482913")));
    // Whom nobody asked nobody believes.
    answer(&house, "B1", format!("ID={}&Return=0&CMD=INFO\n~DeviceName=Other\n", "zz9900")).await;
    assert_eq!(house.device("B1").await.capability.model(), Some("TestTerm 5"));
}

/// Obligations 173, 175.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_by_its_device_and_once() {
    let house = house().await;
    for serial_number in ["B1", "C1"] {
        quiet_device(&house, serial_number).await;
    }
    let number = order(&house, "B1", Command::Log).await;
    let (id, _) = fetch(&house, "B1").await;
    answer(&house, "C1", format!("ID={id}&Return=-1&CMD=LOG\n")).await;
    assert!(matches!(state(&house, "B1", number).await, State::Sent { .. }));
    answer(&house, "B1", format!("ID={id}&CMD=LOG\n")).await;
    assert!(matches!(state(&house, "B1", number).await, State::Sent { .. }));
    answer(&house, "B1", format!("ID={id}&Return=0&CMD=LOG\n")).await;
    answer(&house, "B1", format!("ID={id}&Return=-1002&CMD=LOG\n")).await;
    assert_eq!(state(&house, "B1", number).await, DONE);
    assert!(!house.device("B1").await.capability.refused(Form::Log));
}

/// Obligation 182.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_device_is_asked_again_after_a_pause() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let number = order(&house, "B1", Command::Log).await;
    let (id, _) = fetch(&house, "B1").await;
    answer(&house, "B1", format!("ID={id}&Return=-1005&CMD=LOG\n")).await;
    assert_eq!(poll(&house, "B1").await, "OK");
    house.advance(Duration::from_secs(10));
    let (again, text) = fetch(&house, "B1").await;
    assert_eq!((again.as_str(), text.as_str()), (id.as_str(), "LOG"));
    answer(&house, "B1", format!("ID={id}&Return=0&CMD=LOG\n")).await;
    assert_eq!(state(&house, "B1", number).await, DONE);
}

/// Obligations 171, 178.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_on_the_way_is_none() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let file = |id: &str, bytes: &[u8]| {
        let head = format!("ID={id}\nSN=B1\nFILENAME=a.cfg\nCMD=GetFile\nReturn=9\nContent=");
        [head.as_bytes(), bytes].concat()
    };
    for (bytes, done) in [(&b"ID=1\n\xff\0OK"[..], true), (b"ID=1\n", false)] {
        let number = order(&house, "B1", Command::GetFile { path: "/a.cfg".into() }).await;
        let (id, _) = fetch(&house, "B1").await;
        answer(&house, "B1", file(&id, bytes)).await;
        assert_eq!(state(&house, "B1", number).await, State::Answered { return_code: 9, done });
        assert_eq!(content(&house, "B1", number).await.as_deref(), Some(bytes));
    }
}

/// Obligation 164.
#[tokio::test(flavor = "multi_thread")]
async fn the_system_of_a_device_is_left_alone_unless_it_is_allowed() {
    let house = House::open().await;
    let mut a = speedface(&house, "A1").await;
    let number = order(&house, "A1", Command::Shell { command: "echo x".into() }).await;
    house.calm([&mut a]).await;
    assert!(a.controls().shell.is_empty());
    let row = row(&house, "A1", number).await;
    assert!(row.cancelled && row.reply.is_some_and(|reply| reply.contains("system_commands")));
}

/// Obligations 83, 84, 85.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_goes_alone() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let picture = "QUJD".repeat(60_000);
    order(&house, "B1", sms("1")).await;
    order(&house, "B1", entry(RecordTable::AdPic, &[("Index", "1"), ("Content", &picture)])).await;
    order(&house, "B1", sms("2")).await;
    let (id, text) = fetch(&house, "B1").await;
    assert!(text.starts_with("DATA UPDATE SMS"));
    assert_eq!(poll(&house, "B1").await, "OK");
    answer(&house, "B1", format!("ID={id}&Return=0&CMD=DATA\n")).await;
    let (id, text) = fetch(&house, "B1").await;
    assert_eq!(text, format!("DATA UPDATE ADPIC Index=1\tSize=240000\tExtension=jpg\tContent={picture}"));
    answer(&house, "B1", format!("ID={id}&Return=0&CMD=DATA\n")).await;
    assert!(fetch(&house, "B1").await.1.contains("UID=2"));
}

const TOKEN: &str = "00112233445566778899aabbccddeeff";

async fn offer(house: &House, serial_number: &str, content: &[u8], as_base64: bool) -> String {
    let device = house.device(serial_number).await.id;
    let until = house.now().plus(60_000);
    let offer = Offer { token: TOKEN.into(), name: "a.tgz".into(), as_base64, until };
    house.operate(async |tx| offer.keep(tx, device, content).await).await;
    offer.url()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_fetches_files_and_firmware() {
    let content = b"\x1f\x8b\x00 a package".repeat(9);
    let size = u64::try_from(content.len()).expect("small");
    for method in [None, Some(UpgradeMethod::Raw), Some(UpgradeMethod::Base64)] {
        let house = house().await;
        let mut a = speedface(&house, "A1").await;
        let url = offer(&house, "A1", &content, method == Some(UpgradeMethod::Base64)).await;
        let command = match method {
            None => Command::PutFile(PutFile { url, path: Some("/mnt/".into()), import: Import::None }),
            Some(method) => Command::Upgrade(Upgrade { checksum: "0".repeat(32), url, size, method }),
        };
        let number = order(&house, "A1", command).await;
        house.calm([&mut a]).await;
        let State::Answered { done, .. } = state(&house, "A1", number).await else { panic!("{method:?}") };
        assert!(done, "{method:?}");
        match method {
            None => assert_eq!(a.controls().files["/mnt/"], content),
            Some(_) => assert_eq!(a.controls().firmware.as_deref(), Some(&content[..])),
        }
    }
}

/// Obligations 165, 167.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_only_for_the_device_that_it_was_offered_to() {
    let house = house().await;
    for serial_number in ["B1", "C1"] {
        quiet_device(&house, serial_number).await;
    }
    let url = offer(&house, "B1", b"content", false).await;
    let with = |serial_number: &str, url: &str| format!("/iclock/file?SN={serial_number}&url={url}");
    for target in
        [with("B1", &url), format!("/iclock/{url}"), format!("/{url}"), with("B1", &format!("/{url}"))]
    {
        let answer = house.get(&target).await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "content"), "{target}");
    }
    let other = url.replace("00112233", "99112233");
    for target in [
        with("C1", &url),
        with("B1", &other),
        format!("/iclock/{other}"),
        with("B1", "http://192.0.2.1/firmware"),
        with("B1", "file:///etc/passwd"),
        with("B1", ""),
        "/iclock/file".to_owned(),
        "/iclock/file?url=x".to_owned(),
    ] {
        assert_eq!(house.get(&target).await.status(), 404, "{target}");
    }
    assert_eq!(
        house.get(&with("NEW1", &url)).await.status(),
        404,
        "open admission knows it now, but not for this"
    );
    house.advance(Duration::from_mins(62));
    assert_eq!(house.get(&with("B1", &url)).await.status(), 404, "its time is over");
}

/// Obligation 166.
#[tokio::test(flavor = "multi_thread")]
async fn firmware_is_served_in_pieces() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    let content: Vec<u8> = (0..2_500_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    let url = offer(&house, "B1", &content, false).await;
    let mut fetched = Vec::new();
    while fetched.len() < content.len() {
        let (first, last) = (fetched.len(), fetched.len() + (1 << 20) - 1);
        let request = String::from_utf8(get(&format!("/iclock/{url}"))).expect("text");
        let request = request.replace("Accept:", &format!("Range: bytes={first}-{last}\r\nAccept:"));
        let answer = house.send(request.as_bytes()).await;
        assert_eq!(answer.status(), 206);
        let last = last.min(content.len() - 1);
        let range = format!("bytes {first}-{last}/{}", content.len());
        assert_eq!(answer.header("Content-Range"), Some(range.as_str()));
        fetched.extend(answer.body);
    }
    assert!(fetched == content);
    let mut line = Line::to(house.address()).await;
    line.write(
        format!(
            "GET /iclock/{url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=2500000-\r\n\r\n"
        )
        .as_bytes(),
    )
    .await;
    assert_eq!(line.answer().await.status(), 416);
}

/// Obligation 93.
#[tokio::test(flavor = "multi_thread")]
async fn two_polls_at_once_get_a_command_once() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    for round in 0..5 {
        let number = order(&house, "B1", Command::Unlock).await;
        let (one, two) = tokio::join!(poll(&house, "B1"), poll(&house, "B1"));
        let lines: Vec<&str> = one.lines().chain(two.lines()).filter(|line| *line != "OK").collect();
        assert_eq!(lines.len(), 1, "round {round}: {one} {two}");
        let id = lines[0].split(':').nth(1).expect("an id");
        answer(&house, "B1", format!("ID={id}&Return=0&CMD=AC_UNLOCK\n")).await;
        assert_eq!(state(&house, "B1", number).await, DONE);
    }
}

/// Obligation 82.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_tells_how_the_device_is_gets_commands_too() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    order(&house, "B1", Command::Log).await;
    let info = "INFO=Ver%208.0.4.3-20220708,0,0,1204,10.20.0.31,10,7,15,0,101";
    let reply = house.get(&format!("/iclock/getrequest?SN=B1&{info}")).await.text();
    assert!(reply.starts_with("C:") && reply.ends_with(":LOG\n"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_under_way_does_not_hold_up_people() {
    let house = house().await;
    quiet_device(&house, "B1").await;
    order(&house, "B1", Command::Info).await;
    fetch(&house, "B1").await;
    assert_eq!(house.post("/iclock/cdata?SN=A1&table=OPERLOG", user("7", "Ada")).await.text(), "OK:1");
    assert!(fetch(&house, "B1").await.1.starts_with("DATA UPDATE USERINFO PIN=7"));
}

/// Obligation 186.
#[tokio::test(flavor = "multi_thread")]
async fn punches_that_are_missing_here_are_asked_for() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.attendance = Attendance::Keep;
    })
    .await;
    let mut a = speedface(&house, "A1").await;
    a.controls_mut().punches.extend(["2027-03-02 08:00:00".into(), "2027-03-03 08:00:00".into()]);
    let punch = "1001\t2027-03-02 08:00:00\t0\t1\t0\t0\t0\n";
    assert_eq!(house.post("/iclock/cdata?SN=A1&table=ATTLOG&Stamp=1", punch).await.text(), "OK:1");
    let (from, to) = period();
    order(&house, "A1", Command::VerifySum { from, to }).await;
    house.calm([&mut a]).await;

    let device = house.device("A1").await.id;
    let mut tx = house.store.read().await.expect("a transaction");
    let orders = tx.orders(Some(device), 10).await.expect("the orders");
    let asked: Vec<&str> = orders.iter().map(|order| order.verb.as_str()).collect();
    assert!(asked.contains(&"DATA QUERY ATTLOG"), "{asked:?}");
}
