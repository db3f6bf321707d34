//! Effects of the quirks: the same story with and without each.

use super::*;
use crate::model::Stamps;

/// The lines that a device reports after it enrols Ada, with a quirk and without it.
fn with_and_without(change: impl FnOnce(&mut Quirks)) -> [Vec<String>; 2] {
    let report = |mut device: Device| {
        device.enrol_user("7", "Ada");
        reported(&mut device)
    };
    [report(quirky(Model::speedface(), change)), report(device(Model::speedface()))]
}

#[test]
fn a_user_without_card_is_reported_with_card_zero() {
    let [with, without] = with_and_without(|quirks| quirks.zero_cards = true);
    assert!(with.first().unwrap().contains("\tCard=0\t"), "{with:?}");
    assert!(without.first().unwrap().contains("\tCard=\t"), "{without:?}");
}

#[test]
fn an_end_of_validity_comes_back_changed() {
    let end = |written: &str, change: fn(&mut Quirks)| {
        let mut device = quirky(Model::speedface(), change);
        let command = format!("DATA UPDATE USERINFO PIN=7\tName=Ada\tEndDatetime={written}");
        assert_eq!(run(&mut device, &command), 0);
        device.person("7").unwrap().user.end.clone()
    };
    let rewriting = |quirks: &mut Quirks| quirks.rewrite_validity = true;
    assert_eq!(end("1785300000", rewriting), "17850100");
    assert_eq!(end("2027-12-31 23:59:59", rewriting), "20271231");
    assert_eq!(end("2027-12-31 23:59:59", |_| {}), "2027-12-31 23:59:59");
    assert_eq!(end("0", rewriting), "");
}

#[test]
fn a_damaged_template_is_answered_with_its_fault_or_lost() {
    let mut from = device(Model::speedface());
    from.enrol_user("7", "Ada");
    from.enrol_fingerprint("7", 6);
    let lines = reported(&mut from);
    let whole =
        lines.iter().find(|line| line.starts_with("BIODATA")).and_then(|line| as_command(line)).unwrap();
    let damaged = whole.trim_end_matches('=').strip_suffix(|_: char| true).unwrap();
    let answer = |refuses| {
        let mut device = quirky(Model::speedface(), |quirks| quirks.refuse_damaged = refuses);
        add_user(&mut device, "7");
        (run(&mut device, damaged), device.count(BioType::FINGERPRINT), run(&mut device, &whole))
    };
    assert_eq!(answer(true), (-12, 0, 0));
    assert_eq!(answer(false), (0, 0, 0));
}

#[test]
fn a_user_between_the_parts_of_a_template_may_reset_them() {
    let mut from = device(Model::old());
    from.enrol_user("7", "Ada");
    from.enrol_face("7");
    let lines = reported(&mut from);
    let parts: Vec<String> =
        lines.iter().filter(|line| line.starts_with("FACE")).filter_map(|line| as_command(line)).collect();
    for (resets, last, faces) in [(true, -3, 0), (false, 0, 1)] {
        let mut device = quirky(Model::old(), |quirks| quirks.reset_parts = resets);
        add_user(&mut device, "7");
        let (first, rest) = parts.split_at(5);
        assert!(first.iter().all(|part| run(&mut device, part) == 0));
        add_user(&mut device, "8");
        device.execute(b"C:2:INFO");
        let codes: Vec<i32> = rest.iter().map(|part| run(&mut device, part)).collect();
        assert_eq!((codes.last(), device.count(BioType::FACE)), (Some(&last), faces), "{codes:?}");
    }
}

#[test]
fn a_reboot_is_executed_with_or_without_an_answer() {
    for (silent, answers) in [(true, 0), (false, 1)] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.silent_reboot = silent);
        assert_eq!(device.execute(b"C:1:REBOOT").len(), answers);
        assert!(device.handshake_due());
    }
}

#[test]
fn info_returns_parameters_in_the_answer_or_in_the_next_poll() {
    for (bare, parameters) in [(true, false), (false, true)] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.bare_info = bare);
        device.take_info_due();
        let done = device.execute(b"C:1:INFO");
        assert_eq!(done.iter().any(|done| !done.parameters.is_empty()), parameters);
        assert_eq!(device.take_info_due(), bare);
    }
}

#[test]
fn info_is_in_every_poll_or_only_after_changes() {
    let mut every = quirky(Model::speedface(), |quirks| quirks.info_in_every_poll = true);
    assert!(every.take_info_due() && every.take_info_due());
    let mut changed = device(Model::speedface());
    assert!(changed.take_info_due() && !changed.take_info_due());
}

#[test]
fn the_first_field_of_info_is_the_firmware_or_empty() {
    let without = quirky(Model::speedface(), |quirks| quirks.info_without_firmware = true);
    assert!(without.info().starts_with(",0,0,0,198.51.100."), "{}", without.info());
    assert!(device(Model::speedface()).info().starts_with("ZAM170-NF-Ver1.1.27,0,"));
}

#[test]
fn a_restart_may_skip_the_initialization() {
    let mut device = quirky(Model::speedface(), |quirks| quirks.skip_handshake = true);
    device.restart();
    assert!(!device.handshake_due() && device.server_options().is_some());
    device.quirks_mut().skip_handshake = false;
    device.restart();
    assert!(device.handshake_due() && device.server_options().is_none());
    // A device cannot skip its first initialization.
    let mut new = Device::new(Model::speedface(), "SIM0002");
    new.quirks_mut().skip_handshake = true;
    new.restart();
    assert!(new.handshake_due());
}

#[test]
fn an_initialization_uploads_everything_or_only_new_data() {
    for (everything, users) in [(true, 1), (false, 0)] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.upload_everything = everything);
        add_user(&mut device, "7");
        assert!(device.initialize(BLOCK.as_bytes()));
        assert_eq!(reported(&mut device).len(), users);
    }
}

#[test]
fn lines_end_in_cr_lf() {
    for (crlf, end) in [(true, &b"0\r\n"[..]), (false, &b"0\n"[..])] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.crlf_lines = crlf);
        device.enrol_user("7", "Ada");
        let upload = device.next_upload().unwrap();
        assert!(upload.body.ends_with(end));
    }
}

#[test]
fn keys_are_in_lower_case_and_values_unchanged() {
    let [with, without] = with_and_without(|quirks| quirks.lower_case_keys = true);
    assert!(with.first().unwrap().starts_with("USER pin=7\tname=Ada\tpri=0\tpasswd="), "{with:?}");
    assert!(without.first().unwrap().starts_with("USER PIN=7\tName=Ada\tPri=0\tPasswd="), "{without:?}");
}

#[test]
fn fields_come_in_reverse_order() {
    let [with, without] = with_and_without(|quirks| quirks.reversed_fields = true);
    let (with, without) = (with.first().unwrap(), without.first().unwrap());
    assert!(with.starts_with("USER EndDatetime=0\tStartDatetime=0\t") && with.ends_with("\tPIN=7"), "{with}");
    let sorted = |line: &str| {
        let mut fields: Vec<String> =
            line.trim_start_matches("USER ").split('\t').map(str::to_owned).collect();
        fields.sort();
        fields
    };
    assert_eq!(sorted(with), sorted(without));
}

#[test]
fn users_and_comparison_photos_come_in_tables_of_their_own() {
    let tables = |own| {
        let mut device = quirky(Model::speedface(), |quirks| quirks.own_tables = own);
        device.enrol_user("7", "Ada");
        device.enrol_face("7");
        let mut tables = Vec::new();
        while let Some(upload) = device.next_upload() {
            let lines: Vec<_> = wire::records(Some(upload.table), &upload.body).collect();
            assert!(lines.iter().all(|line| line.record.is_ok()));
            let word = upload.body.split(|byte| *byte == b' ').next().unwrap();
            tables.push((upload.table, String::from_utf8_lossy(word.get(..4).unwrap()).into_owned()));
            device.uploaded(&upload);
        }
        tables
    };
    let own = tables(true);
    assert_eq!(own.first(), Some(&("USERINFO", "PIN=".to_owned())));
    assert_eq!(own.last(), Some(&("BIOPHOTO", "BIOP".to_owned())));
    assert!(tables(false).iter().all(|(table, _)| matches!(*table, "OPERLOG" | "BIODATA")));
}

#[test]
fn an_acknowledgement_repeats_one_word_or_two() {
    for (odd, echo) in [(true, "ID=1&Return=0&CMD=DATA UPDATE\n"), (false, "ID=1&Return=0&CMD=DATA\n")] {
        let mut device = quirky(Model::speedface(), |quirks| quirks.odd_acknowledgements = odd);
        let done = device.execute(b"C:1:DATA UPDATE USERINFO PIN=7\tName=Ada");
        assert_eq!(done.first().unwrap().line(), echo);
    }
}

#[test]
fn operations_have_impossible_times() {
    let [with, without] = with_and_without(|quirks| quirks.broken_times = true);
    assert!(with.last().unwrap().starts_with("OPLOG 30\t0\t1971--01--01 -00:-00:-01\t7"), "{with:?}");
    assert!(without.last().unwrap().starts_with("OPLOG 30\t0\t2024-01-01 00:00:01\t7"), "{without:?}");
}

#[test]
fn an_edit_is_reported_by_its_operation_only_and_returned_by_a_query() {
    let mut device = quirky(Model::speedface(), |quirks| quirks.operations_only = true);
    device.enrol_user("7", "Ada");
    device.enrol_fingerprint("7", 6);
    device.enrol_face("7");
    assert_eq!(kinds(&reported(&mut device)), ["OPLOG 30 7", "OPLOG 6 7", "OPLOG 114 7", "OPLOG 101 7"]);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=7"), 0);
    assert_eq!(kinds(&reported(&mut device)), ["USER 7", "BIODATA 7", "BIODATA 7", "BIOPHOTO 7"]);
    // A model that answers no queries could never upload the edit.
    let mut mute = quirky(Model::k40(), |quirks| quirks.operations_only = true);
    mute.enrol_user("7", "Ada");
    assert_eq!(kinds(&reported(&mut mute)), ["USER 7", "OPLOG 30 7"]);
}

#[test]
fn a_broken_clock_makes_everything_new_if_stamps_are_times() {
    let again = |stamps| {
        let mut device = device(Model { stamps, ..Model::speedface() });
        add_user(&mut device, "7");
        assert!(device.initialize(format!("{BLOCK}OPERLOGStamp=4102444800\n").as_bytes()));
        device.pending()
    };
    assert_eq!((again(Stamps::Clock), again(Stamps::Constant)), (1, 0));
}

#[test]
fn templates_come_before_their_users_or_after_them() {
    let story = |first| {
        let mut device = quirky(Model::speedface(), |quirks| quirks.templates_first = first);
        device.enrol_user("7", "Ada");
        device.enrol_fingerprint("7", 6);
        let enrolled = kinds(&reported(&mut device));
        device.enrol_user("8", "Bo");
        device.enrol_palm("8", 0);
        reported(&mut device);
        assert!(device.initialize(format!("{BLOCK}OPERLOGStamp=0\nBIODATAStamp=0\n").as_bytes()));
        (enrolled, kinds(&reported(&mut device)))
    };
    let (enrolled, everything) = story(true);
    assert_eq!(enrolled, ["BIODATA 7", "USER 7", "OPLOG 30 7", "USER 7", "OPLOG 6 7"]);
    let palm = ["BIODATA 8"; 5];
    assert_eq!(everything, [&["BIODATA 7"][..], &palm[..], &["USER 7", "USER 8"][..]].concat());
    let (enrolled, everything) = story(false);
    assert_eq!(enrolled, ["USER 7", "OPLOG 30 7", "USER 7", "BIODATA 7", "OPLOG 6 7"]);
    assert_eq!(everything, [&["USER 7", "USER 8", "BIODATA 7"][..], &palm[..]].concat());
}

/// The bodies that the device uploads until nothing is left, as kinds of lines.
fn bodies(device: &mut Device) -> Vec<Vec<String>> {
    let mut bodies = Vec::new();
    while let Some(upload) = device.next_upload() {
        let lines: Vec<String> =
            String::from_utf8(upload.body.clone()).unwrap().lines().map(str::to_owned).collect();
        bodies.push(kinds(&lines));
        device.uploaded(&upload);
    }
    bodies
}

const EVERYTHING: &str = "OPERLOGStamp=0\nBIODATAStamp=0\n";

/// A device with five users whose server requests everything.
fn asked_for_five(change: impl FnOnce(&mut Quirks)) -> Device {
    let mut device = quirky(Model::speedface(), change);
    for pin in 1..=5 {
        add_user(&mut device, &pin.to_string());
    }
    assert!(device.initialize(format!("{BLOCK}{EVERYTHING}").as_bytes()));
    device
}

#[test]
fn a_roster_comes_in_bodies_of_limited_size_or_at_once() {
    let mut small = asked_for_five(|quirks| quirks.roster_records = Some(2));
    small.define_work_code("1", "Lunch");
    let users = |range: std::ops::RangeInclusive<u32>| range.map(|pin| format!("USER {pin}")).collect();
    assert_eq!(bodies(&mut small), [vec!["WORKCODE 1".to_owned()], users(1..=2), users(3..=4), users(5..=5)]);
    assert_eq!(bodies(&mut asked_for_five(|_| {})), [users(1..=5)]);
}

#[test]
fn a_slow_roster_leaves_time_for_an_enrolment_between_its_bodies() {
    let mut device = asked_for_five(|quirks| {
        quirks.roster_records = Some(3);
        quirks.slow_roster = true;
    });
    assert_eq!(bodies(&mut device), [["USER 1", "USER 2", "USER 3"]]);
    device.enrol_user("9", "Ada");
    assert_eq!(bodies(&mut device), [["USER 9", "OPLOG 30 9"]]);
    assert_eq!(device.pending(), 2);
    device.resume_roster();
    assert_eq!(bodies(&mut device), [["USER 4", "USER 5"]]);
    assert_eq!(device.pending(), 0);
}

#[test]
fn a_broken_roster_ends_early_and_starts_again_on_request() {
    let mut device = asked_for_five(|quirks| {
        quirks.roster_records = Some(2);
        quirks.broken_roster = Some(3);
    });
    assert_eq!(bodies(&mut device), [vec!["USER 1", "USER 2"], vec!["USER 3"]]);
    assert_eq!(device.pending(), 0);
    // An initialization without a stamp of 0 does not continue the rest.
    assert!(device.initialize(BLOCK.as_bytes()));
    assert_eq!(device.pending(), 0);
    device.quirks_mut().broken_roster = None;
    assert!(device.initialize(format!("{BLOCK}{EVERYTHING}").as_bytes()));
    assert_eq!(reported(&mut device).len(), 5);
}

#[test]
fn a_roster_that_is_requested_again_starts_again() {
    let mut device = asked_for_five(|quirks| {
        quirks.roster_records = Some(3);
        quirks.slow_roster = true;
    });
    assert_eq!(bodies(&mut device), [["USER 1", "USER 2", "USER 3"]]);
    assert!(device.initialize(format!("{BLOCK}{EVERYTHING}").as_bytes()));
    assert_eq!(device.pending(), 5);
}

#[test]
fn a_deletion_names_the_internal_number_or_the_pin() {
    let story = |model: Model, internal| {
        let mut device = quirky(model, |quirks| quirks.logs_internal_numbers = internal);
        for pin in ["20", "10", "30"] {
            device.enrol_silently(pin, "Ada", &[]);
        }
        add_user(&mut device, "5");
        assert_eq!(["20", "10", "30", "5"].map(|pin| device.internal_number(pin)), [1, 2, 3, 4].map(Some));
        for pin in ["10", "5"] {
            device.delete_user(pin);
        }
        // The highest number was reused, that of 10 was not.
        add_user(&mut device, "6");
        device.change_privilege("6", 14);
        device.delete_user("6");
        kinds(&reported(&mut device))
    };
    assert_eq!(story(Model::k40(), true), ["OPLOG 9 2", "OPLOG 9 4", "OPLOG 71 6", "OPLOG 9 4"]);
    assert_eq!(story(Model::k40(), false), ["OPLOG 9 10", "OPLOG 9 5", "OPLOG 71 6", "OPLOG 9 6"]);
    // Operation 103 of newer models contains the PIN.
    assert_eq!(story(Model::speedface(), true).first().unwrap(), "OPLOG 103 10");
}

#[test]
fn deleted_fingers_are_reported_by_finger_or_by_number() {
    let story = |counts| {
        let mut device = quirky(Model::k40(), |quirks| quirks.counts_deleted_fingers = counts);
        device.enrol_silently("311", "Ada", &[3, 6, 9]);
        device.delete_fingerprint("311", 6);
        device.delete_fingerprints("311");
        let lines = reported(&mut device);
        lines.iter().map(|line| line.split('\t').nth(4).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(story(true), ["1", "2"]);
    assert_eq!(story(false), ["6", "3", "9"]);
}

#[test]
fn access_fields_come_back_as_written_or_as_defaults() {
    let story = |keeps| {
        let mut device = quirky(Model::speedface(), |quirks| {
            quirks.keeps_access_fields = keeps;
            quirks.echo_writes = true;
        });
        let command = "DATA UPDATE USERINFO PIN=7\tName=Ada\tGrp=3\tTZ=0001000200000000\tVerify=4";
        assert_eq!(run(&mut device, command), 0);
        let line = reported(&mut device).remove(0);
        (line.split('\t').filter(|field| !field.ends_with('=')).collect::<Vec<_>>().join(" "), device)
    };
    let (forgetful, forgets) = story(false);
    let (faithful, keeps) = story(true);
    let validity = "StartDatetime=0 EndDatetime=0";
    assert_eq!(
        forgetful,
        format!("USER PIN=7 Name=Ada Pri=0 Grp=1 TZ=0000000100000000 Verify=-1 {validity}")
    );
    assert_eq!(faithful, format!("USER PIN=7 Name=Ada Pri=0 Grp=3 TZ=0001000200000000 Verify=4 {validity}"));
    // A device that cannot keep these fields does not differ in them.
    assert_eq!(difference(&forgets.holding(), &keeps.holding()), []);
}
