//! What an upload of people comes to.

use std::collections::BTreeSet;

use roster::{Capability, ItemKey, Seq, Template};
use store::{DeviceRow, HeldRecord};
use sync::intake::Edit;
use sync::{Changes, DeviceView};
use wire::Pin;

/// What an upload comes to.
pub struct Decision {
    pub view: DeviceView,
    pub changes: Changes,
    pub edits: Vec<Edit>,
    pub partial: Vec<(ItemKey, Option<Template>)>,
    pub held: Vec<HeldRecord>,
    pub capability: Option<Capability>,
    /// People to ask the device for.
    pub queries: BTreeSet<Pin>,
    /// It is about people alone, and nothing is or was there of any of them.
    pub newcomers: bool,
    pub tally: Tally,
}

/// What was decided without a lock, and of what.
pub struct Early {
    pub row: DeviceRow,
    /// Where the feed stood.
    pub head: Seq,
    pub decision: Decision,
}

/// How many records came to what, for the log.
#[derive(Default)]
pub struct Tally {
    pub equal: usize,
    pub edits: usize,
    pub corrected: usize,
    pub held: usize,
    pub unreadable: usize,
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
