//! `muster watch`: what happens, as it happens.

mod summary;

use std::time::Duration;

use self::summary::summed_up;
use super::Context;
use crate::render::event;
use crate::render::when::When;

/// How often the database is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Prints what happens until Ctrl-C: as JSON everything, for people summed up.
///
/// # Errors
/// The database fails, or nobody reads any more.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    let mut watcher = context.fleet.watch().await?;
    // On standard error: for people, and for scripts that wait until it begins.
    eprintln!("watching; Ctrl-C ends it");
    if crate::database::is_served(&context.settings)? == Some(false) {
        eprintln!("no server uses this database now: devices are heard again after `muster serve`");
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
