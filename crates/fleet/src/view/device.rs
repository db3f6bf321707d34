//! All facts about one device.

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

/// Maximum number of sessions in the view.
const MAX_SESSIONS: i64 = 5;

/// All facts about one device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    /// The sync status.
    #[serde(flatten)]
    pub status: DeviceStatus,
    /// The firmware version that the device reports.
    pub firmware: Option<String>,
    /// The version of the device's protocol.
    pub push_version: Option<String>,
    /// The areas of the device.
    pub areas: Vec<NamedArea>,
    /// When the device first connected.
    #[serde(serialize_with = "time::serialize")]
    pub created_at: Millis,
    /// When the device was approved.
    #[serde(serialize_with = "time::serialize_option")]
    pub approved_at: Option<Millis>,
    /// The settings of this device alone.
    pub options: OptionsView,
    /// The policy for people who are enrolled or changed at the device: its own setting or the server's.
    #[serde(serialize_with = "text::serialize")]
    pub enrolment: Enrolment,
    /// Removals that the device failed often.
    #[serde(serialize_with = "text::serialize_all")]
    pub failed_removals: Vec<FailedRemovalView>,
    /// The counts that the device last reported, and the expected number of users.
    pub holds: Holds,
    /// When the device last showed all its people.
    #[serde(serialize_with = "time::serialize_option")]
    pub people_read_at: Option<Millis>,
    /// When the routine check was last due, or a reading of the device's people began.
    #[serde(serialize_with = "time::serialize_option")]
    pub people_checked_at: Option<Millis>,
    /// Muster reads the device's people now.
    #[serde(skip)]
    pub is_being_read: bool,
    /// The device did not show all its people in the last reading.
    #[serde(skip)]
    pub hides_people: bool,
    /// The time zone and the clock.
    pub clock: ClockView,
    /// The device showed a communication key in its handshake, and has to show the same again.
    pub has_comm_key: bool,
    /// Tables that the device was asked to upload again.
    pub rereads: Vec<RereadView>,
    /// The last connections, newest first.
    pub sessions: Vec<SessionView>,
    /// The capability of the device.
    #[serde(skip)]
    pub capability: Capability,
}

/// An area with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedArea {
    /// The number of the area.
    pub id: i64,
    /// The name of the area.
    pub name: String,
}

/// The settings of one device alone; `None` follows the server.
#[derive(Clone, Debug, Serialize)]
pub struct OptionsView {
    /// IANA name of the time zone.
    pub time_zone: Option<String>,
    /// Whether the device uploads changes at once.
    pub realtime: Option<bool>,
    /// Times of day of its uploads.
    pub trans_times: Option<String>,
    /// Minutes between its uploads.
    pub trans_interval_min: Option<u16>,
    /// The format of `TransFlag`.
    pub trans_flag_format: Option<u8>,
    /// Seconds between its polls.
    pub delay_s: Option<u16>,
    /// Seconds that the device waits after a failed connection.
    pub error_delay_s: Option<u16>,
    /// How the device gets photos.
    #[serde(serialize_with = "text::serialize_option")]
    pub photo_delivery: Option<PhotoDelivery>,
    /// Whether people may be enrolled and changed at the device.
    #[serde(serialize_with = "text::serialize_option")]
    pub enrolment: Option<Enrolment>,
}

/// The counts that a device last reported, and the expected number of users.
#[derive(Clone, Debug, Serialize)]
pub struct Holds {
    /// When the device reported them.
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

/// The time zone and the clock of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockView {
    /// IANA name; `None` if the server's zone has none.
    pub time_zone: Option<String>,
    /// Minutes from UTC now.
    pub offset_min: i32,
    /// Minutes from UTC that the device got last.
    pub told_offset_min: Option<i32>,
    /// Seconds by which the device's clock was ahead; negative if it was behind.
    pub ahead_s: Option<i64>,
    /// When the clock was last measured.
    #[serde(serialize_with = "time::serialize_option")]
    pub seen_at: Option<Millis>,
}

/// The progress of a table that a device was asked to upload again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RereadView {
    /// The table.
    pub table: String,
    /// The stage.
    pub stage: RereadStage,
    /// When Muster requested the table.
    #[serde(serialize_with = "time::serialize")]
    pub asked_at: Millis,
    /// When the upload began.
    #[serde(serialize_with = "time::serialize_option")]
    pub begun_at: Option<Millis>,
    /// When the last upload of it arrived.
    #[serde(skip)]
    pub last_at: Option<Millis>,
    /// The number of records so far.
    pub records: i64,
}

/// The stage of a table that a device was asked to upload again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RereadStage {
    /// The device has not made a handshake yet.
    Asked,
    /// The device got the request, and has not begun.
    Told,
    /// The device uploads the table.
    Begun,
    /// The upload has ended: nothing more arrived for a while.
    Done,
}

/// One connection of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// When the connection began.
    #[serde(serialize_with = "time::serialize")]
    pub opened_at: Millis,
    /// When the connection ended; `None` while it lasts.
    #[serde(serialize_with = "time::serialize_option")]
    pub closed_at: Option<Millis>,
    /// The address of the device.
    pub address: Option<String>,
    /// Why the connection ended.
    pub ended: Option<String>,
}

impl Fleet {
    /// All facts about one device.
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
    /// The progress of a table; `None` if the table was never requested again.
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
