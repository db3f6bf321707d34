//! `muster import`

mod words;

use std::io::IsTerminal as _;

use import::{ImportError, OldDatabase, Options, Report, Source};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sync::Joining;

use super::Context;
use crate::args::{Admit, ImportCommand, ImportZkServer};
use crate::config::mask;
use crate::failure::{AlreadyReported, usage};

/// Takes over the people of another server.
///
/// # Errors
/// The old database cannot be read, or belongs to another program; [`AlreadyReported`] if it holds nothing usable.
pub async fn run(context: &Context, command: ImportCommand) -> anyhow::Result<()> {
    match command {
        ImportCommand::ZkServer(import) => zk_server(context, &import).await,
    }
}

async fn zk_server(context: &Context, arguments: &ImportZkServer) -> anyhow::Result<()> {
    let source = Source::read(&arguments.from.0)
        .map_err(|want| usage(format!("--from is {:?}: {want}", mask(&arguments.from.0))))?;
    let now = context.when.now();
    let options = Options {
        overwrite: arguments.overwrite,
        dry_run: arguments.dry_run,
        now,
        undo_until: context.settings.server.devices.fleet.undo_until(now),
    };
    let admit = arguments.admit.map(|admit| match admit {
        Admit::Adopt => Joining::Adopt,
        Admit::Replace => Joining::Replace,
    });
    let report = take(context, &source, admit, options).await.map_err(|error| match error {
        ImportError::Store(error) => anyhow::Error::new(error)
            .context("Muster keeps the records imported so far; run the import again to continue"),
        error => error.into(),
    })?;
    context.out.print(&report, |report| words::report(report, arguments))?;
    if report.nothing_usable() { Err(AlreadyReported.into()) } else { Ok(()) }
}

async fn take(
    context: &Context,
    source: &Source,
    admit: Option<Joining>,
    options: Options,
) -> Result<Report, ImportError> {
    let mut old = OldDatabase::open(source).await?;
    let bar = bar(context, old.people());
    let report =
        import::people(&mut old, context.fleet.store(), options, |done| bar.set_position(count(done))).await;
    bar.finish_and_clear();
    let mut report = report?;
    report.devices = import::devices(&old, context.fleet.store(), admit, options).await?;
    Ok(report)
}

/// The progress bar on standard error.
fn bar(context: &Context, people: usize) -> ProgressBar {
    let wanted = std::io::stderr().is_terminal() && !context.out.is_json();
    let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(count(people)), target);
    // The template is a constant that is right.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} people  {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
