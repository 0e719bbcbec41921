//! The values of `enum` and `const`.

use super::keyword::Of;
use super::validate::Unsure;
use crate::json::{Doubt, Kind, KnownSet, Sent, TextMap, Value};
use crate::mcp::keys::Spellings;
use crate::text::before_nul;
use crate::work::Work;

/// The values of an `enum` or `const`, to compare arguments with.
#[derive(Debug)]
pub(super) struct Literals {
    /// The texts in the document, for messages
    pub texts: Vec<Box<str>>,
    simple: Simple,
    compound: Vec<Constant>,
    /// For names of members: what other spellings of the strings are found by
    spellings: Option<Spellings>,
}

/// The values that have no parts.
#[derive(Debug, Default)]
struct Simple {
    null: bool,
    bools: [bool; 2],
    numbers: KnownSet,
    strings: TextMap,
}

/// A value that arguments are compared with.
#[derive(Debug)]
enum Constant {
    Simple(Simple),
    Array(Vec<Constant>),
    Object(Vec<Constant>, TextMap, Spellings),
}

impl Literals {
    /// Makes the literals of these values in the document.
    pub fn new(values: &[Value<'_>], of: Of) -> Self {
        let is_compound = |value: &&Value<'_>| matches!(value.kind(), Kind::Array | Kind::Object);
        let compound = values.iter().filter(is_compound).map(|value| Constant::new(*value)).collect();
        let simple: Vec<_> = values.iter().filter(|value| !is_compound(value)).copied().collect();
        Self {
            texts: values.iter().map(|value| value.raw().into()).collect(),
            simple: Simple::new(&simple),
            compound,
            spellings: (of == Of::Names).then(|| {
                let strings: Vec<_> = simple.iter().filter_map(|value| value.string()).collect();
                Spellings::of(strings.iter().map(|text| &**text))
            }),
        }
    }

    /// Returns whether a value equals one of the literals. Numbers are compared by value, and the order of keys in
    /// objects does not matter.
    ///
    /// # Errors
    /// [`Unsure`] if that depends on the server.
    pub fn hold(&self, value: Value<'_>, work: &Work) -> Result<bool, Unsure> {
        if !matches!(value.kind(), Kind::Array | Kind::Object) {
            return match (&self.spellings, self.simple.holds(value, work)?) {
                (Some(spellings), false) => respelled(spellings, value, work),
                (_, holds) => Ok(holds),
            };
        }
        let mut unsure = None;
        for constant in &self.compound {
            match constant.equals(value, work) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(Unsure::Work) => return Err(Unsure::Work),
                Err(why) => unsure = Some(why),
            }
        }
        unsure.map_or(Ok(false), Err)
    }
}

/// Returns an error if a name, which is none of the strings, is another spelling of one, and otherwise false.
fn respelled(spellings: &Spellings, name: Value<'_>, work: &Work) -> Result<bool, Unsure> {
    let read = name.string_work();
    if !work.spend(read) {
        return Err(Unsure::Work);
    }
    let Some(name) = name.string() else { return Ok(false) };
    if !work.spend(spellings.work(&name)) {
        return Err(Unsure::Work);
    }
    if spellings.find(&name).is_some() { Err(Unsure::Spelling) } else { Ok(false) }
}

impl Simple {
    fn new(values: &[Value<'_>]) -> Self {
        let mut simple = Self::default();
        for value in values {
            match value.kind() {
                Kind::Null => simple.null = true,
                Kind::Bool(flag) => {
                    let [off, on] = &mut simple.bools;
                    *(if flag { on } else { off }) = true;
                }
                _ => {}
            }
        }
        let strings: Vec<_> = values.iter().filter_map(|value| value.string()).collect();
        simple.strings = TextMap::of(strings.iter().map(|text| &**text));
        simple.numbers = KnownSet::new(values.iter().filter_map(|value| value.number()));
        simple
    }

    fn holds(&self, value: Value<'_>, work: &Work) -> Result<bool, Unsure> {
        match value.kind() {
            Kind::Null => Ok(self.null),
            Kind::Bool(flag) => {
                let [off, on] = self.bools;
                Ok(if flag { on } else { off })
            }
            Kind::Number if self.numbers.is_empty() => Ok(false),
            Kind::Number => {
                let sent = Sent::new(value.raw());
                let needed = sent.work().saturating_add(self.numbers.work(sent));
                if !work.spend(needed) {
                    return Err(Unsure::Work);
                }
                self.numbers.holds(sent).map_err(|doubt| match doubt {
                    Doubt::Digits => Unsure::Digits,
                    Doubt::Fraction => Unsure::Fraction,
                })
            }
            Kind::String { escaped } => self.holds_text(value, escaped, work),
            Kind::Array | Kind::Object => Ok(false),
        }
    }

    /// Returns whether one of the strings equals a string.
    ///
    /// # Errors
    /// [`Unsure::Cut`] if one equals it only up to its first NUL; [`Unsure::Work`] if the budget does not suffice.
    fn holds_text(&self, value: Value<'_>, escaped: bool, work: &Work) -> Result<bool, Unsure> {
        // JSON has a NUL only as an escape.
        if self.strings.is_empty() || !escaped && value.raw().len() > self.strings.longest().saturating_add(2)
        {
            return Ok(false);
        }
        if !work.spend(value.string_work()) {
            return Err(Unsure::Work);
        }
        let text = value.string().unwrap_or_default();
        let is_one = |text: &str| match work.spend(self.strings.work(text)) {
            true => Ok(self.strings.get(text).is_some()),
            false => Err(Unsure::Work),
        };
        let holds = is_one(&text)?;
        match before_nul(&text) {
            Some(before) if is_one(before)? != holds => Err(Unsure::Cut),
            _ => Ok(holds),
        }
    }
}

impl Constant {
    /// Copies a value of the document. Recurses as deep as the value nests, which the reader bounds.
    fn new(value: Value<'_>) -> Self {
        match value.kind() {
            Kind::Array => Self::Array(value.elements().map(Self::new).collect()),
            Kind::Object => {
                let keys: Vec<_> = value.entries().map(|(key, _)| key).collect();
                let members = value.entries().map(|(_, member)| Self::new(member)).collect();
                let keys = || keys.iter().map(|key| &**key);
                Self::Object(members, TextMap::of(keys()), Spellings::of(keys()))
            }
            _ => Self::Simple(Simple::new(&[value])),
        }
    }

    fn equals(&self, value: Value<'_>, work: &Work) -> Result<bool, Unsure> {
        if !work.spend(2) {
            return Err(Unsure::Work);
        }
        let mut unsure = None;
        // Another part that differs in any case makes the whole differ in any case.
        let mut note = |result: Result<bool, Unsure>| match result {
            Ok(equal) => Ok(equal),
            Err(Unsure::Work) => Err(Unsure::Work),
            Err(why) => {
                unsure = Some(why);
                Ok(true)
            }
        };
        match self {
            Self::Simple(simple) => return simple.holds(value, work),
            Self::Array(constants) => {
                let mut elements = value.elements();
                for constant in constants {
                    match elements.next() {
                        Some(element) if note(constant.equals(element, work))? => {}
                        _ => return Ok(false),
                    }
                }
                if !value.is_array() || elements.next().is_some() {
                    return Ok(false);
                }
            }
            Self::Object(members, keys, spellings) => {
                if !value.is_object() {
                    return Ok(false);
                }
                let mut found = 0_usize;
                let mut different = false;
                for (key, member) in value.keyed() {
                    let spent = work.spend(key.string_work());
                    let key = key.string().unwrap_or_default();
                    if !spent || !work.spend(spellings.work(&key).saturating_add(keys.work(&key))) {
                        return Err(Unsure::Work);
                    }
                    match keys.get(&key).and_then(|at| members.get(at)) {
                        Some(constant) => {
                            found = found.saturating_add(1);
                            different |= !note(constant.equals(member, work))?;
                        }
                        None if spellings.find(&key).is_some() => return Err(Unsure::Spelling),
                        None => different = true,
                    }
                }
                if different || found != members.len() {
                    return Ok(false);
                }
            }
        }
        unsure.map_or(Ok(true), Err)
    }
}
