//! Comparison of values with the form in which a device keeps them.
//!
//! A device uploads users in the form in which it keeps them. A name may be cut at 24 bytes, or have `?` in place
//! of characters that the device's charset lacks. Such a name is still the fleet's: to treat it as an edit would
//! spread the damage (field notes 5.7, 5.11, 10).

use wire::Charset;

use crate::user_patch::own_mode;
use crate::{Capability, Field, StoredName, UserFields, UserPatch, canonical};

/// Bytes at which devices cut a name, if nothing else is known of the device (field note 5.7).
const NAME_BYTES: usize = 24;

/// Fewest bytes of a name that counts as cut; a shorter one counts as changed.
pub(crate) const LEAST_KEPT: usize = 20;

/// Whether the upload's value of `field` is the value of `fields` in the form that this device keeps.
///
/// The upload must hold a value of the field.
pub(crate) fn equals_as_kept(
    field: Field,
    patch: &UserPatch,
    fields: &UserFields,
    capability: &Capability,
) -> bool {
    let said = |text: &Option<String>, ours: &str| text.as_deref() == Some(ours);
    match field {
        Field::Name => patch.name.as_ref().is_some_and(|name| name_is(name, &fields.name, capability)),
        Field::Privilege => patch.privilege == Some(fields.privilege),
        Field::Password => said(&patch.password, &fields.password),
        Field::Card => said(&patch.card, fields.card.as_deref().unwrap_or_default()),
        Field::ViceCard => said(&patch.vice_card, fields.vice_card.as_deref().unwrap_or_default()),
        Field::Group => patch.group == Some(canonical::group(fields.group)),
        Field::TimeZones => said(&patch.time_zones, &canonical::time_zones(&fields.time_zones)),
        Field::Verify => patch.verify.is_some_and(|mode| own_mode(mode) == fields.verify),
        Field::Validity => {
            patch.start == fields.start && patch.end == fields.end && patch.expires == fields.expires
        }
    }
}

/// Whether a name on a device equals `ours`: it is the same text, or `ours` in the device's charset with `?` for
/// missing characters, or `ours` cut where this device cuts names. A beginning of another length is another name.
pub(crate) fn name_is(kept: &StoredName, ours: &str, capability: &Capability) -> bool {
    let ours = canonical::name(ours);
    if kept.canonical() == ours {
        return true;
    }
    let raw = kept.raw.trim_ascii();
    raw == sent_name(&ours, capability).trim_ascii()
        || is_cut_at(capability.name_bytes().unwrap_or(NAME_BYTES), raw, &ours, capability.charset())
}

/// Whether a name on a device may be `ours`, cut anywhere. It serves to identify people and decides no edit.
pub(crate) fn name_may_be(kept: &StoredName, ours: &str, capability: &Capability) -> bool {
    let sent = capability.charset().encode(&canonical::name(ours));
    let raw = kept.raw.trim_ascii();
    name_is(kept, ours, capability) || (raw.len() >= LEAST_KEPT && sent.starts_with(raw))
}

/// A name as this device gets it: in the device's charset, and cut at whole characters to the length that the
/// device keeps.
pub(crate) fn sent_name(ours: &str, capability: &Capability) -> Vec<u8> {
    spelled_name(ours, capability.charset(), capability.name_bytes())
}

/// A name in a charset, cut at whole characters to at most `most_bytes`.
pub(crate) fn spelled_name(ours: &str, charset: Charset, most_bytes: Option<usize>) -> Vec<u8> {
    match most_bytes {
        Some(bytes) => charset.encode(&charset.cut(ours, bytes)),
        None => charset.encode(ours),
    }
}

/// Whether `raw` is `ours` on a device that cuts names at this many bytes. Some devices cut within a character,
/// others before it.
fn is_cut_at(bytes: usize, raw: &[u8], ours: &str, charset: Charset) -> bool {
    let sent = charset.encode(ours);
    let within = || sent.get(..bytes).is_some_and(|sent| sent.trim_ascii() == raw);
    sent.len() > bytes && (within() || charset.encode(&charset.cut(ours, bytes)).trim_ascii() == raw)
}

/// Whether `ours` is the name that this device shows, cut by another device.
pub(crate) fn is_cut(ours: &str, shown: &StoredName, capability: &Capability) -> bool {
    let charset = capability.charset();
    is_cut_at(NAME_BYTES, charset.encode(ours).trim_ascii(), &shown.canonical(), charset)
}
