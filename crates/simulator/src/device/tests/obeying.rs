//! Execution of commands.

use super::*;
use crate::model::Algorithm;

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
fn unknown_forms_are_answered_with_the_code_of_the_model() {
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
    assert_eq!(run(&mut device, "CONTROL DEVICE 01"), -1004);
}

#[test]
fn a_full_device_accepts_changes_and_refuses_new_users() {
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
fn a_busy_device_does_nothing() {
    let mut device = device(Model::speedface()).with_faults(Faults { busy: 1000, ..Faults::default() });
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ada"), -1005);
    assert_eq!(device.users(), 0);
}

#[test]
fn refused_and_ignored_forms_change_nothing() {
    let mut device = quirky(Model::speedface(), |quirks| {
        quirks.refuse.push(Refusal { form: Form::UserPhoto, return_code: -1001 });
        quirks.ignore.push(Form::User);
    });
    assert_eq!(run(&mut device, "DATA UPDATE USERPIC PIN=7\tSize=4\tContent=AAAA"), -1001);
    assert_eq!(run(&mut device, "DATA UPDATE USERINFO PIN=7\tName=Ada"), 0);
    assert_eq!(device.users(), 0);
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
fn deletions_remove_what_they_name() {
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
fn the_device_makes_its_own_template_from_a_comparison_photo() {
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
fn check_requests_the_options_again_on_models_that_know_it() {
    let mut device = device(Model::speedface());
    assert!(!device.handshake_due());
    assert_eq!(run(&mut device, "CHECK"), 0);
    assert!(device.handshake_due());
    let mut k40 = self::device(Model::k40());
    assert_eq!(run(&mut k40, "CHECK"), -1007);
    assert!(!k40.handshake_due());
}

#[test]
fn a_reboot_is_not_acknowledged_and_restarts_the_device() {
    let mut device = device(Model::speedface());
    add_user(&mut device, "7");
    assert!(device.execute(b"C:5:REBOOT").is_empty());
    assert!(device.handshake_due() && device.next_upload().is_none());
    assert_eq!(device.users(), 1);
    assert!(device.initialize(BLOCK.as_bytes()));
    assert_eq!(kinds(&reported(&mut device)), ["OPLOG 0 0"]);
}

#[test]
fn a_chinese_device_keeps_names_in_its_own_charset() {
    let mut device = device(Model { language: 83, ..Model::speedface() });
    device.enrol_user("7", "王小明");
    assert_eq!(device.person("7").unwrap().user.name.len(), 6);
    run(&mut device, "DATA UPDATE USERINFO PIN=8\tName=Ada");
    let mut english = self::device(Model::speedface());
    english.enrol_user("7", "王小明");
    english.enrol_user("8", "Ada");
    assert_eq!(difference(&device.holding(), &english.holding()), []);
    device.quirks_mut().cut_names_at = Some(5);
    device.change_name("7", "王小明");
    assert_eq!(device.content().people.values().next().unwrap().user.name, "王小".as_bytes());
    assert_eq!(difference(&device.holding(), &english.holding()), []);
}

#[test]
fn finger_veins_come_in_three_parts() {
    let mut model = Model::speedface();
    model.algorithms.push(Algorithm {
        bio_type: BioType::FINGER_VEIN,
        individuals: 10,
        parts: 3,
        classic: true,
        unified: false,
        ..model.algorithm(BioType::VISIBLE_FACE).unwrap().clone()
    });
    let mut device = device(model);
    add_user(&mut device, "7");
    let part =
        |index| format!("DATA UPDATE FVEIN Pin=7\tFID=6\tIndex={index}\tValid=1\tSize=8\tTmp=VGVtcGxh");
    assert_eq!([0, 1].map(|index| run(&mut device, &part(index))), [0, 0]);
    assert_eq!(device.count(BioType::FINGER_VEIN), 0);
    assert_eq!(run(&mut device, &part(2)), 0);
    assert_eq!(device.count(BioType::FINGER_VEIN), 1);
    assert_eq!(run(&mut device, &part(3)), -1);
    assert_eq!(run(&mut device, "DATA DELETE FVEIN Pin=7\tFID=6"), 0);
    assert_eq!(device.count(BioType::FINGER_VEIN), 0);
}
