//! One INVITE with all that is known of it, as others read it: a line of `ani replay --json`, an
//! event, a row of telemetry. Fields may be added, not renamed.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{
    capture::{Reach, Transport},
    policy::Verdict,
    time::Timestamp,
};

/// One INVITE. Text is as it came, invalid UTF-8 replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invite {
    /// Number of the capture record in which it became whole.
    pub frame: u64,
    /// When that arrived.
    pub ts: Timestamp,
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// What it came over.
    pub transport: Transport,
    /// The most that could be done about it; a call that is only observed is never stopped.
    pub reach: Reach,
    /// VLAN identifiers, outermost first.
    pub vlan: Vec<u16>,
    /// IP fragments it came in.
    pub fragments: u32,
    /// Name of the trunk; none for an INVITE from no configured trunk.
    pub trunk: Option<String>,
    /// Call-ID.
    pub call_id: Option<String>,
    /// Number of CSeq.
    pub cseq: Option<u32>,
    /// Tag of From.
    pub from_tag: Option<String>,
    /// Tag of To; there is one within a dialog.
    pub to_tag: Option<String>,
    /// Whether the same INVITE (branch, Call-ID, CSeq) was seen before.
    pub retransmission: bool,
    /// Request-URI.
    pub request_uri: String,
    /// Its user part, without parameters.
    pub request_user: Option<String>,
    /// User part of From.
    pub from_user: Option<String>,
    /// Display name of From, quotes and escapes removed.
    pub from_display: Option<String>,
    /// User part of To.
    pub to_user: Option<String>,
    /// URIs of P-Asserted-Identity.
    pub p_asserted_identity: Vec<String>,
    /// URIs of Remote-Party-ID.
    pub remote_party_id: Vec<String>,
    /// URI of P-Charge-Info.
    pub p_charge_info: Option<String>,
    /// URIs of Diversion.
    pub diversion: Vec<String>,
    /// Values of Privacy.
    pub privacy: Vec<String>,
    /// Who is calling: E.164 with `+`, or the user part as it came.
    pub ani: Option<String>,
    /// Header he was read from.
    pub ani_source: Option<&'static str>,
    /// What `ani` is.
    pub ani_status: AniStatus,
    /// Whom From displays, made E.164 where it can be.
    pub caller_id: Option<String>,
    /// Whether the two are the same; none when there is no caller to compare.
    pub caller_id_matches: Option<bool>,
    /// The called number, made E.164 where it can be.
    pub dnis: Option<String>,
    /// How far the network vouches.
    pub attestation: Attestation,
    /// What the kernel's scanner made of it.
    pub kernel: Kernel,
    /// What happened to it.
    pub verdict: Verdict,
    /// SIP code of an answer; none is given yet.
    pub answer: Option<u16>,
    /// The rule that decided.
    pub rule: Option<&'static str>,
    /// What is wrong with the message.
    pub malformed: Vec<&'static str>,
}

/// What the ANI is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AniStatus {
    /// The caller withholds his number.
    Anonymous,
    /// No header names a caller.
    Missing,
    /// The user part is no telephone number, or cannot be made E.164.
    NotANumber,
    /// An E.164 number out of a header the trunk's order names.
    Ok,
    /// The INVITE came from no configured trunk; only From was read.
    Untrusted,
}

/// How far the network vouches for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attestation {
    /// `A`, `B`, `C` or `none`.
    pub level: &'static str,
    /// Where it was read: `identity`, `verstat`; none for no attestation.
    pub source: Option<&'static str>,
    /// `unverified` for an Identity header, `absent` without one.
    pub signature: &'static str,
    /// Why a signature is not valid, or nothing is known of one.
    pub reason: Option<String>,
    /// Who signed.
    pub signer: Option<String>,
    /// The `verstat` parameter as it came.
    pub verstat: Option<String>,
}

/// What the kernel's scanner makes of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// Whether it could decide.
    pub plain: bool,
    /// Why not.
    pub not_plain: Option<&'static str>,
    /// The caller, E.164 with `+`.
    pub ani: Option<String>,
    /// What the Identity header claims.
    pub attestation: &'static str,
}
