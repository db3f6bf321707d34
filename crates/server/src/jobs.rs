//! What happens by itself, beside requests: each process looks for changes that others made and writes behind what it heard of
//! devices, one of them at a time keeps house, and whichever is first asks a device to come whose time zone changed, keeps
//! the dates on which people come back or leave, and has the people of devices read whose turn it is.

use std::time::Duration;

use fleet::clock::Clock;
use fleet::{Rules, routine_check, suspension, time_zone};
use listener::{CHANGE_CHECK_INTERVAL, Listener};
use store::Store;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::retention::Sweeper;

/// How late `last_seen_at` may be.
const WRITE_SEEN: Duration = Duration::from_secs(1);

/// How often it is looked whether daylight saving began or ended somewhere.
const ZONES: Duration = Duration::from_mins(1);

/// How often it is looked whether somebody's suspension ended, or somebody's last day passed.
const DATES: Duration = Duration::from_mins(1);

/// How often what is out of date is swept.
const SWEEP: Duration = Duration::from_mins(10);

/// What the jobs work on.
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
    /// What removes finished records.
    pub sweeper: Sweeper,
}

/// Runs until `stop`. What was begun is finished: a transaction is never dropped in the middle of a query.
pub async fn run(jobs: Jobs, stop: CancellationToken) {
    let Jobs { listener, store, clock, rules, reread_days, sweeper } = jobs;
    let writing_behind = async {
        let mut tick = tokio::time::interval(WRITE_SEEN);
        let mut failing = false;
        while next(&mut tick, &stop).await {
            let written = listener.flush_last_seen().await;
            // Said once: requests say the same while it lasts.
            if let (Err(error), false) = (&written, failing) {
                tracing::error!(%error, "cannot write when devices were last seen: it is tried again");
            }
            failing = written.is_err();
        }
    };
    let looking = async {
        let mut tick = tokio::time::interval(CHANGE_CHECK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while next(&mut tick, &stop).await {
            if let Err(error) = listener.check_for_changes().await {
                tracing::debug!(%error, "cannot look for changes: every poll asks the database meanwhile");
            }
        }
    };
    let sweeping = async {
        let mut tick = tokio::time::interval(SWEEP);
        while next(&mut tick, &stop).await {
            if let Err(error) = sweeper.sweep(&stop).await {
                tracing::error!(%error, "cannot sweep what is out of date: it is tried again");
            }
        }
    };
    let following_zones = async {
        let mut tick = tokio::time::interval(ZONES);
        while next(&mut tick, &stop).await {
            if let Err(error) = time_zone::follow(&store, &clock, &rules.time_zone).await {
                tracing::error!(%error, "cannot tell devices that their time zone changed: it is tried again");
            }
        }
    };
    let keeping_dates = async {
        let mut tick = tokio::time::interval(DATES);
        while next(&mut tick, &stop).await {
            if let Err(error) = suspension::keep_dates(&store, &clock, &rules).await {
                tracing::error!(%error, "cannot reinstate or remove people whose date has come: it is tried again");
            }
        }
    };
    let checking = async {
        let mut tick = tokio::time::interval(routine_check::LOOK);
        while next(&mut tick, &stop).await {
            if let Err(error) = routine_check::begin_due(&store, &clock, reread_days).await {
                tracing::error!(%error, "cannot begin the routine check of devices: it is tried again");
            }
        }
    };
    tokio::join!(looking, writing_behind, following_zones, keeping_dates, checking, sweeping);
    sweeper.give_back().await;
}

/// Waits for the next time; false once there is none.
async fn next(tick: &mut Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        _ = tick.tick() => !stop.is_cancelled(),
    }
}
