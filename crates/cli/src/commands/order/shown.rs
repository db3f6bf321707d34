//! What was ordered, and what became of it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use fleet::command::Ordered;
use roster::Millis;
use serde::Serialize;
use store::{OrderRow, Tx};
use sync::operator::State;
use wire::{Form, ReturnCode, SerialNumber, names_secret};

use crate::commands::Context;
use crate::failure::usage;
use crate::render::table::{Table, pairs};
use crate::render::when::When;
use crate::{lookup, private_file};
use fleet::time::rfc3339;

/// The most of an output that is printed; `--content` writes all of it.
const MOST_SHOWN_BYTES: usize = 8_000;

/// One ordered command.
#[derive(Serialize)]
pub struct Shown {
    id: i64,
    serial_number: String,
    command: String,
    arguments: String,
    state: &'static str,
    /// What that means.
    outcome: String,
    return_code: Option<i32>,
    ordered_by: String,
    ordered_at: String,
    sent_at: Option<String>,
    closed_at: Option<String>,
    expires_at: Option<String>,
    /// As the device answered.
    reply: Option<String>,
    /// Something came with the answer.
    has_content: bool,
    /// Parameters or output, as far as they are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip)]
    times: [Option<Millis>; 4],
}

impl Shown {
    /// A command with the beginning of what came with its answer.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(
        tx: &mut Tx,
        order: &OrderRow,
        serial_number: &SerialNumber,
        when: &When,
    ) -> anyhow::Result<Self> {
        let mut shown = Self::listed(order, serial_number, when);
        let form = Ordered::form_of(order);
        if order.has_content && matches!(form, Some(Form::Info | Form::Shell)) {
            let content = tx.order_content(order.device, order.command.number).await?.unwrap_or_default();
            shown.content = Some(readable(&content, form == Some(Form::Info)));
        }
        Ok(shown)
    }

    fn listed(order: &OrderRow, serial_number: &SerialNumber, when: &When) -> Self {
        let form = Ordered::form_of(order);
        let (state, outcome) = outcome(order, form, when);
        let return_code = match order.command.state {
            State::Answered { return_code, .. } => Some(return_code),
            _ => None,
        };
        Self {
            id: order.command.number,
            serial_number: serial_number.to_string(),
            command: order.verb.clone(),
            arguments: order.arguments.replace('\t', " "),
            state,
            outcome,
            return_code,
            ordered_by: order.ordered_by.clone(),
            ordered_at: rfc3339(order.ordered_at),
            sent_at: order.sent_at.map(rfc3339),
            closed_at: order.closed_at.map(rfc3339),
            expires_at: order.command.expires_at.map(rfc3339),
            reply: order.reply.clone(),
            has_content: order.has_content,
            content: None,
            times: [Some(order.ordered_at), order.sent_at, order.closed_at, order.command.expires_at],
        }
    }

    /// For people.
    pub fn words(&self, when: &When) -> String {
        let [ordered, sent, closed, expires] = self.times.map(|at| at.map(|at| when.both(at)));
        let arguments = Some(self.arguments.clone()).filter(|text| !text.is_empty());
        let mut text = pairs([
            ("command", Some(format!("{} {}", self.id, self.command))),
            ("device", Some(self.serial_number.clone())),
            ("with", arguments),
            ("outcome", Some(self.outcome.clone())),
            ("ordered", ordered.map(|at| format!("{at} by {}", self.ordered_by))),
            ("sent", sent),
            ("over", closed),
            ("expires", expires.filter(|_| self.state == "queued")),
            ("answer", self.reply.clone()),
        ]);
        match &self.content {
            Some(content) => {
                let _ = writeln!(text, "\n{}", content.trim_end());
            }
            None if self.has_content => {
                let _ = writeln!(
                    text,
                    "\nwhat came with it: muster command show {} {} --content FILE",
                    self.serial_number, self.id
                );
            }
            None => {}
        }
        text
    }
}

/// A name for where a command stands, and what that means.
fn outcome(order: &OrderRow, form: Option<Form>, when: &When) -> (&'static str, String) {
    match order.command.state {
        State::Queued => {
            let is_late = order.command.expires_at.is_some_and(|at| at <= when.now());
            let words = if is_late {
                "not fetched in time: it is not sent any more"
            } else {
                "waits for the next poll"
            };
            ("queued", words.to_owned())
        }
        State::Sent { sends, .. } => (
            "sent",
            match sends {
                1 => "sent, not answered yet".to_owned(),
                _ => format!("sent {sends} times, not answered yet"),
            },
        ),
        State::Answered { return_code, done } => {
            let code = ReturnCode(return_code);
            let words = form.map_or_else(|| code.describe().into(), |form| code.describe_of(form));
            let name = if done { "done" } else { "failed" };
            (name, if done { format!("done: {words}") } else { format!("not done ({return_code}): {words}") })
        }
        State::Unanswered | State::Expired if order.cancelled => {
            ("cancelled", order.reply.clone().unwrap_or_else(|| "taken back before it was sent".to_owned()))
        }
        State::Unanswered | State::Expired => {
            let words = match form {
                Some(Form::Reboot) => "sent; devices do not answer a restart, its next connection shows it",
                _ => "sent and never answered: whether the device did it is not known",
            };
            ("unanswered", words.to_owned())
        }
    }
}

/// Text of a device for a terminal, without secrets where it is parameters.
fn readable(content: &[u8], is_parameters: bool) -> String {
    let (shown, rest) = content.split_at(content.len().min(MOST_SHOWN_BYTES));
    let text = String::from_utf8_lossy(shown);
    let mut text = if is_parameters {
        let line = |line: &str| match line.split_once('=') {
            Some((key, value)) if names_secret(key) && !value.is_empty() => format!("{key}=***\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    } else {
        text.into_owned()
    };
    if !rest.is_empty() {
        let _ = write!(text, "\n… and {} bytes more: --content FILE writes all of it", rest.len());
    }
    text
}

/// Lists commands.
///
/// # Errors
/// There is no such device.
pub async fn list(context: &Context, of: Option<&SerialNumber>, limit: i64) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let device = match of {
        Some(serial_number) => Some(lookup::device(&mut tx, serial_number).await?.id),
        None => None,
    };
    let names = lookup::serial_numbers(&mut tx).await?;
    let orders = tx.orders(device, limit).await?;
    let listed = orders
        .iter()
        .filter_map(|order| Some(Shown::listed(order, names.get(&order.device)?, &context.when)));
    let all: Vec<Shown> = listed.collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return "no command was ordered yet: `muster command --help` shows those that there are"
                .to_owned();
        }
        let mut table = Table::new(["id", "device", "command", "with", "ordered", "outcome"]).right([0]);
        for shown in all {
            let [ordered, ..] = shown.times;
            table.row([
                shown.id.to_string(),
                shown.serial_number.clone(),
                shown.command.clone(),
                shown.arguments.clone(),
                ordered.map(|at| context.when.relative(at)).unwrap_or_default(),
                shown.outcome.clone(),
            ]);
        }
        table.to_string()
    })
}

/// Shows one command, or writes what came with its answer.
///
/// # Errors
/// There is no such command, or nothing came.
pub async fn show(context: &Context, of: &SerialNumber, id: i64, into: Option<&Path>) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let order = find(&mut tx, of, id).await?;
    let Some(path) = into else {
        let shown = Shown::of(&mut tx, &order, of, &context.when).await?;
        return context.out.print(&shown, |shown| shown.words(&context.when));
    };
    let Some(bytes) = tx.order_content(order.device, id).await? else {
        bail!("nothing came with the answer to command {id} of {of}");
    };
    if path == Path::new("-") {
        use std::io::Write as _;
        return std::io::stdout().lock().write_all(&bytes).context("cannot print");
    }
    private_file::create(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let written = Written { path: path.display().to_string(), bytes: bytes.len() };
    context.out.print(&written, |written| format!("{} bytes are in {}", written.bytes, written.path))
}

#[derive(Serialize)]
struct Written {
    path: String,
    bytes: usize,
}

async fn find(tx: &mut Tx, of: &SerialNumber, id: i64) -> anyhow::Result<OrderRow> {
    let row = lookup::device(tx, of).await?;
    match tx.order_row(row.id, id).await? {
        Some(order) => Ok(order),
        None => bail!("{of} has no command {id}; `muster command list {of}` shows those that it has"),
    }
}

#[derive(Serialize)]
struct Cancelled {
    serial_number: String,
    id: i64,
    outcome: &'static str,
}

/// Takes a command back that was not sent yet.
///
/// # Errors
/// There is no such command, or it is too late.
pub async fn cancel(context: &Context, of: &SerialNumber, id: i64) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let order = find(&mut tx, of, id).await?;
    tx.rollback().await?;
    let (device, now) = (order.device, context.when.now());
    let cancelled = context
        .fleet
        .store()
        .retrying(move |tx| Box::pin(async move { tx.cancel_order(device, id, now).await }))
        .await?;
    if !cancelled {
        let mut tx = context.fleet.store().read().await?;
        let order = find(&mut tx, of, id).await?;
        let (state, words) = outcome(&order, Ordered::form_of(&order), &context.when);
        return Err(usage(format!("command {id} of {of} cannot be taken back: it is {state} ({words})")));
    }
    let done = Cancelled { serial_number: of.to_string(), id, outcome: "cancelled" };
    context.out.print(&done, |_| format!("command {id} of {of} is taken back"))
}
