//! Asking before something that cannot be undone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use wire::SerialNumber;

use crate::failure::usage;

/// Has somebody type the serial number of the device; a script says it with `--confirm`.
///
/// # Errors
/// It is not that serial number, or there is no terminal to ask on and nothing was given.
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
            "--confirm says {given}, but the command is for {serial_number}: nothing was ordered"
        )));
    }
    let mut input = std::io::stdin().lock();
    if !input.is_terminal() {
        return Err(usage(format!(
            "this {what}. There is no terminal to ask on: say --confirm {serial_number} if that is meant"
        )));
    }
    eprint!("This {what}.\nType the serial number of the device to go on: ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim() != serial_number.as_str() {
        bail!("that is not {serial_number}: nothing was ordered");
    }
    Ok(())
}
