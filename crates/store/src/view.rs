//! Loading the view that a decision is made on, and writing what it changed.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Area, ItemKey, Millis, Seq};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_as};
use sync::intake::Known;
use sync::{Changes, DeviceView, ItemState, OpenCommand};
use wire::{Pin, SerialNumber};

use crate::device::{COLUMNS, DeviceRow};
use crate::item::{ItemRow, recent_edits};
use crate::key::{narrow, pins_of};
use crate::sql::statement;
use crate::{Answered, CacheSession, ClaimedUser, FeedCounters, FeedPosition, StoreError, Tx};

/// When the next thing is due of a device, which is bound four times.
pub(crate) const NEXT_DUE: &str = "SELECT MIN(due_at) FROM (\
    SELECT MIN(due_at) AS due_at FROM sync_exception WHERE device_id = ? AND due_at IS NOT NULL \
    UNION ALL SELECT MIN(due_at) FROM sync_command WHERE device_id = ? AND open = 1 \
    UNION ALL SELECT MIN(due_at) FROM claim WHERE device_id = ? AND due_at IS NOT NULL \
    UNION ALL SELECT MIN(COALESCE(due_at, 0)) FROM operator_command \
    WHERE device_id = ? AND state IN ('queued', 'sent')) AS waiting";

/// What one statement tells of a device beside its row and its view: what is not there need not be asked for.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that is there or not")]
pub struct PendingWork {
    /// Where the feed stands.
    pub feed: FeedPosition,
    /// There are ordered commands that are not finished.
    pub orders: bool,
    /// There are commands whose answer is overdue.
    pub overdue: bool,
    /// There are exceptions whose time has come.
    pub due: bool,
    /// There are commands without an answer.
    open: bool,
    /// There are exceptions.
    exceptions: bool,
    /// There are claims.
    claims: bool,
    /// There are claims whose time has come.
    pub claims_due: bool,
    /// There are parts of templates whose others have not come yet.
    parts: bool,
}

impl Tx {
    /// Locks a device, as [`Tx::lock_device`], and tells all that there is of it at `now`: its row, its view without persons, and
    /// what else there is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standing(
        &mut self,
        serial: &SerialNumber,
        now: Millis,
    ) -> Result<Option<(DeviceRow, DeviceView, PendingWork)>, StoreError> {
        // What a statement reads beside the row that it waits for may be as old as its beginning.
        self.wait_for_device(serial).await?;
        self.device_snapshot(serial, now).await
    }

    /// As [`Tx::standing`], for a transaction that only reads.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn device_snapshot(
        &mut self,
        serial: &SerialNumber,
        now: Millis,
    ) -> Result<Option<(DeviceRow, DeviceView, PendingWork)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, feed_incarnation, feed_head, feed_wakes, \
             (SELECT COUNT(*) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1) AS open_count, \
             EXISTS (SELECT 1 FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1 AND c.due_at <= ?) \
             AS overdue, \
             (SELECT COUNT(*) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL \
             AND e.attempts = 0) AS due_count, \
             EXISTS (SELECT 1 FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at <= ?) AS due, \
             EXISTS (SELECT 1 FROM sync_exception e WHERE e.device_id = d.device_id) AS exceptions, \
             EXISTS (SELECT 1 FROM claim c WHERE c.device_id = d.device_id) AS claims, \
             EXISTS (SELECT 1 FROM claim c WHERE c.device_id = d.device_id AND c.due_at <= ?) AS claims_due, \
             EXISTS (SELECT 1 FROM operator_command o \
             WHERE o.device_id = d.device_id AND o.state IN ('queued', 'sent')) AS orders, \
             EXISTS (SELECT 1 FROM part_set p WHERE p.device_id = d.device_id) AS parts, a.area_id \
             FROM device d \
             JOIN (SELECT incarnation AS feed_incarnation, seq AS feed_head, wakes AS feed_wakes \
             FROM feed_clock WHERE id = 1) f \
             LEFT JOIN (SELECT device_id AS in_area, area_id FROM device_area) a \
             ON a.in_area = d.device_id WHERE d.serial_number = ?"
        );
        let rows = query(statement(sql))
            .bind(now.0)
            .bind(now.0)
            .bind(now.0)
            .bind(serial.as_str())
            .fetch_all(self.db())
            .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let number = |column| Ok::<i64, StoreError>(first.try_get(column)?);
        let is = |column| Ok::<bool, StoreError>(number(column)? != 0);
        let row = DeviceRow::read(first)?;
        let areas = areas_of(&rows)?;
        let open = number("open_count")?;
        let view = view_of(&row, areas, open, number("due_count")?)?;
        let clock =
            self.knows_clock(FeedCounters { head: Seq(number("feed_head")?), wakes: number("feed_wakes")? });
        let feed = FeedPosition { incarnation: number("feed_incarnation")?, head: clock.head };
        let standing = PendingWork {
            feed,
            orders: is("orders")?,
            overdue: is("overdue")?,
            due: is("due")?,
            open: open != 0,
            exceptions: is("exceptions")?,
            claims: is("claims")?,
            claims_due: is("claims_due")?,
            parts: is("parts")?,
        };
        Ok(Some((row, view, standing)))
    }

    /// Locks a device where a transaction that writes has not the whole database to itself, without reading its row.
    async fn wait_for_device(&mut self, serial: &SerialNumber) -> Result<(), StoreError> {
        if self.engine.writers_exclude_each_other() {
            return Ok(());
        }
        let sql = format!("SELECT device_id FROM device WHERE serial_number = ?{}", self.engine.for_update());
        query(statement(sql)).bind(serial.as_str()).fetch_optional(self.db()).await?;
        Ok(())
    }

    /// Adds persons to a view, as [`Tx::load_persons`], for deciding what to send.
    ///
    /// Without what was sent to the device of them and is answered: only what it uploads is held against that.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load_sendable(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        standing: &PendingWork,
        shared: &mut CacheSession<'_>,
    ) -> Result<(), StoreError> {
        if pins.is_empty() {
            return Ok(());
        }
        let open = if standing.open { self.open_commands(view.device, pins).await? } else { Vec::new() };
        self.load_with(view, pins, standing, shared, open).await
    }

    /// Adds the persons of commands that were answered to a view, for settling these.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load_answered(
        &mut self,
        view: &mut DeviceView,
        answered: Answered,
        standing: &PendingWork,
        shared: &mut CacheSession<'_>,
    ) -> Result<(), StoreError> {
        let pins = pins_of(answered.found.values().map(|found| &found.key));
        self.load_with(view, &pins, standing, shared, answered.open).await
    }

    async fn load_with(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        standing: &PendingWork,
        shared: &mut CacheSession<'_>,
        open: Vec<(ItemKey, OpenCommand)>,
    ) -> Result<(), StoreError> {
        for (pin, rows) in self.recent_items(shared, pins).await? {
            let items = rows.iter().map(|row| (row.key.slot, state_of(row))).collect();
            view.persons.insert(pin, sync::Person { items, ..Default::default() });
        }
        for (key, command) in open {
            view.persons.entry(key.pin).or_default().open.insert(key.slot, command);
        }
        if standing.exceptions {
            for (key, exception) in self.exceptions(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().exceptions.insert(key.slot, exception);
            }
        }
        if standing.claims {
            self.load_claims(view, pins).await?;
        }
        Ok(())
    }

    /// The view of a device, without persons.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn view(&mut self, row: &DeviceRow) -> Result<DeviceView, StoreError> {
        let (open, due): (i64, i64) = query_as(
            "SELECT (SELECT COUNT(*) FROM sync_command WHERE device_id = ? AND open = 1), \
             (SELECT COUNT(*) FROM sync_exception WHERE device_id = ? AND due_at IS NOT NULL AND attempts = 0)",
        )
        .bind(row.id)
        .bind(row.id)
        .fetch_one(self.db())
        .await?;
        let areas = self.areas_of(row.id).await?;
        view_of(row, areas, open, due)
    }

    /// Adds persons to a view: everything ever held of them, and what is open and owed to the device.
    ///
    /// Each PIN is in the view afterwards, one that is not in the store without items. A person that is in the view
    /// already is read again: do that only while nothing was decided about it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load_persons(&mut self, view: &mut DeviceView, pins: &[Pin]) -> Result<(), StoreError> {
        self.load_persons_at(view, pins, None).await
    }

    /// As [`Tx::load_persons`], where it is known what else there is of the device and nothing was written since: what it has
    /// none of is not looked for.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load_persons_at(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        standing: Option<&PendingWork>,
    ) -> Result<(), StoreError> {
        for pin in pins {
            view.persons.insert(pin.clone(), sync::Person::default());
        }
        let rows = self.item_rows(pins).await?;
        // Nothing was ever sent of whom nothing is or was there.
        let there = pins_of(rows.keys());
        for (key, row) in rows {
            view.persons.entry(key.pin).or_default().items.insert(key.slot, state_of(&row));
        }
        if standing.is_none_or(|standing| standing.open) {
            for (key, command) in self.open_commands(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().open.insert(key.slot, command);
            }
        }
        if standing.is_none_or(|standing| standing.exceptions) {
            for (key, exception) in self.exceptions(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().exceptions.insert(key.slot, exception);
            }
        }
        if standing.is_none_or(|standing| standing.claims) {
            self.load_claims(view, pins).await?;
        }
        self.remember_sent(view, &there).await?;
        Ok(())
    }

    /// What is known of the contents of persons, for the intake of an upload by `device`. `standing` as for
    /// [`Tx::load_persons_at`].
    ///
    /// Without the current templates ([`Known::templates`]): those are read by [`Tx::contents`] for the few items that
    /// [`DeviceView::wants_earlier_parts`] tells.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] for content that does not open.
    pub async fn known(
        &mut self,
        device: i64,
        pins: &[Pin],
        now: Millis,
        standing: Option<&PendingWork>,
    ) -> Result<BTreeMap<Pin, Known>, StoreError> {
        let mut known: BTreeMap<Pin, Known> =
            pins.iter().map(|pin| (pin.clone(), Known::default())).collect();
        for (pin, other) in self.pins_differing_in_case(pins).await? {
            known.entry(pin).or_default().pins_differing_in_case = Some(other);
        }
        let rows = self.item_rows(pins).await?;
        let there: Vec<Pin> = pins_of(rows.keys());
        for (pin, marks) in self.former_marks(&there).await? {
            let person = known.entry(pin).or_default();
            (person.former, person.removed) = (marks.all, marks.removed);
        }
        for (pin, versions) in self.user_versions(&there).await? {
            let person = known.entry(pin).or_default();
            person.user = versions.current;
            person.older_users = versions.older;
        }
        for (key, hashes) in self.old_hashes(&there).await? {
            known.entry(key.pin).or_default().older.insert(key.slot, hashes);
        }
        for (key, row) in rows {
            let edits = recent_edits(&row, now);
            if edits > 0 {
                known.entry(key.pin).or_default().edits.insert(key.slot, edits);
            }
        }
        if standing.is_none_or(|standing| standing.parts) {
            for (key, template) in self.part_sets(device, pins).await? {
                known.entry(key.pin).or_default().partial.insert(key.slot, template);
            }
        }
        Ok(known)
    }

    /// Writes what a decision changed. `at` is when it was made.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::is_duplicate`] where the view was not the newest.
    pub async fn apply(
        &mut self,
        view: &DeviceView,
        changes: &Changes,
        at: Millis,
    ) -> Result<(), StoreError> {
        self.apply_upload(view, changes, &BTreeMap::new(), at).await
    }

    /// As [`Tx::apply`], for an upload with these user records: claims keep them.
    ///
    /// # Errors
    /// As [`Tx::apply`].
    pub async fn apply_upload(
        &mut self,
        view: &DeviceView,
        changes: &Changes,
        users: &BTreeMap<Pin, ClaimedUser>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let device = view.device;
        if changes.rebaseline {
            self.rebaseline(device, at).await?;
        }
        for (kind, items) in &changes.unpark {
            self.unpark(device, *kind, *items).await?;
        }
        self.close_commands(device, changes, at).await?;
        self.put_commands(device, &changes.open, at).await?;
        self.put_exceptions(device, &changes.exceptions).await?;
        self.put_claims(view, &changes.claims, users, at).await?;
        if changes.device {
            self.put_device(view).await?;
        }
        if changes.capability {
            self.set_capability(device, &view.capability, None).await?;
        }
        Ok(())
    }

    /// When the next thing is due of a device by itself, without a change of the fleet: an exception, an open command
    /// without an answer, an operator's command that waits or is overdue. `None` where nothing ever is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next_due(&mut self, device: i64) -> Result<Option<Millis>, StoreError> {
        let (due,): (Option<i64>,) = query_as(NEXT_DUE)
            .bind(device)
            .bind(device)
            .bind(device)
            .bind(device)
            .fetch_one(self.db())
            .await?;
        Ok(due.map(Millis))
    }
}

/// The areas of rows that are of one device.
fn areas_of(rows: &[AnyRow]) -> Result<BTreeSet<Area>, StoreError> {
    let mut areas = BTreeSet::new();
    for row in rows {
        areas.extend(row.try_get::<Option<i64>, _>("area_id")?.map(Area));
    }
    Ok(areas)
}

fn view_of(row: &DeviceRow, areas: BTreeSet<Area>, open: i64, due: i64) -> Result<DeviceView, StoreError> {
    let mut view = DeviceView::new(row.id, row.capability.clone());
    view.areas = areas;
    view.cursor = row.cursor;
    view.scan.clone_from(&row.scan);
    view.scan_replaces = row.scan_replaces;
    view.roster_complete = row.roster_complete || row.joining.is_some();
    view.joining = row.joining;
    view.next_command = row.next_command;
    view.open_count = narrow("sync_command", "open", &row.id, open)?;
    view.due_count = narrow("sync_exception", "due_at", &row.id, due)?;
    view.full.clone_from(&row.full);
    view.loads.clone_from(&row.loads);
    view.read_back.clone_from(&row.read_back);
    Ok(view)
}

const fn state_of(row: &ItemRow) -> ItemState {
    ItemState {
        seq: row.seq,
        first: Seq(row.id),
        created: row.created,
        created_by: row.created_by,
        live: row.live,
        hash: row.hash,
        changed_by: row.changed_by,
        at: row.changed_at,
        made_of: row.made_of,
        bytes: row.bytes,
        lines: row.lines,
    }
}
