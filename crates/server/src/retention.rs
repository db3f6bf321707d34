//! Retention: removes finished records after the times of [`Retention`]. Only the process that holds the lease does this, with a
//! few rows in each transaction, so that no request waits long.

use std::sync::Arc;
use std::time::Duration;

use fleet::clock::Clock;
use roster::{ItemKey, Millis, Template};
use store::{Finished, HeldKind, HeldRecord, Store, StoreError, Tx, retry};
use tokio_util::sync::CancellationToken;

use crate::config::Retention;

/// The lease, and its duration, ms. Each step renews the lease; after its holder died it soon expires.
///
/// Processes use their own clocks. A process with a fast clock takes the lease early; then two processes do the same work once.
const LEASE: &str = "housekeeping";
const LEASE_MS: i64 = 15 * 60_000;

/// Rows that one transaction removes.
const ROWS: i64 = 500;

/// Items that one transaction checks for versions that nobody needs.
const ITEMS: i64 = 2_000;

/// How long Muster waits for the other parts of a template before it shows them to an operator, ms.
const PARTS_MS: i64 = 600_000;

/// How long Muster remembers that a user was given to a device for one punch: the device deletes the user after hours.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// Incomplete templates that one transaction shows to operators.
const PARTS: i64 = 50;

/// The pause between two steps, so that requests come first.
const PAUSE: Duration = Duration::from_millis(20);

/// A task, done in steps.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Removes records that were finished before a time.
    Finished(Finished, Millis),
    /// Removes commands of a device that were closed before a time.
    Commands(i64, Millis),
    /// Removes old entries of the log of a device.
    Log(i64, Millis),
    /// Removes old versions of items after this one.
    Versions(i64),
    /// Shows parts of templates to an operator whose other parts did not arrive.
    Parts,
}

/// The result of a step.
enum Step {
    /// The number of removed rows, and the task that is left.
    Done(u64, Option<Task>),
    /// Another process holds the lease.
    NotOurs,
}

/// Removes finished records.
#[derive(Clone, Debug)]
pub struct Sweeper {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// How long records are kept.
    pub retention: Retention,
    /// The name of this process among those that share the database.
    pub name: Arc<str>,
}

impl Sweeper {
    /// Removes records that are finished and old enough, until `stop`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Retention { commands, sessions, held, log, attendance } = self.retention;
        let ago = |age: Duration| now.plus(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let (commands, log) = (ago(commands), ago(log));
        let mut tasks = vec![
            Task::Finished(Finished::Undo, now),
            Task::Finished(Finished::Orders, commands),
            Task::Finished(Finished::Sessions, ago(sessions)),
            Task::Finished(Finished::Held, ago(held)),
            Task::Finished(Finished::Errors, log),
            Task::Finished(Finished::RemoteUsers, ago(REMEMBERED)),
            Task::Finished(Finished::OfferedFiles, now),
            Task::Finished(Finished::OfferedParts, now),
            Task::Finished(Finished::OfferedPhotos, now),
            Task::Finished(Finished::PhotoForms, commands),
            Task::Parts,
            Task::Versions(0),
        ];
        if let Some(age) = attendance {
            let kinds = [Finished::Attendance, Finished::AttendancePhotos, Finished::Records];
            tasks.extend(kinds.map(|kind| Task::Finished(kind, ago(age))));
        }
        for device in self.store.read().await?.devices_with_old_rows(commands, log).await? {
            tasks.extend([Task::Commands(device, commands), Task::Log(device, log)]);
        }
        for task in tasks {
            let (mut gone, mut next) = (0, Some(task));
            while let Some(task) = next.filter(|_| !stop.is_cancelled()) {
                match retry(|| self.step(task, now)).await? {
                    Step::NotOurs => return Ok(()),
                    Step::Done(rows, left) => (gone, next) = (gone + rows, left),
                }
                if next.is_some() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            match task {
                Task::Finished(Finished::Undo, _) if gone > 0 => {
                    tracing::info!(erased = gone, "deleted contents erased: their time for an undo is over");
                    // SQLite's write-ahead log still holds the erased pages.
                    if let Err(error) = self.store.empty_log().await {
                        tracing::debug!(%error, "the database log still holds erased contents; Muster retries");
                    }
                }
                _ if gone > 0 => tracing::debug!(?task, gone, "swept"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the lease when this process ends, so that another one can take it.
    pub async fn give_back(&self) {
        let given = retry(|| async {
            let mut tx = self.store.write().await?;
            tx.return_lease(LEASE, &self.name).await?;
            tx.commit().await
        });
        if let Err(error) = given.await {
            tracing::debug!(%error, "cannot return the lease; it expires");
        }
    }

    async fn step(&self, task: Task, now: Millis) -> Result<Step, StoreError> {
        let mut tx = self.store.write().await?;
        let until = self.clock.now().plus(LEASE_MS);
        if !tx.take_lease(LEASE, &self.name, self.clock.now(), until).await? {
            tx.rollback().await?;
            return Ok(Step::NotOurs);
        }
        let again = |gone: u64| Step::Done(gone, (i64::try_from(gone) == Ok(ROWS)).then_some(task));
        let done = match task {
            Task::Finished(what, before) => again(tx.forget(what, before, ROWS).await?),
            Task::Commands(device, before) => again(tx.forget_commands(device, before, ROWS).await?),
            Task::Log(device, before) => again(tx.forget_operations(device, before, ROWS).await?),
            Task::Versions(after) => {
                let (gone, last) = tx.forget_versions(after, ITEMS).await?;
                Step::Done(gone, last.map(Task::Versions))
            }
            Task::Parts => {
                let gone = hand_over(&mut tx, now).await?;
                Step::Done(gone, (i64::try_from(gone) == Ok(PARTS)).then_some(task))
            }
        };
        tx.commit().await?;
        Ok(done)
    }
}

/// Shows an operator the parts of templates whose other parts did not arrive. They were acknowledged, so they must not be lost.
async fn hand_over(tx: &mut Tx, now: Millis) -> Result<u64, StoreError> {
    let abandoned = tx.abandoned_part_sets(now.plus(-PARTS_MS), PARTS).await?;
    for (device, key, parts) in &abandoned {
        tx.hold(&incomplete(*device, key, parts), now).await?;
        tx.put_part_set(*device, key, None, now).await?;
    }
    Ok(u64::try_from(abandoned.len()).unwrap_or(u64::MAX))
}

fn incomplete(device: i64, key: &ItemKey, parts: &Template) -> HeldRecord {
    let held: Vec<String> = parts.parts.iter().map(|part| part.index.to_string()).collect();
    let raw: Vec<String> =
        parts.parts.iter().map(|part| format!("{key} part {}: {}", part.index, part.text)).collect();
    HeldRecord {
        life: None,
        device,
        kind: HeldKind::Unreadable,
        table: None,
        pin: Some(key.pin.clone()),
        tag: key.slot.to_string(),
        line: None,
        reason: format!("incomplete: only parts {} came; enrol it again", held.join(", ")),
        raw: raw.join("\n").into_bytes(),
    }
}
