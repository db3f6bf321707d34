//! Background jobs. Each process checks for changes of other processes and writes last-seen times in batches. One process at a
//! time removes expired records. The first process that sees the need asks a device to update its time zone, keeps the dates
//! on which people return or leave, and begins the routine check of a device.

use std::time::Duration;

use fleet::clock::Clock;
use fleet::{Rules, routine_check, suspension, time_zone};
use listener::{CHANGE_CHECK_INTERVAL, Listener};
use store::Store;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::retention::Sweeper;

/// How often last-seen times are written: `last_seen_at` may be this late.
const WRITE_SEEN: Duration = Duration::from_secs(1);

/// How often Muster checks whether daylight saving began or ended somewhere.
const ZONES: Duration = Duration::from_mins(1);

/// How often Muster checks whether a suspension ended or a last day passed.
const DATES: Duration = Duration::from_mins(1);

/// How often Muster removes expired records.
const SWEEP: Duration = Duration::from_mins(10);

/// The inputs of the jobs.
#[derive(Debug)]
pub struct Jobs {
    /// The listener for devices, which keeps part of its state in memory.
    pub listener: Listener,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The rules of the fleet.
    pub rules: Rules,
    /// Muster reads the people of each device once within this many days; 0 disables it.
    pub reread_days: u16,
    /// Removes expired records.
    pub sweeper: Sweeper,
}

/// Runs until `stop`. Work that was begun is finished: no transaction is dropped in the middle of a query.
pub async fn run(jobs: Jobs, stop: CancellationToken) {
    let Jobs { listener, store, clock, rules, reread_days, sweeper } = jobs;
    let writing_behind = async {
        let mut tick = tokio::time::interval(WRITE_SEEN);
        let mut failing = false;
        while next(&mut tick, &stop).await {
            let written = listener.flush_last_seen().await;
            // Logged once: while the error lasts, requests log it too.
            if let (Err(error), false) = (&written, failing) {
                tracing::error!(%error, "cannot write the last-seen times of devices; Muster retries");
            }
            failing = written.is_err();
        }
    };
    let looking = async {
        let mut tick = tokio::time::interval(CHANGE_CHECK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while next(&mut tick, &stop).await {
            if let Err(error) = listener.check_for_changes().await {
                tracing::debug!(%error, "cannot check for changes: until the next success every poll queries the database");
            }
        }
    };
    let sweeping = async {
        let mut tick = tokio::time::interval(SWEEP);
        while next(&mut tick, &stop).await {
            if let Err(error) = sweeper.sweep(&stop).await {
                tracing::error!(%error, "cannot remove expired records; Muster retries");
            }
        }
    };
    let following_zones = async {
        let mut tick = tokio::time::interval(ZONES);
        while next(&mut tick, &stop).await {
            if let Err(error) = time_zone::follow(&store, &clock, &rules.time_zone).await {
                tracing::error!(%error, "cannot tell devices about changed time zones; Muster retries");
            }
        }
    };
    let keeping_dates = async {
        let mut tick = tokio::time::interval(DATES);
        while next(&mut tick, &stop).await {
            if let Err(error) = suspension::keep_dates(&store, &clock, &rules).await {
                tracing::error!(%error, "cannot reinstate or remove people whose date has come; Muster retries");
            }
        }
    };
    let checking = async {
        let mut tick = tokio::time::interval(routine_check::LOOK);
        while next(&mut tick, &stop).await {
            if let Err(error) = routine_check::begin_due(&store, &clock, reread_days).await {
                tracing::error!(%error, "cannot begin the routine check of devices; Muster retries");
            }
        }
    };
    tokio::join!(looking, writing_behind, following_zones, keeping_dates, checking, sweeping);
    sweeper.give_back().await;
}

/// Waits for the next tick; false once the server stops.
async fn next(tick: &mut Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        _ = tick.tick() => !stop.is_cancelled(),
    }
}
