//! `GET /health`: the state of the server. The listener for people gives the same answer.

use bytes::Bytes;
use fleet::view::sync_status::ONLINE_MS;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use store::StoreError;

use crate::context::Context;
use crate::http::response::Answer;

/// The state of the server.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// `ok`, or `database` if the database does not answer.
    pub status: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The kind of database.
    pub database: String,
    /// Devices of the fleet that were seen within the last minutes.
    pub devices_online: i64,
    /// Devices of the fleet.
    pub devices: i64,
    /// Devices that wait for approval.
    pub devices_waiting: i64,
    /// Removals that a device failed often: the item may still be on it.
    pub removals_failed: i64,
    /// Open connections of devices to this server.
    pub connections: usize,
    /// Maximum number of these connections.
    pub max_connections: usize,
    /// Connections above the maximum since the start, refused with 503.
    pub refused_connections: u64,
    /// Device requests that hold a request slot.
    pub requests: usize,
    /// Maximum number of these requests.
    pub max_requests: usize,
    /// Device requests since the start that got no slot in time, refused with 503.
    pub refused_requests: u64,
}

impl Health {
    /// Whether the server can do its work.
    pub fn ok(&self) -> bool {
        self.status == "ok"
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The answer of the device listener.
    pub fn answer(&self, status: StatusCode) -> Answer {
        let mut answer = Response::new(Full::new(Bytes::from(self.json())));
        *answer.status_mut() = status;
        let json = http::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
        answer
    }
}

/// Reads the state from the database.
pub async fn health(context: &Context) -> Health {
    let counts = async {
        let mut tx = context.store.read().await?;
        let devices = tx.device_counts(context.clock.now().plus(-ONLINE_MS)).await?;
        Ok::<_, StoreError>((devices, tx.count_failed_removals().await?))
    }
    .await;
    let (status, (counts, removals_failed)) = match counts {
        Ok(counts) => ("ok", counts),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            ("database", ((0, 0, 0), 0))
        }
    };
    Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        database: format!("{:?}", context.store.engine()).to_lowercase(),
        devices_online: counts.0,
        devices: counts.1,
        devices_waiting: counts.2,
        removals_failed,
        connections: context.limits.connections(),
        max_connections: context.config.max_connections,
        refused_connections: context.limits.refused_connections(),
        requests: context.limits.requests(),
        max_requests: context.config.max_requests,
        refused_requests: context.limits.refused_requests(),
    }
}
