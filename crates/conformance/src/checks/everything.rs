//! Checks on every answer and every command of the whole trial.

use std::collections::BTreeMap;

use jiff::fmt::strtime;

use crate::checks::in_words;
use crate::command::Command;
use crate::connection::Answer;
use crate::exchange::{Exchange, require};
use crate::ledger::Ledger;
use crate::player::Player;
use crate::trial::Trial;

/// Largest error of a server's clock, s: terminals set theirs from it.
const CLOCK_S: i64 = 300;

/// The form of `Date` that terminals read.
const IMF_FIXDATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// Largest command that a device accepts, bytes.
const MAX_COMMAND_BYTES: usize = 900 << 10;

/// The tables whose commands announce the length of their payload (§12.1.1).
const SIZED: [&str; 5] = ["FINGERTMP", "FACE", "FVEIN", "USERPIC", "BIOPHOTO"];

pub(crate) fn check(trial: &mut Trial) {
    let Trial { a, b, c, joining, stranger, ledger, settings, .. } = trial;
    let players = [&*a, &*b, &*c, &*joining, &*stranger];
    let exchanges = || players.iter().flat_map(|player| &player.exchanges).map(AsRef::as_ref);
    answers(ledger, exchanges, settings.now);
    for player in players {
        commands(ledger, player);
    }
}

/// Notes one finding for all answers: the first failure, or that all are right.
fn each<'a>(
    ledger: &mut Ledger,
    obligation: u16,
    mut exchanges: impl Iterator<Item = &'a Exchange>,
    wanted: &str,
    right: impl Fn(&Answer) -> bool,
) {
    let wrong = exchanges.find(|exchange| exchange.came.as_ref().is_ok_and(|answer| !right(answer)));
    match wrong {
        Some(exchange) => {
            let headers =
                exchange.came.as_ref().map(|answer| format!("{:?}", answer.headers)).unwrap_or_default();
            let came = format!("{} with {headers}", exchange.came_in_words());
            ledger.note(&[obligation], "every answer", &exchange.sent, &came, Err(wanted.to_owned()));
        }
        None => ledger.note(&[obligation], "every answer", "", "", Ok(())),
    }
}

fn answers<'a, T: Iterator<Item = &'a Exchange>>(
    ledger: &mut Ledger,
    exchanges: impl Fn() -> T,
    now: jiff::Timestamp,
) {
    let length = |answer: &Answer| answer.header("Content-Length").is_some() || answer.chunked;
    each(ledger, 4, exchanges(), "Content-Length, or chunks", length);
    let date = |answer: &Answer| {
        let time = answer.header("Date").and_then(date_of);
        time.is_some_and(|time| (time.as_second() - now.as_second()).abs() <= CLOCK_S)
    };
    each(ledger, 5, exchanges(), "Date: <IMF-fixdate> GMT of the present", date);
    each(ledger, 6, exchanges(), "no redirect", |answer| answer.status / 100 != 3);
    let plain = |answer: &Answer| {
        let kind = answer.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
        !kind.contains("html")
            && !kind.contains("json")
            && !answer.body.starts_with(b"<")
            && !answer.body.starts_with(b"{")
    };
    each(ledger, 7, exchanges(), "neither HTML nor JSON", plain);
    let headers = |answer: &Answer| {
        answer.header("Content-Type").is_some_and(|kind| kind.starts_with("text/plain"))
            && answer.header("Cache-Control").is_some_and(|control| control.contains("no-store"))
    };
    each(ledger, 8, exchanges(), "Content-Type: text/plain and Cache-Control: no-store", headers);
    let agree = |answer: &Answer| answer.status / 100 == 2 || !answer.body.starts_with(b"OK");
    each(ledger, 16, exchanges(), "no text that begins with OK with a status other than 2xx", agree);
    let whole = |answer: &Answer| answer.surplus.is_empty();
    each(ledger, 33, exchanges(), "no more bytes than Content-Length says", whole);
}

fn commands(ledger: &mut Ledger, player: &Player) {
    let case = format!("every command for {}", player.serial);
    let mut all =
        |obligation: u16, wanted: &str, meant: fn(&Command) -> bool, right: fn(&Command) -> bool| {
            let meant: Vec<&Command> = player.commands().filter(|command| meant(command)).collect();
            if meant.is_empty() {
                ledger.unobservable(&[obligation], "no command came that could show it");
                return;
            }
            let wrong: Vec<Command> =
                meant.into_iter().filter(|command| !right(command)).take(3).cloned().collect();
            ledger.note(&[obligation], &case, "polls", &in_words(&wrong), require(wrong.is_empty(), wanted));
        };
    let any = |_: &Command| true;
    all(79, "C:<id>: before every command", any, |command| !command.id.is_empty());
    all(80, "an id of 1 to 16 letters and digits", any, |command| {
        (1..=16).contains(&command.id.len()) && command.id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    all(84, "no command of more than 900 KB", any, |command| command.raw.len() <= MAX_COMMAND_BYTES);
    all(85, "one record a line", any, |command| {
        command.fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case("PIN")).count() <= 1
    });
    all(34, "no CR and no NUL in a line", any, |command| {
        !command.raw.iter().any(|byte| matches!(byte, b'\r' | 0))
    });
    all(
        157,
        "a condition in every deletion",
        |command| command.verb == "DATA DELETE",
        |command| command.fields.first().is_some_and(|(_, value)| !value.is_empty()),
    );
    all(
        151,
        "Size as long as the base64",
        |command| {
            command.verb == "DATA UPDATE"
                && SIZED.contains(&command.table.as_str())
                && command.text("Format") != "1"
        },
        |command| command.text("Size") == command.payload().map_or(0, <[u8]>::len).to_string(),
    );
    let mut named: BTreeMap<&str, &Command> = BTreeMap::new();
    let reused = player.commands().find(|command| {
        let before = named.entry(&command.id).or_insert(command);
        before.raw != command.raw
    });
    if let Some(command) = reused {
        let told = in_words(std::slice::from_ref(command));
        ledger.note(&[80], &case, "polls", &told, Err("no id for two commands".to_owned()));
    }
}

/// The time of a `Date` header in its only form.
fn date_of(text: &str) -> Option<jiff::Timestamp> {
    let time =
        strtime::parse(IMF_FIXDATE, text).ok()?.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    (time.strftime(IMF_FIXDATE).to_string() == text).then(|| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert!(date_of("Fri, 12 Mar 2027 06:53:01 GMT").is_some());
        for wrong in ["Fri, 12 Mar 2027 06:53:01 UTC", "2027-03-12T06:53:01Z", "Fri, 12 Mar 2027 6:53:01 GMT"]
        {
            assert_eq!(date_of(wrong), None, "{wrong}");
        }
    }
}
