//! `roster_shown`: the users whose records a device uploaded while it joins or is read.

use std::collections::{BTreeMap, BTreeSet};

use roster::Millis;
use sqlx::{query, query_as, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{batches, lists, places, rows, statement};
use crate::{DeviceRow, StoreError, Tx};

impl DeviceRow {
    /// The number of users that the device reported, if it did so since its approval.
    pub fn users_counted(&self) -> Option<u64> {
        let told = self.counts_at.zip(self.approved_at).is_some_and(|(told, approved)| told >= approved);
        self.capability.counts().users.filter(|_| told)
    }
}

impl DeviceRow {
    /// Whether the device is being read, so that the users whom it shows are counted.
    pub const fn is_read(&self) -> bool {
        self.joining.is_some() || self.rereads.is_some()
    }
}

impl Tx {
    /// Notes that a handshake asked a joining device for all its people. Only the first time counts.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_asked(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        let update = "UPDATE device SET roster_asked_at = ? WHERE device_id = ? AND (joining IS NOT NULL OR rereads > 0) AND roster_asked_at IS NULL";
        self.note(device, update, at).await
    }

    /// Notes that a joining device uploaded something about people. If no handshake has asked it yet, it counts as
    /// asked from now on.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_heard(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE device SET heard_at = ?, roster_asked_at = COALESCE(roster_asked_at, ?) \
             WHERE device_id = ? AND (joining IS NOT NULL OR rereads > 0)",
        )
        .bind(at.0)
        .bind(at.0)
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Those of these users whom a device has not shown before.
    ///
    /// # Errors
    /// Database errors.
    pub async fn not_shown(
        &mut self,
        device: i64,
        mut pins: BTreeSet<Pin>,
    ) -> Result<BTreeSet<Pin>, StoreError> {
        let asked: Vec<Pin> = pins.iter().cloned().collect();
        for list in lists(&asked) {
            let places = places(list.len());
            let sql = format!("SELECT pin FROM roster_shown WHERE device_id = ? AND pin IN ({places})");
            let mut select = query_scalar(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str().to_owned());
            }
            let shown: Vec<String> = select.fetch_all(self.db()).await?;
            for pin in shown {
                pins.remove(&pin_of("roster_shown", &pin)?);
            }
        }
        Ok(pins)
    }

    /// Notes the users whose records a device uploaded. The caller has locked its row.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_shown(&mut self, device: i64, pins: &BTreeSet<Pin>) -> Result<(), StoreError> {
        let pins: Vec<&Pin> = pins.iter().collect();
        for batch in batches(&pins) {
            let insert = self.engine.insert_new();
            let sql = format!("{insert}roster_shown (device_id, pin) VALUES {}", rows(batch.len(), 2));
            let mut insert = query(statement(sql));
            for pin in batch {
                insert = insert.bind(device).bind(pin.as_str().to_owned());
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// The number of users that a device has shown since its approval or the start of its reading.
    ///
    /// # Errors
    /// Database errors.
    pub async fn users_shown(&mut self, device: i64) -> Result<u64, StoreError> {
        let shown: i64 = query_scalar("SELECT COUNT(*) FROM roster_shown WHERE device_id = ?")
            .bind(device)
            .fetch_one(self.db())
            .await?;
        Ok(u64::try_from(shown).unwrap_or(0))
    }

    /// The number of users that each device has shown; devices that showed none are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn all_users_shown(&mut self) -> Result<BTreeMap<i64, u64>, StoreError> {
        let shown: Vec<(i64, i64)> =
            query_as("SELECT device_id, COUNT(*) FROM roster_shown GROUP BY device_id")
                .fetch_all(self.db())
                .await?;
        Ok(shown.into_iter().map(|(device, shown)| (device, u64::try_from(shown).unwrap_or(0))).collect())
    }

    /// Begins a reading of everything that a device holds, because it does not answer single questions. A joining
    /// device is read anyway, so nothing changes for it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_reread(&mut self, device: i64) -> Result<(), StoreError> {
        let begun = query(
            "UPDATE device SET rereads = 1, roster_asked_at = NULL, heard_at = NULL \
             WHERE device_id = ? AND joining IS NULL",
        )
        .bind(device)
        .execute(self.db())
        .await?;
        if begun.rows_affected() > 0 {
            self.forget_shown(device).await?;
        }
        Ok(())
    }

    /// Ends a reading of everything that a device holds. This answers the questions that the device refused.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end_reread(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE device SET rereads = 0, unexplained_deletions = 0, people_read_at = ? WHERE device_id = ?",
        )
        .bind(at.0)
        .bind(device)
        .execute(self.db())
        .await?;
        self.answer_refused(device, at).await?;
        self.forget_shown(device).await
    }

    /// Marks the questions that a device refused as answered, because it has shown everything that it holds.
    async fn answer_refused(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE claim SET asked = 'answered', asked_at = 0, due_at = ? WHERE device_id = ? AND asked = 'refused'",
        )
        .bind(at.0)
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Starts over with the roster of a restored device: the people that it showed and the counts that it reported
    /// before are outdated.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_roster(&mut self, device: i64) -> Result<(), StoreError> {
        query(
            "UPDATE device SET roster_asked_at = NULL, heard_at = NULL, roster_complete = 0, counts_at = NULL \
             WHERE device_id = ?",
        )
        .bind(device)
        .execute(self.db())
        .await?;
        self.forget_shown(device).await
    }

    /// Ends the reading of a joining device: stores whether it has shown all its people, and forgets whom it showed.
    /// This also answers the questions that the device refused in the meantime.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end_roster(&mut self, device: i64, complete: bool, at: Millis) -> Result<(), StoreError> {
        self.answer_refused(device, at).await?;
        query("UPDATE device SET roster_complete = ?, people_read_at = COALESCE(?, people_read_at) WHERE device_id = ?")
            .bind(i64::from(complete))
            .bind(complete.then_some(at.0))
            .bind(device)
            .execute(self.db())
            .await?;
        self.forget_shown(device).await
    }

    /// Forgets the users that a device showed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_shown(&mut self, device: i64) -> Result<(), StoreError> {
        query("DELETE FROM roster_shown WHERE device_id = ?").bind(device).execute(self.db()).await?;
        Ok(())
    }
}
