//! The web pages on which people view, approve and refuse calls.
//!
//! Handlers ([`pages`], [`decide`], [`refuse_several`], [`sign_in`]) authenticate requests and read the
//! database. All other modules only produce HTML. Every page works without the script.

mod account_forms;
mod approval;
mod arguments;
mod assets;
mod badge;
mod context;
mod decide;
mod decision_forms;
mod earlier;
mod error_page;
mod headers;
mod history;
mod layout;
pub mod lookalike;
mod pages;
pub mod path;
mod pending;
mod refuse_several;
mod sign_in;
mod text;
mod times;
pub mod unseen;
mod warnings;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::header;
use axum::middleware::map_response;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};

use crate::app::AppState;

/// The largest form, in bytes: room for the longest reason with every character escaped.
const MAX_FORM: usize = 32 * 1024;

/// Returns the routes of the pages, and the fallback for all other paths.
pub fn routes() -> Router<AppState> {
    let mut router = Router::new()
        .route("/", get(pages::list))
        .route("/history", get(pages::history))
        .route("/refuse", get(pages::back_to_list).post(refuse_several::refuse_several))
        .route("/approvals/{id}", get(pages::approval))
        .route("/approvals/{id}/arguments", get(pages::arguments))
        .route("/approvals/{id}/params", get(pages::params))
        .route("/approvals/{id}/approve", get(pages::back_to_approval).post(decide::approve))
        .route("/approvals/{id}/refuse", get(pages::back_to_approval).post(decide::refuse))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/invitations/{secret}", get(sign_in::invitation).post(sign_in::redeem));
    for asset in assets::Asset::all() {
        router = router.route(asset.path, get(move |query| serve(asset, query)));
    }
    router
        .fallback(context::not_found)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(map_response(headers::add))
}

/// Serves an asset. A URL with the current version may be cached forever.
async fn serve(asset: &'static assets::Asset, RawQuery(query): RawQuery) -> axum::response::Response {
    let kept = match asset.is_version(query.as_deref()) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    ([(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, kept)], asset.content)
        .into_response()
}
