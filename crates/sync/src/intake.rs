//! Intake: what an uploaded record means for the fleet.
//!
//! **Invariant**: every record becomes an edit, equals what the fleet holds, is held for an operator, or is answered
//! by a correction. No record is silently dropped.
//!
//! In the names of this module, to *put right* is to remove the person whom the device holds under a PIN and to bring
//! the fleet's person, if there is one. To *bury* an item is to write a tombstone.

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

/// The policies that an operator chose for uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For deletions of users at a device.
    pub deletion: Deletion,
    /// For privileges that were raised at a device, and for credentials of people with a privilege.
    pub privilege: PrivilegePolicy,
    /// For people who are enrolled or changed at the device.
    pub enrolment: Enrolment,
    /// For names, cards and passwords that were emptied at a device.
    pub cleared: Cleared,
    /// How often per hour different devices may change one item. Above it, Muster holds uploads of the item.
    pub edits_per_hour: u32,
    /// How many more users devices may delete before an operator has to decide.
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

/// The policy for people who are enrolled or changed at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The fleet accepts the edit.
    Accept,
    /// An operator decides. Meanwhile Muster corrects the device.
    Hold,
    /// Muster undoes the edit.
    Refuse,
}

impl Enrolment {
    /// The name of the policy in settings and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }

    /// Reads the name of a policy.
    pub fn of(text: &str) -> Option<Self> {
        [Self::Accept, Self::Hold, Self::Refuse].into_iter().find(|policy| policy.as_str() == text)
    }
}

impl fmt::Display for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policy for a name, card or password that somebody emptied at a device which keeps what is written. It does not
/// apply to other devices: their empty field means that they do not have the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// An operator decides. Meanwhile the fleet keeps the value.
    Hold,
    /// It is an edit like any other.
    Accept,
    /// Muster ignores it, like an empty field of any other device. It restores a name or a card on the device.
    Ignore,
}

/// The policy for the deletion of a user at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Muster sends the user to the device again.
    Restore,
    /// Muster deletes the user everywhere. The user can be restored for some days.
    Propagate,
    /// An operator decides.
    Ask,
}

/// The policy for a privilege above the fleet's. Everything else of the user is synchronised at once in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivilegePolicy {
    /// An operator decides.
    Hold,
    /// It is an edit like any other.
    Accept,
    /// Muster undoes it.
    Never,
}

/// The contents of one person in the fleet, in addition to the view.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The current user record, `None` if the user is not live.
    pub user: Option<UserFields>,
    /// Earlier versions of the user record, the newest first.
    pub older_users: Vec<UserFields>,
    /// Hashes of earlier contents: of this life, of former lives, of content that an operator discarded, and of
    /// content that this device is losing and Muster holds ([`Held::Left`]).
    pub older: BTreeMap<Slot, BTreeSet<ContentHash>>,
    /// Marks that identify people who had the PIN before ([`roster::marks`]), and hashes of templates and photos that
    /// an operator did not accept.
    pub former: BTreeSet<ContentHash>,
    /// The marks of `former` whose people an operator removed. No upload brings such a person back.
    pub removed: BTreeSet<ContentHash>,
    /// How often different devices changed each item within the hour.
    pub edits: BTreeMap<Slot, u32>,
    /// Current templates, if [`DeviceView::wants_earlier_parts`] asks for them.
    pub templates: BTreeMap<Slot, Template>,
    /// Hashes of photos in the form in which devices got them, if it differs from the fleet's form.
    pub forms: BTreeMap<Slot, BTreeSet<ContentHash>>,
    /// Templates whose parts this device has not uploaded completely yet.
    pub partial: BTreeMap<Slot, Template>,
    /// The PIN of another user that differs from this PIN only in the case of its letters.
    pub pins_differing_in_case: Option<Pin>,
}

/// A change of the fleet. The changes are written in order, each with its own number.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The changed item.
    pub key: ItemKey,
    /// The new content, `None` for a deletion.
    pub content: Option<Content>,
    /// The hash of the content. For a deletion: the hash of the last content.
    pub hash: ContentHash,
    /// Another device made the previous version: the edit counts towards [`Policy::edits_per_hour`].
    pub contested: bool,
    /// The version of the comparison photo of which the device made this template, as Muster had asked it to.
    pub made_of: Option<Seq>,
    /// True if the device made the change. False if the fleet notes what must not be on that device.
    pub by_device: bool,
}

/// A reason why Muster holds content for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The record belongs to the device's claim on the PIN.
    Claim(Pin, Reason, Stage),
    /// The device is losing this content, and the fleet never had it. An operator may look at it.
    Left(Pin, Reason),
    /// The first PIN is new, and differs from the second only in the case of its letters (§2.9). A device may treat
    /// both as one.
    Spelling(Pin, Pin),
    /// A privilege was raised to this value.
    Privilege(Pin, i32),
    /// A person with a privilege got another card, password, privilege or template at the device.
    Credential(Pin),
    /// A user was deleted at the device.
    Deletion(Pin),
    /// A template, card or password of a user was deleted at the device.
    PartDeleted(Pin),
    /// Fields of a user were emptied at the device. The fleet keeps the values.
    Cleared(Pin, BTreeSet<Field>),
    /// Several devices keep changing this item.
    Contested(ItemKey),
}

/// The conclusion from a device's user count about people of whom Muster does not know whether they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Nothing.
    SayNothing,
    /// None of them is there: the device holds no more people than it should hold without them.
    NobodyIsThere,
    /// All of them are there: the device holds as many people as it may hold.
    EverybodyIsThere,
}

/// The result of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The fleet holds the same content.
    Equal,
    /// The fleet changes.
    Edit,
    /// The record was not accepted, and Muster corrects the device.
    Corrected,
    /// Held until an operator decides.
    Held(Held),
    /// A part of a template. Muster waits for the other parts.
    Partly,
}

/// The intake of one upload from one device.
#[derive(Debug)]
pub struct Intake<'a> {
    /// The device, with the persons of the upload.
    pub view: &'a mut DeviceView,
    /// The contents of those persons in the fleet.
    pub known: &'a mut BTreeMap<Pin, Known>,
    /// The key for the hashes of contents.
    pub hash_key: &'a HashKey,
    /// The policies of the operators.
    pub policy: &'a Policy,
    /// The time of the upload.
    pub now: Millis,
    /// Changes of the fleet so far. They will be numbered in this order.
    pub edits: Vec<Edit>,
    /// The position of each item's edit in `edits`.
    places: BTreeMap<ItemKey, usize>,
    /// Changes of incomplete templates, `None` for a template that is complete or void.
    pub partial: Vec<(ItemKey, Option<Template>)>,
    /// New PINs with letters, by their spelling in lower case.
    lettered: BTreeMap<String, Pin>,
    /// The verdicts on the user records of this upload. Templates and photos of the same people follow them.
    verdicts: BTreeMap<Pin, Verdict>,
    /// The conclusion from the user count about people whom the device cannot be asked about.
    pub counts: Counts,
    /// People who were enrolled as new at the device, according to its log in this upload.
    pub enrolled: BTreeSet<Pin>,
    /// Number of deletions that the device reported of people who are still there. Muster has to read its people to
    /// find who is missing.
    pub unexplained_deletions: u32,
}

impl<'a> Intake<'a> {
    /// A new intake without changes.
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

    /// Whether Muster has to ask for the result of an enrolment at the device: the device has uploaded nothing of the
    /// PIN by itself.
    ///
    /// A device that joins uploads all that it holds, with the log of all earlier enrolments. An enrolment that is
    /// not `history` for certain may be too late for that upload: Muster asks for it if the fleet has no such person.
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

    /// Whether content is stale: it is old, or belongs to a deleted item, and the device has not settled what
    /// replaced it. A stale upload is no edit. A device that made the newest version itself knows what it replaced.
    fn is_stale(&self, key: &ItemKey, item: &ItemState, older: bool) -> bool {
        let unheard = item.changed_by != Some(self.view.device) && !self.view.settled(key);
        // Muster asked for the content since the device accepted the newest version. Older content shows that the
        // device did not keep that version.
        (!item.live || older) && (unheard || self.view.reads_back(key))
    }

    /// Whether the fleet holds this content, or sent it to devices in this form.
    fn is_equal(&self, key: &ItemKey, item: &ItemState, hash: ContentHash) -> bool {
        let form = || self.known.get(&key.pin).and_then(|known| known.forms.get(&key.slot));
        item.live && (item.hash == hash || form().is_some_and(|forms| forms.contains(&hash)))
    }

    /// Whether the device made this template of a photo while the fleet has another one already. Several devices make
    /// templates of one photo; the first one counts, and the others get it.
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

    /// Removes the person whom the device holds under this PIN, and brings the fleet's person.
    fn put_right(&mut self, user: &ItemKey) -> Outcome {
        let doubted = self.view.knows(&user.pin) == Knows::Mixed;
        if doubted
            && self.view.scan_replaces
            && !self.view.scanned(&user.pin)
            && self.view.in_scope(&user.pin)
        {
            // The fill will replace the person.
            return Outcome::Corrected;
        }
        self.view.wipe(user);
        self.refuse(user)
    }

    /// Holds the person until an operator decides, because the PIN differs from another only in the case of its
    /// letters.
    fn held_for_spelling(&mut self, user: &ItemKey) -> Option<Outcome> {
        let is_held = self.is_held(user) && self.view.claim(&user.pin).is_none();
        let live = self.view.person(&user.pin).is_some_and(Person::user_live);
        let replaced = self.view.joining == Some(Joining::Replace);
        let other = self.pins_differing_in_case(&user.pin).filter(|_| is_held || !(live || replaced))?;
        self.view.park(user, Parked::Held);
        Some(Outcome::Held(Held::Spelling(user.pin.clone(), other)))
    }

    /// The PIN of another user, of the fleet or of this upload, that differs from this PIN only in the case of its
    /// letters.
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

    /// Adds a person who was enrolled at a device to an area of that device.
    ///
    /// The membership gets its number before the user. So a reader of the feed finds the user in scope, and has
    /// nothing to repeat when it reads the membership.
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

    /// Writes a tombstone: the item is deleted, or the fleet notes that it never held the item.
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

    /// Joins the parts of a template with the parts that came before, if the device uploads it in pieces.
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

/// For this time after a deletion by Muster, a device's report of a deletion is taken as the report of that one, ms.
const OWN_DELETION_MS: i64 = 3_600_000;

/// Which person a device means by a PIN, as far as one upload shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The fleet's person, whom the device knows. Differences were made at the device.
    Edit,
    /// The fleet's person, whom Muster has not sent to the device. The content only fills gaps.
    Fill,
    /// A new person.
    New,
    /// Another person, or undecided: the content goes into a claim.
    Keep(Reason),
    /// The device holds something that it must not hold, and Muster replaces or removes the person there. Content
    /// that the fleet never had is held for an operator if there is a reason.
    PutRight(Option<Reason>),
}

enum Whole {
    /// All parts are there.
    Template(Template),
    /// A part of the template that the fleet holds.
    Known,
    /// Other parts have not come yet.
    Partly,
}

impl DeviceView {
    /// Whether the intake of `template` needs the fleet's current content, because the device uploads the template in
    /// pieces.
    pub fn wants_earlier_parts(&self, key: &ItemKey, template: &Template) -> bool {
        let starts = template.parts.first().is_some_and(|part| part.index == 0);
        let held = self.item(key).filter(|item| item.live).map(|item| usize::from(item.lines));
        held.is_some_and(|lines| !starts || lines > template.parts.len())
    }
}
