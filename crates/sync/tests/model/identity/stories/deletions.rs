//! Stories about deletions that devices report.

use super::*;

/// Rule *own deletion*: somebody may have deleted the user after all.
#[test]
fn after_a_report_of_our_own_deletion_a_template_is_asked_for() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    for _ in 0..3 {
        go_round(&mut world, 0);
    }
    change_at(&mut world, 0, |user| user.card = Some("4401001".to_owned()));
    delete_at(&mut world, 0);
    lose_record(&mut world, 0, "Hedy Lamarr");
    let key = enrol_finger(&mut world, 0, "STRANGER");
    world.deliver_uploads(0);

    assert!(!world.is_live(&key));
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
    calm_down(&mut world);
    assert_eq!(claim_of(&world, 0), Some((Reason::Other, Stage::Blocking)));
    assert_equal(&world);
}

/// A device whose record was recognised knows the person.
#[test]
fn a_deletion_at_a_device_that_was_recognised_is_asked_for() {
    let mut world = fleet_with_ada(false);
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    delete_at(&mut world, 1);
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), Some((Reason::Deleted, Stage::Waiting)));
}

/// A device that never got the person cannot delete the person.
#[test]
fn a_deletion_at_a_device_that_has_not_answered_its_first_command_deletes_nobody() {
    let mut world = fleet_with_ada(true);
    world.policy.deletion = sync::intake::Deletion::Propagate;
    world.set_areas(1, [Area(2)].into());
    calm_down(&mut world);
    world.set_areas(1, [Area(1)].into());
    world.poll(1, false);
    world.devices[1].terminal.report(Upload::Deleted(seven()));
    world.devices[1].delete_sent.clear();
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), None);
    calm_down(&mut world);
    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// A conflict with Grace at device 1: in the area of Ada, where the server waits to send Ada, or in another area.
fn conflict_with_grace(area: Area, with_finger: bool) -> World {
    let mut world = fleet_with_nobody();
    world.set_areas(1, [area].into());
    calm_down(&mut world);
    operator_sets(&mut world, "7", "Ada Lovelace");
    if area != Area(1) {
        calm_down(&mut world);
    }
    enrol(&mut world, 1, "Grace Hopper", "");
    if with_finger {
        enrol_finger(&mut world, 1, "GRACEFIN");
    }
    calm_down(&mut world);
    assert_eq!(claim_of(&world, 1), Some((Reason::Other, Stage::Blocking)));
    world
}

/// The person of the conflict was deleted at the device. A claim with a record alone is void if nothing was due for
/// the device.
#[test]
fn a_conflict_ends_when_somebody_else_is_deleted_at_the_device() {
    for (area, with_finger) in [(1, false), (1, true), (2, false), (2, true)] {
        let mut world = conflict_with_grace(Area(area), with_finger);
        delete_at(&mut world, 1);
        calm_down(&mut world);

        assert_eq!(claim_of(&world, 1), None);
        assert_eq!(is_kept(&world, "Grace Ho"), area == 1 || with_finger);
        assert_eq!(name_on(&world, 1, "7").as_deref(), (area == 1).then_some("Ada Lovelace"));
        assert_equal(&world);
    }
}

/// Another person was enrolled in the place of the deleted one.
#[test]
fn after_a_deletion_somebody_else_has_the_pin_as_the_policy_says() {
    use sync::intake::Deletion;
    for (policy, name) in [(Deletion::Propagate, "Grace Hopper"), (Deletion::Restore, "Ada Lovelace")] {
        let mut world = fleet_with_ada(true);
        world.policy.deletion = policy;
        delete_at(&mut world, 0);
        enrol(&mut world, 0, "Grace Hopper", "");
        calm_down(&mut world);

        assert_eq!(name_in_fleet(&world).as_deref(), Some(name));
        assert_eq!(
            kept_for(&world, Reason::Remains) || is_kept(&world, "Grace Ho"),
            policy == Deletion::Restore
        );
        assert_equal(&world);
    }
}

/// Rules *privilege* and *registration*, and the number of deletions that an operator has to confirm.
#[test]
fn a_proved_deletion_deletes_nobody_where_the_device_may_not() {
    for number in 0..3 {
        let mut world = fleet_with_ada(true);
        world.policy.deletion = sync::intake::Deletion::Propagate;
        match number {
            0 => {
                let fields = UserFields { privilege: ADMINISTRATOR, ..world.user(&seven()).expect("live") };
                world.put(&user_key(&seven()), Some(Content::User(fields)), None);
                calm_down(&mut world);
            }
            1 => world.devices[0].enrolment = Enrolment::Hold,
            _ => world.policy.deletions_left = 0,
        }
        delete_at(&mut world, 0);
        calm_down(&mut world);

        assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
        // After too many deletions, the person is not sent again before an operator has decided.
        let expected = (number < 2).then_some("Ada Lovelace");
        assert_eq!(name_on(&world, 0, "7").as_deref(), expected);
    }
}

/// In one upload, the record may be older than the deletion: the server asks the device first.
#[test]
fn a_record_that_comes_with_the_deletion_proves_nothing() {
    let mut world = fleet_with_ada(true);
    world.policy.deletion = sync::intake::Deletion::Propagate;
    lose_record(&mut world, 0, "Grace Hopper");
    let user = world.devices[0].terminal.users[&seven()].clone();
    world.devices[0].terminal.uploads.push(vec![Upload::Deleted(seven()), Upload::User(seven(), user)]);
    world.deliver_uploads(0);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_eq!(claim_of(&world, 0), Some((Reason::Deleted, Stage::Waiting)));
}

/// Rule *open command*: the open command brought back the record, and nothing else of the person.
#[test]
fn a_person_whose_record_came_back_after_a_deletion_gets_everything_again() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    operator_sets(&mut world, "7", "Ada King");
    world.poll(0, false);
    delete_at(&mut world, 0);
    world.deliver_uploads(0);
    calm_down(&mut world);

    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada King"));
    assert_equal(&world);
}

/// A deletion that the policy undoes: the templates come back too.
#[test]
fn a_person_who_is_sent_again_after_a_deletion_has_the_templates() {
    let mut world = fleet_with_ada(true);
    world.policy.deletion = sync::intake::Deletion::Restore;
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    delete_at(&mut world, 0);
    calm_down(&mut world);

    assert!(has_fingers(&world, 0));
    assert_equal(&world);
}

/// Rule *own deletion*: the report of an open replacement causes no question.
#[test]
fn a_report_of_our_own_replacement_repeats_nothing() {
    let mut world = fleet_with_ada(true);
    world.devices[0].terminal.reports_own_deletions = true;
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    for _ in 0..2 {
        world.now = world.now.plus(1_000);
        world.poll(0, false);
    }
    run(&mut world, 0);
    world.deliver_uploads(0);
    world.deliver_acknowledgements(0);
    calm_down(&mut world);

    let replacements = world.devices[0].history.values().filter(|(_, verb, _)| *verb == Verb::Replace);
    assert_eq!(replacements.count(), 1);
    assert_equal(&world);
}
