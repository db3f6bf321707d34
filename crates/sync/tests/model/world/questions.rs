//! Questions to devices, and devices that do not answer them.

use std::collections::BTreeSet;

use roster::{Kind, Millis, Slot};
use sync::intake::{Counts, Held};
use sync::operator::State;
use sync::{Asked, DeviceView};
use wire::Pin;

use super::{Device, World};
use crate::terminal::{Answers, QueuedCommand, Upload};

/// The device has uploaded everything when it was quiet for this time, ms.
const QUIET_MS: i64 = 10_000;

/// The longest time for uploading everything, ms.
const LIMIT_MS: i64 = 60_000;

/// The state of reading everything from a device.
#[derive(Debug, Default)]
pub struct Reread {
    asked_at: Option<Millis>,
    heard_at: Option<Millis>,
    shown: BTreeSet<Pin>,
}

impl World {
    /// Sends the questions that are due. A device that answers no queries is asked for everything.
    pub(super) fn put_questions(&mut self, device: usize, view: &mut DeviceView) {
        let mut everything = false;
        // If the device refuses one way of asking, the server tries another.
        for _ in 0..3 {
            for (pin, subject) in view.questions_due() {
                let query = QueuedCommand::Query(pin.clone(), subject);
                let asked = self.devices[device].known_answers.understands(&query);
                let order = asked.then(|| self.order(device, query));
                everything |= order.is_none();
                view.question_put(&pin, order, self.now);
            }
        }
        if everything {
            self.begin_reread(device);
        }
    }

    /// Processes a device's answer to an ordered command.
    pub(super) fn take_answer(&mut self, device: usize, number: i64, understood: bool) {
        let found = self.devices[device].ordered.iter_mut().find(|(command, _)| command.number == number);
        let (command, what) = found.expect("it was ordered");
        let return_code = if understood { 0 } else { -1004 };
        command.state = State::Answered { return_code, done: understood };
        let (empties, what) = (command.empties, what.clone());
        self.tell(|| format!("{device} answers {what:?}: {return_code}"));
        match what {
            QueuedCommand::Query(pin, subject) => {
                if !understood {
                    let answers = match subject {
                        sync::Subject::User => Answers::Check,
                        sync::Subject::Template(_) => Answers::Users,
                    };
                    let known = &mut self.devices[device].known_answers;
                    *known = (*known).max(answers);
                    self.begin_reread(device);
                }
                let mut view = self.view(device);
                view.question_answered(&pin, number, understood, false, self.now);
                self.apply(device, view);
            }
            QueuedCommand::Check if understood => self.connected(device),
            _ => {}
        }
        if empties {
            let mut view = self.view(device);
            view.rebaseline();
            self.apply(device, view);
        }
    }

    /// The device connects anew and uploads everything.
    pub fn connect_again(&mut self, device: usize) {
        self.connected(device);
        self.devices[device].terminal.upload_everything();
    }

    fn connected(&mut self, device: usize) {
        self.devices[device].awaits_everything = false;
        if let Some(reread) = &mut self.devices[device].reread {
            reread.asked_at = reread.asked_at.or(Some(self.now));
        }
    }

    fn begin_reread(&mut self, device: usize) {
        if self.devices[device].row.joining.is_none() {
            self.devices[device].reread = Some(Reread::default());
        }
        self.order(device, QueuedCommand::Check);
    }

    /// Ends the reading of everything from a device if the device has uploaded all its users. Concludes its claims.
    pub(super) fn end_reread(&mut self, device: usize) {
        let Device { reread: Some(reread), terminal, .. } = &self.devices[device] else { return };
        let Some(asked) = reread.asked_at else { return };
        let quiet = reread.heard_at.unwrap_or(asked).max(asked).plus(QUIET_MS) <= self.now;
        if quiet && reread.shown.len() >= terminal.users.len() {
            self.tell(|| format!("== {device} was read as a whole"));
            self.was_read(device);
        } else if asked.plus(LIMIT_MS) <= self.now {
            self.begin_reread(device);
        }
    }

    /// The device has uploaded all that it holds, which answers the questions that it refuses.
    pub fn was_read(&mut self, device: usize) {
        self.devices[device].reread = None;
        for claim in self.devices[device].claims.values_mut() {
            if let Some(question) = &mut claim.state.question
                && matches!(question.asked, Asked::Refused(_))
            {
                question.asked = Asked::Answered(Millis(0));
            }
        }
        self.conclude_claims(device);
    }

    /// The conclusion from a device's user count about people who may not be there.
    pub(super) fn counts(&self, number: usize) -> Counts {
        let view = self.view(number);
        let device = &self.devices[number];
        let about = |held: &Held| match held {
            Held::Claim(pin, ..)
            | Held::Left(pin, _)
            | Held::Spelling(pin, _)
            | Held::Privilege(pin, _)
            | Held::Credential(pin)
            | Held::Deletion(pin)
            | Held::PartDeleted(pin)
            | Held::Cleared(pin, _) => pin.clone(),
            Held::Contested(key) => key.pin.clone(),
        };
        let kept = self.kept.iter().filter(|kept| kept.device == number);
        let deleted: BTreeSet<Pin> = kept
            .clone()
            .filter(|kept| matches!(kept.held, Held::Deletion(_)))
            .map(|kept| about(&kept.held))
            .collect();
        let exceptions: BTreeSet<Pin> = device
            .exceptions
            .keys()
            .filter(|key| key.slot.kind == Kind::User)
            .map(|key| key.pin.clone())
            .collect();
        let should = self
            .items
            .iter()
            .filter(|(key, item)| key.slot == Slot::USER && item.state.live && view.in_scope(&key.pin));
        let should: BTreeSet<Pin> = should.map(|(key, _)| key.pin.clone()).collect();
        let fewest =
            should.iter().filter(|pin| !exceptions.contains(*pin) && !deleted.contains(*pin)).count();
        let mut most: BTreeSet<Pin> = &should | &exceptions;
        most.extend(kept.map(|kept| about(&kept.held)));
        most.extend(device.claimed.keys().cloned());
        match device.terminal.users.len() {
            told if told <= fewest => Counts::NobodyIsThere,
            told if told == most.len() => Counts::EverybodyIsThere,
            _ => Counts::SayNothing,
        }
    }
}

impl Device {
    /// Whether the device refuses `CHECK`, and the server waits for everything that it holds.
    pub fn may_connect_again(&self) -> bool {
        self.awaits_everything
            && self.terminal.answers == Answers::Nothing
            && self.terminal.uploads.is_empty()
    }

    /// Notes an upload while everything is read from the device.
    pub(super) fn hear(&mut self, upload: &Upload, now: Millis) {
        let Some(reread) = &mut self.reread else { return };
        let Some((pin, slot)) = upload.shows() else { return };
        reread.asked_at = reread.asked_at.or(Some(now));
        reread.heard_at = Some(now);
        if slot.is_none() {
            reread.shown.insert(pin);
        }
    }
}
