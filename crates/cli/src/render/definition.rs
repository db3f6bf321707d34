//! Words for the content of a definition.

use roster::{DAYS, Definition, DefinitionKind};

/// The content of a definition, in one line.
pub fn summary(definition: &Definition) -> String {
    match definition.kind() {
        DefinitionKind::TimeZone => week(definition),
        DefinitionKind::Holiday => {
            let day = |key| {
                let text = definition.value(key);
                text.split_at_checked(2)
                    .map_or_else(|| text.to_owned(), |(month, day)| format!("{month}-{day}"))
            };
            let (from, to) = (day("StartDate"), day("EndDate"));
            let days = if from == to { from } else { format!("{from} to {to}") };
            format!("{}, {days}, time zone {}", definition.value("HolidayName"), definition.value("TimeZone"))
        }
        DefinitionKind::Group => {
            let mut parts = vec![format!("time zones {}", numbers(definition))];
            if definition.value("Verify") != "0" {
                parts.push(format!("verification mode {}", definition.value("Verify")));
            }
            if definition.value("ValidHoliday") == "1" {
                parts.push("holidays apply".to_owned());
            }
            parts.join(", ")
        }
        DefinitionKind::Combination => format!("groups {}", numbers(definition)),
        DefinitionKind::Message => {
            let to = match definition.value("TAG") {
                "253" => "everyone",
                "254" => "the people to whom it is assigned",
                _ => "nobody yet",
            };
            format!(
                "{:?} to {to}, for {} minutes from {}",
                definition.value("MSG"),
                definition.value("MIN"),
                definition.value("StartTime")
            )
        }
        DefinitionKind::WorkCode => definition.value("NAME").to_owned(),
    }
}

fn numbers(definition: &Definition) -> String {
    let numbers: Vec<String> = definition.referenced_numbers().iter().map(ToString::to_string).collect();
    if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
}

/// The hours of a week, days of the same hours together.
fn week(definition: &Definition) -> String {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let mut runs: Vec<(&str, &str, String)> = Vec::new();
    for (name, (start, end)) in NAMES.into_iter().zip(DAYS) {
        let hours = hours(definition.value(start), definition.value(end));
        match runs.last_mut() {
            Some((_, last, same)) if *same == hours => *last = name,
            _ => runs.push((name, name, hours)),
        }
    }
    let run = |(first, last, hours): &(&str, &str, String)| {
        if first == last { format!("{first} {hours}") } else { format!("{first}-{last} {hours}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

fn hours(start: &str, end: &str) -> String {
    let clock = |text: &str| {
        text.split_at_checked(2)
            .map_or_else(|| text.to_owned(), |(hours, minutes)| format!("{hours}:{minutes}"))
    };
    match (start, end) {
        ("0000", "2359") => "all day".to_owned(),
        _ if end < start => "closed".to_owned(),
        _ => format!("{}-{}", clock(start), clock(end)),
    }
}

#[cfg(test)]
mod tests {
    use roster::DefinitionName;

    use super::*;

    fn said(kind: DefinitionKind, fields: &[(&str, &str)]) -> String {
        let name = DefinitionName::read(kind, "7").expect("a number");
        let fields: Vec<(&str, String)> =
            fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        summary(&Definition::new(&name, &fields).expect("a definition"))
    }

    #[test]
    fn days_of_the_same_hours_are_told_together() {
        let week = [("SunStart", "2357"), ("SunEnd", "2356"), ("MonStart", "0800"), ("MonEnd", "1800")];
        assert_eq!(said(DefinitionKind::TimeZone, &week), "Sun closed, Mon 08:00-18:00, Tue-Sat all day");
    }

    #[test]
    fn what_is_not_there_is_not_told() {
        assert_eq!(
            said(DefinitionKind::Group, &[("TZ", "2;3;0"), ("ValidHoliday", "1")]),
            "time zones 2, 3, holidays apply"
        );
        assert_eq!(said(DefinitionKind::Combination, &[("Group1", "2"), ("Group2", "2")]), "groups 2, 2");
        let day = [("HolidayName", "Feast"), ("StartDate", "0501"), ("EndDate", "0501"), ("TimeZone", "3")];
        assert_eq!(said(DefinitionKind::Holiday, &day), "Feast, 05-01, time zone 3");
    }
}
