//! Capabilities of a device, from its reports and its behaviour.

mod support;

use roster::{Capability, Evidence, Format, Kind, Slot};
use support::{options, refusal, slot, tell, told};
use wire::{BioType, CardForm, Form, Handshake, ReturnCode};

/// Obligations 76, 168, 183.
#[test]
fn a_refusal_holds_for_one_firmware() {
    let mut device = told(&[("FWVersion", "Ver 1"), ("FPVersion", "10")]);
    let finger = slot(BioType::FINGERPRINT, 1, Format::Zk, 10, 0);
    device.refuse(Form::FingerTmp, refusal());
    assert_eq!(device.takes(&finger), Some(Form::BioData(1)));
    tell(&mut device, &[("FWVersion", "Ver 1"), ("FPCount", "3")]);
    assert!(device.refused(Form::FingerTmp));
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert_eq!(device.takes(&finger), Some(Form::FingerTmp));
}

/// Obligations 152, 153.
#[test]
fn a_fingerprint_is_sent_in_the_table_of_its_version_to_a_device_of_that_version() {
    let finger = |major| slot(BioType::FINGERPRINT, 1, Format::Zk, major, 0);
    let classic = told(&[("FPVersion", "10")]);
    assert_eq!((classic.takes(&finger(10)), classic.takes(&finger(12))), (Some(Form::FingerTmp), None));
    let unified = told(&[("FPVersion", "12"), ("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:0")]);
    assert_eq!((unified.takes(&finger(10)), unified.takes(&finger(12))), (None, Some(Form::BioData(1))));
}

#[test]
fn forms_that_one_firmware_accepted_are_forgotten_with_the_next() {
    let mut device = told(&[("FWVersion", "Ver 1")]);
    assert!(device.accept(Form::UserInfo, refusal()));
    assert!(!device.accept(Form::UserInfo, refusal()), "known since");
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert!(device.accept(Form::UserInfo, refusal()));
}

/// Many templates are in transit in one form when the device refuses the first of them.
#[test]
fn a_refusal_covers_the_commands_that_were_created_before_it() {
    let mut device = told(&[("FPVersion", "10")]);
    let finger = slot(BioType::FINGERPRINT, 1, Format::Zk, 10, 0);
    assert!(!device.was_sent_before_refusal(&finger, 6));
    device.refuse(Form::FingerTmp, refusal());
    assert!(device.was_sent_before_refusal(&finger, 6));
    assert!(!device.was_sent_before_refusal(&finger, 7), "made after it, as BIODATA");
}

/// An earlier version of this program stored refusals without evidence.
#[test]
fn a_refusal_without_evidence_counts() {
    let device = Capability::from_text("refused=BIODATA 1\n");
    assert!(device.refused(Form::BioData(1)));
    let words = device.describe(&|_| String::new());
    assert!(words.iter().any(|sentence| sentence.ends_with("; refused BIODATA 1")), "{words:?}");
}

/// Obligation 72.
#[test]
fn absent_and_empty_values_keep_the_earlier_ones() {
    let mut device = options("b01-options-iface950.http");
    let before = device.version_of(BioType::FACE);
    tell(&mut device, &[("MultiBioVersion", ""), ("FaceVersion", ""), ("FPCount", "9")]);
    assert_eq!(device.version_of(BioType::FACE), before);
    assert_eq!(device.counts().fingerprints, Some(9));
}

#[test]
fn a_reported_version_overrides_a_learned_one() {
    let mut device = Capability::default();
    device.learn_version(BioType::VISIBLE_FACE, 40, 1);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), Some((40, Some(1))));
    tell(&mut device, &[("MultiBioVersion", "0:0:0:0:0:0:0:0:0:58.12")]);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), Some((58, Some(12))));
}

#[test]
fn properties_that_one_firmware_showed_are_forgotten_with_the_next() {
    let mut device = told(&[("FWVersion", "Ver 1")]);
    device.learn_version(BioType::VISIBLE_FACE, 40, 1);
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), None);
}

#[test]
fn a_function_that_is_off_accepts_nothing() {
    let print = slot(BioType::FINGERPRINT, 0, Format::Zk, 10, 0);
    assert_eq!(told(&[("FPVersion", "10"), ("FingerFunOn", "0")]).takes(&print), None);
    assert_eq!(told(&[("PhotoFunOn", "0")]).takes(&Slot::USER_PHOTO), None);
    let vein = slot(BioType::FINGER_VEIN, 0, Format::Zk, 3, 0);
    assert_eq!(told(&[("FvVersion", "3"), ("FvFunOn", "1")]).takes(&vein), Some(Form::FVein));
    let unified = [("FvVersion", "3"), ("MultiBioDataSupport", "0:0:0:0:0:0:0:1:0:0")];
    assert_eq!(told(&unified).takes(&vein), Some(Form::BioData(7)));
}

/// Obligations 47, 48, 49.
#[test]
fn both_sides_speak_the_lower_version() {
    let spoken = |query: &str| {
        let mut device = Capability::default();
        device.merge_handshake(&Handshake::read(&wire::Query::new(query)));
        device.protocol().to_string()
    };
    for (query, version) in [
        ("SN=1&options=all", "2.2.14"),
        ("SN=1&options=all&pushver=2.2.9", "2.2.9"),
        ("SN=1&options=all&pushver=2.4.0", "2.4.0"),
        ("SN=1&options=all&pushver=2.4.1", "2.4.1"),
        ("SN=1&options=all&pushver=2.10", "2.4.1"),
        ("SN=1&options=all&pushver=3.1.2S", "2.4.1"),
        ("SN=1&options=all&pushver=next", "2.2.14"),
    ] {
        assert_eq!(spoken(query), version, "{query}");
    }
}

/// Obligation 50.
#[test]
fn the_parameters_of_a_handshake_are_kept() {
    let mut device = Capability::default();
    let query = wire::Query::new("SN=1&options=all&pushver=2.4.1&language=83&DeviceType=pid");
    device.merge_handshake(&Handshake::read(&query));
    let kept = Capability::from_text(&device.to_text());
    let version = kept.push_version().map(ToString::to_string);
    assert_eq!(
        (version.as_deref(), kept.language(), kept.device_type()),
        (Some("2.4.1"), Some(83), Some("pid"))
    );
}

/// Obligation 75.
#[test]
fn types_that_both_sides_accept_are_sent_as_unified_templates_and_photos() {
    let palm = slot(BioType::PALM, 0, Format::Zk, 12, 0);
    let finger = slot(BioType::FINGERPRINT, 0, Format::Zk, 13, 0);
    let nobody = slot(BioType(12), 0, Format::Zk, 1, 0);
    let face_photo = Slot::comparison_photo(BioType::VISIBLE_FACE);
    let palm_photo = Slot::comparison_photo(BioType::PALM);
    let mut device = told(&[("MultiBioVersion", "0:13:0:0:0:0:0:0:12:0:0:0:1"), ("PvVersion", "12")]);
    tell(
        &mut device,
        &[
            ("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:0:0:0:1"),
            ("MultiBioPhotoSupport", "0:0:0:0:0:0:0:0:1:1"),
        ],
    );
    assert_eq!((device.takes(&finger), device.takes(&palm)), (Some(Form::BioData(1)), None));
    assert_eq!(device.takes(&nobody), None, "the device supports it, this server does not");
    assert_eq!((device.takes(&face_photo), device.takes(&palm_photo)), (Some(Form::BioPhoto), None));

    // Each report replaces the arrays.
    tell(&mut device, &[("MultiBioDataSupport", "0:1:0:0:0:0:0:0:1:0"), ("MultiBioPhotoSupport", "0:0")]);
    assert_eq!(device.takes(&palm), Some(Form::BioData(8)));
    assert_eq!(device.takes(&face_photo), None);
}

#[test]
fn the_first_generation_of_clients_gets_cards_in_hex_until_it_shows_another_form() {
    let greet = |query: &str| {
        let mut device = Capability::default();
        device.merge_handshake(&Handshake::read(&wire::Query::new(query)));
        device
    };
    assert_eq!(Capability::default().card_form(), CardForm::Decimal);
    assert_eq!(greet("SN=1&options=all&pushver=2.4.1").card_form(), CardForm::Decimal);
    let mut first = greet("SN=1&options=all&language=69");
    assert_eq!(first.card_form(), CardForm::Hex);
    first.learn_card_form(CardForm::Decimal);
    assert_eq!((first.card_form(), first.shown_card_form()), (CardForm::Decimal, Some(CardForm::Decimal)));
}

#[test]
fn a_capability_is_described_for_operators() {
    let mut device = options("b01-options-iface950.http");
    device.refuse(Form::BioData(1), refusal());
    device.refuse(Form::Check, refusal());
    device.accept(Form::FingerTmp, Evidence { return_code: ReturnCode(0), ..refusal() });
    let words = device.describe(&|at| format!("day {}", at.0));
    for sentence in [
        "model iFace950 Plus",
        "accepts fingerprints 10.0 as FINGERTMP; BIODATA 1 answered -1002 (the device does not support this) on day 25",
        "accepts palms 12.0 as BIODATA 8",
        "accepts no comparison photos",
        "CHECK answered -1002 (the device does not support this) on day 25",
        "accepted with this firmware: FINGERTMP since day 25",
    ] {
        assert!(words.iter().any(|word| word == sentence), "{sentence} is not in {words:#?}");
    }
}

/// Obligation 196.
#[test]
fn a_reported_capacity_is_a_limit_unless_it_is_nonsense() {
    let users = |parameters: &[(&str, &str)]| told(parameters).capacity_for(Kind::User);
    assert_eq!(users(&[("~MaxUserCount", "30"), ("UserCount", "2990")]), Some(3_000), "counted in hundreds");
    assert_eq!(users(&[("~MaxUserCount", "30"), ("UserCount", "3000")]), Some(3_000));
    assert_eq!(users(&[("~MaxUserCount", "30"), ("UserCount", "3001")]), None, "it holds more already");
    assert_eq!(users(&[("~MaxUserCount", "0"), ("UserCount", "0")]), None);
    assert_eq!(users(&[("~MaxUserCount", "many"), ("UserCount", "0")]), None);
    assert_eq!(users(&[("~MaxUserCount", "30")]), None, "it does not report how many it holds");
    assert_eq!(users(&[("UserCount", "7")]), None);

    let palms = Kind::Template(BioType::PALM);
    let array = told(&[
        ("MaxMultiBioDataCount", "0:6000:0:0:0:0:0:0:800:0"),
        ("MultiBioDataCount", "0:12:0:0:0:0:0:0:800:0"),
        ("FPCount", "11"),
    ]);
    assert_eq!((array.capacity_for(palms), array.counted(palms)), (Some(800), Some(800)));
    let fingers = Kind::Template(BioType::FINGERPRINT);
    assert_eq!((array.capacity_for(fingers), array.counted(fingers)), (Some(6_000), Some(11)));
    assert_eq!(array.capacity_for(Kind::Template(BioType::FACE)), None);
    assert_eq!(array.capacity_for(Kind::UserPhoto), None);
    let full = array.describe_capacity_limit(fingers, 6_000);
    assert_eq!(full.as_deref(), Some("full: 6,000 of 6,000 fingerprints, as the device reports"));
}
