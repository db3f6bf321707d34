//! Ordered commands: commands of an operator, or of Muster itself (CHECK, queries), that do not follow from what the
//! fleet holds.
//!
//! They go out before anything else, in the order of their numbers. A *fence* goes alone: no earlier command is open
//! when it goes out, and nothing follows until it is answered. A command that must not run twice goes out at most
//! once.

use roster::Millis;
use wire::Verdict;

use crate::limits::Limits;

/// State of an ordered command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Muster has not sent it yet.
    Queued,
    /// Muster has sent it, and the device has not answered.
    Sent {
        /// How often Muster has sent it.
        sends: u32,
        /// When the answer is overdue.
        due_at: Millis,
    },
    /// The device has answered.
    Answered {
        /// The return code of the device.
        return_code: i32,
        /// Whether the device carried it out, by its return code.
        done: bool,
    },
    /// Sent, never answered, and not sent again. It is unknown whether the device carried it out.
    Unanswered,
    /// Not sent in time, and never sent any more.
    Expired,
}

/// One ordered command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCommand {
    /// Rises with every command of the device.
    pub number: i64,
    /// A fence: no other command is open beside it.
    pub fence: bool,
    /// Running it twice does no harm.
    pub repeatable: bool,
    /// The device is empty after it, so every item is due again.
    pub empties: bool,
    /// The least time that the device has for an answer, ms: for example until a dialog with a person ends.
    pub answer_ms: i64,
    /// If Muster has not sent it before this time, it is never sent: a door must not open when a device comes back
    /// hours later. `None`: no limit.
    pub expires_at: Option<Millis>,
    /// The current state.
    pub state: State,
}

/// Which commands of the synchronisation may go out beside ordered commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncAllowance {
    /// All.
    #[default]
    All,
    /// Only commands that were sent before and have no answer: a fence waits for their answers.
    Overdue,
    /// None: a fence is open.
    Nothing,
}

/// The decision about ordered commands in a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorPlan {
    /// Numbers of the commands that go out now, in order.
    pub send: Vec<i64>,
    /// Commands whose state changed.
    pub changed: Vec<OperatorCommand>,
    /// Which commands of the synchronisation may go out with this poll.
    pub beside: SyncAllowance,
    /// The device may have carried out a command that empties it, without an answer.
    pub emptied: bool,
}

/// How often Muster sends a repeatable command before it gives up.
const MAX_SENDS: u32 = 8;

/// How many ordered commands go out with one poll.
const MAX_COMMANDS_PER_POLL: usize = 5;

/// Decides about the unfinished commands of one device, in the order of their numbers.
///
/// `open` is the number of open commands of the synchronisation.
pub fn plan(commands: &[OperatorCommand], open: usize, now: Millis, limits: &Limits) -> OperatorPlan {
    let mut plan = OperatorPlan::default();
    let mut awaited = open;
    for command in commands {
        match command.state {
            State::Answered { .. } | State::Unanswered | State::Expired => continue,
            State::Queued if command.expires_at.is_some_and(|at| at <= now) => {
                plan.changed.push(OperatorCommand { state: State::Expired, ..command.clone() });
                continue;
            }
            State::Sent { due_at, .. } if due_at > now => {
                awaited += 1;
                if command.fence {
                    plan.beside = SyncAllowance::Nothing;
                    return plan;
                }
                continue;
            }
            State::Sent { sends, .. } if !command.repeatable || sends >= MAX_SENDS => {
                plan.changed.push(OperatorCommand { state: State::Unanswered, ..command.clone() });
                plan.emptied |= command.empties;
                continue;
            }
            State::Sent { .. } | State::Queued => {}
        }
        if command.fence && (awaited > 0 || !plan.send.is_empty()) {
            // Muster waits for the answers to open commands, and sends nothing new.
            plan.beside = SyncAllowance::Overdue;
            return plan;
        }
        let sends = match command.state {
            State::Sent { sends, .. } => sends + 1,
            _ => 1,
        };
        let due_at = now.plus(limits.answer_pause(sends).max(command.answer_ms));
        plan.send.push(command.number);
        plan.changed.push(OperatorCommand { state: State::Sent { sends, due_at }, ..command.clone() });
        if command.fence {
            plan.beside = SyncAllowance::Nothing;
            return plan;
        }
        if plan.send.len() >= MAX_COMMANDS_PER_POLL {
            return plan;
        }
    }
    plan
}

/// Processes the answer to a command, and returns the new state of the command. `None`: the answer changes nothing.
///
/// If the device is busy or cannot carry out the command now, Muster sends a repeatable command again after a pause,
/// a few times at most. It does not repeat a fence, because everything else would wait. An answer also counts after
/// Muster gave the command up.
pub fn answered(
    command: &OperatorCommand,
    return_code: i32,
    verdict: Verdict,
    now: Millis,
    limits: &Limits,
) -> Option<State> {
    let final_state = State::Answered { return_code, done: verdict == Verdict::Done };
    match (command.state, verdict) {
        (State::Sent { sends, .. }, Verdict::Pending) => {
            let due_at = now.plus(limits.answer_pause(sends).max(command.answer_ms));
            Some(State::Sent { sends, due_at })
        }
        (State::Answered { .. }, _) | (_, Verdict::Pending) => None,
        (State::Sent { sends, .. }, Verdict::RetryLater)
            if command.repeatable && !command.fence && sends < MAX_SENDS =>
        {
            Some(State::Sent { sends, due_at: now.plus(limits.growing_pause(sends)) })
        }
        _ => Some(final_state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: fn() -> Limits = Limits::default;

    fn queued(number: i64, fence: bool, repeatable: bool) -> OperatorCommand {
        OperatorCommand {
            number,
            fence,
            repeatable,
            empties: fence,
            answer_ms: 0,
            expires_at: None,
            state: State::Queued,
        }
    }

    fn sent(command: &OperatorCommand, due_at: i64) -> OperatorCommand {
        OperatorCommand { state: State::Sent { sends: 1, due_at: Millis(due_at) }, ..command.clone() }
    }

    /// Obligation 88.
    #[test]
    fn a_fence_waits_for_open_commands_and_holds_back_later_ones() {
        let commands = [queued(1, true, false), queued(2, false, true)];

        let waiting = plan(&commands, 3, Millis(0), &LIMITS());
        assert_eq!((waiting.send, waiting.beside), (vec![], SyncAllowance::Overdue));

        let free = plan(&commands, 0, Millis(0), &LIMITS());
        assert_eq!((free.send, free.beside), (vec![1], SyncAllowance::Nothing));

        let under_way = [sent(&commands[0], 60_000), commands[1].clone()];
        let behind = plan(&under_way, 0, Millis(10), &LIMITS());
        assert_eq!((behind.send, behind.beside), (vec![], SyncAllowance::Nothing));
    }

    /// Obligation 90.
    #[test]
    fn a_command_that_is_not_repeatable_goes_out_at_most_once() {
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
        assert_eq!(plan.beside, SyncAllowance::All);
    }

    /// Obligation 90.
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

    #[test]
    fn a_command_that_expired_before_it_was_sent_is_never_sent() {
        let unlock = OperatorCommand { expires_at: Some(Millis(60_000)), ..queued(1, false, false) };

        let in_time = plan(std::slice::from_ref(&unlock), 0, Millis(59_999), &LIMITS());
        assert_eq!(in_time.send, [1]);

        let late = plan(std::slice::from_ref(&unlock), 0, Millis(60_000), &LIMITS());
        assert_eq!((late.send, late.changed[0].state), (vec![], State::Expired));
        // A command that was sent does not expire: Muster waits for its answer.
        let awaited = plan(&[sent(&unlock, 90_000)], 0, Millis(60_000), &LIMITS());
        assert_eq!(awaited.changed, []);
    }

    #[test]
    fn a_command_with_a_dialog_has_its_own_answer_time() {
        let enroll = OperatorCommand { answer_ms: 300_000, ..queued(1, false, false) };
        let sent = plan(&[enroll], 0, Millis(0), &LIMITS());
        assert_eq!(sent.changed[0].state, State::Sent { sends: 1, due_at: Millis(300_000) });
    }

    /// Obligation 182.
    #[test]
    fn a_busy_device_is_asked_again_after_growing_pauses() {
        let mut command = sent(&queued(1, false, true), 60_000);
        let mut pauses = Vec::new();
        let mut now = Millis(0);
        loop {
            let state = answered(&command, -1005, Verdict::RetryLater, now, &LIMITS());
            command.state = state.expect("the answer counts");
            let State::Sent { due_at, .. } = command.state else { break };
            pauses.push(due_at.0 - now.0);
            now = due_at;
            let plan = plan(&[command.clone()], 0, now, &LIMITS());
            assert_eq!(plan.send, [1]);
            command = plan.changed[0].clone();
        }
        assert_eq!(command.state, State::Answered { return_code: -1005, done: false });
        assert_eq!(pauses.len(), 7);
        assert!(pauses.is_sorted_by(|a, b| a < b), "{pauses:?}");
    }

    #[test]
    fn a_command_that_is_not_repeatable_goes_to_a_busy_device_once() {
        let enroll = sent(&queued(1, false, false), 60_000);
        let state = answered(&enroll, -1005, Verdict::RetryLater, Millis(5), &LIMITS());
        assert_eq!(state, Some(State::Answered { return_code: -1005, done: false }));
    }

    /// Obligation 175.
    #[test]
    fn a_second_answer_changes_nothing_and_a_late_one_counts() {
        let command = queued(1, false, true);
        let told =
            OperatorCommand { state: State::Answered { return_code: 0, done: true }, ..command.clone() };
        assert_eq!(answered(&told, -1, Verdict::Refused, Millis(0), &LIMITS()), None);
        let given_up = OperatorCommand { state: State::Unanswered, ..command };
        assert_eq!(
            answered(&given_up, 0, Verdict::Done, Millis(0), &LIMITS()),
            Some(State::Answered { return_code: 0, done: true })
        );
    }

    #[test]
    fn a_pending_answer_extends_the_wait() {
        let command = sent(&queued(1, false, true), 60_000);
        let state = answered(&command, -5000, Verdict::Pending, Millis(50_000), &LIMITS());
        assert_eq!(state, Some(State::Sent { sends: 1, due_at: Millis(110_000) }));
    }
}
