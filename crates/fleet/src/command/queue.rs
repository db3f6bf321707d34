//! Queueing of commands: which commands operators may send, and adding them to the queue of a device.

use jiff::tz::TimeZone;
use roster::{Capability, Millis};
use store::{DeviceRow, Tx};
use wire::{Command, Form, SerialNumber};

use super::{QueuedCommand, Risk, is_refused, is_system};
use crate::fleet::retry;
use crate::offered_file::Offer;
use crate::{Actor, Fleet, FleetError, lookup};

/// Why a command is not queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefusal {
    /// The device is not part of the fleet.
    #[error("{0} is not part of the fleet, so it gets no commands")]
    IsNoMember(SerialNumber),
    /// The device belongs to the access-control family.
    #[error("{0} uses the access-control protocol; Muster sends it no commands")]
    IsAccessControl(SerialNumber),
    /// Commands on the system of a device are switched off.
    #[error("{0} works on the system of the device; such commands are switched off")]
    SystemCommandsOff(&'static str),
    /// The firmware answered earlier that it does not support the form.
    #[error("the firmware of {device} does not support {form}")]
    UnknownToFirmware {
        /// The device.
        device: SerialNumber,
        /// The form.
        form: Form,
    },
    /// The operator has to confirm the effect of the command.
    #[error("the command has to be confirmed")]
    NeedsConfirmation(Risk),
    /// The command cannot be cancelled: it was sent, or is finished.
    #[error("command {0} cannot be cancelled")]
    TooLateToCancel(i64),
}

/// The facts about a device that the form of a command depends on.
#[derive(Clone, Debug)]
pub struct CommandTarget {
    /// The capability of the device.
    pub capability: Capability,
    /// The time zone of the device.
    pub time_zone: TimeZone,
}

/// A command that waits for the next poll of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The number of the command at the device.
    pub id: i64,
    /// The time after which Muster does not send it.
    pub expires_at: Option<Millis>,
}

impl Fleet {
    /// The facts about a device that the form of a command depends on.
    ///
    /// # Errors
    /// No such device has called, or it gets no commands; those of the database.
    pub async fn command_target(&self, serial_number: &SerialNumber) -> Result<CommandTarget, FleetError> {
        let mut tx = self.read().await?;
        let row = recipient(&mut tx, serial_number).await?;
        let own = row.options.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        Ok(CommandTarget {
            capability: row.capability,
            time_zone: own.unwrap_or_else(|| self.rules().time_zone.clone()),
        })
    }

    /// Queues a command for a device, with the file that the device will fetch for it.
    ///
    /// `is_confirmed`: the operator has confirmed the effect of the command.
    ///
    /// # Errors
    /// [`CommandRefusal`]; no such device has called; the person who is to enrol does not exist; those of the database.
    pub async fn queue_command(
        &self,
        actor: &Actor,
        serial_number: &SerialNumber,
        command: &QueuedCommand,
        file: Option<&(Offer, Vec<u8>)>,
        is_confirmed: bool,
    ) -> Result<Queued, FleetError> {
        let now = self.now();
        let id = retry(|| async {
            let mut tx = self.write().await?;
            let row = recipient(&mut tx, serial_number).await?;
            self.allow(&row, command)?;
            if let Command::Enroll(enroll) = command.command() {
                let pin = enroll.pin();
                if !tx.users(std::slice::from_ref(pin)).await?.contains_key(pin) {
                    return Err(lookup::no_user(&mut tx, pin, now).await);
                }
            }
            if let (Some(risk), false) = (Risk::of(command.command()), is_confirmed) {
                return Err(CommandRefusal::NeedsConfirmation(risk).into());
            }
            if let Some((offer, content)) = file {
                offer.keep(&mut tx, row.id, content).await?;
            }
            let id = command.queue(&mut tx, row.id, actor.kind(), now).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await?;
        tracing::info!(
            %actor, device.serial_number = %serial_number, command.id = id, command = command.command().words(),
            "command queued"
        );
        Ok(Queued { id, expires_at: command.expires_ms().map(|ms| now.plus(ms)) })
    }

    /// Whether this command may be sent to this device.
    fn allow(&self, row: &DeviceRow, command: &QueuedCommand) -> Result<(), CommandRefusal> {
        let form = command.form();
        if is_system(form) && !self.rules().system_commands {
            return Err(CommandRefusal::SystemCommandsOff(command.command().words()));
        }
        if is_refused(form, &row.capability) {
            return Err(CommandRefusal::UnknownToFirmware { device: row.serial_number.clone(), form });
        }
        Ok(())
    }

    /// Cancels a command that was not sent yet.
    ///
    /// # Errors
    /// There is no such device or command, or it is too late; those of the database.
    pub async fn cancel_command(
        &self,
        actor: &Actor,
        serial_number: &SerialNumber,
        id: i64,
    ) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let row = lookup::command(&mut tx, serial_number, id).await?;
            if !tx.cancel_queued_command(row.device, id, self.now()).await? {
                return Err(CommandRefusal::TooLateToCancel(id).into());
            }
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, command.id = id, "command cancelled");
        Ok(())
    }
}

/// A device that gets commands.
async fn recipient(tx: &mut Tx, serial_number: &SerialNumber) -> Result<DeviceRow, FleetError> {
    let row = lookup::device(tx, serial_number).await?;
    if !row.state.is_member() {
        return Err(CommandRefusal::IsNoMember(serial_number.clone()).into());
    }
    if row.capability.speaks_access_control() {
        return Err(CommandRefusal::IsAccessControl(serial_number.clone()).into());
    }
    Ok(row)
}
