//! The clock, which a benchmark reads.

pub use std::time::{Duration, Instant};

/// Now.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// How long something took, beside what came of it.
pub async fn timed<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let begun = now();
    let done = what.await;
    (done, begun.elapsed())
}
