//! What looks as if people were gone, and is not; and what is gone.

use std::time::Duration;

use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::user;
use crate::scene::Scene;

/// So long a server may wait for what a device uploads after it answered a question, s.
const LONGEST_DOUBT_S: u64 = 45;

pub(crate) async fn check(scene: &mut Scene) {
    counts(scene).await;
    absence(scene).await;
    operations(scene).await;
}

async fn counts(scene: &mut Scene) {
    let Scene { c, ledger, .. } = scene;
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
    ledger.accepted(&[81], "INFO with nothing in it", &exchange, exchange.has_status(200));
    c.acknowledge(&told, 0).await;
    c.obey().await;
}

fn deletions(commands: &[Command]) -> Vec<Command> {
    let deletes = |command: &&Command| command.verb == "DATA DELETE" || command.verb == "CLEAR";
    commands.iter().filter(deletes).cloned().collect()
}

async fn absence(scene: &mut Scene) {
    scene.calm().await;
    let Scene { a, b, ledger, .. } = scene;
    let (exchange, told) = a.poll("&INFO=ZAM170-NF-Ver1.1.27,0,0,0,198.51.100.7,10,58,12,0,11110").await;
    a.acknowledge(&told, 0).await;
    a.obey().await;
    let mut told = b.obey().await;
    told.extend(b.obey().await);
    let gone = deletions(&told);
    let verdict = require(gone.is_empty(), "no deletion on another device");
    ledger.note_silence(
        &[191],
        "a device says that nobody is on it",
        &exchange.sent,
        &in_words(&gone),
        verdict,
    );
}

async fn operations(scene: &mut Scene) {
    let (pin, now) = (scene.pin(), scene.local_time());
    scene.a.upload("OPERLOG", user(&pin, "Ada")).await;
    scene.calm().await;
    let Scene { a, b, ledger, .. } = scene;
    for code in [13, 22, 24, 38] {
        let upload = a.upload("OPERLOG", format!("OPLOG {code}\t0\t{now}\t{pin}\t0\t0\t0\n")).await;
        let mut told = b.obey().await;
        told.extend(b.obey().await);
        let gone = deletions(&told);
        let verdict = upload.count(1).and(require(gone.is_empty(), "no deletion on another device"));
        ledger.note_silence(&[125], &format!("operation {code}"), &upload.sent, &in_words(&gone), verdict);
    }
    scene.calm().await;
}

/// Whether a deletion at a device is passed on is the operator's choice; if it is, in this order.
pub(crate) async fn deletion(scene: &mut Scene) {
    let (pin, now) = (scene.pin(), scene.local_time());
    let template = crate::record::finger(&mut scene.random);
    let body = format!("{}{}", user(&pin, "Ada"), crate::record::fp(&pin, 3, &template));
    scene.a.upload("OPERLOG", body).await;
    scene.calm().await;
    let Scene { a, b, ledger, .. } = scene;
    let upload = a.upload("OPERLOG", format!("OPLOG 103\t0\t{now}\t{pin}\t0\t0\t0\n")).await;
    let mut told = b.obey().await;
    // A deletion may need a poll to become due.
    told.extend(b.obey().await);
    if a.obey().await.iter().any(|command| command.verb == "DATA QUERY" && command.is_about(&pin)) {
        // The server asks who is there. The device answers, and has nobody to upload.
        for _ in 0..LONGEST_DOUBT_S {
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
        ledger.unseen(&[158], "a deletion at a device is not passed on");
        return;
    };
    let right = last.table == "USERINFO" && gone.len() > 1;
    let verdict = require(right, "the tables of templates first, USERINFO last");
    ledger.note(&[158], "a user is deleted at a device", &upload.sent, &in_words(&gone), verdict);
    scene.calm().await;
}
