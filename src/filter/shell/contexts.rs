//! The callbacks of proxy-wasm: a context for each worker, and one for each stream.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType};

use super::{Envoy, buffer};
use crate::filter::Filter;
use crate::host::{Flow, Token};
use crate::worker::Worker;

/// Makes the root context of a worker.
#[must_use]
pub fn root(context_id: u32) -> Box<dyn RootContext> {
    Box::new(Root { host: Envoy(context_id), worker: None })
}

/// One worker.
struct Root {
    host: Envoy,
    worker: Option<Rc<Worker>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = buffer(BufferType::PluginConfiguration).unwrap_or_default();
        let worker = Worker::configure(&configuration, &self.host);
        let accepted = worker.is_ok();
        // A worker keeps the policy that it has if it refuses a new one.
        if let Ok(worker) = worker {
            self.worker = Some(Rc::new(worker));
        }
        accepted
    }

    fn on_tick(&mut self) {
        if let Some(worker) = &self.worker {
            worker.tick(&self.host);
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(HttpStream(Filter::new(Envoy(context_id), self.worker.clone()))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// One HTTP stream.
struct HttpStream(Filter<Envoy>);

impl Context for HttpStream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, _body: usize, _trailers: usize) {
        // The host reports a failed call with zero headers.
        self.0.answered(Token::Http(token), headers > 0);
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, _size: usize) {
        self.0.rated(Token::Grpc(token), status);
    }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        action(self.0.request_headers(end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        action(self.0.request_body(size, end))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        action(self.0.request_trailers())
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        action(self.0.response_headers(end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        action(self.0.response_body(size, end))
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        action(self.0.response_trailers())
    }
}

fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Pause => Action::Pause,
    }
}
