//! Device capabilities: merges what a device reports about itself, by `table=options` (§8), by the INFO of a poll (§9), and by
//! the protocol family of its requests.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Algorithm, Capability, DefinitionKind, Format, Kind, Millis, Slot};
use store::{DeviceRow, Rereading, StoreError};
use sync::ScanFrom;
use wire::{BioType, Dialect, Form, Handshake, PollInfo};

use crate::context::Context;
use crate::http::response::DeviceError;

/// Merges the INFO of a poll.
pub async fn info(context: &Context, device: &DeviceRow, info: &PollInfo) -> Result<(), DeviceError> {
    learn(context, device, |capability| capability.merge_info(info)).await
}

/// Changes the capability of a device and acts on the change.
///
/// A scan sends what the device can take now and could not take before. If the device holds fewer people than before,
/// there is room again.
pub async fn learn(
    context: &Context,
    device: &DeviceRow,
    merge: impl Fn(&mut Capability) + Send + Sync,
) -> Result<(), DeviceError> {
    let mut after = device.capability.clone();
    merge(&mut after);
    let told = told_by(&merge);
    let counts_first = told.contains(&Kind::User) && awaits_count(device);
    if after == device.capability && !counts_first && !miscounted(device, &told, context.clock.now()) {
        return Ok(());
    }
    store::retry(|| write(context, device.id, &merge)).await?;
    Ok(())
}

/// Whether a joining or reading device still owes its user count: then an unchanged count is news too.
fn awaits_count(device: &DeviceRow) -> bool {
    let joins = device.joining.is_some() && device.users_counted().is_none();
    let is_read = device.rereads == Some(Rereading::People);
    joins || is_read && device.counts_at < device.asked_at
}

/// The kinds that a device counted.
fn told_by(merge: &impl Fn(&mut Capability)) -> BTreeSet<Kind> {
    let mut told = Capability::default();
    merge(&mut told);
    Capability::kinds_with_capacity().filter(|kind| told.counted(*kind).is_some()).collect()
}

/// Whether the device holds another number of something than Muster assumed, although its count has not changed: it lost
/// something that Muster sent, or something else. Also true when Muster may test whether the device takes more than it says.
fn miscounted(device: &DeviceRow, told: &BTreeSet<Kind>, now: Millis) -> bool {
    let other = |kind: &Kind| {
        let load = device.loads.get(kind);
        load.is_some_and(|load| device.capability.counted(*kind) != Some(load.held) || load.may_try(now))
    };
    device.scan.is_none() && told.iter().any(other)
}

/// Records the family of a device by the requests that it sends (field note 1.1). Muster sends nothing to devices of the
/// access-control family, which would not understand it.
pub async fn belongs_to(context: &Context, device: &DeviceRow, dialect: Dialect) -> Result<(), DeviceError> {
    if device.capability.speaks_access_control() == (dialect == Dialect::AccessControl) {
        return Ok(());
    }
    tracing::warn!(device.serial_number = %device.serial_number, ?dialect, "device shows another family than before");
    let shown = Handshake { push_version: None, language: None, device_type: None, comm_key: None, dialect };
    learn(context, device, |capability| capability.merge_handshake(&shown)).await
}

async fn write(context: &Context, device: i64, merge: &impl Fn(&mut Capability)) -> Result<(), StoreError> {
    let now = context.clock.now();
    // The lock order: the clock before the device.
    let mut tx = context.store.write_fleet().await?;
    let Some(mut row) = tx.lock_device(device).await? else { return tx.rollback().await };
    let before = row.capability.clone();
    merge(&mut row.capability);
    let capability = row.capability.clone();
    let told = told_by(merge);
    tx.set_capability(row.id, &capability, told.contains(&Kind::User).then_some(now)).await?;
    let mut view = tx.view(&row).await?;
    if row.joining.is_none() && takes_other_things(&before, &capability) {
        tracing::info!(
            device.serial_number = %row.serial_number,
            "the device's capabilities changed: comparing everything"
        );
        view.rescan();
    }
    let under_way = if told.is_empty() { BTreeMap::new() } else { tx.new_under_way(row.id).await? };
    view.counted(&before, &told, &under_way, now);
    let changes = view.take_changes();
    // A device whose first scan has not begun gets everything anyway.
    let emptied = before.counts().users > Some(0) && capability.counts().users == Some(0);
    let emptied = emptied && row.joining.is_none() && row.scan != Some(ScanFrom::Start);
    if emptied || changes.gives_work() {
        tx.wake().await?;
    }
    tx.apply(&view, &changes, now).await?;
    if emptied {
        tx.note_emptied(row.id, now).await?;
    }
    tx.commit().await
}

/// The version of an algorithm on a device, and the form in which the device takes such items.
type Ability = (Option<(u16, Option<u16>)>, Option<Form>);

/// Whether a device should hold other content, or get it in another form, after its capability changed.
///
/// Some devices alternate between two forms of cards: only the first form that a device shows counts, so that Muster does not
/// send everything each time. If the limit of names was raised or removed, the device holds shortened names: Muster sends
/// them again.
pub fn takes_other_things(before: &Capability, after: &Capability) -> bool {
    let other_cards = before.shown_card_form().is_none() && before.card_form() != after.card_form();
    let longer_names =
        before.name_bytes().is_some_and(|before| after.name_bytes().is_none_or(|after| after > before));
    other_cards || longer_names || forms(before) != forms(after)
}

/// The form in which the device takes each kind. A change here changes what the device should hold.
fn forms(capability: &Capability) -> BTreeMap<Kind, Ability> {
    let mut forms = BTreeMap::new();
    for number in 1..=10 {
        let bio_type = BioType(number);
        let version = capability.version_of(bio_type);
        let (major, minor) = version.map_or((0, 0), |(major, minor)| (major, minor.unwrap_or(0)));
        for format in [Format::Zk, Format::FaceParts] {
            let slot = Slot::template(bio_type, 0, Algorithm { format, major, minor });
            let form = capability.takes(&slot);
            if format == Format::Zk || form.is_some() {
                forms.insert(slot.kind, (version, form));
            }
        }
    }
    forms.insert(Kind::UserPhoto, (None, capability.takes(&Slot::USER_PHOTO)));
    forms.insert(
        Kind::ComparisonPhoto,
        (None, capability.takes(&Slot::comparison_photo(BioType::VISIBLE_FACE))),
    );
    for kind in DefinitionKind::ALL {
        forms.insert(Kind::Definition(kind), (None, capability.takes(&kind.slot())));
    }
    forms.insert(Kind::PersonalMessage, (None, capability.takes(&Slot::personal_message(0))));
    forms
}
