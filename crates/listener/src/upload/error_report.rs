//! Error reports (§11.16): a device took the content of a command, and reports later that it could not use it.

use roster::Millis;
use store::{DeviceRow, QueuedCommandUpdate, StoreError, Tx};
use sync::operator::{OperatorCommand, State};
use sync::settle::{AckOutcome, Answer, ineffective};
use sync::{Limits, split_line_id};
use wire::{ErrorRecord, Origin, ReturnCode};

use crate::log_text::printable;

/// Applies an error report to its command. For a sync command, the item waits for newer content; for a queued command, the
/// operator sees the error. The caller holds the lock of the device row.
///
/// # Errors
/// Those of the database.
pub async fn apply(
    limits: &Limits,
    tx: &mut Tx,
    row: &DeviceRow,
    error: &ErrorRecord,
    now: Millis,
) -> Result<(), StoreError> {
    let Origin::Command(id) = &error.origin else { return Ok(()) };
    let named = split_line_id(id).filter(|_| error.is_failure());
    let Some((name, line)) = named else { return Ok(()) };
    if let Some(found) = tx.find_sync_command(row.id, name).await? {
        let mut view = tx.view(row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(&found.key.pin)).await?;
        let answer = Answer {
            number: found.number,
            key: found.key,
            verb: found.verb,
            seq: found.seq,
            line,
            given_up: false,
            return_code: ReturnCode::INEFFECTIVE,
        };
        let settled = ineffective(&mut view, &answer, now, limits);
        let changes = view.take_changes();
        if changes.gives_work() {
            tx.wake().await?;
        }
        tx.apply(&view, &changes, now).await?;
        if settled != AckOutcome::Late {
            tracing::warn!(
                device.serial_number = %row.serial_number, command.id = name, item = %answer.key,
                meaning = error.describe(), outcome = ?settled,
                "command without effect: muster sync status {}", row.serial_number
            );
        }
    } else if let Some(order) = tx.find_queued_command(row.id, name).await? {
        let state = State::Answered { return_code: ReturnCode::INEFFECTIVE.0, done: false };
        let command = OperatorCommand { state, ..order.command };
        let news = QueuedCommandUpdate { reply: Some(error.describe()), ..QueuedCommandUpdate::default() };
        tx.update_queued_command(row.id, &command, news, now).await?;
        tracing::warn!(
            device.serial_number = %row.serial_number, command.id = name, verb = %order.verb,
            meaning = error.describe(), "queued command without effect"
        );
    } else {
        tracing::debug!(
            device.serial_number = %row.serial_number, command.id = %printable(id),
            "error report for an unknown command"
        );
    }
    Ok(())
}
