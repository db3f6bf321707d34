//! Limits: how much is sent and kept at a time, and the pauses before something is sent again.

/// How much is sent and kept at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open commands of one device at a time (docs/sync.md, invariant 4).
    pub open: usize,
    /// Lines of one reply (§12; at most 200).
    pub lines: usize,
    /// Bytes of one reply, unless a single item is larger (§12; at most 40,000).
    pub bytes: usize,
    /// An item above this size is heavy: one such in a reply.
    pub heavy_bytes: usize,
    /// Due exceptions of one device, above which tail and scan pause (docs/decisions/0006-parked-exceptions.md). Parked
    /// ones do not count: they are the exact record of what a device lacks. Failed ones do not count either: a device
    /// that refuses much must still hear of deletions.
    pub due: usize,
    /// How often an hour one item is written to one device in answer to its uploads and failures.
    pub writes_per_hour: u32,
    /// How long an acknowledgement may take, ms; doubled with every repetition.
    pub answer_ms: i64,
    /// The longest pause between repetitions, ms.
    pub longest_pause_ms: i64,
    /// The first pause after a passing failure, ms; doubled with every failure.
    pub retry_ms: i64,
    /// What failed so often is tried once a day from then on, and shown. The pauses before add up to an hour and a half with
    /// ten: no terminal is busy for that long.
    pub most_attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 50,
            lines: 50,
            bytes: 40_000,
            heavy_bytes: 8_000,
            due: 1_000,
            writes_per_hour: 12,
            answer_ms: 60_000,
            longest_pause_ms: 3_600_000,
            retry_ms: 10_000,
            most_attempts: 10,
        }
    }
}

impl Limits {
    pub(crate) fn answer_pause(&self, sends: u32) -> i64 {
        grown(self.answer_ms, sends.saturating_sub(1), self.longest_pause_ms)
    }

    /// The pause after so many failures in a row.
    pub(crate) fn retry_pause(&self, attempts: u32) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        if self.has_given_up(attempts) { DAY_MS } else { self.growing_pause(attempts) }
    }

    /// What failed so often in a row is tried once a day.
    pub(crate) const fn has_given_up(&self, attempts: u32) -> bool {
        attempts >= self.most_attempts
    }

    /// The pause after so many failures in a row.
    pub(crate) fn growing_pause(&self, attempts: u32) -> i64 {
        grown(self.retry_ms, attempts.saturating_sub(1), self.longest_pause_ms)
    }
}

fn grown(first_ms: i64, doublings: u32, most_ms: i64) -> i64 {
    first_ms.saturating_mul(1_i64 << doublings.min(30)).min(most_ms)
}
