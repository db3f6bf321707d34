//! Exceptions for a device that leaves an area: Muster has to check every person and definition of that area.

use roster::{Area, Millis};
use sqlx::query;

use crate::sql::{places, statement};
use crate::sync_exception::due_upsert;
use crate::{StoreError, Tx};

impl Tx {
    /// Adds a due exception for every user and every definition that is or was a member of these areas. The planner
    /// then decides which of them the device may keep.
    ///
    /// # Errors
    /// Database errors.
    pub async fn owe_members(&mut self, device: i64, areas: &[Area], at: Millis) -> Result<(), StoreError> {
        if areas.is_empty() {
            return Ok(());
        }
        // Each owner has at most one item of these kinds.
        let members = format!(
            "SELECT u.pin, u.kind FROM item u WHERE (u.kind = 0 OR u.kind BETWEEN 11 AND 16) \
             AND EXISTS (SELECT 1 FROM item m WHERE m.pin = u.pin AND m.kind = 1 AND m.slot IN ({}))",
            places(areas.len())
        );
        let mut again = query(statement(format!(
            "UPDATE sync_command SET again = 1 WHERE device_id = ? AND open = 1 AND (pin, kind) IN ({members})"
        )))
        .bind(device);
        for area in areas {
            again = again.bind(area.0);
        }
        again.execute(self.db()).await?;
        let upsert = due_upsert(self.engine);
        let mut owe = query(statement(format!(
            "INSERT INTO sync_exception (device_id, pin, kind, slot, algorithm, due_at, wipe, attempts) \
             SELECT DISTINCT ?, w.pin, w.kind, 0, 0, ?, 0, 0 FROM ({members}) AS w \
             WHERE NOT EXISTS (SELECT 1 FROM sync_command c WHERE c.device_id = ? AND c.open = 1 \
             AND c.kind = w.kind AND c.pin = w.pin){upsert}"
        )))
        .bind(device)
        .bind(at.0);
        for area in areas {
            owe = owe.bind(area.0);
        }
        owe.bind(device).execute(self.db()).await?;
        Ok(())
    }
}
