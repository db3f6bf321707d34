//! `muster conformance`

use anyhow::Context as _;
use conformance::{Admission, Settings};

use crate::args::Conformance;
use crate::failure::AlreadyReported;
use crate::render::output::Output;
use crate::system;

/// Tries a server and prints what came of it.
///
/// # Errors
/// [`AlreadyReported`] where it does not meet what it must; otherwise that it could not be tried.
pub async fn run(arguments: Conformance, out: Output) -> anyhow::Result<()> {
    let settings = Settings {
        server: arguments.url,
        admission: arguments.approve_command.map_or(Admission::Beforehand, Admission::Command),
        serial_numbers: arguments.serial.iter().map(ToString::to_string).collect(),
        seed: arguments.seed.unwrap_or_else(|| system::entropy().next()),
        now: jiff::Timestamp::from_millisecond(system::now().0).context("the clock of this machine")?,
    };
    let report = conformance::run(settings).await?;
    out.print(&report, |report| report.in_words(arguments.all))?;
    if report.passes() { Ok(()) } else { Err(AlreadyReported.into()) }
}
