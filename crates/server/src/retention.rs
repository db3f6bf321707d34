//! What is finished goes, as [`Retention`] says: by the one process that has the lease of it, and a few rows a transaction,
//! so that no request waits long.

use std::sync::Arc;
use std::time::Duration;

use fleet::clock::Clock;
use roster::{ItemKey, Millis, Template};
use store::{Finished, HeldKind, HeldRecord, Store, StoreError, Tx, retry};
use tokio_util::sync::CancellationToken;

use crate::config::Retention;

/// The lease, and for how long it is taken, ms: renewed with every step, and free again soon after its holder died.
///
/// Processes go by clocks of their own: one that is fast takes the lease early, and then two do the same work once.
const LEASE: &str = "housekeeping";
const LEASE_MS: i64 = 15 * 60_000;

/// How many rows go in one transaction.
const ROWS: i64 = 500;

/// How many items are looked at in one transaction for versions that nobody needs.
const ITEMS: i64 = 2_000;

/// How long the other parts of a template are awaited before an operator is told, ms.
const PARTS_MS: i64 = 600_000;

/// How long a user that was given to a device for one punch may be forgotten there: devices do it after hours.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// How many incomplete templates are handed to operators in one transaction.
const PARTS: i64 = 50;

/// Requests come first: so long is the pause between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// One piece of work, done in steps.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// What was finished before a time.
    Finished(Finished, Millis),
    /// Commands of a device that were closed before a time.
    Commands(i64, Millis),
    /// Entries of the log of a device.
    Log(i64, Millis),
    /// Versions of items after this one.
    Versions(i64),
    /// Parts of templates whose other parts do not come.
    Parts,
}

/// What a step did.
enum Step {
    /// So many rows went, and this is left to do.
    Done(u64, Option<Task>),
    /// Another process keeps house.
    NotOurs,
}

/// Removes what is finished.
#[derive(Clone, Debug)]
pub struct Sweeper {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// How long what is kept.
    pub retention: Retention,
    /// What this process calls itself among those that share its database.
    pub name: Arc<str>,
}

impl Sweeper {
    /// Removes what is finished and old enough, until `stop`.
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
                    // The log still has the pages as they were.
                    if let Err(error) = self.store.empty_log().await {
                        tracing::debug!(%error, "the log of the database is emptied later");
                    }
                }
                _ if gone > 0 => tracing::debug!(?task, gone, "swept"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets another process keep house, at the end of this one.
    pub async fn give_back(&self) {
        let given = retry(|| async {
            let mut tx = self.store.write().await?;
            tx.return_lease(LEASE, &self.name).await?;
            tx.commit().await
        });
        if let Err(error) = given.await {
            tracing::debug!(%error, "the lease of housekeeping ends by itself");
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

/// Shows an operator the parts of templates whose other parts did not come. They were acknowledged, so they are not lost.
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
