//! `device`: terminals, their capabilities, and their progress in the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use roster::{Capability, Kind, Millis, Seq};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _, query, query_scalar};
use sync::intake::Enrolment;
use sync::read_back::ReadBack;
use sync::{DeviceView, Joining, Occupancy, ScanFrom};
use wire::{Dialect, SerialNumber};

use crate::device_load::{kinds_of, kinds_text, loads_of, loads_text, read_back_of, read_back_text};
use crate::key::{narrow, pin_of};
use crate::sql::statement;
use crate::{PhotoDelivery, Rereading, StoreError, Tx};

/// The membership state of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceState {
    /// Seen, not approved: it gets no commands, and its uploads change nothing in the fleet.
    New,
    /// Part of the fleet.
    Active,
    /// No longer part of the fleet.
    Retired,
}

impl DeviceState {
    /// Whether the device is part of the fleet.
    pub const fn is_member(self) -> bool {
        matches!(self, Self::Active)
    }

    /// The name under which it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want new, active or retired")]
pub struct UnknownState;

impl FromStr for DeviceState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::New, Self::Active, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

/// Options that an operator set for one device; `None` = the server's setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceOptions {
    /// IANA name of the time zone.
    pub time_zone: Option<String>,
    /// `Realtime`: the device uploads events at once.
    pub realtime: Option<bool>,
    /// `TransTimes`, for example `00:00;14:05`.
    pub trans_times: Option<String>,
    /// `TransInterval`, minutes.
    pub trans_interval_min: Option<u16>,
    /// 1 for `TransFlag` as ten digits, 2 as names (field note 3.4).
    pub trans_flag_format: Option<u8>,
    /// `Delay`, seconds between polls.
    pub delay_s: Option<u16>,
    /// `ErrorDelay`, seconds.
    pub error_delay_s: Option<u16>,
    /// How photos are sent to it.
    pub photo_delivery: Option<PhotoDelivery>,
    /// The dialect, if the device announces a wrong one.
    pub dialect: Option<Dialect>,
    /// Whether people may be enrolled and changed at the device.
    pub enrolment: Option<Enrolment>,
}

/// One device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRow {
    /// Its number in the database.
    pub id: i64,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Its name for operators; empty = none yet.
    pub name: String,
    /// Its membership state.
    pub state: DeviceState,
    /// How it joins the fleet; `None` unless it is joining.
    pub joining: Option<Joining>,
    /// Its capabilities, and the counts that it last reported.
    pub capability: Capability,
    /// The feed number up to which every change was read for it.
    pub cursor: Seq,
    /// The position of its first fill; `None` when that is done.
    pub scan: Option<ScanFrom>,
    /// The number of its next command.
    pub next_command: i64,
    /// The incarnation of the feed with which it was last compared.
    pub incarnation: i64,
    /// Kinds for which it had no room.
    pub full: BTreeSet<Kind>,
    /// The number of items that it holds, for kinds whose capacity it reports.
    pub loads: BTreeMap<Kind, Occupancy>,
    /// The template that it is asked for.
    pub read_back: Option<ReadBack>,
    /// When it last reported counts.
    pub counts_at: Option<Millis>,
    /// While it joins: when Muster first asked for all its people.
    pub asked_at: Option<Millis>,
    /// While it joins: when it last uploaded something about people.
    pub heard_at: Option<Millis>,
    /// The first fill removes the device's data under a PIN before it sends the fleet's person.
    pub scan_replaces: bool,
    /// What Muster is reading from it; `None` if nothing.
    pub rereads: Option<Rereading>,
    /// When the routine check last reached it, or a reading of its people began.
    pub people_checked_at: Option<Millis>,
    /// When it last showed all its people.
    pub people_read_at: Option<Millis>,
    /// Deletions that it reported of people who are still on it, since the last reading.
    pub unexplained_deletions: u32,
    /// How many templates Muster still has to ask it for as spot checks.
    pub spot_checks: u32,
    /// Whether it had shown all its people when its joining ended; false while it joins.
    pub roster_complete: bool,
    /// If it holds more people than it should: how many it should hold.
    pub surplus_expected: Option<u64>,
    /// When Muster last asked for all its people because of that.
    pub surplus_asked_at: Option<Millis>,
    /// Since when its counts report no people although it held some; `None` once it is filled again.
    pub emptied_at: Option<Millis>,
    /// When it was last filled again because of its counts.
    pub refilled_at: Option<Millis>,
    /// Options that an operator set.
    pub options: DeviceOptions,
    /// The address of its last request.
    pub address: Option<String>,
    /// When it was first seen.
    pub created_at: Millis,
    /// When it was approved.
    pub approved_at: Option<Millis>,
    /// When it was last heard of. Written with a delay of some seconds.
    pub last_seen_at: Option<Millis>,
}

/// The columns that [`DeviceRow::read`] reads.
pub(crate) const COLUMNS: &str = "device_id, serial_number, name, state, joining, dialect, capability, cursor_seq, scan_pin, scan_replaces, rereads, \
                       next_command, incarnation, full_kinds, loads, read_back, counts_at, roster_asked_at, heard_at, \
                       roster_complete, surplus_expected, surplus_asked_at, emptied_at, refilled_at, time_zone, realtime, trans_times, \
                       trans_interval_min, trans_flag_format, delay_s, error_delay_s, photo_delivery, enrolment, address, created_at, \
                       approved_at, last_seen_at, people_checked_at, people_read_at, unexplained_deletions, spot_checks";

impl DeviceRow {
    pub(crate) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let text = |column: &str| row.try_get::<String, _>(column);
        let words = |column: &str| row.try_get::<Option<String>, _>(column);
        let time = |column: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
        let serial_number = text("serial_number")?;
        let wrong = |column| StoreError::Inconsistent { table: "device", column, key: serial_number.clone() };
        let number = |column| narrow("device", column, &serial_number, row.try_get::<i64, _>(column)?);
        let scan = match row.try_get::<Option<String>, _>("scan_pin")? {
            None => None,
            Some(pin) if pin.is_empty() => Some(ScanFrom::Start),
            Some(pin) => Some(ScanFrom::After(pin_of("device", &pin)?)),
        };
        Ok(Self {
            id: row.try_get("device_id")?,
            name: text("name")?,
            state: text("state")?.parse().map_err(|_| wrong("state"))?,
            joining: joining_of(row.try_get::<Option<String>, _>("joining")?.as_deref())
                .map_err(|()| wrong("joining"))?,
            capability: Capability::from_text(&text("capability")?),
            cursor: Seq(row.try_get("cursor_seq")?),
            scan,
            next_command: row.try_get("next_command")?,
            incarnation: row.try_get("incarnation")?,
            full: kinds_of(&text("full_kinds")?).ok_or_else(|| wrong("full_kinds"))?,
            loads: loads_of(&words("loads")?.unwrap_or_default()).ok_or_else(|| wrong("loads"))?,
            read_back: words("read_back")?
                .map(|text| read_back_of(&text).ok_or_else(|| wrong("read_back")))
                .transpose()?,
            counts_at: time("counts_at")?,
            asked_at: time("roster_asked_at")?,
            heard_at: time("heard_at")?,
            rereads: Rereading::of(row.try_get("rereads")?),
            people_checked_at: time("people_checked_at")?,
            people_read_at: time("people_read_at")?,
            unexplained_deletions: number("unexplained_deletions")?,
            spot_checks: number("spot_checks")?,
            scan_replaces: row.try_get::<i64, _>("scan_replaces")? != 0,
            roster_complete: row.try_get::<i64, _>("roster_complete")? != 0,
            surplus_expected: match row.try_get::<Option<i64>, _>("surplus_expected")? {
                Some(number) => Some(narrow("device", "surplus_expected", &serial_number, number)?),
                None => None,
            },
            surplus_asked_at: time("surplus_asked_at")?,
            emptied_at: time("emptied_at")?,
            refilled_at: time("refilled_at")?,
            options: DeviceOptions::read(row, &serial_number)?,
            address: row.try_get("address")?,
            created_at: Millis(row.try_get("created_at")?),
            approved_at: time("approved_at")?,
            last_seen_at: time("last_seen_at")?,
            serial_number: serial_number.parse().map_err(|_| wrong("serial_number"))?,
        })
    }
}

impl DeviceOptions {
    fn read(row: &AnyRow, key: &str) -> Result<Self, StoreError> {
        fn number<T: TryFrom<i64>>(
            row: &AnyRow,
            column: &'static str,
            key: &str,
        ) -> Result<Option<T>, StoreError> {
            row.try_get::<Option<i64>, _>(column)?
                .map(|number| narrow("device", column, &key, number))
                .transpose()
        }
        let dialect = match row.try_get::<Option<String>, _>("dialect")?.as_deref() {
            None => None,
            Some("attendance") => Some(Dialect::Attendance),
            Some("access-control") => Some(Dialect::AccessControl),
            Some(_) => {
                return Err(StoreError::Inconsistent {
                    table: "device",
                    column: "dialect",
                    key: key.to_owned(),
                });
            }
        };
        Ok(Self {
            time_zone: row.try_get("time_zone")?,
            realtime: row.try_get::<Option<i64>, _>("realtime")?.map(|number| number != 0),
            trans_times: row.try_get("trans_times")?,
            trans_interval_min: number(row, "trans_interval_min", key)?,
            trans_flag_format: number(row, "trans_flag_format", key)?,
            delay_s: number(row, "delay_s", key)?,
            error_delay_s: number(row, "error_delay_s", key)?,
            photo_delivery: PhotoDelivery::read(row, key)?,
            dialect,
            enrolment: enrolment_of(row, key)?,
        })
    }
}

fn enrolment_of(row: &AnyRow, key: &str) -> Result<Option<Enrolment>, StoreError> {
    const COLUMN: &str = "enrolment";
    let wrong = || StoreError::Inconsistent { table: "device", column: COLUMN, key: key.to_owned() };
    let text = row.try_get::<Option<String>, _>(COLUMN)?;
    text.map(|text| Enrolment::of(&text).ok_or_else(wrong)).transpose()
}

fn joining_of(text: Option<&str>) -> Result<Option<Joining>, ()> {
    match text {
        None => Ok(None),
        Some("adopt") => Ok(Some(Joining::Adopt)),
        Some("replace") => Ok(Some(Joining::Replace)),
        Some("restored") => Ok(Some(Joining::Restored)),
        Some(_) => Err(()),
    }
}

const fn joining_text(joining: Option<Joining>) -> Option<&'static str> {
    match joining {
        None => None,
        Some(Joining::Adopt) => Some("adopt"),
        Some(Joining::Replace) => Some("replace"),
        Some(Joining::Restored) => Some("restored"),
    }
}

fn scan_text(scan: Option<&ScanFrom>) -> Option<String> {
    scan.map(|scan| match scan {
        ScanFrom::Start => String::new(),
        ScanFrom::After(pin) => pin.as_str().to_owned(),
    })
}

/// Selects a device by its serial number.
pub(crate) fn by_serial(serial: &SerialNumber) -> Query<'_, Any, AnyArguments> {
    query(statement(format!("SELECT {COLUMNS} FROM device WHERE serial_number = ?"))).bind(serial.as_str())
}

impl Tx {
    /// The device of a serial number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn device_by_serial(&mut self, serial: &SerialNumber) -> Result<Option<DeviceRow>, StoreError> {
        let row = by_serial(serial).fetch_optional(self.db()).await?;
        row.as_ref().map(DeviceRow::read).transpose()
    }

    /// A device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn device(&mut self, device: i64) -> Result<Option<DeviceRow>, StoreError> {
        self.one_device(device, "").await
    }

    /// A device whose row stays locked until commit, so that two polls of one device run one after the other.
    ///
    /// Call it after everything that locks the clock or writes items.
    ///
    /// # Errors
    /// Database errors.
    pub async fn lock_device(&mut self, device: i64) -> Result<Option<DeviceRow>, StoreError> {
        let lock = self.engine.for_update();
        self.one_device(device, lock).await
    }

    async fn one_device(&mut self, device: i64, lock: &str) -> Result<Option<DeviceRow>, StoreError> {
        let row = query(statement(format!("SELECT {COLUMNS} FROM device WHERE device_id = ?{lock}")))
            .bind(device)
            .fetch_optional(self.db())
            .await?;
        row.as_ref().map(DeviceRow::read).transpose()
    }

    /// All devices, by serial number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn devices(&mut self) -> Result<Vec<DeviceRow>, StoreError> {
        let rows = query(statement(format!("SELECT {COLUMNS} FROM device ORDER BY serial_number")))
            .fetch_all(self.db())
            .await?;
        rows.iter().map(DeviceRow::read).collect()
    }

    /// Creates a device that was never seen before: new, in the area of everyone, with nothing sent to it.
    ///
    /// # Errors
    /// Database errors; [`StoreError::is_duplicate`] if the serial number is known.
    pub async fn create_device(
        &mut self,
        serial: &SerialNumber,
        at: Millis,
    ) -> Result<DeviceRow, StoreError> {
        query(
            "INSERT INTO device (serial_number, name, state, capability, cursor_seq, next_command, incarnation, \
             full_kinds, created_at) VALUES (?, '', 'new', '', 0, 1, \
             (SELECT incarnation FROM feed_clock WHERE id = 1), '', ?)",
        )
        .bind(serial.as_str())
        .bind(at.0)
        .execute(self.db())
        .await?;
        let row = self.device_by_serial(serial).await?.ok_or_else(|| StoreError::Inconsistent {
            table: "device",
            column: "serial_number",
            key: serial.to_string(),
        })?;
        self.set_areas(row.id, &BTreeSet::from([roster::Area::EVERYONE])).await?;
        Ok(row)
    }

    /// Adds a device to the fleet: it becomes active, and joins as `joining` says. Its first fill begins when joining
    /// is over.
    ///
    /// Resets everything that an earlier membership of the fleet left in its row.
    ///
    /// # Errors
    /// Database errors.
    pub async fn approve_device(
        &mut self,
        device: i64,
        joining: Joining,
        at: Millis,
    ) -> Result<(), StoreError> {
        self.wake().await?;
        let head = self.head().await?;
        for forget in [
            "UPDATE sync_command SET open = NULL, closed_at = ? WHERE device_id = ? AND open = 1",
            "DELETE FROM sync_exception WHERE ? >= 0 AND device_id = ?",
            "DELETE FROM part_set WHERE ? >= 0 AND device_id = ?",
            "DELETE FROM roster_shown WHERE ? >= 0 AND device_id = ?",
            "DELETE FROM claim WHERE ? >= 0 AND device_id = ?",
            "DELETE FROM claim_item WHERE ? >= 0 AND device_id = ?",
        ] {
            query(forget).bind(at.0).bind(device).execute(self.db()).await?;
        }
        query(
            "UPDATE device SET state = 'active', joining = ?, approved_at = ?, cursor_seq = ?, scan_pin = '', scan_replaces = 0, rereads = 0, people_checked_at = NULL, people_read_at = NULL, unexplained_deletions = 0, spot_checks = 0, \
             full_kinds = '', loads = NULL, read_back = NULL, roster_asked_at = NULL, heard_at = NULL, emptied_at = NULL, \
             roster_complete = 0, surplus_expected = NULL, surplus_asked_at = NULL, \
             incarnation = (SELECT incarnation FROM feed_clock WHERE id = 1) WHERE device_id = ?",
        )
        .bind(joining_text(Some(joining)))
        .bind(at.0)
        .bind(head.0)
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Changes the membership state of a device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_device_state(&mut self, device: i64, state: DeviceState) -> Result<(), StoreError> {
        self.wake().await?;
        query("UPDATE device SET state = ? WHERE device_id = ?")
            .bind(state.as_str())
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Changes the name of a device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rename_device(&mut self, device: i64, name: &str) -> Result<(), StoreError> {
        query("UPDATE device SET name = ? WHERE device_id = ?")
            .bind(name)
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Changes the options that an operator sets for one device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_device_options(
        &mut self,
        device: i64,
        options: &DeviceOptions,
    ) -> Result<(), StoreError> {
        self.wake().await?;
        let dialect = options.dialect.map(|dialect| match dialect {
            Dialect::Attendance => "attendance",
            Dialect::AccessControl => "access-control",
        });
        query(
            "UPDATE device SET time_zone = ?, realtime = ?, trans_times = ?, trans_interval_min = ?, \
             trans_flag_format = ?, delay_s = ?, error_delay_s = ?, photo_delivery = ?, dialect = ?, enrolment = ? WHERE device_id = ?",
        )
        .bind(options.time_zone.clone())
        .bind(options.realtime.map(i64::from))
        .bind(options.trans_times.clone())
        .bind(options.trans_interval_min.map(i64::from))
        .bind(options.trans_flag_format.map(i64::from))
        .bind(options.delay_s.map(i64::from))
        .bind(options.error_delay_s.map(i64::from))
        .bind(options.photo_delivery.map(PhotoDelivery::as_str))
        .bind(dialect)
        .bind(options.enrolment.map(Enrolment::as_str))
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes the capabilities that a device reported or showed. `counts_at` is given if it reported counts.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_capability(
        &mut self,
        device: i64,
        capability: &Capability,
        counts_at: Option<Millis>,
    ) -> Result<(), StoreError> {
        let counts = capability.counts();
        let count = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
        query(
            "UPDATE device SET capability = ?, model = ?, firmware = ?, push_version = ?, language = ?, users_count = ?, \
             fingerprints_count = ?, faces_count = ?, counts_at = COALESCE(?, counts_at) WHERE device_id = ?",
        )
        .bind(capability.to_text())
        .bind(capability.model().map(ToOwned::to_owned))
        .bind(capability.firmware().map(ToOwned::to_owned))
        .bind(capability.push_version().map(ToString::to_string))
        .bind(capability.language().map(i64::from))
        .bind(count(counts.users))
        .bind(count(counts.fingerprints))
        .bind(count(counts.faces))
        .bind(counts_at.map(|at| at.0))
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes the progress of a view's device: the fields that [`sync::Changes::device`] covers.
    pub(crate) async fn put_device(&mut self, view: &DeviceView) -> Result<(), StoreError> {
        query(
            "UPDATE device SET cursor_seq = ?, scan_pin = ?, scan_replaces = ?, next_command = ?, full_kinds = ?, loads = ?, \
             read_back = ?, joining = ? WHERE device_id = ?",
        )
        .bind(view.cursor.0)
        .bind(scan_text(view.scan.as_ref()))
        .bind(i64::from(view.scan.is_some() && view.scan_replaces))
        .bind(view.next_command)
        .bind(kinds_text(&view.full))
        .bind(loads_text(&view.loads))
        .bind(view.read_back.as_ref().map(read_back_text))
        .bind(joining_text(view.joining))
        .bind(view.device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Notes that the counts of a device report no people although it held some.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_emptied(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        self.note(device, "UPDATE device SET emptied_at = ? WHERE device_id = ?", at).await
    }

    /// Notes that a device is filled again because of its counts.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_refilled(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        self.note(device, "UPDATE device SET refilled_at = ?, emptied_at = NULL WHERE device_id = ?", at)
            .await
    }

    pub(crate) async fn note(
        &mut self,
        device: i64,
        update: &'static str,
        at: Millis,
    ) -> Result<(), StoreError> {
        query(update).bind(at.0).bind(device).execute(self.db()).await?;
        Ok(())
    }

    /// Notes that a device was compared with the current incarnation of the feed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_incarnation(&mut self, device: i64) -> Result<(), StoreError> {
        query("UPDATE device SET incarnation = (SELECT incarnation FROM feed_clock WHERE id = 1) WHERE device_id = ?")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Takes the number of the next command of a device.
    pub(crate) async fn take_command_number(&mut self, device: i64) -> Result<i64, StoreError> {
        query("UPDATE device SET next_command = next_command + 1 WHERE device_id = ?")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(query_scalar("SELECT next_command - 1 FROM device WHERE device_id = ?")
            .bind(device)
            .fetch_one(self.db())
            .await?)
    }
}
