//! `item.pin_folded`: PINs that differ in the case of their letters alone.

use std::collections::BTreeMap;

use sqlx::query_as;
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

impl Tx {
    /// Which of some PINs users of the fleet have in another spelling, and in which: `a1` where the fleet has `A1`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn spelled_otherwise(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, Pin>, StoreError> {
        let has_letters = |pin: &&Pin| pin.as_str().bytes().any(|byte| byte.is_ascii_alphabetic());
        let folded = |pin: &Pin| pin.as_str().to_ascii_lowercase();
        let wanted: Vec<&Pin> = pins.iter().filter(has_letters).collect();
        let keys: Vec<String> = wanted.iter().map(|pin| folded(pin)).collect();
        let mut held: BTreeMap<String, Vec<Pin>> = BTreeMap::new();
        for list in lists(&keys) {
            let sql = format!(
                "SELECT pin_folded, pin FROM item WHERE pin_folded IN ({}) AND live = 1",
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
            // Where the fleet has this very spelling, it is nothing new.
            if others.contains(pin) { None } else { others.first().cloned() }
        };
        Ok(wanted.into_iter().filter_map(|pin| Some((pin.clone(), other(pin)?))).collect())
    }
}
