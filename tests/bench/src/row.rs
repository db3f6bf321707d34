//! What was measured, a line of the table each.

use serde::{Deserialize, Serialize};

use crate::server::Engine;

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Muster, or the bare engine, on a file.
    Sqlite,
    /// Muster, or the bare engine, on a database server.
    MariaDb,
    /// What has no database.
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
    /// Which scenario, by its name on the command line.
    pub scenario: String,
    /// What was measured, in words, with its unit.
    pub what: String,
    /// Of what.
    pub on: On,
    /// The median of the rounds.
    pub value: f64,
    /// The least of the rounds.
    pub low: f64,
    /// The most of the rounds.
    pub high: f64,
    /// How many rounds.
    pub rounds: usize,
    /// What is aimed at, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The name under which the figure is recorded: it is a ratio that must not fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<String>,
}

impl Row {
    /// A figure by its rounds, of which there is at least one.
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

    /// With what is aimed at.
    #[must_use]
    pub fn goal(mut self, goal: &str) -> Self {
        self.goal = Some(goal.to_owned());
        self
    }

    /// A ratio, recorded by this name: more is better.
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

/// Round by round, one divided by the other: what disturbed a round disturbed both.
pub fn ratios(ours: &[f64], reference: &[f64]) -> Vec<f64> {
    ours.iter().zip(reference).map(|(ours, reference)| ours / reference).collect()
}
