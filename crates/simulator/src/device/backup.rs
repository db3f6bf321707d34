//! Backups of a terminal's content, as its menu makes and restores them.

use super::{Device, numbering::Numbering, roster::Everything};
use crate::content::Content;

/// The content of a device at the time of the backup: its people with their templates and photos.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Names in the charset of the device.
    people: Content,
    numbering: Numbering,
}

/// How a device reports that a backup was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// The device logs operation 38, "data restored", and uploads all its data.
    FromBackup,
    /// The device logs operation 40, "loaded from a stick", and uploads all its data.
    FromStick,
    /// The device reports nothing; only the counts in `INFO` change.
    Silently,
}

impl Device {
    /// Makes a backup. The server is not informed.
    pub fn backup(&self) -> Backup {
        Backup { people: self.people.clone(), numbering: self.numbering.clone() }
    }

    /// Replaces the content of the device by that of a backup.
    ///
    /// The upload that follows holds only people in the backup. `TransFlag` and the quirks for uploads of
    /// everything apply to it.
    pub fn restore(&mut self, backup: &Backup, how: Restoring) {
        self.empty();
        self.people.clone_from(&backup.people);
        self.numbering.clone_from(&backup.numbering);
        self.recount();
        let code = match how {
            Restoring::FromBackup => 38,
            Restoring::FromStick => 40,
            Restoring::Silently => return,
        };
        self.log_operation(code, ["0", "0", "0", "0"]);
        self.queue_everything(Everything { operations: true, biodata: true, asked: false });
    }
}
