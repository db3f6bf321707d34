//! The questions of `muster init`, and the settings from the answers.

use std::io::{self, Write};

use anyhow::{Context as _, bail};

use crate::config::database_url::{self, Server};
use crate::config::{Origin, Settings, Sources, mask, value};

/// The console on which Muster asks.
pub struct Dialog<'a> {
    /// Reads a typed line, with its end; empty at the end of the input.
    pub line: &'a mut dyn FnMut() -> io::Result<String>,
    /// The output for questions.
    pub output: &'a mut dyn Write,
    /// Reads a line that the console does not show.
    pub hidden: &'a mut dyn FnMut() -> io::Result<String>,
}

/// Asks one question. The default answer is the value in force.
type Question = fn(&mut Dialog<'_>, before: &Settings) -> anyhow::Result<String>;

const DATABASE: &str = "\
Where should Muster keep its database?
  1  in a file on this machine: no other software is needed
  2  on a MySQL or MariaDB server";

const ADMISSION: &str = "\
When a device connects for the first time:
  approve  the device waits until you let it in
  open     Muster lets the device in at once: only for trying out";

const ATTENDANCE: &str = "\
Punches that devices send:
  discard  Muster acknowledges punches and does not keep them
  keep     Muster keeps punches: muster attendance list, muster attendance export";

/// Asks for what is not chosen yet, and adds the answers.
///
/// What a variable of the `others` sets, which is stronger than the file that is to be written, is told instead: an answer
/// would have no effect.
///
/// # Errors
/// The answers end, or cannot be read.
pub fn ask(
    dialog: &mut Dialog<'_>,
    chosen: &mut Vec<(&'static str, String)>,
    others: &Sources,
) -> anyhow::Result<()> {
    let before = Settings::read(&Sources { command_line: chosen.clone(), ..others.clone() })?;
    let questions: [(&'static str, Question); 5] = [
        ("database", database),
        ("listen", listen),
        ("time_zone", time_zone),
        ("admission", admission),
        ("attendance", attendance),
    ];
    for (name, question) in questions {
        if chosen.iter().any(|(chosen, _)| *chosen == name) {
            continue;
        }
        if let origin @ Origin::Variables(_) = before.origin(name) {
            dialog.tell(&format!("{name} is {}, set by {origin}\n", mask(before.text(name))))?;
            continue;
        }
        chosen.push((name, question(dialog, &before)?));
    }
    Ok(())
}

fn database(dialog: &mut Dialog<'_>, before: &Settings) -> anyhow::Result<String> {
    dialog.tell(DATABASE)?;
    let is_server = dialog.ask("Database", "1", |text| match text {
        "1" => Ok(false),
        "2" => Ok(true),
        _ => Err("want 1 or 2".to_owned()),
    })?;
    if !is_server {
        return Ok(before.default_database());
    }
    dialog
        .tell("Muster needs a database of its own: it refuses a database with tables of another program.")?;
    let as_it_is =
        |check: fn(&str) -> Result<(), String>| move |text: &str| check(text).map(|()| text.to_owned());
    let host = dialog.ask("Host", "localhost", as_it_is(database_url::host))?;
    let port = dialog.ask("Port", database_url::PORT, database_url::port)?;
    let user = dialog.ask("User", "muster", as_it_is(database_url::user))?;
    let password = dialog.ask_hidden("Password")?;
    let name = dialog.ask("Name of the database", "muster", as_it_is(database_url::name))?;
    Ok(Server { host: &host, port, user: &user, password: &password, name: &name }.url())
}

fn listen(dialog: &mut Dialog<'_>, before: &Settings) -> anyhow::Result<String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(0) => Err("want a port, 1 to 65535".to_owned()),
        Ok(port) => Ok(format!("0.0.0.0:{port}")),
        Err(_) => value::address(text).map(|_| text.to_owned()).map_err(|want| format!("{want}, or a port")),
    };
    let default = before.text("listen");
    dialog.ask("Port for devices", default.strip_prefix("0.0.0.0:").unwrap_or(default), port)
}

fn time_zone(dialog: &mut Dialog<'_>, before: &Settings) -> anyhow::Result<String> {
    let zone = |text: &str| value::time_zone(text).map(|_| text.to_owned());
    dialog.ask("Time zone of the devices", before.text("time_zone"), zone)
}

fn admission(dialog: &mut Dialog<'_>, before: &Settings) -> anyhow::Result<String> {
    dialog.tell(ADMISSION)?;
    dialog.ask("Admission", before.text("admission"), |text| value::admission(text).map(|_| text.to_owned()))
}

fn attendance(dialog: &mut Dialog<'_>, before: &Settings) -> anyhow::Result<String> {
    dialog.tell(ATTENDANCE)?;
    dialog
        .ask("Attendance", before.text("attendance"), |text| value::attendance(text).map(|_| text.to_owned()))
}

impl Dialog<'_> {
    fn tell(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.output, "{text}").context("cannot ask")
    }

    /// Asks until the answer can be read. An empty one is the default.
    fn ask<T>(
        &mut self,
        question: &str,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        loop {
            self.prompt(&format!("{question} [{default}]: "))?;
            let answer = (self.line)().context("cannot read the answer")?;
            if answer.is_empty() {
                self.tell("")?;
                bail!(
                    "the input ended before the last answer, and nothing was written: --defaults asks nothing"
                );
            }
            let answer = answer.trim();
            match read(if answer.is_empty() { default } else { answer }) {
                Ok(answer) => return Ok(answer),
                Err(want) => self.tell(&format!("  {want}"))?,
            }
        }
    }

    fn ask_hidden(&mut self, question: &str) -> anyhow::Result<String> {
        self.prompt(&format!("{question} (not shown): "))?;
        (self.hidden)().context("cannot read the answer")
    }

    fn prompt(&mut self, text: &str) -> anyhow::Result<()> {
        write!(self.output, "{text}").and_then(|()| self.output.flush()).context("cannot ask")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen in the end and what was shown, when these lines are typed and `ge@heim` is the password. The
    /// command line of the sources is what was chosen before.
    fn answered(typed: &str, sources: &Sources) -> (anyhow::Result<Vec<(&'static str, String)>>, String) {
        let (mut chosen, mut shown) = (sources.command_line.clone(), Vec::new());
        let mut lines = typed.split_inclusive('\n');
        let mut dialog = Dialog {
            line: &mut || Ok(lines.next().unwrap_or_default().to_owned()),
            output: &mut shown,
            hidden: &mut || Ok("ge@heim".to_owned()),
        };
        let asked = ask(&mut dialog, &mut chosen, sources).map(|()| chosen);
        (asked, String::from_utf8(shown).expect("text"))
    }

    fn chosen(typed: &str) -> Vec<(&'static str, String)> {
        answered(typed, &Sources::default()).0.expect("enough answers")
    }

    #[test]
    fn whoever_presses_enter_gets_the_defaults() {
        let zone = value::machine_zone();
        let expected = [
            ("database", "sqlite://muster-data/muster.db"),
            ("listen", "0.0.0.0:8081"),
            ("time_zone", &zone),
            ("admission", "approve"),
            ("attendance", "discard"),
        ];
        assert_eq!(chosen(&"\n".repeat(5)), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn a_database_server_is_asked_for_in_parts() {
        let (chosen, shown) = answered(
            "2\ndb.example\n3307\nzk\npeople\n9081\nEurope/Vienna\nopen\nkeep\n",
            &Sources::default(),
        );
        let expected = [
            ("database", "mysql://zk:ge%40heim@db.example:3307/people"),
            ("listen", "0.0.0.0:9081"),
            ("time_zone", "Europe/Vienna"),
            ("admission", "open"),
            ("attendance", "keep"),
        ];
        assert_eq!(chosen.expect("enough answers"), expected.map(|(name, text)| (name, text.to_owned())));
        assert!(shown.contains("Host [localhost]: ") && !shown.contains("heim"), "{shown}");
    }

    #[test]
    fn a_wrong_answer_is_asked_again_with_the_reason() {
        let typed = "3\n1\n0\nweb\n[::]:9081\nEurope/Viena\nUTC\nmaybe\n\nno\n\n";
        let (chosen, shown) = answered(typed, &Sources::default());
        let chosen = chosen.expect("enough answers");
        assert_eq!(chosen[1], ("listen", "[::]:9081".to_owned()));
        for reason in [
            "Database [1]:   want 1 or 2\nDatabase [1]: ",
            "  want a port, 1 to 65535\n",
            "  want an address and a port, for example 0.0.0.0:8081 or [::]:8081, or a port\n",
            "is Europe/Vienna meant?\n",
            "  want approve or open\nAdmission [approve]: ",
            "  want discard or keep\n",
        ] {
            assert!(shown.contains(reason), "{reason}: {shown}");
        }
    }

    #[test]
    fn what_is_given_is_not_asked_and_what_is_stronger_is_told() {
        let sources = Sources {
            command_line: vec![("listen", "127.0.0.1:1".to_owned())],
            environment: vec![
                ("DB_HOST".to_owned(), "db".to_owned()),
                ("DB_USER".to_owned(), "zk".to_owned()),
                ("DB_PASSWORD".to_owned(), "geheim".to_owned()),
            ],
            ..Sources::default()
        };
        let (chosen, shown) = answered("\n\n\n", &sources);
        let names: Vec<&str> = chosen.expect("enough answers").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["listen", "time_zone", "admission", "attendance"]);
        let told =
            "database is mysql://zk:***@db:3306/muster, set by environment DB_HOST, DB_USER, DB_PASSWORD\n";
        assert!(shown.starts_with(told), "{shown}");
    }

    #[test]
    fn the_file_of_a_database_is_in_the_folder_that_was_chosen() {
        let sources =
            Sources { command_line: vec![("data_dir", "/var/lib/muster".to_owned())], ..Sources::default() };
        let (chosen, _) = answered(&"\n".repeat(5), &sources);
        let database = ("database", "sqlite:///var/lib/muster/muster.db".to_owned());
        assert_eq!(chosen.expect("enough answers")[1], database);
    }

    #[test]
    fn answers_that_end_are_no_answers() {
        let (asked, _) = answered("2\ndb\n", &Sources::default());
        let message = asked.expect_err("nobody answered").to_string();
        assert!(
            message.starts_with("the input ended before the last answer, and nothing was written"),
            "{message}"
        );
    }
}
