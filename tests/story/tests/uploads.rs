//! Uploads that are large, damaged, mixed or strange: taken whole, acknowledged, and nothing of them lost.

use std::collections::BTreeMap;
use std::time::Duration;

use listener::{Admission, Attendance};
use roster::{Algorithm, Content, Format, Slot, Template};
use simulator::Random;
use store::HeldKind;
use story::House;
use story::raw::Answer;
use story::records::{biodata, biophoto, face, fingerprint_10, fp, photo, unified, user, userpic};
use wire::BioType;

const OPERLOG: &str = "/iclock/cdata?SN=A1&table=OPERLOG&Stamp=9999";
const PALM: (u16, u16) = (12, 0);
const FACE_58: (u16, u16) = (58, 10);

async fn upload(house: &House, body: impl AsRef<[u8]>) -> Answer {
    house.post(OPERLOG, body).await
}

async fn keeping_punches() -> House {
    House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.attendance = Attendance::Keep;
    })
    .await
}

const fn algorithm(version: (u16, u16)) -> Algorithm {
    Algorithm { format: Format::Zk, major: version.0, minor: version.1 }
}

const fn finger(number: u8, version: (u16, u16)) -> Slot {
    Slot::template(BioType::FINGERPRINT, number, algorithm(version))
}

/// The base64 texts of everything that the fleet holds of a person, by what it is.
async fn texts(house: &House, pin: &str) -> BTreeMap<String, Vec<String>> {
    house
        .contents(&[pin])
        .await
        .into_iter()
        .filter_map(|(key, content)| {
            let texts = match content {
                Content::Template(template) => template.parts.into_iter().map(|part| part.text).collect(),
                Content::Photo(photo) => vec![photo.text],
                Content::User(_)
                | Content::Membership
                | Content::PersonalMessage
                | Content::Definition(_) => return None,
            };
            Some((key.slot.to_string(), texts))
        })
        .collect()
}

async fn parts(house: &House, pin: &str, slot: Slot) -> Vec<String> {
    match house.content(pin, slot).await {
        Some(Content::Template(Template { parts })) => parts.into_iter().map(|part| part.text).collect(),
        _ => Vec::new(),
    }
}

/// The templates and their base64 texts that wait for a device to say whose they are.
async fn claimed(house: &House, serial_number: &str, pin: &str) -> Vec<(Slot, String)> {
    let device = house.device(serial_number).await.id;
    let pin: wire::Pin = pin.parse().expect("a PIN");
    let mut view = sync::DeviceView::new(device, roster::Capability::default());
    let mut tx = house.store.read().await.expect("a transaction");
    tx.load_persons(&mut view, std::slice::from_ref(&pin)).await.expect("the person");
    let items = view.persons.remove(&pin).and_then(|person| person.claim).map(|claim| claim.items);
    let text = |(slot, content)| match content {
        Content::Template(Template { parts }) => {
            Some((slot, parts.into_iter().map(|part| part.text).collect::<String>()))
        }
        _ => None,
    };
    items.unwrap_or_default().into_iter().filter_map(text).collect()
}

/// Known faults 5 and 26: the first upload of a site, in one body, in one transaction; and its repetition, which costs
/// nothing. How long it takes is measured elsewhere.
///
/// Obligations 38, 101.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_site_in_one_body_is_taken_byte_for_byte_and_its_repetition_is_nothing() {
    let house = House::open().await;
    let mut random = Random::new(415);
    let mut body = String::new();
    let mut expected: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for number in 0..415 {
        let pin = format!("{}", 1000 + number);
        body += &user(&pin, &format!("Person {number}"));
        let theirs = expected.entry(pin.clone()).or_default();
        for place in 0..3 {
            let text = fingerprint_10(&mut random, 1_100);
            body += &fp(&pin, place, &text);
            theirs.insert(finger(place, (10, 0)).to_string(), vec![text]);
        }
        if number < 55 {
            let text = unified(&mut random, BioType::VISIBLE_FACE, FACE_58, 2_064);
            body += &biodata(&pin, 0, 0, BioType::VISIBLE_FACE, FACE_58, &text);
            let slot = Slot::template(BioType::VISIBLE_FACE, 0, algorithm(FACE_58));
            theirs.insert(slot.to_string(), vec![text]);
        }
    }
    let templates: usize = expected.values().map(BTreeMap::len).sum();
    assert_eq!((expected.len(), templates), (415, 1_300));
    assert!(body.len() > 2_000_000, "{} bytes", body.len());

    let answer = upload(&house, &body).await;

    assert_eq!((answer.status(), answer.text().as_str()), (200, "OK:1715"));
    for (pin, theirs) in &expected {
        assert_eq!(&texts(&house, pin).await, theirs, "{pin}");
        let held = house.content(pin, Slot::USER).await;
        assert!(matches!(held, Some(Content::User(user)) if user.name.starts_with("Person ")), "{pin}");
    }
    let (rows, head) = (house.rows().await, house.head().await);
    assert_eq!(head, 415 * 2 + 1_300, "a number for each user, membership and template");
    // The repetition is answered while somebody else holds the only place from which anything could be written.
    let writer = house.store.write().await.expect("a transaction");
    assert_eq!(upload(&house, &body).await.text(), "OK:1715");
    writer.rollback().await.expect("nothing was written in it");
    assert_eq!(
        (house.head().await, house.rows().await == rows),
        (head, true),
        "no number is taken, nothing written"
    );
}

/// Known fault 5, at the largest size that is taken.
///
/// Obligation 19.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_31_mib_is_taken() {
    let house = House::open().await;
    let mut random = Random::new(31);
    let mut body = String::new();
    let mut people = Vec::new();
    while body.len() < 31 << 20 {
        let (pin, text) = ((people.len() + 1).to_string(), photo(&mut random, 192_000));
        body += &user(&pin, "Ada");
        body += &biophoto(&pin, &text);
        people.push((pin, text));
    }
    let answer = upload(&house, &body).await;
    assert_eq!((answer.status(), answer.text()), (200, format!("OK:{}", people.len() * 2)));
    let slot = Slot::comparison_photo(BioType::VISIBLE_FACE).to_string();
    let every = people.len() / 7;
    for (pin, text) in people.into_iter().rev().step_by(every) {
        assert!(texts(&house, &pin).await == BTreeMap::from([(slot.clone(), vec![text])]), "photo of {pin}");
    }
}

/// Known faults 1 and 14: a damaged record is neither lost, nor spread, nor a reason to send all again.
///
/// Obligations 98, 100, 131.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_damage_is_held_and_everything_around_it_is_taken() {
    let mut random = Random::new(3);
    let whole = fingerprint_10(&mut random, 1_100);
    assert!(whole.ends_with('='), "its padding can be lost");
    let unpadded = whole.trim_end_matches('=');
    let cut = &whole[..400];
    let palm = unified(&mut random, BioType::PALM, PALM, 1_000);
    let biodata_of = |version, text: &str| biodata("7", 0, 0, BioType::PALM, version, text);
    let house = House::open().await;
    for (number, (damaged, tag)) in [
        (fp("7", 0, unpadded), "FP"),
        (fp("7", 0, cut), "FP"),
        (fp("7", 0, &format!("{unpadded}!=")), "FP"),
        (fp("7", 0, &whole).replace("Size=1468", "Size=1467"), "FP"),
        (fp("7", 0, &whole).replace("FID=0", "FID=ten"), "FP"),
        (fp("7", 0, &whole).replace("FID=0\t", ""), "FP"),
        (fp("7", 0, &whole).replace("PIN=7", "PIN="), "FP"),
        (fp("7", 0, &whole).replace("PIN=7", "PIN=1234567890123456789012345"), "FP"),
        (fp("7", 0, ""), "FP"),
        (biodata_of((11, 0), &palm), "BIODATA"),
        (biodata_of(PALM, palm.trim_end_matches('=')), "BIODATA"),
        (biodata_of(PALM, &palm).replace("Type=8", "Type=9"), "BIODATA"),
        (biodata_of(PALM, &palm).replace("Pin=7\t", ""), "BIODATA"),
        (user("7 or 8", "Ada"), "USER"),
        (user("7", "Ada").replace("Pri=0", "Pri=all"), "USER"),
        (userpic("7", "/9j/4AAQ").replace("/9j/4AAQ", "/9j/4AA"), "USERPIC"),
        (userpic("7", "/9j/4AA"), "USERPIC"),
        ("OPLOG a great deal\n".to_owned(), "OPLOG"),
        ("WORKCODE PIN=1\tCODE=2-3\tNAME=three\n".to_owned(), "WORKCODE"),
        ("VISITOR PIN=1\tCODE=2\tNAME=three\n".to_owned(), "VISITOR"),
        ("SHORTCUT KeyID=1\tKeyFun=2\n".to_owned(), "SHORTCUT"),
        (format!("{cut}\n"), ""),
    ]
    .into_iter()
    .enumerate()
    {
        let around = [format!("{number}a"), format!("{number}b")];
        let body = [user(&around[0], "Bea"), damaged.clone(), user(&around[1], "Cora")].concat();

        let answer = upload(&house, &body).await;

        assert_eq!((answer.status(), answer.text().as_str()), (200, "OK:3"), "{damaged}");
        for pin in &around {
            assert!(house.content(pin, Slot::USER).await.is_some(), "around {damaged}");
        }
        let held = house.held().await;
        assert_eq!(held.len(), number + 1, "{damaged}");
        let newest = held.iter().max_by_key(|held| held.id).expect("it is held");
        assert_eq!(
            (newest.kind, newest.tag.as_str(), newest.line),
            (HeldKind::Unreadable, tag, Some(2)),
            "{damaged}"
        );
        assert_eq!(house.held_raw(newest.id).await, damaged.trim_end().as_bytes());
        assert!(!newest.reason.is_empty() && !newest.reason.contains(cut), "{}", newest.reason);

        // The same poison again, as devices repeat it for ever: nothing is new but when it last came.
        let before = (house.rows().await.remove("item"), house.head().await);
        house.advance(Duration::from_secs(30));
        assert_eq!(upload(&house, &body).await.text(), "OK:3", "{damaged}");
        let again = house.held().await;
        assert_eq!(again.len(), number + 1, "{damaged}");
        let same = again.iter().find(|again| again.id == newest.id).expect("it is still held");
        assert_eq!((same.times_seen, same.last_at), (2, house.now()), "{damaged}");
        assert_eq!((house.rows().await.remove("item"), house.head().await), before);
    }
    assert!(house.contents(&["7"]).await.is_empty(), "nothing of what is damaged is synchronised");
}

/// Half a template would look like a whole one.
#[tokio::test(flavor = "multi_thread")]
async fn one_damaged_part_holds_the_whole_template_and_no_other() {
    let house = House::open().await;
    let mut random = Random::new(4);
    let mut part = || unified(&mut random, BioType::PALM, PALM, 1_000);
    let (left, right) = ([part(), part(), part()], [part(), part()]);
    let mut body = user("7", "Ada");
    for (index, text) in (0..).zip(&left) {
        let text = if index == 1 { text.trim_end_matches('=') } else { text };
        body += &biodata("7", 0, index, BioType::PALM, PALM, text);
    }
    for (index, text) in (0..).zip(&right) {
        body += &biodata("7", 1, index, BioType::PALM, PALM, text);
    }
    assert_eq!(upload(&house, &body).await.text(), "OK:6");
    assert_eq!(house.held().await.len(), 3, "each part of the damaged one, as it came");
    let palm = |number| Slot::template(BioType::PALM, number, algorithm(PALM));
    assert_eq!(house.content("7", palm(0)).await, None);
    assert_eq!(parts(&house, "7", palm(1)).await, right);
    // It comes again whole.
    let body: String =
        (0..).zip(&left).map(|(index, text)| biodata("7", 0, index, BioType::PALM, PALM, text)).collect();
    assert_eq!(upload(&house, &body).await.text(), "OK:3");
    assert_eq!(parts(&house, "7", palm(0)).await, left);
}

/// Known fault 6: every order of the records of one person comes to the same.
///
/// Obligation 102.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_records_in_a_body_does_not_matter() {
    let house = House::open().await;
    let mut random = Random::new(6);
    let print = fingerprint_10(&mut random, 900);
    let visible = unified(&mut random, BioType::VISIBLE_FACE, FACE_58, 900);
    let palm = [900, 400].map(|bytes| unified(&mut random, BioType::PALM, PALM, bytes));
    let (picture, comparison) = (photo(&mut random, 900), photo(&mut random, 900));
    let records = |pin: &str| {
        [
            user(pin, "Ada"),
            fp(pin, 6, &print),
            biodata(pin, 0, 0, BioType::VISIBLE_FACE, FACE_58, &visible),
            biodata(pin, 0, 0, BioType::PALM, PALM, &palm[0])
                + &biodata(pin, 0, 1, BioType::PALM, PALM, &palm[1]),
            userpic(pin, &picture) + &biophoto(pin, &comparison),
        ]
    };
    let expected: BTreeMap<String, Vec<String>> = [
        (finger(6, (10, 0)), vec![print.clone()]),
        (Slot::template(BioType::VISIBLE_FACE, 0, algorithm(FACE_58)), vec![visible.clone()]),
        (Slot::template(BioType::PALM, 0, algorithm(PALM)), palm.to_vec()),
        (Slot::USER_PHOTO, vec![picture.clone()]),
        (Slot::comparison_photo(BioType::VISIBLE_FACE), vec![comparison.clone()]),
    ]
    .map(|(slot, texts)| (slot.to_string(), texts))
    .into();
    for (number, order) in orders(5).into_iter().enumerate() {
        let pin = format!("{number}");
        let mut records = records(&pin);
        // An operation of the log stands anywhere between.
        let operation =
            format!("OPLOG 4\t0\t2027-03-12 06:{:02}:{:02}\t0\t0\t0\t0\n", number / 60, number % 60);
        records[order[2]].insert_str(0, &operation);
        let body: String = order.iter().map(|place| records[*place].as_str()).collect();
        assert_eq!(upload(&house, &body).await.text(), "OK:8", "{order:?}");
        assert_eq!(texts(&house, &pin).await, expected, "{order:?}");
        assert!(house.content(&pin, Slot::USER).await.is_some(), "{order:?}");
    }
    assert_eq!((house.held().await.len(), house.operations("A1").await.len()), (0, 120));
}

/// All orders of `count` things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let with = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, count - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..count).map(move |place| with(order, place))).collect()
}

/// Known faults 6 and 12: a template that comes before its user waits for it, is taken with it, byte for byte, and goes out
/// after it, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_kept_until_its_user_comes_and_then_follows_it() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.read_back_percent = 0;
    })
    .await;
    let poll = "/iclock/getrequest?SN=B1";
    house.get("/iclock/cdata?SN=B1&options=all&pushver=2.4.1").await;
    house.post("/iclock/cdata?SN=B1&table=options", "FingerFunOn=1,FPVersion=10").await;
    house.get(poll).await;
    house.advance(Duration::from_secs(31));
    assert_eq!(house.get(poll).await.text(), "OK");

    let text = fingerprint_10(&mut Random::new(8), 900);
    assert_eq!(upload(&house, fp("7", 6, &text)).await.text(), "OK:1");
    assert_eq!(parts(&house, "7", finger(6, (10, 0))).await, [""; 0], "nobody knows whose it is");
    assert_eq!(claimed(&house, "A1", "7").await, [(finger(6, (10, 0)), text.clone())]);
    let waiting = house.held().await;
    assert_eq!(waiting.iter().map(|row| row.kind).collect::<Vec<_>>(), [HeldKind::Waiting]);
    assert_eq!(house.get(poll).await.text(), "OK", "of nobody, it goes nowhere");

    assert_eq!(upload(&house, user("7", "Ada")).await.text(), "OK:1");
    assert_eq!(parts(&house, "7", finger(6, (10, 0))).await, [""; 0], "it may be of somebody before her");
    assert_eq!(upload(&house, fp("7", 6, &text)).await.text(), "OK:1", "asked, the device shows it again");
    assert_eq!(parts(&house, "7", finger(6, (10, 0))).await, [text.as_str()]);
    assert_eq!((claimed(&house, "A1", "7").await, house.held().await), (Vec::new(), Vec::new()));
    let mut verbs = Vec::new();
    for _ in 0..4 {
        let commands = house.get(poll).await.text();
        for line in commands.lines().filter(|line| *line != "OK") {
            let (id, command) =
                line.strip_prefix("C:").and_then(|line| line.split_once(':')).expect("a command");
            assert!(
                !command.contains("FINGERTMP") || command.ends_with(&format!("TMP={text}")),
                "byte for byte"
            );
            verbs.push(command.split('\t').next().unwrap_or_default().to_owned());
            house.post("/iclock/devicecmd?SN=B1", format!("ID={id}&Return=0&CMD=DATA\n")).await;
        }
    }
    assert_eq!(verbs, ["DATA UPDATE USERINFO PIN=7", "DATA UPDATE FINGERTMP PIN=7"]);
}

/// Known fault 15: templates of different algorithms are different things.
///
/// Obligation 140.
#[tokio::test(flavor = "multi_thread")]
async fn several_versions_of_one_finger_stand_side_by_side() {
    let house = House::open().await;
    let mut random = Random::new(15);
    let old = "ocoVzJF9FTD618y3cJfL7Ep2SISewKIWUY04".repeat(10);
    let ten = fingerprint_10(&mut random, 900);
    let unified_ten = unified(&mut random, BioType::FINGERPRINT, (10, 3), 900);
    let thirteen = unified(&mut random, BioType::FINGERPRINT, (13, 0), 900);
    let body = [
        user("7", "Ada"),
        fp("7", 6, &old),
        fp("7", 6, &ten),
        biodata("7", 6, 0, BioType::FINGERPRINT, (10, 3), &unified_ten),
        biodata("7", 6, 0, BioType::FINGERPRINT, (13, 0), &thirteen),
    ]
    .concat();
    assert_eq!(upload(&house, &body).await.text(), "OK:5");
    for (version, text) in [((9, 0), old), ((10, 0), ten), ((10, 3), unified_ten), ((13, 0), thirteen)] {
        assert_eq!(parts(&house, "7", finger(6, version)).await, [text], "{version:?}");
    }
    let again = house.rows().await;
    assert_eq!(upload(&house, &body).await.text(), "OK:5");
    assert_eq!(house.rows().await, again, "none of them replaces another");
}

/// Known fault 16: a face of twelve parts is all there or not there.
///
/// Obligation 134.
#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_face_may_come_in_several_requests() {
    let house = House::open().await;
    house.post("/iclock/cdata?SN=A1&table=options", "FaceFunOn=1,FaceVersion=7").await;
    let mut random = Random::new(16);
    let texts: Vec<String> = (0..12).map(|_| photo(&mut random, 1_000)).collect();
    let slot = Slot::template(BioType::FACE, 0, Algorithm { format: Format::FaceParts, major: 7, minor: 0 });
    upload(&house, user("7", "Ada")).await;
    let lines: Vec<String> = (0..).zip(&texts).map(|(part, text)| face("7", part, text)).collect();
    for some in lines.chunks(5) {
        assert_eq!(house.content("7", slot).await, None, "not before it is whole");
        assert_eq!(upload(&house, some.concat()).await.text(), format!("OK:{}", some.len()));
    }
    assert_eq!(parts(&house, "7", slot).await, texts);
    let rows = house.rows().await;
    assert_eq!(rows["part_set"].len(), 0, "nothing of it is left behind");
    // All of it again, in other pieces: nothing is new.
    for some in lines.chunks(4) {
        upload(&house, some.concat()).await;
    }
    assert_eq!(house.rows().await, rows);
}

/// Known fault 13: what cannot be read here is acknowledged because it is kept.
///
/// Obligations 18, 29, 97, 98, 100, 101.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_kept_as_it_came_and_acknowledged_once_and_again() {
    let house = keeping_punches().await;
    let package = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &Random::new(9).bytes(5_000)].concat();
    let picture = b"PIN=20270312065301-7.jpg\nSN=A1\nsize=5\nCMD=uploadphoto".to_vec();
    for (number, (query, table, kind, body, answer)) in [
        ("table=ATTLOG", "ATTLOG", HeldKind::Unreadable, b"8\tnever".to_vec(), "OK:1"),
        ("table=ATTPHOTO", "ATTPHOTO", HeldKind::Unreadable, picture, "OK"),
        ("table=IDCARD", "IDCARD", HeldKind::Unreadable, b"IDCARD PIN=0\tPhoto=/9j/4AA".to_vec(), "OK:1"),
        ("table=ERRORLOG", "ERRORLOG", HeldKind::Unreadable, b"ERRORLOG ErrMsg=\tCmdId=1".to_vec(), "OK"),
        (
            "table=UNHEARD_OF",
            "UNHEARD_OF",
            HeldKind::UnreadTable,
            b"\x00\x01 anything\nat all\xff".to_vec(),
            "OK:2",
        ),
        ("table=OPERLOG&ContentType=tgz", "OPERLOG", HeldKind::UnreadTable, package, "OK:1"),
    ]
    .into_iter()
    .enumerate()
    {
        for times_seen in 1..=3 {
            let got = house.post(&format!("/iclock/cdata?SN=A1&Stamp=9999&{query}"), &body).await;
            assert_eq!((got.status(), got.text().as_str()), (200, answer), "{query}");
            let held = house.held().await;
            assert_eq!(held.len(), number + 1, "{query}: the same again adds no row");
            let newest = held.iter().max_by_key(|held| held.id).expect("it is held");
            assert_eq!((newest.kind, newest.table.as_deref()), (kind, Some(table)));
            assert_eq!(newest.times_seen, times_seen, "{query}");
            assert_eq!(house.held_raw(newest.id).await, body, "{query}");
        }
    }
    assert_eq!(house.head().await, 0, "nothing of it is synchronised");
}

#[tokio::test(flavor = "multi_thread")]
async fn punches_that_an_operator_does_not_want_are_acknowledged_and_dropped() {
    let house = House::open().await;
    house.get("/iclock/ping?SN=A1").await;
    let before = house.rows().await;
    for (table, body, answer) in [
        ("ATTLOG", &b"7\t2027-03-12 06:53:01\t0\t1\n"[..], "OK:1"),
        ("ATTPHOTO", b"PIN=x.jpg\n\0\xff\xd8", "OK"),
    ] {
        assert_eq!(house.post(&format!("/iclock/cdata?SN=A1&table={table}"), body).await.text(), answer);
    }
    assert_eq!(house.rows().await, before);
}

/// Obligation 106.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_holds_no_records() {
    let house = keeping_punches().await;
    house.get("/iclock/ping?SN=A1").await;
    for body in ["", "\n", "\r\n\r\n", "\n\n\0"] {
        for table in ["OPERLOG", "BIODATA", "ATTLOG", "IDCARD", "UNHEARD_OF"] {
            let answer = house.post(&format!("/iclock/cdata?SN=A1&table={table}"), body).await;
            assert_eq!((answer.status(), answer.text().as_str()), (200, "OK:0"), "{table} {body:?}");
        }
    }
    assert_eq!((house.held().await.len(), house.head().await), (0, 0));
}

/// Old devices name the mark of an upload in several ways, or have none.
///
/// Obligations 103, 104, 105, 106.
#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_an_upload_is_kept_under_whatever_name_it_comes() {
    let house = House::open().await;
    for (query, table, mark) in [
        ("table=OPERLOG&Stamp=9999", "OPERLOG", "9999"),
        ("table=OPERLOG&OpStamp=871", "OPERLOG", "871"),
        ("table=OPERLOG&OPERLOGStamp=a-b", "OPERLOG", "a-b"),
        ("table=OPERLOG", "OPERLOG", "a-b"),
        ("table=BIODATA&BIODATAStamp=12&Count=3&PackCnt=1&PackIdx=1&CmdId=7", "BIODATA", "12"),
        ("table=ATTLOG&stamp=5", "ATTLOG", "5"),
    ] {
        assert_eq!(house.post(&format!("/iclock/cdata?SN=A1&{query}"), "").await.text(), "OK:0", "{query}");
        let stamp = &house.stamps("A1").await[table];
        assert_eq!(stamp.stamp.as_deref(), Some(mark), "{query}");
    }
}

/// Obligations 22, 23, 24, 25, 28.
#[tokio::test(flavor = "multi_thread")]
async fn lines_end_as_devices_end_them() {
    let house = House::open().await;
    let lines = [
        "USER PIN=1\tName=Ada Byron",
        "USER\tPIN=2\tName=Bea",
        "user pin=3\tNAME=Cora=C",
        "USER PIN=4\tName=",
    ];
    for (end, tail) in [("\n", ""), ("\n", "\n"), ("\r\n", "\r\n"), ("\n\n", "\0"), ("\r\n\r\n", "\r\n\0\0")]
    {
        let body = lines.join(end) + tail;
        assert_eq!(upload(&house, &body).await.text(), "OK:4", "{body:?}");
    }
    for (pin, name) in [("1", "Ada Byron"), ("2", "Bea"), ("3", "Cora=C"), ("4", "")] {
        let held = house.content(pin, Slot::USER).await;
        assert!(matches!(held, Some(Content::User(user)) if user.name == name), "{pin}");
    }
    assert_eq!((house.held().await.len(), house.head().await), (0, 8), "four users and memberships, once");
}

/// Known fault 18: a PIN is text.
///
/// Obligation 36.
#[tokio::test(flavor = "multi_thread")]
async fn pins_are_compared_byte_for_byte() {
    let house = House::open().await;
    let pins = ["7", "07", "007", "B1", "a1", "123456789012345678901234", "00000000000000000000"];
    let body: String = pins.map(|pin| user(pin, &format!("Person {pin}"))).concat();
    assert_eq!(upload(&house, body).await.text(), "OK:7");
    for pin in pins {
        let held = house.content(pin, Slot::USER).await;
        assert!(matches!(held, Some(Content::User(user)) if user.name == format!("Person {pin}")), "{pin}");
    }
}
