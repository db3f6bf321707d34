//! `muster watch`

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::Place;

#[test]
fn watch_tells_a_change_of_a_person_as_it_happens() {
    let place = Place::new();
    let _server = place.serve("");
    let mut watch = place
        .command("watch --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut begun = String::new();
    BufReader::new(watch.stderr.take().expect("piped")).read_line(&mut begun).expect("text");
    assert!(begun.starts_with("watching"), "{begun}");
    place.run("user set 7 --name Ada --password 4711").ok();
    let mut lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    let line = lines.next().expect("it tells").expect("text");
    watch.kill().expect("it runs until it is stopped");
    watch.wait().expect("it ends");
    assert!(!line.contains("4711"), "{line}");
    let event: Value = serde_json::from_str(&line).expect("JSON");
    let told = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        [told("event"), told("pin"), told("item"), told("by")],
        ["changed", "7", "user", "an operator"]
    );
    assert_eq!(event["live"], true);
}
