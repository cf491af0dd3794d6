//! Files: certificates, lists of URLs, the store of a daemon that does not run.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    capture::clock::Clock,
    cli::{
        exit::{Code, Failure},
        output::plain,
    },
    stir::{
        Credential, Trust,
        cache::Listed,
        disk::{self, Kept},
        fetch::MAX_BODY,
        url,
    },
};

/// Bytes of a list of URLs.
const MAX_LIST: usize = 16 << 20;

/// A certificate and its chain as they stand in a file.
pub(super) fn certificate(file: &Path) -> anyhow::Result<Vec<u8>> {
    read(file, MAX_BODY)
}

/// The URLs of a file, one a line; empty lines and those that begin with `#` say nothing.
pub(super) fn urls(file: &Path) -> anyhow::Result<Vec<String>> {
    let bytes = read(file, MAX_LIST)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::say(Code::Usage, format_args!("{} is no text: write URLs, one a line", name(file)))
    })?;
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// What there is to show of a certificate that comes from nowhere.
pub(super) fn facts(bytes: &[u8], trust: &Trust) -> Result<Value, &'static str> {
    let credential = Credential::read(bytes, trust).map_err(|outcome| outcome.cause())?;
    Ok(json!({ "signer": &**credential.signer(), "facts": credential.facts() }))
}

/// The certificates of a store.
pub(super) fn stored(store: &Path) -> anyhow::Result<Vec<Kept>> {
    let folder = store.join(disk::FOLDER);
    let mut content = disk::read(&folder).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "; name the folder of `store.path`",
            _ => "",
        };
        say(&error, format_args!("cannot read {}: {error}{remedy}", name(&folder)))
    })?;
    for skipped in &content.skipped {
        super::warn(format_args!("left out: {skipped}"));
    }
    content.kept.sort_by(|one, other| one.url.cmp(&other.url));
    Ok(content.kept)
}

/// One of them as it is listed.
pub(super) fn entry(kept: &Kept) -> Value {
    let mut entry = json!(Listed::kept(kept, Clock::new().now()));
    let credential = Credential::read(&kept.body, &Trust::default()).ok();
    entry["signer"] = json!(credential.map(|credential| credential.signer().to_string()));
    entry
}

/// One of them as it is shown.
pub(super) fn find(store: &Path, text: &str, trust: &Trust) -> anyhow::Result<Value> {
    let refused =
        || Failure::say(Code::Usage, format_args!("`{}` is no URL of a certificate", plain(text)));
    let url = url::check(text).map_err(|_| refused())?;
    let kept = stored(store)?.into_iter().find(|kept| kept.url == url.as_str());
    let kept = kept.ok_or_else(|| {
        let place = name(store);
        Failure::say(Code::Failed, format_args!("{url} is not among the certificates of {place}"))
    })?;
    let mut shown = entry(&kept);
    let facts = facts(&kept.body, trust)
        .map_err(|cause| Failure::say(Code::Failed, format_args!("{url}: {cause}")))?;
    for key in ["signer", "facts"] {
        shown[key] = facts[key].clone();
    }
    Ok(shown)
}

fn read(file: &Path, max: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = max as u64 + 1;
    let result = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    result.map_err(|error| say(&error, format_args!("cannot read {}: {error}", name(file))))?;
    if bytes.len() > max {
        let what = format_args!("{} is larger than {} KB", name(file), max >> 10);
        return Err(Failure::say(Code::Usage, what));
    }
    Ok(bytes)
}

fn say(error: &io::Error, message: impl std::fmt::Display) -> anyhow::Error {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied => Code::NotPermitted,
        io::ErrorKind::NotFound => Code::Usage,
        _ => Code::Failed,
    };
    Failure::say(code, message)
}

fn name(path: &Path) -> String {
    plain(&path.display().to_string())
}
