//! Accidents at terminals.

use wire::Pin;

use super::Episode;
use crate::terminal::Upload;

impl Episode {
    pub(super) fn accident(&mut self, chance: usize, device: usize, who: &Pin) {
        let terminal = &mut self.world.devices[device].terminal;
        match chance {
            910..920 => {
                terminal.inbox.clear();
                terminal.acknowledgements.clear();
            }
            920..935 => self.online[device] = !self.online[device],
            935..950 => self.delete_at(device),
            950..960 => self.wipe(device),
            960..972 => {
                let copy = (terminal.users.clone(), terminal.templates.clone());
                self.backups.insert(device, copy);
            }
            972..985 => self.restore(device),
            985..992 if !terminal.users.contains_key(who) => {
                // A finger of a person for a PIN that the terminal does not have.
                let (person, key) = (self.person(true), self.finger(who));
                let now = self.world.now;
                let planted = self.puts_finger(device, &key, person, now);
                let terminal = &mut self.world.devices[device].terminal;
                terminal.templates.remove(&(key.pin, key.slot));
                terminal.report(planted);
            }
            _ => {}
        }
    }

    /// Empties the terminal, with a report or silently.
    fn wipe(&mut self, device: usize) {
        let says_so = self.world.random.chance(0.5);
        self.world.tell(|| format!("== {device} is emptied, says so: {says_so}"));
        let terminal = &mut self.world.devices[device].terminal;
        terminal.clear();
        if !says_so {
            terminal.uploads.clear();
        }
    }

    fn restore(&mut self, device: usize) {
        let Some((users, templates)) = self.backups.get(&device).cloned() else { return };
        let says_so = self.world.random.chance(0.6);
        self.world.tell(|| format!("== {device} is restored, says so: {says_so}"));
        let terminal = &mut self.world.devices[device].terminal;
        (terminal.users, terminal.templates) = (users, templates);
        terminal.inbox.clear();
        terminal.acknowledgements.clear();
        if says_so {
            terminal.report(Upload::Restored);
        }
        self.judge.restored(&self.world, device, says_so);
    }
}
