//! Recorded ratios, and comparison of new measurements with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::row::{On, Row};

/// Ratios by build, engine and name.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratios(BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>);

/// The fraction of a recorded ratio that must be reached.
const LEAST: f64 = 2.0 / 3.0;

impl Ratios {
    /// The file of recorded ratios.
    pub fn file() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("ratios.toml")
    }

    /// Reads them.
    ///
    /// # Errors
    /// The file has another format.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", file.display()))
    }

    /// Replaces recorded ratios by measured ones and writes the file; its comments stay.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(&mut self, rows: &[Row], file: &Path) -> anyhow::Result<()> {
        for (row, name) in named(rows) {
            let engines = self.0.entry(build().to_owned()).or_default();
            let rounded = (row.value * 1e5).round() / 1e5;
            engines.entry(engine(row.on).to_owned()).or_default().insert(name.to_owned(), rounded);
        }
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let comments: String =
            text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
        std::fs::write(file, format!("{comments}\n{}", toml::to_string(self)?))?;
        Ok(())
    }

    /// Describes, with its scenario, each ratio that fell by more than a third or that is not recorded.
    pub fn fallen<'a>(&self, rows: &'a [Row]) -> Vec<(&'a str, String)> {
        let mut fallen = Vec::new();
        for (row, name) in named(rows) {
            let (build, engine, value) = (build(), engine(row.on), row.value);
            let recorded = self.0.get(build).and_then(|engines| engines.get(engine)?.get(name));
            let problem = match recorded {
                None => format!("{build}.{engine}.{name} is not recorded: scripts/bench --record"),
                Some(recorded) if value >= recorded * LEAST => continue,
                Some(recorded) => format!(
                    "{build}.{engine}.{name} fell to {value:.3} from {recorded:.3} ({}): more than a third",
                    row.what
                ),
            };
            fallen.push((row.scenario.as_str(), problem));
        }
        fallen
    }
}

fn named(rows: &[Row]) -> impl Iterator<Item = (&Row, &str)> {
    rows.iter().filter_map(|row| Some((row, row.ratio.as_deref()?)))
}

const fn engine(on: On) -> &'static str {
    match on {
        On::Sqlite => "sqlite",
        On::MariaDb => "mariadb",
        On::Neither => "neither",
    }
}

/// The build of this program and of the server beside it.
const fn build() -> &'static str {
    if cfg!(debug_assertions) { "dev" } else { "release" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_may_fall_by_a_third_and_no_more() {
        let recorded = format!("[{}.sqlite]\nidle = 0.9\n", build());
        let recorded: Ratios = toml::from_str(&recorded).expect("ratios");
        let measured = |value| [Row::new("idle", "polls", On::Sqlite, &[value]).ratio("idle")];
        assert!(recorded.fallen(&measured(0.61)).is_empty());
        assert!(recorded.fallen(&measured(2.0)).is_empty());
        assert_eq!(recorded.fallen(&measured(0.59))[0].0, "idle");
        assert_eq!(recorded.fallen(&measured(f64::NAN)).len(), 1, "NaN is no ratio");
        let other = [Row::new("idle", "polls", On::MariaDb, &[0.9]).ratio("idle")];
        assert_eq!(recorded.fallen(&other).len(), 1, "an unrecorded ratio is reported");
    }

    #[test]
    fn recorded_ratios_read_back_and_comments_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ratios.toml");
        std::fs::write(&file, "# The machine.\n\n[old.sqlite]\nx = 1.0\n").expect("written");
        let mut ratios = Ratios::read(&file).expect("read");
        let rows = [Row::new("idle", "polls", On::Sqlite, &[0.5]).ratio("idle")];
        ratios.record(&rows, &file).expect("recorded");
        assert!(std::fs::read_to_string(&file).expect("text").starts_with("# The machine.\n"));
        assert_eq!(Ratios::read(&file).expect("read"), ratios);
        assert!(ratios.fallen(&rows).is_empty());
    }
}
