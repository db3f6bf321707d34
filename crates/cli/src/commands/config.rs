//! `muster config`

use serde::Serialize;

use crate::config::Settings;
use crate::render::output::Output;
use crate::render::table::Table;

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    value: String,
    origin: String,
    about: &'static str,
}

/// Shows each setting, its value and where it was set.
///
/// # Errors
/// Standard output is closed.
pub fn run(settings: &Settings, out: Output) -> anyhow::Result<()> {
    let shown: Vec<Shown> = settings
        .shown()
        .map(|(setting, value)| Shown {
            name: setting.name,
            value: value.text,
            origin: value.origin.to_string(),
            about: setting.about,
        })
        .collect();
    out.print(&shown, |shown| {
        let mut table = Table::new(["setting", "value", "set by"]);
        for Shown { name, value, origin, .. } in shown {
            let value = if value.is_empty() { "(none)" } else { value };
            table.row([(*name).to_owned(), value.to_owned(), origin.clone()]);
        }
        table.to_string()
    })
}
