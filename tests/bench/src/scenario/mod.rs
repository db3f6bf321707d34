//! What is measured, a module a scenario.

use clap::ValueEnum;

use crate::row::Row;
use crate::run::Run;

mod commits;
mod convergence;
mod fan_out;
mod first_fill;
mod growth;
mod idle;
mod large_body;
mod roster;
mod scale;
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
    /// One change to a fleet that polls
    FanOut,
    /// A new device that answers at once, and ten of them
    FirstFill,
    /// Simulated devices until all hold the same
    Convergence,
    /// All that one device holds, in one body
    Roster,
    /// Polls while another device uploads 50 MB
    LargeBody,
    /// 10,000 and 100,000 devices, 100,000 users, 20,000 connections
    Scale,
    /// What a change costs as devices and items grow in number
    Growth,
}

impl Scenario {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it is part of the short form.
    pub const fn is_short(self) -> bool {
        !matches!(self, Self::Convergence | Self::Roster | Self::LargeBody | Self::Scale)
    }

    /// Whether some of what it measures is a ratio that must not fall.
    pub const fn has_ratios(self) -> bool {
        matches!(self, Self::Idle | Self::Uploads | Self::Commits | Self::FirstFill | Self::Growth)
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
            Self::FanOut => fan_out::measure(run).await,
            Self::FirstFill => first_fill::measure(run).await,
            Self::Convergence => convergence::measure(run),
            Self::Roster => roster::measure(run).await,
            Self::LargeBody => large_body::measure(run).await,
            Self::Scale => scale::measure(run).await,
            Self::Growth => growth::measure(run).await,
        }
    }
}
