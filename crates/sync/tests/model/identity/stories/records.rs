//! Stories about user records: which values of a record are taken.

use super::*;

fn operator_changes(world: &mut World, change: impl FnOnce(&mut UserFields)) {
    let mut fields = world.user(&seven()).expect("live");
    change(&mut fields);
    world.put(&user_key(&seven()), Some(Content::User(fields)), None);
}

/// Rule *replaced*: of a record only the value that an operator replaced is refused.
#[test]
fn a_value_that_an_operator_replaced_is_refused_and_the_others_are_taken() {
    let mut world = fleet_with_ada(true);
    for card in ["4401001", "4401002"] {
        operator_changes(&mut world, |user| user.card = Some(card.to_owned()));
        calm_down(&mut world);
    }
    change_at(&mut world, 0, |user| {
        user.card = Some("4401001".to_owned());
        user.group = 5;
    });
    calm_down(&mut world);

    let user = world.user(&seven()).expect("live");
    assert_eq!((user.card.as_deref(), user.group), (Some("4401002"), 5));
    assert_equal(&world);
}

/// Rule *ended life*: a whole record of before is of the life that ended.
#[test]
fn a_record_of_an_ended_life_of_the_same_person_brings_no_value_back() {
    let mut world = fleet_with_ada(true);
    operator_changes(&mut world, |user| (user.card, user.group) = (Some("4401001".to_owned()), 5));
    calm_down(&mut world);
    let backup = world.devices[0].terminal.users.clone();
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Ada Lovelace");
    calm_down(&mut world);
    world.devices[0].terminal.users = backup;
    world.devices[0].terminal.upload_everything();
    calm_down(&mut world);

    let user = world.user(&seven()).expect("live");
    assert_eq!((user.card, user.group), (None, UserFields::default().group));
    assert_equal(&world);
}
