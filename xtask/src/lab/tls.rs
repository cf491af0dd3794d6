//! A caller over TLS: `openssl s_client` sends one message, what the SBC answers goes to a file.
//! sipp as Debian builds it has no TLS.

use std::{
    fs::File,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context as _;

use super::{Lab, SBC_V4, mirror::TLS_PORT, process::Process};

/// A connection on which one message was sent; open until this is dropped.
#[derive(Debug)]
pub struct TlsCall {
    process: Process,
}

impl TlsCall {
    /// Connects from the first carrier and sends `message`.
    ///
    /// # Errors
    ///
    /// When `openssl` cannot be started.
    pub fn start(lab: &Lab, message: &str) -> anyhow::Result<Self> {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let name = format!("tls-{}", CALLS.fetch_add(1, Ordering::Relaxed));
        let input = lab.write(&format!("{name}.sip"), message)?;
        let input =
            File::open(&input).with_context(|| format!("cannot open {}", input.display()))?;
        let mut command = Command::new("openssl");
        // Quiet, it stays connected when the message is at its end, and takes no line of it for a
        // command.
        command.args(["s_client", "-quiet", "-connect", &format!("{SBC_V4}:{TLS_PORT}")]);
        let log = lab.path(&format!("{name}.log"));
        let process =
            Process::spawn_reading(&lab.carrier, "openssl s_client", command, input.into(), &log)?;
        Ok(Self { process })
    }

    /// The codes of the SBC's answers so far.
    pub fn answers(&self) -> Vec<u16> {
        let log = std::fs::read(self.process.log()).unwrap_or_default();
        String::from_utf8_lossy(&log)
            .lines()
            .filter_map(|line| line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok())
            .collect()
    }
}
