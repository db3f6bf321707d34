//! The texts of all settings, each with its origin, before they become values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use server::config::Admission;

use super::setting::{SETTINGS, Setting};
use super::{Sources, file, mask, value};
use crate::failure::usage;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it; from what it follows, where it is no fixed value.
    Default(&'static str),
    /// `muster.toml`, or the file of `--config`.
    File {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// An option of the command line.
    CommandLine(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default("") => f.write_str("default"),
            Self::Default(derived) => write!(f, "default ({derived})"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::CommandLine(name) => write!(f, "command line --{}", name.replace('_', "-")),
        }
    }
}

/// The text of a setting and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// As it was written.
    pub text: String,
    /// Where.
    pub origin: Origin,
}

/// The texts of all settings.
#[derive(Clone, Debug)]
pub struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Puts the sources over each other.
    pub fn read(sources: &Sources) -> anyhow::Result<Self> {
        let default = |setting: &Setting| Value {
            text: setting.default.to_owned(),
            origin: Origin::Default(setting.derived),
        };
        let mut values: BTreeMap<_, _> =
            SETTINGS.iter().map(|setting| (setting.name, default(setting))).collect();
        if let Some((path, text)) = &sources.file {
            values.extend(file::read(path, text)?);
        }
        let set = |name: &str| {
            // What is empty is as good as absent: that is how it is taken away where variables are listed.
            let found =
                sources.environment.iter().find(|(variable, text)| variable == name && !text.is_empty());
            found.map(|(_, text)| text.clone())
        };
        if set("DEBUG").is_some_and(|text| value::truth(&text) == Ok(true)) {
            let origin = Origin::Environment("DEBUG".to_owned());
            values.insert("log", Value { text: "debug".to_owned(), origin });
        }
        for setting in SETTINGS {
            let variable = setting.variable();
            if let Some(text) = set(&variable) {
                values.insert(setting.name, Value { text, origin: Origin::Environment(variable) });
            }
        }
        for (name, text) in &sources.command_line {
            values.insert(name, Value { text: text.clone(), origin: Origin::CommandLine(name) });
        }
        Ok(Self(values))
    }

    /// Fills in the defaults that follow from something else.
    #[must_use]
    pub fn with_derived(mut self, data_dir: &Path, admission: Admission) -> Self {
        let privilege = match admission {
            Admission::Approve => "hold",
            Admission::Open => "accept",
        };
        for (name, text) in [
            ("database", format!("sqlite://{}", data_dir.join("muster.db").display())),
            ("privilege", privilege.to_owned()),
            ("time_zone", value::machine_zone()),
        ] {
            if let Some(value) =
                self.0.get_mut(name).filter(|value| matches!(value.origin, Origin::Default(_)))
            {
                value.text = text;
            }
        }
        self
    }

    /// The value of a setting, read by `read`.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: where the value stands, and what is wanted.
    pub fn get<T>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> anyhow::Result<T> {
        let Value { text, origin } = self.value(name);
        read(text).map_err(|want| usage(format!("{origin}: {name} is {:?}: {want}", mask(text))))
    }

    /// The text of a setting.
    pub fn value(&self, name: &str) -> &Value {
        self.0.get(name).expect("every setting of the table has a value")
    }
}

/// Variables that begin like ours and name no setting, each with the one that may be meant. Only those that are near
/// to one: orchestrators set variables of their own for a service that is called muster.
pub fn misspelled(environment: &[(String, String)]) -> Vec<(String, String)> {
    let near = |variable: &str| {
        let all = SETTINGS.iter().map(Setting::variable);
        all.map(|ours| (strsim::damerau_levenshtein(&ours, variable), ours))
            .min()
            .filter(|(far, _)| (1..=3).contains(far))
    };
    let ours = environment.iter().filter(|(variable, _)| variable.starts_with("MUSTER_"));
    ours.filter_map(|(variable, _)| Some((variable.clone(), near(variable)?.1))).collect()
}
