//! `GET /iclock/cdata?options=all`: a device introduces itself and is told how to behave (§5).

use store::DeviceRow;
use wire::{Dialect, Handshake, OptionBlock, StampKey, Target, TimeZone, TransFlag, TypeArray};

use super::answer::{Answer, DeviceError, ok};
use super::{Request, admit, options};
use crate::app::App;
use crate::config::{Attendance, Upload};

/// The handshake: what the device says of itself is kept, what it is told follows from the configuration.
pub async fn get(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let handshake = Handshake::read(&target.query);
    if handshake.dialect == Dialect::AccessControl {
        // Not recorded: a device of that family is not asked for approval that would not help it.
        return super::access_control::register(app, request, target);
    }
    let device = admit::known(app, request, target).await?;
    options::learn(app, &device, |capability| capability.merge_handshake(&handshake)).await?;
    let block = block(app, &device, &handshake).await?;
    let (address, now) = (request.peer.ip().to_string(), app.clock.now());
    store::retry(|| async {
        let mut tx = app.store.write().await?;
        tx.open_session(device.id, now, Some(&address)).await?;
        tx.commit().await
    })
    .await?;
    tracing::info!(
        device.serial_number = %device.serial_number, peer = %request.peer,
        push_version = handshake.push_version.map(|version| version.to_string()), "device connected"
    );
    Ok(ok(block.render()))
}

async fn block(app: &App, device: &DeviceRow, handshake: &Handshake) -> Result<OptionBlock, DeviceError> {
    let known = app.store.stamps(device.id).await?;
    let stamps = StampKey::ALL
        .into_iter()
        .map(|key| {
            let known = known.get(key.table());
            let stamp = match known {
                Some(known) if known.reread => "0".to_owned(),
                Some(known) => known.stamp.clone().unwrap_or_else(|| "None".to_owned()),
                None => "None".to_owned(),
            };
            (key, stamp)
        })
        .collect();
    let upload = Upload::of(device, &app.config.upload);
    let mut trans_flag = TransFlag::people().with_work_codes().with_finger_veins();
    if app.config.attendance == Attendance::Keep {
        trans_flag = trans_flag.with_attendance();
    }
    if device.options.trans_flag_format == Some(1) {
        trans_flag = trans_flag.in_format_one();
    }
    Ok(OptionBlock {
        serial_number: device.serial_number.clone(),
        stamps,
        legacy_stamps: handshake.push_version.is_none(),
        error_delay_s: upload.error_delay_s,
        delay_s: upload.delay_s,
        trans_times: upload.trans_times,
        trans_interval_min: upload.trans_interval_min,
        trans_flag,
        time_zone: time_zone(app, device),
        realtime: upload.realtime,
        multi_bio_data: TypeArray::parse("0:1:1:1:1:1:1:1:1:1"),
        multi_bio_photo: TypeArray::parse("0:0:0:0:0:0:0:0:0:1"),
    })
}

/// The offset of the device's site now: it sets its clock by this and `Date` (§5, reference 4.6).
fn time_zone(app: &App, device: &DeviceRow) -> TimeZone {
    let own = device.options.time_zone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
    let zone = own.unwrap_or_else(|| app.config.time_zone.clone());
    let now = jiff::Timestamp::from_millisecond(app.clock.now().0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let minutes = zone.to_offset(now).seconds() / 60;
    let told = TimeZone::from_offset_minutes(minutes);
    if told.offset_minutes() != minutes {
        tracing::warn!(
            device.serial_number = %device.serial_number, minutes,
            "the protocol cannot express this offset: the device's clock will be off"
        );
    }
    told
}

impl Upload {
    /// What holds for one device: its own settings, else the server's.
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
            delay_s: own.delay_s.unwrap_or(server.delay_s),
            error_delay_s: own.error_delay_s.unwrap_or(server.error_delay_s),
        }
    }
}
