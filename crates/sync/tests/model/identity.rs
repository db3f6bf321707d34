//! Random episodes about the identity rules: whose content is under a PIN. Terminals enrol, edit, delete, are wiped
//! and restored. Operators set, delete and move people. Every value belongs to one person, so the judge sees which
//! person a record or a device belongs to.
//!
//! `MUSTER_EPISODES=30000 cargo nextest run -p sync --test model pin_holds` runs more episodes.

mod accidents;
mod judge;
mod operators;
mod stories;

use std::collections::{BTreeMap, BTreeSet};

use roster::{Area, ItemKey, Millis, Slot, UserFields};
use sync::intake::{Deletion, Enrolment};
use sync::{Joining, Knows, Want};
use wire::Pin;

use crate::random::Random;
use crate::terminal::{Answers, QueuedCommand, Upload, User};
use crate::world::{AREAS, Device, World, finger, pin};
use judge::Judge;

/// Number of PINs.
const PINS: usize = 5;

/// The privilege of an administrator.
const ADMINISTRATOR: i32 = 14;

/// A device that joins later and brings its own people.
const LATE: usize = 3;

/// A person, with a name and a card.
#[derive(Clone, Debug)]
struct Individual {
    name: String,
    card: Option<String>,
}

/// The content of a terminal.
type Backup = (BTreeMap<Pin, User>, BTreeMap<(Pin, Slot), String>);

/// A person whom an operator deleted, with everything that belonged to the person.
type Deleted = (Pin, UserFields, Vec<(ItemKey, roster::Content)>);

/// One episode.
#[derive(Debug)]
struct Episode {
    world: World,
    judge: Judge,
    people: Vec<Individual>,
    /// Every device is online, and a PIN never changes its person.
    ordinary: bool,
    online: [bool; 4],
    late_has_joined: bool,
    backups: BTreeMap<usize, Backup>,
    /// The last person whom an operator deleted.
    undo: Option<Deleted>,
    /// When each device was asked for everything, until it has uploaded everything.
    roster_since: [Option<Millis>; 4],
    /// The number of users that each device reported with its last poll.
    told: [usize; 4],
}

impl Episode {
    fn new(seed: u64, ordinary: bool) -> Self {
        let mut world = World::new(seed);
        world.values = 100;
        world.busy = 0.08;
        world.policy.deletion = Deletion::Propagate;
        let mut episode = Self {
            world,
            judge: Judge::default(),
            people: Vec::new(),
            ordinary,
            online: [true; 4],
            late_has_joined: false,
            backups: BTreeMap::new(),
            undo: None,
            roster_since: [None; 4],
            told: [0; 4],
        };
        for number in 0..4 {
            let areas = episode.some_areas();
            let device = &mut episode.world.devices[number];
            device.row.areas = areas;
            device.become_roomy();
        }
        episode.draw_answers(seed);
        if !ordinary {
            let policies = [Enrolment::Accept, Enrolment::Accept, Enrolment::Hold, Enrolment::Refuse];
            episode.world.devices[1].enrolment = episode.world.random.pick(&policies);
        }
        episode
    }

    /// Draws the questions that each terminal answers. Everything else of an episode is independent of this.
    fn draw_answers(&mut self, seed: u64) {
        let mut random = Random(seed ^ 0x5e_ed0f_a75e);
        let answers = [
            Answers::Everything,
            Answers::Everything,
            Answers::Everything,
            Answers::Users,
            Answers::Check,
            Answers::Nothing,
        ];
        for number in 0..4 {
            let answers = random.pick(&answers);
            self.world.devices[number].terminal.answers = answers;
            self.world.tell(|| format!("== {number} answers {answers:?}"));
        }
    }

    fn some_areas(&mut self) -> BTreeSet<Area> {
        if self.ordinary {
            return [AREAS[0]].into();
        }
        let number = self.world.random.pick(&[1, 1, 2]);
        let first = self.world.random.below(3);
        (first..first + number).map(|area| AREAS[area % 3]).collect()
    }

    fn is_active(&self, device: usize) -> bool {
        device != LATE || self.late_has_joined
    }

    /// A value of this person that was never used before.
    fn value(&mut self, person: usize) -> String {
        let value = self.world.value();
        self.world.owners.insert(value.clone(), person);
        value
    }

    fn group(&mut self, person: usize) -> i32 {
        self.value(person).parse().expect("a number")
    }

    /// Creates a person: three of four have a name, and half of those a card too.
    fn person(&mut self, named: bool) -> usize {
        let person = self.people.len();
        let name = named.then(|| format!("{} of the night shift", self.value(person)));
        let has_card = !named || self.world.random.chance(0.5);
        let card = has_card.then(|| self.value(person));
        self.people.push(Individual { name: name.unwrap_or_default(), card });
        person
    }

    fn finger(&mut self, pin: &Pin) -> ItemKey {
        let number = u8::try_from(self.world.random.below(3)).expect("few");
        finger(pin, number, 10)
    }

    /// Enrols a person at a terminal that holds nobody under the PIN. The records are uploaded together or in pieces.
    fn enrol(&mut self, device: usize, person: usize, pin: &Pin) {
        let group = self.group(person);
        let Individual { name, card } = self.people[person].clone();
        let name = name[..name.len().min(self.world.devices[device].terminal.name_bytes)].to_owned();
        let privilege = if self.world.random.chance(0.06) { ADMINISTRATOR } else { 0 };
        let user = User { name, card, privilege, group };
        let fingers = if user.card.is_some() { self.world.random.pick(&[0, 1, 1, 2]) } else { 1 };
        let since = self.world.now;
        self.judge.made_record(&self.world, device, pin, person, &user, since);
        let terminal = &mut self.world.devices[device].terminal;
        terminal.users.insert(pin.clone(), user.clone());
        let mut body = vec![Upload::Enrolled(pin.clone()), Upload::User(pin.clone(), user)];
        for _ in 0..fingers {
            let key = self.finger(pin);
            body.push(self.puts_finger(device, &key, person, since));
        }
        if self.world.random.chance(0.3) {
            let by = self.world.random.below(body.len());
            body.rotate_left(by);
        }
        let together = self.world.random.chance(0.6);
        let uploads = &mut self.world.devices[device].terminal.uploads;
        if together {
            uploads.push(body);
        } else {
            uploads.extend(body.into_iter().map(|upload| vec![upload]));
        }
        self.world.tell(|| format!("== person {person} is enrolled at {device} as {pin}"));
    }

    fn puts_finger(&mut self, device: usize, key: &ItemKey, person: usize, since: Millis) -> Upload {
        let text = self.value(person);
        self.judge.made_template(&self.world, device, key, person, &text, since);
        let terminal = &mut self.world.devices[device].terminal;
        terminal.templates.insert((key.pin.clone(), key.slot), text.clone());
        Upload::Template(key.clone(), text)
    }

    /// The person to enrol: a new person, the owner of the PIN, or a former owner.
    fn someone(&mut self, pin: &Pin) -> usize {
        let chance = self.world.random.unit();
        if let Some(owner) = self.judge.owner(pin).filter(|_| chance < 0.5) {
            return owner;
        }
        let before = self.judge.had_before(pin);
        if !before.is_empty() && chance < 0.62 {
            return self.world.random.pick(&before);
        }
        let named = self.world.random.chance(0.75);
        self.person(named)
    }

    fn enrol_someone(&mut self, device: usize, pin: &Pin) {
        if self.world.devices[device].terminal.users.contains_key(pin) {
            return;
        }
        if !self.ordinary {
            let person = self.someone(pin);
            return self.enrol(device, person, pin);
        }
        if !self.is_active(device) {
            return;
        }
        let elsewhere = self.world.devices.iter().any(|other| other.terminal.users.contains_key(pin));
        match self.judge.owner(pin) {
            Some(owner) => self.enrol(device, owner, pin),
            None if elsewhere => {}
            None => {
                let person = self.someone(pin);
                self.enrol(device, person, pin);
            }
        }
    }

    /// Changes a person at a terminal that holds the person.
    fn edit(&mut self, device: usize) {
        let held: Vec<Pin> = self.world.devices[device].terminal.users.keys().cloned().collect();
        if held.is_empty() {
            return;
        }
        let pin = self.world.random.pick(&held);
        let mut user = self.world.devices[device].terminal.users[&pin].clone();
        let Some(person) = Judge::owner_of_record(&self.world, &user) else { return };
        let since = self.judge.since(&user);
        self.world.tell(|| format!("== {pin} is changed at {device}"));
        if self.world.random.chance(0.5) {
            let key = self.finger(&pin);
            let mut body = vec![self.puts_finger(device, &key, person, since)];
            if self.world.random.chance(0.5) {
                let at = self.world.random.below(2);
                body.insert(at, Upload::User(pin, user));
            }
            return self.world.devices[device].terminal.uploads.push(body);
        }
        match self.world.random.below(20) {
            8..14 => user.card = Some(self.value(person)),
            14..16 if !user.name.is_empty() => {
                let name = format!("{} of the night shift", self.value(person));
                let bytes = self.world.devices[device].terminal.name_bytes;
                name[..name.len().min(bytes)].clone_into(&mut user.name);
            }
            16..18 if !self.ordinary => user.privilege = ADMINISTRATOR,
            18 if !self.ordinary => user.name.clear(),
            _ => user.group = self.group(person),
        }
        self.judge.made_record(&self.world, device, &pin, person, &user, since);
        let terminal = &mut self.world.devices[device].terminal;
        terminal.users.insert(pin.clone(), user.clone());
        terminal.report(Upload::User(pin, user));
    }

    fn delete_at(&mut self, device: usize) {
        let held: Vec<Pin> = self.world.devices[device].terminal.users.keys().cloned().collect();
        if held.is_empty() {
            return;
        }
        let pin = self.world.random.pick(&held);
        self.world.tell(|| format!("== {pin} is deleted at {device}"));
        self.judge.removed_at(&self.world, device, &pin);
        let terminal = &mut self.world.devices[device].terminal;
        terminal.remove(&pin);
        terminal.report(Upload::Deleted(pin.clone()));
        if self.world.random.chance(0.5) {
            let person = self.someone(&pin);
            self.enrol(device, person, &pin);
        }
    }

    /// Uploads everything, users or templates first, sometimes only in part.
    fn upload_everything(&mut self, device: usize) {
        let users_first = self.world.random.chance(0.6);
        let at_once = self.world.random.pick(&[2, 4, 99]);
        let breaks_off = !self.ordinary && self.world.random.chance(0.15);
        let terminal = &mut self.world.devices[device].terminal;
        let mut all = terminal.everything();
        if !users_first {
            all.reverse();
        }
        let mut bodies: Vec<Vec<Upload>> = all.chunks(at_once).map(<[Upload]>::to_vec).collect();
        if breaks_off && !bodies.is_empty() {
            bodies.truncate(bodies.len() / 2);
        }
        terminal.uploads.extend(bodies);
    }

    /// The late device joins.
    fn join(&mut self, mode: Joining) {
        self.world.tell(|| format!("== the late device joins: {mode:?}"));
        if self.world.random.chance(0.5) {
            self.world.devices[LATE].terminal.uploads.clear();
        }
        self.late_has_joined = true;
        self.world.devices[LATE].row.joining = Some(mode);
        self.judge.joins(&self.world, LATE, mode);
        self.ask_for_everything(LATE);
    }

    fn ask_for_everything(&mut self, device: usize) {
        self.world.devices[device].row.roster_complete = false;
        self.world.devices[device].shown.clear();
        self.roster_since[device] = Some(self.world.now);
        self.world.order(device, QueuedCommand::Check);
    }

    /// The server compares what the device uploaded with the number of users that it reports.
    fn look_at_roster(&mut self, device: usize) {
        let Some(since) = self.roster_since[device] else { return };
        let Device { terminal, shown, .. } = &self.world.devices[device];
        let users = shown.iter().filter(|(_, slot)| slot.is_none()).count();
        let complete = users == terminal.users.len() && shown.len() - users == terminal.templates.len();
        if complete {
            self.roster_since[device] = None;
            let mut view = self.world.view(device);
            view.roster_complete = true;
            let joined = view.joining.is_some();
            if joined {
                view.joined();
                self.judge.joined(&self.world, device);
            }
            self.world.devices[device].row.roster_complete = true;
            self.world.tell(|| format!("== {device} has shown everything"));
            self.world.apply(device, view);
            if joined {
                self.world.was_read(device);
            }
        } else if since.plus(60_000) < self.world.now {
            self.ask_for_everything(device);
        }
    }

    fn deliver(&mut self, device: usize) {
        if !self.is_active(device) || !self.online[device] {
            return;
        }
        let (complete, joining) = {
            let row = &self.world.devices[device].row;
            (row.roster_complete, row.joining)
        };
        let doubted = self.world.devices[device]
            .terminal
            .uploads
            .iter()
            .flatten()
            .any(|upload| matches!(upload, Upload::Wiped | Upload::Restored));
        self.world.deliver_uploads(device);
        if doubted && (complete || joining.is_none() || self.roster_since[device].is_none()) {
            self.ask_for_everything(device);
        }
        self.look_at_roster(device);
        self.judge.look(&mut self.world);
        let view = self.world.view(device);
        for (pin, person) in &view.persons {
            if let Some(life) =
                person.life().filter(|_| view.in_scope(pin) && view.knows(pin) == Knows::Present)
            {
                self.judge.given(device, life);
            }
        }
    }

    fn poll(&mut self, device: usize, lost: bool) {
        if !self.is_active(device) || !self.online[device] {
            return;
        }
        let users = self.world.devices[device].terminal.users.len();
        if std::mem::replace(&mut self.told[device], users) > 0 && users == 0 {
            self.found_emptied(device);
        }
        self.connects_again(device);
        self.look_at_roster(device);
        self.world.poll(device, lost);
        self.judge.look(&mut self.world);
    }

    /// A terminal that does not know `CHECK` connects anew from time to time.
    fn connects_again(&mut self, device: usize) {
        let may = self.world.devices[device].may_connect_again();
        if may && (self.world.busy == 0.0 || self.world.random.chance(0.2)) {
            self.world.connect_again(device);
        }
    }

    fn found_emptied(&mut self, device: usize) {
        if self.world.devices[device].row.joining.is_some() {
            return;
        }
        self.world.tell(|| format!("== {device} was found to be empty"));
        let mut view = self.world.view(device);
        view.rebaseline();
        self.world.apply(device, view);
        self.ask_for_everything(device);
    }

    fn run(&mut self, device: usize, most: usize) {
        let World { devices, random, busy, .. } = &mut self.world;
        devices[device].terminal.run(random, most, *busy);
    }

    fn deliver_acknowledgements(&mut self, device: usize) {
        if self.online[device] {
            self.world.deliver_acknowledgements(device);
            self.judge.look(&mut self.world);
        }
    }

    fn play(&mut self) {
        let modes = [Joining::Adopt, Joining::Adopt, Joining::Replace];
        let mode = if self.ordinary { Joining::Adopt } else { self.world.random.pick(&modes) };
        for step in 0..if self.ordinary { 150 } else { 200 } {
            self.world.now = self.world.now.plus(1_000);
            if self.ordinary {
                self.everybody_is_online();
            }
            let busy = self.world.random.chance(if self.ordinary { 0.4 } else { 0.6 });
            let chance = self.world.random.below(1000);
            self.step(if busy { chance } else { 210 + chance * 57 / 100 }, step, mode);
        }
        self.calm_down(mode);
    }

    fn step(&mut self, chance: usize, step: usize, mode: Joining) {
        let device = self.world.random.below(4);
        let who = pin(self.world.random.below(PINS));
        match chance {
            0..40 => self.operator_sets(&who),
            40..110 => self.enrol_someone(device, &who),
            110..180 if self.is_active(device) || !self.ordinary => self.edit(device),
            180..200 if self.is_active(device) => self.upload_everything(device),
            200..210 if !self.late_has_joined && step > 30 => self.join(mode),
            210..400 => {
                let lost = self.world.random.chance(0.15);
                self.poll(device, lost);
            }
            400..540 => {
                let most = self.world.random.pick(&[1, 3, 99]);
                self.run(device, most);
            }
            540..660 if self.world.random.chance(0.85) => self.deliver_acknowledgements(device),
            660..780 => self.deliver(device),
            780..910 if !self.ordinary => self.operator_acts(chance, device, &who),
            910.. if !self.ordinary => self.accident(chance, device, &who),
            _ => {}
        }
        self.judge.look(&mut self.world);
    }

    fn everybody_is_online(&mut self) {
        for device in 0..4 {
            if self.is_active(device) && self.world.random.chance(0.6) {
                self.deliver(device);
                let lost = self.world.random.chance(0.02);
                self.poll(device, lost);
                self.run(device, 99);
                if self.world.random.chance(0.9) {
                    self.deliver_acknowledgements(device);
                }
            }
        }
    }

    fn calm_down(&mut self, mode: Joining) {
        self.world.tell(|| "==== calm".to_owned());
        self.world.busy = 0.0;
        self.online = [true; 4];
        if !self.late_has_joined {
            self.join(mode);
        }
        for round in 0..60 {
            self.world.now = self.world.now.plus(7_000);
            if round == 49 {
                self.judge.sent_before = self.world.sent;
            }
            for device in 0..4 {
                if round == 15 || round == 30 {
                    self.audit(device);
                }
                self.deliver(device);
                self.poll(device, false);
                self.run(device, 99);
                self.deliver(device);
                self.deliver_acknowledgements(device);
            }
        }
    }

    /// Once a day, the server asks for everything. If a device lacks something, it is scanned again.
    fn audit(&mut self, device: usize) {
        if self.world.devices[device].row.joining.is_some() || self.roster_since[device].is_some() {
            return;
        }
        let view = self.world.view(device);
        let Device { terminal, claims, .. } = &self.world.devices[device];
        let holds = |key: &ItemKey| match key.slot {
            Slot::USER => terminal.users.contains_key(&key.pin),
            slot => terminal.templates.contains_key(&(key.pin.clone(), slot)),
        };
        let mut wanted = self.world.items.keys().filter(|key| view.want(key) == Want::Present);
        if wanted.any(|key| !holds(key) && !claims.contains_key(&key.pin)) {
            let mut view = view;
            view.rebaseline();
            self.world.apply(device, view);
        }
        self.ask_for_everything(device);
    }
}

impl Device {
    /// The terminal accepts the content that the others accept, and never refuses anything.
    fn become_roomy(&mut self) {
        self.major = 10;
        self.row.capability.merge_parameters(&[
            ("MaxMultiBioDataCount".to_owned(), "0:100:0:0:0:0:0:0:0:0".to_owned()),
            ("MultiBioVersion".to_owned(), "0:10.0:0:0:0:0:0:0:0:0".to_owned()),
        ]);
        let terminal = &mut self.terminal;
        (terminal.most_users, terminal.most_templates, terminal.refuses) = (100, 100, false);
    }
}

fn episodes(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let first = number("MUSTER_SEED").unwrap_or(0_u64);
    first..first + number("MUSTER_EPISODES").unwrap_or(default)
}

#[test]
fn a_pin_holds_one_person_whatever_terminals_and_operators_do() {
    let mut failures = Vec::new();
    for seed in episodes(4_000) {
        let mut episode = Episode::new(seed, false);
        episode.play();
        if let Some(wrong) = episode.judge.verdict(&episode.world) {
            failures.push(format!("seed {seed}: {wrong}"));
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn ordinary_life_needs_no_decision() {
    let (mut kept, mut failures) = (0, Vec::new());
    let seeds = episodes(500);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let mut episode = Episode::new(seed, true);
        episode.play();
        let number = judge::awaiting_decision(&episode.world);
        if number > 0 {
            episode.world.tell(|| format!("kept: {number}"));
        }
        kept += number;
        if let Some(wrong) = episode.judge.verdict(&episode.world) {
            failures.push(format!("seed {seed}: {wrong}"));
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    assert!(kept * 5 <= usize::try_from(count).expect("few"), "{kept} decisions in {count} episodes");
}
