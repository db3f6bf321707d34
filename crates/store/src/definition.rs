//! Definitions: the definitions of a kind in the fleet, and the users that refer to them.

use std::collections::BTreeMap;

use roster::{Area, Content, Definition, DefinitionKind, DefinitionName, ItemKey, Kind, Millis, Seq};
use sqlx::{query_as, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::{StoreError, Tx};

/// A definition of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// Its name.
    pub name: DefinitionName,
    /// Its content.
    pub definition: Definition,
    /// The areas that it belongs to.
    pub areas: Vec<Area>,
    /// The feed number of its newest version.
    pub seq: Seq,
    /// When it changed.
    pub changed_at: Millis,
    /// The device where it changed; `None` for an operator.
    pub changed_by: Option<i64>,
}

impl Tx {
    /// The live definitions of a kind, in the order of their owners.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a body that cannot be decrypted.
    pub async fn definitions(&mut self, kind: DefinitionKind) -> Result<Vec<Defined>, StoreError> {
        let pins: Vec<String> = query_scalar("SELECT pin FROM item WHERE kind = ? AND live = 1 ORDER BY pin")
            .bind(Kind::Definition(kind).code())
            .fetch_all(self.db())
            .await?;
        let owners: Vec<Pin> = pins.iter().map(|pin| pin_of("item", pin)).collect::<Result<_, _>>()?;
        let keys: Vec<ItemKey> =
            owners.iter().map(|owner| ItemKey { pin: owner.clone(), slot: kind.slot() }).collect();
        let contents = self.contents(&keys).await?;
        let items = self.items_of(&owners).await?;
        Ok(contents
            .into_iter()
            .filter_map(|(key, content)| {
                let Content::Definition(definition) = content else { return None };
                let items = items.get(&key.pin)?;
                let root = items.iter().find(|item| item.slot == key.slot)?;
                Some(Defined {
                    name: DefinitionName::of(&key.pin)?,
                    definition,
                    areas: items
                        .iter()
                        .filter(|item| item.live)
                        .filter_map(|item| item.slot.area())
                        .collect(),
                    seq: root.seq,
                    changed_at: root.changed_at,
                    changed_by: root.changed_by,
                })
            })
            .collect())
    }

    /// The number of live users in an access group.
    ///
    /// # Errors
    /// Database errors.
    pub async fn users_in_group(&mut self, group: i64) -> Result<i64, StoreError> {
        Ok(query_scalar("SELECT COUNT(*) FROM user_body WHERE group_no = ?")
            .bind(group)
            .fetch_one(self.db())
            .await?)
    }

    /// The personal time zones of live users, as devices write them, with the number of users of each.
    ///
    /// # Errors
    /// Database errors.
    pub async fn user_time_zones(&mut self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows: Vec<(String, i64)> =
            query_as("SELECT time_zones, COUNT(*) FROM user_body WHERE time_zones <> '' GROUP BY time_zones")
                .fetch_all(self.db())
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// The live users who have this personal message.
    ///
    /// # Errors
    /// Database errors.
    pub async fn users_of_message(&mut self, message: u16) -> Result<Vec<Pin>, StoreError> {
        let pins: Vec<String> =
            query_scalar("SELECT pin FROM item WHERE kind = ? AND slot = ? AND live = 1 ORDER BY pin")
                .bind(Kind::PersonalMessage.code())
                .bind(i64::from(message))
                .fetch_all(self.db())
                .await?;
        pins.iter().map(|pin| pin_of("item", pin)).collect()
    }
}
