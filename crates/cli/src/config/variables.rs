//! Variables of the environment and of `.env`, and the settings that they set.
//!
//! Besides `MUSTER_` and the name of a setting, Muster reads the names that older device servers use: `DB_HOST`,
//! `DB_PORT`, `DB_USER`, `DB_PASSWORD`, `DB_NAME`, `PORT` and `DEBUG`.

use std::fmt;
use std::path::PathBuf;

use super::database_url::{self, Server};
use super::setting::{SETTINGS, Setting};
use super::values::{Origin, Value};
use super::{SourceFile, Sources, dotenv, mask, value};
use crate::failure::usage;

/// The variables that together name a database. One of the first two must be set; otherwise the others have no effect.
const DATABASE: [&str; 5] = ["DB_HOST", "DB_NAME", "DB_PORT", "DB_USER", "DB_PASSWORD"];

/// Where a variable is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the environment.
    Environment,
    /// In `.env`.
    Dotenv {
        /// The path of the file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// A variable that is set. An empty variable counts as absent: that is how a list of variables removes one.
#[derive(Clone, Debug)]
pub struct Variable {
    name: String,
    text: String,
    place: Place,
}

/// All variables.
#[derive(Debug)]
pub struct Variables {
    /// Those of the environment first.
    all: Vec<Variable>,
}

/// The names of variables, and where they are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named(Vec<(String, Place)>);

impl Variables {
    /// Reads the environment and `.env`.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: a bad line of `.env`.
    pub fn read(sources: &Sources) -> anyhow::Result<Self> {
        let environment = sources.environment.iter().map(|(name, text)| Variable {
            name: name.clone(),
            text: text.clone(),
            place: Place::Environment,
        });
        let mut all: Vec<Variable> = environment.collect();
        if let Some(SourceFile { path, text, .. }) = &sources.dotenv {
            all.extend(dotenv::read(path, text)?.into_iter().map(|line| Variable {
                name: line.name,
                text: line.text,
                place: Place::Dotenv { path: path.clone(), line: line.number },
            }));
        }
        all.retain(|variable| !variable.text.is_empty());
        Ok(Self { all })
    }

    /// The settings of the environment, or those of `.env`; each that is `wanted`.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: the parts of a database do not fit together.
    pub fn settings(
        &self,
        of_environment: bool,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<(&'static str, Value)>> {
        let mut values = Vec::new();
        for setting in SETTINGS.iter().filter(|setting| wanted(setting.name)) {
            let ours = setting.variable();
            let ours = self.all.iter().find(|variable| {
                variable.name == ours && (variable.place == Place::Environment) == of_environment
            });
            let value = match ours {
                Some(variable) => {
                    Some(Value { text: variable.text.clone(), origin: Origin::Variables(variable.into()) })
                }
                None => self.old(setting.name, of_environment)?,
            };
            values.extend(value.map(|value| (setting.name, value)));
        }
        Ok(values)
    }

    /// The value of a setting from the older names.
    fn old(&self, setting: &str, of_environment: bool) -> anyhow::Result<Option<Value>> {
        let is_here = |variable: &&Variable| (variable.place == Place::Environment) == of_environment;
        let value = |variable: &Variable, text| Value { text, origin: Origin::Variables(variable.into()) };
        Ok(match setting {
            "database" => {
                let says_so = DATABASE[..2].iter().filter_map(|name| self.find(name));
                // A password may stand in the environment and the rest in `.env`, or the other way round.
                let is_of_environment = says_so.clone().any(|variable| variable.place == Place::Environment);
                let is_set = says_so.count() > 0;
                if is_set && is_of_environment == of_environment { Some(self.database()?) } else { None }
            }
            "listen" => self
                .find("PORT")
                .filter(is_here)
                .map(|variable| value(variable, format!("0.0.0.0:{}", variable.text))),
            "log" => self
                .find("DEBUG")
                .filter(is_here)
                .filter(|variable| value::truth(&variable.text) == Ok(true))
                .map(|variable| value(variable, "debug".to_owned())),
            _ => None,
        })
    }

    /// The database that the old names name together.
    fn database(&self) -> anyhow::Result<Value> {
        let text = |name| self.find(name).map(|variable| variable.text.as_str());
        let wrong = |name, want: String| {
            let at = self.find(name).map(|variable| Named::from(variable).to_string()).unwrap_or_default();
            usage(format!("{at}: {:?}: {want}", mask(text(name).unwrap_or_default())))
        };
        let set: Vec<&Variable> = DATABASE.iter().filter_map(|name| self.find(name)).collect();
        let origin =
            Named(set.iter().map(|variable| (variable.name.clone(), variable.place.clone())).collect());
        let Some(user) = text("DB_USER") else {
            return Err(usage(format!(
                "{origin}: DB_USER is not set: want a user of the database server, with DB_PASSWORD if it has one"
            )));
        };
        database_url::user(user).map_err(|want| wrong("DB_USER", want))?;
        let host = text("DB_HOST").unwrap_or("localhost");
        database_url::host(host)
            .map_err(|want| wrong("DB_HOST", format!("{want}; the port stands in DB_PORT")))?;
        let port = text("DB_PORT").unwrap_or(database_url::PORT);
        let port = database_url::port(port).map_err(|want| wrong("DB_PORT", want))?;
        let name = text("DB_NAME").unwrap_or("muster");
        database_url::name(name).map_err(|want| wrong("DB_NAME", want))?;
        let server = Server { host, port, user, password: text("DB_PASSWORD").unwrap_or_default(), name };
        Ok(Value { text: server.url(), origin: Origin::Variables(origin) })
    }

    /// The variable of this name that counts.
    fn find(&self, name: &str) -> Option<&Variable> {
        self.all.iter().find(|variable| variable.name == name)
    }

    /// Warnings about variables that probably have another effect than intended.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.misspelled();
        let is_named = DATABASE[..2].iter().any(|name| self.find(name).is_some());
        for part in DATABASE[2..].iter().filter_map(|name| self.find(name)) {
            // In the environment it may be meant for another program.
            if !is_named && part.place != Place::Environment {
                let part = Named::from(part);
                warnings.push(format!("{part} has no effect: set DB_HOST or DB_NAME as well"));
            }
        }
        warnings
    }

    /// Variables that begin with `MUSTER_` and are probably misspelled, each with the likely name. A name that resembles
    /// no setting is left out: orchestrators set their own variables for a service with the name muster.
    fn misspelled(&self) -> Vec<String> {
        let near = |variable: &str| {
            let all = SETTINGS.iter().map(Setting::variable);
            all.map(|ours| (strsim::damerau_levenshtein(&ours, variable), ours))
                .min()
                .filter(|(far, _)| (1..=3).contains(far))
        };
        let ours = self.all.iter().filter(|variable| variable.name.starts_with("MUSTER_"));
        ours.filter_map(|variable| {
            let (_, meant) = near(&variable.name)?;
            Some(format!("{} is no setting; is {meant} meant?", Named::from(variable)))
        })
        .collect()
    }

    /// Whether `.env` holds a password.
    pub fn is_secret(&self) -> bool {
        self.all.iter().filter(|variable| variable.place != Place::Environment).any(|variable| {
            variable.name == "DB_PASSWORD"
                || (variable.name == "MUSTER_DATABASE" && mask(&variable.text) != variable.text)
        })
    }
}

impl From<&Variable> for Named {
    fn from(variable: &Variable) -> Self {
        Self(vec![(variable.name.clone(), variable.place.clone())])
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |of_environment: bool| {
            let here = self.0.iter().filter(|(_, place)| (*place == Place::Environment) == of_environment);
            here.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let first = self.0.iter().filter_map(|(_, place)| match place {
            Place::Environment => None,
            Place::Dotenv { path, line } => Some((line, path)),
        });
        let environment = names(true);
        if !environment.is_empty() {
            write!(f, "environment {environment}")?;
        }
        if let Some((line, path)) = first.min() {
            let between = if environment.is_empty() { "" } else { "; " };
            write!(f, "{between}{} in {} line {line}", names(false), path.display())?;
        }
        Ok(())
    }
}
