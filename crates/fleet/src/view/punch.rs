//! Punches, and the pictures of them that terminals took.

use std::collections::BTreeMap;

use roster::Millis;
use serde::Serialize;
use store::{AttendancePhotoRow, PunchRow, Tx};
use wire::{More, Screening, SerialNumber};

use crate::{Fleet, FleetError, NotFound, lookup, time};

/// Maximum number of punches in a page.
const PAGE: i64 = 1_000;

/// Maximum number of pictures in a list.
const MAX_PHOTOS: i64 = 1_000;

/// A filter of punches and pictures; `None` = any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PunchFilter {
    /// From this device.
    pub device: Option<SerialNumber>,
    /// Of this PIN, as the terminal sent it; empty for strangers.
    pub pin: Option<String>,
    /// From this local time of the device on; a prefix such as `2027-03-12` is allowed.
    pub from: Option<String>,
    /// Up to this local time of the device; a prefix includes all times that begin with it.
    pub to: Option<String>,
}

/// A punch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PunchView {
    /// Serial number of the device; empty if the device no longer exists.
    pub device: String,
    /// The PIN, as the terminal sent it; empty for a stranger.
    pub pin: String,
    /// The device's local time.
    pub time: String,
    /// The time zone of the device when the punch arrived: an IANA name, or an offset.
    pub time_zone: String,
    /// Check in, check out and so on: a number of the protocol.
    pub status: Option<i64>,
    /// How the person was identified: a number of the protocol.
    pub verify: Option<i64>,
    /// The work code that the person typed; empty = none.
    pub work_code: String,
    /// Whether a mask was worn.
    pub mask: Option<bool>,
    /// Body temperature as sent, in the unit of the device.
    pub temperature: Option<String>,
    /// Body temperature in the unit that the device was told to convert to, as sent.
    pub converted_temperature: Option<String>,
    /// Offset of the device's clock from UTC, seconds.
    pub time_offset_s: Option<i32>,
    /// The text of a JSON object, with the place in `GPSInfo`.
    pub extended: Option<String>,
    /// The citizen's number on the identity card; empty if no card was read.
    pub id_number: Option<String>,
    /// The purpose of the card: 0 attendance, 1 comparison with the person.
    pub card_kind: Option<i64>,
    /// When the punch arrived.
    #[serde(serialize_with = "time::serialize")]
    pub received_at: Millis,
}

/// A picture that a terminal took of a punch, without the picture itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendancePhotoView {
    /// The number of the picture.
    pub id: i64,
    /// Serial number of the device; empty if the device no longer exists.
    pub device: String,
    /// The PIN of the person in the picture; empty if it is not known.
    pub pin: String,
    /// The device's local time.
    pub time: Option<String>,
    /// The kind of picture: a number of the protocol.
    pub photo_type: Option<u8>,
    /// The size of the picture.
    pub bytes: i64,
    /// The picture does not have the announced length, or is not a JPEG.
    pub doubtful: bool,
    /// When the picture arrived.
    #[serde(serialize_with = "time::serialize")]
    pub received_at: Millis,
}

/// A picture that a terminal took of a punch.
#[derive(Clone, PartialEq, Eq)]
pub struct AttendancePhoto {
    /// The file name that the terminal gave it.
    pub name: String,
    /// The picture, as the terminal sent it.
    pub picture: Vec<u8>,
}

/// Reads punches page by page, in the order of their times.
///
/// Each page has its own transaction: a long transaction would keep the database from cleaning up.
#[derive(Debug)]
pub struct PunchPages<'f> {
    fleet: &'f Fleet,
    filter: store::PunchFilter,
    serial_numbers: BTreeMap<i64, SerialNumber>,
    last: Option<PunchRow>,
}

impl Fleet {
    /// The last punches, newest first.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn last_punches(&self, filter: &PunchFilter, limit: i64) -> Result<Vec<PunchView>, FleetError> {
        let mut tx = self.read().await?;
        let filter = stored(&mut tx, filter).await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let rows = tx.last_punches(&filter, limit).await?;
        Ok(rows.into_iter().map(|row| PunchView::of(row, &serial_numbers)).collect())
    }

    /// All punches, page by page.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn punch_pages(&self, filter: &PunchFilter) -> Result<PunchPages<'_>, FleetError> {
        let mut tx = self.read().await?;
        let filter = stored(&mut tx, filter).await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        Ok(PunchPages { fleet: self, filter, serial_numbers, last: None })
    }

    /// The pictures of punches that terminals took, newest first; at most a thousand.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn attendance_photos(
        &self,
        filter: &PunchFilter,
    ) -> Result<Vec<AttendancePhotoView>, FleetError> {
        let mut tx = self.read().await?;
        let filter = stored(&mut tx, filter).await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let rows = tx.attendance_photos(&filter, MAX_PHOTOS).await?;
        Ok(rows.into_iter().map(|row| AttendancePhotoView::of(row, &serial_numbers)).collect())
    }

    /// One picture of a punch.
    ///
    /// # Errors
    /// There is no such picture; those of the database.
    pub async fn attendance_photo(&self, id: i64) -> Result<AttendancePhoto, FleetError> {
        let found = self.read().await?.attendance_photo(id).await?;
        let (_, name, picture) = found.ok_or(NotFound::AttendancePhoto(id))?;
        Ok(AttendancePhoto { name, picture })
    }
}

impl PunchPages<'_> {
    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Result<Option<Vec<PunchView>>, FleetError> {
        let rows = self.fleet.read().await?.punches(&self.filter, self.last.as_ref(), PAGE).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.last = Some(last.clone());
        Ok(Some(rows.into_iter().map(|row| PunchView::of(row, &self.serial_numbers)).collect()))
    }
}

/// The filter with the number of the device in the database.
async fn stored(tx: &mut Tx, filter: &PunchFilter) -> Result<store::PunchFilter, FleetError> {
    let PunchFilter { device, pin, from, to } = filter.clone();
    let device = match device {
        Some(serial_number) => Some(lookup::device(tx, &serial_number).await?.id),
        None => None,
    };
    Ok(store::PunchFilter { device, pin, from, to })
}

impl PunchView {
    fn of(row: PunchRow, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        let (screening, card) = match row.punch.more {
            More::None => (Screening::default(), None),
            More::Screening(screening) => (screening, None),
            More::IdCard(card) => (Screening::default(), Some(card)),
        };
        Self {
            device: serial_numbers.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.punch.pin,
            time: row.punch.time,
            time_zone: row.time_zone,
            status: row.punch.status,
            verify: row.punch.verify,
            work_code: row.punch.work_code,
            mask: screening.mask,
            temperature: screening.temperature,
            converted_temperature: screening.converted_temperature,
            time_offset_s: screening.time_offset_s,
            extended: screening.extended,
            card_kind: card.as_ref().and_then(|card| card.kind),
            id_number: card.map(|card| card.id_number),
            received_at: row.received_at,
        }
    }
}

impl AttendancePhotoView {
    fn of(row: AttendancePhotoRow, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            id: row.id,
            device: serial_numbers.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.pin,
            time: row.time,
            photo_type: row.photo_type,
            bytes: row.bytes,
            doubtful: row.doubtful,
            received_at: row.received_at,
        }
    }
}
