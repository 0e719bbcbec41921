//! The one host call that this crate makes itself. The SDK allocates every name and every value of the headers.

#![expect(unsafe_code, reason = "the host hands memory over by its address")]

use proxy_wasm::types::MapType;

unsafe extern "C" {
    /// proxy-wasm 0.2.1, "proxy_get_header_map_pairs": returns 0, and the address and the size of memory that
    /// the host has had this module allocate.
    fn proxy_get_header_map_pairs(kind: u32, address: *mut *mut u8, size: *mut usize) -> u32;
}

/// Returns the headers in the form of [`HeaderMap`](crate::host::HeaderMap); `None` where the host fails.
pub fn header_map_pairs(kind: MapType) -> Option<Vec<u8>> {
    let (mut address, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host writes to these two alone.
    let status = unsafe { proxy_get_header_map_pairs(kind as u32, &raw mut address, &raw mut size) };
    match (status, address.is_null()) {
        (0, true) => Some(Vec::new()),
        // SAFETY: the memory is of the SDK's `proxy_on_memory_allocate`, which hands out what a `Vec<u8>` of this
        // capacity would hold, and the host has filled all of it.
        (0, false) => Some(unsafe { Vec::from_raw_parts(address, size, size) }),
        _ => None,
    }
}
