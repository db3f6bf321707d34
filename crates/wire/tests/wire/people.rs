//! Records about users, in every spelling and field order that the protocol allows.

use wire::{
    BioData, BioFormat, BioType, Card, FacePart, FingerVein, Fingerprint, Operation, OperationMeaning,
    Record, User, records,
};

use crate::records::{base64, pin};

fn only(body: &str) -> Record<'_> {
    let mut lines = records(Some("OPERLOG"), body.as_bytes());
    let line = lines.next().expect("a line");
    assert!(lines.next().is_none(), "one line");
    line.record.unwrap_or_else(|error| panic!("{error}"))
}

/// The same record with its fields reversed, and with its keys in other cases.
fn spellings(line: &str) -> Vec<String> {
    let (tag, fields) = line.split_once(' ').expect("a tag");
    let fields: Vec<&str> = fields.split('\t').collect();
    let reversed: Vec<&str> = fields.iter().rev().copied().collect();
    let with_keys = |change: fn(&str) -> String| {
        let pairs = fields.iter().map(|field| {
            let (key, value) = field.split_once('=').expect("a pair");
            format!("{}={value}", change(key))
        });
        format!("{tag} {}", pairs.collect::<Vec<_>>().join("\t"))
    };
    vec![
        line.to_owned(),
        format!("{tag} {}", reversed.join("\t")),
        with_keys(str::to_uppercase),
        with_keys(str::to_lowercase),
        format!("{}\t{}", tag.to_lowercase(), fields.join("\t")),
        format!("{line}\tUnknown=1\tOther="),
    ]
}

fn assert_reads(line: &str, expected: &Record<'_>) {
    for spelling in spellings(line) {
        assert_eq!(only(&spelling), *expected, "{spelling}");
    }
}

/// Obligations 123, 124.
#[test]
fn an_operation_is_code_operator_time_and_four_operands_whatever_the_code() {
    for code in [0, 4, 103, 999, 65_535] {
        let line = format!("OPLOG {code}\t1\t2027-03-12 06:53:01\tA5\t2\t\t4");
        let Record::Operation(operation) = only(&line) else { panic!("{line}") };
        let expected = Operation {
            code,
            operator: "1".into(),
            time: "2027-03-12 06:53:01".into(),
            operands: ["A5", "2", "", "4"].map(str::to_owned),
        };
        assert_eq!(operation, expected);
        assert_eq!(operation.meaning() == OperationMeaning::Other, ![0, 103].contains(&code), "{code}");
    }
}

/// Obligation 127.
#[test]
fn a_user_has_every_key_that_is_documented() {
    let user = User {
        name: Some(b"Ada Byron = A".to_vec()),
        privilege: Some(14),
        password: Some("4711".into()),
        card: Some(Card::Hex(123_456_789)),
        group: Some(3),
        time_zones: Some("0001000200010000".into()),
        verify: Some(15),
        vice_card: Some(Card::Decimal(99)),
        start: Some("2027-01-01 00:00:00".into()),
        end: Some("2027-12-31 23:59:59".into()),
        expires: Some(1),
        ..User::new(pin("007"))
    };
    assert_reads(
        "USER PIN=007\tName=Ada Byron = A\tPri=14\tPasswd=4711\tCard=[15CD5B07]\tGrp=3\tTZ=0001000200010000\tVerify=15\t\
         ViceCard=99\tStartDatetime=2027-01-01 00:00:00\tEndDatetime=2027-12-31 23:59:59\tExpires=1",
        &Record::User(user),
    );
}

/// Obligations 130, 133.
#[test]
fn fingers_faces_and_veins_are_read_in_any_order_and_spelling() {
    let template = || base64("AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE=");
    assert_reads(
        "FP PIN=7\tFID=6\tSize=32\tValid=3\tTMP=AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE=",
        &Record::Fingerprint(Fingerprint { pin: pin("7"), finger: 6, valid: 3, template: template() }),
    );
    // With the 16 bytes that precede the compared template.
    assert_reads(
        "FACE PIN=7\tFID=11\tSIZE=32\tVALID=1\tTMP=AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE=",
        &Record::FacePart(FacePart { pin: pin("7"), part: 11, valid: 1, template: template() }),
    );
    assert_reads(
        "FVEIN Pin=7\tFID=6\tIndex=2\tSize=32\tValid=1\tTmp=AAAAAAAAAAAAAAAAAAAAAEZBQ0UwMDE=",
        &Record::FingerVein(FingerVein {
            pin: pin("7"),
            finger: 6,
            index: 2,
            valid: 1,
            template: template(),
        }),
    );
}

fn unified(bio_type: u8, (major, minor): (u16, u16)) -> BioData<'static> {
    BioData {
        pin: pin("7"),
        number: 0,
        index: 0,
        valid: 1,
        duress: 0,
        bio_type: BioType(bio_type),
        major,
        minor,
        format: BioFormat::Zk,
        template: base64("QUJD").into_owned(),
    }
}

/// Obligation 138.
#[test]
fn absent_fields_of_a_unified_template_have_defaults() {
    let expected = Record::BioData(unified(8, (12, 0)));
    assert_reads("BIODATA Pin=7\tType=8\tMajorVer=12\tMinorVer=0\tTmp=QUJD", &expected);
    assert_reads(
        "BIODATA Pin=7\tNo=\tIndex=\tValid=\tDuress=\tType=8\tMajorVer=12\tMinorVer=0\tFormat=\tTmp=QUJD",
        &expected,
    );
    let whole =
        BioData { number: 1, index: 4, valid: 0, duress: 1, format: BioFormat::Iso, ..unified(8, (12, 0)) };
    assert_reads(
        "BIODATA Pin=7\tNo=1\tIndex=4\tValid=0\tDuress=1\tType=8\tMajorVer=12\tMinorVer=0\tFormat=1\tTmp=QUJD",
        &Record::BioData(whole),
    );
}

/// Obligation 139.
#[test]
fn any_type_and_any_version_is_one() {
    for (bio_type, version) in
        [(0, (0, 0)), (1, (10, 3)), (9, (58, 12)), (10, (1, 0)), (255, (65_535, 65_535))]
    {
        let line = format!(
            "BIODATA Pin=7\tType={bio_type}\tMajorVer={}\tMinorVer={}\tTmp=QUJD",
            version.0, version.1
        );
        assert_eq!(only(&line), Record::BioData(unified(bio_type, version)), "{line}");
    }
}
