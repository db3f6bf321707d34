//! Distribution of users: a user who is enrolled at one device arrives at another once, complete, and in that
//! device's form.

use encoding_rs::GBK;

use crate::checks::in_words;
use crate::command::Command;
use crate::exchange::require;
use crate::record::{user, user_with};
use crate::trial::Trial;

/// All keys of `DATA UPDATE USERINFO` in their spelling (§12.1.1.1).
const KEYS: [&str; 9] = ["PIN", "Name", "Pri", "Passwd", "Card", "Grp", "TZ", "Verify", "ViceCard"];

pub(crate) async fn check(trial: &mut Trial) {
    arrival(trial).await;
    equal_again(trial).await;
    forms(trial).await;
    names(trial).await;
    charsets(trial).await;
    orders(trial).await;
    privileges(trial).await;
}

/// The first command about the user.
fn of<'a>(commands: &'a [Command], pin: &str) -> Option<&'a Command> {
    commands.iter().find(|command| command.is("DATA UPDATE", "USERINFO", pin))
}

/// The last command about the user.
fn of_last<'a>(commands: &'a [Command], pin: &str) -> Option<&'a Command> {
    commands.iter().rfind(|command| command.is("DATA UPDATE", "USERINFO", pin))
}

async fn arrival(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, b, ledger, .. } = trial;
    let record = user_with(&pin, "Name=Ada King Lovelace", "0")
        .replace("Passwd=", "Passwd=2468")
        .replace("\tCard=", "\tCard=4402017");
    let upload = a.upload("OPERLOG", &record).await;
    let (_, first) = b.poll("").await;
    b.acknowledge(&first, 0).await;
    if first.iter().any(|command| command.is_about(&pin)) {
        ledger.saw_delivery();
    }
    let words = in_words(&first);
    let case = "a user is enrolled at one device, another one polls";
    let mut note = |obligations: &[u16], right: bool, wanted: &str| {
        ledger.note(obligations, case, &upload.sent, &words, require(right, wanted));
    };
    let command = of(&first, &pin);
    let has = |key: &str, value: &str| command.is_some_and(|command| command.text(key) == value);
    note(&[127], command.is_some(), "DATA UPDATE USERINFO with the next poll");
    note(&[23], has("Name", "Ada King Lovelace"), "Name=Ada King Lovelace");
    note(
        &[127],
        has("Passwd", "2468") && has("Grp", "1") && has("TZ", "0000000100000000"),
        "password, group and time zones as uploaded",
    );
    note(
        &[128],
        command.map(|command| card(&command.text("Card"))) == Some(Some(4_402_017)),
        "the card with the number 4402017",
    );
    let spelt =
        |key: &&str| command.is_some_and(|command| command.fields.iter().any(|(name, _)| name == *key));
    let missing: Vec<&str> = KEYS.into_iter().filter(|key| !spelt(key)).collect();
    note(
        &[26, 150],
        missing.is_empty(),
        &format!("every key of USERINFO in its spelling; missing: {}", missing.join(", ")),
    );
    b.obey().await;
    let back = a.obey().await;
    // An echo is harmless as long as it holds what the device already has.
    let other = back.iter().filter(|command| command.is_about(&pin)).any(|command| {
        command.verb != "DATA UPDATE"
            || command.text("Name") != "Ada King Lovelace"
            || command.text("Passwd") != "2468"
    });
    let verdict = require(!other, "nothing, or what it uploaded itself");
    ledger.note_silence(
        &[188],
        "commands to the device of the enrolment",
        &upload.sent,
        &in_words(&back),
        verdict,
    );
}

async fn equal_again(trial: &mut Trial) {
    let pin = trial.pin();
    trial.a.upload("OPERLOG", user(&pin, "Ada")).await;
    trial.settle().await;
    let Trial { a, b, ledger, .. } = trial;
    for (case, obligations, record) in [
        ("the same user again", &[101, 187][..], user(&pin, "Ada")),
        ("the same user with an empty Verify", &[129], user(&pin, "Ada").replace("Verify=-1", "Verify=")),
        ("the same user without Verify", &[129], user(&pin, "Ada").replace("Verify=-1\t", "")),
    ] {
        let upload = a.upload("OPERLOG", record).await;
        let told = b.obey().await;
        let silent = !told.iter().any(|command| command.is_about(&pin));
        ledger.note_silence(
            obligations,
            case,
            &upload.sent,
            &in_words(&told),
            require(silent, "nothing for the other device"),
        );
        a.obey().await;
    }
}

async fn forms(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin(), trial.pin(), trial.pin(), trial.pin()];
    let Trial { a, b, ledger, .. } = trial;
    let [lower, extra, bare, hex, number] = pins;
    let zeros = format!("00{}", number.get(2..).unwrap_or_default());
    let plain = zeros.trim_start_matches('0').to_owned();
    let body = [
        format!("user pin={lower}\tNAME=Lower Case\tpri=0\tpasswd=\tCARD=\tgrp=1\ttz=0000000100000000\n"),
        user(&extra, "Extra").replace("\tPri=0", "\tPri=0\tUnheard=x=y\tOf="),
        format!("USER PIN={bare}\n"),
        user(&hex, "Hex").replace("\tCard=", "\tCard=[612b430000]"),
        user(&zeros, "Zeros"),
        user(&plain, "No Zeros"),
    ]
    .concat();
    let upload = a.upload("OPERLOG", body).await;
    ledger.judge(&[28], "a user with a PIN only", &upload, upload.count(6));
    let told = b.obey().await;
    let name = |pin: &str| of(&told, pin).map(|command| command.text("Name"));
    let mut note = |obligations: &[u16], case: &str, right: bool, wanted: &str| {
        ledger.note(obligations, case, &upload.sent, &in_words(&told), require(right, wanted));
    };
    note(
        &[25],
        "tag and keys in another case",
        name(&lower).as_deref() == Some("Lower Case"),
        "the user arrives with its name",
    );
    note(&[27], "unknown keys", name(&extra).as_deref() == Some("Extra"), "the user arrives with its name");
    let number = of(&told, &hex).and_then(|command| card(&command.text("Card")));
    note(
        &[128],
        "a card in hex, lowest byte first",
        number == Some(4_402_017),
        "the card with the number 4402017",
    );
    let both = name(&zeros).as_deref() == Some("Zeros") && name(&plain).as_deref() == Some("No Zeros");
    note(&[36], "PINs that differ in leading zeros", both, "two users with the PINs as they are");
    a.obey().await;
}

async fn names(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, b, ledger, .. } = trial;
    let upload = a.upload("OPERLOG", user(&pin, "Ada\rC:1:REBOOT\0Byron")).await;
    let told = b.obey().await;
    let clean = told
        .iter()
        .all(|command| !command.raw.iter().any(|byte| matches!(byte, b'\r' | 0)) && command.verb != "REBOOT");
    let verdict = require(clean, "no CR, no NUL and no other command on the other device");
    ledger.note_silence(&[34], "a name with CR and NUL in it", &upload.sent, &in_words(&told), verdict);
    a.obey().await;
}

async fn charsets(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    trial.settle().await;
    let Trial { a, b, c, ledger, .. } = trial;
    let [from_chinese, to_chinese] = pins;
    let (li, _, _) = GBK.encode("李华");
    let record =
        [format!("USER PIN={from_chinese}\tName=").as_bytes(), &li, b"\tPri=0\tPasswd=\tCard=\tGrp=1\n"]
            .concat();
    let upload = c.upload("OPERLOG", record).await;
    let told = b.obey().await;
    let name = of(&told, &from_chinese).and_then(|command| command.bytes("Name").map(<[u8]>::to_vec));
    let verdict =
        require(name.as_deref() == Some("李华".as_bytes()), "the name in UTF-8 on a device in English");
    ledger.note(
        &[30, 32],
        "a name in GB2312 from a device in Chinese",
        &upload.sent,
        &in_words(&told),
        verdict,
    );

    let upload = a.upload("OPERLOG", user(&to_chinese, "王芳")).await;
    let (exchange, told) = c.poll("").await;
    c.acknowledge(&told, 0).await;
    let (wang, _, _) = GBK.encode("王芳");
    let name =
        told.iter().find(|command| command.is_about(&to_chinese)).and_then(|command| command.bytes("Name"));
    let verdict = require(name == Some(&*wang), "the name in GB2312 on a device in Chinese");
    ledger.note(&[32], "a name in UTF-8", &upload.sent, &in_words(&told), verdict);
    let whole =
        exchange.came.as_ref().is_ok_and(|answer| answer.surplus.is_empty() && answer.body.ends_with(b"\n"));
    ledger.judge(
        &[33],
        "an answer in GB2312",
        &exchange,
        require(whole, "as many bytes as Content-Length says"),
    );
    a.obey().await;
    b.obey().await;
    c.obey().await;
}

async fn orders(trial: &mut Trial) {
    let pins = [trial.pin(), trial.pin()];
    let [turns, often] = pins;
    // The cards change, because another name may be another person's.
    let noa = |card: u64| user(&turns, "Noa").replace("\tCard=", &format!("\tCard={card}"));
    let jo = |card: u64| user(&often, "Jo").replace("\tCard=", &format!("\tCard={card}"));
    trial.a.upload("OPERLOG", noa(4_402_017)).await;
    trial.settle().await;
    let Trial { a, b, ledger, .. } = trial;
    a.upload("OPERLOG", noa(4_402_018)).await;
    let last = b.upload("OPERLOG", noa(4_402_019)).await;
    let (told_a, told_b) = (a.obey().await, b.obey().await);
    let newest = |told: &[Command]| of_last(told, &turns).map(|command| card(&command.text("Card")));
    let right = newest(&told_a) == Some(Some(4_402_019))
        && newest(&told_b).is_none_or(|number| number == Some(4_402_019));
    let verdict = require(right, "the change that was received last on both");
    ledger.note(&[190], "two devices change one card", &last.sent, &in_words(&told_a), verdict);

    let mut upload = a.upload("OPERLOG", jo(4_402_021)).await;
    for number in 4_402_022..=4_402_025 {
        upload = a.upload("OPERLOG", jo(number)).await;
    }
    let told = b.obey().await;
    // A removal under the PIN before the user arrives is not counted as a change.
    let brought = told.iter().filter(|command| command.is("DATA UPDATE", "USERINFO", &often));
    let cards: Vec<_> = brought.map(|command| card(&command.text("Card"))).collect();
    let verdict = require(cards == [Some(4_402_025)], "one command with the newest card");
    ledger.note(&[91], "five changes while a device is off", &upload.sent, &in_words(&told), verdict);
    a.obey().await;
}

async fn privileges(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, b, ledger, .. } = trial;
    let upload = a.upload("OPERLOG", user_with(&pin, "Name=Mallory", "14")).await;
    let told = b.obey().await;
    let raised = told
        .iter()
        .any(|command| command.is_about(&pin) && !matches!(command.text("Pri").as_str(), "0" | ""));
    let verdict = require(!raised, "no privilege on the other device");
    ledger.note_silence(
        &[193],
        "an administrator is made at a device",
        &upload.sent,
        &in_words(&told),
        verdict,
    );
    a.obey().await;
}

/// The number of a card in decimal, or as hex bytes, lowest first.
fn card(text: &str) -> Option<u64> {
    let Some(hex) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return text.parse().ok();
    };
    let bytes = hex.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok()?;
        u8::from_str_radix(two, 16).ok()
    });
    bytes.rev().try_fold(0_u64, |number, byte| number.checked_mul(256)?.checked_add(u64::from(byte?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_one_number_in_both_forms() {
        assert_eq!(card("4402017"), Some(4_402_017));
        assert_eq!(card("[612b430000]"), Some(4_402_017));
        assert_eq!(card("[61zz]"), None);
    }
}
