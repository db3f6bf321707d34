//! Read-backs: Muster queries templates that a device acknowledged ([`sync::read_back`]).

use roster::{ItemKey, Seq};
use store::{DeviceRow, StoreError, Tx};
use sync::DeviceView;
use sync::read_back::Missed;
use sync::settle::Answer;
use wire::{BioType, Command, DataQuery, Form};

use crate::context::Context;
use fleet::command::{QueuedCommand, is_refused};

/// The author of these commands.
pub const BY: &str = "read-back";

/// Chooses one of the templates that were just acknowledged for a read-back, and its query: a template that is new on the device
/// and was accepted, one of the random sample, or the first that this firmware accepts in its form. If the read-back has to
/// wait, `view` records until when, and the result is `None`.
pub fn choose<'a>(
    context: &Context,
    row: &DeviceRow,
    view: &mut DeviceView,
    taken: impl IntoIterator<Item = &'a Answer>,
) -> Option<(&'a Answer, QueuedCommand)> {
    let percent = u64::from(context.config.read_back_percent);
    if percent == 0 {
        return None;
    }
    let now = context.clock.now();
    let (answer, query) = taken.into_iter().find_map(|answer| {
        let (form, query) = query(view, &answer.key)?;
        let drawn = !row.capability.took(form) || context.entropy.next() % 100 < percent;
        view.wants_read_back(answer, drawn, now).then_some((answer, query))
    })?;
    let at = context.read_backs.next(now);
    if at > now {
        view.asks_later(&answer.key, answer.seq, at);
        return None;
    }
    Some((answer, query))
}

/// The form in which the device takes a template, and the query for it; `None` if the device does not support the query.
pub fn query(view: &DeviceView, key: &ItemKey) -> Option<(Form, QueuedCommand)> {
    let form = view.capability.takes(&key.slot)?;
    let query = QueuedCommand(Command::Query(select(key, form)?));
    (!is_refused(query.form(), &view.capability)).then_some((form, query))
}

/// The query for a template; the protocol has none for faces and finger veins in their own form.
pub fn select(key: &ItemKey, form: Form) -> Option<DataQuery> {
    let pin = key.pin.clone();
    match form {
        // All fingers: devices differ in the parameter name for a single one (§12.1.3).
        Form::FingerTmp => Some(DataQuery::Fingerprints(pin)),
        Form::BioData(number) => {
            let bio_type = BioType(number);
            Some(DataQuery::BioDataNumber { bio_type, pin, number: u8::try_from(key.slot.number).ok()? })
        }
        _ => None,
    }
}

/// Queues the query for a template. The device row is locked and written: it numbers the command.
///
/// # Errors
/// Those of the database.
pub async fn ask(
    context: &Context,
    tx: &mut Tx,
    view: &mut DeviceView,
    (key, seq): (&ItemKey, Seq),
    query: &QueuedCommand,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let order = query.queue(tx, view.device, BY, now).await?;
    view.asks_for(key, seq, order, now);
    if let Some(read_back) = &view.read_back {
        tx.set_read_back(view.device, read_back).await?;
    }
    Ok(())
}

/// Queues a read-back that had to wait, or concludes one whose upload time is over. Returns whether one was due.
///
/// # Errors
/// Those of the database.
pub async fn judge(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = context.clock.now();
    if DeviceView::read_back_due(device.read_back.as_ref()).is_none_or(|due| due > now) {
        return Ok(false);
    }
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let Some(row) = tx.lock_device(device.id).await? else { return tx.rollback().await };
        let mut view = tx.view(&row).await?;
        let Some(read_back) = view.read_back.clone() else { return tx.rollback().await };
        tx.load_persons(&mut view, &[read_back.key.pin]).await?;
        let turn = view.read_back_turn(query, now);
        match view.judge_read_back(now) {
            Some((key, Missed::Again)) => tracing::warn!(
                device.serial_number = %row.serial_number, item = %key,
                "the device acknowledged this and does not hold it: sending it again"
            ),
            Some((key, Missed::Refused)) => tracing::error!(
                device.serial_number = %row.serial_number, item = %key,
                "the device acknowledges this repeatedly and does not keep it: muster sync status {}",
                row.serial_number
            ),
            None => {}
        }
        let changes = view.take_changes();
        if changes.gives_work() {
            tx.wake().await?;
        }
        tx.apply(&view, &changes, now).await?;
        if let Some((key, seq, (_, query))) = turn {
            ask(context, &mut tx, &mut view, (&key, seq), &query).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok(true)
}
