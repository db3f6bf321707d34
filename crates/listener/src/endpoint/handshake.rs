//! `GET /iclock/cdata?options=all`: a device reports itself and gets its options (§5).

use store::DeviceRow;
use wire::{Dialect, Handshake, OptionBlock, StampKey, Target, TimeZone, TransFlag};

use crate::auth;
use crate::capability;
use crate::config::{Attendance, UploadSchedule};
use crate::context::Context;
use crate::endpoint::access_control;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};
use crate::upload::stamps;
use fleet::time_zone;

/// The handshake: Muster stores what the device reports, and answers with options from the configuration.
pub async fn get(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let handshake = Handshake::read(&target.query);
    if handshake.dialect == Dialect::AccessControl {
        // Muster does not record a device of that family: approval would not help it.
        return access_control::register(context, request, target);
    }
    let device = auth::authenticate(context, request, target).await?;
    if let Some(key) = &handshake.comm_key {
        check_key(context, &device, key).await?;
    }
    capability::learn(context, &device, |capability| capability.merge_handshake(&handshake)).await?;
    let now = context.clock.now();
    let minutes =
        time_zone::offset_minutes(&context.config.fleet.time_zone, device.options.time_zone.as_deref(), now);
    let address = request.peer.ip().to_string();
    let stamps = store::retry(|| async {
        let mut tx = context.store.write().await?;
        tx.open_session(device.id, now, Some(&address)).await?;
        tx.tell_offset(device.id, minutes).await?;
        if device.is_read() && device.asked_at.is_none() {
            tx.note_asked(device.id, now).await?;
        }
        tx.retry_removals(device.id, now).await?;
        let stamps = stamps::for_handshake(&mut tx, device.id).await?;
        tx.commit().await?;
        Ok(stamps)
    })
    .await?;
    let block = block(context, &device, &handshake, stamps, time_zone(&device, minutes));
    tracing::info!(
        device.serial_number = %device.serial_number, peer = %request.peer,
        push_version = handshake.push_version.map(|version| version.to_string()), "device connected"
    );
    Ok(ok(block.render()))
}

/// Checks the key by which a device identifies itself (§5): the first key that it shows counts. How devices make this key is not
/// documented, so Muster does not refuse a device that shows none.
async fn check_key(context: &Context, device: &DeviceRow, key: &str) -> Result<(), DeviceError> {
    let same = store::retry(|| async {
        let mut tx = context.store.write().await?;
        let same = tx.is_comm_key_of(device.id, key).await?;
        tx.commit().await?;
        Ok(same)
    })
    .await?;
    if same {
        return Ok(());
    }
    tracing::warn!(
        device.serial_number = %device.serial_number,
        "the device shows another key than before and may be a different device: refused. If it was reset or replaced: \
         muster device set {} --default comm-key", device.serial_number
    );
    Err(DeviceError::OtherKey)
}

fn block(
    context: &Context,
    device: &DeviceRow,
    handshake: &Handshake,
    stamps: Vec<(StampKey, String)>,
    time_zone: TimeZone,
) -> OptionBlock {
    let upload = UploadSchedule::of(device, &context.config.upload);
    let mut trans_flag = TransFlag::people().with_work_codes().with_finger_veins();
    if context.config.attendance == Attendance::Keep {
        trans_flag = trans_flag.with_attendance();
    }
    if device.options.trans_flag_format == Some(1) {
        trans_flag = trans_flag.in_format_one();
    }
    OptionBlock {
        serial_number: device.serial_number.clone(),
        stamps,
        legacy_stamps: handshake.push_version.is_none(),
        error_delay_s: upload.error_delay_s,
        delay_s: upload.delay_s,
        trans_times: upload.trans_times,
        trans_interval_min: upload.trans_interval_min,
        trans_flag,
        time_zone,
        realtime: upload.realtime,
        multi_bio_data: device.capability.offered_templates(),
        multi_bio_photo: device.capability.offered_photos(),
    }
}

/// The UTC offset of the device's site: the device sets its clock by this and `Date` (§5, reference 4.6).
fn time_zone(device: &DeviceRow, minutes: i32) -> TimeZone {
    let told = TimeZone::from_offset_minutes(minutes);
    if told.offset_minutes() != minutes {
        tracing::warn!(
            device.serial_number = %device.serial_number, minutes,
            "the protocol cannot express this offset: the device's clock will be off"
        );
    }
    told
}

impl UploadSchedule {
    /// The schedule of one device: its own settings, else the server's, within the limits of the protocol (§4.3).
    fn of(device: &DeviceRow, server: &Self) -> Self {
        let own = &device.options;
        Self {
            realtime: own.realtime.unwrap_or(server.realtime),
            trans_times: own
                .trans_times
                .as_deref()
                .and_then(|text| crate::config::trans_times(text).ok())
                .unwrap_or_else(|| server.trans_times.clone()),
            trans_interval_min: own.trans_interval_min.unwrap_or(server.trans_interval_min),
            delay_s: own.delay_s.unwrap_or(server.delay_s).clamp(2, 60),
            error_delay_s: own.error_delay_s.unwrap_or(server.error_delay_s).clamp(30, 300),
        }
    }
}
