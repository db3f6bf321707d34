mod old_names;

use listener::{Admission, Attendance};
use sync::intake::PrivilegePolicy;

use super::*;
use crate::failure::Usage;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.to_owned(), is_exposed: false }
}

fn dotenv(text: &str) -> Sources {
    Sources { dotenv: Some(source(".env", text)), ..Sources::default() }
}

fn file(text: &str) -> Sources {
    Sources { file: Some(source("muster.toml", text)), ..Sources::default() }
}

fn read(sources: &Sources) -> Settings {
    Settings::read(sources).expect("right settings")
}

fn refused(sources: &Sources) -> String {
    let error = Settings::read(sources).expect_err("wrong settings");
    assert!(error.is::<Usage>(), "{error:#}");
    error.to_string()
}

fn origin(settings: &Settings, name: &str) -> (String, String) {
    let (_, value) = settings.shown().find(|(setting, _)| setting.name == name).expect("a setting");
    (value.text, value.origin.to_string())
}

#[test]
fn nothing_has_to_be_set() {
    let settings = read(&Sources::default());
    assert_eq!(settings.server.devices.listen.to_string(), "0.0.0.0:8081");
    assert_eq!(settings.database, "sqlite://muster-data/muster.db");
    assert_eq!(settings.server.devices.attendance, Attendance::Discard);
    assert_eq!(settings.server.devices.fleet.undo, Duration::from_hours(7 * 24));
    assert_eq!(settings.server.devices.max_body_bytes, 33_554_432);
    assert_eq!(settings.server.devices.limits.answer_ms, sync::Limits::default().answer_ms);
    assert!(settings.shown().all(|(_, value)| matches!(value.origin, Origin::Default(_))));
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let mut sources = file("delay_s = 5\n\nlisten = \"127.0.0.1:1\"\nadmission = \"open\"\n");
    sources.environment = variables(&[("MUSTER_LISTEN", "127.0.0.1:2"), ("MUSTER_ADMISSION", "approve")]);
    sources.command_line = vec![("listen", "127.0.0.1:3".to_owned())];
    let settings = read(&sources);
    assert_eq!(settings.server.devices.listen.port(), 3);
    assert_eq!(settings.server.devices.admission, Admission::Approve);
    assert_eq!(settings.server.devices.upload.delay_s, 5);
    let told = |text: &str, origin: &str| (text.to_owned(), origin.to_owned());
    assert_eq!(origin(&settings, "listen"), told("127.0.0.1:3", "command line --listen"));
    assert_eq!(origin(&settings, "admission"), told("approve", "environment MUSTER_ADMISSION"));
    assert_eq!(origin(&settings, "delay_s"), told("5", "muster.toml line 1"));
    assert_eq!(origin(&settings, "error_delay_s"), told("60", "default"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    let message = refused(&file("# times\ntime-zone = \"UTC\"\n"));
    assert_eq!(message, "muster.toml line 2: unknown key time-zone; is time_zone meant?");
    let message = refused(&file("delay = 5"));
    assert_eq!(message, "muster.toml line 1: unknown key delay; is delay_s meant?");
    let message = refused(&file("colour = \"blue\""));
    assert!(message.contains("there are listen, admin_listen"), "{message}");
    let message = refused(&file("[server]\nlisten = \"0.0.0.0:1\""));
    assert!(message.starts_with("muster.toml line 1: unknown key server"), "{message}");
}

#[test]
fn a_bad_value_names_its_place_and_what_is_wanted() {
    let message = refused(&file("delay_s = 1"));
    assert_eq!(message, "muster.toml line 1: delay_s is \"1\": want a whole number of seconds, 2 to 60");
    let sources = Sources { environment: variables(&[("MUSTER_DELETION", "undo")]), ..Sources::default() };
    let message = refused(&sources);
    assert_eq!(message, "environment MUSTER_DELETION: deletion is \"undo\": want propagate, restore or ask");
    let sources = Sources { command_line: vec![("listen", "8081".into())], ..Sources::default() };
    assert!(refused(&sources).starts_with("command line --listen: listen is \"8081\": want an address"));
}

#[test]
fn how_long_an_answer_may_take_can_be_set() {
    assert_eq!(read(&file("answer_timeout_s = 5")).server.devices.limits.answer_ms, 5_000);
    let message = refused(&file("answer_timeout_s = 4"));
    assert!(message.ends_with("want a whole number of seconds, 5 to 3600"), "{message}");
}

#[test]
fn a_value_of_another_shape_is_refused() {
    assert!(refused(&file("delay_s = 5.0")).contains("delay_s is float"), "a float");
    assert!(refused(&file("log = { level = 1 }")).contains("log is table"), "a table");
    assert!(refused(&file("delay_s = ")).starts_with("muster.toml line 1: "), "no TOML");
    assert!(refused(&file("delay_s = 5\ndelay_s = 6")).starts_with("muster.toml line 2: "), "a key twice");
}

#[test]
fn times_of_day_can_be_one_text_or_several() {
    let times = vec![(0, 0), (14, 5)];
    assert_eq!(read(&file("trans_times = \"00:00;14:05\"")).server.devices.upload.trans_times, times);
    assert_eq!(read(&file("trans_times = [\"00:00\", \"14:05\"]")).server.devices.upload.trans_times, times);
    assert!(refused(&file("trans_times = \"25:00\"")).contains("25:00 is not a time of day"));
}

#[test]
fn defaults_follow_from_other_settings() {
    let settings = read(&file("data_dir = \"/var/lib/muster\"\nadmission = \"open\""));
    assert_eq!(settings.database, "sqlite:///var/lib/muster/muster.db");
    assert_eq!(settings.server.devices.privilege, Some(PrivilegePolicy::Accept));
    assert_eq!(origin(&settings, "privilege").1, "default (admission)");
    assert_eq!(read(&Sources::default()).server.devices.privilege, Some(PrivilegePolicy::Hold));
}

#[test]
fn debug_in_the_environment_is_a_log_level_and_muster_log_is_stronger() {
    let mut sources = file("log = \"warn\"");
    sources.environment = variables(&[("DEBUG", "true")]);
    assert_eq!(origin(&read(&sources), "log"), ("debug".to_owned(), "environment DEBUG".to_owned()));
    sources.environment = variables(&[("DEBUG", "true"), ("MUSTER_LOG", "error")]);
    assert_eq!(origin(&read(&sources), "log").0, "error");
    for quiet in ["false", "0", "", "express:*"] {
        sources.environment = variables(&[("DEBUG", quiet)]);
        assert_eq!(origin(&read(&sources), "log").0, "warn", "{quiet}");
    }
}

#[test]
fn an_empty_variable_is_as_good_as_absent() {
    let sources = Sources { environment: variables(&[("MUSTER_LISTEN", "")]), ..Sources::default() };
    assert_eq!(origin(&read(&sources), "listen").1, "default");
}

#[test]
fn a_misspelled_variable_is_noticed_and_a_foreign_one_is_not() {
    let sources = Sources {
        environment: variables(&[
            ("MUSTER_TIMEZONE", "UTC"),
            ("MUSTER_SERVICE_HOST", "10.0.0.1"),
            ("MUSTER_LISTEN", "0.0.0.0:1"),
        ]),
        ..Sources::default()
    };
    let expected = ["environment MUSTER_TIMEZONE is no setting; is MUSTER_TIME_ZONE meant?"];
    assert_eq!(read(&sources).warnings, expected);
    let expected = ["MUSTER_TIMEZONE in .env line 2 is no setting; is MUSTER_TIME_ZONE meant?"];
    assert_eq!(read(&dotenv("\nMUSTER_TIMEZONE=UTC")).warnings, expected);
}

#[test]
fn a_time_zone_is_an_iana_name() {
    let settings = read(&file("time_zone = \"Europe/Vienna\""));
    assert_eq!(settings.server.devices.fleet.time_zone.iana_name(), Some("Europe/Vienna"));
    let message = refused(&file("time_zone = \"Europe/Viena\""));
    assert!(message.ends_with("for example Europe/Vienna; is Europe/Vienna meant?"), "{message}");
}

#[test]
fn a_database_server_and_its_connections_can_be_set() {
    let settings = read(&file("database = \"mariadb://muster:geheim@db/muster\"\ndatabase_pool = 40"));
    assert_eq!((settings.database.as_str(), settings.database_pool), ("mysql://muster:geheim@db/muster", 40));
    assert_eq!(origin(&settings, "database").0, "mariadb://muster:***@db/muster");
    assert_eq!(read(&Sources::default()).database_pool, 16);
    for wrong in ["1", "201", "many"] {
        let message = refused(&file(&format!("database_pool = \"{wrong}\"")));
        assert!(message.ends_with("want a whole number of connections, 2 to 200"), "{message}");
    }
}

#[test]
fn a_wrong_database_is_told_without_its_password() {
    for url in [
        "oracle://m:geheim@db",
        "mysql://m:geheim@db",
        "mysql://m:geheim",
        "muster:geheim@db/muster",
        "mysql://m:12/geheim@db/muster",
        "mysql://db/muster?user=m&password=geheim",
    ] {
        let sources = Sources { command_line: vec![("database", url.into())], ..Sources::default() };
        let message = refused(&sources);
        assert!(message.starts_with("command line --database: database is "), "{message}");
        assert!(message.contains(": want ") && !message.contains("geheim"), "{url}: {message}");
    }
}

#[test]
fn every_setting_is_documented_once_and_has_a_variable_of_its_own() {
    let mut names: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
    assert!(SETTINGS.iter().all(|setting| !setting.about.is_empty()));
}

#[test]
fn the_limit_of_taking_a_device_in_is_no_shorter_than_the_pause() {
    let settings = read(&Sources::default());
    assert_eq!(
        (settings.server.devices.adopt_quiet.as_secs(), settings.server.devices.adopt_limit.as_secs()),
        (30, 3_600)
    );
    assert_eq!(read(&file("adopt_limit_s = 30\n")).server.devices.adopt_limit.as_secs(), 30);

    let message = refused(&file("adopt_quiet_s = 90\nadopt_limit_s = 60\n"));

    assert!(message.ends_with("want a whole number of seconds, 90 to 86400"), "{message}");
}
