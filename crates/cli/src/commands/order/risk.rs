//! What cannot be undone, or cuts a device off.

use wire::Command;

/// Parameters by which a device finds its network and its server, by how their names begin.
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

/// What a command does that somebody has to confirm, as `this …`; `None` for all others.
pub fn of(command: &Command<'_>) -> Option<&'static str> {
    match command {
        Command::ClearData => Some("deletes everything on the device: people, templates, photos, punches"),
        Command::ClearLog => Some("deletes all punches on the device; what was not uploaded is lost"),
        Command::ClearPhoto => {
            Some("deletes all photos of punches on the device; what was not uploaded is lost")
        }
        Command::ClearBioData => {
            Some("deletes all unified templates on the device; those that the fleet does not have are lost")
        }
        Command::ClearUsers => Some("deletes all people on the device; whom the fleet does not have is lost"),
        Command::SetOption { key, .. } if is_network(key) => {
            Some("changes how the device reaches its network or its server; a wrong value cuts it off")
        }
        Command::Upgrade(_) => {
            Some("writes new firmware; a wrong file, or a loss of power meanwhile, ends the device")
        }
        Command::PutFile(_) => Some("writes a file into the system of the device"),
        Command::Shell { .. } => Some("runs a command in the system of the device, with all rights"),
        _ => None,
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
            assert!(of(&command).is_some(), "{command:?}");
        }
        for command in [Command::Check, Command::Reboot, Command::Unlock, set("VOLUME"), set("LockOn")] {
            assert_eq!(of(&command), None, "{command:?}");
        }
    }
}
