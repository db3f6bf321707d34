//! Known faults of servers of this kind, each with its number.

mod support;

use roster::{
    Capability, Content, Format, HashKey, ItemKey, Reading, Template, hash, read, update,
    update_command_count,
};
use support::{
    body, face_lines, items, lines, only, options, pin, print, refusal, slot, template, told, user,
};
use wire::{BioType, Form};

const KEY: HashKey = HashKey::new([7; 32]);

/// Fault 3: `Valid=0` and `FID=0` are taken for absent values.
#[test]
fn a_zero_stays_a_zero() {
    let device = told(&[("FPVersion", "10")]);
    let (key, content) = only(None, &print(0, 0, 32), &device);
    assert_eq!((key.slot.number, &content), (0, &template(0, 0, false, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")));
    let sent = lines(&update(&key, &content, &device));
    assert_eq!(
        sent,
        ["DATA UPDATE FINGERTMP PIN=7|FID=0|Size=32|Valid=0|TMP=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]
    );
}

/// Fault 10: an echo of the server's own command, with `Size` and `Valid` as the device counts them, is taken for
/// a change.
#[test]
fn an_echo_with_other_numbers_is_equal() {
    let device = told(&[("FPVersion", "10")]);
    let (key, sent) = only(None, &print(3, 1, 32), &device);
    let sent = hash(&KEY, &key.slot, &sent);
    for (valid, size) in [(0, 32), (1, 24), (0, 0)] {
        let (echo_key, echo) = only(None, &print(3, valid, size), &device);
        assert_eq!((echo_key, hash(&KEY, &key.slot, &echo)), (key.clone(), sent));
    }
    let (_, duress) = only(None, &print(3, 3, 32), &device);
    assert_ne!(hash(&KEY, &key.slot, &duress), sent);
}

/// Fault 10 for a face: the 16 bytes before its parts are random.
#[test]
fn an_echo_of_a_face_with_other_random_bytes_is_equal() {
    let device = told(&[("FaceVersion", "7")]);
    let (key, sent) = only(None, &face_lines(0..12, 0), &device);
    let (_, echo) = only(None, &face_lines(0..12, 200), &device);
    assert_ne!(sent, echo);
    assert_eq!(hash(&KEY, &key.slot, &sent), hash(&KEY, &key.slot, &echo));
    let (_, shorter) = only(None, &face_lines(0..11, 0), &device);
    assert_ne!(hash(&KEY, &key.slot, &sent), hash(&KEY, &key.slot, &shorter));
}

/// Fault 12: one template in one upload must be one item, and one command for a device.
#[test]
fn one_upload_of_a_template_makes_one_item_and_one_command() {
    let device = options("b01-options-iface950.http");
    let body = body("b04-biodata-fp10-format-zk.http");
    let items = items(Some("BIODATA"), &body, &device);
    let [(key, content)] = items.as_slice() else { panic!("{} items", items.len()) };
    assert_eq!(update(key, content, &device).len(), 1);
}

/// Fault 15: a fingerprint from an `FP` line loses its version when it is sent as `BIODATA`.
#[test]
fn a_converted_fingerprint_carries_its_version() {
    let mut device = options("b01-options-iface950.http");
    let (key, content) = only(None, &print(4, 3, 32), &device);
    device.refuse(Form::FingerTmp, refusal());
    assert_eq!(
        lines(&update(&key, &content, &device)),
        ["DATA UPDATE BIODATA Pin=7|No=4|Index=0|Valid=1|Duress=1|Type=1|MajorVer=10|MinorVer=0|Format=0|\
             Tmp=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]
    );
}

/// Fault 15 for an unknown version: the template is kept and not sent.
#[test]
fn a_template_of_unknown_version_is_not_sent() {
    let (key, content) = only(None, &print(4, 1, 32), &Capability::default());
    assert_eq!(key.slot.algorithm.major, 0);
    for device in [Capability::default(), told(&[("FPVersion", "10")])] {
        assert_eq!(device.takes(&key.slot), None);
        assert_eq!(update(&key, &content, &device), []);
    }
}

/// Fault 15: a fingerprint above 10.0 has only one form.
#[test]
fn a_fingerprint_13_is_sent_as_biodata_or_not_at_all() {
    let mut device = told(&[("FPVersion", "13"), ("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:1")]);
    let slot = slot(BioType::FINGERPRINT, 1, Format::Zk, 13, 0);
    assert_eq!(device.takes(&slot), Some(Form::BioData(1)));
    device.refuse(Form::BioData(1), refusal());
    assert_eq!(device.takes(&slot), None);
}

/// Fault 16: a face 7.0 with fewer than its 12 parts is taken for complete.
///
/// Obligations 132, 134.
#[test]
fn a_face_is_complete_with_its_twelve_parts() {
    let device = told(&[("FaceVersion", "7")]);
    let face = |fids| match only(None, &face_lines(fids, 0), &device) {
        (key, Content::Template(template)) => (key.slot, template),
        (_, other) => panic!("{other:?}"),
    };
    let (slot, whole) = face(0..12);
    assert_eq!(slot, support::slot(BioType::FACE, 0, Format::FaceParts, 7, 0));
    assert!(whole.complete(&slot));

    let (_, first) = face(0..5);
    let (_, rest) = face(5..12);
    assert!(!first.complete(&slot) && !rest.complete(&slot));
    assert_eq!(rest.extends(&first), Some(whole.clone()));
    assert_eq!(first.extends(&rest), None);
    assert_eq!(face(6..12).1.extends(&first), None);
    assert_eq!(rest.extends(&Template::default()), None);

    let key = ItemKey { pin: pin("7"), slot };
    let sent = Content::Template(whole);
    let commands = lines(&update(&key, &sent, &device));
    assert_eq!((commands.len(), update_command_count(&slot, 12)), (12, 12));
    for (fid, command) in commands.iter().enumerate() {
        assert!(
            command.starts_with(&format!("DATA UPDATE FACE PIN=7|FID={fid}|Valid=1|Size=32|TMP=")),
            "{command}"
        );
    }
}

/// Fault 16: a template with one damaged part is taken for a template with fewer parts.
#[test]
fn a_template_with_a_damaged_part_is_not_read_at_all() {
    let body = body("a07-biodata-palm12-5parts.http");
    let lines: Vec<&[u8]> = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 5);
    for damaged in 0..lines.len() {
        let mut kept: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        kept[damaged].truncate(400); // valid base64 or not: too short for its header
        let broken = kept.join(&b'\n');
        let readings = read(Some("BIODATA"), &broken, &Capability::default());
        assert_eq!(readings.len(), 5, "part {damaged}");
        let unreadable = readings.iter().filter(|reading| matches!(reading, Reading::Unreadable { .. }));
        assert_eq!(unreadable.count(), 5, "part {damaged}");
    }
}

/// Fault 18: a device gets a PIN that it would cut or change.
#[test]
fn a_pin_is_sent_only_to_devices_that_keep_it() {
    let takes = |capability: &Capability, text: &str| capability.accepts_pin(&pin(text));
    let silent = Capability::default();
    assert!(takes(&silent, "007") && takes(&silent, "A17") && takes(&silent, "123456789012345678901234"));

    let digits = told(&[("~IsABCPinEnable", "0"), ("~PIN2Width", "9")]);
    assert!(takes(&digits, "123456789"));
    assert!(!takes(&digits, "1234567890"));
    assert!(!takes(&digits, "A17"));

    assert!(takes(&told(&[("~IsABCPinEnable", "1")]), "A17"));
    assert!(takes(&told(&[("~IsABCPinEnable", "0"), ("StringPinFunOn", "1")]), "A17"));
    assert!(!takes(&told(&[("StringPinFunOn", "0")]), "A17"));
}

/// Fault 19: a name is cut within a letter, or ends its line.
#[test]
fn a_name_is_sent_in_whole_letters() {
    let device = support::cutting(&Capability::default(), 24);
    let (key, content) = user("Name=ABCDEFGHIJKLMNOPQRSTUVWÜ und mehr");
    let sent = lines(&update(&key, &content, &device));
    assert!(sent[0].contains("|Name=ABCDEFGHIJKLMNOPQRSTUVW|Pri=0|"), "{sent:?}");

    let fields = roster::UserFields { name: "Ada\nC:1:CLEAR DATA".into(), ..roster::UserFields::default() };
    let hostile = Content::User(fields);
    let sent = lines(&update(&key, &hostile, &device));
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].contains('\n'), "{sent:?}");
}
