//! The pages, where a person approves or refuses one very call.
//!
//! Handlers ([`look`], [`decide`], [`enter`]) find out who asks and what there is; everything else
//! turns that into markup and knows nothing of requests. Everything works without the script.

mod account;
mod approval;
mod arguments;
mod assets;
mod badge;
mod clock;
mod decide;
mod decision;
mod enter;
mod frame;
mod headers;
mod history;
mod look;
pub mod odd;
pub mod path;
mod person;
mod text;
mod trouble;
mod waiting;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::header;
use axum::middleware::map_response;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};

use crate::app::AppState;

/// The most bytes of a form: a reason of its most characters, each of them escaped.
const MOST_FORM: usize = 32 * 1024;

/// Returns the routes of the pages, and the page for where nothing is.
pub fn routes() -> Router<AppState> {
    let mut router = Router::new()
        .route("/", get(look::list))
        .route("/history", get(look::past))
        .route("/approvals/{id}", get(look::one))
        .route("/approvals/{id}/arguments", get(look::arguments))
        .route("/approvals/{id}/approve", get(look::back).post(decide::approve))
        .route("/approvals/{id}/refuse", get(look::back).post(decide::refuse))
        .route("/sign-in", get(enter::door).post(enter::sign_in))
        .route("/sign-out", post(enter::sign_out))
        .route("/invitations/{secret}", get(enter::invitation).post(enter::redeem));
    for asset in assets::Asset::all() {
        router = router.route(asset.path, get(move |query| serve(asset, query)));
    }
    router.fallback(enter::nowhere).layer(DefaultBodyLimit::max(MOST_FORM)).layer(map_response(headers::add))
}

/// Serves an asset, to be kept forever by whoever asks for this very version.
async fn serve(asset: &'static assets::Asset, RawQuery(query): RawQuery) -> axum::response::Response {
    let kept = match asset.is_version(query.as_deref()) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    ([(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, kept)], asset.content)
        .into_response()
}
