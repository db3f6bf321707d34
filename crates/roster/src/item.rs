//! Items, the units of synchronisation, and their keys.

use std::fmt;

use wire::{BioType, Pin};

use crate::{DefinitionKind, DefinitionName};

/// The number of a change in the feed. Numbers are unique and become visible in ascending order; 0 precedes every
/// change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// The time `ms` milliseconds later; saturates instead of wrapping.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// An area, which groups devices and users: a device holds the users that share an area with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area(pub i64);

impl Area {
    /// The default area of every user and every device.
    pub const EVERYONE: Self = Self(1);
}

/// The kind of an item. A first fill sends the items of one user in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Name, card, password and the other fields of a user (§11.5).
    User,
    /// A membership of the user, or of the definition, in an area. Muster never sends it; it decides which devices
    /// get the owner's items.
    Membership,
    /// The photo that a device shows at a punch (`USERPIC`, §11.13).
    UserPhoto,
    /// The photo from which a visible-light device makes its own template (`BIOPHOTO`, §11.15).
    ComparisonPhoto,
    /// The assignment of a personal message to the user (`USER_SMS`, §12.1.1.10).
    PersonalMessage,
    /// A definition of the fleet: the only item of a reserved key, besides its memberships.
    Definition(DefinitionKind),
    /// A biometric template of any form (§11.9 to §11.12).
    Template(BioType),
}

impl Kind {
    /// The number by which this kind is stored: 11 to 16 for definitions, 100 and more for templates, in the order
    /// of [`Kind`].
    pub const fn code(self) -> i64 {
        match self {
            Self::User => 0,
            Self::Membership => 1,
            Self::UserPhoto => 2,
            Self::ComparisonPhoto => 3,
            Self::PersonalMessage => 4,
            Self::Definition(kind) => 10 + kind.code(),
            Self::Template(BioType(number)) => 100 + number as i64,
        }
    }

    /// The kind with a stored number; `None` for an unknown number.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            0 => Self::User,
            1 => Self::Membership,
            2 => Self::UserPhoto,
            3 => Self::ComparisonPhoto,
            4 => Self::PersonalMessage,
            11..=16 => Self::Definition(DefinitionKind::from_code(code - 10)?),
            _ => Self::Template(BioType(u8::try_from(code.checked_sub(100)?).ok()?)),
        })
    }
}

/// The layout of a template's bytes. Only templates with the same layout are interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The vendor's own (`Format=0` or `ZK`); also for data without a format.
    Zk,
    /// ISO fingerprint (`Format=1`).
    Iso,
    /// ANSI fingerprint (`Format=2`).
    Ansi,
    /// The parts of a `FACE` upload (§11.10). Whether they can be converted to `BIODATA` type 2 is unknown.
    FaceParts,
    /// Another `Format` number of a `BIODATA` record.
    Other(u8),
}

/// The algorithm of a template. A user may have templates of several algorithms at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm {
    /// Layout of the bytes.
    pub format: Format,
    /// Major version; 0 means unknown: Muster keeps such a template and does not distribute it.
    pub major: u16,
    /// Minor version: 3 in 10.3.
    pub minor: u16,
}

impl Algorithm {
    /// The algorithm of items that have none: users, photos, memberships.
    pub const NONE: Self = Self { format: Format::Zk, major: 0, minor: 0 };

    /// The stored form: format × 10¹⁰ + major × 10⁵ + minor.
    pub const fn code(self) -> i64 {
        let format = match self.format {
            Format::Zk => 0,
            Format::Iso => 1,
            Format::Ansi => 2,
            Format::FaceParts => 300,
            Format::Other(number) => number as i64,
        };
        format * 10_000_000_000 + self.major as i64 * 100_000 + self.minor as i64
    }

    /// The algorithm with a stored number; `None` for a number that [`Algorithm::code`] never gives.
    pub fn from_code(code: i64) -> Option<Self> {
        let format = match code.checked_div(10_000_000_000)? {
            0 => Format::Zk,
            1 => Format::Iso,
            2 => Format::Ansi,
            300 => Format::FaceParts,
            other => Format::Other(u8::try_from(other).ok()?),
        };
        let version = code.checked_rem(10_000_000_000)?;
        Some(Self {
            format,
            major: u16::try_from(version / 100_000).ok()?,
            minor: u16::try_from(version % 100_000).ok()?,
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Zk => {}
            Format::Iso => f.write_str("ISO ")?,
            Format::Ansi => f.write_str("ANSI ")?,
            Format::FaceParts => f.write_str("FACE ")?,
            Format::Other(number) => write!(f, "format {number} ")?,
        }
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The place of an item under its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The kind.
    pub kind: Kind,
    /// Finger, palm or eye of a template, biometric type of a comparison photo, area of a membership, number of a
    /// personal message; else 0.
    pub number: i64,
    /// Algorithm of a template, [`Algorithm::NONE`] of anything else.
    pub algorithm: Algorithm,
}

impl Slot {
    /// The user's own record.
    pub const USER: Self = Self { kind: Kind::User, number: 0, algorithm: Algorithm::NONE };

    /// The user's display picture.
    pub const USER_PHOTO: Self = Self { kind: Kind::UserPhoto, number: 0, algorithm: Algorithm::NONE };

    /// The comparison photo of a biometric type.
    pub const fn comparison_photo(bio_type: BioType) -> Self {
        Self { kind: Kind::ComparisonPhoto, number: bio_type.0 as i64, algorithm: Algorithm::NONE }
    }

    /// The user's membership of `area`.
    pub const fn membership(area: Area) -> Self {
        Self { kind: Kind::Membership, number: area.0, algorithm: Algorithm::NONE }
    }

    /// A template.
    pub const fn template(bio_type: BioType, number: u8, algorithm: Algorithm) -> Self {
        Self { kind: Kind::Template(bio_type), number: number as i64, algorithm }
    }

    /// The assignment of a personal message.
    pub const fn personal_message(number: u16) -> Self {
        Self { kind: Kind::PersonalMessage, number: number as i64, algorithm: Algorithm::NONE }
    }

    /// The slot on which all other items of an owner depend: the user of a person, the definition of a reserved
    /// key.
    pub fn root_of(owner: &Pin) -> Self {
        match owner.reserved_name().and_then(|_| DefinitionName::of(owner)) {
            Some(name) => name.kind.slot(),
            None => Self::USER,
        }
    }

    /// Whether all other items of the owner depend on this one.
    pub const fn is_root(&self) -> bool {
        matches!(self.kind, Kind::User | Kind::Definition(_))
    }

    /// The area of a membership.
    pub fn area(&self) -> Option<Area> {
        (self.kind == Kind::Membership).then_some(Area(self.number))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, algorithm) = (self.number, self.algorithm);
        match self.kind {
            Kind::User => f.write_str("user"),
            Kind::Membership => write!(f, "membership of area {number}"),
            Kind::UserPhoto => f.write_str("user photo"),
            Kind::ComparisonPhoto => write!(f, "comparison photo {number}"),
            Kind::PersonalMessage => write!(f, "personal message {number}"),
            Kind::Definition(kind) => f.write_str(kind.word()),
            Kind::Template(BioType::FINGERPRINT) => write!(f, "fingerprint {number} ({algorithm})"),
            Kind::Template(BioType::FACE) => write!(f, "face {number} ({algorithm})"),
            Kind::Template(BioType::FINGER_VEIN) => write!(f, "finger vein {number} ({algorithm})"),
            Kind::Template(BioType::PALM) => write!(f, "palm {number} ({algorithm})"),
            Kind::Template(BioType::VISIBLE_FACE) => write!(f, "visible-light face {number} ({algorithm})"),
            Kind::Template(BioType::VISIBLE_PALM) => write!(f, "visible-light palm {number} ({algorithm})"),
            Kind::Template(BioType(other)) => write!(f, "template of type {other} {number} ({algorithm})"),
        }
    }
}

/// The key of an item in the fleet: newest version only, one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// The owner: a user's PIN, or the reserved key of a definition ([`DefinitionName::owner`]).
    pub pin: Pin,
    /// The slot under the owner.
    pub slot: Slot,
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.slot.kind, DefinitionName::of(&self.pin)) {
            (Kind::Definition(_), Some(name)) => name.fmt(f),
            (_, Some(name)) => write!(f, "{} of {name}", self.slot),
            (_, None) => write!(f, "{} of {}", self.slot, self.pin),
        }
    }
}

/// A keyed hash of the canonical form. Contents that Muster treats as the same have the same hash.
///
/// It is keyed because a plain hash of a template or a name would be personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 16]);
