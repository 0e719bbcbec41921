//! The WASI calls of Rust's standard library. Their answers do not depend on the machine and are always the
//! same.

use wasmi::{Caller, Error, Linker};

use super::{Call, Host, NOW_NS};

const WASI: &str = "wasi_snapshot_preview1";
const SUCCESS: u32 = 0;

type Errno = Result<u32, Error>;

impl Host {
    /// Returns the next bytes of a fixed sequence (splitmix64).
    fn random(&mut self, size: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < size as usize {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend((mixed ^ (mixed >> 31)).to_le_bytes());
        }
        bytes.truncate(size as usize);
        bytes
    }
}

/// Defines the module's imports, and a clock in case it imports one.
pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "random_get";
    let random = move |caller: Caller<'_, Host>, at: u32, size: u32| -> Errno {
        let mut call = Call::new(caller, name);
        let bytes = call.host().random(size);
        call.write(at, &bytes)?;
        Ok(SUCCESS)
    };
    linker.func_wrap(WASI, name, random)?;
    let name = "clock_time_get";
    let clock = move |caller: Caller<'_, Host>, _clock: u32, _precision: i64, place: u32| -> Errno {
        Call::new(caller, name).write(place, &NOW_NS.to_le_bytes())?;
        Ok(SUCCESS)
    };
    linker.func_wrap(WASI, name, clock)?;
    let name = "environ_sizes_get";
    let sizes = move |caller: Caller<'_, Host>, count: u32, size: u32| -> Errno {
        let mut call = Call::new(caller, name);
        call.write(count, &[0; 4])?;
        call.write(size, &[0; 4])?;
        Ok(SUCCESS)
    };
    linker.func_wrap(WASI, name, sizes)?;
    let name = "environ_get";
    let environment = move |caller: Caller<'_, Host>, _: u32, _: u32| -> Errno {
        Call::new(caller, name);
        Ok(SUCCESS)
    };
    linker.func_wrap(WASI, name, environment)?;
    Ok(())
}
