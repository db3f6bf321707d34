//! Records of each kind as devices sent them, and their typed values.

use wire::{
    Base64, BioData, BioFormat, BioType, Card, ComparisonPhoto, DeletedPart, FacePart, FieldError,
    FingerVein, Fingerprint, Operation, OperationMeaning, Pin, Record, User, UserPhoto, count_lines, records,
};

use crate::capture::Capture;

pub fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

pub fn base64(text: &str) -> Base64<'_> {
    Base64::read(text.as_bytes()).expect("valid base64")
}

fn only(body: &str) -> Result<Record<'_>, FieldError> {
    let mut lines = records(Some("OPERLOG"), body.as_bytes());
    let line = lines.next().expect("a line");
    assert!(lines.next().is_none(), "one line");
    line.record.map_err(|error| error.source)
}

#[test]
fn a_user_of_a_newer_device_is_read() {
    let user = User {
        name: Some(b"zvkt".to_vec()),
        privilege: Some(0),
        password: Some("7".to_owned()),
        card: Some(Card::None),
        group: Some(1),
        time_zones: Some("0000000100000000".to_owned()),
        verify: Some(-1),
        vice_card: Some(Card::None),
        start: Some("0".to_owned()),
        end: Some("0".to_owned()),
        ..User::new(pin("5"))
    };
    assert_eq!(Capture::read("a06-operlog-user").record(), Record::User(user));
}

#[test]
fn a_user_with_a_chinese_name_and_no_validity_is_read() {
    let user = User {
        name: Some("周雨林".as_bytes().to_vec()),
        privilege: Some(0),
        password: Some(String::new()),
        card: Some(Card::None),
        group: Some(1),
        time_zones: Some("0000000100000000".to_owned()),
        verify: Some(0),
        vice_card: Some(Card::None),
        ..User::new(pin("2093847156"))
    };
    assert_eq!(Capture::read("f02-operlog-user-chinese").record(), Record::User(user));
}

#[test]
fn a_fingerprint_of_an_old_device_is_read() {
    let capture = Capture::read("d01-operlog-fp");
    let template = base64(capture.value("TMP"));
    assert_eq!(template.as_str().len(), 816);
    let fingerprint = Fingerprint { pin: pin("4"), finger: 6, valid: 1, template };
    assert_eq!(capture.record(), Record::Fingerprint(fingerprint));
}

#[test]
fn a_fingerprint_as_unified_template_keeps_finger_version_and_padding() {
    let capture = Capture::read("b04-biodata-fp10-format-zk");
    let template = base64(capture.value("Tmp"));
    assert!(template.as_str().ends_with("IjQ=="), "the padding is there");
    let fingerprint = BioData {
        pin: pin("2"),
        number: 6,
        index: 0,
        valid: 1,
        duress: 0,
        bio_type: BioType::FINGERPRINT,
        major: 10,
        minor: 0,
        format: BioFormat::Zk,
        template,
    };
    assert_eq!(capture.record(), Record::BioData(fingerprint));
}

#[test]
fn a_visible_light_face_is_read() {
    let capture = Capture::read("a08-biodata-face58");
    let Record::BioData(face) = capture.record() else { panic!("a unified template") };
    assert_eq!((face.bio_type, face.major, face.minor), (BioType::VISIBLE_FACE, 58, 10));
    assert_eq!(face.template, base64(capture.value("Tmp")));
    // The header within the template has the right length, so nothing was lost.
    assert_eq!(face.template.decode().get(4..6), Some(&u16::to_le_bytes(0x0810)[..]));
    assert_eq!(face.template.decoded_len(), 0x0810);
}

#[test]
fn all_parts_of_faces_and_palms_are_read_in_their_order() {
    for (name, bio_type, major, parts) in [
        ("a07-biodata-palm12-5parts", BioType::PALM, 12, 5),
        ("a13-biodata-palm5-6parts", BioType::PALM, 5, 6),
        ("b03-biodata-face12-15parts", BioType::FACE, 12, 15),
    ] {
        let capture = Capture::read(name);
        let parts_of = |record| match record {
            Record::BioData(part) => (part.index, part.bio_type, part.major),
            _ => panic!("a unified template"),
        };
        let read: Vec<_> = capture.records().into_iter().map(parts_of).collect();
        let expected: Vec<_> = (0..parts).map(|index| (index, bio_type, major)).collect();
        assert_eq!(read, expected, "{name}");
        assert_eq!(count_lines(&capture.body), usize::from(parts), "{name}");
    }
}

#[test]
fn a_comparison_photo_of_type_0_under_operlog_is_read() {
    let capture = Capture::read("a10-operlog-biophoto-type0");
    let content = base64(capture.value("Content"));
    assert!(content.as_str().ends_with("/2Q=="), "the padding is there");
    let photo = ComparisonPhoto {
        pin: pin("5"),
        file_name: Some("5.jpg".to_owned()),
        bio_type: BioType(0),
        number: None,
        index: None,
        content,
    };
    assert_eq!(capture.record(), Record::ComparisonPhoto(photo));
}

/// Obligation 135.
#[test]
fn a_user_and_its_photo_in_one_body_are_read() {
    let capture = Capture::read("b05-operlog-user-userpic");
    let records = capture.records();
    let [Record::User(user), Record::UserPhoto(photo)] = records.as_slice() else {
        panic!("a user and a photo")
    };
    assert_eq!(user.name.as_deref(), Some(&b"Teshale M"[..]));
    assert_eq!(user.privilege, Some(14));
    let content = base64(capture.value("Content"));
    let expected = UserPhoto { pin: pin("2"), file_name: Some("2.jpg".to_owned()), content };
    assert_eq!(*photo, expected);
    assert!(photo.content.decode().ends_with(&[0xFF, 0xD9]), "the JPEG is whole");
}

#[test]
fn a_size_that_counts_bytes_is_accepted() {
    // This crate does not read the access-control dialect, but the size in its photo is as some attendance devices
    // send it.
    let capture = Capture::read("v02-acc-tabledata-userpic-rawsize");
    let Record::UserPhoto(photo) = capture.record() else { panic!("a photo") };
    assert_eq!(photo.content.decoded_len(), 5610);
    assert_eq!(photo.content, base64(capture.value("content")));
}

#[test]
fn enrolments_and_a_deletion_name_their_user() {
    let meanings = |name| {
        let meaning = |record| match record {
            Record::Operation(operation) => operation.meaning(),
            _ => panic!("an operation"),
        };
        Capture::read(name).records().into_iter().map(meaning).collect::<Vec<_>>()
    };
    let enrolled = OperationMeaning::Enrolled(pin("5"));
    assert_eq!(meanings("a09-operlog-114-101"), [enrolled.clone(), enrolled]);
    assert_eq!(meanings("a11-operlog-103-user-deleted"), [OperationMeaning::UserDeleted(pin("5"))]);
    let finger = OperationMeaning::PartDeleted { pin: pin("311"), part: DeletedPart::Fingerprints };
    assert_eq!(meanings("n08-oplog-finger-deleted"), [finger]);
}

#[test]
fn a_restored_device_reports_it_before_its_outdated_users() {
    let capture = Capture::read("n09-oplog-restored-then-users");
    let records = capture.records();
    let [Record::Operation(restored), Record::User(user)] = records.as_slice() else {
        panic!("an operation and a user: {records:?}")
    };
    assert_eq!(restored.meaning(), OperationMeaning::Restored);
    assert_eq!(user.pin, pin("290"));
}

#[test]
fn the_operations_of_a_start_are_read() {
    let capture = Capture::read("a03-operlog-boot");
    let records = capture.records();
    assert_eq!(records.len(), 6);
    let started = Operation {
        code: 0,
        operator: "0".to_owned(),
        time: "2024-03-12 09:19:24".to_owned(),
        operands: ["0", "0", "0", "0"].map(str::to_owned),
    };
    assert_eq!(records.first(), Some(&Record::Operation(started)));
    let Some(Record::Operation(setting)) = records.get(3) else { panic!("an operation") };
    assert_eq!(setting.operands.first().map(String::as_str), Some("DHCP"));
}

#[test]
fn a_history_of_operations_and_fingerprints_with_crlf_is_read() {
    let capture = Capture::read("e03-operlog-mixed-fp9");
    let records = capture.records();
    assert_eq!(records.len(), 9);
    let fingers: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Fingerprint(fingerprint) => {
                Some((fingerprint.finger, fingerprint.template.as_str().len()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(fingers, [(0, 440), (1, 332)]);
    assert_eq!(count_lines(&capture.body), 9);
}

// No capture of these two records is public; the lines follow the vendor's samples.

/// Obligation 133.
#[test]
fn a_part_of_a_face_is_read() {
    let line = "FACE PIN=1007\tFID=0\tSIZE=32\tVALID=0\tTMP=AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE=";
    let part = FacePart {
        pin: pin("1007"),
        part: 0,
        valid: 0,
        template: base64("AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE="),
    };
    assert_eq!(only(line), Ok(Record::FacePart(part)));
}

#[test]
fn a_finger_vein_is_read() {
    let line = "FVEIN Pin=1007\tFID=6\tIndex=2\tSize=12\tValid=1\tTmp=U2FtcGxlRlYx";
    let template = base64("U2FtcGxlRlYx");
    let vein = FingerVein { pin: pin("1007"), finger: 6, index: 2, valid: 1, template };
    assert_eq!(only(line), Ok(Record::FingerVein(vein)));
}

/// Obligation 135.
#[test]
fn a_comparison_photo_may_have_a_number_and_an_index() {
    let line = "BIOPHOTO PIN=7\tFileName=\tType=9\tNo=0\tIndex=1\tSize=4\tContent=QUJD";
    let Ok(Record::ComparisonPhoto(photo)) = only(line) else { panic!("a photo") };
    assert_eq!((photo.number, photo.index, photo.file_name), (Some(0), Some(1), None));
}

/// Obligation 131.
#[test]
fn a_length_that_differs_from_the_announced_one_is_an_error() {
    let damaged = FieldError::Length { field: "TMP", announced: 8, held: 4 };
    assert_eq!(only("FP PIN=7\tFID=0\tSize=8\tValid=1\tTMP=QUJD"), Err(damaged));
    for accepted in ["Size=4", "Size=3", "Size=0", "Size=", "SIZE=4"] {
        assert!(only(&format!("FP PIN=7\tFID=0\t{accepted}\tTMP=QUJD")).is_ok(), "{accepted}");
    }
}

#[test]
fn a_template_without_a_version_or_with_an_eleventh_finger_is_refused() {
    let of = |pair: &str| only(&format!("BIODATA Pin=7\t{pair}\tTmp=QUJD")).map(|_| ());
    assert_eq!(of("Type=1\tMinorVer=0"), Err(FieldError::Missing { field: "MajorVer" }));
    assert_eq!(of("Type=1\tMajorVer=10"), Err(FieldError::Missing { field: "MinorVer" }));
    assert_eq!(of("MajorVer=10\tMinorVer=0"), Err(FieldError::Missing { field: "Type" }));
    assert_eq!(of("Type=1\tMajorVer=10\tMinorVer=0"), Ok(()));
    assert_eq!(
        only("FP PIN=7\tFID=10\tTMP=QUJD").map(|_| ()),
        Err(FieldError::Range { field: "FID", low: 0, high: 9 })
    );
}

#[test]
fn every_format_of_a_template_has_its_number() {
    for (text, format) in [
        ("", BioFormat::Zk),
        ("0", BioFormat::Zk),
        ("ZK", BioFormat::Zk),
        ("zk", BioFormat::Zk),
        ("1", BioFormat::Iso),
        ("2", BioFormat::Ansi),
        ("7", BioFormat::Other(7)),
    ] {
        let line = format!("BIODATA Pin=7\tType=1\tMajorVer=10\tMinorVer=3\tFormat={text}\tTmp=QUJD");
        let Ok(Record::BioData(template)) = only(&line) else { panic!("a template") };
        assert_eq!(template.format, format, "{text}");
    }
}
