//! Everything about one device.

use roster::{Area, Capability, Millis};
use serde::Serialize;
use store::{DeviceClock, DeviceOptions, DeviceRow, PhotoDelivery, Reread, Session, Stamp, Tx};
use sync::intake::Enrolment;
use wire::SerialNumber;

use crate::time_zone::offset_minutes;
use crate::view::failed_removal::{self, FailedRemovalView};
use crate::view::sync_status::{self, DeviceStatus};
use crate::{Fleet, FleetError, Rules, lookup, reread};
use crate::{text, time};

/// How many sessions of a device are shown.
const MAX_SESSIONS: i64 = 5;

/// Everything about one device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    /// How far it is in sync.
    #[serde(flatten)]
    pub status: DeviceStatus,
    /// The version of its firmware, as it tells.
    pub firmware: Option<String>,
    /// The version of the protocol that it speaks.
    pub push_version: Option<String>,
    /// The areas that it belongs to.
    pub areas: Vec<NamedArea>,
    /// When it first called.
    #[serde(serialize_with = "time::serialize")]
    pub created_at: Millis,
    /// When it was approved.
    #[serde(serialize_with = "time::serialize_option")]
    pub approved_at: Option<Millis>,
    /// What is set for this device alone.
    pub options: OptionsView,
    /// What becomes of people who are enrolled or changed at it: its own setting or the server's.
    #[serde(serialize_with = "text::serialize")]
    pub enrolment: Enrolment,
    /// Removals that it failed often.
    #[serde(serialize_with = "text::serialize_all")]
    pub failed_removals: Vec<FailedRemovalView>,
    /// What it last said to hold, and what it should hold.
    pub holds: Holds,
    /// When it last showed all its people.
    #[serde(serialize_with = "time::serialize_option")]
    pub people_read_at: Option<Millis>,
    /// When the routine check last had its turn with it, or a reading of its people began.
    #[serde(serialize_with = "time::serialize_option")]
    pub people_checked_at: Option<Millis>,
    /// Its people are being read.
    #[serde(skip)]
    pub is_being_read: bool,
    /// It did not show all its people when it was last asked for them.
    #[serde(skip)]
    pub hides_people: bool,
    /// What is known of its time.
    pub clock: ClockView,
    /// It showed a key in its handshake, and has to show the same again.
    pub has_comm_key: bool,
    /// Tables that it was asked for again.
    pub rereads: Vec<RereadView>,
    /// Its last connections, the newest first.
    pub sessions: Vec<SessionView>,
    /// What it can take.
    #[serde(skip)]
    pub capability: Capability,
}

/// An area with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedArea {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
}

/// What is set for one device alone; `None` follows the server.
#[derive(Clone, Debug, Serialize)]
pub struct OptionsView {
    /// IANA name of the time zone.
    pub time_zone: Option<String>,
    /// Whether it uploads changes at once.
    pub realtime: Option<bool>,
    /// Times of day of its uploads.
    pub trans_times: Option<String>,
    /// Minutes between its uploads.
    pub trans_interval_min: Option<u16>,
    /// The spelling of the upload switches.
    pub trans_flag_format: Option<u8>,
    /// Seconds between its polls.
    pub delay_s: Option<u16>,
    /// Seconds that it waits after a failed connection.
    pub error_delay_s: Option<u16>,
    /// How photos reach it.
    #[serde(serialize_with = "text::serialize_option")]
    pub photo_delivery: Option<PhotoDelivery>,
    /// Whether people may be enrolled and changed at it.
    #[serde(serialize_with = "text::serialize_option")]
    pub enrolment: Option<Enrolment>,
}

/// What a device last said to hold, and what it should hold.
#[derive(Clone, Debug, Serialize)]
pub struct Holds {
    /// When it said so.
    #[serde(serialize_with = "time::serialize_option")]
    pub told_at: Option<Millis>,
    /// Users.
    pub users: Option<u64>,
    /// Fingerprints.
    pub fingerprints: Option<u64>,
    /// Faces.
    pub faces: Option<u64>,
    /// Palms.
    pub palms: Option<u64>,
    /// Users in its areas.
    pub users_wanted: i64,
}

/// What is known of the time of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockView {
    /// IANA name, `None` where the server's zone has none.
    pub time_zone: Option<String>,
    /// Minutes from UTC now.
    pub offset_min: i32,
    /// Minutes from UTC as it was last told.
    pub told_offset_min: Option<i32>,
    /// Seconds that its clock was ahead, below 0 behind.
    pub ahead_s: Option<i64>,
    /// When its clock was last seen.
    #[serde(serialize_with = "time::serialize_option")]
    pub seen_at: Option<Millis>,
}

/// How far a table is that a device was asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RereadView {
    /// The table.
    pub table: String,
    /// How far it is.
    pub stage: RereadStage,
    /// When it was asked for.
    #[serde(serialize_with = "time::serialize")]
    pub asked_at: Millis,
    /// When it began to come.
    #[serde(serialize_with = "time::serialize_option")]
    pub begun_at: Option<Millis>,
    /// When the last of it came.
    #[serde(skip)]
    pub last_at: Option<Millis>,
    /// How many records of it came so far.
    pub records: i64,
}

/// How far a table is that a device was asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RereadStage {
    /// The device has not called for it yet.
    Asked,
    /// The device was told, and has not begun.
    Told,
    /// It is coming.
    Begun,
    /// It came, and nothing more of it for a while.
    Done,
}

/// One connection of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// When it began.
    #[serde(serialize_with = "time::serialize")]
    pub opened_at: Millis,
    /// When it ended; `None` while it lasts.
    #[serde(serialize_with = "time::serialize_option")]
    pub closed_at: Option<Millis>,
    /// Where the device came from.
    pub address: Option<String>,
    /// Why it ended.
    pub ended: Option<String>,
}

impl Fleet {
    /// Everything about one device.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn device(&self, serial_number: &SerialNumber) -> Result<DeviceView, FleetError> {
        let mut tx = self.read().await?;
        let row = lookup::device(&mut tx, serial_number).await?;
        DeviceView::load(&mut tx, row, self.rules(), self.now()).await
    }
}

impl DeviceView {
    async fn load(tx: &mut Tx, row: DeviceRow, rules: &Rules, now: Millis) -> Result<Self, FleetError> {
        let names = tx.areas().await?;
        let name = |area: Area| names.iter().find(|(other, _)| *other == area).map(|(_, name)| name.clone());
        let areas = tx.areas_of(row.id).await?;
        let sessions = tx.sessions(row.id, MAX_SESSIONS).await?;
        let stamps = tx.stamps(row.id).await?;
        Ok(Self {
            status: sync_status::of(tx, &row, now).await?,
            firmware: row.capability.firmware().map(ToOwned::to_owned),
            push_version: row.capability.push_version().map(ToString::to_string),
            areas: areas
                .into_iter()
                .map(|area| NamedArea { id: area.0, name: name(area).unwrap_or_default() })
                .collect(),
            created_at: row.created_at,
            approved_at: row.approved_at,
            enrolment: rules.enrolment_at(&row),
            clock: ClockView::of(&tx.clock(row.id).await?, &row, rules, now),
            has_comm_key: tx.has_comm_key(row.id).await?,
            rereads: stamps.iter().filter_map(|(table, stamp)| RereadView::of(table, stamp, now)).collect(),
            failed_removals: failed_removal::of(tx, Some(row.id), None).await?,
            people_read_at: row.people_read_at,
            people_checked_at: row.people_checked_at,
            is_being_read: row.rereads.is_some(),
            hides_people: row.hides_people(),
            holds: Holds::of(&row, tx.users_in_scope(row.id).await?),
            sessions: sessions.into_iter().map(SessionView::from).collect(),
            options: OptionsView::from(row.options),
            capability: row.capability,
        })
    }
}

impl Holds {
    fn of(row: &DeviceRow, users_wanted: i64) -> Self {
        let counts = row.capability.counts();
        Self {
            told_at: row.counts_at,
            users: counts.users,
            fingerprints: counts.fingerprints,
            faces: counts.faces,
            palms: counts.palms,
            users_wanted,
        }
    }
}

impl ClockView {
    fn of(clock: &DeviceClock, row: &DeviceRow, rules: &Rules, now: Millis) -> Self {
        let own = row.options.time_zone.as_deref();
        Self {
            time_zone: own.or_else(|| rules.time_zone.iana_name()).map(ToOwned::to_owned),
            offset_min: offset_minutes(&rules.time_zone, own, now),
            told_offset_min: clock.told_offset_min,
            ahead_s: clock.drift.map(|drift| drift.ahead_s),
            seen_at: clock.drift.map(|drift| drift.seen_at),
        }
    }
}

impl RereadView {
    /// `None` for a table that never was asked for again.
    fn of(table: &str, stamp: &Stamp, now: Millis) -> Option<Self> {
        let asked_at = stamp.asked_at?;
        let is_over = stamp.last_at.is_some_and(|last| last.plus(reread::REREAD_PAUSE_MS) <= now);
        let stage = match (stamp.reread, stamp.begun_at) {
            (Reread::Asked, _) | (Reread::No, None) => RereadStage::Asked,
            (Reread::Told, _) => RereadStage::Told,
            (Reread::No, Some(_)) if is_over => RereadStage::Done,
            (Reread::No, Some(_)) => RereadStage::Begun,
        };
        Some(Self {
            table: table.to_owned(),
            stage,
            asked_at,
            begun_at: stamp.begun_at,
            last_at: stamp.last_at,
            records: stamp.records,
        })
    }
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            opened_at: session.opened_at,
            closed_at: session.closed_at,
            address: session.address,
            ended: session.ended,
        }
    }
}

impl From<DeviceOptions> for OptionsView {
    fn from(options: DeviceOptions) -> Self {
        Self {
            time_zone: options.time_zone,
            realtime: options.realtime,
            trans_times: options.trans_times,
            trans_interval_min: options.trans_interval_min,
            trans_flag_format: options.trans_flag_format,
            delay_s: options.delay_s,
            error_delay_s: options.error_delay_s,
            photo_delivery: options.photo_delivery,
            enrolment: options.enrolment,
        }
    }
}
