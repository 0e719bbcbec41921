//! Headers of the command line.

use std::collections::HashMap;

use reqwest::header::{HeaderName, HeaderValue};

use crate::header;
use crate::outcome::Failure;

/// Reads headers. No message has a value: it is likely a secret.
///
/// # Errors
/// One is no header, or stands twice.
pub fn read(headers: &[String]) -> Result<HashMap<HeaderName, HeaderValue>, Failure> {
    let mut read = HashMap::new();
    for (index, header) in headers.iter().enumerate() {
        let number = index.saturating_add(1);
        let Some((name, value)) = header::split(header) else {
            return Err(Failure::new(format!("header {number}: {}", header::EXPECTED)));
        };
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Failure::new(format!("header {number}: its name is not a header's name")))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            Failure::new(format!("header `{name}`: its value has characters that no header can have"))
        })?;
        value.set_sensitive(true);
        if read.insert(name.clone(), value).is_some() {
            return Err(Failure::new(format!("header `{name}`: is given twice")));
        }
    }
    Ok(read)
}
