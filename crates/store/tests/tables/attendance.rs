//! Attendance records, their pictures, and the device records that are not about people.

use store::{DeviceRecordKind, Finished, NewAttendancePhoto, NewPunch, PunchFilter, PunchRow};
use wire::Punch;

use crate::fleet::{Fleet, at, pin};

fn punch(line: &str) -> NewPunch {
    NewPunch {
        punch: Punch::read(line.as_bytes(), false).expect("a punch"),
        raw: line.into(),
        time_zone: "Europe/Vienna".into(),
        reads_cards: false,
    }
}

fn lines(rows: &[PunchRow]) -> Vec<&str> {
    rows.iter().map(|row| str::from_utf8(&row.raw).expect("a line")).collect()
}

/// Obligation 111.
#[tokio::test]
async fn a_punch_is_identified_by_device_pin_time_status_and_verification() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let first = [punch("7\t2027-03-12 08:01:15\t0\t1\t\t0\t0")];
    assert_eq!(tx.keep_punches(one, &first, at(1)).await.expect("kept"), 1);

    // Another work code makes no difference.
    let again = [punch("7\t2027-03-12 08:01:15\t0\t1\t4\t0\t0"), first[0].clone()];
    assert_eq!(tx.keep_punches(one, &again, at(2)).await.expect("kept"), 0);
    for other in [
        "8\t2027-03-12 08:01:15\t0\t1",
        "7\t2027-03-12 08:01:16\t0\t1",
        "7\t2027-03-12 08:01:15\t1\t1",
        "7\t2027-03-12 08:01:15\t0\t15",
        "7\t2027-03-12 08:01:15\t0",
        "7\t2027-03-12 08:01:15",
    ] {
        assert_eq!(tx.keep_punches(one, &[punch(other)], at(3)).await.expect("kept"), 1, "{other}");
    }
    assert_eq!(tx.keep_punches(two, &first, at(4)).await.expect("kept"), 1);

    let filter = PunchFilter { device: Some(two), ..PunchFilter::default() };
    let kept = tx.punches(&filter, None, 10).await.expect("read");
    assert_eq!(
        (kept.len(), &kept[0].punch, kept[0].time_zone.as_str(), kept[0].received_at),
        (1, &first[0].punch, "Europe/Vienna", at(4))
    );
}

#[tokio::test]
async fn punches_are_read_page_by_page_in_the_order_of_their_times() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let mut all = Vec::new();
    for second in 0..30 {
        // Two devices, and several people in one second.
        let lines: Vec<String> =
            ["7", "8", ""].iter().map(|who| format!("{who}\t2027-03-12 08:00:{second:02}\t0\t1")).collect();
        let punches: Vec<NewPunch> = lines.iter().map(|line| punch(line)).collect();
        for device in [one, two] {
            tx.keep_punches(device, &punches, at(0)).await.expect("kept");
            all.extend(lines.clone());
        }
    }
    let everything = PunchFilter::default();
    let mut read = tx.punches(&everything, None, 7).await.expect("read");
    while let Some(last) = read.last().cloned() {
        let page = tx.punches(&everything, Some(&last), 7).await.expect("read");
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    let mut found: Vec<String> = lines(&read).into_iter().map(str::to_owned).collect();
    assert!(read.is_sorted_by_key(|row| (row.punch.time.clone(), row.device)));
    found.sort();
    all.sort();
    assert_eq!(found, all, "each record once");
    let last = tx.last_punches(&everything, 2).await.expect("read");
    assert!(last.iter().all(|row| row.punch.time == "2027-03-12 08:00:29" && row.device == two));
}

#[tokio::test]
async fn punches_are_found_by_day_second_and_person() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let all = [
        "7\t2027-03-11 23:59:59\t0\t1",
        "\t2027-03-12 00:00:00\t0\t1",
        "7\t2027-03-12 23:59:59\t0\t1",
        "a7\t2027-03-13 00:00:00\t0\t1",
    ];
    tx.keep_punches(device, &all.map(punch), at(0)).await.expect("kept");
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (
            PunchFilter { from: text("2027-03-12"), to: text("2027-03-12"), ..PunchFilter::default() },
            &all[1..3],
        ),
        (PunchFilter { from: text("2027-03-12 23:59:59"), ..PunchFilter::default() }, &all[2..]),
        (PunchFilter { to: text("2027-03-12 00:00:00"), ..PunchFilter::default() }, &all[..2]),
        (PunchFilter { pin: text(""), ..PunchFilter::default() }, &all[1..2]),
        (PunchFilter { pin: text("A7"), ..PunchFilter::default() }, &all[..0]),
    ] {
        let found = tx.punches(&filter, None, 10).await.expect("read");
        assert_eq!(lines(&found), expected, "{filter:?}");
        let mut last = tx.last_punches(&filter, 10).await.expect("read");
        last.reverse();
        assert_eq!(lines(&last), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_picture_is_stored_once_and_read_back_byte_for_byte() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let photo = NewAttendancePhoto {
        file_name: "20270312080115-3-7-990101198001011234.jpg".into(),
        pin: "7".into(),
        time: Some("2027-03-12 08:01:15".into()),
        photo_type: Some(3),
        doubtful: false,
        picture: b"\xff\xd8\0\n\xd9".to_vec(),
    };
    assert!(tx.keep_attendance_photo(device, &photo, at(1)).await.expect("kept"));
    assert!(!tx.keep_attendance_photo(device, &photo, at(2)).await.expect("kept"));
    let other = NewAttendancePhoto { time: None, picture: b"\xff\xd8".to_vec(), ..photo.clone() };
    assert!(tx.keep_attendance_photo(device, &other, at(3)).await.expect("kept"));

    let day = PunchFilter { from: Some("2027-03-12".into()), ..PunchFilter::default() };
    let found = tx.attendance_photos(&day, 10).await.expect("read");
    assert_eq!(found.len(), 1);
    let (row, name, picture) = tx.attendance_photo(found[0].id).await.expect("read").expect("there");
    assert_eq!((name, picture), (photo.file_name, photo.picture));
    assert_eq!((row.bytes, row.photo_type, row.received_at), (5, Some(3), at(1)));
    assert_eq!(tx.attendance_photos(&PunchFilter::default(), 10).await.expect("read").len(), 2);
    assert!(tx.attendance_photo(99).await.expect("read").is_none());
}

#[tokio::test]
async fn a_record_is_stored_as_received_and_a_repeated_one_is_counted() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let card = b"IDCARD PIN=7\tIDNum=990101198001011234";
    assert!(
        tx.keep_record(device, DeviceRecordKind::IdCard, Some(&pin("7")), card, at(1)).await.expect("kept")
    );
    assert!(
        !tx.keep_record(device, DeviceRecordKind::IdCard, Some(&pin("7")), card, at(5)).await.expect("kept")
    );
    assert!(tx.keep_record(device, DeviceRecordKind::Verification, None, card, at(6)).await.expect("kept"));

    let found = tx.records(Some(DeviceRecordKind::IdCard), Some(device), 10).await.expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].first_at, found[0].last_at, found[0].times_seen), (at(1), at(5), 2));
    let (row, raw) = tx.record(found[0].id).await.expect("read").expect("there");
    assert_eq!((row.pin, raw.as_slice()), (Some(pin("7")), &card[..]));
    assert_eq!(tx.records(None, None, 10).await.expect("read").len(), 2);
}

#[tokio::test]
async fn each_kind_is_deleted_after_its_own_time() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.keep_punches(device, &[punch("7\t2020-03-12 08:01:15")], at(5)).await.expect("kept");
    let photo = NewAttendancePhoto {
        file_name: "x.jpg".into(),
        pin: String::new(),
        time: None,
        photo_type: None,
        doubtful: true,
        picture: b"x".to_vec(),
    };
    tx.keep_attendance_photo(device, &photo, at(5)).await.expect("kept");
    tx.keep_record(device, DeviceRecordKind::Error, None, b"ERRORLOG", at(5)).await.expect("kept");
    tx.keep_record(device, DeviceRecordKind::Message, None, b"SMS", at(5)).await.expect("kept");
    tx.give_remotely(device, &pin("7"), at(5)).await.expect("noted");
    for what in [
        Finished::Attendance,
        Finished::AttendancePhotos,
        Finished::Errors,
        Finished::Records,
        Finished::RemoteUsers,
    ] {
        assert_eq!(tx.forget(what, at(5), 9).await.expect("forgotten"), 0, "{what:?}");
        assert_eq!(tx.forget(what, at(6), 9).await.expect("forgotten"), 1, "{what:?}");
    }
}

#[tokio::test]
async fn a_user_sent_for_a_punch_is_known_for_that_device_only() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    tx.give_remotely(one, &pin("7"), at(1)).await.expect("noted");
    tx.give_remotely(one, &pin("7"), at(2)).await.expect("noted");
    tx.give_remotely(two, &pin("8"), at(2)).await.expect("noted");
    let given = tx.given_remotely(one, &[pin("7"), pin("8"), pin("9")]).await.expect("read");
    assert_eq!(given.into_iter().collect::<Vec<_>>(), [pin("7")]);
}
