//! Runs of targets on the kept inputs and on their mutations.

use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use fastrand::Rng;

use crate::mutate::{flood, mutate, shrink};
use crate::{Input, Target, corpus};

/// One of this many cases is a flood, which takes the time of many others.
const FLOOD_IN: u8 = 200;

/// A failed input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The target.
    pub target: &'static str,
    /// The input, shrunk as far as possible.
    pub input: Vec<u8>,
    /// The message of the check.
    pub said: String,
}

impl Failure {
    /// Describes the failure with its input, and writes the input to a file.
    ///
    /// Inputs are made from captured requests whose names, cards and templates are invented.
    pub fn report(&self, replay: &str) -> String {
        let mut text = format!("{}: {}\n{replay}\n", self.target, self.said);
        let shown = &self.input[..self.input.len().min(400)];
        let _ = writeln!(text, "the input ({} bytes): {}", self.input.len(), shown.escape_ascii());
        let folder = std::env::temp_dir().join("muster-fuzz");
        let file = folder.join(format!("{}-{:016x}", corpus::folder(self.target), digest(&self.input)));
        if std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &self.input)).is_ok() {
            let _ = writeln!(
                text,
                "kept as {}: move it to tests/fuzz/corpus/{}/",
                file.display(),
                corpus::folder(self.target)
            );
        }
        text
    }
}

/// Checks the kept inputs of a target.
///
/// # Errors
/// The first failure.
pub fn kept(target: &Target) -> Result<usize, Failure> {
    let inputs = corpus::inputs(target.name, target.seeds);
    inputs.iter().try_for_each(|input| one(target, input))?;
    Ok(inputs.len())
}

/// Checks mutations of the kept inputs by a seed, case after case, while `goes_on` is true.
///
/// A case depends on the seed and its number only.
///
/// # Errors
/// The first failure, with its number.
pub fn mutated(
    target: &Target,
    seed: u64,
    first: u64,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<u64, (u64, Failure)> {
    let inputs = corpus::inputs(target.name, target.seeds);
    let mut case = first;
    while goes_on(case) {
        let mut random = Rng::with_seed(seed ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut input = inputs[random.usize(..inputs.len())].clone();
        let other = &inputs[random.usize(..inputs.len())];
        if random.u8(..FLOOD_IN) == 0 {
            flood(&mut input, &mut random);
        } else {
            mutate(&mut input, other, &mut random);
        }
        one(target, &input).map_err(|failure| (case, failure))?;
        case += 1;
    }
    Ok(case - first)
}

fn one(target: &Target, input: &[u8]) -> Result<(), Failure> {
    let Err(_) = quietly(target, input) else { return Ok(()) };
    let shortest = shrink(input, |input| quietly(target, input).is_err());
    let said = quietly(target, &shortest).err().unwrap_or_default();
    Err(Failure { target: target.name, input: shortest, said })
}

thread_local! {
    /// The panic message of a check in this thread, if it is captured.
    static SAID: Cell<Option<String>> = const { Cell::new(None) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a check and returns its panic message instead of printing it.
fn quietly(target: &Target, input: &[u8]) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |told| {
            if LISTENING.get() { SAID.set(Some(told.to_string())) } else { usual(told) }
        }));
    });
    LISTENING.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(|| (target.check)(&Input::new(input))));
    LISTENING.set(false);
    ended.map_err(|_| SAID.take().unwrap_or_default())
}

fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
