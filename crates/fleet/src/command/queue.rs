//! Commands that operators give: which are allowed, and queueing them for a device.

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
    /// The device is not in the fleet.
    #[error("{0} is not in the fleet and gets no commands")]
    IsNoMember(SerialNumber),
    /// The device speaks the protocol of access control.
    #[error("{0} speaks the dialect of access control, in which no commands are sent")]
    IsAccessControl(SerialNumber),
    /// Commands that reach into the system of a device are switched off.
    #[error("{0} reaches into the system of the device, which is switched off")]
    SystemCommandsOff(&'static str),
    /// The firmware answered before that it does not know the form.
    #[error("the firmware of {device} answered before that it does not know {form}")]
    UnknownToFirmware {
        /// Which device.
        device: SerialNumber,
        /// Which form.
        form: Form,
    },
    /// Somebody has to confirm what the command does.
    #[error("the command has to be confirmed")]
    NeedsConfirmation(Risk),
    /// The command cannot be taken back: it was sent, or is over.
    #[error("command {0} cannot be taken back")]
    TooLateToCancel(i64),
}

/// What has to be known of a device to spell a command for it.
#[derive(Clone, Debug)]
pub struct CommandTarget {
    /// What it can take.
    pub capability: Capability,
    /// Its time zone.
    pub time_zone: TimeZone,
}

/// A command that waits for the next poll of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number at the device.
    pub id: i64,
    /// It is not sent any more after this.
    pub expires_at: Option<Millis>,
}

impl Fleet {
    /// What has to be known of a device to spell a command for it.
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
    /// `is_confirmed`: somebody said that what the command does is meant.
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

    /// Takes a command back that was not sent yet.
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
        tracing::info!(%actor, device.serial_number = %serial_number, command.id = id, "command taken back");
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
