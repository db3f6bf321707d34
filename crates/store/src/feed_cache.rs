//! Feed cache: rows and command lines that many devices need at the same time.
//!
//! After a change, every device of a fleet reads the same feed rows and the same items, and gets the same commands
//! except for their ids. Shortly afterwards the acknowledgements need the same items again.
//!
//! **Invariant**: every entry was read, or rendered from what was read, while the feed was at the [`FeedPosition`] of
//! the cache. Only a transaction that itself read this position gets an entry. Each transaction that changes or
//! deletes an item also takes a new feed number. So an item has one state per position, whichever process changed it
//! last, and nothing needs to expire by age. Lines are keyed by the item's version number, which never gets other
//! content.
//!
//! A new position empties the cache, at the next use or at the next check of the feed. So no personal data outlives
//! the check after the deletion of its item.
//!
//! Entries of a transaction are added after its commit, not before. The position that it read may belong to a change
//! of the same commit group. If that group is rolled back, another change gets the same number.
//!
//! Lines hold people's templates. The cache keeps few of them ([`MAX_LINE_BYTES`]), and empties itself when no device
//! used it for a while ([`IDLE_CHECKS`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roster::{ItemKey, Rendering, Seq};
use sqlx::query_as;
use wire::Pin;

use crate::item::ItemRow;
use crate::{FeedCounters, StoreError, Tx};

/// Maximum bytes of rendered lines in the cache.
const MAX_LINE_BYTES: usize = 2 << 20;

/// Maximum item rows and maximum feed pages in the cache.
const MAX_ROWS: usize = 10_000;
const MAX_PAGES: usize = 200;

/// The cache is emptied after this many checks of the feed without any use: a minute, at four checks a second.
const IDLE_CHECKS: u32 = 240;

/// Position of the feed. A restored backup begins a new incarnation, because its numbers may be used a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition {
    /// Increases with every restore from a backup.
    pub incarnation: i64,
    /// The newest feed number.
    pub head: Seq,
}

/// Command lines as they are sent, without their id: the text after `C:<id>:`.
pub type Lines = Arc<[Vec<u8>]>;

/// Feed rows, in order.
pub type Page = Arc<Vec<(Seq, ItemKey)>>;

/// Rows that were read, and lines that were rendered, for one device and are the same for the next.
#[derive(Default)]
pub struct FeedCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    position: Option<FeedPosition>,
    /// Keyed by the number after which the page begins, and by the number of rows asked for.
    pages: HashMap<(Seq, i64), Page>,
    /// All rows of a PIN.
    items: HashMap<Pin, Arc<Vec<ItemRow>>>,
    rows: usize,
    lines: HashMap<(ItemKey, Seq), Vec<(Rendering, Lines)>>,
    line_bytes: usize,
    idle_checks: u32,
}

impl std::fmt::Debug for FeedCache {
    /// Shows no content, because lines are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedCache").finish_non_exhaustive()
    }
}

impl Inner {
    /// Empties the cache if it holds entries of an earlier position. Returns false if it is at a later one.
    fn move_to(&mut self, position: FeedPosition) -> bool {
        if self.position < Some(position) {
            *self = Self { position: Some(position), ..Self::default() };
        }
        self.idle_checks = 0;
        self.position == Some(position)
    }

    fn keep_lines(&mut self, version: (ItemKey, Seq), rendering: Rendering, lines: Lines) {
        let bytes: usize = lines.iter().map(Vec::len).sum();
        if self.line_bytes + bytes > MAX_LINE_BYTES {
            self.lines.clear();
            self.line_bytes = 0;
        }
        let spelled = self.lines.entry(version).or_default();
        if bytes <= MAX_LINE_BYTES && spelled.iter().all(|(of, _)| *of != rendering) {
            self.line_bytes += bytes;
            spelled.push((rendering, lines));
        }
    }
}

impl FeedCache {
    fn at(&self, position: FeedPosition) -> Option<MutexGuard<'_, Inner>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.move_to(position).then_some(inner)
    }

    /// Opens the cache for a transaction that read this position.
    pub fn share(&self, position: FeedPosition) -> CacheSession<'_> {
        CacheSession { cache: self, position, page: None, items: HashMap::new(), lines: Vec::new() }
    }

    /// Records a check of the feed. Empties the cache if the position changed, or if no device used the cache for a
    /// while.
    pub fn looked(&self, feed_counters: FeedCounters) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.idle_checks = inner.idle_checks.saturating_add(1);
        let elsewhere = inner.position.is_some_and(|position| position.head != feed_counters.head);
        if elsewhere || inner.idle_checks >= IDLE_CHECKS {
            *inner = Inner::default();
        }
    }

    /// Empties the cache, because the feed position is unknown.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }
}

/// The cache as one transaction sees it, and the entries that this transaction adds.
#[derive(Debug)]
pub struct CacheSession<'r> {
    cache: &'r FeedCache,
    position: FeedPosition,
    page: Option<((Seq, i64), Page)>,
    items: HashMap<Pin, Arc<Vec<ItemRow>>>,
    lines: Vec<(ItemKey, Seq, Rendering, Lines)>,
}

impl CacheSession<'_> {
    /// The lines of an item version in one rendering. The transaction must have read this version itself.
    pub fn lines(&self, version: &(ItemKey, Seq), rendering: &Rendering) -> Option<Lines> {
        let inner = self.cache.at(self.position)?;
        let spelled = inner.lines.get(version)?;
        spelled.iter().find(|(of, _)| of == rendering).map(|(_, lines)| Arc::clone(lines))
    }

    /// Adds lines that were rendered from the content of this version. They become visible with [`Self::committed`].
    pub fn stage_lines(&mut self, (key, seq): &(ItemKey, Seq), rendering: Rendering, lines: &Lines) {
        self.lines.push((key.clone(), *seq, rendering, Arc::clone(lines)));
    }

    /// Publishes the added entries. Call it after the commit: until then the position may belong to a change of the
    /// same commit group, which may still be rolled back.
    pub fn committed(self) {
        if self.page.is_none() && self.items.is_empty() && self.lines.is_empty() {
            return;
        }
        let Some(mut inner) = self.cache.at(self.position) else { return };
        if let Some((of, page)) = self.page {
            if inner.pages.len() >= MAX_PAGES {
                inner.pages.clear();
            }
            inner.pages.insert(of, page);
        }
        let rows: usize = self.items.values().map(|rows| rows.len() + 1).sum();
        if inner.rows + rows > MAX_ROWS {
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
    /// Like [`Tx::feed_page`], cached, and only up to the session's position. Later changes are not in the items
    /// cached at this position; their rows come with the next page.
    ///
    /// # Errors
    /// Database errors.
    pub async fn cached_feed_page(
        &mut self,
        session: &mut CacheSession<'_>,
        after: Seq,
        limit: i64,
    ) -> Result<Page, StoreError> {
        if after >= session.position.head {
            return Ok(Page::default());
        }
        let known =
            session.cache.at(session.position).and_then(|inner| inner.pages.get(&(after, limit)).cloned());
        if let Some(page) = known {
            return Ok(page);
        }
        let mut page = self.feed_page(after, limit).await?;
        page.retain(|(seq, _)| *seq <= session.position.head);
        let page = Arc::new(page);
        if self.still_at(session.position).await? {
            session.page = Some(((after, limit), Arc::clone(&page)));
        }
        Ok(page)
    }

    /// All rows of these PINs, cached in the same way.
    pub(crate) async fn cached_items(
        &mut self,
        session: &mut CacheSession<'_>,
        pins: &[Pin],
    ) -> Result<HashMap<Pin, Arc<Vec<ItemRow>>>, StoreError> {
        let mut found = HashMap::new();
        if !self.clock_advanced
            && let Some(inner) = session.cache.at(session.position)
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
        if self.still_at(session.position).await? {
            session.items.extend(read.iter().map(|(pin, rows)| (pin.clone(), Arc::clone(rows))));
        }
        found.extend(read);
        Ok(found)
    }

    /// Whether the rows that this transaction has just read belong to the position that it read before.
    async fn still_at(&mut self, position: FeedPosition) -> Result<bool, StoreError> {
        if self.clock_advanced || self.engine.writers_exclude_each_other() {
            return Ok(!self.clock_advanced);
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

    /// Adds lines for a version of a user, as a transaction does.
    fn keep(cache: &FeedCache, position: FeedPosition, seq: i64, lines: &Lines) {
        let mut session = cache.share(position);
        session.stage_lines(&version(seq), rendering("69"), lines);
        session.committed();
    }

    fn get(cache: &FeedCache, position: FeedPosition, seq: i64) -> Option<Lines> {
        cache.share(position).lines(&version(seq), &rendering("69"))
    }

    /// A cache with lines for version 5 of a user, added at position 7.
    fn kept() -> FeedCache {
        let cache = FeedCache::default();
        keep(&cache, position(1, 7), 5, &lines(10));
        cache
    }

    #[test]
    fn lines_are_found_only_for_their_position_version_and_rendering() {
        let cache = kept();
        assert_eq!(get(&cache, position(1, 7), 5), Some(lines(10)));
        assert_eq!(get(&cache, position(1, 7), 6), None);
        assert_ne!(rendering("83"), rendering("69"), "another charset");
        assert_eq!(cache.share(position(1, 7)).lines(&version(5), &rendering("83")), None);
    }

    #[test]
    fn lines_of_a_rolled_back_transaction_are_not_cached() {
        let cache = kept();
        let mut session = cache.share(position(1, 8));
        session.stage_lines(&version(8), rendering("69"), &lines(10));
        drop(session);
        keep(&cache, position(1, 8), 8, &lines(20));
        assert_eq!(get(&cache, position(1, 8), 8), Some(lines(20)), "another change took the number");
    }

    #[test]
    fn a_new_position_empties_the_cache() {
        for later in [position(1, 8), position(2, 7), position(2, 3)] {
            let cache = kept();
            assert_eq!(get(&cache, later, 5), None);
            assert_eq!(get(&cache, position(1, 7), 5), None, "the entry is not found again");
        }
    }

    #[test]
    fn a_transaction_at_an_earlier_position_neither_reads_nor_fills_the_cache() {
        let cache = kept();
        keep(&cache, position(1, 6), 4, &lines(10));
        assert_eq!(get(&cache, position(1, 6), 4), None);
        assert_eq!(get(&cache, position(1, 7), 5), Some(lines(10)));
    }

    #[test]
    fn a_check_that_finds_a_new_position_empties_the_cache() {
        let cache = kept();
        cache.looked(HEAD);
        assert!(get(&cache, position(1, 7), 5).is_some());
        cache.looked(FeedCounters { head: Seq(8), wakes: 0 });
        assert!(cache.0.lock().expect("not poisoned").lines.is_empty());
    }

    #[test]
    fn an_unused_cache_is_emptied() {
        let cache = kept();
        for _ in 1..IDLE_CHECKS {
            cache.looked(HEAD);
        }
        assert!(get(&cache, position(1, 7), 5).is_some(), "this use restarts the count");
        for _ in 0..IDLE_CHECKS {
            cache.looked(HEAD);
        }
        assert!(cache.0.lock().expect("not poisoned").lines.is_empty());
    }

    #[test]
    fn the_cache_has_a_maximum_size() {
        let cache = kept();
        keep(&cache, position(1, 7), 6, &lines(MAX_LINE_BYTES - 9));
        assert_eq!(get(&cache, position(1, 7), 5), None);
        assert!(get(&cache, position(1, 7), 6).is_some());
        keep(&cache, position(1, 7), 7, &lines(MAX_LINE_BYTES + 1));
        assert_eq!(get(&cache, position(1, 7), 7), None, "larger than the whole cache");
        assert!(cache.0.lock().expect("not poisoned").line_bytes <= MAX_LINE_BYTES);
    }
}
