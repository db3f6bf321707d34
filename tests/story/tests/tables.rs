//! The tables of uploads beside people: punches, pictures, identity cards, errors, packages, and whatever else there is.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use fleet::device;
use listener::{Admission, Attendance};
use roster::{Content, Slot};
use simulator::Random;
use store::{DeviceOptions, DeviceRecordKind, HeldKind, PunchFilter};
use story::House;
use story::records::{biophoto, fingerprint_10, fp, photo, user};
use wire::{DeviceRecord, More, RecordKind, Screening};

/// A server that keeps punches.
async fn house() -> House {
    House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.attendance = Attendance::Keep;
    })
    .await
}

async fn post(house: &House, query: &str, body: impl AsRef<[u8]>) -> String {
    let answer = house.post(&format!("/iclock/cdata?SN=A1&{query}"), body).await;
    assert_eq!(answer.status(), 200, "{query}: {answer:?}");
    answer.text()
}

async fn punches(house: &House) -> Vec<store::PunchRow> {
    let mut tx = house.store.read().await.expect("a transaction");
    tx.punches(&PunchFilter::default(), None, 1_000).await.expect("the punches")
}

async fn records(house: &House, kind: DeviceRecordKind) -> Vec<(store::DeviceRecordRow, Vec<u8>)> {
    let mut tx = house.store.read().await.expect("a transaction");
    let mut found = Vec::new();
    for row in tx.records(Some(kind), None, 100).await.expect("the records") {
        found.push(tx.record(row.id).await.expect("the record").expect("it is there"));
    }
    found
}

/// Obligations 101, 109, 111, 112, 114, 115.
#[tokio::test(flavor = "multi_thread")]
async fn punches_of_every_shape_are_kept_once_whoever_they_are_of() {
    let house = house().await;
    let body = "7\t2027-03-12 06:53:01\t0\t1\n\
                \t2027-03-12 06:53:02\t255\t15\t\t0\t0\t1\t36.70\t0\n\
                nobody9\t2027-03-12 06:53:03\t4711\t-3\t17\t0\t0\t\n\
                8\t2027-03-12 06:53:04\t0\t1\t\t0\t0\t0\t36.2\t97.2\t+3600\t\r\n";
    for _ in 0..2 {
        assert_eq!(post(&house, "table=ATTLOG&Stamp=9999", body).await, "OK:4");
        house.advance(Duration::from_mins(1));
    }
    let kept = punches(&house).await;
    let raw: Vec<&str> = kept.iter().map(|row| str::from_utf8(&row.raw).expect("text")).collect();
    assert_eq!(raw, body.lines().collect::<Vec<_>>(), "as they came, and once");
    let pins: Vec<&str> = kept.iter().map(|row| row.punch.pin.as_str()).collect();
    assert_eq!(pins, ["7", "", "nobody9", "8"]);
    assert_eq!((kept[2].punch.status, kept[2].punch.verify), (Some(4711), Some(-3)));
    assert_eq!(
        kept[3].punch.more,
        More::Screening(Screening {
            mask: Some(false),
            temperature: Some("36.2".into()),
            converted_temperature: Some("97.2".into()),
            time_offset_s: Some(3_600),
            extended: None,
        })
    );
    assert_eq!((house.head().await, house.held().await.len()), (0, 0), "nobody is made of a punch");
}

/// Obligation 110.
#[tokio::test(flavor = "multi_thread")]
async fn a_punch_keeps_its_local_time_with_the_zone_that_the_device_had() {
    let house = house().await;
    house.know("A1").await;
    for (zone, line) in [
        (Some("Asia/Kolkata"), "7\t2027-03-12 06:53:01\t0\t1"),
        (Some("Europe/Vienna"), "7\t2027-03-28 02:30:00\t0\t1"),
        (None, "7\t2027-03-28 02:30:01\t0\t1"),
    ] {
        let device = house.device("A1").await.id;
        let options = DeviceOptions { time_zone: zone.map(str::to_owned), ..DeviceOptions::default() };
        house.operate(async |tx| tx.set_device_options(device, &options).await).await;
        assert_eq!(post(&house, "table=ATTLOG", line).await, "OK:1");
    }
    let kept: Vec<(String, String)> =
        punches(&house).await.into_iter().map(|row| (row.punch.time, row.time_zone)).collect();
    let expected = [
        ("2027-03-12 06:53:01", "Asia/Kolkata"),
        // No clock there shows this time; the device sent it all the same.
        ("2027-03-28 02:30:00", "Europe/Vienna"),
        ("2027-03-28 02:30:01", "UTC"),
    ];
    assert_eq!(kept, expected.map(|(time, zone)| (time.to_owned(), zone.to_owned())));
}

/// Obligations 98, 100.
#[tokio::test(flavor = "multi_thread")]
async fn a_punch_that_cannot_be_read_is_held_and_counted() {
    let house = house().await;
    let body = "7\t2027-03-12 06:53:01\t0\t1\n8\tnever\t0\t1\n\n9\t2027-03-12 06:53:02\tin\t1\n";
    assert_eq!(post(&house, "table=ATTLOG", body).await, "OK:3");
    let mut held = house.held().await;
    held.sort_by_key(|held| held.line);
    let shown: Vec<_> = held.iter().map(|held| (held.kind, held.line, held.reason.as_str())).collect();
    assert_eq!(
        shown,
        [
            (HeldKind::Unreadable, Some(2), "Time is not YYYY-MM-DD HH:MM:SS"),
            (HeldKind::Unreadable, Some(4), "Status is not a number")
        ]
    );
    assert_eq!(house.held_raw(held[0].id).await, b"8\tnever\t0\t1");
    assert_eq!(punches(&house).await.len(), 1);
    // Thousands of them fill no list.
    let noise = (0..5_000).map(|n| format!("{n}\tnever")).collect::<Vec<_>>().join("\n");
    assert_eq!(post(&house, "table=ATTLOG", &noise).await, "OK:5000");
    assert!(house.held().await.len() < 110);
}

/// Obligation 113.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_reads_identity_cards_is_believed() {
    let house = house().await;
    let front = "7\t2027-03-12 06:53:01\t0\t15\t0\t0\t0";
    assert_eq!(post(&house, "table=ATTLOG", format!("{front}\t1\t36.6")).await, "OK:1");
    let pid = "/iclock/cdata?SN=P1&options=all&pushver=2.4.1&DeviceType=pid";
    assert_eq!(house.get(pid).await.status(), 200);
    let answer = house.post("/iclock/cdata?SN=P1&table=ATTLOG", format!("{front}\t1\t1")).await;
    assert_eq!(answer.text(), "OK:1");
    let kept: Vec<More> = punches(&house).await.into_iter().map(|row| row.punch.more).collect();
    assert!(matches!(&kept[0], More::Screening(screening) if screening.mask == Some(true)), "{kept:?}");
    assert!(matches!(&kept[1], More::IdCard(card) if card.kind == Some(1)), "{kept:?}");
}

/// Obligations 116, 117, 118, 120, 121, 122.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_comes_by_either_path_raw_or_as_text_and_is_kept_sealed() {
    let house = house().await;
    let picture = b"\xff\xd8\xff\0\n\tsecret-picture\0\xd9";
    let encoded = wire::Base64::encode(picture);
    let head =
        |name: &str| format!("PIN={name}\nSN=A1\nsize={}\nCMD=uploadphoto", picture.len()).into_bytes();
    let card = "20270312065303-3-7-990101198001011234.jpg";
    for (path, body) in [
        ("cdata", [head("20270312065301-7.jpg"), b"\0".to_vec(), picture.to_vec()].concat()),
        ("fdata", [head("20270312065302-7.jpg"), b"\0".to_vec(), encoded.as_str().into()].concat()),
        ("cdata", [head(card), b"\npicture=".to_vec(), encoded.as_str().into()].concat()),
        ("fdata", [head("../../x.jpg"), b"\0".to_vec(), b"\xff\xd8".to_vec()].concat()),
    ] {
        for _ in 0..2 {
            let answer = house.post(&format!("/iclock/{path}?SN=A1&table=ATTPHOTO&Stamp=1"), &body).await;
            assert_eq!((answer.status(), answer.text().as_str()), (200, "OK"));
        }
    }
    let mut tx = house.store.read().await.expect("a transaction");
    let mut rows = tx.attendance_photos(&PunchFilter::default(), 10).await.expect("the pictures");
    rows.reverse();
    assert_eq!(rows.len(), 4, "each once");
    let mut names = Vec::new();
    for row in &rows {
        let (_, name, kept) = tx.attendance_photo(row.id).await.expect("read").expect("there");
        assert_eq!(kept == picture, !row.doubtful, "{name}");
        names.push(name);
    }
    assert_eq!(names, ["20270312065301-7.jpg", "20270312065302-7.jpg", card, "_._.__x.jpg"]);
    let told = |row: &store::AttendancePhotoRow| (row.pin.clone(), row.time.clone(), row.photo_type);
    assert_eq!(told(&rows[2]), ("7".into(), Some("2027-03-12 06:53:03".into()), Some(3)));
    assert!(rows[3].doubtful, "shorter than announced: kept, and marked");
    tx.rollback().await.expect("nothing was written");
    let secret = b"secret-picture".map(|byte| format!("{byte:02X}")).concat();
    let all = format!("{:?}", house.rows().await);
    assert!(!all.contains(&secret) && !all.contains("990101198001011234"), "it is sealed");
}

/// Obligations 31, 141.
#[tokio::test(flavor = "multi_thread")]
async fn identity_cards_are_kept_sealed_whoever_they_belong_to() {
    let house = house().await;
    // A Chinese device: its names are GB2312, those of cards are not.
    house.get("/iclock/cdata?SN=A1&options=all&pushver=2.4.1&language=83").await;
    let cards = "IDCARD PIN=0\tSNNum=1\tIDNum=990101198001011234\tName=\u{5468}\tPhoto=/9j/4AAQ\n\
                 IDCARD PIN=7\tSNNum=2\tIDNum=990101198001011235\tName=\u{674e}\u{5a1c}\n";
    for _ in 0..2 {
        assert_eq!(post(&house, "table=IDCARD&Stamp=9999", cards).await, "OK:2");
    }
    let kept = records(&house, DeviceRecordKind::IdCard).await;
    let mut names = Vec::new();
    for (row, raw) in &kept {
        let Ok(DeviceRecord::IdCard(card)) = DeviceRecord::from_stored_line(RecordKind::IdCard, raw) else {
            panic!("{row:?}")
        };
        assert_eq!((row.times_seen, &row.pin), (2, &card.pin));
        names.push((row.pin.as_ref().map(ToString::to_string), card.name.to_owned()));
    }
    names.sort();
    assert_eq!(names, [(None, "\u{5468}".into()), (Some("7".into()), "\u{674e}\u{5a1c}".into())]);
    assert_eq!((house.held().await.len(), house.head().await), (0, 0));
    let all = format!("{:?}", house.rows().await);
    assert!(!all.contains("99010119800101123") && !all.contains('\u{5468}'), "they are sealed");
}

/// A device that shows pictures and makes its own templates of them, with nothing due to it.
async fn with_a_screen(house: &House) {
    house.get("/iclock/cdata?SN=B1&options=all&pushver=2.4.1").await;
    let options = "BioPhotoFun=1,VisilightFun=1,MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1,PhotoFunOn=1";
    house.post("/iclock/cdata?SN=B1&table=options", options).await;
    house.advance(Duration::from_secs(31));
    obeyed(house, "B1").await;
}

/// Everything that is due to a device, each answered with success: id and command.
async fn obeyed(house: &House, serial_number: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for _ in 0..4 {
        let commands = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
        for line in commands.lines().filter(|line| *line != "OK") {
            let (id, command) = line.strip_prefix("C:").and_then(|line| line.split_once(':')).expect("one");
            all.push((id.to_owned(), command.split('\t').next().unwrap_or_default().to_owned()));
            let answer = format!("ID={id}&Return=0&CMD=DATA\n");
            house.post(&format!("/iclock/devicecmd?SN={serial_number}"), answer).await;
        }
        house.advance(Duration::from_secs(5));
    }
    all
}

async fn error_of(house: &House, id: &str) {
    let body = format!("ERRORLOG ErrCode=D01E0003\tErrMsg=\tDataOrigin=cmd\tCmdId={id}\tAdditional=\n");
    let answer = house.post("/iclock/cdata?SN=B1&table=ERRORLOG", body).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "OK"));
}

/// Obligations 142, 143.
#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_a_device_made_nothing_of_is_not_held_for_taken() {
    let house = house().await;
    with_a_screen(&house).await;
    let mut random = Random::new(142);
    let record = |text: &str| user("7", "Ada") + &biophoto("7", text);
    assert_eq!(post(&house, "table=OPERLOG", record(&photo(&mut random, 500))).await, "OK:2");
    let sent = obeyed(&house, "B1").await;
    let (id, _) =
        sent.iter().find(|(_, command)| command.starts_with("DATA UPDATE BIOPHOTO")).expect("the photo");
    assert_eq!(house.status_of("B1").await.refused, 0);

    for _ in 0..2 {
        error_of(&house, id).await;
    }
    assert_eq!(house.status_of("B1").await.refused, 1, "it does not hold the person's face");
    assert_eq!(records(&house, DeviceRecordKind::Error).await[0].0.times_seen, 2);
    assert_eq!(obeyed(&house, "B1").await, [], "the same photo would come to the same");

    // A better photo goes out, and an error of the old one says nothing about it.
    assert_eq!(post(&house, "table=OPERLOG", record(&photo(&mut random, 600))).await, "OK:2");
    let sent = obeyed(&house, "B1").await;
    assert!(sent.iter().any(|(_, command)| command.starts_with("DATA UPDATE BIOPHOTO")), "{sent:?}");
    assert_eq!(house.status_of("B1").await.refused, 0);
    let late = format!("ERRORLOG ErrCode=D01E0001\tDataOrigin=cmd\tCmdId={id}\n");
    house.post("/iclock/cdata?SN=B1&table=ERRORLOG", late).await;
    assert_eq!(house.status_of("B1").await.refused, 0);
}

/// Obligations 142, 143.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_command_that_is_open_or_ordered_or_of_nobody_has_its_consequence_or_none() {
    let house = house().await;
    with_a_screen(&house).await;
    let text = photo(&mut Random::new(143), 500);
    assert_eq!(post(&house, "table=OPERLOG", user("7", "Ada") + &biophoto("7", &text)).await, "OK:2");
    let commands = house.get("/iclock/getrequest?SN=B1").await.text();
    let id = commands.lines().find(|line| line.contains("BIOPHOTO")).and_then(|line| line.split(':').nth(1));
    error_of(&house, id.expect("the photo")).await;
    let status = house.status_of("B1").await;
    assert_eq!((status.refused, status.open), (1, 1), "without an answer it is as good as refused");

    let (device, now) = (house.device("B1").await.id, house.now());
    house
        .operate(async |tx| {
            fleet::command::QueuedCommand(wire::Command::Check).queue(tx, device, "ada", now).await
        })
        .await;
    let orders = obeyed(&house, "B1").await;
    let (id, _) = orders.iter().find(|(_, command)| command == "CHECK").expect("the order");
    error_of(&house, id).await;
    let mut tx = house.store.read().await.expect("a transaction");
    let order = tx.orders(Some(device), 1).await.expect("the orders").remove(0);
    assert_eq!(order.reply.as_deref(), Some("the photo is not sharp enough"));
    tx.rollback().await.expect("nothing was written");

    for id in ["zzzz99", "", "1", "not an id at all"] {
        let body = format!("ERRORLOG ErrCode=D01E0003\tDataOrigin=cmd\tCmdId={id}\n");
        assert_eq!(house.post("/iclock/cdata?SN=B1&table=ERRORLOG", body).await.text(), "OK");
    }
}

/// Obligation 137.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_kept_as_they_came_beside_work_codes_whatever_the_table() {
    let house = house().await;
    let body = "WORKCODE PIN=1\tCODE=17\tNAME=Assembly\nSMS MSG=Canteen closed\tTAG=253\tUID=4\tMIN=60\nWORKCODE PIN=2";
    for query in ["table=OPERLOG", "table=WORKCODE", "table=SMS"] {
        assert_eq!(post(&house, query, body).await, "OK:3");
    }
    assert_eq!(records(&house, DeviceRecordKind::Message).await[0].0.times_seen, 3);
    let held = house.held().await;
    assert_eq!((held.len(), held[0].reason.as_str()), (1, "CODE is missing"));
}

/// Obligations 99, 102.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_all_kinds_in_one_body_are_one_transaction() {
    let house = house().await;
    house.know("A1").await;
    let body = format!(
        "7\t2027-03-12 06:53:01\t0\t1\n{}ERRORLOG ErrCode=D01E0001\nIDCARD PIN=7\tIDNum=1\nOPLOG 4\t0\t2027-03-12 06:53:02\n",
        user("7", "Ada")
    );
    let before = house.rows().await;
    // What is written last of it, and what is written first.
    for table in ["user_body", "attendance"] {
        house.fill(table, "1 = 1").await;
        let answer = house.post("/iclock/cdata?SN=A1&table=ATTLOG&Stamp=5", &body).await;
        assert_eq!((answer.status(), answer.text().as_str()), (503, "ERROR: database error"), "{table}");
        assert_eq!(house.rows().await, before, "{table}: nothing of it is there");
        house.make_room(table).await;
    }
    assert_eq!(post(&house, "table=ATTLOG&Stamp=5", &body).await, "OK:5");
    let user = house.content("7", Slot::USER).await;
    assert!(matches!(user, Some(Content::User(user)) if user.name == "Ada"));
    assert_eq!(punches(&house).await.len(), 1);
    assert_eq!(records(&house, DeviceRecordKind::IdCard).await.len(), 1);
    assert_eq!(records(&house, DeviceRecordKind::Error).await.len(), 1);
    assert_eq!(house.operations("A1").await.len(), 1);
    let rows = house.rows().await;
    assert_eq!(post(&house, "table=ATTLOG&Stamp=5", &body).await, "OK:5");
    assert_eq!(punches(&house).await.len(), 1);
    assert_eq!(house.rows().await["item"], rows["item"], "nobody changed");
}

fn package(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, body) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(body.len()).expect("a size"));
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, *body).expect("added");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("a package")
}

const PACKAGE: &str = "table=OPERLOG&ContentType=tgz";

/// Obligations 98, 136.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_as_good_as_the_uploads_in_it() {
    let house = house().await;
    let print = fingerprint_10(&mut Random::new(136), 900);
    let people = user("7", "Ada") + &fp("7", 6, &print);
    let body = package(&[
        ("data1", people.as_bytes()),
        ("OPERLOG2.txt", user("8", "Bea").as_bytes()),
        ("ATTLOG.txt", b"7\t2027-03-12 06:53:01\t0\t1\n8\tnever\n"),
        ("IDCARD", b"IDCARD PIN=7\tIDNum=1"),
        ("ATTPHOTO.dat", b"PIN=20270312065301-7.jpg\nsize=2\n\0\xff\xd8"),
        ("empty", b""),
    ]);
    assert_eq!(post(&house, PACKAGE, &body).await, "OK:7");
    assert_eq!(house.contents(&["7"]).await.len(), 3, "user, membership, finger");
    assert!(house.content("8", Slot::USER).await.is_some());
    assert_eq!((punches(&house).await.len(), records(&house, DeviceRecordKind::IdCard).await.len()), (1, 1));
    assert_eq!(house.held().await.len(), 1, "the punch that cannot be read");
    let (head, rows) = (house.head().await, house.rows().await);
    assert_eq!(post(&house, PACKAGE, &body).await, "OK:7");
    assert_eq!(
        (house.head().await, &house.rows().await["attendance_photo"]),
        (head, &rows["attendance_photo"])
    );
}

/// Obligations 98, 136.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_not_to_be_opened_is_held_whole() {
    let house = house().await;
    let whole = package(&[("OPERLOG", user("7", "Ada").as_bytes())]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(user("7", "Ada").as_bytes()).expect("compressed");
    let mut random = Random::new(7);
    for (number, (body, reason)) in [
        (whole[..whole.len() - 9].to_vec(), "a package: not a gzip-compressed tar archive, or damaged"),
        (encoder.finish().expect("compressed"), "a package: not a gzip-compressed tar archive, or damaged"),
        (random.bytes(3_000), "a package: not a gzip-compressed tar archive, or damaged"),
        (package(&[("OPERLOG", &vec![b'x'; 8 << 20])]), "a package: it holds more than "),
        (
            package(&[("OPERLOG", b"x"), ("folder/OPERLOG", b"x")]),
            "a package: file 2 has a name with a path, or is no plain file",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        for times in 1..=2 {
            assert_eq!(post(&house, PACKAGE, &body).await, "OK:1", "{reason}");
            let held = house.held().await;
            assert_eq!(held.len(), number + 1, "{reason}");
            let newest = held.iter().max_by_key(|held| held.id).expect("it is held");
            assert!(newest.reason.starts_with(reason), "{}", newest.reason);
            assert_eq!((newest.table.as_deref(), newest.times_seen), (Some("OPERLOG"), times));
            assert_eq!(house.held_raw(newest.id).await, body);
        }
    }
    assert_eq!(house.head().await, 0);
}

/// Obligation 105.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_queries_come_in_packets_and_are_uploads_like_any_other() {
    let house = house().await;
    for (index, name) in [(1, "Ada"), (2, "Bea")] {
        let query = format!("table=USERINFO&Count=2&PackCnt=2&PackIdx={index}&CmdId=240");
        // Without the word that other uploads begin with.
        let line = user(&index.to_string(), name);
        assert_eq!(post(&house, &query, line.trim_start_matches("USER ")).await, "OK:1");
        assert!(house.content(&index.to_string(), Slot::USER).await.is_some());
    }
    let query = "table=ATTLOG&Stamp=9999&Count=x&PackCnt=&PackIdx=-1&CmdId=%00%0A";
    assert_eq!(post(&house, query, "7\t2027-03-12 06:53:01").await, "OK:1");
}

/// Obligation 106.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_as_nothing() {
    let house = house().await;
    house.know("A1").await;
    for body in ["", "\n\n", "\0"] {
        for table in ["ATTLOG", "OPERLOG", "WORKCODE", "SMS", "IDCARD", "UNHEARD_OF"] {
            assert_eq!(post(&house, &format!("table={table}"), body).await, "OK:0", "{table}");
        }
        for table in ["ATTPHOTO", "ERRORLOG"] {
            assert_eq!(post(&house, &format!("table={table}"), body).await, "OK", "{table}");
        }
    }
    assert_eq!((house.held().await.len(), punches(&house).await.len()), (0, 0));
}

/// Obligation 144.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_in_a_background_verification_is_noted_as_it_came() {
    let house = house().await;
    let body = b"7\t1\0\xff anything";
    for kind in ["PostVerifyData", "postverifydata", "PostRecordData"] {
        assert_eq!(post(&house, &format!("type={kind}"), body).await, "OK");
    }
    let kept = records(&house, DeviceRecordKind::Verification).await;
    assert_eq!((kept.len(), kept[0].1.as_slice(), kept[0].0.times_seen), (1, &body[..], 3));
}

/// Obligation 145.
#[tokio::test(flavor = "multi_thread")]
async fn no_device_is_told_to_ask_before_it_lets_somebody_in() {
    let house = house().await;
    with_a_screen(&house).await;
    for pushver in ["", "&pushver=2.2.14", "&pushver=2.4.1"] {
        let told = house.get(&format!("/iclock/cdata?SN=B1&options=all{pushver}")).await.text();
        assert!(!told.contains("PostSelfDefineDataType"), "{told}");
    }
    let commands = obeyed(&house, "B1").await;
    assert!(commands.iter().all(|(_, command)| !command.contains("PostSelfDefine")), "{commands:?}");
}

/// A server that gives users to devices for one punch, with somebody who is enrolled.
async fn giving() -> House {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.remote_attendance = true;
    })
    .await;
    house.get("/iclock/cdata?SN=B1&options=all&pushver=2.4.1").await;
    house.post("/iclock/cdata?SN=B1&table=options", "FingerFunOn=1,FPVersion=10").await;
    let print = fingerprint_10(&mut Random::new(147), 300);
    let record =
        "USER PIN=7\tName=Ada\tPri=0\tPasswd=4711\tCard=99\tGrp=1\n".to_owned() + &fp("7", 6, &print);
    assert_eq!(post(&house, "table=OPERLOG", record).await, "OK:2");
    house
}

async fn asked(house: &House, serial_number: &str, who: &str) -> (u16, String) {
    let target = format!("/iclock/cdata?SN={serial_number}&table=RemoteAtt&PIN={who}");
    let answer = house.get(&target).await;
    (answer.status(), answer.text())
}

/// Obligations 146, 147, 148.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_ask_for_somebody_for_one_punch_where_that_is_switched_on() {
    let house = giving().await;
    let (status, text) = asked(&house, "B1", "7").await;
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!((status, lines.len()), (200, 2), "{text}");
    assert!(lines[0].starts_with("DATA UPDATE USERINFO PIN=7\tName=Ada\t"), "{text}");
    assert!(lines[0].contains("\tPasswd=4711\t"), "{text}");
    assert!(lines[1].starts_with("DATA UPDATE FINGERTMP PIN=7\tFID=6\t"), "{text}");
    for who in ["8", "", "a%20b", "07"] {
        assert_eq!(asked(&house, "B1", who).await, (200, "OK".into()), "{who}");
    }
    // Somebody who is not admitted gets nobody.
    let (device, now) = (house.device("B1").await, house.now());
    house.operate(async |tx| device::retire(tx, &device, now).await).await;
    assert_eq!(asked(&house, "B1", "7").await.0, 401);
}

/// Obligation 149.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_given_for_one_punch_may_be_forgotten_there() {
    let house = giving().await;
    assert!(asked(&house, "B1", "7").await.1.starts_with("DATA UPDATE USERINFO"));
    house.advance(Duration::from_hours(4));
    let forgotten =
        "OPLOG 9\t0\t2027-03-12 10:53:01\t7\t0\t0\t0\nOPLOG 103\t0\t2027-03-12 10:53:02\t7\t0\t0\t0\n";
    let answer = house.post("/iclock/cdata?SN=B1&table=OPERLOG", forgotten).await;
    assert_eq!(answer.text(), "OK:2");
    assert_eq!(house.contents(&["7"]).await.len(), 3, "she is still everywhere else");
    // The device should hold her, since it is in her area: she comes again.
    house.advance(Duration::from_secs(31));
    let commands = house.get("/iclock/getrequest?SN=B1").await.text();
    assert!(commands.contains("DATA UPDATE USERINFO PIN=7\t"), "{commands}");
    // At a device that has her as every other has, it is a deletion.
    obeyed(&house, "A1").await;
    let answer = house.post("/iclock/cdata?SN=A1&table=OPERLOG", forgotten).await;
    assert_eq!(answer.text(), "OK:2");
    assert_eq!(house.contents(&["7"]).await.len(), 3, "not before the device was asked");
    assert_eq!(house.has_nobody("A1", "7").await, [""; 0]);
    assert!(house.contents(&["7"]).await.is_empty());
}

/// Obligations 18, 108.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_nobody_described_is_kept_whole_before_it_is_acknowledged() {
    let house = house().await;
    let body = b"VISITOR PIN=7\tPasswd=4711\nUSER PIN=8\tName=Bea\n";
    assert_eq!(post(&house, "table=VISITOR", body).await, "OK:2");
    let held = house.held().await;
    assert_eq!(
        (held.len(), held[0].kind, held[0].table.as_deref()),
        (1, HeldKind::UnreadTable, Some("VISITOR"))
    );
    assert_eq!(house.held_raw(held[0].id).await, body);
    house.fill("held", "1 = 1").await;
    let answer = house.post("/iclock/cdata?SN=A1&table=VISITOR", b"another one").await;
    assert_eq!((answer.status(), answer.text().as_str()), (503, "ERROR: database error"));
}
