//! Commands that operators send: exact lines, and reading them back.

use super::*;
use crate::{Charset, Version};

fn time(text: &str) -> LocalTime {
    text.parse().unwrap()
}

fn entry(table: RecordTable, text: &str, version: &str) -> Result<Command<'static>, TableRecordError> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    };
    let pairs: Vec<_> = text.split('→').map(pair).collect();
    Entry::new(table, &pairs, Some(&version.parse::<Version>().unwrap())).map(Command::Put)
}

#[track_caller]
fn assert_entry(table: RecordTable, given: &str, version: &str, line: &str) {
    let command = entry(table, given, version).unwrap();
    assert_line(&command, &format!("DATA UPDATE {line}"));
    assert_eq!(command.table(), table.form());
    assert!(command.repeatable());
}

/// Obligations 26, 150.
#[test]
fn each_table_is_written_with_all_its_keys_in_their_spelling() {
    let (old, new) = ("2.4.1", "2.4.2");
    assert_entry(
        RecordTable::Sms,
        "uid=3→msg=Lunch at one→min=90→starttime=2027-03-12 12:30:00→tag=254",
        old,
        "SMS MSG=Lunch at one→TAG=254→UID=3→MIN=90→StartTime=2027-03-12 12:30:00",
    );
    assert_entry(RecordTable::UserSms, "PIN=1007→UID=3", old, "USER_SMS PIN=1007→UID=3");
    assert_entry(
        RecordTable::WorkCode,
        "PIN=1→CODE=77→NAME=Site A",
        old,
        "WORKCODE PIN=1→CODE=77→NAME=Site A",
    );
    assert_entry(
        RecordTable::ShortcutKey,
        "KeyID=1→KeyFun=1→StatusCode=4→ShowName=Overtime→AutoState=1→AutoTime=08:00;08:00;08:00;08:00;08:00;09:00;09:00→Mon=1",
        old,
        "ShortcutKey KeyID=1→KeyFun=1→StatusCode=4→ShowName=Overtime→AutoState=1→AutoTime=08:00;08:00;08:00;08:00;08:00;09:00;09:00→Sun=0→Mon=1→Tue=0→Wed=0→Thu=0→Fri=0→Sat=0",
    );
    assert_entry(
        RecordTable::AccTimeZone,
        "UID=2→SunStart=0000→SunEnd=0000→TuesStart=0800→ThursEnd=1759",
        old,
        "AccTimeZone UID=2→SunStart=0000→SunEnd=0000→MonStart=0000→MonEnd=2359→TuesStart=0800→TuesEnd=2359→WedStart=0000→WedEnd=2359→ThursStart=0000→ThursEnd=1759→FriStart=0000→FriEnd=2359→SatStart=0000→SatEnd=2359",
    );
    assert_entry(
        RecordTable::AccHoliday,
        "UID=1→HolidayName=New Year→StartDate=0101→EndDate=0106→TimeZone=2",
        old,
        "AccHoliday UID=1→HolidayName=New Year→StartDate=0101→EndDate=0106→TimeZone=2",
    );
    assert_entry(
        RecordTable::AccUnlockComb,
        "UID=1→Group1=1→Group2=2",
        old,
        "AccUnLockComb UID=1→Group1=1→Group2=2→Group3=0→Group4=0→Group5=0",
    );
    assert_entry(
        RecordTable::IdCard,
        "PIN=1007→IDNum=110101199003070000→Name=Ilse Brandt",
        old,
        "IDCARD PIN=1007→SNNum=→IDNum=110101199003070000→DNNum=→Name=Ilse Brandt→Gender=→Nation=→Birthday=→ValidInfo=→Address=→AdditionalInfo=→Issuer=→Photo=→FPTemplate1=→FPTemplate2=→Reserve=→Notice=",
    );
    assert_entry(
        RecordTable::Whitelist,
        "IDNum=9→StartDate=2027-01-01 00:00:00→EndDate=2027-12-31 23:59:59",
        new,
        "WHITELIST IDNum=9→Name=→Gender=0→Nation=0→StartDate=2027-01-01 00:00:00→EndDate=2027-12-31 23:59:59",
    );
}

/// Obligation 151.
#[test]
fn the_size_of_a_picture_is_computed() {
    let content = "U2FtcGxlRlAwMQ==";
    assert_entry(
        RecordTable::AdPic,
        &format!("Index=1→Extension=png→Content={content}"),
        "2.4.1",
        &format!("ADPIC Index=1→Size=16→Extension=png→Content={content}"),
    );
    // The size of a wallpaper is that of the file.
    assert_entry(
        RecordTable::Wallpaper,
        &format!("Index=1→Content={content}"),
        "2.4.2",
        &format!("WALLPAPER Index=1→Size=10→Extension=jpg→Content={content}"),
    );
    let refused = entry(RecordTable::AdPic, "Index=1→Size=3→Content=QUJD", "2.4.1");
    assert_eq!(refused, Err(TableRecordError::UnknownKey { key: "Size".into() }));
}

/// Obligation 160.
#[test]
fn the_periods_of_a_group_have_the_form_of_the_version() {
    let group = |periods: &str, version: &str, line: &str| {
        assert_entry(RecordTable::AccGroup, &format!("ID=1→TZ={periods}"), version, line);
    };
    group("1;2;3", "2.4.1", "AccGroup ID=1→Verify=0→ValidHoliday=0→TZ=1;1;2;3");
    group("0;1;2;3", "2.4.1", "AccGroup ID=1→Verify=0→ValidHoliday=0→TZ=0;1;2;3");
    group("1;2;3", "2.4.2", "AccGroup ID=1→Verify=0→ValidHoliday=0→TZ=1;2;3");
    group("1;4;5;6", "2.4.2", "AccGroup ID=1→Verify=0→ValidHoliday=0→TZ=4;5;6");
}

#[test]
fn a_blacklist_has_the_keys_of_the_version() {
    assert_entry(RecordTable::Blacklist, "IDNum=9→Name=Eve", "2.4.1", "Blacklist IDNum=9");
    assert_entry(
        RecordTable::Blacklist,
        "IDNum=9→Name=Eve",
        "2.4.2",
        "BLACKLIST IDNum=9→Name=Eve→Gender=0→Nation=0",
    );
}

/// Obligation 35.
#[test]
fn an_invalid_value_is_refused_with_its_key() {
    let refused = |table, text: &str| match entry(table, text, "2.4.1") {
        Err(error) => error.to_string(),
        Ok(command) => panic!("{command:?}"),
    };
    let sms = "MSG=x→UID=1→MIN=5→StartTime=2027-03-12 12:30:00";
    for (table, text, want) in [
        (RecordTable::Sms, sms.replace("UID=1", "UID=x"), "UID is not a number"),
        (RecordTable::Sms, sms.replace("12:30:00", "25:30:00"), "StartTime is not a time as"),
        (
            RecordTable::Sms,
            sms.replace("MSG=x", &format!("MSG={}", "x".repeat(321))),
            "MSG is not at most 320 bytes",
        ),
        (RecordTable::Sms, sms.replace("→MIN=5", ""), "MIN is missing"),
        (RecordTable::Sms, format!("{sms}→TAG=2"), "TAG is not within 253 to 255"),
        (RecordTable::Sms, format!("{sms}→Tab=2"), "the table has no key Tab"),
        (RecordTable::UserSms, "PIN=a b→UID=1".into(), "PIN"),
        (RecordTable::AccGroup, "ID=1→TZ=1;2".into(), "TZ is not three numbers"),
        (RecordTable::AccGroup, "ID=1→TZ=2;1;2;3".into(), "TZ is not three numbers"),
        (RecordTable::AccTimeZone, "UID=1→SunEnd=2400".into(), "SunEnd is not a time of day"),
        (
            RecordTable::AccHoliday,
            "UID=1→HolidayName=x→StartDate=0230→EndDate=0301→TimeZone=1".into(),
            "StartDate",
        ),
        (RecordTable::ShortcutKey, "KeyID=9→KeyFun=1".into(), "KeyID is not within 1 to 8"),
        (
            RecordTable::Wallpaper,
            "Index=1→Extension=exe→Content=QUJD".into(),
            "Extension is not one of the values",
        ),
        (RecordTable::AdPic, "Index=1→Content=QUJ".into(), "Content is not valid base64"),
    ] {
        let error = refused(table, &text);
        assert!(error.contains(want), "{text}: {error}");
    }
}

/// Obligation 34.
#[test]
fn a_message_with_a_command_in_it_stays_in_one_line() {
    let text = "MSG=x\nC:1:CLEAR DATA\r\t\0→UID=1→MIN=5→StartTime=2027-03-12 12:30:00";
    let sent = line(&entry(RecordTable::Sms, text, "2.4.1").unwrap());
    assert_eq!(
        sent,
        "C:7f2a:DATA UPDATE SMS MSG=x C:1:CLEAR DATA   \tTAG=253\tUID=1\tMIN=5\tStartTime=2027-03-12 12:30:00"
    );
    let shell = Command::Shell { command: "ls\nC:1:REBOOT\t/".into() };
    assert_eq!(line(&shell), "C:7f2a:SHELL ls C:1:REBOOT /");
    let file = Command::PutFile(PutFile {
        url: "file/a\tb".into(),
        path: Some("/mnt/\n".into()),
        import: Import::None,
    });
    assert_eq!(line(&file), "C:7f2a:PutFile file/a b\t/mnt/ ");
}

#[test]
fn a_record_is_sent_in_the_charset_of_the_device() {
    let text = "MSG=午餐→UID=1→MIN=5→StartTime=2027-03-12 12:30:00";
    let Ok(Command::Put(sms)) = entry(RecordTable::Sms, text, "2.4.1") else { panic!("a message") };
    let mut out = Vec::new();
    let sent = Command::Put(sms.clone().in_charset(Charset::Gb2312));
    sent.write(&"1".parse().unwrap(), &mut out);
    assert!(out.starts_with(b"C:1:DATA UPDATE SMS MSG=\xce\xe7\xb2\xcd\tTAG=253\t"));
    assert_eq!(Command::read(&out).map(|(_, command)| command), Ok(sent));
    assert_eq!(sms.clone().in_charset(Charset::Utf8), sms);
}

/// Obligation 157.
#[test]
fn a_deletion_names_one_record() {
    for (table, value, text) in [
        (RecordTable::Sms, "3", "SMS UID=3"),
        (RecordTable::WorkCode, "77", "WORKCODE CODE=77"),
        (RecordTable::AdPic, "1", "ADPIC Index=1"),
        (RecordTable::Blacklist, "9X", "BLACKLIST IDNum=9X"),
        (RecordTable::Whitelist, "9X", "WHITELIST IDNum=9X"),
        (RecordTable::Wallpaper, "2", "WALLPAPER Index=2"),
    ] {
        let command = Command::Remove(TableRecordKey::new(table, value).unwrap());
        assert_line(&command, &format!("DATA DELETE {text}"));
        for empty in ["", " "] {
            assert!(TableRecordKey::new(table, empty).is_err(), "{text}");
        }
    }
    for table in RecordTable::ALL.into_iter().filter(|table| table.deleted_by().is_none()) {
        assert!(TableRecordKey::new(table, "1").is_err(), "{table:?}");
    }
    for line in [&b"C:1:DATA DELETE SMS"[..], b"C:1:DATA DELETE SMS UID=", b"C:1:DATA DELETE WORKCODE PIN=1"]
    {
        assert!(Command::read(line).is_err());
    }
}

/// Obligation 161.
#[test]
fn a_period_is_sent_in_the_time_of_the_device() {
    let (from, to) = (time("2027-03-01 00:00:00"), time("2027-03-31 23:59:59"));
    let period = "StartTime=2027-03-01 00:00:00→EndTime=2027-03-31 23:59:59";
    let log = Command::Query(DataQuery::AttLog { from: from.clone(), to: to.clone() });
    assert_line(&log, &format!("DATA QUERY ATTLOG {period}"));
    assert_eq!(log.table(), Form::QueryAttLog);
    let photos = Command::Query(DataQuery::AttPhoto { from: from.clone(), to: to.clone() });
    assert_line(&photos, &format!("DATA QUERY ATTPHOTO {period}"));
    assert_eq!(photos.table(), Form::QueryAttPhoto);
    let sum = Command::VerifySum { from, to };
    assert_line(&sum, &format!("VERIFY SUM ATTLOG {period}"));
    assert_eq!(sum.table(), Form::VerifySum);
    let backwards = b"C:1:DATA QUERY ATTLOG StartTime=2027-03-02 00:00:00\tEndTime=2027-03-01 00:00:00";
    assert_eq!(
        Command::read(backwards),
        Err(FieldError::Invalid { field: "EndTime", want: "after StartTime" })
    );
}

/// Obligation 159.
#[test]
fn one_finger_is_named_by_the_key_of_the_version() {
    let key = |version: &str| FingerKey::of(Some(&version.parse().unwrap()));
    assert_eq!(
        (key("2.4.1"), key("2.4.2"), key("3.0.1")),
        (FingerKey::FingerId, FingerKey::Fid, FingerKey::Fid)
    );
    assert_eq!(FingerKey::of(None), FingerKey::FingerId);
    let older = DataQuery::Fingerprint { pin: pin("1007"), finger: 6, key: FingerKey::FingerId };
    let newer = DataQuery::Fingerprint { pin: pin("1007"), finger: 6, key: FingerKey::Fid };
    assert_eq!(older.alternative(), Some(newer.clone()));
    assert_eq!(newer.alternative(), Some(older.clone()));
    for (select, text, form) in [
        (older, "FINGERTMP PIN=1007→FingerID=6", Form::QueryFingerId),
        (newer, "FINGERTMP PIN=1007→FID=6", Form::QueryFid),
        (
            DataQuery::BioDataNumber { bio_type: BioType::PALM, pin: pin("1007"), number: 1 },
            "BIODATA Type=8→PIN=1007→No=1",
            Form::QueryBioData,
        ),
    ] {
        let command = Command::Query(select);
        assert_line(&command, &format!("DATA QUERY {text}"));
        assert_eq!(command.table(), form);
    }
    assert!(Command::read(b"C:1:DATA QUERY FINGERTMP PIN=1\tFID=10").is_err());
    assert!(Command::read(b"C:1:DATA QUERY BIODATA Type=1\tNo=0").is_err());
}

#[test]
fn an_enrolment_is_not_repeatable() {
    let finger = Enroll::Fingerprint { pin: pin("1007"), finger: 6, retries: 3, overwrite: true };
    let face =
        Enroll::BioData { bio_type: BioType::VISIBLE_FACE, pin: pin("1007"), retries: 3, overwrite: false };
    for (enroll, text, form) in [
        (finger, "ENROLL_FP PIN=1007→FID=6→RETRY=3→OVERWRITE=1", Form::EnrollFingerprint),
        (Enroll::Card { pin: pin("1007"), retries: 1 }, "ENROLL_MF PIN=1007→RETRY=1", Form::EnrollCard),
        (face, "ENROLL_BIO TYPE=9→PIN=1007→CardNo=→RETRY=3→OVERWRITE=0", Form::EnrollBioData(9)),
    ] {
        assert_eq!(enroll.pin().as_str(), "1007");
        let command = Command::Enroll(enroll);
        assert_line(&command, text);
        assert_eq!(command.table(), form);
        assert!(!command.repeatable());
    }
    assert!(Command::read(b"C:1:ENROLL_FP PIN=1\tFID=10\tRETRY=1\tOVERWRITE=0").is_err());
}

#[test]
fn files_are_written_with_their_paths() {
    let get = Command::GetFile { path: "/mnt/mtdblock/options.cfg".into() };
    assert_line(&get, "GetFile /mnt/mtdblock/options.cfg");
    assert!(get.repeatable());
    let put = |path: Option<&str>, import| {
        Command::PutFile(PutFile { url: "file/pkg/a1.tgz".into(), path: path.map(str::to_owned), import })
    };
    for (command, text) in [
        (put(None, Import::None), "PutFile file/pkg/a1.tgz"),
        (put(Some("/mnt/"), Import::None), "PutFile file/pkg/a1.tgz→/mnt/"),
        (
            put(Some("/mnt/"), Import::Replace { table: ImportTable::FingerTmp, records: 12 }),
            "PutFile file/pkg/a1.tgz→/mnt/→Action=SyncData→TableName=FINGERTMP→RecordCount=12",
        ),
        (put(None, Import::Append), "PutFile file/pkg/a1.tgz→→Action=AppendData"),
    ] {
        assert_line(&command, text);
        assert!(!command.repeatable());
    }
    let shell = Command::Shell { command: "ls -l /mnt".into() };
    assert_line(&shell, "SHELL ls -l /mnt");
    assert!(!shell.repeatable());
    assert!(!format!("{shell:?}").contains("mnt"), "{shell:?}");
}

#[test]
fn firmware_is_downloaded_in_one_of_three_ways() {
    let checksum = "0123456789abcdef0123456789ABCDEF";
    let upgrade = |method| {
        Command::Upgrade(Upgrade { checksum: checksum.into(), url: "file/fw/1".into(), size: 7, method })
    };
    for (method, text) in [
        (UpgradeMethod::Base64, format!("UPGRADE checksum={checksum},url=file/fw/1,size=7")),
        (UpgradeMethod::Raw, format!("UPGRADE type=1,checksum={checksum},size=7,url=file/fw/1")),
        (
            UpgradeMethod::Pieces,
            format!("UPGRADE checksum={checksum},size=7,url=file/fw/1,supportsubcontracting=1"),
        ),
    ] {
        assert_line(&upgrade(method), &text);
        assert!(!upgrade(method).repeatable());
    }
    for text in ["UPGRADE", "UPGRADE checksum=1,url=a,size=7", "UPGRADE url=a,size=7"] {
        assert!(Command::read(format!("C:1:{text}").as_bytes()).is_err(), "{text}");
    }
}
