//! `muster.toml`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::setting::{SETTINGS, Setting};
use super::values::{Origin, Value};
use crate::failure::usage;

/// Reads the settings of a file.
///
/// # Errors
/// [`crate::failure::Usage`] with file and line: no TOML, an unknown key, or a value that is no text, number or truth value.
pub fn read(path: &Path, content: &str) -> anyhow::Result<Vec<(&'static str, Value)>> {
    let origin = |offset| Origin::File { path: path.to_path_buf(), line: line_of(content, offset) };
    let table = DeTable::parse(content).map_err(|error| {
        let at = origin(error.span().map_or(0, |span| span.start));
        usage(format!("{at}: {}", error.message()))
    })?;
    let mut values = Vec::new();
    for (key, value) in table.get_ref() {
        let (name, origin) = (key.get_ref().as_ref(), origin(key.span().start));
        let Some(setting) = Setting::named(name) else {
            return Err(usage(format!("{origin}: unknown key {name}{}", meant(name))));
        };
        let Some(text) = plain(value.get_ref()) else {
            return Err(usage(format!(
                "{origin}: {name} is {}: want a text, a whole number, true or false",
                value.get_ref().type_str()
            )));
        };
        values.push((setting.name, Value { text, origin }));
    }
    Ok(values)
}

/// A value as its text; several texts as `trans_times` wants them.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(texts) => {
            let texts: Option<Vec<&str>> = texts.iter().map(|text| text.get_ref().as_str()).collect();
            Some(texts?.join(";"))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Which key may be meant by one that is unknown.
fn meant(name: &str) -> String {
    let name = name.to_lowercase().replace('-', "_");
    let near = SETTINGS
        .iter()
        .map(|setting| (strsim::damerau_levenshtein(setting.name, &name), setting.name))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 3);
    if let Some((_, near)) = near {
        return format!("; is {near} meant?");
    }
    let all: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    format!("; there are {}", all.join(", "))
}

/// The line of a byte, from 1.
fn line_of(content: &str, offset: usize) -> usize {
    1 + content.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
