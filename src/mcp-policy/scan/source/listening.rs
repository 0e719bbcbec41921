//! An HTTP client whose answers to `tools/list` are kept byte for byte.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    StreamableHttpResponseLimits,
};
use sse_stream::Sse;

use super::connect::MOST_BYTES;
use super::heard::Heard;

type Error = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

/// A client, and what it has heard.
#[derive(Debug, Clone)]
pub struct Listening {
    client: reqwest::Client,
    heard: Heard,
}

impl Listening {
    /// Makes a client that keeps what this one reads.
    pub fn new(client: reqwest::Client, heard: Heard) -> Self {
        Self { client, heard }
    }

    /// Asks once more for an answer that the client has read and not kept. Keeps it only if the client reads it as the
    /// answer before.
    async fn again(&self, request: reqwest::RequestBuilder, before: &ServerJsonRpcMessage) {
        let Ok(mut response) = request.send().await else { return };
        let mut body = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            if body.len().saturating_add(piece.len()) > MOST_BYTES {
                return;
            }
            body.extend_from_slice(&piece);
        }
        let same = |again: ServerJsonRpcMessage| {
            serde_json::to_value(again).ok() == serde_json::to_value(before).ok()
        };
        if serde_json::from_slice(&body).is_ok_and(same) {
            // One message is one line here: line feeds are only spaces of JSON.
            body.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
            self.heard.add(&body);
            self.heard.add(b"\n");
        }
    }
}

impl StreamableHttpClient for Listening {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, token, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let lists = matches!(&message, JsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::ListToolsRequest(_)));
        let mut request =
            self.client.post(uri.as_ref()).header(ACCEPT, "text/event-stream, application/json");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        if let Some(session) = &session {
            request = request.header("mcp-session-id", session.as_ref());
        }
        let request = request.json(&message);
        let answer = self
            .client
            .post_message_with_response_limits(uri, message, session, token, headers, limits)
            .await?;
        Ok(match answer {
            StreamableHttpPostResponse::Json(message, session) if lists => {
                self.again(request, &message).await;
                StreamableHttpPostResponse::Json(message, session)
            }
            StreamableHttpPostResponse::Sse(events, session) if lists => {
                let heard = self.heard.clone();
                let events = events.inspect(move |event| {
                    if let Some(data) = event.as_ref().ok().and_then(|event| event.data.as_deref()) {
                        heard.add(data.replace('\n', " ").as_bytes());
                        heard.add(b"\n");
                    }
                });
                StreamableHttpPostResponse::Sse(events.boxed(), session)
            }
            other => other,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<(), Error> {
        self.client.delete_session(uri, session, token, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<Events, Error> {
        self.client.get_stream(uri, session, last, token, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<Events, Error> {
        self.client.get_stream_with_max_sse_event_size(uri, session, last, token, headers, most).await
    }
}
