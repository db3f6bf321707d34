//! Stories about lives: which life of a PIN a device knows.

use sync::Knows;

use super::*;

/// Fills the open commands of a device with other people, so that its poll reads the feed only up to them.
fn fill_window(world: &mut World) {
    for number in 20..30 {
        operator_sets(world, &number.to_string(), "Somebody Else");
    }
}

fn known_by(world: &World, device: usize) -> Knows {
    world.view(device).knows(&seven())
}

/// Rule *given up*: the device may have carried out a first command without an answer, and replaced the person who
/// was there.
#[test]
fn a_first_command_without_an_answer_counts_as_possibly_carried_out() {
    let mut world = fleet_with_ada(false);
    world.poll(1, false);
    enrol(&mut world, 1, "Grace Hopper", "");
    enrol_finger(&mut world, 1, "GRACEFIN");
    run(&mut world, 1);
    world.devices[1].terminal.acknowledgements.clear();
    // The command is given up, because the user changed.
    operator_sets(&mut world, "7", "Ada King");
    world.now = world.now.plus(60_000);
    world.poll(1, true);
    calm_down(&mut world);

    assert!(!has_fingers(&world, 1), "the finger is Grace's");
    assert_eq!(claim_of(&world, 1), None);
    assert!(kept_for(&world, Reason::Remains));
    assert_equal(&world);
}

/// Rule *maker*: the device that made a life holds the person, also after an operator changed the person.
#[test]
fn a_deletion_reaches_the_device_that_enrolled_the_person() {
    let mut world = fleet_with_nobody();
    enrol(&mut world, 1, "Ada Lovelace", "");
    world.deliver_uploads(1);
    fill_window(&mut world);
    operator_sets(&mut world, "7", "Ada King");
    world.poll(1, false);
    assert_eq!(known_by(&world, 1), Knows::Present);
    world.delete_user(&seven());
    calm_down(&mut world);

    assert_eq!(name_on(&world, 1, "7"), None);
    assert_equal(&world);
}

/// Rule *beginning*: the device holds the former person.
#[test]
fn the_cursor_passes_no_beginning_over_a_former_person() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    fill_window(&mut world);
    operator_sets(&mut world, "7", "Grace Murray Hopper");
    world.poll(1, true);
    assert_eq!(known_by(&world, 1), Knows::Mixed);
    change_at(&mut world, 1, |user| user.card = Some("4401001".to_owned()));
    let key = enrol_finger(&mut world, 1, "ADAFINGR");
    calm_down(&mut world);

    assert!(!world.is_live(&key), "the finger is Ada's");
    assert_eq!(card_in_fleet(&world), None);
    assert_equal(&world);
}

/// Rule *beginning*: the device holds nobody.
#[test]
fn a_cursor_past_the_beginning_of_a_life_does_not_mean_that_the_device_knows_it() {
    let mut world = fleet_with_ada(false);
    fill_window(&mut world);
    operator_sets(&mut world, "7", "Ada King");
    world.poll(1, true);
    assert_eq!(known_by(&world, 1), Knows::Nobody);
    enrol(&mut world, 1, "Grace Hopper", "");
    world.deliver_uploads(1);
    calm_down(&mut world);

    assert_eq!(claim_of(&world, 1), Some((Reason::Other, Stage::Blocking)));
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Grace Hopper"));
}
