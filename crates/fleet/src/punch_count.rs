//! Punch counts: compares the number of punches that a device reports for a period (`VERIFY SUM`, §12.3) with that of Muster.

use std::cmp::Ordering;

use wire::{Command, DataQuery};

use crate::command::QueuedCommand;

/// The comparison of two punch counts of the same period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// Muster has all punches.
    Equal,
    /// The device has this many punches that Muster lacks.
    Missing(u64),
    /// Muster has this many more: the device deleted some, or never had them.
    Beyond(u64),
}

/// Compares the device's count with that of Muster.
pub fn compare(told: u64, kept: u64) -> Sum {
    match told.cmp(&kept) {
        Ordering::Equal => Sum::Equal,
        Ordering::Greater => Sum::Missing(told - kept),
        Ordering::Less => Sum::Beyond(kept - told),
    }
}

/// The query that follows the answer to a `VERIFY SUM`: the punches of the period, if the counts differ.
///
/// Muster also asks if it has more punches than the device: each side may lack some. Muster recognises punches that it has
/// already.
pub fn follow_up(command: &Command<'_>, told: u64, kept: u64) -> Option<QueuedCommand> {
    let Command::VerifySum { from, to } = command else { return None };
    (compare(told, kept) != Sum::Equal)
        .then(|| QueuedCommand(Command::Query(DataQuery::AttLog { from: from.clone(), to: to.clone() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 186.
    #[test]
    fn a_period_is_asked_for_where_the_counts_differ() {
        let time = |text: &str| text.parse().expect("a time");
        let (from, to) = (time("2027-03-01 00:00:00"), time("2027-03-31 23:59:59"));
        let sum = Command::VerifySum { from, to };
        assert_eq!((compare(1204, 1204), follow_up(&sum, 1204, 1204)), (Sum::Equal, None));
        for (told, kept, expected) in [(1204, 1200, Sum::Missing(4)), (0, 3, Sum::Beyond(3))] {
            assert_eq!(compare(told, kept), expected);
            let Some(QueuedCommand(asked)) = follow_up(&sum, told, kept) else {
                panic!("{told} and {kept} differ")
            };
            let mut text = Vec::new();
            asked.write_text(&mut text);
            assert_eq!(
                String::from_utf8_lossy(&text),
                "DATA QUERY ATTLOG StartTime=2027-03-01 00:00:00\tEndTime=2027-03-31 23:59:59"
            );
        }
        assert_eq!(follow_up(&Command::Check, 1, 2), None);
    }
}
