//! Stories of one device without a network.

use wire::BioType;

use super::*;
use crate::{
    content::Payload,
    difference::difference,
    quirks::{Form, Refusal},
    testing::as_command,
};

const BLOCK: &str = "GET OPTION FROM: SIM0001\nServerVer=2.4.1\nPushOptionsFlag=1\n\
    MultiBioDataSupport=0:1:1:0:0:0:0:0:1:1\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1\n";

fn device(model: Model) -> Device {
    let mut device = Device::new(model, "SIM0001");
    assert!(device.initialize(BLOCK.as_bytes()));
    device
}

fn quirky(model: Model, change: impl FnOnce(&mut Quirks)) -> Device {
    let mut device = device(model);
    change(device.quirks_mut());
    device
}

/// The return code of a command.
fn run(device: &mut Device, command: &str) -> i32 {
    let done = device.execute(format!("C:1:{command}").as_bytes());
    done.first().map(|done| done.return_code).expect("every command but REBOOT is acknowledged")
}

fn add_user(device: &mut Device, pin: &str) {
    assert_eq!(
        run(device, &format!("DATA UPDATE USERINFO PIN={pin}\tName=Ada\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=0")),
        0
    );
}

/// All lines that the device has to report.
fn reported(device: &mut Device) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(upload) = device.next_upload() {
        let body = String::from_utf8(upload.body.clone()).unwrap();
        assert_eq!(body.lines().count(), upload.records);
        lines.extend(body.lines().map(str::to_owned));
        device.uploaded(&upload);
    }
    lines
}

/// The lines without times and templates: `FP 7`, `OPLOG 6 7`.
fn kinds(lines: &[String]) -> Vec<String> {
    let short = |line: &String| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [code, _, _, whom, ..] if code.starts_with("OPLOG") => format!("{code} {whom}"),
            [first, ..] => first.replace("PIN=", "").replace("Pin=", ""),
            [] => String::new(),
        }
    };
    lines.iter().map(short).collect()
}

/// Writes everything that `from` reports to `to`.
fn copy(from: &mut Device, to: &mut Device) {
    for command in reported(from).iter().filter_map(|line| as_command(line)) {
        assert_eq!(run(to, &command), 0, "{command:.60}");
    }
}

#[test]
fn what_is_enrolled_is_reported_in_the_order_of_the_captured_device() {
    let mut device = device(Model::speedface());
    device.enrol_user("5", "zvkt");
    device.enrol_face("5");
    let lines = reported(&mut device);
    assert_eq!(
        kinds(&lines),
        ["USER 5", "OPLOG 30 5", "USER 5", "BIODATA 5", "OPLOG 114 5", "OPLOG 101 5", "BIOPHOTO 5"]
    );
    assert!(lines.iter().any(|line| line.contains("Type=9\tMajorVer=58\tMinorVer=10\tFormat=0\tTmp=apUB")));
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("BIOPHOTO PIN=5\tFileName=5.jpg\tType=0\tSize=36000\tContent=/9j/"))
    );
}

#[test]
fn every_line_is_read_by_the_protocol_crate() {
    for model in Model::all() {
        let mut device = device(model);
        device.enrol_user("7", "Ada");
        device.change_card("7", 123_456_789);
        device.enrol_fingerprint("7", 6);
        if device.model().user_photos {
            device.take_user_photo("7");
        }
        if device.model().algorithm(BioType::PALM).is_some() {
            device.enrol_palm("7", 1);
        }
        if device.model().algorithms.len() > 1 {
            device.enrol_face("7");
        }
        device.delete_user("7");
        device.enrol_user("8", "Bo");
        while let Some(upload) = device.next_upload() {
            for line in wire::records(Some(upload.table), &upload.body) {
                assert!(line.record.is_ok(), "{}: {:?}", device.model().name, line.record.err());
            }
            device.uploaded(&upload);
        }
    }
}

#[test]
fn acknowledgements_are_read_by_the_protocol_crate() {
    let mut device = device(Model::speedface());
    let mut body = String::new();
    for line in
        ["C:9a:DATA UPDATE USERINFO PIN=7\tName=Ada", "C:9b:INFO", "C:9c:DATA UPDATE FINGERTMP PIN=8\tFID=1"]
    {
        body.extend(device.execute(line.as_bytes()).iter().map(Acknowledgement::line));
    }
    let read = wire::acknowledgements(body.as_bytes());
    let codes: Vec<_> =
        read.iter().map(|one| (one.id.as_str(), one.return_code.map(|code| code.0))).collect();
    assert_eq!(codes, [("9a", Some(0)), ("9b", Some(0)), ("9c", Some(-10))]);
    assert!(
        read.get(1)
            .unwrap()
            .pairs
            .iter()
            .any(|(key, value)| key == "~DeviceName" && value == "SpeedFace-V5L[TD]")
    );
}

#[test]
fn two_devices_of_a_model_become_equal_by_what_they_report() {
    for model in Model::all() {
        let (mut a, mut b) = (device(model.clone()), device(model));
        a.enrol_user("7", "Ada");
        a.change_card("7", 4_402_017);
        a.enrol_fingerprint("7", 6);
        a.enrol_fingerprint("7", 7);
        if a.model().algorithms.len() > 1 {
            a.enrol_face("7");
        }
        copy(&mut a, &mut b);
        assert_eq!(difference(&a.holding(), &b.holding()), [], "{}", a.model().name);
        assert_eq!(b.count(BioType::FINGERPRINT), 2);
    }
}

#[test]
fn a_difference_is_told_in_words_without_what_it_holds() {
    let (mut a, mut b) = (device(Model::speedface()), device(Model::speedface()));
    a.enrol_user("7", "Ada");
    copy(&mut a, &mut b);
    a.enrol_fingerprint("7", 6);
    b.change_name("7", "Bo");
    b.change_password("7", "482913");
    b.enrol_user("8", "Cy");
    let words: Vec<String> = difference(&a.holding(), &b.holding()).iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "user 7: name differs",
            "user 7: password differs",
            "fingerprint 7/6 missing on SIM0001",
            "user 8 missing on SIM0001"
        ]
    );
}

#[test]
fn a_template_without_its_user_is_answered_minus_ten() {
    let mut from = device(Model::speedface());
    from.enrol_user("7", "Ada");
    from.enrol_fingerprint("7", 6);
    let lines = reported(&mut from);
    let line = lines.iter().find(|line| line.starts_with("BIODATA")).unwrap();
    assert_eq!(run(&mut device(Model::speedface()), &as_command(line).unwrap()), -10);
}

#[test]
fn damaged_templates_are_refused_with_the_code_of_their_fault() {
    let mut device = device(Model::speedface());
    add_user(&mut device, "7");
    let good = Payload::of_bytes(&crate::templates::fingerprint_10(&mut Random::new(1)));
    let (text, size) = (good.as_str(), good.as_str().len());
    let finger = |size: usize, text: &str| {
        format!("DATA UPDATE FINGERTMP PIN=7\tFID=6\tSize={size}\tValid=1\tTMP={text}")
    };
    assert_eq!(run(&mut device, &finger(size + 1, text)), -9);
    assert_eq!(run(&mut device, &finger(size - 1, text.get(1..).unwrap())), -12);
    assert_eq!(run(&mut device, &finger(size - 8, text.get(..size - 8).unwrap())), -12);
    assert_eq!(run(&mut device, &finger(size, text)), 0);
    assert_eq!(run(&mut device, &finger(0, text)), 0);

    let unified = |major: u16, text: &str| {
        format!(
            "DATA UPDATE BIODATA Pin=7\tNo=0\tIndex=0\tValid=1\tDuress=0\tType=9\tMajorVer={major}\tMinorVer=10\tFormat=0\tTmp={text}"
        )
    };
    let face = |major| {
        Payload::of_bytes(&crate::templates::unified(
            &mut Random::new(1),
            BioType::VISIBLE_FACE,
            major,
            10,
            2064,
        ))
    };
    assert_eq!(run(&mut device, &unified(40, face(40).as_str())), -30);
    assert_eq!(run(&mut device, &unified(58, face(40).as_str())), -30);
    assert_eq!(run(&mut device, &unified(58, face(58).as_str())), 0);
}

#[test]
fn unknown_forms_are_answered_as_the_model_does() {
    let biodata =
        "DATA UPDATE BIODATA Pin=7\tNo=6\tIndex=0\tType=1\tMajorVer=10\tMinorVer=0\tFormat=0\tTmp=AAAA";
    for (model, code) in [(Model::k40(), -1002), (Model::old(), -22)] {
        let mut device = device(model);
        add_user(&mut device, "7");
        assert_eq!(run(&mut device, biodata), code);
        assert_eq!(run(&mut device, "DATA UPDATE user Pin=7"), code);
    }
    assert_eq!(run(&mut device(Model::k40()), "DATA QUERY USERINFO PIN=7"), -1002);
    let mut device = device(Model::senseface());
    add_user(&mut device, "7");
    assert_eq!(run(&mut device, "DATA UPDATE FINGERTMP PIN=7\tFID=1\tSize=4\tValid=1\tTMP=AAAA"), -1004);
    assert_eq!(run(&mut device, "SHELL ls"), -1004);
}

#[test]
fn a_full_device_takes_changes_and_no_newcomers() {
    let mut device = device(Model { user_capacity: 1, ..Model::speedface() });
    add_user(&mut device, "7");
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=8\tName=Bo"), -1001);
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ida"), 0);
    assert_eq!(run(&mut device, "DATA DELETE USERINFO PIN=7"), 0);
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=8\tName=Bo"), 0);
}

#[test]
fn the_parts_of_a_face_must_come_together() {
    let mut from = device(Model::old());
    from.enrol_user("7", "Ada");
    from.enrol_face("7");
    let parts: Vec<String> = reported(&mut from)
        .iter()
        .filter(|line| line.starts_with("FACE"))
        .filter_map(|line| as_command(line))
        .collect();
    assert_eq!(parts.len(), 12);

    let mut whole = device(Model::old());
    add_user(&mut whole, "7");
    assert!(parts.iter().all(|part| run(&mut whole, part) == 0));
    assert_eq!(whole.count(BioType::FACE), 1);
    assert_eq!(
        whole.content().people.values().next().unwrap().templates,
        from.content().people.values().next().unwrap().templates
    );

    let mut holed = device(Model::old());
    add_user(&mut holed, "7");
    let codes: Vec<i32> =
        parts.iter().enumerate().filter(|(at, _)| *at != 5).map(|(_, part)| run(&mut holed, part)).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -3]);
    assert_eq!(holed.count(BioType::FACE), 0);

    let mut disturbed = device(Model::old());
    add_user(&mut disturbed, "7");
    for (at, part) in parts.iter().enumerate() {
        if at == 6 {
            add_user(&mut disturbed, "8");
        }
        run(&mut disturbed, part);
    }
    assert_eq!(disturbed.count(BioType::FACE), 0);
}

#[test]
fn a_template_of_many_parts_is_stored_when_it_is_whole() {
    let mut from = device(Model::iface950());
    from.enrol_user("7", "Ada");
    from.enrol_face("7");
    let lines = reported(&mut from);
    let parts: Vec<&String> = lines.iter().filter(|line| line.starts_with("BIODATA")).collect();
    assert_eq!(parts.len(), 15);
    let mut to = device(Model::iface950());
    add_user(&mut to, "7");
    for part in parts.iter().take(14) {
        assert_eq!(run(&mut to, &as_command(part).unwrap()), 0);
    }
    assert_eq!(to.count(BioType::FACE), 0);
    assert_eq!(run(&mut to, &as_command(parts.last().unwrap()).unwrap()), 0);
    assert_eq!(to.count(BioType::FACE), 1);
}

#[test]
fn names_are_cut_inside_a_character() {
    let mut device = quirky(Model::old(), |quirks| quirks.drop_empty_fields = true);
    device.enrol_user("7", "Ángel Hernández Muñoz Peña");
    assert_eq!(
        device.person("7").unwrap().user.name,
        "Ángel Hernández Muñoz Peña".as_bytes().get(..24).unwrap()
    );
    run(&mut device, "DATA UPDATE USERINFO PIN=8\tName=aaaaaaaaaaaaaaaaaaaaaaañ");
    assert_eq!(device.person("8").unwrap().user.name.len(), 24);
    let content = device.content();
    assert_eq!(content.people.values().last().unwrap().user.name, b"aaaaaaaaaaaaaaaaaaaaaaa");

    let mut whole = self::device(Model::speedface());
    whole.enrol_user("7", "Ángel Hernández Muñoz Peña");
    whole.enrol_user("8", "aaaaaaaaaaaaaaaaaaaaaaañ");
    assert_eq!(difference(&device.holding(), &whole.holding()), []);
    whole.change_name("7", "Ángela Hernández");
    assert_eq!(difference(&device.holding(), &whole.holding()).len(), 1);
}

#[test]
fn a_device_with_hex_cards_ignores_a_decimal_one() {
    let mut device = device(Model::old());
    run(&mut device, "DATA UPDATE USERINFO PIN=7\tCard=123456789");
    assert_eq!(device.person("7").unwrap().user.card, 0);
    run(&mut device, "DATA UPDATE USERINFO PIN=7\tCard=[15CD5B0700]");
    assert_eq!(device.person("7").unwrap().user.card, 123_456_789);
    device.change_name("7", "Ada");
    assert!(reported(&mut device).first().unwrap().contains("\tCard=[15CD5B0700]"));
}

#[test]
fn an_old_device_forgets_the_fields_that_an_update_leaves_out() {
    for (model, kept) in [(Model::old(), 0), (Model::speedface(), 14)] {
        let mut device = device(model);
        run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ada\tPri=14");
        run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ida");
        assert_eq!(device.person("7").unwrap().user.privilege, kept);
    }
}

#[test]
fn renumbered_templates_are_the_same_templates() {
    let mut device = quirky(Model::k40(), |quirks| quirks.renumber_valid = true);
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    let lines = reported(&mut device);
    let line = lines.iter().find(|line| line.starts_with("FP")).unwrap();
    assert!(line.contains("\tValid=0\t"), "{line:.60}");
    let (_, size) = line.split_once("Size=").unwrap();
    let (size, text) = (size.split('\t').next().unwrap(), line.split_once("TMP=").unwrap().1);
    assert_eq!(size, Payload::of_text(text).unwrap().byte_length().to_string());
}

#[test]
fn only_a_device_that_echoes_reports_what_the_server_wrote() {
    let mut silent = device(Model::speedface());
    add_user(&mut silent, "7");
    assert!(reported(&mut silent).is_empty());
    let mut echoing = quirky(Model::speedface(), |quirks| quirks.echo_writes = true);
    add_user(&mut echoing, "7");
    assert_eq!(kinds(&reported(&mut echoing)), ["USER 7"]);
}

#[test]
fn a_busy_device_does_nothing() {
    let mut device = device(Model::speedface()).with_faults(Faults { busy: 1000, ..Faults::default() });
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ada"), -1005);
    assert_eq!(device.users(), 0);
}

#[test]
fn refused_and_ignored_forms_leave_the_device_as_it_was() {
    let mut device = quirky(Model::speedface(), |quirks| {
        quirks.refuse.push(Refusal { form: Form::UserPhoto, return_code: -1001 });
        quirks.ignore.push(Form::User);
    });
    assert_eq!(run(&mut device, "DATA UPDATE USERPIC PIN=7\tSize=4\tContent=AAAA"), -1001);
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ada"), 0);
    assert_eq!(device.users(), 0);
}

#[test]
fn deletions_at_the_device_are_seen_only_in_operations() {
    for (model, code) in [(Model::speedface(), "OPLOG 103 7"), (Model::k40(), "OPLOG 9 7")] {
        let mut device = device(model);
        add_user(&mut device, "7");
        device.delete_user("7");
        device.clear_data();
        assert_eq!(kinds(&reported(&mut device)), [code, "OPLOG 13 0"]);
    }
}

#[test]
fn a_deletion_on_command_is_reported_only_by_devices_that_log_commands() {
    for (log, expected) in [(false, vec![]), (true, vec!["OPLOG 103 7".to_owned()])] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.log_commands = log);
        add_user(&mut device, "7");
        assert_eq!(run(&mut device, "DATA DELETE USERINFO PIN=7"), 0);
        assert_eq!(kinds(&reported(&mut device)), expected);
    }
}

#[test]
fn stranded_templates_belong_to_the_next_owner_of_the_pin() {
    for (cleanly, left) in [(false, 1), (true, 0)] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.strand_templates = true);
        device.enrol_user("7", "Ada");
        device.enrol_face("7");
        if cleanly {
            assert_eq!(run(&mut device, "DATA DELETE BIODATA Pin=7"), 0);
        }
        assert_eq!(run(&mut device, "DATA DELETE USERINFO PIN=7"), 0);
        assert_eq!(device.users(), 0);
        add_user(&mut device, "7");
        assert_eq!(device.count(BioType::VISIBLE_FACE), left);
    }
}

#[test]
fn deletions_take_away_what_they_name() {
    let mut device = device(Model::speedface());
    device.enrol_user("7", "Ada");
    for finger in 0..3 {
        device.enrol_fingerprint("7", finger);
    }
    device.enrol_palm("7", 0);
    device.enrol_palm("7", 1);
    device.take_user_photo("7");
    assert_eq!(run(&mut device, "DATA DELETE FINGERTMP PIN=7\tFID=1"), 0);
    assert_eq!(device.count(BioType::FINGERPRINT), 2);
    assert_eq!(run(&mut device, "DATA DELETE BIODATA Pin=7\tType=8\tNo=1"), 0);
    assert_eq!(device.count(BioType::PALM), 1);
    assert_eq!(run(&mut device, "DATA DELETE USERPIC PIN=7"), 0);
    assert_eq!(run(&mut device, "DATA DELETE BIODATA Pin=7"), 0);
    assert_eq!((device.content().templates(), device.content().user_photos()), (0, 0));
    assert_eq!(run(&mut device, "DATA DELETE USERINFO PIN=7"), 0);
    assert_eq!(run(&mut device, "DATA DELETE USERINFO PIN=7"), 0);
}

#[test]
fn a_deletion_without_pin_deletes_everyone() {
    let mut device = device(Model::speedface());
    add_user(&mut device, "7");
    add_user(&mut device, "8");
    assert_eq!(run(&mut device, "DATA DELETE USERINFO Pin="), 0);
    assert_eq!(device.users(), 0);
}

#[test]
fn a_stamp_of_zero_sends_everything_again() {
    let mut device = device(Model::speedface());
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    device.enrol_face("7");
    reported(&mut device);
    assert!(device.initialize(BLOCK.as_bytes()));
    assert!(reported(&mut device).is_empty());
    assert!(device.initialize(format!("{BLOCK}OPERLOGStamp=0\nBIODATAStamp=None\n").as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "BIOPHOTO 7"]);
    assert!(device.initialize(format!("{BLOCK}OPERLOGStamp=9999\nBIODATAStamp=0\n").as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["BIODATA 7", "BIODATA 7"]);
}

#[test]
fn an_old_device_resends_everything_for_a_stamp_of_times_to_come() {
    let mut device = device(Model::old());
    add_user(&mut device, "7");
    let later = device.local_time().0 + 1000;
    assert!(device.initialize(format!("{BLOCK}OpStamp={later}\n").as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["USER 7"]);
    assert!(device.initialize(format!("{BLOCK}OpStamp={}\n", later - 2000).as_bytes()));
    assert!(reported(&mut device).is_empty());
}

#[test]
fn what_trans_flag_leaves_out_is_not_uploaded() {
    let mut device = Device::new(Model::k40(), "SIM0001");
    assert!(device.initialize(format!("{BLOCK}TransFlag=TransData OpLog\tEnrollUser\n").as_bytes()));
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "OPLOG 30 7", "USER 7", "OPLOG 6 7"]);
}

#[test]
fn templates_travel_unified_only_when_both_sides_said_so() {
    let mut device = Device::new(Model::speedface(), "SIM0001");
    assert!(device.initialize(b"GET OPTION FROM: SIM0001\nMultiBioDataSupport=0:0:0:0:0:0:0:0:0:1\n"));
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    device.enrol_palm("7", 0);
    assert_eq!(
        kinds(&reported(&mut device)),
        ["USER 7", "OPLOG 30 7", "USER 7", "FP 7", "OPLOG 6 7", "USER 7", "OPLOG 124 7"]
    );
}

#[test]
fn queries_are_answered_by_uploads() {
    let mut device = device(Model::senseface());
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    device.enrol_user("8", "Bo");
    reported(&mut device);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=7"), 2);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "BIODATA 7"]);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO "), 2);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "USER 8"]);
    assert_eq!(run(&mut device, "DATA QUERY BIODATA Type=1"), 1);
    assert_eq!(kinds(&reported(&mut device)), ["BIODATA 7"]);
    assert_eq!(run(&mut device, "DATA QUERY BIODATA Type=9\tPIN=7"), 0);
    assert!(reported(&mut device).is_empty());
}

#[test]
fn a_comparison_photo_becomes_a_template_of_the_devices_own() {
    let mut from = device(Model::speedface());
    from.enrol_user("7", "Ada");
    from.enrol_face("7");
    let lines = reported(&mut from);
    let photo = as_command(lines.iter().find(|line| line.starts_with("BIOPHOTO")).unwrap()).unwrap();
    let mut to = device(Model::senseface());
    add_user(&mut to, "7");
    assert_eq!(run(&mut to, &format!("{photo}\tFormat=0\tUrl=\tPostBackTmpFlag=1")), 0);
    assert_eq!(to.count(BioType::VISIBLE_FACE), 1);
    let back = reported(&mut to);
    assert_eq!(kinds(&back), ["BIODATA 7"]);
    assert!(back.first().unwrap().contains("\tType=9\tMajorVer=40\tMinorVer=1\t"));
    assert_eq!(
        difference(&from.holding(), &to.holding()).iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["user 7: time zones differs"]
    );
}

#[test]
fn check_asks_for_the_options_again_where_it_is_known() {
    let mut device = device(Model::speedface());
    assert!(!device.handshake_due());
    assert_eq!(run(&mut device, "CHECK"), 0);
    assert!(device.handshake_due());
    let mut k40 = self::device(Model::k40());
    assert_eq!(run(&mut k40, "CHECK"), -1007);
    assert!(!k40.handshake_due());
}

#[test]
fn a_reboot_is_not_acknowledged_and_begins_anew() {
    let mut device = device(Model::speedface());
    add_user(&mut device, "7");
    assert!(device.execute(b"C:5:REBOOT").is_empty());
    assert!(device.handshake_due() && device.next_upload().is_none());
    assert_eq!(device.users(), 1);
    assert!(device.initialize(BLOCK.as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["OPLOG 0 0"]);
}

#[test]
fn uploads_are_kept_until_they_are_taken_and_bounded() {
    let mut device = device(Model { batch_records: 3, ..Model::k40() });
    for pin in ["1", "2", "3"] {
        device.enrol_user(pin, "Ada");
    }
    let first = device.next_upload().unwrap();
    assert_eq!((first.records, first.stamp.as_str(), first.table), (3, "Stamp=9999", "OPERLOG"));
    assert_eq!(device.next_upload().unwrap(), first);
    device.uploaded(&first);
    assert_eq!((device.pending(), device.next_upload().unwrap().records), (3, 3));
}

#[test]
fn a_server_without_version_gets_the_old_name_of_the_stamp() {
    let mut device = Device::new(Model::old(), "SIM0001");
    assert!(device.initialize(b"GET OPTION FROM: SIM0001\nDelay=10\n"));
    device.enrol_user("7", "Ada");
    assert_eq!(device.next_upload().unwrap().stamp, format!("OpStamp={}", device.local_time().0));
}

#[test]
fn what_was_edited_here_and_overwritten_since_is_reported_as_it_is_now() {
    let mut device = device(Model::speedface());
    device.enrol_user("7", "Ada");
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ida"), 0);
    assert!(reported(&mut device).first().unwrap().contains("Name=Ida"));
    device.change_name("7", "Eda");
    device.wipe_silently();
    assert_eq!((device.pending(), device.users()), (0, 0));
}
