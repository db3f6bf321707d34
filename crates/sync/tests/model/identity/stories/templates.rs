//! Stories about templates that come without a user record.

use super::*;

fn enrol_and_wait(wait_ms: i64) -> (World, ItemKey) {
    let mut world = fleet_with_nobody();
    enrol(&mut world, 0, "Ada Lovelace", "");
    world.deliver_uploads(0);
    world.now = world.now.plus(wait_ms);
    let key = enrol_finger(&mut world, 0, "ADAFINGR");
    world.deliver_uploads(0);
    (world, key)
}

/// Rule *one enrolment*.
#[test]
fn a_template_that_follows_its_record_within_a_minute_is_taken() {
    let (world, key) = enrol_and_wait(59_000);
    assert!(world.is_live(&key));
    assert_eq!(claim_of(&world, 0), None);
}

/// The other side of rule *one enrolment*.
#[test]
fn a_template_that_comes_later_than_its_record_is_asked_for() {
    let (mut world, key) = enrol_and_wait(61_000);
    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
    calm_down(&mut world);

    assert!(world.is_live(&key));
    assert_equal(&world);
}

/// Rule *one enrolment*: the operator made the last change of the person, so the device has not uploaded the newest
/// record.
#[test]
fn a_template_is_asked_for_after_an_operator_changed_the_person() {
    let mut world = fleet_with_ada(true);
    operator_sets(&mut world, "7", "Ada King");
    let key = enrol_finger(&mut world, 0, "STRANGER");
    world.deliver_uploads(0);

    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
}

/// Rule *one enrolment*: a command of the user went to the device after its record.
#[test]
fn a_template_is_asked_for_after_a_command_of_the_user() {
    let mut world = fleet_with_nobody();
    enrol(&mut world, 0, "Ada Lovelace", "");
    world.deliver_uploads(0);
    go_round(&mut world, 0);
    let key = enrol_finger(&mut world, 0, "STRANGER");
    world.deliver_uploads(0);

    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
}

/// Rule *one enrolment*: a command of the user is open.
#[test]
fn a_template_is_asked_for_under_a_command_of_the_user() {
    let mut world = fleet_with_ada(true);
    operator_sets(&mut world, "7", "Ada King");
    world.poll(0, false);
    change_at(&mut world, 0, |user| user.card = Some("4401001".to_owned()));
    let key = enrol_finger(&mut world, 0, "STRANGER");
    world.deliver_uploads(0);

    assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
}

/// Rule *outside*: a template of a person who left the areas of the device.
#[test]
fn a_template_from_outside_the_areas_is_held() {
    let mut world = fleet_with_ada(true);
    let member = ItemKey { pin: seven(), slot: Slot::membership(Area(1)) };
    world.put(&member, None, None);
    let key = enrol_finger(&mut world, 0, "ADAFINGR");
    world.deliver_uploads(0);

    assert!(!world.is_live(&key));
    assert!(kept_for(&world, Reason::Outside));
    calm_down(&mut world);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert_equal(&world);
}

/// A template that the fleet holds or held needs no question.
#[test]
fn a_template_that_is_known_is_not_asked_for() {
    let mut world = fleet_with_ada(true);
    let key = finger(&seven(), 6, 10);
    for text in ["OLDFINGR", "NEWFINGR"] {
        world.put(&key, Some(template(text)), None);
        calm_down(&mut world);
    }
    for text in ["NEWFINGR", "OLDFINGR"] {
        enrol_finger(&mut world, 0, text);
        world.deliver_uploads(0);
        assert_eq!(claim_of(&world, 0), None, "{text}");
    }
    calm_down(&mut world);
    assert_equal(&world);
}

/// The same on a device that does not know the person.
#[test]
fn a_template_that_is_known_is_not_asked_for_where_the_person_is_not() {
    for text in ["NEWFINGR", "OLDFINGR"] {
        let mut world = fleet_with_ada(false);
        for text in ["OLDFINGR", "NEWFINGR"] {
            world.put(&finger(&seven(), 6, 10), Some(template(text)), None);
        }
        enrol_finger(&mut world, 1, text);
        world.deliver_uploads(1);
        assert_eq!(claim_of(&world, 1), None, "{text}");
        calm_down(&mut world);
        assert_equal(&world);
    }
}

/// A device that is being taken in gets nothing from the server, so a template belongs to the record that the device
/// uploaded.
#[test]
fn a_joining_device_fills_gaps_with_templates_and_overwrites_none() {
    let mut world = fleet_with_ada(false);
    let key = finger(&seven(), 6, 10);
    world.devices[1].row.joining = Some(sync::Joining::Adopt);
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    enrol_finger(&mut world, 1, "ADAFINGR");
    world.deliver_uploads(1);
    assert_eq!(world.items[&key].content, Some(template("ADAFINGR")));

    world.put(&key, Some(template("NEWFINGR")), None);
    enrol_finger(&mut world, 1, "THIRDFIN");
    world.deliver_uploads(1);
    assert_eq!(world.items[&key].content, Some(template("NEWFINGR")));
}

/// Rule *privilege*: a device that is being taken in brings administrators and their templates.
#[test]
fn a_joining_device_brings_the_template_of_an_administrator() {
    let mut world = fleet_with_nobody();
    world.devices[1].row.joining = Some(sync::Joining::Adopt);
    let user = User { privilege: ADMINISTRATOR, ..User::new("Ada Lovelace".to_owned(), None) };
    world.devices[1].terminal.users.insert(seven(), user.clone());
    world.devices[1].terminal.report(Upload::User(seven(), user));
    world.deliver_uploads(1);
    let key = enrol_finger(&mut world, 1, "ADAFINGR");
    world.deliver_uploads(1);

    assert!(world.is_live(&key));
    assert_eq!(world.user(&seven()).expect("live").privilege, ADMINISTRATOR);
}

/// A template goes out again only to a device that holds its user.
#[test]
fn a_template_is_not_repeated_after_a_deletion_was_reported() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    world.poll(0, true);
    delete_at(&mut world, 0);
    lose_record(&mut world, 0, "Grace Hopper");
    world.deliver_uploads(0);
    for _ in 0..3 {
        world.now = world.now.plus(7_000);
        world.poll(0, false);
        run(&mut world, 0);
    }

    assert!(!has_fingers(&world, 0), "Grace is on the device");
}
