//! The response: what RFC 3261 §8.2.6.2 has copied from the request, and a To tag.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::SocketAddr,
};

use rsip::{
    Header, Response, Version,
    headers::{CSeq, CallId, ContentLength, From, To, UntypedHeader as _, Via},
};

use super::{Prepared, via};
use crate::sip::{self, Fault, Headers, Invite, Name, NameAddr};

/// What makes it doubtful what to copy.
const DOUBTFUL: [Fault; 14] = [
    Fault::CSeq,
    Fault::CSeqMethod,
    Fault::CallId,
    Fault::DoubledCSeq,
    Fault::DoubledCallId,
    Fault::DoubledFrom,
    Fault::DoubledTo,
    Fault::From,
    Fault::MissingCSeq,
    Fault::MissingCallId,
    Fault::MissingFrom,
    Fault::MissingTo,
    Fault::MissingVia,
    Fault::To,
];

/// A response, and the port it is for.
pub(super) struct Built {
    pub(super) bytes: Vec<u8>,
    pub(super) port: u16,
}

/// The response to an INVITE from `source`; none where it is doubtful what to copy. Folded headers are
/// unfolded (RFC 3261 §7.3.1), all else stands as it came.
pub(super) fn to(
    what: &Prepared,
    invite: &Invite<'_>,
    source: SocketAddr,
    tags: &RandomState,
) -> Option<Built> {
    let doubtful = DOUBTFUL.iter().any(|fault| invite.faults.contains(*fault));
    let within_dialog = invite.to.as_ref().is_none_or(|to| to.tag().is_some());
    if doubtful || within_dialog || invite.headers_cut {
        return None;
    }
    let mut vias: Vec<Header> = Vec::with_capacity(4);
    let (mut from, mut to, mut call_id, mut cseq) = (None, None, None, None);
    let mut port = None;
    for header in Headers::new(invite.head, false) {
        match header.name {
            Name::Via => {
                let value = text(header.value)?;
                let value = match port {
                    Some(_) => value,
                    None => {
                        let filled = via::filled(&value, source)?;
                        port = Some(filled.port);
                        filled.value
                    }
                };
                vias.push(Via::new(value).into());
            }
            Name::From => from = Some(text(header.value)?),
            Name::To => to = Some(text(header.value)?),
            Name::CallId => call_id = Some(text(header.value)?),
            Name::CSeq => cseq = Some(text(header.value)?),
            _ => {}
        }
    }
    let mut headers = vias;
    let tag = tag(invite, tags);
    headers.extend([
        From::new(from?).into(),
        To::new(format!("{};tag={tag:016x}", to?)).into(),
        CallId::new(call_id?).into(),
        CSeq::new(cseq?).into(),
    ]);
    headers.extend_from_slice(&what.headers);
    headers.push(ContentLength::new("0").into());
    let response = Response {
        status_code: what.status.clone(),
        version: Version::V2,
        headers: headers.into(),
        body: Vec::new(),
    };
    Some(Built { bytes: response.into(), port: port? })
}

/// What tells the transaction from others, hashed: the same for each INVITE of it.
fn tag(invite: &Invite<'_>, tags: &RandomState) -> u64 {
    let from = invite.from.as_ref().and_then(NameAddr::tag);
    tags.hash_one((invite.call_id, invite.cseq, from, invite.branch, invite.request_uri))
}

/// A value in one line; none for one that a line cannot hold.
fn text(value: &[u8]) -> Option<String> {
    str::from_utf8(value).ok()?;
    let text = sip::lossy(value).into_owned();
    let fits = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    text.bytes().all(fits).then_some(text)
}
