//! The decision on an upload of people: all changes that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Capability, ContentHash, ItemKey, Millis, Template};
use store::{Change, ClaimedUser, DeviceRow, HeldKind, HeldRecord, ItemWrite, StoreError, Tx};
use sync::intake::Edit;
use sync::{Changes, DeviceView};
use wire::{Form, Pin};

use crate::claim_questions;
use crate::context::Context;
use crate::people_reading;
use fleet::command::QueuedCommand;

/// The changes that follow from an upload.
pub struct Decision {
    /// The device and the people of the body, after the upload.
    pub view: DeviceView,
    /// The changes of `view` to write.
    pub changes: Changes,
    /// Changes of the whole fleet: first what the device said, in the order of the body, then what follows from it.
    pub edits: Vec<ItemWrite>,
    /// How many of the edits the device itself made; these come first.
    pub own_edits: usize,
    /// Incomplete sets of template parts; `None` for a set that Muster drops.
    pub partial: Vec<(ItemKey, Option<Template>)>,
    /// Records that are held for an operator.
    pub held: Vec<HeldRecord>,
    /// The device's capability, if the body shows something new.
    pub capability: Option<Capability>,
    /// People for whom Muster asks the device.
    pub queries: BTreeSet<Pin>,
    /// The user records of the upload with their tables: claims store them.
    pub users: BTreeMap<Pin, ClaimedUser>,
    /// Templates and photos that are only stored: Muster recognises them in a later upload.
    pub left: Vec<(Pin, ContentHash)>,
    /// Reported deletions of people who are still there: Muster has to read the device's people.
    pub unexplained_deletions: u32,
    /// The device was restored from a backup: it must show all its people again.
    pub restored: bool,
    /// For the log.
    pub tally: Tally,
}

/// The number of records by outcome, for the log.
#[derive(Default)]
pub struct Tally {
    /// The fleet holds the same already.
    pub equal: usize,
    /// News for the fleet.
    pub edits: usize,
    /// Muster sends the fleet's content back to the device.
    pub corrected: usize,
    /// Held: an operator has to decide.
    pub held: usize,
    /// Held: the record cannot be read.
    pub unreadable: usize,
}

/// The edits in the order in which they are written, and how many of them the device made.
pub fn in_order(mut edits: Vec<Edit>) -> (Vec<ItemWrite>, usize) {
    // First what the device said, then what follows from it.
    edits.sort_by_key(|edit| !edit.by_device);
    let own = edits.iter().take_while(|edit| edit.by_device).count();
    let write = |edit: Edit| ItemWrite {
        key: edit.key,
        content: edit.content,
        hash: edit.hash,
        contested: edit.contested,
        made_of: edit.made_of,
    };
    (edits.into_iter().map(write).collect(), own)
}

impl Decision {
    /// Writes the decision, and queues the questions that follow for the device. A newly enrolled person is in the fleet
    /// afterwards. The caller holds the clock lock.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write(
        mut self,
        context: &Context,
        tx: &mut Tx,
        row: &DeviceRow,
        now: Millis,
    ) -> Result<Tally, StoreError> {
        let device = row.id;
        if !self.edits.is_empty() {
            let by = |number: usize| (number < self.own_edits).then_some(device);
            let undo_until = Some(context.config.fleet.undo_until(now));
            let change = Change { by: None, at: now, undo_until };
            let seqs = tx.write_items_attributed(&self.edits, &change, by).await?;
            for (edit, seq) in self.edits.iter().zip(seqs) {
                self.changes.numbered(&edit.key, seq);
                self.view.numbered(&edit.key, seq);
            }
        }
        for (key, parts) in &self.partial {
            tx.put_part_set(device, key, parts.as_ref(), now).await?;
        }
        for record in self.held.iter().flat_map(HeldRecord::pieces) {
            let held = tx.hold(&record, now).await?;
            if held.is_new && record.kind != HeldKind::Waiting {
                tracing::warn!(
                    device.serial_number = %row.serial_number, held = held.id, kind = %record.kind,
                    record = %record.tag, line = record.line, reason = %record.reason, "held: muster held show {}", held.id
                );
            }
        }
        for (pin, hash) in &self.left {
            tx.mark_discarded(pin, std::slice::from_ref(hash)).await?;
        }
        if let Some(capability) = self.capability.take() {
            tx.set_capability(device, &capability, None).await?;
            self.view.capability = capability;
        }
        if row.joining.is_none() && self.edits.is_empty() && self.changes.gives_work() {
            tx.wake().await?;
        }
        tx.apply_upload(&self.view, &self.changes, &self.users, now).await?;
        if self.restored {
            tx.begin_roster(device).await?;
            if !self.users.is_empty() {
                // The upload that reports the restoration may show people already. Some devices show them only once.
                tx.note_heard(device, now).await?;
                tx.note_shown(device, &self.users.keys().cloned().collect()).await?;
            }
        }
        // After the row of the device is written, which numbers the commands.
        let refuses = row.capability.refused(Form::Query);
        if self.restored || (refuses && !self.queries.is_empty()) {
            fleet::reread::ask_for_everything(tx, device, now).await?;
        }
        if self.unexplained_deletions > 0 {
            people_reading::after_deletions(tx, row, self.unexplained_deletions, now).await?;
        }
        for pin in self.queries.iter().filter(|_| !refuses) {
            QueuedCommand::query_user(pin.clone()).queue(tx, device, "server", now).await?;
        }
        claim_questions::queue_due(tx, &mut self.view, now).await?;
        Ok(self.tally)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let changes = &self.changes;
        self.edits.is_empty()
            && self.partial.is_empty()
            && self.held.is_empty()
            && self.capability.is_none()
            && self.queries.is_empty()
            && changes.claims.is_empty()
            && self.unexplained_deletions == 0
            && !(changes.device || changes.capability || changes.rebaseline)
            && changes.unpark.is_empty()
            && changes.exceptions.is_empty()
            && changes.open.is_empty()
            && changes.closed.is_empty()
    }
}
