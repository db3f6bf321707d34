//! `POST /iclock/cdata` and `/iclock/fdata`: uploads of devices (§11), by table.

use std::collections::BTreeSet;
use std::sync::Arc;

use store::{DeviceRow, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use wire::{Dialect, Pin, QueryPacket, RecordKind, StampKey, Table, Target};

use crate::auth;
use crate::capability;
use crate::clock_drift;
use crate::context::Context;
use crate::cpu_bound::run_cpu_bound;
use crate::endpoint::{access_control, devicecmd, options};
use crate::http::body::BODIES_KIB;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};
use crate::http::unknown_request;
use crate::joining::Shown;
use crate::upload::package::{self, Member};
use crate::upload::people;
use crate::upload::quarantine::{self, UNKNOWN};
use crate::upload::side_records::SideRecords;
use crate::upload::stamps::{self, StampUpdate};

/// An upload of any table.
pub async fn post(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let Some(name) = target.query.table() else {
        if request.body.trim_ascii_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"ID=")) {
            return devicecmd::post(context, request, target).await;
        }
        if ["PostVerifyData", "PostRecordData"].iter().any(|kind| target.query.is("type", kind)) {
            return verification(context, request, target).await;
        }
        return unknown(context, request, target).await;
    };
    let table = Table::read(&name);
    if let Table::AccessControl(_) = table {
        return access_control::upload(context, request, target).await;
    }
    if table == Table::Options {
        let device = auth::authenticate(context, request, target).await?;
        return options::post(context, request, &device).await;
    }
    let (device, known_stamp) = match StampKey::of_table(&name) {
        Some(key) => {
            let (device, stamp) = auth::authenticate_upload(context, request, target, key).await?;
            (device, Some((key, stamp)))
        }
        None => (auth::authenticate(context, request, target).await?, None),
    };
    if matches!(table, Table::People | Table::Attendance) {
        capability::belongs_to(context, &device, Dialect::Attendance).await?;
    }
    let now = context.clock.now();
    let stamp = known_stamp.and_then(|(key, known)| stamps::update_for(&device, (key, &known), target, now));
    let upload = Upload { context, device: &device, name: &name, stamp };
    let is_package = target.query.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case("tgz"));
    let records = match &table {
        Table::Unknown(_) => {
            unknown_request::log(request, "unknown table: kept aside, muster held list");
            upload.keep_aside(UNKNOWN, &request.body).await?
        }
        _ if is_package => upload.package(&table, request).await?,
        _ => upload.parts(vec![(table.clone(), &request.body)]).await?,
    };
    note_answer(context, &device, target, records).await?;
    clock_drift::measure(context, &device, &table, &request.body).await?;
    // Muster answers a single picture or an error report without a count (§11.3, §11.16).
    Ok(ok(match table {
        Table::AttendancePhoto | Table::Records(RecordKind::Error) => "OK".to_owned(),
        _ => format!("OK:{records}"),
    }))
}

/// An upload of one device.
struct Upload<'a> {
    context: &'a Context,
    device: &'a DeviceRow,
    /// The table in the request.
    name: &'a str,
    stamp: Option<StampUpdate>,
}

impl Upload<'_> {
    /// Stores several bodies, each of one table, in one transaction. Returns the number of their records: each of them was
    /// stored, was known, or is held.
    async fn parts(&self, parts: Vec<(Table, &[u8])>) -> Result<usize, DeviceError> {
        let Self { context, device, name, .. } = *self;
        let mut side_records = SideRecords::default();
        let (mut people, mut records) = (Vec::new(), 0);
        for (table, body) in parts {
            let (lines, sorted) =
                run_cpu_bound(body.len(), || (wire::count_lines(body), wire::sort(&table, body)));
            if let Some(sorted) = sorted {
                records += lines;
                if wire::count_lines(&sorted.people) > 0 {
                    if device.is_read() {
                        side_records.shows(Box::pin(self.shown(&sorted.people)).await?);
                    }
                    people.push(sorted.people);
                }
                side_records.punches(&context.config, device, sorted.punches);
                let of_table = match table {
                    Table::Records(kind) => Some(kind),
                    _ => None,
                };
                side_records.others(of_table, sorted.others);
            } else if table == Table::AttendancePhoto {
                records += usize::from(lines > 0);
                side_records.photo(&context.config, device, body);
            } else {
                records += lines;
                side_records.keep_aside(device.id, name, UNKNOWN, body);
            }
        }
        side_records.stamp(self.stamp.clone(), records);
        match people.as_slice() {
            [] => side_records.store(context, device).await?,
            [people] => Box::pin(people::people(context, device, name, people, side_records)).await?,
            several => {
                let people = several.join(&b'\n');
                Box::pin(people::people(context, device, name, &people, side_records)).await?;
            }
        }
        Ok(records)
    }

    /// Records that a joining or reading device continues to show its people, and returns the people that it shows for the
    /// first time. A repeated upload writes nothing.
    async fn shown(&self, people: &[u8]) -> Result<BTreeSet<Pin>, StoreError> {
        let Self { context, device, name, .. } = *self;
        let shown = run_cpu_bound(people.len(), || Shown::read(name, people));
        note_heard(context, device, &shown).await?;
        if shown.users.is_empty() {
            return Ok(shown.users);
        }
        let mut tx = context.store.read().await?;
        let new = tx.not_shown(device.id, shown.users).await?;
        tx.rollback().await?;
        Ok(new)
    }

    /// Stores the files of a package, each in the table that its name or else the request names. A package that is damaged or
    /// too large is held unchanged, and counts as one record (§11.14).
    async fn package(&self, table: &Table, request: &Request) -> Result<usize, DeviceError> {
        let package = request.body.clone();
        let most_bytes = self.context.config.max_body_bytes.saturating_mul(2);
        let _memory = self.reserve_memory(package::max_unpacked_bytes(package.len(), most_bytes))?;
        let unpacking = tokio::task::spawn_blocking(move || package::unpack(&package, most_bytes));
        let members = match unpacking.await.map_err(|_| DeviceError::Failed)? {
            Ok(members) => members,
            Err(error) => return self.keep_aside(&format!("a package: {error}"), &request.body).await,
        };
        let of = |member: &Member| match Table::read(&member.name) {
            Table::Unknown(_) => table.clone(),
            named => named,
        };
        self.parts(members.iter().map(|member| (of(member), member.body.as_slice())).collect()).await
    }

    /// Reserves memory for the unpacked package, from the same budget as request bodies.
    fn reserve_memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, DeviceError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(BODIES_KIB / 2);
        Arc::clone(&self.context.bodies).try_acquire_many_owned(kib).map_err(|_| DeviceError::Busy)
    }

    /// Stores a body unchanged. A body that does not consist of records counts as one.
    async fn keep_aside(&self, reason: &str, body: &[u8]) -> Result<usize, DeviceError> {
        let mut side_records = SideRecords::default();
        side_records.keep_aside(self.device.id, self.name, reason, body);
        let records = if reason == UNKNOWN { wire::count_lines(body) } else { 1 };
        side_records.stamp(self.stamp.clone(), records);
        side_records.store(self.context, self.device).await?;
        Ok(records)
    }
}

/// Background verification: a device asks whether a person may pass, in an undocumented format. Muster only records it (§15).
async fn verification(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
) -> Result<Answer, DeviceError> {
    let device = auth::authenticate(context, request, target).await?;
    let mut side_records = SideRecords::default();
    side_records.verification(&device, &request.body);
    side_records.store(context, &device).await?;
    Ok(ok("OK"))
}

/// Logs that an upload answers a query, and which one (§12.1.3).
async fn note_answer(
    context: &Context,
    device: &DeviceRow,
    target: &Target<'_>,
    records: usize,
) -> Result<(), StoreError> {
    let QueryPacket { count, packets, index, command: Some(id) } = QueryPacket::read(&target.query) else {
        return Ok(());
    };
    let order = match sync::split_line_id(&id) {
        Some((name, _)) => context.store.read().await?.find_queued_command(device.id, name).await?,
        None => None,
    };
    tracing::info!(
        device.serial_number = %device.serial_number, command.id = id, verb = order.map(|order| order.verb),
        records, of = count, packet = index, packets, "upload answers a query"
    );
    Ok(())
}

/// Resolution of the time at which a device last uploaded something about people, ms.
const HEARD_MS: i64 = 1_000;

/// Records in the database that a joining or reading device continues to show its people, because its next poll may reach another
/// process. This is written before the people, which may take long.
async fn note_heard(context: &Context, device: &DeviceRow, shown: &Shown) -> Result<(), StoreError> {
    let now = context.clock.now();
    if !shown.about_people || device.heard_at.is_some_and(|at| at.plus(HEARD_MS) > now) {
        return Ok(());
    }
    store::retry(|| async {
        let mut tx = context.store.write().await?;
        tx.note_heard(device.id, now).await?;
        tx.commit().await
    })
    .await
}

/// An unknown path or form: stored unread, acknowledged, and logged without its content.
pub async fn unknown(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
) -> Result<Answer, DeviceError> {
    let device = auth::authenticate(context, request, target).await?;
    let table = target.query.get("type").map_or_else(|| request.path.clone(), std::borrow::Cow::into_owned);
    unknown_request::log(request, "unknown upload kept aside: muster held list");
    quarantine::keep_aside(context, &device, &table, &request.body).await?;
    Ok(ok("OK"))
}
