//! Words for a suspension.

use fleet::suspension::SuspensionView;

use crate::render::when::When;

/// `1, 2 once reinstated`.
pub fn areas(suspension: &SuspensionView) -> String {
    if suspension.areas.is_empty() {
        return "none, even once reinstated".to_owned();
    }
    let areas: Vec<String> = suspension.areas.iter().map(ToString::to_string).collect();
    format!("{} once reinstated", areas.join(", "))
}

/// `suspended since 2027-03-01, until the end of 2027-03-12`.
pub fn words(suspension: &SuspensionView, when: &When) -> String {
    let since = when.date(suspension.since);
    match &suspension.until {
        _ if suspension.left => format!("left, removed from every device since {since}"),
        Some(day) => format!("suspended since {since}, until the end of {day}"),
        None => format!("suspended since {since}, until reinstated"),
    }
}

/// The same in one sentence about the person.
pub fn sentence(suspension: &SuspensionView, pin: &str, when: &When) -> String {
    if suspension.left {
        return format!("user {pin} has left: Muster removes the person from every device");
    }
    format!("user {pin} is {}", words(suspension, when))
}
