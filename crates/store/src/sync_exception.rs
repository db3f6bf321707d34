//! `sync_exception`: items of a device whose state the device's cursor does not describe.

use std::collections::BTreeMap;

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use sqlx::{query, query_as};
use sync::{Exception, Parked, Refusal, Wait};
use wire::Pin;

use crate::item::columns;
use crate::key::{key_of, narrow};
use crate::sql::{few_batches, lists, places, rows, statement};
use crate::{Engine, StoreError, Tx};

/// The stored code of a reason.
pub(crate) const fn parked_code(parked: Parked) -> i64 {
    match parked {
        Parked::Full => 1,
        Parked::NoUser => 2,
        Parked::Held => 3,
    }
}

pub(crate) fn parked_of(code: i64, key: &ItemKey) -> Result<Parked, StoreError> {
    [Parked::Full, Parked::NoUser, Parked::Held]
        .into_iter()
        .find(|parked| parked_code(*parked) == code)
        .ok_or_else(|| StoreError::Inconsistent {
            table: "sync_exception",
            column: "parked",
            key: key.to_string(),
        })
}

/// An exception as columns, without the key: `due_at`, `parked`, `wipe`, `refused_seq`, `return_code`, `attempts`,
/// `known_life`, `removal_code`.
pub(crate) type ExceptionColumns =
    (Option<i64>, Option<i64>, i64, Option<i64>, Option<i64>, i64, Option<i64>, Option<i64>);

pub(crate) fn exception_of(key: &ItemKey, columns: ExceptionColumns) -> Result<Exception, StoreError> {
    let (due_at, parked, wipe, refused_seq, return_code, attempts, known, removal_code) = columns;
    let wait = match (due_at, parked) {
        (Some(at), _) => Wait::Due(Millis(at)),
        (None, Some(code)) => Wait::Parked(parked_of(code, key)?),
        (None, None) => Wait::No,
    };
    let refused = match (refused_seq, return_code) {
        (Some(seq), Some(code)) => {
            Some(Refusal { seq: Seq(seq), return_code: narrow("sync_exception", "return_code", key, code)? })
        }
        _ => None,
    };
    Ok(Exception {
        wait,
        wipe: wipe != 0,
        known: known.map(Seq),
        refused,
        attempts: narrow("sync_exception", "attempts", key, attempts)?,
        unconfirmed: removal_code
            .map(|code| narrow("sync_exception", "removal_code", key, code))
            .transpose()?,
    })
}

/// With room for more items than this, all items that wait for room become due. Those that do not fit are parked
/// again.
const MAX_UNPARKED: i64 = 10_000;

/// The end of an `INSERT` of due exceptions: an existing exception becomes due too, unless it waits for an operator.
pub(crate) fn due_upsert(engine: Engine) -> String {
    let held = parked_code(Parked::Held);
    // `due_at` first: its expression needs the old `parked`.
    format!(
        "{}due_at = CASE WHEN sync_exception.parked = {held} THEN NULL ELSE {} END, \
         parked = CASE WHEN sync_exception.parked = {held} THEN {held} ELSE NULL END",
        engine.on_conflict("sync_exception", "device_id, pin, kind, slot, algorithm"),
        engine.new_value("due_at"),
    )
}

impl Tx {
    /// The exceptions of a device for these PINs.
    pub(crate) async fn exceptions(
        &mut self,
        device: i64,
        pins: &[Pin],
    ) -> Result<Vec<(ItemKey, Exception)>, StoreError> {
        type Columns = (
            String,
            i64,
            i64,
            i64,
            Option<i64>,
            Option<i64>,
            i64,
            Option<i64>,
            Option<i64>,
            i64,
            Option<i64>,
            Option<i64>,
        );
        let mut found = Vec::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT pin, kind, slot, algorithm, due_at, parked, wipe, refused_seq, return_code, attempts, known_life, \
                 removal_code FROM sync_exception WHERE device_id = ? AND pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<Columns> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, due_at, parked, wipe, seq, code, attempts, known, removal) in
                rows
            {
                let key = key_of("sync_exception", (pin, kind, slot, algorithm))?;
                let exception =
                    exception_of(&key, (due_at, parked, wipe, seq, code, attempts, known, removal))?;
                found.push((key, exception));
            }
        }
        Ok(found)
    }

    /// Writes exceptions in their current state, and deletes those that are settled.
    pub(crate) async fn put_exceptions(
        &mut self,
        device: i64,
        exceptions: &[(ItemKey, Option<Exception>)],
    ) -> Result<(), StoreError> {
        let gone: Vec<&ItemKey> =
            exceptions.iter().filter(|(_, exception)| exception.is_none()).map(|(key, _)| key).collect();
        self.remove_exceptions(device, &gone).await?;
        let kept: Vec<(&ItemKey, &Exception)> =
            exceptions.iter().filter_map(|(key, exception)| Some((key, exception.as_ref()?))).collect();
        let upsert = self.engine.upsert(
            "sync_exception",
            "device_id, pin, kind, slot, algorithm",
            &[
                "due_at",
                "parked",
                "wipe",
                "refused_seq",
                "return_code",
                "attempts",
                "known_life",
                "removal_code",
            ],
        );
        for batch in few_batches(&kept) {
            let sql = format!(
                "INSERT INTO sync_exception (device_id, pin, kind, slot, algorithm, due_at, parked, wipe, \
                 refused_seq, return_code, attempts, known_life, removal_code) VALUES {}{upsert}",
                rows(batch.len(), 13)
            );
            let mut insert = query(statement(sql));
            for (key, exception) in batch {
                let Slot { kind, number, algorithm } = key.slot;
                let (due_at, parked) = match exception.wait {
                    Wait::No => (None, None),
                    Wait::Due(at) => (Some(at.0), None),
                    Wait::Parked(parked) => (None, Some(parked_code(parked))),
                };
                insert = insert
                    .bind(device)
                    .bind(key.pin.as_str().to_owned())
                    .bind(kind.code())
                    .bind(number)
                    .bind(algorithm.code())
                    .bind(due_at)
                    .bind(parked)
                    .bind(i64::from(exception.wipe))
                    .bind(exception.refused.map(|refused| refused.seq.0))
                    .bind(exception.refused.map(|refused| i64::from(refused.return_code)))
                    .bind(i64::from(exception.attempts))
                    .bind(exception.known.map(|life| life.0))
                    .bind(exception.unconfirmed.map(i64::from));
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    async fn remove_exceptions(&mut self, device: i64, keys: &[&ItemKey]) -> Result<(), StoreError> {
        for batch in few_batches(keys) {
            // The whole key in each condition, so that either engine uses the index of the key.
            let each = "(device_id = ? AND pin = ? AND kind = ? AND slot = ? AND algorithm = ?)";
            let sql = format!("DELETE FROM sync_exception WHERE {}", vec![each; batch.len()].join(" OR "));
            let mut delete = query(statement(sql));
            for key in batch {
                let (pin, kind, slot, algorithm) = columns(key);
                delete = delete.bind(device).bind(pin).bind(kind).bind(slot).bind(algorithm);
            }
            delete.execute(self.db()).await?;
        }
        Ok(())
    }

    /// Treats everything that the device holds as unknown. Open commands and parked exceptions become due, except
    /// those that wait for an operator, and refusals are forgotten.
    pub(crate) async fn rebaseline(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE sync_exception SET due_at = COALESCE(due_at, ?), parked = NULL WHERE device_id = ? \
             AND (due_at IS NOT NULL OR parked IS NOT NULL OR wipe = 1) AND COALESCE(parked, 0) <> ?",
        )
        .bind(at.0)
        .bind(device)
        .bind(parked_code(Parked::Held))
        .execute(self.db())
        .await?;
        query(
            "UPDATE sync_exception SET refused_seq = NULL, return_code = NULL, attempts = 0, known_life = NULL, \
             removal_code = NULL WHERE device_id = ?",
        )
        .bind(device)
        .execute(self.db())
        .await?;
        // The remaining rows held only a refusal.
        query("DELETE FROM sync_exception WHERE device_id = ? AND due_at IS NULL AND parked IS NULL")
            .bind(device)
            .execute(self.db())
            .await?;
        let upsert = due_upsert(self.engine);
        query(statement(format!(
            "INSERT INTO sync_exception (device_id, pin, kind, slot, algorithm, due_at, wipe, attempts) \
             SELECT device_id, pin, kind, slot, algorithm, ?, 0, 0 FROM sync_command \
             WHERE device_id = ? AND open = 1{upsert}"
        )))
        .bind(at.0)
        .bind(device)
        .execute(self.db())
        .await?;
        // Keep a deletion that is under way: it must come before anything else of the PIN.
        query(
            "UPDATE sync_exception SET wipe = 1 WHERE device_id = ? AND kind = 0 AND pin IN (SELECT pin \
             FROM sync_command WHERE device_id = ? AND open = 1 AND kind = 0 AND verb IN ('delete', 'replace'))",
        )
        .bind(device)
        .bind(device)
        .execute(self.db())
        .await?;
        query("UPDATE sync_command SET open = NULL, closed_at = ? WHERE device_id = ? AND open = 1")
            .bind(at.0)
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Makes the first `items` exceptions of a kind due that were parked for lack of room.
    pub(crate) async fn unpark(&mut self, device: i64, kind: Kind, items: u64) -> Result<(), StoreError> {
        let Wait::Due(due) = Wait::ROOM else { return Ok(()) };
        let parked = parked_code(Parked::Full);
        let most = i64::try_from(items).unwrap_or(i64::MAX);
        let last: Option<(String, i64, i64)> = if most > MAX_UNPARKED {
            None
        } else {
            query_as(
                "SELECT pin, slot, algorithm FROM sync_exception WHERE device_id = ? AND kind = ? AND parked = ? \
                 ORDER BY pin, slot, algorithm LIMIT 1 OFFSET ?",
            )
            .bind(device)
            .bind(kind.code())
            .bind(parked)
            .bind(most)
            .fetch_optional(self.db())
            .await?
        };
        let before = "AND (pin < ? OR (pin = ? AND (slot < ? OR (slot = ? AND algorithm < ?))))";
        let sql = format!(
            "UPDATE sync_exception SET due_at = ?, parked = NULL WHERE device_id = ? AND kind = ? AND parked = ? {}",
            if last.is_some() { before } else { "" }
        );
        let mut update = query(statement(sql)).bind(due.0).bind(device).bind(kind.code()).bind(parked);
        if let Some((pin, slot, algorithm)) = last {
            update = update.bind(pin.clone()).bind(pin).bind(slot).bind(slot).bind(algorithm);
        }
        update.execute(self.db()).await?;
        Ok(())
    }

    /// The number of open commands of each kind that send the device something new.
    ///
    /// # Errors
    /// Database errors.
    pub async fn new_under_way(&mut self, device: i64) -> Result<BTreeMap<Kind, u64>, StoreError> {
        let rows: Vec<(i64, i64)> = query_as(
            "SELECT c.kind, COUNT(*) FROM sync_command c JOIN item i ON i.pin = c.pin AND i.kind = c.kind \
             AND i.slot = c.slot AND i.algorithm = c.algorithm \
             WHERE c.device_id = ? AND c.open = 1 AND c.verb <> 'delete' AND c.seq = i.created_seq GROUP BY c.kind",
        )
        .bind(device)
        .fetch_all(self.db())
        .await?;
        let counted = |(kind, items): (i64, i64)| Some((Kind::from_code(kind)?, u64::try_from(items).ok()?));
        Ok(rows.into_iter().filter_map(counted).collect())
    }

    /// Makes photos that a device refused due again, so that they are sent in another way.
    ///
    /// # Errors
    /// Database errors.
    pub async fn retry_refused_photos(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE sync_exception SET due_at = ?, refused_seq = NULL, return_code = NULL, attempts = 0 \
             WHERE device_id = ? AND kind IN (?, ?) AND refused_seq IS NOT NULL AND parked IS NULL",
        )
        .bind(at.0)
        .bind(device)
        .bind(Kind::UserPhoto.code())
        .bind(Kind::ComparisonPhoto.code())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Due exceptions, longest waiting first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn due_exceptions(
        &mut self,
        device: i64,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<ItemKey>, StoreError> {
        let rows: Vec<(String, i64, i64, i64)> = query_as(
            "SELECT pin, kind, slot, algorithm FROM sync_exception \
             WHERE device_id = ? AND due_at <= ? ORDER BY due_at, pin, kind, slot, algorithm LIMIT ?",
        )
        .bind(device)
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.into_iter().map(|columns| key_of("sync_exception", columns)).collect()
    }
}
