//! Columns of `device` about storage: how much it holds of kinds with limited capacity, and which template it is
//! asked for to check that it keeps accepted ones.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Kind, Millis, Seq};
use sqlx::query;
use sync::Occupancy;
use sync::read_back::{ReadBack, Stage};

use crate::item::columns;
use crate::key::key_of;
use crate::{StoreError, Tx};

/// Parses kind codes separated by commas; `None` for any other text.
pub(crate) fn kinds_of(text: &str) -> Option<BTreeSet<Kind>> {
    text.split(',').filter(|code| !code.is_empty()).map(|code| Kind::from_code(code.parse().ok()?)).collect()
}

/// Formats kinds for [`kinds_of`].
pub(crate) fn kinds_text(kinds: &BTreeSet<Kind>) -> String {
    kinds.iter().map(|kind| kind.code().to_string()).collect::<Vec<_>>().join(",")
}

/// Parses `kind:held:tried at`, separated by commas; `None` for any other text.
pub(crate) fn loads_of(text: &str) -> Option<BTreeMap<Kind, Occupancy>> {
    let one = |text: &str| {
        let mut parts = text.split(':');
        let (kind, held, tried) = (parts.next()?, parts.next()?, parts.next()?);
        let tried_at = if tried.is_empty() { None } else { Some(Millis(tried.parse().ok()?)) };
        Some((Kind::from_code(kind.parse().ok()?)?, Occupancy { held: held.parse().ok()?, tried_at }))
    };
    text.split(',').filter(|text| !text.is_empty()).map(one).collect()
}

/// Formats occupancies for [`loads_of`]. `None` for an empty map.
pub(crate) fn loads_text(loads: &BTreeMap<Kind, Occupancy>) -> Option<String> {
    let one = |(kind, load): (&Kind, &Occupancy)| {
        let tried = load.tried_at.map(|at| at.0.to_string()).unwrap_or_default();
        format!("{}:{}:{tried}", kind.code(), load.held)
    };
    (!loads.is_empty()).then(|| loads.iter().map(one).collect::<Vec<_>>().join(","))
}

/// Parses a read-back request; `None` for any other text.
pub(crate) fn read_back_of(text: &str) -> Option<ReadBack> {
    let mut parts = text.splitn(9, ';');
    let stage = parts.next()?;
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (order, since, seq, misses) = (number()?, number()?, number()?, number()?);
    let (kind, slot, algorithm) = (number()?, number()?, number()?);
    let stage = match stage {
        "again" => Stage::Again,
        "later" => Stage::Later,
        "asked" => Stage::Asked(order),
        "answered" => Stage::Answered,
        _ => return None,
    };
    let key = key_of("device", (parts.next()?.to_owned(), kind, slot, algorithm)).ok()?;
    Some(ReadBack { key, seq: Seq(seq), misses: misses.try_into().ok()?, stage, since: Millis(since) })
}

/// Formats a read-back request for [`read_back_of`].
pub(crate) fn read_back_text(read_back: &ReadBack) -> String {
    let (stage, order) = match read_back.stage {
        Stage::Again => ("again", 0),
        Stage::Later => ("later", 0),
        Stage::Asked(order) => ("asked", order),
        Stage::Answered => ("answered", 0),
    };
    let (pin, kind, slot, algorithm) = columns(&read_back.key);
    let ReadBack { since, seq, misses, .. } = read_back;
    format!("{stage};{order};{};{};{misses};{kind};{slot};{algorithm};{pin}", since.0, seq.0)
}

impl Tx {
    /// Writes the read-back request of a device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_read_back(&mut self, device: i64, read_back: &ReadBack) -> Result<(), StoreError> {
        query("UPDATE device SET read_back = ? WHERE device_id = ?")
            .bind(read_back_text(read_back))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
