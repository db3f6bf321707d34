//! Removals that a device fails. The server repeats them until the device confirms them.

use roster::{ItemKey, Slot};
use sync::Exception;

use crate::calm_down;
use crate::rules::{assert_equal, fleet, name_on, operator_sets, run};
use crate::terminal::template;
use crate::world::{World, finger, pin, user_key};

const DAY_MS: i64 = 86_400_000;

/// The device could not write its storage: a temporary failure.
const STORAGE: i32 = -3;

/// A parameter is wrong: a refusal.
const PARAMETER: i32 = -1;

/// Ada with a finger on every device. Device 0 answers deletions with `code` from now on.
fn fleet_that_fails(code: i32) -> World {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    world.put(&ada_finger(), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    assert_eq!(fingers(&world), ["ADAFINGR"]);
    world.devices[0].terminal.refuses_deletions = Some(code);
    world
}

fn ada() -> ItemKey {
    user_key(&pin(7))
}

fn ada_finger() -> ItemKey {
    finger(&pin(7), 6, 10)
}

fn fingers(world: &World) -> Vec<&str> {
    world.devices[0].terminal.templates.values().map(String::as_str).collect()
}

/// Device 0 polls every second for this time, and answers. Returns how many commands it got.
fn polls_for(world: &mut World, ms: i64) -> usize {
    let sent = world.sent;
    for _ in 0..ms / 1_000 {
        world.now = world.now.plus(1_000);
        world.poll(0, false);
        run(world, 0);
        world.deliver_acknowledgements(0);
    }
    world.sent - sent
}

/// The same with one poll per hour.
fn polls_for_days(world: &mut World, days: i64) -> usize {
    let sent = world.sent;
    for _ in 0..days * 24 {
        world.now = world.now.plus(DAY_MS / 24);
        world.poll(0, false);
        run(world, 0);
        world.deliver_acknowledgements(0);
    }
    world.sent - sent
}

fn exception(world: &World, key: &ItemKey) -> Option<Exception> {
    world.devices[0].exceptions.get(key).copied()
}

fn unconfirmed(world: &World, key: &ItemKey) -> Option<i32> {
    exception(world, key)?.unconfirmed
}

/// Rule *passing*.
#[test]
fn a_removal_that_fails_for_a_while_is_tried_with_growing_pauses_and_not_noted() {
    let mut world = fleet_that_fails(STORAGE);
    world.delete_user(&pin(7));
    let first_minute = polls_for(&mut world, 60_000);
    assert!((4..10).contains(&first_minute), "{first_minute} tries");
    assert_eq!(unconfirmed(&world, &ada()), None);

    world.devices[0].terminal.refuses_deletions = None;
    polls_for(&mut world, 13_000);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert_eq!(exception(&world, &ada()), None);
}

/// Rule *removals*: whatever the return code, the server tries the removal daily, keeps the note until it is
/// confirmed, and delays nothing else.
#[test]
fn a_removal_that_keeps_failing_is_noted_and_tried_every_day() {
    for code in [STORAGE, PARAMETER, -1001, -1002] {
        let mut world = fleet_that_fails(code);
        world.delete_user(&pin(7));
        polls_for(&mut world, 600_000);
        assert_eq!(unconfirmed(&world, &ada()), Some(code));
        assert_eq!(exception(&world, &ada()).map(|owed| owed.attempts), Some(10));
        assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada"), "it is still there");

        operator_sets(&mut world, "8", "Grace");
        polls_for(&mut world, 2_000);
        assert_eq!(name_on(&world, 0, "8").as_deref(), Some("Grace"), "nothing else waits for it");

        assert_eq!(polls_for_days(&mut world, 3), 3, "{code}");
        assert_eq!(unconfirmed(&world, &ada()), Some(code));
        world.devices[0].terminal.refuses_deletions = None;
        polls_for_days(&mut world, 1);
        assert_eq!(name_on(&world, 0, "7"), None);
        assert_eq!(exception(&world, &ada()), None);
        calm_down(&mut world);
        assert_equal(&world);
    }
}

/// Rule *removals*: the note stays while the command of the daily try is open.
#[test]
fn a_failed_removal_stays_noted_while_it_is_tried_again() {
    let mut world = fleet_that_fails(STORAGE);
    world.delete_user(&pin(7));
    polls_for(&mut world, 600_000);
    world.now = world.now.plus(DAY_MS);
    world.poll(0, false);

    assert!(world.devices[0].open.contains_key(&ada()));
    assert_eq!(unconfirmed(&world, &ada()), Some(STORAGE));
}

/// Rule *removals*, for a template, with any return code.
#[test]
fn a_template_that_a_device_does_not_delete_is_noted_and_tried_every_day() {
    for code in [STORAGE, PARAMETER, -1002] {
        let mut world = fleet_that_fails(code);
        world.put(&ada_finger(), None, None);
        polls_for(&mut world, 600_000);
        assert_eq!(unconfirmed(&world, &ada_finger()), Some(code));

        world.devices[0].terminal.refuses_deletions = None;
        polls_for_days(&mut world, 2);
        assert!(fingers(&world).is_empty());
        assert_eq!(exception(&world, &ada_finger()), None);
    }
}

/// A template that the fleet has again needs no removal.
#[test]
fn a_failed_removal_is_forgotten_where_the_item_is_wanted_again() {
    let mut world = fleet_that_fails(STORAGE);
    world.put(&ada_finger(), None, None);
    polls_for(&mut world, 600_000);
    world.put(&ada_finger(), Some(template("NEWFINGR")), None);
    polls_for_days(&mut world, 2);

    assert_eq!(fingers(&world), ["NEWFINGR"]);
    assert_eq!(unconfirmed(&world, &ada_finger()), None);
}

/// Rule *removals*: no person gets a PIN that still has the fingers of another person on the device.
#[test]
fn the_next_owner_of_a_pin_waits_until_the_one_before_is_gone() {
    for code in [STORAGE, PARAMETER] {
        let mut world = fleet_that_fails(code);
        world.delete_user(&pin(7));
        operator_sets(&mut world, "7", "Grace");
        polls_for(&mut world, 600_000);
        assert_eq!(unconfirmed(&world, &ada()), Some(code));

        world.devices[0].terminal.refuses_deletions = None;
        polls_for_days(&mut world, 2);
        assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Grace"));
        assert!(fingers(&world).is_empty(), "the finger was Ada's");
        assert_eq!(unconfirmed(&world, &ada()), None);
        calm_down(&mut world);
        assert_equal(&world);
    }
}

/// A device that does not know the table of a definition holds none of it.
#[test]
fn a_definition_is_not_removed_from_a_device_that_does_not_know_its_table() {
    let mut world = fleet();
    let key = crate::world::definition_key(roster::DefinitionKind::WorkCode, 0);
    let member = ItemKey { pin: key.pin.clone(), slot: Slot::membership(crate::world::AREAS[0]) };
    world.put(&member, Some(roster::Content::Membership), None);
    let code = crate::world::definition(&key, "00000101");
    world.put(&key, Some(roster::Content::Definition(code)), None);
    calm_down(&mut world);
    world.devices[0].terminal.refuses_deletions = Some(-1002);
    world.put(&key, None, None);
    polls_for(&mut world, 600_000);

    assert_eq!(exception(&world, &key), None);
}
