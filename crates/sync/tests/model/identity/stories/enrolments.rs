//! Stories about people who were deleted and enrolled again.

use super::*;

/// Enrols a person. The log of the terminal reports the enrolment.
fn enrol_with_log(world: &mut World, device: usize, name: &str) {
    let user = User::new(name.to_owned(), None);
    let terminal = &mut world.devices[device].terminal;
    terminal.users.insert(seven(), user.clone());
    terminal.uploads.push(vec![Upload::Enrolled(seven()), Upload::User(seven(), user)]);
}

/// A fleet in which Ada was deleted at a terminal, and every other device knows so.
fn deleted_at(device: usize) -> World {
    let mut world = fleet_with_ada(true);
    world.policy.deletion = sync::intake::Deletion::Propagate;
    delete_at(&mut world, device);
    world.deliver_uploads(device);
    for _ in 0..5 {
        world.now = world.now.plus(20_000);
        world.conclude_claims(device);
        if name_in_fleet(&world).is_none() {
            break;
        }
        go_round(&mut world, device);
    }
    assert_eq!(name_in_fleet(&world), None);
    world
}

/// Rule *enrolled anew*.
#[test]
fn somebody_deleted_at_a_terminal_is_enrolled_again_where_the_log_says_so() {
    let mut world = deleted_at(0);
    enrol_with_log(&mut world, 0, "Ada Lovelace");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// Rule *enrolled anew*, at another terminal that knows of the deletion.
#[test]
fn somebody_deleted_at_a_terminal_is_enrolled_again_at_another_one() {
    let mut world = deleted_at(0);
    calm_down(&mut world);
    enrol_with_log(&mut world, 1, "Ada Lovelace");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// Without the log, the terminal may have been set back to an earlier state.
#[test]
fn somebody_deleted_at_a_terminal_does_not_come_back_without_the_log() {
    let mut world = deleted_at(0);
    calm_down(&mut world);
    enrol(&mut world, 0, "Ada Lovelace", "");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert!(kept_for(&world, Reason::Leaver));
    assert_equal(&world);
}

/// A log from before the deletion is no evidence.
#[test]
fn a_terminal_that_does_not_know_of_the_deletion_enrols_nobody_again() {
    let mut world = deleted_at(0);
    enrol_with_log(&mut world, 1, "Ada Lovelace");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 1, "7"), None);
    assert_equal(&world);
}

/// Rule *removed*.
#[test]
fn somebody_whom_an_operator_deleted_is_not_enrolled_again_by_a_log() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    calm_down(&mut world);
    enrol_with_log(&mut world, 0, "Ada Lovelace");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert!(kept_for(&world, Reason::Leaver));
    assert_equal(&world);
}

/// A log is no evidence while the terminal has not answered the deletion.
#[test]
fn a_terminal_that_has_not_answered_the_deletion_enrols_nobody_again() {
    let mut world = deleted_at(0);
    world.poll(1, false);
    enrol_with_log(&mut world, 1, "Ada Lovelace");
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), None);
    assert!(kept_for(&world, Reason::Leaver));
    calm_down(&mut world);
    assert_eq!(name_in_fleet(&world), None);
    assert_equal(&world);
}

/// Rule *leaver*: a record without a name cannot be distinguished from the person whom the operator deleted.
#[test]
fn a_record_without_a_name_does_not_follow_somebody_whom_an_operator_deleted() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    calm_down(&mut world);
    enrol(&mut world, 0, "", "4401001");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert!(kept_for(&world, Reason::Leaver));
    assert_equal(&world);
}

/// The other side of rule *leaver*: the person was deleted at a terminal.
#[test]
fn a_record_without_a_name_may_follow_somebody_who_was_deleted_at_a_terminal() {
    let mut world = deleted_at(0);
    calm_down(&mut world);
    enrol(&mut world, 0, "", "4401001");
    calm_down(&mut world);

    assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
    assert_equal(&world);
}

/// Rule *registration*, under a PIN that was used before.
#[test]
fn a_device_that_may_not_enrol_enrols_nobody_under_a_used_pin() {
    let mut world = deleted_at(0);
    calm_down(&mut world);
    world.devices[0].enrolment = Enrolment::Hold;
    enrol(&mut world, 0, "Grace Hopper", "");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert!(kept_for(&world, Reason::Enrolment));
    assert_equal(&world);
}

/// Rule *former person*: a device that does not know of a deletion enrols nobody under the PIN.
#[test]
fn a_record_from_a_device_that_missed_the_deletion_is_held() {
    let mut world = deleted_at(0);
    enrol(&mut world, 1, "Augusta King", "");
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), None);
    assert!(kept_for(&world, Reason::Remains));
    calm_down(&mut world);
    assert_eq!(name_on(&world, 1, "7"), None);
    assert_equal(&world);
}

/// Rule *enrolled anew*: the log is about one record.
#[test]
fn another_record_than_the_enrolled_one_does_not_come_back() {
    let mut world = deleted_at(0);
    enrol_with_log(&mut world, 0, "Ada Lovelace");
    enrol(&mut world, 0, "Ada Lovelace", "4401001");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_equal(&world);
}

/// Rule *registration*, for a person whom the device knows.
#[test]
fn a_device_that_may_not_enrol_changes_nobody() {
    let mut world = fleet_with_ada(true);
    world.devices[0].enrolment = Enrolment::Hold;
    change_at(&mut world, 0, |user| user.card = Some("4401001".to_owned()));
    calm_down(&mut world);
    assert_eq!(card_in_fleet(&world), None);
    assert!(kept_for(&world, Reason::Enrolment));

    let key = enrol_finger(&mut world, 0, "NEWFINGR");
    calm_down(&mut world);
    assert!(!world.is_live(&key));
    assert!(!has_fingers(&world, 0));
    assert_equal(&world);
}
