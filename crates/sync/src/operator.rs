//! Commands that are ordered rather than derived from what the fleet holds: by an operator, or by the server itself
//! (CHECK, queries).
//!
//! They go out before anything else, in the order they were given. A *fence* goes alone: nothing before it is still
//! open, and nothing follows until it is answered. What cannot be repeated goes out at most once.

use roster::Millis;
use wire::{ReturnCode, Verdict};

use crate::view::Limits;

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not sent yet.
    Queued,
    /// Sent and not answered.
    Sent {
        /// How often.
        sends: u32,
        /// When it is overdue.
        due_at: Millis,
    },
    /// Answered.
    Answered {
        /// What the device said.
        return_code: i32,
    },
    /// Sent, never answered, and not to be sent again: whether the device did it is not known.
    Unanswered,
}

/// One ordered command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCommand {
    /// Rises with every command of the device.
    pub number: i64,
    /// Nothing else is under way beside it.
    pub fence: bool,
    /// It does no harm twice.
    pub repeatable: bool,
    /// The device is empty after it: everything is owed again.
    pub empties: bool,
    /// Where it stands.
    pub state: State,
}

/// What of the synchronisation may go out beside ordered commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    /// Everything.
    #[default]
    All,
    /// Only what was sent before and got no answer: a fence waits for that.
    Overdue,
    /// Nothing: a fence is under way.
    Nothing,
}

/// What a poll does about ordered commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorPlan {
    /// Numbers of the commands that go out now, in order.
    pub send: Vec<i64>,
    /// Commands whose state changed.
    pub changed: Vec<OperatorCommand>,
    /// What else may go out with this poll.
    pub beside: Beside,
    /// A command that empties the device may have been carried out without an answer.
    pub emptied: bool,
}

/// How often a repeatable command goes out before it is given up.
const MOST_SENDS: u32 = 8;

/// How many ordered commands go out with one poll.
const MOST_AT_ONCE: usize = 5;

/// Decides about the commands of one device that are not finished, in the order of their numbers.
///
/// `open` is the number of commands of the synchronisation that await an answer.
pub fn plan(commands: &[OperatorCommand], open: usize, now: Millis, limits: &Limits) -> OperatorPlan {
    let mut plan = OperatorPlan::default();
    let mut awaited = open;
    for command in commands {
        match command.state {
            State::Answered { .. } | State::Unanswered => continue,
            State::Sent { due_at, .. } if due_at > now => {
                awaited += 1;
                if command.fence {
                    plan.beside = Beside::Nothing;
                    return plan;
                }
                continue;
            }
            State::Sent { sends, .. } if !command.repeatable || sends >= MOST_SENDS => {
                plan.changed.push(OperatorCommand { state: State::Unanswered, ..command.clone() });
                plan.emptied |= command.empties;
                continue;
            }
            State::Sent { .. } | State::Queued => {}
        }
        if command.fence && (awaited > 0 || !plan.send.is_empty()) {
            // What is under way is answered first, and nothing new is begun.
            plan.beside = Beside::Overdue;
            return plan;
        }
        let sends = match command.state {
            State::Sent { sends, .. } => sends + 1,
            _ => 1,
        };
        let due_at = now.plus(limits.answer_pause(sends));
        plan.send.push(command.number);
        plan.changed.push(OperatorCommand { state: State::Sent { sends, due_at }, ..command.clone() });
        if command.fence {
            plan.beside = Beside::Nothing;
            return plan;
        }
        if plan.send.len() >= MOST_AT_ONCE {
            return plan;
        }
    }
    plan
}

/// What a query is after the device has answered it: one that is to be tried later stays as if it were unanswered, and
/// goes out again after a pause.
pub fn query_answered(
    command: &OperatorCommand,
    return_code: ReturnCode,
    now: Millis,
    limits: &Limits,
) -> OperatorCommand {
    let state = match command.state {
        State::Sent { sends, .. } if return_code.verdict() == Verdict::RetryLater && sends < MOST_SENDS => {
            State::Sent { sends, due_at: now.plus(limits.retry_pause(sends)) }
        }
        _ => State::Answered { return_code: return_code.0 },
    };
    OperatorCommand { state, ..command.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: fn() -> Limits = Limits::default;

    fn queued(number: i64, fence: bool, repeatable: bool) -> OperatorCommand {
        OperatorCommand { number, fence, repeatable, empties: fence, state: State::Queued }
    }

    fn sent(command: &OperatorCommand, due_at: i64) -> OperatorCommand {
        OperatorCommand { state: State::Sent { sends: 1, due_at: Millis(due_at) }, ..command.clone() }
    }

    #[test]
    fn a_fence_waits_for_what_is_under_way_and_stops_what_follows() {
        let commands = [queued(1, true, false), queued(2, false, true)];

        let waiting = plan(&commands, 3, Millis(0), &LIMITS());
        assert_eq!((waiting.send, waiting.beside), (vec![], Beside::Overdue));

        let free = plan(&commands, 0, Millis(0), &LIMITS());
        assert_eq!((free.send, free.beside), (vec![1], Beside::Nothing));

        let under_way = [sent(&commands[0], 60_000), commands[1].clone()];
        let behind = plan(&under_way, 0, Millis(10), &LIMITS());
        assert_eq!((behind.send, behind.beside), (vec![], Beside::Nothing));
    }

    #[test]
    fn what_cannot_be_repeated_goes_out_at_most_once() {
        let reboot = sent(&queued(1, false, false), 60_000);

        let plan = plan(&[reboot], 0, Millis(60_000), &LIMITS());

        assert!(plan.send.is_empty());
        assert_eq!(plan.changed[0].state, State::Unanswered);
    }

    #[test]
    fn a_command_that_may_have_emptied_the_device_without_an_answer_counts_as_done() {
        let clear = sent(&queued(1, true, false), 60_000);

        let plan = plan(&[clear], 0, Millis(60_000), &LIMITS());

        assert!(plan.emptied);
        assert_eq!(plan.beside, Beside::All);
    }

    #[test]
    fn a_query_that_a_busy_device_refuses_goes_out_again_and_is_answered_in_the_end() {
        let query = sent(&queued(1, false, true), 60_000);

        let busy = query_answered(&query, ReturnCode(-1005), Millis(1_000), &LIMITS());
        let State::Sent { sends: 1, due_at } = busy.state else { panic!("{:?}", busy.state) };
        assert!(due_at > Millis(1_000));
        assert_eq!(plan(std::slice::from_ref(&busy), 0, due_at, &LIMITS()).send, [1]);

        let done = query_answered(&busy, ReturnCode(3), Millis(2_000), &LIMITS());
        assert_eq!(done.state, State::Answered { return_code: 3 });
        let last = OperatorCommand { state: State::Sent { sends: MOST_SENDS, due_at }, ..busy };
        let given_up = query_answered(&last, ReturnCode(-1005), Millis(3_000), &LIMITS());
        assert_eq!(given_up.state, State::Answered { return_code: -1005 });
    }

    #[test]
    fn a_repeatable_command_goes_out_again_and_is_given_up_in_the_end() {
        let mut command = queued(1, false, true);
        let (mut now, mut sends) = (Millis(0), 0);
        while !matches!(command.state, State::Unanswered) {
            let plan = plan(&[command.clone()], 0, now, &LIMITS());
            sends += plan.send.len();
            command = plan.changed[0].clone();
            now = now.plus(LIMITS().longest_pause_ms);
        }
        assert_eq!(sends, 8);
    }
}
