//! Whose items this process changed last: so that who decided a moment ago need not look whether it still holds.

use std::collections::{HashMap, VecDeque};

use roster::Seq;
use wire::Pin;

/// How many PINs are kept: those of some seconds.
const MOST_PINS: usize = 10_000;

/// The changes of an unbroken stretch of the feed, up to its newest number.
///
/// **Invariant**: of each number after [`Written::answer`]'s `since` up to `head` it is known whose item it was given to. What other
/// processes changed is not in here: a change that does not begin where the one before ended begins a new stretch, and at another
/// head than that of the stretch nothing is known. It belongs to whose turn it is, goes with a transaction, and is gone when
/// that is undone: numbers are given again then.
#[derive(Debug, Default)]
pub(crate) struct Written {
    changes: VecDeque<Change>,
    /// The end of the last change of each PIN.
    latest: HashMap<Pin, Seq>,
    /// How many PINs the changes have, counted in each.
    pins: usize,
}

/// One change: numbers after `after` up to `upto`.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub after: Seq,
    pub upto: Seq,
    pub pins: Vec<Pin>,
}

impl Written {
    /// Adds the next change.
    pub(crate) fn add(&mut self, change: Change) {
        if self.changes.back().is_some_and(|last| last.upto != change.after) {
            *self = Self::default();
        }
        self.pins += change.pins.len();
        self.latest.extend(change.pins.iter().map(|pin| (pin.clone(), change.upto)));
        self.changes.push_back(change);
        while self.pins > MOST_PINS
            && let Some(oldest) = self.changes.pop_front()
        {
            self.pins -= oldest.pins.len();
            for pin in &oldest.pins {
                if self.latest.get(pin) == Some(&oldest.upto) {
                    self.latest.remove(pin);
                }
            }
        }
    }

    /// Whether anything of these PINs changed after `since`, where the feed stands at `head`; `None` where nobody here knows.
    pub(crate) fn answer(&self, since: Seq, head: Seq, pins: &[Pin]) -> Option<bool> {
        if since == head {
            return Some(false);
        }
        let (first, last) = (self.changes.front()?, self.changes.back()?);
        if last.upto != head || first.after > since {
            return None;
        }
        Some(pins.iter().any(|pin| self.latest.get(pin).is_some_and(|latest| *latest > since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(texts: &[&str]) -> Vec<Pin> {
        texts.iter().map(|text| text.parse().expect("a PIN")).collect()
    }

    fn change(after: i64, upto: i64, of: &[&str]) -> Change {
        Change { after: Seq(after), upto: Seq(upto), pins: pins(of) }
    }

    fn answer(written: &Written, since: i64, head: i64, of: &[&str]) -> Option<bool> {
        written.answer(Seq(since), Seq(head), &pins(of))
    }

    #[test]
    fn who_was_changed_since_is_known_of_an_unbroken_stretch() {
        let mut written = Written::default();
        assert_eq!(answer(&written, 4, 4, &["1"]), Some(false), "nothing happened");
        assert_eq!(answer(&written, 4, 5, &["1"]), None, "something happened elsewhere");

        written.add(change(4, 6, &["1", "2"]));
        written.add(change(6, 7, &["3"]));
        assert_eq!(answer(&written, 4, 7, &["0", "2"]), Some(true));
        assert_eq!(answer(&written, 5, 7, &["1"]), Some(true), "whose of the numbers it was is not known");
        assert_eq!(answer(&written, 6, 7, &["1", "2"]), Some(false), "it was before");
        assert_eq!(answer(&written, 6, 7, &["3"]), Some(true));
        assert_eq!(answer(&written, 3, 7, &["9"]), None, "number 4 is another's");
        assert_eq!(answer(&written, 6, 8, &["9"]), None, "number 8 is another's");

        written.add(change(8, 9, &["4"]));
        assert_eq!(answer(&written, 6, 9, &["9"]), None, "number 8 still is");
        assert_eq!(answer(&written, 8, 9, &["9"]), Some(false));
    }

    #[test]
    fn the_oldest_go_first() {
        let mut written = Written::default();
        for seq in 0..20_000 {
            written.add(change(seq, seq + 1, &["1"]));
        }
        assert_eq!((written.pins, written.latest.len()), (MOST_PINS, 1));
        assert_eq!(answer(&written, 9_999, 20_000, &["2"]), None);
        assert_eq!(answer(&written, 10_000, 20_000, &["2"]), Some(false));
        assert_eq!(answer(&written, 19_999, 20_000, &["1"]), Some(true));

        let mut written = Written::default();
        for seq in 0..20_000 {
            written.add(change(seq, seq + 1, &[&seq.to_string()]));
        }
        assert_eq!(written.latest.len(), MOST_PINS, "nobody is kept whose changes are gone");
    }
}
