//! What many devices take at the same time: read once, and shared.
//!
//! A change makes every device of a fleet read the same rows of the feed, the same items of the same people, and be sent the
//! same commands but for their names. Acknowledgements come just after, about the same people again.
//!
//! **Invariant**: what is in here was read, or was spelled from what was read, while the feed stood where [`Stand`] says, and only a
//! transaction that itself read that the feed stands there gets it. Whatever changes or deletes an item takes a number, in the
//! transaction that does so: at one stand there is one state of every item, whichever process changed it last. So nothing in here
//! decides by its age; and lines go by the number of the version that they were spelled from, which no other content ever has. A
//! stand that moved empties all of this with the next use or the next look, so that nothing of a body outlives the look after the
//! deletion of its item.
//!
//! Lines hold people's templates. Few are kept ([`MOST_LINE_BYTES`]), and none that nobody asked for lately ([`LOOKS`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roster::{ItemKey, Rendering, Seq};
use sqlx::query_as;
use wire::Pin;

use crate::item::ItemRow;
use crate::{Pulse, StoreError, Tx};

/// How much of lines is kept.
const MOST_LINE_BYTES: usize = 2 << 20;

/// How many rows of items are kept, and how many pages of the feed.
const MOST_ROWS: usize = 10_000;
const MOST_PAGES: usize = 200;

/// After so many looks during which nobody asked for anything, nothing is kept: a minute, at four looks a second.
const LOOKS: u32 = 240;

/// Where the feed stands. A restored backup begins another incarnation: its numbers may run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stand {
    /// Rises with every restore from a backup.
    pub incarnation: i64,
    /// The newest number.
    pub head: Seq,
}

/// Command lines as they go out, without what names them: what follows `C:<id>:`.
pub type Lines = Arc<[Vec<u8>]>;

/// What was read and spelled for one device and is the same for the next.
#[derive(Default)]
pub struct Recent(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    stand: Option<Stand>,
    /// By the number after which a page begins and how many rows were asked for.
    pages: HashMap<(Seq, i64), Arc<Vec<(Seq, ItemKey)>>>,
    /// All rows of a PIN.
    items: HashMap<Pin, Arc<Vec<ItemRow>>>,
    rows: usize,
    lines: HashMap<(ItemKey, Seq), Vec<(Rendering, Lines)>>,
    line_bytes: usize,
    looks: u32,
}

impl std::fmt::Debug for Recent {
    /// Without what is kept: lines are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl Inner {
    /// Empties all of this where it is of an earlier stand. False where it is of a later one.
    fn stands(&mut self, stand: Stand) -> bool {
        if self.stand < Some(stand) {
            *self = Self { stand: Some(stand), ..Self::default() };
        }
        self.looks = 0;
        self.stand == Some(stand)
    }
}

impl Recent {
    fn at(&self, stand: Stand) -> Option<MutexGuard<'_, Inner>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.stands(stand).then_some(inner)
    }

    /// The process looked where the feed stands: what is of another stand, or was not asked for lately, goes.
    pub fn looked(&self, pulse: Pulse) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.looks = inner.looks.saturating_add(1);
        let elsewhere = inner.stand.is_some_and(|stand| stand.head != pulse.head);
        if elsewhere || inner.looks >= LOOKS {
            *inner = Inner::default();
        }
    }

    /// Nobody can tell where the feed stands.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    /// The lines of a version of an item in one rendering.
    ///
    /// `version` was read in the transaction that sends it.
    pub fn lines(&self, stand: Stand, version: &(ItemKey, Seq), rendering: &Rendering) -> Option<Lines> {
        let inner = self.at(stand)?;
        let spelled = inner.lines.get(version)?;
        spelled.iter().find(|(of, _)| of == rendering).map(|(_, lines)| Arc::clone(lines))
    }

    /// Keeps lines that were spelled from the content of that version.
    pub fn keep_lines(&self, stand: Stand, version: (ItemKey, Seq), rendering: Rendering, lines: &Lines) {
        let Some(mut inner) = self.at(stand) else { return };
        let bytes: usize = lines.iter().map(Vec::len).sum();
        if inner.line_bytes + bytes > MOST_LINE_BYTES {
            inner.lines.clear();
            inner.line_bytes = 0;
        }
        if bytes <= MOST_LINE_BYTES {
            inner.line_bytes += bytes;
            inner.lines.entry(version).or_default().push((rendering, Arc::clone(lines)));
        }
    }

    fn page(&self, stand: Stand, after: Seq, limit: i64) -> Option<Arc<Vec<(Seq, ItemKey)>>> {
        self.at(stand)?.pages.get(&(after, limit)).cloned()
    }

    fn keep_page(&self, stand: Stand, after: Seq, limit: i64, page: &Arc<Vec<(Seq, ItemKey)>>) {
        let Some(mut inner) = self.at(stand) else { return };
        if inner.pages.len() >= MOST_PAGES {
            inner.pages.clear();
        }
        inner.pages.insert((after, limit), Arc::clone(page));
    }

    fn items(&self, stand: Stand, pins: &[Pin]) -> HashMap<Pin, Arc<Vec<ItemRow>>> {
        let Some(inner) = self.at(stand) else { return HashMap::new() };
        pins.iter().filter_map(|pin| Some((pin.clone(), Arc::clone(inner.items.get(pin)?)))).collect()
    }

    fn keep_items(&self, stand: Stand, items: &HashMap<Pin, Arc<Vec<ItemRow>>>) {
        let Some(mut inner) = self.at(stand) else { return };
        let rows: usize = items.values().map(|rows| rows.len() + 1).sum();
        if inner.rows + rows > MOST_ROWS {
            inner.items.clear();
            inner.rows = 0;
        }
        inner.rows += rows;
        inner.items.extend(items.iter().map(|(pin, rows)| (pin.clone(), Arc::clone(rows))));
    }
}

impl Tx {
    /// As [`Tx::feed_page`], shared with others that ask at the same stand, which this transaction read.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recent_page(
        &mut self,
        recent: &Recent,
        stand: Stand,
        after: Seq,
        limit: i64,
    ) -> Result<Arc<Vec<(Seq, ItemKey)>>, StoreError> {
        if after >= stand.head {
            return Ok(Arc::default());
        }
        if let Some(page) = recent.page(stand, after, limit) {
            return Ok(page);
        }
        let page = Arc::new(self.feed_page(after, limit).await?);
        if self.still_at(stand).await? {
            recent.keep_page(stand, after, limit, &page);
        }
        Ok(page)
    }

    /// All rows of these PINs, shared likewise.
    pub(crate) async fn recent_items(
        &mut self,
        recent: &Recent,
        stand: Stand,
        pins: &[Pin],
    ) -> Result<HashMap<Pin, Arc<Vec<ItemRow>>>, StoreError> {
        let mut found = if self.moves.is_none() { recent.items(stand, pins) } else { HashMap::new() };
        let unread: Vec<Pin> = pins.iter().filter(|pin| !found.contains_key(*pin)).cloned().collect();
        if unread.is_empty() {
            return Ok(found);
        }
        let mut read: HashMap<Pin, Vec<ItemRow>> =
            unread.iter().map(|pin| (pin.clone(), Vec::new())).collect();
        for (key, row) in self.item_rows(&unread).await? {
            read.entry(key.pin).or_default().push(row);
        }
        let read = read.into_iter().map(|(pin, rows)| (pin, Arc::new(rows))).collect();
        if self.still_at(stand).await? {
            recent.keep_items(stand, &read);
        }
        found.extend(read);
        Ok(found)
    }

    /// Whether what this transaction has just read is of the stand that it read before.
    async fn still_at(&mut self, stand: Stand) -> Result<bool, StoreError> {
        if self.moves.is_some() || self.engine.writers_exclude_each_other() {
            return Ok(self.moves.is_none());
        }
        let (incarnation, head) =
            query_as("SELECT incarnation, seq FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?;
        Ok(stand == Stand { incarnation, head: Seq(head) })
    }
}

#[cfg(test)]
mod tests {
    use roster::{Capability, Slot};

    use super::*;

    const HEAD: Pulse = Pulse { head: Seq(7), wakes: 0 };

    fn stand(incarnation: i64, head: i64) -> Stand {
        Stand { incarnation, head: Seq(head) }
    }

    fn version(seq: i64) -> (ItemKey, Seq) {
        (ItemKey { pin: "7".parse().expect("a PIN"), slot: Slot::USER }, Seq(seq))
    }

    fn rendering(language: &str) -> Rendering {
        let mut capability = Capability::default();
        capability.merge_parameters(&[("Language".into(), language.into())]);
        Rendering::of(&Slot::USER, &capability).expect("every device takes users")
    }

    fn lines(bytes: usize) -> Lines {
        Arc::from([vec![b'x'; bytes]])
    }

    /// With the lines of version 5 of a user, kept while the feed stood at 7.
    fn kept() -> Recent {
        let recent = Recent::default();
        recent.keep_lines(stand(1, 7), version(5), rendering("69"), &lines(10));
        recent
    }

    #[test]
    fn lines_are_given_at_their_stand_for_their_version_and_rendering_alone() {
        let recent = kept();
        assert_eq!(recent.lines(stand(1, 7), &version(5), &rendering("69")), Some(lines(10)));
        assert_eq!(recent.lines(stand(1, 7), &version(6), &rendering("69")), None);
        assert_ne!(rendering("83"), rendering("69"), "another charset");
        assert_eq!(recent.lines(stand(1, 7), &version(5), &rendering("83")), None);
    }

    #[test]
    fn what_is_kept_ends_with_the_stand() {
        for later in [stand(1, 8), stand(2, 7), stand(2, 3)] {
            let recent = kept();
            assert_eq!(recent.lines(later, &version(5), &rendering("69")), None);
            assert_eq!(recent.lines(stand(1, 7), &version(5), &rendering("69")), None, "it is gone for good");
        }
    }

    #[test]
    fn who_still_stands_earlier_neither_gets_nor_brings_anything() {
        let recent = kept();
        recent.keep_lines(stand(1, 6), version(4), rendering("69"), &lines(10));
        assert_eq!(recent.lines(stand(1, 6), &version(4), &rendering("69")), None);
        assert_eq!(recent.lines(stand(1, 7), &version(5), &rendering("69")), Some(lines(10)));
    }

    #[test]
    fn a_look_that_finds_the_feed_elsewhere_ends_what_is_kept() {
        let recent = kept();
        recent.looked(HEAD);
        assert!(recent.lines(stand(1, 7), &version(5), &rendering("69")).is_some());
        recent.looked(Pulse { head: Seq(8), wakes: 0 });
        assert!(recent.0.lock().expect("nobody panicked").lines.is_empty());
    }

    #[test]
    fn what_nobody_asks_for_is_not_kept() {
        let recent = kept();
        for _ in 1..LOOKS {
            recent.looked(HEAD);
        }
        assert!(
            recent.lines(stand(1, 7), &version(5), &rendering("69")).is_some(),
            "and now it was asked for"
        );
        for _ in 0..LOOKS {
            recent.looked(HEAD);
        }
        assert!(recent.0.lock().expect("nobody panicked").lines.is_empty());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let recent = kept();
        recent.keep_lines(stand(1, 7), version(6), rendering("69"), &lines(MOST_LINE_BYTES - 9));
        assert_eq!(recent.lines(stand(1, 7), &version(5), &rendering("69")), None);
        assert!(recent.lines(stand(1, 7), &version(6), &rendering("69")).is_some());
        recent.keep_lines(stand(1, 7), version(7), rendering("69"), &lines(MOST_LINE_BYTES + 1));
        assert_eq!(recent.lines(stand(1, 7), &version(7), &rendering("69")), None, "too large for all of it");
        assert!(recent.0.lock().expect("nobody panicked").line_bytes <= MOST_LINE_BYTES);
    }
}
