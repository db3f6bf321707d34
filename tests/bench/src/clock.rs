//! The benchmark's clock.

pub use std::time::{Duration, Instant};

/// The current time.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Measures how long a future takes; returns its result and the duration.
pub async fn timed<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let begun = now();
    let done = what.await;
    (done, begun.elapsed())
}
