//! `held`: what devices sent and an operator has to look at.

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

/// Why something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldKind {
    /// A record that could not be read.
    Unreadable,
    /// A device means another person by a PIN, or nobody can tell.
    Conflict,
    /// A device was asked whether it means the fleet's person by a PIN.
    Waiting,
    /// What a device had under the PIN of somebody else, and has no more.
    Leftover,
    /// A privilege was raised at a device.
    Privilege,
    /// Somebody with a privilege was given another card, password or template at a device.
    Credential,
    /// A user was deleted at a device.
    Deletion,
    /// A template, card or password of a user was deleted at a device.
    PartDeleted,
    /// A name, card or password was emptied at a device that keeps it.
    Cleared,
    /// Devices change an item in turns.
    Brake,
    /// An upload of a table that is not read here.
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

    /// The name it is stored and shown by.
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
    /// What tells one held record from another, beside the record: what is claimed of a PIN moves from kind to kind.
    const fn sort(self) -> &'static str {
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

/// A text that names no kind.
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

/// Something to hold.
#[derive(Clone)]
pub struct HeldRecord {
    /// The device it came from.
    pub device: i64,
    /// Why it is held.
    pub kind: HeldKind,
    /// Table of the upload.
    pub table: Option<String>,
    /// Whose record it is, where that is known.
    pub pin: Option<Pin>,
    /// Name of the record; empty = none.
    pub tag: String,
    /// Line of the upload, 1 for the first.
    pub line: Option<i64>,
    /// Why, in words for people, without content.
    pub reason: String,
    /// The record as it came.
    pub raw: Vec<u8>,
    /// The life of the PIN that the fleet had, 0 for nobody: a decision is for that person.
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

/// What became of something to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOutcome {
    /// Its number.
    pub id: i64,
    /// It was never seen before.
    pub is_new: bool,
    /// What an operator decided about it earlier.
    pub resolution: Option<String>,
}

/// Something held, without the record itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// Its number.
    pub id: i64,
    /// The device it came from.
    pub device: i64,
    /// Why it is held.
    pub kind: HeldKind,
    /// Table of the upload.
    pub table: Option<String>,
    /// Whose record it is.
    pub pin: Option<Pin>,
    /// Name of the record; empty = none.
    pub tag: String,
    /// Line of the upload it was first seen in.
    pub line: Option<i64>,
    /// Why, in words.
    pub reason: String,
    /// When it first came.
    pub first_at: Millis,
    /// When it last came.
    pub last_at: Millis,
    /// How often it came.
    pub times_seen: i64,
    /// When an operator decided.
    pub resolved_at: Option<Millis>,
    /// What was decided.
    pub resolution: Option<String>,
    /// The life of the PIN that the fleet had, 0 for nobody; `None` where that was not noted.
    pub life: Option<Seq>,
}

/// Which held things are listed; `None` = any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldFilter {
    /// Of this kind.
    pub kind: Option<HeldKind>,
    /// From this device.
    pub device: Option<i64>,
    /// Of this PIN.
    pub pin: Option<Pin>,
    /// Also those that were decided on.
    pub resolved_too: bool,
}

/// What a device made up as the name of a table or a record, and what is said of it, is not kept beyond this.
const MOST_NAME_BYTES: usize = 64;
const MOST_REASON_BYTES: usize = 1_000;

/// A record is kept in pieces of at most so many bytes: no database takes a statement of any length.
const MOST_PIECE_BYTES: usize = 2 << 20;

impl HeldRecord {
    /// The record in pieces that every database takes, cut at the ends of lines where there are any.
    ///
    /// A record that is small enough is its only piece.
    pub fn pieces(&self) -> Vec<Self> {
        let mut cuts = Vec::new();
        let mut rest = self.raw.as_slice();
        while rest.len() > MOST_PIECE_BYTES {
            let (piece, _) = rest.split_at(MOST_PIECE_BYTES);
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
    /// Holds a record for an operator. The same record of the same device again only counts.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn hold(&mut self, record: &HeldRecord, at: Millis) -> Result<HeldOutcome, StoreError> {
        let digest = self.keys.digest(&[b"held", record.kind.sort().as_bytes(), &record.raw]);
        let sealed = self.keys.seal(&place_of_row("held", record.device, &digest), &record.raw);
        // What was decided and comes again has to be decided again.
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
        .bind(record.table.as_deref().map(|table| capped(table, MOST_NAME_BYTES)))
        .bind(record.pin.as_ref().map(ToString::to_string))
        .bind(capped(&record.tag, MOST_NAME_BYTES))
        .bind(record.line)
        .bind(capped(&record.reason, MOST_REASON_BYTES))
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

    /// What is held, the newest first.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Something held, with the record as it came.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] for a record that does not open.
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

    /// Notes what an operator decided. False where it was decided already, or there is no such thing.
    ///
    /// # Errors
    /// Those of the database.
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
