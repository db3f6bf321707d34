//! How the program ends: what a failure looks like, and its exit code.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Exit code of a command line or a configuration that is wrong.
const USAGE: u8 = 2;

/// A wrong value on the command line, in the environment or in `muster.toml`.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A [`Usage`] as an error.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage(message.into()))
}

/// The command has printed its report, and the report is a failure: only the exit code is left to set.
#[derive(Debug)]
pub struct AlreadyReported;

impl fmt::Display for AlreadyReported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("see the report above")
    }
}

impl std::error::Error for AlreadyReported {}

/// Prints the error, if there is one, on standard error, and returns the exit code.
pub fn report(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // The reader of the output has closed the pipe (`muster user list | head`): no failure.
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    if error.chain().any(<dyn std::error::Error>::is::<AlreadyReported>) {
        return ExitCode::FAILURE;
    }
    eprintln!("error: {}", in_words(&error));
    if error.chain().any(<dyn std::error::Error>::is::<Usage>) {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
    }
}

/// The error with its causes, each on its own line. A cause whose text has already appeared is left out.
fn in_words(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = std::io::Error::other("disk full");
        let error = anyhow::Error::new(cause).context("cannot write the key: disk full").context("no start");
        assert_eq!(in_words(&error), "no start\n  because: cannot write the key: disk full");
    }

    #[test]
    fn a_wrong_value_is_usage_and_a_closed_pipe_is_no_failure() {
        let code = |error: anyhow::Error| format!("{:?}", report(Err(error)));
        assert_eq!(code(usage("no")), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(anyhow::anyhow!("no")), format!("{:?}", ExitCode::FAILURE));
        let closed = Err::<(), _>(std::io::Error::from(ErrorKind::BrokenPipe)).context("cannot print");
        assert_eq!(format!("{:?}", report(closed)), format!("{:?}", ExitCode::SUCCESS));
    }
}
