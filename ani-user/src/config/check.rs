//! From the keys as they are written to the total configuration: defaults filled in, every value
//! held against what it may be.

use std::{collections::HashSet, net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use ani_ebpf::abi::{
    number::{MAX_DIGITS, Number},
    settings::{MAX_EMERGENCY, MAX_WINDOW},
};
use toml::Spanned;

use super::{Config, Error, Rate, error::Text, file};

/// What stopped calls are told.
mod answers;
/// When a list is taken for a mistake.
mod breaker;
/// Sockets and metrics.
mod control;
/// Mirrored messages.
mod hep;
/// Which calls are held.
mod hold;
/// Named limits.
mod limit;
/// Named lists.
mod list;
/// Names.
mod name;
/// Networks.
mod network;
/// What carriers say where.
pub(super) mod profile;
/// Signatures.
mod stir;
/// The trunks.
mod trunk;

pub use name::NO_TRUNK_NAME;

/// Bytes in the name of a network interface (IFNAMSIZ without its final zero).
const MAX_INTERFACE_NAME: usize = 15;
/// Network interfaces at most.
const MAX_INTERFACES: usize = 64;
/// Bytes of the ring buffer: one page to 1 GiB.
const RING_BYTES: RangeInclusive<i64> = 4_096..=1 << 30;
/// Bytes of a frame that are handed to the daemon: those of a small INVITE at the least.
const WINDOW: RangeInclusive<i64> = 1_024..=MAX_WINDOW as i64;
/// Entries of a table; 64 M numbers on lists take about 2 GiB.
const MAP_ENTRIES: RangeInclusive<i64> = 1..=64_000_000;
const ATTEMPTS: RangeInclusive<i64> = 0..=64_000_000;
/// Callers with counters of their own; ten million take about 3 GiB.
const CALLERS: RangeInclusive<i64> = 1..=10_000_000;

/// The total configuration.
pub(super) fn total(file: file::File, text: Text<'_>) -> Result<Config, Error> {
    let mut config = Config::default();
    capture(file.capture, text, &mut config)?;
    control::read(file.control, text, &mut config.control)?;
    if let Some(path) = file.store.path {
        config.store.path = required_path(path, "store.path", text)?;
    }
    profile::add(file.profile, text, &mut config.profiles)?;
    config.trunks = trunk::all(file.trunk, &config.profiles, text)?.into();
    answers::read(file.answers, text, &mut config.answers)?;
    if let Some(mut rate) = file.limits.per_caller {
        let answer = rate.get_mut().answer.take();
        config.answers.per_caller =
            answers::answer(answer, "limits.per_caller.answer", &config.answers, text)?;
        config.limits.per_caller = per_caller(rate, text)?;
    }
    config.answers.block =
        answers::answer(file.lists.answer, "lists.answer", &config.answers, text)?;
    if let Some(count) = file.lists.max_entries {
        config.lists.max_entries = within(count, "lists.max_entries", MAP_ENTRIES, text)? as u32;
    }
    if let Some(count) = file.lists.max_limited {
        config.lists.max_limited = within(count, "lists.max_limited", MAP_ENTRIES, text)? as u32;
    }
    if let Some(count) = file.lists.max_attempts {
        config.lists.max_attempts = within(count, "lists.max_attempts", ATTEMPTS, text)? as u32;
    }
    hold::read(file.hold, text, &mut config.hold)?;
    config.limits.named = limit::all(file.limit, &config.answers, text)?.into();
    config.list = list::all(file.list, &config.answers, text)?.into();
    breaker::read(file.breaker, text, &mut config.breaker)?;
    if let Some(numbers) = file.emergency.numbers {
        config.emergency.numbers = emergency(numbers, text)?;
    }
    stir::read(file.stir, text, &mut config.stir)?;
    if let Some(count) = file.telemetry.max_callers {
        config.telemetry.max_callers =
            within(count, "telemetry.max_callers", CALLERS, text)? as usize;
    }
    Ok(config)
}

fn capture(file: file::Capture, text: Text<'_>, config: &mut Config) -> Result<(), Error> {
    for name in file.interfaces.unwrap_or_default() {
        let span = name.span();
        let name = name.into_inner();
        if !is_interface_name(&name) {
            return Err(text.error(
                span,
                format_args!(
                    "capture.interfaces: `{name}` is no interface name; `ip link` lists them"
                ),
            ));
        }
        if config.capture.interfaces.contains(&name) {
            return Err(text.error(
                span,
                format_args!("capture.interfaces: `{name}` is named twice; name it once"),
            ));
        }
        if config.capture.interfaces.len() == MAX_INTERFACES {
            return Err(text.error(
                span,
                format_args!(
                    "capture.interfaces: more than {MAX_INTERFACES} interfaces; name fewer"
                ),
            ));
        }
        config.capture.interfaces.push(name);
    }
    if let Some(ports) = file.sip_ports {
        let span = ports.span();
        config.capture.sip_ports = sip_ports(ports.into_inner(), text)?;
        if config.capture.sip_ports.is_empty() {
            return Err(
                text.error(span, "capture.sip_ports: no port; name at least one, such as 5060")
            );
        }
    }
    if let Some(mode) = file.mode {
        config.capture.mode = mode;
    }
    if let Some(path) = file.pin {
        config.capture.pin = pin(path, text)?;
    }
    if let Some(on_exit) = file.on_exit {
        config.capture.on_exit = on_exit;
    }
    if let Some(bytes) = file.ring_bytes {
        let span = bytes.span();
        let bytes = bytes.into_inner();
        if bytes != 0 && (!RING_BYTES.contains(&bytes) || bytes.count_ones() != 1) {
            return Err(text.error(
                span,
                format_args!(
                    "capture.ring_bytes: {bytes} cannot be the ring's size; write a power of two \
                 from {} to {}, such as 4194304, or 0 for what fits the number of CPUs",
                    RING_BYTES.start(),
                    RING_BYTES.end()
                ),
            ));
        }
        config.capture.ring_bytes = (bytes != 0).then_some(bytes as u32);
    }
    if let Some(bytes) = file.window {
        config.capture.window = within(bytes, "capture.window", WINDOW, text)? as u32;
    }
    hep::read(file.hep, file.hep_sources, file.hep_key, text, &mut config.capture.hep)
}

/// Where the program is kept; none for an empty text.
fn pin(path: Spanned<String>, text: Text<'_>) -> Result<Option<PathBuf>, Error> {
    let span = path.span();
    let path = PathBuf::from(path.into_inner());
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(text.error(
            span,
            format_args!(
                "capture.pin: `{}` is no folder to keep the program in; write one on a BPF file \
                 system, such as /sys/fs/bpf/ani, or \"\" to keep nothing",
                path.display()
            ),
        ));
    }
    Ok(Some(path))
}

fn is_interface_name(name: &str) -> bool {
    (1..=MAX_INTERFACE_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

fn sip_ports(ports: Vec<Spanned<i64>>, text: Text<'_>) -> Result<Vec<u16>, Error> {
    let mut seen = HashSet::new();
    ports
        .into_iter()
        .map(|port| {
            let span = port.span();
            let port = port.into_inner();
            match u16::try_from(port) {
                Ok(number @ 1..) if seen.insert(number) => Ok(number),
                Ok(1..) => Err(text.error(
                    span,
                    format_args!("capture.sip_ports: {port} is named twice; name it once"),
                )),
                _ => Err(text.error(
                    span,
                    format_args!(
                        "capture.sip_ports: {port} is no port; write a number from 1 to 65535"
                    ),
                )),
            }
        })
        .collect()
}

/// An address and port to listen on; none for an empty text, which means `nothing`.
fn listen(
    address: &Spanned<String>,
    key: &str,
    example: &str,
    nothing: &str,
    text: Text<'_>,
) -> Result<Option<SocketAddr>, Error> {
    let written = address.get_ref();
    if written.is_empty() {
        return Ok(None);
    }
    written.parse().map(Some).map_err(|_| {
        text.error(
            address.span(),
            format_args!(
                "{key}: `{written}` is no address and port; write one such as {example}, or \"\" \
                 for {nothing}"
            ),
        )
    })
}

fn required_path(path: Spanned<String>, key: &str, text: Text<'_>) -> Result<PathBuf, Error> {
    if path.get_ref().is_empty() {
        return Err(text.error(
            path.span(),
            format_args!(
                "{key}: the path is empty; write one, or leave the key out for the default"
            ),
        ));
    }
    Ok(PathBuf::from(path.into_inner()))
}

fn per_caller(rate: Spanned<file::Rate>, text: Text<'_>) -> Result<Option<Rate>, Error> {
    let span = rate.span();
    match rate.into_inner() {
        file::Rate { calls: None, within: None, .. } => Ok(None),
        file::Rate { calls: Some(calls), within: Some(within), .. } => {
            let calls_span = calls.span();
            let calls = calls.into_inner();
            let count = u64::try_from(calls).ok().filter(|count| *count > 0).ok_or_else(|| {
                text.error(calls_span, format_args!(
                    "limits.per_caller.calls: {calls} calls cannot be a limit; write at least 1, \
                     or {{}} for no limit"
                ))
            })?;
            Rate::new(count, within.get_ref()).map(Some).map_err(|error| {
                text.error(within.span(), format_args!("limits.per_caller.within: {error}"))
            })
        }
        file::Rate { calls: None, .. } => Err(text.error(
            span,
            "limits.per_caller.calls: missing; write { calls = 10, within = \"1m\" }, or {} for no \
             limit",
        )),
        file::Rate { within: None, .. } => Err(text.error(
            span,
            "limits.per_caller.within: missing; write { calls = 10, within = \"1m\" }, or {} for \
             no limit",
        )),
    }
}

fn emergency(numbers: Spanned<Vec<Spanned<String>>>, text: Text<'_>) -> Result<Vec<Number>, Error> {
    let span = numbers.span();
    let numbers = numbers.into_inner();
    if numbers.len() > MAX_EMERGENCY {
        return Err(text.error(
            span,
            format_args!(
                "emergency.numbers: {} numbers; name at most {MAX_EMERGENCY}",
                numbers.len()
            ),
        ));
    }
    numbers
        .into_iter()
        .map(|number| {
            Number::from_ascii(number.get_ref().as_bytes()).ok_or_else(|| {
                text.error(
                    number.span(),
                    format_args!(
                        "emergency.numbers: `{}` is no number as it is dialled; write 1 to \
                     {MAX_DIGITS} digits",
                        number.get_ref()
                    ),
                )
            })
        })
        .collect()
}

fn within(
    value: Spanned<i64>,
    key: &str,
    range: RangeInclusive<i64>,
    text: Text<'_>,
) -> Result<i64, Error> {
    let number = *value.get_ref();
    if range.contains(&number) {
        return Ok(number);
    }
    Err(text.error(
        value.span(),
        format_args!(
            "{key}: {number} is out of range; write a number from {} to {}",
            range.start(),
            range.end()
        ),
    ))
}
