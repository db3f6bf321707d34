//! `muster device set`

use std::collections::BTreeSet;

use anyhow::bail;
use fleet::command::Ordered;
use fleet::device;
use roster::{Area, Millis};
use serde::Serialize;
use store::{DeviceOptions, DeviceRow, DeviceState, StoreError, Tx};

use super::Context;
use crate::args::{DeviceSet, OptionName, OwnEnrolment};
use crate::failure::usage;
use crate::lookup;

/// What becomes of one device's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    name: Option<String>,
    options: DeviceOptions,
    areas: Option<BTreeSet<Area>>,
    /// The next key that it shows is its own.
    forget_key: bool,
}

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
    let mut tx = context.store.read().await?;
    let row = lookup::device(&mut tx, &set.serial_number).await?;
    lookup::areas(&mut tx, set.areas.as_deref().unwrap_or_default()).await?;
    let areas = tx.areas_of(row.id).await?;
    tx.rollback().await?;
    let change = Change::of(&row, &set)?;
    let changed = change.changes(&row, &areas);
    let now = context.when.now();
    if !changed.is_empty() {
        let (device, change) = (row.clone(), change.clone());
        context
            .store
            .retrying(move |tx| {
                let (device, change) = (device.clone(), change.clone());
                Box::pin(async move { change.write(tx, &device, now).await })
            })
            .await?;
    }
    let done = Done { serial_number: row.serial_number.to_string(), changed };
    context.out.print(&done, |done| {
        if done.changed.is_empty() {
            format!("{} was set up so already", done.serial_number)
        } else {
            format!("{}: changed {}", done.serial_number, done.changed.join(", "))
        }
    })
}

impl Change {
    fn of(row: &DeviceRow, set: &DeviceSet) -> anyhow::Result<Self> {
        let mut change =
            Self { name: set.name.clone(), options: row.options.clone(), areas: None, forget_key: false };
        let options = &mut change.options;
        let mut given = set.name.is_some();
        given |= put(&mut options.time_zone, set.time_zone.clone());
        given |= put(&mut options.realtime, set.realtime);
        given |= put(&mut options.trans_times, set.trans_times.clone());
        given |= put(&mut options.trans_interval_min, set.trans_interval);
        given |= put(&mut options.delay_s, set.delay);
        given |= put(&mut options.error_delay_s, set.error_delay);
        given |= put(&mut options.trans_flag_format, set.trans_flag_format);
        given |= put(&mut options.photo_delivery, set.photo_delivery);
        if let Some(OwnEnrolment(enrolment)) = set.enrolment {
            options.enrolment = enrolment;
            given = true;
        }
        if let Some(areas) = &set.areas {
            change.areas = Some(areas.iter().copied().collect());
            given = true;
        }
        if !given && set.defaults.is_empty() {
            return Err(usage("nothing to set: see `muster device set --help`"));
        }
        for default in &set.defaults {
            if set.gives(*default) {
                bail!(usage("one option cannot be set and be as for all devices at the same time"));
            }
            change.take_back(*default);
        }
        Ok(change)
    }

    fn take_back(&mut self, option: OptionName) {
        let options = &mut self.options;
        match option {
            OptionName::Name => self.name = Some(String::new()),
            OptionName::TimeZone => options.time_zone = None,
            OptionName::Realtime => options.realtime = None,
            OptionName::TransTimes => options.trans_times = None,
            OptionName::TransInterval => options.trans_interval_min = None,
            OptionName::Delay => options.delay_s = None,
            OptionName::ErrorDelay => options.error_delay_s = None,
            OptionName::TransFlagFormat => options.trans_flag_format = None,
            OptionName::PhotoDelivery => options.photo_delivery = None,
            OptionName::Enrolment => options.enrolment = None,
            OptionName::Areas => self.areas = Some(BTreeSet::from([Area::EVERYONE])),
            OptionName::CommKey => self.forget_key = true,
        }
    }

    /// What is otherwise than before, in words.
    fn changes(&self, row: &DeviceRow, areas: &BTreeSet<Area>) -> Vec<&'static str> {
        let (now, before) = (&self.options, &row.options);
        let all = [
            ("name", self.name.as_ref().is_some_and(|name| *name != row.name)),
            ("time zone", now.time_zone != before.time_zone),
            ("realtime", now.realtime != before.realtime),
            ("trans times", now.trans_times != before.trans_times),
            ("trans interval", now.trans_interval_min != before.trans_interval_min),
            ("delay", now.delay_s != before.delay_s),
            ("error delay", now.error_delay_s != before.error_delay_s),
            ("trans flag format", now.trans_flag_format != before.trans_flag_format),
            ("photo delivery", now.photo_delivery != before.photo_delivery),
            ("enrolment", now.enrolment != before.enrolment),
            ("areas", self.areas.as_ref().is_some_and(|wanted| wanted != areas)),
            ("comm key", self.forget_key),
        ];
        all.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }

    async fn write(&self, tx: &mut Tx, row: &DeviceRow, now: Millis) -> Result<(), StoreError> {
        if self.options.photo_delivery != row.options.photo_delivery {
            device::retry_photos(tx, row, now).await?;
        }
        if let Some(name) = &self.name {
            tx.rename_device(row.id, name).await?;
        }
        if self.options != row.options {
            tx.set_device_options(row.id, &self.options).await?;
            // Who may be enrolled at a device is the server's affair: the device is not told.
            let told = |options: &DeviceOptions| DeviceOptions { enrolment: None, ..options.clone() };
            if row.state == DeviceState::Active && told(&self.options) != told(&row.options) {
                // Devices are told their options when they ask for them, which they do after this command.
                Ordered(wire::Command::Check).queue(tx, row.id, "operator", now).await?;
            }
        }
        if self.forget_key {
            tx.forget_comm_key(row.id).await?;
        }
        if let Some(areas) = &self.areas {
            device::set_areas(tx, row, areas, now).await?;
        }
        Ok(())
    }
}

impl DeviceSet {
    fn gives(&self, option: OptionName) -> bool {
        match option {
            OptionName::Name => self.name.is_some(),
            OptionName::TimeZone => self.time_zone.is_some(),
            OptionName::Realtime => self.realtime.is_some(),
            OptionName::TransTimes => self.trans_times.is_some(),
            OptionName::TransInterval => self.trans_interval.is_some(),
            OptionName::Delay => self.delay.is_some(),
            OptionName::ErrorDelay => self.error_delay.is_some(),
            OptionName::TransFlagFormat => self.trans_flag_format.is_some(),
            OptionName::PhotoDelivery => self.photo_delivery.is_some(),
            OptionName::Enrolment => self.enrolment.is_some(),
            OptionName::Areas => self.areas.is_some(),
            OptionName::CommKey => false,
        }
    }
}

/// Writes what is given; true if anything is.
fn put<T>(place: &mut Option<T>, given: Option<T>) -> bool {
    let is_given = given.is_some();
    if is_given {
        *place = given;
    }
    is_given
}
