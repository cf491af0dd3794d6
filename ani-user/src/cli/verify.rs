//! `ani verify`: the signatures of one message, or of one PASSporT, step by step and offline.
//!
//! A message goes through the very same pipeline as a live call.

/// Certificates that are at hand.
mod shelf;
/// What people read.
mod people;
/// What is verified: a message or a token.
mod subject;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use self::{shelf::Shelf, subject::Subject};
use super::{
    exit::{Code, Failure},
    inspect, output,
};
use crate::{
    control::number,
    identity::canonical,
    pipeline::{Answer, Verifier, Whose},
    stir::{
        Call, Class, Judgement, Outcome, Replays, Settings, Step, Steps, call::Party,
        outcome::phrase, verify,
    },
    time::Timestamp,
};

/// Verify the signatures of one message, or of one PASSporT, step by step
///
/// Nothing is fetched: certificates come from --cert or --certs. Without --anchors no chain is trusted,
/// and the rest is looked at all the same.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Args {
    /// File with one SIP message, a value of Identity or a PASSporT; - for standard input; or the
    /// value itself
    #[arg(value_name = "FILE|-|TOKEN")]
    pub(super) subject: String,

    /// When it is verified: RFC 3339, or seconds since 1970 UTC [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) at: Option<Timestamp>,

    /// Trust anchors: a folder or a file
    #[arg(long, value_name = "PATH")]
    pub(super) anchors: Option<PathBuf>,

    /// Revocation lists: a folder or a file
    #[arg(long, value_name = "PATH")]
    pub(super) crls: Option<PathBuf>,

    /// Folder of certificates, each where its URL says: `host/path`, or `host_8443/path`
    #[arg(long, value_name = "DIR")]
    pub(super) certs: Option<PathBuf>,

    /// PEM file that is taken for what is behind every URL that may be asked
    #[arg(long, value_name = "FILE", conflicts_with = "certs")]
    pub(super) cert: Option<PathBuf>,

    /// How far from --at a PASSporT may be made [default: of the configuration, else 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) max_age: Option<std::time::Duration>,

    /// Who calls; without it, whom the message names
    #[arg(long, value_name = "NUMBER")]
    pub(super) caller: Option<String>,

    /// Who is called; without it, whom the message names
    #[arg(long, value_name = "NUMBER")]
    pub(super) called: Option<String>,

    /// ISO 3166 code of the country the numbers without + are dialled in
    #[arg(long, value_name = "CODE")]
    pub(super) country: Option<String>,

    /// Profile a message is read by: a built-in one, or one of the configuration
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,

    /// Configuration whose profiles, trunks and [stir] are used
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Trunk of the configuration that a message came from
    #[arg(
        long,
        value_name = "NAME",
        requires = "config",
        conflicts_with_all = ["profile", "country"]
    )]
    pub(super) trunk: Option<String>,
}

/// What came of it, and how.
struct Told {
    judgement: Judgement,
    steps: Vec<Value>,
}

/// Verifies to standard output.
pub(super) fn run(args: &Args, json: bool) -> anyhow::Result<()> {
    let subject = Subject::read(&args.subject)?;
    let at = match args.at {
        Some(at) => at,
        None => now()?,
    };
    let told = told(args, &subject, at)?;
    let judgement = &told.judgement;
    let record = record(&told, at);
    output::print(if json { format!("{record}\n") } else { people::text(&record) })?;
    let outcome = judgement.outcome;
    let code = match outcome.class() {
        Class::Passed => return Ok(()),
        Class::Failed => Code::Failed,
        Class::Unable => Code::Unable,
    };
    Err(Failure::say(
        code,
        format!("{}: {}: {}", outcome.class().as_str(), outcome.as_str(), outcome.cause()),
    ))
}

fn told(args: &Args, subject: &Subject, at: Timestamp) -> anyhow::Result<Told> {
    let mut config = inspect::configured(&inspect::Args {
        file: PathBuf::new(),
        profile: args.profile.clone().or_else(|| {
            // A token is read by no profile: the configuration is there for its [stir] alone.
            let alone = matches!(subject, Subject::Token(_)) && args.trunk.is_none();
            alone.then(|| crate::identity::profile::GENERIC.to_owned())
        }),
        country: args.country.clone(),
        config: args.config.clone(),
        trunk: args.trunk.clone(),
        untrusted: false,
    })?;
    let shelf = Shelf::open(args, &config)?;
    let settings = Settings {
        max_age: args.max_age.unwrap_or(config.stir.max_age),
        compare_caller: matches!(subject, Subject::Message(_)) || args.caller.is_some(),
        compare_called: matches!(subject, Subject::Message(_)) || args.called.is_some(),
    };
    let [caller, called] = [&args.caller, &args.called].map(|text| party(text.as_deref(), args));
    let watch = Watch {
        shelf,
        settings,
        caller: caller?,
        called: called?,
        at,
        told: Arc::new(Mutex::new(None)),
    };
    let told = Arc::clone(&watch.told);
    match subject {
        Subject::Token(value) => watch.verify_token(value),
        Subject::Message(message) => {
            config.stir.verify = true;
            // The pipeline asks nobody without; what trust there is the shelf knows.
            config.stir.anchors = Some(PathBuf::new());
            if inspect::record_by(message, config, Some(Box::new(watch))).is_none() {
                let what = inspect::input::what(message);
                anyhow::bail!("{}: not an INVITE: {what}", output::plain(&args.subject));
            }
        }
    }
    let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
    let none = || Told { judgement: Judgement::of(Outcome::NoIdentity), steps: Vec::new() };
    Ok(told.unwrap_or_else(none))
}

/// Verifies and remembers what was done.
struct Watch {
    shelf: Shelf,
    settings: Settings,
    caller: Option<Party<'static>>,
    called: Option<Party<'static>>,
    at: Timestamp,
    told: Arc<Mutex<Option<Told>>>,
}

impl Watch {
    fn verify_token(&self, value: &str) {
        let call = Call {
            identity: &[value.as_bytes()],
            cut: false,
            caller: None,
            called: [None, None],
            date: None,
            resource_priority: None,
            attempt: 0,
            now: self.at,
        };
        self.judge(&call);
    }

    fn judge(&self, call: &Call<'_>) -> Judgement {
        let mut call = Call { now: self.at, ..call.clone() };
        if let Some(caller) = &self.caller {
            call.caller = Some(caller.clone());
        }
        if let Some(called) = &self.called {
            call.called = [Some(called.clone()), None];
        }
        let mut steps = Vec::new();
        let mut replays = Replays::with_room_for(crate::sip::MAX_VALUES);
        let judgement =
            verify(&call, &self.shelf, &self.settings, &mut replays, &mut Writer(&mut steps));
        let told = Told { judgement: judgement.clone(), steps };
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        judgement
    }
}

impl Verifier for Watch {
    fn verify(&mut self, call: &Call<'_>, _: &Whose<'_>) -> Answer {
        Answer { judgement: Arc::new(self.judge(call)), counts: true }
    }
}

/// Writes steps down.
struct Writer<'w>(&'w mut Vec<Value>);

impl Steps for Writer<'_> {
    fn step(&mut self, step: &Step<'_>) {
        self.0.push(json!({
            "passport": step.passport,
            "step": step.name,
            "outcome": step.outcome.map(Outcome::as_str),
            "seen": output::plain(&step.seen.to_string()),
        }));
    }
}

/// All that came of it.
fn record(told: &Told, at: Timestamp) -> Value {
    let judgement = &told.judgement;
    let passports = judgement.passports.iter().zip(1..).map(|(judged, number)| {
        let steps = told.steps.iter().filter(|step| step["passport"] == number);
        let mut record = of(judged.outcome);
        for (name, value) in [
            ("ppt", json!(judged.ppt)),
            ("signer", json!(judged.signer.as_deref())),
            ("url", json!(judged.url)),
            ("iat", json!(judged.iat)),
            ("attest", json!(judged.attest)),
            ("orig", json!(judged.orig)),
            ("origid", json!(judged.origid)),
            ("name", json!(judged.name)),
            ("call_reason", json!(judged.call_reason)),
            ("priority", json!(judged.priority)),
            ("reason_header", json!(judged.reason())),
            ("steps", steps.cloned().collect()),
        ] {
            record[name] = value;
        }
        record
    });
    let mut record = of(judgement.outcome);
    record["at"] = json!(at);
    record["signer"] = json!(judgement.signer.as_deref());
    record["priority"] = json!(judgement.priority);
    record["passports"] = passports.collect();
    record
}

fn of(outcome: Outcome) -> Value {
    json!({
        "outcome": outcome.as_str(),
        "class": outcome.class().as_str(),
        "code": outcome.code(),
        "phrase": outcome.code().map(phrase),
        "cause": outcome.cause(),
        "remedy": outcome.remedy(),
    })
}

/// A number of the command line, as it is dialled in --country.
fn party(text: Option<&str>, args: &Args) -> anyhow::Result<Option<Party<'static>>> {
    let Some(text) = text else { return Ok(None) };
    let usage = |message: String| Failure::say(Code::Usage, message);
    let country = number::country(args.country.as_deref()).map_err(usage)?;
    let plan = country.map_or(ani_ebpf::dial_plan::DialPlan::NONE, |known| known.dial_plan());
    if let Some(tn) = canonical(text, &plan) {
        return Ok(Some(Party::Tn(tn.into_owned().into())));
    }
    let uri = crate::sip::Uri::read(text.as_bytes());
    if uri.scheme == crate::sip::Scheme::None {
        let text = output::plain(text);
        return Err(usage(format!(
            "`{text}` is neither a number nor a URI such as sip:a@b.example"
        )));
    }
    Ok(Some(Party::of_uri(&uri)))
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Timestamp::new(seconds, 0));
    }
    text.parse().map_err(|_| {
        format!("`{text}` is no time; write 2026-01-31T12:00:00Z, or seconds since 1970 UTC")
    })
}

fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.context("the clock stands before 1970; name a time with --at")?;
    Ok(Timestamp::default().after(since))
}

#[cfg(test)]
mod tests;
