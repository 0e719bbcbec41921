//! Offers in files.

use mcp_policy_engine::json::Value;

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
        about_server(&mut offer, page.value);
        for kind in Kind::ALL {
            if let Some((path, list)) = page.list(kind.member()) {
                add_page(&mut offer, kind, list.raw(), &path).map_err(|wrong| answers.failure(&wrong))?;
            }
        }
    }
    Ok(offer)
}

/// Reads what some files say of the server.
fn about_server(offer: &mut Offer, page: Value<'_>) {
    let text = |paths: [&[&str]; 2]| {
        paths.into_iter().find_map(|path| {
            let found = path.iter().try_fold(page, |value, key| value.get(key))?.string()?.into_owned();
            Some(found).filter(|text| !text.is_empty())
        })
    };
    offer.server = offer.server.take().or_else(|| text([&["serverInfo", "name"], &["server"]]));
    offer.version = offer.version.take().or_else(|| text([&["serverInfo", "version"], &["version"]]));
    offer.instructions =
        offer.instructions.take().or_else(|| text([&["instructions"], &["serverInfo", "instructions"]]));
}
