//! Words for the sync state of a device.

use fleet::device::DeviceState;
use fleet::view::sync_status::{DeviceStatus, Owed, OwedReason, OwedWait, OwedWork, Refused};
use roster::Millis;
use serde::Serialize;
use wire::ReturnCode;

use crate::render::suspension;
use crate::render::when::When;

/// A status with its summary, as JSON shows it.
#[derive(Serialize)]
pub struct Summed {
    /// The sync state of the device.
    #[serde(flatten)]
    pub status: DeviceStatus,
    /// The same in one sentence.
    pub summary: String,
}

impl From<DeviceStatus> for Summed {
    fn from(status: DeviceStatus) -> Self {
        Self { summary: summary(&status), status }
    }
}

/// One pending item of a device, as JSON and tables show it.
#[derive(Serialize)]
pub struct OwedWords {
    /// The item.
    pub item: String,
    /// The reason why the item is pending.
    pub why: String,
}

impl OwedWords {
    /// Words for a pending item.
    pub fn of(owed: &Owed, when: &When) -> Self {
        let item = match &owed.what {
            OwedWork::Item(key) => key.to_string(),
            OwedWork::Deletion(key) => format!("deletion of {key}"),
            OwedWork::FailedRemoval(removal) => removal.to_string(),
            OwedWork::Removal(pin, suspended) => {
                format!("deletion of user {pin}, {}", suspension::words(suspended, when))
            }
        };
        Self { item, why: why(owed, when.now()) }
    }
}

fn why(owed: &Owed, now: Millis) -> String {
    match &owed.why {
        OwedReason::Sent(1) => "sent, not answered yet".to_owned(),
        OwedReason::Sent(times) => format!("sent {times} times, never answered"),
        OwedReason::Joining => "will be sent when the device has shown the people that it holds".to_owned(),
        OwedReason::DailyRetry => "the device may still hold it; Muster tries again every day".to_owned(),
        OwedReason::NextPolls => "will be sent with the next polls".to_owned(),
        OwedReason::Offline => "will be sent when the device is back online".to_owned(),
        OwedReason::Excepted { refused, wait: waits } => {
            let refused = refused.map(refusal);
            let waits = waits.as_ref().map(|waits| wait(waits, &owed.what, now));
            [refused, waits].into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
    }
}

fn refusal(refused: Refused) -> String {
    match refused {
        Refused::NotKept => {
            "the device accepted it, but does not store it; Muster tries again only with newer content"
                .to_owned()
        }
        Refused::Code(code) => {
            let meaning = ReturnCode(code).describe();
            format!("the device refused it ({code}: {meaning}); Muster tries again only with newer content")
        }
    }
}

fn wait(wait: &OwedWait, what: &OwedWork, now: Millis) -> String {
    match wait {
        OwedWait::NextPoll => "will be sent with the next poll".to_owned(),
        OwedWait::Retry { attempts, at } => {
            format!(
                "failed {attempts} times, next attempt in {} s",
                (at.0.saturating_sub(now.0) + 999) / 1000
            )
        }
        OwedWait::Full(Some(full)) => full.clone(),
        OwedWait::Full(None) => match what {
            OwedWork::Item(key) | OwedWork::Deletion(key) => {
                format!("the device has no room for another {}", key.slot)
            }
            OwedWork::Removal(..) | OwedWork::FailedRemoval(_) => "the device has no room".to_owned(),
        },
        OwedWait::User => "waits until the device has its user".to_owned(),
        OwedWait::Decision => "waits for your decision: muster held list".to_owned(),
    }
}

/// `online`, `offline`, or the state of a device that is not part of the fleet.
pub fn state(status: &DeviceStatus) -> String {
    match (status.state, status.online) {
        (DeviceState::Active, true) => "online".to_owned(),
        (DeviceState::Active, false) => "offline".to_owned(),
        (other, _) => other.to_string(),
    }
}

/// The sync state of a device, in one sentence.
pub fn summary(status: &DeviceStatus) -> String {
    match status.state {
        DeviceState::New => {
            return format!("waits for approval: muster device approve {}", status.serial_number);
        }
        DeviceState::Retired => return "not part of the fleet".to_owned(),
        DeviceState::Active => {}
    }
    let mut parts = Vec::new();
    if status.joining.is_some() {
        parts.push(reading(status));
    } else if status.filling {
        parts.push("is being filled".to_owned());
    }
    let counts = [
        (status.unread, "changes to check"),
        (status.open, "commands waiting for an answer"),
        (status.due, "items to send"),
        (status.removals_failed, "removals not confirmed, retried daily"),
        (status.parked, "items waiting for room or a decision"),
        (status.asked, "questions to the device not answered yet"),
    ];
    parts
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.extend(status.full.iter().cloned());
    if let (Some(expected), Some(reported)) = (status.surplus_expected, status.users_reported) {
        parts.push(format!("holds {reported} people, should hold {expected}: asked for the whole list"));
    }
    if parts.is_empty() {
        parts.push("in sync".to_owned());
    }
    if status.refused > 0 {
        parts.push(format!("{} items refused by the device", status.refused));
    }
    if !status.online {
        parts.push("offline".to_owned());
    }
    parts.join(", ")
}

/// The progress of reading the people of an approved device.
fn reading(status: &DeviceStatus) -> String {
    match (status.users_shown, status.users_counted) {
        (None, _) => "approved: waiting for the device to connect again".to_owned(),
        (Some(shown), Some(held)) => format!("reading the device's people: {shown} of {held} shown"),
        (Some(shown), None) => format!("reading the device's people: {shown} shown"),
    }
}

#[cfg(test)]
mod tests {
    use roster::ItemKey;

    use super::*;

    #[test]
    fn what_is_owed_says_what_it_waits_for() {
        let key = ItemKey { pin: "7".parse().expect("a PIN"), slot: roster::Slot::USER };
        let owed = |why| Owed { what: OwedWork::Item(key.clone()), why };
        let excepted = |refused, wait| owed(OwedReason::Excepted { refused, wait });
        for (owed, words) in [
            (owed(OwedReason::Sent(3)), "sent 3 times, never answered"),
            (excepted(None, Some(OwedWait::Full(None))), "the device has no room for another user"),
            (
                excepted(Some(Refused::NotKept), None),
                "the device accepted it, but does not store it; Muster tries again only with newer content",
            ),
            (
                excepted(None, Some(OwedWait::Retry { attempts: 2, at: Millis(1_500) })),
                "failed 2 times, next attempt in 2 s",
            ),
        ] {
            assert_eq!(why(&owed, Millis(0)), words);
        }
    }
}
