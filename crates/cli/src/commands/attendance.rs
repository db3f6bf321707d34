//! `muster attendance`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fleet::view::punch::{PunchFilter, PunchView};
use serde::Serialize;

use super::Context;
use crate::args::{AttendanceCommand, Punches};
use crate::private_file;
use crate::render::csv;
use crate::render::not_found::explained;
use crate::render::table::Table;

/// Carries out a command about punches.
///
/// # Errors
/// There is no such device or picture, or a file cannot be written.
pub async fn run(context: &Context, command: AttendanceCommand) -> anyhow::Result<()> {
    match command {
        AttendanceCommand::List { of, limit } => list(context, of, limit).await,
        AttendanceCommand::Export { of, output } => export(context, of, output.as_deref()).await,
        AttendanceCommand::Photos { of } => photos(context, of).await,
        AttendanceCommand::Photo { id, output } => photo(context, id, output).await,
    }
}

impl From<Punches> for PunchFilter {
    fn from(of: Punches) -> Self {
        Self { device: of.device, pin: of.pin, from: of.from, to: of.to }
    }
}

/// The measured values of a punch, in one cell.
fn measured(punch: &PunchView) -> String {
    let mask = punch.mask.map(|mask| if mask { "mask" } else { "no mask" }.to_owned());
    let card = punch.id_number.as_ref().map(|_| "identity card".to_owned());
    let all = [mask, punch.temperature.clone(), card];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

async fn list(context: &Context, of: Punches, limit: i64) -> anyhow::Result<()> {
    let punches = context.fleet.last_punches(&of.into(), limit).await.map_err(explained)?;
    context.out.print(&punches, |punches| {
        if punches.is_empty() {
            return "no punches; Muster keeps punches if attendance = \"keep\": docs/attendance.md"
                .to_owned();
        }
        let mut table =
            Table::new(["time", "pin", "device", "status", "verify", "work code", "measured"]).right([3, 4]);
        let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        for punch in punches {
            table.row([
                punch.time.clone(),
                punch.pin.clone(),
                punch.device.clone(),
                number(punch.status),
                number(punch.verify),
                punch.work_code.clone(),
                measured(punch),
            ]);
        }
        table.to_string()
    })
}

/// The result of an export.
#[derive(Serialize)]
struct Exported {
    punches: u64,
    file: PathBuf,
}

async fn export(context: &Context, of: Punches, output: Option<&Path>) -> anyhow::Result<()> {
    let mut pages = context.fleet.punch_pages(&of.into()).await.map_err(explained)?;
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(match output {
        Some(path) => Box::new(new_file(path)?),
        None => Box::new(io::stdout()),
    });
    let json = context.out.is_json();
    if !json {
        out.write_all(csv::HEADER.as_bytes()).context("cannot write")?;
    }
    let mut punches = 0;
    while let Some(page) = pages.next().await? {
        for punch in page {
            let line = if json { serde_json::to_string(&punch)? + "\n" } else { csv::line(&punch) };
            out.write_all(line.as_bytes()).context("cannot write")?;
            punches += 1;
        }
    }
    out.flush().context("cannot write")?;
    match output {
        Some(path) => context.out.print(&Exported { punches, file: path.to_owned() }, |exported| {
            format!("{} punches in {}", exported.punches, exported.file.display())
        }),
        None => Ok(()),
    }
}

async fn photos(context: &Context, of: Punches) -> anyhow::Result<()> {
    let photos = context.fleet.attendance_photos(&of.into()).await.map_err(explained)?;
    context.out.print(&photos, |photos| {
        if photos.is_empty() {
            return "no pictures of punches".to_owned();
        }
        let mut table = Table::new(["photo", "time", "pin", "device", "bytes", "received", ""]).right([0, 4]);
        for photo in photos {
            table.row([
                photo.id.to_string(),
                photo.time.clone().unwrap_or_default(),
                photo.pin.clone(),
                photo.device.clone(),
                photo.bytes.to_string(),
                context.when.relative(photo.received_at),
                if photo.doubtful { "perhaps damaged" } else { "" }.to_owned(),
            ]);
        }
        format!("{table}`muster attendance photo NUMBER` writes one into a file")
    })
}

/// A picture that was written.
#[derive(Serialize)]
struct Written {
    id: i64,
    file: PathBuf,
}

async fn photo(context: &Context, id: i64, output: Option<PathBuf>) -> anyhow::Result<()> {
    let photo = context.fleet.attendance_photo(id).await.map_err(explained)?;
    let path = output.unwrap_or_else(|| PathBuf::from(photo.name));
    let mut file = new_file(&path)?;
    file.write_all(&photo.picture)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    context.out.print(&Written { id, file: path }, |written| {
        format!("picture {} is in {}", written.id, written.file.display())
    })
}

fn new_file(path: &Path) -> anyhow::Result<File> {
    private_file::open_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} is there already: choose another name, or delete the file", path.display())
        }
        _ => anyhow::Error::new(error).context(format!("cannot create {}", path.display())),
    })
}
