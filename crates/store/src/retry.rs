//! Retries: a transaction runs again after a conflict or a lost connection.

use std::time::Duration;

use crate::StoreError;

/// Maximum number of runs.
const ATTEMPTS: u32 = 8;

/// The pause before the second run. It doubles with each further run.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// The remaining runs of a transaction, and the pause before the next one.
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
    /// The state before the first run.
    pub const fn new() -> Self {
        Self { left: ATTEMPTS, pause: FIRST_PAUSE }
    }

    /// Call it after a failed run. Waits a little, and returns true if the transaction should run again.
    pub async fn again(&mut self, error: &StoreError) -> bool {
        self.left -= 1;
        if self.left == 0 || !error.retryable() {
            return false;
        }
        tracing::debug!(%error, "transaction failed: running it again");
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        true
    }
}

/// Runs `work`, a whole transaction including its commit. Runs it again after a conflict with another transaction,
/// and after a connection that broke before the commit.
///
/// `work` must therefore have no lasting effect outside the transaction.
///
/// # Errors
/// The last error, after several attempts; at once an error that is not [`StoreError::retryable`].
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
    async fn a_temporary_error_is_retried_and_in_the_end_returned() {
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
    async fn a_commit_with_an_unknown_outcome_is_not_retried() {
        let mut runs = 0;
        let outcome = retry(|| {
            runs += 1;
            async { Err::<(), _>(StoreError::Uncertain(sqlx::Error::PoolTimedOut)) }
        });
        assert!(outcome.await.is_err());
        assert_eq!(runs, 1);
    }
}
