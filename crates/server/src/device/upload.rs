//! `POST /iclock/cdata` and `/iclock/fdata`: what a device uploads (§11), by table.

use roster::Millis;
use store::{DeviceRow, HeldKind, HeldOutcome, HeldRecord, StoreError};
use wire::{Dialect, Table, Target};

use super::answer::{Answer, DeviceError, ok};
use super::{Request, access_control, acknowledge, admit, drift, intake, options, printable, stamps};
use crate::app::App;
use crate::config::Attendance;

/// An upload of whatever table.
pub async fn post(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let Some(name) = target.query.table() else {
        if request.body.trim_ascii_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"ID=")) {
            return acknowledge::post(app, request, target).await;
        }
        return unknown(app, request, target).await;
    };
    let table = Table::read(&name);
    if let Table::AccessControl(_) = table {
        return access_control::upload(app, request, target).await;
    }
    let device = admit::known(app, request, target).await?;
    if table == Table::Options {
        return options::post(app, request, &device).await;
    }
    note_heard(app, &device).await?;
    if matches!(table, Table::People | Table::Attendance) {
        access_control::belongs_to(app, &device, Dialect::Attendance).await?;
    }
    if let Table::Unknown(_) = table {
        undescribed(&device, request, &name);
    }
    let compressed = target.query.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case("tgz"));
    let lines = wire::count_lines(&request.body);
    let answer = match table {
        // A whole package: kept, since it cannot be read line by line.
        _ if compressed => {
            keep_aside(app, &device, &name, &request.body).await?;
            format!("OK:{lines}")
        }
        Table::People => {
            intake::people(app, &device, &name, &request.body).await?;
            format!("OK:{lines}")
        }
        Table::Attendance => {
            attendance(app, &device, &name, &request.body, lines).await?;
            format!("OK:{lines}")
        }
        Table::AttendancePhoto => {
            attendance(app, &device, &name, &request.body, 1).await?;
            "OK".to_owned()
        }
        Table::ErrorLog => {
            keep_aside(app, &device, &name, &request.body).await?;
            "OK".to_owned()
        }
        Table::IdCard | Table::Unknown(_) | Table::Options | Table::AccessControl(_) => {
            keep_aside(app, &device, &name, &request.body).await?;
            format!("OK:{lines}")
        }
    };
    drift::measure(app, &device, &table, &request.body).await?;
    stamps::remember(app, &device, target, &name, lines).await?;
    Ok(ok(answer))
}

/// How exactly it is known when a device that is being taken in last uploaded something, ms.
const HEARD_MS: i64 = 1_000;

/// Notes that a device that is being taken in goes on telling what it holds: whichever process it polls has to know.
async fn note_heard(app: &App, device: &DeviceRow) -> Result<(), StoreError> {
    let now = app.clock.now();
    if device.joining.is_none() || device.heard_at.is_some_and(|at| at.plus(HEARD_MS) > now) {
        return Ok(());
    }
    store::retry(|| async {
        let mut tx = app.store.write().await?;
        tx.note_heard(device.id, now).await?;
        tx.commit().await
    })
    .await
}

/// A path or a form that nobody described: kept, acknowledged, and logged without its content.
pub async fn unknown(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let device = admit::known(app, request, target).await?;
    let table = target.query.get("type").map_or_else(|| request.path.clone(), std::borrow::Cow::into_owned);
    undescribed(&device, request, &table);
    keep_aside(app, &device, &table, &request.body).await?;
    Ok(ok("OK"))
}

/// Tells of what nobody described (§2.11): how it was asked, not what was in it.
fn undescribed(device: &DeviceRow, request: &Request, table: &str) {
    tracing::warn!(
        device.serial_number = %device.serial_number, request = request.line(), headers = request.named_headers(),
        table = printable(table), body_bytes = request.body.len(), "unknown upload kept aside: muster held list"
    );
}

/// Keeps a body that is not read here. An operator sees it; nothing is lost.
pub async fn keep_aside(app: &App, device: &DeviceRow, table: &str, body: &[u8]) -> Result<(), DeviceError> {
    if wire::count_lines(body) == 0 {
        return Ok(());
    }
    let table = printable(table);
    let record = HeldRecord {
        device: device.id,
        kind: HeldKind::UnreadTable,
        table: Some(table.clone()),
        pin: None,
        tag: String::new(),
        line: None,
        reason: "this table is not read yet: kept as it came".to_owned(),
        raw: body.to_vec(),
    };
    let (pieces, now) = (record.pieces(), app.clock.now());
    let outcomes = store::retry(|| hold(app, &pieces, now)).await?;
    for held in outcomes.iter().filter(|held| held.is_new) {
        tracing::info!(
            device.serial_number = %device.serial_number, table, body_bytes = body.len(), held = held.id, "kept aside"
        );
    }
    Ok(())
}

async fn hold(app: &App, records: &[HeldRecord], now: Millis) -> Result<Vec<HeldOutcome>, StoreError> {
    let mut tx = app.store.write().await?;
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        outcomes.push(tx.hold(record, now).await?);
    }
    tx.commit().await?;
    Ok(outcomes)
}

/// Punches are not asked for. What comes all the same is kept, or discarded because the operator said so.
async fn attendance(
    app: &App,
    device: &DeviceRow,
    table: &str,
    body: &[u8],
    records: usize,
) -> Result<(), DeviceError> {
    match app.config.attendance {
        Attendance::Keep => keep_aside(app, device, table, body).await,
        Attendance::Discard => {
            tracing::info!(
                device.serial_number = %device.serial_number, table, records,
                "attendance discarded, as attendance = \"discard\" says"
            );
            Ok(())
        }
    }
}
