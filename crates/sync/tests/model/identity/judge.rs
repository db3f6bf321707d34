//! The judge of the identity rules: whose content the fleet and the devices hold, and whether anything was lost or
//! came back.
//!
//! Every value belongs to one person. The judge excuses two cases that nobody can distinguish from a new person or an
//! edit: the content of a device after a silent restore, and the content of a person who has nothing in common with
//! the deleted one.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, ItemKey, Kind, Millis, Seq, Slot};
use sync::intake::{Enrolment, Held};
use sync::operator::State;
use sync::{Asked, Joining, Stage};
use wire::Pin;

use super::PINS;
use crate::terminal::{Upload, User, short};
use crate::world::{Put, World, pin, user_key};

/// A value that a person got at a terminal.
#[derive(Debug)]
struct Act {
    device: usize,
    pin: Pin,
    value: String,
    /// The slot of a template. In a user record: 0 for the name, 1 for the card.
    place: Result<Slot, u8>,
    person: usize,
    /// When the person was enrolled there.
    since: Millis,
    at: Millis,
    excused: bool,
}

/// Names and cards of deleted people.
#[derive(Debug, Default)]
struct Gone {
    at: Millis,
    values: BTreeSet<String>,
    named: bool,
    by_operator: bool,
}

#[derive(Debug, Default)]
pub struct Judge {
    owners: BTreeMap<Pin, usize>,
    record_since: BTreeMap<i32, Millis>,
    gone: BTreeMap<(Pin, usize), Gone>,
    ended: BTreeMap<(Pin, usize), Millis>,
    /// When each person was last deleted at a terminal.
    removed: BTreeMap<(usize, Pin, usize), Millis>,
    /// Every value that the fleet ever held.
    ever: BTreeSet<(Pin, String)>,
    /// Values that were replaced within this life, and whether an operator replaced them.
    replaced: BTreeMap<(Pin, String), bool>,
    /// Names and cards of the current life.
    called: BTreeMap<Pin, BTreeSet<String>>,
    acts: Vec<Act>,
    /// When an operator removed a template.
    cut: BTreeMap<(Pin, Slot), Millis>,
    brought_silently: BTreeSet<(usize, String)>,
    made_replaced: [Option<Millis>; 4],
    begun_at: BTreeSet<(usize, Seq)>,
    wrong: Vec<String>,
    /// Number of cases that cannot be determined.
    pub undecidable: usize,
    /// Number of commands that had been sent ten rounds before the end.
    pub sent_before: usize,
}

fn values(content: Option<&Content>) -> Vec<String> {
    match content {
        Some(Content::User(fields)) => {
            let name = Some(short(&fields.name)).filter(|name| !name.is_empty());
            let card = fields.card.clone().filter(|card| !card.is_empty());
            name.into_iter().chain(card).chain([format!("{:08}", fields.group)]).collect()
        }
        Some(Content::Template(template)) => vec![template.parts[0].text.clone()],
        _ => Vec::new(),
    }
}

impl Judge {
    pub fn owner(&self, pin: &Pin) -> Option<usize> {
        self.owners.get(pin).copied()
    }

    /// People who had the PIN before.
    pub fn had_before(&self, pin: &Pin) -> Vec<usize> {
        self.ended.keys().filter(|(of, _)| of == pin).map(|(_, person)| *person).collect()
    }

    /// People whom an operator removed from the PIN.
    pub fn deleted_before(&self, pin: &Pin) -> Vec<usize> {
        let gone = self.gone.iter().filter(|((of, _), gone)| of == pin && gone.by_operator);
        gone.map(|((_, person), _)| *person).collect()
    }

    pub fn owner_of_record(world: &World, user: &User) -> Option<usize> {
        world.owners.get(&format!("{:08}", user.group)).copied()
    }

    pub fn since(&self, user: &User) -> Millis {
        self.record_since.get(&user.group).copied().unwrap_or(Millis(0))
    }

    pub fn made_record(
        &mut self,
        world: &World,
        device: usize,
        pin: &Pin,
        person: usize,
        user: &User,
        since: Millis,
    ) {
        self.record_since.insert(user.group, since);
        let name = Some(short(&user.name)).filter(|name| !name.is_empty());
        let card = user.card.clone().filter(|card| !card.is_empty());
        for (place, value) in [(0, name), (1, card)] {
            // An empty value: somebody cleared the field there.
            self.act(world, device, pin, Err(place), person, value.unwrap_or_default(), since);
        }
    }

    pub fn made_template(
        &mut self,
        world: &World,
        device: usize,
        key: &ItemKey,
        person: usize,
        text: &str,
        since: Millis,
    ) {
        self.act(world, device, &key.pin, Ok(key.slot), person, text.to_owned(), since);
    }

    #[expect(clippy::too_many_arguments, reason = "an act is all of this")]
    fn act(
        &mut self,
        world: &World,
        device: usize,
        pin: &Pin,
        place: Result<Slot, u8>,
        person: usize,
        value: String,
        since: Millis,
    ) {
        let excused = world.devices[device].enrolment == Enrolment::Refuse;
        self.acts.push(Act { device, pin: pin.clone(), value, place, person, since, at: world.now, excused });
    }

    /// Somebody removed the content of this person that was made at the device before.
    pub fn removed_at(&mut self, world: &World, device: usize, pin: &Pin) {
        let terminal = &world.devices[device].terminal;
        let user = terminal.users.get(pin);
        let record = user.map(|user| (user.values(), format!("{:08}", user.group)));
        let (mut there, group) = record.unwrap_or_default();
        there.push(group);
        there
            .extend(terminal.templates.iter().filter(|((of, _), _)| of == pin).map(|(_, text)| text.clone()));
        let who: BTreeSet<usize> =
            there.iter().filter_map(|value| world.owners.get(value)).copied().collect();
        for person in &who {
            self.removed.insert((device, pin.clone(), *person), world.now);
        }
        for act in &mut self.acts {
            act.excused |= act.device == device && act.pin == *pin && who.contains(&act.person);
        }
    }

    pub fn joins(&mut self, world: &World, device: usize, mode: Joining) {
        if mode == Joining::Replace {
            self.made_replaced[device] = Some(world.now);
        }
    }

    /// Content that was enrolled at a device with *replace* is removed, until the device has uploaded what it holds.
    pub fn joined(&mut self, world: &World, device: usize) {
        if self.made_replaced[device].is_some() {
            for act in &mut self.acts {
                act.excused |= act.device == device && act.at <= world.now;
            }
        }
    }

    pub fn restored(&mut self, world: &World, device: usize, said: bool) {
        if said {
            return;
        }
        let terminal = &world.devices[device].terminal;
        let records = terminal.users.values().flat_map(User::values);
        let groups = terminal.users.values().map(|user| format!("{:08}", user.group));
        let all = records.chain(groups).chain(terminal.templates.values().cloned());
        self.brought_silently.extend(all.map(|value| (device, value)));
    }

    pub fn set_by_operator(&mut self, world: &World, group: i32) {
        self.record_since.insert(group, world.now);
    }

    /// The device holds the person, and is in an area of the person.
    pub fn given(&mut self, device: usize, life: Seq) {
        self.begun_at.insert((device, life));
    }

    fn blame(&mut self, world: &World, what: String) {
        world.tell(|| format!("!! {what}"));
        self.wrong.push(what);
    }

    /// Checks every change of the fleet since the last check.
    pub fn look(&mut self, world: &mut World) {
        for put in std::mem::take(&mut world.puts) {
            self.look_at(world, &put);
        }
        for what in std::mem::take(&mut world.sent_outside) {
            self.blame(world, format!("I3 {what}, which is outside its areas"));
        }
    }

    fn look_at(&mut self, world: &World, put: &Put) {
        let pin = put.key.pin.clone();
        let device = put.by.map(|by| usize::try_from(by).expect("a device"));
        if put.key.slot.kind == Kind::Membership {
            if device.is_some() && put.user_live {
                self.blame(world, format!("I3 the areas of {pin} were changed by device {device:?}"));
            }
            return;
        }
        let is_user = put.key.slot == Slot::USER;
        match (&put.after, is_user) {
            (Some(Content::User(_)), true) if !put.user_live => self.begins(world, put, device),
            (None, true) if put.user_live => self.ends(put, device),
            (Some(_), _) => self.changes(world, put, device),
            (None, _) => {
                self.cut.insert((pin.clone(), put.key.slot), put.at);
            }
        }
        // The person may come back under the PIN, and a device may upload a group of that time: it cannot be
        // distinguished from a newly set group.
        let ended = match (&put.before, &put.after) {
            (Some(Content::User(fields)), None) => Some(format!("{:08}", fields.group)),
            _ => None,
        };
        for value in values(put.before.as_ref()).into_iter().filter(|value| Some(value) != ended.as_ref()) {
            if !values(put.after.as_ref()).contains(&value) {
                self.replaced.insert((pin.clone(), value), device.is_none());
            }
        }
        for value in values(put.after.as_ref()) {
            self.replaced.remove(&(pin.clone(), value.clone()));
            self.ever.insert((pin.clone(), value));
        }
    }

    fn people(world: &World, content: Option<&Content>) -> BTreeSet<usize> {
        values(content).iter().filter_map(|value| world.owners.get(value)).copied().collect()
    }

    fn begins(&mut self, world: &World, put: &Put, device: Option<usize>) {
        let pin = put.key.pin.clone();
        let people = Self::people(world, put.after.as_ref());
        if people.len() != 1 {
            self.blame(world, format!("I1 {pin} begins as {people:?} by {device:?}"));
        }
        let Some(person) = people.first().copied() else { return };
        let Some(Content::User(fields)) = &put.after else { return };
        let since = self.record_since.get(&fields.group).copied().unwrap_or(put.at);
        let said = values(put.after.as_ref());
        if let Some(device) = device {
            self.begun_at.extend(put.life.map(|life| (device, life)));
            if let Some(gone) = self.gone.get(&(pin.clone(), person)).filter(|gone| since < gone.at) {
                let called = Self::named(fields);
                let nothing_in_common = (!gone.by_operator || !fields.name.is_empty() && gone.named)
                    && !called.iter().any(|value| gone.values.contains(value));
                let silently =
                    said.iter().any(|value| self.brought_silently.contains(&(device, value.clone())));
                if nothing_in_common || silently && !gone.by_operator {
                    self.undecidable += 1;
                } else {
                    let by = if gone.by_operator { "an operator" } else { "a terminal" };
                    let what = format!("I2 {person}, deleted from {pin} by {by}, is back by device {device}");
                    self.blame(world, what);
                }
            }
            if fields.privilege > 0 && put.joining != Some(Joining::Adopt) {
                self.blame(world, format!("I2 {pin} begins with a privilege by device {device}"));
            }
            self.may_register(world, put, device);
        }
        self.owners.insert(pin.clone(), person);
        self.gone.remove(&(pin.clone(), person));
        self.called.insert(pin.clone(), BTreeSet::new());
        self.call(&pin, &said);
        for value in said {
            self.replaced.remove(&(pin.clone(), value));
        }
    }

    /// Name and card. The group does not identify a person.
    fn named(fields: &roster::UserFields) -> Vec<String> {
        let name = Some(short(&fields.name)).filter(|name| !name.is_empty());
        name.into_iter().chain(fields.card.clone().filter(|card| !card.is_empty())).collect()
    }

    fn call(&mut self, pin: &Pin, said: &[String]) {
        self.called.entry(pin.clone()).or_default().extend(said.iter().cloned());
    }

    fn ends(&mut self, put: &Put, device: Option<usize>) {
        let pin = &put.key.pin;
        let Some(person) = self.owners.remove(pin) else { return };
        let named = matches!(&put.before, Some(Content::User(fields)) if !fields.name.is_empty());
        let values = self.called.remove(pin).unwrap_or_default();
        self.ended.insert((pin.clone(), person), put.at);
        // The fleet learns of an event at a terminal later than it happened.
        let at = device.and_then(|device| self.removed.get(&(device, pin.clone(), person)));
        let at = at.copied().unwrap_or(put.at);
        self.gone.insert((pin.clone(), person), Gone { at, values, named, by_operator: device.is_none() });
    }

    fn may_register(&mut self, world: &World, put: &Put, device: usize) {
        let accepts = world.devices[device].enrolment == Enrolment::Accept;
        if !accepts && put.joining != Some(Joining::Adopt) {
            self.blame(world, format!("I2 device {device} must not register {}", put.key));
        }
    }

    fn changes(&mut self, world: &World, put: &Put, device: Option<usize>) {
        let pin = put.key.pin.clone();
        let people = Self::people(world, put.after.as_ref());
        let owner = self.owner(&pin);
        if people.iter().any(|person| Some(*person) != owner) {
            self.blame(
                world,
                format!("I1 {} is of {people:?}, the owner is {owner:?}, by {device:?}", put.key),
            );
        }
        self.call(&pin, &values(put.after.as_ref()));
        let Some(device) = device else { return };
        self.may_register(world, put, device);
        let given = put.life.is_some_and(|life| {
            self.begun_at.contains(&(device, life)) || world.sent_to.contains(&(device, pin.clone(), life))
        });
        if !put.in_scope && !given {
            self.blame(world, format!("I3 {} by device {device}, which never had the person", put.key));
        }
        let privilege = |content: Option<&Content>| match content {
            Some(Content::User(fields)) => fields.privilege,
            _ => 0,
        };
        let now = world.items.get(&user_key(&pin)).and_then(|item| item.content.as_ref());
        let has_rank = privilege(if put.key.slot == Slot::USER { put.before.as_ref() } else { now }) > 0;
        let credential = match (&put.before, &put.after) {
            (Some(Content::User(before)), Some(Content::User(after))) => {
                before.card != after.card || before.privilege != after.privilege
            }
            _ => true,
        };
        // A device that brings the person brings the templates.
        let adopted = put.joining == Some(Joining::Adopt);
        let new_life = put.life.is_some_and(|life| {
            (adopted || life.0 + 20 > world.seq) && self.begun_at.contains(&(device, life))
        });
        if has_rank && credential && !new_life {
            self.blame(world, format!("I2 {} of somebody with a privilege by device {device}", put.key));
        }
        if put.key.slot == Slot::USER && privilege(put.after.as_ref()) > privilege(put.before.as_ref()) {
            self.blame(world, format!("I2 a privilege of {pin} was raised by device {device}"));
        }
        for value in values(put.after.as_ref()) {
            let before = values(put.before.as_ref()).contains(&value);
            let Some(by_operator) = self.replaced.get(&(pin.clone(), value.clone())).filter(|_| !before)
            else {
                continue;
            };
            if *by_operator {
                let what = format!("I4 {value} that an operator replaced is back in {} by {device}", put.key);
                self.blame(world, what);
            } else {
                // Somebody set the value back on purpose, or the device was restored silently. The device was asked.
                self.undecidable += 1;
            }
        }
    }

    pub fn verdict(&mut self, world: &World) -> Option<String> {
        for number in 0..world.devices.len() {
            self.look_at_device(world, number);
        }
        let different = world.differences();
        if !different.is_empty() {
            self.wrong.push(format!("I5 {}", different.join("; ")));
        }
        let items_over_write_limit = world.items_over_write_limit();
        let waits = |device: &crate::world::Device| {
            // A question that was lost too often is asked again after an hour.
            let lost = |number: i64| {
                device
                    .ordered
                    .iter()
                    .any(|(order, _)| order.number == number && order.state == State::Unanswered)
            };
            device.claims.values().any(|claim| match claim.state.question.map(|question| question.asked) {
                Some(Asked::Asked(number, _)) => !lost(number),
                _ => claim.state.stage == Stage::Waiting,
            })
        };
        let waiting: Vec<usize> = (0..4).filter(|number| waits(&world.devices[*number])).collect();
        if !items_over_write_limit.is_empty() || !waiting.is_empty() {
            self.wrong.push(format!(
                "I6 devices {items_over_write_limit:?} are busy, {waiting:?} wait for an answer"
            ));
        }
        if world.sent > self.sent_before {
            self.wrong.push(format!("I6 {} commands in the last rounds", world.sent - self.sent_before));
        }
        self.look_for_losses(world);
        (!self.wrong.is_empty()).then(|| self.wrong.join(" | "))
    }

    fn look_at_device(&mut self, world: &World, number: usize) {
        let device = &world.devices[number];
        let view = world.view(number);
        for pin in (0..PINS).map(pin) {
            let user = device.terminal.users.get(&pin);
            let mut there: Vec<String> = user.map(User::values).unwrap_or_default();
            there.extend(user.map(|user| format!("{:08}", user.group)));
            let templates = device.terminal.templates.iter().filter(|((of, _), _)| *of == pin);
            there.extend(templates.map(|(_, text)| text.clone()));
            let people: BTreeSet<usize> =
                there.iter().filter_map(|value| world.owners.get(value)).copied().collect();
            let owner = self.owner(&pin);
            let blocked = device.claims.get(&pin).is_some_and(|claim| claim.state.stage == Stage::Blocking);
            if blocked {
                if people.len() > 1 {
                    self.wrong.push(format!("I1 device {number} mixes {people:?} under {pin}, blocked"));
                }
                // A person who got another name at the device cannot be distinguished from another person.
                let called = self.called.get(&pin);
                let evident = user.is_some_and(|user| {
                    // Names decide.
                    user.values().first().is_some_and(|value| called.is_some_and(|of| of.contains(value)))
                });
                let owner = owner.filter(|owner| people.contains(owner) && evident && !view.in_scope(&pin));
                if let Some(owner) = owner {
                    self.wrong.push(format!("I3 {owner} stays on device {number} as {pin}, blocked"));
                }
                self.look_for_gone(number, &pin, &people, user);
                continue;
            }
            if view.in_scope(&pin) && people.iter().any(|person| Some(*person) != owner) {
                self.wrong
                    .push(format!("I1 device {number} has {people:?} as {pin}, the owner is {owner:?}"));
            }
        }
    }

    /// A person whom an operator deleted does not stay on a device until a decision.
    fn look_for_gone(&mut self, number: usize, pin: &Pin, people: &BTreeSet<usize>, user: Option<&User>) {
        let since = user.map_or(Millis(i64::MAX), |user| self.since(user));
        for person in people {
            let Some(gone) = self.gone.get(&(pin.clone(), *person)) else { continue };
            // Names decide.
            let name = user.map(User::values).unwrap_or_default().into_iter().next();
            let in_common = name.is_some_and(|name| gone.values.contains(&name));
            if gone.by_operator && since < gone.at && in_common {
                let what =
                    format!("I2 {person}, deleted by an operator, stays on {number} as {pin}, blocked");
                self.wrong.push(what);
            }
        }
    }

    /// The fleet holds or held the value, it is held for an operator, or it was cleared at the device.
    fn is_safe(&self, held: &BTreeSet<(Pin, String)>, act: &Act) -> bool {
        let value = (act.pin.clone(), act.value.clone());
        act.value.is_empty() || self.ever.contains(&value) || held.contains(&value)
    }

    fn look_for_losses(&mut self, world: &World) {
        let kept = world.kept.iter().map(|kept| &kept.upload);
        let claimed = world.devices.iter().flat_map(|device| device.claimed.values().flatten());
        let held: BTreeSet<(Pin, String)> =
            kept.chain(claimed.map(|(_, upload)| upload)).flat_map(Upload::values).collect();
        for act in &self.acts {
            let value = (act.pin.clone(), act.value.clone());
            let ended = self.ended.get(&(act.pin.clone(), act.person)).is_some_and(|at| *at >= act.since);
            let delivered = world.delivered.get(&value).is_some_and(|at| *at >= act.at);
            let missing = delivered && !self.is_safe(&held, act);
            let cut = act.place.ok().and_then(|slot| self.cut.get(&(act.pin.clone(), slot)));
            let cut = cut.is_some_and(|at| *at >= act.at);
            if act.excused || ended || cut || !missing || self.has_another(world, &held, act) {
                continue;
            }
            let (person, place) = (act.person, act.place);
            self.wrong.push(format!(
                "I4 {} of {person}, {place:?} of {} at {} since {}, is nowhere",
                act.value,
                act.pin,
                act.device,
                act.at.0 / 1000
            ));
        }
    }

    /// The fleet holds another value of the person in that place, or the device uploaded a newer one.
    fn has_another(&self, world: &World, held: &BTreeSet<(Pin, String)>, act: &Act) -> bool {
        let newer = |other: &&Act| {
            other.device == act.device
                && other.pin == act.pin
                && other.place == act.place
                && other.person == act.person
                && other.value != act.value
        };
        let newest = self.acts.iter().rfind(newer).filter(|newest| newest.at >= act.at);
        if newest.is_some_and(|newest| self.is_safe(held, newest)) {
            return true;
        }
        if self.owner(&act.pin) != Some(act.person) {
            return false;
        }
        match act.place {
            Ok(slot) => world.is_live(&ItemKey { pin: act.pin.clone(), slot }),
            Err(field) => world.user(&act.pin).is_some_and(|user| match field {
                0 => !user.name.is_empty(),
                _ => user.card.is_some(),
            }),
        }
    }
}

/// Number of decisions of operators about who somebody is that are still open.
pub fn awaiting_decision(world: &World) -> usize {
    let kept = world.kept.iter().filter_map(|kept| match &kept.held {
        Held::Privilege(..) | Held::Credential(_) => None,
        Held::Claim(pin, reason, _) | Held::Left(pin, reason) => {
            Some((kept.device, pin.clone(), Some(*reason)))
        }
        Held::Deletion(pin) | Held::PartDeleted(pin) | Held::Cleared(pin, _) | Held::Spelling(pin, _) => {
            Some((kept.device, pin.clone(), None))
        }
        Held::Contested(key) => Some((kept.device, key.pin.clone(), None)),
    });
    let open = world.devices.iter().enumerate().flat_map(|(number, device)| {
        device.claims.iter().map(move |(pin, claim)| (number, pin.clone(), Some(claim.state.reason)))
    });
    kept.chain(open).collect::<BTreeSet<_>>().len()
}
