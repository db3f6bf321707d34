//! Is a device in sync, and if not, why: in words.

use roster::{ItemKey, Kind, Millis, Seq};
use serde::Serialize;
use store::{DeviceRow, DeviceState, Drift, FailedRemoval, StoreError, SyncCounts, Tx};
use sync::read_back::NOT_KEPT;
use sync::{Exception, Parked, Wait};
use wire::ReturnCode;

/// A device that was not heard of for this long is offline, ms: three polls at the slowest pace.
pub const ONLINE_MS: i64 = 180_000;

/// How many items are named one by one.
const MOST_NAMED: i64 = 200;

/// How one device stands.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that holds or not")]
pub struct DeviceStatus {
    /// Its serial number.
    pub serial_number: String,
    /// What people call it.
    pub name: String,
    /// The model it says to be.
    pub model: Option<String>,
    /// `new`, `active`, `stale` or `retired`.
    pub state: &'static str,
    /// `adopt` or `replace` while it is being taken in.
    pub joining: Option<&'static str>,
    /// Heard of lately.
    pub online: bool,
    /// When it was last heard of, ms since 1970.
    pub last_seen_at: Option<i64>,
    /// Where from.
    pub address: Option<String>,
    /// It holds what it should, as far as the server knows.
    pub in_sync: bool,
    /// While it is being taken in: how many people it has shown of those on it; `None` = it was not asked yet.
    pub users_shown: Option<u64>,
    /// While it is being taken in: how many people it says to hold, if it told that since its approval.
    #[serde(skip)]
    users_counted: Option<u64>,
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
    /// Removals that failed often: what is to be removed may still be on the device. Each is tried daily.
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
    /// The same in one sentence.
    pub summary: String,
}

/// One item that is owed to a device, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Owed {
    /// Which, in words.
    pub item: String,
    /// Why, in words.
    pub why: String,
}

/// How the whole fleet stands.
///
/// # Errors
/// Those of the database.
pub async fn fleet(tx: &mut Tx, now: Millis) -> Result<Vec<DeviceStatus>, StoreError> {
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

/// What is owed to one device, item by item; the first few hundred.
///
/// # Errors
/// Those of the database.
pub async fn owed(tx: &mut Tx, row: &DeviceRow, now: Millis) -> Result<Vec<Owed>, StoreError> {
    let mut owed = Vec::new();
    for (key, command) in tx.open_commands_of(row.id, MOST_NAMED).await? {
        let sent = match command.sends {
            1 => "sent, not answered yet".to_owned(),
            times => format!("sent {times} times, never answered"),
        };
        owed.push(Owed { item: key.to_string(), why: sent });
    }
    for removal in tx.failed_removals(Some(row.id), None, MOST_NAMED).await? {
        owed.push(Owed { item: removed(&removal.key), why: failed(&removal) });
    }
    for (key, exception) in tx.exceptions_of(row.id, MOST_NAMED).await? {
        owed.push(Owed { item: key.to_string(), why: why(row, &key, &exception, now) });
    }
    Ok(owed)
}

/// Removals that one device failed often, a sentence each; the first few hundred.
///
/// # Errors
/// Those of the database.
pub async fn failed_removals(tx: &mut Tx, row: &DeviceRow) -> Result<Vec<String>, StoreError> {
    let removals = tx.failed_removals(Some(row.id), None, MOST_NAMED).await?;
    Ok(removals.iter().map(removal_in_words).collect())
}

/// `removal of user 13 failed 10 times: return code -3 (...); Muster retries daily`
pub fn removal_in_words(removal: &FailedRemoval) -> String {
    format!("{} {}", removed(&removal.key), failed(removal))
}

fn removed(key: &ItemKey) -> String {
    match key.slot.kind {
        Kind::User => format!("removal of user {}", key.pin),
        _ => format!("removal of {key}"),
    }
}

fn failed(removal: &FailedRemoval) -> String {
    let FailedRemoval { attempts, return_code, .. } = removal;
    let meaning = ReturnCode(*return_code).describe();
    format!("failed {attempts} times: return code {return_code} ({meaning}); Muster retries daily")
}

fn why(row: &DeviceRow, key: &ItemKey, exception: &Exception, now: Millis) -> String {
    let refused = exception.refused.map(|refusal| {
        if refusal.return_code == NOT_KEPT {
            return "the device says that it took it, and does not keep it; newer content is tried again"
                .to_owned();
        }
        let meaning = ReturnCode(refusal.return_code).describe();
        format!("the device refused it ({}: {meaning}); newer content is tried again", refusal.return_code)
    });
    let wait = match exception.wait {
        Wait::No => None,
        Wait::Due(at) if at <= now => Some("goes out with the next poll".to_owned()),
        Wait::Due(at) => Some(format!(
            "failed {} times, tried again in {} s",
            exception.attempts,
            (at.0.saturating_sub(now.0) + 999) / 1000
        )),
        Wait::Parked(Parked::Full) => Some(
            full(row, key.slot.kind)
                .unwrap_or_else(|| format!("the device has no room for another {}", key.slot)),
        ),
        Wait::Parked(Parked::NoUser) => Some("waits until the device has its user".to_owned()),
        Wait::Parked(Parked::Held) => Some("waits for your decision: muster held list".to_owned()),
    };
    [refused, wait].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `full: 3,000 of 3,000 fingerprints by its own word`, where that is why nothing of a kind is sent; a device that
/// answered that it has no room says no more than that.
fn full(row: &DeviceRow, kind: Kind) -> Option<String> {
    let load = row.loads.get(&kind).filter(|_| !row.full.contains(&kind))?;
    row.capability.describe_full(kind, load.held)
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
        let active = matches!(row.state, DeviceState::Active | DeviceState::Stale);
        let filling = row.scan.is_some();
        let settled = counts.open == 0 && counts.due == 0 && counts.parked == 0 && counts.unconfirmed == 0;
        let reported = row.capability.counts().users;
        let surplus = row.surplus_expected.filter(|expected| reported > Some(*expected));
        let in_sync =
            active && row.joining.is_none() && !filling && row.cursor >= head && settled && surplus.is_none();
        let mut status = Self {
            serial_number: row.serial_number.to_string(),
            name: row.name.clone(),
            model: row.capability.model().map(ToOwned::to_owned),
            state: row.state.as_str(),
            joining: row.joining.map(|joining| match joining {
                sync::Joining::Adopt => "adopt",
                sync::Joining::Replace => "replace",
                sync::Joining::Restored => "restored",
            }),
            online,
            last_seen_at: row.last_seen_at.map(|at| at.0),
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
                    counts.parked > 0 && row.capability.room_for(**kind).is_some_and(|most| load.held >= most)
                })
                .filter_map(|(kind, _)| full(row, *kind))
                .collect(),
            users_reported: reported,
            clock_ahead_s: drift.map(|drift| drift.ahead_s),
            summary: String::new(),
        };
        status.summary = status.sentence();
        status
    }

    fn sentence(&self) -> String {
        match self.state {
            "new" => return format!("waits for approval: muster device approve {}", self.serial_number),
            "retired" => return "not part of the fleet".to_owned(),
            _ => {}
        }
        let mut parts = Vec::new();
        if self.joining.is_some() {
            parts.push(self.reading());
        } else if self.filling {
            parts.push("is being filled".to_owned());
        }
        let mut count = |number: i64, what: &str| {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        };
        count(self.unread, "changes to look at");
        count(self.open, "commands under way");
        count(self.due, "items owed");
        count(self.removals_failed, "removals not confirmed, retried daily");
        count(self.parked, "items wait for room or a decision");
        count(self.asked, "questions to the terminal are open");
        parts.extend(self.full.iter().cloned());
        if let (Some(expected), Some(reported)) = (self.surplus_expected, self.users_reported) {
            parts.push(format!("holds {reported} people, should hold {expected}: asked which"));
        }
        if parts.is_empty() {
            parts.push("in sync".to_owned());
        }
        if self.refused > 0 {
            parts.push(format!("{} items refused by the device", self.refused));
        }
        if !self.online {
            parts.push("offline".to_owned());
        }
        parts.join(", ")
    }
    /// What a device that is being taken in is waited for.
    fn reading(&self) -> String {
        match (self.users_shown, self.users_counted) {
            (None, _) => "approved: waiting for the terminal to connect again".to_owned(),
            (Some(shown), Some(held)) => format!("reading the terminal's people: {shown} of {held} shown"),
            (Some(shown), None) => format!("reading the terminal's people: {shown} shown"),
        }
    }
}
