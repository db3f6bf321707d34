//! `muster init`

mod questions;

use std::fs;
use std::io::{IsTerminal as _, stderr, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use self::questions::Dialog;
use crate::args::{Global, Init};
use crate::config::{DOTENV, FILE, Origin, Settings, Sources, written};
use crate::failure::usage;
use crate::private_file;
use crate::render::output::Output;

#[derive(Serialize)]
struct Written {
    file: String,
    /// The name of the previous file.
    backup: Option<String>,
    /// The command that starts the server with the file.
    start: String,
}

/// Writes a file of settings: the `given` settings and the answers to questions.
///
/// # Errors
/// The file exists already, a given setting is wrong, or the input ends before all questions are answered.
pub fn run(
    global: &Global,
    init: &Init,
    given: Vec<(&'static str, String)>,
    out: Output,
) -> anyhow::Result<()> {
    let path = match (&global.config, init.env) {
        (Some(_), true) => {
            return Err(usage("--env writes .env, but --config names another file: want only one of them"));
        }
        (Some(named), false) => named.clone(),
        (None, true) => PathBuf::from(DOTENV),
        (None, false) => PathBuf::from(FILE),
    };
    let is_there = fs::symlink_metadata(&path).is_ok();
    if is_there && !init.force {
        bail!(
            "{} exists already and stays unchanged: `muster config` shows its settings; --force writes a new file \
             and keeps this one as a copy",
            path.display()
        );
    }
    let others = Sources::beside(init.env)?;
    let others_set = Settings::read(&others)?;
    let mut chosen = given;
    let chosen_alone = |chosen: &[(&'static str, String)]| {
        Settings::read(&Sources { command_line: chosen.to_vec(), ..Sources::default() })
    };
    chosen_alone(&chosen)?;
    if !init.defaults && stdin().is_terminal() {
        // Each read locks the input by itself: with one lock for all lines, the hidden read would wait for ever.
        let mut line = || {
            let mut line = String::new();
            stdin().read_line(&mut line).map(|_| line)
        };
        let mut hidden = || console::Term::stderr().read_secure_line();
        let mut dialog = Dialog { line: &mut line, output: &mut stderr(), hidden: &mut hidden };
        questions::ask(&mut dialog, &mut chosen, &others)?;
    }
    for (name, _) in &chosen {
        if let origin @ Origin::Variables(_) = others_set.origin(name) {
            eprintln!("{origin} overrides {name} in {}", path.display());
        }
    }

    let settings = chosen_alone(&chosen)?;
    let content =
        if init.env { written::dotenv(&settings, &chosen) } else { written::toml(&settings, &chosen) };
    let backup = if is_there { Some(put_aside(&path)?) } else { None };
    private_file::create(&path, content.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;

    let written = Written {
        file: path.display().to_string(),
        backup: backup.map(|backup| backup.display().to_string()),
        start: match &global.config {
            Some(named) => format!("muster serve --config {}", named.display()),
            None => "muster serve".to_owned(),
        },
    };
    if init.no_start {
        return out
            .print(&written, |written| format!("{}\nstart the server: {}", written.words(), written.start));
    }
    // The server that starts now uses standard output.
    eprintln!("{}", written.words());
    Ok(())
}

impl Written {
    fn words(&self) -> String {
        let before = self.backup.as_ref().map(|backup| format!("; the previous file is {backup}"));
        format!("wrote {}{}", self.file, before.unwrap_or_default())
    }
}

/// Renames a file to a free name.
fn put_aside(path: &Path) -> anyhow::Result<PathBuf> {
    let named = |number: u16| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") });
        PathBuf::from(name)
    };
    let Some(free) = (1..=u16::MAX).map(named).find(|name| fs::symlink_metadata(name).is_err()) else {
        bail!("there are too many copies of {}", path.display());
    };
    fs::rename(path, &free)
        .with_context(|| format!("cannot keep {} as {}", path.display(), free.display()))?;
    Ok(free)
}
