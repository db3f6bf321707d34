//! A set of quirks that chance puts together.

use super::{HABITS, Quirks};
use crate::Random;

/// Habits that are left as they are: without them a device loses what it has acknowledged, and no server could make it
/// equal to the others.
const LEFT_ALONE: [&str; 1] = ["refuse-damaged"];

/// Habits that stories switch one at a time. Chance draws nothing for them, so a seed gives the same quirks as before
/// they were added.
const OF_STORIES: [&str; 5] =
    ["templates-first", "slow-roster", "internal-numbers", "counted-fingers", "access-fields"];

/// Where real devices cut names (field note 5.7). The first name that is cut elsewhere is taken for one that somebody
/// shortened, and the fleet would not end up as it was.
const CUT_NAMES_AT: usize = 24;

impl Quirks {
    /// These quirks with others that chance adds or takes away, each in a third of the cases.
    ///
    /// Nothing is refused or ignored, so that a fleet of such devices can become equal.
    #[must_use]
    pub fn with_drawn(mut self, random: &mut Random) -> Self {
        for habit in HABITS.iter().filter(|habit| !OF_STORIES.contains(&habit.name)) {
            // A draw for each, so that what is left alone does not change the others.
            let change = random.chance(333);
            if change && !LEFT_ALONE.contains(&habit.name) {
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
    fn a_seed_always_draws_the_same_and_all_are_drawn_some_time() {
        let drawn = |seed| Quirks::default().with_drawn(&mut Random::new(seed));
        assert_eq!(drawn(1), drawn(1));
        for habit in HABITS {
            let was = *habit.switch(&mut Quirks::default());
            let changed = (0..100).any(|seed| *habit.switch(&mut drawn(seed)) != was);
            let stays = LEFT_ALONE.iter().chain(&OF_STORIES).any(|name| *name == habit.name);
            assert_eq!(changed, !stays, "{}", habit.name);
        }
        assert!((0..100).any(|seed| drawn(seed).cut_names_at.is_some()));
    }
}
