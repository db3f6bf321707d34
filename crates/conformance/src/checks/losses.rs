//! Apparent losses of people that must not delete anybody, and real deletions.

use std::time::Duration;

use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::user;
use crate::trial::Trial;

/// Longest time that a server may wait for an upload after the device answered a query, s.
const MAX_QUERY_WAIT_S: u64 = 45;

pub(crate) async fn check(trial: &mut Trial) {
    counts(trial).await;
    absence(trial).await;
    operations(trial).await;
}

async fn counts(trial: &mut Trial) {
    let Trial { c, ledger, .. } = trial;
    let all = "ZAM70-NF28VA-3.3.12,0,0,0,198.51.100.9,12,0,0,0,100,0,0,0,x,y";
    for positions in [1, 5, 9, 10, 13, 15] {
        let info: Vec<&str> = all.split(',').take(positions).collect();
        let (exchange, told) = c.poll(&format!("&INFO={}", info.join(","))).await;
        ledger.accepted(
            &[81],
            &format!("INFO of {positions} positions"),
            &exchange,
            exchange.has_status(200),
        );
        c.acknowledge(&told, 0).await;
    }
    let (exchange, told) = c.poll("&INFO=").await;
    ledger.accepted(&[81], "an empty INFO", &exchange, exchange.has_status(200));
    c.acknowledge(&told, 0).await;
    c.obey().await;
}

fn deletions(commands: &[Command]) -> Vec<Command> {
    let deletes = |command: &&Command| command.verb == "DATA DELETE" || command.verb == "CLEAR";
    commands.iter().filter(deletes).cloned().collect()
}

async fn absence(trial: &mut Trial) {
    trial.settle().await;
    let Trial { a, b, ledger, .. } = trial;
    let (exchange, told) = a.poll("&INFO=ZAM170-NF-Ver1.1.27,0,0,0,198.51.100.7,10,58,12,0,11110").await;
    a.acknowledge(&told, 0).await;
    a.obey().await;
    let mut told = b.obey().await;
    told.extend(b.obey().await);
    let gone = deletions(&told);
    let verdict = require(gone.is_empty(), "no deletion on another device");
    ledger.note_silence(
        &[191],
        "a device reports that it holds nobody",
        &exchange.sent,
        &in_words(&gone),
        verdict,
    );
}

async fn operations(trial: &mut Trial) {
    let (pin, now) = (trial.pin(), trial.local_time());
    trial.a.upload("OPERLOG", user(&pin, "Ada")).await;
    trial.settle().await;
    let Trial { a, b, ledger, .. } = trial;
    for code in [13, 22, 24, 38] {
        let upload = a.upload("OPERLOG", format!("OPLOG {code}\t0\t{now}\t{pin}\t0\t0\t0\n")).await;
        let mut told = b.obey().await;
        told.extend(b.obey().await);
        let gone = deletions(&told);
        let verdict = upload.count(1).and(require(gone.is_empty(), "no deletion on another device"));
        ledger.note_silence(&[125], &format!("operation {code}"), &upload.sent, &in_words(&gone), verdict);
    }
    trial.settle().await;
}

/// The operator decides whether a deletion at a device is passed on. If so, it has this order.
pub(crate) async fn deletion(trial: &mut Trial) {
    let (pin, now) = (trial.pin(), trial.local_time());
    let template = crate::record::finger(&mut trial.random);
    let body = format!("{}{}", user(&pin, "Ada"), crate::record::fp(&pin, 3, &template));
    trial.a.upload("OPERLOG", body).await;
    trial.settle().await;
    let Trial { a, b, ledger, .. } = trial;
    let upload = a.upload("OPERLOG", format!("OPLOG 103\t0\t{now}\t{pin}\t0\t0\t0\n")).await;
    let mut told = b.obey().await;
    // A deletion may need a poll to become due.
    told.extend(b.obey().await);
    if a.obey().await.iter().any(|command| command.verb == "DATA QUERY" && command.is_about(&pin)) {
        // The server queries who is there. The device answers and has nobody to upload.
        for _ in 0..MAX_QUERY_WAIT_S {
            if deletions(&told).iter().any(|command| command.is_about(&pin)) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            a.obey().await;
            told.extend(b.obey().await);
        }
        told.extend(b.obey().await);
    }
    let gone: Vec<Command> = deletions(&told).into_iter().filter(|command| command.is_about(&pin)).collect();
    let Some(last) = gone.last() else {
        ledger.unobservable(&[158], "a deletion at a device is not passed on");
        return;
    };
    let right = last.table == "USERINFO" && gone.len() > 1;
    let verdict = require(right, "the tables of templates first, USERINFO last");
    ledger.note(&[158], "a user is deleted at a device", &upload.sent, &in_words(&gone), verdict);
    trial.settle().await;
}
