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
