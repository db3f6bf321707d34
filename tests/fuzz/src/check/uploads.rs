//! Other uploads than those about people: attendance records, attendance photos, device records.

use wire::{
    AttendancePhoto, DeviceRecord, DeviceRecordLine, PhotoName, PunchLine, Query, QueryPacket, RecordKind,
    Table, count_lines, punches, read_device_records, sort,
};

use super::is_within;
use crate::Input;

/// Attendance records: no line is lost, each is a slice of the body, and the texts of a card are at most as long
/// as the line.
///
/// # Panics
/// When one of these does not hold.
pub fn punches_of_body(input: &Input<'_>) {
    let body = input.bytes();
    for reads_cards in [false, true] {
        let read = input.reads(|| punches(body, reads_cards).collect::<Vec<_>>());
        let Some(lines) = read else { continue };
        assert_eq!(lines.len(), count_lines(body));
        let mut before = 0;
        for PunchLine { number, raw, record } in &lines {
            assert!(*number > before && is_within(body, raw));
            before = *number;
            match record {
                Ok(punch) => {
                    let _ = format!("{punch:?}");
                    assert_eq!(wire::Punch::read(raw, reads_cards).as_ref(), Ok(punch));
                }
                Err(error) => assert_eq!(error.line, *number),
            }
        }
    }
}

/// Device records, with and without a table that decides their kind.
///
/// # Panics
/// When a line is lost, or reads in another way on its own.
pub fn other_records(input: &Input<'_>) {
    let body = input.bytes();
    for table in [None, Some(RecordKind::IdCard), Some(RecordKind::Error), Some(RecordKind::Message)] {
        let Some(lines) = input.reads(|| read_device_records(table, body).collect::<Vec<_>>()) else {
            continue;
        };
        assert_eq!(lines.len(), count_lines(body));
        for DeviceRecordLine { number, raw, kind, record } in &lines {
            assert!(is_within(body, raw));
            match (kind, record) {
                (Some(kind), Ok(record)) => {
                    let _ = format!("{record:?}");
                    assert_eq!(
                        DeviceRecord::from_stored_line(*kind, raw).as_ref(),
                        Ok(record),
                        "as it is kept"
                    );
                }
                (None, Ok(_)) => panic!("a record of no kind"),
                (_, Err(error)) => assert_eq!(error.line, *number),
            }
        }
    }
}

/// An attendance photo: it is at most as long as the body.
///
/// # Panics
/// When it is longer.
pub fn attendance_photo(input: &Input<'_>) {
    let body = input.bytes();
    let Some(Ok(photo)) = input.reads_whole(|| AttendancePhoto::read(body)) else { return };
    assert!(photo.picture.len() <= body.len());
    let _ = (photo.is_jpeg(), format!("{photo:?}"));
    assert_eq!(PhotoName::read(&photo.file_name), photo.name);
}

/// A sorted body: each line is in one of the parts, at its own line number.
///
/// # Panics
/// When a line is lost.
pub fn sorted(input: &Input<'_>) {
    let body = input.bytes();
    for name in ["OPERLOG", "ATTLOG", "USERINFO", "IDCARD", "ERRORLOG"] {
        let table = Table::read(name);
        let Some(Some(sorted)) = input.reads(|| sort(&table, body)) else { continue };
        let parts = [&sorted.people, &sorted.punches, &sorted.others];
        assert_eq!(parts.iter().map(|part| count_lines(part)).sum::<usize>(), count_lines(body), "{name}");
    }
}

/// The packet parameters of a request.
pub fn packet(input: &Input<'_>) {
    super::answers(input, |text| QueryPacket::read(&Query::new(text)));
}
