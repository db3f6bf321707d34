//! Which log lines are written.

use tracing_subscriber::EnvFilter;

/// A level, or directives as `tracing` knows them (`info,server=debug`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    directives: String,
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFilter {
    /// Only what should not be.
    pub fn warnings() -> Self {
        Self { directives: "warn".to_owned() }
    }

    /// Reads a level or directives.
    ///
    /// # Errors
    /// In words.
    pub fn read(text: &str) -> Result<Self, String> {
        let level = text.to_ascii_lowercase();
        if LEVELS.contains(&level.as_str()) {
            // A level is meant for what we do, not for each statement of the driver.
            let quiet = matches!(level.as_str(), "debug" | "trace");
            let directives =
                if quiet { format!("{level},sqlx=warn,hyper=warn,hyper_util=warn") } else { level };
            return Ok(Self { directives });
        }
        let looks_right = text.contains(['=', ',']) && EnvFilter::try_new(text).is_ok();
        if looks_right {
            Ok(Self { directives: text.to_owned() })
        } else {
            Err("want error, warn, info, debug or trace, or directives such as info,server=debug".to_owned())
        }
    }

    /// As the subscriber wants it.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.directives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_leaves_the_driver_quiet() {
        assert_eq!(
            LogFilter::read("DEBUG").map(|f| f.directives).as_deref(),
            Ok("debug,sqlx=warn,hyper=warn,hyper_util=warn")
        );
        assert_eq!(LogFilter::read("warn").map(|f| f.directives).as_deref(), Ok("warn"));
    }

    #[test]
    fn directives_are_taken_and_nonsense_is_not() {
        assert!(LogFilter::read("info,server=trace").is_ok());
        for nonsense in ["", "loud", "server=loud", "=,="] {
            assert!(LogFilter::read(nonsense).is_err(), "{nonsense}");
        }
    }
}
