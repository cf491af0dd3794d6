//! Exit codes and the errors that carry them.

use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

/// What the exit code of `ani` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The daemon is not reachable.
    Unreachable = 3,
    /// Not permitted.
    NotPermitted = 4,
    /// It could not be found out.
    Unable = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error that knows its exit code; any other error is [`Code::Failed`].
#[derive(Debug)]
pub struct Failure {
    code: Code,
    source: anyhow::Error,
}

impl Failure {
    /// An error with an exit code.
    pub fn new(code: Code, source: impl Into<anyhow::Error>) -> Self {
        Self { code, source: source.into() }
    }

    /// A sentence with an exit code, as an error.
    pub fn say(code: Code, message: impl fmt::Display) -> anyhow::Error {
        Self::new(code, anyhow::anyhow!("{message}")).into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// The exit code of an error, whatever context was put around it.
pub fn code(error: &anyhow::Error) -> Code {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map_or(Code::Failed, |failure| failure.code)
}

/// Whether whoever read our output closed it: that is no error.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Says on standard error what went wrong.
pub(super) fn complain(error: &anyhow::Error) {
    // Where standard error is closed nobody listens.
    let _ = writeln!(io::stderr(), "ani: {error:#}");
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_code_is_found_behind_context() {
        let error = Err::<(), _>(Failure::say(Code::Unreachable, "no daemon"))
            .context("while asking")
            .expect_err("an error");
        assert_eq!(code(&error), Code::Unreachable);
        assert_eq!(format!("{error:#}"), "while asking: no daemon");
        assert_eq!(code(&anyhow::anyhow!("else")), Code::Failed);
    }

    #[test]
    fn a_broken_pipe_is_known_from_other_errors() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("out");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::NotFound).into()));
    }
}
