//! What happens by itself, beside requests: each process looks for changes that others made and writes behind what it heard of
//! devices, one of them at a time keeps house, and whichever is first asks a device to come whose time zone changed, keeps
//! the dates on which people come back or leave, and has the people of devices read whose turn it is.

use std::time::Duration;

use store::{Seen, StoreError, retry};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::device::LOOK;
use crate::fleet::suspension;
use crate::{housekeeping, routine_check, zones};

/// How late `last_seen_at` may be.
const WRITE_SEEN: Duration = Duration::from_secs(1);

/// Of so many devices at most it is written down in one transaction: some 10 ms, in which nothing else is written on SQLite.
const SEEN_AT_ONCE: usize = 1_000;

/// How often it is looked whether daylight saving began or ended somewhere.
const ZONES: Duration = Duration::from_mins(1);

/// How often it is looked whether somebody's suspension ended, or somebody's last day passed.
const DATES: Duration = Duration::from_mins(1);

/// How often what is out of date is swept.
const SWEEP: Duration = Duration::from_mins(10);

/// Runs until `stop`. What was begun is finished: a transaction is never dropped in the middle of a query.
pub async fn run(app: App, stop: CancellationToken) {
    let writing_behind = async {
        let mut tick = tokio::time::interval(WRITE_SEEN);
        let mut failing = false;
        while next(&mut tick, &stop).await {
            let written = write_seen(&app).await;
            // Said once: requests say the same while it lasts.
            if let (Err(error), false) = (&written, failing) {
                tracing::error!(%error, "cannot write when devices were last seen: it is tried again");
            }
            failing = written.is_err();
        }
    };
    let looking = async {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while next(&mut tick, &stop).await {
            if let Err(error) = look(&app).await {
                tracing::debug!(%error, "cannot look for changes: every poll asks the database meanwhile");
            }
        }
    };
    let sweeping = async {
        let mut tick = tokio::time::interval(SWEEP);
        while next(&mut tick, &stop).await {
            if let Err(error) = housekeeping::sweep(&app, &stop).await {
                tracing::error!(%error, "cannot sweep what is out of date: it is tried again");
            }
        }
    };
    let following_zones = async {
        let mut tick = tokio::time::interval(ZONES);
        while next(&mut tick, &stop).await {
            if let Err(error) = zones::follow(&app).await {
                tracing::error!(%error, "cannot tell devices that their time zone changed: it is tried again");
            }
        }
    };
    let keeping_dates = async {
        let mut tick = tokio::time::interval(DATES);
        while next(&mut tick, &stop).await {
            if let Err(error) = suspension::keep_dates(&app).await {
                tracing::error!(%error, "cannot reinstate or remove people whose date has come: it is tried again");
            }
        }
    };
    let checking = async {
        let mut tick = tokio::time::interval(routine_check::LOOK);
        while next(&mut tick, &stop).await {
            if let Err(error) = routine_check::begin_due(&app).await {
                tracing::error!(%error, "cannot begin the routine check of devices: it is tried again");
            }
        }
    };
    tokio::join!(looking, writing_behind, following_zones, keeping_dates, checking, sweeping);
    housekeeping::give_back(&app).await;
}

/// Waits for the next time; false once there is none.
async fn next(tick: &mut Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        _ = tick.tick() => !stop.is_cancelled(),
    }
}

/// Looks for changes that other processes made.
///
/// # Errors
/// Those of the database.
pub async fn look(app: &App) -> Result<(), StoreError> {
    // Before the reading: what is known is as old as its question.
    let now = app.clock.now();
    let looked = app.store.pulse().await;
    if let Ok(pulse) = &looked {
        app.settled.looked(now);
        app.recent.looked(*pulse);
    } else {
        app.settled.cannot_look();
        app.recent.forget();
    }
    looked.map(|_| ())
}

/// Writes down when devices were last heard of, many together. What could not be written is kept for the next time.
///
/// # Errors
/// Those of the database.
pub async fn write_seen(app: &App) -> Result<(), StoreError> {
    let mut rest = app.presence.take();
    while !rest.is_empty() {
        let some = rest.split_off(rest.len().saturating_sub(SEEN_AT_ONCE));
        let seen: Vec<Seen> = some
            .iter()
            .map(|(device, seen)| Seen {
                device: *device,
                at: seen.at,
                address: Some(seen.address.to_string()),
            })
            .collect();
        let written = retry(|| async {
            // Many devices at once: whoever locks several has the clock, so that nobody waits in a circle.
            let mut tx = app.store.write_fleet().await?;
            tx.write_seen(&seen).await?;
            tx.commit().await
        })
        .await;
        if written.is_err() {
            app.presence.put_back(some);
            app.presence.put_back(rest);
            return written;
        }
    }
    Ok(())
}
