//! Facts about a module.

use std::collections::BTreeMap;
use std::error::Error;

use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// The names of the functions that allocate, without rustc's mangling.
const ALLOCATORS: [&str; 3] = ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"];

/// What must be known about a module before it is rewritten.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// How many functions it imports
    pub(super) imported: u32,
    /// How many functions it defines
    pub(super) functions: u32,
    /// The names of its functions
    pub(super) names: BTreeMap<u32, String>,
    /// How many globals it has, imported ones too
    pub(super) globals: u32,
    /// The functions that allocate
    pub(super) allocators: Vec<u32>,
    /// The version of the compiler that made it
    pub(super) rustc: String,
}

impl Found {
    /// Reads a module.
    ///
    /// # Errors If it cannot be read, or does not name the functions that allocate.
    pub(super) fn of(wasm: &[u8]) -> Result<Self, Box<dyn Error>> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports {
                        match import?.ty {
                            TypeRef::Func(_) => found.imported += 1,
                            TypeRef::Global(_) => found.globals += 1,
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(functions) => found.functions = functions.count(),
                Payload::GlobalSection(globals) => found.globals += globals.count(),
                Payload::CustomSection(section) => found.custom(section.as_known())?,
                _ => {}
            }
        }
        if found.allocators.is_empty() {
            return Err(
                format!("the module names none of {ALLOCATORS:?}: is its name section missing?").into()
            );
        }
        Ok(found)
    }

    fn custom(&mut self, section: KnownCustom<'_>) -> Result<(), Box<dyn Error>> {
        match section {
            KnownCustom::Name(names) => {
                for name in names {
                    let Name::Function(functions) = name? else { continue };
                    for function in functions {
                        let function = function?;
                        self.names.insert(function.index, function.name.to_owned());
                        if ALLOCATORS.iter().any(|allocator| function.name.ends_with(allocator)) {
                            self.allocators.push(function.index);
                        }
                    }
                }
            }
            KnownCustom::Producers(fields) => {
                for field in fields {
                    for value in field?.values {
                        let value = value?;
                        if value.name == "rustc" {
                            self.rustc = value.version.split(' ').next().unwrap_or_default().to_owned();
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
