//! What was found, obligation by obligation.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::time::Instant;

use crate::exchange::{Exchange, Verdict};

/// Something that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What should have been.
    pub wanted: String,
    /// What was sent.
    pub sent: String,
    /// What came.
    pub came: String,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried, in words.
    pub case: String,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
}

/// All findings.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    findings: BTreeMap<u16, Vec<Finding>>,
    unseen: BTreeMap<u16, String>,
    delivers: bool,
    /// What is noted later was not tried any more.
    end: Option<Instant>,
    out_of_time: bool,
}

impl Ledger {
    /// A ledger of a trial that ends at a time.
    pub(crate) fn until(end: Instant) -> Self {
        Self { end: Some(end), ..Self::default() }
    }

    /// What is noted from here on is about what was tried in time.
    pub(crate) const fn look_back(&mut self) {
        self.end = None;
    }

    /// Whether something was not tried any more.
    pub(crate) const fn out_of_time(&self) -> bool {
        self.out_of_time
    }

    /// Notes whether an exchange was as these obligations want it.
    pub(crate) fn judge(&mut self, obligations: &[u16], case: &str, exchange: &Exchange, verdict: Verdict) {
        self.note(obligations, case, &exchange.sent, &exchange.came_in_words(), verdict);
    }

    /// Notes whether something was as these obligations want it, whatever was sent and came.
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
            return self.unseen(obligations, "the time of the trial was up");
        }
        let failure =
            verdict.err().map(|wanted| Failure { wanted, sent: sent.to_owned(), came: answer.to_owned() });
        for number in obligations {
            let finding = Finding { case: case.to_owned(), failure: failure.clone() };
            self.findings.entry(*number).or_default().push(finding);
        }
    }

    /// The server was seen to send a device what was enrolled at another.
    pub(crate) const fn saw_delivery(&mut self) {
        self.delivers = true;
    }

    /// As [`Ledger::note`], of something that has to stay away: at a server that sends nothing at all that says nothing.
    pub(crate) fn note_silence(
        &mut self,
        obligations: &[u16],
        case: &str,
        sent: &str,
        answer: &str,
        verdict: Verdict,
    ) {
        if verdict.is_ok() && !self.delivers {
            self.unseen(obligations, "the server sends no device anything");
        } else {
            self.note(obligations, case, sent, answer, verdict);
        }
    }

    /// Where only a refusal shows: accepting it says nothing of what became of it.
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
            self.unseen(obligations, "accepted; what became of it does not show");
        }
    }

    /// Notes why something does not show at this server.
    pub(crate) fn unseen(&mut self, obligations: &[u16], why: &str) {
        for number in obligations {
            self.unseen.insert(*number, why.to_owned());
        }
    }

    pub(crate) fn findings(&self, obligation: u16) -> &[Finding] {
        self.findings.get(&obligation).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn why_unseen(&self, obligation: u16) -> Option<&str> {
        self.unseen.get(&obligation).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_tried_in_time_is_no_failure_and_no_success() {
        let mut ledger = Ledger::until(Instant::now());
        ledger.note(&[1], "a case", "x", "y", Ok(()));
        ledger.note(&[2], "a case", "x", "y", Err("z".to_owned()));
        assert!(ledger.out_of_time() && ledger.findings(1).is_empty() && ledger.findings(2).is_empty());
        assert_eq!(ledger.why_unseen(2), Some("the time of the trial was up"));
        ledger.look_back();
        ledger.note(&[2], "every answer", "x", "y", Err("z".to_owned()));
        assert_eq!(ledger.findings(2).len(), 1);
    }

    #[test]
    fn silence_says_nothing_of_a_server_that_never_speaks() {
        let mut ledger = Ledger::default();
        ledger.note_silence(&[191], "a case", "x", "y", Ok(()));
        assert!(ledger.findings(191).is_empty());
        ledger.saw_delivery();
        ledger.note_silence(&[191], "a case", "x", "y", Ok(()));
        assert_eq!(ledger.findings(191).len(), 1);
    }
}
