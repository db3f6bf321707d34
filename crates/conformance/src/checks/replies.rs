//! `POST /iclock/devicecmd` (§13): the server's reaction to acknowledgements.

use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::{finger, fp, photo, user};
use crate::trial::Trial;

pub(crate) async fn check(trial: &mut Trial) {
    anything(trial).await;
    user_missing(trial).await;
    refusals(trial).await;
    unsupported(trial).await;
    no_room(trial).await;
}

async fn anything(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let target = a.target("devicecmd", "");
    for (case, obligations, body) in [
        ("nonsense", &[169][..], &b"\xff\xfe no answer at all"[..]),
        ("an empty body", &[169], b""),
        ("an answer to a command that never existed", &[169, 175], b"ID=zz99&Return=0&CMD=DATA\n"),
        ("the same answer twice", &[175], b"ID=zz98&Return=0&CMD=DATA\nID=zz98&Return=0&CMD=DATA\n"),
        ("a return code that is no number", &[169], b"ID=zz97&Return=&CMD=DATA\n"),
        (
            "a file",
            &[171],
            b"ID=zz96\nSN=1\nFILENAME=options.cfg\nCMD=GetFile\nReturn=13\nContent=DeviceID=1\nOK\0\xff",
        ),
        (
            "the parameters of a device",
            &[172],
            b"ID=zz95&Return=0&CMD=INFO\n~DeviceName=TestTerm 5\nUserCount=51\n",
        ),
    ] {
        let exchange = a.post(&target, body).await;
        if obligations.iter().any(|number| matches!(number, 169 | 175)) {
            ledger.judge(obligations, case, &exchange, exchange.ok());
        } else {
            ledger.accepted(obligations, case, &exchange, exchange.ok());
        }
    }
}

/// The commands about a PIN in one poll: user and template.
fn both<'a>(told: &'a [Command], pin: &str) -> (Option<&'a Command>, Option<&'a Command>) {
    let user = told.iter().find(|command| command.is("DATA UPDATE", "USERINFO", pin));
    let template = told.iter().find(|command| command.is_about(pin) && command.payload().is_some());
    (user, template)
}

async fn user_missing(trial: &mut Trial) {
    let pin = trial.pin();
    let template = finger(&mut trial.random);
    trial.a.upload("OPERLOG", format!("{}{}", user(&pin, "Ada"), fp(&pin, 6, &template))).await;
    let Trial { a, b, ledger, .. } = trial;
    let mut told = b.poll("").await.1;
    if both(&told, &pin).1.is_none() {
        // A server may hold a template back until its user is there.
        b.acknowledge(&told, 0).await;
        told = b.poll("").await.1;
    }
    let (user, Some(finger)) = both(&told, &pin) else {
        ledger.unobservable(&[170, 173, 174, 180], "no template came that could be answered");
        return;
    };
    let foreign = a.target("devicecmd", "");
    a.post(&foreign, format!("ID={}&Return=-10&CMD=DATA\n", finger.id)).await;
    let (exchange, early) = b.poll("").await;
    let verdict = require(both(&early, &pin).0.is_none(), "nothing new for the device of the command");
    ledger.judge(&[173], "another device answers the command", &exchange, verdict);
    b.acknowledge(&early, 0).await;

    let done = user.map(|user| format!("ID={}&Return=0\n", user.id)).unwrap_or_default();
    let target = b.target("devicecmd", "");
    let answer = b.post(&target, format!("{done}id={}&return=-10&cmd=data\n", finger.id)).await;
    let again = b.obey().await;
    let place = |wanted: &dyn Fn(&Command) -> bool| again.iter().position(wanted);
    let user_at = place(&|command| command.is("DATA UPDATE", "USERINFO", &pin));
    let finger_at =
        place(&|command| command.is_about(&pin) && command.payload() == Some(template.as_bytes()));
    let verdict = require(user_at.is_some() && user_at < finger_at, "the user once more, then the template");
    let case = "a template is answered with -10, in the second of two answers, without CMD in the first";
    ledger.note(&[170, 174, 180, 177], case, &answer.sent, &in_words(&again), verdict);
    trial.settle().await;
}

async fn refusals(trial: &mut Trial) {
    for (code, obligations, case) in [
        (-12, &[179, 177][..], "a template is refused for good (-12)"),
        (-1003, &[182], "a device has no time (-1003)"),
        (-3, &[182], "a device cannot write now (-3)"),
    ] {
        let pin = trial.pin();
        let template = finger(&mut trial.random);
        trial.a.upload("OPERLOG", user(&pin, "Ada")).await;
        trial.settle().await;
        let Trial { a, b, ledger, .. } = trial;
        // A template that comes without its user may belong to anybody.
        a.upload("OPERLOG", format!("{}{}", user(&pin, "Ada"), fp(&pin, 6, &template))).await;
        let (_, told) = b.poll("").await;
        if both(&told, &pin).1.is_none() {
            ledger.unobservable(obligations, "no template came that could be refused");
            continue;
        }
        let answer = b.acknowledge(&told, code).await;
        let again = b.obey().await;
        let sent = both(&again, &pin).1.is_some();
        ledger.note(
            obligations,
            case,
            &answer.sent,
            &in_words(&again),
            require(!sent, "not the same template at once"),
        );
        trial.settle().await;
    }
}

async fn unsupported(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    let pictures = [photo(&mut trial.random), photo(&mut trial.random)];
    let users: String = pins.iter().map(|pin| user(pin, "Ada")).collect();
    trial.a.upload("OPERLOG", users).await;
    trial.settle().await;
    let record = |pin: &str, text: &str| {
        let photo = format!("USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={}\tContent={text}\n", text.len());
        user(pin, "Ada") + &photo
    };
    let [[first, second], [one, two]] = [&pins, &pictures];
    let Trial { a, b, ledger, .. } = trial;
    a.upload("OPERLOG", record(first, one)).await;
    let (_, told) = b.poll("").await;
    if !told.iter().any(|command| command.is("DATA UPDATE", "USERPIC", first)) {
        ledger.unobservable(&[168, 183], "no photo of a user came that could be refused");
        return;
    }
    let answer = b.acknowledge(&told, -1004).await;
    b.obey().await;
    a.upload("OPERLOG", record(second, two)).await;
    let again = b.obey().await;
    let sent = again.iter().any(|command| command.table == "USERPIC" && command.text("Format") != "1");
    let verdict = require(!sent, "no photo of a user any more in that form");
    ledger.note(&[168, 183], "a table is not on a device (-1004)", &answer.sent, &in_words(&again), verdict);
    trial.settle().await;
}

async fn no_room(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    let templates = [finger(&mut trial.random), finger(&mut trial.random)];
    let users: String = pins.iter().map(|pin| user(pin, "Ada")).collect();
    trial.a.upload("OPERLOG", users).await;
    trial.settle().await;
    let [[first, second], [one, two]] = [&pins, &templates];
    let Trial { a, b, ledger, .. } = trial;
    a.upload("OPERLOG", user(first, "Ada") + &fp(first, 6, one)).await;
    let (_, told) = b.poll("").await;
    if both(&told, first).1.is_none() {
        ledger.unobservable(&[181], "no template came that could be refused");
        return;
    }
    let answer = b.acknowledge(&told, -1001).await;
    b.obey().await;
    a.upload("OPERLOG", user(second, "Ada") + &fp(second, 6, two)).await;
    let again = b.obey().await;
    let sent = both(&again, second).1.is_some();
    let verdict = require(!sent, "no further template of that kind");
    ledger.note(&[181], "a device has no room (-1001)", &answer.sent, &in_words(&again), verdict);
    trial.settle().await;
}
