//! `GET /iclock/getrequest` (§12): content, size, order and repetition of answers to polls.

use std::collections::BTreeSet;

use crate::checks::in_words;

use crate::command::Command;
use crate::connection::CLOSE_TIMEOUT;
use crate::exchange::require;
use crate::player::{CLOSE, alone};
use crate::record::user;
use crate::trial::Trial;

/// More users than fit into one answer.
const MANY_USERS: usize = 220;

/// Most lines and bytes of an answer with several commands.
const MAX_LINES: usize = 200;
const MAX_BYTES: usize = 40 << 10;

/// The poll parameters of a device with many users.
const FULL: &str = "&INFO=ZAM170-NF-Ver1.1.27,500,100,0,198.51.100.7,10,58,12,0,11110";

pub(crate) async fn check(trial: &mut Trial) {
    idle(trial).await;
    waiting(trial).await;
    many(trial).await;
    overlapping(trial).await;
}

async fn idle(trial: &mut Trial) {
    trial.settle().await;
    let Trial { b, ledger, .. } = trial;
    for _ in 0..3 {
        let (exchange, _) = b.poll("").await;
        ledger.judge(&[77], "a poll with nothing to do", &exchange, exchange.exactly("OK"));
        let quick = exchange.came.as_ref().is_ok_and(|answer| answer.elapsed.as_millis() < 1_000);
        ledger.judge(
            &[92],
            "a poll with nothing to do",
            &exchange,
            require(quick, "an answer within a second"),
        );
    }
}

async fn waiting(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, b, ledger, .. } = trial;
    a.upload("OPERLOG", user(&pin, "Ada")).await;
    let target = b.target("ping", "");
    let pinged = b.get(&target).await;
    let (exchange, told) = b.poll(FULL).await;
    let came = told.iter().any(|command| command.is_about(&pin));
    ledger.judge(&[82], "a poll with INFO while a command waits", &exchange, require(came, "the command"));
    if !came {
        ledger.unobservable(&[78, 89, 95], "the expected command did not come");
        return;
    }
    ledger.judge(&[95], "a ping while a command waits", &pinged, pinged.exactly("OK"));
    let bare = told.iter().all(|command| !command.id.is_empty());
    let verdict = require(bare, "lines that begin with C:<id>: and nothing else");
    ledger.judge(&[78], "a poll while a command waits", &exchange, verdict);
    let (again, repeated) = b.poll("").await;
    let twice =
        repeated.iter().any(|command| told.iter().any(|one| one.id == command.id) || command.is_about(&pin));
    let verdict = require(!twice, "not the same command again");
    ledger.judge(&[89], "a poll while an answer is missing", &again, verdict);
    b.acknowledge(&told, 0).await;
    b.acknowledge(&repeated, 0).await;
    trial.settle().await;
}

async fn many(trial: &mut Trial) {
    let pins: Vec<String> = (0..MANY_USERS).map(|_| trial.pin()).collect();
    let Trial { a, b, ledger, .. } = trial;
    let body: String = pins.iter().map(|pin| user(pin, "Somebody With A Name")).collect();
    let upload = a.upload("OPERLOG", body).await;
    ledger.judge(&[98], "two hundred and twenty users", &upload, upload.count(MANY_USERS));
    let mut told: Vec<Command> = Vec::new();
    for _ in 0..MANY_USERS {
        let (exchange, commands) = b.poll("").await;
        if commands.is_empty() {
            break;
        }
        let bytes = exchange.came.as_ref().map_or(0, |answer| answer.body.len());
        let small = commands.len() == 1 || (commands.len() < MAX_LINES && bytes <= MAX_BYTES);
        let verdict = require(small, "fewer than 200 lines and at most 40 KB, or a single command");
        ledger.judge(&[83], "two hundred and twenty users wait", &exchange, verdict);
        b.acknowledge(&commands, 0).await;
        told.extend(commands);
    }
    let order: Vec<&str> = pins
        .iter()
        .map(String::as_str)
        .filter(|pin| told.iter().any(|command| command.is_about(pin)))
        .collect();
    let arrived: Vec<String> = told
        .iter()
        .filter(|command| command.table == "USERINFO")
        .map(|command| command.text("PIN"))
        .collect();
    let case = "two hundred and twenty users, one after the other";
    let all = order.len() == MANY_USERS;
    ledger.note(
        &[86],
        case,
        &upload.sent,
        &in_words(&told),
        require(all && arrived == order, "each once, in the order of their upload"),
    );
    a.obey().await;
    trial.settle().await;
}

async fn overlapping(trial: &mut Trial) {
    let pins: Vec<String> = (0..20).map(|_| trial.pin()).collect();
    let Trial { a, b, ledger, .. } = trial;
    let body: String = pins.iter().map(|pin| user(pin, "Ada")).collect();
    a.upload("OPERLOG", body).await;
    let request = b.request("GET", &b.target("getrequest", ""), CLOSE, None);
    let (server, end) = (b.server.clone(), b.end);
    let one = || alone(&server, end, &request, CLOSE_TIMEOUT);
    let (first, second, third) = tokio::join!(one(), one(), one());
    let mut told = Vec::new();
    let mut last = None;
    for came in [first, second, third] {
        let exchange = b.record(&request, came);
        told.extend(b.hear(&exchange));
        last = Some(exchange);
    }
    let (_, rest) = b.poll("").await;
    told.extend(rest);
    let ids: BTreeSet<&str> = told.iter().map(|command| command.id.as_str()).collect();
    let about = |pin: &String| told.iter().filter(|command| command.is_about(pin)).count();
    let unique = ids.len() == told.len() && pins.iter().all(|pin| about(pin) <= 1);
    b.acknowledge(&told, 0).await;
    told.extend(b.obey().await);
    let all = pins.iter().all(|pin| told.iter().any(|command| command.is_about(pin)));
    if let Some(exchange) = last {
        let verdict = require(unique && all, "every command, each of them once");
        ledger.note(&[93], "three polls at the same time", &exchange.sent, &in_words(&told), verdict);
    }
    a.obey().await;
    trial.settle().await;
}
