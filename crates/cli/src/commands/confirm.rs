//! Confirmation of a dangerous command.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use wire::SerialNumber;

use crate::failure::usage;

/// Asks the operator to type the serial number of the device. A script gives the number with `--confirm`.
///
/// # Errors
/// The serial number is wrong, or there is neither `--confirm` nor a console to ask on.
pub fn by_serial_number(
    serial_number: &SerialNumber,
    given: Option<&SerialNumber>,
    what: &str,
) -> anyhow::Result<()> {
    if let Some(given) = given {
        if given == serial_number {
            return Ok(());
        }
        return Err(usage(format!(
            "--confirm says {given}, but the command is for {serial_number}: no command was queued"
        )));
    }
    let mut input = std::io::stdin().lock();
    if !input.is_terminal() {
        return Err(usage(format!(
            "this {what}. Without a console, Muster cannot ask: add --confirm {serial_number} to confirm"
        )));
    }
    eprint!("This {what}.\nType the serial number of the device to go on: ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim() != serial_number.as_str() {
        bail!("that is not {serial_number}: no command was queued");
    }
    Ok(())
}
