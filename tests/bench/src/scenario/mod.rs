//! What is measured, a module a scenario.

use clap::ValueEnum;

use crate::row::Row;
use crate::run::Run;

mod commits;
mod idle;
mod uploads;

/// A scenario, by the name that it has on the command line. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Polls of settled devices, beside a bare server
    Idle,
    /// Records uploaded in bodies of 100 lines, beside bare SQLite
    Uploads,
    /// Bodies of one record: how many commits, from one device and from many
    Commits,
}

impl Scenario {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it is part of the short form.
    pub const fn is_short(self) -> bool {
        matches!(self, Self::Idle | Self::Uploads | Self::Commits)
    }

    /// Measures.
    ///
    /// # Errors
    /// The server does not do what it should, or the machine lacks something: then nothing was measured.
    pub async fn measure(self, run: &Run) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Idle => idle::measure(run).await,
            Self::Uploads => uploads::measure(run).await,
            Self::Commits => commits::measure(run).await,
        }
    }
}
