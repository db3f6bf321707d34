//! Photos that a device accepts.

use super::Capability;
use crate::{Kind, Slot};

/// The largest photo that a device accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhotoLimit {
    /// Most bytes of the JPEG, inclusive.
    pub bytes: usize,
}

impl PhotoLimit {
    /// The size that every visible-light device was seen to accept (field note 6.5: 45 to 60 KB work).
    const USUAL: Self = Self { bytes: 60_000 };

    /// The first generation of clients ignores photos of 30 KB and more (field note 6.13).
    const FIRST_CLIENT: Self = Self { bytes: 30_000 - 1 };
}

impl Capability {
    /// The largest photo in this slot that the device accepts; `None` for other items.
    ///
    /// No parameter of the protocol reports it (§8).
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

    /// Whether Muster may send a photo in this slot as a URL if an operator wants that. For a user photo the
    /// device must report it (`UserPicURLFunOn=1`, §12.1.1.7).
    pub fn accepts_photo_url(&self, slot: &Slot) -> bool {
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
