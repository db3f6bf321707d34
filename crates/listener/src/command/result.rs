//! Results of queued commands: what a device answers to a command of an operator.

use std::fmt::Write as _;

use roster::Evidence;
use store::{DeviceRow, MOST_CONTENT_BYTES, QueuedCommandRow, QueuedCommandUpdate, StoreError, Tx};
use sync::DeviceView;
use sync::operator::{self, OperatorCommand, State};
use wire::{Acknowledgement, Command, Form, Pin, ReturnCode, Verdict};

use crate::claim_questions;
use crate::command::read_back;
use crate::config::{Attendance, Config};
use fleet::command::{QueuedCommand, is_refused};
use fleet::punch_count::follow_up;
use fleet::routine_check;

/// Actions that follow from an answer, after it is recorded.
#[derive(Debug, Default)]
pub struct FollowUp {
    /// The device is empty now.
    pub emptied: bool,
    /// The device supports no queries: Muster asks it to upload everything.
    pub full_upload: bool,
    /// Parameters that the device reported about itself (§12.4).
    pub parameters: Vec<(String, String)>,
    /// The same command in another form, and its author: to be queued after everything else is written.
    pub retry_as: Option<(QueuedCommand, String)>,
    /// The answer belongs to an identity question.
    pub question: Option<QuestionAnswer>,
}

/// The answer to a command that asked an identity question.
#[derive(Debug)]
pub struct QuestionAnswer {
    /// The PIN that the question is about.
    pub pin: Pin,
    /// The number of the command.
    pub order: i64,
    /// The device supports such commands.
    pub understood: bool,
    /// The device says that it uploads records, at least one (field note 11.9).
    pub is_there: bool,
}

/// Records the answer to a queued command, and returns the actions that follow.
///
/// # Errors
/// Those of the database.
pub async fn record_result(
    tx: &mut Tx,
    (row, view): (&DeviceRow, &mut DeviceView),
    order: &QueuedCommandRow,
    (acknowledgement, return_code): (&Acknowledgement, ReturnCode),
    now: roster::Millis,
    config: &Config,
) -> Result<FollowUp, StoreError> {
    let ordered = QueuedCommand::load(tx, order).await?;
    let form = ordered.as_ref().map(QueuedCommand::form);
    let verdict = form.map_or_else(|| return_code.verdict(), |form| return_code.verdict_of(form));
    let Some(state) = operator::answered(&order.command, return_code.0, verdict, now, &config.limits) else {
        tracing::debug!(
            device.serial_number = %row.serial_number, verb = %order.verb, return_code = return_code.0,
            "queued command answered again: ignored"
        );
        return Ok(FollowUp::default());
    };
    let (state, reply) = with_remarks(state, form, acknowledgement);
    let content = content_of(acknowledgement);
    let news = QueuedCommandUpdate { wire_id: None, reply: Some(&reply), content: content.as_deref() };
    let command = OperatorCommand { state, ..order.command.clone() };
    tx.update_queued_command(row.id, &command, news, now).await?;
    view.answered_order(order.command.number, verdict == Verdict::Done, now);
    let meaning = form.map_or_else(|| return_code.describe().into(), |form| return_code.describe_for(form));
    tracing::info!(
        device.serial_number = %row.serial_number, verb = %order.verb, return_code = return_code.0,
        %meaning, "queued command answered"
    );
    let mut follow_up_actions =
        FollowUp { emptied: order.command.empties && verdict == Verdict::Done, ..FollowUp::default() };
    if form == Some(Form::Info) && verdict == Verdict::Done {
        follow_up_actions.parameters.clone_from(&acknowledgement.pairs);
    }
    let told = acknowledgement.number("AttlogSum").filter(|_| verdict == Verdict::Done);
    if let (Some(QueuedCommand(Command::VerifySum { from, to })), Some(told), Attendance::Keep) =
        (&ordered, told, config.attendance)
    {
        let kept = tx.count_punches(row.id, from.as_str(), to.as_str()).await?;
        let verify = Command::VerifySum { from: from.clone(), to: to.clone() };
        follow_up_actions.retry_as =
            follow_up(&verify, told, kept).map(|query| (query, order.ordered_by.clone()));
    }
    if order.ordered_by == claim_questions::BY
        && let Some(pin) = tx.claim_that_asks(row.id, order.command.number).await?
    {
        let understood = matches!(state, State::Answered { done: true, .. })
            || !matches!(verdict, Verdict::Unsupported | Verdict::Refused);
        let is_there = return_code.0 > 0 && ordered.as_ref().is_some_and(claim_questions::asks_for_user);
        follow_up_actions.question =
            Some(QuestionAnswer { pin, order: order.command.number, understood, is_there });
    }
    if let (Some(ordered), Some(form)) = (&ordered, form) {
        let is_new = !view.capability.refused(form);
        let evidence = Evidence { return_code, kind: None, at: now, before: row.next_command };
        if verdict == Verdict::Done {
            view.accept_form(form, evidence);
        }
        // A firmware that does not know the query of all people may still know the query of one.
        if order.ordered_by != routine_check::BY && is_unknown(ordered, verdict, return_code) {
            view.refuse_form(form, evidence);
            follow_up_actions.full_upload =
                form == Form::Query && is_new && order.ordered_by != read_back::BY;
            let other = ordered.alternative().filter(|other| !is_refused(other.form(), &view.capability));
            follow_up_actions.retry_as = other.map(|other| (other, order.ordered_by.clone()));
        }
    }
    Ok(follow_up_actions)
}

/// Whether the answer shows that this firmware does not support the form at all.
fn is_unknown(ordered: &QueuedCommand, verdict: Verdict, return_code: ReturnCode) -> bool {
    match verdict {
        // For an option, only the value or that one option may be wrong.
        Verdict::Unsupported => ordered.form() != Form::SetOption,
        // A device that does not know the word reports a missing parameter.
        _ => return_code.0 == -1 && ordered.alternative().is_some(),
    }
}

/// The state, and the device's words with remarks on what does not fit.
fn with_remarks(state: State, form: Option<Form>, acknowledgement: &Acknowledgement) -> (State, String) {
    let mut reply = acknowledgement.verbatim();
    let held = acknowledgement.content.as_ref().map_or(0, Vec::len);
    let mut state = state;
    if let State::Answered { return_code, done: true } = state
        && form == Some(Form::GetFile)
        && !acknowledgement.is_whole_file()
    {
        let _ = write!(reply, " (incomplete: {held} of {return_code} bytes came)");
        state = State::Answered { return_code, done: false };
    }
    if held > MOST_CONTENT_BYTES {
        let _ = write!(reply, " (not kept: more than {MOST_CONTENT_BYTES} bytes)");
    }
    (state, reply)
}

/// The content of the answer: a file, an output, or the parameters of the device, one per line.
fn content_of(acknowledgement: &Acknowledgement) -> Option<Vec<u8>> {
    let parameters = || {
        let lines = acknowledgement.pairs.iter().map(|(key, value)| format!("{key}={value}\n"));
        acknowledgement.is_info().then(|| lines.collect::<String>().into_bytes())
    };
    let content = acknowledgement.content.clone().or_else(parameters);
    content.filter(|content| !content.is_empty() && content.len() <= MOST_CONTENT_BYTES)
}
