//! Who is let in, and who is not.

use crate::checks::in_words;
use crate::exchange::require;
use crate::player::{CLOSE, Player};
use crate::record::{user, user_with};
use crate::scene::{RunError, Scene};

/// What the devices say of themselves when they introduce themselves.
pub(crate) const INTRODUCTION: &str = "&language=69&pushver=2.4.1&PushOptionsFlag=1";
/// The same in Simplified Chinese.
pub(crate) const CHINESE: &str = "&language=83&pushver=2.4.1&PushOptionsFlag=1";

/// A device that nobody let in.
pub(crate) async fn strangers(scene: &mut Scene) -> Result<(), RunError> {
    let pin = scene.pin();
    let Scene { stranger, ledger, .. } = scene;
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

/// The devices of the trial come, each as it is let in.
pub(crate) async fn arrive(scene: &mut Scene) -> Result<(), RunError> {
    let Scene { a, b, c, joining, ledger, settings, .. } = scene;
    for (player, query) in [(&mut *a, INTRODUCTION), (c, CHINESE), (joining, INTRODUCTION)] {
        let mut hello = player.introduce(query).await;
        if hello.status() != 200 {
            settings.admission.admit(&player.serial).await?;
            hello = player.introduce(query).await;
        }
        admitted(player, &hello)?;
    }
    // This one never introduced itself to the server as it runs now.
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

/// A device joins with people of its own, one of whom has a PIN that the fleet knows as somebody else.
pub(crate) async fn first_import(scene: &mut Scene) {
    let pin = scene.pin();
    scene
        .a
        .upload("OPERLOG", user_with(&pin, "Name=Of The Fleet", "0").replace("Card=", "Card=7700123"))
        .await;
    scene.calm().await;
    let Scene { a, b, joining, ledger, .. } = scene;
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
