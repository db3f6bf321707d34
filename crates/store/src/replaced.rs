//! Records of a claim that later records replaced before the claim was accepted. They stay held.

use std::collections::BTreeMap;

use roster::{Millis, UserPatch};
use sqlx::query_as;
use sync::DeviceView;
use wire::Pin;

use crate::claim::{ClaimedUser, user_of};
use crate::keys::place_of_row;
use crate::{StoreError, Tx};

/// Number, tag, table, digest and sealed record of a held record.
type ClaimRecord = (i64, String, Option<String>, Vec<u8>, Vec<u8>);

impl Tx {
    /// Resolves the records held for an accepted claim. A record that something else replaced stays held as a
    /// leftover: another template of the same slot, or a user record with another name or card.
    pub(crate) async fn confirm_held(
        &mut self,
        view: &DeviceView,
        pin: &Pin,
        taken: Option<&ClaimedUser>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let records: Vec<ClaimRecord> = query_as(
            "SELECT held_id, tag, table_name, digest, sealed FROM held WHERE device_id = ? AND pin = ? \
             AND kind IN ('waiting', 'conflict') AND resolved_at IS NULL ORDER BY last_at, held_id",
        )
        .bind(view.device)
        .bind(pin.as_str())
        .fetch_all(self.db())
        .await?;
        let taken = taken.and_then(|taken| user_of(Some(&taken.table), &taken.raw, view));
        let replaced = self.replaced(view, &records, taken)?;
        for (id, ..) in records {
            if replaced.contains(&id) {
                sqlx::query("UPDATE held SET kind = 'leftover' WHERE held_id = ?")
                    .bind(id)
                    .execute(self.db())
                    .await?;
            } else {
                self.resolve_held(id, "confirmed", at).await?;
            }
        }
        Ok(())
    }

    /// The numbers of the records that later records replaced. User records are compared with the `taken` one, or
    /// else with the last one.
    fn replaced(
        &self,
        view: &DeviceView,
        records: &[ClaimRecord],
        taken: Option<UserPatch>,
    ) -> Result<Vec<i64>, StoreError> {
        let newest: BTreeMap<&str, i64> = records.iter().map(|(id, tag, ..)| (tag.as_str(), *id)).collect();
        let mut users = Vec::new();
        let mut replaced = Vec::new();
        for (id, tag, table, digest, sealed) in records {
            if tag != "USER" {
                replaced.extend((newest.get(tag.as_str()) != Some(id)).then_some(*id));
                continue;
            }
            let raw = self.keys.open(&place_of_row("held", view.device, digest), sealed)?;
            users.extend(user_of(table.as_deref(), &raw, view).map(|user| (*id, user)));
        }
        if let Some(last) = taken.or_else(|| users.last().map(|(_, user)| user.clone())) {
            replaced.extend(users.iter().filter(|(_, user)| names_another(user, &last)).map(|(id, _)| *id));
        }
        Ok(replaced)
    }
}

/// Whether a record has a name or card that the last record does not have.
fn names_another(user: &UserPatch, last: &UserPatch) -> bool {
    let card = |user: &UserPatch| user.card.clone().filter(|card| !card.is_empty());
    user.name != last.name || card(user).is_some_and(|number| card(last) != Some(number))
}
