//! The module's allocator: a free list for each small size, in front of the default allocator.
//!
//! A request makes dozens of small allocations and frees almost all of them before it ends. A freed block goes to the
//! front of the list of its size and is the next to be handed out. Each list holds a bounded number of blocks;
//! what is freed beyond that goes back to the default allocator, which merges free blocks. So a hostile request that
//! needs many blocks of one size leaves no more behind than any other.

#![expect(unsafe_code, reason = "an allocator hands out memory by its address")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// All sizes are multiples of this.
const STEP: usize = 16;

/// The alignment of all blocks: what the default allocator gives without padding.
const ALIGN: usize = 8;

/// The largest size that has a list.
const LARGEST: usize = 1024;

/// How many blocks each list holds at most, more than a request of ordinary size frees. All lists hold 1 MiB then.
const MOST_FREE: usize = 32;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: SizeClasses<System> = SizeClasses::new(System);

/// Free blocks by size, and the allocator behind them. For one thread only.
#[derive(Debug)]
struct SizeClasses<A> {
    /// The free blocks of each size: 16 bytes, 32 bytes and so on
    lists: [List; LARGEST / STEP],
    behind: A,
}

/// The free blocks of one size.
#[derive(Debug)]
struct List {
    /// The first of them, or null
    first: Cell<*mut Block>,
    /// How many more of them the list takes
    room: Cell<usize>,
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
        let lists = [const { List { first: Cell::new(ptr::null_mut()), room: Cell::new(MOST_FREE) } };
            LARGEST / STEP];
        Self { lists, behind }
    }

    /// Returns the list for a layout; `None` if the layout is left to the allocator behind.
    fn list(&self, layout: Layout) -> Option<&List> {
        let list = self.lists.get(layout.size().saturating_sub(1) / STEP)?;
        (layout.align() <= ALIGN).then_some(list)
    }

    /// Takes a block from the allocator behind.
    #[cold]
    fn fetch(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a block has a size.
        unsafe { self.behind.alloc(block(layout)) }
    }

    /// Gives a block back to the allocator behind.
    ///
    /// # Safety
    /// As for `dealloc`.
    #[cold]
    unsafe fn give_back(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `fetch` took it from there with this layout, and the caller gives it up.
        unsafe { self.behind.dealloc(at, block(layout)) };
    }
}

/// Returns the layout of the blocks on the list of a layout.
fn block(layout: Layout) -> Layout {
    let size = layout.size().max(1).next_multiple_of(STEP);
    // A size of at most LARGEST and this alignment always make a layout.
    Layout::from_size_align(size, ALIGN).unwrap_or(layout)
}

// SAFETY: a block comes from the allocator behind with the layout of its list, and is either on that list or handed
// out. A layout always selects the same list, so a block returns to the list, or to the allocator behind, with the layout
// that it came with. That layout has at least the size and the alignment that were asked for.
unsafe impl<A: GlobalAlloc> GlobalAlloc for SizeClasses<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = self.list(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.behind.alloc(layout) };
        };
        let first = list.first.get();
        if first.is_null() {
            return self.fetch(layout);
        }
        // SAFETY: every block on a list is free and starts with the address of the next one.
        list.first.set(unsafe { (*first).next });
        list.room.set(list.room.get().wrapping_add(1));
        first.cast()
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some(list) = self.list(layout) else {
            // SAFETY: as the caller promises; `alloc` took it from there.
            return unsafe { self.behind.dealloc(at, layout) };
        };
        let Some(room) = list.room.get().checked_sub(1) else {
            // SAFETY: as the caller promises.
            return unsafe { self.give_back(at, layout) };
        };
        let first = at.cast::<Block>();
        // SAFETY: the block is aligned to ALIGN, has at least STEP bytes, and the caller gives it up.
        unsafe { first.write(Block { next: list.first.get() }) };
        list.first.set(first);
        list.room.set(room);
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.list(layout).is_none() {
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
        match (self.list(layout), self.list(new)) {
            // SAFETY: as the caller promises; `alloc` took it from there.
            (None, None) => unsafe { self.behind.realloc(at, layout, size) },
            (Some(old), Some(new)) if ptr::eq(old, new) => at,
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
