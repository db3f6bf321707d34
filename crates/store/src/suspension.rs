//! `suspension`: people whom an operator keeps off every terminal.
//!
//! A row counts only for the life that it names. The next owner of the PIN is not suspended.

use std::collections::BTreeMap;

use roster::{Area, Millis, Seq};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

/// The suspension of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// When it began.
    pub since: Millis,
    /// The areas to which the person returns.
    pub areas: Vec<Area>,
    /// Its last day, as `2027-03-12`; `None` if it lasts until an operator reinstates the person.
    pub until: Option<String>,
    /// Whether the person's last day has passed.
    pub left: bool,
}

/// The tables whose rows name a life.
const LIFE_TABLES: [&str; 2] = ["suspension", "leaving"];

/// Joins a table of [`LIFE_TABLES`], called `s`, to the user who is live.
pub(crate) const JOIN_LIVE_USER: &str =
    "JOIN item i ON i.pin = s.pin AND i.kind = 0 AND i.live = 1 AND i.created_seq = s.life_seq";

fn areas_of(text: &str) -> Result<Vec<Area>, StoreError> {
    let broken =
        |_| StoreError::Inconsistent { table: "suspension", column: "areas", key: "a row".to_owned() };
    text.split(',')
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().map(Area).map_err(broken))
        .collect()
}

fn suspension_of(row: &AnyRow) -> Result<(Pin, Suspension), StoreError> {
    let pin = pin_of("suspension", row.try_get("pin")?)?;
    let suspension = Suspension {
        since: Millis(row.try_get("since_at")?),
        areas: areas_of(row.try_get("areas")?)?,
        until: row.try_get("until_day")?,
        left: row.try_get::<i64, _>("has_left")? != 0,
    };
    Ok((pin, suspension))
}

impl Tx {
    /// The suspensions of those of these people who are suspended.
    ///
    /// # Errors
    /// Database errors.
    pub async fn suspensions(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, Suspension>, StoreError> {
        let mut found = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT s.pin, s.since_at, s.areas, s.until_day, s.has_left FROM suspension s {JOIN_LIVE_USER} \
                 WHERE s.pin IN ({})",
                places(list.len())
            );
            let mut select = query(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            for row in select.fetch_all(self.db()).await? {
                found.extend([suspension_of(&row)?]);
            }
        }
        Ok(found)
    }

    /// Stores the suspension of a person. Writes nothing if no person has the PIN.
    ///
    /// Leaves the memberships alone: the caller deletes them, so that every terminal removes the person.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_suspension(&mut self, pin: &Pin, suspension: &Suspension) -> Result<(), StoreError> {
        let Some(life) = self.life_of(pin).await? else { return Ok(()) };
        let areas: Vec<String> = suspension.areas.iter().map(|area| area.0.to_string()).collect();
        let upsert = self.engine.upsert(
            "suspension",
            "pin",
            &["life_seq", "since_at", "areas", "until_day", "has_left"],
        );
        let sql = format!(
            "INSERT INTO suspension (pin, life_seq, since_at, areas, until_day, has_left) VALUES (?, ?, ?, ?, ?, ?){upsert}"
        );
        query(statement(sql))
            .bind(pin.as_str())
            .bind(life.0)
            .bind(suspension.since.0)
            .bind(areas.join(","))
            .bind(suspension.until.clone())
            .bind(i64::from(suspension.left))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Removes the suspension of a PIN, for any life.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end_suspension(&mut self, pin: &Pin) -> Result<(), StoreError> {
        query("DELETE FROM suspension WHERE pin = ?").bind(pin.as_str()).execute(self.db()).await?;
        Ok(())
    }

    /// People whose suspension lasted until a day before `today`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn suspended_until_before(&mut self, today: &str) -> Result<Vec<Pin>, StoreError> {
        let sql =
            format!("SELECT s.pin FROM suspension s {JOIN_LIVE_USER} WHERE s.until_day < ? ORDER BY s.pin");
        let pins: Vec<String> = query_scalar(statement(sql)).bind(today).fetch_all(self.db()).await?;
        pins.iter().map(|pin| pin_of("suspension", pin)).collect()
    }

    /// Ends lives, given as `(pin, life, tombstone)`. Deletes their rows in [`LIFE_TABLES`]. If the deletions can be
    /// undone, keeps the rows under the numbers of the tombstones instead.
    pub(crate) async fn end_lives(
        &mut self,
        ending: &[(Pin, Seq, Seq)],
        can_be_undone: bool,
    ) -> Result<(), StoreError> {
        for table in LIFE_TABLES {
            for list in lists(ending) {
                let sql = format!("SELECT pin FROM {table} WHERE pin IN ({})", places(list.len()));
                let mut select = query_scalar(statement(sql));
                for (pin, ..) in &list {
                    select = select.bind(pin.as_str());
                }
                let found: Vec<String> = select.fetch_all(self.db()).await?;
                let named = ending.iter().filter(|(pin, ..)| found.iter().any(|found| found == pin.as_str()));
                for (pin, life, tombstone) in named {
                    if can_be_undone {
                        self.rename_life(table, pin, *life, *tombstone).await?;
                    } else {
                        let sql = format!("DELETE FROM {table} WHERE pin = ?");
                        query(statement(sql)).bind(pin.as_str()).execute(self.db()).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// After an undo, moves the rows in [`LIFE_TABLES`] from the ended life to the new one.
    pub(crate) async fn continue_life(
        &mut self,
        pin: &Pin,
        tombstone: Seq,
        life: Seq,
    ) -> Result<(), StoreError> {
        for table in LIFE_TABLES {
            self.rename_life(table, pin, tombstone, life).await?;
        }
        Ok(())
    }

    async fn rename_life(&mut self, table: &str, pin: &Pin, from: Seq, to: Seq) -> Result<(), StoreError> {
        let sql = format!("UPDATE {table} SET life_seq = ? WHERE pin = ? AND life_seq = ?");
        query(statement(sql)).bind(to.0).bind(pin.as_str()).bind(from.0).execute(self.db()).await?;
        Ok(())
    }

    /// After the undo period, deletes the rows in [`LIFE_TABLES`] of ended lives of the PIN.
    pub(crate) async fn forget_ended_lives(&mut self, pin: &str) -> Result<(), StoreError> {
        for table in LIFE_TABLES {
            let sql = format!(
                "DELETE FROM {table} WHERE pin = ? AND life_seq NOT IN \
                 (SELECT created_seq FROM item WHERE pin = ? AND kind = 0 AND live = 1)"
            );
            query(statement(sql)).bind(pin).bind(pin).execute(self.db()).await?;
        }
        Ok(())
    }
}
