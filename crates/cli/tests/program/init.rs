//! `muster init`

use std::fs;

use crate::support::Place;

impl Place {
    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("it was written")
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).expect("a folder");
        let mut names: Vec<String> =
            names.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Values and origins as `muster config` shows them.
fn config(place: &Place) -> Vec<(String, String)> {
    let shown = place.json("config");
    let text = |setting: &serde_json::Value, key: &str| setting[key].as_str().expect("text").to_owned();
    shown
        .as_array()
        .expect("settings")
        .iter()
        .map(|setting| (text(setting, "value"), text(setting, "origin")))
        .collect()
}

#[test]
fn the_defaults_are_written_as_comments_and_change_nothing() {
    for (arguments, file) in [("", "muster.toml"), ("--env", ".env")] {
        let place = Place::new();
        let before = config(&place);
        let told = place.run(&format!("init --defaults --no-start {arguments}")).ok();
        assert_eq!(told, format!("wrote {file}\nstart the server: muster serve\n"));
        assert_eq!(place.names(), [file]);
        assert!(place.text(file).lines().all(|line| line.is_empty() || line.starts_with('#')), "{file}");
        assert_eq!(config(&place), before);
    }
}

#[test]
fn what_is_given_is_in_force_afterwards_and_the_password_is_shown_nowhere() {
    let options = "--listen 127.0.0.1:9 --database mysql://zk:ge%40heim@db/people --log info,server=debug";
    for (arguments, file, line) in [("", "muster.toml", "line 5"), ("--env", ".env", "line 6")] {
        let place = Place::new();
        let ran = place.run(&format!("init --no-start --log-format json {options} {arguments}"));
        assert!(!format!("{ran:?}").contains("heim"), "{ran:?}");
        ran.ok();
        let shown = place.run("config --log trace");
        assert!(!format!("{shown:?}").contains("heim"), "{shown:?}");
        for expected in ["127.0.0.1:9 ", line, "mysql://zk:***@db/people"] {
            assert!(shown.out.contains(expected), "{expected}: {}", shown.out);
        }
        let written = place.text(file);
        assert!(written.contains("ge%40heim") && written.contains("info,server=debug"), "{written}");
    }
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_to_be_replaced_and_even_then_as_a_copy() {
    let place = Place::new();
    let write = |text: &str| fs::write(place.path().join("muster.toml"), text).expect("ours");
    write("delay_s = 5\n");
    let refused = place.run("init --defaults --no-start").failed(1);
    assert!(
        refused.starts_with("error: muster.toml exists already") && refused.contains("--force"),
        "{refused}"
    );
    assert_eq!(place.text("muster.toml"), "delay_s = 5\n");

    // One that is broken can be replaced as well.
    write("delay_s = \n");
    let told = place.run("init --defaults --no-start --force").ok();
    assert!(told.starts_with("wrote muster.toml; the previous file is muster.toml.bak\n"), "{told}");
    assert_eq!(place.text("muster.toml.bak"), "delay_s = \n");
    let again = place.json("init --defaults --no-start --force");
    assert_eq!(again["backup"], "muster.toml.bak2");
    assert_eq!(place.text("muster.toml.bak"), "delay_s = \n");
    assert_eq!(place.names(), ["muster.toml", "muster.toml.bak", "muster.toml.bak2"]);
}

#[test]
fn what_cannot_be_meant_writes_nothing() {
    let place = Place::new();
    for (arguments, told) in [
        ("--listen 9081", "want an address and a port"),
        ("--database mysql://zk:geheim/people", "want a user before the host"),
        ("--env --config other.toml", "want only one of them"),
    ] {
        let told_in = place.run(&format!("init --no-start {arguments}")).failed(2);
        assert!(told_in.contains(told) && !told_in.contains("geheim"), "{told_in}");
    }
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn the_file_of_config_is_the_one_that_is_written() {
    let place = Place::new();
    let told = place.run("init --no-start --config other.toml --admission open").ok();
    assert!(told.ends_with("start the server: muster serve --config other.toml\n"), "{told}");
    assert!(place.run("config --config other.toml").ok().contains("other.toml line "));
}

#[test]
fn a_variable_that_is_stronger_is_told() {
    let place = Place::new();
    fs::write(place.path().join(".env"), "PORT=9081\n").expect("ours");
    let told = place.run("init --no-start --listen 127.0.0.1:9").err;
    assert_eq!(told, "PORT in .env line 1 overrides listen in muster.toml\n");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    for (arguments, file) in [("", "muster.toml"), ("--env", ".env")] {
        let place = Place::new();
        // What a run that died left behind, for all to read.
        fs::write(place.path().join(format!("{file}.new")), "").expect("ours");
        place.run(&format!("init --no-start {arguments}")).ok();
        let mode = fs::metadata(place.path().join(file)).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn where_nobody_can_answer_it_starts_the_server_with_the_defaults() {
    let place = Place::new();
    let server = place.start("init --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0");
    assert!(server.listen.starts_with("127.0.0.1:"), "{}", server.listen);
    assert!(place.run("user list").ok().contains("there is nobody yet"), "commands find its database");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.starts_with("wrote muster.toml\n") && log.contains("stopped"), "{log}");
    assert!(place.text("muster.toml").contains("\nlisten = \"127.0.0.1:0\"\n"));
    place.start("serve").kill();
}
