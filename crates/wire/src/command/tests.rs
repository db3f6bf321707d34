//! Commands: exact lines, and reading them back.

mod orders;

use proptest::{prelude::*, test_runner::RngSeed};

use super::*;
use crate::{
    Base64, BioData, BioFormat, BioType, Card, ComparisonPhoto, FacePart, FingerVein, Fingerprint, Pin, User,
    UserPhoto,
};

fn pin(text: &str) -> Pin {
    text.parse().unwrap()
}

fn payload() -> Base64<'static> {
    Base64::read(b"U2FtcGxlRlAwMQ==").unwrap()
}

fn line(command: &Command<'_>) -> String {
    let mut out = Vec::new();
    command.write(&"7f2a".parse().unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn user() -> User {
    User {
        name: Some(b"Ilse Brandt".to_vec()),
        privilege: Some(0),
        password: Some(String::new()),
        card: Some(Card::Decimal(4_402_017)),
        group: Some(1),
        time_zones: Some("0000000000000000".into()),
        verify: Some(-1),
        vice_card: Some(Card::None),
        ..User::new(pin("1007"))
    }
}

/// Checks the line of a command, and that the line reads back as the command.
#[track_caller]
fn assert_line(command: &Command<'_>, text: &str) {
    let expected = format!("C:7f2a:{}", text.replace('→', "\t"));
    assert_eq!(line(command), expected);
    assert_eq!(Command::read(expected.as_bytes()), Ok(("7f2a".parse().unwrap(), command.clone())));
}

/// Obligations 26, 79, 150.
#[test]
fn a_user_is_sent_with_all_keys() {
    assert_line(
        &Command::Update(Update::User(user())),
        "DATA UPDATE USERINFO PIN=1007→Name=Ilse Brandt→Pri=0→Passwd=→Card=4402017→Grp=1→TZ=0000000000000000→Verify=-1→ViceCard=",
    );
    let limited = User {
        privilege: Some(14),
        password: Some("4711".into()),
        verify: Some(0),
        vice_card: Some(Card::Hex(123_456_789)),
        start: Some("2027-03-01T00:00:00".into()),
        end: Some("2027-03-31T23:59:59".into()),
        expires: Some(1),
        ..user()
    };
    assert_line(
        &Command::Update(Update::User(limited)),
        "DATA UPDATE USERINFO PIN=1007→Name=Ilse Brandt→Pri=14→Passwd=4711→Card=4402017→Grp=1→TZ=0000000000000000→Verify=0→ViceCard=[15CD5B0700]→StartDatetime=2027-03-01T00:00:00→EndDatetime=2027-03-31T23:59:59→Expires=1",
    );
}

#[test]
fn an_absent_value_is_written_empty_or_as_the_default() {
    let bare = line(&Command::Update(Update::User(User::new(pin("007")))));
    let expected =
        "C:7f2a:DATA UPDATE USERINFO PIN=007\tName=\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=\tVerify=-1\tViceCard=";
    assert_eq!(bare, expected);
}

/// Obligations 26, 150, 151.
#[test]
fn templates_are_sent_in_the_order_of_their_tables() {
    let (pin, template) = (pin("1007"), payload());
    assert_line(
        &Command::Update(Update::Fingerprint(Fingerprint {
            pin: pin.clone(),
            finger: 0,
            valid: 0,
            template: template.clone(),
        })),
        "DATA UPDATE FINGERTMP PIN=1007→FID=0→Size=16→Valid=0→TMP=U2FtcGxlRlAwMQ==",
    );
    assert_line(
        &Command::Update(Update::FacePart(FacePart {
            pin: pin.clone(),
            part: 11,
            valid: 1,
            template: template.clone(),
        })),
        "DATA UPDATE FACE PIN=1007→FID=11→Valid=1→Size=16→TMP=U2FtcGxlRlAwMQ==",
    );
    assert_line(
        &Command::Update(Update::FingerVein(FingerVein {
            pin: pin.clone(),
            finger: 6,
            index: 2,
            valid: 1,
            template: template.clone(),
        })),
        "DATA UPDATE FVEIN Pin=1007→FID=6→Index=2→Valid=1→Size=16→Tmp=U2FtcGxlRlAwMQ==",
    );
    assert_line(
        &Command::Update(Update::BioData(BioData {
            pin,
            number: 0,
            index: 4,
            valid: 1,
            duress: 0,
            bio_type: BioType::PALM,
            major: 12,
            minor: 0,
            format: BioFormat::Zk,
            template,
        })),
        "DATA UPDATE BIODATA Pin=1007→No=0→Index=4→Valid=1→Duress=0→Type=8→MajorVer=12→MinorVer=0→Format=0→Tmp=U2FtcGxlRlAwMQ==",
    );
}

fn comparison_photo() -> ComparisonPhoto<'static> {
    ComparisonPhoto {
        pin: pin("1007"),
        file_name: None,
        bio_type: BioType::VISIBLE_FACE,
        number: None,
        index: None,
        content: payload(),
    }
}

/// Obligations 26, 151.
#[test]
fn photos_are_sent_inline() {
    assert_line(
        &Command::Update(Update::UserPhoto(UserPhoto {
            pin: pin("1007"),
            file_name: None,
            content: payload(),
        })),
        "DATA UPDATE USERPIC PIN=1007→Size=16→Content=U2FtcGxlRlAwMQ==",
    );
    let command =
        |photo, post_back_template| Command::Update(Update::ComparisonPhoto { photo, post_back_template });
    assert_line(
        &command(comparison_photo(), true),
        "DATA UPDATE BIOPHOTO PIN=1007→Type=9→Size=16→Content=U2FtcGxlRlAwMQ==→Format=0→Url=→PostBackTmpFlag=1",
    );
    assert_line(
        &command(ComparisonPhoto { number: Some(0), index: Some(1), ..comparison_photo() }, false),
        "DATA UPDATE BIOPHOTO PIN=1007→Type=9→No=0→Index=1→Size=16→Content=U2FtcGxlRlAwMQ==→Format=0→Url=→PostBackTmpFlag=0",
    );
}

/// Obligation 156.
#[test]
fn photos_are_sent_by_url() {
    let url = || "file/0123456789abcdef0123456789abcdef/photo.jpg".to_owned();
    assert_line(
        &Command::Update(Update::UserPhotoUrl { pin: pin("1007"), url: url() }),
        "DATA UPDATE USERPIC PIN=1007→Format=1→Url=file/0123456789abcdef0123456789abcdef/photo.jpg→Size=0→Content=",
    );
    assert_line(
        &Command::Update(Update::ComparisonPhotoUrl {
            pin: pin("1007"),
            bio_type: BioType::VISIBLE_FACE,
            url: url(),
            post_back_template: true,
        }),
        "DATA UPDATE BIOPHOTO PIN=1007→Type=9→Size=0→Content=→Format=1→Url=file/0123456789abcdef0123456789abcdef/photo.jpg→PostBackTmpFlag=1",
    );
    let nowhere = b"C:1:DATA UPDATE BIOPHOTO PIN=1007\tType=9\tFormat=1\tUrl=";
    assert!(Command::read(nowhere).is_err(), "a photo at no address");
}

#[test]
fn a_deletion_names_the_user_and_the_kind() {
    let deletions = [
        (Delete::User(pin("7")), "USERINFO PIN=7"),
        (Delete::Fingerprints(pin("7")), "FINGERTMP PIN=7"),
        (Delete::Fingerprint(pin("7"), 0), "FINGERTMP PIN=7→FID=0"),
        (Delete::Face(pin("7")), "FACE PIN=7"),
        (Delete::FingerVeins(pin("7")), "FVEIN Pin=7"),
        (Delete::FingerVein(pin("7"), 9), "FVEIN Pin=7→FID=9"),
        (Delete::BioData(pin("7")), "BIODATA Pin=7"),
        (Delete::BioDataType(pin("7"), BioType::VISIBLE_FACE), "BIODATA Pin=7→Type=9"),
        (Delete::BioDataNumber(pin("7"), BioType::FINGERPRINT, 0), "BIODATA Pin=7→Type=1→No=0"),
        (Delete::UserPhoto(pin("7")), "USERPIC PIN=7"),
        (Delete::ComparisonPhoto(pin("7")), "BIOPHOTO PIN=7"),
        (Delete::ComparisonPhotoType(pin("7"), BioType::VISIBLE_FACE), "BIOPHOTO PIN=7→Type=9"),
    ];
    for (delete, text) in deletions {
        assert_line(&Command::Delete(delete), &format!("DATA DELETE {text}"));
    }
}

/// Obligation 157.
#[test]
fn a_deletion_without_a_pin_is_refused() {
    for line in [
        &b"C:1:DATA DELETE USERINFO"[..],
        b"C:1:DATA DELETE USERINFO PIN=",
        b"C:1:DATA DELETE BIODATA Type=9",
    ] {
        assert_eq!(Command::read(line), Err(FieldError::Missing { field: "PIN" }));
    }
}

#[test]
fn queries_name_their_table() {
    let queries = [
        (DataQuery::User(pin("7")), "USERINFO PIN=7"),
        (DataQuery::AllUsers, "USERINFO"),
        (DataQuery::Fingerprints(pin("7")), "FINGERTMP PIN=7"),
        (DataQuery::BioData { bio_type: BioType::VISIBLE_FACE, pin: None }, "BIODATA Type=9"),
        (DataQuery::BioData { bio_type: BioType::FINGERPRINT, pin: Some(pin("7")) }, "BIODATA Type=1→PIN=7"),
    ];
    for (select, text) in queries {
        assert_line(&Command::Query(select), &format!("DATA QUERY {text}"));
    }
}

/// Obligation 162.
#[test]
fn the_other_commands_have_no_arguments() {
    for (text, command) in PLAIN {
        assert_line(&command, text);
        assert_eq!(command.table().to_string(), text);
    }
    let set = Command::SetOption { key: "VOLUME".into(), value: "a b=c".into() };
    assert_line(&set, "SET OPTION VOLUME=a b=c");
    assert!(!format!("{set:?}").contains("a b=c"), "{set:?}");
}

/// Obligation 90.
#[test]
fn only_commands_with_the_same_effect_twice_are_repeatable() {
    let once: Vec<_> =
        PLAIN.iter().filter(|(_, command)| !command.repeatable()).map(|(text, _)| *text).collect();
    assert_eq!(
        once,
        [
            "REBOOT",
            "CLEAR DATA",
            "CLEAR LOG",
            "AC_UNLOCK",
            "CLEAR PHOTO",
            "CLEAR BIODATA",
            "CLEAR ALL USERINFO"
        ]
    );
    assert!(Command::Update(Update::User(user())).repeatable());
    assert!(Command::Delete(Delete::User(pin("7"))).repeatable());
    assert!(Command::Query(DataQuery::AllUsers).repeatable());
}

#[test]
fn the_form_of_data_is_its_table_with_the_type() {
    let forms = [
        (Command::Update(Update::User(user())), Form::UserInfo),
        (Command::Delete(Delete::BioDataNumber(pin("7"), BioType::PALM, 1)), Form::BioData(8)),
        (Command::Delete(Delete::FingerVeins(pin("7"))), Form::FVein),
        (Command::Query(DataQuery::Fingerprints(pin("7"))), Form::QueryFingerprints),
        (Command::Query(DataQuery::User(pin("7"))), Form::Query),
        (Command::SetOption { key: "A".into(), value: "1".into() }, Form::SetOption),
    ];
    for (command, form) in forms {
        assert_eq!(command.table(), form);
    }
}

/// Injection: a line feed in a name would start another command.
///
/// Obligation 34.
#[test]
fn a_name_with_a_command_in_it_stays_in_one_line() {
    let name = b"Eve\nC:1:CLEAR DATA\r\0\tPri=14".to_vec();
    let command = Command::Update(Update::User(User { name: Some(name), ..User::new(pin("7")) }));
    let expected = "C:7f2a:DATA UPDATE USERINFO PIN=7\tName=Eve C:1:CLEAR DATA   Pri=14\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=\tVerify=-1\tViceCard=";
    assert_eq!(line(&command), expected);
}

/// Injection: an option that an operator sets.
///
/// Obligation 34.
#[test]
fn an_option_with_a_line_end_stays_in_one_line() {
    let command = Command::SetOption { key: "VOL\nUME".into(), value: "1\nC:1:REBOOT\t".into() };
    assert_eq!(line(&command), "C:7f2a:SET OPTION VOL UME=1 C:1:REBOOT ");
}

#[test]
fn other_servers_spell_keys_and_words_in_any_case() {
    let (id, command) = Command::read(b"C:9:data update fingertmp tmp=QUJD\tpin=007\tfid=3\r").unwrap();
    let expected =
        Fingerprint { pin: pin("007"), finger: 3, valid: 1, template: Base64::read(b"QUJD").unwrap() };
    assert_eq!((id.as_str(), command), ("9", Command::Update(Update::Fingerprint(expected))));
    assert_eq!(Command::read(b"C:9:Reload Options").unwrap().1, Command::ReloadOptions);
}

#[test]
fn an_unknown_command_differs_from_a_wrong_field() {
    let invalid = |line: &[u8]| match Command::read(line) {
        Err(FieldError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(b"OK"), "command");
    assert_eq!(invalid(b"C:12"), "command");
    assert_eq!(invalid(b"C::CHECK"), "ID");
    assert_eq!(invalid(b"C:b7e204d19cf3586a0:CHECK"), "ID");
    assert_eq!(invalid(b"C:1:CONTROL DEVICE 01"), "command");
    assert_eq!(invalid(b"C:1:DATA UPDATE MEETINFO ID=1"), "table");
    assert_eq!(invalid(b"C:1:SET OPTION VOLUME"), "OPTION");
    assert_eq!(invalid(b"C:1:DATA UPDATE USERINFO PIN=7 Name=Ada"), "PIN");
}

/// Obligations 77, 78, 79, 85.
#[test]
fn a_poll_is_answered_with_commands_or_ok() {
    assert_eq!(poll_reply(["C:1:CHECK", "C:2:LOG"]), b"C:1:CHECK\nC:2:LOG\n");
    assert_eq!(poll_reply::<&[u8]>([]), b"OK");
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ -~ä字\t\n\r\0]{0,24}")
}

prop_compose! {
    fn any_user()(
        pin in "[A-Za-z0-9]{1,24}",
        name in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        numbers in any::<(Option<i32>, Option<i32>, Option<i32>, Option<i32>)>(),
        cards in (any::<u64>(), any::<u32>()),
        texts in (any_text(), any_text(), any_text(), any_text(), any_text()),
    ) -> User {
        let (privilege, group, verify, expires) = numbers;
        let (password, time_zones, start, end, card) = texts;
        User {
            name, privilege, group, verify, expires, password, time_zones, start, end,
            card: Some(card.map_or(Card::Decimal(cards.0), Card::Text)),
            vice_card: Some(Card::Hex(u64::from(cards.1))),
            ..User::new(pin.parse().unwrap())
        }
    }
}

fn any_command() -> impl Strategy<Value = Command<'static>> {
    let content = prop::collection::vec(any::<u8>(), 1..60).prop_map(|bytes| Base64::encode(&bytes));
    let keys = ("[A-Za-z0-9]{1,24}", 0_u8..=9, any::<(u8, u8, u8, u8)>(), any::<(u16, u16)>(), content);
    let templates = (0..9, keys).prop_map(|(kind, (pin, finger, bytes, version, template))| {
        let (pin, (a, b, c, d)) = (self::pin(&pin), bytes);
        Command::Update(match kind {
            0 => Update::Fingerprint(Fingerprint { pin, finger, valid: a, template }),
            1 => Update::FacePart(FacePart { pin, part: a, valid: b, template }),
            2 => Update::FingerVein(FingerVein { pin, finger, index: a, valid: b, template }),
            3 => Update::BioData(BioData {
                pin,
                number: a,
                index: b,
                valid: c,
                duress: finger,
                bio_type: BioType(d),
                major: version.0,
                minor: version.1,
                format: BioFormat::of_code(a),
                template,
            }),
            4 => Update::UserPhoto(UserPhoto { pin, file_name: None, content: template }),
            5 => return Command::Delete(Delete::BioDataNumber(pin, BioType(a), b)),
            6 => Update::UserPhotoUrl { pin, url: format!("file/{a}/{b}.jpg") },
            7 => Update::ComparisonPhotoUrl {
                pin,
                bio_type: BioType(a),
                url: format!("http://192.0.2.1/{b}.jpg"),
                post_back_template: c % 2 == 0,
            },
            _ => Update::ComparisonPhoto {
                photo: ComparisonPhoto {
                    pin,
                    file_name: None,
                    bio_type: BioType(a),
                    number: Some(b).filter(|_| c > 99),
                    index: Some(d).filter(|_| c < 200),
                    content: template,
                },
                post_back_template: c % 2 == 0,
            },
        })
    });
    prop_oneof![templates, Just(Command::Query(DataQuery::AllUsers)), Just(Command::Reboot)]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_command_reads_back_as_it_was(command in any_command(), id in "[A-Za-z0-9]{1,16}") {
        let id: CommandId = id.parse().unwrap();
        let mut out = Vec::new();
        command.write(&id, &mut out);
        prop_assert_eq!(Command::read(&out), Ok((id, command)));
    }

    /// Injection: whatever values a user has, its line is one line with nine to twelve fields.
    #[test]
    fn a_user_of_any_values_is_one_line_that_reads_back_to_itself(user in any_user()) {
        let fields = 9 + usize::from(user.start.is_some()) + usize::from(user.end.is_some())
            + usize::from(user.expires.is_some());
        let id: CommandId = "1".parse().unwrap();
        let mut out = Vec::new();
        Command::Update(Update::User(user.clone())).write(&id, &mut out);
        prop_assert!(!out.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)));
        prop_assert_eq!(out.split(|byte| *byte == b'\t').count(), fields);

        let (_, read) = Command::read(&out).unwrap();
        let Command::Update(Update::User(read_user)) = &read else { panic!("{read:?}") };
        prop_assert_eq!(read_user.privilege, user.privilege.or(Some(0)));
        prop_assert_eq!(read_user.name.as_ref().map(Vec::len), Some(user.name.map_or(0, |name| name.len())));
        let mut again = Vec::new();
        read.write(&id, &mut again);
        let (_, read_again) = Command::read(&again).unwrap();
        prop_assert_eq!(read_again, read);
    }

    #[test]
    fn no_line_breaks_the_reader(line in prop::collection::vec(any::<u8>(), 0..120)) {
        let long = [&b"C:1:"[..], &line].concat();
        prop_assert!(Command::read(&line).is_err() || line.starts_with(b"C:"));
        if let Ok((id, _)) = Command::read(&long) {
            prop_assert_eq!(id.as_str(), "1");
        }
    }

    #[test]
    fn no_line_like_a_command_breaks_the_reader(
        line in "C:1:(DATA |UPDATE |DELETE |QUERY |FACE |BIODATA |PIN=1|TMP=QUJD|Type=|FID=|Size=4|[\t0-9]){0,9}",
    ) {
        if let Ok((id, command)) = Command::read(line.as_bytes()) {
            let mut out = Vec::new();
            command.write(&id, &mut out);
            prop_assert_eq!(Command::read(&out), Ok((id, command)));
        }
    }
}
