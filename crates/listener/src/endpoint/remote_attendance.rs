//! `GET /iclock/cdata?table=RemoteAtt`: a device requests a user that it does not hold, for one punch (§14).

use roster::{Kind, Millis};
use store::{DeviceRow, StoreError};
use wire::{CommandId, Pin, Target};

use crate::auth;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};

/// Returns the user and all templates that the device takes, as commands without IDs: the device sends no acknowledgement.
///
/// Returns `OK` for an unknown PIN, and if the operator has not switched remote attendance on: anybody who knows a serial
/// number can send this request.
pub async fn get(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let device = auth::authenticate(context, request, target).await?;
    let pin = target.query.get("PIN").and_then(|pin| pin.trim().parse::<Pin>().ok());
    let Some(pin) = pin.filter(|_| context.config.remote_attendance) else { return Ok(ok("OK")) };
    let now = context.clock.now();
    let lines = store::retry(|| lines(context, &device, &pin, now)).await?;
    if lines.is_empty() {
        return Ok(ok("OK"));
    }
    tracing::info!(
        device.serial_number = %device.serial_number, peer = %request.peer, pin = %pin, lines = lines.len(),
        "a user was given to a device for one punch"
    );
    Ok(ok(lines.join(&b'\n')))
}

/// The lines, the user first. Records that the device got them, because the device later deletes the user by itself.
async fn lines(
    context: &Context,
    device: &DeviceRow,
    pin: &Pin,
    now: Millis,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut tx = context.store.write().await?;
    let mut keys = tx.live_keys(std::slice::from_ref(pin)).await?;
    keys.retain(|key| matches!(key.slot.kind, Kind::User | Kind::Template(_)));
    keys.sort_by_key(|key| key.slot.kind != Kind::User);
    let contents = tx.contents(&keys).await?;
    if !contents.keys().any(|key| key.slot.kind == Kind::User) {
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for key in &keys {
        let Some(current) = contents.get(key) else { continue };
        for command in roster::update(key, current, &device.capability) {
            lines.extend(without_id(&command));
        }
    }
    if lines.is_empty() {
        tx.rollback().await?;
    } else {
        tx.give_remotely(device.id, pin, now).await?;
        tx.commit().await?;
    }
    Ok(lines)
}

fn without_id(command: &wire::Command<'_>) -> Option<Vec<u8>> {
    let id: CommandId = "0".parse().ok()?;
    let mut line = Vec::new();
    command.write(&id, &mut line);
    line.strip_prefix(b"C:0:").map(<[u8]>::to_vec)
}
