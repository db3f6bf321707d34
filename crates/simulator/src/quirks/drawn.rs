//! Random sets of quirks.

use super::{HABITS, Quirks};
use crate::Random;

/// Habits that are never drawn: without them a device loses acknowledged data, and no server could make it equal
/// to the others.
const NEVER_DRAWN: [&str; 1] = ["refuse-damaged"];

/// Habits that only stories switch. They are not drawn, so that a seed gives the same quirks as before they were
/// added.
const STORY_ONLY: [&str; 5] =
    ["templates-first", "slow-roster", "internal-numbers", "counted-fingers", "access-fields"];

/// Where real devices cut names (field note 5.7). Muster takes the first name that is cut elsewhere for one that a
/// person shortened, and the fleet would end up different.
const CUT_NAMES_AT: usize = 24;

impl Quirks {
    /// These quirks with random changes: each is switched in a third of the cases.
    ///
    /// No data is refused or ignored, so that a fleet of such devices can become equal.
    #[must_use]
    pub fn with_random_changes(mut self, random: &mut Random) -> Self {
        for habit in HABITS.iter().filter(|habit| !STORY_ONLY.contains(&habit.name)) {
            // Every habit makes a draw, so that the excluded ones do not change the others.
            let change = random.chance(333);
            if change && !NEVER_DRAWN.contains(&habit.name) {
                let switch = habit.switch(&mut self);
                *switch = !*switch;
            }
        }
        if random.chance(333) {
            self.cut_names_at = Some(CUT_NAMES_AT);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_draws_the_same_and_each_habit_is_drawn_by_some_seed() {
        let drawn = |seed| Quirks::default().with_random_changes(&mut Random::new(seed));
        assert_eq!(drawn(1), drawn(1));
        for habit in HABITS {
            let was = *habit.switch(&mut Quirks::default());
            let changed = (0..100).any(|seed| *habit.switch(&mut drawn(seed)) != was);
            let stays = NEVER_DRAWN.iter().chain(&STORY_ONLY).any(|name| *name == habit.name);
            assert_eq!(changed, !stays, "{}", habit.name);
        }
        assert!((0..100).any(|seed| drawn(seed).cut_names_at.is_some()));
    }
}
