//! The report of a trial.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::ledger::{Finding, Ledger};
use crate::obligation::Obligation;

/// The verdict on an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every attempt met it.
    Met,
    /// At least one attempt did not meet it.
    NotMet,
    /// It is not visible from outside, or not at this server.
    NotObservable,
}

/// The result for one obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The obligation.
    #[serde(flatten)]
    pub obligation: Obligation,
    /// The verdict.
    pub outcome: Outcome,
    /// The attempts.
    pub findings: Vec<Finding>,
    /// Why there was no attempt, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Number of obligations that are met.
    pub met: usize,
    /// Number of obligations that are not met.
    pub not_met: usize,
    /// Number of obligations that are not observable.
    pub not_observable: usize,
    /// The obligations of this part.
    pub obligations: Vec<Judgement>,
}

/// The result of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every part of the protocol, in the order of the list.
    pub parts: Vec<Part>,
    /// Serial numbers of the played devices.
    pub serial_numbers: Vec<String>,
    /// Whether every attempt was made before the time was up.
    pub complete: bool,
    /// Duration, ms.
    pub duration_ms: u64,
}

impl Report {
    pub(crate) fn new(
        list: &[Obligation],
        ledger: &Ledger,
        serial_numbers: Vec<String>,
        duration: Duration,
    ) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for obligation in list {
            if parts.last().is_none_or(|part| part.name != obligation.part) {
                let name = obligation.part.clone();
                parts.push(Part { name, met: 0, not_met: 0, not_observable: 0, obligations: Vec::new() });
            }
            let Some(part) = parts.last_mut() else { continue };
            let judgement = Judgement::of(obligation, ledger);
            match judgement.outcome {
                Outcome::Met => part.met += 1,
                Outcome::NotMet => part.not_met += 1,
                Outcome::NotObservable => part.not_observable += 1,
            }
            part.obligations.push(judgement);
        }
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { parts, serial_numbers, complete: !ledger.out_of_time(), duration_ms }
    }

    /// All judgements, in the order of the list.
    pub fn judgements(&self) -> impl Iterator<Item = &Judgement> {
        self.parts.iter().flat_map(|part| &part.obligations)
    }

    /// Whether every attempt was made, and every mandatory obligation is met.
    pub fn passes(&self) -> bool {
        self.complete
            && !self.judgements().any(|one| one.outcome == Outcome::NotMet && one.obligation.level.is_must())
    }

    /// The report as text: one line per part, and each broken obligation with request and answer; with `all` every
    /// obligation.
    pub fn in_words(&self, all: bool) -> String {
        let mut out = String::new();
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{:44} {:>5} {:>8} {:>15}", "", "met", "not met", "not observable");
        let mut sum = [0; 3];
        for part in &self.parts {
            let Part { name, met, not_met, not_observable, .. } = part;
            let _ = writeln!(out, "{name:44} {met:>5} {not_met:>8} {not_observable:>15}");
            for (sum, number) in sum.iter_mut().zip([met, not_met, not_observable]) {
                *sum += *number;
            }
        }
        let [met, not_met, not_observable] = sum;
        let _ = writeln!(out, "{:44} {met:>5} {not_met:>8} {not_observable:>15}", "all");
        for judgement in self.judgements() {
            match judgement.outcome {
                Outcome::NotMet => judgement.write(&mut out),
                Outcome::Met if all => {
                    let _ = writeln!(out, "\n{}\n  met: {}", judgement.title(), judgement.cases());
                }
                Outcome::NotObservable if all => {
                    let why = judgement.why.as_deref().unwrap_or_default();
                    let _ = writeln!(out, "\n{}\n  not observable: {why}", judgement.title());
                }
                Outcome::Met | Outcome::NotObservable => {}
            }
        }
        let seconds = Duration::from_millis(self.duration_ms).as_secs_f32();
        if !self.complete {
            let _ = writeln!(
                out,
                "\nThe time was up before everything was tried: the server is slow or far away."
            );
        }
        let outcome = if self.passes() { "passed" } else { "FAILED" };
        let _ = write!(
            out,
            "\n{outcome} after {seconds:.1} s, with the devices {}",
            self.serial_numbers.join(", ")
        );
        out
    }
}

impl Judgement {
    fn of(obligation: &Obligation, ledger: &Ledger) -> Self {
        let findings = ledger.findings(obligation.number).to_vec();
        let outcome = match findings.as_slice() {
            [] => Outcome::NotObservable,
            some if some.iter().any(|finding| finding.failure.is_some()) => Outcome::NotMet,
            _ => Outcome::Met,
        };
        let why = (outcome == Outcome::NotObservable)
            .then(|| ledger.why_unobservable(obligation.number).unwrap_or("not tried").to_owned());
        Self { obligation: obligation.clone(), outcome, findings, why }
    }

    /// `17 MUST log … (§5)`
    fn title(&self) -> String {
        let Obligation { number, level, text, .. } = &self.obligation;
        let sections = self.obligation.sections();
        let sections = if sections.is_empty() { sections } else { format!(" ({sections})") };
        format!("{number} {} {text}{sections}", level.as_str())
    }

    fn cases(&self) -> String {
        self.findings.iter().map(|finding| finding.case.as_str()).collect::<Vec<_>>().join("; ")
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "\n{}", self.title());
        for finding in &self.findings {
            if let Some(failure) = &finding.failure {
                let _ = writeln!(
                    out,
                    "  {}\n    sent   {}\n    came   {}\n    wanted {}",
                    finding.case, failure.sent, failure.came, failure.wanted
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obligations;

    fn report(ledger: &Ledger) -> Report {
        Report::new(&obligations().unwrap(), ledger, Vec::new(), Duration::from_millis(1_500))
    }

    fn outcome(report: &Report, number: u16) -> Outcome {
        report.judgements().find(|one| one.obligation.number == number).unwrap().outcome
    }

    #[test]
    fn one_failure_among_many_findings_is_a_failure() {
        let mut ledger = Ledger::default();
        ledger.note(&[1, 8], "a case", "x", "y", Ok(()));
        ledger.note(&[1], "another", "GET /", "404", Err("200".to_owned()));
        let report = report(&ledger);
        assert_eq!(
            [1, 8, 2].map(|number| outcome(&report, number)),
            [Outcome::NotMet, Outcome::Met, Outcome::NotObservable]
        );
        assert!(!report.passes());
        let words = report.in_words(false);
        assert!(words.contains("sent   GET /\n    came   404\n    wanted 200"), "{words}");
    }

    #[test]
    fn a_recommendation_does_not_fail_a_server() {
        let mut ledger = Ledger::default();
        ledger.note(&[8], "a case", "x", "y", Err("z".to_owned()));
        assert!(report(&ledger).passes());
    }

    #[test]
    fn all_obligations_are_in_the_report() {
        let report = report(&Ledger::default());
        assert_eq!(report.judgements().count(), 196);
        assert_eq!(report.parts.iter().map(|part| part.not_observable).sum::<usize>(), 196);
        assert!(serde_json::to_string(&report).unwrap().contains(r#""outcome":"not_observable""#));
    }
}
