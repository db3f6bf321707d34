//! What an upload of people comes to.

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

/// What an upload comes to.
pub struct Decision {
    /// What is known of the device and of those the body is about, as it is after this.
    pub view: DeviceView,
    /// What is to be written of that.
    pub changes: Changes,
    /// What changes for the whole fleet: what the device said, in the order of the body, and then what follows from it.
    pub edits: Vec<ItemWrite>,
    /// How many of these are the device's own.
    pub own_edits: usize,
    /// Templates of which not all parts are there yet; `None` for parts that are not waited for any more.
    pub partial: Vec<(ItemKey, Option<Template>)>,
    /// What is kept aside for people to look at.
    pub held: Vec<HeldRecord>,
    /// What the device is able to, where the body shows something new of that.
    pub capability: Option<Capability>,
    /// People to ask the device for.
    pub queries: BTreeSet<Pin>,
    /// The user records of the upload with their tables: claims keep them.
    pub users: BTreeMap<Pin, ClaimedUser>,
    /// Templates and photos that are only kept: shown again they are known.
    pub left: Vec<(Pin, ContentHash)>,
    /// Deletions that the device reported of people who are there: its people are to be read.
    pub unexplained_deletions: u32,
    /// It was restored: it has to show all its people again.
    pub restored: bool,
    /// For the log.
    pub tally: Tally,
}

/// How many records came to what, for the log.
#[derive(Default)]
pub struct Tally {
    /// The fleet holds the same already.
    pub equal: usize,
    /// News for the fleet.
    pub edits: usize,
    /// The device is told the fleet's content instead of its own.
    pub corrected: usize,
    /// Kept aside: somebody has to decide.
    pub held: usize,
    /// Kept aside: nobody can read it.
    pub unreadable: usize,
}

/// The edits as they are written, and how many are the device's own.
pub fn in_order(mut edits: Vec<Edit>) -> (Vec<ItemWrite>, usize) {
    // What the device said first, and then what follows from it.
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
    /// Writes all of it, and puts the questions that follow to the device. Somebody who was enrolled is in the fleet
    /// afterwards. The clock is held.
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
                // The upload that tells of the restoration shows people already. Some devices show them only once.
                tx.note_heard(device, now).await?;
                tx.note_shown(device, &self.users.keys().cloned().collect()).await?;
            }
        }
        // After the device's row is written: an order takes its number from there.
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
        claim_questions::put(tx, &mut self.view, now).await?;
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
