//! The sources of values.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::failure::usage;
use crate::key_file;

/// The name of the file of variables.
pub const DOTENV: &str = ".env";

/// The name of the file of settings, unless another one is named.
pub const FILE: &str = "muster.toml";

/// The sources of values, apart from the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The values of the command line, by the name of the setting.
    pub command_line: Vec<(&'static str, String)>,
    /// The environment, all of it.
    pub environment: Vec<(String, String)>,
    /// `.env`.
    pub dotenv: Option<SourceFile>,
    /// `muster.toml`.
    pub file: Option<SourceFile>,
}

/// A file with settings.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    /// The name of the file in messages.
    pub path: PathBuf,
    /// The content of the file.
    pub text: String,
    /// Whether others than its owner may read it.
    pub is_exposed: bool,
}

impl Sources {
    /// The sources of this process. `named` is the file of `--config`.
    ///
    /// # Errors
    /// A file cannot be read, or the one that was named is not there.
    pub fn here(command_line: Vec<(&'static str, String)>, named: Option<&Path>) -> anyhow::Result<Self> {
        let file = match named {
            None => SourceFile::read(Path::new(FILE))?,
            Some(named) => match SourceFile::read(named)? {
                Some(file) => Some(file),
                None => return Err(usage(format!("there is no file {}", named.display()))),
            },
        };
        Ok(Self { command_line, environment: environment(), dotenv: dotenv()?, file })
    }

    /// What holds beside `.env`, or beside `muster.toml`, whatever stands in there.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn beside(is_dotenv: bool) -> anyhow::Result<Self> {
        let (dotenv, file) =
            if is_dotenv { (None, SourceFile::read(Path::new(FILE))?) } else { (dotenv()?, None) };
        Ok(Self { environment: environment(), dotenv, file, ..Self::default() })
    }
}

/// A variable that is no text cannot be one of ours.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

/// The `.env` of the working directory, or else the one beside the program.
fn dotenv() -> anyhow::Result<Option<SourceFile>> {
    if let Some(here) = SourceFile::read(Path::new(DOTENV))? {
        return Ok(Some(here));
    }
    let program = std::env::current_exe().ok();
    match program.as_deref().and_then(Path::parent) {
        Some(folder) => SourceFile::read(&folder.join(DOTENV)),
        None => Ok(None),
    }
}

impl SourceFile {
    /// Reads a file, if there is one. A folder is none: `.env` is also what some call their Python environment.
    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| usage(format!("{} is no text in UTF-8", path.display())))?;
                Ok(Some(Self { path: path.to_path_buf(), text, is_exposed: key_file::is_exposed(path) }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) if path.is_dir() => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_file_breaks_the_reading_of_settings() {
        let kept = [
            "listen = \"127.0.0.1:8081\"\nadmission = \"open\"\ndelay_s = 7\nrealtime = true\ntrans_times = [\"00:00\", \"14:05\"]\n",
            "MUSTER_DATABASE=mysql://muster:pass%40word@localhost:3306/muster\nexport MUSTER_LOG='info'\n# more\n",
            "DB_HOST=db\nDB_USER=\"a b\"\nDB_PASSWORD='p$\\'\nTIMEZONE=Europe/Berlin\nPORT=8081\n",
            "database = \"sqlite:///var/lib/muster/muster.db\"\n[limits]\nopen = 1.5\n\u{feff}",
        ];
        fuzz::cases::each(&kept.map(|text| text.as_bytes().to_vec()), |bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let source =
                || Some(SourceFile { path: "settings".into(), text: text.clone(), is_exposed: true });
            for sources in [
                Sources { dotenv: source(), ..Sources::default() },
                Sources { file: source(), ..Sources::default() },
            ] {
                match crate::config::Settings::read(&sources) {
                    Ok(settings) => assert!(settings.shown().count() > 10),
                    Err(error) => assert!(error.to_string().lines().count() <= 20, "{error}"),
                }
            }
        });
    }
}
