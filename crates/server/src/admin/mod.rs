//! The listener for people and their tools; `GET /health` also on the device listener.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use serde::Serialize;
use store::StoreError;

use crate::app::App;
use crate::device::Answer;
use crate::fleet::status::ONLINE_MS;

/// How the server is.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// `ok`, or `database` when that does not answer.
    pub status: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The kind of database.
    pub database: String,
    /// Devices of the fleet heard of within the last minutes.
    pub devices_online: i64,
    /// Devices of the fleet.
    pub devices: i64,
    /// Devices that wait for approval.
    pub devices_waiting: i64,
    /// Removals that devices failed often: what is to be removed may still be on them.
    pub removals_failed: i64,
    /// Open connections of devices to this server.
    pub connections: usize,
    /// How many of them it serves at a time.
    pub max_connections: usize,
    /// How many came above that since the start, and were told to come again.
    pub refused_connections: u64,
    /// Requests of devices that are at work.
    pub requests: usize,
    /// How many of them are at a time.
    pub max_requests: usize,
    /// How many requests of devices got no turn since the start, and were told to come again.
    pub refused_requests: u64,
}

impl Health {
    /// Whether it can do its work.
    pub fn ok(&self) -> bool {
        self.status == "ok"
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As an answer of the device listener.
    pub(crate) fn answer(&self, status: StatusCode) -> Answer {
        let mut answer = Response::new(Full::new(Bytes::from(self.json())));
        *answer.status_mut() = status;
        let json = http::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
        answer
    }
}

/// Asks the database how the fleet is.
pub async fn health(app: &App) -> Health {
    let counts = async {
        let mut tx = app.store.read().await?;
        let devices = tx.device_counts(app.clock.now().plus(-ONLINE_MS)).await?;
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
        database: format!("{:?}", app.store.engine()).to_lowercase(),
        devices_online: counts.0,
        devices: counts.1,
        devices_waiting: counts.2,
        removals_failed,
        connections: app.load.connections(),
        max_connections: app.config.most_connections,
        refused_connections: app.load.refused_connections(),
        requests: app.load.requests(),
        max_requests: app.config.most_requests,
        refused_requests: app.load.refused_requests(),
    }
}

async fn get_health(State(app): State<App>) -> Response {
    let asking = app.clone();
    let Some(health) = app.finish(async move { health(&asking).await }).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = if health.ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(health)).into_response()
}

/// The routes.
pub fn router(app: App) -> Router {
    Router::new().route("/health", get(get_health)).with_state(app)
}
