//! Writes a file of settings. The file explains every setting. Chosen settings are active; all others are comments that
//! show the default.

use std::fmt::Write as _;

use super::setting::{SETTINGS, Setting};
use super::{Settings, dotenv};

const TOML: &str = "\
# Settings of Muster. A setting after a # is not set: the line shows its default.
# The environment and .env override this file. `muster config` shows each value in force, and where it was set.
";

const DOTENV: &str = "\
# Settings of Muster. A variable after a # is not set: the line shows its default.
# The environment overrides this file. `muster config` shows each value in force, and where it was set.
# You can set DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME instead of MUSTER_DATABASE, and PORT instead of MUSTER_LISTEN.
";

/// As `muster.toml`. `settings` are those where only the chosen ones are set.
pub fn toml(settings: &Settings, chosen: &[(&'static str, String)]) -> String {
    file(TOML, settings, chosen, |setting, text| {
        let is_bare = matches!(text, "true" | "false")
            || text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        let value = if is_bare { text.to_owned() } else { toml::Value::String(text.to_owned()).to_string() };
        format!("{} = {value}", setting.name)
    })
}

/// As `.env`.
pub fn dotenv(settings: &Settings, chosen: &[(&'static str, String)]) -> String {
    file(DOTENV, settings, chosen, |setting, text| format!("{}={}", setting.variable(), dotenv::quoted(text)))
}

fn file(
    head: &str,
    settings: &Settings,
    chosen: &[(&'static str, String)],
    line: impl Fn(&Setting, &str) -> String,
) -> String {
    let mut file = head.to_owned();
    for setting in SETTINGS {
        let follows = if setting.derived.is_empty() {
            ""
        } else {
            &format!("; the default follows {}", setting.derived)
        };
        let _ = write!(file, "\n# {}{follows}\n", setting.about);
        let _ = match chosen.iter().find(|(name, _)| *name == setting.name) {
            Some((_, text)) => writeln!(file, "{}", line(setting, text)),
            None => writeln!(file, "# {}", line(setting, settings.text(setting.name))),
        };
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceFile, Sources};

    type Written = fn(&Settings, &[(&'static str, String)]) -> String;

    fn odd_choice() -> Vec<(&'static str, String)> {
        [
            ("database", "mysql://zk:ge%40heim@db:3306/people?ssl-mode=REQUIRED&ssl-ca=/etc/ca.pem"),
            ("data_dir", "/var/lib/it's \"mu$ter\" #1"),
            ("delay_s", "5"),
            ("realtime", "false"),
            ("trans_times", "00:00;14:05"),
            ("log", "info,server=debug"),
        ]
        .map(|(name, text)| (name, text.to_owned()))
        .to_vec()
    }

    fn chosen_only(chosen: &[(&'static str, String)]) -> Settings {
        Settings::read(&Sources { command_line: chosen.to_vec(), ..Sources::default() })
            .expect("right settings")
    }

    fn read_back(of: Written, text: String) -> Settings {
        let is_dotenv = of as usize == dotenv as Written as usize;
        let source = Some(SourceFile { path: "written".into(), text, is_exposed: false });
        let sources = if is_dotenv {
            Sources { dotenv: source, ..Sources::default() }
        } else {
            Sources { file: source, ..Sources::default() }
        };
        Settings::read(&sources).expect("what was written is right")
    }

    fn texts(settings: &Settings) -> Vec<&str> {
        SETTINGS.iter().map(|setting| settings.text(setting.name)).collect()
    }

    #[test]
    fn what_is_written_is_read_back_as_the_same_settings() {
        for chosen in [Vec::new(), odd_choice()] {
            let settings = chosen_only(&chosen);
            for of in [toml as Written, dotenv as Written] {
                let text = of(&settings, &chosen);
                let again = read_back(of, text.clone());
                assert_eq!(texts(&again), texts(&settings), "{text}");
                let set = SETTINGS.iter().filter(|setting| again.is_set(setting.name)).count();
                assert_eq!(set, chosen.len(), "only what was chosen is active: {text}");
            }
        }
    }

    #[test]
    fn every_setting_stands_there_with_its_default_and_what_it_does() {
        let settings = chosen_only(&[]);
        for of in [toml as Written, dotenv as Written] {
            let text = of(&settings, &[]);
            assert!(SETTINGS.iter().all(|setting| text.contains(setting.about)), "{text}");
            let is_setting = |line: &&str| {
                let name = line.trim_start_matches("# ").split([' ', '=']).next().unwrap_or_default();
                Setting::named(&name.trim_start_matches("MUSTER_").to_lowercase()).is_some()
                    && line.contains('=')
            };
            let active: Vec<&str> =
                text.lines().filter(is_setting).map(|line| line.trim_start_matches("# ")).collect();
            assert_eq!(active.len(), SETTINGS.len(), "{text}");
            let again = read_back(of, active.join("\n"));
            assert_eq!(texts(&again), texts(&settings), "the defaults that are shown are right: {text}");
        }
    }
}
