//! Any bytes as the answer of the rate limit service: a call passes only if the answer says that each of its limits was
//! applied and has room.
//!
//! The answer is read here by a reader of its own, because a fault of `prost` would be one of both.

use std::cell::RefCell;
use std::rc::Rc;

use mcp_policy_engine::guard::{Answer, Question, Verdict};
use mcp_policy_engine::rate_limit::{self, Request};

use crate::guarded::Guarded;

/// The document: two shared limits, one of them of an amount.
const DOCUMENT: &str = r#"{"version":"1","shared_limits":{"cluster":"ratelimit"},"tools":{"pay":{
    "arguments":{"properties":{"usd":{"multipleOf":1}}},
    "limits":[{"counter":"calls","window":"minute","max":7,"type":"calendar","shared":true},
              {"counter":"usd","window":"day","max":50,"amount":"args.usd","type":"calendar","shared":true}]}}}"#;

/// The call.
const BODY: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"usd":3}}}"#;

/// `OK`, of an answer and of a status
const OK: i32 = 1;

/// Checks one input.
pub fn check(answer: &[u8]) {
    let guarded = Guarded::new(DOCUMENT.as_bytes()).expect("the document is valid");
    let asked = RefCell::new(None::<Rc<Request>>);
    let read = rate_limit::read(answer);
    if let Ok(read) = &read {
        assert_eq!(
            rate_limit::read(&read.encode()).as_ref(),
            Ok(read),
            "it reads otherwise when it is written again"
        );
    }
    let conclusion = guarded.judge(BODY.as_bytes(), |question| match question {
        Question::Rates(request) => {
            *asked.borrow_mut() = Some(Rc::clone(request));
            Some(Answer::Rates(read.clone()))
        }
        Question::Approval(_) => None,
    });
    let conclusion = conclusion.expect("the path is not exempt");
    let request = asked.into_inner().expect("the service is asked");
    assert_eq!(request.descriptors.len(), 2);
    if let Verdict::Forward { .. } = conclusion.verdict {
        assert!(allows(&request, answer), "the call passes");
    }
}

/// Returns whether an answer allows the call of a question.
fn allows(request: &Request, answer: &[u8]) -> bool {
    let Some(fields) = fields(answer) else { return false };
    let statuses: Vec<&[u8]> =
        fields.iter().filter(|field| field.number == 2).filter_map(Field::bytes).collect();
    last(&fields, 1) as i32 == OK
        && statuses.len() == request.descriptors.len()
        && statuses.iter().zip(&request.descriptors).all(|(status, descriptor)| {
            let Some(fields) = self::fields(status) else { return false };
            // Several messages of one field are merged, which is the same as one behind the other.
            let limits: Vec<&[u8]> =
                fields.iter().filter(|field| field.number == 2).filter_map(Field::bytes).collect();
            let limit = limits.concat();
            let Some(limit) = self::fields(&limit) else { return false };
            let unit = match descriptor.unit.seconds() {
                1 => 1,
                60 => 2,
                3_600 => 3,
                _ => 4,
            };
            last(&fields, 1) as i32 == OK
                && last(&limit, 1) as u32 == descriptor.most
                && last(&limit, 2) as i32 == unit
                && last(&fields, 3) as u32 <= descriptor.most - descriptor.adds
        })
}

/// A field of a message in the wire form of protobuf.
struct Field<'b> {
    number: u64,
    value: Wire<'b>,
}

enum Wire<'b> {
    Varint(u64),
    Bytes(&'b [u8]),
    Fixed,
}

impl<'b> Field<'b> {
    fn bytes(&self) -> Option<&'b [u8]> {
        match self.value {
            Wire::Bytes(bytes) => Some(bytes),
            Wire::Varint(_) | Wire::Fixed => None,
        }
    }
}

/// Returns the last number of a field, which is the one that counts; 0 if there is none.
fn last(fields: &[Field<'_>], number: u64) -> u64 {
    let mut numbers =
        fields.iter().filter(|field| field.number == number).filter_map(|field| match field.value {
            Wire::Varint(number) => Some(number),
            Wire::Bytes(_) | Wire::Fixed => None,
        });
    numbers.next_back().unwrap_or_default()
}

/// Reads the fields of a message, without those in groups; `None` if it is none.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    let mut groups = 0_usize;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let mut take = |length: u64| {
            let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            bytes = rest;
            Some(taken)
        };
        let value = match tag & 7 {
            0 => Wire::Varint(varint(&mut bytes)?),
            1 => take(8).map(|_| Wire::Fixed)?,
            2 => {
                let length = varint(&mut bytes)?;
                let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                bytes = rest;
                Wire::Bytes(taken)
            }
            3 => {
                groups += 1;
                continue;
            }
            4 => {
                groups = groups.checked_sub(1)?;
                continue;
            }
            5 => take(4).map(|_| Wire::Fixed)?,
            _ => return None,
        };
        if groups == 0 {
            fields.push(Field { number: tag >> 3, value });
        }
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
