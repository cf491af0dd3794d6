//! From what was written to a number, one sentence a step.

use ani_ebpf::{
    abi::number::MAX_DIGITS,
    dial_plan::{DialPlan, Dialled, Fault, Lengths, Reading, Way},
};

use crate::{
    config::countries::Country,
    control::number::shown,
    identity::{NumberForm, e164, form},
    sip::{self, Uri},
};

/// What only helps the eye (RFC 3966 §5.1.1), and the space.
const SEPARATORS: [(char, &str); 5] =
    [('(', "parentheses"), (')', "parentheses"), (' ', "spaces"), ('-', "hyphens"), ('.', "dots")];

/// The steps, and how the plan read the digits.
pub(super) struct Steps {
    /// A sentence for each.
    pub(super) words: Vec<String>,
    /// None when they are no number, or one only by its `phone-context`.
    pub(super) reading: Option<Reading>,
}

/// What is done with a user part.
pub(super) fn steps(
    uri: &Uri<'_>,
    user: &str,
    country: Option<&Country>,
    plan: &DialPlan,
) -> Steps {
    let mut words = Vec::new();
    if !uri.user_parameters.is_empty() {
        let parameters = sip::lossy(uri.user_parameters);
        words.push(format!("`{}` is cut off: parameters", shown(&parameters)));
    }
    let form = form(uri, plan);
    if form != NumberForm::Alphabetic {
        words.extend(separators(user));
    }
    let dialled = Dialled::from_text(user);
    let context = uri.user_parameters().get(b"phone-context").map(sip::unquoted);
    let context = context.as_deref().map(sip::lossy).filter(|_| !user.starts_with('+'));
    if let Some(context) = context {
        let context = shown(&context);
        words.push(match e164(uri, plan) {
            Some(number) => format!("phone-context {context} is put before it: +{number}"),
            None => format!("phone-context `{context}` makes it no number"),
        });
        if form != NumberForm::E164 {
            words.push(why_not(user, dialled, form, country, plan));
        }
        return Steps { words, reading: None };
    }
    let reading = dialled.and_then(|dialled| plan.read(dialled));
    words.push(match (dialled, reading) {
        (Some(dialled), Some(reading)) => how(dialled, reading, country, plan),
        _ => why_not(user, dialled, form, country, plan),
    });
    Steps { words, reading }
}

fn separators(user: &str) -> Option<String> {
    let mut names: Vec<_> = SEPARATORS
        .into_iter()
        .filter(|(char, _)| user.contains(*char))
        .map(|(_, name)| name)
        .collect();
    names.dedup();
    let left: String =
        user.chars().filter(|char| char.is_ascii_digit() || "+*#".contains(*char)).collect();
    let and = match names.split_last()? {
        (last, []) => (*last).to_owned(),
        (last, others) => format!("{} and {last}", others.join(", ")),
    };
    Some(format!("{and} only help the eye: {} is left", shown(&left)))
}

fn how(dialled: Dialled, reading: Reading, country: Option<&Country>, plan: &DialPlan) -> String {
    let of = country.map_or("that country", |country| country.name);
    let Reading { number, way, prefix } = reading;
    let digits = |len: u32| if len == 1 { "1 digit".to_owned() } else { format!("{len} digits") };
    match way {
        Way::Plus => format!("begins with +: the whole number, {}", digits(dialled.len)),
        Way::International => format!(
            "begins with {prefix}, the international prefix of {of}: taken away, the whole number is \
             left"
        ),
        Way::National => format!(
            "begins with {prefix}, the national prefix of {of}: taken away; behind it {}, as its \
             numbers have: country code {} is put before them",
            digits(dialled.len - prefix.len()),
            plan.country
        ),
        Way::Bare => format!(
            "{}, as numbers are dialled in {of}: country code {} is put before them",
            digits(dialled.len),
            plan.country
        ),
        Way::CountryCode => format!(
            "begins with {}, the country code of {of}, and {} are behind it, as its numbers have: \
             only the + is missing from +{number}",
            plan.country,
            digits(dialled.len - plan.country.len())
        ),
    }
}

fn why_not(
    user: &str,
    dialled: Option<Dialled>,
    form: NumberForm,
    country: Option<&Country>,
    plan: &DialPlan,
) -> String {
    let digits = user.chars().filter(char::is_ascii_digit).count();
    match form {
        NumberForm::E164 => "a number".to_owned(),
        NumberForm::Alphabetic if user.is_empty() => "nothing is there to be a number".to_owned(),
        NumberForm::Alphabetic if digits == 0 && !user.chars().any(char::is_alphabetic) => {
            format!("`{}` has no digit in it", shown(user))
        }
        NumberForm::Alphabetic => {
            format!("`{}` has letters or signs that no number has: a name", shown(user))
        }
        NumberForm::Short if user.contains(['*', '#']) => {
            "* and # make it a code that an exchange understands: it stays as it came".to_owned()
        }
        NumberForm::Short => format!(
            "{digits} digit{} are too few: a short code, service or emergency number, or an \
             extension stays as it came",
            if digits == 1 { "" } else { "s" }
        ),
        NumberForm::National => match country {
            None => "no +, and no country is named: the same digits are other numbers in other \
                     countries; say which with --country"
                .to_owned(),
            Some(country) => not_of(country, plan, digits),
        },
        NumberForm::Impossible => impossible(digits, dialled, country, plan),
    }
}

fn not_of(country: &Country, plan: &DialPlan, digits: usize) -> String {
    let name = country.name;
    let bare = lengths(plan.bare_lengths);
    if plan.national.is_empty() {
        return format!("{digits} digits, where {name} dials {bare}: no number of that country");
    }
    format!(
        "{digits} digits, where {name} dials {bare}, or {} behind {}: no number of that country",
        lengths(plan.national_lengths),
        plan.national
    )
}

fn impossible(
    digits: usize,
    dialled: Option<Dialled>,
    country: Option<&Country>,
    plan: &DialPlan,
) -> String {
    let Some(dialled) = dialled else {
        return format!("{digits} digits: more than the {MAX_DIGITS} that are read");
    };
    let Dialled { nibbles, len, plus } = dialled;
    let because = |fault: Option<Fault>| fault.map_or("it is none", Fault::as_str);
    if plus {
        return format!(
            "begins with +, but is no whole number: {}",
            because(plan.fault(nibbles, len))
        );
    }
    if nibbles == 0 {
        return "nothing but zeros".to_owned();
    }
    let behind = plan.international.into_iter().find_map(|prefix| {
        let (rest, rest_len) = prefix.strip(nibbles, len)?;
        Some((prefix, plan.fault(rest, rest_len)))
    });
    let name = country.map_or("that country", |country| country.name);
    if let Some((prefix, fault)) = behind {
        return format!(
            "begins with {prefix}, the international prefix of {name}, but behind it is no whole \
             number: {}",
            because(fault)
        );
    }
    match plan.country.prepend(nibbles, len) {
        Some((whole, whole_len)) if plan.bare_lengths.has(len) => format!(
            "{digits} digits, as numbers are dialled in {name}, but with country code {} before them \
             it is none: {}",
            plan.country,
            because(plan.fault(whole, whole_len))
        ),
        _ => format!("{digits} digits: {}", because(plan.fault(nibbles, len))),
    }
}

/// `10`, `8 to 11`, `6, 8 or 9`.
fn lengths(lengths: Lengths) -> String {
    let all: Vec<u32> = (1..16).filter(|len| lengths.has(*len)).collect();
    match all[..] {
        [] => "none".to_owned(),
        [only] => only.to_string(),
        [first, .., last] if last - first + 1 == all.len() as u32 => format!("{first} to {last}"),
        [.., last] => {
            let others: Vec<_> =
                all.iter().filter(|len| **len != last).map(u32::to_string).collect();
            format!("{} or {last}", others.join(", "))
        }
    }
}
