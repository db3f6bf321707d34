//! `user_body`: the fields of live users.

use std::collections::BTreeMap;

use roster::{Content, ItemKey, Millis, UserFields};
use sqlx::any::AnyRow;
use sqlx::{Row as _, query};
use wire::Pin;

use crate::item::ItemRow;
use crate::key::pin_of;
use crate::sql::{batches, lists, places, rows, statement};
use crate::{Keys, StoreError, Tx};

/// The columns of the fields, for every query that selects them.
pub(crate) const FIELDS: &str = "u.name, u.privilege, u.password, u.card, u.vice_card, u.group_no, u.time_zones, \
                                 u.verify_mode, u.start_at, u.end_at, u.expires";

/// The place to which a password is sealed.
fn password_place(pin: &Pin) -> String {
    format!("password {pin}")
}

/// The user fields in a row with [`FIELDS`].
pub(crate) fn fields_of(keys: &Keys, pin: &Pin, row: &AnyRow) -> Result<UserFields, StoreError> {
    let number = |column: &'static str| -> Result<i32, StoreError> { Ok(row.try_get::<i32, _>(column)?) };
    let optional = |column: &'static str| -> Result<Option<i32>, StoreError> { Ok(row.try_get(column)?) };
    let password = match row.try_get::<Option<Vec<u8>>, _>("password")? {
        None => String::new(),
        Some(sealed) => {
            let place = password_place(pin);
            String::from_utf8(keys.open(&place, &sealed)?).map_err(|_| StoreError::Sealed { place })?
        }
    };
    Ok(UserFields {
        name: row.try_get("name")?,
        privilege: number("privilege")?,
        password,
        card: row.try_get("card")?,
        vice_card: row.try_get("vice_card")?,
        group: number("group_no")?,
        time_zones: row.try_get("time_zones")?,
        verify: optional("verify_mode")?,
        start: row.try_get("start_at")?,
        end: row.try_get("end_at")?,
        expires: optional("expires")?,
    })
}

impl Tx {
    /// Writes the users among `contents`.
    pub(crate) async fn put_users(
        &mut self,
        contents: &[(&ItemRow, &Content)],
        at: Millis,
    ) -> Result<(), StoreError> {
        let users: Vec<(&ItemRow, &UserFields)> = contents
            .iter()
            .filter_map(|(row, content)| match content {
                Content::User(fields) => Some((*row, fields)),
                _ => None,
            })
            .collect();
        let (new, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|(row, _)| row.is_new());
        self.insert_users(&new, "", at).await?;
        if others.is_empty() {
            return Ok(());
        }
        let upsert = self.engine.upsert(
            "user_body",
            "item_id",
            &[
                "name",
                "privilege",
                "password",
                "card",
                "vice_card",
                "group_no",
                "time_zones",
                "verify_mode",
                "start_at",
                "end_at",
                "expires",
            ],
        );
        self.insert_users(&others, &upsert, at).await
    }

    /// Inserts rows of users. `conflict` is the clause for rows that already exist.
    async fn insert_users(
        &mut self,
        users: &[(&ItemRow, &UserFields)],
        conflict: &str,
        at: Millis,
    ) -> Result<(), StoreError> {
        for batch in batches(users) {
            let sql = format!(
                "INSERT INTO user_body (item_id, name, privilege, password, card, vice_card, group_no, time_zones, \
                 verify_mode, start_at, end_at, expires, created_at) VALUES {}{conflict}",
                rows(batch.len(), 13)
            );
            let mut insert = query(statement(sql));
            for (row, fields) in batch {
                let password = (!fields.password.is_empty())
                    .then(|| self.keys.seal(&password_place(&row.key.pin), fields.password.as_bytes()));
                insert = insert
                    .bind(row.id)
                    .bind(fields.name.clone())
                    .bind(fields.privilege)
                    .bind(password)
                    .bind(fields.card.clone())
                    .bind(fields.vice_card.clone())
                    .bind(fields.group)
                    .bind(fields.time_zones.clone())
                    .bind(fields.verify)
                    .bind(fields.start.clone())
                    .bind(fields.end.clone())
                    .bind(fields.expires)
                    .bind(at.0);
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// The users of these item ids that are live.
    pub(crate) async fn user_fields(
        &mut self,
        ids: &[i64],
    ) -> Result<BTreeMap<ItemKey, UserFields>, StoreError> {
        let mut found = BTreeMap::new();
        for list in lists(ids) {
            let sql = format!(
                "SELECT i.pin, {FIELDS} FROM user_body u JOIN item i ON i.item_id = u.item_id \
                 WHERE u.item_id IN ({})",
                places(list.len())
            );
            let mut select = query(statement(sql));
            for id in list {
                select = select.bind(*id);
            }
            for row in select.fetch_all(self.db()).await? {
                let pin = pin_of("item", row.try_get("pin")?)?;
                let fields = fields_of(&self.keys, &pin, &row)?;
                found.insert(ItemKey { pin, slot: roster::Slot::USER }, fields);
            }
        }
        Ok(found)
    }
}
