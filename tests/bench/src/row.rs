//! Measured figures, one per line of the table.

use serde::{Deserialize, Serialize};

use crate::server::Engine;

/// The system that a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Muster, or the bare engine, on an SQLite file.
    Sqlite,
    /// Muster, or the bare engine, on a MariaDB server.
    MariaDb,
    /// A system without a database.
    Neither,
}

impl From<Engine> for On {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite,
            Engine::MariaDb => Self::MariaDb,
        }
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The scenario, by its name on the command line.
    pub scenario: String,
    /// The measured quantity in words, with its unit.
    pub what: String,
    /// The measured system.
    pub on: On,
    /// The median of the rounds.
    pub value: f64,
    /// The minimum of the rounds.
    pub low: f64,
    /// The maximum of the rounds.
    pub high: f64,
    /// Number of rounds.
    pub rounds: usize,
    /// The goal in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The name under which the ratio is recorded, if the figure is a ratio that must not fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<String>,
}

impl Row {
    /// A figure from its rounds, at least one.
    pub fn new(scenario: &str, what: impl Into<String>, on: impl Into<On>, rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        Self {
            scenario: scenario.to_owned(),
            what: what.into(),
            on: on.into(),
            value: at(sorted.len() / 2),
            low: at(0),
            high: at(sorted.len().saturating_sub(1)),
            rounds: sorted.len(),
            goal: None,
            ratio: None,
        }
    }

    /// Adds a goal.
    #[must_use]
    pub fn goal(mut self, goal: &str) -> Self {
        self.goal = Some(goal.to_owned());
        self
    }

    /// Marks the figure as a recorded ratio; larger is better.
    #[must_use]
    pub fn ratio(mut self, name: &str) -> Self {
        self.ratio = Some(name.to_owned());
        self
    }

    /// Whether both are the same figure, measured at different times.
    pub fn same_figure(&self, other: &Self) -> bool {
        self.scenario == other.scenario && self.what == other.what && self.on == other.on
    }
}

/// Divides round by round: a disturbance in a round affects both values.
pub fn ratios(ours: &[f64], reference: &[f64]) -> Vec<f64> {
    ours.iter().zip(reference).map(|(ours, reference)| ours / reference).collect()
}
