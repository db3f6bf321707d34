//! Sorting of upload lines by subject, because devices mix records of all kinds under any table.

use std::borrow::Cow;

use crate::attendance::is_local_time;
use crate::upload::{is_people_tag, lines};
use crate::{RecordKind, Table};

/// A body split by the subject of its lines. In each part the lines of other subjects are empty, so that a line
/// keeps its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted<'a> {
    /// Records about people: see [`crate::records`].
    pub people: Cow<'a, [u8]>,
    /// Attendance records: see [`crate::punches`].
    pub punches: Cow<'a, [u8]>,
    /// Other records: see [`crate::read_device_records`].
    pub others: Cow<'a, [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    People,
    Punch,
    Other,
}

/// Sorts the lines of a body by their tags. The table decides for lines without a known tag (field note 4.4).
///
/// A body whose lines all have one subject, as nearly all have, is borrowed without copying. `None` for a table
/// whose body holds no lines of records: a photo, parameters, an unknown table.
pub fn sort<'a>(table: &Table, body: &'a [u8]) -> Option<Sorted<'a>> {
    let default = match table {
        Table::People => Subject::People,
        Table::Attendance => Subject::Punch,
        Table::Records(_) => Subject::Other,
        Table::Options | Table::AttendancePhoto | Table::AccessControl(_) | Table::Unknown(_) => return None,
    };
    let mut sorted = Sorted::default();
    let mut subjects = lines(body).map(|(_, line)| subject(default, line));
    let first = subjects.next().unwrap_or(default);
    if subjects.all(|subject| subject == first) {
        *sorted.part(first) = Cow::Borrowed(body);
        return Some(sorted);
    }
    let mut parts = [Subject::People, Subject::Punch, Subject::Other].map(|subject| (subject, Vec::new()));
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let of = subject(default, line);
        for (subject, part) in &mut parts {
            if *subject == of {
                part.extend_from_slice(line);
            } else {
                part.push(b'\n');
            }
        }
    }
    for (subject, part) in parts {
        *sorted.part(subject) = Cow::Owned(part);
    }
    Some(sorted)
}

impl<'a> Sorted<'a> {
    fn part(&mut self, subject: Subject) -> &mut Cow<'a, [u8]> {
        match subject {
            Subject::People => &mut self.people,
            Subject::Punch => &mut self.punches,
            Subject::Other => &mut self.others,
        }
    }
}

fn subject(default: Subject, line: &[u8]) -> Subject {
    let text = line.trim_ascii_start();
    let mut words = text.split(|&byte| byte == b' ' || byte == b'\t');
    let word = words.next().unwrap_or_default();
    // A PIN may look like a tag.
    if word.contains(&b'=') || (default == Subject::Punch && has_time(line)) {
        default
    } else if is_people_tag(word) {
        Subject::People
    } else if RecordKind::named(word).is_some() {
        Subject::Other
    } else {
        default
    }
}

/// Whether the second column is a time, as in attendance records.
fn has_time(line: &[u8]) -> bool {
    let column =
        line.split(|&byte| byte == b'\t').nth(1).and_then(|column| str::from_utf8(column.trim_ascii()).ok());
    column.is_some_and(is_local_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{count_lines, punches, records};

    /// Obligation 102.
    #[test]
    fn the_tag_decides_the_subject_whatever_the_table() {
        let body = b"USER PIN=7\tName=Ada\r\nERRORLOG ErrCode=D01E0001\n\n7\t2027-03-12 08:01:15\t0\t1\nIDCARD PIN=0\n\
                     OPLOG 4\t0\t2027-03-12 06:00:00\nFACE\t2027-03-12 08:01:16\t0\t15";
        let sorted = sort(&Table::Attendance, body).expect("lines");
        let people: Vec<_> =
            records(None, &sorted.people).map(|line| (line.number, line.record.is_ok())).collect();
        assert_eq!(people, [(1, true), (6, true)]);
        let punches: Vec<_> = punches(&sorted.punches, false)
            .map(|line| (line.number, line.record.map(|punch| punch.pin)))
            .collect();
        assert_eq!(punches, [(4, Ok("7".to_owned())), (7, Ok("FACE".to_owned()))]);
        let others: Vec<_> = crate::read_device_records(None, &sorted.others)
            .map(|line| (line.number, line.record.is_ok()))
            .collect();
        assert_eq!(others, [(2, true), (5, true)]);
    }

    #[test]
    fn a_body_of_one_subject_is_not_copied() {
        let body = b"PIN=7\tName=Ada\nUSER PIN=8\nsomething damaged";
        let sorted = sort(&Table::People, body).expect("lines");
        assert!(matches!(sorted.people, Cow::Borrowed(whole) if whole == body));
        assert_eq!((count_lines(&sorted.punches), count_lines(&sorted.others)), (0, 0));
        assert_eq!(sort(&Table::People, b""), Some(Sorted::default()));
        assert_eq!(sort(&Table::AttendancePhoto, body), None);
        assert_eq!(sort(&Table::Unknown("X".into()), body), None);
    }
}
