//! Fleets of devices that poll at an interval and execute commands immediately.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::clock::{Duration, now};
use crate::device::Device;
use crate::latency::Latencies;
use crate::line::Refused;
use crate::load::{count, paced};

/// The measurements of a fleet.
#[derive(Debug, Default)]
pub struct Seen {
    /// Latency of polls, counted from the scheduled time of a poll.
    pub polls: Latencies,
    /// The acknowledgements, unordered.
    pub acknowledged: Vec<Acknowledged>,
    /// Number of polls and acknowledgements that were refused with 503.
    pub refused: usize,
}

/// An acknowledgement that the server accepted with `OK`.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// Index of the device in the fleet.
    pub device: usize,
    /// The time.
    pub at: Instant,
    /// Number of commands.
    pub commands: usize,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.polls.add(&other.polls);
        self.acknowledged.extend(other.acknowledged);
        self.refused += other.refused;
    }
}

/// Lets devices poll once per interval, spread evenly, while `go_on` is true of the time since the first poll. A
/// device acknowledges commands immediately, and its next poll comes at the scheduled time. A request that is
/// refused with 503 is repeated at the time of the next poll.
///
/// # Errors
/// The first device that fails.
pub async fn polls(
    devices: Vec<Device>,
    interval: Duration,
    go_on: impl Fn(Duration) -> bool + Send + 'static,
) -> anyhow::Result<(Vec<Device>, Seen)> {
    let times = paced(devices.len(), count(devices.len()) / interval.as_secs_f64(), go_on);
    let mut tasks = JoinSet::new();
    for (number, (device, times)) in devices.into_iter().zip(times).enumerate() {
        tasks.spawn(alone(number, device, times));
    }
    let (mut devices, mut all) = (Vec::new(), Seen::default());
    while let Some(done) = tasks.join_next().await {
        let (device, seen) = done??;
        devices.push(device);
        all.add(seen);
    }
    Ok((devices, all))
}

/// One device of a fleet, which polls at the received times.
async fn alone(
    number: usize,
    mut device: Device,
    mut times: UnboundedReceiver<Instant>,
) -> anyhow::Result<(Device, Seen)> {
    let mut seen = Seen::default();
    let mut work = None;
    while let Some(meant) = times.recv().await {
        if work.is_none() {
            match device.poll().await {
                Ok(found) => work = found,
                Err(error) if error.is::<Refused>() => seen.refused += 1,
                Err(error) => return Err(error),
            }
            seen.polls.note(meant.elapsed());
        }
        let Some((acknowledgement, commands)) = &work else { continue };
        match device.acknowledge(acknowledgement).await {
            Ok(()) => {
                seen.acknowledged.push(Acknowledged { device: number, at: now(), commands: *commands });
                work = None;
            }
            Err(error) if error.is::<Refused>() => seen.refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((device, seen))
}
