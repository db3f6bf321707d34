//! The texts of all settings, each with its origin, before they become values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use listener::Admission;

use super::setting::SETTINGS;
use super::variables::{Named, Variables};
use super::{mask, value};
use crate::failure::usage;

/// The origin of a value.
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
    /// A variable of the environment or of `.env`; several where the value is put together from them.
    Variables(Named),
    /// An option of the command line.
    CommandLine(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default("") => f.write_str("default"),
            Self::Default(derived) => write!(f, "default ({derived})"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variables(variables) => variables.fmt(f),
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
    /// Puts the sources over each other: the strongest first, each later one where there is room left.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: variables that do not fit together.
    pub fn read(
        command_line: &[(&'static str, String)],
        variables: &Variables,
        of_file: Vec<(&'static str, Value)>,
    ) -> anyhow::Result<Self> {
        let mut values: BTreeMap<_, _> = command_line
            .iter()
            .map(|(name, text)| (*name, Value { text: text.clone(), origin: Origin::CommandLine(name) }))
            .collect();
        for of_environment in [true, false] {
            let found = variables.settings(of_environment, |name| !values.contains_key(name))?;
            values.extend(found);
        }
        for (name, value) in of_file {
            values.entry(name).or_insert(value);
        }
        for setting in SETTINGS {
            values.entry(setting.name).or_insert_with(|| Value {
                text: setting.default.to_owned(),
                origin: Origin::Default(setting.derived),
            });
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
            ("database", default_database(data_dir)),
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

/// The default database: the URL of a file in the data directory.
pub fn default_database(data_dir: &Path) -> String {
    format!("sqlite://{}", data_dir.join("muster.db").display())
}
