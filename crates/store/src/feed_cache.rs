//! What many devices take at the same time: read once, and shared.
//!
//! A change makes every device of a fleet read the same rows of the feed, the same items of the same people, and be sent the
//! same commands but for their names. Acknowledgements come just after, about the same people again.
//!
//! **Invariant**: what is in here was read, or was spelled from what was read, while the feed stood where [`FeedPosition`] says, and only a
//! transaction that itself read that the feed stands there gets it. Whatever changes or deletes an item takes a number, in the
//! transaction that does so: at one position there is one state of every item, whichever process changed it last. So nothing in here
//! decides by its age; and lines go by the number of the version that they were spelled from, which no other content ever has. A
//! position that moved empties all of this with the next use or the next look, so that nothing of a body outlives the look after the
//! deletion of its item. What a transaction brings is kept once it is committed: the position that it read may be of a change that is
//! committed together with it, or undone, so that another one takes its number.
//!
//! Lines hold people's templates. Few are kept ([`MOST_LINE_BYTES`]), and none that nobody asked for lately ([`LOOKS`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roster::{ItemKey, Rendering, Seq};
use sqlx::query_as;
use wire::Pin;

use crate::item::ItemRow;
use crate::{FeedCounters, StoreError, Tx};

/// How much of lines is kept.
const MOST_LINE_BYTES: usize = 2 << 20;

/// How many rows of items are kept, and how many pages of the feed.
const MOST_ROWS: usize = 10_000;
const MOST_PAGES: usize = 200;

/// After so many looks during which nobody asked for anything, nothing is kept: a minute, at four looks a second.
const LOOKS: u32 = 240;

/// Where the feed stands. A restored backup begins another incarnation: its numbers may run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition {
    /// Rises with every restore from a backup.
    pub incarnation: i64,
    /// The newest number.
    pub head: Seq,
}

/// Command lines as they go out, without what names them: what follows `C:<id>:`.
pub type Lines = Arc<[Vec<u8>]>;

/// Rows of the feed, in order.
pub type Page = Arc<Vec<(Seq, ItemKey)>>;

/// What was read and spelled for one device and is the same for the next.
#[derive(Default)]
pub struct FeedCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    position: Option<FeedPosition>,
    /// By the number after which a page begins and how many rows were asked for.
    pages: HashMap<(Seq, i64), Page>,
    /// All rows of a PIN.
    items: HashMap<Pin, Arc<Vec<ItemRow>>>,
    rows: usize,
    lines: HashMap<(ItemKey, Seq), Vec<(Rendering, Lines)>>,
    line_bytes: usize,
    looks: u32,
}

impl std::fmt::Debug for FeedCache {
    /// Without what is kept: lines are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedCache").finish_non_exhaustive()
    }
}

impl Inner {
    /// Empties all of this where it is of an earlier position. False where it is of a later one.
    fn stands(&mut self, position: FeedPosition) -> bool {
        if self.position < Some(position) {
            *self = Self { position: Some(position), ..Self::default() };
        }
        self.looks = 0;
        self.position == Some(position)
    }

    fn keep_lines(&mut self, version: (ItemKey, Seq), rendering: Rendering, lines: Lines) {
        let bytes: usize = lines.iter().map(Vec::len).sum();
        if self.line_bytes + bytes > MOST_LINE_BYTES {
            self.lines.clear();
            self.line_bytes = 0;
        }
        let spelled = self.lines.entry(version).or_default();
        if bytes <= MOST_LINE_BYTES && spelled.iter().all(|(of, _)| *of != rendering) {
            self.line_bytes += bytes;
            spelled.push((rendering, lines));
        }
    }
}

impl FeedCache {
    fn at(&self, position: FeedPosition) -> Option<MutexGuard<'_, Inner>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.stands(position).then_some(inner)
    }

    /// For a transaction that read that the feed stands there.
    pub fn share(&self, position: FeedPosition) -> CacheSession<'_> {
        CacheSession { recent: self, position, page: None, items: HashMap::new(), lines: Vec::new() }
    }

    /// The process looked where the feed stands: what is of another position, or was not asked for lately, goes.
    pub fn looked(&self, feed_counters: FeedCounters) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.looks = inner.looks.saturating_add(1);
        let elsewhere = inner.position.is_some_and(|position| position.head != feed_counters.head);
        if elsewhere || inner.looks >= LOOKS {
            *inner = Inner::default();
        }
    }

    /// Nobody can tell where the feed stands.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }
}

/// What one transaction takes of [`FeedCache`], and brings to it.
#[derive(Debug)]
pub struct CacheSession<'r> {
    recent: &'r FeedCache,
    position: FeedPosition,
    page: Option<((Seq, i64), Page)>,
    items: HashMap<Pin, Arc<Vec<ItemRow>>>,
    lines: Vec<(ItemKey, Seq, Rendering, Lines)>,
}

impl CacheSession<'_> {
    /// The lines of a version of an item in one rendering. The version was read in this transaction.
    pub fn lines(&self, version: &(ItemKey, Seq), rendering: &Rendering) -> Option<Lines> {
        let inner = self.recent.at(self.position)?;
        let spelled = inner.lines.get(version)?;
        spelled.iter().find(|(of, _)| of == rendering).map(|(_, lines)| Arc::clone(lines))
    }

    /// Brings lines that were spelled from the content of that version.
    pub fn stage_lines(&mut self, (key, seq): &(ItemKey, Seq), rendering: Rendering, lines: &Lines) {
        self.lines.push((key.clone(), *seq, rendering, Arc::clone(lines)));
    }

    /// Keeps what this transaction brought, for others. It is committed: it may have read what another one wrote that is
    /// committed together with it or not at all.
    pub fn committed(self) {
        if self.page.is_none() && self.items.is_empty() && self.lines.is_empty() {
            return;
        }
        let Some(mut inner) = self.recent.at(self.position) else { return };
        if let Some((of, page)) = self.page {
            if inner.pages.len() >= MOST_PAGES {
                inner.pages.clear();
            }
            inner.pages.insert(of, page);
        }
        let rows: usize = self.items.values().map(|rows| rows.len() + 1).sum();
        if inner.rows + rows > MOST_ROWS {
            inner.items.clear();
            inner.rows = 0;
        }
        inner.rows += rows;
        inner.items.extend(self.items);
        for (key, seq, rendering, lines) in self.lines {
            inner.keep_lines((key, seq), rendering, lines);
        }
    }
}

impl Tx {
    /// As [`Tx::feed_page`], shared with others that ask at the same position, and no further than to there: what changed since is
    /// not in the items that are shared at this position, and its rows come with the next page.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn cached_feed_page(
        &mut self,
        shared: &mut CacheSession<'_>,
        after: Seq,
        limit: i64,
    ) -> Result<Page, StoreError> {
        if after >= shared.position.head {
            return Ok(Page::default());
        }
        let known =
            shared.recent.at(shared.position).and_then(|inner| inner.pages.get(&(after, limit)).cloned());
        if let Some(page) = known {
            return Ok(page);
        }
        let mut page = self.feed_page(after, limit).await?;
        page.retain(|(seq, _)| *seq <= shared.position.head);
        let page = Arc::new(page);
        if self.still_at(shared.position).await? {
            shared.page = Some(((after, limit), Arc::clone(&page)));
        }
        Ok(page)
    }

    /// All rows of these PINs, shared likewise.
    pub(crate) async fn recent_items(
        &mut self,
        shared: &mut CacheSession<'_>,
        pins: &[Pin],
    ) -> Result<HashMap<Pin, Arc<Vec<ItemRow>>>, StoreError> {
        let mut found = HashMap::new();
        if !self.moved
            && let Some(inner) = shared.recent.at(shared.position)
        {
            let known = |pin: &Pin| Some((pin.clone(), Arc::clone(inner.items.get(pin)?)));
            found.extend(pins.iter().filter_map(known));
        }
        let unread: Vec<Pin> = pins.iter().filter(|pin| !found.contains_key(*pin)).cloned().collect();
        if unread.is_empty() {
            return Ok(found);
        }
        let mut read: HashMap<Pin, Vec<ItemRow>> =
            unread.iter().map(|pin| (pin.clone(), Vec::new())).collect();
        for row in self.item_rows(&unread).await?.into_values() {
            read.entry(row.key.pin.clone()).or_default().push(row);
        }
        let read: HashMap<Pin, Arc<Vec<ItemRow>>> =
            read.into_iter().map(|(pin, rows)| (pin, Arc::new(rows))).collect();
        if self.still_at(shared.position).await? {
            shared.items.extend(read.iter().map(|(pin, rows)| (pin.clone(), Arc::clone(rows))));
        }
        found.extend(read);
        Ok(found)
    }

    /// Whether what this transaction has just read is of the position that it read before.
    async fn still_at(&mut self, position: FeedPosition) -> Result<bool, StoreError> {
        if self.moved || self.engine.writers_exclude_each_other() {
            return Ok(!self.moved);
        }
        let (incarnation, head) =
            query_as("SELECT incarnation, seq FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?;
        Ok(position == FeedPosition { incarnation, head: Seq(head) })
    }
}

#[cfg(test)]
mod tests {
    use roster::{Capability, Slot};

    use super::*;

    const HEAD: FeedCounters = FeedCounters { head: Seq(7), wakes: 0 };

    fn position(incarnation: i64, head: i64) -> FeedPosition {
        FeedPosition { incarnation, head: Seq(head) }
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

    /// What a transaction brings that read the version of a user.
    fn keep(recent: &FeedCache, position: FeedPosition, seq: i64, lines: &Lines) {
        let mut shared = recent.share(position);
        shared.stage_lines(&version(seq), rendering("69"), lines);
        shared.committed();
    }

    fn get(recent: &FeedCache, position: FeedPosition, seq: i64) -> Option<Lines> {
        recent.share(position).lines(&version(seq), &rendering("69"))
    }

    /// With the lines of version 5 of a user, kept while the feed stood at 7.
    fn kept() -> FeedCache {
        let recent = FeedCache::default();
        keep(&recent, position(1, 7), 5, &lines(10));
        recent
    }

    #[test]
    fn lines_are_given_at_their_stand_for_their_version_and_rendering_alone() {
        let recent = kept();
        assert_eq!(get(&recent, position(1, 7), 5), Some(lines(10)));
        assert_eq!(get(&recent, position(1, 7), 6), None);
        assert_ne!(rendering("83"), rendering("69"), "another charset");
        assert_eq!(recent.share(position(1, 7)).lines(&version(5), &rendering("83")), None);
    }

    #[test]
    fn what_was_brought_by_a_transaction_that_is_undone_is_not_kept() {
        let recent = kept();
        let mut shared = recent.share(position(1, 8));
        shared.stage_lines(&version(8), rendering("69"), &lines(10));
        drop(shared);
        keep(&recent, position(1, 8), 8, &lines(20));
        assert_eq!(get(&recent, position(1, 8), 8), Some(lines(20)), "another change took the number");
    }

    #[test]
    fn what_is_kept_ends_with_the_stand() {
        for later in [position(1, 8), position(2, 7), position(2, 3)] {
            let recent = kept();
            assert_eq!(get(&recent, later, 5), None);
            assert_eq!(get(&recent, position(1, 7), 5), None, "it is gone for good");
        }
    }

    #[test]
    fn who_still_stands_earlier_neither_gets_nor_brings_anything() {
        let recent = kept();
        keep(&recent, position(1, 6), 4, &lines(10));
        assert_eq!(get(&recent, position(1, 6), 4), None);
        assert_eq!(get(&recent, position(1, 7), 5), Some(lines(10)));
    }

    #[test]
    fn a_look_that_finds_the_feed_elsewhere_ends_what_is_kept() {
        let recent = kept();
        recent.looked(HEAD);
        assert!(get(&recent, position(1, 7), 5).is_some());
        recent.looked(FeedCounters { head: Seq(8), wakes: 0 });
        assert!(recent.0.lock().expect("nobody panicked").lines.is_empty());
    }

    #[test]
    fn what_nobody_asks_for_is_not_kept() {
        let recent = kept();
        for _ in 1..LOOKS {
            recent.looked(HEAD);
        }
        assert!(get(&recent, position(1, 7), 5).is_some(), "and now it was asked for");
        for _ in 0..LOOKS {
            recent.looked(HEAD);
        }
        assert!(recent.0.lock().expect("nobody panicked").lines.is_empty());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let recent = kept();
        keep(&recent, position(1, 7), 6, &lines(MOST_LINE_BYTES - 9));
        assert_eq!(get(&recent, position(1, 7), 5), None);
        assert!(get(&recent, position(1, 7), 6).is_some());
        keep(&recent, position(1, 7), 7, &lines(MOST_LINE_BYTES + 1));
        assert_eq!(get(&recent, position(1, 7), 7), None, "too large for all of it");
        assert!(recent.0.lock().expect("nobody panicked").line_bytes <= MOST_LINE_BYTES);
    }
}
