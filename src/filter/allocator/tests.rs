#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]

use std::collections::BTreeMap;

use super::*;

/// The default allocator with a limit, which counts the bytes in use.
struct Metered {
    live: Cell<usize>,
    limit: usize,
}

impl Metered {
    fn classes(limit: usize) -> SizeClasses<Self> {
        SizeClasses::new(Self { live: Cell::new(0), limit })
    }
}

unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.live.get() + layout.size() > self.limit {
            return ptr::null_mut();
        }
        self.live.set(self.live.get() + layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.live.set(self.live.get() - layout.size());
        unsafe { System.dealloc(at, layout) };
    }
}

/// A block that was handed out and filled with one byte value.
struct Handed {
    at: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Handed {
    #[track_caller]
    fn new(at: *mut u8, layout: Layout, fill: u8) -> Self {
        assert!(!at.is_null() && at.addr().is_multiple_of(layout.align()), "{at:?} {layout:?}");
        unsafe { at.write_bytes(fill, layout.size()) };
        Self { at, layout, fill }
    }

    fn bytes(&self) -> &[u8] {
        unsafe { std::slice::from_raw_parts(self.at, self.layout.size()) }
    }

    #[track_caller]
    fn check(&self) {
        assert!(self.bytes().iter().all(|byte| *byte == self.fill), "{:?} was written to", self.layout);
    }
}

/// Pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn layout(&mut self) -> Layout {
        let largest = [32, 200, LARGEST + 40, 40_000][self.below(4)];
        Layout::from_size_align(1 + self.below(largest), 1 << self.below(7)).unwrap()
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

#[test]
fn blocks_never_overlap() {
    for seed in 1..=20 {
        let (classes, mut random) = (Metered::classes(usize::MAX), Random(seed));
        let mut live: Vec<Handed> = Vec::new();
        for step in 0..5000_usize {
            let fill = u8::try_from(step % 251).unwrap();
            match random.below(10) {
                0..5 => {
                    let layout = random.layout();
                    live.push(Handed::new(unsafe { classes.alloc(layout) }, layout, fill));
                }
                5 => {
                    let layout = random.layout();
                    let block = Handed { at: unsafe { classes.alloc_zeroed(layout) }, layout, fill: 0 };
                    block.check();
                    live.push(block);
                }
                6 if !live.is_empty() => {
                    let Handed { at, layout, fill } = live.swap_remove(random.below(live.len()));
                    let new = Layout::from_size_align(random.layout().size(), layout.align()).unwrap();
                    let at = unsafe { classes.realloc(at, layout, new.size()) };
                    let kept = layout.size().min(new.size());
                    let bytes = unsafe { std::slice::from_raw_parts(at, kept) };
                    assert!(bytes.iter().all(|byte| *byte == fill), "{layout:?} to {new:?}");
                    live.push(Handed::new(at, new, fill));
                }
                _ if !live.is_empty() => {
                    let block = live.swap_remove(random.below(live.len()));
                    block.check();
                    unsafe { classes.dealloc(block.at, block.layout) };
                }
                _ => {}
            }
            if step % 100 == 0 {
                let ends: BTreeMap<_, _> = live
                    .iter()
                    .map(|block| (block.at.addr(), block.at.addr() + block.layout.size()))
                    .collect();
                assert_eq!(ends.len(), live.len());
                assert!(ends.values().zip(ends.keys().skip(1)).all(|(end, next)| end <= next));
            }
        }
        live.iter().for_each(Handed::check);
    }
}

#[test]
fn a_freed_block_is_the_next_of_its_size_to_be_handed_out() {
    let classes = Metered::classes(usize::MAX);
    unsafe {
        let (first, second) = (classes.alloc(layout(20)), classes.alloc(layout(32)));
        classes.dealloc(first, layout(20));
        classes.dealloc(second, layout(32));
        assert_ne!(classes.alloc(layout(33)), second, "another size");
        assert_eq!(classes.alloc(layout(17)), second);
        assert_eq!(classes.alloc(layout(32)), first);
        assert_eq!(classes.realloc(first, layout(32), 18), first, "the block has room");
    }
}

#[test]
fn repeated_work_takes_no_more_memory() {
    let classes = Metered::classes(usize::MAX);
    let mut held = Vec::new();
    for round in 0..500 {
        let mut random = Random(7);
        let live: Vec<_> = (0..300)
            .map(|_| {
                let layout = random.layout();
                (unsafe { classes.alloc(layout) }, layout)
            })
            .collect();
        // Every round frees in another order.
        for at in 0..live.len() {
            let (at, layout) = live[(at * 7 + round) % live.len()];
            unsafe { classes.dealloc(at, layout) };
        }
        held.push(classes.behind.live.get());
    }
    assert!(held.iter().all(|bytes| *bytes == held[0]), "{held:?}");
}

#[test]
fn the_lists_hold_a_bounded_number_of_blocks() {
    let classes = Metered::classes(usize::MAX);
    let mut most = 0;
    // A hostile series: many blocks of one size, then of the next.
    for size in (STEP..=LARGEST).step_by(STEP) {
        let blocks: Vec<_> = (0..2 * MOST_FREE).map(|_| unsafe { classes.alloc(layout(size)) }).collect();
        for at in blocks {
            unsafe { classes.dealloc(at, layout(size)) };
        }
        most += MOST_FREE * size;
        assert_eq!(classes.behind.live.get(), most, "{size}");
    }
}

#[test]
fn large_and_widely_aligned_blocks_go_back_to_the_allocator_behind() {
    let classes = Metered::classes(usize::MAX);
    for layout in [layout(LARGEST + 1), layout(1 << 20), Layout::from_size_align(8, 32).unwrap()] {
        unsafe {
            let at = classes.alloc(layout);
            assert_eq!(classes.behind.live.get(), layout.size());
            classes.dealloc(at, layout);
        }
        assert_eq!(classes.behind.live.get(), 0);
    }
}

#[test]
fn out_of_memory_returns_null_and_keeps_all_blocks() {
    let classes = Metered::classes(32 * LARGEST);
    unsafe {
        let at = classes.alloc(layout(LARGEST));
        at.write_bytes(7, LARGEST);
        assert!(classes.alloc(layout(32 * LARGEST)).is_null());
        assert!(classes.alloc_zeroed(layout(32 * LARGEST)).is_null());
        assert!(classes.realloc(at, layout(LARGEST), 32 * LARGEST).is_null());
        assert!(std::slice::from_raw_parts(at, LARGEST).iter().all(|byte| *byte == 7));
        while !classes.alloc(layout(LARGEST)).is_null() {}
        assert!(classes.alloc(layout(LARGEST)).is_null());
        classes.dealloc(at, layout(LARGEST));
        assert_eq!(classes.alloc(layout(LARGEST)), at);
    }
}
