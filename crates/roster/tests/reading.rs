//! Reading of upload lines.

mod support;

use roster::{Algorithm, Capability, Content, Format, Reading, Slot, Template, read};
use support::{body, face_lines, items, only, print, slot, told};
use wire::BioType;

#[test]
fn a_damaged_template_does_not_lose_its_neighbours() {
    let device = told(&[("FPVersion", "10")]);
    let whole = [print(0, 1, 32), print(1, 1, 31), print(2, 1, 32), "USER PIN=8\tName=Bo".into()].join("\n");
    let readings = read(Some("OPERLOG"), whole.as_bytes(), &device);
    let kinds: Vec<&str> = readings
        .iter()
        .map(|reading| match reading {
            Reading::User { .. } => "user",
            Reading::Item { .. } => "item",
            Reading::Definition { .. } => "definition",
            Reading::Operation { .. } => "operation",
            Reading::Unreadable { .. } => "unreadable",
        })
        .collect();
    assert_eq!(kinds, ["item", "unreadable", "item", "user"]);
    let Reading::Unreadable { line, tag, reason, raw } = &readings[1] else {
        panic!("the second line is damaged")
    };
    assert_eq!((*line, tag.as_str(), *raw), (2, "FP", print(1, 1, 31).as_bytes()));
    assert!(!reason.contains("AAEC"), "{reason}");
}

#[test]
fn two_generations_in_a_row_are_two_items() {
    let body = body("a13-biodata-palm5-6parts.http");
    let twice = [body.clone(), b"\n".to_vec(), body].concat();
    let items = items(Some("BIODATA"), &twice, &Capability::default());
    assert_eq!(items.len(), 2);
    assert_eq!(items[0], items[1]);
}

/// Checks that two records of one finger in two forms are one item.
fn one_item(first: &str, second: &str, device: &Capability) {
    assert_eq!(only(None, first, device), only(None, second, device));
}

const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

#[test]
fn a_duress_finger_is_one_in_either_form() {
    let device = told(&[("FPVersion", "10")]);
    let unified = format!(
        "BIODATA Pin=7\tNo=4\tIndex=0\tValid=1\tDuress=1\tType=1\tMajorVer=10\tMinorVer=0\tFormat=0\tTmp={TEXT}"
    );
    one_item(&print(4, 3, 32), &unified, &device);
}

#[test]
fn a_finger_vein_is_one_in_either_form() {
    let device = told(&[("FvVersion", "3")]);
    let classic = format!("FVEIN Pin=7\tFID=4\tIndex=0\tSize=32\tValid=1\tTmp={TEXT}");
    let unified = format!(
        "BIODATA Pin=7\tNo=4\tIndex=0\tValid=1\tDuress=0\tType=7\tMajorVer=3\tMinorVer=0\tFormat=0\tTmp={TEXT}"
    );
    one_item(&classic, &unified, &device);
}

#[test]
fn the_templates_of_a_vein_finger_are_parts_of_one_item() {
    let vein = |index| format!("FVEIN Pin=7\tFID=4\tIndex={index}\tSize=32\tValid=1\tTmp={TEXT}\n");
    let upload: String = [0, 1, 2].map(vein).concat();
    let (key, content) = only(None, &upload, &told(&[("FvVersion", "3")]));
    let Content::Template(template) = content else { panic!("a finger vein is a template") };
    assert!(template.complete(&key.slot));
    assert_eq!(template.parts.len(), 3);
}

#[test]
fn a_face_in_parts_is_not_a_unified_face() {
    let device = told(&[("FaceVersion", "7")]);
    let unified = format!(
        "BIODATA Pin=7\tNo=0\tIndex=0\tValid=1\tDuress=0\tType=2\tMajorVer=7\tMinorVer=0\tFormat=0\tTmp={TEXT}"
    );
    let (parts, _) = only(None, &face_lines(0..12, 0), &device);
    let (whole, _) = only(None, &unified, &device);
    assert_eq!(parts.slot, slot(BioType::FACE, 0, Format::FaceParts, 7, 0));
    assert_eq!(whole.slot, slot(BioType::FACE, 0, Format::Zk, 7, 0));
}

/// Obligation 132.
#[test]
fn the_device_completes_the_version_of_a_header() {
    let body = body("d01-operlog-fp.http");
    let version = |device: &Capability| items(None, &body, device).remove(0).0.slot.algorithm;
    let algorithm = |major, minor| Algorithm { format: Format::Zk, major, minor };
    assert_eq!(version(&told(&[("MultiBioVersion", "0:10.3")])), algorithm(10, 3));
    // The header is more reliable for the major version than the device.
    assert_eq!(version(&told(&[("MultiBioVersion", "0:13.1")])), algorithm(10, 0));
}

#[test]
fn each_reading_has_its_line_numbers() {
    let upload = format!("\n{}USER PIN=8\tName=Bo\r\n", face_lines(0..3, 0));
    let readings = read(Some("OPERLOG"), upload.as_bytes(), &Capability::default());
    let [Reading::Item { line, raw, .. }, Reading::User { line: user_line, raw: user, .. }] =
        readings.as_slice()
    else {
        panic!("{} readings", readings.len())
    };
    assert_eq!((*line, *user_line, *user), (2, 5, b"USER PIN=8\tName=Bo".as_slice()));
    assert_eq!(*raw, face_lines(0..3, 0).trim_end().as_bytes());
}

#[test]
fn the_table_decides_for_lines_without_a_tag() {
    let device = told(&[("FPVersion", "10")]);
    let tagged = print(2, 1, 32);
    let bare = tagged.strip_prefix("FP ").expect("the line has a tag");
    assert_eq!(only(Some("FINGERTMP"), bare, &device), only(None, &tagged, &device));
}

#[test]
fn a_broken_line_makes_its_template_unreadable() {
    let mut broken = body("a07-biodata-palm12-5parts.http");
    // A line end within the payload of the third part.
    let third = broken.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("five lines").0;
    broken.insert(third + 1_000, b'\n');
    let readings = read(Some("BIODATA"), &broken, &Capability::default());
    assert_eq!(readings.len(), 6);
    assert!(readings.iter().all(|reading| matches!(reading, Reading::Unreadable { .. })));
}

#[test]
fn a_wholly_unreadable_line_may_be_the_last_part() {
    let mut damaged = body("a07-biodata-palm12-5parts.http");
    let last = damaged.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(3).expect("five lines").0;
    damaged.truncate(last + 1);
    damaged.extend(b"BIODATA P\xFF\xFE");
    let readings = read(Some("BIODATA"), &damaged, &Capability::default());
    assert_eq!(readings.len(), 5);
    assert!(readings.iter().all(|reading| matches!(reading, Reading::Unreadable { .. })));
}

#[test]
fn a_template_that_is_repeated_after_a_damaged_one_is_read() {
    let whole = body("a08-biodata-face58.http");
    let mut upload = whole[..800].to_vec();
    upload.push(b'\n');
    upload.extend(&whole);
    let readings = read(Some("BIODATA"), &upload, &Capability::default());
    let [Reading::Unreadable { line: 1, .. }, Reading::Item { line: 2, .. }] = readings.as_slice() else {
        panic!("{} readings", readings.len())
    };
}

#[test]
fn a_template_with_a_gap_is_incomplete() {
    let slot = Slot::template(BioType::PALM, 0, Algorithm { format: Format::Zk, major: 12, minor: 0 });
    let of = |indices: &[u8]| Template {
        parts: indices
            .iter()
            .map(|&index| roster::Part { index, valid: 1, duress: false, text: TEXT.into() })
            .collect(),
    };
    for (indices, complete) in
        [(vec![0], true), (vec![0, 1, 2], true), (vec![], false), (vec![1], false), (vec![0, 2], false)]
    {
        assert_eq!(of(&indices).complete(&slot), complete, "{indices:?}");
    }
}

/// Obligation 27.
#[test]
fn unknown_keys_and_columns_are_ignored_and_stay_in_the_record() {
    let known = b"USER PIN=7\tName=Ada\tPri=0\n".as_slice();
    let newer = b"USER PIN=7\tMood=fine\tName=Ada\tPri=0\tX=\n".as_slice();
    let device = Capability::default();
    let of = |body| match read(Some("OPERLOG"), body, &device).as_slice() {
        [Reading::User { patch, raw, .. }] => (patch.clone(), raw.to_vec()),
        other => panic!("{other:?}"),
    };
    assert_eq!(of(known).0, of(newer).0);
    assert_eq!(of(newer).1, newer.trim_ascii_end());
    let more = b"OPLOG 6\t0\t2026-11-25 10:00:00\t7\t0\t0\t0\tmore\tand more\n";
    assert!(
        matches!(read(Some("OPERLOG"), more, &device).as_slice(), [Reading::Operation { operation, .. }] if operation.code == 6)
    );
}
