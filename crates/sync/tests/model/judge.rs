//! The judge: whether the devices hold what the server wants.

use roster::{Content, ItemKey, Kind, Seq, Slot};
use sync::{Stage, Wait, Want};
use wire::Pin;

use crate::terminal::defined;
use crate::world::{Device, World, user_key};

impl World {
    /// The differences between the devices and the server's wishes, in words.
    pub fn differences(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (number, device) in self.devices.iter().enumerate() {
            let view = self.view(number);
            let terminal = &device.terminal;
            let lacks = |key: &ItemKey| {
                device.exceptions.get(key).is_some_and(|e| {
                    matches!(e.wait, Wait::Parked(_))
                        || e.refused.is_some_and(|r| r.seq == self.items[key].state.seq)
                })
            };
            let blocked =
                |pin: &Pin| device.claims.get(pin).is_some_and(|claim| claim.state.stage == Stage::Blocking);
            for (key, item) in self.items.iter().filter(|(key, _)| !blocked(&key.pin)) {
                let held = match &item.content {
                    _ if key.slot == Slot::USER => {
                        terminal.users.get(&key.pin).map(|user| format!("{user:?}"))
                    }
                    _ if key.slot.kind == Kind::Membership => continue,
                    _ if key.slot.is_root() => terminal.definitions.get(&key.pin).cloned(),
                    _ => terminal.templates.get(&(key.pin.clone(), key.slot)).cloned(),
                };
                let wanted = match (view.want(key), &item.content) {
                    (Want::Present, Some(Content::User(fields))) => {
                        Some(format!("{:?}", terminal.keep(fields)))
                    }
                    (Want::Present, Some(Content::Definition(content))) => Some(defined(content).to_owned()),
                    (Want::Present, Some(Content::Template(content))) => Some(content.parts[0].text.clone()),
                    _ => None,
                };
                if held != wanted && !(wanted.is_some() && lacks(key)) {
                    wrong.push(format!("device {number}, {key}: holds {held:?}, should hold {wanted:?}"));
                }
            }
            let unknown = |pin: &&Pin| !self.items.contains_key(&user_key(pin)) && !blocked(pin);
            for pin in terminal.users.keys().filter(unknown) {
                wrong.push(format!("device {number} holds the unknown user {pin}"));
            }
            for owner in terminal.definitions.keys().filter(|owner| self.keys_of(owner).is_empty()) {
                wrong.push(format!("device {number} holds an unknown definition {owner}"));
            }
            for (key, exception) in &device.exceptions {
                let room = match key.slot.kind {
                    Kind::User => terminal.users.len() < terminal.most_users,
                    _ => terminal.templates.len() < terminal.most_templates,
                };
                if room && exception.wait == Wait::Parked(sync::Parked::Full) {
                    wrong.push(format!("device {number} has room, but {key} is parked"));
                }
            }
        }
        wrong
    }

    /// Devices that the server still has to send something to.
    pub fn items_over_write_limit(&self) -> Vec<usize> {
        let busy = |device: &&Device| {
            let due = device.exceptions.values().any(|e| e.wipe || matches!(e.wait, Wait::Due(_)));
            if self.told {
                eprintln!(
                    "rest: {:?} {:?} {:?}",
                    device.exceptions,
                    device.claims.iter().map(|(p, c)| (p, c.state)).collect::<Vec<_>>(),
                    device.open
                );
            }
            !device.open.is_empty() || due || device.row.scan.is_some() || device.row.cursor != Seq(self.seq)
        };
        self.devices.iter().enumerate().filter(|(_, device)| busy(device)).map(|(number, _)| number).collect()
    }
}
