//! What happens by itself, beside requests.

use std::time::Duration;

use roster::{ItemKey, Template};
use store::{HeldKind, HeldRecord, Seen, StoreError};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How late `last_seen_at` may be.
const WRITE_SEEN: Duration = Duration::from_secs(1);

/// How often what is out of date is swept.
const SWEEP: Duration = Duration::from_mins(10);

/// How long closed commands and sessions are kept, ms: a late acknowledgement is told by them.
const KEEP_MS: i64 = 30 * 24 * 3_600_000;

/// How long the other parts of a template are awaited before an operator is told, ms.
const PARTS_MS: i64 = 600_000;

/// How many incomplete templates are handed to operators with one sweep.
const MOST_ABANDONED: i64 = 200;

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut seen = tokio::time::interval(WRITE_SEEN);
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = seen.tick() => {
                if let Err(error) = write_seen(&app).await {
                    tracing::error!(%error, "cannot write when devices were last seen");
                }
            }
            _ = sweep.tick() => {
                if let Err(error) = swept(&app).await {
                    tracing::error!(%error, "cannot sweep what is out of date");
                }
            }
        }
    }
}

/// Writes down when devices were last heard of, all of them together.
///
/// # Errors
/// Those of the database.
pub async fn write_seen(app: &App) -> Result<(), StoreError> {
    let seen: Vec<Seen> = app
        .presence
        .take()
        .into_iter()
        .map(|(device, seen)| Seen { device, at: seen.at, address: Some(seen.address.to_string()) })
        .collect();
    if seen.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    tx.write_seen(&seen).await?;
    tx.commit().await
}

/// Erases what was kept for an undo whose time is over, and forgets closed commands and sessions after a month.
async fn swept(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    let before = now.plus(-KEEP_MS);
    let mut tx = app.store.write().await?;
    let erased = tx.erase_expired(now).await?;
    tx.prune_commands(before).await?;
    tx.prune_orders(before).await?;
    tx.prune_sessions(before).await?;
    tx.prune_held(before).await?;
    tx.prune_old().await?;
    for (device, key, parts) in tx.abandoned_part_sets(now.plus(-PARTS_MS), MOST_ABANDONED).await? {
        tx.hold(&incomplete(device, &key, &parts), now).await?;
        tx.put_part_set(device, &key, None, now).await?;
    }
    tx.commit().await?;
    if erased > 0 {
        tracing::info!(erased, "deleted contents erased: their time for an undo is over");
    }
    Ok(())
}

/// Parts of a template whose other parts never came: acknowledged, so they are not lost but shown.
fn incomplete(device: i64, key: &ItemKey, parts: &Template) -> HeldRecord {
    let held: Vec<String> = parts.parts.iter().map(|part| part.index.to_string()).collect();
    let raw: Vec<String> =
        parts.parts.iter().map(|part| format!("{key} part {}: {}", part.index, part.text)).collect();
    HeldRecord {
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
