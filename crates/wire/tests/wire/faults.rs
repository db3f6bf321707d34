//! Known faults of servers of this kind, by their numbers in the project's list of known faults.

use wire::{
    Base64, Card, Charset, Command, CommandId, FieldError, Pin, PinError, Record, Update, User, records,
};

use crate::{
    capture::Capture,
    records::{base64, pin},
};

/// The command that sends a record to another device; `None` for an operation, which is not sent.
fn update(record: Record<'_>) -> Option<Update<'_>> {
    Some(match record {
        Record::Operation(_) | Record::WorkCode(_) => return None,
        Record::User(user) => Update::User(user),
        Record::Fingerprint(fingerprint) => Update::Fingerprint(fingerprint),
        Record::FacePart(part) => Update::FacePart(part),
        Record::FingerVein(vein) => Update::FingerVein(vein),
        Record::BioData(template) => Update::BioData(template),
        Record::UserPhoto(photo) => Update::UserPhoto(photo),
        Record::ComparisonPhoto(photo) => Update::ComparisonPhoto { photo, post_back_template: false },
    })
}

fn line(update: Update<'_>) -> Vec<u8> {
    let id: CommandId = "1a".parse().expect("a command id");
    let mut line = Vec::new();
    Command::Update(update).write(&id, &mut line);
    line
}

fn holds(line: &[u8], text: &str) -> bool {
    line.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Captures whose records carry payloads, with the key of the payload.
const PAYLOADS: [(&str, &str); 8] = [
    ("a07-biodata-palm12-5parts", "Tmp"),
    ("a08-biodata-face58", "Tmp"),
    ("a10-operlog-biophoto-type0", "Content"),
    ("a13-biodata-palm5-6parts", "Tmp"),
    ("b03-biodata-face12-15parts", "Tmp"),
    ("b04-biodata-fp10-format-zk", "Tmp"),
    ("b05-operlog-user-userpic", "Content"),
    ("d01-operlog-fp", "TMP"),
];

/// Fault 1: `=` padding of base64 lost by splitting on `=`.
///
/// Obligations 24, 38.
#[test]
fn fault_1_padding_survives_the_way_from_one_device_to_another() {
    for (name, key) in PAYLOADS {
        let capture = Capture::read(name);
        let payload = capture.value(key);
        let last = capture.records().pop().and_then(update).expect("a record that is sent on");
        let line = line(last.clone());
        assert!(holds(&line, &format!("\t{key}={payload}")), "{name}: the payload is in the command");
        let (_, read) = Command::read(&line).expect("a command that a device reads");
        let Command::Update(read) = read else { panic!("{name}: an update") };
        assert_eq!(payload_of(&read), payload, "{name}");
    }
}

/// Fault 1: a payload without its padding is refused.
#[test]
fn fault_1_lost_padding_is_an_error() {
    let lost = [Err(FieldError::Invalid { field: "TMP", want: "valid base64" })];
    for body in ["BIODATA Pin=7\tType=1\tMajorVer=10\tMinorVer=0\tTmp=QQ", "FP PIN=7\tFID=0\tSize=3\tTMP=QUI"]
    {
        let read =
            records(None, body.as_bytes()).map(|line| line.record.map(|_| ()).map_err(|error| error.source));
        assert_eq!(read.collect::<Vec<_>>(), lost, "{body}");
    }
}

/// Fault 2: base64 encoded twice.
///
/// Obligation 38.
#[test]
fn fault_2_a_payload_is_sent_as_it_came_and_decodes_to_the_same_bytes() {
    for (name, key) in PAYLOADS {
        let capture = Capture::read(name);
        let payload = capture.value(key);
        let bytes = base64(payload).decode();
        assert_eq!(Base64::encode(&bytes).as_str(), payload, "{name}");
        let last = capture.records().pop().and_then(update).expect("a record that is sent on");
        let twice = Base64::encode(payload.as_bytes());
        assert!(!holds(&line(last), twice.as_str()), "{name}");
    }
}

/// Fault 3: `parseInt(x) || 1` turns a 0 into 1.
#[test]
fn fault_3_a_zero_stays_a_zero() {
    let body = b"FP PIN=7\tFID=0\tSize=4\tValid=0\tTMP=QUJD\n\
        FACE PIN=7\tFID=0\tSIZE=4\tVALID=0\tTMP=QUJD\n\
        FVEIN Pin=7\tFID=0\tIndex=0\tSize=4\tValid=0\tTmp=QUJD\n\
        BIODATA Pin=7\tNo=0\tIndex=0\tValid=0\tDuress=0\tType=9\tMajorVer=58\tMinorVer=0\tFormat=0\tTmp=QUJD\n\
        USER PIN=7\tPri=0\tGrp=0\tVerify=0\tExpires=0";
    let zeros = records(None, body).map(|line| match line.record.expect("all of them are readable") {
        Record::Fingerprint(read) => vec![i32::from(read.finger), i32::from(read.valid)],
        Record::FacePart(read) => vec![i32::from(read.part), i32::from(read.valid)],
        Record::FingerVein(read) => [read.finger, read.index, read.valid].map(i32::from).to_vec(),
        Record::BioData(read) => [read.number, read.index, read.valid, read.duress].map(i32::from).to_vec(),
        Record::User(read) => {
            [read.privilege, read.group, read.verify, read.expires].into_iter().flatten().collect()
        }
        other => panic!("{} was not sent", other.tag()),
    });
    assert_eq!(
        zeros.map(|all| (all.len(), all.iter().sum())).collect::<Vec<_>>(),
        [(2, 0), (2, 0), (3, 0), (4, 0), (4, 0)]
    );

    let [fingerprint, .., user] = &records(None, body)
        .filter_map(|read| read.record.ok().and_then(update))
        .map(line)
        .collect::<Vec<_>>()[..]
    else {
        panic!("five commands")
    };
    assert!(holds(fingerprint, "\tFID=0\tSize=4\tValid=0\t"));
    assert!(holds(user, "\tVerify=0"));
    assert!(holds(user, "\tGrp=0\t"));
}

/// Fault 4: a BIODATA body of several lines is read as one record.
#[test]
fn fault_4_each_line_of_a_body_is_a_record_of_its_own() {
    let capture = Capture::read("b03-biodata-face12-15parts");
    let lines: Vec<_> = records(Some("BIODATA"), &capture.body).collect();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), (1..=15).collect::<Vec<_>>());
    let lengths = lines.iter().map(|line| match &line.record {
        Ok(Record::BioData(part)) => part.template.as_str().len(),
        _ => panic!("a part of a face"),
    });
    let mut expected = vec![2688; 14];
    expected.push(capture.value("Tmp").len());
    assert_eq!(lengths.collect::<Vec<_>>(), expected);
}

/// Fault 6: an OPERLOG body mixes USER, FP, FACE and OPLOG lines in any order, a template before its user too.
#[test]
fn fault_6_a_mixed_body_is_read_line_by_line_whatever_the_order() {
    let lines = [
        "FP PIN=7\tFID=6\tSize=4\tValid=1\tTMP=QUJD",
        "OPLOG 6\t0\t2024-03-12 09:21:28\t7\t6\t4\t0",
        "FACE PIN=7\tFID=0\tSIZE=4\tVALID=1\tTMP=QUJD",
        "USER PIN=7\tName=Ada\tPri=0",
        "BIOPHOTO PIN=7\tFileName=7.jpg\tType=9\tSize=4\tContent=QUJD",
        "FVEIN Pin=7\tFID=6\tIndex=0\tSize=4\tValid=1\tTmp=QUJD",
        "USERPIC PIN=7\tFileName=7.jpg\tSize=4\tContent=QUJD",
        "BIODATA Pin=7\tType=1\tMajorVer=10\tMinorVer=0\tTmp=QUJD",
        "OPLOG 30\t0\t2024-03-12 09:21:27\t7\t0\t0\t0",
    ];
    let tags = ["FP", "OPLOG", "FACE", "USER", "BIOPHOTO", "FVEIN", "USERPIC", "BIODATA", "OPLOG"];
    for first in 0..lines.len() {
        let rotate = |all: &[&str]| {
            [&all[first..], &all[..first]].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for end in ["\n", "\r\n"] {
            let body = rotate(&lines).join(end);
            for table in ["OPERLOG", "BIODATA", "USERINFO"] {
                let read = records(Some(table), body.as_bytes()).map(|line| match line.record {
                    Ok(record) => record.tag().to_owned(),
                    Err(error) => panic!("{error}"),
                });
                assert_eq!(read.collect::<Vec<_>>(), rotate(&tags), "{table} from line {first}");
            }
        }
    }
}

/// Fault 6: one bad record does not lose the others.
#[test]
fn fault_6_a_record_that_cannot_be_read_does_not_lose_the_others() {
    let body = b"FP PIN=7\tFID=6\tSize=4\tValid=1\tTMP=QUI\n\xff\xfe\nUSER PIN=7\nUSER Name=Ada\nUSER PIN=8";
    let pins = records(Some("OPERLOG"), body).filter_map(|line| line.record.ok()?.pin().cloned());
    assert_eq!(pins.collect::<Vec<_>>(), [pin("7"), pin("8")]);
    assert_eq!(records(Some("OPERLOG"), body).count(), 5);
}

/// Fault 18: an alphanumeric or long PIN is truncated.
///
/// Obligations 35, 36.
#[test]
fn a_record_with_too_many_fields_is_refused_and_takes_little_memory() {
    let body = format!("USER PIN=7{}\nUSER PIN=8\tName=Ada\n", "\tName=Ada".repeat(100_000));
    let lines: Vec<_> = records(None, body.as_bytes()).collect();
    let [long, short] = &lines[..] else { panic!("two lines") };
    let error = long.record.as_ref().expect_err("too many fields");
    assert_eq!(error.to_string(), "line 1, USER: record is not at most 256 fields");
    assert!(short.record.is_ok());
}

#[test]
fn fault_18_a_pin_is_kept_to_the_letter_or_refused_never_changed() {
    for text in ["007", "7", "A1b2", "2093847156", "ABCDEFGHIJKLMNOPQRSTUVWX"] {
        let body = format!("USER PIN={text}\tName=Ada");
        let user = records(None, body.as_bytes()).next().and_then(|line| line.record.ok());
        let user = user.expect("a user");
        assert_eq!(user.pin().map(Pin::as_str), Some(text));
        let line = line(update(user).expect("users are sent on"));
        assert!(holds(&line, &format!(" PIN={text}\t")), "{text}");
    }
    assert_eq!("ABCDEFGHIJKLMNOPQRSTUVWXY".parse::<Pin>(), Err(PinError::Long));
    let long = records(None, b"USER PIN=1234567890123456789012345").next().map(|line| line.record.is_err());
    assert_eq!(long, Some(true));
}

/// Fault 19: names with blanks, tabs and letters of any script.
///
/// Obligations 23, 34.
#[test]
fn fault_19_a_name_keeps_its_blanks_and_letters_and_cannot_leave_its_field() {
    for name in ["Teshale M", " Ada  Byron ", "卓越林", "Łukasz Żółć", "O=Neill", "عمر"] {
        let user = User { name: Some(name.as_bytes().to_vec()), ..User::new(pin("7")) };
        let line = line(Update::User(user));
        let (_, read) = Command::read(&line).expect("a command that a device reads");
        let Command::Update(Update::User(read)) = read else { panic!("a user") };
        assert_eq!(read.name.as_deref(), Some(name.as_bytes()));
    }
    let name = b"Ada\tPri=14\nC:2:CLEAR DATA\r\0";
    let user = User {
        name: Some(name.to_vec()),
        card: Some(Card::Text("1\t2\n3".to_owned())),
        ..User::new(pin("7"))
    };
    let line = line(Update::User(user));
    assert!(holds(&line, "Name=Ada Pri=14 C:2:CLEAR DATA  \tPri=0\t"));
    assert!(holds(&line, "\tCard=1 2 3\t"));
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r') && !line.contains(&0));
}

/// Fault 19: a device cuts a name at 24 bytes, within a character.
#[test]
fn fault_19_a_name_cut_within_a_letter_is_kept_and_muster_cuts_between_letters() {
    let whole = "Łukasz Żółćkowski-Ąęć";
    let cut = &whole.as_bytes()[..24];
    assert!(str::from_utf8(cut).is_err(), "the cut is within a letter");
    let body = [b"USER PIN=7\tName=", cut, b"\tPri=0"].concat();
    let Some(Ok(Record::User(user))) = records(None, &body).next().map(|line| line.record) else {
        panic!("a user")
    };
    assert_eq!(user.name.as_deref(), Some(cut));

    let ours = Charset::Utf8.cut(whole, 24);
    assert!(whole.starts_with(&ours) && ours.len() == 23, "{ours}");
    let chinese = Charset::Gb2312.cut("卓越林卓越林卓越林卓越林卓", 24);
    assert_eq!(Charset::Gb2312.encode(&chinese).len(), 24);
}

fn payload_of<'r>(update: &'r Update<'_>) -> &'r str {
    match update {
        Update::User(_) | Update::UserPhotoUrl { .. } | Update::ComparisonPhotoUrl { .. } => "",
        Update::Fingerprint(fingerprint) => fingerprint.template.as_str(),
        Update::FacePart(part) => part.template.as_str(),
        Update::FingerVein(vein) => vein.template.as_str(),
        Update::BioData(template) => template.template.as_str(),
        Update::UserPhoto(photo) => photo.content.as_str(),
        Update::ComparisonPhoto { photo, .. } => photo.content.as_str(),
    }
}
