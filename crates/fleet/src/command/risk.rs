//! Risks: commands that cannot be undone, or that disconnect a device.

use wire::Command;

/// An effect of a command that an operator has to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// It deletes everything on the device: people, templates, photos, punches.
    DeletesEverything,
    /// It deletes all punches on the device.
    DeletesPunches,
    /// It deletes all photos of punches on the device.
    DeletesPunchPhotos,
    /// It deletes all unified templates on the device.
    DeletesTemplates,
    /// It deletes all people on the device.
    DeletesPeople,
    /// It changes how the device reaches its network or its server.
    ChangesNetwork,
    /// It writes new firmware.
    WritesFirmware,
    /// It writes a file into the system of the device.
    WritesFile,
    /// It runs a command in the system of the device.
    RunsCommand,
}

/// Parameters that configure a device's network and server, by the start of their names.
const NETWORK: [&str; 21] = [
    "ipaddress",
    "netmask",
    "gateipaddress",
    "gateway",
    "dhcp",
    "dns",
    "mac",
    "webserver",
    "iclocksvr",
    "serverip",
    "serverport",
    "proxy",
    "enableproxy",
    "wifi",
    "wireless",
    "gprs",
    "ssl",
    "https",
    "comkey",
    "commkey",
    "tcpport",
];

impl Risk {
    /// The risk of a command; `None` for one that needs no confirmation.
    pub fn of(command: &Command<'_>) -> Option<Self> {
        match command {
            Command::ClearData => Some(Self::DeletesEverything),
            Command::ClearLog => Some(Self::DeletesPunches),
            Command::ClearPhoto => Some(Self::DeletesPunchPhotos),
            Command::ClearBioData => Some(Self::DeletesTemplates),
            Command::ClearUsers => Some(Self::DeletesPeople),
            Command::SetOption { key, .. } if is_network(key) => Some(Self::ChangesNetwork),
            Command::Upgrade(_) => Some(Self::WritesFirmware),
            Command::PutFile(_) => Some(Self::WritesFile),
            Command::Shell { .. } => Some(Self::RunsCommand),
            _ => None,
        }
    }
}

fn is_network(key: &str) -> bool {
    let key = key.trim_start_matches('~').to_lowercase();
    NETWORK.iter().any(|name| key.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 163.
    #[test]
    fn what_cannot_be_undone_is_asked_for() {
        let set = |key: &str| Command::SetOption { key: key.into(), value: "1".into() };
        for command in [
            Command::ClearData,
            Command::ClearLog,
            Command::ClearPhoto,
            Command::ClearBioData,
            Command::ClearUsers,
            Command::Shell { command: "ls".into() },
            set("IPAddress"),
            set("~DHCP"),
            set("WebServerIP"),
            set("WebServerPort"),
            set("GATEIPAddress"),
        ] {
            assert!(Risk::of(&command).is_some(), "{command:?}");
        }
        for command in [Command::Check, Command::Reboot, Command::Unlock, set("VOLUME"), set("LockOn")] {
            assert_eq!(Risk::of(&command), None, "{command:?}");
        }
    }
}
