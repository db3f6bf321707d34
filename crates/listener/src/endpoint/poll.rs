//! `GET /iclock/getrequest`: a device asks for work (§12).
//!
//! Most polls find no work. Once a poll has found a device idle, later polls are answered from memory, without the database
//! (`state/idle_devices.rs`).

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use roster::{Content, ItemKey, Kind, Millis, Photo, Rendering, Seq};
use store::{
    CacheSession, ChangeEpoch, DeviceRow, Lines, OfferedPhoto, PendingWork, PhotoDelivery, PhotoVersion,
    QueuedCommandRow, QueuedCommandUpdate, Rereading, StoreError, Tx, WorkHint,
};
use sync::operator::{self, OperatorCommand, State};
use sync::plan::{Send, Work, plan};
use sync::{DeviceView, Limits, Verb, line_id, wire_id};
use wire::{Command, CommandId, Endpoint, Pin, PollInfo, SerialNumber, Target};

use crate::auth;
use crate::capability;
use crate::claim_questions;
use crate::command::read_back;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};
use crate::joining;
use crate::people_reading;
use crate::photo::command::{PhotoLine, PhotoSource, ReplyLine};
use crate::photo::scaling::UnscaledPhoto;
use crate::state::last_seen::Seen;
use crate::user_count_check;
use fleet::command::{QueuedCommand, withheld};
use fleet::offered_file;

/// Feed rows that one poll reads at first: about as many as one reply holds.
const FIRST_ROWS: i64 = 60;
/// Feed rows of each further page, and the number of pages. Rows outside of the device's scope and scanned people outside of it
/// cost nothing to send, so one poll reads on past them.
const FEED_ROWS: i64 = 500;
const FEED_PAGES: usize = 10;
/// Maximum number of people that one poll scans.
const SCAN_PEOPLE: i64 = 50;

/// A poll, with or without INFO.
pub async fn get(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let change_epoch = context.store.change_epoch();
    let info = target.query.get("INFO");
    if info.is_none()
        && let Ok(serial_number) = target.query.serial_number()
        && let Some(device) = context.idle_devices.take_if_feed_advanced(
            serial_number.as_str(),
            change_epoch,
            context.clock.now(),
        )
        && let Some(lines) = store::retry(|| batch(context, &serial_number)).await?
    {
        context.last_seen.note(device, Seen { at: context.clock.now(), address: request.peer.ip() });
        return reply(context, lines).await;
    }
    let (device, mut work_hint) = auth::authenticate_poll(context, request, target).await?;
    if let Some(info) = info {
        work_hint = None;
        let info = PollInfo::read(&info);
        capability::info(context, &device, &info).await?;
        if info.users.is_some() {
            context.count_checks.counted(device.id, context.clock.now());
        }
    }
    if work_hint.is_none_or(|work_hint| work_hint.claim_due.is_some_and(|due| due <= context.clock.now())) {
        claim_questions::conclude(context, &device).await?;
        work_hint = None;
    }
    let was_read = match device.rereads {
        None => false,
        Some(Rereading::Everything) => claim_questions::end_reread(context, &device).await?,
        Some(Rereading::People) => people_reading::end(context, &device).await?,
    };
    if was_read {
        work_hint = None;
    }
    if user_count_check::check(context, &device).await? {
        work_hint = None;
    }
    if read_back::judge(context, &device).await? || people_reading::spot_check(context, &device).await? {
        work_hint = None;
    }
    if device.capability.speaks_access_control()
        || !has_work(context, &device, work_hint, change_epoch).await?
    {
        return Ok(ok("OK"));
    }
    let lines = store::retry(|| batch(context, &device.serial_number)).await?;
    reply(context, lines.unwrap_or_default()).await
}

async fn reply(context: &Context, lines: Vec<ReplyLine>) -> Result<Answer, DeviceError> {
    let mut finished = Vec::with_capacity(lines.len());
    for line in lines {
        finished.extend(line.finish(context).await?);
    }
    Ok(ok(wire::poll_reply(finished)))
}

/// The answer to the poll of an idle device, without the database and without waiting. Records when the device was last seen.
pub fn from_memory(context: &Context, peer: SocketAddr, target: &Target<'_>, now: Millis) -> Option<Answer> {
    if target.endpoint != Endpoint::GetRequest || target.query.get("INFO").is_some() {
        return None;
    }
    let serial_number = target.query.serial_text()?;
    let device = context.idle_devices.find_idle(&serial_number, context.store.change_epoch(), now)?;
    context.last_seen.note(device, Seen { at: now, address: peer.ip() });
    Some(ok("OK"))
}

/// Whether a poll that began at `change_epoch` has work to decide. Most have none; then Muster neither locks nor writes anything,
/// and adds an idle device to the list. Reads the work hint if there is none, or if the poll may have changed it.
async fn has_work(
    context: &Context,
    device: &DeviceRow,
    work_hint: Option<WorkHint>,
    change_epoch: ChangeEpoch,
) -> Result<bool, StoreError> {
    let now = context.clock.now();
    let work_hint = match work_hint {
        Some(work_hint) => work_hint,
        None => context.store.waiting(device.id).await?,
    };
    if work_hint.due.is_some_and(|due| due <= now) {
        return Ok(true);
    }
    if device.joining.is_none() {
        if device.scan.is_some() || work_hint.head > device.cursor {
            return Ok(true);
        }
        if !work_hint.open && device.emptied_at.is_none() && device.rereads.is_none() {
            let read_back = DeviceView::read_back_due(device.read_back.as_ref());
            let due =
                [work_hint.due, context.count_checks.next(device.id), read_back].into_iter().flatten().min();
            context.idle_devices.insert(&device.serial_number, device.id, change_epoch, due, now);
        }
        return Ok(false);
    }
    let mut tx = context.store.read().await?;
    let ends = joining::end(context, &mut tx, device, now).await?.is_some();
    tx.rollback().await?;
    Ok(ends)
}

/// The file name in every photo URL. A PIN would appear in the logs of proxies.
const PHOTO_NAME: &str = "photo.jpg";

/// The reply recorded for a queued command that expired.
const EXPIRED_REPLY: &str = "not sent: the device did not fetch it in time";

/// Decides, records, and renders the commands of a reply. They are committed before they are sent. `None` for a device that
/// is not part of the fleet.
async fn batch(context: &Context, device: &SerialNumber) -> Result<Option<Vec<ReplyLine>>, StoreError> {
    let now = context.clock.now();
    let mut tx = context.store.write().await?;
    let found = tx.standing(device, now).await?;
    let Some((row, mut view, standing)) = found.filter(|(row, ..)| row.state.is_member()) else {
        tx.rollback().await?;
        return Ok(None);
    };
    if row.joining.is_some()
        && let Some(end) = joining::end(context, &mut tx, &row, now).await?
    {
        joining::conclude(&mut tx, &row, end, now).await?;
        view.joined();
    }
    let (limits, salt) = (context.config.limits, context.entropy.next());
    let shared = context.feed_cache.share(standing.feed);
    let mut poll = Poll { context, tx, row, view, standing, shared, now, limits, salt };
    let (orders, allowance) = poll.queued_commands(context.config.fleet.system_commands).await?;
    // All commands of a reply share one size limit (reference 8.6).
    poll.limits.bytes = poll.limits.bytes.saturating_sub(orders.iter().map(Vec::len).sum());
    let sends = poll.sync_commands(allowance).await?;
    let changes = poll.view.take_changes();
    poll.tx.apply(&poll.view, &changes, now).await?;
    claim_questions::queue_due(&mut poll.tx, &mut poll.view, now).await?;
    let rendered = poll.render(&sends).await?;
    poll.tx.commit().await?;
    poll.shared.committed();
    Ok(Some(orders.into_iter().map(ReplyLine::Ready).chain(rendered).collect()))
}

struct Poll<'a> {
    context: &'a Context,
    tx: Tx,
    row: DeviceRow,
    view: DeviceView,
    standing: PendingWork,
    shared: CacheSession<'a>,
    now: Millis,
    limits: Limits,
    salt: u64,
}

impl Poll<'_> {
    /// Queued commands of operators to send now, and the allowance that they leave for sync commands.
    async fn queued_commands(
        &mut self,
        system_commands: bool,
    ) -> Result<(Vec<Vec<u8>>, operator::SyncAllowance), StoreError> {
        let orders = self.sendable_commands(system_commands).await?;
        let commands: Vec<_> = orders.iter().map(|order| order.command.clone()).collect();
        let decided = operator::plan(&commands, self.view.open_count, self.now, &self.limits);
        if decided.emptied {
            self.view.rebaseline();
        }
        let mut lines = Vec::new();
        for changed in &decided.changed {
            let Some(order) = orders.iter().find(|order| order.command.number == changed.number) else {
                continue;
            };
            let name = order.wire_id.clone().unwrap_or_else(|| wire_id(changed.number, self.salt));
            let mut news = QueuedCommandUpdate { wire_id: Some(&name), ..QueuedCommandUpdate::default() };
            match changed.state {
                State::Unanswered => tracing::warn!(
                    device.serial_number = %self.row.serial_number, command.id = %name, verb = %order.verb,
                    "queued command was never answered"
                ),
                State::Expired => {
                    tracing::warn!(
                        device.serial_number = %self.row.serial_number, verb = %order.verb,
                        "queued command expired before the device fetched it"
                    );
                    news =
                        QueuedCommandUpdate { reply: Some(EXPIRED_REPLY), ..QueuedCommandUpdate::default() };
                }
                _ => {}
            }
            self.tx.update_queued_command(self.row.id, changed, news, self.now).await?;
            if decided.send.contains(&changed.number) {
                lines.extend(self.queued_command_line(order, &name).await?);
            }
        }
        Ok((lines, decided.beside))
    }

    /// The unfinished queued commands that may be sent. Commands that must not be sent are closed.
    async fn sendable_commands(
        &mut self,
        system_commands: bool,
    ) -> Result<Vec<QueuedCommandRow>, StoreError> {
        let mut sendable = Vec::new();
        if !self.standing.orders {
            return Ok(sendable);
        }
        for order in self.tx.unfinished_queued_commands(self.row.id).await? {
            let Some(why) = withheld(&order, &self.view.capability, system_commands) else {
                sendable.push(order);
                continue;
            };
            tracing::warn!(
                device.serial_number = %self.row.serial_number, verb = %order.verb, why, "queued command not sent"
            );
            let command = OperatorCommand { state: State::Expired, ..order.command };
            let news = QueuedCommandUpdate { reply: Some(&why), ..QueuedCommandUpdate::default() };
            self.tx.update_queued_command(self.row.id, &command, news, self.now).await?;
        }
        Ok(sendable)
    }

    async fn queued_command_line(
        &mut self,
        order: &QueuedCommandRow,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(ordered) = QueuedCommand::load(&mut self.tx, order).await? else { return Ok(None) };
        let Ok(id) = line_id(name, 0).parse::<CommandId>() else { return Ok(None) };
        let mut line = Vec::new();
        ordered.command().write(&id, &mut line);
        tracing::info!(
            device.serial_number = %self.row.serial_number, command.id = %id, verb = %order.verb, "queued command sent"
        );
        Ok(Some(line))
    }

    /// Sync commands: those that bring the device to the state of the fleet.
    async fn sync_commands(&mut self, allowance: operator::SyncAllowance) -> Result<Vec<Send>, StoreError> {
        let mut sends = Vec::new();
        for page in 0..FEED_PAGES {
            let work = self.work(page == 0).await?;
            let more = work.feed_more || work.scan_more;
            let before = (self.view.cursor, self.view.scan.clone());
            sends.extend(plan(&mut self.view, &work, allowance, self.now, &self.limits, self.salt));
            let moved = (self.view.cursor, &self.view.scan) != (before.0, &before.1);
            if !sends.is_empty() || !more || !moved {
                break;
            }
        }
        Ok(sends)
    }

    /// Reads the input of the plan. Overdue commands and due exceptions are read only once.
    async fn work(&mut self, first: bool) -> Result<Work, StoreError> {
        let (device, now) = (self.row.id, self.now);
        let most = i64::try_from(self.limits.open).unwrap_or(i64::MAX);
        let mut work = Work::default();
        if first && self.standing.overdue {
            work.overdue = self.tx.overdue_commands(device, now, most).await?;
        }
        if first && self.standing.due {
            work.due = self.tx.due_exceptions(device, now, most).await?;
            let hour_ago = now.plus(-3_600_000);
            work.items_over_write_limit = self
                .tx
                .items_over_write_limit(device, &work.due, hour_ago, self.limits.writes_per_hour)
                .await?;
        }
        if self.view.joining.is_none() {
            let rows = if first { FIRST_ROWS } else { FEED_ROWS };
            let page = self.tx.cached_feed_page(&mut self.shared, self.view.cursor, rows).await?;
            work.feed_page.clone_from(&page);
            work.feed_more = i64::try_from(work.feed_page.len()).unwrap_or(i64::MAX) >= rows;
            if let Some(from) = self.view.scan.clone().filter(|_| !work.feed_more) {
                (work.scan_page, work.scan_more) = self.tx.scan_page(&from, SCAN_PEOPLE).await?;
            }
        }
        let keys = work.overdue.iter().chain(&work.due).chain(work.feed_page.iter().map(|(_, key)| key));
        let pins: BTreeSet<Pin> =
            keys.map(|key| key.pin.clone()).chain(work.scan_page.iter().cloned()).collect();
        let pins: Vec<Pin> = pins.into_iter().filter(|pin| !self.view.persons.contains_key(pin)).collect();
        self.tx.load_sendable(&mut self.view, &pins, &self.standing, &mut self.shared).await?;
        Ok(work)
    }

    async fn render(&mut self, sends: &[Send]) -> Result<Vec<ReplyLine>, StoreError> {
        let mut rendered = self.cached_lines(sends);
        let unread: Vec<(ItemKey, Seq)> = sends
            .iter()
            .filter(|send| send.verb.brings() && !rendered.contains_key(&send.key))
            .filter_map(|send| Some((send.key.clone(), self.view.item(&send.key)?.seq)))
            .collect();
        let keys: Vec<ItemKey> = unread.iter().map(|(key, _)| key.clone()).collect();
        let contents = self.tx.contents(&keys).await?;
        self.tx.unchanged(&unread).await?;
        for version in unread {
            let content = contents.get(&version.0);
            if let Some(lines) = content.and_then(|content| self.render_update(&version, content)) {
                rendered.insert(version.0, lines);
            }
        }
        let mut lines = Vec::new();
        for send in sends {
            if let (Verb::Update, Some(Content::Photo(photo))) = (send.verb, contents.get(&send.key)) {
                lines.extend(self.photo(send, photo).await?);
                continue;
            }
            let brought = || rendered.get(&send.key).cloned().unwrap_or_default();
            let removed = || command_texts(&roster::delete(&send.key, &self.view.capability));
            let commands = match send.verb {
                Verb::Update | Verb::Insert => brought(),
                Verb::Replace => removed().iter().chain(&*brought()).cloned().collect(),
                Verb::Delete => removed(),
            };
            if commands.is_empty() {
                tracing::error!(
                    device.serial_number = %self.row.serial_number, item = %send.key,
                    "stored content cannot be sent: it does not fit its own header"
                );
            }
            for (number, command) in (0..).zip(&*commands) {
                let Ok(id) = line_id(&send.wire_id, number).parse::<CommandId>() else { continue };
                lines.push(ReplyLine::Ready(id.line_of(command)));
            }
            tracing::debug!(
                device.serial_number = %self.row.serial_number, command.id = %send.wire_id, verb = ?send.verb,
                item.kind = %send.key.slot, lines = commands.len(), "command sent"
            );
        }
        if !sends.is_empty() {
            tracing::info!(
                device.serial_number = %self.row.serial_number, commands = sends.len(), lines = lines.len(),
                "commands sent"
            );
        }
        Ok(lines)
    }

    /// Updates that were rendered for another device in the same form.
    fn cached_lines(&self, sends: &[Send]) -> HashMap<ItemKey, Lines> {
        let known = |send: &Send| {
            let rendering = Rendering::of(&send.key.slot, &self.view.capability)?;
            let version = (send.key.clone(), self.view.item(&send.key)?.seq);
            let lines = self.shared.lines(&version, &rendering)?;
            Some((version.0, lines))
        };
        sends.iter().filter(|send| send.verb.brings()).filter_map(known).collect()
    }

    /// Renders an update for this device and others of the same form. Photos are rendered for each device by themselves.
    fn render_update(&mut self, version: &(ItemKey, Seq), content: &Content) -> Option<Lines> {
        if matches!(version.0.slot.kind, Kind::UserPhoto | Kind::ComparisonPhoto) {
            return None;
        }
        let rendering = Rendering::of(&version.0.slot, &self.view.capability)?;
        let lines = command_texts(&rendering.update(&version.0, content));
        self.shared.stage_lines(version, rendering, &lines);
        Some(lines)
    }

    /// A photo, inside the command or as a URL. The line is finished after the commit, because scaling a photo takes long.
    async fn photo(&mut self, send: &Send, photo: &Photo) -> Result<Option<ReplyLine>, StoreError> {
        let (key, capability) = (&send.key, &self.view.capability);
        let id = line_id(&send.wire_id, 0).parse::<CommandId>();
        let seq = self.view.item(key).map(|item| item.seq);
        let (Ok(id), Some(seq), Some(limit)) = (id, seq, capability.photo_limit(&key.slot)) else {
            return Ok(None);
        };
        let version = PhotoVersion { key: key.clone(), seq, most_bytes: limit.bytes };
        let by_url = self.row.options.photo_delivery == Some(PhotoDelivery::Url);
        let source = if by_url && capability.accepts_photo_url(&key.slot) {
            let token = offered_file::token(&self.context.entropy);
            let expires_at = self.now.plus(offered_file::FETCH_MS);
            let offer = OfferedPhoto { photo: version, device: self.row.id, expires_at };
            self.tx.offer_photo(&token, &offer).await?;
            PhotoSource::Url(offered_file::url(&token, PHOTO_NAME))
        } else {
            PhotoSource::Inline(UnscaledPhoto { version, photo: photo.clone() })
        };
        tracing::debug!(
            device.serial_number = %self.row.serial_number, command.id = %send.wire_id, item.kind = %key.slot,
            by_url, "photo sent"
        );
        let post_back_template = self.view.asks_for_template(key);
        let capability = capability.clone();
        Ok(Some(ReplyLine::Photo(Box::new(PhotoLine {
            id,
            key: key.clone(),
            source,
            post_back_template,
            capability,
        }))))
    }
}

/// The texts of commands, without their IDs.
fn command_texts(commands: &[Command<'_>]) -> Lines {
    let text = |command: &Command<'_>| {
        let mut text = Vec::new();
        command.write_text(&mut text);
        text
    };
    commands.iter().map(text).collect()
}
