//! The listener for operators and their tools.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use listener::Listener;

async fn get_health(State(listener): State<Listener>) -> Response {
    let Some(health) = listener.health().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = if health.ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(health)).into_response()
}

/// The routes of this listener.
pub fn router(listener: Listener) -> Router {
    Router::new().route("/health", get(get_health)).with_state(listener)
}
