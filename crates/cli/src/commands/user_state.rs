//! How a person stands: suspended, gone, or to leave.

use roster::Millis;
use serde::Serialize;
use store::Suspension;

use crate::render::when::When;
use fleet::time::rfc3339;

/// A suspension, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct ShownSuspension {
    since: String,
    /// The last day; `None`: until an operator reinstates the person.
    until: Option<String>,
    /// The last day of the person has passed.
    left: bool,
    /// The areas that the person returns to.
    areas: Vec<i64>,
    #[serde(skip)]
    since_at: Millis,
}

impl From<Suspension> for ShownSuspension {
    fn from(suspension: Suspension) -> Self {
        Self {
            since: rfc3339(suspension.since),
            until: suspension.until,
            left: suspension.left,
            areas: suspension.areas.into_iter().map(|area| area.0).collect(),
            since_at: suspension.since,
        }
    }
}

impl ShownSuspension {
    /// Whether the person is in areas again after the suspension.
    pub const fn has_areas(&self) -> bool {
        !self.areas.is_empty()
    }

    /// `1, 2 once reinstated`.
    pub fn areas(&self) -> String {
        if !self.has_areas() {
            return "none, also once reinstated".to_owned();
        }
        let areas: Vec<String> = self.areas.iter().map(ToString::to_string).collect();
        format!("{} once reinstated", areas.join(", "))
    }

    /// `suspended since 2027-03-01, until the end of 2027-03-12`.
    pub fn words(&self, when: &When) -> String {
        let since = when.date(self.since_at);
        match &self.until {
            _ if self.left => format!("left, removed from every terminal since {since}"),
            Some(day) => format!("suspended since {since}, until the end of {day}"),
            None => format!("suspended since {since}, until reinstated"),
        }
    }

    /// The same in one sentence about the person.
    pub fn sentence(&self, pin: &str, when: &When) -> String {
        match &self.until {
            _ if self.left => format!("user {pin} has left: every terminal removes them"),
            _ => format!("user {pin} is {}", self.words(when)),
        }
    }
}
