//! Through captures, INVITE by INVITE.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use crate::{
    cli::{
        exit::{Code, Failure},
        replay,
    },
    config::Config,
    invite::Invite,
};

/// Hands out each INVITE of the files; what is wrong with a file goes to standard error and the rest
/// goes on. The error afterwards says that it was not all.
pub(super) struct Read {
    files: usize,
    failed: u64,
}

pub(super) fn each(
    files: &[PathBuf],
    config: Config,
    each: &mut dyn FnMut(&Invite<'_>),
) -> anyhow::Result<Read> {
    let mut errors = io::stderr();
    let summary = replay::each_invite(files, config, &mut errors, each)?;
    errors.flush()?;
    Ok(Read { files: files.len(), failed: summary.failed_files })
}

impl Read {
    /// An error when a file could not be read to its end.
    pub(super) fn whole(&self) -> anyhow::Result<()> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::say(
                Code::Failed,
                format_args!("{failed} of {} files could not be read to the end", self.files),
            )),
        }
    }
}
