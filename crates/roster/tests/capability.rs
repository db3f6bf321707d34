//! What a device can take, from what it told and showed.

mod support;

use roster::{Capability, Format, Slot};
use support::{options, slot, tell, told};
use wire::{BioType, CardForm, Form, Handshake};

/// Obligation 183.
#[test]
fn a_refusal_holds_for_one_firmware() {
    let mut device = told(&[("FWVersion", "Ver 1"), ("FPVersion", "10")]);
    let finger = slot(BioType::FINGERPRINT, 1, Format::Zk, 10, 0);
    device.refuse(Form::FingerTmp);
    assert_eq!(device.takes(&finger), Some(Form::BioData(1)));
    tell(&mut device, &[("FWVersion", "Ver 1"), ("FPCount", "3")]);
    assert!(device.refused(Form::FingerTmp));
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert_eq!(device.takes(&finger), Some(Form::FingerTmp));
}

/// Obligations 152, 153.
#[test]
fn a_fingerprint_goes_in_the_table_of_its_version_to_a_device_of_that_version() {
    let finger = |major| slot(BioType::FINGERPRINT, 1, Format::Zk, major, 0);
    let classic = told(&[("FPVersion", "10")]);
    assert_eq!((classic.takes(&finger(10)), classic.takes(&finger(12))), (Some(Form::FingerTmp), None));
    let unified = told(&[("FPVersion", "12"), ("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:0")]);
    assert_eq!((unified.takes(&finger(10)), unified.takes(&finger(12))), (None, Some(Form::BioData(1))));
}

#[test]
fn silence_and_empty_values_take_nothing_back() {
    let mut device = options("b01-options-iface950.http");
    let before = device.version_of(BioType::FACE);
    tell(&mut device, &[("MultiBioVersion", ""), ("FaceVersion", ""), ("FPCount", "9")]);
    assert_eq!(device.version_of(BioType::FACE), before);
    assert_eq!(device.counts().fingerprints, Some(9));
}

#[test]
fn what_is_learned_gives_way_to_what_is_told() {
    let mut device = Capability::default();
    device.learn_version(BioType::VISIBLE_FACE, 40, 1);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), Some((40, Some(1))));
    tell(&mut device, &[("MultiBioVersion", "0:0:0:0:0:0:0:0:0:58.12")]);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), Some((58, Some(12))));
}

#[test]
fn what_an_earlier_firmware_showed_does_not_hold_for_the_next() {
    let mut device = told(&[("FWVersion", "Ver 1")]);
    device.learn_version(BioType::VISIBLE_FACE, 40, 1);
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert_eq!(device.version_of(BioType::VISIBLE_FACE), None);
}

#[test]
fn functions_that_are_off_take_nothing() {
    let print = slot(BioType::FINGERPRINT, 0, Format::Zk, 10, 0);
    assert_eq!(told(&[("FPVersion", "10"), ("FingerFunOn", "0")]).takes(&print), None);
    assert_eq!(told(&[("PhotoFunOn", "0")]).takes(&Slot::USER_PHOTO), None);
    let vein = slot(BioType::FINGER_VEIN, 0, Format::Zk, 3, 0);
    assert_eq!(told(&[("FvVersion", "3"), ("FvFunOn", "1")]).takes(&vein), Some(Form::FVein));
    let unified = [("FvVersion", "3"), ("MultiBioDataSupport", "0:0:0:0:0:0:0:1:0:0")];
    assert_eq!(told(&unified).takes(&vein), Some(Form::BioData(7)));
}

#[test]
fn cards_are_written_in_hex_for_the_first_generation_of_clients_until_they_show_otherwise() {
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
fn a_capability_tells_people_what_a_device_takes() {
    let mut device = options("b01-options-iface950.http");
    device.refuse(Form::BioData(2));
    let words = device.describe();
    for sentence in [
        "is a iFace950 Plus",
        "takes fingerprints 10.0 as FINGERTMP",
        "takes palms 12.0 as BIODATA 8",
        "takes no comparison photos",
        "refused BIODATA 2",
    ] {
        assert!(words.iter().any(|word| word == sentence), "{sentence} is not in {words:#?}");
    }
}
