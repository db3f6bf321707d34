//! `claim`, `claim_item` and `former_mark`: uploads under a PIN that Muster has not accepted, and marks that identify
//! former people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roster::{Algorithm, ContentHash, ItemKey, Kind, Millis, Reading, Seq, Slot, UserPatch};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_as, query_scalar};
use sync::{Asked, Claim, ClaimNews, ClaimState, DeviceView, Question, Reason, Stage, Subject};
use wire::Pin;

use crate::body::unseal;
use crate::item::columns;
use crate::key::{hash_of, key_of, narrow, pin_of, place};
use crate::sql::{lists, places, rows, statement};
use crate::{StoreError, Tx};

/// A user record as received, and the table of its upload. A claim keeps the newest one.
#[derive(Clone)]
pub struct ClaimedUser {
    /// The table of the upload.
    pub table: String,
    /// The record.
    pub raw: Vec<u8>,
}

impl fmt::Debug for ClaimedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedUser").field("table", &self.table).field("raw_bytes", &self.raw.len()).finish()
    }
}

/// Marks of the former owners of a PIN: hashes of data by which Muster recognises them.
#[derive(Debug, Default)]
pub(crate) struct FormerMarks {
    /// All marks.
    pub all: BTreeSet<ContentHash>,
    /// Marks of people whom an operator removed.
    pub removed: BTreeSet<ContentHash>,
}

const REASONS: [(Reason, &str); 11] = [
    (Reason::Unproved, "unproved"),
    (Reason::Renamed, "renamed"),
    (Reason::WentBack, "went-back"),
    (Reason::UsedBefore, "used-before"),
    (Reason::Other, "other"),
    (Reason::Unclear, "unclear"),
    (Reason::Leaver, "leaver"),
    (Reason::Outside, "outside"),
    (Reason::Remains, "remains"),
    (Reason::Enrolment, "enrolment"),
    (Reason::Deleted, "deleted"),
];

fn reason_text(reason: Reason) -> &'static str {
    REASONS.iter().find(|(known, _)| *known == reason).map_or("other", |(_, text)| text)
}

const fn stage_text(stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => "waiting",
        Stage::Blocking => "blocking",
    }
}

/// The place to which the user record of a claim is sealed.
fn user_place(device: i64, pin: &Pin) -> String {
    format!("claim of device {device} {pin}")
}

/// The place to which a template or photo of a claim is sealed.
fn item_place(device: i64, key: &ItemKey) -> String {
    format!("claim of device {device} {}", place(key))
}

fn state_of(row: &AnyRow, pin: &Pin) -> Result<ClaimState, StoreError> {
    let wrong = |column| StoreError::Inconsistent { table: "claim", column, key: pin.to_string() };
    let number = |column| Ok::<i64, StoreError>(row.try_get(column)?);
    let optional = |column| Ok::<Option<i64>, StoreError>(row.try_get(column)?);
    let reason: String = row.try_get("reason")?;
    let stage: String = row.try_get("stage")?;
    let subject = match (optional("kind")?, optional("slot")?, optional("algorithm")?) {
        (Some(kind), Some(number), Some(algorithm)) => {
            let kind = Kind::from_code(kind).ok_or_else(|| wrong("kind"))?;
            let algorithm = Algorithm::from_code(algorithm).ok_or_else(|| wrong("algorithm"))?;
            let slot = Slot { kind, number, algorithm };
            Some(if slot == Slot::USER { Subject::User } else { Subject::Template(slot) })
        }
        _ => None,
    };
    let at = Millis(optional("asked_at")?.unwrap_or(0));
    let asked = match row.try_get::<Option<String>, _>("asked")?.as_deref() {
        Some("asked") => Asked::Asked(optional("order_no")?.unwrap_or(0), at),
        Some("answered") => Asked::Answered(at),
        Some("refused") => Asked::Refused(at),
        _ => Asked::Due,
    };
    let question = match subject {
        Some(subject) => {
            let times = narrow("claim", "times", pin, number("times")?)?;
            Some(Question { subject, asked, shown: number("shown")? != 0, times })
        }
        None => None,
    };
    Ok(ClaimState {
        reason: REASONS
            .iter()
            .find(|(_, text)| *text == reason)
            .map(|(reason, _)| *reason)
            .ok_or_else(|| wrong("reason"))?,
        stage: [Stage::Waiting, Stage::Blocking]
            .into_iter()
            .find(|known| stage_text(*known) == stage)
            .ok_or_else(|| wrong("stage"))?,
        life: Seq(number("life_seq")?),
        version: number("version")?,
        since: Seq(number("since_seq")?),
        question,
    })
}

impl Tx {
    /// Adds the claims of a device for these PINs to its view, with their user records, templates and photos.
    pub(crate) async fn load_claims(
        &mut self,
        view: &mut DeviceView,
        pins: &[Pin],
    ) -> Result<(), StoreError> {
        let device = view.device;
        let mut claims: BTreeMap<Pin, Claim> = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!("SELECT * FROM claim WHERE device_id = ? AND pin IN ({})", places(list.len()));
            let mut select = query(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            for row in select.fetch_all(self.db()).await? {
                let pin = pin_of("claim", &row.try_get::<String, _>("pin")?)?;
                let state = state_of(&row, &pin)?;
                let user = match row.try_get::<Option<Vec<u8>>, _>("sealed")? {
                    Some(sealed) => {
                        let raw = self.keys.open(&user_place(device, &pin), &sealed)?;
                        let table: Option<String> = row.try_get("table_name")?;
                        user_of(table.as_deref(), &raw, view)
                    }
                    None => None,
                };
                claims.insert(pin, Claim { state, user, items: BTreeMap::new() });
            }
        }
        if claims.is_empty() {
            return Ok(());
        }
        let claimed: Vec<Pin> = claims.keys().cloned().collect();
        for list in lists(&claimed) {
            let sql = format!(
                "SELECT pin, kind, slot, algorithm, sealed FROM claim_item WHERE device_id = ? AND pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, sealed) in rows {
                let key = key_of("claim_item", (pin, kind, slot, algorithm))?;
                let content = unseal(&self.keys, &key, &item_place(device, &key), &sealed)?;
                if let Some(claim) = claims.get_mut(&key.pin) {
                    claim.items.insert(key.slot, content);
                }
            }
        }
        for (pin, claim) in claims {
            view.persons.entry(pin).or_default().claim = Some(claim);
        }
        Ok(())
    }

    /// Writes the new states of claims, and updates the records held for them. `users` are the user records of this
    /// upload.
    pub(crate) async fn put_claims(
        &mut self,
        view: &DeviceView,
        changes: &[(Pin, ClaimNews)],
        users: &BTreeMap<Pin, ClaimedUser>,
        at: Millis,
    ) -> Result<(), StoreError> {
        for (pin, news) in changes {
            match news {
                ClaimNews::Open(state) => {
                    let Some(claim) = view.claim(pin) else { continue };
                    self.put_claim(view.device, pin, state, at).await?;
                    if let Some(user) = users.get(pin).filter(|_| claim.user.is_some()) {
                        self.put_claimed_user(view.device, pin, user).await?;
                    }
                    self.put_claimed_items(view.device, pin, claim).await?;
                    if state.stage == Stage::Blocking {
                        self.change_held_kind(view.device, pin, "conflict").await?;
                    }
                }
                ClaimNews::Taken => {
                    self.remove_claim(view.device, pin).await?;
                    self.confirm_held(view, pin, users.get(pin), at).await?;
                }
                ClaimNews::Dropped => {
                    self.remove_claim(view.device, pin).await?;
                    query(
                        "UPDATE held SET resolved_at = ?, resolution = 'void' WHERE device_id = ? AND pin = ? \
                         AND kind IN ('waiting', 'conflict') AND resolved_at IS NULL",
                    )
                    .bind(at.0)
                    .bind(view.device)
                    .bind(pin.as_str())
                    .execute(self.db())
                    .await?;
                }
                ClaimNews::Raised => {
                    self.remove_claim(view.device, pin).await?;
                    self.change_held_kind(view.device, pin, "privilege").await?;
                }
                ClaimNews::Guarded => {
                    self.remove_claim(view.device, pin).await?;
                    self.change_held_kind(view.device, pin, "credential").await?;
                }
                ClaimNews::Left => {
                    self.mark_leftover(view.device, pin).await?;
                    self.remove_claim(view.device, pin).await?;
                    self.change_held_kind(view.device, pin, "leftover").await?;
                }
            }
        }
        Ok(())
    }

    async fn put_claim(
        &mut self,
        device: i64,
        pin: &Pin,
        state: &ClaimState,
        at: Millis,
    ) -> Result<(), StoreError> {
        let changing = [
            "reason",
            "stage",
            "life_seq",
            "version",
            "since_seq",
            "kind",
            "slot",
            "algorithm",
            "asked",
            "order_no",
            "asked_at",
            "shown",
            "times",
            "due_at",
        ];
        let upsert = self.engine.upsert("claim", "device_id, pin", &changing);
        let slot = state.question.map(|question| match question.subject {
            Subject::User => Slot::USER,
            Subject::Template(slot) => slot,
        });
        let (asked, order, asked_at) = match state.question.map(|question| question.asked) {
            None => (None, None, None),
            Some(Asked::Due) => (Some("due"), None, None),
            Some(Asked::Asked(order, since)) => (Some("asked"), Some(order), Some(since.0)),
            Some(Asked::Answered(at)) => (Some("answered"), None, Some(at.0)),
            Some(Asked::Refused(at)) => (Some("refused"), None, Some(at.0)),
        };
        query(statement(format!(
            "INSERT INTO claim (device_id, pin, reason, stage, life_seq, version, since_seq, kind, slot, algorithm, \
             asked, order_no, asked_at, shown, times, due_at, opened_at) VALUES {}{upsert}",
            rows(1, 17)
        )))
        .bind(device)
        .bind(pin.as_str())
        .bind(reason_text(state.reason))
        .bind(stage_text(state.stage))
        .bind(state.life.0)
        .bind(state.version)
        .bind(state.since.0)
        .bind(slot.map(|slot| slot.kind.code()))
        .bind(slot.map(|slot| slot.number))
        .bind(slot.map(|slot| slot.algorithm.code()))
        .bind(asked)
        .bind(order)
        .bind(asked_at)
        .bind(i64::from(state.question.is_some_and(|question| question.shown)))
        .bind(state.question.map_or(0, |question| i64::from(question.times)))
        .bind(state.due().map(|due| due.0))
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(())
    }

    async fn put_claimed_user(
        &mut self,
        device: i64,
        pin: &Pin,
        user: &ClaimedUser,
    ) -> Result<(), StoreError> {
        let sealed = self.keys.seal(&user_place(device, pin), &user.raw);
        query("UPDATE claim SET table_name = ?, sealed = ? WHERE device_id = ? AND pin = ?")
            .bind(user.table.clone())
            .bind(sealed)
            .bind(device)
            .bind(pin.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    async fn put_claimed_items(&mut self, device: i64, pin: &Pin, claim: &Claim) -> Result<(), StoreError> {
        query("DELETE FROM claim_item WHERE device_id = ? AND pin = ?")
            .bind(device)
            .bind(pin.as_str())
            .execute(self.db())
            .await?;
        let upsert = self.engine.upsert("claim_item", "device_id, pin, kind, slot, algorithm", &["sealed"]);
        for (slot, content) in &claim.items {
            let key = ItemKey { pin: pin.clone(), slot: *slot };
            let sealed = self.keys.seal(&item_place(device, &key), &content.to_bytes());
            let (pin, kind, slot, algorithm) = columns(&key);
            query(statement(format!(
                "INSERT INTO claim_item (device_id, pin, kind, slot, algorithm, sealed) VALUES {}{upsert}",
                rows(1, 6)
            )))
            .bind(device)
            .bind(pin)
            .bind(kind)
            .bind(slot)
            .bind(algorithm)
            .bind(sealed)
            .execute(self.db())
            .await?;
        }
        Ok(())
    }

    /// Adds marks for the templates and photos of a claim that becomes a leftover, so that Muster recognises them when
    /// a device uploads them again.
    async fn mark_leftover(&mut self, device: i64, pin: &Pin) -> Result<(), StoreError> {
        let rows: Vec<(String, i64, i64, i64, Vec<u8>)> = query_as(
            "SELECT pin, kind, slot, algorithm, sealed FROM claim_item WHERE device_id = ? AND pin = ?",
        )
        .bind(device)
        .bind(pin.as_str())
        .fetch_all(self.db())
        .await?;
        for (pin, kind, slot, algorithm, sealed) in rows {
            let key = key_of("claim_item", (pin, kind, slot, algorithm))?;
            let content = unseal(&self.keys, &key, &item_place(device, &key), &sealed)?;
            let hash = roster::hash(self.keys.hash_key(), &key.slot, &content);
            self.put_mark(&key.pin, hash, false).await?;
        }
        Ok(())
    }

    async fn remove_claim(&mut self, device: i64, pin: &Pin) -> Result<(), StoreError> {
        for remove in [
            "DELETE FROM claim WHERE device_id = ? AND pin = ?",
            "DELETE FROM claim_item WHERE device_id = ? AND pin = ?",
        ] {
            query(remove).bind(device).bind(pin.as_str()).execute(self.db()).await?;
        }
        Ok(())
    }

    /// Changes the kind of the records held for a claim, because they now wait for another decision.
    async fn change_held_kind(&mut self, device: i64, pin: &Pin, kind: &str) -> Result<(), StoreError> {
        query(
            "UPDATE held SET kind = ? WHERE device_id = ? AND pin = ? AND kind IN ('waiting', 'conflict') \
             AND resolved_at IS NULL",
        )
        .bind(kind)
        .bind(device)
        .bind(pin.as_str())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// The PINs of a device whose claims are due.
    ///
    /// # Errors
    /// Database errors.
    pub async fn due_claims(&mut self, device: i64, now: Millis, limit: i64) -> Result<Vec<Pin>, StoreError> {
        let rows: Vec<(String,)> = query_as(
            "SELECT pin FROM claim WHERE device_id = ? AND due_at <= ? ORDER BY due_at, pin LIMIT ?",
        )
        .bind(device)
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|(pin,)| pin_of("claim", pin)).collect()
    }

    /// The PIN whose claim is waiting for the answer to this queued command.
    ///
    /// # Errors
    /// Database errors.
    pub async fn claim_that_asks(&mut self, device: i64, order: i64) -> Result<Option<Pin>, StoreError> {
        let row: Option<(String,)> = query_as("SELECT pin FROM claim WHERE device_id = ? AND order_no = ?")
            .bind(device)
            .bind(order)
            .fetch_optional(self.db())
            .await?;
        row.map(|(pin,)| pin_of("claim", &pin)).transpose()
    }

    /// The marks of former owners of these PINs.
    pub(crate) async fn former_marks(
        &mut self,
        pins: &[Pin],
    ) -> Result<BTreeMap<Pin, FormerMarks>, StoreError> {
        let mut found: BTreeMap<Pin, FormerMarks> = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT pin, mark, by_operator FROM former_mark WHERE pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, Vec<u8>, i64)> = select.fetch_all(self.db()).await?;
            for (pin, mark, by_operator) in rows {
                let pin = pin_of("former_mark", &pin)?;
                let mark = hash_of("former_mark", &pin, mark)?;
                let marks = found.entry(pin).or_default();
                marks.all.insert(mark);
                if by_operator != 0 {
                    marks.removed.insert(mark);
                }
            }
        }
        Ok(found)
    }

    /// Stores the marks of the people of these PINs, whose lives are about to end.
    pub(crate) async fn mark_former(&mut self, pins: &[Pin], by: Option<i64>) -> Result<(), StoreError> {
        let key = self.keys.hash_key().clone();
        for (pin, versions) in self.user_versions(pins).await? {
            let users = versions.current.iter().chain(&versions.older);
            let marks: BTreeSet<ContentHash> = users.flat_map(|user| roster::marks(&key, user)).collect();
            for mark in marks {
                self.put_mark(&pin, mark, by.is_none()).await?;
            }
        }
        Ok(())
    }

    /// Stores marks for templates and photos that an operator rejected, so that they are recognised under this PIN.
    ///
    /// # Errors
    /// Database errors.
    pub async fn mark_discarded(&mut self, pin: &Pin, hashes: &[ContentHash]) -> Result<(), StoreError> {
        for hash in hashes {
            self.put_mark(pin, *hash, false).await?;
        }
        Ok(())
    }

    async fn put_mark(&mut self, pin: &Pin, mark: ContentHash, by_operator: bool) -> Result<(), StoreError> {
        let again = format!(
            "{}by_operator = CASE WHEN former_mark.by_operator = 1 THEN 1 ELSE {} END",
            self.engine.on_conflict("former_mark", "pin, mark"),
            self.engine.new_value("by_operator")
        );
        query(statement(format!("INSERT INTO former_mark (pin, mark, by_operator) VALUES (?, ?, ?){again}")))
            .bind(pin.as_str().to_owned())
            .bind(mark.0.to_vec())
            .bind(i64::from(by_operator))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// The current life of a PIN; `None` if no person has it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn life_of(&mut self, pin: &Pin) -> Result<Option<Seq>, StoreError> {
        let rows = self.item_rows(std::slice::from_ref(pin)).await?;
        let user = rows.get(&ItemKey { pin: pin.clone(), slot: Slot::USER });
        Ok(user.filter(|row| row.live).map(|row| row.created))
    }

    /// The devices that have a claim for this PIN.
    ///
    /// # Errors
    /// Database errors.
    pub async fn devices_with_claim(&mut self, pin: &Pin) -> Result<Vec<i64>, StoreError> {
        let select = query_scalar("SELECT device_id FROM claim WHERE pin = ? ORDER BY device_id");
        Ok(select.bind(pin.as_str()).fetch_all(self.db()).await?)
    }

    /// Resolves the records held for people whose lives end now.
    pub(crate) async fn close_held_of(&mut self, pins: &[Pin], at: Millis) -> Result<(), StoreError> {
        for list in lists(pins) {
            let sql = format!(
                "UPDATE held SET resolved_at = ?, resolution = 'person-gone' WHERE resolved_at IS NULL \
                 AND kind IN ('privilege', 'credential', 'deletion', 'part-deleted', 'cleared', 'brake') AND pin IN ({})",
                places(list.len())
            );
            let mut update = query(statement(sql)).bind(at.0);
            for pin in list {
                update = update.bind(pin.as_str());
            }
            update.execute(self.db()).await?;
        }
        Ok(())
    }
}

/// The user record of a claim, parsed for the device's capability.
pub(crate) fn user_of(table: Option<&str>, raw: &[u8], view: &DeviceView) -> Option<UserPatch> {
    roster::read(table, raw, &view.capability).into_iter().find_map(|reading| match reading {
        Reading::User { patch, .. } => Some(patch),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_unique_text() {
        let texts: BTreeSet<&str> = REASONS.iter().map(|(reason, _)| reason_text(*reason)).collect();
        assert_eq!(texts.len(), REASONS.len());
    }
}
