//! `muster device set`

use anyhow::bail;
use fleet::device_settings::{DeviceEdit, Setting};
use serde::Serialize;

use super::Context;
use crate::args::{DeviceSet, OptionName, OwnEnrolment};
use crate::failure::usage;
use crate::render::not_found::explained;

#[derive(Serialize)]
struct Done {
    serial_number: String,
    changed: Vec<&'static str>,
}

/// Sets up one device.
///
/// # Errors
/// Nothing was given to set; there is no such device or area.
pub async fn run(context: &Context, set: DeviceSet) -> anyhow::Result<()> {
    let edit = edit(&set)?;
    let changed =
        context.fleet.set_device(&context.actor, &set.serial_number, &edit).await.map_err(explained)?;
    let done = Done { serial_number: set.serial_number.to_string(), changed };
    context.out.print(&done, |done| {
        if done.changed.is_empty() {
            format!("{} is unchanged: it has these settings already", done.serial_number)
        } else {
            format!("{}: changed {}", done.serial_number, done.changed.join(", "))
        }
    })
}

/// The changes that the command line asks for.
fn edit(set: &DeviceSet) -> anyhow::Result<DeviceEdit> {
    let mut edit = DeviceEdit {
        name: Setting::given(set.name.clone()),
        time_zone: Setting::given(set.time_zone.clone()),
        realtime: Setting::given(set.realtime),
        trans_times: Setting::given(set.trans_times.clone()),
        trans_interval_min: Setting::given(set.trans_interval),
        delay_s: Setting::given(set.delay),
        error_delay_s: Setting::given(set.error_delay),
        trans_flag_format: Setting::given(set.trans_flag_format),
        photo_delivery: Setting::given(set.photo_delivery),
        enrolment: match set.enrolment {
            None => Setting::Keep,
            Some(OwnEnrolment(None)) => Setting::Default,
            Some(OwnEnrolment(Some(enrolment))) => Setting::Is(enrolment),
        },
        areas: Setting::given(set.areas.as_ref().map(|areas| areas.iter().copied().collect())),
        forget_key: false,
    };
    if edit == DeviceEdit::default() && set.defaults.is_empty() {
        return Err(usage("nothing to set: see `muster device set --help`"));
    }
    for default in &set.defaults {
        let is_new = match default {
            OptionName::Name => take_back(&mut edit.name),
            OptionName::TimeZone => take_back(&mut edit.time_zone),
            OptionName::Realtime => take_back(&mut edit.realtime),
            OptionName::TransTimes => take_back(&mut edit.trans_times),
            OptionName::TransInterval => take_back(&mut edit.trans_interval_min),
            OptionName::Delay => take_back(&mut edit.delay_s),
            OptionName::ErrorDelay => take_back(&mut edit.error_delay_s),
            OptionName::TransFlagFormat => take_back(&mut edit.trans_flag_format),
            OptionName::PhotoDelivery => take_back(&mut edit.photo_delivery),
            OptionName::Enrolment => take_back(&mut edit.enrolment),
            OptionName::Areas => take_back(&mut edit.areas),
            OptionName::CommKey => {
                edit.forget_key = true;
                true
            }
        };
        if !is_new {
            bail!(usage("an option cannot be set and reset in the same command"));
        }
    }
    Ok(edit)
}

/// Resets a setting to the server's; false if the command line also sets it.
fn take_back<T>(setting: &mut Setting<T>) -> bool {
    let is_set = matches!(setting, Setting::Is(_));
    *setting = Setting::Default;
    !is_set
}
