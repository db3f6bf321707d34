//! Which photos a device takes, and how.

use super::Capability;
use crate::{Kind, Slot};

/// How much of a photo a device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhotoLimit {
    /// Bytes of the JPEG, that of the largest included.
    pub bytes: usize,
}

impl PhotoLimit {
    /// What every visible-light device was seen to take (field note 6.5: 45 to 60 KB work).
    const USUAL: Self = Self { bytes: 60_000 };

    /// The first generation of clients passes over pictures of 30 KB and more (field note 6.13).
    const FIRST_CLIENT: Self = Self { bytes: 30_000 - 1 };
}

impl Capability {
    /// How large a photo in this slot may be for the device; `None` for what is no photo.
    ///
    /// No parameter of the protocol tells it (§8).
    pub fn photo_limit(&self, slot: &Slot) -> Option<PhotoLimit> {
        match slot.kind {
            Kind::UserPhoto if self.facts.first_client => Some(PhotoLimit::FIRST_CLIENT),
            Kind::UserPhoto | Kind::ComparisonPhoto => Some(PhotoLimit::USUAL),
            Kind::User
            | Kind::Membership
            | Kind::Template(_)
            | Kind::PersonalMessage
            | Kind::Definition(_) => None,
        }
    }

    /// Whether a photo in this slot may be sent as a URL, where an operator wants that: a user photo only where the
    /// device says so (`UserPicURLFunOn=1`, §12.1.1.7).
    pub fn fetches_photo(&self, slot: &Slot) -> bool {
        match slot.kind {
            Kind::UserPhoto => self.facts.user_photo_by_url,
            Kind::ComparisonPhoto => true,
            Kind::User
            | Kind::Membership
            | Kind::Template(_)
            | Kind::PersonalMessage
            | Kind::Definition(_) => false,
        }
    }
}
