//! Backups of what a terminal holds, as its menu makes and restores them.

use super::{Device, numbering::Numbering, roster::Everything};
use crate::content::Content;

/// What a device held when the backup was made: its people, with their templates and photos.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Names in the charset of the device.
    people: Content,
    numbering: Numbering,
}

/// How a backup comes back to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// The device logs operation 38, "data restored", and uploads all that it holds.
    FromBackup,
    /// The device logs operation 40, "loaded from a stick", and uploads all that it holds.
    FromStick,
    /// The device says nothing; only `INFO` counts other people.
    Silently,
}

impl Device {
    /// What the device holds now. The server is told nothing of it.
    pub fn backup(&self) -> Backup {
        Backup { people: self.people.clone(), numbering: self.numbering.clone() }
    }

    /// Puts the people of a backup in the place of those that the device holds.
    ///
    /// The upload that follows contains nobody who is not in the backup, and `TransFlag` and the quirks for uploads of
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
