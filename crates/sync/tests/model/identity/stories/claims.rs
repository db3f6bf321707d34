//! Stories about claims: what joins a claim, and how it ends.

use super::*;

/// A fleet in which an operator deleted Ada, and every device knows that.
fn fleet_without_ada() -> World {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    world.delete_user(&seven());
    calm_down(&mut world);
    world
}

/// Rule *open command*: the command may have brought the record, and the finger may belong to the person who was
/// there before.
#[test]
fn a_claim_under_a_command_of_the_user_proves_no_templates() {
    let mut world = fleet_with_ada(false);
    world.poll(1, false);
    lose_record(&mut world, 1, "Grace Hopper");
    let key = enrol_finger(&mut world, 1, "STRANGER");
    world.deliver_uploads(1);
    assert_eq!(claim_of(&world, 1), Some((Reason::Unproved, Stage::Waiting)));
    world.poll(1, false);
    run(&mut world, 1);
    world.devices[1]
        .terminal
        .acknowledgements
        .retain(|answer| matches!(answer, Acknowledgement::QueuedCommand { .. }));
    calm_down(&mut world);

    assert!(!world.is_live(&key));
    assert!(!has_fingers(&world, 1));
    assert_equal(&world);
}

/// Rule *mixture*: another record with another name replaces the record of a claim.
#[test]
fn templates_of_a_claim_do_not_pass_to_a_record_with_another_name() {
    let mut world = fleet_without_ada();
    enrol(&mut world, 0, "Grace Hopper", "");
    world.deliver_uploads(0);
    let key = enrol_finger(&mut world, 0, "GRACEFIN");
    world.deliver_uploads(0);
    assert_eq!(claim_of(&world, 0), Some((Reason::UsedBefore, Stage::Waiting)));
    // From a stick: the record changes, and the finger stays.
    enrol(&mut world, 0, "Hedy Lamarr", "");
    calm_down(&mut world);

    assert!(!world.is_live(&key), "the finger is Grace's");
    assert!(kept_for(&world, Reason::Remains));
    assert_equal(&world);
}

/// Rule *newcomer*: a new person under a PIN brings no content of a former person.
#[test]
fn a_new_person_with_a_finger_of_a_former_person_is_not_accepted() {
    let mut world = fleet_without_ada();
    enrol(&mut world, 0, "Grace Hopper", "");
    enrol_finger(&mut world, 0, "ADAFINGR");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert!(kept_for(&world, Reason::Leaver) || kept_for(&world, Reason::UsedBefore));
    assert_equal(&world);
}

/// The other side of rule *newcomer*.
#[test]
fn a_new_person_is_accepted_when_the_record_comes_twice() {
    let mut world = fleet_without_ada();
    enrol(&mut world, 0, "Grace Hopper", "");
    let key = enrol_finger(&mut world, 0, "GRACEFIN");
    world.deliver_uploads(0);
    assert_eq!(name_in_fleet(&world), None);
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Grace Hopper"));
    assert!(world.is_live(&key));
    assert_equal(&world);
}

/// Rule *another life*: a claim is about the person who had the PIN at its beginning.
#[test]
fn a_claim_of_an_ended_life_is_left_when_the_record_comes() {
    let mut world = fleet_with_ada(false);
    let key = enrol_finger(&mut world, 1, "STRANGER");
    world.deliver_uploads(1);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    enrol(&mut world, 1, "Grace Hopper", "");
    calm_down(&mut world);

    assert!(!world.is_live(&key));
    assert!(is_kept(&world, "STRANGER"));
    assert!(!has_fingers(&world, 1));
    assert_equal(&world);
}

/// Rule *evidence*: the device holds another person, so a template of the fleet's person does not belong there.
#[test]
fn a_template_of_the_person_under_somebody_else_ends_the_conflict() {
    let mut world = fleet_with_ada(false);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    enrol(&mut world, 1, "Grace Hopper", "");
    world.deliver_uploads(1);
    enrol_finger(&mut world, 1, "ADAFINGR");
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Ada Lovelace"));
    assert!(is_kept(&world, "Grace Ho"));
    assert_equal(&world);
}

/// The same for a template that the fleet held before and that a late command brought.
#[test]
fn an_earlier_template_of_the_person_under_somebody_else_ends_the_conflict() {
    let mut world = fleet_with_ada(false);
    let key = finger(&seven(), 6, 10);
    world.put(&key, Some(template("ADAFINGR")), None);
    world.put(&key, Some(template("ADANEWER")), None);
    enrol(&mut world, 1, "Grace Hopper", "");
    world.deliver_uploads(1);
    enrol_finger(&mut world, 1, "ADAFINGR");
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// The device holds nobody under the PIN, so the claimed content is of a person who is gone.
#[test]
fn a_template_whose_user_is_not_on_the_device_is_held() {
    let mut world = fleet_with_ada(false);
    let key = finger(&seven(), 6, 10);
    world.devices[1].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
    world.deliver_uploads(1);
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert!(!world.is_live(&key));
    assert!(is_kept(&world, "STRANGER"));
    assert_equal(&world);
}

/// Rule *uploaded again*: a template that the device does not upload again is not accepted.
#[test]
fn a_template_that_is_not_uploaded_after_the_record_is_held() {
    let mut world = fleet_with_ada(false);
    let key = finger(&seven(), 6, 10);
    world.devices[1].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
    enrol(&mut world, 1, "Ada Lovelace", "4401001");
    world.deliver_uploads(1);
    assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert!(!world.is_live(&key));
    assert!(is_kept(&world, "STRANGER"));
    assert_equal(&world);
}

/// Rule *uploaded again*, for a claim of an ended life: the template does not belong to the next person.
#[test]
fn a_template_that_is_uploaded_again_in_another_life_is_held() {
    let mut world = fleet_with_ada(false);
    let key = enrol_finger(&mut world, 1, "STRANGER");
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    assert_eq!(claim_of(&world, 1), Some((Reason::Unproved, Stage::Waiting)));
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    calm_down(&mut world);

    assert!(!world.is_live(&key));
    assert!(!has_fingers(&world, 1));
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Grace Hopper"));
    assert_equal(&world);
}

/// A template waits, and the user record shows another person.
#[test]
fn a_template_with_the_record_of_somebody_else_becomes_a_conflict() {
    let mut world = fleet_with_ada(false);
    let key = enrol_finger(&mut world, 1, "GRACEFIN");
    enrol(&mut world, 1, "Grace Hopper", "");
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), Some((Reason::Other, Stage::Blocking)));
    assert!(!world.is_live(&key));
    assert!(has_fingers(&world, 1));
}

/// Rule *uploaded again*: the device must upload the claimed content, not other content.
#[test]
fn another_template_than_the_one_that_was_kept_waits_too() {
    let mut world = fleet_with_ada(false);
    enrol_finger(&mut world, 1, "STRANGER");
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    let key = enrol_finger(&mut world, 1, "ADAFINGR");
    world.deliver_uploads(1);

    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 1), Some((Reason::Unproved, Stage::Waiting)));
}

/// Rule *another life*: when the device uploads the template again, the PIN belongs to another person.
#[test]
fn a_template_proves_nothing_after_the_life_of_its_claim() {
    let mut world = fleet_with_ada(false);
    let key = enrol_finger(&mut world, 1, "STRANGER");
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    world.poll(1, false);
    run(&mut world, 1);
    // The second upload of the record is lost.
    world.devices[1].terminal.uploads.retain(|body| !matches!(body[0], Upload::User(..)));
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    world.deliver_uploads(1);
    assert_eq!(claim_of(&world, 1), None);
    calm_down(&mut world);

    assert!(!world.is_live(&key));
    assert_equal(&world);
}

/// A template came with another name. When the old name is back, the template is not the person's.
#[test]
fn a_template_that_came_with_another_name_is_held() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    change_at(&mut world, 0, |user| user.name = "Grace Hopper".to_owned());
    let key = finger(&seven(), 7, 10);
    world.devices[0].terminal.report(Upload::Template(key.clone(), "GRACEFIN".to_owned()));
    change_at(&mut world, 0, |user| user.name = "Ada Lovelace".to_owned());
    calm_down(&mut world);

    assert!(!world.is_live(&key));
    assert!(is_kept(&world, "GRACEFIN"));
    assert_equal(&world);
}

/// Rule *rename*: the device must upload the last name again.
#[test]
fn a_name_that_was_changed_twice_is_the_last_one() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    for name in ["Countess King", "Duchess King"] {
        change_at(&mut world, 0, |user| user.name = name.to_owned());
    }
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Duchess King"));
    assert_equal(&world);
}
