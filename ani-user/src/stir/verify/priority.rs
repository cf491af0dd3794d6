//! What priority a call asks for, against what its `rph` PASSporTs grant (RFC 8443).

use super::held::Held;
use crate::{
    sip,
    stir::{Call, Class, Judged, Outcome, Steps, kind::Kind, steps::Teller},
};

/// Each value of Resource-Priority must be among those that are granted; what asks for more than all
/// `rph` PASSporTs grant together has none of them. One of which nothing is known may grant the rest.
pub(super) fn compare(
    call: &Call<'_>,
    held: &[Held<'_>],
    passports: &mut [Judged],
    steps: &mut dyn Steps,
) {
    let Some(asked) = call.resource_priority.as_deref().map(sip::lossy) else { return };
    let granting = |held: &Held<'_>, judged: &Judged| {
        held.kind == Some(Kind::Rph) && judged.outcome.class() != Class::Failed
    };
    let is_granted = |value: &str| {
        let mut granted = held.iter().zip(&*passports).filter(|(held, it)| granting(held, it));
        // Namespaces and priorities are the same in any case (RFC 4412 §3.1).
        granted.any(|(_, it)| it.priority.iter().any(|auth| auth.eq_ignore_ascii_case(value)))
    };
    let values = asked.split(',').map(str::trim).filter(|value| !value.is_empty());
    let beyond = values.clone().find(|value| !is_granted(value));
    for (at, (held, judged)) in held.iter().zip(passports).enumerate() {
        if held.kind != Some(Kind::Rph) || judged.outcome != Outcome::Valid {
            continue;
        }
        let mut teller = Teller::new(steps, at);
        match beyond {
            None => teller.well("priority", format_args!("it is asked for: {asked}")),
            Some(value) => {
                let seen = format_args!("{value} is asked for, which is not granted");
                judged.outcome = teller.found("priority", Outcome::RphMismatch, seen);
            }
        }
    }
}
