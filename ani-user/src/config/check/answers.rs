//! What stopped calls are told.

use std::time::Duration;

use toml::Spanned;
use url::Url;

use crate::{
    answer::Answer,
    config::{Answers, Error, Rate, Redress, error::Text, file},
};

/// Seconds that a 503 may ask for.
const RETRY_AFTER_S: std::ops::RangeInclusive<u64> = 1..=86_400;

/// Bytes of a URL, number or address that stands in a header.
const MAX_CONTACT: usize = 200;

/// Where a call may be blocked (RFC 8606 §4, ITU-T Q.850).
const LOCATIONS: [&str; 8] = ["U", "LPN", "LN", "TN", "RLN", "RPN", "INTL", "BI"];

/// `[answers]`
pub(super) fn read(
    file: file::Answers,
    text: Text<'_>,
    answers: &mut Answers,
) -> Result<(), Error> {
    if let Some(written) = file.per_source {
        answers.per_source = rate(&written, "answers.per_source", text)?;
    }
    if let Some(written) = file.overall {
        answers.overall = rate(&written, "answers.overall", text)?;
    }
    if let Some(written) = file.retry_after {
        answers.retry_after = retry_after(&written, text)?;
    }
    if let Some(redress) = file.redress {
        answers.redress = self::redress(redress, text)?;
    }
    if let Some(card) = file.card.filter(|card| !card.get_ref().is_empty()) {
        answers.card = Some(contact(card, "answers.card", is_url, text)?);
    }
    Ok(())
}

/// What a list or limit says; nothing where there is no key.
pub(super) fn answer(
    written: Option<Spanned<String>>,
    key: &str,
    answers: &Answers,
    text: Text<'_>,
) -> Result<Answer, Error> {
    let Some(written) = written else { return Ok(Answer::Drop) };
    let refused = |why: String| text.error(written.span(), format_args!("{key}: {why}"));
    let answer: Answer = written.get_ref().parse().map_err(|error| refused(format!("{error}")))?;
    answers.takes(&answer).map_err(refused)?;
    Ok(answer)
}

fn rate(written: &Spanned<String>, key: &str, text: Text<'_>) -> Result<Rate, Error> {
    let read = Rate::parse(written.get_ref());
    let refused = |why: String| text.error(written.span(), format_args!("{key}: {why}"));
    read.map_err(|error| refused(error.to_string()))?.ok_or_else(|| {
        refused(
            "answers without a limit could be turned against others; write one such as `100 per 1s`"
                .to_owned(),
        )
    })
}

fn retry_after(written: &Spanned<String>, text: Text<'_>) -> Result<Duration, Error> {
    let read = humantime::parse_duration(written.get_ref()).ok();
    let fits =
        |time: &Duration| RETRY_AFTER_S.contains(&time.as_secs()) && time.subsec_nanos() == 0;
    read.filter(fits).ok_or_else(|| {
        text.error(
            written.span(),
            format_args!(
                "answers.retry_after: `{}` cannot be asked for; write whole seconds from `1s` to \
                 `1day`, such as `30s`",
                written.get_ref()
            ),
        )
    })
}

fn redress(file: file::Redress, text: Text<'_>) -> Result<Redress, Error> {
    let read = |value: Option<Spanned<String>>, key, fits: fn(&str) -> bool| {
        value.map(|value| contact(value, key, fits, text)).transpose()
    };
    let is_tel = |tel: &str| {
        let digits = tel.strip_prefix('+').unwrap_or(tel);
        digits.bytes().any(|byte| byte.is_ascii_digit())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte))
    };
    let is_email = |email: &str| {
        email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
    };
    Ok(Redress {
        url: read(file.url, "answers.redress.url", is_url)?,
        tel: read(file.tel, "answers.redress.tel", is_tel)?,
        email: read(file.email, "answers.redress.email", is_email)?,
        location: read(file.location, "answers.redress.location", |location| {
            LOCATIONS.contains(&location)
        })?,
    })
}

fn is_url(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Text that stands in a header, within quotes or angle brackets.
fn contact(
    value: Spanned<String>,
    key: &str,
    fits: impl Fn(&str) -> bool,
    text: Text<'_>,
) -> Result<String, Error> {
    let written = value.get_ref();
    let stands = |byte: u8| byte.is_ascii_graphic() && !b"\"\\;<>,".contains(&byte);
    if written.len() > MAX_CONTACT || !written.bytes().all(stands) || !fits(written) {
        return Err(text.error(
            value.span(),
            format_args!(
                "{key}: {written:?} cannot stand there; write one such as {}, without \" \\ ; < > and \
                 comma, at most {MAX_CONTACT} bytes",
                example(key)
            ),
        ));
    }
    Ok(value.into_inner())
}

fn example(key: &str) -> String {
    match key {
        "answers.redress.tel" => "\"+12025550123\"".to_owned(),
        "answers.redress.email" => "\"redress@example.net\"".to_owned(),
        "answers.redress.location" => LOCATIONS.join(", "),
        _ => "\"https://example.net/blocked\"".to_owned(),
    }
}
