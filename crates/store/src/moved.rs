//! A device that leaves an area owes a look at everyone of that area.

use roster::{Area, Millis};
use sqlx::query;

use crate::sql::{places, statement};
use crate::sync_exception::owe_upsert;
use crate::{StoreError, Tx};

impl Tx {
    /// Makes every user that is or was a member of these areas owed to a device; the planner then finds out which of
    /// them it may keep.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn owe_members(&mut self, device: i64, areas: &[Area], at: Millis) -> Result<(), StoreError> {
        if areas.is_empty() {
            return Ok(());
        }
        let members = format!(
            "SELECT m.pin FROM item m WHERE m.kind = 1 AND m.slot IN ({}) \
             AND EXISTS (SELECT 1 FROM item u WHERE u.pin = m.pin AND u.kind = 0)",
            places(areas.len())
        );
        let mut again = query(statement(format!(
            "UPDATE sync_command SET again = 1 WHERE device_id = ? AND open = 1 AND kind = 0 AND pin IN ({members})"
        )))
        .bind(device);
        for area in areas {
            again = again.bind(area.0);
        }
        again.execute(self.db()).await?;
        let upsert = owe_upsert(self.engine);
        let mut owe = query(statement(format!(
            "INSERT INTO sync_exception (device_id, pin, kind, slot, algorithm, due_at, wipe, attempts) \
             SELECT DISTINCT ?, w.pin, 0, 0, 0, ?, 0, 0 FROM ({members}) AS w \
             WHERE NOT EXISTS (SELECT 1 FROM sync_command c WHERE c.device_id = ? AND c.open = 1 AND c.kind = 0 \
             AND c.pin = w.pin){upsert}"
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
