//! Summing up what happens by the hundred, for people.

use std::collections::BTreeMap;

use fleet::event::{CommandOutcome, Event, EventKind};
use roster::Millis;
use wire::SerialNumber;

use crate::render::event;
use crate::render::when::When;

/// How many events of a group are told one by one, for each device and look.
const MAX_TOLD: usize = 8;

/// One line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// One event.
    Event(Event),
    /// More events of a group than are told one by one.
    More {
        /// When the last event happened.
        at: Millis,
        /// The device that they are about.
        device: Option<SerialNumber>,
        /// How many more.
        count: usize,
        /// Which group.
        of: &'static str,
    },
}

impl Line {
    /// In words.
    pub fn words(&self, when: &When) -> String {
        match self {
            Self::Event(event) => event::line(event, when),
            Self::More { at, device, count, of } => {
                event::row(*at, device.as_ref(), when, |_| format!("and {count} more {of}"))
            }
        }
    }
}

/// Keeps the first events of each large group, and counts the rest.
pub fn summed_up(events: Vec<Event>) -> Vec<Line> {
    let mut counts: BTreeMap<(Option<SerialNumber>, &'static str), usize> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut last = Millis(0);
    for event in events {
        last = last.max(event.at);
        if let Some(group) = group(&event.kind) {
            let count = counts.entry((event.device.clone(), group)).or_default();
            *count += 1;
            if *count > MAX_TOLD {
                continue;
            }
        }
        lines.push(Line::Event(event));
    }
    let more = counts.into_iter().filter(|(_, count)| *count > MAX_TOLD);
    lines.extend(more.map(|((device, of), count)| Line::More {
        at: last,
        device,
        count: count - MAX_TOLD,
        of,
    }));
    lines
}

/// The group of an event that comes by the hundred. Failures are told one by one.
const fn group(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Changed { .. } => Some("changes"),
        EventKind::Sent { .. } => Some("commands sent"),
        EventKind::Answered { outcome: CommandOutcome::Done, .. } => Some("commands done"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fleet::event::CommandVerb;
    use roster::{ItemKey, Slot};

    use super::*;

    fn event(device: &str, kind: EventKind) -> Event {
        Event { at: Millis(1), device: Some(device.parse().expect("a serial number")), kind }
    }

    fn item() -> ItemKey {
        ItemKey { pin: "7".parse().expect("a PIN"), slot: Slot::USER }
    }

    fn sent(number: i64) -> EventKind {
        EventKind::Sent { number, verb: CommandVerb::Update, item: item() }
    }

    fn failed(number: i64) -> EventKind {
        EventKind::Answered {
            number,
            verb: CommandVerb::Update,
            item: item(),
            return_code: Some(-1001),
            meaning: "no room",
            outcome: CommandOutcome::Full,
        }
    }

    #[test]
    fn what_comes_by_the_hundred_is_summed_up_and_failures_are_not() {
        let mut events: Vec<Event> = (0..100).map(|number| event("A", sent(number))).collect();
        events.extend((0..20).map(|number| event("A", failed(number))));
        events.push(event("B", sent(1)));
        let lines = summed_up(events);
        let count = |wanted: fn(&EventKind) -> bool| {
            lines.iter().filter(|line| matches!(line, Line::Event(event) if wanted(&event.kind))).count()
        };
        assert_eq!(count(|kind| matches!(kind, EventKind::Sent { .. })), MAX_TOLD + 1);
        assert_eq!(count(|kind| matches!(kind, EventKind::Answered { .. })), 20);
        let more: Vec<&Line> = lines.iter().filter(|line| matches!(line, Line::More { .. })).collect();
        let device = Some("A".parse().expect("a serial number"));
        assert_eq!(more, [&Line::More { at: Millis(1), device, count: 100 - MAX_TOLD, of: "commands sent" }]);
    }
}
