//! From a URI to a telephone number.

use ani_ebpf::{
    abi::number::{MAX_DIGITS, Number},
    dial_plan::{DialPlan, Dialled},
};

use crate::sip::{Scheme, Uri, percent_decoded, unquoted};

/// Digits of a number in North America, country code included.
const NANP_DIGITS: u32 = 11;

/// The E.164 number of a URI's user; none when there is none or it cannot be made one.
pub fn e164(uri: &Uri<'_>, plan: &DialPlan) -> Option<Number> {
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return None;
    }
    let user = percent_decoded(uri.user?);
    let dialled = Dialled::from_text(str::from_utf8(&user).ok()?)?;
    match uri.user_parameters().get(b"phone-context") {
        // RFC 3966 §5.1.4: a global number has no context; one that is there changes nothing.
        None => plan.e164(dialled),
        Some(_) if dialled.plus => plan.e164(dialled),
        Some(context) => within(&unquoted(context), dialled, plan),
    }
}

/// A local number within the context of a global prefix (RFC 3966 §5.1.5): the two together are its
/// number only where they have the length of a number of that country, and where the local number
/// is not one that starts with a prefix of its own.
fn within(context: &[u8], local: Dialled, plan: &DialPlan) -> Option<Number> {
    let context = Dialled::from_text(str::from_utf8(context).ok()?)?;
    let len = context.len + local.len;
    if !context.plus || len > MAX_DIGITS || local.nibbles >> 60 == 0 {
        return None;
    }
    let nibbles = context.nibbles | local.nibbles >> (4 * context.len);
    let whole = Dialled { nibbles, len, plus: true };
    let north_american = nibbles >> 60 == 1 && len == NANP_DIGITS;
    (north_american || is_of_country(whole, plan)).then(|| plan.e164(whole)).flatten()
}

/// Whether a global number has the trunk's country code and a length its numbers have.
fn is_of_country(number: Dialled, plan: &DialPlan) -> bool {
    plan.country
        .strip(number.nibbles, number.len)
        .is_some_and(|(_, national)| plan.national_lengths.has(national))
}
