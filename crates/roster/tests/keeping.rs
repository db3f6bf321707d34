//! Field keeping: what a device's records show about it, and the consequences.

mod support;

use roster::{Capability, Field, UserFields};
use support::{pin, said, said_raw, tell};

const LIMITED: &str = "Pri=2|Grp=2|TZ=0001000200000000|Verify=3";
const LIMITS: [Field; 4] = [Field::Privilege, Field::Group, Field::TimeZones, Field::Verify];

fn show(device: &mut Capability, who: &str, fields: &str) {
    let _ = device.learn_kept_fields(&pin(who), &said(fields), None, &[]);
}

fn kept(device: &Capability) -> Vec<Field> {
    Field::ALL.into_iter().filter(|field| device.keeps(*field)).collect()
}

/// Shows the device's record of a user's name. The fleet knows the user by the same name or by another.
fn show_name(device: &mut Capability, who: &str, name: &[u8], ours: &str) {
    let patch = said_raw(device, &[b"USER PIN=7\tName=".as_slice(), name].concat());
    let ours = UserFields { name: ours.into(), ..UserFields::default() };
    let _ = device.learn_kept_fields(&pin(who), &patch, Some(&ours), &[]);
}

const LONG: [(&str, &str); 3] = [
    ("7", "Wilhelmine von Huber-Ottinger und zu Stein"),
    ("8", "Ángel Hernández Muñoz de la Peña"),
    ("9", "Maximiliane von Wittgenstein-Berleburg"),
];

fn show_cut(device: &mut Capability, people: &[(&str, &str)], bytes: usize) {
    for (who, name) in people {
        show_name(device, who, &name.as_bytes()[..bytes], name);
    }
}

#[test]
fn a_device_keeps_a_field_that_it_showed_for_two_users() {
    let mut device = Capability::default();
    show(&mut device, "7", LIMITED);
    show(&mut device, "7", LIMITED);
    assert_eq!(kept(&device), [], "one user, however often");
    show(&mut device, "8", "Grp=3|Verify=0|Pri=0|TZ=0000000100000000");
    assert_eq!(kept(&device), [Field::Group], "defaults show nothing");
    show(&mut device, "9", LIMITED);
    assert_eq!(kept(&device), LIMITS);
}

#[test]
fn the_stored_form_of_field_keeping_holds_neither_name_nor_card() {
    let mut device = Capability::default();
    show(&mut device, "7", "Name=Ada|Card=123456789|Passwd=4711|Pri=14|Grp=2");
    show(&mut device, "8", "Grp=2");
    show_cut(&mut device, &LONG[..1], 24);
    let text = device.to_text();
    assert_eq!(Capability::from_text(&text), device);
    for secret in ["Ada", "Wilhelm", "123456789", "4711"] {
        assert!(!text.contains(secret), "{text}");
    }
    // Learning continues from the stored form.
    let mut device = Capability::from_text(&text);
    show(&mut device, "9", "Pri=2");
    show_cut(&mut device, &LONG[2..], 24);
    assert_eq!((kept(&device), device.name_bytes()), (vec![Field::Privilege, Field::Group], Some(24)));
    assert_eq!(Capability::from_text(&device.to_text()), device);
}

#[test]
fn the_stored_form_of_earlier_versions_is_read() {
    let device = Capability::from_text("learned card form=hex\nlearned name bytes=24\n");
    assert_eq!((device.name_bytes(), kept(&device)), (Some(24), vec![]));
    let damaged = Capability::from_text("kept field =yes\nkept once group=\nlongest name=x\nname cut 24=\n");
    assert_eq!(damaged, Capability::default());
}

#[test]
fn a_limit_is_learned_from_two_users_and_not_from_one() {
    let mut device = Capability::default();
    show_cut(&mut device, &LONG[..1], 30);
    show_cut(&mut device, &LONG[..1], 30);
    assert_eq!(device.name_bytes(), None);
    // The cut is within a letter of two bytes.
    show_cut(&mut device, &LONG[1..2], 29);
    assert_eq!(device.name_bytes(), Some(30));
}

#[test]
fn a_shortened_name_shows_no_limit_if_longer_names_are_kept() {
    let mut device = Capability::default();
    show_name(&mut device, "9", LONG[2].1.as_bytes(), LONG[2].1);
    show_cut(&mut device, &LONG[..2], 24);
    assert_eq!(device.name_bytes(), None);
}

#[test]
fn a_name_of_an_older_version_shows_no_limit() {
    let mut device = Capability::default();
    for who in ["7", "8"] {
        let [older, ours] = ["Maximiliane Wittgenstein", "Maximiliane Wittgenstein-Berleburg"]
            .map(|name| UserFields { name: name.into(), ..UserFields::default() });
        let patch = said("Name=Maximiliane Wittgenstein");
        let _ = device.learn_kept_fields(&pin(who), &patch, Some(&ours), &[older]);
    }
    assert_eq!(device.name_bytes(), None);
}

#[test]
fn a_longer_name_that_is_kept_unlearns_the_limit() {
    let mut device = Capability::default();
    show_cut(&mut device, &LONG[..2], 24);
    assert_eq!(device.name_bytes(), Some(24));
    show_name(&mut device, "5", b"Somebody new with a name of 36 bytes", "");
    assert_eq!(device.name_bytes(), None);
}

#[test]
fn new_firmware_and_a_refill_reset_field_keeping() {
    let learn = |device: &mut Capability| {
        show(device, "7", LIMITED);
        show(device, "8", LIMITED);
        show_cut(device, &LONG[..2], 24);
        assert_eq!((kept(device), device.name_bytes()), (LIMITS.to_vec(), Some(24)));
    };
    let mut device = Capability::default();
    tell(&mut device, &[("FWVersion", "Ver 1")]);
    learn(&mut device);
    tell(&mut device, &[("FWVersion", "Ver 1"), ("UserCount", "2")]);
    assert_eq!(device.name_bytes(), Some(24), "the same firmware");
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    assert_eq!((kept(&device), device.name_bytes()), (vec![], None));
    learn(&mut device);
    device.forget_kept_fields();
    assert_eq!((kept(&device), device.name_bytes()), (vec![], None));
}

#[test]
fn users_of_an_earlier_firmware_are_sent_again_before_defaults_count() {
    let shows = |device: &mut Capability, who: &str, fields: &str| {
        device.learn_kept_fields(&pin(who), &said(fields), None, &[])
    };
    let mut device = Capability::default();
    tell(&mut device, &[("FWVersion", "Ver 1")]);
    assert!(!shows(&mut device, "7", LIMITED) && !shows(&mut device, "8", LIMITED), "its first firmware");
    tell(&mut device, &[("FWVersion", "Ver 2")]);
    let mut device = Capability::from_text(&device.to_text());
    assert!(!shows(&mut device, "7", LIMITED));
    assert!(!shows(&mut device, "8", "Pri=2"), "every firmware keeps privileges");
    assert!(shows(&mut device, "8", "Grp=2"));
    assert!(!shows(&mut device, "8", LIMITED), "once is enough");
    assert_eq!(kept(&device), LIMITS);
    tell(&mut device, &[("FWVersion", "Ver 3")]);
    device.forget_kept_fields();
    assert!(!shows(&mut device, "7", LIMITED) && !shows(&mut device, "8", LIMITED), "it was filled again");
}

#[test]
fn the_kept_fields_are_described() {
    let mut device = Capability::default();
    show(&mut device, "7", LIMITED);
    show(&mut device, "8", LIMITED);
    let words = device.describe(&|at| at.0.to_string());
    let sentence = "keeps these fields of users as written: privilege, group, time zones, verification mode";
    assert!(words.iter().any(|word| word == sentence), "{words:#?}");
}

const OURS: &str = "Name=Ada|Card=123456789|Passwd=4711";

/// Shows the device's record of a user whom Muster wrote with name, card and password.
fn show_written(device: &mut Capability, who: &str, fields: &str) {
    let ours = roster::first(&said(OURS), true).0;
    device.learn_written_fields(&pin(who), &said(fields), &ours);
}

fn kept_as_written(device: &Capability) -> Vec<Field> {
    Field::CLEARABLE.into_iter().filter(|field| device.keeps_written_values(*field)).collect()
}

#[test]
fn a_device_keeps_written_values_once_two_users_show_them() {
    let mut device = Capability::default();
    show_written(&mut device, "7", OURS);
    show_written(&mut device, "7", OURS);
    assert_eq!(kept_as_written(&device), [], "one user, however often");
    show_written(&mut device, "8", "Name=|Card=0|Passwd=");
    show_written(&mut device, "9", "Name=Bob|Card=77|Passwd=12");
    assert_eq!(kept_as_written(&device), [], "nothing, and something else");
    show_written(&mut device, "8", "Name=Ada");
    assert_eq!(kept_as_written(&device), [Field::Name]);
    show_written(&mut device, "9", OURS);
    assert_eq!(kept_as_written(&device), Field::CLEARABLE);
    assert_eq!(kept(&device), [], "that says nothing of defaults");

    let text = device.to_text();
    assert_eq!(Capability::from_text(&text), device);
    for secret in ["Ada", "123456789", "4711"] {
        assert!(!text.contains(secret), "{text}");
    }
    device.forget_kept_fields();
    assert_eq!(kept_as_written(&device), []);
}

#[test]
fn an_empty_field_counts_as_cleared_if_the_device_keeps_written_values_and_has_the_newest_version() {
    let mut device = Capability::default();
    let ours = roster::first(&said(OURS), true).0;
    let cleared = |device: &Capability, settled: bool, fields: &str| {
        let from = roster::Uploader { capability: device, settled, trust_privilege: false };
        roster::merge(&ours, &[], &said(fields), &from).cleared.into_iter().collect::<Vec<_>>()
    };
    let empty = "Name=|Card=|Passwd=";
    assert_eq!(cleared(&device, true, empty), []);
    show_written(&mut device, "7", "Card=123456789|Passwd=4711");
    show_written(&mut device, "8", "Card=123456789|Passwd=4711");
    assert_eq!(cleared(&device, true, empty), [Field::Password, Field::Card]);
    assert_eq!(cleared(&device, false, empty), [], "it may not have the card yet");
    assert_eq!(cleared(&device, true, "Name=Ada"), [], "nothing was said of it");
}
