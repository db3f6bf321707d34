//! The `Date` header, written from Muster's own clock: devices set their clocks by it (§5, reference 4.6).
//!
//! **Invariant**: the cached text belongs to the second it is cached with, so it is right whenever that second is requested
//! again, even if the clock was set back. Each thread has its own cache; threads share nothing.

use std::cell::RefCell;

use http::HeaderValue;
use roster::Millis;

thread_local! {
    static LAST: RefCell<Option<(i64, HeaderValue)>> = const { RefCell::new(None) };
}

/// A time in the format of HTTP: `Fri, 12 Mar 2027 06:53:01 GMT`. `None` if the time is outside of the calendar.
pub fn date(now: Millis) -> Option<HeaderValue> {
    let second = now.0.div_euclid(1000);
    LAST.with_borrow_mut(|last| {
        if let Some((of, text)) = last
            && *of == second
        {
            return Some(text.clone());
        }
        let text = written(second)?;
        *last = Some((second, text.clone()));
        Some(text)
    })
}

fn written(second: i64) -> Option<HeaderValue> {
    let time = jiff::Timestamp::from_second(second).ok()?;
    HeaderValue::try_from(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_its_second_wherever_the_clock_goes() {
        let at = |ms| date(Millis(ms)).and_then(|date| date.to_str().map(str::to_owned).ok());
        let start = 1_805_007_181_000;
        for (ms, want) in [
            (start, "Sun, 14 Mar 2027 06:53:01 GMT"),
            (start + 999, "Sun, 14 Mar 2027 06:53:01 GMT"),
            (start + 1000, "Sun, 14 Mar 2027 06:53:02 GMT"),
            (start - 1, "Sun, 14 Mar 2027 06:53:00 GMT"),
            (start, "Sun, 14 Mar 2027 06:53:01 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] {
            assert_eq!(at(ms).as_deref(), Some(want), "{ms}");
        }
        assert_eq!(at(i64::MAX), None);
        assert_eq!(at(start).as_deref(), Some("Sun, 14 Mar 2027 06:53:01 GMT"));
    }
}
