//! Running a transaction again that met another one, or lost its connection.

use std::time::Duration;

use crate::StoreError;

/// How often a transaction is run at most.
const ATTEMPTS: u32 = 8;

/// The pause before the second run; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// How often a transaction may still run, and how long it pauses before the next run.
#[derive(Debug)]
pub struct Attempts {
    left: u32,
    pause: Duration,
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

impl Attempts {
    /// A transaction that has not run yet.
    pub const fn new() -> Self {
        Self { left: ATTEMPTS, pause: FIRST_PAUSE }
    }

    /// Call it after a run that failed. Waits a little and returns true if the transaction should run again.
    pub async fn again(&mut self, error: &StoreError) -> bool {
        self.left -= 1;
        if self.left == 0 || !error.retryable() {
            return false;
        }
        tracing::debug!(%error, "transaction runs again");
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        true
    }
}

/// Runs `work`, a whole transaction from its beginning to its commit, again while another one is in its way or its
/// connection breaks before the commit.
///
/// `work` therefore must not do anything that counts outside the transaction.
///
/// # Errors
/// The last one, after some attempts; at once what is not [`StoreError::retryable`].
pub async fn retry<T, F, W>(mut work: F) -> Result<T, StoreError>
where
    F: FnMut() -> W,
    W: Future<Output = Result<T, StoreError>>,
{
    let mut attempts = Attempts::new();
    loop {
        match work().await {
            Err(error) if attempts.again(&error).await => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> StoreError {
        StoreError::Busy(sqlx::Error::PoolTimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again_and_in_the_end_told() {
        let mut runs = 0;
        let done = retry(|| {
            runs += 1;
            let outcome = if runs < 5 { Err(busy()) } else { Ok(runs) };
            async move { outcome }
        });
        assert_eq!(done.await.expect("in the end"), 5);

        let mut runs = 0;
        let never = retry(|| {
            runs += 1;
            async { Err::<(), _>(busy()) }
        });
        assert!(matches!(never.await, Err(StoreError::Busy(_))));
        assert_eq!(runs, ATTEMPTS);
    }

    #[tokio::test]
    async fn what_may_have_been_written_is_not_written_again() {
        let mut runs = 0;
        let outcome = retry(|| {
            runs += 1;
            async { Err::<(), _>(StoreError::Uncertain(sqlx::Error::PoolTimedOut)) }
        });
        assert!(outcome.await.is_err());
        assert_eq!(runs, 1);
    }
}
