//! An upload: what a record from a device means for the fleet.
//!
//! Every record becomes an edit, is equal to what the fleet holds, waits for an operator, or is answered by a
//! correction. Nothing is silently dropped.

mod claim;
mod definition;
mod deletion;
mod item;
mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roster::{Content, ContentHash, Field, HashKey, ItemKey, Millis, Seq, Slot, Template, UserFields};
use wire::Pin;

use crate::claim::{Reason, Stage};
use crate::life::Knows;
use crate::view::{DeviceView, ItemState, Joining, Parked, Person, UNNUMBERED, Wait};

/// What an operator decided about uploads (design, policies).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What a deletion at a device does.
    pub deletion: Deletion,
    /// What a privilege raised at a device does, and what becomes of the credentials of people who have one.
    pub privilege: PrivilegePolicy,
    /// What the device may enrol and change.
    pub enrolment: Enrolment,
    /// What a name, card or password that was emptied at a device does.
    pub cleared: Cleared,
    /// How often an hour different devices may change one item; above it uploads of it wait for an operator.
    pub edits_per_hour: u32,
    /// How many more users devices may delete before an operator has to look.
    pub deletions_left: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            deletion: Deletion::Propagate,
            privilege: PrivilegePolicy::Hold,
            enrolment: Enrolment::Accept,
            cleared: Cleared::Hold,
            edits_per_hour: 6,
            deletions_left: 10,
        }
    }
}

/// What becomes of people who are enrolled or changed at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The fleet takes it.
    Accept,
    /// It waits for an operator, and the device is put right meanwhile.
    Hold,
    /// It is undone.
    Refuse,
}

impl Enrolment {
    /// The word for it, in settings and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }

    /// Reads the word.
    pub fn of(text: &str) -> Option<Self> {
        [Self::Accept, Self::Hold, Self::Refuse].into_iter().find(|policy| policy.as_str() == text)
    }
}

impl fmt::Display for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a name, card or password that somebody emptied at a device which keeps what is written to it. From any
/// other device an empty field is none of this: it does not have the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// An operator decides. The fleet keeps the value.
    Hold,
    /// It is an edit like any other.
    Accept,
    /// It counts as little as an empty field of any other device. A name and a card are brought back.
    Ignore,
}

/// What the deletion of a user at a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The user is sent to the device again.
    Restore,
    /// The user is deleted everywhere, and can be brought back for some days.
    Propagate,
    /// An operator decides.
    Ask,
}

/// What a privilege above the fleet's does. Everything else of the user is synchronised at once in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivilegePolicy {
    /// It waits for an operator.
    Hold,
    /// It is an edit like any other.
    Accept,
    /// It is undone.
    Never,
}

/// What the fleet knows of the contents of one person, beside the view.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The user as it is now, `None` where it is not live.
    pub user: Option<UserFields>,
    /// Versions of the user before, the newest first.
    pub older_users: Vec<UserFields>,
    /// Hashes of earlier contents, of this life and of those before, of what an operator discarded, and of what is held of
    /// this device under the PIN and goes from it ([`Held::Left`]).
    pub older: BTreeMap<Slot, BTreeSet<ContentHash>>,
    /// By what people who had the PIN before are known again ([`roster::marks`]), and hashes of templates and photos that an
    /// operator did not take.
    pub former: BTreeSet<ContentHash>,
    /// Those of `former` whom an operator removed: they do not come back by an upload.
    pub removed: BTreeSet<ContentHash>,
    /// How often different devices changed an item within the hour.
    pub edits: BTreeMap<Slot, u32>,
    /// Current contents of templates, where [`DeviceView::wants_earlier_parts`] asks for them.
    pub templates: BTreeMap<Slot, Template>,
    /// Hashes of photos as devices were sent them, where that is not as the fleet holds them.
    pub forms: BTreeMap<Slot, BTreeSet<ContentHash>>,
    /// Parts of templates that this device has not uploaded completely yet.
    pub partial: BTreeMap<Slot, Template>,
    /// The PIN of another user that differs from this one in the case of its letters alone.
    pub pins_differing_in_case: Option<Pin>,
}

/// A change of the fleet, to be written with a number of its own, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What changes.
    pub key: ItemKey,
    /// The new content, `None` for a deletion.
    pub content: Option<Content>,
    /// Its hash; that of the last content for a deletion.
    pub hash: ContentHash,
    /// Another device changed this item last: it counts towards [`Policy::edits_per_hour`].
    pub contested: bool,
    /// The device made it of this version of a comparison photo, and uploaded it as it was asked to.
    pub made_of: Option<Seq>,
    /// The device changed it; false where the fleet notes what must not be on that device.
    pub by_device: bool,
}

/// Something that is kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It belongs to the claim of the device on the PIN.
    Claim(Pin, Reason, Stage),
    /// It goes from the device, and the fleet never had it: for an operator to look at.
    Left(Pin, Reason),
    /// The first PIN is new, and differs from the second in the case of its letters alone (§2.9): a device may take both
    /// for one.
    Spelling(Pin, Pin),
    /// A privilege was raised to this value.
    Privilege(Pin, i32),
    /// Somebody who has a privilege was given another card, password, privilege or template at the device.
    Credential(Pin),
    /// A user was deleted at the device.
    Deletion(Pin),
    /// Something of a user was deleted at the device.
    PartDeleted(Pin),
    /// Fields of a user were emptied at the device. The fleet keeps them.
    Cleared(Pin, BTreeSet<Field>),
    /// Devices change this item in turns.
    Contested(ItemKey),
}

/// What the count of users on a device says of those of whom it is in doubt whether they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// It tells nothing.
    SayNothing,
    /// None of them is there: the device says to hold no more people than it should without them.
    NobodyIsThere,
    /// All of them are there: the device says to hold as many people as it may.
    EverybodyIsThere,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The fleet holds just that.
    Equal,
    /// The fleet changes.
    Edit,
    /// Not taken: the device is told what is right.
    Corrected,
    /// Kept aside until an operator decides.
    Held(Held),
    /// Part of a template whose other parts are awaited.
    Partly,
}

/// The intake of one upload of one device.
#[derive(Debug)]
pub struct Intake<'a> {
    /// The device, with the persons of the upload.
    pub view: &'a mut DeviceView,
    /// The contents of those persons.
    pub known: &'a mut BTreeMap<Pin, Known>,
    /// Hashes contents.
    pub hash_key: &'a HashKey,
    /// What operators decided.
    pub policy: &'a Policy,
    /// The time of the upload.
    pub now: Millis,
    /// Changes of the fleet so far, in the order of their numbers to be.
    pub edits: Vec<Edit>,
    /// Where the change of an item stands in `edits`.
    places: BTreeMap<ItemKey, usize>,
    /// Incomplete templates as they are now, `None` for one that is complete or void.
    pub partial: Vec<(ItemKey, Option<Template>)>,
    /// New PINs with letters, by their spelling in lower case.
    lettered: BTreeMap<String, Pin>,
    /// What the user records of this upload came to: their templates and photos follow.
    verdicts: BTreeMap<Pin, Verdict>,
    /// What the count of a device that cannot be asked says of people in doubt.
    pub counts: Counts,
    /// Whom somebody enrolled at the device as new people, as its log tells with this upload.
    pub enrolled: BTreeSet<Pin>,
    /// Deletions that the device reported of people who are there: its people have to be read to see who is missing.
    pub unexplained_deletions: u32,
}

impl<'a> Intake<'a> {
    /// An intake without changes so far.
    pub fn new(
        view: &'a mut DeviceView,
        known: &'a mut BTreeMap<Pin, Known>,
        hash_key: &'a HashKey,
        policy: &'a Policy,
        now: Millis,
    ) -> Self {
        Self {
            view,
            known,
            hash_key,
            policy,
            now,
            edits: Vec::new(),
            places: BTreeMap::new(),
            partial: Vec::new(),
            lettered: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            counts: Counts::SayNothing,
            enrolled: BTreeSet::new(),
            unexplained_deletions: 0,
        }
    }

    /// Whether what an enrolment at the device brought has to be asked for: nothing of the PIN came by itself.
    ///
    /// A device that joins uploads all that it holds, and with it the log of all that was ever enrolled. What is not
    /// known to be `history` may have come too late for that upload: it is asked for if the fleet has no such person.
    pub fn asks_for(&self, pin: &Pin, history: bool) -> bool {
        let device = Some(self.view.device);
        let newer = |item: &ItemState| item.changed_by == device && item.seq > self.view.cursor;
        let person = self.view.person(pin);
        if self.view.joining.is_some() {
            let has = |item: &ItemState| item.live;
            return !history && !person.and_then(|person| person.items.get(&Slot::USER)).is_some_and(has);
        }
        !person.is_some_and(|person| person.items.values().any(newer))
    }

    /// Old content, or content of a deleted item, from a device that has not settled what replaced it, is no edit.
    /// A device that made the newest version itself knows what it replaced.
    fn is_stale(&self, key: &ItemKey, item: &ItemState, older: bool) -> bool {
        let unheard = item.changed_by != Some(self.view.device) && !self.view.settled(key);
        // Asked what it holds since it took the newest version, it shows that it does not hold that.
        (!item.live || older) && (unheard || self.view.reads_back(key))
    }

    /// The fleet holds just that, or the device was sent it as what the fleet holds.
    fn is_equal(&self, key: &ItemKey, item: &ItemState, hash: ContentHash) -> bool {
        let form = || self.known.get(&key.pin).and_then(|known| known.forms.get(&key.slot));
        item.live && (item.hash == hash || form().is_some_and(|forms| forms.contains(&hash)))
    }

    /// Several devices make templates of one photo, and the first is the fleet's: the others get that one.
    fn is_beside(&self, key: &ItemKey, item: &ItemState) -> bool {
        let outdated = self.view.person(&key.pin).is_some_and(|person| person.is_outdated(&key.slot, item));
        item.live
            && !outdated
            && item.changed_by != Some(self.view.device)
            && !self.view.settled(key)
            && self.view.made_of(key, self.now).is_some()
    }

    fn is_older(&self, key: &ItemKey, hash: ContentHash) -> bool {
        let Some(known) = self.known.get(&key.pin) else { return false };
        known.former.contains(&hash) || known.older.get(&key.slot).is_some_and(|older| older.contains(&hash))
    }

    /// Whoever the device has under this PIN goes, and the fleet's person comes.
    fn put_right(&mut self, user: &ItemKey) -> Outcome {
        let doubted = self.view.knows(&user.pin) == Knows::Mixed;
        if doubted
            && self.view.scan_replaces
            && !self.view.scanned(&user.pin)
            && self.view.in_scope(&user.pin)
        {
            // The fill will.
            return Outcome::Corrected;
        }
        self.view.wipe(user);
        self.refuse(user)
    }

    /// Whether nothing of this person is taken for the spelling of its PIN, until an operator decides.
    fn held_for_spelling(&mut self, user: &ItemKey) -> Option<Outcome> {
        let is_held = self.is_held(user) && self.view.claim(&user.pin).is_none();
        let live = self.view.person(&user.pin).is_some_and(Person::user_live);
        let replaced = self.view.joining == Some(Joining::Replace);
        let other = self.pins_differing_in_case(&user.pin).filter(|_| is_held || !(live || replaced))?;
        self.view.park(user, Parked::Held);
        Some(Outcome::Held(Held::Spelling(user.pin.clone(), other)))
    }

    /// The PIN of a user, of the fleet or of this upload, that differs from this one in the case of its letters alone.
    fn pins_differing_in_case(&self, pin: &Pin) -> Option<Pin> {
        let of_fleet = self.known.get(pin).and_then(|known| known.pins_differing_in_case.clone());
        let of_upload =
            || self.lettered.get(&pin.as_str().to_ascii_lowercase()).filter(|other| *other != pin);
        of_fleet.or_else(|| of_upload().cloned())
    }

    fn is_held(&self, key: &ItemKey) -> bool {
        self.view.exception(key).is_some_and(|e| e.wait == Wait::Parked(Parked::Held))
    }

    fn refuse(&mut self, key: &ItemKey) -> Outcome {
        self.view.correct(key, self.now);
        Outcome::Corrected
    }

    fn contested(&mut self, key: &ItemKey, item: &ItemState) -> Option<Outcome> {
        let edits = self.known.get(&key.pin).and_then(|known| known.edits.get(&key.slot)).copied();
        let by_another = item.changed_by.is_some_and(|device| device != self.view.device);
        if !by_another || edits.unwrap_or(0) < self.policy.edits_per_hour {
            return None;
        }
        self.view.correct(key, self.now);
        Some(Outcome::Held(Held::Contested(key.clone())))
    }

    /// A person enrolled at a device belongs to an area of it.
    ///
    /// The membership gets its number before the user: whoever reads the feed then finds the user in its scope, and
    /// has nothing to look at again when it comes to the membership.
    fn join_area(&mut self, pin: &Pin) {
        if let Some(area) = self.view.areas.first().copied().filter(|_| !self.view.is_in_area(pin)) {
            self.put(&ItemKey { pin: pin.clone(), slot: Slot::membership(area) }, Content::Membership);
        }
    }

    fn put(&mut self, key: &ItemKey, content: Content) {
        let hash = roster::hash(self.hash_key, &key.slot, &content);
        let known = self.known.entry(key.pin.clone()).or_default();
        match &content {
            Content::User(fields) => {
                if let Some(before) = known.user.replace(fields.clone()) {
                    known.older_users.insert(0, before);
                }
            }
            Content::Template(template) => {
                known.templates.insert(key.slot, template.clone());
            }
            Content::Photo(_) | Content::Membership | Content::PersonalMessage | Content::Definition(_) => {}
        }
        let lines = roster::update_command_count(&key.slot, content.parts());
        self.edit(key, hash, content.wire_bytes(), u16::try_from(lines).unwrap_or(u16::MAX), Some(content));
    }

    /// A tombstone: the item is deleted, or the fleet notes that it never held it.
    fn bury(&mut self, key: &ItemKey, by_device: bool) {
        let hash = self.view.item(key).map_or(ContentHash([0; 16]), |item| item.hash);
        self.edit(key, hash, 0, 1, None);
        if let Some(edit) = self.places.get(key).and_then(|place| self.edits.get_mut(*place)) {
            edit.by_device = by_device;
        }
        let person = self.view.persons.get_mut(&key.pin);
        if let Some(item) = person.and_then(|person| person.items.get_mut(&key.slot)).filter(|_| !by_device) {
            item.changed_by = None;
        }
    }

    fn edit(&mut self, key: &ItemKey, hash: ContentHash, bytes: usize, lines: u16, content: Option<Content>) {
        let before = self.view.item(key);
        let live = content.is_some();
        let device = self.view.device;
        let created_by = match before {
            Some(item) if item.live || !live => item.created_by,
            _ => Some(device),
        };
        let made_of = self.view.made_of(key, self.now).filter(|_| live);
        let contested =
            before.is_some_and(|item| item.live && live && item.changed_by.is_some_and(|by| by != device));
        let state = ItemState {
            seq: UNNUMBERED,
            first: before.map_or(UNNUMBERED, |item| item.first),
            created: before.filter(|item| item.live && live).map_or(UNNUMBERED, |item| item.created),
            created_by,
            live,
            hash,
            changed_by: Some(device),
            at: self.now,
            made_of,
            bytes,
            lines,
        };
        if let Some(before) = before.map(|item| item.hash) {
            let known = self.known.entry(key.pin.clone()).or_default();
            known.older.entry(key.slot).or_default().insert(before);
        }
        self.view.persons.entry(key.pin.clone()).or_default().items.insert(key.slot, state);
        let edit = Edit { key: key.clone(), content, hash, contested, made_of, by_device: true };
        if let Some(earlier) = self.places.get(key).and_then(|place| self.edits.get_mut(*place)) {
            *earlier = Edit { contested: contested || earlier.contested, ..edit };
        } else {
            self.places.insert(key.clone(), self.edits.len());
            self.edits.push(edit);
        }
    }

    /// Puts the parts of an upload together with those that came before, where the device sends them in pieces.
    fn whole(&mut self, key: &ItemKey, template: Template) -> Whole {
        let known = self.known.entry(key.pin.clone()).or_default();
        let piece_of =
            |current: &Template| template.parts.len() < current.parts.len() && template.is_within(current);
        if known.templates.get(&key.slot).is_some_and(piece_of) {
            return Whole::Known;
        }
        let starts = template.parts.first().is_some_and(|part| part.index == 0);
        let earlier = match known.partial.get(&key.slot) {
            _ if starts => None,
            Some(partial) => Some(partial.clone()),
            None => {
                let own = self.view.item(key).is_some_and(|item| item.changed_by == Some(self.view.device));
                self.known
                    .get(&key.pin)
                    .and_then(|known| known.templates.get(&key.slot))
                    .filter(|_| own)
                    .cloned()
            }
        };
        let joined = match earlier {
            Some(earlier) => template.extends(&earlier).unwrap_or(template),
            None => template,
        };
        let complete = joined.complete(&key.slot);
        let known = self.known.entry(key.pin.clone()).or_default();
        if complete {
            if known.partial.remove(&key.slot).is_some() {
                self.partial.push((key.clone(), None));
            }
            return Whole::Template(joined);
        }
        known.partial.insert(key.slot, joined.clone());
        self.partial.push((key.clone(), Some(joined)));
        Whole::Partly
    }
}

/// How long after our own DELETE a device's report of a deletion is taken to be about that one, ms.
const OWN_DELETION_MS: i64 = 3_600_000;

/// What a device means by a PIN, for all that one upload says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The fleet's person, whom the device knows: what differs was changed there.
    Edit,
    /// The fleet's person, of whom the device has not been told: it fills gaps.
    Fill,
    /// Somebody new.
    New,
    /// Somebody else, or nobody can tell: it is kept in a claim.
    Keep(Reason),
    /// The device holds what it must not hold, and is put right. What the fleet never had is kept for an operator to look at,
    /// where there is a reason to.
    PutRight(Option<Reason>),
}

enum Whole {
    /// All parts are there.
    Template(Template),
    /// A piece of just what the fleet holds.
    Known,
    /// Other parts are awaited.
    Partly,
}

impl DeviceView {
    /// Whether the intake of `template` has to see the content the fleet holds: the device sends it in pieces.
    pub fn wants_earlier_parts(&self, key: &ItemKey, template: &Template) -> bool {
        let starts = template.parts.first().is_some_and(|part| part.index == 0);
        let held = self.item(key).filter(|item| item.live).map(|item| usize::from(item.lines));
        held.is_some_and(|lines| !starts || lines > template.parts.len())
    }
}
