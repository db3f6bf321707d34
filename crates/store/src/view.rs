//! The view that a decision is based on: how it is loaded, and how the changes of the decision are written.

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

/// When the next work of a device falls due. The device id is bound four times.
pub(crate) const NEXT_DUE: &str = "SELECT MIN(due_at) FROM (\
    SELECT MIN(due_at) AS due_at FROM sync_exception WHERE device_id = ? AND due_at IS NOT NULL \
    UNION ALL SELECT MIN(due_at) FROM sync_command WHERE device_id = ? AND open = 1 \
    UNION ALL SELECT MIN(due_at) FROM claim WHERE device_id = ? AND due_at IS NOT NULL \
    UNION ALL SELECT MIN(COALESCE(due_at, 0)) FROM operator_command \
    WHERE device_id = ? AND state IN ('queued', 'sent')) AS waiting";

/// Pending work of a device, read by one statement together with its row. The loaders skip the tables in which the
/// device has nothing.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each tells whether a table has rows for the device")]
pub struct PendingWork {
    /// The position of the feed.
    pub feed: FeedPosition,
    /// Some queued commands are not finished.
    pub orders: bool,
    /// The acknowledgement of some command is overdue.
    pub overdue: bool,
    /// Some exceptions are due.
    pub due: bool,
    /// Some sync commands are not acknowledged.
    open: bool,
    /// The device has exceptions.
    exceptions: bool,
    /// The device has claims.
    claims: bool,
    /// Some claims are due.
    pub claims_due: bool,
    /// Some templates are incomplete: the device has uploaded only part of their parts.
    parts: bool,
}

impl Tx {
    /// Locks a device like [`Tx::lock_device`], and returns its row, its view without persons, and its pending work
    /// at `now`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn standing(
        &mut self,
        serial: &SerialNumber,
        now: Millis,
    ) -> Result<Option<(DeviceRow, DeviceView, PendingWork)>, StoreError> {
        // Lock first, then read: a statement that waits for a row lock may return its other rows as they were before
        // the wait.
        self.lock_device_row(serial).await?;
        self.device_snapshot(serial, now).await
    }

    /// Like [`Tx::standing`], for a transaction that only reads.
    ///
    /// # Errors
    /// Database errors.
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
        let pending = PendingWork {
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
        Ok(Some((row, view, pending)))
    }

    /// Locks the device row, without reading it, on engines where write transactions run at the same time.
    async fn lock_device_row(&mut self, serial: &SerialNumber) -> Result<(), StoreError> {
        if self.engine.writers_exclude_each_other() {
            return Ok(());
        }
        let sql = format!("SELECT device_id FROM device WHERE serial_number = ?{}", self.engine.for_update());
        query(statement(sql)).bind(serial.as_str()).fetch_optional(self.db()).await?;
        Ok(())
    }

    /// Adds persons to a view like [`Tx::load_persons`], for deciding what to send.
    ///
    /// Leaves out the acknowledged commands about these persons: only a decision on an upload needs them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load_sendable(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        pending: &PendingWork,
        session: &mut CacheSession<'_>,
    ) -> Result<(), StoreError> {
        if pins.is_empty() {
            return Ok(());
        }
        let open = if pending.open { self.open_commands(view.device, pins).await? } else { Vec::new() };
        self.load_with(view, pins, pending, session, open).await
    }

    /// Adds the persons of acknowledged commands to a view, for settling these commands.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load_answered(
        &mut self,
        view: &mut DeviceView,
        answered: Answered,
        pending: &PendingWork,
        session: &mut CacheSession<'_>,
    ) -> Result<(), StoreError> {
        let pins = pins_of(answered.found.values().map(|found| &found.key));
        self.load_with(view, &pins, pending, session, answered.open).await
    }

    async fn load_with(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        pending: &PendingWork,
        session: &mut CacheSession<'_>,
        open: Vec<(ItemKey, OpenCommand)>,
    ) -> Result<(), StoreError> {
        for (pin, rows) in self.cached_items(session, pins).await? {
            let items = rows.iter().map(|row| (row.key.slot, state_of(row))).collect();
            view.persons.insert(pin, sync::Person { items, ..Default::default() });
        }
        for (key, command) in open {
            view.persons.entry(key.pin).or_default().open.insert(key.slot, command);
        }
        if pending.exceptions {
            for (key, exception) in self.exceptions(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().exceptions.insert(key.slot, exception);
            }
        }
        if pending.claims {
            self.load_claims(view, pins).await?;
        }
        Ok(())
    }

    /// The view of a device, without persons.
    ///
    /// # Errors
    /// Database errors.
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

    /// Adds persons to a view: all their items, live or deleted, with the open commands and the exceptions of the
    /// device.
    ///
    /// Afterwards each PIN is in the view; a PIN that the store does not know has no items. A person that is already
    /// in the view is read again, which discards decisions about that person: call this before deciding.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load_persons(&mut self, view: &mut DeviceView, pins: &[Pin]) -> Result<(), StoreError> {
        self.load_persons_at(view, pins, None).await
    }

    /// Like [`Tx::load_persons`], for a caller that has read the device's pending work and written nothing since.
    /// Tables in which the device has nothing are not queried.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load_persons_at(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
        pending: Option<&PendingWork>,
    ) -> Result<(), StoreError> {
        for pin in pins {
            view.persons.insert(pin.clone(), sync::Person::default());
        }
        let rows = self.item_rows(pins).await?;
        // No command was ever sent for a PIN without items.
        let there = pins_of(rows.keys());
        for (key, row) in rows {
            view.persons.entry(key.pin).or_default().items.insert(key.slot, state_of(&row));
        }
        if pending.is_none_or(|pending| pending.open) {
            for (key, command) in self.open_commands(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().open.insert(key.slot, command);
            }
        }
        if pending.is_none_or(|pending| pending.exceptions) {
            for (key, exception) in self.exceptions(view.device, pins).await? {
                view.persons.entry(key.pin).or_default().exceptions.insert(key.slot, exception);
            }
        }
        if pending.is_none_or(|pending| pending.claims) {
            self.load_claims(view, pins).await?;
        }
        self.load_sent_times(view, &there).await?;
        Ok(())
    }

    /// Known contents of persons, for the intake of an upload by `device`. `pending` as for [`Tx::load_persons_at`].
    ///
    /// Leaves out the current templates ([`Known::templates`]). The caller reads them with [`Tx::contents`] for the
    /// few items that [`DeviceView::wants_earlier_parts`] names.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for content that cannot be decrypted.
    pub async fn known(
        &mut self,
        device: i64,
        pins: &[Pin],
        now: Millis,
        pending: Option<&PendingWork>,
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
        if pending.is_none_or(|pending| pending.parts) {
            for (key, template) in self.part_sets(device, pins).await? {
                known.entry(key.pin).or_default().partial.insert(key.slot, template);
            }
        }
        Ok(known)
    }

    /// Writes the changes of a decision. `at` is the time of the decision.
    ///
    /// # Errors
    /// Database errors; [`StoreError::is_duplicate`] if the view was stale.
    pub async fn apply(
        &mut self,
        view: &DeviceView,
        changes: &Changes,
        at: Millis,
    ) -> Result<(), StoreError> {
        self.apply_upload(view, changes, &BTreeMap::new(), at).await
    }

    /// Like [`Tx::apply`], for an upload with these user records. Claims keep them.
    ///
    /// # Errors
    /// Like [`Tx::apply`].
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

    /// When the next work of a device falls due without a change of the fleet: an exception, a sync command without
    /// an acknowledgement, a claim, or a queued command that waits or is overdue. `None` if there is none.
    ///
    /// # Errors
    /// Database errors.
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

/// The areas in the rows of one device.
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
