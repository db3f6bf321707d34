//! Stories about user records: which values of a record the fleet accepts.

use super::*;

fn operator_changes(world: &mut World, change: impl FnOnce(&mut UserFields)) {
    let mut fields = world.user(&seven()).expect("live");
    change(&mut fields);
    world.put(&user_key(&seven()), Some(Content::User(fields)), None);
}

/// Rule *replaced*: only the value that an operator replaced is refused, not the whole record.
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

/// Rule *ended life*: a complete earlier record belongs to the life that ended.
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

/// Rule *rename*: the device uploads the new name again, and then a template that it had accepted.
#[test]
fn a_rename_is_accepted_from_a_device_that_uploads_a_template_of_the_person() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    change_at(&mut world, 0, |user| user.name = "Countess King".to_owned());
    world.deliver_uploads(0);
    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_eq!(claim_of(&world, 0), Some((Reason::Renamed, Stage::Waiting)));
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Countess King"));
    assert_equal(&world);
}

/// Rule *rename*: nothing proves the new name.
#[test]
fn a_rename_is_not_accepted_if_no_template_proves_the_person() {
    let mut world = fleet_with_ada(true);
    change_at(&mut world, 0, |user| user.name = "Countess King".to_owned());
    world.deliver_uploads(0);
    assert_eq!(claim_of(&world, 0), None);
    assert!(kept_for(&world, Reason::Renamed));
    calm_down(&mut world);

    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// Rule *rename*: the template that would prove it is not the person's.
#[test]
fn a_rename_is_not_accepted_if_the_device_uploads_another_template() {
    let mut world = fleet_with_ada(true);
    let key = finger(&seven(), 6, 10);
    world.put(&key, Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    let terminal = &mut world.devices[0].terminal;
    terminal.remove(&seven());
    terminal.templates.insert((seven(), key.slot), "GRACEFIN".to_owned());
    enrol(&mut world, 0, "Grace Hopper", "");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_eq!(world.items[&key].content, Some(template("ADAFINGR")));
    assert_equal(&world);
}

/// Rule *evidence*: a completed name is still the person's.
#[test]
fn a_device_that_knows_the_person_completes_the_name() {
    let mut world = fleet_with_nobody();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    change_at(&mut world, 0, |user| user.name = "Ada Lovelace".to_owned());
    world.deliver_uploads(0);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
}

/// Rule *evidence*: a record without name and card is an edit only from a device that knows the person.
#[test]
fn a_device_that_does_not_know_an_unnamed_person_makes_no_edit() {
    let mut world = fleet_with_nobody();
    calm_down(&mut world);
    operator_sets(&mut world, "7", "");
    enrol(&mut world, 1, "", "");
    change_at(&mut world, 1, |user| user.group = 5);
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), Some((Reason::Unclear, Stage::Blocking)));
}

/// Rule *evidence*: a name that the person had earlier in this life.
#[test]
fn a_record_with_a_former_name_is_of_the_same_person() {
    let mut world = fleet_with_ada(false);
    operator_sets(&mut world, "7", "Countess King");
    enrol(&mut world, 1, "Ada Lovelace", "4401001");
    world.deliver_uploads(1);

    assert_eq!(claim_of(&world, 1), None);
    assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
    calm_down(&mut world);
    assert_eq!(name_in_fleet(&world).as_deref(), Some("Countess King"));
    assert_equal(&world);
}

/// Rule *gap*: a device that does not know the person overwrites nothing, however often it uploads its record.
#[test]
fn a_device_fills_gaps_until_it_has_the_record_of_the_fleet() {
    for fills in [false, true] {
        let mut world = fleet_with_ada(false);
        operator_changes(&mut world, |user| user.card = Some("4401001".to_owned()));
        enrol(&mut world, 1, "Ada Lovelace", "4401002");
        if fills {
            change_at(&mut world, 1, |user| user.group = 5);
            world.devices[1].terminal.uploads.remove(0);
        }
        for _ in 0..2 {
            world.deliver_uploads(1);
            assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
            change_at(&mut world, 1, |_| ());
        }
        calm_down(&mut world);
        assert_eq!(world.user(&seven()).expect("live").group, if fills { 5 } else { 1 });
        assert_equal(&world);
    }
}

/// Rule *gap*: a card of an ended life fills no gap, whatever else the record contains.
#[test]
fn a_card_of_an_ended_life_does_not_come_back_in_another_record() {
    let mut world = fleet_with_ada(false);
    operator_changes(&mut world, |user| user.card = Some("4401001".to_owned()));
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Ada Lovelace");
    enrol(&mut world, 1, "Ada Lovelace", "4401001");
    change_at(&mut world, 1, |user| user.group = 5);
    world.devices[1].terminal.uploads.remove(0);
    calm_down(&mut world);

    assert_eq!(card_in_fleet(&world), None);
    assert_equal(&world);
}

/// Rule *beginning*: the first command of the person replaces the person who is there.
#[test]
fn somebody_else_under_a_first_command_is_held_and_replaced() {
    let mut world = fleet_with_ada(false);
    world.poll(1, false);
    enrol(&mut world, 1, "Grace Hopper", "");
    world.deliver_uploads(1);
    assert_eq!(claim_of(&world, 1), None);
    calm_down(&mut world);

    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Ada Lovelace"));
    assert!(kept_for(&world, Reason::Remains));
    assert_equal(&world);
}

/// Rule *former person*: a device that does not know the next life holds a former person, whatever the name.
#[test]
fn a_changed_name_of_a_former_person_opens_no_conflict() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    change_at(&mut world, 0, |user| user.name = "Countess King".to_owned());
    world.deliver_uploads(0);
    assert_eq!(claim_of(&world, 0), None);
    assert!(kept_for(&world, Reason::Remains));
    calm_down(&mut world);

    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Grace Hopper"));
    assert_equal(&world);
}

/// A device in another area uploads this record, in a fleet where Grace has the former PIN of Ada.
fn uploaded_outside(name: &str, card: &str) -> World {
    let mut world = fleet_with_ada(true);
    world.set_areas(1, [Area(2)].into());
    calm_down(&mut world);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    calm_down(&mut world);
    enrol(&mut world, 1, name, card);
    calm_down(&mut world);
    world
}

/// Rule *marks*: a former person is removed, also from a device in another area.
#[test]
fn a_former_person_under_the_pin_of_the_next_opens_no_conflict() {
    let world = uploaded_outside("Ada Lovelace", "");
    assert_eq!(claim_of(&world, 1), None);
    assert_eq!(name_on(&world, 1, "7"), None);
    assert_equal(&world);
}

/// Rule *leaver*: a record without a name may be of the former person.
#[test]
fn a_record_without_a_name_under_a_pin_that_was_used_before_opens_no_conflict() {
    let world = uploaded_outside("", "4401001");
    assert_eq!(claim_of(&world, 1), None);
    assert!(kept_for(&world, Reason::Leaver));
    assert_eq!(name_on(&world, 1, "7"), None);
    assert_equal(&world);
}

/// Rule *restored*: no upload of a restored device is an edit.
#[test]
fn a_restored_device_makes_no_edit() {
    for (name, card) in [("Ada Lovelace", "4401001"), ("Countess King", "")] {
        let mut world = fleet_with_nobody();
        world.devices[0].terminal.report(Upload::Restored);
        enrol(&mut world, 0, "Ada Lovelace", "");
        enrol(&mut world, 0, name, card);
        world.deliver_uploads(0);

        assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
        assert_eq!((card_in_fleet(&world), claim_of(&world, 0)), (None, None));
        assert!(kept_for(&world, Reason::Remains));
    }
}

/// Rule *emptied*: an emptied device holds nobody of the fleet.
#[test]
fn somebody_on_a_device_that_was_emptied_is_held() {
    let mut world = fleet_with_ada(true);
    world.devices[0].terminal.clear();
    enrol(&mut world, 0, "Grace Hopper", "");
    world.deliver_uploads(0);
    assert!(kept_for(&world, Reason::Remains));
    calm_down(&mut world);

    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// Rule *privilege*: a terminal makes nobody an administrator, and is corrected.
#[test]
fn a_privilege_that_was_raised_at_a_device_is_held() {
    let mut world = fleet_with_ada(true);
    change_at(&mut world, 0, |user| user.privilege = ADMINISTRATOR);
    calm_down(&mut world);

    assert_eq!(world.user(&seven()).expect("live").privilege, 0);
    assert!(world.kept.iter().any(|kept| matches!(kept.held, Held::Privilege(_, ADMINISTRATOR))));
    assert_equal(&world);
}

/// If devices keep changing one item in turns, an operator decides.
#[test]
fn a_value_that_devices_change_in_turns_is_held() {
    let mut world = fleet_with_ada(true);
    world.policy.edits_per_hour = 0;
    for (device, card) in [(0, "4401001"), (1, "4401002")] {
        change_at(&mut world, device, |user| user.card = Some(card.to_owned()));
        calm_down(&mut world);
    }

    assert_eq!(card_in_fleet(&world).as_deref(), Some("4401001"));
    assert!(world.kept.iter().any(|kept| matches!(kept.held, Held::Contested(_))));
    assert_equal(&world);
}
