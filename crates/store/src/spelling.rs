//! `spelling`: PINs that differ only in the case of their letters.

use std::collections::BTreeMap;

use roster::Slot;
use sqlx::{query, query_as};
use wire::Pin;

use crate::item::ItemRow;
use crate::key::pin_of;
use crate::sql::{batches, lists, places, rows, statement};
use crate::{StoreError, Tx};

fn has_letters(pin: &Pin) -> bool {
    pin.as_str().bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn folded(pin: &Pin) -> String {
    pin.as_str().to_ascii_lowercase()
}

impl Tx {
    /// For each PIN that live users have only in another spelling, that spelling: `a1` gives `A1` if the fleet has
    /// `A1`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pins_differing_in_case(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, Pin>, StoreError> {
        let wanted: Vec<&Pin> = pins.iter().filter(|pin| has_letters(pin)).collect();
        let keys: Vec<String> = wanted.iter().map(|pin| folded(pin)).collect();
        let mut held: BTreeMap<String, Vec<Pin>> = BTreeMap::new();
        for list in lists(&keys) {
            let sql = format!(
                "SELECT pin_folded, pin FROM spelling WHERE pin_folded IN ({}) AND EXISTS \
                 (SELECT 1 FROM item i WHERE i.pin = spelling.pin AND i.kind = 0 AND i.live = 1)",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for key in list {
                select = select.bind(key.clone());
            }
            let rows: Vec<(String, String)> = select.fetch_all(self.db()).await?;
            for (key, pin) in rows {
                held.entry(key).or_default().push(pin_of("item", &pin)?);
            }
        }
        let other = |pin: &Pin| {
            let others = held.get(&folded(pin))?;
            // The fleet already has this exact spelling.
            if others.contains(pin) { None } else { others.first().cloned() }
        };
        Ok(wanted.into_iter().filter_map(|pin| Some((pin.clone(), other(pin)?))).collect())
    }

    /// Stores the spellings of new users.
    pub(crate) async fn put_spellings(&mut self, items: &[&ItemRow]) -> Result<(), StoreError> {
        let lettered = |row: &&&ItemRow| row.key.slot == Slot::USER && has_letters(&row.key.pin);
        let pins: Vec<&Pin> = items.iter().filter(lettered).map(|row| &row.key.pin).collect();
        for batch in batches(&pins) {
            let into = self.engine.insert_new();
            let sql = format!("{into}spelling (pin_folded, pin) VALUES {}", rows(batch.len(), 2));
            let mut insert = query(statement(sql));
            for pin in batch {
                insert = insert.bind(folded(pin)).bind(pin.as_str().to_owned());
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }
}
