//! The property that keeps the kernel's decisions sound: whatever the scanner calls plain, the full
//! parser reads alike. For tests and fuzzing, which feed it bytes of all kinds.

use std::sync::LazyLock;

use ani_ebpf::{
    abi::trunk::{AniOrder, Orders, Telling},
    dial_plan::DialPlan,
    scan::{self, AniHeader, NotPlain, Scratch, StartLine, User, UserKind},
};

use super::{Passport, Profile, Reading, candidate::values, identify};
use crate::{
    config::toll_free,
    sip::{self, Fault, Invite, NameAddr},
};

/// Reads `message` both ways. `Ok` says whether the scanner calls it a plain INVITE; `Err` says in
/// what the two differ.
pub fn agreement(message: &[u8]) -> Result<bool, String> {
    let parsed = sip::invite(message, false);
    let mut scratch = Scratch::new();
    scratch.load(message);
    match scan::start_line(&scratch) {
        StartLine::Other if parsed.is_some() => {
            return Err("only the parser sees an INVITE".to_owned());
        }
        StartLine::Other => return Ok(false),
        // The scanner may not have seen the line's end; it may be no INVITE after all.
        StartLine::NotPlain(NotPlain::Window) => return Ok(false),
        StartLine::Invite | StartLine::NotPlain(_) if parsed.is_some() => {}
        StartLine::NotPlain(NotPlain::LineEnd | NotPlain::RequestLine) => return Ok(false),
        StartLine::Invite | StartLine::NotPlain(_) => {
            return Err("only the scanner sees an INVITE".to_owned());
        }
    }
    let Some(parsed) = parsed else {
        return Ok(false);
    };
    let StartLine::Invite = scan::start_line(&scratch) else {
        return Ok(false);
    };
    let [usual, rest @ ..] = &*ORDERS;
    let plain = same_caller(&mut scratch, message, &parsed, usual)?;
    for orders in rest {
        same_caller(&mut scratch, message, &parsed, orders)?;
    }
    Ok(plain)
}

/// The orders that both read by: the usual one; every header that the scanner reads; those first that
/// it does not.
static ORDERS: LazyLock<[Orders; 3]> = LazyLock::new(|| {
    use AniHeader::{
        From, PAssertedIdentity, PChargeInfo, PDcsBillingInfo, PPreferredIdentity, Passport,
        RemotePartyId,
    };
    let generic = Profile::generic();
    let usual = Orders {
        usual: AniOrder::new(&generic.ani),
        toll_free: AniOrder::new(&generic.ani_toll_free),
        toll_free_prefixes: toll_free::prefixes(None),
    };
    let charged = [PChargeInfo, PPreferredIdentity, RemotePartyId, PAssertedIdentity, From];
    [usual, Orders::one(&charged), Orders::one(&[Passport, PDcsBillingInfo, From])]
});

/// Whether the INVITE is plain by those orders; then both read the same caller.
fn same_caller(
    scratch: &mut Scratch,
    message: &[u8],
    parsed: &Invite<'_>,
    orders: &Orders,
) -> Result<bool, String> {
    let plan = DialPlan::NONE;
    scratch.load(message);
    let StartLine::Invite = scan::start_line(scratch) else {
        return Ok(false);
    };
    if scan::invite(scratch, orders, &plan, Telling::SIGNER).is_err() {
        return Ok(false);
    }
    let plain = scan::plain(scratch);

    let profile = Profile::generic();
    let reading = Reading { profile: &profile, orders, dial_plan: plan, trusted: true };
    let passport = Passport::read(parsed);
    let identity = identify(parsed, passport.as_ref(), &reading);
    let caller = match plain.ani_header {
        Some(header @ (AniHeader::PDcsBillingInfo | AniHeader::Passport)) => {
            return Err(format!("plain, with the caller in {}", header.as_str()));
        }
        Some(header) => values(parsed, header),
        None => &[],
    };

    same("header", &plain.ani_header, &identity.source())?;
    same("values", &usize::from(plain.ani_header.is_some()), &caller.len())?;
    same("caller", &digits(plain.caller), &number_of(caller.first()))?;
    same("E.164", &plain.ani, &identity.number)?;
    same("called", &digits(plain.called), &number_in(parsed.request.user))?;
    let in_dialog = parsed.to.as_ref().and_then(NameAddr::tag).is_some();
    same("in dialog", &plain.in_dialog, &in_dialog)?;
    if plain.caller.kind == UserKind::Anonymous {
        same("anonymous caller", &None, &identity.ani)?;
    }
    for fault in [
        Fault::MissingCallId,
        Fault::DoubledCallId,
        Fault::MissingFrom,
        Fault::DoubledFrom,
        Fault::MissingTo,
        Fault::DoubledTo,
        Fault::HeadersEnd,
    ] {
        if parsed.faults.contains(fault) {
            return Err(format!("plain, but {}", fault.as_str()));
        }
    }
    Ok(true)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, scanner: &T, parser: &T) -> Result<(), String> {
    if scanner == parser {
        return Ok(());
    }
    Err(format!("{what}: the scanner reads {scanner:?}, the parser {parser:?}"))
}

fn digits(user: User) -> Option<String> {
    let dialled = user.digits()?;
    Some(format!("{}{}", if dialled.plus { "+" } else { "" }, dialled.digits()))
}

fn number_of(name: Option<&NameAddr<'_>>) -> Option<String> {
    number_in(name.and_then(|name| name.uri.user))
}

/// The user part when it is nothing but digits, with or without a `+`.
fn number_in(user: Option<&[u8]>) -> Option<String> {
    let user = sip::lossy(user?).into_owned();
    let bare = user.strip_prefix('+').unwrap_or(&user);
    let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(user)
}

#[cfg(test)]
mod tests;
