//! Identity questions: Muster asks a device who is under a PIN when its uploads do not tell.
//!
//! A question is a queued query. The intake then handles the device's upload like any other. If a claim is still open some
//! time after the answer, Muster concludes that nobody is under the PIN.

use std::collections::BTreeSet;

use roster::{ItemKey, Millis};
use store::{DeviceRow, Rereading, StoreError, Tx};
use sync::intake::{Counts, Intake};
use sync::{DeviceView, Subject};
use wire::{Command, DataQuery, Form, Pin};

use crate::command::read_back;
use crate::context::Context;
use crate::joining;
use crate::people_reading;
use crate::upload::decision::{Decision, Tally, in_order};
use crate::upload::held_records;
use fleet::command::{QueuedCommand, is_refused};

/// The author of these commands.
pub const BY: &str = "identity";

/// The number of different queries that Muster tries for one question.
const MAX_QUERY_FORMS: usize = 3;

/// At most this many claims of a device are concluded with one poll.
const MAX_CONCLUDED: i64 = 50;

/// Queues the questions that are due, and records which commands ask them. If a device does not support queries, Muster asks
/// it to upload everything that it holds.
///
/// # Errors
/// Those of the database.
pub async fn queue_due(tx: &mut Tx, view: &mut DeviceView, now: Millis) -> Result<(), StoreError> {
    let mut everything = false;
    // If the device refuses one query, Muster tries another.
    for _ in 0..MAX_QUERY_FORMS {
        let due = view.questions_due();
        if due.is_empty() {
            break;
        }
        for (pin, subject) in due {
            let order = if let Some(query) = query(view, &pin, subject) {
                Some(query.queue(tx, view.device, BY, now).await?)
            } else {
                everything = true;
                None
            };
            view.question_put(&pin, order, now);
        }
        let changes = view.take_changes();
        tx.apply(view, &changes, now).await?;
    }
    if everything {
        tx.begin_reread(view.device).await?;
        fleet::reread::ask_for_everything(tx, view.device, now).await?;
    }
    Ok(())
}

/// Ends the full reading of a device once the device has shown all its people. Returns whether the reading ended.
///
/// # Errors
/// Those of the database.
pub async fn end_reread(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = context.clock.now();
    let mut tx = context.store.read().await?;
    let end = joining::end(context, &mut tx, device, now).await?;
    tx.rollback().await?;
    let Some(end) = end else { return Ok(false) };
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let Some((row, mut view, standing)) = tx.standing(&device.serial_number, now).await? else {
            return tx.rollback().await;
        };
        if row.rereads != Some(Rereading::Everything) || row.asked_at != device.asked_at {
            return tx.rollback().await;
        }
        if end == joining::End::Complete {
            if row.unexplained_deletions > 0 {
                people_reading::compare(context, &mut tx, (&row, &mut view, &standing), now).await?;
            }
            tx.end_reread(device.id, now).await?;
        } else {
            // The time is over and some people were not shown. Open claims need one more reading; nothing else does.
            tx.end_reading(row.id, None, 0).await?;
            if tx.claims_await_reading(row.id).await? {
                tx.begin_reread(row.id).await?;
                fleet::reread::ask_for_everything(&mut tx, row.id, now).await?;
            }
        }
        tx.commit().await
    })
    .await?;
    conclude(context, device).await?;
    Ok(true)
}

/// The query for a subject; `None` if the device does not support one.
fn query(view: &DeviceView, pin: &Pin, subject: Subject) -> Option<QueuedCommand> {
    if view.capability.refused(Form::Query) {
        return None;
    }
    let query = match subject {
        Subject::User => QueuedCommand::query_user(pin.clone()),
        Subject::Template(slot) => {
            let key = ItemKey { pin: pin.clone(), slot };
            QueuedCommand(Command::Query(read_back::select(&key, view.capability.takes(&slot)?)?))
        }
    };
    (!is_refused(query.form(), &view.capability)).then_some(query)
}

/// Whether a queued command asks for a user.
pub fn asks_for_user(ordered: &QueuedCommand) -> bool {
    matches!(ordered.command(), Command::Query(DataQuery::User(_)))
}

/// The conclusion from the device's user count about people in doubt.
async fn counts(tx: &mut Tx, row: &DeviceRow) -> Result<Counts, StoreError> {
    let told = row.capability.counts().users.and_then(|users| usize::try_from(users).ok());
    let Some(told) = told else { return Ok(Counts::SayNothing) };
    let takes = |pins: &[Pin]| pins.iter().filter(|pin| row.capability.accepts_pin(pin)).count();
    let fewest = takes(&tx.users_expected(row.id).await?);
    let most = takes(&tx.users_possible(row.id).await?);
    Ok(match told {
        _ if told <= fewest => Counts::NobodyIsThere,
        _ if told == most => Counts::EverybodyIsThere,
        _ => Counts::SayNothing,
    })
}

/// Concludes the claims of a device that are due. Returns whether there were any.
///
/// # Errors
/// Those of the database.
pub async fn conclude(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = context.clock.now();
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let Some((row, mut view, standing)) = tx.standing(&device.serial_number, now).await? else {
            return tx.rollback().await;
        };
        let pins = tx.due_claims(row.id, now, MAX_CONCLUDED).await?;
        if pins.is_empty() {
            return tx.rollback().await;
        }
        tx.load_persons_at(&mut view, &pins, Some(&standing)).await?;
        let mut known = tx.known(row.id, &pins, now, Some(&standing)).await?;
        let policy = context.config.policy(&row, fleet::deletion_limit::deletions_left(&mut tx, now).await?);
        let key = tx.hash_key().clone();
        let counts = counts(&mut tx, &row).await?;
        let mut intake = Intake::new(&mut view, &mut known, &key, &policy, now);
        intake.counts = counts;
        let mut held = Vec::new();
        for pin in &pins {
            let outcome = intake.conclude(pin);
            held.extend(held_records::held_after_question(&row, pin, &outcome, intake.view));
        }
        let unexplained_deletions = intake.unexplained_deletions;
        let edits = in_order(intake.edits);
        let changes = view.take_changes();
        let decision = Decision {
            view,
            changes,
            edits: edits.0,
            own_edits: edits.1,
            partial: Vec::new(),
            held,
            capability: None,
            queries: BTreeSet::new(),
            users: std::collections::BTreeMap::new(),
            left: Vec::new(),
            unexplained_deletions,
            restored: false,
            tally: Tally::default(),
        };
        decision.write(context, &mut tx, &row, now).await?;
        tx.commit().await
    })
    .await?;
    Ok(true)
}
