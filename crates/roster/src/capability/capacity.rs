//! Capacity: how many records a device reports to hold at most.
//!
//! Devices report it in different units (field note 9.1), some report nonsense, and some models hold less than
//! their specification says (9.2). A capacity that is not reported, is 0, or is less than the device already
//! holds, is no limit. Then only the return code -1001 shows that the device is full.

use std::fmt;

use wire::BioType;

use super::Capability;
use crate::Kind;

/// The number of biometric types for which a device may report number and capacity.
const TYPES: u8 = 11;

impl Capability {
    /// The kinds for which a device may report number and capacity: users, and templates of each type.
    pub fn kinds_with_capacity() -> impl Iterator<Item = Kind> {
        let templates = (1..TYPES).map(|number| Kind::Template(BioType(number)));
        std::iter::once(Kind::User).chain(templates)
    }

    /// The number of items of a kind that the device last reported to hold.
    ///
    /// A device counts its faces as near infrared or as visible light, whichever it has.
    pub fn counted(&self, kind: Kind) -> Option<u64> {
        let counts = self.counts();
        let of_all_types = || match kind {
            Kind::Template(bio_type) => self.facts.templates_held(bio_type),
            _ => None,
        };
        let named = match kind {
            Kind::User => counts.users,
            Kind::Template(BioType::FINGERPRINT) => counts.fingerprints,
            Kind::Template(BioType::FACE | BioType::VISIBLE_FACE) => counts.faces,
            Kind::Template(BioType::FINGER_VEIN) => counts.finger_veins,
            Kind::Template(BioType::PALM) => counts.palms,
            _ => None,
        };
        named.or_else(of_all_types)
    }

    /// The capacity for a kind. `None` if there is no limit: the device reports no capacity, or nonsense, or not
    /// how many it holds.
    pub fn capacity_for(&self, kind: Kind) -> Option<u64> {
        let most = match kind {
            Kind::User => self.users_max(),
            Kind::Template(bio_type) => self.templates_max(bio_type),
            _ => None,
        };
        let held = self.counted(kind)?;
        most.filter(|&most| most > 0 && most >= held)
    }

    /// Describes a full device: `full: 3,000 of 3,000 fingerprints, as the device reports`. `None` if the device
    /// reports no limit.
    pub fn describe_capacity_limit(&self, kind: Kind, held: u64) -> Option<String> {
        let most = self.capacity_for(kind)?;
        let name = match kind {
            Kind::User => "users".to_owned(),
            Kind::Template(bio_type) => super::describe::name_of(bio_type),
            _ => return None,
        };
        Some(format!("full: {} of {} {name}, as the device reports", Grouped(held), Grouped(most)))
    }
}

/// A number with separated thousands: `12,345`.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Self(self.0 / 1_000), self.0 % 1_000)
    }
}
