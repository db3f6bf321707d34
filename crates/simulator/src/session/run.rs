//! A session that runs by itself, with timers.

use std::{
    future::{Future, pending},
    pin::pin,
    time::Duration,
};

use tokio::{sync::mpsc::UnboundedReceiver, time::sleep};

use crate::{
    Device,
    session::{Polled, Session, SessionError, Standing},
};

/// Time that a refused device waits before its next request (field note 3.1).
const REFUSED_DELAY: Duration = Duration::from_secs(15);

/// An edit at a running device. The device reports it immediately, as in real time mode.
pub type Edit = Box<dyn FnOnce(&mut Device) + Send>;

/// The speed of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Time between polls; `None` means the server's `Delay`.
    pub interval: Option<Duration>,
    /// Time to wait after a failure; `None` means the server's `ErrorDelay`.
    pub error_delay: Option<Duration>,
    /// Whether the next poll follows immediately while there is work.
    pub eager: bool,
}

impl Pace {
    fn after(&self, step: &Result<Polled, SessionError>, session: &Session) -> Duration {
        let options = session.server_options();
        match step {
            Ok(polled) if self.eager && !(polled.is_idle() && session.is_quiet()) => Duration::ZERO,
            Ok(_) => {
                self.interval.unwrap_or(Duration::from_secs(options.map_or(30, |options| options.delay_s)))
            }
            Err(_) if session.standing() == Standing::Waiting => self.error_delay.unwrap_or(REFUSED_DELAY),
            Err(_) => {
                let told = Duration::from_secs(options.map_or(30, |options| options.error_delay_s));
                self.error_delay.unwrap_or(told)
            }
        }
    }
}

impl Session {
    /// Runs against the server until `stop` is ready: initializes, reports, polls and waits, repeatedly.
    ///
    /// An edit interrupts the wait. `after_step` is called after each round with its result.
    pub async fn run(
        &mut self,
        pace: Pace,
        mut edits: UnboundedReceiver<Edit>,
        stop: impl Future<Output = ()>,
        mut after_step: impl FnMut(&mut Self, &Result<Polled, SessionError>),
    ) {
        let mut stop = pin!(stop);
        loop {
            let round = async {
                let outcome = self.step().await;
                self.count_failure(&outcome);
                after_step(self, &outcome);
                let delay = pace.after(&outcome, self);
                // Lets the other devices of the fleet run, however eager this one is.
                tokio::task::yield_now().await;
                tokio::select! {
                    edit = next_edit(&mut edits) => edit(&mut *self),
                    () = sleep(delay) => {}
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = round => {}
            }
        }
    }

    fn count_failure(&mut self, outcome: &Result<Polled, SessionError>) {
        match outcome {
            Ok(_) | Err(SessionError::Waiting { .. }) => {}
            Err(SessionError::Http { source, .. }) => self.fail(&source.to_string()),
            Err(error) => self.fail(&error.to_string()),
        }
    }
}

async fn next_edit(edits: &mut UnboundedReceiver<Edit>) -> Edit {
    match edits.recv().await {
        Some(edit) => edit,
        // No sender of edits is left.
        None => pending().await,
    }
}
