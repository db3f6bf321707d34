//! `muster user`: shows people and deleted people.

use std::fmt::Write as _;

use fleet::suspension::SuspensionView;
use fleet::view::failed_removal::FailedRemovalView;
use fleet::view::user::{UserOnDevice, UserPage, UserQuery, UserSummary, UserView};
use wire::Pin;

use super::{Context, user_edit, user_suspend};
use crate::args::{ListUsers, UserCommand};
use crate::render::not_found::explained;
use crate::render::suspension;
use crate::render::table::{Table, pairs};
use crate::render::when::When;

/// Carries out a command about people.
///
/// # Errors
/// There is no such person.
pub async fn run(context: &Context, command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::List(wanted) => list(context, &wanted).await,
        UserCommand::Show { pin } => show(context, &pin).await,
        UserCommand::Set(set) => user_edit::set(context, *set).await,
        UserCommand::Suspend(suspend) => user_suspend::suspend(context, &suspend).await,
        UserCommand::Reinstate { pins } => user_suspend::reinstate(context, &pins).await,
        UserCommand::Delete(delete) => user_edit::delete(context, &delete).await,
        UserCommand::Undo { pin } => user_edit::undo(context, &pin).await,
        UserCommand::Deleted => deleted(context).await,
    }
}

async fn list(context: &Context, wanted: &ListUsers) -> anyhow::Result<()> {
    let query =
        UserQuery { search: wanted.search.clone(), limit: Some(wanted.limit).filter(|limit| *limit > 0) };
    let page = context.fleet.users(&query).await?;
    context.out.print(&page, |page| list_words(page, wanted, &context.when))
}

/// `suspended since 2027-03-01, until reinstated; leaves at the end of 2027-03-31`.
fn standing(user: &UserSummary, when: &When) -> String {
    let suspended = user.suspended.as_ref().map(|suspended| suspension::words(suspended, when));
    let leaves = user.leaves.as_ref().map(|day| format!("leaves at the end of {day}"));
    suspended.into_iter().chain(leaves).collect::<Vec<_>>().join("; ")
}

fn list_words(page: &UserPage, wanted: &ListUsers, when: &When) -> String {
    if page.users.is_empty() {
        return match &wanted.search {
            Some(search) => format!("nobody has a PIN, name or card that contains {search:?}"),
            None => {
                "there is nobody yet: enrol somebody at an approved device, or run `muster user set PIN --name …`"
                    .to_owned()
            }
        };
    }
    // Most fleets have nobody who is suspended or has a last day: no column then.
    let is_special = |user: &UserSummary| user.suspended.is_some() || user.leaves.is_some();
    let column = if page.users.iter().any(is_special) { "standing" } else { "" };
    let mut table =
        Table::new(["pin", "name", "role", "card", "password", "templates", "photos", "changed", column])
            .right([5, 6]);
    for user in &page.users {
        table.row([
            user.pin.clone(),
            user.name.clone(),
            user.role.to_string(),
            user.card.clone().unwrap_or_default(),
            if user.password_set { "set" } else { "" }.to_owned(),
            user.templates.to_string(),
            user.photos.to_string(),
            user.changed_at.map(|at| when.relative(at)).unwrap_or_default(),
            standing(user, when),
        ]);
    }
    let mut text = table.to_string();
    if page.more {
        let _ = writeln!(
            text,
            "there are more than these {}: --limit 0 shows all, --search TEXT filters",
            page.users.len()
        );
    }
    text
}

async fn show(context: &Context, pin: &Pin) -> anyhow::Result<()> {
    let user = context.fleet.user(pin).await.map_err(explained)?;
    context.out.print(&user, |user| words(user, &context.when))
}

fn words(user: &UserView, when: &When) -> String {
    let areas: Vec<String> = user.areas.iter().map(ToString::to_string).collect();
    let validity = match (&user.start, &user.end) {
        (None, None) => None,
        (start, end) => Some(format!(
            "from {} to {}",
            start.as_deref().unwrap_or("the beginning"),
            end.as_deref().unwrap_or("no end")
        )),
    };
    let mut text = pairs([
        ("pin", Some(user.pin.clone())),
        ("name", Some(user.name.clone())),
        ("role", Some(format!("{} ({})", user.role, user.privilege))),
        ("password", Some(if user.password_set { "set" } else { "not set" }.to_owned())),
        ("card", Some(user.card.clone().unwrap_or_else(|| "none".to_owned()))),
        ("second card", user.vice_card.clone()),
        ("group", Some(user.group.to_string())),
        ("time zones", user.time_zones.clone()),
        ("verification", user.verify.map(|mode| format!("mode {mode}"))),
        ("validity", validity),
        ("areas", Some(user.suspended.as_ref().map_or_else(|| areas.join(", "), suspension::areas))),
        ("standing", user.suspended.as_ref().map(|suspended| suspension::words(suspended, when))),
        ("leaves", user.leaves.as_ref().map(|day| format!("at the end of {day}"))),
    ]);
    let mut items = Table::new(["item", "bytes", "changed", "by"]).right([1]);
    for item in &user.items {
        let changed = when.both(item.changed_at);
        items.row([item.slot.to_string(), item.bytes.to_string(), changed, item.changed_by.to_string()]);
    }
    let _ = write!(text, "\n{items}");
    let mut devices = Table::new(["device", "name", "holds"]);
    for device in &user.devices {
        let holds = match &user.suspended {
            Some(suspended) if !device.in_scope => words_of_suspended(device, suspended, when),
            _ => words_on_device(device),
        };
        devices.row([device.serial_number.clone(), device.name.clone(), holds]);
    }
    if !devices.is_empty() {
        let _ = write!(text, "\n{devices}");
    }
    text
}

fn words_of_suspended(device: &UserOnDevice, suspended: &SuspensionView, when: &When) -> String {
    if device.joining {
        "approved: Muster is still reading the device's people".to_owned()
    } else if device.removed {
        format!("nothing: {}", suspension::words(suspended, when))
    } else if !device.failed_removals.is_empty() {
        removals(&device.failed_removals)
    } else {
        let seen = device.last_seen_at.map_or_else(|| "never".to_owned(), |at| when.relative(at));
        format!("pending: the removal is not confirmed; the device was last seen {seen}")
    }
}

fn words_on_device(device: &UserOnDevice) -> String {
    if !device.in_scope && !device.failed_removals.is_empty() {
        return removals(&device.failed_removals);
    }
    if !device.in_scope {
        return "not assigned: person and device share no area, or the device does not accept this PIN"
            .to_owned();
    }
    if device.joining {
        return "approved: Muster is still reading the device's people".to_owned();
    }
    let mut parts = Vec::new();
    if device.owed.is_empty() {
        parts.push(format!("all {} items that it can take", device.held));
    } else {
        parts.push(format!("{} items; lacks {}", device.held, listed(&device.owed)));
    }
    if !device.not_for_it.is_empty() {
        parts.push(format!("not suitable for this device: {}", listed(&device.not_for_it)));
    }
    parts.extend(device.failed_removals.iter().map(ToString::to_string));
    parts.join("; ")
}

fn removals(failed: &[FailedRemovalView]) -> String {
    failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn listed<T: ToString>(things: &[T]) -> String {
    things.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

async fn deleted(context: &Context) -> anyhow::Result<()> {
    let deletions = context.fleet.deletions().await?;
    context.out.print(&deletions, |deletions| {
        if deletions.is_empty() {
            return "there is no deleted person whom you can bring back".to_owned();
        }
        let mut table = Table::new(["pin", "deleted", "by", "can be undone for", "items"]).right([4]);
        for deletion in deletions {
            let left = context.when.relative(deletion.until);
            table.row([
                deletion.pin.clone(),
                context.when.both(deletion.deleted_at),
                deletion.deleted_by.to_string(),
                left.trim_start_matches("in ").to_owned(),
                deletion.items.to_string(),
            ]);
        }
        format!("{table}`muster user undo PIN` brings a person back")
    })
}
