//! Operation records: the log of what happened at a device.

use std::io::Write as _;

use crate::{FieldError, Pin, fields::push_clean};

/// An operation record.
///
/// Wire form (§11.4): `OPLOG 103<tab>0<tab>2024-03-12 09:21:42<tab>5<tab>0<tab>0<tab>0`, columns by position. Only
/// the code is required. Texts are kept as sent, with `\u{FFFD}` for bytes that are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The operation (appendix 3).
    pub code: u16,
    /// PIN of the administrator who did it; `0` for nobody.
    pub operator: String,
    /// The device's local time, `YYYY-MM-DD HH:MM:SS`, unchecked: devices without a clock send invalid times
    /// (field note 3.6).
    pub time: String,
    /// The objects of the operation (appendix 4); for users the first one is mostly the PIN. Empty when the record
    /// ends earlier.
    pub operands: [String; 4],
}

/// The meaning of an operation record for the users on the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationMeaning {
    /// The user was deleted at the device. No other record reports it (field note 5.12).
    UserDeleted(Pin),
    /// Data of the user was deleted at the device. Most firmware reports it only in this record (field note 11.7).
    PartDeleted {
        /// The user.
        pin: Pin,
        /// The deleted data.
        part: DeletedPart,
    },
    /// All data was deleted: the device was cleared, or reset to its factory state.
    Wiped,
    /// The device was restored from a backup or loaded from a USB stick: its users may be outdated.
    Restored,
    /// The user or its data is new or changed. Some devices send no other record of it (field note 5.13).
    Enrolled(Pin),
    /// The device started.
    PoweredOn,
    /// The operation concerns no users, or a user that the record does not name.
    Other,
}

/// User data that was deleted at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedPart {
    /// One or several fingerprints (code 10).
    Fingerprints,
    /// The password (code 11). A `USER` record follows (field note 11.7).
    Password,
    /// The card (code 12). A `USER` record follows (field note 11.7).
    Card,
    /// The face (code 106).
    Face,
    /// The photo (code 107).
    Photo,
    /// The finger veins (code 123).
    FingerVeins,
    /// The palm (code 126).
    Palm,
}

impl Operation {
    /// Reads the columns of one `OPLOG` record. Columns after the seventh are ignored.
    ///
    /// # Errors
    /// The code is missing or no number.
    pub fn read(columns: &[u8]) -> Result<Self, FieldError> {
        const FIELD: &str = "OpType";
        let mut columns = columns.split(|&byte| byte == b'\t').map(String::from_utf8_lossy);
        let code = columns.next().unwrap_or_default();
        let code = match code.trim() {
            "" => return Err(FieldError::Missing { field: FIELD }),
            code => code.parse().map_err(|_| FieldError::Invalid { field: FIELD, want: "a number" })?,
        };
        let mut text = || columns.next().unwrap_or_default().into_owned();
        Ok(Self { code, operator: text(), time: text(), operands: [text(), text(), text(), text()] })
    }

    /// The meaning of the operation (appendix 3; field notes 5.12, 5.13, 8.4, 11.1 and 11.7).
    ///
    /// The PIN of a code 9 is sometimes the device's internal number of the user (field note 11.1).
    pub fn meaning(&self) -> OperationMeaning {
        match self.code {
            0 => OperationMeaning::PoweredOn,
            9 | 103 => self.user().map_or(OperationMeaning::Other, OperationMeaning::UserDeleted),
            10 => self.part_deleted(DeletedPart::Fingerprints),
            11 => self.part_deleted(DeletedPart::Password),
            12 => self.part_deleted(DeletedPart::Card),
            106 => self.part_deleted(DeletedPart::Face),
            107 => self.part_deleted(DeletedPart::Photo),
            123 => self.part_deleted(DeletedPart::FingerVeins),
            126 => self.part_deleted(DeletedPart::Palm),
            13 | 22 => OperationMeaning::Wiped,
            // Terminals log an upload (40) when they load users from a USB stick, and a download (41) when they
            // save users to it.
            38 | 40 => OperationMeaning::Restored,
            6 | 7 | 8 | 30 | 31 | 36 | 68..=71 | 101 | 113 | 114 | 121 | 122 | 124 | 125 => {
                self.user().map_or(OperationMeaning::Other, OperationMeaning::Enrolled)
            }
            _ => OperationMeaning::Other,
        }
    }

    /// The user who was enrolled at the device as a new one (code 30). A restored device does not log this code.
    pub fn new_user(&self) -> Option<Pin> {
        if self.code == 30 { self.user() } else { None }
    }

    fn part_deleted(&self, part: DeletedPart) -> OperationMeaning {
        self.user().map_or(OperationMeaning::Other, |pin| OperationMeaning::PartDeleted { pin, part })
    }

    /// The user in the first operand; `None` for 0.
    fn user(&self) -> Option<Pin> {
        let [first, ..] = &self.operands;
        let first = first.trim();
        if first == "0" { None } else { first.parse().ok() }
    }

    /// Writes the seven columns.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write!(out, "{}", self.code).expect("a Vec takes any number of bytes");
        for text in [&self.operator, &self.time].into_iter().chain(&self.operands) {
            out.push(b'\t');
            push_clean(out, text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(columns: &str) -> Result<OperationMeaning, FieldError> {
        Operation::read(columns.as_bytes()).map(|operation| operation.meaning())
    }

    fn pin(text: &str) -> Pin {
        text.parse().expect("a PIN")
    }

    #[test]
    fn the_first_operand_names_the_user() {
        for code in [9, 103] {
            let columns = format!("{code}\t1\t2024-03-12 09:21:42\t007\t0\t0\t0");
            assert_eq!(meaning(&columns), Ok(OperationMeaning::UserDeleted(pin("007"))));
        }
        for code in [6, 7, 8, 30, 31, 36, 68, 69, 70, 71, 101, 113, 114, 121, 122, 124, 125] {
            let columns = format!("{code}\t0\t2024-03-12 09:21:42\tA5\t0\t0\t0");
            assert_eq!(meaning(&columns), Ok(OperationMeaning::Enrolled(pin("A5"))));
        }
    }

    #[test]
    fn the_code_tells_which_data_of_a_user_was_deleted() {
        for (code, part) in [
            (10, DeletedPart::Fingerprints),
            (11, DeletedPart::Password),
            (12, DeletedPart::Card),
            (106, DeletedPart::Face),
            (107, DeletedPart::Photo),
            (123, DeletedPart::FingerVeins),
            (126, DeletedPart::Palm),
        ] {
            let columns = format!("{code}\t1\t2024-03-12 09:21:42\t007\t6\t0\t0");
            assert_eq!(meaning(&columns), Ok(OperationMeaning::PartDeleted { pin: pin("007"), part }));
            let nobody = format!("{code}\t1\t2024-03-12 09:21:42\t0\t0\t0\t0");
            assert_eq!(meaning(&nobody), Ok(OperationMeaning::Other));
        }
    }

    #[test]
    fn a_restored_device_is_recognised() {
        for code in [38, 40] {
            let columns = format!("{code}\t1\t2024-03-12 12:01:44\t0\t0\t0\t0");
            assert_eq!(meaning(&columns), Ok(OperationMeaning::Restored));
        }
        for code in [35, 39, 41, 43] {
            let columns = format!("{code}\t1\t2024-03-12 12:01:44\t0\t0\t0\t0");
            assert_eq!(meaning(&columns), Ok(OperationMeaning::Other));
        }
    }

    #[test]
    fn an_operation_without_a_user_is_no_deletion() {
        for columns in ["9\t0\t2024-03-12 09:21:42\t0\t0\t0\t0", "103", "9\t0\t\t\t", "9\t0\t\tDH CP"] {
            assert_eq!(meaning(columns), Ok(OperationMeaning::Other), "{columns}");
        }
    }

    #[test]
    fn wiped_and_started_devices_are_recognised() {
        assert_eq!(meaning("13\t0\t2024-03-12 11:03:28\t0\t0\t0\t0"), Ok(OperationMeaning::Wiped));
        assert_eq!(meaning("22\t0\t2024-03-12 11:03:28"), Ok(OperationMeaning::Wiped));
        assert_eq!(meaning("0\t0\t2024-03-12 11:03:28\t0"), Ok(OperationMeaning::PoweredOn));
        assert_eq!(meaning("5\t0\t1971--10--29 -23:-27:-54\tDHCP"), Ok(OperationMeaning::Other));
    }

    #[test]
    fn a_record_without_a_code_cannot_be_read() {
        assert_eq!(meaning(""), Err(FieldError::Missing { field: "OpType" }));
        assert_eq!(meaning("x\t0"), Err(FieldError::Invalid { field: "OpType", want: "a number" }));
    }
}
