//! Offers in files.

use serde_json::Value;

use crate::listing::{self, Answers};
use crate::outcome::Failure;
use crate::scan::offer::{Kind, Offer, add_page};

/// Reads the offer in a file; `-` is stdin.
///
/// # Errors
/// The file cannot be read, or does not hold an offer: its name, and the place and what would be right.
pub fn read(argument: &str) -> Result<Offer, Failure> {
    let answers = Answers::with_definitions(argument)?;
    let document = answers.document()?;
    let mut offer = Offer { verbatim: true, ..Offer::default() };
    for page in listing::pages(&document).map_err(|wrong| answers.failure(&wrong))? {
        let value: Value =
            serde_json::from_str(page.value.raw()).map_err(|error| answers.failure(&error.to_string()))?;
        about_server(&mut offer, &value);
        for kind in Kind::ALL {
            if let Some((path, list)) = page.list(kind.member()) {
                add_page(&mut offer, kind, list.raw(), &path).map_err(|wrong| answers.failure(&wrong))?;
            }
        }
    }
    Ok(offer)
}

/// Reads what some files say of the server.
fn about_server(offer: &mut Offer, value: &Value) {
    let text = |pointers: [&str; 2]| {
        let found = pointers.iter().find_map(|pointer| value.pointer(pointer).and_then(Value::as_str));
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    offer.server = offer.server.take().or_else(|| text(["/serverInfo/name", "/server"]));
    offer.version = offer.version.take().or_else(|| text(["/serverInfo/version", "/version"]));
    offer.instructions =
        offer.instructions.take().or_else(|| text(["/instructions", "/serverInfo/instructions"]));
}
