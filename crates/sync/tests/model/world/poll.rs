//! Polls of the devices.

use std::collections::BTreeSet;

use roster::Slot;
use sync::operator;
use sync::plan::{Send, Work, plan};
use sync::{DeviceView, ScanFrom, Verb, Wait};

use super::{World, user_key};
use crate::terminal::Command;

impl World {
    pub fn poll(&mut self, device: usize, lost: bool) {
        self.poll_while(device, lost, |_| ());
    }

    /// A poll that reads the items before a change and the feed after it, as on a database server to which other
    /// servers write. If the item of a sent command changed, the whole poll is undone at the end.
    pub fn poll_while(&mut self, device: usize, lost: bool, meanwhile: impl FnOnce(&mut Self)) {
        self.conclude_claims(device);
        self.end_reread(device);
        let before = self.devices[device].ordered.clone();
        let salt = self.random.next();
        let ordered: Vec<_> =
            self.devices[device].ordered.iter().map(|(command, _)| command.clone()).collect();
        let first = operator::plan(&ordered, self.devices[device].open.len(), self.now, &self.limits);
        for changed in &first.changed {
            let slot = self.devices[device].ordered.iter_mut().find(|(c, _)| c.number == changed.number);
            slot.expect("it was there").0 = changed.clone();
        }
        let mut batch: Vec<Command> = Vec::new();
        for number in &first.send {
            let (_, what) =
                self.devices[device].ordered.iter().find(|(c, _)| c.number == *number).expect("there");
            batch.push(Command::QueuedCommand { number: *number, what: what.clone() });
        }
        let mut view = self.view(device);
        if first.emptied {
            view.rebaseline();
        }
        meanwhile(self);
        let work = self.work(device, &view);
        let named = work.feed_page.iter().map(|(_, key)| &key.pin).chain(&work.scan_page);
        for pin in named {
            view.persons.entry(pin.clone()).or_default();
        }
        let sends = plan(&mut view, &work, first.beside, self.now, &self.limits, salt);
        let moved = |sent: &Send| {
            let seq = view.persons[&sent.key.pin].open[&sent.key.slot].seq;
            sent.verb.brings() && self.items[&sent.key].state.seq != seq
        };
        if sends.iter().any(moved) {
            self.devices[device].ordered = before;
            return;
        }
        self.sent += sends.len() + first.send.len();
        for sent in sends {
            let life = self.items.get(&user_key(&sent.key.pin)).map(|user| user.state.created);
            self.sent_to.extend(life.map(|life| (device, sent.key.pin.clone(), life)));
            if sent.verb.brings() && !view.in_scope(&sent.key.pin) {
                self.sent_outside.push(format!("device {device} is sent {}", sent.key));
            }
            let command = &view.persons[&sent.key.pin].open[&sent.key.slot];
            let content = self.items[&sent.key].content.clone().filter(|_| sent.verb.brings());
            self.tell(|| format!("{device} -> {:?} {} {} lost {lost}", sent.verb, sent.key, command.number));
            assert!(sent.verb == Verb::Delete || content.is_some(), "an update of nothing: {}", sent.key);
            if matches!(sent.verb, Verb::Delete | Verb::Replace) && sent.key.slot == Slot::USER {
                self.devices[device].delete_sent.insert(sent.key.pin.clone(), self.now);
            }
            batch.push(Command::Item {
                number: command.number,
                lines: command.lines,
                verb: sent.verb,
                key: sent.key.clone(),
                seq: command.seq,
                content: content.map(Box::new),
            });
        }
        self.apply(device, view);
        if !lost {
            self.devices[device].terminal.inbox.extend(batch);
        }
    }

    fn work(&self, device: usize, view: &DeviceView) -> Work {
        let device = &self.devices[device];
        let mut due: Vec<_> = device
            .exceptions
            .iter()
            .filter_map(|(key, e)| match e.wait {
                Wait::Due(at) if at <= self.now => Some((at, key.clone())),
                _ => None,
            })
            .collect();
        due.sort();
        let pins: BTreeSet<_> =
            self.items.keys().filter(|k| k.slot.is_root()).map(|k| k.pin.clone()).collect();
        let mut scan_page: Vec<_> = pins
            .into_iter()
            .filter(|pin| match &view.scan {
                None => false,
                Some(ScanFrom::Start) => true,
                Some(ScanFrom::After(done)) => pin > done,
            })
            .collect();
        let scan_more = scan_page.len() > 2;
        scan_page.truncate(2);
        let mut feed_page: Vec<_> = self
            .items
            .iter()
            .filter(|(_, item)| item.state.seq > view.cursor)
            .map(|(key, item)| (item.state.seq, key.clone()))
            .collect();
        feed_page.sort();
        let feed_more = feed_page.len() > 20;
        feed_page.truncate(20);
        let overdue = device.open.iter().filter(|(_, c)| c.due_at <= self.now).map(|(key, _)| key.clone());
        Work {
            overdue: overdue.collect(),
            due: due.into_iter().map(|(_, key)| key).take(5).collect(),
            scan_page,
            scan_more,
            feed_page,
            feed_more,
            items_over_write_limit: BTreeSet::new(),
        }
    }
}
