//! What an import tells: counts, and every case that somebody may want to look at. Never what a field holds.

use std::collections::BTreeMap;
use std::fmt;

use roster::Kind;
use serde::Serialize;
use wire::BioType;

/// What a record is, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// People: names, cards, passwords and so on.
    User,
    /// Fingerprints of every version.
    Fingerprint,
    /// Near-infrared and visible-light faces.
    Face,
    /// Finger veins.
    FingerVein,
    /// Palms.
    Palm,
    /// Templates of another type.
    OtherTemplate,
    /// Pictures that devices show.
    UserPhoto,
    /// Pictures that devices make faces of.
    ComparisonPhoto,
}

impl What {
    /// What an item is counted as.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::User | Kind::Membership | Kind::PersonalMessage | Kind::Definition(_) => Self::User,
            Kind::UserPhoto => Self::UserPhoto,
            Kind::ComparisonPhoto => Self::ComparisonPhoto,
            Kind::Template(BioType::FINGERPRINT) => Self::Fingerprint,
            Kind::Template(BioType::FACE | BioType::VISIBLE_FACE) => Self::Face,
            Kind::Template(BioType::FINGER_VEIN) => Self::FingerVein,
            Kind::Template(BioType::PALM | BioType::VISIBLE_PALM) => Self::Palm,
            Kind::Template(_) => Self::OtherTemplate,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "people",
            Self::Fingerprint => "fingerprints",
            Self::Face => "faces",
            Self::FingerVein => "finger veins",
            Self::Palm => "palms",
            Self::OtherTemplate => "other templates",
            Self::UserPhoto => "user photos",
            Self::ComparisonPhoto => "comparison photos",
        })
    }
}

/// How many records of one kind there are in the old database, and what became of them.
///
/// `taken`, `already_there`, `kept` and `refused` add up to `found`; `merged` and `repaired` are among those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records of the old database: what several devices hold of one thing is one.
    pub found: usize,
    /// Muster did not hold it, or it replaces what Muster held.
    pub taken: usize,
    /// Muster holds just that.
    pub already_there: usize,
    /// Muster holds something else, or it was deleted there: that stays.
    pub kept: usize,
    /// Not usable.
    pub refused: usize,
    /// Devices of the old server held different ones: the newest counts.
    pub merged: usize,
    /// Its lost padding could be put back.
    pub repaired: usize,
}

/// Why a record is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not taken, since it cannot be used.
    Refused,
    /// Not taken, since Muster holds something else.
    Kept,
    /// Not taken, since it was deleted in Muster.
    Deleted,
    /// It replaces what Muster held, or brings back what was deleted there.
    Replaced,
    /// Devices of the old server held different ones.
    Merged,
    /// Its lost padding was put back.
    Repaired,
    /// There is something to know of it.
    Noted,
}

/// A record that is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The PIN as the old database has it.
    pub pin: String,
    /// What it is about.
    pub record: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: String,
}

/// A table that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: i64,
    /// Why.
    pub reason: &'static str,
}

/// What became of a device of the old server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceOutcome {
    /// Muster does not know it, and nobody asked to let it in.
    Unknown,
    /// It is let in when it calls.
    Admitted,
    /// Muster knows it: it stays as it is.
    Known,
    /// It waits for approval, and nobody asked to let it in.
    Waits,
    /// It was taken out of the fleet in Muster: it stays out.
    Retired,
    /// Its serial number is none.
    Refused,
}

/// A device of the old server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldDevice {
    /// Its serial number as the old database has it.
    pub serial_number: String,
    /// When the old server last heard of it, as it wrote it.
    pub last_seen: Option<String>,
    /// What became of it.
    pub outcome: DeviceOutcome,
}

/// Everything that an import tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where the old database is, without a password.
    pub source: String,
    /// 1 for the schema of MySQL, 2 for the one with a row for each device.
    pub generation: u8,
    /// Nothing was written.
    pub dry_run: bool,
    /// Kind by kind.
    pub counts: BTreeMap<What, Counts>,
    /// Everything that is named, in the order of the PINs.
    pub cases: Vec<Case>,
    /// The devices of the old server.
    pub devices: Vec<OldDevice>,
    /// What is not taken.
    pub left_out: Vec<LeftOut>,
    /// Tables that this database does not have.
    pub absent: Vec<&'static str>,
}

impl Report {
    /// The counts of a kind.
    pub fn of(&self, what: What) -> Counts {
        self.counts.get(&what).copied().unwrap_or_default()
    }

    /// Whether there was anything to take, and none of it could be used.
    pub fn nothing_usable(&self) -> bool {
        let found: usize = self.counts.values().map(|counts| counts.found).sum();
        let refused: usize = self.counts.values().map(|counts| counts.refused).sum();
        found > 0 && found == refused
    }

    /// Adds what became of some people.
    pub(crate) fn add(&mut self, tally: Tally) {
        add_counts(&mut self.counts, tally.counts);
        self.cases.extend(tally.cases);
    }
}

fn add_counts(all: &mut BTreeMap<What, Counts>, more: BTreeMap<What, Counts>) {
    for (what, more) in more {
        let counts = all.entry(what).or_default();
        counts.found += more.found;
        counts.taken += more.taken;
        counts.already_there += more.already_there;
        counts.kept += more.kept;
        counts.refused += more.refused;
        counts.merged += more.merged;
        counts.repaired += more.repaired;
    }
}

/// What became of some people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub counts: BTreeMap<What, Counts>,
    pub cases: Vec<Case>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        add_counts(&mut self.counts, other.counts);
        self.cases.extend(other.cases);
    }

    pub fn count(&mut self, what: What) -> &mut Counts {
        self.counts.entry(what).or_default()
    }

    /// Counts a record as refused and says why.
    pub fn refuse(&mut self, pin: &str, what: What, record: impl Into<String>, reason: impl Into<String>) {
        let counts = self.count(what);
        counts.found += 1;
        counts.refused += 1;
        self.name(pin, record, Outcome::Refused, reason);
    }

    /// Names a record.
    pub fn name(
        &mut self,
        pin: &str,
        record: impl Into<String>,
        outcome: Outcome,
        reason: impl Into<String>,
    ) {
        let (pin, record, reason) = (pin.to_owned(), record.into(), reason.into());
        self.cases.push(Case { pin, record, outcome, reason });
    }
}
