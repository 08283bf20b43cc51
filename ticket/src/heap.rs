//! The memory of a program that lives for two milliseconds and asks for some six thousand pieces, of
//! which the C library's `malloc` makes a fifth of its work (ADR 12). Pieces of one size wait in a list
//! of their own until they are needed again, each thread has its own lists, and nothing goes back
//! to the kernel before the end. What is large goes to the C library.

#![allow(unsafe_code, reason = "an allocator is about addresses")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;

use rusqlite::ffi;

/// Every piece begins at a multiple of it, and up to [`FINE`] its size is one.
const GRAIN: usize = 16;
/// From here on there are so many sizes between a power of two and the next: the fewer, the more memory
/// is brought in for nothing.
const STEPS: usize = 16;
const FINE: usize = 1024;
/// Pieces above this are the C library's.
const LARGEST: usize = 64 * 1024;
/// How much is asked of the C library at once.
const CHUNK: usize = 1024 * 1024;
const SIZES: usize = class(LARGEST) + 1;

/// One thread's memory.
struct Heap {
    /// The first free piece of each size; a free piece holds the address of the next.
    free: [*mut u8; SIZES],
    /// What is left of the newest chunk.
    rest: *mut u8,
    length: usize,
}

thread_local! {
    static HEAP: UnsafeCell<Heap> = const {
        UnsafeCell::new(Heap { free: [ptr::null_mut(); SIZES], rest: ptr::null_mut(), length: 0 })
    };
}

/// Which list a piece of `size` bytes, at most [`LARGEST`], belongs to.
const fn class(size: usize) -> usize {
    if size <= FINE {
        return size.div_ceil(GRAIN);
    }
    let power = (size - 1).ilog2();
    let step = (size - 1) >> (power - STEPS.ilog2());
    // The highest bit of `step` is that of the power.
    FINE / GRAIN + STEPS * (power - FINE.ilog2()) as usize + (step - STEPS) + 1
}

/// How many bytes a piece of that list has.
const fn bytes(class: usize) -> usize {
    if class <= FINE / GRAIN {
        return class * GRAIN;
    }
    let above = class - FINE / GRAIN - 1;
    let power = FINE << (above / STEPS);
    power + (above % STEPS + 1) * (power / STEPS)
}

impl Heap {
    fn take(&mut self, class: usize) -> *mut u8 {
        let first = self.free[class];
        if first.is_null() {
            return self.cut(bytes(class));
        }
        // SAFETY: `give` left the address of the next one in it.
        self.free[class] = unsafe { first.cast::<*mut u8>().read() };
        first
    }

    fn give(&mut self, piece: *mut u8, class: usize) {
        // SAFETY: a piece has GRAIN bytes at least, begins at a multiple of it, and is its giver's.
        unsafe { piece.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = piece;
    }

    /// A piece from the newest chunk, or a newer one. Null when there is no memory.
    fn cut(&mut self, bytes: usize) -> *mut u8 {
        if self.length < bytes {
            // SAFETY: a chunk's size is not zero, GRAIN is a power of two.
            let chunk = unsafe { System.alloc(Layout::from_size_align_unchecked(CHUNK, GRAIN)) };
            if chunk.is_null() {
                return chunk;
            }
            (self.rest, self.length) = (chunk, CHUNK);
        }
        let piece = self.rest;
        // SAFETY: so much is left.
        self.rest = unsafe { piece.add(bytes) };
        self.length -= bytes;
        piece
    }
}

/// What Rust allocates with.
pub struct Lists;

impl Lists {
    fn with<T>(work: impl FnOnce(&mut Heap) -> T) -> T {
        // SAFETY: only this thread has its heap, and `work`, one of the methods above, never comes
        // back here.
        HEAP.with(|heap| work(unsafe { &mut *heap.get() }))
    }
}

// SAFETY: a piece is as large as its list says and is in one list or in one owner's hands.
unsafe impl GlobalAlloc for Lists {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_ours(layout) {
            return Lists::with(|heap| heap.take(class(layout.size())));
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if is_ours(layout) {
            return Lists::with(|heap| heap.give(piece, class(layout.size())));
        }
        unsafe { System.dealloc(piece, layout) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_ours(layout), is_ours(new)) {
            (false, false) => return unsafe { System.realloc(piece, layout, size) },
            (true, true) if class(layout.size()) == class(size) => return piece,
            _ => (),
        }
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            unsafe {
                ptr::copy_nonoverlapping(piece, moved, layout.size().min(size));
                self.dealloc(piece, layout);
            }
        }
        moved
    }
}

fn is_ours(layout: Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= GRAIN
}

/// SQLite frees a piece without saying how large it is: that stands before it.
const HEADER: usize = size_of::<usize>();

/// Has SQLite allocate here too. To be called before its first use.
pub fn serve_sqlite() {
    let methods = ffi::sqlite3_mem_methods {
        xMalloc: Some(malloc),
        xFree: Some(free),
        xRealloc: Some(realloc),
        xSize: Some(size),
        xRoundup: Some(round_up),
        xInit: Some(begin),
        xShutdown: Some(end),
        pAppData: ptr::null_mut(),
    };
    // SAFETY: no other thread runs yet; SQLite copies the methods.
    let answer = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
    debug_assert_eq!(answer, ffi::SQLITE_OK);
}

/// The whole piece of which SQLite sees all but the header.
unsafe fn whole(seen: *mut c_void) -> (*mut u8, Layout) {
    unsafe {
        let piece = seen.cast::<u8>().sub(HEADER);
        (piece, layout(piece.cast::<usize>().read()))
    }
}

fn layout(bytes: usize) -> Layout {
    // SAFETY: a power of two, and SQLite asks for less than two gigabytes.
    unsafe { Layout::from_size_align_unchecked(bytes, HEADER) }
}

/// Writes its size before a piece. Gives what SQLite sees of it.
unsafe fn headed(piece: *mut u8, bytes: usize) -> *mut c_void {
    if piece.is_null() {
        return ptr::null_mut();
    }
    unsafe {
        piece.cast::<usize>().write(bytes);
        piece.add(HEADER).cast()
    }
}

/// How many bytes a piece has of which SQLite sees `seen`.
fn all(seen: c_int) -> usize {
    let bytes = seen as usize + HEADER;
    if bytes > LARGEST {
        bytes
    } else {
        self::bytes(class(bytes))
    }
}

unsafe extern "C" fn malloc(seen: c_int) -> *mut c_void {
    let bytes = all(seen);
    unsafe { headed(Lists.alloc(layout(bytes)), bytes) }
}

unsafe extern "C" fn free(seen: *mut c_void) {
    unsafe {
        let (piece, layout) = whole(seen);
        Lists.dealloc(piece, layout);
    }
}

unsafe extern "C" fn realloc(seen: *mut c_void, new: c_int) -> *mut c_void {
    let bytes = all(new);
    unsafe {
        let (piece, layout) = whole(seen);
        headed(Lists.realloc(piece, layout, bytes), bytes)
    }
}

unsafe extern "C" fn size(seen: *mut c_void) -> c_int {
    let (_, layout) = unsafe { whole(seen) };
    (layout.size() - HEADER) as c_int
}

unsafe extern "C" fn round_up(seen: c_int) -> c_int {
    (all(seen) - HEADER) as c_int
}

unsafe extern "C" fn begin(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn end(_: *mut c_void) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_gets_the_next_larger_piece() {
        for size in 1..=LARGEST {
            let class = class(size);
            assert!(
                bytes(class) >= size && bytes(class).is_multiple_of(GRAIN),
                "{size}"
            );
            assert!(bytes(class - 1) < size, "{size}");
        }
    }

    #[test]
    fn what_was_given_back_is_taken_again() {
        let layout = Layout::from_size_align(100, 8).unwrap();
        unsafe {
            let first = Lists.alloc(layout);
            Lists.dealloc(first, layout);
            let smaller = Layout::from_size_align(97, 16).unwrap();
            assert_eq!(Lists.alloc(smaller), first);
            assert_ne!(Lists.alloc(smaller), first);
        }
    }

    #[test]
    fn what_a_piece_holds_moves_with_it() {
        for (from, to) in [
            (10, 5000),
            (5000, 10),
            (4000, 4001),
            (10, LARGEST + 1),
            (1 << 20, 10),
        ] {
            let old = Layout::from_size_align(from, 8).unwrap();
            unsafe {
                let piece = Lists.alloc(old);
                piece.write_bytes(7, from);
                let moved = Lists.realloc(piece, old, to);
                let kept = std::slice::from_raw_parts(moved, from.min(to));
                assert!(kept.iter().all(|byte| *byte == 7), "{from} to {to}");
                Lists.dealloc(moved, Layout::from_size_align(to, 8).unwrap());
            }
        }
    }

    #[test]
    fn sqlite_learns_how_much_it_got() {
        for asked in [1, 8, 1000, 5000, LARGEST as c_int, 1 << 20] {
            unsafe {
                let piece = malloc(asked);
                assert!(size(piece) >= asked);
                assert_eq!(size(piece), round_up(asked));
                piece.cast::<u8>().write_bytes(7, size(piece) as usize);
                let larger = realloc(piece, asked * 3);
                assert!(size(larger) >= asked * 3);
                assert_eq!(larger.cast::<u8>().read(), 7);
                free(larger);
            }
        }
    }

    #[test]
    fn threads_hand_pieces_to_each_other() {
        let many: Vec<String> = (0..1000).map(|n| format!("piece {n}")).collect();
        let more = std::thread::spawn(move || {
            let more = many.iter().map(|text| text.repeat(20)).collect::<Vec<_>>();
            drop(many);
            more
        });
        let more = more.join().unwrap();
        assert_eq!(more[999], "piece 999".repeat(20));
    }
}
