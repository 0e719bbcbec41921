//! One worker that runs the module: it calls the module in the order in which Envoy 1.40 does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmi::{Config, Engine as Wasmi, Error, Global, Instance, Linker, Module, Store, Val};

use crate::host::{self, Callee, Headers, Host, Stream};
use crate::meter::{ALLOCATIONS, FUNCTION, Metered, OPERATIONS};
use crate::requests::{Outcome, Request};

const ROOT: u32 = 1;
const CONTINUE: u32 = 0;

/// What something cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Wasm operations
    pub operations: u64,
    /// Calls of the allocator
    pub allocations: u64,
    /// Calls of the module by the host
    pub callbacks: u64,
    /// Calls of the host by the module, by name
    pub calls: BTreeMap<String, u64>,
}

/// The module, compiled once for all workers.
#[derive(Debug)]
pub struct Engine {
    module: Module,
    linker: Linker<Host>,
}

impl Engine {
    /// Compiles a module.
    ///
    /// # Errors If it is not valid.
    pub fn new(metered: &Metered) -> Result<Self, Error> {
        let engine = Wasmi::new(&Config::default());
        let module = Module::new(&engine, &metered.wasm)?;
        let linker = host::link(&engine, &module)?;
        Ok(Self { module, linker })
    }

    /// Starts a worker with a policy, and returns it with what loading the policy cost.
    ///
    /// # Errors If the module refuses the policy.
    pub fn worker(&self, policy: &[u8]) -> Result<(Worker, Counts), Error> {
        let mut store = Store::new(self.linker.engine(), Host::default());
        let instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        let missing = |what: &str| Error::new(format!("the module does not export {what}"));
        let memory = instance.get_memory(&store, "memory").ok_or_else(|| missing("memory"))?;
        let allocate = instance.get_typed_func(&store, "proxy_on_memory_allocate")?;
        store.data_mut().attach(Callee { memory, allocate });
        store.data_mut().configuration = policy.to_vec();
        let [operations, allocations] = [OPERATIONS, ALLOCATIONS]
            .map(|name| instance.get_global(&store, name).ok_or_else(|| missing(name)));
        let mut worker = Worker {
            store,
            instance,
            operations: operations?,
            allocations: allocations?,
            last_context: ROOT,
        };
        worker.call("_initialize", &[])?;
        worker.call("proxy_on_context_create", &[ROOT, 0])?;
        worker.call("proxy_on_vm_start", &[ROOT, 0])?;
        worker.taken();
        if worker.call("proxy_on_configure", &[ROOT, policy.len() as u32])? != 1 {
            return Err(Error::new(format!("the policy is refused: {:?}", worker.store.data().log)));
        }
        let loaded = worker.taken();
        Ok((worker, loaded))
    }
}

/// An instance of the module.
#[derive(Debug)]
pub struct Worker {
    store: Store<Host>,
    instance: Instance,
    operations: Global,
    allocations: Global,
    last_context: u32,
}

impl Worker {
    /// Returns how many operations each function has run so far, by the function's index.
    pub fn by_function(&self) -> BTreeMap<u32, u64> {
        let exports = self.instance.exports(&self.store);
        let counted = exports.filter_map(|export| {
            let index = export.name().strip_prefix(FUNCTION)?.parse().ok()?;
            let count = export.into_global()?.get(&self.store).i64()?;
            Some((index, u64::try_from(count).ok()?))
        });
        counted.collect()
    }

    /// Runs a request and its answer through the module. Returns the cost and the outcome.
    ///
    /// # Errors If the module traps.
    pub fn exchange(&mut self, request: &Request) -> Result<(Counts, Outcome), Error> {
        self.taken();
        let (request_headers, metadata) = (request.headers.clone(), request.metadata.clone());
        self.store.data_mut().stream = Stream { request_headers, metadata, ..Stream::default() };
        self.last_context += 1;
        let context = self.last_context;
        self.call("proxy_on_context_create", &[context, ROOT])?;
        let passed = self.request(context, request)?;
        let outcome = match self.store.data_mut().stream.reply.take() {
            Some(reply) => {
                let code = reply.headers.iter().find(|(name, _)| name == b"x-mcp-policy");
                let code = code.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
                let outcome = Outcome::Refused(code.unwrap_or_default());
                let status = (b":status".to_vec(), reply.status.to_string().into_bytes());
                let headers = [status].into_iter().chain(reply.headers).collect();
                self.respond(context, headers, &[reply.body], true)?;
                outcome
            }
            None if passed => {
                let response = &request.response;
                self.respond(context, response.headers.clone(), &response.chunks, false)?;
                Outcome::Passed
            }
            None => Outcome::Stuck,
        };
        self.call("proxy_on_delete", &[context])?;
        Ok((self.taken(), outcome))
    }

    /// Returns the record of the last exchange; nothing if it left none.
    pub fn record(&self) -> String {
        let state = &self.store.data().stream.filter_state;
        let record = state.iter().find(|(path, _)| path.ends_with(b"mcp_policy_audit"));
        record.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }

    /// Fires the worker's timer and returns the cost.
    ///
    /// # Errors If the module traps.
    pub fn tick(&mut self) -> Result<Counts, Error> {
        self.taken();
        self.call("proxy_on_tick", &[ROOT])?;
        Ok(self.taken())
    }

    /// Sends a request and returns whether all of it is forwarded.
    fn request(&mut self, context: u32, request: &Request) -> Result<bool, Error> {
        let bodiless = request.body.is_empty();
        let count = request.headers.len() as u32;
        let mut flow = self.call("proxy_on_request_headers", &[context, count, bodiless.into()])?;
        if !bodiless && self.store.data().stream.reply.is_none() {
            // Envoy's HTTP/1 codec delivers a body first, and its end separately.
            self.store.data_mut().stream.request_body = request.body.clone();
            flow = self.call("proxy_on_request_body", &[context, request.body.len() as u32, 0])?;
            if flow == CONTINUE {
                self.store.data_mut().stream.request_body.clear();
            }
            let left = self.store.data().stream.request_body.len() as u32;
            if self.store.data().stream.reply.is_none() {
                flow = self.call("proxy_on_request_body", &[context, left, 1])?;
            }
        }
        if let Some((callback, token)) = self.store.data_mut().stream.asked.take() {
            let stream = &mut self.store.data_mut().stream;
            stream.answer_headers.clone_from(&request.answer.headers);
            stream.answer_body = request.answer.chunks.concat();
            let sizes = [stream.answer_headers.len() as u32, stream.answer_body.len() as u32];
            match callback {
                "proxy_on_grpc_receive" => self.call(callback, &[ROOT, token, sizes[1]])?,
                _ => self.call(callback, &[ROOT, token, sizes[0], sizes[1], 0])?,
            };
            return Ok(self.store.data().stream.resumed);
        }
        Ok(flow == CONTINUE)
    }

    /// Sends an answer. The module's own answers end with the body, a server's after it.
    fn respond(
        &mut self,
        context: u32,
        headers: Headers,
        chunks: &[Vec<u8>],
        own: bool,
    ) -> Result<(), Error> {
        let count = headers.len() as u32;
        self.store.data_mut().stream.response_headers = headers;
        self.call("proxy_on_response_headers", &[context, count, 0])?;
        for chunk in chunks {
            self.response_body(context, chunk, own)?;
        }
        if own { Ok(()) } else { self.response_body(context, &[], true) }
    }

    fn response_body(&mut self, context: u32, chunk: &[u8], end: bool) -> Result<(), Error> {
        self.store.data_mut().stream.response_body.extend(chunk);
        let size = self.store.data().stream.response_body.len() as u32;
        if self.call("proxy_on_response_body", &[context, size, end.into()])? == CONTINUE {
            self.store.data_mut().stream.response_body.clear();
        }
        Ok(())
    }

    /// Calls an export and returns its result, or 0 if it has none. As in Envoy, a callback that is not
    /// exported is skipped and counts as "continue".
    fn call(&mut self, name: &str, arguments: &[u32]) -> Result<u32, Error> {
        let Some(function) = self.instance.get_func(&self.store, name) else { return Ok(CONTINUE) };
        self.store.data_mut().callbacks += 1;
        let arguments: Vec<Val> = arguments.iter().map(|value| Val::I32(value.cast_signed())).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let called = function.call(&mut self.store, &arguments, &mut results);
        called.map_err(|error| Error::new(format!("{name}: {error}; log: {:?}", self.store.data().log)))?;
        Ok(results.first().and_then(Val::i32).unwrap_or(0).cast_unsigned())
    }

    /// Returns the counts since the last call of this function.
    fn taken(&mut self) -> Counts {
        let counted = [self.operations, self.allocations].map(|counter| {
            let value = counter.get(&self.store).i64().unwrap_or_default();
            counter.set(&mut self.store, Val::I64(0)).expect("the counters are mutable");
            value.cast_unsigned()
        });
        let host = self.store.data_mut();
        let (callbacks, calls) = (std::mem::take(&mut host.callbacks), std::mem::take(&mut host.calls));
        Counts { operations: counted[0], allocations: counted[1], callbacks, calls }
    }
}
