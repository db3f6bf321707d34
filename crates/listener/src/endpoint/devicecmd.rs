//! `POST /iclock/devicecmd`: acknowledgements of commands (§13).

use std::collections::BTreeSet;

use store::{DeviceRow, StoreError};
use sync::settle::{AckOutcome, Answer as Settling, settle};
use sync::split_line_id;
use wire::{Acknowledgement, SerialNumber, Target};

use crate::auth;
use crate::capability;
use crate::claim_questions;
use crate::command::read_back;
use crate::command::result;
use crate::command::result::QuestionAnswer;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};
use crate::log_text::printable;

/// Records acknowledgements and answers `OK`, whatever they say.
pub async fn post(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let serial_number = target.query.serial_number().map_err(|_| DeviceError::NoSerialNumber)?;
    let mut acknowledgements = wire::acknowledgements(&request.body);
    if acknowledgements.len() > MAX_ACKNOWLEDGEMENTS {
        tracing::warn!(
            device.serial_number = %serial_number, answers = acknowledgements.len(),
            "too many acknowledgements in one request: the rest is ignored"
        );
        acknowledgements.truncate(MAX_ACKNOWLEDGEMENTS);
    }
    // The transaction that records the acknowledgements also reads the device: acknowledgements are as frequent as commands.
    let Some((device, parameters)) =
        store::retry(|| record(context, &serial_number, &acknowledgements)).await?
    else {
        // The device is not part of the fleet: this registers or refuses it.
        auth::authenticate(context, request, target).await?;
        return Ok(ok("OK"));
    };
    let device = auth::require_member(context, device, request.peer)?;
    if !parameters.is_empty() {
        capability::learn(context, &device, |capability| capability.merge_parameters(&parameters)).await?;
    }
    Ok(ok("OK"))
}

/// More acknowledgements than any device can have open commands.
const MAX_ACKNOWLEDGEMENTS: usize = 5_000;

/// Records acknowledgements. Returns the device, and the parameters that it reported if it was asked for them. `None` for a
/// device that is not part of the fleet: its acknowledgements do not count.
async fn record(
    context: &Context,
    serial_number: &SerialNumber,
    acknowledgements: &[Acknowledgement],
) -> Result<Option<(DeviceRow, Vec<(String, String)>)>, StoreError> {
    let now = context.clock.now();
    let mut tx = context.store.write().await?;
    let found = tx.standing(serial_number, now).await?;
    let Some((row, mut view, standing)) = found.filter(|(row, ..)| row.state.is_member()) else {
        tx.rollback().await?;
        return Ok(None);
    };
    let mut settling = Vec::new();
    let (mut parameters, mut retries) = (Vec::new(), Vec::new());
    let (mut emptied, mut full_upload) = (false, false);
    let mut questions = Vec::new();
    let names: BTreeSet<&str> = acknowledgements.iter().filter_map(named).collect();
    let answered = tx.answered(row.id, &names.into_iter().collect::<Vec<_>>()).await?;
    for acknowledgement in acknowledgements {
        let Some(return_code) = acknowledgement.return_code else {
            tracing::warn!(
                device.serial_number = %row.serial_number, command.id = %printable(&acknowledgement.id),
                "acknowledgement without a return code: ignored"
            );
            continue;
        };
        let Some((name, line)) = split_line_id(&acknowledgement.id) else {
            unknown(&row, acknowledgement);
            continue;
        };
        if let Some(found) = answered.found.get(name) {
            settling.push(Settling {
                number: found.number,
                key: found.key.clone(),
                verb: found.verb,
                seq: found.seq,
                line,
                return_code,
                given_up: found.given_up,
            });
        } else if let Some(order) = tx.find_queued_command(row.id, name).await? {
            let answer = (acknowledgement, return_code);
            let recording =
                result::record_result(&mut tx, (&row, &mut view), &order, answer, now, &context.config);
            let follow_up = recording.await?;
            questions.extend(follow_up.question);
            emptied |= follow_up.emptied;
            full_upload |= follow_up.full_upload;
            parameters.extend(follow_up.parameters);
            retries.extend(follow_up.retry_as);
        } else {
            unknown(&row, acknowledgement);
        }
    }
    let mut shared = context.feed_cache.share(standing.feed);
    tx.load_answered(&mut view, answered, &standing, &mut shared).await?;
    let mut rereads = false;
    for QuestionAnswer { pin, order, understood, is_there } in questions {
        rereads |= !understood;
        if view.persons.get(&pin).is_none_or(|person| person.claim.is_none()) {
            tx.load_persons(&mut view, std::slice::from_ref(&pin)).await?;
        }
        view.question_answered(&pin, order, understood, is_there, now);
    }
    let mut taken = Vec::new();
    for answer in &settling {
        let settled = settle(&mut view, answer, now, &context.config.limits);
        log(&row, answer, settled);
        if settled == AckOutcome::Done {
            taken.push(answer);
        }
    }
    let read_back = read_back::choose(context, &row, &mut view, taken);
    if emptied {
        view.rebaseline();
    }
    let changes = view.take_changes();
    let filled_again = view.scan.is_some() && row.scan.is_none();
    if changes.rebaseline || !changes.unpark.is_empty() || filled_again {
        tx.wake().await?;
    }
    tx.apply(&view, &changes, now).await?;
    // After the row of the device is written, which numbers the commands.
    for (ordered, by) in retries {
        ordered.queue(&mut tx, row.id, &by, now).await?;
    }
    if let Some((answer, query)) = &read_back {
        read_back::ask(context, &mut tx, &mut view, (&answer.key, answer.seq), query).await?;
    }
    claim_questions::queue_due(&mut tx, &mut view, now).await?;
    if rereads {
        tx.begin_reread(row.id).await?;
    }
    if full_upload || rereads {
        // The device supports no queries: Muster asks it to upload everything.
        fleet::reread::ask_for_everything(&mut tx, row.id, now).await?;
    }
    tx.commit().await?;
    shared.committed();
    Ok(Some((row, parameters)))
}

/// The name of the acknowledged command, if the acknowledgement has a return code.
fn named(acknowledgement: &Acknowledgement) -> Option<&str> {
    acknowledgement.return_code?;
    split_line_id(&acknowledgement.id).map(|(name, _)| name)
}

fn log(row: &DeviceRow, answer: &Settling, settled: AckOutcome) {
    let serial_number = &row.serial_number;
    let (code, meaning) = (answer.return_code.0, answer.return_code.describe());
    match settled {
        AckOutcome::Refused | AckOutcome::Full => tracing::warn!(
            device.serial_number = %serial_number, item = %answer.key, return_code = code, meaning, outcome = ?settled,
            "command not accepted: muster sync status {serial_number}"
        ),
        AckOutcome::Again => tracing::info!(
            device.serial_number = %serial_number, item = %answer.key, return_code = code, meaning,
            "command failed: Muster sends it again"
        ),
        AckOutcome::Done | AckOutcome::Partly | AckOutcome::Late => tracing::debug!(
            device.serial_number = %serial_number, item = %answer.key, return_code = code, outcome = ?settled,
            "command answered"
        ),
    }
}

fn unknown(row: &DeviceRow, acknowledgement: &Acknowledgement) {
    tracing::debug!(
        device.serial_number = %row.serial_number, command.id = %printable(&acknowledgement.id),
        return_code = acknowledgement.return_code.map(|code| code.0),
        "acknowledgement of an unknown command: ignored"
    );
}
