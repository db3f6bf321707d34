//! `sync_command`: commands of the synchronisation, sent to devices to give them an item or to delete it.

use std::collections::{BTreeMap, HashMap};

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_as};
use sync::{Changes, DeviceView, OpenCommand, PhotoSent, Verb};
use wire::{BioType, Pin};

use crate::key::{key_of, narrow, pin_of};
use crate::sql::{few_batches, lists, places, rows, statement};
use crate::{StoreError, Tx};

/// A command that was found by its id on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCommand {
    /// Its number.
    pub number: i64,
    /// The item that it is about.
    pub key: ItemKey,
    /// Its verb.
    pub verb: Verb,
    /// The item version from which it was rendered.
    pub seq: Seq,
    /// Whether it still waits for its acknowledgement.
    pub open: bool,
    /// Whether it was closed without an acknowledgement.
    pub given_up: bool,
}

/// Acknowledged commands by their ids, and the open commands of the same people.
#[derive(Debug, Default)]
pub struct Answered {
    /// By id on the wire.
    pub found: HashMap<String, FoundCommand>,
    pub(crate) open: Vec<(ItemKey, OpenCommand)>,
}

/// The columns that [`open_of`] reads.
const OPEN: &str = "pin, kind, slot, algorithm, command_no, wire_id, verb, seq, again, sends, attempts, due_at, \
                    body_lines, answered";

fn open_of(row: &AnyRow) -> Result<(ItemKey, OpenCommand), StoreError> {
    let columns =
        (row.try_get("pin")?, row.try_get("kind")?, row.try_get("slot")?, row.try_get("algorithm")?);
    let key = key_of("sync_command", columns)?;
    let number = |column| Ok::<i64, StoreError>(row.try_get(column)?);
    let small = |column| narrow("sync_command", column, &key, number(column)?);
    let command = OpenCommand {
        number: number("command_no")?,
        wire_id: row.try_get("wire_id")?,
        verb: verb_of(row.try_get("verb")?, &key)?,
        seq: Seq(number("seq")?),
        again: number("again")? != 0,
        sends: small("sends")?,
        attempts: small("attempts")?,
        due_at: Millis(number("due_at")?),
        lines: narrow("sync_command", "body_lines", &key, number("body_lines")?)?,
        answered: number("answered")?.cast_unsigned(),
    };
    Ok((key, command))
}

const fn verb_text(verb: Verb) -> &'static str {
    match verb {
        Verb::Update => "update",
        Verb::Insert => "insert",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
    }
}

pub(crate) fn verb_of(text: &str, key: &ItemKey) -> Result<Verb, StoreError> {
    match text {
        "update" => Ok(Verb::Update),
        "insert" => Ok(Verb::Insert),
        "replace" => Ok(Verb::Replace),
        "delete" => Ok(Verb::Delete),
        _ => Err(StoreError::Inconsistent { table: "sync_command", column: "verb", key: key.to_string() }),
    }
}

impl Tx {
    /// The open commands of a device for these PINs.
    pub(crate) async fn open_commands(
        &mut self,
        device: i64,
        pins: &[Pin],
    ) -> Result<Vec<(ItemKey, OpenCommand)>, StoreError> {
        let mut found = Vec::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT {OPEN} FROM sync_command WHERE device_id = ? AND open = 1 AND pin IN ({})",
                places(list.len())
            );
            let mut select = query(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            for row in select.fetch_all(self.db()).await? {
                found.push(open_of(&row)?);
            }
        }
        Ok(found)
    }

    /// Loads the times of the last deletion of each user and the last update of each comparison photo that were sent
    /// to the device. Commands are deleted after a while, so older times are unknown.
    pub(crate) async fn load_sent_times(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
    ) -> Result<(), StoreError> {
        for list in lists(pins) {
            let sql = format!(
                "SELECT pin, kind, slot, MAX(sent_at), MAX(seq) FROM sync_command WHERE device_id = ? \
                 AND ((kind = 0 AND verb IN ('delete', 'replace')) OR (kind = 3 AND verb = 'update')) AND pin IN ({}) \
                 GROUP BY pin, kind, slot",
                places(list.len())
            );
            let mut select = query_as(statement(sql)).bind(view.device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64, i64)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, at, seq) in rows {
                let pin = pin_of("sync_command", &pin)?;
                let bio_type = BioType(narrow("sync_command", "slot", &pin, slot)?);
                let person = view.persons.entry(pin).or_default();
                if kind == Kind::ComparisonPhoto.code() {
                    person.photos_sent.insert(bio_type, PhotoSent { at: Millis(at), seq: Seq(seq) });
                } else {
                    person.delete_sent_at = Some(Millis(at));
                }
            }
        }
        Ok(())
    }

    /// Writes open commands in their current state.
    pub(crate) async fn put_commands(
        &mut self,
        device: i64,
        open: &[(ItemKey, OpenCommand)],
        at: Millis,
    ) -> Result<(), StoreError> {
        let engine = self.engine;
        // `sent_at` first: its expression needs the old `sends`.
        let upsert = format!(
            "{}sent_at = CASE WHEN sync_command.sends = {} THEN sync_command.sent_at ELSE {} END, {}",
            engine.on_conflict("sync_command", "device_id, command_no"),
            engine.new_value("sends"),
            engine.new_value("sent_at"),
            engine.assignments(&["again", "sends", "attempts", "due_at", "body_lines", "answered"]),
        );
        for batch in few_batches(open) {
            let sql = format!(
                "INSERT INTO sync_command (device_id, command_no, wire_id, pin, kind, slot, algorithm, verb, seq, \
                 again, open, sends, attempts, first_sent_at, sent_at, due_at, body_lines, answered) VALUES {}{upsert}",
                rows(batch.len(), 18)
            );
            let mut insert = query(statement(sql));
            for (key, command) in batch {
                let Slot { kind, number, algorithm } = key.slot;
                insert = insert
                    .bind(device)
                    .bind(command.number)
                    .bind(command.wire_id.clone())
                    .bind(key.pin.as_str().to_owned())
                    .bind(kind.code())
                    .bind(number)
                    .bind(algorithm.code())
                    .bind(verb_text(command.verb))
                    .bind(command.seq.0)
                    .bind(i64::from(command.again))
                    .bind(1_i64)
                    .bind(i64::from(command.sends))
                    .bind(i64::from(command.attempts))
                    .bind(at.0)
                    .bind(at.0)
                    .bind(command.due_at.0)
                    .bind(i64::from(command.lines))
                    .bind(command.answered.cast_signed());
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// Closes the commands that a decision closed.
    pub(crate) async fn close_commands(
        &mut self,
        device: i64,
        changes: &Changes,
        at: Millis,
    ) -> Result<(), StoreError> {
        let mut by_code: BTreeMap<Option<i32>, Vec<i64>> = BTreeMap::new();
        for command in &changes.closed {
            by_code.entry(command.return_code).or_default().push(command.number);
        }
        for (return_code, numbers) in by_code {
            for list in lists(&numbers) {
                let mut close = query(statement(format!(
                    "UPDATE sync_command SET open = NULL, return_code = ?, closed_at = ? \
                     WHERE device_id = ? AND command_no IN ({})",
                    places(list.len())
                )))
                .bind(return_code)
                .bind(at.0)
                .bind(device);
                for number in list {
                    close = close.bind(*number);
                }
                close.execute(self.db()).await?;
            }
        }
        Ok(())
    }

    /// The command of a device with this id on the wire, open or closed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_sync_command(
        &mut self,
        device: i64,
        wire_id: &str,
    ) -> Result<Option<FoundCommand>, StoreError> {
        type Columns = (i64, String, i64, i64, i64, String, i64, Option<i64>, Option<i64>);
        let row: Option<Columns> = query_as(
            "SELECT command_no, pin, kind, slot, algorithm, verb, seq, open, return_code FROM sync_command \
             WHERE device_id = ? AND wire_id = ?",
        )
        .bind(device)
        .bind(wire_id)
        .fetch_optional(self.db())
        .await?;
        row.map(|(number, pin, kind, slot, algorithm, verb, seq, open, code)| {
            let key = key_of("sync_command", (pin, kind, slot, algorithm))?;
            let (verb, open) = (verb_of(&verb, &key)?, open.is_some());
            Ok(FoundCommand { number, verb, key, seq: Seq(seq), open, given_up: !open && code.is_none() })
        })
        .transpose()
    }

    /// The commands of a device with these ids on the wire, open or closed, and the open commands of the same people.
    ///
    /// # Errors
    /// Database errors.
    pub async fn answered(&mut self, device: i64, names: &[&str]) -> Result<Answered, StoreError> {
        let mut answered = Answered::default();
        let mut open = BTreeMap::new();
        for list in lists(names) {
            let places = places(list.len());
            let sql = format!(
                "SELECT {OPEN}, open, return_code FROM sync_command WHERE device_id = ? AND open = 1 AND pin IN \
                 (SELECT pin FROM sync_command WHERE device_id = ? AND wire_id IN ({places})) UNION ALL \
                 SELECT {OPEN}, open, return_code FROM sync_command WHERE device_id = ? AND open IS NULL AND wire_id IN ({places})"
            );
            let mut select = query(statement(sql)).bind(device).bind(device);
            for name in &list {
                select = select.bind(**name);
            }
            select = select.bind(device);
            for name in &list {
                select = select.bind(**name);
            }
            for row in select.fetch_all(self.db()).await? {
                let is_open = row.try_get::<Option<i64>, _>("open")?.is_some();
                let (key, command) = open_of(&row)?;
                let OpenCommand { number, verb, seq, .. } = command;
                let given_up = !is_open && row.try_get::<Option<i64>, _>("return_code")?.is_none();
                let found = FoundCommand { number, key: key.clone(), verb, seq, open: is_open, given_up };
                answered.found.insert(command.wire_id.clone(), found);
                if is_open {
                    open.insert(key, command);
                }
            }
        }
        let asked: std::collections::HashSet<&str> = names.iter().copied().collect();
        answered.found.retain(|name, _| asked.contains(name.as_str()));
        answered.open = open.into_iter().collect();
        Ok(answered)
    }

    /// Open commands whose acknowledgement is overdue, longest overdue first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn overdue_commands(
        &mut self,
        device: i64,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<ItemKey>, StoreError> {
        let rows: Vec<(String, i64, i64, i64)> = query_as(
            "SELECT pin, kind, slot, algorithm FROM sync_command \
             WHERE device_id = ? AND open = 1 AND due_at <= ? ORDER BY due_at, command_no LIMIT ?",
        )
        .bind(device)
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.into_iter().map(|columns| key_of("sync_command", columns)).collect()
    }
}
