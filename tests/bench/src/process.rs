//! Resource usage of a process, from `/proc`.

use std::fs;

/// Clock ticks per second in `/proc`, the same on every current Linux.
const TICKS: f64 = 100.0;

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Processor time since its start in user and system mode, seconds.
    pub fn processor_s(self) -> f64 {
        let stat = self.read("stat");
        // The name, in brackets, may contain any character.
        let Some((_, rest)) = stat.rsplit_once(')') else { return 0.0 };
        rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
            / TICKS
    }

    /// Resident memory, MiB.
    pub fn memory_mib(self) -> f64 {
        self.kib("VmRSS:") / 1024.0
    }

    /// Peak resident memory, MiB.
    pub fn peak_memory_mib(self) -> f64 {
        self.kib("VmHWM:") / 1024.0
    }

    /// Bytes written to disks; 0 if the directory is in memory.
    pub fn written_bytes(self) -> f64 {
        number_after(&self.read("io"), "write_bytes:")
    }

    fn kib(self, field: &str) -> f64 {
        number_after(&self.read("status"), field)
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).unwrap_or_default()
    }
}

fn number_after(text: &str, field: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
