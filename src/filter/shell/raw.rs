//! The host calls that this crate makes itself. The SDK allocates more for them: every name and every value of the
//! headers, and two copies of the path of a property.

#![expect(unsafe_code, reason = "the host hands memory over by its address")]

use std::ptr;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MapType;

use crate::host::GrpcCall;

unsafe extern "C" {
    /// proxy-wasm 0.2.1, "proxy_get_header_map_pairs": returns 0 if it succeeds. It sets the address and
    /// the size of a block that the host allocated with this module's own `proxy_on_memory_allocate`.
    fn proxy_get_header_map_pairs(kind: u32, address: *mut *mut u8, size: *mut usize) -> u32;

    /// proxy-wasm 0.2.1, "proxy_get_property": the same for a property, and 1 if there is none. The parts of the
    /// path are separated by NUL.
    fn proxy_get_property(path: *const u8, path_size: usize, address: *mut *mut u8, size: *mut usize) -> u32;

    /// proxy-wasm 0.2.1, "proxy_set_property": returns 0 if it succeeds.
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
}

/// Returns the headers in the form of [`HeaderMap`](crate::host::HeaderMap); `None` if the host fails.
pub fn header_map_pairs(kind: MapType) -> Option<Vec<u8>> {
    let (mut address, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the host writes only to these two.
    let status = unsafe { proxy_get_header_map_pairs(kind as u32, &raw mut address, &raw mut size) };
    // SAFETY: the host has set both if it succeeded.
    (status == 0).then(|| unsafe { owned(address, size) })
}

/// Returns a property, or `None` if it is not set. Fails if the host does.
pub fn property(path: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let (mut address, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the host reads the path and writes only to these two.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut address, &raw mut size) };
    match (status, address.is_null()) {
        (0, true) | (1, _) => Ok(None),
        // SAFETY: the host has set both.
        (0, false) => Ok(Some(unsafe { owned(address, size) })),
        _ => Err(()),
    }
}

/// Sets a property; `None` if the host fails.
pub fn set_property(path: &[u8], value: &[u8]) -> Option<()> {
    // SAFETY: the host only reads both.
    let status = unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    (status == 0).then_some(())
}

/// Takes a block over from the host.
///
/// # Safety
/// The host must have set both by a successful call.
unsafe fn owned(address: *mut u8, size: usize) -> Vec<u8> {
    match address.is_null() {
        true => Vec::new(),
        // SAFETY: the SDK's `proxy_on_memory_allocate` made the block as a `Vec<u8>` of this capacity and gave it
        // up, and the host has filled all of it.
        false => unsafe { Vec::from_raw_parts(address, size, size) },
    }
}

/// Starts a gRPC call and returns its token; `None` if the host does not send it.
///
/// This is the SDK's function, because only that leads the callback to the stream. It panics on statuses other than
/// "internal failure" and "parse failure". For a complete `GrpcService` Envoy 1.40 returns no others.
pub fn grpc_call(call: &GrpcCall<'_>, timeout: Duration) -> Option<u32> {
    let GrpcCall { service, name, method, message, .. } = *call;
    // SAFETY: the SDK takes a text, although the host takes bytes, and only passes its address and its length on. No code
    // relies on it being UTF-8.
    let service = unsafe { std::str::from_utf8_unchecked(service) };
    hostcalls::dispatch_grpc_call(service, name, method, vec![], Some(message), timeout).ok()
}
