//! Following a command until the device has answered, and an enrolment until what was enrolled is here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use roster::{Kind, Millis, Slot};
use store::{DeviceRow, OrderRow, Tx};
use sync::operator::State;
use wire::{BioType, Command, Enroll, Pin};

use super::shown::Shown;
use crate::commands::Context;
use crate::failure::Told;

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a device may take to upload what was enrolled after it said so, ms.
const UPLOAD_MS: i64 = 120_000;

/// What the person who enrols had before.
#[derive(Debug, Default)]
pub struct Before(BTreeMap<Slot, i64>);

impl Before {
    /// Looks what is there; nothing for a command that is no enrolment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(tx: &mut Tx, command: &Command<'_>) -> anyhow::Result<Self> {
        match command {
            Command::Enroll(enroll) => Ok(Self(versions(tx, enroll.pin()).await?)),
            _ => Ok(Self::default()),
        }
    }

    /// What is newer now of what could have been enrolled, in words.
    async fn arrived(&self, tx: &mut Tx, enroll: &Enroll) -> anyhow::Result<Option<String>> {
        let now = versions(tx, enroll.pin()).await?;
        let newer = now
            .iter()
            .find(|(slot, seq)| is_of(slot, enroll) && self.0.get(*slot).is_none_or(|before| before < *seq));
        Ok(newer.map(|(slot, _)| slot.to_string()))
    }
}

async fn versions(tx: &mut Tx, pin: &Pin) -> anyhow::Result<BTreeMap<Slot, i64>> {
    let items = tx.items_of(std::slice::from_ref(pin)).await?;
    let live = items.into_values().flatten().filter(|item| item.live);
    Ok(live.map(|item| (item.slot, item.seq.0)).collect())
}

/// Whether an item can be what is enrolled: a card is a field of the user.
fn is_of(slot: &Slot, enroll: &Enroll) -> bool {
    match (enroll, slot.kind) {
        (Enroll::Fingerprint { finger, .. }, Kind::Template(BioType::FINGERPRINT)) => {
            slot.number == i64::from(*finger)
        }
        (Enroll::Card { .. }, Kind::User) => true,
        (Enroll::BioData { bio_type, .. }, Kind::Template(of)) => of == *bio_type,
        (Enroll::BioData { bio_type, .. }, Kind::ComparisonPhoto) => *bio_type == BioType::VISIBLE_FACE,
        _ => false,
    }
}

/// Waits until the device has answered, tells what it said, and fails where it did not do it.
///
/// # Errors
/// [`Told`] where the device did not do it.
pub async fn until_answered(
    context: &Context,
    row: &DeviceRow,
    id: i64,
    command: &Command<'_>,
    before: &Before,
) -> anyhow::Result<()> {
    let mut told = "";
    loop {
        let mut tx = context.fleet.store().read().await?;
        let Some(order) = tx.order_row(row.id, id).await? else { bail!("the command is gone") };
        let (stage, is_over) = stage(&order, crate::system::now());
        if is_over {
            let shown = Shown::of(&mut tx, &order, &row.serial_number, &context.when).await?;
            tx.rollback().await?;
            return answered(context, shown, &order, command, before).await;
        }
        tx.rollback().await?;
        if stage != told && !context.out.is_json() {
            eprintln!("{}: {stage}", row.serial_number);
            told = stage;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where a command stands, and whether nothing more comes.
fn stage(order: &OrderRow, now: Millis) -> (&'static str, bool) {
    match order.command.state {
        State::Queued if order.command.expires_at.is_some_and(|at| at <= now) => ("too late", true),
        State::Queued => ("waits for its next poll", false),
        State::Sent { .. } => ("has fetched the command; waiting for its answer", false),
        State::Answered { .. } | State::Unanswered | State::Expired => ("over", true),
    }
}

async fn answered(
    context: &Context,
    shown: Shown,
    order: &OrderRow,
    command: &Command<'_>,
    before: &Before,
) -> anyhow::Result<()> {
    let done = matches!(order.command.state, State::Answered { done: true, .. });
    let enrolled = match command {
        Command::Enroll(enroll) if done => Some(arrival(context, enroll, before).await?),
        _ => None,
    };
    context.out.print(&shown, |shown| {
        let mut text = shown.words(&context.when);
        match &enrolled {
            Some(Some(item)) => {
                let _ = writeln!(text, "\nenrolled: {item} is here, and goes to the other devices");
            }
            Some(None) => text.push_str(
                "\nthe device says that it enrolled, but has not uploaded anything: `muster command SN log` asks for it\n",
            ),
            None => {}
        }
        text
    })?;
    if done && enrolled.is_none_or(|arrived| arrived.is_some()) { Ok(()) } else { Err(Told.into()) }
}

/// Waits for what was enrolled: it comes before the answer or after it.
async fn arrival(context: &Context, enroll: &Enroll, before: &Before) -> anyhow::Result<Option<String>> {
    let until = crate::system::now().plus(UPLOAD_MS);
    loop {
        let mut tx = context.fleet.store().read().await?;
        let arrived = before.arrived(&mut tx, enroll).await?;
        tx.rollback().await?;
        if arrived.is_some() || crate::system::now() >= until {
            return Ok(arrived);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
