//! Requests of real devices, as items and capabilities.

mod support;

use roster::{Algorithm, Capability, Content, Format, ItemKey, Kind, Reading, Slot, Template, check, read};
use support::{body, info, items, options, told};
use wire::{BioType, Form, Handshake, Query};

fn algorithm(major: u16, minor: u16) -> Algorithm {
    Algorithm { format: Format::Zk, major, minor }
}

fn template(content: &Content) -> &Template {
    match content {
        Content::Template(template) => template,
        other => panic!("no template: {other:?}"),
    }
}

/// The only item of an upload, which is a template.
fn only_template(fixture: &str, capability: &Capability) -> (ItemKey, Template) {
    let items = items(None, &body(fixture), capability);
    let [(key, content)] = items.as_slice() else { panic!("{} items", items.len()) };
    (key.clone(), template(content).clone())
}

fn indices(template: &Template) -> Vec<u8> {
    template.parts.iter().map(|part| part.index).collect()
}

#[test]
fn a_visible_light_device_accepts_fingerprints_palms_and_visible_faces() {
    let device = options("a02-options.http");
    let takes = |bio_type, major, minor| device.takes(&Slot::template(bio_type, 0, algorithm(major, minor)));
    assert_eq!(takes(BioType::FINGERPRINT, 10, 0), Some(Form::FingerTmp));
    assert_eq!(takes(BioType::VISIBLE_FACE, 58, 10), Some(Form::BioData(9)));
    assert_eq!(takes(BioType::PALM, 12, 0), Some(Form::BioData(8)));
    // The FaceVersion of this device is that of visible light.
    assert_eq!(takes(BioType::FACE, 58, 0), None);
    // The device reports a version, but its function is off.
    assert_eq!(takes(BioType::FINGER_VEIN, 3, 0), None);
    assert_eq!(takes(BioType::PALM, 5, 0), None);
    assert_eq!(device.takes(&Slot::USER), Some(Form::UserInfo));
    assert_eq!(device.takes(&Slot::USER_PHOTO), Some(Form::UserPic));
    assert_eq!(device.takes(&Slot::comparison_photo(BioType::VISIBLE_FACE)), Some(Form::BioPhoto));
    assert_eq!(device.model(), Some("SpeedFace-V5L[TD]"));
    assert_eq!(device.firmware(), Some("ZAM170-NF-Ver1.1.27"));
    assert_eq!(device.platform(), Some("ZAM170_TFT"));
    assert_eq!(device.users_max(), Some(10_000));
    assert_eq!(device.templates_max(BioType::VISIBLE_FACE), Some(6_000));
}

#[test]
fn a_near_infrared_device_accepts_its_faces_and_no_comparison_photos() {
    let device = options("b01-options-iface950.http");
    let takes = |bio_type, major, minor| device.takes(&Slot::template(bio_type, 0, algorithm(major, minor)));
    assert_eq!(takes(BioType::FACE, 12, 0), Some(Form::BioData(2)));
    assert_eq!(takes(BioType::PALM, 12, 0), Some(Form::BioData(8)));
    assert_eq!(takes(BioType::FINGERPRINT, 10, 0), Some(Form::FingerTmp));
    assert_eq!(takes(BioType::VISIBLE_FACE, 12, 0), None);
    assert_eq!(device.takes(&Slot::comparison_photo(BioType::VISIBLE_FACE)), None);
    assert_eq!(device.version_of(BioType::FACE), Some((12, Some(0))));
    assert_eq!(device.templates_max(BioType::FINGERPRINT), Some(4_000));
    assert_eq!(device.language(), Some(69));
}

#[test]
fn a_poll_reports_versions_before_the_options_do() {
    let mut visible = Capability::default();
    visible.merge_info(&info("a04-getrequest-info10.http"));
    assert_eq!(visible.version_of(BioType::FINGERPRINT), Some((10, None)));
    // Five function digits mean a visible-light device.
    assert_eq!(visible.version_of(BioType::VISIBLE_FACE), Some((58, None)));
    assert_eq!(visible.version_of(BioType::FACE), None);
    assert_eq!(visible.counts().users, Some(1));

    let mut infrared = Capability::default();
    infrared.merge_info(&info("b02-getrequest-info13.http"));
    assert_eq!(infrared.version_of(BioType::FACE), Some((12, None)));
    assert_eq!(infrared.version_of(BioType::VISIBLE_FACE), None);
    assert_eq!(infrared.firmware(), Some("ZMM720-NF43HB-Ver1.2.16"));
    let counts = infrared.counts();
    assert_eq!((counts.users, counts.fingerprints, counts.faces), (Some(5), Some(1), Some(1)));
}

#[test]
fn options_and_poll_together_give_what_each_gave_alone() {
    let mut device = options("b01-options-iface950.http");
    device.merge_info(&info("b02-getrequest-info13.http"));
    assert_eq!(device.version_of(BioType::FACE), Some((12, Some(0))));
    assert_eq!(device.counts().users, Some(5));
}

/// Known fault 15: an `FP` line has no version; the template's header has one.
#[test]
fn old_fingerprint_lines_are_of_version_9() {
    let device = told(&[("FPVersion", "10")]);
    let items = items(Some("OPERLOG"), &body("e03-operlog-mixed-fp9.http"), &device);
    let slots: Vec<Slot> = items.iter().map(|(key, _)| key.slot).collect();
    let finger = |number| Slot::template(BioType::FINGERPRINT, number, algorithm(9, 0));
    assert_eq!(slots, [finger(0), finger(1)]);
}

#[test]
fn operations_among_templates_are_read_too() {
    let body = body("e03-operlog-mixed-fp9.http");
    let readings = read(Some("OPERLOG"), &body, &Capability::default());
    let operations = readings.iter().filter(|reading| matches!(reading, Reading::Operation { .. })).count();
    assert_eq!((operations, readings.len()), (7, 9));
    assert!(readings.iter().map(Reading::line).eq(1..=9));
}

/// Known fault 15 for a device that reported no version.
#[test]
fn a_fingerprint_line_is_of_version_10_by_its_header() {
    let (key, template) = only_template("d01-operlog-fp.http", &Capability::default());
    assert_eq!(key.slot, Slot::template(BioType::FINGERPRINT, 6, algorithm(10, 0)));
    assert_eq!((indices(&template), template.parts[0].text.len()), (vec![0], 816));
}

#[test]
fn a_fingerprint_has_one_slot_whatever_the_form_of_its_record() {
    let (unified, template) =
        only_template("b04-biodata-fp10-format-zk.http", &options("b01-options-iface950.http"));
    let part = &template.parts[0];
    let line = format!("FP PIN=2\tFID=6\tSize={}\tValid=1\tTMP={}", part.text.len(), part.text);
    for device in [options("b01-options-iface950.http"), Capability::default()] {
        let classic = items(None, line.as_bytes(), &device);
        assert_eq!(classic, [(unified.clone(), Content::Template(template.clone()))]);
    }
    assert_eq!(unified.slot, Slot::template(BioType::FINGERPRINT, 6, algorithm(10, 0)));
}

#[test]
fn the_parts_of_a_template_are_one_item() {
    for (fixture, bio_type, version, parts) in [
        ("a07-biodata-palm12-5parts.http", BioType::PALM, (12, 0), 5),
        ("b03-biodata-face12-15parts.http", BioType::FACE, (12, 0), 15),
        ("a13-biodata-palm5-6parts.http", BioType::PALM, (5, 0), 6),
        ("a08-biodata-face58.http", BioType::VISIBLE_FACE, (58, 10), 1),
    ] {
        let (key, template) = only_template(fixture, &Capability::default());
        assert_eq!(key.slot, Slot::template(bio_type, 0, algorithm(version.0, version.1)), "{fixture}");
        assert!(indices(&template).into_iter().eq(0..parts), "{fixture}");
        assert!(template.complete(&key.slot), "{fixture}");
        for part in &template.parts {
            assert_eq!(check(&key.slot, &part.text), Ok(()), "{fixture}");
        }
    }
}

#[test]
fn a_comparison_photo_of_type_0_is_one_of_the_visible_face() {
    let items = items(Some("OPERLOG"), &body("a10-operlog-biophoto-type0.http"), &Capability::default());
    let [(key, Content::Photo(photo))] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(key.slot, Slot::comparison_photo(BioType::VISIBLE_FACE));
    assert_eq!((photo.text.len(), photo.file_name.as_deref()), (36_908, Some("5.jpg")));
}

#[test]
fn a_user_and_its_photo_come_in_one_upload() {
    let body = body("b05-operlog-user-userpic.http");
    let readings = read(Some("OPERLOG"), &body, &options("b01-options-iface950.http"));
    let [Reading::User { pin, patch, .. }, Reading::Item { key, .. }] = readings.as_slice() else {
        panic!("{} readings", readings.len())
    };
    assert_eq!((pin.as_str(), key.pin.as_str(), key.slot), ("2", "2", Slot::USER_PHOTO));
    let name = patch.name.as_ref().and_then(|name| name.text.as_deref());
    assert_eq!((name, patch.privilege), (Some("Teshale M"), Some(14)));
}

/// Obligation 30.
#[test]
fn a_name_in_utf_8_is_read_from_a_chinese_device() {
    let mut device = Capability::default();
    device.merge_handshake(&Handshake::read(&Query::new(&support::query("f01-handshake-commkey.http"))));
    assert_eq!(device.language(), Some(83));
    let readings_of = body("f02-operlog-user-chinese.http");
    let readings = read(Some("OPERLOG"), &readings_of, &device);
    let [Reading::User { patch, .. }] = readings.as_slice() else { panic!("{readings:?}") };
    assert_eq!(patch.name.as_ref().and_then(|name| name.text.as_deref()), Some("周雨林"));
    assert_eq!(patch.verify, Some(0));
}

#[test]
fn every_upload_about_people_can_be_read() {
    for fixture in [
        "a03-operlog-boot.http",
        "a06-operlog-user.http",
        "a09-operlog-114-101.http",
        "a11-operlog-103-user-deleted.http",
    ] {
        let body = body(fixture);
        let readings = read(Some("OPERLOG"), &body, &Capability::default());
        assert!(!readings.is_empty(), "{fixture}");
        let unreadable = readings.iter().find(|reading| matches!(reading, Reading::Unreadable { .. }));
        assert_eq!(unreadable, None, "{fixture}");
    }
}

#[test]
fn kinds_are_stored_as_numbers() {
    for kind in
        [Kind::User, Kind::Membership, Kind::UserPhoto, Kind::ComparisonPhoto, Kind::Template(BioType(9))]
    {
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
    }
    for algorithm in [algorithm(58, 10), Algorithm { format: Format::FaceParts, major: 7, minor: 0 }] {
        assert_eq!(Algorithm::from_code(algorithm.code()), Some(algorithm));
    }
}
