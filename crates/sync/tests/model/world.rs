//! The server of the random model: a store in memory around the real functions of `sync`.

mod poll;
mod questions;
mod upload;

use std::collections::{BTreeMap, BTreeSet};

use roster::{
    Algorithm, Area, Capability, Content, ContentHash, Definition, DefinitionKind, DefinitionName, Format,
    HashKey, ItemKey, Kind, Millis, Seq, Slot, UserFields,
};
use sync::intake::{Enrolment, Held, Policy};
use sync::operator::{OperatorCommand, State};
use sync::settle::{Answer, settle};
use sync::{ClaimNews, DeviceView, Exception, ItemState, Limits, OpenCommand, Person, ScanFrom, Verb, Wait};
use wire::{BioType, Pin, ReturnCode};

use crate::random::Random;
use crate::terminal::{Acknowledgement, Answers, QueuedCommand, Terminal, Upload, User};
use questions::Reread;

/// An item as the store keeps it.
#[derive(Debug)]
pub struct Stored {
    pub state: ItemState,
    pub content: Option<Content>,
    pub older: BTreeSet<ContentHash>,
    pub older_users: Vec<UserFields>,
    /// Marks of people whose life under the PIN ended.
    pub former: BTreeSet<ContentHash>,
    /// The same of people whom an operator removed.
    pub removed: BTreeSet<ContentHash>,
}

/// A device as the store keeps it, with its terminal.
#[derive(Debug)]
pub struct Device {
    pub row: DeviceView,
    pub open: BTreeMap<ItemKey, OpenCommand>,
    pub exceptions: BTreeMap<ItemKey, Exception>,
    pub history: BTreeMap<i64, (ItemKey, Verb, Seq)>,
    /// Commands that were closed without an answer.
    pub given_up: BTreeSet<i64>,
    pub claims: BTreeMap<Pin, sync::Claim>,
    pub enrolment: Enrolment,
    /// The user records of the upload that is being processed.
    pub records: BTreeMap<Pin, User>,
    /// The uploaded content of every open claim.
    pub claimed: BTreeMap<Pin, Vec<(Held, Upload)>>,
    /// Users and templates (with their slot) that the device uploaded since it was asked for everything.
    pub shown: BTreeSet<(Pin, Option<Slot>)>,
    pub delete_sent: BTreeMap<Pin, Millis>,
    pub ordered: Vec<(OperatorCommand, QueuedCommand)>,
    /// The questions that the device answers, as far as the server knows.
    pub known_answers: Answers,
    /// The device uploads everything with its next connection.
    pub awaits_everything: bool,
    /// The state of reading everything from the device.
    pub reread: Option<Reread>,
    pub terminal: Terminal,
    pub major: u16,
}

#[derive(Debug)]
pub struct World {
    pub random: Random,
    pub seq: i64,
    pub items: BTreeMap<ItemKey, Stored>,
    pub devices: Vec<Device>,
    pub now: Millis,
    pub policy: Policy,
    pub limits: Limits,
    pub hash_key: HashKey,
    pub values: u32,
    pub busy: f64,
    /// PINs that an operator deleted and nobody brought back on purpose, with the names that they had.
    pub deleted: BTreeMap<Pin, BTreeSet<String>>,
    /// How often such a user came back through a device that did not know of the deletion.
    pub resurrected: usize,
    pub most_due: usize,
    /// Held content that does not belong to an open claim.
    pub kept: Vec<Kept>,
    /// The person whom each value belongs to: names by their first eight letters, cards, groups and templates.
    pub owners: BTreeMap<String, usize>,
    /// Changes of the fleet that the judge has not checked yet.
    pub puts: Vec<Put>,
    /// Templates, names and cards that devices uploaded, with their PINs.
    pub delivered: BTreeMap<(Pin, String), Millis>,
    /// How many commands went out.
    pub sent: usize,
    /// The lives that were sent to each device.
    pub sent_to: BTreeSet<(usize, Pin, Seq)>,
    /// Commands for people outside the areas of the device.
    pub sent_outside: Vec<String>,
    /// Prints what happens, for looking at one seed.
    pub told: bool,
}

/// Content that is held.
#[derive(Debug)]
pub struct Kept {
    pub device: usize,
    pub held: Held,
    pub upload: Upload,
}

/// A change of the fleet.
#[derive(Debug)]
pub struct Put {
    pub key: ItemKey,
    pub before: Option<Content>,
    pub after: Option<Content>,
    pub by: Option<i64>,
    /// The user of the PIN was live before the change.
    pub user_live: bool,
    /// The life of the PIN after the change.
    pub life: Option<Seq>,
    pub at: Millis,
    /// The user was in an area of the device that made the change.
    pub in_scope: bool,
    /// Whether and how the device that made the change was joining.
    pub joining: Option<sync::Joining>,
}

/// Number of templates that the small device can hold. It reports this number.
pub const SMALL_TEMPLATES: usize = 4;

pub const AREAS: [Area; 3] = [Area(1), Area(2), Area(3)];

pub fn pin(number: usize) -> Pin {
    number.to_string().parse().expect("a PIN")
}

pub fn user_key(pin: &Pin) -> ItemKey {
    ItemKey { pin: pin.clone(), slot: Slot::USER }
}

/// One of two work codes or time zones.
pub fn definition_key(kind: DefinitionKind, number: usize) -> ItemKey {
    let name = DefinitionName::read(kind, &(number + 1).to_string()).expect("a number");
    ItemKey { pin: name.owner().expect("an owner"), slot: kind.slot() }
}

/// A definition with the content `value`, eight digits. A time zone uses as many of them as make a time of day.
pub fn definition(key: &ItemKey, value: &str) -> Definition {
    let name = DefinitionName::of(&key.pin).expect("the owner of a definition");
    let minute = value.parse::<u32>().unwrap_or(0) % 1440;
    let fields = match name.kind {
        DefinitionKind::WorkCode => vec![("PIN", name.name.clone()), ("NAME", value.to_owned())],
        _ => vec![("MonStart", format!("{:02}{:02}", minute / 60, minute % 60))],
    };
    Definition::new(&name, &fields).expect("a definition")
}

pub fn finger(pin: &Pin, number: u8, major: u16) -> ItemKey {
    let algorithm = Algorithm { format: Format::Zk, major, minor: 0 };
    ItemKey { pin: pin.clone(), slot: Slot::template(BioType::FINGERPRINT, number, algorithm) }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let limits = Limits {
            open: 6,
            lines: 12,
            bytes: 4_000,
            heavy_bytes: 3_000,
            due: 40,
            answer_ms: 6_000,
            longest_pause_ms: 12_000,
            retry_ms: 3_000,
            ..Limits::default()
        };
        let devices = (0..4).map(|number| Device::new(number, &mut random)).collect();
        let deletion = random.pick(&[sync::intake::Deletion::Propagate, sync::intake::Deletion::Restore]);
        let policy =
            Policy { deletion, deletions_left: u32::MAX, edits_per_hour: u32::MAX, ..Policy::default() };
        Self {
            random,
            seq: 0,
            items: BTreeMap::new(),
            devices,
            now: Millis(0),
            policy,
            limits,
            hash_key: HashKey::new([7; 32]),
            values: 0,
            busy: 0.1,
            deleted: BTreeMap::new(),
            resurrected: 0,
            most_due: 0,
            kept: Vec::new(),
            owners: BTreeMap::new(),
            puts: Vec::new(),
            delivered: BTreeMap::new(),
            sent: 0,
            sent_to: BTreeSet::new(),
            sent_outside: Vec::new(),
            told: std::env::var_os("MUSTER_TELL").is_some(),
        }
    }

    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.told {
            eprintln!("{:6} {}", self.now.0 / 1000, what());
        }
    }

    /// A text that was never used before.
    pub fn value(&mut self) -> String {
        self.values += 1;
        format!("{:08}", self.values)
    }

    /// A name that is longer than the shortest device stores, and is unique within that length.
    pub fn name(&mut self) -> String {
        format!("{} of the night shift", self.value())
    }

    pub fn put(&mut self, key: &ItemKey, content: Option<Content>, by: Option<i64>) {
        if content.is_some() || self.items.contains_key(key) {
            self.put_or_bury(key, content, by);
        }
    }

    fn put_or_bury(&mut self, key: &ItemKey, content: Option<Content>, by: Option<i64>) {
        self.tell(|| format!("   put {key} by {by:?}: {content:?}"));
        let hash = content.as_ref().map(|content| roster::hash(&self.hash_key, &key.slot, content));
        let before = self.items.get(key);
        let same = match (before, hash) {
            (Some(before), Some(hash)) => before.state.live && before.state.hash == hash,
            (Some(before), None) => !before.state.live,
            (None, _) => false,
        };
        if same {
            return;
        }
        self.seq += 1;
        let live = content.is_some();
        let user_live = self.is_live(&user_key(&key.pin));
        let (old, new) = (before.and_then(|before| before.content.clone()), content.clone());
        let created = before.filter(|b| b.state.live && live).map_or(Seq(self.seq), |b| b.state.created);
        let begins = live && !before.is_some_and(|before| before.state.live);
        let created_by = if begins { by } else { before.and_then(|before| before.state.created_by) };
        let state = ItemState {
            seq: Seq(self.seq),
            first: before.map_or(Seq(self.seq), |b| b.state.first),
            created,
            created_by,
            live,
            hash: hash.or(before.map(|b| b.state.hash)).unwrap_or(ContentHash([0; 16])),
            changed_by: by,
            at: self.now,
            made_of: None,
            bytes: content.as_ref().map_or(0, |content| self.bytes(content)),
            lines: 1,
        };
        let stored = self.items.entry(key.clone()).or_insert_with(|| Stored {
            state: state.clone(),
            content: None,
            older: BTreeSet::new(),
            older_users: Vec::new(),
            former: BTreeSet::new(),
            removed: BTreeSet::new(),
        });
        if let Some(old) = stored.content.take() {
            stored.older.insert(stored.state.hash);
            if let Content::User(fields) = old {
                stored.older_users.insert(0, fields);
            }
        }
        if !live {
            // The records of a deleted person are erased. Only marks remain.
            for user in std::mem::take(&mut stored.older_users) {
                let marks = roster::marks(&self.hash_key, &user);
                if by.is_none() {
                    stored.removed.extend(&marks);
                }
                stored.former.extend(marks);
            }
        }
        (stored.state, stored.content) = (state, content);
        let user = self.items.get(&user_key(&key.pin)).filter(|user| user.state.live);
        let row = by.map(|by| &self.devices[usize::try_from(by).expect("a device")].row);
        let member =
            |area: &Area| self.is_live(&ItemKey { pin: key.pin.clone(), slot: Slot::membership(*area) });
        let in_scope = row.is_some_and(|row| row.areas.iter().any(member));
        let joining = row.and_then(|row| row.joining);
        self.puts.push(Put {
            key: key.clone(),
            before: old,
            after: new,
            by,
            user_live,
            life: user.map(|user| user.state.created),
            at: self.now,
            in_scope,
            joining,
        });
    }

    /// Approximate size of the commands. Some templates alone are larger than a reply should be.
    fn bytes(&self, content: &Content) -> usize {
        let heavy = match content {
            Content::Template(template) => template.parts.iter().any(|part| part.text.ends_with(['0', '5'])),
            _ => false,
        };
        if heavy { self.limits.bytes + 1 } else { content.wire_bytes() }
    }

    pub fn keys_of(&self, pin: &Pin) -> Vec<ItemKey> {
        self.items.keys().filter(|key| key.pin == *pin).cloned().collect()
    }

    pub fn is_live(&self, key: &ItemKey) -> bool {
        self.items.get(key).is_some_and(|item| item.state.live)
    }

    pub fn delete_user(&mut self, pin: &Pin) {
        let names = self.items.get(&user_key(pin)).into_iter().flat_map(|item| item.older_users.clone());
        let names: BTreeSet<String> = names.chain(self.user(pin)).map(|user| user.name).collect();
        let mut keys = self.keys_of(pin);
        keys.sort_by_key(|key| (key.slot.kind == Kind::Membership, key.slot != Slot::USER));
        for key in keys {
            self.put(&key, None, None);
        }
        self.deleted.entry(pin.clone()).or_default().extend(names);
    }

    pub fn user(&self, pin: &Pin) -> Option<UserFields> {
        match self.items.get(&user_key(pin))?.content.as_ref()? {
            Content::User(fields) => Some(fields.clone()),
            _ => None,
        }
    }

    /// The view of a device, with every person in it.
    pub fn view(&self, device: usize) -> DeviceView {
        let device = &self.devices[device];
        let mut view = device.row.clone();
        view.open_count = device.open.len();
        view.due_count = device.exceptions.values().filter(|e| matches!(e.wait, Wait::Due(_))).count();
        let mut persons: BTreeMap<Pin, Person> = BTreeMap::new();
        for (key, item) in &self.items {
            persons.entry(key.pin.clone()).or_default().items.insert(key.slot, item.state.clone());
        }
        for (key, command) in &device.open {
            persons.entry(key.pin.clone()).or_default().open.insert(key.slot, command.clone());
        }
        for (key, exception) in &device.exceptions {
            persons.entry(key.pin.clone()).or_default().exceptions.insert(key.slot, *exception);
        }
        for (pin, claim) in &device.claims {
            persons.entry(pin.clone()).or_default().claim = Some(claim.clone());
        }
        for (pin, at) in &device.delete_sent {
            persons.entry(pin.clone()).or_default().delete_sent_at = Some(*at);
        }
        view.persons = persons;
        view
    }

    /// Writes the changes of a decision, as a store has to.
    pub fn apply(&mut self, device: usize, view: DeviceView) {
        let _ = self.apply_numbered(device, view, &[]);
    }

    /// The changes of claims, by PIN; the last one counts.
    fn apply_numbered(
        &mut self,
        device: usize,
        mut view: DeviceView,
        numbers: &[(ItemKey, Seq)],
    ) -> BTreeMap<Pin, ClaimNews> {
        self.put_questions(device, &mut view);
        let mut changes = view.take_changes();
        for (key, seq) in numbers {
            changes.numbered(key, *seq);
        }
        let (now, index) = (self.now, device);
        let device = &mut self.devices[device];
        if changes.rebaseline {
            device.rebaseline(now);
        }
        for (kind, items) in &changes.unpark {
            let parked = device.exceptions.iter_mut().filter(|(key, exception)| {
                key.slot.kind == *kind && exception.wait == Wait::Parked(sync::Parked::Full)
            });
            for (_, exception) in parked.take(usize::try_from(*items).unwrap_or(usize::MAX)) {
                exception.wait = Wait::ROOM;
            }
        }
        device.given_up.extend(changes.closed.iter().filter(|c| c.return_code.is_none()).map(|c| c.number));
        for (pin, news) in &changes.claims {
            if let ClaimNews::Open(state) = news {
                if let Some(claim) = view.claim(pin) {
                    let claim = sync::Claim { state: *state, ..claim.clone() };
                    device.claims.insert(pin.clone(), claim);
                }
                continue;
            }
            device.claims.remove(pin);
            let said = device.claimed.remove(pin).unwrap_or_default();
            let said = if *news == ClaimNews::Taken {
                upload::replaced_rows(said, device.records.get(pin))
            } else {
                said
            };
            if *news != ClaimNews::Dropped {
                self.kept.extend(said.into_iter().map(|(held, upload)| Kept { device: index, held, upload }));
            }
        }
        for closed in &changes.closed {
            device.open.retain(|_, command| command.number != closed.number);
        }
        for (key, command) in changes.open {
            device.history.insert(command.number, (key.clone(), command.verb, command.seq));
            device.open.insert(key, command);
        }
        for (key, exception) in changes.exceptions {
            match exception {
                Some(exception) => device.exceptions.insert(key, exception),
                None => device.exceptions.remove(&key),
            };
        }
        if changes.device || changes.capability {
            view.persons.clear();
            device.row = view;
        }
        self.most_due = self.most_due.max(device.exceptions.len());
        changes.claims.into_iter().collect()
    }

    pub fn deliver_acknowledgements(&mut self, device: usize) {
        for acknowledgement in std::mem::take(&mut self.devices[device].terminal.acknowledgements) {
            match acknowledgement {
                Acknowledgement::Item { number, line, verb, key, seq, code } => {
                    let mut view = self.view(device);
                    let given_up = self.devices[device].given_up.contains(&number);
                    let return_code = ReturnCode(code);
                    let answer = Answer { number, key, verb, seq, line, return_code, given_up };
                    let settled = settle(&mut view, &answer, self.now, &self.limits);
                    self.tell(|| {
                        format!(
                            "{device} answers {verb:?} {} {number} line {line}: {code} {settled:?}",
                            answer.key
                        )
                    });
                    self.apply(device, view);
                }
                Acknowledgement::QueuedCommand { number, understood } => {
                    self.take_answer(device, number, understood);
                }
            }
        }
    }

    pub fn order(&mut self, device: usize, what: QueuedCommand) -> i64 {
        let number = i64::try_from(self.devices[device].ordered.len()).expect("few") + 1_000_000;
        let command = OperatorCommand {
            number,
            fence: matches!(what, QueuedCommand::Reboot | QueuedCommand::ClearData),
            repeatable: !matches!(what, QueuedCommand::Reboot | QueuedCommand::ClearData),
            empties: what == QueuedCommand::ClearData,
            answer_ms: 0,
            expires_at: None,
            state: State::Queued,
        };
        self.devices[device].awaits_everything |= what == QueuedCommand::Check;
        self.devices[device].ordered.push((command, what));
        number
    }

    /// The device gets firmware that knows more, starts anew, and reports it.
    pub fn new_firmware(&mut self, device: usize) {
        let device = &mut self.devices[device];
        device.terminal.inbox.clear();
        device.terminal.acknowledgements.clear();
        device.terminal.knows_zones = true;
        device.row.capability.forget_refusals();
        device.row.scan = Some(ScanFrom::Start);
    }

    pub fn set_areas(&mut self, device: usize, areas: BTreeSet<Area>) {
        let now = self.now;
        let gone: Vec<_> = self.devices[device].row.areas.difference(&areas).copied().collect();
        let new = areas.difference(&self.devices[device].row.areas).next().is_some();
        let left: BTreeSet<_> = self
            .items
            .keys()
            .filter(|key| key.slot.area().is_some_and(|area| gone.contains(&area)))
            .map(|key| ItemKey { pin: key.pin.clone(), slot: Slot::root_of(&key.pin) })
            .filter(|root| self.items.contains_key(root))
            .collect();
        let device = &mut self.devices[device];
        for user in left {
            device.again_or_due(&user, now);
        }
        device.row.areas = areas;
        if new {
            device.row.scan = Some(ScanFrom::Start);
        }
    }
}

impl Device {
    fn new(number: i64, random: &mut Random) -> Self {
        let major = if number % 2 == 0 { 10 } else { 12 };
        let small = number == 2;
        let mut capability = Capability::default();
        // The small device reports the true number of templates, and more users than it holds.
        let most = if small { SMALL_TEMPLATES } else { 100 };
        capability.merge_parameters(&[
            ("MaxMultiBioDataCount".to_owned(), format!("0:{most}:0:0:0:0:0:0:0:0")),
            ("FingerFunOn".to_owned(), "1".to_owned()),
            ("MultiBioDataSupport".to_owned(), "0:1:0:0:0:0:0:0:0:0".to_owned()),
            ("MultiBioVersion".to_owned(), format!("0:{major}.0:0:0:0:0:0:0:0:0")),
        ]);
        let mut row = DeviceView::new(number, capability);
        let areas = 1 + random.below(2);
        row.areas = (0..areas).map(|_| random.pick(&AREAS)).collect();
        Self {
            row,
            open: BTreeMap::new(),
            records: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            history: BTreeMap::new(),
            given_up: BTreeSet::new(),
            claims: BTreeMap::new(),
            enrolment: Enrolment::Accept,
            claimed: BTreeMap::new(),
            shown: BTreeSet::new(),
            delete_sent: BTreeMap::new(),
            ordered: Vec::new(),
            known_answers: Answers::Everything,
            awaits_everything: false,
            reread: None,
            terminal: Terminal {
                name_bytes: if number == 3 { 24 } else { 100 },
                most_users: if small { 3 } else { 100 },
                most_templates: most,
                refuses: number % 2 == 1,
                reports_own_deletions: number == 1,
                knows_zones: number != 3,
                ..Terminal::default()
            },
            major,
        }
    }

    /// Carries out [`sync::Changes::rebaseline`] and [`sync::Changes::device`] as a store has to.
    fn rebaseline(&mut self, now: Millis) {
        for exception in self.exceptions.values_mut() {
            (exception.refused, exception.known) = (None, None);
            if exception.wait != Wait::Parked(sync::Parked::Held) {
                exception.wait = Wait::Due(now);
            }
        }
        for (key, command) in std::mem::take(&mut self.open) {
            self.again_or_due(&key, now);
            if matches!(command.verb, Verb::Delete | Verb::Replace) && key.slot == Slot::USER {
                self.exceptions.get_mut(&key).expect("it is owed").wipe = true;
            }
        }
    }

    fn again_or_due(&mut self, key: &ItemKey, now: Millis) {
        if let Some(command) = self.open.get_mut(key) {
            command.again = true;
        } else {
            let exception = self.exceptions.entry(key.clone()).or_insert(Exception::due(now));
            if exception.wait == Wait::No {
                exception.wait = Wait::Due(now);
            }
        }
    }
}
