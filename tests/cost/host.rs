//! An in-memory proxy for the module: the proxy-wasm 0.2.1 calls that this filter uses, each answered as
//! Envoy 1.40 does.

pub mod claims;
mod process;
mod stream;
mod wasi;

use std::collections::{BTreeMap, HashMap};

use wasmi::{Caller, Engine, Error, Linker, Memory, Module, TypedFunc};

/// The fixed time, in nanoseconds since the Unix epoch: 2026-01-01T00:00:00Z.
pub const NOW_NS: u64 = 1_767_225_600_000_000_000;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CAS_MISMATCH: u32 = 8;

/// What a call returns, or why the module traps.
type Status = Result<u32, Error>;

/// A list of header names and values.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The module's own answer to a request.
#[derive(Debug, Default)]
pub struct Reply {
    pub status: u32,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The state of the stream whose callback is running.
#[derive(Debug, Default)]
pub struct Stream {
    /// The dynamic metadata, as Envoy writes it
    pub metadata: Vec<u8>,
    pub request_headers: Headers,
    pub request_body: Vec<u8>,
    pub response_headers: Headers,
    pub response_body: Vec<u8>,
    /// A request that the module has sent elsewhere: the callback for its answer, and the token.
    pub asked: Option<(&'static str, u32)>,
    pub answer_headers: Headers,
    pub answer_body: Vec<u8>,
    pub reply: Option<Reply>,
    /// The module has resumed a paused request.
    pub resumed: bool,
    pub filter_state: HashMap<Vec<u8>, Vec<u8>>,
}

/// One process with one worker.
#[derive(Debug, Default)]
pub struct Host {
    pub configuration: Vec<u8>,
    pub stream: Stream,
    /// The module's calls by name since the last reading.
    pub calls: BTreeMap<String, u64>,
    /// The calls to the module since the last reading.
    pub callbacks: u64,
    /// What the module has logged.
    pub log: Vec<String>,
    shared: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    last_version: u32,
    last_token: u32,
    metrics: Vec<(Vec<u8>, i64)>,
    random: u64,
    module: Option<Callee>,
}

/// The exports that the host needs.
#[derive(Debug, Clone, Copy)]
pub struct Callee {
    pub memory: Memory,
    pub allocate: TypedFunc<u32, u32>,
}

/// Links a module with this host. Imports that this host does not know trap when they are called.
///
/// # Errors If two calls have the same name.
pub fn link(engine: &Engine, module: &Module) -> Result<Linker<Host>, Error> {
    let mut linker = Linker::new(engine);
    stream::link(&mut linker)?;
    process::link(&mut linker)?;
    wasi::link(&mut linker)?;
    linker.allow_shadowing(false);
    for import in module.imports() {
        let (from, name) = (import.module().to_owned(), import.name().to_owned());
        let Some(kind) = import.ty().func() else { continue };
        let unknown = format!("the host does not know {from}.{name}");
        // Calls that are defined already are kept.
        let _ = linker.func_new(&from, &name, kind.clone(), move |_, _, _| Err(Error::new(unknown.clone())));
    }
    Ok(linker)
}

impl Host {
    /// Gives the host the module that it calls back into.
    pub fn attach(&mut self, module: Callee) {
        self.module = Some(module);
    }

    fn count(&mut self, call: &str) {
        match self.calls.get_mut(call) {
            Some(count) => *count += 1,
            None => drop(self.calls.insert(call.to_owned(), 1)),
        }
    }

    fn callee(&self) -> Result<Callee, Error> {
        self.module.ok_or_else(|| Error::new("the module makes calls before it is linked"))
    }
}

/// A running call of the module.
struct Call<'a>(Caller<'a, Host>);

impl<'a> Call<'a> {
    fn new(mut caller: Caller<'a, Host>, name: &str) -> Self {
        caller.data_mut().count(name);
        Self(caller)
    }

    fn host(&mut self) -> &mut Host {
        self.0.data_mut()
    }

    fn read(&self, at: u32, size: u32) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; size as usize];
        self.0.data().callee()?.memory.read(&self.0, at as usize, &mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let memory = self.0.data().callee()?.memory;
        Ok(memory.write(&mut self.0, at as usize, bytes)?)
    }

    /// Lets the module allocate memory, writes the bytes there, and returns the address. Without bytes it
    /// returns no address.
    fn give(&mut self, bytes: &[u8], place: u32, size: u32) -> Result<(), Error> {
        let mut at = 0;
        if !bytes.is_empty() {
            let allocate = self.0.data().callee()?.allocate;
            self.host().callbacks += 1;
            at = allocate.call(&mut self.0, bytes.len() as u32)?;
            self.write(at, bytes)?;
        }
        self.write(place, &at.to_le_bytes())?;
        self.write(size, &(bytes.len() as u32).to_le_bytes())
    }
}
