//! How much a device says to have room for.
//!
//! Devices tell it in units of their own (field note 9.1), some tell nonsense, and some models hold less than their
//! specification says (9.2). What is not told, is 0, or is less than what the device holds already, is no limit: then only
//! its answer -1001 tells that it is full.

use std::fmt;

use wire::BioType;

use super::Capability;
use crate::Kind;

/// The types of templates of which a device may tell how many it holds and takes.
const TYPES: u8 = 11;

impl Capability {
    /// The kinds of which a device may tell how many it holds and takes: users, and templates of each type.
    pub fn counted_kinds() -> impl Iterator<Item = Kind> {
        let templates = (1..TYPES).map(|number| Kind::Template(BioType(number)));
        std::iter::once(Kind::User).chain(templates)
    }

    /// How many of a kind the device holds, as it said last.
    ///
    /// A face is counted as near infrared or as visible light, whichever the device has.
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

    /// How many of a kind the device says it holds at most. `None` where that is no limit: it tells none, or nonsense,
    /// or does not tell how many it holds.
    pub fn room_for(&self, kind: Kind) -> Option<u64> {
        let most = match kind {
            Kind::User => self.users_max(),
            Kind::Template(bio_type) => self.templates_max(bio_type),
            _ => None,
        };
        let held = self.counted(kind)?;
        most.filter(|&most| most > 0 && most >= held)
    }

    /// `full: 3,000 of 3,000 fingerprints by its own word`, for people; `None` where the device tells no limit.
    pub fn describe_full(&self, kind: Kind, held: u64) -> Option<String> {
        let most = self.room_for(kind)?;
        let name = match kind {
            Kind::User => "users".to_owned(),
            Kind::Template(bio_type) => super::describe::name_of(bio_type),
            _ => return None,
        };
        Some(format!("full: {} of {} {name} by its own word", Grouped(held), Grouped(most)))
    }
}

/// A number with its thousands apart: `12,345`.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Self(self.0 / 1_000), self.0 % 1_000)
    }
}
