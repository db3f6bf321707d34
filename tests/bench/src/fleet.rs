//! Devices that poll at their intervals, and do at once what they are told.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::clock::{Duration, now};
use crate::device::Device;
use crate::latency::Latencies;
use crate::load::{count, paced};

/// What a fleet saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// From when a poll was to be sent to its answer.
    pub polls: Latencies,
    /// When commands were acknowledged, and how many, in no order.
    pub acknowledged: Vec<(Instant, usize)>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.polls.add(&other.polls);
        self.acknowledged.extend(other.acknowledged);
    }
}

/// Lets devices poll, each once an interval and all of them spread evenly over it, as long as `go_on` of the time since the
/// first poll. Work that a poll brings is acknowledged at once; the next poll comes at its time.
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
    for (mut device, mut times) in devices.into_iter().zip(times) {
        tasks.spawn(async move {
            let mut seen = Seen::default();
            while let Some(meant) = times.recv().await {
                let work = device.poll().await?;
                seen.polls.note(meant.elapsed());
                if let Some((acknowledgement, commands)) = work {
                    device.acknowledge(&acknowledgement).await?;
                    seen.acknowledged.push((now(), commands));
                }
            }
            anyhow::Ok((device, seen))
        });
    }
    let (mut devices, mut all) = (Vec::new(), Seen::default());
    while let Some(done) = tasks.join_next().await {
        let (device, seen) = done??;
        devices.push(device);
        all.add(seen);
    }
    Ok((devices, all))
}
