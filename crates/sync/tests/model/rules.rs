//! One story for each of the eight rules of docs/sync.md. Each story fails if its rule is left out.

use roster::{Area, Content, Seq, UserFields};
use sync::operator::SyncAllowance;
use sync::plan::{Work, plan};
use sync::settle::{AckOutcome, Answer, settle};
use sync::{Verb, Wait};
use wire::ReturnCode;

use crate::calm_down;
use crate::terminal::{Upload, User, template};
use crate::world::{World, finger, pin, user_key};

/// A fleet in one area. Its devices are never busy or full, refuse nothing, and accept the same fingerprints.
pub fn fleet() -> World {
    let mut world = World::new(0);
    world.busy = 0.0;
    for device in &mut world.devices {
        device.row.areas = [Area(1)].into();
        let major = device.major;
        let terminal = &mut device.terminal;
        (terminal.most_users, terminal.most_templates) = (100, 100);
        (terminal.refuses, terminal.reports_own_deletions) = (false, false);
        assert!(major == 10 || major == 12);
    }
    world
}

pub fn operator_sets(world: &mut World, who: &str, name: &str) {
    let who = who.parse().expect("a PIN");
    let fields = world.user(&who).unwrap_or_default();
    world.put(&user_key(&who), Some(Content::User(UserFields { name: name.to_owned(), ..fields })), None);
    let member = roster::ItemKey { pin: who, slot: roster::Slot::membership(Area(1)) };
    world.put(&member, Some(Content::Membership), None);
}

/// Somebody changes the user at the device, which reports it.
fn change_at(world: &mut World, device: usize, who: &str, change: impl FnOnce(&mut User)) {
    let who: wire::Pin = who.parse().expect("a PIN");
    let terminal = &mut world.devices[device].terminal;
    let user = terminal.users.get_mut(&who).expect("the device holds the user");
    change(user);
    let user = user.clone();
    terminal.report(Upload::User(who, user));
}

pub fn run(world: &mut World, device: usize) {
    let World { devices, random, .. } = world;
    devices[device].terminal.run(random, usize::MAX, 0.0);
}

pub fn name_on(world: &World, device: usize, who: &str) -> Option<String> {
    world.devices[device].terminal.users.get(&who.parse().expect("a PIN")).map(|user| user.name.clone())
}

pub fn assert_equal(world: &World) {
    assert_eq!(world.differences(), Vec::<String>::new());
    assert_eq!(world.items_over_write_limit(), Vec::<usize>::new());
}

/// Rule *stale*.
#[test]
fn a_device_that_missed_a_change_does_not_undo_it_by_uploading_what_it_still_holds() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    operator_sets(&mut world, "7", "Ada Lovelace");

    world.devices[0].terminal.upload_everything();
    world.deliver_uploads(0);

    assert_eq!(world.user(&pin(7)).expect("live").name, "Ada Lovelace");
    calm_down(&mut world);
    assert_equal(&world);
}

/// Rule *stale*, for a deleted user.
#[test]
fn a_device_that_missed_a_deletion_does_not_bring_the_user_back() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    world.delete_user(&pin(7));

    world.devices[0].terminal.upload_everything();
    world.deliver_uploads(0);

    assert!(!world.is_live(&user_key(&pin(7))));
    calm_down(&mut world);
    assert_equal(&world);
    assert_eq!(name_on(&world, 0, "7"), None);
}

fn card_of(world: &World, who: &str) -> Option<String> {
    world.user(&who.parse().expect("a PIN")).expect("live").card
}

/// The other side of rule *stale*: another device had replaced the value.
#[test]
fn a_device_that_has_the_newest_version_may_go_back_to_an_older_one_on_purpose() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    for (device, card) in [(0, "4401001"), (1, "4401002")] {
        change_at(&mut world, device, "7", |user| user.card = Some(card.to_owned()));
        calm_down(&mut world);
    }

    change_at(&mut world, 0, "7", |user| user.card = Some("4401001".to_owned()));
    world.deliver_uploads(0);
    assert_eq!(card_of(&world, "7").as_deref(), Some("4401002"), "the device is asked first");
    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(card_of(&world, "7").as_deref(), Some("4401001"));
}

/// The other side of rule *stale*: an operator had replaced the value.
#[test]
fn no_device_goes_back_to_a_value_that_an_operator_replaced() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    operator_sets(&mut world, "7", "Ada Lovelace");
    calm_down(&mut world);

    change_at(&mut world, 0, "7", |user| user.name = "Ada".to_owned());
    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
}

/// Rule *correct*.
#[test]
fn an_upload_that_is_not_accepted_is_answered_by_a_correction() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    operator_sets(&mut world, "7", "Ada Lovelace");
    world.poll(0, false);
    run(&mut world, 0);
    // The device accepted the new name. Before its answer arrives, somebody types the old name.
    change_at(&mut world, 0, "7", |user| user.name = "Ada".to_owned());
    world.deliver_uploads(0);
    world.deliver_acknowledgements(0);

    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Ada Lovelace"));
}

/// Rule *left*.
#[test]
fn a_device_that_leaves_an_area_loses_the_people_of_that_area() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);

    world.set_areas(0, [Area(2)].into());
    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(name_on(&world, 0, "7"), None);
    assert_eq!(name_on(&world, 1, "7").as_deref(), Some("Ada"));
}

/// Rule *send back*.
/// Obligation 188.
#[test]
fn a_change_made_at_a_device_goes_back_to_it_since_an_older_one_may_be_on_its_way_there() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    let card_on = |world: &World, device: usize| world.devices[device].terminal.users[&pin(7)].card.clone();
    change_at(&mut world, 0, "7", |user| user.card = Some("4401001".to_owned()));
    world.deliver_uploads(0);
    // Device 1 gets that card. Before it carries out the command, somebody changes the card there.
    world.poll(1, false);
    change_at(&mut world, 1, "7", |user| user.card = Some("4401002".to_owned()));
    world.deliver_uploads(1);
    run(&mut world, 1);
    world.deliver_acknowledgements(1);
    assert_eq!(card_on(&world, 1).as_deref(), Some("4401001"));

    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(card_on(&world, 1).as_deref(), Some("4401002"));
}

/// Rule *wipe*.
/// Obligation 194.
#[test]
fn a_pin_used_again_leaves_nothing_of_the_former_person_on_a_device_that_was_off_meanwhile() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    world.put(&finger(&pin(7), 6, 10), Some(template("ADAFINGR")), None);
    calm_down(&mut world);
    assert_eq!(world.devices[0].terminal.templates.len(), 1);

    world.delete_user(&pin(7));
    // The device's poll reads the deletion, but the answer is lost. Then the PIN gets another person.
    world.poll(0, true);
    operator_sets(&mut world, "7", "Grace");
    calm_down(&mut world);

    assert_equal(&world);
    assert_eq!(name_on(&world, 0, "7").as_deref(), Some("Grace"));
    assert_eq!(world.devices[0].terminal.templates.len(), 0);
}

/// Rule *late acknowledgement*.
#[test]
fn an_answer_to_a_closed_command_makes_the_item_due_if_the_item_changed_since() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    world.poll(0, false);
    run(&mut world, 0);
    world.deliver_acknowledgements(0);
    operator_sets(&mut world, "7", "Ada Lovelace");
    calm_down(&mut world);
    let key = user_key(&pin(7));
    let answer = Answer {
        number: 1,
        key: key.clone(),
        verb: Verb::Update,
        seq: Seq(1),
        line: 0,
        return_code: ReturnCode(0),
        given_up: false,
    };
    let mut view = world.view(0);

    assert_eq!(settle(&mut view, &answer, world.now, &world.limits), AckOutcome::Late);

    let exception = view.persons[&pin(7)].exceptions[&key.slot];
    assert_eq!(exception.wait, Wait::Due(world.now));
}

/// Fault 33 of other servers: a repeated answer to the newest version is information only.
#[test]
fn a_doubled_answer_to_the_newest_version_changes_nothing() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    let key = user_key(&pin(7));
    let (_, verb, seq) = world.devices[0].history[&1].clone();
    let answer = Answer { number: 1, key, verb, seq, line: 0, return_code: ReturnCode(0), given_up: false };
    let mut view = world.view(0);

    assert_eq!(settle(&mut view, &answer, world.now, &world.limits), AckOutcome::Late);

    let changes = view.take_changes();
    assert!(changes.closed.is_empty() && changes.exceptions.is_empty() && changes.open.is_empty());
}

/// Rule *user first*.
///
/// Obligation 87.
#[test]
fn a_template_brings_its_user_along_where_the_device_does_not_have_it_yet() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    world.put(&finger(&pin(7), 6, 10), Some(template("ADAFINGR")), None);
    // The user changes after its template, so that the feed has the template first.
    operator_sets(&mut world, "7", "Ada Lovelace");

    world.poll(0, false);

    let sent: Vec<_> = world.devices[0]
        .terminal
        .inbox
        .iter()
        .map(|command| match command {
            crate::terminal::Command::Item { key, .. } => key.clone(),
            crate::terminal::Command::QueuedCommand { .. } => unreachable!("nothing was ordered"),
        })
        .collect();
    assert_eq!(sent, [user_key(&pin(7)), finger(&pin(7), 6, 10)]);
}

/// Rule *fields*.
#[test]
fn two_devices_that_change_different_fields_of_one_user_both_win() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    change_at(&mut world, 0, "7", |user| user.group = 3);
    change_at(&mut world, 1, "7", |user| user.card = Some("4402017".to_owned()));
    world.deliver_uploads(0);
    world.deliver_uploads(1);

    calm_down(&mut world);

    assert_equal(&world);
    let user = world.user(&pin(7)).expect("live");
    assert_eq!((user.group, user.card.as_deref()), (3, Some("4402017")));
}

/// A template of several parts without a full answer is sent again with another id.
#[test]
fn answers_to_two_interrupted_attempts_do_not_count_as_one_complete_attempt() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    let key = finger(&pin(7), 6, 10);
    world.put(&key, Some(template("ADAFINGR")), None);
    world.items.get_mut(&key).expect("it was put").state.lines = 3;
    let first_go = (0..4).find_map(|_| {
        world.now = world.now.plus(1_000);
        world.poll(0, false);
        world.devices[0].open.get(&key).cloned()
    });
    let first_go = first_go.expect("it went out");
    let mut view = world.view(0);
    let mut answer = Answer {
        number: first_go.number,
        key: key.clone(),
        verb: Verb::Update,
        seq: first_go.seq,
        line: 2,
        return_code: ReturnCode(0),
        given_up: false,
    };
    assert_eq!(settle(&mut view, &answer, world.now, &world.limits), AckOutcome::Partly);
    world.apply(0, view);

    let second_go = (0..4).find_map(|_| {
        world.now = world.now.plus(world.limits.longest_pause_ms);
        world.poll(0, false);
        world.devices[0].open.get(&key).filter(|open| open.number != first_go.number).cloned()
    });

    let second_go = second_go.expect("it goes out under another name");
    assert_ne!(second_go.wire_id, first_go.wire_id);
    let mut view = world.view(0);
    for line in 0..2 {
        answer.line = line;
        assert_eq!(settle(&mut view, &answer, world.now, &world.limits), AckOutcome::Late);
    }
    assert!(view.persons[&key.pin].open.contains_key(&key.slot), "the second go is still awaited");
}

/// If several servers write, an item may change after the page was read and before the item is read. Then the row of
/// the page is older than the item, and the row of the change comes later.
#[test]
fn an_item_that_changed_after_its_page_was_read_goes_out_once_with_its_own_row() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    let key = user_key(&"7".parse().expect("a PIN"));
    let (mut view, read) = (world.view(0), Seq(1));
    assert_eq!(view.item(&key).expect("it is there").seq, read);
    operator_sets(&mut world, "7", "Ada Byron");
    view.persons = world.view(0).persons;
    (view.cursor, view.scan) = (Seq(0), None);
    let newest = view.item(&key).expect("it is there").seq;
    assert!(newest > read);
    let mut page = |row: Seq| {
        let work = Work { feed_page: vec![(row, key.clone())], ..Work::default() };
        let sends = plan(&mut view, &work, SyncAllowance::All, world.now, &world.limits, 1);
        (sends.len(), view.cursor)
    };

    assert_eq!(page(read), (0, read));
    assert_eq!(page(newest), (1, newest));
}

/// The opposite: the page may contain a change that is newer than the item as it was read, or an item that did not
/// exist then. The cursor does not pass such a row, because the server would never return to it.
#[test]
fn the_cursor_does_not_pass_a_row_that_is_newer_than_its_item() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    let key = user_key(&pin(7));
    let older = world.view(0).persons;
    operator_sets(&mut world, "7", "Ada Byron");
    let newest = world.view(0).item(&key).expect("it is there").seq;
    let nobody = [(pin(7), sync::Person::default())].into();

    for read_before in [older, nobody] {
        let mut view = world.view(0);
        (view.persons, view.cursor, view.scan) = (read_before, Seq(0), None);
        let work = Work { feed_page: vec![(newest, key.clone())], ..Work::default() };
        let sends = plan(&mut view, &work, SyncAllowance::All, world.now, &world.limits, 1);
        assert_eq!((sends.len(), view.cursor), (0, Seq(0)));
    }
}

/// The server does not write an item endlessly to a device that does not keep it.
///
/// Obligation 189.
#[test]
fn an_item_that_was_written_too_often_within_an_hour_waits_for_an_hour() {
    let mut world = fleet();
    operator_sets(&mut world, "7", "Ada");
    calm_down(&mut world);
    let (key, now) = (user_key(&pin(7)), world.now);
    let due = |items_over_write_limit: bool| {
        let mut view = world.view(0);
        let person = view.persons.get_mut(&pin(7)).expect("a person");
        person.exceptions.insert(key.slot, sync::Exception::due(now));
        let items_over_write_limit = items_over_write_limit.then(|| key.clone()).into_iter().collect();
        let work = Work { due: vec![key.clone()], items_over_write_limit, ..Work::default() };
        let sends = plan(&mut view, &work, SyncAllowance::All, now, &world.limits, 1);
        (sends.len(), view.persons[&pin(7)].exceptions.get(&key.slot).map(|exception| exception.wait))
    };

    assert_eq!(due(false).0, 1);
    assert_eq!(due(true), (0, Some(Wait::Due(now.plus(3_600_000)))));
}
