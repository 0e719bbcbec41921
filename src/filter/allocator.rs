//! The module's allocator: a free list for each small size, in front of the default allocator.
//!
//! A request makes dozens of small allocations and frees almost all of them before it ends. A freed block
//! goes to the front of the list of its size and is the next to be handed out. Blocks are never split or
//! merged, so the module keeps, for each size, the largest amount that was in use at one time. This does not
//! grow with the number of requests. Large blocks, such as bodies, come from the default allocator, which
//! merges freed blocks.

#![expect(unsafe_code, reason = "an allocator hands out memory by its address")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// All sizes are multiples of this, and all blocks are aligned to it.
const STEP: usize = 16;

/// The largest size that has a list.
const LARGEST: usize = 1024;

/// The memory that is taken from the default allocator at a time and cut into blocks.
const CHUNK: Layout = Layout::new::<[u128; 1024]>();

const _: () = assert!(CHUNK.align() >= STEP, "a chunk is aligned as its blocks are");

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: SizeClasses<System> = SizeClasses::new(System);

/// Free blocks by size, and the allocator behind them. For one thread only.
#[derive(Debug)]
struct SizeClasses<A> {
    /// The first free block of each size (16 bytes, 32 bytes and so on), or null
    free: [Cell<*mut Block>; LARGEST / STEP],
    /// The rest of the latest chunk that is not yet cut, and its size, a multiple of [`STEP`]
    uncut: Cell<(*mut u8, usize)>,
    behind: A,
}

/// A free block. It starts with the address of the next one.
#[derive(Debug)]
struct Block {
    next: *mut Block,
}

// SAFETY: the module is built for a target without threads.
#[cfg(target_family = "wasm")]
unsafe impl<A: Sync> Sync for SizeClasses<A> {}

impl<A: GlobalAlloc> SizeClasses<A> {
    const fn new(behind: A) -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; LARGEST / STEP],
            uncut: Cell::new((ptr::null_mut(), 0)),
            behind,
        }
    }

    /// Returns the list for a layout and the size of its blocks; `None` if the layout is left to the
    /// allocator behind.
    fn class(&self, layout: Layout) -> Option<(&Cell<*mut Block>, usize)> {
        let number = layout.size().saturating_sub(1) / STEP;
        let list = self.free.get(number)?;
        (layout.align() <= STEP).then_some((list, number.saturating_add(1).saturating_mul(STEP)))
    }

    /// Cuts a block of `size` bytes, a multiple of [`STEP`], off the latest chunk or a new one. Null if there
    /// is no memory.
    #[cold]
    fn cut(&self, size: usize) -> *mut u8 {
        let (mut at, mut left) = self.uncut.get();
        if left < size {
            // SAFETY: a chunk has a size.
            let chunk = unsafe { self.behind.alloc(CHUNK) };
            if chunk.is_null() {
                return chunk;
            }
            if let Ok(rest) = Layout::from_size_align(left, STEP)
                && left > 0
            {
                // SAFETY: the rest of the last chunk is not in use. It is smaller than the wanted block, and
                // its size is a multiple of STEP, so it is a valid block of the list that it goes to.
                unsafe { self.dealloc(at, rest) };
            }
            (at, left) = (chunk, CHUNK.size());
        }
        // SAFETY: the chunk has `left` bytes from `at`, and `size` is at most that.
        self.uncut.set((unsafe { at.add(size) }, left.saturating_sub(size)));
        at
    }
}

// SAFETY: a block is in exactly one state: uncut, on the list of its size, or handed out. It starts at a
// multiple of STEP and has at least the layout's size. A layout always selects the same list, so a block
// returns to the list that it came from.
unsafe impl<A: GlobalAlloc> GlobalAlloc for SizeClasses<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((list, size)) = self.class(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.behind.alloc(layout) };
        };
        let block = list.get();
        if block.is_null() {
            return self.cut(size);
        }
        // SAFETY: every block on a list is free and starts with the address of the next one.
        list.set(unsafe { (*block).next });
        block.cast()
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some((list, _)) = self.class(layout) else {
            // SAFETY: as the caller promises; `alloc` took it from there.
            return unsafe { self.behind.dealloc(at, layout) };
        };
        let block = at.cast::<Block>();
        // SAFETY: the block is aligned to STEP, has at least STEP bytes, and the caller gives it up.
        unsafe { block.write(Block { next: list.get() }) };
        list.set(block);
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.class(layout).is_none() {
            // SAFETY: as the caller promises.
            return unsafe { self.behind.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller promises; the block has the layout's size.
        unsafe {
            let at = self.alloc(layout);
            if !at.is_null() {
                at.write_bytes(0, layout.size());
            }
            at
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        match (self.class(layout), self.class(new)) {
            // SAFETY: as the caller promises; `alloc` took it from there.
            (None, None) => unsafe { self.behind.realloc(at, layout, size) },
            (Some((_, old)), Some((_, new))) if old == new => at,
            // SAFETY: as the caller promises; both blocks have at least the bytes that are copied.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(at, moved, layout.size().min(size));
                    self.dealloc(at, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests;
