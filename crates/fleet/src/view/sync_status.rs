//! How far devices are in sync, and what is not confirmed yet.

use roster::{ItemKey, Kind, Millis, Seq};
use serde::Serialize;
use store::{DeviceRow, DeviceState, Drift, StoreError, SyncCounts, Tx};
use sync::read_back::NOT_KEPT;
use sync::{Exception, Joining, Parked, Wait, Want};
use wire::{Pin, SerialNumber};

use crate::suspension::SuspensionView;
use crate::view::failed_removal::{self, FailedRemovalView};
use crate::{Fleet, FleetError, NotFound, lookup, text, time};

/// A device that was not heard of for this long is offline, ms: three polls at the slowest pace.
pub const ONLINE_MS: i64 = 180_000;

/// How many items are named one by one.
const MAX_NAMED: i64 = 200;

/// How many unread changes are looked at one by one.
const MAX_UNREAD: i64 = 500;

/// How far one device is in sync.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that holds or not")]
pub struct DeviceStatus {
    /// Its serial number.
    pub serial_number: String,
    /// What people call it.
    pub name: String,
    /// The model it says to be.
    pub model: Option<String>,
    /// Whether it is part of the fleet.
    #[serde(serialize_with = "text::serialize")]
    pub state: DeviceState,
    /// How it is being taken in, while it is.
    #[serde(serialize_with = "text::serialize_option")]
    pub joining: Option<Joining>,
    /// Heard of lately.
    pub online: bool,
    /// When it was last heard of.
    #[serde(serialize_with = "time::serialize_option")]
    pub last_seen_at: Option<Millis>,
    /// Where from.
    pub address: Option<String>,
    /// It holds what it should, as far as the server knows.
    pub in_sync: bool,
    /// While it is being taken in: how many people it has shown of those on it; `None` = it was not asked yet.
    pub users_shown: Option<u64>,
    /// While it is being taken in: how many people it says to hold, if it told that since its approval.
    #[serde(skip)]
    pub users_counted: Option<u64>,
    /// It had shown all its people when it was taken in.
    pub roster_complete: bool,
    /// It says to hold more people than it should: how many it should hold.
    pub surplus_expected: Option<u64>,
    /// Its first fill goes on.
    pub filling: bool,
    /// Changes of the fleet it was not told yet; most may be none of its business.
    pub unread: i64,
    /// Commands under way.
    pub open: i64,
    /// Items owed out of order.
    pub due: i64,
    /// Removals that failed often: what is to be removed may still be on the device. Muster retries each daily.
    pub removals_failed: i64,
    /// Items that wait for something else.
    pub parked: i64,
    /// PINs of which the terminal is asked whom it holds.
    pub asked: i64,
    /// Contents it refused.
    pub refused: i64,
    /// Of what it holds all that it says to have room for, in words.
    pub full: Vec<String>,
    /// Users it says to hold.
    pub users_reported: Option<u64>,
    /// Seconds that its clock was ahead of the time of its zone, below 0 behind, when that was last seen.
    pub clock_ahead_s: Option<i64>,
}

/// One item that a device has not confirmed yet, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// What has to happen.
    pub what: OwedWork,
    /// What it waits for.
    pub why: OwedReason,
}

/// What a device has not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedWork {
    /// An item is sent to it, or taken from it.
    Item(ItemKey),
    /// An item is taken from it.
    Deletion(ItemKey),
    /// Something is taken from it, and it failed that often.
    FailedRemoval(FailedRemovalView),
    /// Somebody who is suspended or has left is taken from it.
    Removal(Pin, SuspensionView),
}

/// What an item waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedReason {
    /// It was sent so often, and not answered yet.
    Sent(u32),
    /// The device refused its content, or what it waits for, or both.
    Excepted {
        /// The device refused this content; newer content is tried again.
        refused: Option<Refused>,
        /// What it waits for.
        wait: Option<OwedWait>,
    },
    /// The device has not told yet what it holds.
    Joining,
    /// It failed often, and is tried daily.
    DailyRetry,
    /// It goes out with the next polls.
    NextPolls,
    /// It goes out when the device is back.
    Offline,
}

/// How a device refused a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It answered this return code.
    Code(i32),
    /// It says that it took it, and does not keep it.
    NotKept,
}

/// What an item waits for that is owed out of order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwedWait {
    /// It goes out with the next poll.
    NextPoll,
    /// It failed, and is tried again at this time.
    Retry {
        /// How often it failed.
        attempts: u32,
        /// When it is tried again.
        at: Millis,
    },
    /// The device has no room for it: in words, where the device tells its room itself.
    Full(Option<String>),
    /// The device has to have its user first.
    User,
    /// An operator has to decide.
    Decision,
}

/// One device with everything that it has not confirmed yet.
#[derive(Clone, Debug)]
pub struct DeviceSync {
    /// How far it is.
    pub status: DeviceStatus,
    /// What it can take.
    pub capability: roster::Capability,
    /// What is under way, owed or refused; the first few hundred.
    pub owed: Vec<Owed>,
}

impl Fleet {
    /// How far each device that ever called is in sync.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn devices(&self) -> Result<Vec<DeviceStatus>, FleetError> {
        let mut tx = self.read().await?;
        Ok(all(&mut tx, self.now()).await?)
    }

    /// How far one device is in sync, and what it has not confirmed yet.
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

/// How far each device that ever called is in sync.
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

/// How far one device is in sync.
pub(crate) async fn of(tx: &mut Tx, row: &DeviceRow, now: Millis) -> Result<DeviceStatus, FleetError> {
    let all = all(tx, now).await?;
    let own = all.into_iter().find(|status| status.serial_number == row.serial_number.as_str());
    own.ok_or_else(|| {
        let wanted = row.serial_number.clone();
        NotFound::Device { wanted, nearest: None, is_first: false }.into()
    })
}

/// What a device has not confirmed yet, item by item; the first few hundred. Changes that it was not told yet are not among
/// them.
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

/// Changes that the device has not been told yet and that are its business.
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
            // Only who was there can be deleted.
            Want::Absent => key.slot.is_root() || person.is_some_and(is_live),
            // Whoever is suspended has left all areas.
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
    // Somebody who leaves several areas is deleted once.
    owed.dedup_by(|one, other| one.what == other.what);
    Ok(owed)
}

fn is_live(person: &sync::Person) -> bool {
    person.items.get(&roster::Slot::USER).is_some_and(|user| user.live)
}

/// `full: 3,000 of 3,000 fingerprints by its own word`, where that is why nothing of a kind is sent; a device that
/// answered that it has no room says no more than that.
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
