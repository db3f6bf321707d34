//! The table of settings.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in `muster.toml`; in the environment `MUSTER_` and the same in capitals.
    pub name: &'static str,
    /// The default value; empty if the default follows [`Setting::derived`].
    pub default: &'static str,
    /// The source of the default, if the default is no fixed value.
    pub derived: &'static str,
    /// The effect of the setting, in a few words for operators.
    pub about: &'static str,
}

impl Setting {
    /// The environment variable of this setting.
    pub fn variable(&self) -> String {
        format!("MUSTER_{}", self.name.to_uppercase())
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

const fn fixed(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, derived: "", about }
}

const fn derived(name: &'static str, derived: &'static str, about: &'static str) -> Setting {
    Setting { name, default: "", derived, about }
}

/// Every setting, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    fixed("listen", "0.0.0.0:8081", "address on which devices connect"),
    fixed("admin_listen", "127.0.0.1:8080", "address on which people and monitoring connect"),
    derived("database", "data_dir", "URL: sqlite://path, or mysql://user:password@host:3306/name"),
    fixed("database_pool", "16", "connections to a MySQL or MariaDB server, 2 to 200; no effect on a file"),
    fixed(
        "data_dir",
        "muster-data",
        "directory of the key, and of the database unless `database` names another",
    ),
    fixed(
        "log",
        "info",
        "level of the log: error, warn, info, debug, trace, or one for each part: info,server=debug",
    ),
    fixed("log_format", "text", "format of the log: text or json"),
    fixed(
        "admission",
        "approve",
        "unknown devices: approve makes them wait for you, open lets in every device (for a lab)",
    ),
    fixed("deletion", "propagate", "a person deleted at a device: propagate, restore or ask"),
    fixed("enrolment", "accept", "people enrolled or changed at a device: accept, hold or refuse"),
    fixed("cleared", "hold", "a name, card or password emptied at a device: hold, accept or ignore"),
    fixed("undo_days", "7", "days during which you can bring a deleted person back"),
    derived("privilege", "admission", "an administrator made at a device: hold, accept or never"),
    fixed("attendance", "discard", "punches: discard or keep"),
    fixed(
        "attendance_days",
        "0",
        "days for which kept punches stay, with their pictures and identity cards; 0 = for ever",
    ),
    fixed("remote_attendance", "false", "a device may ask for a person that it does not hold, for one punch"),
    fixed(
        "system_commands",
        "false",
        "allows get-file, put-file, shell and upgrade, which reach into a device's operating system",
    ),
    fixed(
        "adopt_quiet_s",
        "30",
        "Muster fills an approved device after this many seconds without news about people",
    ),
    fixed(
        "adopt_limit_s",
        "3600",
        "after this many seconds Muster fills the device even if it has not shown all its people; at least \
         adopt_quiet_s",
    ),
    fixed(
        "read_back_percent",
        "1",
        "percentage of accepted templates that Muster reads back and compares; 0 = none",
    ),
    fixed("reread_days", "7", "Muster reads the people of each device once within this many days; 0 = never"),
    fixed(
        "reread_templates",
        "3",
        "how many templates Muster asks a device for after it read its people, at most 100",
    ),
    derived(
        "time_zone",
        "the machine",
        "IANA name of the time zone of the devices, and of --until and --leaves",
    ),
    fixed("realtime", "true", "devices upload changes at once"),
    fixed("trans_times", "", "with realtime = false: times of day for uploads, at most ten: 00:00;14:05"),
    fixed("trans_interval_min", "1", "with realtime = false: minutes between uploads; 0 = off"),
    fixed("delay_s", "10", "seconds between two polls of a device, 2 to 60"),
    fixed("error_delay_s", "60", "seconds that a device waits after a failed connection, 30 to 300"),
    fixed(
        "answer_timeout_s",
        "60",
        "seconds that a device may take to answer a command before Muster sends it again, 5 to 3600",
    ),
    fixed("max_body_mib", "32", "largest upload that Muster accepts, MiB"),
    fixed(
        "max_connections",
        "20000",
        "device connections at a time; Muster tells further ones to come again",
    ),
    fixed(
        "max_requests",
        "256",
        "device requests that use the database at a time; further ones wait, at most five seconds",
    ),
    fixed("idle_timeout_s", "180", "seconds after which Muster closes an idle device connection, 60 to 3600"),
];
