//! Item keys as columns: `pin`, `kind`, `slot`, `algorithm`.

use std::collections::BTreeSet;

use roster::{Algorithm, ContentHash, ItemKey, Kind, Slot};
use wire::Pin;

use crate::StoreError;

/// The four columns of a key, as a query returns them.
pub(crate) type KeyColumns = (String, i64, i64, i64);

/// The key in four columns.
pub(crate) fn key_of(table: &'static str, columns: KeyColumns) -> Result<ItemKey, StoreError> {
    let (pin, kind, number, algorithm) = columns;
    let wrong = |column| StoreError::Inconsistent { table, column, key: format!("an item of {pin}") };
    Ok(ItemKey {
        slot: Slot {
            kind: Kind::from_code(kind).ok_or_else(|| wrong("kind"))?,
            number,
            algorithm: Algorithm::from_code(algorithm).ok_or_else(|| wrong("algorithm"))?,
        },
        pin: pin_of(table, &pin)?,
    })
}

/// The PIN of a column, or the owner of a definition. No other text is accepted.
pub(crate) fn pin_of(table: &'static str, pin: &str) -> Result<Pin, StoreError> {
    let owner = match pin.strip_prefix('!') {
        Some(name) => Pin::reserved(name),
        None => pin.parse(),
    };
    owner.map_err(|_| StoreError::Inconsistent { table, column: "pin", key: "a row".into() })
}

/// Converts a number to its Rust type, with a range check.
pub(crate) fn narrow<T: TryFrom<i64>>(
    table: &'static str,
    column: &'static str,
    key: &impl ToString,
    number: i64,
) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Inconsistent { table, column, key: key.to_string() })
}

/// Converts the hash of a column.
pub(crate) fn hash_of(
    table: &'static str,
    key: &impl ToString,
    bytes: impl AsRef<[u8]>,
) -> Result<ContentHash, StoreError> {
    <[u8; 16]>::try_from(bytes.as_ref()).map(ContentHash).map_err(|_| StoreError::Inconsistent {
        table,
        column: "hash",
        key: key.to_string(),
    })
}

/// The place to which the body of an item is sealed.
pub(crate) fn place(key: &ItemKey) -> String {
    let Slot { kind, number, algorithm } = key.slot;
    format!("item {} {} {number} {}", key.pin, kind.code(), algorithm.code())
}

/// The PINs of the keys, without duplicates.
pub(crate) fn pins_of<'a>(keys: impl IntoIterator<Item = &'a ItemKey>) -> Vec<Pin> {
    let pins: BTreeSet<&Pin> = keys.into_iter().map(|key| &key.pin).collect();
    pins.into_iter().cloned().collect()
}
