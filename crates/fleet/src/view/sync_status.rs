//! Sync status of devices, and the work that they have not confirmed yet.

use roster::{ItemKey, Kind, Millis, Seq};
use serde::Serialize;
use store::{DeviceRow, DeviceState, Drift, StoreError, SyncCounts, Tx};
use sync::read_back::NOT_KEPT;
use sync::{Exception, Joining, Parked, Wait, Want};
use wire::{Pin, SerialNumber};

use crate::suspension::SuspensionView;
use crate::view::failed_removal::{self, FailedRemovalView};
use crate::{Fleet, FleetError, NotFound, lookup, text, time};

/// A device that was not seen for this long is offline, ms: three polls at the longest interval.
pub const ONLINE_MS: i64 = 180_000;

/// Maximum number of items in the list of unconfirmed work.
const MAX_NAMED: i64 = 200;

/// Maximum number of unread changes that are examined one by one.
const MAX_UNREAD: i64 = 500;

/// The sync status of one device.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that holds or not")]
pub struct DeviceStatus {
    /// The serial number.
    pub serial_number: String,
    /// The name for people.
    pub name: String,
    /// The model that the device reports.
    pub model: Option<String>,
    /// Whether the device is part of the fleet.
    #[serde(serialize_with = "text::serialize")]
    pub state: DeviceState,
    /// The mode of joining, while the device joins.
    #[serde(serialize_with = "text::serialize_option")]
    pub joining: Option<Joining>,
    /// The device was seen lately.
    pub online: bool,
    /// When the device was last seen.
    #[serde(serialize_with = "time::serialize_option")]
    pub last_seen_at: Option<Millis>,
    /// The address of the device.
    pub address: Option<String>,
    /// The device holds what it should, as far as the server knows.
    pub in_sync: bool,
    /// While the device joins: how many of its people it has shown; `None` = it was not asked yet.
    pub users_shown: Option<u64>,
    /// While the device joins: its user count, if the device reported it since its approval.
    #[serde(skip)]
    pub users_counted: Option<u64>,
    /// The device had shown all its people when joining ended.
    pub roster_complete: bool,
    /// The expected number of users, if the device counts more.
    pub surplus_expected: Option<u64>,
    /// The first fill of the device is in progress.
    pub filling: bool,
    /// Changes in the feed that the device has not read yet; many may be outside of its scope.
    pub unread: i64,
    /// Commands that were sent and not answered.
    pub open: i64,
    /// Exceptions: items owed besides the feed.
    pub due: i64,
    /// Removals that failed often: the items may still be on the device. Muster retries each daily.
    pub removals_failed: i64,
    /// Items that wait for an event.
    pub parked: i64,
    /// PINs with an open identity question.
    pub asked: i64,
    /// Contents that the device refused.
    pub refused: i64,
    /// The kinds for which the device reports that it is full, in words.
    pub full: Vec<String>,
    /// The user count that the device reports.
    pub users_reported: Option<u64>,
    /// Seconds by which the device's clock was ahead of its zone; negative if it was behind, when last measured.
    pub clock_ahead_s: Option<i64>,
}

/// One item that a device has not confirmed yet, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The work.
    pub what: OwedWork,
    /// The reason why it is not confirmed.
    pub why: OwedReason,
}

/// Work that a device has not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedWork {
    /// Muster sends an item to the device, or removes it there.
    Item(ItemKey),
    /// Muster removes an item from the device.
    Deletion(ItemKey),
    /// A removal that the device failed often.
    FailedRemoval(FailedRemovalView),
    /// The removal of a person who is suspended or has left.
    Removal(Pin, SuspensionView),
}

/// The reason why work is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedReason {
    /// Sent this often, and not answered yet.
    Sent(u32),
    /// The device refused its content, or what it waits for, or both.
    Excepted {
        /// The device refused this content; newer content is tried again.
        refused: Option<Refused>,
        /// The event or time that the item waits for.
        wait: Option<OwedWait>,
    },
    /// The device is joining: it has not shown all its people yet.
    Joining,
    /// It failed often; Muster retries daily.
    DailyRetry,
    /// Muster sends it with the next polls.
    NextPolls,
    /// Muster sends it when the device is online again.
    Offline,
}

/// How a device refused content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// With this return code.
    Code(i32),
    /// The device acknowledges the content and does not keep it.
    NotKept,
}

/// The event or time that an exception waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedWait {
    /// The next poll.
    NextPoll,
    /// The next retry.
    Retry {
        /// How often it failed.
        attempts: u32,
        /// The time of the retry.
        at: Millis,
    },
    /// Room on the device; with the device's counts in words, if it reports them.
    Full(Option<String>),
    /// The user record, which the device needs first.
    User,
    /// The decision of an operator.
    Decision,
}

/// One device with all the work that it has not confirmed yet.
#[derive(Clone, Debug)]
pub struct DeviceSync {
    /// The sync status.
    pub status: DeviceStatus,
    /// The capability of the device.
    pub capability: roster::Capability,
    /// Work in progress, owed or refused; at most a few hundred items.
    pub owed: Vec<Owed>,
}

impl Fleet {
    /// The sync status of each device that ever connected.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn devices(&self) -> Result<Vec<DeviceStatus>, FleetError> {
        let mut tx = self.read().await?;
        Ok(all(&mut tx, self.now()).await?)
    }

    /// The sync status of one device, and the work that it has not confirmed yet.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn device_sync(&self, serial_number: &SerialNumber) -> Result<DeviceSync, FleetError> {
        let now = self.now();
        let mut tx = self.read().await?;
        let row = lookup::device(&mut tx, serial_number).await?;
        let status = of(&mut tx, &row, now).await?;
        let mut owed = Vec::new();
        if row.state.is_member() {
            owed = self::owed(&mut tx, &row, now).await?;
            owed.extend(unread(&mut tx, &row, status.online).await?);
        }
        Ok(DeviceSync { status, capability: row.capability, owed })
    }
}

/// The sync status of each device that ever connected.
///
/// # Errors
/// Those of the database.
pub async fn all(tx: &mut Tx, now: Millis) -> Result<Vec<DeviceStatus>, StoreError> {
    let head = tx.head().await?;
    let counts = tx.sync_counts().await?;
    let clocks = tx.clocks().await?;
    let shown = tx.all_users_shown().await?;
    let mut all = Vec::new();
    for row in tx.devices().await? {
        let unread = if row.cursor < head { tx.unread(row.cursor).await? } else { 0 };
        let counts = counts.get(&row.id).copied().unwrap_or_default();
        let drift = clocks.get(&row.id).and_then(|clock| clock.drift);
        let shown = shown.get(&row.id).copied().unwrap_or(0);
        all.push(DeviceStatus::of(&row, counts, drift, unread, shown, head, now));
    }
    Ok(all)
}

/// The sync status of one device.
pub(crate) async fn of(tx: &mut Tx, row: &DeviceRow, now: Millis) -> Result<DeviceStatus, FleetError> {
    let all = all(tx, now).await?;
    let own = all.into_iter().find(|status| status.serial_number == row.serial_number.as_str());
    own.ok_or_else(|| {
        let wanted = row.serial_number.clone();
        NotFound::Device { wanted, nearest: None, is_first: false }.into()
    })
}

/// The work that a device has not confirmed yet, item by item; at most a few hundred items. Changes that the device has not
/// read from the feed yet are not included.
///
/// # Errors
/// Those of the database.
pub async fn owed(tx: &mut Tx, row: &DeviceRow, now: Millis) -> Result<Vec<Owed>, StoreError> {
    let mut owed = Vec::new();
    for (key, command) in tx.open_commands_of(row.id, MAX_NAMED).await? {
        owed.push(Owed { what: OwedWork::Item(key), why: OwedReason::Sent(command.sends) });
    }
    for removal in failed_removal::of(tx, Some(row.id), None).await? {
        owed.push(Owed { what: OwedWork::FailedRemoval(removal), why: OwedReason::DailyRetry });
    }
    for (key, exception) in tx.exceptions_of(row.id, MAX_NAMED).await? {
        let why = OwedReason::of(row, key.slot.kind, &exception, now);
        owed.push(Owed { what: OwedWork::Item(key), why });
    }
    Ok(owed)
}

impl OwedReason {
    fn of(row: &DeviceRow, kind: Kind, exception: &Exception, now: Millis) -> Self {
        let refused = exception.refused.map(|refusal| match refusal.return_code {
            NOT_KEPT => Refused::NotKept,
            code => Refused::Code(code),
        });
        let wait = match exception.wait {
            Wait::No => None,
            Wait::Due(at) if at <= now => Some(OwedWait::NextPoll),
            Wait::Due(at) => Some(OwedWait::Retry { attempts: exception.attempts, at }),
            Wait::Parked(Parked::Full) => Some(OwedWait::Full(full(row, kind))),
            Wait::Parked(Parked::NoUser) => Some(OwedWait::User),
            Wait::Parked(Parked::Held) => Some(OwedWait::Decision),
        };
        Self::Excepted { refused, wait }
    }
}

/// Changes within the device's scope that it has not read from the feed yet.
async fn unread(tx: &mut Tx, row: &DeviceRow, online: bool) -> Result<Vec<Owed>, StoreError> {
    let page = tx.feed_page(row.cursor, MAX_UNREAD).await?;
    let mut pins: Vec<Pin> = page.iter().map(|(_, key)| key.pin.clone()).collect();
    pins.sort();
    pins.dedup();
    let mut view = tx.view(row).await?;
    tx.load_persons(&mut view, &pins).await?;
    let suspended = tx.suspensions(&pins).await?;
    let why = match (row.joining.is_some(), online) {
        (true, _) => OwedReason::Joining,
        (false, true) => OwedReason::NextPolls,
        (false, false) => OwedReason::Offline,
    };
    let removed = |key: &ItemKey| {
        let left = key.slot.area().is_some_and(|area| view.areas.contains(&area));
        suspended.get(&key.pin).filter(|_| left && !view.in_scope(&key.pin))
    };
    let is_owed = |key: &ItemKey| {
        let person = view.persons.get(&key.pin);
        let told = person.is_some_and(|person| {
            person.open.contains_key(&key.slot) || person.exceptions.contains_key(&key.slot)
        });
        let wanted = match view.want(key) {
            Want::Present => true,
            // Only a person who was there can be deleted.
            Want::Absent => key.slot.is_root() || person.is_some_and(is_live),
            // A suspended person has left all areas.
            Want::Anything => removed(key).is_some(),
            Want::ByUser => false,
        };
        wanted && !told
    };
    let work = |key: &ItemKey| match (view.want(key), removed(key)) {
        (Want::Absent, _) => OwedWork::Deletion(key.clone()),
        (_, Some(suspension)) => OwedWork::Removal(key.pin.clone(), SuspensionView::from(suspension.clone())),
        (_, None) => OwedWork::Item(key.clone()),
    };
    let changes = page.iter().filter(|(_, key)| is_owed(key));
    let mut owed: Vec<Owed> = changes.map(|(_, key)| Owed { what: work(key), why: why.clone() }).collect();
    // A person who leaves several areas is deleted once.
    owed.dedup_by(|one, other| one.what == other.what);
    Ok(owed)
}

fn is_live(person: &sync::Person) -> bool {
    person.items.get(&roster::Slot::USER).is_some_and(|user| user.live)
}

/// `full: 3,000 of 3,000 fingerprints by its own word`, if the device's counts are the reason why Muster sends nothing of a kind.
/// `None` if the device only answered that it has no room.
fn full(row: &DeviceRow, kind: Kind) -> Option<String> {
    let load = row.loads.get(&kind).filter(|_| !row.full.contains(&kind))?;
    row.capability.describe_capacity_limit(kind, load.held)
}

impl DeviceStatus {
    fn of(
        row: &DeviceRow,
        counts: SyncCounts,
        drift: Option<Drift>,
        unread: i64,
        shown: u64,
        head: Seq,
        now: Millis,
    ) -> Self {
        let online = row.last_seen_at.is_some_and(|at| at.plus(ONLINE_MS) >= now);
        let filling = row.scan.is_some();
        let settled = counts.open == 0 && counts.due == 0 && counts.parked == 0 && counts.unconfirmed == 0;
        let reported = row.capability.counts().users;
        let surplus = row.surplus_expected.filter(|expected| reported > Some(*expected));
        let in_sync = row.state.is_member()
            && row.joining.is_none()
            && !filling
            && row.cursor >= head
            && settled
            && surplus.is_none();
        Self {
            serial_number: row.serial_number.to_string(),
            name: row.name.clone(),
            model: row.capability.model().map(ToOwned::to_owned),
            state: row.state,
            joining: row.joining,
            online,
            last_seen_at: row.last_seen_at,
            address: row.address.clone(),
            in_sync,
            users_shown: row.joining.and(row.asked_at).map(|_| shown),
            users_counted: row.users_counted(),
            roster_complete: row.roster_complete,
            surplus_expected: surplus,
            filling,
            unread,
            open: counts.open,
            due: counts.due,
            removals_failed: counts.unconfirmed,
            parked: counts.parked,
            asked: counts.asked,
            refused: counts.refused,
            full: row
                .loads
                .iter()
                .filter(|(kind, load)| {
                    counts.parked > 0
                        && row.capability.capacity_for(**kind).is_some_and(|most| load.held >= most)
                })
                .filter_map(|(kind, _)| full(row, *kind))
                .collect(),
            users_reported: reported,
            clock_ahead_s: drift.map(|drift| drift.ahead_s),
        }
    }
}
