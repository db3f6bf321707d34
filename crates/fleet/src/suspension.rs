//! Suspension and reinstatement of people, and their last days.
//!
//! A suspended person stays in the fleet with all items, but belongs to no area. So every terminal removes the person, and no
//! upload brings the person back, because only operators set areas. [`store::Suspension`] remembers the areas.
//!
//! Days begin and end in the time zone of the server ([`Rules::time_zone`]), whatever the zone of a terminal is: a person
//! is on all terminals or on none.

use std::collections::BTreeSet;

use jiff::civil::Date;
use roster::{Area, Content, ItemKey, Millis, Slot};
use serde::Serialize;
use store::{Change, ItemWrite, Store, StoreError, Suspension, Tx};
use sync::{ClaimNews, Knows};
use wire::Pin;

use crate::clock::Clock;
use crate::fleet::retry;
use crate::user::{UserRefusal, bury, put};
use crate::{Actor, Fleet, FleetError, Rules, lookup, time};

/// A suspension, for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuspensionView {
    /// When it began.
    #[serde(serialize_with = "time::serialize")]
    pub since: Millis,
    /// The last day, as `2027-03-12`; `None`: until an operator reinstates the person.
    pub until: Option<String>,
    /// The last day of the person has passed.
    pub left: bool,
    /// The areas that the person returns to.
    pub areas: Vec<i64>,
}

impl From<Suspension> for SuspensionView {
    fn from(suspension: Suspension) -> Self {
        Self {
            since: suspension.since,
            until: suspension.until,
            left: suspension.left,
            areas: suspension.areas.into_iter().map(|area| area.0).collect(),
        }
    }
}

/// The result of suspending or reinstating people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// Nothing was done: nobody has this PIN.
    Nobody(Pin),
    /// Nothing was done: this person has left already.
    Left(Pin),
    /// Nothing was done: this person is not suspended.
    NotSuspended(Pin),
    /// For each person, by PIN: whether anything changed, and the suspension, new or ended.
    Done(Vec<(Pin, bool, Suspension)>),
}

/// The result for one person who was suspended or reinstated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuspensionChange {
    /// The PIN of the person.
    pub pin: String,
    /// The outcome.
    pub outcome: SuspensionOutcome,
    /// The suspension, new or ended.
    pub suspension: SuspensionView,
}

/// The outcome for one person who was suspended or reinstated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspensionOutcome {
    /// The person is suspended from now on.
    Suspended,
    /// The person was suspended already, and the suspension has another last day.
    Changed,
    /// The person was suspended already, until the same day.
    Unchanged,
    /// The suspension has ended.
    Reinstated,
}

impl Fleet {
    /// Removes people from every terminal and keeps all their items, until the end of a day or until they are reinstated.
    /// For people who are suspended already, only the last day changes.
    ///
    /// If one of them cannot be suspended, nobody is.
    ///
    /// # Errors
    /// One of them does not exist; [`UserRefusal::DayIsOver`], [`UserRefusal::HasLeft`]; those of the database.
    pub async fn suspend_users(
        &self,
        actor: &Actor,
        pins: &[Pin],
        until: Option<Date>,
    ) -> Result<Vec<SuspensionChange>, FleetError> {
        if let Some(day) = until {
            self.check_last_day(day)?;
        }
        let now = self.now();
        let done = retry(|| async {
            let mut tx = self.write().await?;
            let outcome = suspend(&mut tx, pins, until, now).await?;
            let done = done(&mut tx, outcome, now).await?;
            tx.commit().await?;
            Ok(done)
        })
        .await?;
        let changes = done.into_iter().map(|(pin, changed, suspension)| {
            let outcome = match changed {
                false => SuspensionOutcome::Unchanged,
                true if suspension.since == now => SuspensionOutcome::Suspended,
                true => SuspensionOutcome::Changed,
            };
            tracing::info!(%actor, user.pin = %pin, ?outcome, "user suspended");
            SuspensionChange { pin: pin.to_string(), outcome, suspension: suspension.into() }
        });
        Ok(changes.collect())
    }

    /// Brings suspended people, and people who have left, back to the terminals of their areas.
    ///
    /// If one of them is not suspended, nobody is reinstated.
    ///
    /// # Errors
    /// One of them does not exist; [`UserRefusal::IsNotSuspended`]; those of the database.
    pub async fn reinstate_users(
        &self,
        actor: &Actor,
        pins: &[Pin],
    ) -> Result<Vec<SuspensionChange>, FleetError> {
        let done = retry(|| async {
            let now = self.now();
            let mut tx = self.write().await?;
            let outcome = reinstate(&mut tx, pins, now).await?;
            let done = done(&mut tx, outcome, now).await?;
            tx.commit().await?;
            Ok(done)
        })
        .await?;
        let changes = done.into_iter().map(|(pin, _, suspension)| {
            tracing::info!(%actor, user.pin = %pin, "user reinstated");
            SuspensionChange {
                pin: pin.to_string(),
                outcome: SuspensionOutcome::Reinstated,
                suspension: suspension.into(),
            }
        });
        Ok(changes.collect())
    }

    /// Refuses a last day that is before today, in the time zone of the server.
    pub(crate) fn check_last_day(&self, day: Date) -> Result<(), UserRefusal> {
        let today = today(self.rules(), self.now());
        if day < today { Err(UserRefusal::DayIsOver { day, today }) } else { Ok(()) }
    }
}

/// The result for each person, or the reason why nothing was done.
async fn done(
    tx: &mut Tx,
    outcome: Suspended,
    now: Millis,
) -> Result<Vec<(Pin, bool, Suspension)>, FleetError> {
    match outcome {
        Suspended::Done(done) => Ok(done),
        Suspended::Nobody(pin) => Err(lookup::no_user(tx, &pin, now).await),
        Suspended::Left(pin) => Err(UserRefusal::HasLeft(pin).into()),
        Suspended::NotSuspended(pin) => Err(UserRefusal::IsNotSuspended(pin).into()),
    }
}

/// The date in the time zone of the server.
pub fn today(rules: &Rules, now: Millis) -> Date {
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    now.to_zoned(rules.time_zone.clone()).date()
}

/// Removes people from every terminal and keeps all their items, until the end of a day or until they are reinstated.
/// For people who are suspended already, only the last day changes.
///
/// If one of them cannot be suspended, nobody is.
///
/// # Errors
/// Those of the database.
pub async fn suspend(
    tx: &mut Tx,
    pins: &[Pin],
    until: Option<Date>,
    now: Millis,
) -> Result<Suspended, StoreError> {
    tx.lock_clock().await?;
    let until = until.map(|day| day.to_string());
    let suspended = tx.suspensions(pins).await?;
    let pins: BTreeSet<&Pin> = pins.iter().collect();
    let mut done = Vec::new();
    for pin in &pins {
        if tx.life_of(pin).await?.is_none() {
            return Ok(Suspended::Nobody((*pin).clone()));
        }
        if suspended.get(pin).is_some_and(|suspension| suspension.left) {
            return Ok(Suspended::Left((*pin).clone()));
        }
    }
    for pin in pins {
        let before = suspended.get(pin);
        let (since, areas) = match before {
            Some(suspension) => (suspension.since, suspension.areas.clone()),
            None => (now, take_areas(tx, pin, now).await?),
        };
        let suspension = Suspension { since, areas, until: until.clone(), left: false };
        let changed = before != Some(&suspension);
        if changed {
            tx.put_suspension(pin, &suspension).await?;
        }
        done.push((pin.clone(), changed, suspension));
    }
    Ok(Suspended::Done(done))
}

/// Brings suspended people, and people who have left, back to the terminals of their areas.
///
/// If one of them is not suspended, nobody is reinstated.
///
/// # Errors
/// Those of the database.
pub async fn reinstate(tx: &mut Tx, pins: &[Pin], now: Millis) -> Result<Suspended, StoreError> {
    tx.lock_clock().await?;
    let suspended = tx.suspensions(pins).await?;
    for pin in pins {
        if tx.life_of(pin).await?.is_none() {
            return Ok(Suspended::Nobody(pin.clone()));
        }
        if !suspended.contains_key(pin) {
            return Ok(Suspended::NotSuspended(pin.clone()));
        }
    }
    let mut done = Vec::new();
    for (pin, suspension) in suspended {
        give_areas(tx, &pin, &suspension.areas, now).await?;
        tx.end_suspension(&pin).await?;
        done.push((pin, true, suspension));
    }
    Ok(Suspended::Done(done))
}

/// Removes a person whose last day has passed from every terminal, and keeps all items.
async fn leave(tx: &mut Tx, pin: &Pin, now: Millis) -> Result<(), StoreError> {
    let before = tx.suspensions(std::slice::from_ref(pin)).await?.remove(pin);
    let areas = match before {
        Some(suspension) => suspension.areas,
        None => take_areas(tx, pin, now).await?,
    };
    let suspension = Suspension { since: now, areas, until: None, left: true };
    tx.put_suspension(pin, &suspension).await?;
    tx.set_last_day(pin, None).await
}

/// Removes a person from all areas. Returns the areas.
async fn take_areas(tx: &mut Tx, pin: &Pin, now: Millis) -> Result<Vec<Area>, StoreError> {
    let live = tx.live_keys(std::slice::from_ref(pin)).await?;
    let areas: Vec<Area> = live.iter().filter_map(|key| key.slot.area()).collect();
    let key = |area: &Area| ItemKey { pin: pin.clone(), slot: Slot::membership(*area) };
    let writes: Vec<ItemWrite> = areas.iter().map(|area| bury(tx, key(area))).collect();
    write(tx, &writes, now).await?;
    end_claims(tx, pin, now).await?;
    Ok(areas)
}

/// Ends the claims of devices that hold a person who has to be removed. While a claim is open, Muster sends its device nothing,
/// not even a deletion, and some devices never answer. An operator can still look at the claimed records.
async fn end_claims(tx: &mut Tx, pin: &Pin, now: Millis) -> Result<(), StoreError> {
    for device in tx.devices_with_claim(pin).await? {
        let Some(row) = tx.lock_device(device).await? else { continue };
        let mut view = tx.view(&row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(pin)).await?;
        // A device that holds another person keeps that person until an operator decides.
        if view.knows(pin) == Knows::Present && !view.in_scope(pin) {
            view.close_claim(pin, ClaimNews::Left, now);
            let changes = view.take_changes();
            tx.apply(&view, &changes, now).await?;
        }
    }
    Ok(())
}

async fn give_areas(tx: &mut Tx, pin: &Pin, areas: &[Area], now: Millis) -> Result<(), StoreError> {
    let writes: Vec<ItemWrite> =
        areas.iter().map(|area| put(tx, pin, Slot::membership(*area), Content::Membership)).collect();
    write(tx, &writes, now).await
}

async fn write(tx: &mut Tx, writes: &[ItemWrite], now: Millis) -> Result<(), StoreError> {
    if !writes.is_empty() {
        tx.write_items(writes, &Change { by: None, at: now, undo_until: None }).await?;
    }
    Ok(())
}

/// Removes people whose last day has passed, and reinstates people whose suspension has ended.
///
/// # Errors
/// Those of the database.
pub async fn keep_dates(store: &Store, clock: &Clock, rules: &Rules) -> Result<(), StoreError> {
    let now = clock.now();
    let today = today(rules, now).to_string();
    let mut tx = store.read().await?;
    let (leaving, returning) = (tx.leaving_before(&today).await?, tx.suspended_until_before(&today).await?);
    tx.rollback().await?;
    for pin in leaving {
        let left = store::retry(|| async {
            let mut tx = store.write_fleet().await?;
            // Another server or an operator may have been faster.
            let due = tx.last_days(std::slice::from_ref(&pin)).await?.remove(&pin);
            let due = due.is_some_and(|day| day < today);
            if due {
                leave(&mut tx, &pin, now).await?;
            }
            tx.commit().await.map(|()| due)
        });
        if left.await? {
            tracing::info!(user.pin = %pin, "the last day of the user has passed: every terminal removes the user");
        }
    }
    for pin in returning {
        let back = store::retry(|| async {
            let mut tx = store.write_fleet().await?;
            let pins = std::slice::from_ref(&pin);
            let suspension = tx.suspensions(pins).await?.remove(&pin);
            let due = suspension.and_then(|suspension| suspension.until).is_some_and(|day| day < today);
            if due {
                reinstate(&mut tx, pins, now).await?;
            }
            tx.commit().await.map(|()| due)
        });
        if back.await? {
            tracing::info!(user.pin = %pin, "the suspension of the user has ended: Muster sends the user to the terminals again");
        }
    }
    Ok(())
}
