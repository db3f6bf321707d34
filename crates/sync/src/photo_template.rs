//! Photo templates: templates that a device makes of a comparison photo (§3.1, `PostBackTmpFlag` of §12.1.1.8).

use roster::{Format, ItemKey, Kind, Millis, Seq, Slot};
use wire::BioType;

use crate::view::{DeviceView, ItemState, Person};

/// For this time after a comparison photo went to a device, Muster assumes that the device made its next template of
/// that photo, ms.
const MADE_WITHIN_MS: i64 = 3_600_000;

/// A comparison photo that went to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoSent {
    /// When the photo was sent the last time.
    pub at: Millis,
    /// The newest version of the photo that was sent.
    pub seq: Seq,
}

impl Person {
    /// Whether the template was made of a photo that was replaced since. Then it shows how the person looked earlier.
    pub(crate) fn is_outdated(&self, slot: &Slot, item: &ItemState) -> bool {
        let Kind::Template(bio_type) = slot.kind else { return false };
        let photo = self.items.get(&Slot::comparison_photo(bio_type)).filter(|photo| photo.live);
        item.made_of.zip(photo).is_some_and(|(made_of, photo)| made_of < photo.seq)
    }
}

impl DeviceView {
    /// Whether the device should upload the template that it makes of this comparison photo: the fleet has no current
    /// template of the device's own version.
    pub fn asks_for_template(&self, photo: &ItemKey) -> bool {
        let Some(bio_type) = photo_type(&photo.slot) else { return false };
        let Some(person) = self.person(&photo.pin) else { return true };
        let own = self.capability.version_of(bio_type).map(|(major, _)| major);
        !person.items.iter().any(|(slot, item)| {
            item.live
                && slot.kind == Kind::Template(bio_type)
                && slot.number == 0
                && slot.algorithm.format == Format::Zk
                && Some(slot.algorithm.major) == own
                && !person.is_outdated(slot, item)
        })
    }

    /// The version of the photo of which the device made the template in this slot, `None` if it did not.
    pub(crate) fn made_of(&self, template: &ItemKey, now: Millis) -> Option<Seq> {
        let Kind::Template(bio_type) = template.slot.kind else { return None };
        let sent = self.person(&template.pin)?.photos_sent.get(&bio_type)?;
        let in_time = template.slot.number == 0 && now < sent.at.plus(MADE_WITHIN_MS);
        // A device makes one template of each photo. A later one was enrolled.
        let came = self
            .item(template)
            .is_some_and(|item| item.changed_by == Some(self.device) && item.made_of == Some(sent.seq));
        (in_time && !came).then_some(sent.seq)
    }

    /// Whether the device made the fleet's version of this template of a photo itself. Then Muster does not send it
    /// back.
    pub(crate) fn holds_own(&self, template: &ItemKey) -> bool {
        self.item(template).is_some_and(|item| item.made_of.is_some() && item.changed_by == Some(self.device))
    }
}

/// The type of the template that devices make of the photo in this slot.
fn photo_type(slot: &Slot) -> Option<BioType> {
    let number = u8::try_from(slot.number).ok()?;
    (slot.kind == Kind::ComparisonPhoto).then_some(BioType(number))
}
