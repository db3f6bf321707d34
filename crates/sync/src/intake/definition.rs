//! Definitions in uploads. Devices upload only one kind: work codes.

use roster::{Content, Definition, ItemKey};

use super::{Intake, Outcome};
use crate::view::Joining;

impl Intake<'_> {
    /// A definition from a device. `key` names its owner.
    ///
    /// Like a user record, it is an edit unless the device has not settled what replaced or deleted it, or is being
    /// made equal to the fleet. A device that joins adds definitions that the fleet does not have.
    pub fn definition(&mut self, key: &ItemKey, definition: Definition) -> Outcome {
        let content = Content::Definition(definition);
        let hash = roster::hash(self.hash_key, &key.slot, &content);
        let item = self.view.item(key).cloned();
        let live = item.as_ref().filter(|item| item.live);
        let is_here = self.view.in_scope(&key.pin);
        if is_here && live.is_some_and(|item| item.hash == hash) {
            return Outcome::Equal;
        }
        match (self.view.joining, live) {
            (Some(Joining::Replace), _) => {
                if item.is_none() {
                    self.bury(key, false);
                }
                return self.refuse(key);
            }
            (Some(Joining::Adopt), Some(live)) if live.changed_by != Some(self.view.device) => {
                return self.refuse(key);
            }
            _ => {}
        }
        if let Some(item) = &item {
            let elsewhere = item.live && !is_here;
            if self.is_stale(key, item, elsewhere || self.is_older(key, hash)) {
                return self.refuse(key);
            }
            if let Some(held) = self.contested(key, item) {
                return held;
            }
        }
        self.join_area(&key.pin);
        self.put(key, content);
        Outcome::Edit
    }
}
