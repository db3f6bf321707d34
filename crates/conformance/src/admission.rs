//! Admission of the trial's devices to the server's fleet.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How a device gets admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The server admits it by itself, or an operator has approved it before.
    Beforehand,
    /// A shell command that approves one device; `{sn}` in it stands for the serial number.
    Command(String),
}

/// The error of a device that was not admitted.
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
        /// The exit status.
        status: std::process::ExitStatus,
        /// The output on standard error.
        said: String,
    },
    /// The command took too long.
    #[error("the command that approves {0} does not end")]
    Timeout(String),
}

impl Admission {
    /// Admits a device.
    ///
    /// # Errors
    /// The command failed.
    pub(crate) async fn admit(&self, serial_number: &str) -> Result<(), AdmissionError> {
        let Self::Command(command) = self else { return Ok(()) };
        // Serial numbers are letters and digits, so a shell gives none of them a special meaning.
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
    async fn the_command_gets_the_serial_number_and_its_failure_is_reported() {
        let admission = Admission::Command("test {sn} = A1 || { echo who is {sn} >&2; exit 3; }".to_owned());
        assert!(admission.admit("A1").await.is_ok());
        let error = admission.admit("A2").await.unwrap_err().to_string();
        assert!(error.contains("A2") && error.ends_with("who is A2"), "{error}");
    }
}
