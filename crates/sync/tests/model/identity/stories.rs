//! One story for each identity rule (docs/sync.md, "Whose content it is"). Each story fails if its rule is left
//! out.

mod claims;
mod deletions;
mod enrolments;
mod lives;
mod records;
mod refusals;
mod templates;

use std::collections::BTreeSet;

use roster::{Area, Content, ItemKey, Slot, UserFields};
use sync::intake::{Cleared, Enrolment, Held};
use sync::{Reason, Stage, Verb};
use wire::Pin;

use super::ADMINISTRATOR;
use crate::calm_down;
use crate::rules::{assert_equal, fleet, name_on, operator_sets, run};
use crate::terminal::{Acknowledgement, Command, Upload, User, template};
use crate::world::{World, finger, pin, user_key};

fn seven() -> Pin {
    pin(7)
}

/// A fleet in which an operator set Ada. Device 1 has polled since only if `known_at_one`.
fn fleet_with_ada(known_at_one: bool) -> World {
    let mut world = fleet_with_nobody();
    if known_at_one {
        operator_sets(&mut world, "7", "Ada Lovelace");
        calm_down(&mut world);
    } else {
        calm_down(&mut world);
        operator_sets(&mut world, "7", "Ada Lovelace");
    }
    world
}

fn fleet_with_nobody() -> World {
    let mut world = fleet();
    for device in &mut world.devices {
        device.become_roomy();
    }
    world
}

fn enrol(world: &mut World, device: usize, name: &str, card: &str) {
    let card = (!card.is_empty()).then(|| card.to_owned());
    let user = User::new(name.to_owned(), card);
    let terminal = &mut world.devices[device].terminal;
    terminal.users.insert(seven(), user.clone());
    terminal.report(Upload::User(seven(), user));
}

/// Enrols a person, and loses the upload of the record.
fn lose_record(world: &mut World, device: usize, name: &str) {
    enrol(world, device, name, "");
    world.devices[device].terminal.uploads.pop();
}

/// Whether content with this value is held for an operator.
fn is_kept(world: &World, value: &str) -> bool {
    world.kept.iter().any(|kept| kept.upload.values().iter().any(|(_, kept)| kept == value))
}

fn enrol_finger(world: &mut World, device: usize, text: &str) -> ItemKey {
    let key = finger(&seven(), 6, 10);
    let terminal = &mut world.devices[device].terminal;
    terminal.templates.insert((seven(), key.slot), text.to_owned());
    terminal.report(Upload::Template(key.clone(), text.to_owned()));
    key
}

fn claim_of(world: &World, device: usize) -> Option<(Reason, Stage)> {
    world.devices[device].claims.get(&seven()).map(|claim| (claim.state.reason, claim.state.stage))
}

/// The device polls, carries out what it gets, and answers.
fn go_round(world: &mut World, device: usize) {
    world.now = world.now.plus(1_000);
    world.poll(device, false);
    run(world, device);
    world.deliver_acknowledgements(device);
}

/// Somebody deletes the user at the terminal, which reports the deletion.
fn delete_at(world: &mut World, device: usize) {
    let terminal = &mut world.devices[device].terminal;
    terminal.remove(&seven());
    terminal.report(Upload::Deleted(seven()));
}

/// Somebody changes the user at the terminal, which uploads the record.
fn change_at(world: &mut World, device: usize, change: impl FnOnce(&mut User)) {
    let terminal = &mut world.devices[device].terminal;
    let user = terminal.users.get_mut(&seven()).expect("the terminal holds the user");
    change(user);
    let user = user.clone();
    terminal.report(Upload::User(seven(), user));
}

fn card_in_fleet(world: &World) -> Option<String> {
    world.user(&seven()).and_then(|user| user.card)
}

fn has_fingers(world: &World, device: usize) -> bool {
    !world.devices[device].terminal.templates.is_empty()
}

fn name_in_fleet(world: &World) -> Option<String> {
    world.user(&seven()).map(|user| user.name)
}

fn kept_for(world: &World, reason: Reason) -> bool {
    world.kept.iter().any(|kept| matches!(&kept.held, Held::Left(_, why) if *why == reason))
}

/// Rule *evidence*.
#[test]
fn somebody_else_under_a_pin_is_kept_apart_and_stays_on_the_device() {
    let mut world = fleet_with_ada(false);
    enrol(&mut world, 1, "Grace Hopper", "");
    world.deliver_uploads(1);
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_eq!(claim_of(&world, 1), Some((Reason::Other, Stage::Blocking)));
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Grace Hopper"));
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
}

/// Rule *unclear*.
#[test]
fn a_pin_alone_is_no_evidence() {
    let mut world = fleet_with_ada(false);
    enrol(&mut world, 1, "", "4401001");
    world.deliver_uploads(1);
    calm_down(&mut world);

    assert_eq!(world.user(&seven()).and_then(|user| user.card), None);
    assert_eq!(claim_of(&world, 1), Some((Reason::Unclear, Stage::Blocking)));
}

/// Rule *wait*.
#[test]
fn a_template_waits_for_the_user_record_of_its_device() {
    let mut world = fleet_with_ada(false);
    let key = enrol_finger(&mut world, 1, "ADAFINGR");
    world.deliver_uploads(1);
    assert_eq!(claim_of(&world, 1), Some((Reason::Unproved, Stage::Waiting)));
    assert!(!world.is_live(&key));

    enrol(&mut world, 1, "Ada Lovelace", "");
    calm_down(&mut world);

    assert!(world.is_live(&key));
    assert_equal(&world);
}

/// Rule *ask*.
#[test]
fn a_deletion_that_a_device_reports_is_asked_for() {
    let mut world = fleet_with_ada(true);
    // The operation named a number of the device's own.
    world.devices[0].terminal.report(Upload::Deleted(seven()));
    calm_down(&mut world);
    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);

    world.policy.deletion = sync::intake::Deletion::Propagate;
    world.devices[0].terminal.remove(&seven());
    world.devices[0].terminal.report(Upload::Deleted(seven()));
    calm_down(&mut world);
    assert_eq!(name_in_fleet(&world), None);
    assert_equal(&world);
}

/// Rule *privilege*.
#[test]
fn no_device_changes_the_card_of_an_administrator() {
    let mut world = fleet_with_ada(true);
    let fields = UserFields { privilege: ADMINISTRATOR, ..world.user(&seven()).expect("live") };
    world.put(&user_key(&seven()), Some(Content::User(fields)), None);
    calm_down(&mut world);
    let mut user = world.devices[0].terminal.users[&seven()].clone();
    user.card = Some("4401001".to_owned());
    world.devices[0].terminal.users.insert(seven(), user.clone());
    world.devices[0].terminal.report(Upload::User(seven(), user));
    let key = enrol_finger(&mut world, 0, "NEWFINGR");
    calm_down(&mut world);

    assert_eq!(world.user(&seven()).and_then(|user| user.card), None);
    assert!(!world.is_live(&key));
    assert!(world.kept.iter().any(|kept| matches!(kept.held, Held::Credential(_))));
    assert_equal(&world);
}

/// Rule *old*.
#[test]
fn a_template_that_was_replaced_does_not_come_back() {
    let mut world = fleet_with_ada(true);
    let key = finger(&seven(), 6, 10);
    for text in ["OLDFINGR", "NEWFINGR"] {
        world.put(&key, Some(template(text)), None);
        calm_down(&mut world);
    }
    let user = world.devices[0].terminal.users[&seven()].clone();
    world.devices[0].terminal.report(Upload::User(seven(), user));
    enrol_finger(&mut world, 0, "OLDFINGR");
    calm_down(&mut world);

    assert_eq!(world.items[&key].content, Some(template("NEWFINGR")));
    assert_equal(&world);
}

/// Rule *clean*.
#[test]
fn a_life_begins_on_a_device_with_everything_before_it_removed() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    for _ in 0..2 {
        world.now = world.now.plus(1_000);
        world.poll(0, false);
    }

    let verbs = world.devices[0].terminal.inbox.iter().filter_map(|command| match command {
        Command::Item { verb, key, .. } if key.slot == Slot::USER => Some(*verb),
        _ => None,
    });
    assert_eq!(verbs.collect::<Vec<_>>(), [Verb::Replace]);
    run(&mut world, 0);
    assert!(world.devices[0].terminal.templates.is_empty());
    calm_down(&mut world);
    assert_equal(&world);
}

/// Rule *marks*.
#[test]
fn somebody_whom_an_operator_deleted_does_not_come_back_from_a_backup() {
    let mut world = fleet_with_ada(true);
    let backup = world.devices[0].terminal.users.clone();
    world.delete_user(&seven());
    calm_down(&mut world);
    world.devices[0].terminal.users = backup;
    world.devices[0].terminal.upload_everything();
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world), None);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert_equal(&world);
}

/// Rule *former person*.
#[test]
fn a_device_that_holds_a_former_person_is_no_witness_for_the_next() {
    let mut world = fleet_with_ada(true);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    let key = enrol_finger(&mut world, 0, "ADAFINGR");
    world.deliver_uploads(0);
    calm_down(&mut world);

    assert!(!world.is_live(&key), "the finger is Ada's");
    assert!(kept_for(&world, Reason::Remains));
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Grace Hopper"));
    assert_equal(&world);
}

/// A deletion belongs to the life that the device knew.
#[test]
fn a_deletion_of_a_former_person_does_not_delete_the_next() {
    let mut world = fleet_with_ada(true);
    world.policy.deletion = sync::intake::Deletion::Propagate;
    world.devices[0].terminal.remove(&seven());
    world.devices[0].terminal.report(Upload::Deleted(seven()));
    world.deliver_uploads(0);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Grace Hopper");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Grace Hopper"));
    assert_equal(&world);
}

/// Rule *registration*.
#[test]
fn a_device_that_may_not_enrol_enrols_nobody() {
    for (enrolment, keeps) in [(Enrolment::Hold, true), (Enrolment::Refuse, false)] {
        let mut world = fleet();
        world.devices[0].enrolment = enrolment;
        enrol(&mut world, 0, "Grace Hopper", "");
        calm_down(&mut world);

        assert_eq!(name_in_fleet(&world), None);
        assert_eq!(name_on(&world, 0, "7"), None);
        assert_eq!(kept_for(&world, Reason::Enrolment), keeps);
        assert_equal(&world);
    }
}

fn areas_of(world: &World) -> BTreeSet<Area> {
    let live = |key: &ItemKey| key.slot.area().filter(|_| world.is_live(key));
    world.keys_of(&seven()).iter().filter_map(live).collect()
}

/// Rule *uploaded again*.
#[test]
fn a_template_without_a_user_does_not_join_the_next_person_who_is_enrolled() {
    let mut world = fleet();
    let key = finger(&seven(), 6, 10);
    world.devices[0].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
    enrol(&mut world, 0, "Ada Lovelace", "");
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert!(!world.is_live(&key));
    assert_equal(&world);
}

/// Rules *members* and *outside*.
#[test]
fn no_upload_changes_the_areas_of_a_person() {
    let mut world = fleet_with_ada(false);
    world.set_areas(1, [Area(2)].into());
    enrol(&mut world, 1, "Ada Lovelace", "4401001");
    world.deliver_uploads(1);
    calm_down(&mut world);

    assert_eq!(areas_of(&world), [Area(1)].into());
    assert_eq!(world.user(&seven()).and_then(|user| user.card), None);
    assert_eq!(name_on(&world, 1, "7"), None);
    assert!(kept_for(&world, Reason::Outside));
    assert_equal(&world);
}

/// Rule *gap*: a value of an ended life fills no gap.
#[test]
fn a_card_of_an_ended_life_does_not_come_back_as_a_gap() {
    let mut world = fleet_with_ada(false);
    let with_card = UserFields { card: Some("4401001".to_owned()), ..world.user(&seven()).expect("live") };
    world.put(&user_key(&seven()), Some(Content::User(with_card)), None);
    world.delete_user(&seven());
    operator_sets(&mut world, "7", "Ada Lovelace");
    enrol(&mut world, 1, "Ada Lovelace", "4401001");
    calm_down(&mut world);

    assert_eq!(world.user(&seven()).and_then(|user| user.card), None);
    assert_equal(&world);
}

/// Rule *emptied*: if a device lost a field, the server sends the field again.
#[test]
fn a_name_that_was_cleared_at_a_device_comes_back() {
    let mut world = fleet_with_ada(true);
    world.put(&finger(&seven(), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    enrol(&mut world, 0, "", "");
    calm_down(&mut world);

    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
    assert_equal(&world);
}

/// A device uploaded two people with the names that Muster wrote, and Ada with a card and a finger. Somebody empties
/// Ada's name there. Returns the fleet, and whether the emptied name is held.
fn name_emptied(cleared: Cleared, witnesses: [usize; 2]) -> (World, bool) {
    let mut world = fleet_with_ada(true);
    world.policy.cleared = cleared;
    let card = Some("4711".to_owned());
    let fields = UserFields { card: card.clone(), ..world.user(&seven()).expect("there") };
    world.put(&user_key(&seven()), Some(Content::User(fields.clone())), None);
    calm_down(&mut world);
    let shown = User::new(fields.name.clone(), card).patch();
    for who in witnesses {
        world.devices[0].row.capability.learn_written_fields(&pin(who), &shown, &fields);
    }
    enrol(&mut world, 0, "", "4711");
    calm_down(&mut world);
    let held = world.kept.iter().any(|kept| matches!(&kept.held, Held::Cleared(pin, _) if *pin == seven()));
    (world, held)
}

/// Rule *cleared*: an empty field does not spread until an operator has decided.
#[test]
fn a_name_that_was_emptied_at_a_device_which_keeps_names_waits_for_an_operator() {
    let (world, held) = name_emptied(Cleared::Hold, [8, 9]);

    assert!(held);
    assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Ada Lovelace"));
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some(""), "the device is not put right meanwhile");
}

/// Rule *cleared*.
#[test]
fn a_name_that_was_emptied_at_a_device_which_keeps_names_is_an_edit_where_that_is_set() {
    let (world, held) = name_emptied(Cleared::Accept, [8, 9]);

    assert!(!held);
    assert_eq!(name_in_fleet(&world).as_deref(), Some(""));
    assert_equal(&world);
}

/// Rule *cleared*: the server restores the field without evidence, or if the policy says so.
#[test]
fn a_name_that_is_empty_at_a_device_of_which_nothing_is_known_comes_back() {
    for (cleared, witnesses) in
        [(Cleared::Hold, [8, 8]), (Cleared::Accept, [8, 8]), (Cleared::Ignore, [8, 9])]
    {
        let (world, held) = name_emptied(cleared, witnesses);

        assert!(!held);
        assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"));
        assert_equal(&world);
    }
}
