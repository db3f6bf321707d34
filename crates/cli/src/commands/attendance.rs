//! `muster attendance`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use roster::Millis;
use serde::Serialize;
use store::{PunchFilter, PunchRow};
use wire::{More, Screening, SerialNumber};

use super::Context;
use crate::args::{AttendanceCommand, Punches};
use crate::render::table::Table;
use crate::{lookup, private_file};
use fleet::time::rfc3339;

/// How many punches are read at a time.
const PAGE: i64 = 1_000;

/// How many pictures are listed at most.
const MOST_PHOTOS: i64 = 1_000;

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

/// A punch as it is shown.
#[derive(Serialize)]
struct Shown {
    device: String,
    pin: String,
    time: String,
    time_zone: String,
    status: Option<i64>,
    verify: Option<i64>,
    work_code: String,
    mask: Option<bool>,
    temperature: Option<String>,
    converted_temperature: Option<String>,
    time_offset_s: Option<i32>,
    extended: Option<String>,
    id_number: Option<String>,
    card_kind: Option<i64>,
    received_at: String,
}

type Devices = BTreeMap<i64, SerialNumber>;

impl Shown {
    fn of(row: PunchRow, devices: &Devices) -> Self {
        let (screening, card) = match row.punch.more {
            More::None => (Screening::default(), None),
            More::Screening(screening) => (screening, None),
            More::IdCard(card) => (Screening::default(), Some(card)),
        };
        Self {
            device: devices.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.punch.pin,
            time: row.punch.time,
            time_zone: row.time_zone,
            status: row.punch.status,
            verify: row.punch.verify,
            work_code: row.punch.work_code,
            mask: screening.mask,
            temperature: screening.temperature,
            converted_temperature: screening.converted_temperature,
            time_offset_s: screening.time_offset_s,
            extended: screening.extended,
            card_kind: card.as_ref().and_then(|card| card.kind),
            id_number: card.map(|card| card.id_number),
            received_at: rfc3339(row.received_at),
        }
    }

    /// What was measured, in one cell.
    fn measured(&self) -> String {
        let mask = self.mask.map(|mask| if mask { "mask" } else { "no mask" }.to_owned());
        let card = self.id_number.as_ref().map(|_| "identity card".to_owned());
        let all = [mask, self.temperature.clone(), card];
        all.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

async fn filter(context: &Context, of: Punches) -> anyhow::Result<(PunchFilter, Devices)> {
    let mut tx = context.fleet.store().read().await?;
    let device = match &of.device {
        Some(serial_number) => Some(lookup::device(&mut tx, serial_number).await?.id),
        None => None,
    };
    let devices = lookup::serial_numbers(&mut tx).await?;
    Ok((PunchFilter { device, pin: of.pin, from: of.from, to: of.to }, devices))
}

async fn list(context: &Context, of: Punches, limit: i64) -> anyhow::Result<()> {
    let (filter, devices) = filter(context, of).await?;
    let rows = context.fleet.store().read().await?.last_punches(&filter, limit).await?;
    let shown: Vec<Shown> = rows.into_iter().map(|row| Shown::of(row, &devices)).collect();
    context.out.print(&shown, |shown| {
        if shown.is_empty() {
            return "no punches; they are kept with attendance = \"keep\": docs/attendance.md".to_owned();
        }
        let mut table =
            Table::new(["time", "pin", "device", "status", "verify", "work code", "measured"]).right([3, 4]);
        let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        for punch in shown {
            table.row([
                punch.time.clone(),
                punch.pin.clone(),
                punch.device.clone(),
                number(punch.status),
                number(punch.verify),
                punch.work_code.clone(),
                punch.measured(),
            ]);
        }
        table.to_string()
    })
}

/// What an export came to.
#[derive(Serialize)]
struct Exported {
    punches: u64,
    file: PathBuf,
}

async fn export(context: &Context, of: Punches, output: Option<&Path>) -> anyhow::Result<()> {
    let (filter, devices) = filter(context, of).await?;
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(match output {
        Some(path) => Box::new(new_file(path)?),
        None => Box::new(io::stdout()),
    });
    let json = context.out.is_json();
    if !json {
        out.write_all(HEADER.as_bytes()).context("cannot write")?;
    }
    let (mut last, mut punches) = (None, 0);
    loop {
        // A transaction a page: one that lasts would keep the database from tidying up.
        let page = context.fleet.store().read().await?.punches(&filter, last.as_ref(), PAGE).await?;
        let Some(end) = page.last().cloned() else { break };
        for row in page {
            let shown = Shown::of(row, &devices);
            let line = if json { serde_json::to_string(&shown)? + "\n" } else { csv(&shown) };
            out.write_all(line.as_bytes()).context("cannot write")?;
            punches += 1;
        }
        last = Some(end);
    }
    out.flush().context("cannot write")?;
    match output {
        Some(path) => context.out.print(&Exported { punches, file: path.to_owned() }, |exported| {
            format!("{} punches in {}", exported.punches, exported.file.display())
        }),
        None => Ok(()),
    }
}

const HEADER: &str = "device,pin,time,time_zone,status,verify,work_code,mask,temperature,converted_temperature,\
                      time_offset_s,id_number,card_kind,received_at\r\n";

/// A line of CSV (RFC 4180).
fn csv(punch: &Shown) -> String {
    let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    let cells = [
        cell(&punch.device),
        cell(&punch.pin),
        cell(&punch.time),
        cell(&punch.time_zone),
        number(punch.status),
        number(punch.verify),
        cell(&punch.work_code),
        number(punch.mask.map(i64::from)),
        text(&punch.temperature),
        text(&punch.converted_temperature),
        number(punch.time_offset_s.map(i64::from)),
        text(&punch.id_number),
        number(punch.card_kind),
        cell(&punch.received_at),
    ];
    cells.join(",") + "\r\n"
}

/// A text as a cell: quoted where it has to be, and with a `'` before what a spreadsheet would take for a formula.
fn cell(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let first = clean.trim_start().chars().next();
    let is_formula =
        first.is_some_and(|c| "=+-@|%".contains(c) || "\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c));
    let clean = if is_formula { format!("'{clean}") } else { clean };
    if clean.contains(['"', ',', ';']) || clean.starts_with(' ') {
        return format!("\"{}\"", clean.replace('"', "\"\""));
    }
    clean
}

/// A picture as it is shown.
#[derive(Serialize)]
struct ShownPhoto {
    id: i64,
    device: String,
    pin: String,
    time: Option<String>,
    photo_type: Option<u8>,
    bytes: i64,
    doubtful: bool,
    received_at: String,
    #[serde(skip)]
    received: Millis,
}

async fn photos(context: &Context, of: Punches) -> anyhow::Result<()> {
    let (filter, devices) = filter(context, of).await?;
    let rows = context.fleet.store().read().await?.attendance_photos(&filter, MOST_PHOTOS).await?;
    let shown: Vec<ShownPhoto> = rows
        .into_iter()
        .map(|row| ShownPhoto {
            id: row.id,
            device: devices.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.pin,
            time: row.time,
            photo_type: row.photo_type,
            bytes: row.bytes,
            doubtful: row.doubtful,
            received_at: rfc3339(row.received_at),
            received: row.received_at,
        })
        .collect();
    context.out.print(&shown, |shown| {
        if shown.is_empty() {
            return "no pictures of punches".to_owned();
        }
        let mut table = Table::new(["photo", "time", "pin", "device", "bytes", "came", ""]).right([0, 4]);
        for photo in shown {
            table.row([
                photo.id.to_string(),
                photo.time.clone().unwrap_or_default(),
                photo.pin.clone(),
                photo.device.clone(),
                photo.bytes.to_string(),
                context.when.relative(photo.received),
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
    let Some((_, name, picture)) = context.fleet.store().read().await?.attendance_photo(id).await? else {
        bail!("there is no picture {id}; `muster attendance photos` shows them");
    };
    let path = output.unwrap_or_else(|| PathBuf::from(name));
    let mut file = new_file(&path)?;
    file.write_all(&picture)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    context.out.print(&Written { id, file: path }, |written| {
        format!("picture {} is in {}", written.id, written.file.display())
    })
}

fn new_file(path: &Path) -> anyhow::Result<File> {
    private_file::open_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} is there already: name another file, or remove it", path.display())
        }
        _ => anyhow::Error::new(error).context(format!("cannot make {}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_text_and_no_formula() {
        for (text, written) in [
            ("1001", "1001"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a\rb", "a b"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
