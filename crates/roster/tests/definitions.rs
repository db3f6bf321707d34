//! Definitions of the fleet: their keys, their canonical spelling, their commands.

mod support;

use roster::{
    Capability, Content, Definition, DefinitionKind, DefinitionName, HashKey, ItemKey, Kind, Reading, Slot,
    delete, hash, read, update,
};
use support::{lines, pin, told};
use wire::{Form, Handshake, Pin};

const KEY: HashKey = HashKey::new([7; 32]);

fn name(kind: DefinitionKind, text: &str) -> DefinitionName {
    DefinitionName::read(kind, text).expect("a name")
}

fn key(name: &DefinitionName) -> ItemKey {
    ItemKey { pin: name.owner().expect("an owner"), slot: name.kind.slot() }
}

fn definition(kind: DefinitionKind, text: &str, fields: &[(&str, &str)]) -> (ItemKey, Content) {
    let name = name(kind, text);
    let fields: Vec<(&str, String)> = fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    (key(&name), Content::Definition(Definition::new(&name, &fields).expect("a definition")))
}

/// A device with this protocol version and language.
fn device(version: &str, language: u16) -> Capability {
    let mut capability = Capability::default();
    let shown = Handshake {
        push_version: version.parse().ok(),
        language: Some(language),
        device_type: None,
        comm_key: None,
        dialect: wire::Dialect::Attendance,
    };
    capability.merge_handshake(&shown);
    capability
}

#[test]
fn a_reserved_key_is_no_pin_and_sorts_before_pins_in_the_order_of_references() {
    let mut owners: Vec<Pin> = DefinitionKind::ALL
        .into_iter()
        .flat_map(|kind| ["10", "9"].map(|text| name(kind, text).owner().expect("an owner")))
        .collect();
    owners.push(pin("0"));
    for owner in &owners[..12] {
        assert!(owner.as_str().parse::<Pin>().is_err(), "{owner}");
        let name = DefinitionName::of(owner).expect("a definition");
        assert_eq!((name.owner().as_ref(), Slot::root_of(owner)), (Ok(owner), name.kind.slot()));
        assert!(name.kind.slot().is_root());
        assert!(device("2.4.1", 69).accepts_pin(owner));
    }
    owners.sort();
    let sorted: Vec<String> =
        owners.iter().filter_map(DefinitionName::of).map(|name| name.to_string()).collect();
    assert_eq!(sorted[..3], ["time zone 9", "time zone 10", "holiday 9"]);
    assert_eq!(owners.last(), Some(&pin("0")));
    assert_eq!((DefinitionName::of(&pin("10009")), Slot::root_of(&pin("10009"))), (None, Slot::USER));
}

#[test]
fn a_name_is_a_number_or_a_code() {
    for (kind, text) in [
        (DefinitionKind::TimeZone, "0"),
        (DefinitionKind::TimeZone, "10000"),
        (DefinitionKind::Group, "x"),
        (DefinitionKind::Message, ""),
        (DefinitionKind::WorkCode, ""),
        (DefinitionKind::WorkCode, "a b"),
        (DefinitionKind::WorkCode, "123456789012345678901"),
    ] {
        assert!(DefinitionName::read(kind, text).is_err(), "{text}");
    }
    assert_eq!(name(DefinitionKind::TimeZone, "007").name, "7");
    assert_ne!(name(DefinitionKind::WorkCode, "007").owner(), name(DefinitionKind::WorkCode, "7").owner());
}

#[test]
fn kinds_are_stored_as_numbers_and_contents_as_bytes() {
    for kind in DefinitionKind::ALL.map(Kind::Definition).into_iter().chain([Kind::PersonalMessage]) {
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
    }
    assert_eq!((Kind::from_code(5), Kind::from_code(17)), (None, None));
    let (key, content) = definition(DefinitionKind::WorkCode, "101", &[("PIN", "4"), ("NAME", "Ünïcode 李")]);
    assert_eq!(Content::from_bytes(key.slot.kind, &content.to_bytes()), Ok(content.clone()));
    let short = &content.to_bytes()[..20];
    assert!(Content::from_bytes(key.slot.kind, short).is_err());
    assert_eq!(
        Content::from_bytes(Kind::PersonalMessage, &Content::PersonalMessage.to_bytes()),
        Ok(Content::PersonalMessage)
    );
}

#[test]
fn the_position_of_a_work_code_does_not_count_in_comparisons() {
    let hash_of = |place: &str, name: &str| {
        let (key, content) = definition(DefinitionKind::WorkCode, "101", &[("PIN", place), ("NAME", name)]);
        hash(&KEY, &key.slot, &content)
    };
    assert_eq!(hash_of("1", "Assembly"), hash_of("7", " Assembly\t"));
    assert_ne!(hash_of("1", "Assembly"), hash_of("1", "Shipping"));
}

/// Obligation 160.
#[test]
fn a_group_is_sent_in_the_form_of_the_version() {
    let (key, group) = definition(DefinitionKind::Group, "2", &[("TZ", "2;3;0"), ("ValidHoliday", "1")]);
    for (version, periods) in [("2.2.14", "1;2;3;0"), ("2.4.1", "1;2;3;0"), ("2.4.2", "2;3;0")] {
        let sent = lines(&update(&key, &group, &device(version, 69)));
        assert_eq!(sent, [format!("DATA UPDATE AccGroup ID=2|Verify=0|ValidHoliday=1|TZ={periods}")]);
    }
    // A device without a version is an old one.
    assert!(lines(&update(&key, &group, &Capability::default()))[0].ends_with("TZ=1;2;3;0"));
}

#[test]
fn a_removed_definition_is_deleted_or_opens_nothing() {
    let gone = |kind, text| lines(&delete(&key(&name(kind, text)), &device("2.4.2", 69))).join("; ");
    assert_eq!(gone(DefinitionKind::WorkCode, "101"), "DATA DELETE WORKCODE CODE=101");
    assert_eq!(gone(DefinitionKind::Message, "3"), "DATA DELETE SMS UID=3");
    let zone = gone(DefinitionKind::TimeZone, "2");
    assert!(zone.starts_with("DATA UPDATE AccTimeZone UID=2|SunStart=2357|SunEnd=2356|Mon"), "{zone}");
    assert_eq!(zone.matches("=2356").count(), 7);
    assert_eq!(gone(DefinitionKind::TimeZone, "1").matches("=2359").count(), 7);
    assert_eq!(
        gone(DefinitionKind::Group, "2"),
        "DATA UPDATE AccGroup ID=2|Verify=0|ValidHoliday=0|TZ=0;0;0"
    );
    assert_eq!(
        gone(DefinitionKind::Group, "1"),
        "DATA UPDATE AccGroup ID=1|Verify=0|ValidHoliday=0|TZ=1;0;0"
    );
    let combination = "DATA UPDATE AccUnLockComb UID=4|Group1=0|Group2=0|Group3=0|Group4=0|Group5=0";
    assert_eq!(gone(DefinitionKind::Combination, "4"), combination);
    let holiday = "DATA UPDATE AccHoliday UID=5|HolidayName=-|StartDate=0229|EndDate=0229|TimeZone=1";
    assert_eq!(gone(DefinitionKind::Holiday, "5"), holiday);
    // The protocol has no command that removes an assignment.
    let personal = ItemKey { pin: pin("7"), slot: Slot::personal_message(3) };
    assert_eq!(delete(&personal, &device("2.4.2", 69)), []);
    assert_eq!(
        lines(&update(&personal, &Content::PersonalMessage, &device("2.4.2", 69))),
        ["DATA UPDATE USER_SMS PIN=7|UID=3"]
    );
}

#[test]
fn a_text_is_in_the_charset_of_the_device_and_cannot_end_its_command() {
    let (key, code) =
        definition(DefinitionKind::WorkCode, "1", &[("PIN", "1"), ("NAME", "李\nC:1:CLEAR DATA")]);
    let sent = |language| {
        let commands = update(&key, &code, &device("2.4.1", language));
        let mut line = Vec::new();
        commands[0].write(&"1".parse().expect("an id"), &mut line);
        line
    };
    let written = |name: &[u8]| [b"C:1:DATA UPDATE WORKCODE PIN=1\tCODE=1\tNAME=".as_slice(), name].concat();
    assert_eq!(sent(69), written("李 C:1:CLEAR DATA".as_bytes()));
    assert_eq!(sent(83), written(b"\xc0\xee C:1:CLEAR DATA"));
}

#[test]
fn a_refused_form_is_not_sent_until_the_firmware_changes() {
    let mut device = told(&[("FWVersion", "1")]);
    let slot = DefinitionKind::WorkCode.slot();
    assert_eq!(device.takes(&slot), Some(Form::WorkCode));
    device.refuse(Form::WorkCode, support::refusal());
    assert_eq!(
        (device.takes(&slot), device.takes(&DefinitionKind::Group.slot())),
        (None, Some(Form::AccGroup))
    );
    device.merge_parameters(&[("FWVersion".to_owned(), "2".to_owned())]);
    assert_eq!(device.takes(&slot), Some(Form::WorkCode));
}

#[test]
fn an_invalid_definition_names_its_field() {
    let new = |kind, fields: &[(&str, &str)]| {
        let fields: Vec<(&str, String)> =
            fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Definition::new(&name(kind, "1"), &fields).map_err(|error| error.to_string())
    };
    assert_eq!(new(DefinitionKind::Group, &[]), Err("TZ is missing".to_owned()));
    assert_eq!(
        new(DefinitionKind::TimeZone, &[("MonStart", "2400")]),
        Err("MonStart is not a time of day as hhmm: 2359".to_owned())
    );
    assert_eq!(
        new(DefinitionKind::TimeZone, &[("Monday", "0000")]),
        Err("the table has no key Monday".to_owned())
    );
    // The key field always has the name of the definition, whatever the fields say.
    let zone = new(DefinitionKind::TimeZone, &[("UID", "7")]).expect("a time zone");
    assert_eq!(zone.value("UID"), "1");
}

/// Obligation 137.
#[test]
fn a_work_code_of_an_upload_is_a_definition_by_its_code() {
    let body = b"WORKCODE PIN=3\tCODE=a17\tNAME=Painting\nWORKCODE PIN=4\tNAME=x\n";
    let readings = read(Some("OPERLOG"), body, &device("2.4.1", 69));
    let Reading::Definition { line: 1, name, text, .. } = &readings[0] else { panic!("{readings:?}") };
    assert_eq!((name.to_string().as_str(), text.as_str()), ("work code a17", "Painting"));
    let Reading::Unreadable { line: 2, tag, reason, .. } = &readings[1] else { panic!("{readings:?}") };
    assert_eq!((tag.as_str(), reason.as_str()), ("WORKCODE", "CODE is missing"));
}
