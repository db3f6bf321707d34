//! A set of quirks that chance puts together.

use super::{HABITS, Quirks};
use crate::Random;

/// Habits that chance does not change. Stories switch them one at a time.
///
/// Without `refuse-damaged` a device loses data that it has acknowledged, and no server can make it equal to the others.
/// With `templates-first` a server has to keep a template whose user it does not know yet.
/// With `internal-numbers` the log of a device names other users than were deleted.
/// Without `access-fields` a server has to know that the defaults in an upload are nobody's edit.
const LEFT_ALONE: [&str; 4] = ["refuse-damaged", "templates-first", "internal-numbers", "access-fields"];

impl Quirks {
    /// These quirks with others that chance adds or takes away, each in a third of the cases.
    ///
    /// Nothing is refused or ignored, so that a fleet of such devices can become equal.
    #[must_use]
    pub fn with_drawn(mut self, random: &mut Random) -> Self {
        for habit in HABITS {
            // A draw for each, so that what is left alone does not change the others.
            let change = random.chance(333);
            if change && !LEFT_ALONE.contains(&habit.name) {
                let switch = habit.switch(&mut self);
                *switch = !*switch;
            }
        }
        if random.chance(333) {
            self.cut_names_at = Some(20 + random.index(13));
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
            assert_eq!(changed, !LEFT_ALONE.contains(&habit.name), "{}", habit.name);
        }
        assert!((0..100).any(|seed| drawn(seed).cut_names_at.is_some()));
    }
}
