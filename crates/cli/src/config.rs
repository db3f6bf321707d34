//! The settings of the program: defaults, `muster.toml`, `.env`, environment and command line. Each source overrides
//! those before it.
//!
//! Every value keeps its origin, for errors and for `muster config`.

pub mod database_url;
mod dotenv;
mod file;
mod log_filter;
mod mask;
mod setting;
mod sources;
pub mod value;
mod values;
mod variables;
pub mod written;

use std::path::PathBuf;
use std::time::Duration;

use fleet::Rules;
use listener::{REQUEST_WAIT, UploadSchedule};
use server::config::{Config, Retention};

use self::variables::Variables;

pub use self::log_filter::LogFilter;
pub use self::mask::mask;
pub use self::setting::{SETTINGS, Setting};
pub use self::sources::{DOTENV, FILE, SourceFile, Sources};
pub use self::value::LogFormat;
pub use self::values::{Origin, Value, Values};

/// All settings of the program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The settings of the server.
    pub server: Config,
    /// URL of the database. May hold a password: see [`mask()`].
    pub database: String,
    /// How many connections one server keeps to a MySQL or MariaDB server.
    pub database_pool: u32,
    /// Which log lines are written.
    pub log: LogFilter,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Warnings about settings that probably have another effect than intended.
    pub warnings: Vec<String>,
    values: Values,
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: an unknown key of the file, or a wrong value; each with its place.
    pub fn read(sources: &Sources) -> anyhow::Result<Self> {
        let variables = Variables::read(sources)?;
        let of_file = match &sources.file {
            Some(source) => file::read(&source.path, &source.text)?,
            None => Vec::new(),
        };
        let warnings = warnings(sources, &variables, &of_file);
        let values = Values::read(&sources.command_line, &variables, of_file)?;
        let data_dir: PathBuf = values.get("data_dir", value::folder)?;
        let admission = values.get("admission", value::admission)?;
        let values = values.with_derived(&data_dir, admission);
        let adopt_quiet_s =
            values.get("adopt_quiet_s", |text| value::number::<u64>(text, 0..=3600, "seconds"))?;
        let seconds = |name, range| values.get(name, |text| value::number(text, range, "seconds"));
        let fleet = Rules {
            system_commands: values.get("system_commands", value::truth)?,
            time_zone: values.get("time_zone", value::time_zone)?,
            enrolment: values.get("enrolment", value::enrolment)?,
            undo: Duration::from_hours(
                24 * values.get("undo_days", |text| value::number::<u64>(text, 0..=3650, "days"))?,
            ),
        };
        let devices = listener::Config {
            listen: values.get("listen", value::address)?,
            fleet,
            admission,
            upload: UploadSchedule {
                realtime: values.get("realtime", value::truth)?,
                trans_times: values.get("trans_times", listener::trans_times)?,
                trans_interval_min: values
                    .get("trans_interval_min", |text| value::number(text, 0..=1440, "minutes"))?,
                delay_s: seconds("delay_s", value::DELAY_S)?,
                error_delay_s: seconds("error_delay_s", value::ERROR_DELAY_S)?,
            },
            attendance: values.get("attendance", value::attendance)?,
            remote_attendance: values.get("remote_attendance", value::truth)?,
            deletion: values.get("deletion", value::deletion)?,
            cleared: values.get("cleared", value::cleared)?,
            privilege: Some(values.get("privilege", value::privilege)?),
            adopt_quiet: Duration::from_secs(adopt_quiet_s),
            adopt_limit: Duration::from_secs(values.get("adopt_limit_s", |text| {
                value::number::<u64>(text, adopt_quiet_s..=86_400, "seconds")
            })?),
            read_back_percent: values
                .get("read_back_percent", |text| value::number(text, 0..=100, "of 100 templates"))?,
            reread_days: values.get("reread_days", |text| value::number(text, 0..=365, "days"))?,
            reread_templates: values
                .get("reread_templates", |text| value::number(text, 0..=100, "templates"))?,
            limits: sync::Limits {
                answer_ms: 1000
                    * values.get("answer_timeout_s", |text| {
                        value::number::<i64>(text, value::ANSWER_TIMEOUT_S, "seconds")
                    })?,
                ..sync::Limits::default()
            },
            max_body_bytes: 1024
                * 1024
                * values.get("max_body_mib", |text| value::number::<usize>(text, 1..=1024, "MiB"))?,
            max_connections: values
                .get("max_connections", |text| value::number(text, value::CONNECTIONS, "connections"))?,
            max_requests: values
                .get("max_requests", |text| value::number(text, value::REQUESTS, "requests"))?,
            request_wait: REQUEST_WAIT,
            idle: Duration::from_secs(
                values.get("idle_timeout_s", |text| value::number(text, value::IDLE_S, "seconds"))?,
            ),
        };
        let server = Config {
            admin_listen: values.get("admin_listen", value::address)?,
            data_dir,
            retention: Retention {
                attendance: values.get("attendance_days", value::attendance_days)?,
                ..Retention::default()
            },
            devices,
        };
        Ok(Self {
            server,
            database: values.get("database", database_url::read)?,
            database_pool: values
                .get("database_pool", |text| value::number(text, value::POOL, "connections"))?,
            log: values.get("log", LogFilter::read)?,
            log_format: values.get("log_format", value::log_format)?,
            warnings,
            values,
        })
    }

    /// Each setting with its value and origin, in the order in which they are documented. Secrets are masked.
    pub fn shown(&self) -> impl Iterator<Item = (&'static Setting, Value)> {
        SETTINGS.iter().map(|setting| {
            let value = self.values.value(setting.name);
            (setting, Value { text: mask(&value.text), origin: value.origin.clone() })
        })
    }

    /// Whether a source sets the setting.
    pub fn is_set(&self, name: &str) -> bool {
        !matches!(self.origin(name), Origin::Default(_))
    }

    /// The default database: the URL of a file in the data directory.
    pub fn default_database(&self) -> String {
        values::default_database(&self.server.data_dir)
    }

    /// Where a setting was set.
    pub fn origin(&self, name: &str) -> &Origin {
        &self.values.value(name).origin
    }

    /// The text of a setting. The text of `database` may hold a password: see [`mask()`].
    pub fn text(&self, name: &str) -> &str {
        &self.values.value(name).text
    }
}

/// The warnings that Muster logs first.
fn warnings(sources: &Sources, variables: &Variables, of_file: &[(&'static str, Value)]) -> Vec<String> {
    let mut warnings = variables.warnings();
    let file_is_secret =
        of_file.iter().any(|(name, value)| *name == "database" && mask(&value.text) != value.text);
    for (source, is_secret) in [(&sources.dotenv, variables.is_secret()), (&sources.file, file_is_secret)] {
        if let Some(SourceFile { path, is_exposed: true, .. }) = source.as_ref().filter(|_| is_secret) {
            let path = path.display();
            warnings.push(format!("others can read the database's password in {path}: chmod 600 {path}"));
        }
    }
    warnings
}

/// The name of a time zone, as it is.
///
/// # Errors
/// The text is not the name of a time zone. The error is text for the operator.
pub fn time_zone_name(text: &str) -> Result<String, String> {
    value::time_zone(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
