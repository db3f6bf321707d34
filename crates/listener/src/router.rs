//! Request routing: which endpoint answers a request, and what Muster logs about a refused request.

use http::{Method, StatusCode};
use wire::{Endpoint, Target};

use fleet::offered_file::without_tokens;

use crate::auth;
use crate::context::Context;
use crate::endpoint::{access_control, devicecmd, file, handshake, health, poll, remote_attendance, upload};
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok, text};
use crate::http::unknown_request;
use crate::log_text::{claimed_serial, printable};

/// Answers any request of a device.
pub async fn answer(context: &Context, request: &Request) -> Answer {
    let target = Target::read(&request.path, request.query.as_deref());
    let serial_number = claimed_serial(&target);
    match dispatch(context, request, &target).await {
        Ok(answer) => answer,
        Err(error) => {
            let path = printable(&without_tokens(&request.path));
            match &error {
                DeviceError::Store(cause) => {
                    tracing::error!(
                        device.serial_number = %serial_number, path, %cause,
                        "database error: answered 503; the device keeps its data and retries"
                    );
                }
                DeviceError::NotApproved | DeviceError::NotAdmitted | DeviceError::OtherKey => {
                    tracing::debug!(device.serial_number = %serial_number, path, %error, "refused");
                }
                _ => tracing::warn!(
                    device.serial_number = %serial_number, peer = %request.peer, path, %error, "refused"
                ),
            }
            error.answer()
        }
    }
}

async fn dispatch(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let post = request.method == Method::POST;
    let is_health = target.endpoint == Endpoint::Other && request.path == "/health";
    if !matches!(target.endpoint, Endpoint::GetRequest | Endpoint::Ping)
        && let Some(serial_number) = target.query.serial_text()
    {
        context.idle_devices.remove(&serial_number);
    }
    match target.endpoint {
        // A poll by HEAD would take commands whose text the device never reads.
        _ if !(post || request.method == Method::GET || is_health) => Err(DeviceError::Method),
        Endpoint::Cdata | Endpoint::Fdata if post => upload::post(context, request, target).await,
        Endpoint::Cdata => {
            if target.query.is("table", "RemoteAtt") {
                return remote_attendance::get(context, request, target).await;
            }
            handshake::get(context, request, target).await
        }
        Endpoint::GetRequest => poll::get(context, request, target).await,
        Endpoint::DeviceCommand if post => devicecmd::post(context, request, target).await,
        Endpoint::DeviceCommand | Endpoint::Ping => {
            auth::authenticate(context, request, target).await?;
            Ok(ok("OK"))
        }
        Endpoint::Exchange => {
            tracing::error!(
                device.serial_number = %claimed_serial(target),
                "the device requires the vendor's encryption, whose ciphers are not public: switch it off on the device, use HTTPS"
            );
            Err(DeviceError::Encrypted)
        }
        Endpoint::Registry | Endpoint::Push | Endpoint::RtData => {
            access_control::register(context, request, target)
        }
        Endpoint::QueryData => access_control::upload(context, request, target).await,
        Endpoint::File if !post => file::get(context, request, target).await,
        Endpoint::Other if !post && file::is_file(&request.path) => file::get(context, request, target).await,
        Endpoint::File | Endpoint::Fdata => Err(DeviceError::NotFound),
        Endpoint::Other if is_health => {
            let health = health::health(context).await;
            let status = if health.ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Ok(health.answer(status))
        }
        Endpoint::Other if post => upload::unknown(context, request, target).await,
        Endpoint::Other => {
            unknown_request::log(request, "unknown path");
            Ok(text(StatusCode::NOT_FOUND, "ERROR: not found"))
        }
    }
}
