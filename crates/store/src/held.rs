//! `held`: records from devices that wait for an operator's decision.

use std::fmt;
use std::str::FromStr;

use roster::{Millis, Seq};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_as};
use wire::Pin;

use crate::key::pin_of;
use crate::keys::place_of_row;
use crate::sql::{capped, statement};
use crate::{StoreError, Tx};

/// Why a record is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldKind {
    /// The record could not be read.
    Unreadable,
    /// The device means another person by the PIN, or that cannot be determined.
    Conflict,
    /// Muster has asked the device whether it means the fleet's person by the PIN.
    Waiting,
    /// Data that the device had under another person's PIN, and no longer has.
    Leftover,
    /// A device raised a privilege.
    Privilege,
    /// A device gave a new card, password or template to a person with a privilege.
    Credential,
    /// A device deleted a user.
    Deletion,
    /// A device deleted a template, card or password of a user.
    PartDeleted,
    /// A device emptied a name, card or password that it can store.
    Cleared,
    /// Devices alternate in changing an item.
    Brake,
    /// An upload of a table that Muster does not read.
    UnreadTable,
}

impl HeldKind {
    const ALL: [Self; 11] = [
        Self::Unreadable,
        Self::Conflict,
        Self::Waiting,
        Self::Leftover,
        Self::Privilege,
        Self::Credential,
        Self::Deletion,
        Self::PartDeleted,
        Self::Cleared,
        Self::Brake,
        Self::UnreadTable,
    ];

    /// The name under which it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Conflict => "conflict",
            Self::Waiting => "waiting",
            Self::Leftover => "leftover",
            Self::Privilege => "privilege",
            Self::Credential => "credential",
            Self::Deletion => "deletion",
            Self::PartDeleted => "part-deleted",
            Self::Cleared => "cleared",
            Self::Brake => "brake",
            Self::UnreadTable => "unread-table",
        }
    }
}

impl HeldKind {
    /// The part of a held record's identity that comes from its kind. A claim changes kinds, so all kinds of a claim
    /// share one name.
    const fn identity_kind(self) -> &'static str {
        match self {
            Self::Waiting | Self::Leftover => Self::Conflict.as_str(),
            other => other.as_str(),
        }
    }
}

impl fmt::Display for HeldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "want unreadable, conflict, waiting, leftover, privilege, credential, deletion, part-deleted, cleared, brake or unread-table"
)]
pub struct UnknownHeldKind;

impl FromStr for HeldKind {
    type Err = UnknownHeldKind;

    fn from_str(text: &str) -> Result<Self, UnknownHeldKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownHeldKind)
    }
}

/// A record to hold.
#[derive(Clone)]
pub struct HeldRecord {
    /// The device that sent it.
    pub device: i64,
    /// Why it is held.
    pub kind: HeldKind,
    /// Table of the upload.
    pub table: Option<String>,
    /// The PIN of the record, if it is known.
    pub pin: Option<Pin>,
    /// Name of the record; empty = none.
    pub tag: String,
    /// Line of the upload, 1 for the first.
    pub line: Option<i64>,
    /// Why it is held, in words for operators and without content.
    pub reason: String,
    /// The record as received.
    pub raw: Vec<u8>,
    /// The life that the PIN had in the fleet, 0 for none. A decision applies to that life.
    pub life: Option<Seq>,
}

impl fmt::Debug for HeldRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldRecord")
            .field("device", &self.device)
            .field("kind", &self.kind)
            .field("table", &self.table)
            .field("pin", &self.pin)
            .field("life", &self.life)
            .field("tag", &self.tag)
            .field("line", &self.line)
            .field("reason", &self.reason)
            .field("raw_bytes", &self.raw.len())
            .finish()
    }
}

/// The outcome of holding a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOutcome {
    /// Its number.
    pub id: i64,
    /// It is new.
    pub is_new: bool,
    /// The earlier decision of an operator on it.
    pub resolution: Option<String>,
}

/// A held record, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// Its number.
    pub id: i64,
    /// The device that sent it.
    pub device: i64,
    /// Why it is held.
    pub kind: HeldKind,
    /// Table of the upload.
    pub table: Option<String>,
    /// The PIN of the record.
    pub pin: Option<Pin>,
    /// Name of the record; empty = none.
    pub tag: String,
    /// Line of the upload in which it was first seen.
    pub line: Option<i64>,
    /// Why it is held, in words.
    pub reason: String,
    /// When it was first received.
    pub first_at: Millis,
    /// When it was last received.
    pub last_at: Millis,
    /// How often it was received.
    pub times_seen: i64,
    /// When it was resolved.
    pub resolved_at: Option<Millis>,
    /// The decision.
    pub resolution: Option<String>,
    /// The life that the PIN had in the fleet, 0 for none; `None` if it was not noted.
    pub life: Option<Seq>,
}

/// Selects held records; `None` selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldFilter {
    /// Only records of this kind.
    pub kind: Option<HeldKind>,
    /// Only records of this device.
    pub device: Option<i64>,
    /// Only records of this PIN.
    pub pin: Option<Pin>,
    /// Also includes resolved ones.
    pub resolved_too: bool,
}

/// Longer names of tables and records, and longer reasons, are cut to these lengths.
const MAX_NAME_BYTES: usize = 64;
const MAX_REASON_BYTES: usize = 1_000;

/// A record is stored in pieces of at most this size, because every database limits the length of a statement.
const MAX_PIECE_BYTES: usize = 2 << 20;

impl HeldRecord {
    /// The record in pieces that every database accepts, split between lines where possible.
    ///
    /// A small record is a single piece.
    pub fn pieces(&self) -> Vec<Self> {
        let mut cuts = Vec::new();
        let mut rest = self.raw.as_slice();
        while rest.len() > MAX_PIECE_BYTES {
            let (piece, _) = rest.split_at(MAX_PIECE_BYTES);
            let end = piece.iter().rposition(|byte| *byte == b'\n').map_or(piece.len(), |line| line + 1);
            let (piece, after) = rest.split_at(end);
            cuts.push(piece);
            rest = after;
        }
        cuts.push(rest);
        let number = cuts.len();
        let piece = |(at, raw): (usize, &[u8])| Self {
            raw: raw.to_vec(),
            reason: match number {
                1 => self.reason.clone(),
                _ => format!("{} (piece {} of {number})", self.reason, at + 1),
            },
            ..self.without_raw()
        };
        cuts.into_iter().enumerate().map(piece).collect()
    }

    fn without_raw(&self) -> Self {
        Self {
            device: self.device,
            kind: self.kind,
            table: self.table.clone(),
            pin: self.pin.clone(),
            tag: self.tag.clone(),
            line: self.line,
            reason: self.reason.clone(),
            raw: Vec::new(),
            life: self.life,
        }
    }
}

const COLUMNS: &str = "held_id, device_id, kind, table_name, pin, tag, line_no, reason, first_at, last_at, \
                       times_seen, resolved_at, resolution, life_seq";

impl HeldRow {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let id: i64 = row.try_get("held_id")?;
        let kind: String = row.try_get("kind")?;
        let pin: Option<String> = row.try_get("pin")?;
        Ok(Self {
            id,
            device: row.try_get("device_id")?,
            kind: kind.parse().map_err(|UnknownHeldKind| StoreError::Inconsistent {
                table: "held",
                column: "kind",
                key: id.to_string(),
            })?,
            table: row.try_get("table_name")?,
            pin: pin.map(|pin| pin_of("held", &pin)).transpose()?,
            tag: row.try_get("tag")?,
            line: row.try_get("line_no")?,
            reason: row.try_get("reason")?,
            first_at: Millis(row.try_get("first_at")?),
            last_at: Millis(row.try_get("last_at")?),
            times_seen: row.try_get("times_seen")?,
            resolved_at: row.try_get::<Option<i64>, _>("resolved_at")?.map(Millis),
            resolution: row.try_get("resolution")?,
            life: row.try_get::<Option<i64>, _>("life_seq")?.map(Seq),
        })
    }
}

impl Tx {
    /// Holds a record for an operator. A repeated record of the same device is only counted.
    ///
    /// # Errors
    /// Database errors.
    pub async fn hold(&mut self, record: &HeldRecord, at: Millis) -> Result<HeldOutcome, StoreError> {
        let digest = self.keys.digest(&[b"held", record.kind.identity_kind().as_bytes(), &record.raw]);
        let sealed = self.keys.seal(&place_of_row("held", record.device, &digest), &record.raw);
        // A resolved record that comes again needs a new decision.
        let upsert = format!(
            "{}times_seen = held.times_seen + 1, \
             resolved_at = CASE WHEN held.kind IN ('unreadable', 'unread-table') THEN held.resolved_at END, {}",
            self.engine.on_conflict("held", "device_id, digest"),
            self.engine.assignments(&["kind", "reason", "life_seq", "last_at"])
        );
        query(statement(format!(
            "INSERT INTO held (device_id, digest, kind, table_name, pin, tag, line_no, reason, sealed, first_at, \
             last_at, life_seq, times_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1){upsert}"
        )))
        .bind(record.device)
        .bind(digest.clone())
        .bind(record.kind.as_str())
        .bind(record.table.as_deref().map(|table| capped(table, MAX_NAME_BYTES)))
        .bind(record.pin.as_ref().map(ToString::to_string))
        .bind(capped(&record.tag, MAX_NAME_BYTES))
        .bind(record.line)
        .bind(capped(&record.reason, MAX_REASON_BYTES))
        .bind(sealed)
        .bind(at.0)
        .bind(at.0)
        .bind(record.life.map(|life| life.0))
        .execute(self.db())
        .await?;
        let (id, times, resolution): (i64, i64, Option<String>) =
            query_as("SELECT held_id, times_seen, resolution FROM held WHERE device_id = ? AND digest = ?")
                .bind(record.device)
                .bind(digest)
                .fetch_one(self.db())
                .await?;
        Ok(HeldOutcome { id, is_new: times == 1, resolution })
    }

    /// The held records, newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn held(&mut self, filter: &HeldFilter, limit: i64) -> Result<Vec<HeldRow>, StoreError> {
        let kind = filter.kind.map(HeldKind::as_str);
        let pin = filter.pin.as_ref().map(ToString::to_string);
        let sql = format!(
            "SELECT {COLUMNS} FROM held WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR device_id = ?) \
             AND (? IS NULL OR pin = ?) AND (? = 1 OR resolved_at IS NULL) ORDER BY last_at DESC, held_id DESC LIMIT ?"
        );
        let rows = query(statement(sql))
            .bind(kind)
            .bind(kind)
            .bind(filter.device)
            .bind(filter.device)
            .bind(pin.clone())
            .bind(pin)
            .bind(i64::from(filter.resolved_too))
            .bind(limit)
            .fetch_all(self.db())
            .await?;
        rows.iter().map(HeldRow::read).collect()
    }

    /// A held record, with its content as received.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a record that cannot be decrypted.
    pub async fn show_held(&mut self, id: i64) -> Result<Option<(HeldRow, Vec<u8>)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, digest, sealed FROM held WHERE held_id = ?");
        let Some(row) = query(statement(sql)).bind(id).fetch_optional(self.db()).await? else {
            return Ok(None);
        };
        let (digest, sealed): (Vec<u8>, Vec<u8>) = (row.try_get("digest")?, row.try_get("sealed")?);
        let held = HeldRow::read(&row)?;
        let raw = self.keys.open(&place_of_row("held", held.device, &digest), &sealed)?;
        Ok(Some((held, raw)))
    }

    /// Stores an operator's decision. Returns false if the record was already resolved, or does not exist.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resolve_held(&mut self, id: i64, resolution: &str, at: Millis) -> Result<bool, StoreError> {
        let done = query(
            "UPDATE held SET resolved_at = ?, resolution = ? WHERE held_id = ? AND resolved_at IS NULL",
        )
        .bind(at.0)
        .bind(resolution)
        .bind(id)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
