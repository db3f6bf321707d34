//! `muster watch`: shows events live.

mod summary;

use std::time::Duration;

use self::summary::summed_up;
use super::Context;
use crate::render::event;
use crate::render::when::When;

/// The interval between two queries of the database.
const EVERY: Duration = Duration::from_secs(1);

/// Prints events until Ctrl-C: every event as JSON, or a summary for people.
///
/// # Errors
/// The database fails, or standard output is closed.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    let mut watcher = context.fleet.watch().await?;
    // On standard error: for people, and for scripts that wait until it begins.
    eprintln!("watching; Ctrl-C ends it");
    if crate::database::is_served(&context.settings)? == Some(false) {
        eprintln!("no server uses this database now: start one with `muster serve` to see devices");
    }
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let events = watcher.look().await?;
        let when = When::here();
        if context.out.is_json() {
            for event in events {
                context.out.print_line(&event, |event| event::line(event, &when))?;
            }
        } else {
            for line in summed_up(events) {
                context.out.print_line(&line.words(&when), String::clone)?;
            }
        }
    }
}
