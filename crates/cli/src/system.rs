//! The one place of the program that reads the machine's clock and its random numbers.

use anyhow::Context as _;
use fleet::Actor;
use fleet::clock::{Clock, Entropy};
use roster::Millis;

/// The time.
#[expect(clippy::disallowed_methods, reason = "the program is where time comes in")]
pub fn now() -> Millis {
    Millis(jiff::Timestamp::now().as_millisecond())
}

/// The clock that is handed to the server.
pub fn clock() -> Clock {
    Clock::new(now)
}

/// The random numbers that are handed to the server.
#[expect(clippy::disallowed_methods, reason = "the program is where randomness comes in")]
pub fn entropy() -> Entropy {
    // Without random numbers nothing that was started can go on safely.
    Entropy::new(|| getrandom::u64().expect("the operating system gives random numbers"))
}

/// The operator: the account of the operating system that runs the program.
pub fn operator() -> Actor {
    let named =
        ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    Actor::Operator(named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned()))
}

/// 32 random bytes for a new key.
///
/// # Errors
/// The operating system has none.
#[expect(clippy::disallowed_methods, reason = "the program is where randomness comes in")]
pub fn secret() -> anyhow::Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).context("the operating system gives no random numbers")?;
    Ok(secret)
}
