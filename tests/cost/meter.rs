//! Rewrites a module so that it counts what it does.
//!
//! Two counters are added as exported globals. Every stretch of code without a branch adds the number
//! of its operations to the first one as it ends, so each operation that runs counts once; `block`,
//! `loop`, `else`, `end` and `nop` do nothing and count nothing. `memory.copy` and `memory.fill` count
//! one more for every 8 bytes, as a loop would. The functions by which Rust allocates are found by
//! name, and add one to the second counter when they are entered.

mod found;

use std::collections::BTreeMap;
use std::error::Error;

use found::Found;
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction,
    Module, ValType,
};
use wasmparser::{Operator, Parser};

/// The exported global that counts operations.
pub const OPERATIONS: &str = "cost_operations";

/// The exported global that counts allocations.
pub const ALLOCATIONS: &str = "cost_allocations";

/// The prefix of the exported globals that count the operations of one function; the function's index
/// follows.
pub const FUNCTION: &str = "cost_function_";

/// A module that counts.
#[derive(Debug)]
pub struct Metered {
    /// The module
    pub wasm: Vec<u8>,
    /// The names of its functions by their index, as rustc mangles them
    pub names: BTreeMap<u32, String>,
    /// The version of the compiler that made it
    pub rustc: String,
}

impl Metered {
    /// Rewrites a module.
    ///
    /// # Errors If it cannot be read, or does not name the functions that allocate.
    pub fn of(wasm: &[u8]) -> Result<Self, Box<dyn Error>> {
        let found = Found::of(wasm)?;
        let mut writer = Writer {
            globals: found.globals,
            allocators: found.allocators,
            imported: found.imported,
            functions: found.functions,
            next: found.imported,
        };
        let mut module = Module::new();
        writer.parse_core_module(&mut module, Parser::new(0), wasm)?;
        Ok(Self { wasm: module.finish(), names: found.names, rustc: found.rustc })
    }
}

/// Rewrites a module with counters.
struct Writer {
    /// How many globals it has without the counters
    globals: u32,
    allocators: Vec<u32>,
    /// How many functions it imports
    imported: u32,
    /// How many functions it defines
    functions: u32,
    /// The function whose body comes next
    next: u32,
}

impl Writer {
    fn operations(&self) -> u32 {
        self.globals
    }

    fn allocations(&self) -> u32 {
        self.globals + 1
    }

    /// Holds the length of a copy while it is counted.
    fn length(&self) -> u32 {
        self.globals + 2
    }

    /// Counts the operations of the function of this index.
    fn of_function(&self, index: u32) -> u32 {
        self.globals + 3 + (index - self.imported)
    }

    /// Adds `count` to a counter.
    fn add(&self, to: u32, count: i64, function: &mut Function) {
        if count > 0 {
            function.instruction(&Instruction::GlobalGet(to));
            function.instruction(&Instruction::I64Const(count));
            function.instruction(&Instruction::I64Add);
            function.instruction(&Instruction::GlobalSet(to));
        }
    }

    /// Counts the length on top of the stack and leaves it there.
    fn add_length(&self, function: &mut Function) {
        function.instruction(&Instruction::GlobalSet(self.length()));
        function.instruction(&Instruction::GlobalGet(self.operations()));
        function.instruction(&Instruction::GlobalGet(self.length()));
        function.instruction(&Instruction::I32Const(3));
        function.instruction(&Instruction::I32ShrU);
        function.instruction(&Instruction::I64ExtendI32U);
        function.instruction(&Instruction::I64Add);
        function.instruction(&Instruction::GlobalSet(self.operations()));
        function.instruction(&Instruction::GlobalGet(self.length()));
    }
}

impl Reencode for Writer {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_global_section(self, globals, section)?;
        let counter = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(counter, &ConstExpr::i64_const(0));
        globals.global(counter, &ConstExpr::i64_const(0));
        globals.global(GlobalType { val_type: ValType::I32, ..counter }, &ConstExpr::i32_const(0));
        for _ in 0..self.functions {
            globals.global(counter, &ConstExpr::i64_const(0));
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(OPERATIONS, ExportKind::Global, self.operations());
        exports.export(ALLOCATIONS, ExportKind::Global, self.allocations());
        for index in (self.imported..).take(usize::try_from(self.functions).unwrap_or(0)) {
            exports.export(&format!("{FUNCTION}{index}"), ExportKind::Global, self.of_function(index));
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        if self.allocators.contains(&self.next) {
            self.add(self.allocations(), 1, &mut function);
        }
        let own = self.of_function(self.next);
        self.next += 1;
        let mut pending = 0;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            pending += i64::from(counts(&operator));
            if ends_a_stretch(&operator) {
                self.add(self.operations(), pending, &mut function);
                self.add(own, pending, &mut function);
                pending = 0;
            }
            if matches!(operator, Operator::MemoryCopy { .. } | Operator::MemoryFill { .. }) {
                self.add_length(&mut function);
            }
            function.instruction(&self.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }
}

/// Tells whether an operation does anything.
fn counts(operator: &Operator<'_>) -> bool {
    use Operator::{Block, Else, End, Loop, Nop};
    !matches!(operator, Block { .. } | Loop { .. } | Else | End | Nop)
}

/// Tells whether the code after an operation can run more or less often than the code before it.
fn ends_a_stretch(operator: &Operator<'_>) -> bool {
    use Operator::{
        Br, BrIf, BrTable, Else, End, If, Loop, Return, ReturnCall, ReturnCallIndirect, Unreachable,
    };
    matches!(
        operator,
        Loop { .. }
            | If { .. }
            | Else
            | End
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | Return
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | Unreachable
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{BlockType, FunctionSection, NameMap, NameSection, TypeSection};
    use wasmi::{Engine, Linker, Store};

    /// `sum(n)` counts down in a loop and calls the allocator in each round.
    fn module() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], []);
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0).function(1);
        let mut globals = GlobalSection::new();
        let global = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(global, &ConstExpr::i32_const(0));
        let mut exports = ExportSection::new();
        exports.export("sum", ExportKind::Func, 0);
        let mut sum = Function::new([]);
        sum.instruction(&Instruction::Loop(BlockType::Empty));
        sum.instruction(&Instruction::Call(1));
        sum.instruction(&Instruction::LocalGet(0));
        sum.instruction(&Instruction::I32Const(1));
        sum.instruction(&Instruction::I32Sub);
        sum.instruction(&Instruction::LocalTee(0));
        sum.instruction(&Instruction::BrIf(0));
        sum.instruction(&Instruction::End);
        sum.instruction(&Instruction::End);
        let mut allocate = Function::new([]);
        allocate.instruction(&Instruction::End);
        let mut code = CodeSection::new();
        code.function(&sum).function(&allocate);
        let mut names = NameMap::new();
        names.append(1, "_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc");
        let mut custom = NameSection::new();
        custom.functions(&names);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&globals).section(&exports).section(&code);
        module.section(&custom);
        module.finish()
    }

    #[test]
    fn every_executed_operation_counts_once() {
        let engine = Engine::default();
        let metered = Metered::of(&module()).unwrap();
        let module = wasmi::Module::new(&engine, &metered.wasm).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        let sum = instance.get_typed_func::<i32, ()>(&store, "sum").unwrap();
        sum.call(&mut store, 7).unwrap();
        let counted = |name| instance.get_global(&store, name).unwrap().get(&store).i64();
        assert_eq!(counted(OPERATIONS), Some(7 * 6));
        assert_eq!(counted(ALLOCATIONS), Some(7));
    }

    #[test]
    fn a_module_without_the_name_of_its_allocator_is_refused() {
        let nameless = Module::new().finish();
        assert!(Metered::of(&nameless).is_err());
    }
}
