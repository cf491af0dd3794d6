//! An INVITE as JSON, byte for byte what serde makes of it, in a fraction of the time: names need
//! not be looked at for what is to be escaped, and of text only whether there is anything.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use serde::Serialize;

use super::{Attestation, HeldAs, Invite, Kernel, Passports};
use crate::{
    identity::{Candidate, Doubt, Line, LineType, Told, Why},
    time::Timestamp,
};

/// Writes an object: its fields in the order of the type, each a name and a value.
macro_rules! object {
    ($out:expr, $of:expr, $first:ident $(, $field:ident)* $(,)?) => {{
        $out.extend_from_slice(concat!("{\"", stringify!($first), "\":").as_bytes());
        $of.$first.write($out);
        $(
            $out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
            $of.$field.write($out);
        )*
        $out.push(b'}');
    }};
}

/// Bytes most INVITEs come to, with room.
const USUAL_LEN: usize = 2_048;

/// What can be written as JSON.
trait Json {
    fn write(&self, out: &mut Vec<u8>);
}

impl Invite<'_> {
    /// Appends the INVITE to `out` as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.reserve(USUAL_LEN);
        object!(
            out,
            self,
            frame,
            ts,
            src,
            dst,
            transport,
            reach,
            vlan,
            fragments,
            trunk,
            call_id,
            cseq,
            from_tag,
            to_tag,
            retransmission,
            request_uri,
            request_user,
            from_user,
            from_display,
            to_user,
            p_asserted_identity,
            remote_party_id,
            p_charge_info,
            diversion,
            privacy,
            ani,
            ani_source,
            ani_status,
            ani_form,
            oli,
            caller_id,
            caller_id_matches,
            display_matches,
            dnis,
            toll_free,
            candidates,
            attestation,
            kernel,
            held,
            verdict,
            answer,
            rule,
            observed,
            malformed,
        );
    }
}

impl Json for Attestation<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        object!(
            out,
            self,
            level,
            source,
            signature,
            reason,
            signer,
            passports,
            verstat,
            outcome,
            origination_id,
            origination_source,
            identity_bypass,
            told,
            told_left_out,
        );
    }
}

impl Json for Passports {
    fn write(&self, out: &mut Vec<u8>) {
        // Of most calls there are none; to make one takes fifty times as long as to write it.
        if self.as_slice().is_empty() {
            out.extend_from_slice(b"[]");
        } else {
            by_serde(self, out);
        }
    }
}

impl Json for Told<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        object!(out, self, token, header, place, by, believed, why, outcome, level);
    }
}

impl Json for Doubt {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl Json for Candidate<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        object!(out, self, header, value, uri, display, number, status, form, parameters, why);
    }
}

impl Json for Line<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        object!(out, self, parameter, value, header, meaning, line_type);
    }
}

impl Json for Kernel<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        object!(out, self, plain, not_plain, ani, attestation, lists, rule);
    }
}

impl Json for &str {
    fn write(&self, out: &mut Vec<u8>) {
        // Without a branch in it the compiler looks at many bytes at once.
        let escape = |seen, byte: &u8| seen | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
        if self.as_bytes().iter().fold(false, escape) {
            by_serde(self, out);
            return;
        }
        out.push(b'"');
        out.extend_from_slice(self.as_bytes());
        out.push(b'"');
    }
}

impl Json for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_ref().write(out);
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, value) in self.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            value.write(out);
        }
        out.push(b']');
    }
}

impl Json for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Json for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(&self.text());
        out.push(b'"');
    }
}

impl Json for SocketAddr {
    fn write(&self, out: &mut Vec<u8>) {
        let IpAddr::V4(address) = self.ip() else {
            by_serde(self, out);
            return;
        };
        let [first, rest @ ..] = address.octets();
        out.push(b'"');
        decimal(first.into(), out);
        for octet in rest {
            out.push(b'.');
            decimal(octet.into(), out);
        }
        out.push(b':');
        decimal(self.port(), out);
        out.push(b'"');
    }
}

fn decimal(number: u16, out: &mut Vec<u8>) {
    let digits = [10_000, 1_000, 100, 10, 1].map(|unit| b'0' + (number / unit % 10) as u8);
    let zeros = digits.iter().take(digits.len() - 1).take_while(|digit| **digit == b'0').count();
    out.extend(digits.iter().skip(zeros));
}

macro_rules! by_serde {
    ($($kind:ty),+ $(,)?) => {
        $(impl Json for $kind {
            fn write(&self, out: &mut Vec<u8>) {
                by_serde(self, out);
            }
        })+
    };
}

by_serde!(
    HeldAs,
    u16,
    u32,
    u64,
    usize,
    LineType,
    Why,
    crate::capture::Transport,
    crate::capture::Reach,
    super::AniStatus,
    crate::policy::Verdict,
);

fn by_serde(value: &impl Serialize, out: &mut Vec<u8>) {
    // Memory takes all there is, and none of these values can be refused.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests;
