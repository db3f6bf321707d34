//! `muster config`, the command line, and what the server does at its start.

use std::fs;

use crate::support::Place;

#[test]
fn config_shows_each_value_and_where_it_was_set() {
    let place = Place::new();
    fs::write(place.path().join("muster.toml"), "delay_s = 5\nadmission = \"open\"\n").expect("ours");
    let shown = place
        .command("config --listen 127.0.0.1:9 --json")
        .env("MUSTER_UNDO_DAYS", "14")
        .output()
        .expect("the program runs");
    let shown: Vec<serde_json::Value> = serde_json::from_slice(&shown.stdout).expect("JSON");
    let told = |name: &str| {
        let setting = shown.iter().find(|setting| setting["name"] == name).expect("a setting");
        (setting["value"].as_str().unwrap_or_default(), setting["origin"].as_str().unwrap_or_default())
    };
    assert_eq!(told("listen"), ("127.0.0.1:9", "command line --listen"));
    assert_eq!(told("undo_days"), ("14", "environment MUSTER_UNDO_DAYS"));
    assert_eq!(told("delay_s"), ("5", "muster.toml line 1"));
    assert_eq!(told("privilege"), ("accept", "default (admission)"));
    assert_eq!(told("error_delay_s"), ("60", "default"));
    assert!(place.run("config").ok().contains("muster.toml line 2"));
}

#[test]
fn a_wrong_configuration_is_told_with_its_place_and_exit_code_2() {
    let place = Place::new();
    fs::write(place.path().join("muster.toml"), "\ntimezone = \"UTC\"\n").expect("ours");
    let message = place.run("device list").failed(2);
    assert_eq!(message, "error: muster.toml line 2: unknown key timezone; is time_zone meant?\n");
    assert!(place.run("config --config other.toml").failed(2).contains("there is no file other.toml"));
    fs::remove_file(place.path().join("muster.toml")).expect("ours");
    assert!(place.run("serve --admission maybe").failed(2).contains("want approve or open"));
    place.run("device frobnicate").failed(2);
}

#[test]
fn a_command_before_the_first_start_says_what_to_do() {
    let place = Place::new();
    let message = place.run("device list").failed(1);
    assert!(
        message.contains("there is no database muster-data/muster.db yet: start the server once"),
        "{message}"
    );
    assert!(!place.path().join("muster-data").exists(), "looking makes nothing");
}

#[cfg(unix)]
#[test]
fn the_first_start_makes_a_database_and_a_key_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let server = place.serve("");
    let mode =
        |name: &str| fs::metadata(place.path().join(name)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode("muster-data"), 0o700);
    for file in ["muster.key", "muster.db", "muster.db.lock"] {
        assert_eq!(mode(&format!("muster-data/{file}")), 0o600, "{file}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    let key = fs::read_to_string(place.path().join("muster-data/muster.key")).expect("text");
    assert!(!log.contains(key.trim()), "the key is not logged");
}

#[test]
fn a_database_is_never_opened_without_its_own_key() {
    let place = Place::new();
    place.run("migrate").ok();
    let key = place.path().join("muster-data/muster.key");
    fs::remove_file(&key).expect("it was made");
    let message = place.run("serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0").failed(1);
    assert!(message.contains("muster.key is missing"), "{message}");
    assert!(place.run("user list").failed(1).contains("muster.key is missing"));
    assert!(!key.exists(), "no new key is made");
    fs::write(&key, "a7".repeat(32)).expect("ours");
    let message = place.run("serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0").failed(1);
    assert!(message.contains("this database was made with another key"), "{message}");
}

#[test]
fn migrate_makes_the_database_once() {
    let place = Place::new();
    assert_eq!(place.json("migrate")["changed"], true);
    let again = place.json("migrate");
    assert_eq!(again["changed"], false);
    assert!(again["schema"].as_i64() > Some(0));
}

#[test]
fn a_second_server_on_one_database_is_refused_until_the_first_is_gone() {
    let place = Place::new();
    let mut first = place.serve("");
    let second = "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";
    let message = place.run(second).failed(1);
    assert!(message.contains("another server (process "), "{message}");
    assert!(message.contains("muster-data/muster.db: stop it first"), "{message}");
    assert!(place.run("user list").ok().contains("there is nobody yet"));
    first.kill();
    drop(place.serve(""));
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let message = place.run(&format!("serve --listen {address} --admin-listen 127.0.0.1:0")).failed(1);
    assert!(message.contains("choose another with --listen"), "{message}");
    assert!(message.contains(&format!("cannot listen on {address} for devices")), "{message}");
}
