//! The table of settings.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in `muster.toml`; in the environment `MUSTER_` and the same in capitals.
    pub name: &'static str,
    /// What it is unless somebody sets it; empty where [`Setting::derived`] tells.
    pub default: &'static str,
    /// From what its default follows, where that is no fixed value.
    pub derived: &'static str,
    /// What it does.
    pub about: &'static str,
}

impl Setting {
    /// The variable of the environment that sets it.
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
    fixed("listen", "0.0.0.0:8081", "where devices connect"),
    fixed("admin_listen", "127.0.0.1:8080", "where people and monitoring connect"),
    derived("database", "data_dir", "URL: sqlite://path, or mysql://user:password@host:3306/name"),
    fixed("database_pool", "16", "connections kept to a MySQL or MariaDB server, 2 to 200; none to a file"),
    fixed("data_dir", "muster-data", "holds the key, and the database unless told otherwise"),
    fixed("log", "info", "error, warn, info, debug, trace, or tracing directives"),
    fixed("log_format", "text", "text or json"),
    fixed("admission", "approve", "unknown devices: approve waits for you, open takes in everything"),
    fixed("deletion", "propagate", "a person deleted at a device: propagate, restore or ask"),
    fixed("enrolment", "accept", "people enrolled or changed at a device: accept, hold or refuse"),
    fixed("cleared", "hold", "a name, card or password emptied at a device: hold, accept or ignore"),
    fixed("undo_days", "7", "how long a deleted person can be brought back"),
    derived("privilege", "admission", "an administrator made at a device: hold, accept or never"),
    fixed("attendance", "discard", "punches: discard or keep"),
    fixed(
        "attendance_days",
        "0",
        "how long kept punches stay, with pictures and identity cards; 0 = for ever",
    ),
    fixed("remote_attendance", "false", "a terminal may ask for a person it does not hold, for one punch"),
    fixed(
        "system_commands",
        "false",
        "get-file, put-file, shell and upgrade: what reaches into a device's system",
    ),
    fixed("adopt_quiet_s", "30", "a device that is taken in is filled after so long without news of people"),
    fixed(
        "adopt_limit_s",
        "3600",
        "after so long it is filled although it has not shown all its people; at least adopt_quiet_s",
    ),
    fixed(
        "read_back_percent",
        "1",
        "of how many of 100 templates that devices say to have taken it is looked whether they hold them",
    ),
    fixed("reread_days", "7", "within so many days the people of each device are read once; 0 = never"),
    fixed("reread_templates", "3", "for so many templates a device is asked after its people were read"),
    derived("time_zone", "the machine", "IANA name: the clock of the devices"),
    fixed("realtime", "true", "devices upload changes at once"),
    fixed("trans_times", "", "otherwise at these times of day, at most ten: 00:00;14:05"),
    fixed("trans_interval_min", "1", "otherwise every so many minutes; 0 = not"),
    fixed("delay_s", "10", "how often a device asks for work, 2 to 60 seconds"),
    fixed("error_delay_s", "60", "how long a device waits after a failed connection, 30 to 300 seconds"),
    fixed("answer_timeout_s", "60", "how long a device may take to answer a command before it is sent again"),
    fixed("max_body_mib", "32", "the largest upload that is taken, MiB"),
    fixed("max_connections", "20000", "connections of devices at a time; more are told to come again"),
    fixed("max_requests", "256", "requests of devices at work at a time; more wait, at most five seconds"),
    fixed("idle_timeout_s", "180", "how long a connection of a device may do nothing, 60 to 3600 seconds"),
];
