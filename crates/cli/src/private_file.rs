//! Files that only their owner may read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a new file, so that it is there as a whole or not at all.
///
/// # Errors
/// There is a file already, or it cannot be written.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    // What a process left that died here may be readable by others.
    let _ = fs::remove_file(&unfinished);
    let mut file = opened(&unfinished)?;
    file.write_all(content).and_then(|()| file.sync_all())?;
    // A link, unlike a renaming, never takes the place of a file that is there.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked?;
    sync_folder(path)
}

/// Makes a new file for what is written into it bit by bit.
///
/// # Errors
/// There is a file already, or it cannot be made.
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
