//! Faults that other servers of this kind have, each by its number.

mod support;

use roster::{
    Algorithm, Capability, Content, Format, HashKey, ItemKey, Part, Photo, Reading, Slot, Template, delete,
    delete_lines, hash, read, update, update_lines,
};
use support::{body, items, options, tell, told};
use wire::{BioType, Command, CommandId, Form, Pin};

const KEY: HashKey = HashKey::new([7; 32]);

/// The line of a command, without its id.
fn line(command: &Command<'_>) -> String {
    let id: CommandId = "1".parse().expect("1 is an id");
    let mut bytes = Vec::new();
    command.write(&id, &mut bytes);
    let text = String::from_utf8(bytes).expect("these commands are ASCII");
    text.strip_prefix("C:1:").expect("a command begins with its id").replace('\t', "|")
}

fn lines(commands: &[Command<'_>]) -> Vec<String> {
    commands.iter().map(line).collect()
}

fn pin(text: &str) -> Pin {
    text.parse().expect("the test's PIN is one")
}

fn slot(bio_type: BioType, number: u8, format: Format, major: u16, minor: u16) -> Slot {
    Slot::template(bio_type, number, Algorithm { format, major, minor })
}

/// An `FP` line with a template that has no header.
fn print(finger: u8, valid: u8, size: usize) -> String {
    format!("FP PIN=7\tFID={finger}\tSize={size}\tValid={valid}\tTMP=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
}

fn only(table: Option<&str>, body: &str, capability: &Capability) -> (ItemKey, Content) {
    let mut items = items(table, body.as_bytes(), capability);
    assert_eq!(items.len(), 1, "{body}");
    items.remove(0)
}

/// The parts of a face 7.0, as `FACE` lines; the arbitrary bytes before each part are `prefix`.
fn face_lines(fids: impl IntoIterator<Item = u8>, prefix: u8) -> String {
    let line = |fid: u8| {
        let mut bytes = vec![prefix; 16];
        bytes.extend([b'Z', b'K', fid, 9, 9, 9, 9, 9]);
        let text = wire::Base64::encode(&bytes);
        format!("FACE PIN=7\tFID={fid}\tSIZE={}\tVALID=1\tTMP={}\n", text.as_str().len(), text.as_str())
    };
    fids.into_iter().map(line).collect()
}

/// Fault 3: `Valid=0` and `FID=0` are values, not absent ones.
#[test]
fn zeros_stay_zeros_on_their_way_through() {
    let device = told(&[("FPVersion", "10")]);
    let (key, content) = only(None, &print(0, 0, 32), &device);
    assert_eq!((key.slot.number, &content), (0, &template(0, 0, false, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")));
    let sent = lines(&update(&key, &content, &device));
    assert_eq!(
        sent,
        ["DATA UPDATE FINGERTMP PIN=7|FID=0|Size=32|Valid=0|TMP=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]
    );
}

fn template(index: u8, valid: u8, duress: bool, text: &str) -> Content {
    Content::Template(Template::single(Part { index, valid, duress, text: text.into() }))
}

/// Fault 10: an echo of our own push, with `Size` and `Valid` as the device counts them, is no change.
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

/// Fault 10, of a face: the 16 bytes before its parts are random.
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

/// Fault 12: one template in one upload is one item, and one command for a device.
#[test]
fn one_upload_of_a_template_makes_one_item_and_one_command() {
    let device = options("b01-options-iface950.http");
    let body = body("b04-biodata-fp10-format-zk.http");
    let items = items(Some("BIODATA"), &body, &device);
    let [(key, content)] = items.as_slice() else { panic!("{} items", items.len()) };
    assert_eq!(update(key, content, &device).len(), 1);
}

/// Fault 15: a fingerprint from an `FP` line keeps its version when it goes out as `BIODATA`.
#[test]
fn a_converted_fingerprint_carries_its_version() {
    let mut device = options("b01-options-iface950.http");
    let (key, content) = only(None, &print(4, 3, 32), &device);
    device.refuse(Form::FingerTmp);
    assert_eq!(
        lines(&update(&key, &content, &device)),
        ["DATA UPDATE BIODATA Pin=7|No=4|Index=0|Valid=1|Duress=1|Type=1|MajorVer=10|MinorVer=0|Format=0|\
             Tmp=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]
    );
}

/// Fault 15, of a version that nobody knows: kept, and sent nowhere.
#[test]
fn a_template_of_unknown_version_stays_where_it_is() {
    let (key, content) = only(None, &print(4, 1, 32), &Capability::default());
    assert_eq!(key.slot.algorithm.major, 0);
    for device in [Capability::default(), told(&[("FPVersion", "10")])] {
        assert_eq!(device.takes(&key.slot), None);
        assert_eq!(update(&key, &content, &device), []);
    }
}

/// Fault 15: a fingerprint above 10.0 has one form only.
#[test]
fn a_fingerprint_13_goes_as_biodata_or_not_at_all() {
    let mut device = told(&[("FPVersion", "13"), ("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:1")]);
    let slot = slot(BioType::FINGERPRINT, 1, Format::Zk, 13, 0);
    assert_eq!(device.takes(&slot), Some(Form::BioData(1)));
    device.refuse(Form::BioData(1));
    assert_eq!(device.takes(&slot), None);
}

/// Fault 16: a face 7.0 has 12 parts; all or nothing.
#[test]
fn a_face_is_complete_with_its_twelve_parts() {
    let device = told(&[("FaceVersion", "7")]);
    let face = |fids| match only(None, &face_lines(fids, 0), &device) {
        (key, Content::Template(template)) => (key.slot, template),
        (_, other) => panic!("{other:?}"),
    };
    let (slot, whole) = face(0..12);
    assert_eq!(slot, self::slot(BioType::FACE, 0, Format::FaceParts, 7, 0));
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
    assert_eq!((commands.len(), update_lines(&slot, 12)), (12, 12));
    for (fid, command) in commands.iter().enumerate() {
        assert!(
            command.starts_with(&format!("DATA UPDATE FACE PIN=7|FID={fid}|Valid=1|Size=32|TMP=")),
            "{command}"
        );
    }
}

/// Fault 16: a template of which one part is damaged is no template of fewer parts.
#[test]
fn a_template_with_a_damaged_part_is_not_read_at_all() {
    let body = body("a07-biodata-palm12-5parts.http");
    let lines: Vec<&[u8]> = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 5);
    for damaged in 0..lines.len() {
        let mut kept: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        kept[damaged].truncate(400); // whole base64 or not: too short for its header
        let broken = kept.join(&b'\n');
        let readings = read(Some("BIODATA"), &broken, &Capability::default());
        assert_eq!(readings.len(), 5, "part {damaged}");
        let unreadable = readings.iter().filter(|reading| matches!(reading, Reading::Unreadable { .. }));
        assert_eq!(unreadable.count(), 5, "part {damaged}");
    }
}

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

/// Fault 18: a device that would cut or mangle a PIN does not get it.
#[test]
fn a_pin_goes_only_where_it_fits() {
    let takes = |capability: &Capability, text: &str| capability.takes_pin(&pin(text));
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

/// Fault 19: a name that goes out is cut between letters, and cannot end its line.
#[test]
fn a_name_goes_out_in_whole_letters() {
    let mut device = Capability::default();
    device.learn_name_bytes(24);
    let (key, content) = user("Name=ABCDEFGHIJKLMNOPQRSTUVWÜ und mehr");
    let sent = lines(&update(&key, &content, &device));
    assert!(sent[0].contains("|Name=ABCDEFGHIJKLMNOPQRSTUVW|Pri=0|"), "{sent:?}");

    let fields = roster::UserFields { name: "Ada\nC:1:CLEAR DATA".into(), ..roster::UserFields::default() };
    let hostile = Content::User(fields);
    let sent = lines(&update(&key, &hostile, &device));
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].contains('\n'), "{sent:?}");
}

fn user(fields: &str) -> (ItemKey, Content) {
    let (fields, _) = roster::first(&support::said(fields), false);
    (ItemKey { pin: pin("7"), slot: Slot::USER }, Content::User(fields))
}

#[test]
fn a_user_goes_out_complete_and_with_its_card_as_the_device_writes_it() {
    let (key, content) = user("Name=Ada|Passwd=12|Card=123456789|Verify=0");
    let mut device = Capability::default();
    let expected = |card: &str| {
        format!(
            "DATA UPDATE USERINFO PIN=7|Name=Ada|Pri=0|Passwd=12|Card={card}|Grp=1|TZ=0000000100000000|Verify=0|ViceCard="
        )
    };
    assert_eq!(lines(&update(&key, &content, &device)), [expected("123456789")]);
    device.learn_card_form(wire::CardForm::Hex);
    assert_eq!(lines(&update(&key, &content, &device)), [expected("[15CD5B0700]")]);
}

#[test]
fn a_person_goes_with_everything_the_device_may_hold() {
    let key = ItemKey { pin: pin("7"), slot: Slot::USER };
    let mut device = options("b01-options-iface950.http");
    let tables = |device: &Capability| -> Vec<String> {
        lines(&delete(&key, device)).iter().map(|line| line.replace("DATA DELETE ", "")).collect()
    };
    let all = tables(&device);
    assert_eq!(all, ["FINGERTMP PIN=7", "FACE PIN=7", "BIODATA Pin=7", "USERPIC PIN=7", "USERINFO PIN=7"]);
    assert_eq!(delete_lines(&key, &device), 5);
    device.refuse(Form::Face);
    assert_eq!(tables(&device), ["FINGERTMP PIN=7", "BIODATA Pin=7", "USERPIC PIN=7", "USERINFO PIN=7"]);
}

#[test]
fn an_item_goes_alone() {
    let device = options("a02-options.http");
    let gone = |slot: Slot| lines(&delete(&ItemKey { pin: pin("7"), slot }, &device));
    assert_eq!(gone(slot(BioType::FINGERPRINT, 3, Format::Zk, 10, 0)), ["DATA DELETE FINGERTMP PIN=7|FID=3"]);
    assert_eq!(gone(slot(BioType::PALM, 1, Format::Zk, 12, 0)), ["DATA DELETE BIODATA Pin=7|Type=8|No=1"]);
    assert_eq!(gone(Slot::USER_PHOTO), ["DATA DELETE USERPIC PIN=7"]);
    assert_eq!(gone(Slot::comparison_photo(BioType::VISIBLE_FACE)), ["DATA DELETE BIOPHOTO PIN=7"]);
    // A device that cannot hold it is not asked to forget it.
    assert_eq!(gone(slot(BioType::PALM, 1, Format::Zk, 5, 0)), [""; 0]);
}

#[test]
fn a_damaged_template_is_never_sent() {
    let device = options("a02-options.http");
    let body = body("a07-biodata-palm12-5parts.http");
    let (key, content) = items(Some("BIODATA"), &body, &device).remove(0);
    assert_eq!(update(&key, &content, &device).len(), 5);
    let Content::Template(mut template) = content else { panic!("a palm is a template") };
    let part = &mut template.parts[2].text;
    part.truncate(part.len() - 4);
    assert_eq!(update(&key, &Content::Template(template), &device), []);
}

#[test]
fn photos_go_out_with_their_length() {
    let device = options("a02-options.http");
    let photo = Content::Photo(Photo { text: "AAEC".into(), file_name: Some("7.jpg".into()) });
    let key = |slot| ItemKey { pin: pin("7"), slot };
    let sent = lines(&update(&key(Slot::USER_PHOTO), &photo, &device));
    assert_eq!(sent, ["DATA UPDATE USERPIC PIN=7|Size=4|Content=AAEC"]);
    let sent = lines(&update(&key(Slot::comparison_photo(BioType::VISIBLE_FACE)), &photo, &device));
    assert!(sent[0].starts_with("DATA UPDATE BIOPHOTO PIN=7|"), "{sent:?}");
    assert!(sent[0].contains("|Type=9|Size=4|Content=AAEC"), "{sent:?}");
}

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
