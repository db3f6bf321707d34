//! The scenarios, one module each.

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

/// A scenario, by its name on the command line, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Polls of idle devices, compared with a bare server
    Idle,
    /// Records uploaded in bodies of 100 lines, compared with bare SQLite
    Uploads,
    /// Bodies of one record: commits per second, from one device and from many
    Commits,
    /// One change to a polling fleet
    FanOut,
    /// A new device that acknowledges immediately, and ten of them
    FirstFill,
    /// Simulated devices until all hold the same data
    Convergence,
    /// Everything that one device holds, in one body
    Roster,
    /// Polls while another device uploads 50 MB
    LargeBody,
    /// 10,000 and 100,000 devices, 100,000 users, 20,000 connections
    Scale,
    /// The cost of a change as devices and items grow in number
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

    /// Whether it has ratios that must not fall.
    pub const fn has_ratios(self) -> bool {
        matches!(self, Self::Idle | Self::Uploads | Self::Commits | Self::FirstFill | Self::Growth)
    }

    /// Runs the scenario.
    ///
    /// # Errors
    /// The server fails, or the machine lacks something. Then no figure is returned.
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
