//! How the devices of a trial become part of the server's fleet.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// What lets a device in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The server lets it in by itself, or somebody has let it in before.
    Beforehand,
    /// A command of the shell that approves one device; `{sn}` in it stands for the serial number.
    Command(String),
}

/// A device that could not be let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The command could not be started.
    #[error("cannot run the command that approves a device: {0}")]
    Start(#[from] std::io::Error),
    /// The command failed.
    #[error("the command that approves {serial_number} failed ({status}): {said}")]
    Failed {
        /// The device.
        serial_number: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote on standard error.
        said: String,
    },
    /// It took too long.
    #[error("the command that approves {0} does not end")]
    Timeout(String),
}

impl Admission {
    /// Lets a device in.
    ///
    /// # Errors
    /// Those of the command.
    pub(crate) async fn admit(&self, serial_number: &str) -> Result<(), AdmissionError> {
        let Self::Command(command) = self else { return Ok(()) };
        // Serial numbers are letters and digits: nothing in them means anything to a shell.
        let command = command.replace("{sn}", serial_number);
        let running = Command::new("sh")
            .args(["-c", &command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
        let output = ended.map_err(|_| AdmissionError::Timeout(serial_number.to_owned()))??;
        if output.status.success() {
            return Ok(());
        }
        Err(AdmissionError::Failed {
            serial_number: serial_number.to_owned(),
            status: output.status,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_command_gets_the_serial_number_and_its_failure_is_told() {
        let admission = Admission::Command("test {sn} = A1 || { echo who is {sn} >&2; exit 3; }".to_owned());
        assert!(admission.admit("A1").await.is_ok());
        let error = admission.admit("A2").await.unwrap_err().to_string();
        assert!(error.contains("A2") && error.ends_with("who is A2"), "{error}");
    }
}
