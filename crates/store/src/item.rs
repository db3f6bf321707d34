//! `item`: the content of the fleet, and the feed of its changes.

use std::collections::{BTreeMap, HashMap};

use roster::{Content, ContentHash, ItemKey, Millis, Seq, Slot};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row, query, query_as};
use wire::Pin;

use crate::key::{KeyColumns, hash_of, key_of, narrow, pin_of, pins_of};
use crate::sql::{batches, lists, places, rows, statement};
use crate::{StoreError, Tx};

/// A change of the fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemWrite {
    /// The item that changes.
    pub key: ItemKey,
    /// The new content; `None` for a deletion. A deletion may be of an item that never existed: it then notes that
    /// the item must not exist.
    pub content: Option<Content>,
    /// The hash of the content; for a deletion, of the last content.
    pub hash: ContentHash,
    /// Another device changed this item last, so this change counts towards the limit of alternating edits.
    pub contested: bool,
    /// For a template that the device computed from a comparison photo: the version of that photo.
    pub made_of: Option<Seq>,
}

/// The author and time of a change, and how long a deletion can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The device that uploaded the change; `None` for an operator.
    pub by: Option<i64>,
    /// When the change was made.
    pub at: Millis,
    /// Until when deleted contents are kept; `None` erases them at once.
    pub undo_until: Option<Millis>,
}

/// Sorts before every PIN, and after every owner of a definition.
const FIRST_PIN: &str = "0";

/// The period in which edits by different devices are counted, ms.
const EDIT_PERIOD_MS: i64 = 3_600_000;

/// The columns that a new version of an item overwrites.
const VERSION_COLUMNS: [&str; 15] = [
    "seq",
    "created_seq",
    "created_by",
    "live",
    "hash",
    "body_bytes",
    "body_lines",
    "changed_at",
    "changed_by",
    "edits",
    "edits_since",
    "valid_flag",
    "duress_flag",
    "text_bytes",
    "made_of",
];

/// The columns that every item has, in the order of [`bind_row`].
const COLUMNS: &str = "item_id, pin, kind, slot, algorithm, seq, created_seq, created_by, live, hash, body_bytes, body_lines, \
                       changed_at, changed_by, edits, edits_since";

/// The number of [`COLUMNS`].
const COLUMN_COUNT: usize = 16;

/// Binds the values of [`COLUMNS`].
fn bind_row<'q>(insert: Insert<'q>, row: &ItemRow) -> Insert<'q> {
    let Slot { kind, number, algorithm } = row.key.slot;
    insert
        .bind(row.id)
        .bind(row.key.pin.as_str().to_owned())
        .bind(kind.code())
        .bind(number)
        .bind(algorithm.code())
        .bind(row.seq.0)
        .bind(row.created.0)
        .bind(row.created_by)
        .bind(i64::from(row.live))
        .bind(row.hash.0.to_vec())
        .bind(i64::try_from(row.bytes).unwrap_or(i64::MAX))
        .bind(i64::from(row.lines))
        .bind(row.changed_at.0)
        .bind(row.changed_by)
        .bind(row.edits)
        .bind(row.edits_since)
}

type Insert<'q> = Query<'q, Any, AnyArguments>;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct ItemRow {
    pub id: i64,
    pub key: ItemKey,
    pub seq: Seq,
    pub created: Seq,
    pub created_by: Option<i64>,
    pub live: bool,
    pub hash: ContentHash,
    pub bytes: usize,
    pub lines: u16,
    pub changed_at: Millis,
    pub changed_by: Option<i64>,
    pub edits: i64,
    pub edits_since: i64,
    pub made_of: Option<Seq>,
}

/// The columns of a template for reading by SQL, copied from its body.
struct SqlColumns {
    valid: i64,
    duress: i64,
    text_bytes: i64,
}

impl SqlColumns {
    fn of(content: Option<&Content>) -> Option<Self> {
        let Some(Content::Template(template)) = content else { return None };
        let first = template.parts.first()?;
        let text_bytes: usize = template.parts.iter().map(|part| part.text.len()).sum();
        Some(Self {
            valid: i64::from(first.valid),
            duress: i64::from(first.duress),
            text_bytes: i64::try_from(text_bytes).unwrap_or(i64::MAX),
        })
    }
}

impl ItemRow {
    /// Whether this is the item's first version, so that it has no row yet.
    pub(crate) const fn is_new(&self) -> bool {
        self.id == self.seq.0
    }

    /// Reads [`COLUMNS`] and `made_of` after them.
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let number = |column: usize| row.try_get::<i64, _>(column);
        let key = key_of("item", (row.try_get(1)?, number(2)?, number(3)?, number(4)?))?;
        Ok(Self {
            id: number(0)?,
            seq: Seq(number(5)?),
            created: Seq(number(6)?),
            created_by: row.try_get(7)?,
            live: number(8)? != 0,
            hash: hash_of("item", &key, row.try_get::<Vec<u8>, _>(9)?)?,
            bytes: narrow("item", "body_bytes", &key, number(10)?)?,
            lines: narrow("item", "body_lines", &key, number(11)?)?,
            changed_at: Millis(number(12)?),
            changed_by: row.try_get(13)?,
            edits: number(14)?,
            edits_since: number(15)?,
            made_of: row.try_get::<Option<i64>, _>(16)?.map(Seq),
            key,
        })
    }
}

impl Tx {
    /// Writes changes of the fleet. Each gets a feed number, in order. Returns the numbers.
    ///
    /// If two changes are of one item, only the later one is written. Locks the clock, so call it before anything
    /// that takes a lock later in the order.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_items(
        &mut self,
        writes: &[ItemWrite],
        change: &Change,
    ) -> Result<Vec<Seq>, StoreError> {
        self.write_items_attributed(writes, change, |_| change.by).await
    }

    /// Like [`Tx::write_items`], with a device for each write; `None` for the server itself.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_items_attributed(
        &mut self,
        writes: &[ItemWrite],
        change: &Change,
        by: impl Fn(usize) -> Option<i64>,
    ) -> Result<Vec<Seq>, StoreError> {
        let count = i64::try_from(writes.len()).unwrap_or(i64::MAX);
        let last = self.reserve(count).await?;
        let seqs: Vec<Seq> = (last.0 - count + 1..=last.0).map(Seq).collect();
        let newest: BTreeMap<&ItemKey, (Seq, &ItemWrite, Option<i64>)> = writes
            .iter()
            .zip(&seqs)
            .enumerate()
            .map(|(number, (write, seq))| (&write.key, (*seq, write, by(number))))
            .collect();
        let pins = pins_of(newest.keys().copied());
        let mut before: BTreeMap<ItemKey, ItemRow> = self.item_rows(&pins).await?;
        before.retain(|key, _| newest.contains_key(key));

        let mut after = Vec::with_capacity(newest.len());
        let mut replaced = Vec::new();
        let mut deleted: BTreeMap<Option<i64>, Vec<&ItemRow>> = BTreeMap::new();
        for (key, (seq, write, by)) in &newest {
            let row = before.get(*key);
            if let Some(row) = row.filter(|row| row.live) {
                replaced.push((row, *seq));
                if write.content.is_none() {
                    deleted.entry(*by).or_default().push(row);
                }
            }
            after.push(next_row(row, *seq, write, &Change { by: *by, ..*change }));
        }
        for (by, rows) in &deleted {
            let users = rows.iter().filter(|row| row.key.slot == Slot::USER);
            let ending: Vec<Pin> = users.map(|row| row.key.pin.clone()).collect();
            if !ending.is_empty() {
                self.mark_former(&ending, *by).await?;
                self.close_held_of(&ending, change.at).await?;
                let numbered = rows.iter().filter(|row| row.key.slot == Slot::USER).filter_map(|row| {
                    let (tombstone, ..) = newest.get(&row.key)?;
                    Some((row.key.pin.clone(), row.created, *tombstone))
                });
                self.end_lives(&numbered.collect::<Vec<_>>(), change.undo_until.is_some()).await?;
            }
        }
        self.store_old_versions(&replaced, change.at).await?;
        for (by, rows) in &deleted {
            let change = Change { by: *by, ..*change };
            self.keep_bodies_for_undo(rows, seqs.first().copied().unwrap_or(last), &change).await?;
        }
        after.sort_by_key(|row| row.seq);
        let after: Vec<(ItemRow, Option<SqlColumns>)> = after
            .into_iter()
            .map(|row| {
                let content = newest.get(&row.key).and_then(|(_, write, _)| write.content.as_ref());
                (row, SqlColumns::of(content))
            })
            .collect();
        for (row, _) in &after {
            self.items.remove(&row.key.pin);
        }
        let (new, others): (Vec<_>, Vec<_>) = after.iter().partition(|(row, _)| row.is_new());
        self.put_new_rows(&new).await?;
        self.put_spellings(&new.iter().map(|(row, _)| row).collect::<Vec<_>>()).await?;
        if !others.is_empty() {
            let upsert = self.engine.upsert("item", "item_id", &VERSION_COLUMNS);
            self.put_rows(&others, &upsert).await?;
        }
        let contents: Vec<(&ItemRow, &Content)> = after
            .iter()
            .filter_map(|(row, _)| Some((row, newest.get(&row.key)?.1.content.as_ref()?)))
            .collect();
        self.put_users(&contents, change.at).await?;
        self.put_bodies(&contents).await?;
        Ok(seqs)
    }

    /// All rows of these PINs. While other transactions cannot change items, each PIN is read once.
    pub(crate) async fn item_rows(&mut self, pins: &[Pin]) -> Result<BTreeMap<ItemKey, ItemRow>, StoreError> {
        let unread: Vec<Pin> = pins.iter().filter(|pin| !self.items.contains_key(*pin)).cloned().collect();
        let mut found = self.select_rows(&unread).await?;
        if !self.items_stable {
            return Ok(found);
        }
        let mut read: HashMap<Pin, Vec<ItemRow>> = unread.into_iter().map(|pin| (pin, Vec::new())).collect();
        for row in found.values() {
            read.entry(row.key.pin.clone()).or_default().push(row.clone());
        }
        self.items.extend(read);
        for row in pins.iter().filter_map(|pin| self.items.get(pin)).flatten() {
            found.insert(row.key.clone(), row.clone());
        }
        Ok(found)
    }

    async fn select_rows(&mut self, pins: &[Pin]) -> Result<BTreeMap<ItemKey, ItemRow>, StoreError> {
        let mut found = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!("SELECT {COLUMNS}, made_of FROM item WHERE pin IN ({})", places(list.len()));
            let mut select = query(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            for columns in select.fetch_all(self.db()).await? {
                let row = ItemRow::read(&columns)?;
                found.insert(row.key.clone(), row);
            }
        }
        Ok(found)
    }

    /// Writes the rows of new items. Most are users, which fill fewer columns: with a thousand people, each bound
    /// value counts.
    async fn put_new_rows(&mut self, items: &[&(ItemRow, Option<SqlColumns>)]) -> Result<(), StoreError> {
        let (bare, others): (Vec<_>, Vec<_>) =
            items.iter().copied().partition(|(row, seen)| seen.is_none() && row.made_of.is_none());
        for batch in batches(&bare) {
            let sql = format!("INSERT INTO item ({COLUMNS}) VALUES {}", rows(batch.len(), COLUMN_COUNT));
            let insert = batch.iter().fold(query(statement(sql)), |insert, (row, _)| bind_row(insert, row));
            insert.execute(self.db()).await?;
        }
        self.put_rows(&others, "").await
    }

    /// Writes rows. `conflict` is the clause for rows that already exist.
    async fn put_rows(
        &mut self,
        items: &[&(ItemRow, Option<SqlColumns>)],
        conflict: &str,
    ) -> Result<(), StoreError> {
        for batch in batches(items) {
            let sql = format!(
                "INSERT INTO item ({COLUMNS}, valid_flag, duress_flag, text_bytes, made_of) VALUES {}{conflict}",
                rows(batch.len(), COLUMN_COUNT + 4)
            );
            let mut insert = query(statement(sql));
            for (row, seen) in batch {
                insert = bind_row(insert, row)
                    .bind(seen.as_ref().map(|seen| seen.valid))
                    .bind(seen.as_ref().map(|seen| seen.duress))
                    .bind(seen.as_ref().map(|seen| seen.text_bytes))
                    .bind(row.made_of.map(|seq| seq.0));
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// The next feed rows after a number, in order.
    ///
    /// # Errors
    /// Database errors.
    pub async fn feed_page(&mut self, after: Seq, limit: i64) -> Result<Vec<(Seq, ItemKey)>, StoreError> {
        let found: Vec<(i64, String, i64, i64, i64)> =
            query_as("SELECT seq, pin, kind, slot, algorithm FROM item WHERE seq > ? ORDER BY seq LIMIT ?")
                .bind(after.0)
                .bind(limit)
                .fetch_all(self.db())
                .await?;
        found
            .into_iter()
            .map(|(seq, pin, kind, slot, algorithm)| {
                Ok((Seq(seq), key_of("item", (pin, kind, slot, algorithm))?))
            })
            .collect()
    }

    /// The next owners of definitions, then the next PINs with a user, live or deleted, from the position of a first
    /// fill. Also returns whether there are more.
    ///
    /// # Errors
    /// Database errors.
    pub async fn scan_page(
        &mut self,
        from: &sync::ScanFrom,
        limit: i64,
    ) -> Result<(Vec<Pin>, bool), StoreError> {
        let after = match from {
            sync::ScanFrom::Start => "",
            sync::ScanFrom::After(pin) => pin.as_str(),
        };
        let wanted = limit.saturating_add(1);
        let mut found: Vec<(String,)> = Vec::new();
        if after < FIRST_PIN {
            found = query_as(
                "SELECT pin FROM item WHERE pin > ? AND pin < ? AND kind BETWEEN 11 AND 16 ORDER BY pin LIMIT ?",
            )
            .bind(after)
            .bind(FIRST_PIN)
            .bind(wanted)
            .fetch_all(self.db())
            .await?;
        }
        let left = wanted - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if left > 0 {
            let users: Vec<(String,)> =
                query_as("SELECT pin FROM item WHERE kind = 0 AND pin > ? ORDER BY pin LIMIT ?")
                    .bind(after)
                    .bind(left)
                    .fetch_all(self.db())
                    .await?;
            found.extend(users);
        }
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = found.len() > limit;
        let pins = found.iter().take(limit).map(|(pin,)| pin_of("item", pin)).collect::<Result<_, _>>()?;
        Ok((pins, more))
    }

    /// The keys of all live items of these PINs, in order.
    ///
    /// # Errors
    /// Database errors.
    pub async fn live_keys(&mut self, pins: &[Pin]) -> Result<Vec<ItemKey>, StoreError> {
        Ok(self.item_rows(pins).await?.into_iter().filter(|(_, row)| row.live).map(|(key, _)| key).collect())
    }

    /// Runs a statement whose text ends before its list of item ids.
    pub(crate) async fn run_by_id(&mut self, start: &'static str, ids: &[i64]) -> Result<(), StoreError> {
        for list in lists(ids) {
            let mut statement = query(statement(format!("{start} ({})", places(list.len()))));
            for id in list {
                statement = statement.bind(*id);
            }
            statement.execute(self.db()).await?;
        }
        Ok(())
    }
}

/// The row of an item after a change.
fn next_row(before: Option<&ItemRow>, seq: Seq, write: &ItemWrite, change: &Change) -> ItemRow {
    let live = write.content.is_some();
    let (edits, edits_since) = match before {
        Some(row) if write.contested && change.at.0 - row.edits_since < EDIT_PERIOD_MS => {
            (row.edits + 1, row.edits_since)
        }
        Some(row) if !write.contested => (row.edits, row.edits_since),
        _ => (i64::from(write.contested), change.at.0),
    };
    let begins = live && !before.is_some_and(|row| row.live);
    ItemRow {
        id: before.map_or(seq.0, |row| row.id),
        key: write.key.clone(),
        seq,
        created: before.filter(|row| row.live && live).map_or(seq, |row| row.created),
        created_by: if begins { change.by } else { before.and_then(|row| row.created_by) },
        live,
        hash: write.hash,
        bytes: write.content.as_ref().map_or(0, Content::wire_bytes),
        lines: write.content.as_ref().map_or(1, lines_of),
        changed_at: change.at,
        changed_by: change.by,
        edits,
        edits_since,
        made_of: write.made_of,
    }
}

/// The number of command lines of an update.
fn lines_of(content: &Content) -> u16 {
    match content {
        Content::User(_) | Content::Photo(_) | Content::PersonalMessage | Content::Definition(_) => 1,
        Content::Template(template) => u16::try_from(template.parts.len()).unwrap_or(u16::MAX),
        Content::Membership => 0,
    }
}

/// How often different devices changed an item within the hour before `now`.
pub(crate) fn recent_edits(row: &ItemRow, now: Millis) -> u32 {
    let recent = now.0 - row.edits_since < EDIT_PERIOD_MS;
    if recent { u32::try_from(row.edits).unwrap_or(0) } else { 0 }
}

/// The columns of a key, for binding.
pub(crate) fn columns(key: &ItemKey) -> KeyColumns {
    let Slot { kind, number, algorithm } = key.slot;
    (key.pin.as_str().to_owned(), kind.code(), number, algorithm.code())
}
