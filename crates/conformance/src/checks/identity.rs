//! Admission: devices that are admitted, and a device that is not.

use crate::checks::in_words;
use crate::exchange::require;
use crate::player::{CLOSE, Player};
use crate::record::{user, user_with};
use crate::trial::{RunError, Trial};

/// The initialization parameters of the devices.
pub(crate) const INTRODUCTION: &str = "&language=69&pushver=2.4.1&PushOptionsFlag=1";
/// The same in Simplified Chinese.
pub(crate) const CHINESE: &str = "&language=83&pushver=2.4.1&PushOptionsFlag=1";

/// A device that nobody admitted.
pub(crate) async fn strangers(trial: &mut Trial) -> Result<(), RunError> {
    let pin = trial.pin();
    let Trial { stranger, ledger, .. } = trial;
    let hello = stranger.introduce(INTRODUCTION).await;
    if let Err(fault) = &hello.came {
        let server = stranger.server.authority().to_owned();
        return Err(RunError::Silent { server, fault: fault.clone() });
    }
    let right = matches!(hello.status(), 401 | 403) && !hello.text().contains("GET OPTION");
    let verdict = require(right, "401 or 403 and no option block");
    ledger.judge(&[65], "an unknown device introduces itself", &hello, verdict);

    let upload = stranger.upload("OPERLOG", user(&pin, "Stranger")).await;
    ledger.judge(&[39, 16], "an unknown device uploads a user", &upload, upload.refused());
    let (poll, commands) = stranger.poll("").await;
    let verdict = require(commands.is_empty(), "no commands");
    ledger.judge(&[39], "an unknown device polls", &poll, verdict);

    let headers = format!("{CLOSE}Cookie: token=d1904c7be52f683ab0c7715e2849f6ad\r\n");
    let target = stranger.target("cdata", "&table=OPERLOG&Stamp=9999");
    let request = stranger.request("POST", &target, &headers, Some(user(&pin, "Stranger").as_bytes()));
    let with_token = stranger.raw(&request).await;
    ledger.judge(&[42], "an unknown device shows a token in a cookie", &with_token, with_token.refused());
    Ok(())
}

/// The devices of the trial connect, each after its admission.
pub(crate) async fn arrive(trial: &mut Trial) -> Result<(), RunError> {
    let Trial { a, b, c, joining, ledger, settings, .. } = trial;
    for (player, query) in [(&mut *a, INTRODUCTION), (c, CHINESE), (joining, INTRODUCTION)] {
        let mut hello = player.introduce(query).await;
        if hello.status() != 200 {
            settings.admission.admit(&player.serial).await?;
            hello = player.introduce(query).await;
        }
        admitted(player, &hello)?;
    }
    // This device never sent an initialization request to the running server.
    let (mut poll, _) = b.poll("").await;
    if poll.status() != 200 {
        settings.admission.admit(&b.serial).await?;
        (poll, _) = b.poll("").await;
    }
    admitted(b, &poll)?;
    ledger.judge(&[20], "a poll without an introduction", &poll, poll.has_status(200));
    let upload = b.upload("OPERLOG", "").await;
    ledger.judge(&[20], "an upload without an introduction", &upload, upload.ok());
    b.introduce(INTRODUCTION).await;
    Ok(())
}

fn admitted(player: &Player, answer: &crate::Exchange) -> Result<(), RunError> {
    if answer.status() == 200 {
        return Ok(());
    }
    Err(RunError::NotAdmitted { serial_number: player.serial.clone(), answer: answer.came_in_words() })
}

/// A device joins with its own people, one of whom has a PIN that belongs to another person in the fleet.
pub(crate) async fn first_import(trial: &mut Trial) {
    let pin = trial.pin();
    trial
        .a
        .upload("OPERLOG", user_with(&pin, "Name=Of The Fleet", "0").replace("Card=", "Card=7700123"))
        .await;
    trial.settle().await;
    let Trial { a, b, joining, ledger, .. } = trial;
    let upload =
        joining.upload("OPERLOG", user(&pin, "Somebody Else").replace("Card=", "Card=7700456")).await;
    let mut told = b.obey().await;
    told.extend(a.obey().await);
    let spread = told.iter().any(|command| command.holds(b"Somebody Else"));
    let verdict =
        require(upload.ok().is_ok() && !spread, "the upload is acknowledged, and no other device gets it");
    ledger.note_silence(
        &[192],
        "a device that joins has another name and card for a PIN",
        &upload.sent,
        &in_words(&told),
        verdict,
    );
}
