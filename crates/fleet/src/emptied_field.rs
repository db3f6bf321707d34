//! Names, cards and passwords that were emptied at a device: the held record, and the decision of the operator.

use roster::{Content, Field, HashKey, Millis, Slot, UserFields};
use store::Tx;
use wire::Pin;

use crate::held::ResolveError;
use crate::user::{self, UserEdit};

/// The held record of an emptied field: the field, and a keyed hash of the value that the fleet keeps. If the same field is
/// emptied again, the record is equal.
pub fn record(pin: &Pin, field: Field, ours: &UserFields, key: &HashKey) -> Vec<u8> {
    format!("emptied {pin} {} {field}", value(field, ours, key)).into_bytes()
}

/// The reason, in words for operators.
pub fn reason(pin: &Pin, field: Field) -> String {
    format!("the {field} of PIN {pin} was emptied at the device; the fleet keeps it")
}

/// Applies the decision that the device is right: empties the field everywhere, unless its value has changed since.
///
/// # Errors
/// [`ResolveError`].
pub async fn empty_everywhere(tx: &mut Tx, pin: &Pin, raw: &[u8], now: Millis) -> Result<(), ResolveError> {
    let versions = tx.user_versions(std::slice::from_ref(pin)).await?.remove(pin);
    let ours = versions.and_then(|versions| versions.current).ok_or(ResolveError::Unreadable)?;
    let is_held = |field: &Field| raw.ends_with(format!(" {field}").as_bytes());
    let field = Field::CLEARABLE.into_iter().find(is_held).ok_or(ResolveError::Unreadable)?;
    if raw != record(pin, field, &ours, tx.hash_key()) {
        return Err(ResolveError::Replaced(field));
    }
    let mut edit = UserEdit::default();
    let place = match field {
        Field::Name => &mut edit.name,
        Field::Password => &mut edit.password,
        _ => &mut edit.card,
    };
    *place = Some(String::new());
    user::set(tx, pin, &edit, now).await?;
    Ok(())
}

fn value(field: Field, ours: &UserFields, key: &HashKey) -> String {
    let hash = roster::hash(key, &Slot::USER, &Content::User(ours.only(field)));
    format!("{:032x}", u128::from_be_bytes(hash.0))
}
