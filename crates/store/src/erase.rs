//! Erasure of a person: removes everything in the database about them, except what [`TABLES`] keeps for a stated
//! reason.
//!
//! A tombstone stays: the rows of `item` without content or hash. A device that was offline reads them in the feed
//! and deletes the person. An upload of such a device meets the tombstone and does not bring the person back.

use std::collections::{BTreeMap, BTreeSet};

use roster::Millis;
use sqlx::{query, query_as, query_scalar};
use sync::Parked;
use wire::Pin;

use crate::keys::place_of_row;
use crate::named::{Rest, names, without};
use crate::operator_command::place as place_of_command;
use crate::sql::statement;
use crate::sync_exception::parked_code;
use crate::{StoreError, Tx};

/// What an erasure does to the rows of a table.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Deletes the rows of the person, or removes the personal data from them.
    Cleaned,
    /// Keeps rows that may name the person, for this reason.
    Kept(&'static str),
    /// The rows never name a person.
    Nobody,
}

use Erasure::{Cleaned, Kept, Nobody};

/// Every table. A test compares this list with the schema.
#[doc(hidden)]
pub const TABLES: &[(&str, Erasure)] = &[
    ("area", Nobody),
    (
        "attendance",
        Kept("punches are the company's records of working time; they go too where the operator says so"),
    ),
    ("attendance_photo", Cleaned),
    ("body", Cleaned),
    ("claim", Cleaned),
    ("claim_item", Cleaned),
    ("device", Kept("scan_pin and read_back are positions that the next poll moves on; a PIN, no content")),
    ("device_area", Nobody),
    ("device_record", Cleaned),
    ("device_session", Nobody),
    ("feed_clock", Nobody),
    ("former_mark", Cleaned),
    ("held", Cleaned),
    ("item", Cleaned),
    ("item_old", Cleaned),
    ("lease", Nobody),
    ("leaving", Cleaned),
    ("offered_file", Cleaned),
    ("offered_part", Cleaned),
    ("offered_photo", Cleaned),
    ("operation_log", Cleaned),
    ("operator_command", Cleaned),
    ("part_set", Cleaned),
    ("photo_form", Cleaned),
    ("remote_user", Cleaned),
    ("roster_shown", Cleaned),
    ("schema_migration", Nobody),
    ("setting", Nobody),
    (
        "spelling",
        Kept(
            "the PIN alone, which the tombstone holds as well: a later user of it must not differ in case alone",
        ),
    ),
    ("suspension", Cleaned),
    ("sync_command", Cleaned),
    ("sync_exception", Kept("what a device still has to delete; a PIN, no content")),
    ("undo_body", Cleaned),
    ("upload_stamp", Nobody),
    ("user_body", Cleaned),
];

/// What an erasure does to the person's punches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Punches {
    /// Keeps them.
    Keep,
    /// Erases them too.
    Erase,
}

/// The result of an erasure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The number of rows of each table that were deleted or cleaned; tables without any are left out.
    pub rows: BTreeMap<&'static str, u64>,
    /// The number of the person's punches that were kept.
    pub kept_punches: u64,
}

impl Erased {
    fn count(&mut self, table: &'static str, rows: u64) {
        if rows > 0 {
            *self.rows.entry(table).or_default() += rows;
        }
    }
}

/// How many sealed records are read at a time. Each may have 2 MiB, and a command's answer even more.
const RECORDS_PER_PAGE: i64 = 20;

/// Rows that belong to items of the person. A deletion leaves few of them; earlier versions of Muster left more.
const OF_ITEMS: [(&str, &str); 5] = [
    ("undo_body", "DELETE FROM undo_body WHERE item_id IN (SELECT item_id FROM item WHERE pin = ?)"),
    ("body", "DELETE FROM body WHERE item_id IN (SELECT item_id FROM item WHERE pin = ?)"),
    ("user_body", "DELETE FROM user_body WHERE item_id IN (SELECT item_id FROM item WHERE pin = ?)"),
    ("photo_form", "DELETE FROM photo_form WHERE item_id IN (SELECT item_id FROM item WHERE pin = ?)"),
    ("offered_photo", "DELETE FROM offered_photo WHERE item_id IN (SELECT item_id FROM item WHERE pin = ?)"),
];

/// Rows found by the PIN itself.
///
/// Sync commands that sent content of the person and were acknowledged are deleted, because no later decision uses
/// them. Commands that delete the person stay for their 30 days, because they show that the deletion reached the
/// device.
const BY_PIN: [(&str, &str); 12] = [
    ("suspension", "DELETE FROM suspension WHERE pin = ?"),
    ("leaving", "DELETE FROM leaving WHERE pin = ?"),
    ("roster_shown", "DELETE FROM roster_shown WHERE pin = ?"),
    ("held", "DELETE FROM held WHERE pin = ?"),
    ("claim", "DELETE FROM claim WHERE pin = ?"),
    ("claim_item", "DELETE FROM claim_item WHERE pin = ?"),
    ("former_mark", "DELETE FROM former_mark WHERE pin = ?"),
    ("part_set", "DELETE FROM part_set WHERE pin = ?"),
    ("device_record", "DELETE FROM device_record WHERE pin = ?"),
    ("attendance_photo", "DELETE FROM attendance_photo WHERE pin = ?"),
    ("remote_user", "DELETE FROM remote_user WHERE pin = ?"),
    (
        "sync_command",
        "DELETE FROM sync_command WHERE pin = ? AND verb <> 'delete' AND open IS NULL AND return_code IS NOT NULL",
    ),
];

impl Tx {
    /// Whether any PIN column in the database holds this PIN.
    ///
    /// # Errors
    /// Database errors.
    pub async fn knows_pin(&mut self, pin: &Pin) -> Result<bool, StoreError> {
        for table in [
            "item",
            "held",
            "claim",
            "claim_item",
            "former_mark",
            "part_set",
            "device_record",
            "attendance_photo",
            "attendance",
            "remote_user",
        ] {
            let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE pin = ? LIMIT 1) found");
            let found: i64 = query_scalar(statement(sql)).bind(pin.as_str()).fetch_one(self.db()).await?;
            if found > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the fleet has, had, or was told not to have a user with this PIN.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_user_item(&mut self, pin: &Pin) -> Result<bool, StoreError> {
        let found: i64 = query_scalar("SELECT COUNT(*) FROM item WHERE pin = ? AND kind = 0")
            .bind(pin.as_str())
            .fetch_one(self.db())
            .await?;
        Ok(found > 0)
    }

    /// Erases everything about a person whose items are deleted. This cannot be undone.
    ///
    /// The tombstone stays. The hashes of templates and photos stay until every device has carried out the deletion
    /// ([`Tx::forget_versions`]). If the PIN gets a new owner before that, a delayed upload must not give the new
    /// person the templates of the former one. The hashes are keyed and reveal nothing about their contents.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a record that cannot be decrypted.
    pub async fn erase(&mut self, pin: &Pin, punches: Punches, at: Millis) -> Result<Erased, StoreError> {
        // Lock order: the clock first. Devices also look again for work that was parked for this person.
        self.wake().await?;
        let mut erased = Erased::default();
        self.empty_tombstones(pin, &mut erased).await?;
        self.run_by_pin(&OF_ITEMS, pin, &mut erased).await?;
        self.erase_from_queued_commands(pin, at, &mut erased).await?;
        self.release_held(pin, at).await?;
        self.run_by_pin(&BY_PIN, pin, &mut erased).await?;
        self.erase_from_records(pin, &mut erased).await?;
        self.erase_from_log(pin, &mut erased).await?;
        self.erase_offered_files(pin, &mut erased).await?;
        match punches {
            Punches::Erase => {
                let done = query("DELETE FROM attendance WHERE pin = ?")
                    .bind(pin.as_str())
                    .execute(self.db())
                    .await?;
                erased.count("attendance", done.rows_affected());
            }
            Punches::Keep => {
                let kept: i64 = query_scalar("SELECT COUNT(*) FROM attendance WHERE pin = ?")
                    .bind(pin.as_str())
                    .fetch_one(self.db())
                    .await?;
                erased.kept_punches = u64::try_from(kept).unwrap_or(0);
            }
        }
        Ok(erased)
    }

    async fn run_by_pin(
        &mut self,
        statements: &[(&'static str, &'static str)],
        pin: &Pin,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        for (table, sql) in statements {
            let done = query(*sql).bind(pin.as_str()).execute(self.db()).await?;
            erased.count(table, done.rows_affected());
        }
        Ok(())
    }

    /// A tombstone needs only its key and its numbers. Old hashes of a user are never compared: the fields are
    /// compared instead, and those are deleted.
    async fn empty_tombstones(&mut self, pin: &Pin, erased: &mut Erased) -> Result<(), StoreError> {
        let done = query(
            "UPDATE item SET hash = ?, body_bytes = 0, body_lines = 1, edits = 0, made_of = NULL, valid_flag = NULL, \
             duress_flag = NULL, text_bytes = NULL WHERE pin = ? AND live = 0",
        )
        .bind(vec![0_u8; 16])
        .bind(pin.as_str())
        .execute(self.db())
        .await?;
        erased.count("item", done.rows_affected());
        self.items.remove(pin);
        let old = "DELETE FROM item_old WHERE item_id IN (SELECT item_id FROM item WHERE pin = ? AND kind IN (0, 1, 4))";
        let done = query(old).bind(pin.as_str()).execute(self.db()).await?;
        erased.count("item_old", done.rows_affected());
        let done = query(
            "UPDATE item_old SET sealed = NULL WHERE sealed IS NOT NULL AND item_id IN \
             (SELECT item_id FROM item WHERE pin = ?)",
        )
        .bind(pin.as_str())
        .execute(self.db())
        .await?;
        erased.count("item_old", done.rows_affected());
        Ok(())
    }

    /// Releases what was parked for an operator: the operator has decided, and the device gets the deletion before
    /// anything else of the PIN.
    async fn release_held(&mut self, pin: &Pin, at: Millis) -> Result<(), StoreError> {
        let held = parked_code(Parked::Held);
        let devices: Vec<i64> = query_scalar(
            "SELECT DISTINCT device_id FROM sync_exception WHERE pin = ? AND parked = ? ORDER BY device_id",
        )
        .bind(pin.as_str())
        .bind(held)
        .fetch_all(self.db())
        .await?;
        for device in devices {
            self.lock_device(device).await?;
            query(
                "UPDATE sync_exception SET due_at = ?, parked = NULL, wipe = CASE WHEN kind = 0 THEN 1 ELSE wipe END \
                 WHERE device_id = ? AND pin = ? AND parked = ?",
            )
            .bind(at.0)
            .bind(device)
            .bind(pin.as_str())
            .bind(held)
            .execute(self.db())
            .await?;
        }
        Ok(())
    }

    /// A queued command keeps its verb, its device, who ordered it and when. It loses the person that it names and
    /// its result. A command that was not answered yet is not sent any more.
    async fn erase_from_queued_commands(
        &mut self,
        pin: &Pin,
        at: Millis,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        let mut named: BTreeSet<(i64, i64)> = BTreeSet::new();
        let mut after = (i64::MIN, i64::MIN);
        loop {
            type Row = (i64, i64, String, String, Option<Vec<u8>>, Option<Vec<u8>>);
            let rows: Vec<Row> = query_as(
                "SELECT device_id, command_no, verb, arguments, sealed_text, sealed_content FROM operator_command \
                 WHERE device_id > ? OR (device_id = ? AND command_no > ?) ORDER BY device_id, command_no LIMIT ?",
            )
            .bind(after.0)
            .bind(after.0)
            .bind(after.1)
            .bind(RECORDS_PER_PAGE)
            .fetch_all(self.db())
            .await?;
            let Some((device, number, ..)) = rows.last() else { break };
            after = (*device, *number);
            for (device, number, verb, arguments, text, content) in rows {
                let open = |what: &str, sealed: Option<Vec<u8>>| {
                    sealed
                        .map(|sealed| self.keys.open(&place_of_command(device, number, what), &sealed))
                        .transpose()
                };
                let (text, content) = (open("text", text)?, open("content", content)?);
                // The form in which older versions of Muster stored this query.
                let query_of = verb == "QUERY USERINFO" && arguments == pin.as_str();
                if query_of
                    || names(arguments.as_bytes(), pin)
                    || text.is_some_and(|text| names(&text, pin))
                    || content.is_some_and(|content| names(&content, pin))
                {
                    named.insert((device, number));
                }
            }
        }
        for (device, number) in named {
            // Wait for a poll that may be sending the command right now.
            self.lock_device(device).await?;
            let done = query(
                "UPDATE operator_command SET arguments = '', sealed_text = NULL, sealed_content = NULL, reply = NULL, \
                 closed_at = COALESCE(closed_at, ?), due_at = NULL, \
                 state = CASE state WHEN 'queued' THEN 'cancelled' WHEN 'sent' THEN 'unanswered' ELSE state END \
                 WHERE device_id = ? AND command_no = ?",
            )
            .bind(at.0)
            .bind(device)
            .bind(number)
            .execute(self.db())
            .await?;
            erased.count("operator_command", done.rows_affected());
        }
        Ok(())
    }

    /// Records without an owner's PIN whose text names the person.
    async fn erase_from_records(&mut self, pin: &Pin, erased: &mut Erased) -> Result<(), StoreError> {
        for (table, id, place) in [("held", "held_id", "held"), ("device_record", "record_id", "record")] {
            let mut after = i64::MIN;
            loop {
                let sql = format!(
                    "SELECT {id}, device_id, digest, sealed FROM {table} WHERE pin IS NULL AND {id} > ? \
                     ORDER BY {id} LIMIT ?"
                );
                let rows: Vec<(i64, i64, Vec<u8>, Vec<u8>)> =
                    query_as(statement(sql)).bind(after).bind(RECORDS_PER_PAGE).fetch_all(self.db()).await?;
                let Some((last, ..)) = rows.last() else { break };
                after = *last;
                for (number, device, digest, sealed) in rows {
                    let place = place_of_row(place, device, &digest);
                    let raw = self.keys.open(&place, &sealed)?;
                    let done = match without(&raw, pin) {
                        Rest::All => continue,
                        Rest::Nothing => {
                            let sql = format!("DELETE FROM {table} WHERE {id} = ?");
                            query(statement(sql)).bind(number).execute(self.db()).await?
                        }
                        Rest::Some(rest) => {
                            let sealed = self.keys.seal(&place, &rest);
                            let sql = format!("UPDATE {table} SET sealed = ? WHERE {id} = ?");
                            query(statement(sql)).bind(sealed).bind(number).execute(self.db()).await?
                        }
                    };
                    erased.count(table, done.rows_affected());
                }
            }
        }
        Ok(())
    }

    /// Entries of devices' logs keep what was done and when. Their digests stay, so that a repeated entry is not
    /// acted on again.
    async fn erase_from_log(&mut self, pin: &Pin, erased: &mut Erased) -> Result<(), StoreError> {
        let done = query("UPDATE operation_log SET operator = '' WHERE operator = ?")
            .bind(pin.as_str())
            .execute(self.db())
            .await?;
        erased.count("operation_log", done.rows_affected());
        let rows: Vec<(i64, Vec<u8>, i64, String)> =
            query_as("SELECT device_id, digest, code, operands FROM operation_log WHERE operands LIKE ?")
                .bind(format!("{pin}%"))
                .fetch_all(self.db())
                .await?;
        for (device, digest, code, operands) in rows {
            if operands.split('\t').next() != Some(pin.as_str()) || !is_about_a_user(code) {
                continue;
            }
            let done = query("UPDATE operation_log SET operands = '' WHERE device_id = ? AND digest = ?")
                .bind(device)
                .bind(digest)
                .execute(self.db())
                .await?;
            erased.count("operation_log", done.rows_affected());
        }
        Ok(())
    }

    /// Files offered to devices that name the person in the file name or in the text. They last for a day at most.
    async fn erase_offered_files(&mut self, pin: &Pin, erased: &mut Erased) -> Result<(), StoreError> {
        let files: Vec<(String, String)> =
            query_as("SELECT token, name FROM offered_file").fetch_all(self.db()).await?;
        for (token, name) in files {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            if stem != pin.as_str() && !self.offered_file_names(&token, pin).await? {
                continue;
            }
            for (table, sql) in [
                ("offered_part", "DELETE FROM offered_part WHERE token = ?"),
                ("offered_file", "DELETE FROM offered_file WHERE token = ?"),
            ] {
                let done = query(sql).bind(token.clone()).execute(self.db()).await?;
                erased.count(table, done.rows_affected());
            }
        }
        Ok(())
    }

    async fn offered_file_names(&mut self, token: &str, pin: &Pin) -> Result<bool, StoreError> {
        let mut number = 0;
        // Include the end of the previous part: a name may cross the boundary between two parts.
        let mut text = Vec::new();
        loop {
            let part = self.offered_part(token, number).await?;
            if part.is_empty() {
                return Ok(false);
            }
            text.extend_from_slice(&part);
            if names(&text, pin) {
                return Ok(true);
            }
            text.drain(..text.len().saturating_sub(64));
            number += 1;
        }
    }
}

/// Whether the first operand of an entry of a device's log (appendices 3 and 4) may be the PIN of a user. All other
/// entries are about the device: its power, alarms, menu, settings, clock and doors, and data that was cleared as a
/// whole.
const fn is_about_a_user(code: i64) -> bool {
    !matches!(code, 0 | 1 | 3..=5 | 13 | 21..=25 | 27..=29)
}
