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
        let Some((body, _)) = answer(request).await else { return };
        let same = |again: ServerJsonRpcMessage| {
            serde_json::to_value(again).ok() == serde_json::to_value(before).ok()
        };
        if serde_json::from_str(&body).is_ok_and(same) {
            self.keep(&body);
        }
    }

    /// Asks once more for an answer that the client could not read because of numbers that it cannot hold, and reads zeros
    /// in their place. `None` if that was not the reason.
    async fn with_zeros(&self, request: reqwest::RequestBuilder) -> Option<StreamableHttpPostResponse> {
        let (body, session) = answer(request).await?;
        let message = serde_json::from_str(&self.heard.with_zeros(&body)?).ok()?;
        self.keep(&body);
        Some(StreamableHttpPostResponse::Json(message, session))
    }

    /// Keeps one message as one line. Line feeds are only spaces of JSON.
    fn keep(&self, message: &str) {
        self.heard.add(message.replace('\n', " ").as_bytes());
        self.heard.add(b"\n");
    }
}

/// Sends a request. Returns the body of the answer and its session, or `None` if there is no such answer.
async fn answer(request: reqwest::RequestBuilder) -> Option<(String, Option<String>)> {
    let mut response = request.send().await.ok()?;
    let session = response.headers().get("mcp-session-id").and_then(|session| session.to_str().ok());
    let session = session.map(str::to_owned);
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        if body.len().saturating_add(piece.len()) > MOST_BYTES {
            return None;
        }
        body.extend_from_slice(&piece);
    }
    Some((String::from_utf8(body).ok()?, session))
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
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if lists => return self.with_zeros(request).await.ok_or(error),
            Err(error) => return Err(error),
        };
        Ok(match answer {
            StreamableHttpPostResponse::Json(message, session) if lists => {
                self.again(request, &message).await;
                StreamableHttpPostResponse::Json(message, session)
            }
            StreamableHttpPostResponse::Sse(events, session) if lists => {
                let client = self.clone();
                let events = events.map(move |event| {
                    event.map(|event| {
                        let Some(data) = &event.data else { return event };
                        client.keep(data);
                        let data = client.heard.with_zeros(data).or(event.data);
                        Sse { data, ..event }
                    })
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
