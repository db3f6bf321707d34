//! `attendance_photo`: pictures of punches (§11.3), sealed.

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query};

use crate::attendance::PunchFilter;
use crate::key::narrow;
use crate::keys::place_of_row;
use crate::sql::{capped, statement};
use crate::{StoreError, Tx};

/// A picture to store.
#[derive(Clone)]
pub struct NewAttendancePhoto {
    /// Its name, safe for a file system.
    pub file_name: String,
    /// The PIN of the person; empty if unknown.
    pub pin: String,
    /// The device's local time, `YYYY-MM-DD HH:MM:SS`, if the name contains it.
    pub time: Option<String>,
    /// 0 to 4 if the name contains it: see [`wire::PhotoName`].
    pub photo_type: Option<u8>,
    /// Whether its length differs from the announced one, or it is no JPEG.
    pub doubtful: bool,
    /// At most [`MOST_PICTURE_BYTES`].
    pub picture: Vec<u8>,
}

impl std::fmt::Debug for NewAttendancePhoto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAttendancePhoto")
            .field("pin", &self.pin)
            .field("time", &self.time)
            .field("bytes", &self.picture.len())
            .finish_non_exhaustive()
    }
}

/// A stored picture, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendancePhotoRow {
    /// Its number.
    pub id: i64,
    /// The device that sent it.
    pub device: i64,
    /// The PIN of the person; empty if unknown.
    pub pin: String,
    /// The device's local time.
    pub time: Option<String>,
    /// 0 to 4: see [`wire::PhotoName`].
    pub photo_type: Option<u8>,
    /// Its size in bytes.
    pub bytes: i64,
    /// Whether its length differs from the announced one, or it is no JPEG.
    pub doubtful: bool,
    /// When it was received.
    pub received_at: Millis,
}

/// Every database limits the length of a statement. A terminal's picture has some ten thousand bytes.
pub const MOST_PICTURE_BYTES: usize = 2 << 20;

/// A longer value is cut; no PIN is longer.
const MAX_PIN_BYTES: usize = 64;

const COLUMNS: &str = "photo_id, device_id, digest, pin, at_text, photo_type, bytes, doubtful, received_at";

impl AttendancePhotoRow {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let id: i64 = row.try_get("photo_id")?;
        let photo_type: Option<i64> = row.try_get("photo_type")?;
        Ok(Self {
            id,
            device: row.try_get("device_id")?,
            pin: row.try_get("pin")?,
            time: row.try_get("at_text")?,
            photo_type: photo_type
                .map(|number| narrow("attendance_photo", "photo_type", &id, number))
                .transpose()?,
            bytes: row.try_get("bytes")?,
            doubtful: row.try_get::<i64, _>("doubtful")? != 0,
            received_at: Millis(row.try_get("received_at")?),
        })
    }
}

impl Tx {
    /// Stores a picture. Returns true if it is new.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep_attendance_photo(
        &mut self,
        device: i64,
        photo: &NewAttendancePhoto,
        at: Millis,
    ) -> Result<bool, StoreError> {
        let digest = self.keys.digest(&[b"attendance photo", photo.file_name.as_bytes(), &photo.picture]);
        let body = [photo.file_name.as_bytes(), b"\0", &photo.picture].concat();
        let sealed = self.keys.seal(&place_of_row("attendance photo", device, &digest), &body);
        let done = query(statement(format!(
            "{}attendance_photo (device_id, digest, pin, at_text, photo_type, bytes, doubtful, sealed, received_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self.engine.insert_new()
        )))
        .bind(device)
        .bind(digest)
        .bind(capped(&photo.pin, MAX_PIN_BYTES))
        .bind(photo.time.clone())
        .bind(photo.photo_type.map(i64::from))
        .bind(i64::try_from(photo.picture.len()).unwrap_or(i64::MAX))
        .bind(i64::from(photo.doubtful))
        .bind(sealed)
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The last pictures, newest first. A filter by time leaves out pictures without a time.
    ///
    /// # Errors
    /// Database errors.
    pub async fn attendance_photos(
        &mut self,
        filter: &PunchFilter,
        limit: i64,
    ) -> Result<Vec<AttendancePhotoRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attendance_photo WHERE (? IS NULL OR device_id = ?) AND (? IS NULL OR pin = ?) \
             AND (? IS NULL OR at_text >= ?) AND (? IS NULL OR at_text < ?) ORDER BY photo_id DESC LIMIT ?"
        );
        let to = filter.to.as_ref().map(|to| format!("{to}~"));
        let rows = query(statement(sql))
            .bind(filter.device)
            .bind(filter.device)
            .bind(filter.pin.clone())
            .bind(filter.pin.clone())
            .bind(filter.from.clone())
            .bind(filter.from.clone())
            .bind(to.clone())
            .bind(to)
            .bind(limit)
            .fetch_all(self.db())
            .await?;
        rows.iter().map(AttendancePhotoRow::read).collect()
    }

    /// A picture: its row, its file name, and its bytes.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for one that cannot be decrypted.
    pub async fn attendance_photo(
        &mut self,
        id: i64,
    ) -> Result<Option<(AttendancePhotoRow, String, Vec<u8>)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, sealed FROM attendance_photo WHERE photo_id = ?");
        let Some(row) = query(statement(sql)).bind(id).fetch_optional(self.db()).await? else {
            return Ok(None);
        };
        let (digest, sealed): (Vec<u8>, Vec<u8>) = (row.try_get("digest")?, row.try_get("sealed")?);
        let photo = AttendancePhotoRow::read(&row)?;
        let place = place_of_row("attendance photo", photo.device, &digest);
        let mut name = self.keys.open(&place, &sealed)?;
        let Some(end) = name.iter().position(|&byte| byte == 0) else {
            return Err(StoreError::Sealed { place });
        };
        let mut picture = name.split_off(end);
        picture.drain(..1);
        Ok(Some((photo, String::from_utf8_lossy(&name).into_owned(), picture)))
    }
}
