//! Settings of one device that differ from those of the server.

use std::collections::BTreeSet;

use roster::{Area, Millis};
use store::{DeviceOptions, DeviceRow, DeviceState, PhotoDelivery, StoreError, Tx};
use sync::intake::Enrolment;
use wire::SerialNumber;

use crate::command::QueuedCommand;
use crate::fleet::retry;
use crate::{Actor, Fleet, FleetError, device, lookup};

/// A change of one setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// The setting stays as it is.
    #[default]
    Keep,
    /// The setting follows the server.
    Default,
    /// The setting gets this value.
    Is(T),
}

impl<T> Setting<T> {
    /// [`Setting::Is`] for a value, [`Setting::Keep`] for none.
    pub fn given(given: Option<T>) -> Self {
        given.map_or(Self::Keep, Self::Is)
    }

    fn apply(self, place: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Default => *place = None,
            Self::Is(value) => *place = Some(value),
        }
    }
}

/// A change of the settings of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceEdit {
    /// The name for people; empty by default.
    pub name: Setting<String>,
    /// IANA name of the time zone.
    pub time_zone: Setting<String>,
    /// Whether the device uploads changes at once.
    pub realtime: Setting<bool>,
    /// Times of day of its uploads, for example `00:00;14:05`.
    pub trans_times: Setting<String>,
    /// Minutes between its uploads.
    pub trans_interval_min: Setting<u16>,
    /// Seconds between its polls.
    pub delay_s: Setting<u16>,
    /// Seconds that the device waits after a failed connection.
    pub error_delay_s: Setting<u16>,
    /// 1 for `TransFlag` as ten digits, 2 as names.
    pub trans_flag_format: Setting<u8>,
    /// How the device gets photos.
    pub photo_delivery: Setting<PhotoDelivery>,
    /// Whether people may be enrolled and changed at the device.
    pub enrolment: Setting<Enrolment>,
    /// All areas of the device; only area 1 by default.
    pub areas: Setting<BTreeSet<Area>>,
    /// Muster forgets the communication key; the next key that the device shows counts.
    pub forget_key: bool,
}

impl Fleet {
    /// Changes the settings of one device. Returns the names of the settings that changed.
    ///
    /// # Errors
    /// There is no such device or area; those of the database.
    pub async fn set_device(
        &self,
        actor: &Actor,
        serial_number: &SerialNumber,
        edit: &DeviceEdit,
    ) -> Result<Vec<&'static str>, FleetError> {
        let changed = retry(|| async {
            let mut tx = self.write().await?;
            let row = lookup::device(&mut tx, serial_number).await?;
            if let Setting::Is(areas) = &edit.areas {
                lookup::areas(&mut tx, &areas.iter().copied().collect::<Vec<_>>()).await?;
            }
            let change = Change::of(&row, edit.clone());
            let changed = change.names(&row, &tx.areas_of(row.id).await?);
            if changed.is_empty() {
                tx.rollback().await?;
                return Ok(changed);
            }
            change.write(&mut tx, &row, actor, self.now()).await?;
            tx.commit().await?;
            Ok(changed)
        })
        .await?;
        if !changed.is_empty() {
            tracing::info!(%actor, device.serial_number = %serial_number, ?changed, "device settings changed");
        }
        Ok(changed)
    }
}

/// The settings after the change.
struct Change {
    name: String,
    options: DeviceOptions,
    areas: Option<BTreeSet<Area>>,
    forget_key: bool,
}

impl Change {
    fn of(row: &DeviceRow, edit: DeviceEdit) -> Self {
        let mut options = row.options.clone();
        edit.time_zone.apply(&mut options.time_zone);
        edit.realtime.apply(&mut options.realtime);
        edit.trans_times.apply(&mut options.trans_times);
        edit.trans_interval_min.apply(&mut options.trans_interval_min);
        edit.delay_s.apply(&mut options.delay_s);
        edit.error_delay_s.apply(&mut options.error_delay_s);
        edit.trans_flag_format.apply(&mut options.trans_flag_format);
        edit.photo_delivery.apply(&mut options.photo_delivery);
        edit.enrolment.apply(&mut options.enrolment);
        Self {
            name: match edit.name {
                Setting::Keep => row.name.clone(),
                Setting::Default => String::new(),
                Setting::Is(name) => name,
            },
            options,
            areas: match edit.areas {
                Setting::Keep => None,
                Setting::Default => Some(BTreeSet::from([Area::EVERYONE])),
                Setting::Is(areas) => Some(areas),
            },
            forget_key: edit.forget_key,
        }
    }

    /// The names of the settings that changed.
    fn names(&self, row: &DeviceRow, areas: &BTreeSet<Area>) -> Vec<&'static str> {
        let (now, before) = (&self.options, &row.options);
        let all = [
            ("name", self.name != row.name),
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

    async fn write(
        &self,
        tx: &mut Tx,
        row: &DeviceRow,
        actor: &Actor,
        now: Millis,
    ) -> Result<(), StoreError> {
        if self.options.photo_delivery != row.options.photo_delivery {
            device::retry_photos(tx, row, now).await?;
        }
        if self.name != row.name {
            tx.rename_device(row.id, &self.name).await?;
        }
        if self.options != row.options {
            tx.set_device_options(row.id, &self.options).await?;
            // Muster alone enforces the enrolment setting, so the device does not get it.
            let told = |options: &DeviceOptions| DeviceOptions { enrolment: None, ..options.clone() };
            if row.state == DeviceState::Active && told(&self.options) != told(&row.options) {
                // A device reads its options in a handshake, which `CHECK` causes.
                QueuedCommand(wire::Command::Check).queue(tx, row.id, actor.kind(), now).await?;
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
