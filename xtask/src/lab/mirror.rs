//! What makes kamailio take TLS and mirror by HEP what comes over it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};

use super::{Lab, SBC_V4, sbc::SIP_PORT};
use crate::command;

/// Port the SBC takes SIP over TLS on.
pub const TLS_PORT: u16 = 5061;

/// Where the mirrored messages go, in the SBC's namespace.
pub const HEP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9060);

/// What the mirror authenticates with.
pub const KEY: &str = "lab-secret";

/// How the messages are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A datagram each.
    Udp,
    /// One connection.
    Tcp,
}

/// A certificate, and where messages go.
#[derive(Debug)]
pub struct Mirror {
    over: Over,
    certificate: PathBuf,
    key: PathBuf,
}

impl Mirror {
    /// Makes a certificate that signs itself.
    ///
    /// # Errors
    ///
    /// When `openssl` cannot make it.
    pub fn new(lab: &Lab, over: Over) -> anyhow::Result<Self> {
        let (certificate, key) = (lab.path("certificate.pem"), lab.path("key.pem"));
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "1"])
            .args(["-subj", "/CN=sbc.example", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        command::output(&mut openssl)?;
        Ok(Self { over, certificate, key })
    }

    /// kamailio's global parameters.
    pub(super) fn globals(&self) -> String {
        format!("listen=tls:{SBC_V4}:{TLS_PORT}\nenable_tls=yes\n")
    }

    /// kamailio's modules and their parameters.
    pub(super) fn modules(&self) -> String {
        let transport = match self.over {
            Over::Udp => "udp",
            Over::Tcp => "tcp",
        };
        format!(
            r#"
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{}")
modparam("tls", "private_key", "{}")

loadmodule "siptrace.so"
modparam("siptrace", "duplicate_uri", "sip:{HEP};transport={transport}")
modparam("siptrace", "send_sock_addr", "sip:127.0.0.1:{SIP_PORT}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "auth_key", "{KEY}")
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_to_database", 0)
"#,
            self.certificate.display(),
            self.key.display(),
        )
    }

    /// What stands first in kamailio's route.
    pub(super) fn route(&self) -> &'static str {
        r#"if (is_method("INVITE") && $proto == "tls") sip_trace();"#
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_readme_shows_what_the_lab_does() {
        let readme = workspace::root().join("README.md");
        let readme = std::fs::read_to_string(readme).expect("README.md");
        let mirror = Mirror { over: Over::Udp, certificate: "".into(), key: "".into() };
        let modules = mirror.modules().replace(KEY, "a secret of your own");
        let lines: Vec<_> = modules.lines().filter(|line| line.contains("siptrace")).collect();
        assert_eq!(lines.len(), 8);
        for line in lines.into_iter().chain([mirror.route()]) {
            assert!(readme.lines().any(|shown| shown == line), "{line}");
        }
    }
}
