//! What is verified: the facts of one INVITE, borrowed.

use std::borrow::Cow;

use crate::time::Timestamp;

/// Called parties that are compared: Request-URI and To.
pub const CALLED: usize = 2;

/// The facts of one INVITE that signatures are about.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Values of Identity in the order of the message, parameters and all, as they came.
    pub identity: &'a [&'a [u8]],
    /// Whether the message was cut before the end of its headers.
    pub cut: bool,
    /// Who is calling, by the trunk's order of headers; none for nobody.
    pub caller: Option<Party<'a>>,
    /// Who is called: Request-URI, then To.
    pub called: [Option<Party<'a>>; CALLED],
    /// Value of Date, as it came: the compact form has its time from it (RFC 8224 §4.1).
    pub date: Option<&'a [u8]>,
    /// Values of Resource-Priority, with commas between them; none without that header, or where no
    /// PASSporT is about it.
    pub resource_priority: Option<Cow<'a, [u8]>>,
    /// Tells this call attempt from others: a hash of Call-ID and From tag. Retransmissions, forks and
    /// repetitions with credentials have the same.
    pub attempt: u64,
    /// When the INVITE arrived.
    pub now: Timestamp,
}

/// A caller or a called party, canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party<'a> {
    /// A number as [`crate::identity::canonical`] gives it by the trunk's dial plan.
    Tn(Cow<'a, str>),
    /// A URI without parameters (RFC 8224 §8.5): scheme and host in lower case.
    Uri(Cow<'a, str>),
}
