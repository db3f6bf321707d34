//! Broken input for what is not in the list of targets, since it is private to its crate, or needs a server around it.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::mutate;

/// The seed of the cases that are the same every time.
const SEED: u64 = 2_041;

/// How many of them there are.
const CASES: u64 = 300;

/// The part of the time of a run that one such check has.
const SHARE: u32 = 12;

/// The seed of a run, and for how long it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// `MUSTER_FUZZ_SEED`, or any.
    pub seed: u64,
    /// `MUSTER_FUZZ_CASE`: this case alone.
    pub only: Option<u64>,
    /// `MUSTER_FUZZ_SECONDS`, 20 where it is not set.
    pub time: Duration,
}

impl Run {
    /// What the environment says.
    ///
    /// # Panics
    /// When one of the variables is no number.
    pub fn of_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text}: want a number")))
        };
        Self {
            seed: number("MUSTER_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..)),
            only: number("MUSTER_FUZZ_CASE"),
            time: Duration::from_secs(number("MUSTER_FUZZ_SECONDS").unwrap_or(20)),
        }
    }
}

/// The input of a case: what the mutations of a seed make of the kept ones.
///
/// # Panics
/// Without any kept input.
pub fn input(kept: &[Vec<u8>], seed: u64, case: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut input = kept[random.usize(..kept.len())].clone();
    let other = &kept[random.usize(..kept.len())];
    mutate(&mut input, other, &mut random);
    input
}

/// Hands a check the kept inputs, cases of a fixed seed, and cases of the seed of this run for a part of its time. What
/// fails panics; seed and case were printed before, to the output that a failed test shows.
///
/// # Panics
/// Where the check does.
pub fn each(kept: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    let run = Run::of_environment();
    eprintln!("MUSTER_FUZZ_SEED={}", run.seed);
    if let Some(only) = run.only {
        return check(&input(kept, run.seed, only));
    }
    for input in kept {
        check(input);
    }
    let mut one = |seed, case| {
        let failing = Failing { seed, case };
        check(&input(kept, seed, case));
        std::mem::forget(failing);
    };
    (0..CASES).for_each(|case| one(SEED, case));
    let (began, most, mut case) = (now(), run.time / SHARE, 0);
    while began.elapsed() < most {
        one(run.seed, case);
        case += 1;
    }
}

/// Says which case fails, when it is dropped by a panic.
struct Failing {
    seed: u64,
    case: u64,
}

impl Drop for Failing {
    fn drop(&mut self) {
        eprintln!("again: MUSTER_FUZZ_SEED={} MUSTER_FUZZ_CASE={}", self.seed, self.case);
    }
}

#[expect(clippy::disallowed_methods, reason = "how long to go on, not what to do")]
fn now() -> Instant {
    Instant::now()
}
