//! `ani detach`: takes off what a daemon left on the interfaces.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure},
    load_config, output,
};
use crate::{
    config::{Config, DEFAULT_FILE},
    kernel::pins::{Folder, Refused, TakenOff},
};

/// Takes the program off all interfaces and removes all that is kept of it: links, programs, maps
///
/// For after the daemon has ended, which leaves them at work (capture.on_exit): lists and limits end, and
/// calls go on as if there were no ani. Refused while the daemon runs. Where nothing is kept, nothing is
/// done.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration that says where it is kept
    #[arg(long, default_value = DEFAULT_FILE, value_name = "FILE")]
    config: PathBuf,
    /// Where it is kept, whatever the configuration says
    #[arg(long, value_name = "FOLDER")]
    pin: Option<PathBuf>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let Some(path) = folder(args)? else {
        return Err(Failure::say(
            Code::Usage,
            format_args!(
                "{}: capture.pin is empty: nothing is kept; name a folder with --pin",
                args.config.display()
            ),
        ));
    };
    let taken = match Folder::existing(&path).map_err(refused)? {
        Some(folder) => take_off(folder).map_err(denied)?,
        None => TakenOff::default(),
    };
    if globals.json {
        let TakenOff { interfaces, generations } = &taken;
        let document = json!({ "pin": path, "interfaces": interfaces, "generations": generations });
        return output::print(format!("{document}\n"));
    }
    output::print(match (&taken.interfaces[..], taken.generations) {
        ([], 0) => format!("nothing is kept in {}\n", path.display()),
        ([], _) => format!("removed what was kept in {}; it was on no interface\n", path.display()),
        (names, _) => format!("taken off {}: calls go on without ani\n", names.join(", ")),
    })
}

/// Where it is kept: what is asked for, what the configuration says, or where there is none the usual
/// place.
fn folder(args: &Args) -> anyhow::Result<Option<PathBuf>> {
    if args.pin.is_some() {
        return Ok(args.pin.clone());
    }
    let config = if args.config == Path::new(DEFAULT_FILE) && !args.config.exists() {
        Config::default()
    } else {
        load_config(&args.config)?
    };
    Ok(config.capture.pin)
}

fn take_off(folder: Folder) -> anyhow::Result<TakenOff> {
    let taken = folder.clear()?;
    // One that belongs to another user was made for the daemon, who could not make it again.
    let path = folder.path().to_path_buf();
    let own = std::fs::metadata(&path)?.uid() == std::fs::metadata("/proc/self")?.uid();
    if own {
        // What else stands there is somebody else's, and so may be where the folder is.
        let _stays = folder.remove();
    }
    Ok(taken)
}

fn refused(refused: Refused) -> anyhow::Error {
    match refused {
        Refused::Unusable(error) => denied(error),
        held @ Refused::Held { .. } => Failure::new(Code::Failed, held).into(),
    }
}

/// Not permitted is an exit code of its own.
fn denied(error: anyhow::Error) -> anyhow::Error {
    let is_denied = error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(io::ErrorKind::PermissionDenied)
    });
    if is_denied { Failure::new(Code::NotPermitted, error).into() } else { error }
}
