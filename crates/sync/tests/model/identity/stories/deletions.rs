//! Stories about deletions that devices report.

use super::*;

/// Rule *own deletion*: the report may be of a deletion by somebody after all.
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
