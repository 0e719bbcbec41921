//! The answers: yes to each question that has the whole body.

use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessor;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyResponse, HeadersResponse, HttpBody, ProcessingRequest, ProcessingResponse, processing_request,
    processing_response,
};
use envoy_types::pb::google::rpc;
use futures_util::StreamExt as _;
use futures_util::stream::Map;
use tonic::{Request, Response, Status, Streaming};

/// Allows everything.
#[derive(Debug)]
pub struct Allow;

#[tonic::async_trait]
impl Authorization for Allow {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let asked =
            request.get_ref().attributes.as_ref().and_then(|about| about.request.as_ref()?.http.as_ref());
        if !asked.is_some_and(is_whole) {
            return Err(Status::invalid_argument("the question does not have the whole body"));
        }
        // Code 0 is OK.
        let status = rpc::Status { code: 0, ..Default::default() };
        Ok(Response::new(CheckResponse { status: Some(status), ..Default::default() }))
    }
}

#[tonic::async_trait]
impl ExternalProcessor for Allow {
    type ProcessStream = Map<
        Streaming<ProcessingRequest>,
        fn(Result<ProcessingRequest, Status>) -> Result<ProcessingResponse, Status>,
    >;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        Ok(Response::new(request.into_inner().map(|message| continued(message?))))
    }
}

/// Tells whether a question of `ext_authz` has a body, and as much of it as its `content-length` says.
fn is_whole(http: &HttpRequest) -> bool {
    !http.raw_body.is_empty() && usize::try_from(http.size) == Ok(http.raw_body.len())
}

/// Answers one message of `ext_proc`.
fn continued(message: ProcessingRequest) -> Result<ProcessingResponse, Status> {
    use processing_request::Request as Asked;
    use processing_response::Response as Answer;

    let answer = match message.request {
        Some(Asked::RequestHeaders(_)) => Answer::RequestHeaders(HeadersResponse::default()),
        Some(Asked::RequestBody(HttpBody { body, end_of_stream: true, .. })) if !body.is_empty() => {
            Answer::RequestBody(BodyResponse::default())
        }
        _ => return Err(Status::invalid_argument("the message is neither headers nor a whole body")),
    };
    Ok(ProcessingResponse { response: Some(answer), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ext_authz_has_sent_the_whole_body_if_it_is_as_long_as_the_request_says() {
        for (size, body, whole) in
            [(4, "body", true), (5, "body", false), (-1, "body", false), (0, "", false)]
        {
            let http = HttpRequest { size, raw_body: body.into(), ..Default::default() };
            assert_eq!(is_whole(&http), whole, "{size} {body:?}");
        }
    }

    #[test]
    fn ext_proc_continues_only_with_a_whole_body() {
        for (body, end_of_stream, whole) in [("body", true, true), ("body", false, false), ("", true, false)]
        {
            let body = HttpBody { body: body.into(), end_of_stream, ..Default::default() };
            let request = Some(processing_request::Request::RequestBody(body));
            let answer = continued(ProcessingRequest { request, ..Default::default() });
            assert_eq!(answer.is_ok(), whole, "{answer:?}");
        }
    }
}
