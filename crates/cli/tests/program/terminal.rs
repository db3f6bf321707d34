//! Questions on a terminal: `script` gives the program one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use crate::support::Place;

/// Somebody at a terminal.
struct Person<'a> {
    place: &'a Place,
    script: Child,
    shown: String,
}

impl<'a> Person<'a> {
    fn runs(place: &'a Place, arguments: &str) -> Self {
        let line = format!("tty > tty; exec {} {arguments}", env!("CARGO_BIN_EXE_muster"));
        let script = Command::new("script")
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .current_dir(place.path())
            .env_clear()
            .env("TZ", "UTC")
            .env("SHELL", "/bin/sh")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is script(1)");
        Self { place, script, shown: String::new() }
    }

    /// Waits for a question.
    fn sees(&mut self, end: &str) {
        let out = self.script.stdout.as_mut().expect("piped");
        let mut bytes = self.shown.clone().into_bytes();
        while !bytes.ends_with(end.as_bytes()) {
            let mut byte = [0];
            let read = out.read(&mut byte).expect("it can be read");
            bytes.extend(byte);
            let asks_otherwise = bytes.ends_with(b"]: ") && !bytes.ends_with(end.as_bytes());
            assert!(read > 0 && !asks_otherwise, "no {end} in {}", String::from_utf8_lossy(&bytes));
        }
        self.shown = String::from_utf8(bytes).expect("text");
    }

    fn types(&mut self, answer: &str) {
        writeln!(self.script.stdin.as_mut().expect("piped"), "{answer}").expect("it reads");
    }

    /// Waits until nothing that is typed is shown: what was typed before that is thrown away.
    fn is_unseen(&self) {
        let terminal = fs::read_to_string(self.place.path().join("tty")).expect("the shell wrote it");
        loop {
            let state =
                Command::new("stty").args(["-a", "-F", terminal.trim()]).output().expect("there is stty");
            assert!(state.status.success(), "the terminal is gone: {}", self.shown);
            if String::from_utf8_lossy(&state.stdout).split_whitespace().any(|word| word == "-echo") {
                return;
            }
        }
    }

    fn answers(&mut self, question: &str, answer: &str) {
        self.sees(question);
        self.types(answer);
    }

    /// The end: its exit code, and all that was shown.
    fn leaves(mut self) -> (Option<i32>, String) {
        drop(self.script.stdin.take());
        let mut rest = String::new();
        self.script.stdout.as_mut().expect("piped").read_to_string(&mut rest).expect("text");
        let code = self.script.wait().expect("it ends").code();
        (code, self.shown.clone() + &rest)
    }
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn questions_make_a_configuration_and_the_password_is_not_shown() {
    let place = Place::new();
    let mut person = Person::runs(&place, "init --no-start");
    person.answers("Database [1]: ", "both");
    person.answers("  want 1 or 2\r\nDatabase [1]: ", "2");
    person.answers("Host [localhost]: ", "db.example");
    person.answers("Port [3306]: ", "");
    person.answers("User [muster]: ", "zk");
    person.sees("Password (not shown): ");
    person.is_unseen();
    person.types("g/e@heim #1");
    person.answers("Name of the database [muster]: ", "people");
    person.answers("Port for devices [8081]: ", "9081");
    person.answers("Time zone of the devices [UTC]: ", "Europe/Vienna");
    person.answers("Admission [approve]: ", "");
    person.answers("Attendance [discard]: ", "keep");
    person.sees("start the server: muster serve\r\n");
    let (code, shown) = person.leaves();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("heim"), "{shown}");

    let written = fs::read_to_string(place.path().join("muster.toml")).expect("it was written");
    for line in [
        "listen = \"0.0.0.0:9081\"",
        "database = \"mysql://zk:g%2Fe%40heim%20%231@db.example:3306/people\"",
        "admission = \"approve\"",
        "attendance = \"keep\"",
        "time_zone = \"Europe/Vienna\"",
        "# delay_s = 10",
    ] {
        assert!(written.lines().any(|written| written == line), "{line}: {written}");
    }
    let shown = place.run("config").ok();
    assert!(shown.contains("mysql://zk:***@db.example:3306/people"), "{shown}");
}

#[test]
fn with_defaults_nothing_is_asked_on_a_terminal_either() {
    let place = Place::new();
    let mut person = Person::runs(&place, "init --defaults --no-start");
    person.sees("start the server: muster serve\r\n");
    let (code, shown) = person.leaves();
    assert_eq!((code, shown.contains('?')), (Some(0), false), "{shown}");
}

#[test]
fn whoever_leaves_before_the_last_question_finds_nothing_written() {
    let place = Place::new();
    let mut person = Person::runs(&place, "init --no-start");
    person.answers("Database [1]: ", "1");
    person.sees("Port for devices [8081]: ");
    let (code, shown) = person.leaves();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("the input ended before the last answer, and nothing was written"), "{shown}");
    assert!(!place.path().join("muster.toml").exists());
}
