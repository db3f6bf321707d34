//! Asking a device for templates that it says to have taken ([`sync::read_back`]).

use roster::{ItemKey, Seq};
use store::{DeviceRow, StoreError, Tx};
use sync::DeviceView;
use sync::read_back::Missed;
use sync::settle::Answer;
use wire::{BioType, Command, DataQuery, Form};

use crate::context::Context;
use fleet::command::{QueuedCommand, is_refused};

/// Who orders this.
pub const BY: &str = "read-back";

/// Which of the templates that were just settled is to be read back now, and by which order: one that was not there before
/// and was taken now, one of the sample, or the first that the firmware of the device takes in its form. Where it is not the
/// turn of this device the view holds when it is.
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

/// In which form the device takes a template, and how it is asked for it; `None` where it cannot be.
pub fn query(view: &DeviceView, key: &ItemKey) -> Option<(Form, QueuedCommand)> {
    let form = view.capability.takes(&key.slot)?;
    let query = QueuedCommand(Command::Query(select(key, form)?));
    (!is_refused(query.form(), &view.capability)).then_some((form, query))
}

/// How a device is asked for a template; there are no words for faces and finger veins in their own form.
pub fn select(key: &ItemKey, form: Form) -> Option<DataQuery> {
    let pin = key.pin.clone();
    match form {
        // All fingers: what the key of a single one is called differs (§12.1.3).
        Form::FingerTmp => Some(DataQuery::Fingerprints(pin)),
        Form::BioData(number) => {
            let bio_type = BioType(number);
            Some(DataQuery::BioDataNumber { bio_type, pin, number: u8::try_from(key.slot.number).ok()? })
        }
        _ => None,
    }
}

/// Asks for a template. The row of the device is locked, and written: an order takes its number from there.
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

/// Asks a device that was to be asked later, or draws the conclusion where it had time to upload what it was asked for.
/// Whether it was time to.
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
                "the device says that it took this, and does not hold it: it is sent again"
            ),
            Some((key, Missed::Refused)) => tracing::error!(
                device.serial_number = %row.serial_number, item = %key,
                "the device says again and again that it took this, and does not keep it: muster sync status {}",
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
