//! The findings of a trial by obligation.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::time::Instant;

use crate::exchange::{Exchange, Verdict};

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The expectation.
    pub wanted: String,
    /// The request.
    pub sent: String,
    /// The answer.
    pub came: String,
}

/// One attempt of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The attempt in words.
    pub case: String,
    /// The failure, if there was one.
    pub failure: Option<Failure>,
}

/// All findings.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    findings: BTreeMap<u16, Vec<Finding>>,
    unobservable: BTreeMap<u16, String>,
    delivers: bool,
    /// Attempts that are noted after this time were not made.
    end: Option<Instant>,
    out_of_time: bool,
}

impl Ledger {
    /// A ledger of a trial that ends at this time.
    pub(crate) fn until(end: Instant) -> Self {
        Self { end: Some(end), ..Self::default() }
    }

    /// From here on, notes are about attempts that were made in time.
    pub(crate) const fn look_back(&mut self) {
        self.end = None;
    }

    /// Whether some attempts were not made for lack of time.
    pub(crate) const fn out_of_time(&self) -> bool {
        self.out_of_time
    }

    /// Notes whether an exchange meets these obligations.
    pub(crate) fn judge(&mut self, obligations: &[u16], case: &str, exchange: &Exchange, verdict: Verdict) {
        self.note(obligations, case, &exchange.sent, &exchange.came_in_words(), verdict);
    }

    /// Notes whether a result meets these obligations.
    pub(crate) fn note(
        &mut self,
        obligations: &[u16],
        case: &str,
        sent: &str,
        answer: &str,
        verdict: Verdict,
    ) {
        if self.end.is_some_and(|end| Instant::now() >= end) {
            self.out_of_time = true;
            return self.unobservable(obligations, "the time of the trial was up");
        }
        let failure =
            verdict.err().map(|wanted| Failure { wanted, sent: sent.to_owned(), came: answer.to_owned() });
        for number in obligations {
            let finding = Finding { case: case.to_owned(), failure: failure.clone() };
            self.findings.entry(*number).or_default().push(finding);
        }
    }

    /// Notes that the server sent a device something that was enrolled at another.
    pub(crate) const fn saw_delivery(&mut self) {
        self.delivers = true;
    }

    /// As [`Ledger::note`], for something that must not be sent. It counts only if the server sends anything at
    /// all.
    pub(crate) fn note_silence(
        &mut self,
        obligations: &[u16],
        case: &str,
        sent: &str,
        answer: &str,
        verdict: Verdict,
    ) {
        if verdict.is_ok() && !self.delivers {
            self.unobservable(obligations, "the server sends nothing to any device");
        } else {
            self.note(obligations, case, sent, answer, verdict);
        }
    }

    /// As [`Ledger::judge`], if only a refusal is visible: acceptance does not show what the server did.
    pub(crate) fn accepted(
        &mut self,
        obligations: &[u16],
        case: &str,
        exchange: &Exchange,
        verdict: Verdict,
    ) {
        if verdict.is_err() {
            self.judge(obligations, case, exchange, verdict);
        } else {
            self.unobservable(obligations, "accepted; the effect is not visible");
        }
    }

    /// Notes why these obligations are not observable at this server.
    pub(crate) fn unobservable(&mut self, obligations: &[u16], why: &str) {
        for number in obligations {
            self.unobservable.insert(*number, why.to_owned());
        }
    }

    pub(crate) fn findings(&self, obligation: u16) -> &[Finding] {
        self.findings.get(&obligation).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn why_unobservable(&self, obligation: u16) -> Option<&str> {
        self.unobservable.get(&obligation).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_was_not_made_in_time_is_neither_failure_nor_success() {
        let mut ledger = Ledger::until(Instant::now());
        ledger.note(&[1], "a case", "x", "y", Ok(()));
        ledger.note(&[2], "a case", "x", "y", Err("z".to_owned()));
        assert!(ledger.out_of_time() && ledger.findings(1).is_empty() && ledger.findings(2).is_empty());
        assert_eq!(ledger.why_unobservable(2), Some("the time of the trial was up"));
        ledger.look_back();
        ledger.note(&[2], "every answer", "x", "y", Err("z".to_owned()));
        assert_eq!(ledger.findings(2).len(), 1);
    }

    #[test]
    fn silence_does_not_count_if_the_server_never_sends_anything() {
        let mut ledger = Ledger::default();
        ledger.note_silence(&[191], "a case", "x", "y", Ok(()));
        assert!(ledger.findings(191).is_empty());
        ledger.saw_delivery();
        ledger.note_silence(&[191], "a case", "x", "y", Ok(()));
        assert_eq!(ledger.findings(191).len(), 1);
    }
}
