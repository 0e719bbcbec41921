//! The calls about the process: shared data, properties, metrics, time and the log.

use wasmi::{Caller, Error, Linker};

use super::{CAS_MISMATCH, Call, Host, NOT_FOUND, NOW_NS, OK, Status};

impl Host {
    /// Writes as Envoy does: a missing key is inserted whatever the version, and a version of zero always
    /// matches.
    fn set_shared(&mut self, key: Vec<u8>, value: Vec<u8>, version: u32) -> u32 {
        match self.shared.get(&key) {
            Some((_, current)) if version != 0 && version != *current => return CAS_MISMATCH,
            _ => {}
        }
        self.last_version += 1;
        self.shared.insert(key, (value, self.last_version));
        OK
    }

    fn metric(&mut self, number: u32, change: impl FnOnce(&mut i64)) -> u32 {
        match self.metrics.get_mut(number as usize) {
            Some((_, value)) => {
                change(value);
                OK
            }
            None => NOT_FOUND,
        }
    }
}

/// Defines these calls.
pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    store(linker)?;
    metrics(linker)?;
    worker(linker)
}

fn store(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "proxy_get_shared_data";
    let get = move |caller: Caller<'_, Host>,
                    at: u32,
                    length: u32,
                    place: u32,
                    size: u32,
                    version: u32|
          -> Status {
        let mut call = Call::new(caller, name);
        let key = call.read(at, length)?;
        let Some((value, current)) = call.host().shared.get(&key).cloned() else { return Ok(NOT_FOUND) };
        call.give(&value, place, size)?;
        call.write(version, &current.to_le_bytes())?;
        Ok(OK)
    };
    linker.func_wrap("env", name, get)?;
    let name = "proxy_set_shared_data";
    let set =
        move |caller: Caller<'_, Host>, at: u32, length: u32, from: u32, size: u32, version: u32| -> Status {
            let mut call = Call::new(caller, name);
            let (key, value) = (call.read(at, length)?, call.read(from, size)?);
            Ok(call.host().set_shared(key, value, version))
        };
    linker.func_wrap("env", name, set)?;
    let name = "proxy_get_property";
    let get = move |caller: Caller<'_, Host>, at: u32, length: u32, place: u32, size: u32| -> Status {
        let mut call = Call::new(caller, name);
        // No request has a certificate, and only some have dynamic metadata.
        let path = call.read(at, length)?;
        let metadata = call.host().stream.metadata.clone();
        if metadata.is_empty() || path != b"metadata" {
            return Ok(NOT_FOUND);
        }
        call.give(&metadata, place, size)?;
        Ok(OK)
    };
    linker.func_wrap("env", name, get)?;
    let name = "proxy_set_property";
    let set = move |caller: Caller<'_, Host>, at: u32, length: u32, from: u32, size: u32| -> Status {
        let mut call = Call::new(caller, name);
        let (path, value) = (call.read(at, length)?, call.read(from, size)?);
        call.host().stream.filter_state.insert(path, value);
        Ok(OK)
    };
    linker.func_wrap("env", name, set)?;
    Ok(())
}

fn metrics(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "proxy_define_metric";
    let define = move |caller: Caller<'_, Host>, _kind: u32, at: u32, length: u32, place: u32| -> Status {
        let mut call = Call::new(caller, name);
        let metric = call.read(at, length)?;
        let metrics = &mut call.host().metrics;
        let number = metrics.iter().position(|(known, _)| *known == metric).unwrap_or_else(|| {
            metrics.push((metric, 0));
            metrics.len() - 1
        });
        call.write(place, &(number as u32).to_le_bytes())?;
        Ok(OK)
    };
    linker.func_wrap("env", name, define)?;
    let name = "proxy_increment_metric";
    let increment = move |caller: Caller<'_, Host>, number: u32, by: i64| -> Status {
        Ok(Call::new(caller, name).host().metric(number, |value| *value += by))
    };
    linker.func_wrap("env", name, increment)?;
    let name = "proxy_record_metric";
    let record = move |caller: Caller<'_, Host>, number: u32, to: i64| -> Status {
        Ok(Call::new(caller, name).host().metric(number, |value| *value = to))
    };
    linker.func_wrap("env", name, record)?;
    Ok(())
}

fn worker(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "proxy_set_tick_period_milliseconds";
    let tick = move |caller: Caller<'_, Host>, _period: u32| -> Status {
        Call::new(caller, name);
        Ok(OK)
    };
    linker.func_wrap("env", name, tick)?;
    let name = "proxy_get_current_time_nanoseconds";
    let clock = move |caller: Caller<'_, Host>, place: u32| -> Status {
        Call::new(caller, name).write(place, &NOW_NS.to_le_bytes())?;
        Ok(OK)
    };
    linker.func_wrap("env", name, clock)?;
    let name = "proxy_log";
    let log = move |caller: Caller<'_, Host>, _level: u32, at: u32, size: u32| -> Status {
        let mut call = Call::new(caller, name);
        let line = String::from_utf8_lossy(&call.read(at, size)?).into_owned();
        call.host().log.push(line);
        Ok(OK)
    };
    linker.func_wrap("env", name, log)?;
    Ok(())
}
