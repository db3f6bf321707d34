//! Properties that hold for every content, every user and every device.

mod support;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::RngSeed;
use roster::{
    Algorithm, BodyError, Capability, Content, Field, Format, HashKey, ItemKey, Kind, Merge, Part, Photo,
    Slot, Template, Uploader, UserFields, first, hash, inspect, merge, read, update,
};
use wire::{BioType, CardForm, Command, Form, Handshake, Query, Update};

const KEY: HashKey = HashKey::new([1; 32]);

/// Base64 of arbitrary bytes.
fn base64() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 1..80)
        .prop_map(|bytes| wire::Base64::encode(&bytes).as_str().to_owned())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z ]{0,30}", "[äöüßéАБВ周雨林😀 a-z?]{0,20}", "\\PC{0,12}"]
}

fn optional_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z0-9:-]{0,19}")
}

/// The canonical fields of an arbitrary user.
fn fields() -> impl Strategy<Value = UserFields> {
    let card =
        || proptest::option::of(prop_oneof![any::<u32>().prop_map(|card| card.to_string()), "[A-Z-]{1,9}"]);
    let who = (text(), select(vec![0, 2, 6, 10, 14]), "[0-9]{0,8}", card(), card());
    let how = (0..200_i32, select(vec!["", "0001000200000000"]), proptest::option::of(0..30_i32));
    let when = (optional_text(), optional_text(), proptest::option::of(0..2_i32));
    (who, how, when).prop_map(|(who, how, when)| {
        let (name, privilege, password, card, vice_card) = who;
        let (group, time_zones, verify) = how;
        let (start, end, expires) = when;
        let time_zones = time_zones.to_owned();
        UserFields {
            name,
            privilege,
            password,
            card,
            vice_card,
            group,
            time_zones,
            verify,
            start,
            end,
            expires,
        }
        .canonical()
    })
}

fn template() -> impl Strategy<Value = Template> {
    let part = (any::<u8>(), 0..2_u8, any::<bool>(), base64())
        .prop_map(|(index, valid, duress, text)| Part { index, valid, duress, text });
    proptest::collection::vec(part, 0..5).prop_map(|parts| Template { parts })
}

fn content() -> impl Strategy<Value = (Kind, Content)> {
    let photo = (base64(), optional_text()).prop_map(|(text, file_name)| Photo { text, file_name });
    prop_oneof![
        fields().prop_map(|fields| (Kind::User, Content::User(fields))),
        template().prop_map(|template| (Kind::Template(BioType::PALM), Content::Template(template))),
        photo.prop_map(|photo| (Kind::UserPhoto, Content::Photo(photo))),
        Just((Kind::Membership, Content::Membership)),
        Just((Kind::PersonalMessage, Content::PersonalMessage)),
    ]
}

/// An arbitrary device, in the properties that affect user records.
fn device() -> impl Strategy<Value = Capability> {
    let language = select(vec![None, Some(69), Some(83), Some(84)]);
    (language, any::<bool>(), proptest::option::of(20..30_usize), any::<bool>()).prop_map(
        |(language, hex, name_bytes, new)| {
            let mut capability = Capability::default();
            let language = language.map(|language| format!("&language={language}")).unwrap_or_default();
            let version = if new { "2.4.1" } else { "2.2.14" };
            let query = format!("SN=A&options=all{language}&pushver={version}");
            capability.merge_handshake(&Handshake::read(&Query::new(&query)));
            if hex {
                capability.learn_card_form(CardForm::Hex);
            }
            match name_bytes {
                Some(bytes) => support::cutting(&capability, bytes),
                None => capability,
            }
        },
    )
}

/// The record that the device uploads after it got this user.
fn echo(fields: &UserFields, capability: &Capability) -> Vec<u8> {
    let key = ItemKey { pin: "7".parse().expect("7 is a PIN"), slot: Slot::USER };
    let content = Content::User(fields.clone());
    let commands = update(&key, &content, capability);
    let [Command::Update(Update::User(user))] = commands.as_slice() else { panic!("{commands:?}") };
    let mut line = Vec::new();
    wire::Record::User(user.clone()).write(&mut line);
    line
}

/// A fixed seed, so that every run has the same cases.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(241),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_stored_content_reads_back((kind, content) in content()) {
        prop_assert_eq!(Content::from_bytes(kind, &content.to_bytes()), Ok(content));
    }

    #[test]
    fn a_stored_content_that_was_cut_is_an_error((kind, content) in content(), keep in any::<prop::sample::Index>()) {
        let bytes = content.to_bytes();
        let cut = &bytes[..keep.index(bytes.len())];
        prop_assert_eq!(Content::from_bytes(kind, cut), Err(BodyError::Short));
    }

    #[test]
    fn any_stored_bytes_are_a_content_or_an_error(
        (kind, content) in content(), at in any::<prop::sample::Index>(), byte: u8,
    ) {
        let mut bytes = content.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(content) = Content::from_bytes(kind, &bytes) {
            prop_assert_eq!(content.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_content_takes_at_most_its_announced_bytes(fields in fields(), template in template(), device in device()) {
        let mut device = device;
        support::tell(&mut device, &[("PvVersion", "12")]);
        let palm = Slot::template(BioType::PALM, 0, Algorithm { format: Format::Zk, major: 12, minor: 65_535 });
        let id = "ABCDEFGHIJKLMNOP".parse().expect("16 letters are an id");
        for (slot, content) in [(Slot::USER, Content::User(fields)), (palm, Content::Template(template))] {
            let pin = "123456789012345678901234".parse().expect("24 digits are a PIN");
            let mut lines = Vec::new();
            for command in update(&ItemKey { pin, slot }, &content, &device) {
                command.write(&id, &mut lines);
                lines.push(b'\n');
            }
            prop_assert!(lines.len() <= content.wire_bytes(), "{} bytes", lines.len());
        }
    }

    #[test]
    fn an_echo_edits_nothing(fields in fields(), device in device(), settled: bool) {
        let patch = support::said_raw(&device, &echo(&fields, &device));
        let from = Uploader { capability: &device, settled, trust_privilege: false };
        let merged = merge(&fields, &[], &patch, &from);
        prop_assert_eq!(merged, Merge { fields, ..Merge::default() });
    }

    #[test]
    fn a_device_that_keeps_no_validity_removes_none(
        fields in fields(), older in fields(), device in device(), settled: bool, zero: bool,
    ) {
        let own = UserFields {
            privilege: 0, group: 1, time_zones: String::new(), verify: zero.then_some(0), ..fields.clone()
        };
        let patch = support::said_raw(&device, &echo(&own, &device));
        let from = Uploader { capability: &device, settled, trust_privilege: false };
        let merged = merge(&fields, std::slice::from_ref(&older), &patch, &from);
        prop_assert_eq!(merged, Merge { fields, ..Merge::default() });
    }

    #[test]
    fn one_user_shows_no_field_keeping_however_often(
        theirs in proptest::collection::vec((fields(), proptest::option::of(0..40_usize)), 1..6),
    ) {
        let mut device = Capability::default();
        for (fields, cut) in theirs {
            let shown = match cut {
                Some(bytes) => UserFields { name: fields.name.chars().take(bytes).collect(), ..fields.clone() },
                None => fields.clone(),
            };
            let patch = support::said_raw(&device, &echo(&shown, &device));
            let _ = device.learn_kept_fields(&support::pin("7"), &patch, Some(&fields), &[]);
            prop_assert!(!Field::ALL.into_iter().any(|field| device.keeps(field)));
            prop_assert_eq!(device.name_bytes(), None);
        }
    }

    #[test]
    fn two_users_show_that_a_device_cuts_names(
        limit in 20..40_usize,
        names in proptest::collection::vec("[A-Za-z]{43}[A-Za-z äöüß]{0,9}", 2..6),
    ) {
        let mut device = Capability::default();
        for (number, name) in names.iter().enumerate() {
            let ours = UserFields { name: name.trim().to_owned(), ..UserFields::default() };
            let line = [b"USER PIN=7\tName=".as_slice(), &ours.name.as_bytes()[..limit]].concat();
            let patch = support::said_raw(&device, &line);
            let _ = device.learn_kept_fields(&support::pin(&number.to_string()), &patch, Some(&ours), &[]);
            prop_assert_eq!(device.name_bytes(), (number > 0).then_some(limit));
            let from = Uploader { capability: &device, settled: true, trust_privilege: false };
            let merged = merge(&ours, &[], &patch, &from);
            prop_assert_eq!(merged.edited.is_empty(), number > 0 || limit == 24);
        }
    }

    #[test]
    fn an_echo_of_a_merged_user_edits_nothing(
        current in fields(),
        older in proptest::collection::vec(fields(), 0..3),
        theirs in fields(),
        device in device(),
        settled: bool,
        trust_privilege: bool,
    ) {
        let from = Uploader { capability: &device, settled, trust_privilege };
        let patch = support::said_raw(&device, &echo(&theirs, &device));
        let merged = merge(&current, &older, &patch, &from);
        let again = support::said_raw(&device, &echo(&merged.fields, &device));
        let unchanged = Merge { fields: merged.fields.clone(), ..Merge::default() };
        prop_assert_eq!(merge(&merged.fields, &older, &again, &from), unchanged);
    }

    #[test]
    fn a_merge_changes_exactly_the_edited_fields(
        current in fields(), older in fields(), theirs in fields(), device in device(), settled: bool,
    ) {
        let from = Uploader { capability: &device, settled, trust_privilege: false };
        let patch = support::said_raw(&device, &echo(&theirs, &device));
        let merged = merge(&current, std::slice::from_ref(&older), &patch, &from);
        prop_assert_eq!(merged.edited.is_empty(), merged.fields == current);
        prop_assert!(merged.edited.is_disjoint(&merged.stale));
        prop_assert!(merged.dropped.is_disjoint(&merged.stale));
        prop_assert!(!settled || merged.stale.is_empty());
        prop_assert!(merged.fields.privilege <= current.privilege);
        prop_assert_eq!(merged.fields.clone().canonical(), merged.fields);
    }

    #[test]
    fn a_new_user_is_canonical(theirs in fields(), device in device()) {
        let patch = support::said_raw(&device, &echo(&theirs, &device));
        let (fields, raised) = first(&patch, false);
        prop_assert_eq!(fields.clone().canonical(), fields.clone());
        prop_assert_eq!(raised.unwrap_or(0), theirs.privilege);
        prop_assert_eq!(fields.privilege, 0);
    }

    #[test]
    fn users_hash_alike_exactly_when_they_are_alike(one in fields(), other in fields()) {
        let of = |fields: &UserFields| hash(&KEY, &Slot::USER, &Content::User(fields.clone()));
        prop_assert_eq!(of(&one) == of(&other), one == other);
        prop_assert_eq!(of(&one), of(&one.clone()));
    }

    #[test]
    fn the_hash_of_a_template_ignores_valid(template in template()) {
        let slot = Slot::template(BioType::PALM, 0, Algorithm { format: Format::Zk, major: 12, minor: 0 });
        let of = |template: &Template| hash(&KEY, &slot, &Content::Template(template.clone()));
        let mut other = template.clone();
        other.parts.iter_mut().for_each(|part| part.valid = 1 - part.valid);
        prop_assert_eq!(of(&template), of(&other));
        if let Some(part) = other.parts.first_mut() {
            part.duress = !part.duress;
            prop_assert_ne!(of(&template), of(&other));
        }
    }

    #[test]
    fn any_text_has_a_header_or_none_or_an_error(text in prop_oneof![base64(), "\\PC{0,40}", "apUB[A-Za-z0-9+/=]{0,40}"]) {
        // A recognised text has its length checked, or begins like a fingerprint 9.0.
        if let Ok(Some(described)) = inspect(&text) {
            prop_assert!(described.major > 0 || described.unified);
        }
    }

    #[test]
    fn any_body_is_read_line_by_line(body in "((USER|FP|BIODATA|FACE|OPLOG) (PIN=[0-9]|[A-Za-z]{2,5}=[a-z0-9+/=]{0,9}|\t){0,6}\n){0,8}") {
        let readings = read(Some("OPERLOG"), body.as_bytes(), &Capability::default());
        prop_assert!(readings.len() <= wire::count_lines(body.as_bytes()));
        prop_assert!(readings.is_sorted_by_key(roster::Reading::line));
    }

    #[test]
    fn a_stored_capability_reads_back(
        told in subsequence(vec![
            ("~DeviceName", "SpeedFace-V5L[TD]"), ("~OEMVendor", "ZKTeco Co., Ltd."), ("FWVersion", "Ver = 1"),
            ("FPVersion", "10"), ("MultiBioVersion", "0:10.0:0:0:0:0:0:0:0:58.10"), ("FaceFunOn", "0"),
            ("~IsABCPinEnable", "1"), ("PvVersion", "12"), ("Unknown", "7"),
        ], 0..9),
        refused in subsequence(vec![Form::FingerTmp, Form::BioData(1), Form::UserPic], 0..3),
        device in device(),
        shown in proptest::collection::vec((0..3_u8, fields(), fields()), 0..5),
    ) {
        let mut capability = device;
        support::tell(&mut capability, &told);
        for (who, theirs, ours) in shown {
            let patch = support::said_raw(&capability, &echo(&theirs, &capability));
            let _ = capability.learn_kept_fields(&support::pin(&who.to_string()), &patch, Some(&ours), &[]);
        }
        capability.learn_version(BioType::PALM, 12, 3);
        for form in refused {
            capability.refuse(form, support::refusal());
        }
        let kind = Some(Kind::Template(BioType::PALM));
        capability.accept(Form::BioData(8), roster::Evidence { kind, ..support::refusal() });
        prop_assert_eq!(Capability::from_text(&capability.to_text()), capability);
    }

    #[test]
    fn any_text_is_a_capability(text in "([A-Za-z~ ]{0,12}=[\\PC]{0,12}\n|\\PC{0,20}\n){0,9}") {
        let capability = Capability::from_text(&text);
        prop_assert_eq!(Capability::from_text(&capability.to_text()), capability);
    }
}
