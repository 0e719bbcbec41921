//! Headers of the command line.

use std::collections::HashMap;

use reqwest::header::{HeaderName, HeaderValue};

use crate::outcome::Failure;

/// Reads headers. No message has a value: it is likely a secret.
///
/// # Errors
/// One is not `Name: value`, or stands twice.
pub fn read(headers: &[String]) -> Result<HashMap<HeaderName, HeaderValue>, Failure> {
    let mut read = HashMap::new();
    for (index, header) in headers.iter().enumerate() {
        let number = index.saturating_add(1);
        let Some((name, value)) = header.split_once(':') else {
            return Err(Failure::new(format!(
                "header {number}: must be `Name: value`, such as `Authorization: Bearer …`"
            )));
        };
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| Failure::new(format!("header {number}: its name is not a header's name")))?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
            Failure::new(format!("header `{name}`: its value has characters that no header can have"))
        })?;
        value.set_sensitive(true);
        if read.insert(name.clone(), value).is_some() {
            return Err(Failure::new(format!("header `{name}`: is given twice")));
        }
    }
    Ok(read)
}
