//! Reports of a device.

use super::*;

#[test]
fn an_enrolment_is_reported_in_the_order_of_the_captured_device() {
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
fn a_difference_is_described_without_its_content() {
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
fn an_old_device_resends_everything_for_a_stamp_in_the_future() {
    let mut device = device(Model::old());
    add_user(&mut device, "7");
    let later = device.local_time().0 + 1000;
    assert!(device.initialize(format!("{BLOCK}OpStamp={later}\n").as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["USER 7"]);
    assert!(device.initialize(format!("{BLOCK}OpStamp={}\n", later - 2000).as_bytes()));
    assert!(reported(&mut device).is_empty());
}

#[test]
fn data_that_trans_flag_leaves_out_is_not_uploaded() {
    let mut device = Device::new(Model::k40(), "SIM0001");
    assert!(device.initialize(format!("{BLOCK}TransFlag=TransData OpLog\tEnrollUser\n").as_bytes()));
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "OPLOG 30 7", "USER 7", "OPLOG 6 7"]);
}

#[test]
fn templates_are_sent_unified_only_if_both_sides_announced_it() {
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
fn uploads_are_limited_and_kept_until_they_are_accepted() {
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
fn an_edit_that_was_overwritten_is_reported_with_the_current_value() {
    let mut device = device(Model::speedface());
    device.enrol_user("7", "Ada");
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ida"), 0);
    assert!(reported(&mut device).first().unwrap().contains("Name=Ida"));
    device.change_name("7", "Eda");
    device.wipe_silently();
    assert_eq!((device.pending(), device.users()), (0, 0));
}

#[test]
fn a_silently_enrolled_person_is_counted_and_uploaded_only_with_everything() {
    let mut device = device(Model::speedface());
    device.enrol_user("7", "Ada");
    device.enrol_silently("8", "Bo", &[6]);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "OPLOG 30 7"]);
    assert!(device.take_info_due() && device.info().starts_with("ZAM170-NF-Ver1.1.27,2,1,"));
    assert_eq!(run(&mut device, "CHECK"), 0);
    assert!(device.initialize(format!("{BLOCK}OPERLOGStamp=0\nBIODATAStamp=0\n").as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "USER 8", "BIODATA 8"]);
}

#[test]
fn a_punch_is_reported_in_its_own_table_if_the_server_wants_it() {
    for (words, bodies) in [("AttLog\tOpLog", 1), ("OpLog", 0)] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.reversed_fields = true);
        device.enrol_silently("7", "Ada", &[]);
        assert!(device.initialize(format!("{BLOCK}TransFlag=TransData {words}\n").as_bytes()));
        device.punch("7");
        let upload = device.next_upload();
        assert_eq!(upload.iter().count(), bodies, "{words}");
        if let Some(upload) = upload {
            let line = format!("7\t{}\t0\t1\t\t0\t0\n", device.local_time());
            assert_eq!((upload.table, String::from_utf8(upload.body).unwrap()), ("ATTLOG", line));
        }
    }
}

#[test]
fn deletions_at_the_terminal_are_operations_and_card_and_password_also_a_user() {
    let mut device = device(Model::speedface());
    device.silently(|device| {
        device.enrol_user("311", "Ada");
        for finger in [3, 6, 9] {
            device.enrol_fingerprint("311", finger);
        }
        device.enrol_face("311");
        device.enrol_palm("311", 0);
        device.enrol_palm("311", 1);
        device.take_user_photo("311");
        device.change_card("311", 4_402_017);
        device.change_password("311", "7");
    });
    device.delete_fingerprint("311", 6);
    let one = reported(&mut device);
    assert_eq!(one, [format!("OPLOG 10\t0\t{}\t311\t6\t0\t0", device.local_time())]);
    device.delete_fingerprints("311");
    let rest = reported(&mut device);
    assert!(
        rest.first().unwrap().ends_with("\t311\t3\t0\t0") && rest.last().unwrap().ends_with("\t311\t9\t0\t0")
    );
    device.delete_face("311");
    device.delete_palms("311");
    device.delete_user_photo("311");
    assert_eq!(kinds(&reported(&mut device)), ["OPLOG 106 311", "OPLOG 126 311", "OPLOG 107 311"]);
    let content = device.content();
    assert_eq!((content.templates(), content.user_photos(), content.comparison_photos()), (0, 0, 0));

    device.delete_card("311");
    device.delete_password("311");
    let lines = reported(&mut device);
    assert_eq!(kinds(&lines), ["USER 311", "OPLOG 12 311", "USER 311", "OPLOG 11 311"]);
    assert!(lines.first().unwrap().contains("\tPasswd=\tCard=\t"));
}

#[test]
fn a_restored_device_reports_it_and_uploads_the_people_of_the_backup() {
    for (how, operation) in [(Restoring::FromBackup, "OPLOG 38 0"), (Restoring::FromStick, "OPLOG 40 0")] {
        let mut device = device(Model::speedface());
        device.enrol_user("290", "Nils Former");
        device.enrol_fingerprint("290", 6);
        device.enrol_user("7", "Ada");
        let backup = device.backup();
        device.delete_user("290");
        device.change_name("7", "Ida");
        device.enrol_user("8", "Bo");
        reported(&mut device);

        device.restore(&backup, how);
        assert!(device.take_info_due() && device.info().contains(",2,1,"), "{}", device.info());
        let upload = device.next_upload().unwrap();
        let first = String::from_utf8(upload.body).unwrap();
        assert_eq!(first.lines().count(), 3, "{first}");
        let lines = reported(&mut device);
        assert_eq!(kinds(&lines), [operation, "USER 290", "USER 7", "BIODATA 290"]);
        assert!(lines.iter().any(|line| line.starts_with("USER PIN=7\tName=Ada\t")));
    }
}

#[test]
fn a_silently_restored_device_reports_nothing() {
    let mut device = device(Model::k40());
    device.enrol_user("290", "Nils Former");
    let backup = device.backup();
    device.delete_user("290");
    reported(&mut device);
    device.take_info_due();
    device.restore(&backup, Restoring::Silently);
    assert_eq!((device.users(), device.pending(), device.internal_number("290")), (1, 0, Some(1)));
    assert!(device.take_info_due());
}
