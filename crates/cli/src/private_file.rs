//! Files that only their owner can read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a new file, completely or not at all.
///
/// # Errors
/// There is a file already, or it cannot be written.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    // A process that died here may have left a file that others can read.
    let _ = fs::remove_file(&unfinished);
    let mut file = opened(&unfinished)?;
    file.write_all(content).and_then(|()| file.sync_all())?;
    // Unlike a rename, a hard link never replaces an existing file.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked?;
    sync_folder(path)
}

/// Creates a new file for gradual writing.
///
/// # Errors
/// The file exists already, or cannot be created.
pub fn open_new(path: &Path) -> io::Result<fs::File> {
    opened(path)
}

fn opened(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes the name of a new file as durable as its content.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
