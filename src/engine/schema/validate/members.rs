//! Objects: `properties`, `patternProperties`, `additionalProperties`, `propertyNames`, `required` and
//! `dependentRequired`.

use super::{Constraint, Fit, Mismatch, Results, Subject, Unsure, validate};
use crate::json::Value;
use crate::schema::node::{Members, Named};

impl Members {
    pub(super) fn validate<'s, 'd>(&'s self, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let mut required = 0_usize;
        let mut result: Fit<'s, 'd> = Ok(());
        for (key, value) in subject.value.keyed() {
            subject.spend(key.string_work().saturating_add(4))?;
            let name = key.string().unwrap_or_default();
            subject.spend(self.numbers.work(&name))?;
            let named = self.get(&name);
            // A key in another spelling makes the whole object unsure: a server may read it in place of the other.
            if named.is_none() {
                subject.spend(self.spellings.work(&name))?;
                if let Some(of) = self.spellings.find(&name).and_then(|at| self.named.get(at)) {
                    let constraint = Constraint::Respelled(&of.name);
                    return Err(Mismatch { value, constraint, unsure: Some(Unsure::Spelling) });
                }
            }
            required = required.saturating_add(usize::from(named.is_some_and(|named| named.required)));
            // After a member that does not fit for any server, only the keys matter.
            if result.is_err_and(|mismatch| mismatch.unsure.is_none()) {
                continue;
            }
            match self.member(named, &name, key, value, subject) {
                Err(mismatch) if mismatch.is_exhausted() => return Err(mismatch),
                Err(mismatch) if mismatch.unsure.is_none() || result.is_ok() => result = Err(mismatch),
                _ => {}
            }
        }
        match result {
            Err(mismatch) if mismatch.unsure.is_none() => return result,
            _ => {}
        }
        if let Some(missing) = self.missing(required, subject)? {
            return Err(Mismatch::of(subject.value, Constraint::Missing(missing)));
        }
        result
    }

    /// Returns the first name that is required and missing.
    fn missing<'s, 'd>(
        &'s self,
        required: usize,
        subject: &Subject<'d, '_>,
    ) -> Result<Option<&'s str>, Mismatch<'s, 'd>> {
        let object = subject.value;
        // No key occurs twice, so equal counts mean that all required names are there.
        if required != self.required {
            for named in self.named.iter().filter(|named| named.required) {
                subject.spend(object.size())?;
                if object.get(&named.name).is_none() {
                    return Ok(Some(&named.name));
                }
            }
        }
        for (name, needed) in &self.dependent {
            subject.spend(object.size())?;
            if object.get(name).is_none() {
                continue;
            }
            for name in needed {
                subject.spend(object.size())?;
                if object.get(name).is_none() {
                    return Ok(Some(name));
                }
            }
        }
        Ok(None)
    }

    /// Validates one member: its value and its name.
    fn member<'s, 'd>(
        &'s self,
        named: Option<&'s Named>,
        name: &str,
        key: Value<'d>,
        value: Value<'d>,
        subject: &Subject<'d, '_>,
    ) -> Fit<'s, 'd> {
        let work = subject.work;
        let own = named.and_then(|named| named.schema.as_ref());
        let mut results = Results::default();
        if let Some(node) = own {
            results.add(validate(node, value, work))?;
        }
        let mut known = own.is_some();
        let mut respelled = false;
        for (pattern, node) in &self.patterns {
            match pattern.matches(name, work) {
                Ok(true) => {
                    known = true;
                    results.add(validate(node, value, work))?;
                }
                Ok(false) => {}
                // What `properties` lists is no other spelling of another name.
                Err(Unsure::Spelling) if own.is_some() => {}
                Err(Unsure::Spelling) => {
                    respelled = true;
                    results.add(in_doubt(validate(node, value, work), value))?;
                }
                Err(_) => return Err(Mismatch::exhausted(value)),
            }
        }
        if let Some(node) = self.additional.as_ref().filter(|_| !known) {
            let result = if node.is_never() {
                Err(Mismatch::of(value, Constraint::Unknown(self)))
            } else {
                validate(node, value, work)
            };
            results.add(if respelled { in_doubt(result, value) } else { result })?;
        }
        if let Some(names) = &self.names
            && let Err(mismatch) = validate(names, key, work)
        {
            let constraint = match mismatch.unsure {
                None => Constraint::Name,
                Some(Unsure::Work) => Constraint::Work,
                Some(_) => Constraint::Unclear,
            };
            results.add(Err(Mismatch { value, constraint, ..mismatch }))?;
        }
        // A server that cuts names at a NUL reads another name than the one that was judged.
        if (self.names.is_some() || !self.patterns.is_empty()) && name.contains('\0') {
            results.add(Err(unclear(value)))?;
        }
        results.all()
    }
}

/// Makes the mismatch of a value whose name may be another spelling of one that the schema treats differently.
fn unclear<'s, 'd>(value: Value<'d>) -> Mismatch<'s, 'd> {
    Mismatch { value, constraint: Constraint::Unclear, unsure: Some(Unsure::Spelling) }
}

/// Makes a result unsure that only some servers arrive at. A value that fits raises no doubt.
fn in_doubt<'s, 'd>(result: Fit<'s, 'd>, value: Value<'d>) -> Fit<'s, 'd> {
    result.map_err(|mismatch| if mismatch.is_exhausted() { mismatch } else { unclear(value) })
}
