//! `POST /iclock/devicecmd` (§13): what a server makes of answers to its commands.

use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::{finger, fp, photo, user};
use crate::scene::Scene;

pub(crate) async fn check(scene: &mut Scene) {
    anything(scene).await;
    user_missing(scene).await;
    refusals(scene).await;
    unsupported(scene).await;
    no_room(scene).await;
}

async fn anything(scene: &mut Scene) {
    let Scene { a, ledger, .. } = scene;
    let target = a.target("devicecmd", "");
    for (case, obligations, body) in [
        ("nonsense", &[169][..], &b"\xff\xfe no answer at all"[..]),
        ("an empty body", &[169], b""),
        ("an answer to a command that there never was", &[169, 175], b"ID=zz99&Return=0&CMD=DATA\n"),
        ("the same answer twice", &[175], b"ID=zz98&Return=0&CMD=DATA\nID=zz98&Return=0&CMD=DATA\n"),
        ("no number where the return code belongs", &[169], b"ID=zz97&Return=&CMD=DATA\n"),
        (
            "a file",
            &[171],
            b"ID=zz96\nSN=1\nFILENAME=options.cfg\nCMD=GetFile\nReturn=13\nContent=DeviceID=1\nOK\0\xff",
        ),
        ("what a device is", &[172], b"ID=zz95&Return=0&CMD=INFO\n~DeviceName=TestTerm 5\nUserCount=51\n"),
    ] {
        let exchange = a.post(&target, body).await;
        if obligations.iter().any(|number| matches!(number, 169 | 175)) {
            ledger.judge(obligations, case, &exchange, exchange.ok());
        } else {
            ledger.accepted(obligations, case, &exchange, exchange.ok());
        }
    }
}

/// The commands about a PIN of one poll: its user, and its template.
fn both<'a>(told: &'a [Command], pin: &str) -> (Option<&'a Command>, Option<&'a Command>) {
    let user = told.iter().find(|command| command.is("DATA UPDATE", "USERINFO", pin));
    let template = told.iter().find(|command| command.is_about(pin) && command.payload().is_some());
    (user, template)
}

async fn user_missing(scene: &mut Scene) {
    let pin = scene.pin();
    let template = finger(&mut scene.random);
    scene.a.upload("OPERLOG", format!("{}{}", user(&pin, "Ada"), fp(&pin, 6, &template))).await;
    let Scene { a, b, ledger, .. } = scene;
    let mut told = b.poll("").await.1;
    if both(&told, &pin).1.is_none() {
        // A template may be held back until its user is there.
        b.acknowledge(&told, 0).await;
        told = b.poll("").await.1;
    }
    let (user, Some(finger)) = both(&told, &pin) else {
        ledger.unseen(&[170, 173, 174, 180], "no template came that could be answered");
        return;
    };
    let foreign = a.target("devicecmd", "");
    a.post(&foreign, format!("ID={}&Return=-10&CMD=DATA\n", finger.id)).await;
    let (exchange, early) = b.poll("").await;
    let verdict =
        require(both(&early, &pin).0.is_none(), "nothing new for the device that the command is for");
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
    scene.calm().await;
}

async fn refusals(scene: &mut Scene) {
    for (code, obligations, case) in [
        (-12, &[179, 177][..], "a template is refused for good (-12)"),
        (-1003, &[182], "a device has no time (-1003)"),
        (-3, &[182], "a device cannot write now (-3)"),
    ] {
        let pin = scene.pin();
        let template = finger(&mut scene.random);
        scene.a.upload("OPERLOG", user(&pin, "Ada")).await;
        scene.calm().await;
        let Scene { a, b, ledger, .. } = scene;
        // A template that comes without its user may be anybody's.
        a.upload("OPERLOG", format!("{}{}", user(&pin, "Ada"), fp(&pin, 6, &template))).await;
        let (_, told) = b.poll("").await;
        if both(&told, &pin).1.is_none() {
            ledger.unseen(obligations, "no template came that could be refused");
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
        scene.calm().await;
    }
}

async fn unsupported(scene: &mut Scene) {
    let pins = [scene.pin(), scene.pin()];
    let pictures = [photo(&mut scene.random), photo(&mut scene.random)];
    let users: String = pins.iter().map(|pin| user(pin, "Ada")).collect();
    scene.a.upload("OPERLOG", users).await;
    scene.calm().await;
    let record = |pin: &str, text: &str| {
        let photo = format!("USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={}\tContent={text}\n", text.len());
        user(pin, "Ada") + &photo
    };
    let [[first, second], [one, two]] = [&pins, &pictures];
    let Scene { a, b, ledger, .. } = scene;
    a.upload("OPERLOG", record(first, one)).await;
    let (_, told) = b.poll("").await;
    if !told.iter().any(|command| command.is("DATA UPDATE", "USERPIC", first)) {
        ledger.unseen(&[168, 183], "no photo of a user came that could be refused");
        return;
    }
    let answer = b.acknowledge(&told, -1004).await;
    b.obey().await;
    a.upload("OPERLOG", record(second, two)).await;
    let again = b.obey().await;
    let sent = again.iter().any(|command| command.table == "USERPIC" && command.text("Format") != "1");
    let verdict = require(!sent, "no photo of a user any more in that form");
    ledger.note(&[168, 183], "a table is not on a device (-1004)", &answer.sent, &in_words(&again), verdict);
    scene.calm().await;
}

async fn no_room(scene: &mut Scene) {
    let pins = [scene.pin(), scene.pin()];
    let templates = [finger(&mut scene.random), finger(&mut scene.random)];
    let users: String = pins.iter().map(|pin| user(pin, "Ada")).collect();
    scene.a.upload("OPERLOG", users).await;
    scene.calm().await;
    let [[first, second], [one, two]] = [&pins, &templates];
    let Scene { a, b, ledger, .. } = scene;
    a.upload("OPERLOG", user(first, "Ada") + &fp(first, 6, one)).await;
    let (_, told) = b.poll("").await;
    if both(&told, first).1.is_none() {
        ledger.unseen(&[181], "no template came that could be refused");
        return;
    }
    let answer = b.acknowledge(&told, -1001).await;
    b.obey().await;
    a.upload("OPERLOG", user(second, "Ada") + &fp(second, 6, two)).await;
    let again = b.obey().await;
    let sent = both(&again, second).1.is_some();
    let verdict = require(!sent, "no further template of that kind");
    ledger.note(&[181], "a device has no room (-1001)", &answer.sent, &in_words(&again), verdict);
    scene.calm().await;
}
