//! `area` and `device_area`: groups of devices and people.

use std::collections::BTreeSet;

use roster::Area;
use sqlx::{query, query_as};

use crate::{StoreError, Tx};

impl Tx {
    /// All areas with their names.
    ///
    /// # Errors
    /// Database errors.
    pub async fn areas(&mut self) -> Result<Vec<(Area, String)>, StoreError> {
        let rows: Vec<(i64, String)> =
            query_as("SELECT area_id, name FROM area ORDER BY area_id").fetch_all(self.db()).await?;
        Ok(rows.into_iter().map(|(area, name)| (Area(area), name)).collect())
    }

    /// Creates an area, or finds the existing one with this name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn create_area(&mut self, name: &str) -> Result<Area, StoreError> {
        let find = "SELECT area_id FROM area WHERE name = ?";
        if let Some((area,)) = query_as(find).bind(name).fetch_optional(self.db()).await? {
            return Ok(Area(area));
        }
        query("INSERT INTO area (name) VALUES (?)").bind(name).execute(self.db()).await?;
        let (area,) = query_as(find).bind(name).fetch_one(self.db()).await?;
        Ok(Area(area))
    }

    /// Renames an area.
    ///
    /// # Errors
    /// Database errors; [`StoreError::is_duplicate`] if another area has the name.
    pub async fn rename_area(&mut self, area: Area, name: &str) -> Result<(), StoreError> {
        query("UPDATE area SET name = ? WHERE area_id = ?")
            .bind(name)
            .bind(area.0)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// The areas of a device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn areas_of(&mut self, device: i64) -> Result<BTreeSet<Area>, StoreError> {
        let rows: Vec<(i64,)> = query_as("SELECT area_id FROM device_area WHERE device_id = ?")
            .bind(device)
            .fetch_all(self.db())
            .await?;
        Ok(rows.into_iter().map(|(area,)| Area(area)).collect())
    }

    /// The devices of an area.
    ///
    /// # Errors
    /// Database errors.
    pub async fn devices_of(&mut self, area: Area) -> Result<BTreeSet<i64>, StoreError> {
        let rows: Vec<(i64,)> = query_as("SELECT device_id FROM device_area WHERE area_id = ?")
            .bind(area.0)
            .fetch_all(self.db())
            .await?;
        Ok(rows.into_iter().map(|(device,)| device).collect())
    }

    /// Changes the areas of a device. The caller decides which items the device gains or loses.
    ///
    /// # Errors
    /// Database errors, also for an area that does not exist.
    pub async fn set_areas(&mut self, device: i64, areas: &BTreeSet<Area>) -> Result<(), StoreError> {
        self.wake().await?;
        query("DELETE FROM device_area WHERE device_id = ?").bind(device).execute(self.db()).await?;
        for area in areas {
            query("INSERT INTO device_area (device_id, area_id) VALUES (?, ?)")
                .bind(device)
                .bind(area.0)
                .execute(self.db())
                .await?;
        }
        Ok(())
    }
}
