//! Views, and the results of decisions: commands and exceptions of devices.

use std::collections::BTreeSet;

use roster::{Content, ItemKey, Kind, Millis, Seq, Slot};
use store::{StoreError, Tx};
use sync::operator::SyncAllowance;
use sync::plan::{Send, Work, plan};
use sync::settle::{Answer, settle};
use sync::{Changes, DeviceView, Exception, Limits, OpenCommand, Parked, Person, Refusal, Verb, Wait};
use wire::{BioType, Pin, ReturnCode};

use crate::fleet::{Fleet, at, finger_key, member, pin, user, user_key};

/// Does what a poll does: load, decide, write.
pub async fn poll(tx: &mut Tx, device: i64, now: Millis) -> Vec<Send> {
    let limits = Limits::default();
    let row = tx.lock_device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    let work = Work {
        overdue: tx.overdue_commands(device, now, 50).await.expect("overdue"),
        due: tx.due_exceptions(device, now, 50).await.expect("due"),
        feed_page: tx.feed_page(row.cursor, 50).await.expect("a page"),
        ..Work::default()
    };
    let keys = work.overdue.iter().chain(&work.due).chain(work.feed_page.iter().map(|(_, key)| key));
    let pins: BTreeSet<Pin> = keys.map(|key| key.pin.clone()).collect();
    let pins: Vec<Pin> = pins.into_iter().collect();
    tx.load_persons(&mut view, &pins).await.expect("persons");
    let sends = plan(&mut view, &work, SyncAllowance::All, now, &limits, 7);
    let changes = view.take_changes();
    tx.apply(&view, &changes, now).await.expect("applied");
    sends
}

/// Does what an acknowledgement does.
pub async fn answer(tx: &mut Tx, device: i64, wire_id: &str, code: i32, now: Millis) {
    answer_line(tx, device, (wire_id, 0), code, now).await;
}

/// Does what the acknowledgement of one line of a command does.
pub async fn answer_line(tx: &mut Tx, device: i64, (wire_id, line): (&str, u16), code: i32, now: Millis) {
    let found = tx.find_sync_command(device, wire_id).await.expect("read").expect("a command");
    let row = tx.lock_device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    tx.load_persons(&mut view, std::slice::from_ref(&found.key.pin)).await.expect("persons");
    let answer = Answer {
        given_up: false,
        number: found.number,
        key: found.key,
        verb: found.verb,
        seq: found.seq,
        line,
        return_code: ReturnCode(code),
    };
    settle(&mut view, &answer, now, &Limits::default());
    let changes = view.take_changes();
    tx.apply(&view, &changes, now).await.expect("applied");
}

pub async fn person(tx: &mut Tx, device: i64, of: &str) -> Person {
    let mut view = DeviceView::new(device, roster::Capability::default());
    tx.load_persons(&mut view, &[pin(of)]).await.expect("persons");
    view.persons.remove(&pin(of)).expect("in the view")
}

async fn counts(tx: &mut Tx, device: i64) -> (usize, usize) {
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    (view.open_count, view.due_count)
}

#[tokio::test]
async fn commands_of_a_poll_are_open_until_they_are_acknowledged() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;

    let sends = poll(&mut tx, device, at(0)).await;

    assert_eq!(sends.iter().map(|send| &send.key).collect::<Vec<_>>(), [&user_key("7")]);
    assert_eq!(counts(&mut tx, device).await, (1, 0));
    let open = person(&mut tx, device, "7").await.open.remove(&Slot::USER).expect("open");
    // The device showed all its people, so this PIN is free on it.
    assert_eq!((open.verb, open.seq, open.sends, open.lines), (Verb::Insert, Seq(2), 1, 1));
    assert_eq!((open.wire_id.as_str(), open.again), (sends[0].wire_id.as_str(), false));
    assert_eq!(tx.next_due(device).await.expect("read"), Some(open.due_at));
    assert_eq!(tx.device(device).await.expect("read").expect("there").cursor, Seq(2));

    answer(&mut tx, device, &sends[0].wire_id, 0, at(1)).await;

    assert_eq!(counts(&mut tx, device).await, (0, 0));
    assert!(person(&mut tx, device, "7").await.open.is_empty());
    let found = tx.find_sync_command(device, &sends[0].wire_id).await.expect("read").expect("kept");
    assert_eq!((found.number, found.open), (open.number, false));
    assert_eq!(poll(&mut tx, device, at(2)).await, []);
    assert_eq!(tx.next_due(device).await.expect("read"), None);
}

#[tokio::test]
async fn the_verb_of_a_command_is_stored() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    fleet.put(&[user("7", "Ada")]).await;
    let sent = async |tx: &mut Tx, device, minutes| {
        let [send] = <[Send; 1]>::try_from(poll(tx, device, at(minutes)).await).expect("one command");
        let open = person(tx, device, "7").await.open.remove(&Slot::USER).expect("open");
        let found = tx.find_sync_command(device, &send.wire_id).await.expect("read").expect("kept");
        assert_eq!((open.verb, found.verb), (send.verb, send.verb));
        for line in 0..open.lines {
            answer_line(tx, device, (&send.wire_id, line), 0, at(minutes)).await;
        }
        (send.verb, open.lines)
    };

    let mut tx = fleet.write().await;
    assert_eq!(sent(&mut tx, device, 0).await, (Verb::Insert, 1));
    // The people on this device are unknown.
    tx.end_roster(other, false, at(1)).await.expect("roster ended incomplete");
    assert_eq!(sent(&mut tx, other, 0).await, (Verb::Replace, 3));
    tx.commit().await.expect("committed");

    // Both devices know the person by now.
    fleet.put(&[user("7", "Ada L")]).await;
    let mut tx = fleet.write().await;
    assert_eq!(sent(&mut tx, device, 1).await, (Verb::Update, 1));
    assert_eq!(sent(&mut tx, other, 1).await, (Verb::Update, 1));
    tx.commit().await.expect("committed");

    fleet.delete(&[user_key("7"), member("7").0], at(2), false).await;
    let mut tx = fleet.write().await;
    assert_eq!(poll(&mut tx, device, at(3)).await, []);
    assert_eq!(sent(&mut tx, device, 3).await, (Verb::Delete, 2));
}

/// Obligation 90.
#[tokio::test]
async fn a_command_without_an_answer_is_sent_again_with_the_same_id() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    let first = poll(&mut tx, device, at(0)).await;

    assert_eq!(tx.overdue_commands(device, at(0), 10).await.expect("read"), []);
    assert_eq!(tx.overdue_commands(device, at(1), 10).await.expect("read"), [user_key("7")]);
    let second = poll(&mut tx, device, at(1)).await;

    assert_eq!(second, first);
    let open = person(&mut tx, device, "7").await.open.remove(&Slot::USER).expect("open");
    assert_eq!(open.sends, 2);
    let (first_sent, sent) = sent_at(&fleet, tx, device).await;
    assert_eq!((first_sent, sent), (at(0).0, at(1).0));
}

async fn sent_at(fleet: &Fleet, tx: Tx, device: i64) -> (i64, i64) {
    tx.commit().await.expect("committed");
    sqlx::query_as("SELECT first_sent_at, sent_at FROM sync_command WHERE device_id = ?")
        .bind(device)
        .fetch_one(&crate::opening::plain(fleet).await)
        .await
        .expect("read")
}

/// Obligation 89.
#[tokio::test]
async fn marking_an_open_command_again_does_not_change_its_send_time() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    poll(&mut tx, device, at(0)).await;
    tx.commit().await.expect("committed");
    fleet.put(&[user("7", "Ada L")]).await;

    let mut tx = fleet.write().await;
    assert_eq!(poll(&mut tx, device, Millis(at(0).0 + 1)).await, []);

    let open = person(&mut tx, device, "7").await.open.remove(&Slot::USER).expect("open");
    assert_eq!((open.again, open.sends, open.seq), (true, 1, Seq(2)));
    assert_eq!(sent_at(&fleet, tx, device).await, (at(0).0, at(0).0));
}

/// Obligation 173.
#[tokio::test]
async fn a_command_is_found_only_by_device_and_id() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    let sends = poll(&mut tx, one, at(0)).await;

    assert_eq!(tx.find_sync_command(two, &sends[0].wire_id).await.expect("read"), None);
    assert_eq!(tx.find_sync_command(one, "nothing").await.expect("read"), None);
}

#[tokio::test]
async fn every_kind_of_exception_is_read_back_as_it_was_written() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let refused = Some(Refusal { seq: Seq(4), return_code: -1002 });
    let exceptions = [
        (
            user_key("1"),
            Exception {
                wait: Wait::Due(at(3)),
                wipe: true,
                known: Some(Seq(12)),
                refused: None,
                attempts: 4,
                unconfirmed: Some(-3),
            },
        ),
        (
            finger_key("1", 0),
            Exception { wait: Wait::No, wipe: false, known: None, refused, attempts: 0, unconfirmed: None },
        ),
        (
            finger_key("1", 1),
            Exception {
                wait: Wait::Parked(Parked::Full),
                wipe: false,
                known: None,
                refused,
                attempts: 1,
                unconfirmed: None,
            },
        ),
        (
            finger_key("1", 2),
            Exception {
                wait: Wait::Parked(Parked::NoUser),
                wipe: false,
                known: None,
                refused: None,
                attempts: 0,
                unconfirmed: None,
            },
        ),
        (
            finger_key("1", 3),
            Exception {
                wait: Wait::Parked(Parked::Held),
                wipe: false,
                known: None,
                refused: None,
                attempts: 0,
                unconfirmed: None,
            },
        ),
        (
            user_key("2"),
            Exception {
                wait: Wait::No,
                wipe: false,
                known: Some(Seq(0)),
                refused: None,
                attempts: 0,
                unconfirmed: None,
            },
        ),
    ];

    let written = exceptions.iter().map(|(key, exception)| (key.clone(), Some(*exception))).collect();
    let changes = Changes { exceptions: written, ..Changes::default() };
    tx.apply(&view, &changes, at(0)).await.expect("applied");

    for of in ["1", "2"] {
        let read = person(&mut tx, device, of).await.exceptions;
        let of = exceptions.iter().filter(|(key, _)| key.pin == pin(of));
        assert_eq!(read, of.map(|(key, exception)| (key.slot, *exception)).collect());
    }
    assert_eq!(counts(&mut tx, device).await, (0, 0), "failed items do not count");

    let changes = Changes {
        exceptions: vec![(user_key("1"), None), (finger_key("1", 0), Some(Exception::due(at(9))))],
        ..Changes::default()
    };
    tx.apply(&view, &changes, at(0)).await.expect("applied");
    let read = person(&mut tx, device, "1").await.exceptions;
    assert_eq!((read.len(), read.get(&finger_key("1", 0).slot)), (4, Some(&Exception::due(at(9)))));
    assert_eq!(counts(&mut tx, device).await, (0, 1));
}

#[tokio::test]
async fn exceptions_become_due_in_their_order_and_of_one_device() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    owe(&mut tx, one, &[("3", 5), ("1", 5), ("2", 1), ("4", 9)]).await;
    owe(&mut tx, two, &[("9", 0)]).await;

    let due = tx.due_exceptions(one, at(5), 10).await.expect("due");

    assert_eq!(due, [user_key("2"), user_key("1"), user_key("3")]);
    assert_eq!(tx.due_exceptions(one, at(5), 1).await.expect("due"), [user_key("2")]);
    assert_eq!(tx.next_due(one).await.expect("read"), Some(at(1)));
}

async fn owe(tx: &mut Tx, device: i64, due: &[(&str, i64)]) {
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let exceptions =
        due.iter().map(|(of, minutes)| (user_key(of), Some(Exception::due(at(*minutes))))).collect();
    tx.apply(&view, &Changes { exceptions, ..Changes::default() }, at(0)).await.expect("applied");
}

#[tokio::test]
async fn a_rebaseline_makes_open_and_parked_items_due_and_forgets_refusals() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    fleet.put(&[user("7", "Ada"), user("8", "Bob")]).await;
    let mut tx = fleet.write().await;
    let sends = poll(&mut tx, device, at(0)).await;
    poll(&mut tx, other, at(0)).await;
    let row = tx.device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    let refused = Some(Refusal { seq: Seq(4), return_code: -1002 });
    let exception = |wait, refused| {
        Some(Exception { wait, wipe: false, known: None, refused, attempts: 3, unconfirmed: None })
    };
    let exceptions = vec![
        (finger_key("7", 0), exception(Wait::No, refused)),
        (finger_key("7", 1), exception(Wait::Parked(Parked::Full), refused)),
        (finger_key("7", 2), exception(Wait::Parked(Parked::NoUser), None)),
        (finger_key("7", 3), exception(Wait::Parked(Parked::Held), None)),
        (finger_key("7", 4), exception(Wait::Due(at(60)), None)),
    ];
    tx.apply(&view, &Changes { exceptions, ..Changes::default() }, at(0)).await.expect("applied");

    view.rebaseline();
    let changes = view.take_changes();
    tx.apply(&view, &changes, at(5)).await.expect("applied");

    assert_eq!(counts(&mut tx, device).await, (0, 5));
    let read = person(&mut tx, device, "7").await;
    assert!(read.open.is_empty());
    let wait =
        |number| read.exceptions.get(&finger_key("7", number).slot).map(|e| (e.wait, e.refused, e.attempts));
    assert_eq!(read.exceptions.get(&Slot::USER).map(|e| e.wait), Some(Wait::Due(at(5))));
    assert_eq!(wait(0), None);
    assert_eq!(wait(1), Some((Wait::Due(at(5)), None, 0)));
    assert_eq!(wait(2), Some((Wait::Due(at(5)), None, 0)));
    assert_eq!(wait(3), Some((Wait::Parked(Parked::Held), None, 0)));
    assert_eq!(wait(4), Some((Wait::Due(at(60)), None, 0)));
    assert!(!tx.find_sync_command(device, &sends[0].wire_id).await.expect("read").expect("kept").open);
    assert_eq!(counts(&mut tx, other).await, (2, 0));
}

#[tokio::test]
async fn items_without_room_become_due_when_there_is_room() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    let parked = |parked| {
        Some(Exception {
            wait: Wait::Parked(parked),
            wipe: false,
            known: None,
            refused: None,
            attempts: 0,
            unconfirmed: None,
        })
    };
    view.full = BTreeSet::from([Kind::Template(BioType::FINGERPRINT)]);
    let exceptions =
        vec![(finger_key("7", 1), parked(Parked::Full)), (finger_key("7", 2), parked(Parked::NoUser))];
    tx.apply(&view, &Changes { exceptions, device: true, ..Changes::default() }, at(0))
        .await
        .expect("applied");

    view.unpark_full();
    let changes = view.take_changes();
    tx.apply(&view, &changes, at(5)).await.expect("applied");

    assert_eq!(tx.due_exceptions(device, at(5), 10).await.expect("due"), [finger_key("7", 1)]);
    assert!(tx.device(device).await.expect("read").expect("there").full.is_empty());
}

#[tokio::test]
async fn only_as_many_items_become_due_as_there_is_room_for() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    let parked = Exception {
        wait: Wait::Parked(Parked::Full),
        wipe: false,
        known: None,
        refused: None,
        attempts: 0,
        unconfirmed: None,
    };
    let keys = [finger_key("5", 2), finger_key("7", 1), finger_key("7", 3), finger_key("8", 0)];
    let mut exceptions: Vec<_> = keys.iter().map(|key| (key.clone(), Some(parked))).collect();
    exceptions.push((user_key("9"), Some(parked)));
    let fingers = Kind::Template(BioType::FINGERPRINT);
    view.loads.insert(fingers, sync::Occupancy { held: 3_000, tried_at: Some(at(7)) });
    view.loads.insert(Kind::User, sync::Occupancy { held: 1, tried_at: None });
    view.read_back = Some(sync::read_back::ReadBack {
        key: finger_key("7", 1),
        seq: Seq(3),
        misses: 2,
        stage: sync::read_back::Stage::Asked(41),
        since: at(5),
    });
    let first = Changes { exceptions, device: true, ..Changes::default() };
    tx.apply(&view, &first, at(0)).await.expect("applied");
    let read = tx.device(device).await.expect("read").expect("there");
    assert_eq!((&read.loads, &read.read_back), (&view.loads, &view.read_back));
    view.asks_later(&finger_key("7", 1), Seq(3), at(9));
    let later = Changes { device: true, ..Changes::default() };
    tx.apply(&view, &later, at(0)).await.expect("applied");
    let read = tx.device(device).await.expect("read").expect("there");
    assert_eq!(read.read_back, view.read_back);
    assert_eq!(read.read_back.map(|it| (it.misses, it.since)), Some((2, at(9))));

    let unpark = |items| Changes { unpark: [(fingers, items)].into(), ..Changes::default() };
    tx.apply(&view, &unpark(2), at(5)).await.expect("applied");
    assert_eq!(tx.due_exceptions(device, at(5), 10).await.expect("due"), keys[..2]);
    tx.apply(&view, &unpark(u64::MAX), at(5)).await.expect("applied");
    assert_eq!(tx.due_exceptions(device, at(5), 10).await.expect("due"), keys, "but no user");
}

#[tokio::test]
async fn a_second_open_command_of_one_item_is_refused() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let command = |number: i64, of: &str| {
        let command = OpenCommand {
            number,
            wire_id: format!("w{number}"),
            verb: Verb::Update,
            seq: Seq(1),
            again: false,
            sends: 1,
            attempts: 0,
            due_at: at(1),
            lines: 1,
            answered: 0,
        };
        (user_key(of), command)
    };
    let changes = |open| Changes { open, ..Changes::default() };
    tx.apply(&view, &changes(vec![command(1, "7"), command(2, "8")]), at(0)).await.expect("applied");

    let error = tx.apply(&view, &changes(vec![command(3, "7")]), at(0)).await.expect_err("open already");

    assert!(error.is_duplicate(), "{error}");
}

#[tokio::test]
async fn every_bit_of_the_answered_lines_is_stored() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let command = OpenCommand {
        number: 1,
        wire_id: "w".into(),
        verb: Verb::Delete,
        seq: Seq(1),
        again: true,
        sends: 3,
        attempts: 2,
        due_at: at(1),
        lines: 64,
        answered: u64::MAX - 1,
    };
    let changes = Changes { open: vec![(user_key("7"), command.clone())], ..Changes::default() };

    tx.apply(&view, &changes, at(0)).await.expect("applied");

    assert_eq!(person(&mut tx, device, "7").await.open.remove(&Slot::USER), Some(command));
}

#[tokio::test]
async fn the_time_of_a_sent_deletion_is_known_after_its_answer() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    let sent = poll(&mut tx, device, at(0)).await;
    answer(&mut tx, device, &sent[0].wire_id, 0, at(1)).await;
    assert_eq!(person(&mut tx, device, "7").await.delete_sent_at, None);
    tx.commit().await.expect("committed");
    fleet.delete(&[user_key("7"), member("7").0], at(2), false).await;

    let mut tx = fleet.write().await;
    // The end of the membership makes the user due. The next poll deletes the user.
    assert_eq!(poll(&mut tx, device, at(3)).await, []);
    let sent = poll(&mut tx, device, at(3)).await;
    assert_eq!(sent.iter().map(|send| send.verb).collect::<Vec<_>>(), [Verb::Delete]);
    answer(&mut tx, device, &sent[0].wire_id, 0, at(4)).await;

    assert_eq!(person(&mut tx, device, "7").await.delete_sent_at, Some(at(3)));
}

/// Obligation 189.
#[tokio::test]
async fn items_written_to_a_device_too_often_are_reported() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada"), user("8", "Bob")]).await;
    let mut tx = fleet.write().await;
    for minutes in 0..3 {
        for send in poll(&mut tx, device, at(minutes)).await {
            answer(&mut tx, device, &send.wire_id, 0, at(minutes)).await;
        }
        owe(&mut tx, device, &[("7", 0)]).await;
    }
    let keys: Vec<ItemKey> = vec![user_key("7"), user_key("8")];

    let items_over_write_limit = async |tx: &mut Tx, since, most| {
        tx.items_over_write_limit(device, &keys, since, most).await.expect("read")
    };

    assert_eq!(items_over_write_limit(&mut tx, at(0), 2).await, BTreeSet::from([user_key("7")]));
    assert_eq!(items_over_write_limit(&mut tx, at(0), 3).await, BTreeSet::new());
    assert_eq!(items_over_write_limit(&mut tx, at(1), 2).await, BTreeSet::new());
}

#[tokio::test]
async fn an_approved_device_begins_without_earlier_commands_and_exceptions() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    poll(&mut tx, device, at(0)).await;
    owe(&mut tx, device, &[("9", 0)]).await;
    assert_eq!(counts(&mut tx, device).await, (1, 1));

    tx.approve_device(device, sync::Joining::Adopt, at(5)).await.expect("approved");

    assert_eq!(counts(&mut tx, device).await, (0, 0));
}

#[tokio::test]
async fn a_person_that_is_not_in_the_store_is_in_the_view_without_items() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;

    let person = person(&mut fleet.read().await, device, "404").await;

    assert_eq!(person, Person::default());
}

#[tokio::test]
async fn an_invalid_row_is_an_error_that_names_it() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("7", "Ada")]).await;
    let plain = crate::opening::plain(&fleet).await;
    sqlx::query("UPDATE item SET kind = 9999").execute(&plain).await.expect("damaged");

    let error = fleet.read().await.live_keys(&[pin("7")]).await.expect_err("damaged");

    assert!(
        matches!(&error, StoreError::Inconsistent { table: "item", column: "kind", key } if key.contains('7'))
    );
}

#[tokio::test]
async fn a_body_that_was_moved_to_another_item_does_not_open() {
    let fleet = Fleet::new().await;
    fleet.put(&[crate::fleet::finger("7", 0, "QUFB"), crate::fleet::finger("8", 0, "QkJC")]).await;
    let plain = crate::opening::plain(&fleet).await;
    sqlx::query("UPDATE body SET sealed = (SELECT sealed FROM body WHERE item_id = 1) WHERE item_id = 2")
        .execute(&plain)
        .await
        .expect("moved");

    let mut tx = fleet.read().await;
    let moved = tx.contents(&[finger_key("8", 0)]).await;

    assert!(matches!(moved, Err(StoreError::Sealed { .. })));
    let own = tx.contents(&[finger_key("7", 0)]).await.expect("opens");
    assert!(matches!(own[&finger_key("7", 0)], Content::Template(_)));
}
