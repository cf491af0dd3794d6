//! The keys of the file as they are written: all may be missing, others are refused. Each value
//! knows its place, so that whatever is wrong with it can be said with its line.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use super::{Mode, OnExit};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) capture: Capture,
    pub(super) control: Control,
    pub(super) store: Store,
    pub(super) profile: Vec<Spanned<Profile>>,
    pub(super) trunk: Vec<Spanned<Trunk>>,
    pub(super) limits: Limits,
    pub(super) limit: Vec<Spanned<NamedLimit>>,
    pub(super) lists: Lists,
    pub(super) list: Vec<Spanned<List>>,
    pub(super) hold: Hold,
    pub(super) answers: Answers,
    pub(super) breaker: Breaker,
    pub(super) emergency: Emergency,
    pub(super) stir: Stir,
    pub(super) telemetry: Telemetry,
}

/// `[capture]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Capture {
    pub(super) interfaces: Option<Vec<Spanned<String>>>,
    pub(super) sip_ports: Option<Spanned<Vec<Spanned<i64>>>>,
    pub(super) mode: Option<Mode>,
    pub(super) pin: Option<Spanned<String>>,
    pub(super) on_exit: Option<OnExit>,
    pub(super) ring_bytes: Option<Spanned<i64>>,
    pub(super) window: Option<Spanned<i64>>,
    pub(super) hep: Option<Spanned<String>>,
    pub(super) hep_sources: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(deserialize_with = "secret")]
    pub(super) hep_key: Option<Spanned<String>>,
}

/// `[control]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Control {
    pub(super) socket: Option<Spanned<String>>,
    pub(super) read_socket: Option<Spanned<String>>,
    pub(super) read_group: Option<Spanned<String>>,
    pub(super) metrics: Option<Spanned<String>>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    pub(super) path: Option<Spanned<String>>,
}

/// `[[profile]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) name: Option<Spanned<String>>,
    pub(super) base: Option<Spanned<String>>,
    pub(super) about: Option<Spanned<String>>,
    pub(super) ani: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) ani_toll_free: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) attestation: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) verstat: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) verstat_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) level_parameters: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) origination_parameters: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) status_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) level_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) origination_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) bypass_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) tokens: Option<Spanned<BTreeMap<Spanned<String>, Spanned<String>>>>,
    pub(super) absent: Option<Spanned<String>>,
    pub(super) country: Option<Spanned<String>>,
    pub(super) max_digits: Option<Spanned<i64>>,
}

/// `[[trunk]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Trunk {
    pub(super) name: Option<Spanned<String>>,
    pub(super) sources: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) profile: Option<Spanned<String>>,
    pub(super) country: Option<Spanned<String>>,
    pub(super) ani: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) ani_toll_free: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) toll_free: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) max_digits: Option<Spanned<i64>>,
    pub(super) refuse: Option<Vec<Spanned<String>>>,
    pub(super) refuse_mode: Option<Spanned<String>>,
}

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) per_caller: Option<Spanned<Rate>>,
}

/// `{ calls = 10, within = "1m" }`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "{ calls = 10, within = \"1m\" }")]
pub(super) struct Rate {
    pub(super) calls: Option<Spanned<i64>>,
    pub(super) within: Option<Spanned<String>>,
    pub(super) answer: Option<Spanned<String>>,
}

/// `[[limit]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NamedLimit {
    pub(super) name: Option<Spanned<String>>,
    pub(super) calls: Option<Spanned<i64>>,
    pub(super) within: Option<Spanned<String>>,
    pub(super) per: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) callers: Option<Spanned<String>>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) answer: Option<Spanned<String>>,
}

/// `[lists]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lists {
    pub(super) max_entries: Option<Spanned<i64>>,
    pub(super) max_limited: Option<Spanned<i64>>,
    pub(super) max_attempts: Option<Spanned<i64>>,
    pub(super) answer: Option<Spanned<String>>,
}

/// `[[list]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct List {
    pub(super) name: Option<Spanned<String>>,
    pub(super) action: Option<Spanned<String>>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) file: Option<Spanned<String>>,
    pub(super) answer: Option<Spanned<String>>,
}

/// `[answers]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answers {
    pub(super) per_source: Option<Spanned<String>>,
    pub(super) overall: Option<Spanned<String>>,
    pub(super) retry_after: Option<Spanned<String>>,
    pub(super) redress: Option<Redress>,
    pub(super) card: Option<Spanned<String>>,
}

/// `{ url = "https://example.net/blocked" }`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "{ url = \"https://example.net/blocked\" }")]
pub(super) struct Redress {
    pub(super) url: Option<Spanned<String>>,
    pub(super) tel: Option<Spanned<String>>,
    pub(super) email: Option<Spanned<String>>,
    pub(super) location: Option<Spanned<String>>,
}

/// `[hold]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Hold {
    pub(super) not_plain: Option<bool>,
    pub(super) deadline: Option<Spanned<String>>,
    pub(super) max: Option<Spanned<i64>>,
}

/// `[breaker]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Breaker {
    pub(super) enabled: Option<bool>,
    pub(super) share: Option<Spanned<i64>>,
    pub(super) callers: Option<Spanned<i64>>,
    pub(super) rest: Option<Spanned<String>>,
    pub(super) max_known: Option<Spanned<i64>>,
}

/// `[emergency]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Emergency {
    pub(super) numbers: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[stir]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Stir {
    pub(super) verify: Option<bool>,
    pub(super) anchors: Option<Spanned<String>>,
    pub(super) crls: Option<Spanned<String>>,
    pub(super) max_age: Option<Spanned<String>>,
    pub(super) fetch: Option<bool>,
    pub(super) fetch_crls: Option<bool>,
    pub(super) local: Option<Spanned<String>>,
    pub(super) roots: Option<Spanned<String>>,
    pub(super) allow_addresses: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) threads: Option<Spanned<i64>>,
    pub(super) queue: Option<Spanned<i64>>,
    pub(super) max_certificates: Option<Spanned<i64>>,
}

/// `[telemetry]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Telemetry {
    pub(super) max_callers: Option<Spanned<i64>>,
}

/// A value that no error shows, whatever it is.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<String>>, D::Error> {
    let value = Spanned::<toml::Value>::deserialize(deserializer)?;
    let span = value.span();
    match value.into_inner() {
        toml::Value::String(text) => Ok(Some(Spanned::new(span, text))),
        _ => Err(D::Error::custom("this is no text; write it in quotes")),
    }
}
