//! Templates and photos: sent unchanged, after their users, and only to devices that can use them.

use wire::BioType;

use crate::archive::tgz;
use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::{biodata, finger, fp, photo, unified, user};
use crate::trial::Trial;

pub(crate) async fn check(trial: &mut Trial) {
    fingers(trial).await;
    damaged(trial).await;
    faces(trial).await;
    unified_records(trial).await;
    photos(trial).await;
    package(trial).await;
}

/// The command with this payload.
fn bringing<'a>(commands: &'a [Command], pin: &str, payload: &str) -> Option<&'a Command> {
    commands.iter().find(|command| {
        command.verb == "DATA UPDATE"
            && command.is_about(pin)
            && command.payload() == Some(payload.as_bytes())
    })
}

/// The commands about this PIN.
fn about<'a>(commands: &'a [Command], pin: &'a str) -> impl Iterator<Item = &'a Command> {
    commands.iter().filter(move |command| command.is_about(pin))
}

async fn fingers(trial: &mut Trial) {
    let pin = trial.pin();
    let [six, seven, two] = [0, 1, 2].map(|_| finger(&mut trial.random));
    let Trial { a, b, c, ledger, .. } = trial;
    let turned = format!("FP TMP={two}\tValid=1\tSize={}\tFID=2\tPIN={pin}\n", two.len());
    let body = [
        fp(&pin, 6, &six),
        user(&pin, "Ada"),
        fp(&pin, 7, &seven),
        turned,
        "OPLOG 4\t0\t\t0\t0\t0\t0\n".to_owned(),
    ]
    .concat();
    let upload = a.upload("OPERLOG", body).await;
    ledger.judge(&[102], "users, templates and operations in one body", &upload, upload.count(5));
    let told = b.obey().await;
    let mut note = |obligations: &[u16], case: &str, right: bool, wanted: &str| {
        ledger.note(obligations, case, &upload.sent, &in_words(&told), require(right, wanted));
    };
    let found = bringing(&told, &pin, &six);
    note(
        &[24, 38],
        "a fingerprint whose base64 ends in =",
        found.is_some(),
        "the same base64 on the other device",
    );
    note(
        &[70, 73, 74],
        "a device with unusual spellings of its parameters",
        found.is_some(),
        "the templates that it accepts by them",
    );
    note(
        &[140],
        "two fingers of one person",
        bringing(&told, &pin, &seven).is_some(),
        "the second finger too",
    );
    note(&[130], "keys in another order", bringing(&told, &pin, &two).is_some(), "that finger too");
    let place = |wanted: &dyn Fn(&Command) -> bool| told.iter().position(wanted);
    let user_at = place(&|command| command.is("DATA UPDATE", "USERINFO", &pin));
    let finger_at = place(&|command| command.is_about(&pin) && command.payload().is_some());
    note(
        &[87],
        "a template that came before its user",
        user_at.is_some() && user_at < finger_at,
        "USERINFO first",
    );
    let right = found.is_some_and(|command| {
        command.table == "FINGERTMP" || (command.table == "BIODATA" && command.text("MajorVer") == "10")
    });
    note(
        &[152],
        "a fingerprint 10 to a device of that algorithm",
        right,
        "FINGERTMP, or BIODATA with its version",
    );

    let other = c.obey().await;
    let without = !about(&other, &pin).any(|command| command.payload().is_some());
    let user_came = about(&other, &pin).any(|command| command.table == "USERINFO");
    let verdict = require(without && user_came, "the user, and no template");
    ledger.note(
        &[153, 75],
        "a fingerprint 10 and a device with fingerprint 12",
        &upload.sent,
        &in_words(&other),
        verdict,
    );
    let back = a.obey().await;
    let same = about(&back, &pin)
        .filter_map(Command::payload)
        .all(|payload| [&six, &seven, &two].iter().any(|one| one.as_bytes() == payload));
    ledger.note_silence(
        &[188],
        "templates that go back to their device",
        &upload.sent,
        &in_words(&back),
        require(same, "nothing, or what it uploaded itself"),
    );
}

async fn damaged(trial: &mut Trial) {
    let pin = trial.pin();
    let [whole, cut] = [0, 1].map(|_| finger(&mut trial.random));
    let Trial { a, b, ledger, .. } = trial;
    let body = [
        user(&pin, "Ada"),
        fp(&pin, 1, &whole).replace(&format!("Size={}", whole.len()), "Size=99999"),
        fp(&pin, 2, &format!("{}!!!", cut.trim_end_matches('='))),
        fp(&pin, 77, &whole),
    ]
    .concat();
    let upload = a.upload("OPERLOG", body).await;
    ledger.judge(&[98, 100], "a user with templates that are damaged", &upload, upload.count(4));
    let told = b.obey().await;
    let spread = about(&told, &pin).any(|command| command.payload().is_some());
    let came = about(&told, &pin).any(|command| command.table == "USERINFO");
    let verdict = require(came && !spread, "the user, and no template");
    ledger.note(
        &[35, 131],
        "a template of another size, and one that is no base64",
        &upload.sent,
        &in_words(&told),
        verdict,
    );
    a.obey().await;
}

async fn faces(trial: &mut Trial) {
    let pin = trial.pin();
    let face = unified(&mut trial.random, BioType::VISIBLE_FACE, (58, 12));
    let Trial { a, b, c, ledger, .. } = trial;
    let bare = format!("BIODATA Pin={pin}\tType=9\tMajorVer=58\tMinorVer=12\tTmp={face}\n");
    a.upload("OPERLOG", user(&pin, "Ada")).await;
    let upload = a.upload("BIODATA", bare).await;
    let told = b.obey().await;
    let found = bringing(&told, &pin, &face);
    let defaults = found.is_some_and(|command| {
        command.text("No") == "0"
            && command.text("Index") == "0"
            && command.text("Valid") == "1"
            && command.text("Duress") == "0"
    });
    let verdict = require(defaults, "BIODATA with No=0, Index=0, Valid=1, Duress=0 and the same base64");
    ledger.note(&[138, 38], "a face with type and version only", &upload.sent, &in_words(&told), verdict);
    let other = c.obey().await;
    let without = !about(&other, &pin).any(|command| command.payload().is_some());
    let verdict = require(without, "no face");
    ledger.note_silence(
        &[75, 153],
        "a face and a device without faces",
        &upload.sent,
        &in_words(&other),
        verdict,
    );
    a.obey().await;
}

async fn unified_records(trial: &mut Trial) {
    let pin = trial.pin();
    let [three, four] = [0, 1].map(|_| finger(&mut trial.random));
    let unknown = unified(&mut trial.random, BioType(17), (250, 1));
    let vein = unified(&mut trial.random, BioType::FINGER_VEIN, (3, 0));
    let Trial { a, b, ledger, .. } = trial;
    a.upload("OPERLOG", user(&pin, "Ada")).await;
    let two = [
        biodata(&pin, 3, BioType::FINGERPRINT, (10, 0), &three),
        biodata(&pin, 4, BioType::FINGERPRINT, (10, 0), &four),
    ];
    let upload = a.upload("BIODATA", two.concat()).await;
    let told = b.obey().await;
    let both = bringing(&told, &pin, &three).is_some() && bringing(&told, &pin, &four).is_some();
    let verdict = require(both, "both fingers");
    ledger.note(&[140], "two fingers as BIODATA", &upload.sent, &in_words(&told), verdict);
    let exchange = a.upload("BIODATA", biodata(&pin, 0, BioType(17), (250, 1), &unknown)).await;
    ledger.judge(&[139], "an unknown type and version", &exchange, exchange.count(1));
    let record = format!("FVEIN Pin={pin}\tFID=1\tIndex=0\tSize={}\tValid=1\tTmp={vein}\n", vein.len());
    let exchange = a.upload("OPERLOG", record).await;
    ledger.judge(&[130], "a finger vein", &exchange, exchange.count(1));
    b.obey().await;
    a.obey().await;
}

async fn photos(trial: &mut Trial) {
    let [pin, with_both] = [trial.pin(), trial.pin()];
    let [shown, compared, beside] = [0, 1, 2].map(|_| photo(&mut trial.random));
    let face = unified(&mut trial.random, BioType::VISIBLE_FACE, (58, 12));
    let Trial { a, b, ledger, .. } = trial;
    let body = [
        user(&pin, "Ada"),
        format!("USERPIC PIN={pin}\tFileName={pin}.jpg\tSize={}\tContent={shown}\n", shown.len()),
        format!(
            "BIOPHOTO PIN={pin}\tNo=0\tIndex=0\tFileName={pin}.jpg\tType=9\tSize={}\tContent={compared}\n",
            compared.len()
        ),
        user(&with_both, "Noa"),
        format!(
            "BIOPHOTO PIN={with_both}\tFileName={with_both}.jpg\tType=9\tSize={}\tContent={beside}\n",
            beside.len()
        ),
    ]
    .concat();
    let upload = a.upload("OPERLOG", body).await;
    ledger.judge(&[135], "user photos and comparison photos", &upload, upload.count(5));
    a.upload("BIODATA", biodata(&with_both, 0, BioType::VISIBLE_FACE, (58, 12), &face)).await;
    let told = b.obey().await;
    let mut note = |obligations: &[u16], case: &str, right: bool, wanted: &str| {
        ledger.note(obligations, case, &upload.sent, &in_words(&told), require(right, wanted));
    };
    let arrives = |text: &str| {
        bringing(&told, &pin, text).is_some()
            || about(&told, &pin).any(|command| !command.text("Url").is_empty())
    };
    note(&[135], "a user photo", arrives(&shown), "the photo on the other device, inline or by URL");
    note(&[135], "a comparison photo", arrives(&compared), "the photo on the other device, inline or by URL");
    let template = bringing(&told, &with_both, &face).is_some();
    let picture = about(&told, &with_both).any(|command| command.table == "BIOPHOTO");
    note(&[154], "a face and a photo of it", template != picture, "the template or the photo, not both");
    let inline = told.iter().find(|command| command.is("DATA UPDATE", "BIOPHOTO", &pin));
    match inline {
        Some(command) => {
            let right = command.text("PostBackTmpFlag") == "1";
            note(&[155], "a photo without a template", right, "PostBackTmpFlag=1");
        }
        None => ledger.unobservable(&[155], "no comparison photo came"),
    }
    a.obey().await;
}

async fn package(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    let Trial { a, b, ledger, .. } = trial;
    let records: String = pins.iter().map(|pin| user(pin, "Packed")).collect();
    let target = a.target("cdata", "&table=OPERLOG&ContentType=tgz");
    let upload = a.post(&target, tgz("records.txt", records.as_bytes())).await;
    ledger.judge(&[136], "two users in a data package", &upload, upload.count(2));
    let told = b.obey().await;
    let both = pins.iter().all(|pin| told.iter().any(|command| command.is("DATA UPDATE", "USERINFO", pin)));
    ledger.note(
        &[136],
        "two users in a data package",
        &upload.sent,
        &in_words(&told),
        require(both, "both users on the other device"),
    );
    a.obey().await;
}
