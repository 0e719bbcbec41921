//! The one host call that this crate makes itself. The SDK allocates every name and every value of the headers.

#![expect(unsafe_code, reason = "the host hands memory over by its address")]

use proxy_wasm::types::MapType;

unsafe extern "C" {
    /// proxy-wasm 0.2.1, "proxy_get_header_map_pairs": returns 0 if it succeeds. It sets the address and
    /// the size of a block that the host allocated with this module's own `proxy_on_memory_allocate`.
    fn proxy_get_header_map_pairs(kind: u32, address: *mut *mut u8, size: *mut usize) -> u32;
}

/// Returns the headers in the form of [`HeaderMap`](crate::host::HeaderMap); `None` if the host fails.
pub fn header_map_pairs(kind: MapType) -> Option<Vec<u8>> {
    let (mut address, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host writes only to these two.
    let status = unsafe { proxy_get_header_map_pairs(kind as u32, &raw mut address, &raw mut size) };
    match (status, address.is_null()) {
        (0, true) => Some(Vec::new()),
        // SAFETY: the SDK's `proxy_on_memory_allocate` made the block as a `Vec<u8>` of this capacity and gave it
        // up, and the host has filled all of it.
        (0, false) => Some(unsafe { Vec::from_raw_parts(address, size, size) }),
        _ => None,
    }
}
