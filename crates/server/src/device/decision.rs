//! What an upload of people comes to.

use std::collections::BTreeSet;

use roster::{Capability, ItemKey, Seq, Template};
use store::{DeviceRow, HeldRecord, ItemWrite, Sealed};
use sync::intake::Edit;
use sync::{Changes, DeviceView};
use wire::Pin;

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
    /// It is about people alone, and nothing is or was there of any of them.
    pub newcomers: bool,
    /// For the log.
    pub tally: Tally,
}

/// What was decided without a lock, and of what.
pub struct Early {
    /// The device as it was.
    pub row: DeviceRow,
    /// Where the feed stood.
    pub head: Seq,
    /// What it came to.
    pub decision: Decision,
    /// The bodies of its edits.
    pub sealed: Sealed,
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
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let changes = &self.changes;
        self.edits.is_empty()
            && self.partial.is_empty()
            && self.held.is_empty()
            && self.capability.is_none()
            && self.queries.is_empty()
            && !(changes.device || changes.capability || changes.rebaseline)
            && changes.unpark.is_empty()
            && changes.exceptions.is_empty()
            && changes.open.is_empty()
            && changes.closed.is_empty()
    }
}
