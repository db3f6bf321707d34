//! `muster watch`: what happens, as it happens.

mod changes;
mod event;

use std::time::Duration;

use self::changes::Watcher;
use super::Context;
use crate::render::when::When;

/// How often the database is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Prints what happens until Ctrl-C.
///
/// # Errors
/// The database fails, or nobody reads any more.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    let mut watcher = Watcher::start(&context.fleet.store(), context.when.now()).await?;
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
        let when = When::here();
        for event in watcher.look(&context.fleet.store(), when.now(), context.out.is_json()).await? {
            context.out.print_line(&event, |event| event.words(&when))?;
        }
    }
}
