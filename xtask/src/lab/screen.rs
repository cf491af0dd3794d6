//! What makes kamailio stop callers by itself, in a table of its own, and say what it has handled.

use std::{fmt::Write as _, path::PathBuf, process::Command};

use anyhow::Context as _;

use super::Lab;
use crate::command;

/// What counts the INVITEs it received.
const INVITES: &str = "rcv_requests_invite";

/// Callers, and where kamailio is asked.
#[derive(Debug)]
pub struct Screen {
    callers: Vec<String>,
    control: PathBuf,
}

impl Screen {
    /// What stands first in kamailio's route.
    pub(super) const ROUTE: &str =
        r#"if (is_method("INVITE") && $sht(stopped=>$fU) != $null) drop;"#;

    /// Its faster allocators: the default ones cost it twice as much.
    pub(super) const ARGUMENTS: &[&str] = &["-x", "fm", "-X", "fm"];

    /// Callers as From gives them.
    pub fn new(lab: &Lab, callers: &[&str]) -> Self {
        let callers = callers.iter().map(|caller| (*caller).to_owned()).collect();
        Self { callers, control: lab.path("kamailio.ctl") }
    }

    /// INVITEs kamailio has received, by its own count.
    ///
    /// # Errors
    ///
    /// When it does not say.
    pub fn invites(&self) -> anyhow::Result<u64> {
        let mut ask = Command::new("kamcmd");
        ask.arg("-s").arg(format!("unix:{}", self.control.display()));
        let said = command::output(ask.args(["stats.get_statistics", INVITES]))?;
        let count = said.rsplit('=').next().and_then(|count| count.trim().parse().ok());
        count.with_context(|| format!("kamailio says `{}` of its INVITEs", said.trim()))
    }

    /// kamailio's modules and their parameters.
    pub(super) fn modules(&self) -> String {
        let mut text = format!(
            r#"
loadmodule "htable.so"
modparam("htable", "htable", "stopped=>size=10;")

loadmodule "kex.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:{}")

event_route[htable:mod-init] {{
"#,
            self.control.display()
        );
        for caller in &self.callers {
            // A `String` takes all that is written to it.
            let _infallible = writeln!(text, "    $sht(stopped=>{caller}) = 1;");
        }
        text + "}\n"
    }
}
