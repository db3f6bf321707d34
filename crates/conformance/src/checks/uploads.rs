//! Checks on every upload (§11), and on the splitting of its lines.

use crate::checks::identity::INTRODUCTION;
use crate::checks::initialization::stamp;
use crate::exchange::require;
use crate::record::user;
use crate::trial::Trial;

pub(crate) async fn check(trial: &mut Trial) {
    forms(trial).await;
    marks(trial).await;
    lines(trial).await;
    tables(trial).await;
    trial.settle().await;
}

async fn forms(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    let Trial { a, ledger, .. } = trial;
    let [one, two] = pins.map(|pin| user(&pin, "Noa Brandt"));
    let both = format!("{one}{two}");
    let exchange = a.upload("OPERLOG", &both).await;
    ledger.judge(&[98], "two users", &exchange, exchange.count(2));
    let exchange = a.upload("OPERLOG", &both).await;
    ledger.judge(&[98, 101], "the same two users again", &exchange, exchange.count(2));
    let damaged = format!("{one}USER PIN=\tName=Nobody\nFP PIN=1\tFID=x\tTMP=\n{two}");
    let exchange = a.upload("OPERLOG", &damaged).await;
    ledger.judge(&[98, 100], "two users and two invalid records", &exchange, exchange.count(4));
    let exchange = a.upload("OPERLOG", "").await;
    ledger.judge(&[106], "an empty body", &exchange, exchange.count(0));
    let target = a.target("cdata", "&table=OPERLOG&Stamp=9999&Count=2&PackCnt=1&PackIdx=1&CmdId=7f2b");
    let exchange = a.post(&target, &both).await;
    ledger.judge(&[105], "an answer to a query", &exchange, exchange.count(2));
    let target = a.target("cdata", "&table=operlog");
    let exchange = a.post(&target, &both).await;
    ledger.judge(&[104], "no stamp at all", &exchange, exchange.count(2));
    let target = a.target("cdata", "");
    let exchange = a.post(&target, "ID=7f2b&Return=0&CMD=DATA\n").await;
    ledger.accepted(&[107], "an answer to a command at /iclock/cdata", &exchange, exchange.ok());
}

async fn marks(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, ledger, .. } = trial;
    for (number, name) in ["Stamp", "OpStamp", "OPERLOGStamp", "stamp"].into_iter().enumerate() {
        // A plus is not a blank, and a stamp need not be a number.
        let mark = format!("82{number}+A");
        let target = a.target("cdata", &format!("&table=OPERLOG&{name}={mark}"));
        let upload = a.post(&target, user(&pin, "Ada")).await;
        let hello = a.introduce(INTRODUCTION).await;
        let told = stamp(&hello.text(), "OPERLOGStamp");
        let verdict = require(
            told.as_deref() == Some(&mark),
            &format!("OPERLOGStamp={mark} with the next introduction"),
        );
        let came = format!("OPERLOGStamp={}", told.unwrap_or_default());
        ledger.note(&[103, 51, 52, 14], &format!("a stamp as {name}"), &upload.sent, &came, verdict);
    }
}

async fn lines(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin(), trial.pin()];
    let Trial { a, ledger, .. } = trial;
    let [one, two, three] = pins.map(|pin| user(&pin, "Jo"));
    let body = format!("{}\r\n\n\r\n{two}\n{}\0\0", one.trim_end(), three.trim_end());
    let exchange = a.upload("OPERLOG", body).await;
    ledger.judge(&[22], "CRLF, empty lines, no last line end, trailing NULs", &exchange, exchange.count(3));
}

async fn tables(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let exchange = a.upload("UNHEARDOF", "SOMETHING A=1\tB=2\n").await;
    ledger.judge(&[108], "an unknown table", &exchange, exchange.ok());
    let target = a.target("unheardof", "");
    let exchange = a.post(&target, "SOMETHING A=1\tB=2\n").await;
    ledger.accepted(&[18], "an unknown path", &exchange, exchange.ok());
    let mut bytes = b"PIN=20270312080115-1007.jpg\nSN=1\nsize=6\nCMD=uploadphoto\0".to_vec();
    bytes.extend_from_slice(&[0xff, 0xd8, 0xfe, 0x00, 0x80, 0xd9]);
    let exchange = a.upload("ATTPHOTO", bytes).await;
    ledger.accepted(&[29], "a body that is valid in no charset", &exchange, exchange.ok());
}
